# SPDX-License-Identifier: BSD-3-Clause
"""The ways to a phone or a peer: flows that fail over (RFC 5626), keep-alives that are answered or
not, connections used both ways (RFC 5923), and sips (RFC 5630)."""

import ssl
import struct

from cases.transports import connections
from world import sip
from world.events import listening
from world.lab import ADDRESSES, ADDRESSES6, DOMAIN, wait_until
from world.suite import answer_both, connect, equal, hang_up, test, wait_talking
from world.tls import context_of, issue, with_tls

INSTANCE = "urn:uuid:00000000-0000-1000-8000-000a95a0e128"
OUTBOUND = [("supported", "outbound, path")]
COOKIE = 0x2112A442


def contacts_of(world, user):
    return [r for r in world.lab.show("registrations") if r["aor"].startswith(f"{user}@")]


def flow_of(world, reg_id):
    """Alice's phone, behind a NAT as far as its Contact says, over a connection of its own."""
    agent = world.agent("alice", transport="tcp")
    agent.contact = "sip:alice@10.0.0.1:5060;transport=tcp"
    answer = agent.register(headers=OUTBOUND, contacts=[
        f"<{agent.contact}>;+sip.instance=\"<{INSTANCE}>\";reg-id={reg_id}"])
    equal(answer.status, 200, "REGISTER with outbound")
    assert "outbound" in answer.get("require"), answer
    return agent


@test(restarts=True, timeout=60, ids=("SD14",))
def a_phone_is_called_over_the_flow_that_is_left(world):
    bob = world.registered("bob")
    with listening(world) as events:
        first, second = flow_of(world, 1), flow_of(world, 2)
        equal(len(contacts_of(world, "alice")), 2, "flows")
        # The latest is tried, says that it is broken, and the other one rings.
        outgoing = bob.invite("alice")
        second.reply(second.expect("INVITE"), 430, "Flow Failed")
        incoming = first.incoming()
        answer_both(outgoing, incoming)
        wait_talking(outgoing, incoming)
        hang_up(outgoing, incoming)
        equal([r["reg_id"] for r in contacts_of(world, "alice")], [1], "flows that are left")
        # A connection is lost: nobody waits for it.
        second = flow_of(world, 2)
        second.socket.cut()
        events.wait("registration.removed", 5, reason="flow-failed")
        outgoing = bob.invite("alice")
        first.incoming().reject(486)
        equal(outgoing.wait_failure().status, 486, "over the flow that is left")
    world.lab.wait_idle()
    # What is bound to a connection does not outlive the process: no call into a stranger's.
    flow_of(world, 2)
    world.lab.stop("controlplane")
    world.lab.start("controlplane")
    world.lab.wait_ready()
    equal(contacts_of(world, "alice"), [], "flows after a restart")
    stranger = world.agent("alice", transport="tcp")
    stranger.transact(stranger.request("OPTIONS", "sip:198.18.0.10"))
    equal(bob.invite("alice").wait_failure().status, 480, "nobody is there")
    equal([r.method for r in stranger.requests], [], "requests to a stranger")


def stun_success(request):
    """The answer to a Binding request, without its address: that nobody looks at."""
    return struct.pack("!HHI", 0x0101, 0, COOKIE) + request[8:20]


@test(restarts=True, timeout=60, ids=("NA5",))
def a_phone_that_stops_answering_keepalives_is_not_called(world):
    """By STUN over IPv4, by OPTIONS over IPv6."""
    listener = "    - {transport: udp, address: \"2001:2::10\", port: 5060"
    with world.configured("  contacts_max: 5\n", "  contacts_max: 5\n  nat_keepalive_s: 1\n"
                          "  nat_keepalive: stun\n  nat_keepalive_missed: 2\n",
                          more=[(listener, listener + ", nat_keepalive: options")]):
        alice, bob = world.agent("alice"), world.agent("bob", address=ADDRESSES6["bob"])
        carrol = world.registered("carrol")
        with listening(world) as events:
            alice.stun = stun_success
            alice.register(contacts=["<sip:alice@10.0.0.1>"])
            bob.register(contacts=["<sip:bob@[fd00::1]>"])
            bob.reply(bob.expect("OPTIONS", 5), 200, "OK")
            wait_until(lambda: alice.stuns, 5, "a Binding request")
            assert all(r["reachable"] and r["nat"] for user in ("alice", "bob")
                       for r in contacts_of(world, user)), world.lab.show("registrations")
            alice.stun = None
            for user, agent in (("alice", alice), ("bob", bob)):
                events.wait("registration.unreachable", 10, aor=f"{user}@{DOMAIN}")
                equal(carrol.invite(user).wait_failure().status, 480, f"{user} is silent")
            alice.stun = stun_success
            wait_until(lambda: bob.requests, 5, "OPTIONS go on")
            bob.reply(bob.requests[-1], 404, "Any answer is one")
            for user in ("alice", "bob"):
                events.wait("registration.reachable", 10, aor=f"{user}@{DOMAIN}")
            outgoing = carrol.invite("alice")
            alice.incoming().reject(486)
            equal(outgoing.wait_failure().status, 486, "heard again")
        world.close()


TRUNK = "    prefix: \"9\"\n"
REGISTERED = ("    uri: \"sip:198.18.0.104:5090;transport=tcp\"\n" + TRUNK +
              "    username: tandem\n    password: secret\n    register_s: 600\n")


