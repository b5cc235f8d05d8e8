# SPDX-License-Identifier: BSD-3-Clause
"""What is over a configured limit is refused with 503, and counts no more once it has ended."""

from world.suite import answer_both, equal, hang_up, test, wait_talking


def answered(caller, callee, target):
    outgoing = caller.invite(target)
    incoming = callee.incoming()
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    return outgoing, incoming


@test(restarts=True, timeout=60)
def more_calls_than_allowed_are_refused(world):
    with world.configured("calls:\n", "calls:\n  calls_max: 1\n"):
        alice, bob, carrol = (world.registered(u) for u in ("alice", "bob", "carrol"))
        for _ in range(2):
            outgoing, incoming = answered(alice, bob, "bob")
            refused = carrol.invite("bob").wait_failure()
            equal(refused.status, 503, "the second call")
            assert int(refused.get("retry-after")) > 0, refused
            hang_up(outgoing, incoming)
            world.lab.wait_idle()
        world.close()


@test(restarts=True, timeout=60)
def more_calls_than_a_trunk_takes_are_refused(world):
    with world.configured("    prefix: \"9\"\n", "    prefix: \"9\"\n    calls_max: 1\n"):
        alice, carrol, carrier = world.registered("alice"), world.registered("carrol"), world.trunk()
        for _ in range(2):
            outgoing, incoming = answered(alice, carrier, "9123")
            equal(carrol.invite("9124").wait_failure().status, 503, "the second call out")
            equal(carrier.invite("carrol").wait_failure().status, 503, "a call in")
            hang_up(outgoing, incoming)
            world.lab.wait_idle()
        world.close()


@test(timeout=40, ids=("SD6",))
def a_trunk_that_does_not_answer_is_408(world):
    """Nobody listens at the carrier's port."""
    alice = world.registered("alice")
    outgoing = alice.invite("9123")
    assert outgoing.wait_failure(30).status in (408, 503)
    world.lab.wait_idle(40)
