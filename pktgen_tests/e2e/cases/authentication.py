# SPDX-License-Identifier: BSD-3-Clause
"""Digests in both roles and the way to a phone, with Kamailio as a carrier that challenges and as
an edge proxy."""

import json

from world import sip
from world.events import listening
from world.kamailio import CARRIER, EDGE
from world.lab import ADDRESSES, DOMAIN, SIP_ADDRESS, wait_until
from world.suite import answer_both, connect, equal, hang_up, test, wait_talking

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


@test(timeout=40, ids=("SD13",))
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


def user(world, name):
    return next((u for u in world.lab.show("users") if u["aor"] == f"{name}@{DOMAIN}"), None)


@test(restarts=True, timeout=60, ids=("AU2", "AU4"))
def users_come_and_go_without_a_restart_and_outlive_one(world):
    lab = world.lab
    bob = world.registered("bob")
    made = json.loads(lab.ctl("user", "add", "erin", "--json"))["user"]
    equal(made["aor"], f"erin@{DOMAIN}", "the user")
    erin = world.agent("erin", host="carrol", password=made["password"])
    equal(erin.register().status, 200, "REGISTER with the password that was made")
    outgoing, incoming = connect(erin, bob)
    caller = next(s for s in lab.show("sessions") if s["direction"] == "inbound")
    equal(caller["auth"], "MD5", "how the caller has authenticated")
    row = user(world, "erin")
    equal((row["source"], row["registrations"], row["authenticated"], row["refused"]),
          ("added", 1, 2, 0), "what is known of erin")
    equal(lab.ctl_raw("user", "add", "erin").returncode, 1, "again")
    equal(lab.ctl_raw("user", "remove", "bob").returncode, 1, "one of the configuration")
    done = lab.ctl_raw("user", "rotate", "erin", "--password", "-", given="another one\n")
    equal(done.returncode, 0, done.stderr)
    equal(erin.register().status, 401, "the old password")
    hang_up(outgoing, incoming)
    lab.stop("controlplane")
    lab.start("controlplane")
    lab.wait_ready()
    erin.password = "another one"
    equal(erin.register().status, 200, "the new one, after a restart")
    equal(user(world, "bob")["source"], "config", "bob")
    lab.ctl("reload")
    lab.ctl("user", "remove", "erin")
    equal([r for r in lab.show("registrations") if r["aor"] == made["aor"]], [], "contacts")
    equal(erin.register().status, 401, "who is no user any more")
    equal(bob.invite("erin").wait_failure().status, 404, "a call to nobody")
    equal(user(world, "erin"), None, "the user")


RULES = ("users:\n", "rules:\n"
         "  - {name: premium, from: \"bob\", to: \"900*\"}\n"
         "  - {from: \"trunk:carrier\", to: \"carrol\"}\n\nusers:\n")
CLAIMS = [("p-asserted-identity", "<sip:boss@tandem.lab>"),
          ("diversion", "<sip:1@tandem.lab>;reason=deflection"),
          ("history-info", "<sip:bob@tandem.lab>;index=1"), ("resource-priority", "dsn.flash"),
          ("priority", "emergency"), ("subject", "hello")]


@test(restarts=True, timeout=60, ids=("AU6",))
def who_may_call_whom_and_what_users_may_claim(world):
    """RFC 3325: what a user asserts of itself and others goes no further."""
    with world.configured(*RULES):
        alice, bob = world.registered("alice"), world.registered("bob")
        carrier = world.trunk()
        with listening(world) as events:
            for number in ("900123", "9-00.123"):
                equal(bob.invite(number).wait_failure().status, 403, number)
            event = events.wait("security.denied", 5)
            equal((event["fields"]["from"], event["fields"]["rule"]), (f"bob@{DOMAIN}", "premium"),
                  "the event")
        equal(carrier.requests, [], "calls to the carrier")
        outgoing = alice.invite("900123", headers=CLAIMS)
        incoming = carrier.incoming()
        claimed = [n for n, _ in incoming.invite.headers if n in dict(CLAIMS)]
        equal(claimed, ["subject"], "of what alice claimed")
        answer_both(outgoing, incoming)
        hang_up(outgoing, incoming)
        world.registered("carrol")
        equal(carrier.invite(f"sip:carrol@{DOMAIN}").wait_failure().status, 403, "from the trunk")
        counters = {row["counter"]: row["value"] for row in world.lab.show("sip")}
        equal(counters["calls.denied"], 3, "calls that were denied")
        assert counters["calls.headers_removed"] >= 5, counters
        world.close()


def with_credentials(agent, request, credentials, contact):
    """A new REGISTER with these credentials; returns the response."""
    again = agent.request("REGISTER", request.uri, to=agent.uri, call_id=request.call_id,
                          headers=[("authorization", credentials), ("expires", "60")])
    again.headers = [h for h in again.headers if h[0] != "contact"] + [("contact", contact)]
    return agent.transact(again)


@test(ids=("AU3",))
def a_nonce_is_good_for_each_count_once_and_from_one_place(world):
    alice = world.agent("alice")
    challenged = alice.register(answer=False)
    challenge, = sip.challenges(challenged)
    contact = f"<{alice.contact}>"
    request = next(m for way, _, m in alice.trace if way == "out")

    def credentials(count):
        return sip.digest_answer(challenge, "REGISTER", request.uri, "alice", alice.password, count)
    first = credentials(1)
    equal(with_credentials(alice, request, first, contact).status, 200, "the first use")
    replayed = with_credentials(alice, request, first, contact)
    equal((replayed.status, sip.challenges(replayed)[0].get("stale")), (401, "true"), "a replay")
    equal(with_credentials(alice, request, credentials(2), contact).status, 200, "the next count")
    thief = world.agent("alice", host="carrol")
    stolen = with_credentials(thief, request, credentials(3), f"<{thief.contact}>")
    equal(stolen.status, 401, "the next count, from another address")
    equal([r["source"].partition(":")[0] for r in world.lab.show("registrations")
           if r["aor"].startswith("alice@")], [alice.address], "registrations")
    equal(alice.register(expires=0).status, 200, "the end")


OPEN_LISTENER = "    - {transport: udp, address: 198.18.0.10, port: 5075, unauthenticated: true}\n"
LISTENER6 = "    - {transport: udp, address: \"2001:2::10\", port: 5060}\n"


@test(restarts=True, timeout=60, ids=("AU5",))
def without_a_password_only_where_that_is_allowed(world):
    """A listener for tests believes everybody, and each time that is an event; the others do not."""
    with world.configured(LISTENER6, LISTENER6 + OPEN_LISTENER):
        bob, alice = world.registered("bob"), world.agent("alice", server_port=5075, trunk=True)
        with listening(world) as events:
            equal(alice.register(answer=False).status, 200, "REGISTER without a password")
            equal(events.wait("auth.bypassed", 5, method="REGISTER")["fields"]["aor"],
                  f"alice@{DOMAIN}", "the event")
            outgoing = alice.invite("bob")
            incoming = bob.incoming()
            assert not [r for r in alice.responses if r.status in (401, 407)], "a challenge"
            answer_both(outgoing, incoming)
            hang_up(outgoing, incoming)
            events.wait("auth.bypassed", 5, method="INVITE")
        elsewhere = world.agent("alice")
        equal(elsewhere.register(answer=False).status, 401, "REGISTER at another listener")
        world.close()
