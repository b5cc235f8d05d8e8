# SPDX-License-Identifier: BSD-3-Clause
"""Calls among phones and proxies that others wrote: Linphone, baresip, Kamailio, sipp, JsSIP; over
each transport and address family, in any pair."""

import itertools

from cases.transfer import shards_of_calls
from world import sip
from world.kamailio import EDGE, SWITCH
from world.lab import ADDRESSES, ADDRESSES6, DOMAIN, SIP_ADDRESS, SIP_ADDRESS6, wait_until
from world.suite import cdr_of, connect, equal, hang_up, near, only_call, test, wait_talking
from world.tls import TRUNK, issue, with_tls
from world.wire import Wire, strangers


def hears(listener, frequency):
    def heard():
        found = listener.heard_frequency()
        return found is not None and abs(found - frequency) < 5
    wait_until(heard, 10, f"{listener.user} hears {frequency} Hz", 0.1)


def both_talk(world):
    """RTP comes from both sides of the only call, from now on."""
    def received():
        return [t["rx_packets"] for t in world.lab.show("terminations")]
    before = wait_until(lambda: len(received()) == 2 and received(), 5, "two terminations")
    wait_until(lambda: all(now >= then + 20 for now, then in zip(received(), before)), 5,
               "each side is heard", 0.1)


# --- Linphone ------------------------------------------------------------------------------------

@test(restarts=True, timeout=90, ids=("SD13", "SP7", "SE1"))
def linphone_over_tls_and_baresip_over_ipv6(world):
    """Each calls the other, each hears the other; hold and resume by Linphone, digits by INFO.
    What one leg shows is nowhere on the other."""
    with with_tls(world, "none") as folder:
        wire = Wire(world, "bob")
        alice = world.linphone("alice", 440, transport="tls", ca=f"{folder}/ca.pem", info=True)
        bob = world.phone("bob", 880, ipv6=True)
        alice.wait_registered()
        bob.wait_registered()
        alice.dial(f"sip:bob@{DOMAIN}")
        alice.wait_established()
        hears(bob, 440)
        alice.dtmf("7")
        alice.hold()
        alice.wait("is now paused")
        equal({c["state"] for c in world.lab.show("calls")}, {"held"}, "state")
        alice.resume()
        alice.wait_established(2)
        both_talk(world)
        bob.hang_up()
        alice.wait("Call 1 with .* ended")
        hears(alice, 880)
        world.lab.wait_idle()
        bob.dial(f"sip:alice@{DOMAIN}")
        bob.wait_event("CALL_ESTABLISHED", 10)
        alice.wait("auto answering")
        hears(bob, 440)
        call = only_call(world)
        alice.hang_up()
        equal(cdr_of(world, call)["ended_by"], "callee", "ended_by")
        seen = wire.sip()
        assert "Signal=7" in seen, "the digit has come"
        strangers(alice.messages(), seen)
        world.close()


@test(timeout=60, ids=("SD10", "SD12", "SD13"))
def linphone_acknowledges_updates_and_sends_events(world):
    """Over TCP and IPv6: it acknowledges what rings reliably (RFC 3262), is held by UPDATE, resumed by
    re-INVITE, agrees on a session timer, and its digits are RTP events (RFC 4733)."""
    alice, bob = world.linphone("alice", 440, transport="tcp", ipv6=True), world.registered("bob")
    alice.wait_registered()
    alice.dial(f"sip:bob@{DOMAIN}")
    incoming = bob.incoming(880)
    assert "timer" in incoming.invite.get("supported"), incoming.invite
    incoming._reply(180, "Ringing", headers=[("require", "100rel"), ("rseq", "5")])
    bob.reply(bob.expect("PRACK", 5, call_id=incoming.call_id), 200, "OK")
    alice.wait("ringing")
    incoming.answer()
    alice.wait_established()
    wait_talking(incoming)
    near(incoming.media.heard_frequency(), 440, 5, "heard by bob")
    held = bob.transact(incoming.in_dialog("UPDATE", body=incoming.local_sdp("sendonly")))
    equal((held.status, sip.Sdp(held.body).direction), (200, "recvonly"), "UPDATE")
    alice.wait("has been paused by")
    equal(incoming.reinvite("sendrecv").direction, "sendrecv", "resumed")
    alice.wait_established(2)
    alice.dtmf("5")
    wait_until(lambda: any(p.payload_type == 101 and p.payload[0] == 5
                           for p in incoming.media.received), 5, "the digit has come")
    sent, taken = alice.requests()
    assert "PRACK" in sent and {"UPDATE", "INVITE"} <= taken, (sent, taken)
    assert "Session-Expires: 1800;refresher=" in alice.messages(), "a session timer"
    equal(incoming.hang_up().status, 200, "BYE")
    alice.wait("Call 1 with .* ended")
    hears(alice, 880)


