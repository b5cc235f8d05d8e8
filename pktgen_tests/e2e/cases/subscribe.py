# SPDX-License-Identifier: BSD-3-Clause
"""Events and REFER of the SIP library, with sipp as the other side; no call and no Tandem between."""

import os
import subprocess

from world.lab import ADDRESSES, TOP
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


@test()
def what_is_published_reaches_who_subscribed(world):
    with_agent(world, "uac_events")


@test()
def a_refer_is_told_how_it_goes(world):
    with_agent(world, "uac_refer")
