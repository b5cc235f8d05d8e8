# SPDX-License-Identifier: BSD-3-Clause
"""Another client programs the dataplane as fast as it takes, beside calls that talk."""

import json
import os
import subprocess

from world.lab import wait_until
from world.suite import equal, hang_up, test, wait_talking

CALLS = 200  # the lab has media ports for 512
ROUNDS = 1000


def programming(lab):
    """Starts the benchmark that puts calls in and takes them out."""
    program = os.path.join(os.path.realpath(lab.bin_dir), "..", "bench", "programming")
    return subprocess.Popen([program, "--socket", f"{lab.run_dir}/dataplane.sock",
                             "--calls", str(CALLS), "--rounds", str(ROUNDS)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


@test(timeout=90)
def programming_at_full_speed_costs_calls_nothing(world):
    lab = world.lab
    outgoing, incoming = world.call()
    sides = [(side, len(side.media.received)) for side in (outgoing, incoming)]
    client = programming(lab)
    output, _ = client.communicate(timeout=60)
    equal(client.returncode, 0, "exit status")
    figures = {f["figure"]: f for f in map(json.loads, output.splitlines())}
    assert figures["commands_set_up"]["runs"] == ROUNDS, output
    equal(figures["commands_set_up"]["goal"], "value >= 200000", "goal")
    assert figures["programming_growth"]["ok"], output
    assert figures["read_back"]["ok"], output
    wait_talking(outgoing, incoming, packets=20)
    for side, before in sides:
        equal(side.media.lost(before), 0, f"packets that {side.agent.user} missed")
    equal(len(lab.show("terminations")), 2, "terminations of others were left alone")
    hang_up(outgoing, incoming)
    wait_until(lambda: not lab.leftovers(), 5, "nothing is left")