def ask_first(world, phone, other):
    """A second call of the phone, in the shard of the first: (the other side, its number)."""
    for line in range(3, 20):
        phone.dial(f"sip:{other.user}@{DOMAIN}")
        third = other.incoming(600)
        third.answer()
        phone.wait_established(line)
        if len(shards_of_calls(world)) == 1:
            break
        third.hang_up()
        phone.wait(f"Call {line} with .* ended")
    return third, line


@test(timeout=60, ids=("TR1", "TR2", "TR3"))
def linphone_transfers(world):
    """Blind, and attended with Replaces; it is told how that goes, and is out of the call then."""
    alice = world.linphone("alice", 440)
    bob, carrol = world.registered("bob"), world.registered("carrol")
    alice.wait_registered()
    alice.dial(f"sip:bob@{DOMAIN}")
    first = bob.incoming(880)
    first.answer()
    alice.wait_established()
    alice.command(f"transfer sip:carrol@{DOMAIN}")
    third = carrol.incoming(600)
    assert third.invite.get("referred-by").startswith(f"<sip:alice@{DOMAIN}"), third.invite
    third.ring()
    third.answered = third._reply(200, "OK", third.local_sdp())
    first.answer_reinvite("sendrecv")
    first.talk()
    carrol.expect("ACK", call_id=third.call_id)
    third.talk()
    alice.wait("Call 1 with .* ended")
    wait_talking(first, third, packets=70)
    near(first.media.heard_frequency(), 600, 5, "heard by bob")
    hang_up(first, third)
    world.lab.wait_idle()

    alice.dial(f"sip:bob@{DOMAIN}")
    first = bob.incoming(880)
    first.answer()
    alice.wait_established(2)
    alice.hold()
    first.answer_reinvite("recvonly")
    alice.wait("Call 2 with .* paused")
    third, line = ask_first(world, alice, carrol)
    alice.command(f"transfer 2 --to-call {line}")
    first.answer_reinvite("sendrecv")
    first.talk()
    for call in (2, line):
        alice.wait(f"Call {call} with .* ended")
    wait_talking(first, third, packets=70)
    near(third.media.heard_frequency(), 880, 5, "heard by carrol")
    hang_up(third, first)


# --- any pair of transports and families ---------------------------------------------------------

KAMAILIO4, KAMAILIO6 = ADDRESSES["carrier"], ADDRESSES6["carrier"]
INNER, CALLEE, BUSY = 5066, 5070, 5062
# What Kamailio sends from and listens at, where Tandem is, and what Tandem calls the other way.
WAYS = {
    "1": (f"udp:{KAMAILIO4}:5060", f"sip:{SIP_ADDRESS}:5060", f"sip:{KAMAILIO4}:5060"),
    "2": (f"udp:[{KAMAILIO6}]:5060", f"sip:[{SIP_ADDRESS6}]:5060", f"sip:[{KAMAILIO6}]:5060"),
    "3": (f"tcp:{KAMAILIO4}:5060", f"sip:{SIP_ADDRESS}:5060;transport=tcp",
          f"sip:{KAMAILIO4}:5060;transport=tcp"),
    "4": (f"tcp:[{KAMAILIO6}]:5060", f"sip:[{SIP_ADDRESS6}]:5060;transport=tcp",
          f"sip:[{KAMAILIO6}]:5060;transport=tcp"),
    "5": (f"tls:{KAMAILIO4}:5061", f"sip:{SIP_ADDRESS}:5061;transport=tls",
          f"sip:{KAMAILIO4}:5061;transport=tls"),
    "6": (f"tls:[{KAMAILIO6}]:5061", f"sip:[{SIP_ADDRESS6}]:5061;transport=tls",
          f"sip:[{KAMAILIO6}]:5061;transport=tls"),
}
ZONE_NAME = "example.test"
QUIET_PORT = 5071
ZONE = f"""\
secure              60 NAPTR 10 0 "s" "SIPS+D2T" "" _sips._tcp.secure
_sips._tcp.secure   60 SRV 10 0 5061 kamailio
_sip._tcp.plain     60 SRV 10 0 5999 kamailio
_sip._tcp.plain     60 SRV 20 0 {QUIET_PORT} quiet
_sip._tcp.plain     60 SRV 30 0 {BUSY} kamailio
_sip._tcp.plain     60 SRV 40 0 5060 kamailio
kamailio            60 AAAA {KAMAILIO6}
quiet               60 AAAA {ADDRESSES6["carrol"]}
"""
DNS = ("  domains: [tandem.lab]\n", "  domains: [tandem.lab]\n"
       f"  dns: {{servers: [{ADDRESSES['carrol']}], failover_ms: 700, timeout_ms: 500}}\n")


