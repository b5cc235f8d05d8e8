# SPDX-License-Identifier: BSD-3-Clause
"""Events with sipp as the other side: those of Tandem, and of the SIP library alone with any package."""

import os
import subprocess

from world.lab import ADDRESSES, TOP, wait_until
from world.suite import equal, test

AGENT = os.path.join(TOP, "build", "release", "bench", "sip_agent")
PORT = 5090


def with_agent(world, scenario):
    """Runs a scenario of sipp against the agent."""
    agent = world.lab.popen("bob", AGENT, ADDRESSES["bob"], str(PORT), stdout=subprocess.DEVNULL)
    try:
        caller = world.sipp("carrier", scenario, "-s", "paris", "-m", "1",
                            target=f"{ADDRESSES['bob']}:{PORT}", port=5091)
        equal(caller.wait(30), 0, f"exit status of sipp\n{caller.errors()}")
        equal(caller.successful, 1, "calls")
    finally:
        agent.terminate()
        agent.wait()


@test(ids=("PM1",))
def what_is_published_reaches_who_subscribed(world):
    with_agent(world, "uac_events")


@test(ids=("TR1", "TR3"))
def a_refer_is_told_how_it_goes(world):
    with_agent(world, "uac_refer")


@test(ids=("PM1",))
def a_user_subscribes_to_her_registrations(world):
    """With several shards the phone registers with one, and the subscription lives in another."""
    alice = world.agent("alice")
    watcher = world.sipp("alice", "uac_reg", "-m", "1", target="198.18.0.10:5060", port=5080)
    wait_until(lambda: watcher.current or watcher.process.poll() is not None, 5, "sipp subscribes")
    equal(alice.register().status, 200, "REGISTER")
    equal(watcher.wait(20), 0, f"exit status of sipp\n{watcher.errors()}")
