# SPDX-License-Identifier: BSD-3-Clause
"""Several receive queues: packets reach the worker that owns their flow, wherever they land."""

from world.lab import wait_until
from world.suite import connect, equal, hang_up, test, wait_talking

CALLS = 6


@test(restarts=True, timeout=120)
def packets_that_land_on_another_worker_are_handed_over(world):
    """Which queue a source comes by is the kernel's choice: of 12, some come by the wrong one."""
    lab = world.lab
    with world.configured("  workers: 1\n", "  workers: 2\n", dataplane=True):
        alice, bob = world.registered("alice"), world.registered("bob")
        calls = [connect(alice, bob) for _ in range(CALLS)]
        equal([w["flows"] for w in lab.show("workers")], [CALLS, CALLS], "flows of each")
        for outgoing, incoming in calls:
            wait_talking(outgoing, incoming, packets=50)
        workers = lab.show("workers")
        assert all(w["packets"] > 100 for w in workers), workers
        for outgoing, incoming in calls:
            hang_up(outgoing, incoming)

        def settled():
            rows = lab.show("workers")
            given, taken = (sum(w[key] for w in rows) for key in ("given", "taken"))
            return given == taken > 100
        wait_until(settled, 5, "all that was given is taken")
        equal(sum(d["packets"] for d in lab.show("drops") if d["reason"] == "handover-full"), 0,
              "lost on the way")
        world.close()
