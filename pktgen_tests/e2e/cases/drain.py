# SPDX-License-Identifier: BSD-3-Clause
"""Taking Tandem out of service without losing a call."""

import json

from world.suite import equal, hang_up, test, wait_talking


@test()
def a_drain_takes_no_new_call_and_loses_none(world):
    outgoing, incoming = world.call()
    equal(json.loads(world.lab.ctl("drain", "--json")), {"calls": 1}, "calls left")
    equal(world.lab.show("version")["controlplane"]["state"], "draining", "state")
    refused = outgoing.agent.invite("bob").wait_failure()
    equal(refused.status, 503, "new call while draining")
    assert refused.get("retry-after"), f"Retry-After in {refused}"
    wait_talking(outgoing, incoming, packets=25)
    hang_up(outgoing, incoming)
    equal(json.loads(world.lab.ctl("drain", "--wait", "10", "--json")), {"calls": 0}, "calls left")
    world.lab.ctl("resume")
    again, other = world.call()
    hang_up(again, other)