def trunk_state(world):
    return next(t["state"] for t in world.lab.show("trunks") if t["name"] == "carrier")


@test(restarts=True, timeout=60, ids=("RS7",))
def a_trunk_is_registered_at_by_tcp_and_calls_go_back_over_its_connection(world):
    carrier = world.agent("carrier", port=5090, trunk=True, transport="tcp")
    with world.configured(TRUNK, REGISTERED, more=[
            ("  contacts_max: 5\n", "  contacts_max: 5\n  connections: {tcp_alias: true}\n")]):
        register = carrier.expect("REGISTER", 10)
        # SD14: a connection that is lost with a request on it. It comes again, over another.
        carrier.socket.cut()
        wait_until(lambda: carrier.socket.opened == 2, 5, "another connection")
        assert ";transport=tcp" in register.get("contact"), register
        carrier.reply(register, 200, "OK", headers=[("contact", register.get("contact"))])
        wait_until(lambda: trunk_state(world) == "registered", 5, "registered")
        # Its own connection instead of ours, once it says alias.
        carrier.socket.cut()
        wait_until(lambda: not connections(world, "tcp"), 5, "the connection is closed")
        options = carrier.request("OPTIONS", "sip:198.18.0.10")
        options.headers[0] = ("via", options.get("via") + ";alias")
        equal(carrier.transact(options).status, 200, "OPTIONS")
        opened = carrier.socket.opened
        alice = world.registered("alice")
        outgoing, incoming = connect(alice, carrier, target="9123")
        hang_up(outgoing, incoming)
        equal(carrier.socket.opened, opened, "connections that Tandem opened")
        world.lab.wait_idle()
        # RFC 3261 §10.2.2, and a carrier that says nothing is not waited for long.
        world.lab.stop("controlplane")
        gone = carrier.expect("REGISTER", 5)
        equal((gone.get("expires"), gone.call_id), ("0", register.call_id), "un-REGISTER")
        world.lab.start("controlplane")
        world.close()


def listening_phone(world, folder, user, transport):
    """It registers over connections that are cut, and can be connected to."""
    own = issue(folder, user, f"IP:{ADDRESSES[user]}")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(own + ".pem", own + ".key")
    options = {"tls": context_of(folder, own), "tls_server": server} if transport == "tls" else {}
    phone = world.agent(user, transport=transport, **options)
    asked = phone.request("REGISTER", f"sip:{DOMAIN}", to=phone.uri)
    challenged = phone.transact(asked)
    phone.socket.cut()
    equal(phone.transact(phone.authorised(asked, challenged)).status, 200, "REGISTER")
    phone._registered = True
    return phone


@test(restarts=True, timeout=60, ids=("SD14",))
def a_call_that_is_set_up_outlives_its_connections(world):
    """SD14, over TCP and TLS: a request and a response that have not been sent yet."""
    with with_tls(world, "none") as folder:
        for transport in ("tcp", "tls"):
            alice = listening_phone(world, folder, "alice", transport)
            bob = listening_phone(world, folder, "bob", transport)
            outgoing = alice.invite("bob")
            incoming = bob.incoming()
            # The callee has said nothing yet: it is asked again, over another connection.
            bob.socket.cut()
            wait_until(lambda: bob.socket.opened == 1, 5, "another connection to the callee")
            incoming.ring()
            outgoing.wait_status(180)
            # The caller waits for its answer, which comes over another connection.
            alice.socket.cut()
            wait_until(lambda: not any(ADDRESSES["alice"] in c["remote"] for c in
                                       connections(world, transport)), 5, "the caller's is closed")
            answer_both(outgoing, incoming)
            equal(alice.socket.opened, 1, "connections to the caller")
            wait_talking(outgoing, incoming)
            hang_up(outgoing, incoming)
            alice.close()
            bob.close()
            world.lab.wait_idle()
        world.close()


@test(restarts=True, timeout=90, ids=("SE1",))
def who_is_called_by_sips_is_called_over_tls(world):
    with with_tls(world, "none") as folder:
        context = context_of(folder, issue(folder, "phone", "DNS:phone.lab"))
        alice = world.registered("alice", transport="tls", tls=context)
        bob = world.agent("bob", transport="tls", tls=context)
        bob.contact = f"sips:bob@{ADDRESSES['bob']}:{bob.port}"
        equal(bob.register().status, 200, "REGISTER with a sips Contact")
        alice.contact = f"sips:alice@{ADDRESSES['alice']}:{alice.port}"
        outgoing = alice.invite(f"sips:bob@{DOMAIN}")
        incoming = bob.incoming()
        equal(incoming.invite.uri, bob.contact, "Request-URI")
        assert incoming.invite.contact_uri().startswith("sips:"), incoming.invite
        answer_both(outgoing, incoming)
        assert outgoing.answered.contact_uri().startswith("sips:"), outgoing.answered
        wait_talking(outgoing, incoming)
        hang_up(incoming, outgoing)
        # Somebody who is not reached over TLS, and somebody who does not come over it.
        carrol = world.registered("carrol")
        refused = alice.invite(f"sips:carrol@{DOMAIN}").wait_failure()
        equal(refused.status, 480, "over UDP")
        assert refused.get("warning").startswith("380 "), refused
        equal(carrol.invite(f"sips:bob@{DOMAIN}").wait_failure().status, 403, "sips over UDP")
        equal(carrol.register(contacts=["<sips:carrol@198.18.0.103>"]).status, 403, "its Contact")
        world.close()
