# SPDX-License-Identifier: BSD-3-Clause
"""Messages without a network: parsed, touched, built; nanoseconds a message, next to the floor."""

import json

from rig import machine
from rig.process import run
from rig.result import Figure
from rig.suite import benchmark

GOALS = {"sip_index_ns": "value <= 500", "sip_touch_ns": "value <= 1500",
         "sip_message_allocations": "value <= 0"}
# These have the same bytes as the floor.
OF_THE_INVITE = ("sip_index_ns", "sip_parse_ns", "sip_touch_ns")


def measure(bench):
    """One run of sip_parse; its figures by name."""
    output = run([bench.program("sip_parse"), "-r", "20" if bench.quick else "100",
                  "-l", str(bench.cores.dut)], 120, bench.path("sip_parse.log"), "sip_parse")
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {line["figure"]: line for line in lines}


@benchmark("sip-messages", "nanoseconds to parse, touch and build messages", group="sip",
           timeout=300)
def sip_messages(bench):
    quiet = machine.Disturbance()
    runs = [measure(bench) for _ in range(bench.runs)]
    floors = [r["sip_floor_ns"]["value"] for r in runs]
    for name, line in runs[0].items():
        note = line["note"]
        if line.get("bytes"):
            note += f", {line['bytes']} bytes"
        if "median" in line:
            note += f"; lowest of the rounds, median {line['median']:g}"
        against = name in OF_THE_INVITE
        figure = Figure(name, [r[name]["value"] for r in runs], line["unit"],
                        "memcpy and memchr" if against else None, floors if against else None,
                        GOALS.get(name), note)
        figure.remark(quiet.text())
        bench.add(figure)
