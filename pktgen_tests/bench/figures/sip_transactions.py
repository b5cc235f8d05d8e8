# SPDX-License-Identifier: BSD-3-Clause
"""Transactions through a network in the process: nanoseconds for both ends, and what is kept."""

import json

from rig import machine
from rig.process import run
from rig.result import Figure
from rig.suite import benchmark

GOALS = {"sip_transaction_allocated_again": "value <= 0"}
NOTES = {"sip_transaction_ns": "OPTIONS and its 200, both ends",
         "sip_invite_transaction_ns": "INVITE, 180, 200, both ends"}


def measure(bench):
    """One run of sip_transactions; its figures by name."""
    output = run([bench.program("sip_transactions"), "-r", "10" if bench.quick else "50",
                  "-l", str(bench.cores.dut)], 120, bench.path("sip_transactions.log"),
                 "sip_transactions")
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {line["figure"]: line for line in lines}


@benchmark("sip-transactions", "nanoseconds a transaction takes, bytes it leaves", group="sip",
           timeout=300)
def sip_transactions(bench):
    quiet = machine.Disturbance()
    runs = [measure(bench) for _ in range(bench.runs)]
    for name, line in runs[0].items():
        floors = [r[name]["floor"] for r in runs] if "floor" in line else None
        note = line.get("note") or f"{NOTES[name]}; median {line['median']:g}"
        figure = Figure(name, [r[name]["value"] for r in runs], line["unit"],
                        "the same messages copied" if floors else None, floors,
                        GOALS.get(name), note)
        figure.remark(quiet.text())
        bench.add(figure)