def trunks(ways):
    """Trunks by prefix, to be put in place of the carrier's."""
    return TRUNK + "".join(f"  - {{name: way{way}, uri: \"{uri}\", prefix: \"9{way}\"}}\n"
                           for way, uri in ways.items())


def switch(world, folder):
    """Kamailio with a socket of each kind, between Tandem and the phones of sipp."""
    certificate = issue(folder, "carrier", f"IP:{KAMAILIO4},IP:{KAMAILIO6},DNS:secure.{ZONE_NAME}")
    ways = "".join(f'\tcase "{way}": $fs = "{socket}"; $du = "{tandem}"; break;\n'
                   for way, (socket, tandem, _) in WAYS.items())
    listen = [socket for socket, _, _ in WAYS.values()]
    listen += [f"udp:{KAMAILIO4}:{INNER}", f"tcp:[{KAMAILIO6}]:{BUSY}"]
    return world.kamailio("carrier", SWITCH, listen=listen, certificate=certificate, ways=ways,
                          inner=INNER, busy=BUSY, domain=DOMAIN, address=KAMAILIO4,
                          callee=f"{KAMAILIO4}:{CALLEE}")


@test(restarts=True, timeout=90, ids=("SD9", "SD13", "SP7"))
def any_transport_and_family_on_either_side(world):
    """36 pairs of UDP, TCP, TLS over IPv4 and IPv6: sipp, Kamailio, Tandem, Kamailio, sipp. ACK
    goes one way, BYE the other; both proxies record their routes, both sides have certificates."""
    outward = trunks({way: uri for way, (_, _, uri) in WAYS.items()})
    with with_tls(world, "required", trunk=outward) as folder:
        switch(world, folder)
        numbers = [one + other for one, other in itertools.product(WAYS, WAYS)]
        count = str(len(numbers))
        callee = world.sipp("carrier", "uas_bye", "-m", count, port=CALLEE)
        caller = world.sipp("carrier", "uac_dial", "-m", count, "-r", "20", "-mp", "22000",
                            "-inf", "numbers.csv", target=f"{KAMAILIO4}:{INNER}", port=CALLEE + 10,
                            files={"numbers.csv": "SEQUENTIAL\n" + "\n".join(numbers) + "\n"})
        status = caller.wait(40)
        equal(status, 0, f"exit status of the caller\n{caller.errors()}\n{callee.errors()}")
        equal(callee.wait(10), 0, f"exit status of the callee\n{callee.errors()}")
        equal(caller.successful, len(numbers), "calls")
        over = {(c["transport"], c["remote"].startswith("[")) for c in world.lab.show("connections")}
        equal(over, {(t, six) for t in ("tcp", "tls") for six in (False, True)}, "connections")
        world.close()


@test(restarts=True, timeout=60, ids=("SD14",))
def names_lead_to_tls_and_tcp_over_ipv6(world):
    """A name with NAPTR and SRV for TLS, whose certificate is the name's (RFC 5922); one with SRV
    alone, whose targets refuse, keep silent, are busy, and at last answer; and an address that says
    nothing of transports, where size decides (RFC 3261 §18.1.1)."""
    outward = trunks({"1": WAYS["1"][2], "7": f"sip:secure.{ZONE_NAME}",
                      "8": f"sip:plain.{ZONE_NAME}"})
    world.name_server("carrol", ZONE_NAME, ZONE)
    with with_tls(world, "none", trunk=outward, more=[DNS]) as folder:
        switch(world, folder)
        callee = world.agent("carrier", port=CALLEE, trunk=True, server=KAMAILIO4,
                             server_port=INNER)
        quiet = world.agent("carrol", address=ADDRESSES6["carrol"], port=QUIET_PORT,
                            transport="tcp")
        alice = world.registered("alice")
        for number, transport in (("97", "tls"), ("98", "tcp")):
            outgoing, incoming = connect(alice, callee, target=number)
            routes = incoming.invite.all("record-route")
            assert f"[{KAMAILIO6}]" in routes[1] and f"transport={transport}" in routes[1], routes
            hang_up(incoming, outgoing)
            world.lab.wait_idle()
        equal([r.method for r in quiet.requests], ["INVITE"], "what the silent one was asked")
        for subject, by_tcp in (("short", False), ("x" * 1500, True)):
            call = alice.invite("91", headers=[("subject", subject)])
            incoming = callee.incoming()
            equal("transport=tcp" in incoming.invite.all("record-route")[1], by_tcp, "over TCP")
            incoming.reject(486)
            equal(call.wait_failure().status, 486, "what the callee said")
            world.lab.wait_idle()
        world.close()


