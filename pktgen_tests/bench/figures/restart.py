# SPDX-License-Identifier: BSD-3-Clause
"""A restart of the control plane with 100,000 calls up: restart_100k does it."""

import json
import os

from rig.process import Process, ProcessError
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
        bench.add_line(line, "control_")
