# SPDX-License-Identifier: BSD-3-Clause
"""TCP, TLS and WebSocket: calls between any two of them, connections that are lost, certificates
that are bad."""

import ssl
import threading

from world.lab import ADDRESSES6, wait_until
from world.suite import connect, equal, hang_up, test, wait_talking
from world.tls import NAMES, context_of, issue, with_tls


def connections(world, transport):
    return [c for c in world.lab.show("connections") if c["transport"] == transport]


def reoffer(one, other, direction):
    """A re-INVITE from one to the other."""
    done = []
    thread = threading.Thread(target=lambda: done.append(one.reinvite(direction)))
    thread.start()
    other.answer_reinvite("recvonly" if direction == "sendonly" else "sendrecv")
    thread.join(10)
    assert done, "the re-INVITE is answered"


@test(ids=("RS7",))
def a_call_from_tcp_to_udp_and_between_families(world):
    alice = world.registered("alice", transport="tcp", address=ADDRESSES6["alice"])
    bob = world.registered("bob")
    for caller, callee in ((alice, bob), (bob, alice)):
        outgoing, incoming = connect(caller, callee)
        hang_up(outgoing, incoming)
    equal(len(connections(world, "tcp")), 1, "connections: one carries all")
    equal(alice.socket.opened, 0, "connections that Tandem opened")


@test(timeout=60, ids=("SD14",))
def a_call_outlives_its_connections(world):
    """SD14: requests of a dialog go over a new connection, in either direction."""
    alice, bob = world.registered("alice", transport="tcp"), world.registered("bob")
    outgoing, incoming = connect(alice, bob)
    for direction in ("sendonly", "sendrecv"):
        alice.socket.cut()
        wait_until(lambda: not connections(world, "tcp"), 5, "Tandem sees the connection closed")
        reoffer(incoming, outgoing, direction)
    equal(alice.socket.opened, 2, "connections that Tandem opened")
    wait_talking(outgoing, incoming)
    alice.socket.cut()
    wait_until(lambda: not connections(world, "tcp"), 5, "Tandem sees the connection closed")
    hang_up(outgoing, incoming)


@test()
def what_is_no_sip_closes_a_connection(world):
    alice = world.agent("alice", transport="tcp")
    alice.send_raw(b"OPTIONS sip:tandem.lab SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\n"
                   b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: framing\r\n"
                   b"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n")
    response = alice._wait(lambda: alice.responses[:1], 5, "a response")[0]
    equal(response.status, 400, "without Content-Length")
    wait_until(lambda: not connections(world, "tcp"), 5, "the connection is closed")


# --- certificates ------------------------------------------------------------------------------

def knock(world, folder, *arguments):
    """What openssl s_client says of the TLS listener, or of how it was refused."""
    done = world.lab.run("alice", "sh", "-c", f"echo Q | openssl s_client -connect "
                         f"198.18.0.10:5061 -CAfile {folder}/ca.pem -verify_return_error "
                         f"-servername tandem.lab {' '.join(arguments)} 2>&1", check=False)
    return done.stdout


@test(restarts=True, timeout=90, ids=("SE1",))
def a_call_between_tls_and_udp_with_certificates_on_both_sides(world):
    with with_tls(world, "required") as folder:
        good, evil = issue(folder, "alice", "DNS:alice.lab"), issue(folder, "evil", "DNS:e", "other")
        alice = world.registered("alice", transport="tls", tls=context_of(folder, good))
        bob = world.registered("bob", address=ADDRESSES6["bob"])
        outgoing, incoming = connect(alice, bob)
        with_good = ("-cert", good + ".pem", "-key", good + ".key")

        # Refused: no certificate, another authority's, too old a version. RFC 8446 lets the
        # client send before it hears of that, so the version that tells at once is asked for.
        assert "alert" in knock(world, folder, "-tls1_2"), "no certificate"
        assert "alert" in knock(world, folder, "-tls1_2", "-cert", evil + ".pem", "-key",
                                evil + ".key"), "a certificate of another authority"
        assert "Verification: OK" in knock(world, folder, "-tls1_2", *with_good)
        assert "Verification: OK" in knock(world, folder, "-tls1_3", *with_good)
        assert "alert" in knock(world, folder, "-tls1_1", *with_good), "TLS 1.1"
        # Read again: new connections see the new one, the call goes on over its own.
        issue(folder, "tandem", NAMES + ",DNS:renewed.lab")
        world.lab.ctl("reload")
        assert "Verify return code: 0" in knock(world, folder, *with_good, "-verify_hostname",
                                                "renewed.lab"), "the new certificate"
        equal(len([c for c in connections(world, "tls") if c["state"] == "open"
                   and c["received"]]), 1, "alice's connection")
        reoffer(incoming, outgoing, "sendrecv")
        hang_up(outgoing, incoming)
        counted = {c["counter"]: c["value"] for c in world.lab.show("sip")}
        assert counted["transport.tls_failed"] >= 3, counted
        world.close()


def carrier_with(world, certificate):
    """The carrier behind TLS, as the server that this certificate makes of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate + ".pem", certificate + ".key")
    return world.agent("carrier", port=5061, trunk=True, transport="tls", tls_server=context)


@test(restarts=True, timeout=90, ids=("SE1",))
def a_trunk_over_tls_has_to_be_whom_we_call(world):
    with with_tls(world, "none") as folder:
        alice = world.registered("alice")
        evil = carrier_with(world, issue(folder, "evil", "IP:198.18.0.105,DNS:carrier.lab"))
        assert alice.invite("9123").wait_failure().status in (480, 500, 503), "another's name"
        assert evil.socket.opened and not evil.requests, "it was reached, and told nothing"
        evil.close()
        world.lab.wait_idle()
        carrier = carrier_with(world, issue(folder, "carrier", "IP:198.18.0.104"))
        outgoing, incoming = connect(alice, carrier, target="9124")
        hang_up(incoming, outgoing)
        equal(carrier.socket.opened, 1, "connections")
        world.close()