# --- a browser -----------------------------------------------------------------------------------

@test(restarts=True, timeout=90, ids=("SD13",))
def a_browser_over_wss(world):
    """JsSIP registers over WSS and IPv6; is called, holds, resumes; calls itself: a user, and over
    each other transport and family."""
    outward = trunks({way: uri for way, (_, _, uri) in WAYS.items()})
    with with_tls(world, "none", trunk=outward) as folder:
        switch(world, folder)
        callee = world.sipp("carrier", "uas_bye", "-m", str(len(WAYS)), port=CALLEE)
        bob = world.registered("bob")
        carrol = world.browser("carrol", f"wss://[{SIP_ADDRESS6}]:5443", 600,
                               dial=["bob", *("9" + way for way in WAYS)])
        carrol.wait("registered")
        outgoing = bob.invite("carrol")
        outgoing.wait_answer()
        carrol.talk()
        carrol.wait("called by bob")
        equal(outgoing.answer_reinvite("recvonly").direction, "sendonly", "hold")
        equal(outgoing.answer_reinvite("sendrecv").direction, "sendrecv", "resume")
        carrol.wait("resumes", 5)
        wait_talking(outgoing, packets=70)
        near(outgoing.media.heard_frequency(), 600, 5, "heard from the browser's side")
        equal(outgoing.hang_up().status, 200, "BYE")
        carrol.wait("ended by remote", 5)
        incoming = bob.incoming(880)
        incoming.answer()
        carrol.wait("was answered", 5)
        carrol.talk()
        wait_talking(incoming, packets=70)
        near(carrol.media.heard_frequency(), 880, 5, "heard on the browser's side")
        equal([(c["transport"], c["direction"]) for c in world.lab.show("connections")],
              [("wss", "inbound")], "connections")
        equal(incoming.hang_up().status, 200, "BYE")
        equal(callee.wait(20), 0, f"exit status of the callee\n{callee.errors()}")
        equal(len(carrol.said("was answered")), 1 + len(WAYS), "calls of the browser")
        world.close()


# --- a proxy in front of phones ------------------------------------------------------------------

EDGE_PORT = 5066


@test(restarts=True, timeout=60, ids=("SD13",))
def a_phone_behind_a_proxy_over_tls(world):
    """baresip over TCP at Kamailio, Kamailio over TLS at Tandem: registered by Path, called by it,
    and calling; the other phone is baresip over TLS and IPv6."""
    with with_tls(world, "optional") as folder:
        address = ADDRESSES["carrol"]
        inside, outside = f"tcp:{address}:{EDGE_PORT}", f"tls:{address}:5061"
        world.kamailio("carrol", EDGE, listen=[inside, outside], outside=outside, domain=DOMAIN,
                       certificate=issue(folder, "edge", f"IP:{address}"),
                       tandem=f"{SIP_ADDRESS}:5061;transport=tls")
        alice = world.phone("alice", 440, transport="tcp", server=f"{address}:{EDGE_PORT}")
        bob = world.phone("bob", 880, transport="tls", ipv6=True, ca=f"{folder}/ca.pem")
        alice.wait_registered()
        bob.wait_registered()
        shown = next(r for r in world.lab.show("registrations") if r["aor"].startswith("alice@"))
        assert f"{address}:5061;transport=tls" in shown["path"], shown
        bob.dial(f"sip:alice@{DOMAIN}")
        bob.wait_event("CALL_ESTABLISHED", 10)
        hears(bob, 440)
        hears(alice, 880)
        bob.hang_up()
        alice.wait_event("CALL_CLOSED", 5)
        world.lab.wait_idle()
        alice.dial(f"sip:bob@{DOMAIN}")
        both_talk(world)
        alice.hang_up()
        world.lab.wait_idle()
        world.close()


# --- answers of several phones -------------------------------------------------------------------

@test(ids=("FF4",))
def a_forking_proxy_brings_several_phones(world):
    """sipp as carrier: early dialogs of three phones, one that is given up (199), and two that
    answer; the caller knows of one at a time."""
    carrier = world.sipp("carrier", "uas_forks", "-m", "1")
    outgoing = world.registered("alice").invite("9123")
    outgoing.wait_status(183)
    outgoing.talk()
    wait_talking(outgoing, packets=10)
    answer = outgoing.wait_answer()
    wait_talking(outgoing, packets=10)
    near(outgoing.media.heard_frequency(30), 440, 5, "heard by the caller")
    equal(sip.Sdp(answer.body).formats, ["0"], "codec")
    equal(outgoing.hang_up().status, 200, "BYE")
    equal(carrier.wait(10), 0, f"exit status of the carrier\n{carrier.errors()}")
