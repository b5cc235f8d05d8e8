# SPDX-License-Identifier: BSD-3-Clause
"""A hundred calls at a time, with RTP."""

from world.lab import Timeout, wait_until
from world.suite import equal, test

CALLS = 100
RATE = 20  # calls per second
TALK_MS = 8000
DROPS_ALLOWED = {"no-flow"}  # RTP that is still under way when its call has ended


def switch_counters(world):
    """Packets that the switch sent to Tandem's port, and got from it."""
    base = "/sys/class/net/tandem/statistics/"
    read = world.lab.run("switch", "cat", base + "tx_packets", base + "rx_packets").stdout.split()
    return int(read[0]), int(read[1])


def port_counters(world):
    port = world.lab.show("ports")[0]
    return port["rx_packets"], port["tx_packets"], port["rx_missed"], port["tx_dropped"]


def settled_counters(world):
    """Both, read when nothing moves: the dataplane publishes its counters a few times a second."""
    last = []

    def settled():
        last.append((port_counters(world), switch_counters(world)))
        return len(last) > 1 and last[-1] == last[-2]
    wait_until(settled, 10, "the counters stand still", 0.5)
    return last[-1]


def drops(world):
    return {d["reason"]: d["packets"] for d in world.lab.show("drops")}


def check_terminations(world):
    """What came in on one side of each call went out on the other."""
    contexts = {}
    for termination in world.lab.show("terminations"):
        contexts.setdefault(termination["context"], []).append(termination)
    for pair in contexts.values():
        equal(len(pair), 2, "terminations of a context")
        for one, other in (pair, pair[::-1]):
            # Read while packets pass: one or two may be between the two counters.
            assert abs(one["rx_packets"] - other["tx_packets"]) <= 2, (one, other)
            equal(one["lost"], 0, "packets lost before the port")
            equal(one["dropped"], 0, "packets dropped")
    return len(contexts)


def all_talk(world):
    return all(t["rx_packets"] > 0 for t in world.lab.show("terminations"))


def leave_a_registration(world, user, port):
    """Registers from this port and leaves the port to somebody else."""
    agent = world.agent(user, port=port)
    equal(agent.register().status, 200, "REGISTER")
    agent.abandon()


def deltas(now, before):
    return tuple(a - b for a, b in zip(now, before))


@test(timeout=120, ids=("SD9",))
def a_hundred_calls_with_rtp(world):
    """sipp to sipp at 20 calls a second; each packet that reached the port went out again."""
    lab = world.lab
    leave_a_registration(world, "bob", 5070)
    lab.wait_idle()
    port, wire = settled_counters(world)
    dropped = drops(world)

    callee = world.sipp("bob", "uas_talk", port=5070)
    caller = world.sipp("carrier", "uac_talk", "-s", "bob", "-r", str(RATE), "-m", str(CALLS),
                        "-l", str(CALLS), "-d", str(TALK_MS), target="198.18.0.10:5060")
    wait_until(lambda: len([c for c in lab.show("calls") if c["state"] == "answered"]) == CALLS,
               30, f"{CALLS} calls are answered at once", 0.2)
    wait_until(lambda: all_talk(world), 5, "RTP comes from both sides of each call")
    equal(check_terminations(world), CALLS, "contexts")
    equal(caller.wait(60), 0, f"exit status of sipp\n{caller.errors()}")
    equal((caller.successful, caller.failed), (CALLS, 0), "calls of the caller")
    equal(callee.failed, 0, "failed calls of the callee")
    lab.wait_idle()

    lost = {r: n - dropped.get(r, 0) for r, n in drops(world).items() if n != dropped.get(r, 0)}
    unexpected = {r: n for r, n in lost.items() if r not in DROPS_ALLOWED}
    equal(unexpected, {}, "drops")

    def difference():
        received, sent, missed, unsent = deltas(port_counters(world), port)
        to_tandem, from_tandem = deltas(switch_counters(world), wire)
        return {"rx_missed": missed, "tx_dropped": unsent, "not received": to_tandem - received,
                "not on the wire": sent - from_tandem}

    try:
        wait_until(lambda: not any(difference().values()), 5, "")
    except Timeout:
        raise AssertionError(f"port and wire do not agree: {difference()}, "
                             f"port {deltas(port_counters(world), port)}") from None
    callee.close()
    world.agent("bob").register(expires=0, contacts=["*"])


@test(timeout=90)
def ten_calls_out_through_the_trunk_with_digest(world):
    """sipp answers the challenge of each call, and the carrier's sipp answers the call."""
    callee = world.sipp("carrier", "uas_talk", port=5060)
    caller = world.sipp("alice", "uac_digest", "-s", "9123", "-r", "5", "-m", "10",
                        "-d", "2000", target="198.18.0.10:5060", port=5080)
    equal(caller.wait(40), 0, f"exit status of sipp\n{caller.errors()}")
    equal((caller.successful, caller.failed, callee.failed), (10, 0, 0), "calls")
