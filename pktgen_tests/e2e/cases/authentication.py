# SPDX-License-Identifier: BSD-3-Clause
"""Digests in both roles and the way to a phone, with Kamailio as a carrier that challenges and as
an edge proxy."""

from world.kamailio import CARRIER, EDGE
from world.lab import ADDRESSES, DOMAIN, SIP_ADDRESS, wait_until
from world.suite import answer_both, equal, hang_up, test, wait_talking

CALLEE_PORT = 5070
EDGE_PORT = 5066
TRUNK = ("    prefix: \"9\"\n", "    prefix: \"9\"\n    username: tandem\n    password: trunk-secret\n"
         "    register_s: 600\n")


def trunk_state(world):
    return next(t["state"] for t in world.lab.show("trunks") if t["name"] == "carrier")


def carrier(world, password):
    return world.kamailio("carrier", CARRIER, user="tandem", password=password, tandem=SIP_ADDRESS,
                          callee=f"{ADDRESSES['carrier']}:{CALLEE_PORT}")


@test(restarts=True, timeout=60, ids=("AU1",))
def a_trunk_that_challenges_is_registered_at_and_called(world):
    """REGISTER, INVITE and BYE all have to prove who sends them."""
    carrier(world, "trunk-secret")
    with world.configured(*TRUNK):
        wait_until(lambda: trunk_state(world) == "registered", 10, "registered at the carrier")
        callee = world.agent("carrier", port=CALLEE_PORT, trunk=True, server=ADDRESSES["carrier"])
        alice = world.registered("alice")
        for _ in range(2):  # the second one with the nonce of the first
            outgoing = alice.invite("9123")
            incoming = callee.incoming()
            answer_both(outgoing, incoming)
            wait_talking(outgoing, incoming)
            hang_up(outgoing, incoming)
            world.lab.wait_idle()
        world.close()


@test(restarts=True, timeout=60)
def a_trunk_that_refuses_our_password_is_not_asked_for_ever(world):
    carrier(world, "another")
    with world.configured(*TRUNK):
        wait_until(lambda: trunk_state(world) == "refused", 10, "refused by the carrier")
        refused = world.registered("alice").invite("9123").wait_failure()
        equal(refused.status, 503, "a call over a trunk that does not know us")
        world.close()


@test(timeout=40)
def a_phone_behind_an_edge_proxy_is_called_by_its_path(world):
    world.kamailio("carrol", EDGE, port=EDGE_PORT, tandem=f"{SIP_ADDRESS}:5060",
                   domain=DOMAIN,
                   outside=f"udp:{ADDRESSES['carrol']}:{EDGE_PORT}")
    alice = world.agent("alice", server=ADDRESSES["carrol"], server_port=EDGE_PORT)
    equal(alice.register().status, 200, "REGISTER through the proxy")
    shown = [r for r in world.lab.show("registrations") if r["aor"].startswith("alice@")]
    assert f"{ADDRESSES['carrol']}:{EDGE_PORT}" in shown[0]["path"], shown
    bob = world.registered("bob")
    outgoing = bob.invite("alice")
    incoming = alice.incoming()
    assert incoming.invite.get("record-route"), "it did not come through the proxy"
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)
    world.lab.wait_idle()
