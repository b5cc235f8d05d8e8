# SPDX-License-Identifier: BSD-3-Clause
"""The relay's graph without a network: cycles per packet and node, for flows in random order."""

import json

from rig import machine
from rig.process import run
from rig.result import Figure
from rig.suite import benchmark

FLOWS = (2000, 20000, 200000)
GOAL_FLOWS = 200000
GOAL_CYCLES = 130
GOAL_BYTES = 128


def measure(bench, flows, rounds):
    """One run of relay_cycles; its figures by name."""
    output = run([bench.program("relay_cycles"), "-n", str(flows), "-r", str(rounds),
                  "-l", str(bench.cores.dut)],
                 240, bench.path(f"relay_cycles-{flows}.log"), "relay_cycles")
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {line["figure"]: line for line in lines}


def whole_graph(figures):
    """Name of the figure that has a floor: all that lies between rx and tx."""
    return next(name for name, line in figures.items() if line.get("against"))


@benchmark("relay-cycles", "cycles per packet and node in the relay's graph, rx and tx excluded",
           timeout=1500)
def relay_cycles(bench):
    bytes_line = None
    for flows in FLOWS[:1] if bench.quick else FLOWS:
        quiet = machine.Disturbance()
        runs = [measure(bench, flows, 3 if bench.quick else 15) for _ in range(bench.runs)]
        whole = whole_graph(runs[0])
        for name, line in runs[0].items():
            if line["unit"] == "bytes":
                bytes_line = line
                continue
            bench.add(figure_of(runs, name, whole, flows, quiet))
    if bytes_line:
        bench.add(Figure("relay_hot_bytes_per_flow", [bytes_line["value"]], "bytes",
                         goal=f"value <= {GOAL_BYTES}", note=bytes_line["note"]))


def figure_of(runs, name, whole, flows, quiet):
    values = [r[name]["value"] for r in runs]
    lowest = min(r[name]["min"] for r in runs)
    note = f"{runs[0][name]['note']}; lowest {lowest:g}"
    if name != whole:
        return Figure(name, values, "cycles", note=note)
    goal = f"value <= {GOAL_CYCLES}" if flows == GOAL_FLOWS else None
    figure = Figure(name, values, "cycles", runs[0][name]["against"],
                    [r[name]["against_value"] for r in runs], goal, note)
    figure.remark(quiet.text())
    return figure
