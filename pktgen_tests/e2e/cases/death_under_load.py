# SPDX-License-Identifier: BSD-3-Clause
"""Either process dies while there are many calls."""

import os
import signal

from cases.load import leave_a_registration
from world.lab import wait_until
from world.suite import equal, test

CALLS = 60
TALK_MS = 20000


def kill_and_wait(lab, process):
    old = lab.pid(process)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: lab.pid(process) not in (None, old), 10, f"{process} is started again")
    lab.wait_ready()


def media(lab):
    """Local ports and their calls, as the dataplane has them."""
    return sorted((t["local_port"], t["call"], t["side"]) for t in lab.show("terminations"))


@test(timeout=120, restarts=True)
def sixty_calls_outlive_the_death_of_either_process(world):
    lab = world.lab
    leave_a_registration(world, "bob", 5070)
    lab.wait_idle()
    callee = world.sipp("bob", "uas_talk", port=5070)
    caller = world.sipp("carrier", "uac_talk", "-s", "bob", "-r", "20", "-m", str(CALLS),
                        "-l", str(CALLS), "-d", str(TALK_MS), target="198.18.0.10:5060")

    def answered():
        return len([c for c in lab.show("calls") if c["state"] == "answered"]) == CALLS
    wait_until(answered, 30, f"{CALLS} calls are answered", 0.2)
    before = media(lab)
    equal(len(before), 2 * CALLS, "terminations")

    kill_and_wait(lab, "controlplane")
    wait_until(answered, 10, "the calls are taken up again", 0.2)
    equal(media(lab), before, "terminations after the death of the control plane")

    kill_and_wait(lab, "dataplane")
    wait_until(lambda: media(lab) == before, 10, "all media is programmed again", 0.2)
    wait_until(lambda: all(t["rx_packets"] > 0 for t in lab.show("terminations")), 10,
               "media flows again", 0.2)

    equal(caller.wait(60), 0, f"exit status of sipp\n{caller.errors()}")
    equal((caller.successful, caller.failed), (CALLS, 0), "calls of the caller")
    equal(callee.failed, 0, "failed calls of the callee")
    lab.wait_idle()
    callee.close()
    world.agent("bob").register(expires=0, contacts=["*"])
