# SPDX-License-Identifier: BSD-3-Clause
"""Trunks by name (RFC 3263): NAPTR and SRV of a real name server, and what a target's silence or
503 leads to."""

from world.lab import ADDRESSES, wait_until
from world.suite import connect, equal, hang_up, test

ZONE = f"""\
@           60 NAPTR 10 0 "s" "SIP+D2U" "" _sip._udp.carrier
@           60 NAPTR 20 0 "s" "SIPS+D2T" "" _sips._tcp.carrier
_sip._udp.carrier 60 SRV 10 0 5060 a
_sip._udp.carrier 60 SRV 20 0 5070 b
_sip._udp.carrier 60 SRV 30 0 5080 c
_sip._udp.spread  60 SRV 1 90 5060 a
_sip._udp.spread  60 SRV 1 10 5080 c
a           60 A {ADDRESSES["carrier"]}
b           60 A {ADDRESSES["bob"]}
c           60 A {ADDRESSES["carrol"]}
"""
CHANGES = (
    ('    prefix: "9"\n', '    prefix: "9"\n    uri: "sip:carrier.test"\n'
     '  - {name: spread, uri: "sip:spread.carrier.test", prefix: "8"}\n'),
)
DNS = f"  dns: {{servers: [{ADDRESSES['carrol']}], failover_ms: 700, timeout_ms: 500}}\n"


def refused_by(target, caller, number, status, *headers):
    """A call that the target turns down; (INVITE of the target, call of the caller)."""
    call = caller.invite(number)
    invite = target.expect("INVITE")
    target.reply(invite, status, headers=headers)
    target.expect("ACK", call_id=invite.call_id)
    return invite, call


def spread(caller, *targets):
    """A call to the trunk with weights; the target that had it."""
    call = caller.invite("8001")
    target = wait_until(lambda: next((t for t in targets if t.requests), None), 5, "a target")
    invite = target.expect("INVITE")
    target.reply(invite, 486)
    target.expect("ACK", call_id=invite.call_id)
    equal(call.wait_failure().status, 486, "refusal")
    return target


@test(restarts=True, timeout=120, ids=("SD14",))
def a_trunk_by_name_goes_to_its_targets_in_turn(world):
    world.name_server("carrol", "carrier.test", ZONE)
    with world.configured("  domains: [tandem.lab]\n",
                          "  domains: [tandem.lab]\n" + DNS, more=CHANGES):
        alice = world.registered("alice")
        # Where names lead are peers, before the first call goes there.
        for host in ("bob", "carrol"):
            wait_until(lambda h=host: world.lab.ctl_raw("ban", ADDRESSES[h], "--seconds",
                                                        "1").returncode == 1,
                       5, f"{host} is known as a target of the trunk")
        first = world.agent("carrier", port=5060, trunk=True)
        second = world.agent("carrier", host="bob", port=5070, trunk=True)
        third = world.agent("carrier", host="carrol", port=5080, trunk=True)

        # Weights 90 and 10: of 12 calls fewer than 5 to the first are one in 200,000.
        equal(sum(spread(alice, first, third) is first for _ in range(12)) >= 5, True,
              "most calls go to the heavy one")

        # 503: the next one has the call, and requests in it go to the name in its Contact.
        second.contact = "sip:carrier@b.carrier.test:5070"
        invite, outgoing = refused_by(first, alice, "9001", 503, ("retry-after", "60"))
        incoming = second.incoming()
        assert incoming.invite.call_id == invite.call_id, "the same request"
        assert incoming.invite.branch != invite.branch, "by a transaction of its own"
        incoming.ring()
        outgoing.wait_status(180)
        incoming.answer()
        outgoing.wait_answer()
        hang_up(outgoing, incoming)
        world.lab.wait_idle()

        # For as long as the first has asked for, nobody bothers it.
        outgoing, incoming = connect(alice, second, target="9002")
        hang_up(outgoing, incoming)
        world.lab.wait_idle()
        equal(first.requests, [], "requests to the one that is busy")

        # Silence: the last one, and the dead one is not waited for again.
        second.abandon()
        outgoing, incoming = connect(alice, third, target="9003")
        hang_up(outgoing, incoming)
        world.lab.wait_idle()
        invite, call = refused_by(third, alice, "9004", 486)
        equal(call.wait_failure().status, 486, "what the target said")

        counts = {row["counter"]: row["value"] for row in world.lab.show("sip")}
        equal((counts["targets.busy"], counts["targets.dead"]), (1, 1), "targets left")
        equal(counts["failed_over"] >= 2, True, "requests that went on")
        world.close()
