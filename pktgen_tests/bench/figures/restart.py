# SPDX-License-Identifier: BSD-3-Clause
"""A restart of the control plane with 100,000 calls up: restart_100k does it."""

import json
import os

from rig.process import Process, ProcessError
from rig.result import Figure
from rig.suite import benchmark

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "restart_100k")


@benchmark("control-restart", "control plane restarted with 100,000 calls up", group="scale",
           timeout=900)
def control_restart(bench):
    bench.program("restart_calls")
    calls = 200 if bench.quick else 100000
    process = Process("restart_100k",
                      [PROGRAM, "--calls", str(calls), "--runs", str(bench.runs)],
                      bench.path("restart_100k.log"))
    status = process.wait_end(800)
    lines = [json.loads(line) for line in process.output().splitlines() if line.startswith("{")]
    process.stop()
    # Status 1 with figures is a goal that was missed, and they say which.
    if not lines:
        raise ProcessError(f"restart_100k ended with status {status}:\n{process.output()}")
    for line in lines:
        goal = f"value <= {line['goal']}" if line["goal"] is not None else None
        figure = Figure(f"control_{line['figure']}", [line["value"]], line["unit"], goal=goal,
                        note=line["note"])
        figure.remark(f"{line['runs']} runs, from {line['spread'][0]:g} to {line['spread'][1]:g}")
        bench.add(figure)
