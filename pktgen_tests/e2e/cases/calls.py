# SPDX-License-Identifier: BSD-3-Clause
"""Calls between users and over the trunk: how they come about and how they end."""

import time

from world.events import listening
from world.lab import DOMAIN, wait_until
from world.suite import (answer_both, cdr_of, connect, equal, hang_up, near, only_call, test,
                         wait_talking)


def seen_by_phones(incoming, outgoing):
    return [p.payload for p in incoming.media.received], outgoing.media.sent_payloads


def is_run_of(received, sent):
    """Whether received is one run of consecutive packets of sent."""
    if not received:
        return False
    return any(sent[start:start + len(received)] == received
               for start in range(len(sent) - len(received) + 1))


@test(timeout=60, ids=("SD13", "SP2"))
def two_phones_hear_each_other(world):
    """baresip to baresip, each with its own tone."""
    bob = world.phone("bob", 880)
    alice = world.phone("alice", 440)
    alice.wait_registered()
    bob.wait_registered()
    alice.dial(f"sip:bob@{DOMAIN}")
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    wait_until(lambda: near_frequency(alice, 880) and near_frequency(bob, 440), 15,
               "each hears the other's tone", 0.5)
    alice.hang_up()
    bob.wait_event("CALL_CLOSED")


def near_frequency(phone, expected):
    heard = phone.heard_frequency()
    return heard is not None and abs(heard - expected) < 5


@test(timeout=60, ids=("SP6",))
def pcma_phones_hear_each_other(world):
    bob = world.phone("bob", 700, codec="PCMA")
    alice = world.phone("alice", 500, codec="PCMA")
    alice.wait_registered()
    bob.wait_registered()
    alice.dial(f"sip:bob@{DOMAIN}")
    wait_until(lambda: near_frequency(alice, 700) and near_frequency(bob, 500), 15,
               "each hears the other's tone", 0.5)
    equal({s["codec"].upper()[:4] for s in world.lab.show("sessions")}, {"PCMA"}, "codec shown")
    alice.hang_up()
    bob.wait_event("CALL_CLOSED")


@test()
def audio_is_identical_in_both_directions(world):
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=100)
    hang_up(outgoing, incoming)
    for listener, speaker in ((incoming, outgoing), (outgoing, incoming)):
        received, sent = seen_by_phones(listener, speaker)
        assert is_run_of(received, sent), \
            f"{listener.agent.user} received {len(received)} packets that are not " \
            f"a run of the {len(sent)} sent"
    near(outgoing.media.heard_frequency(), 880, 3, "heard by the caller")
    near(incoming.media.heard_frequency(), 440, 3, "heard by the callee")


@test()
def rtcp_is_relayed(world):
    outgoing, incoming = world.call()
    report = bytes([0x80, 200, 0, 6]) + outgoing.media.ssrc.to_bytes(4, "big") + bytes(20)
    sdes = bytes([0x81, 202, 0, 2]) + outgoing.media.ssrc.to_bytes(4, "big") + b"\x01\x01a\x00"
    outgoing.media.send_rtcp(report + sdes)
    wait_until(lambda: any(raw == report + sdes for raw, _ in incoming.media.received_rtcp), 5,
               "the callee has the sender report")
    hang_up(outgoing, incoming)


@test(ids=("SP7",))
def a_call_over_ipv6(world):
    from world.lab import ADDRESSES6
    alice = world.registered("alice", address=ADDRESSES6["alice"])
    bob = world.registered("bob", address=ADDRESSES6["bob"])
    outgoing, incoming = connect(alice, bob)
    equal(outgoing.remote_sdp.address, "2001:2::20", "media address in the answer")
    wait_talking(outgoing, incoming, packets=50)
    near(outgoing.media.heard_frequency(), 880, 3, "heard by the caller")
    hang_up(outgoing, incoming)


@test()
def the_callee_may_end_the_call(world):
    outgoing, incoming = world.call()
    call = only_call(world)
    hang_up(incoming, outgoing)
    equal(cdr_of(world, call)["ended_by"], "callee", "ended_by")


@test()
def a_call_leaves_a_cdr(world):
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=100)
    call = only_call(world)
    hang_up(outgoing, incoming)
    record = cdr_of(world, call)
    equal([c["call"] for c in world.lab.show("cdrs")].count(call), 1, "CDRs of the call")
    equal(record["cause"], 200, "cause")
    equal(record["ended_by"], "caller", "ended_by")
    assert "alice" in record["from"] and record["answered"], record
    near(float(record["duration_s"]), 2.3, 1.5, "duration")


@test(ids=("SD10",))
def early_media_is_heard_before_the_answer(world):
    """The carrier's 183 brings a description; both sides hear before the 200."""
    alice, carrier = world.registered("alice"), world.trunk()
    outgoing = alice.invite("9123")
    incoming = carrier.incoming(frequency=600)
    incoming.early_media()
    outgoing.wait_status(183)
    outgoing.talk()
    wait_talking(outgoing, incoming, packets=60)
    near(outgoing.media.heard_frequency(), 600, 3, "heard by the caller before the answer")
    equal({c["state"] for c in world.lab.show("calls")}, {"early"}, "state shown")
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)


@test()
def the_trunk_gets_the_dialled_number(world):
    alice, carrier = world.registered("alice"), world.trunk()
    outgoing = alice.invite("9004930123")
    incoming = carrier.incoming()
    assert incoming.invite.uri.startswith("sip:9004930123@198.18.0.104"), incoming.invite.uri
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    equal([t["calls"] for t in world.lab.show("trunks") if t["name"] == "carrier"], [1],
          "calls on the trunk")
    hang_up(incoming, outgoing)


@test()
def the_trunk_may_call_in_by_its_address(world):
    bob, carrier = world.registered("bob"), world.trunk()
    outgoing = carrier.invite("bob")
    incoming = bob.incoming()
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)


@test()
def a_stranger_is_challenged(world):
    stranger = world.agent("mallory", host="carrol", trunk=True)
    world.registered("bob")
    call = stranger.invite("bob")
    answer = call.wait_failure()
    assert answer.status in (401, 403, 407), answer.first


@test(ids=("AU1",))
def a_wrong_password_makes_no_call(world):
    alice = world.agent("alice", password="guess")
    world.registered("bob")
    call = alice.invite("bob")
    answer = call.wait_failure()
    assert answer.status in (401, 403, 407), answer.first


@test()
def cancel_stops_the_ringing(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    call = only_call(world)
    equal(outgoing.cancel().status, 200, "CANCEL")
    cancel = bob.expect("CANCEL", call_id=incoming.call_id)
    bob.reply(cancel, 200, "OK")
    incoming.reject(487, "Request Terminated")
    equal(outgoing.wait_failure().status, 487, "INVITE")
    equal(cdr_of(world, call)["cause"], 487, "cause in the CDR")


@test()
def busy_reaches_the_caller(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    bob.incoming().reject(486, "Busy Here")
    equal(outgoing.wait_failure().status, 486, "INVITE")


@test()
def an_unknown_user_is_404(world):
    outgoing = world.registered("alice").invite("nobody")
    equal(outgoing.wait_failure().status, 404, "INVITE")


@test()
def a_user_without_a_phone_is_480(world):
    outgoing = world.registered("alice").invite("carrol")
    equal(outgoing.wait_failure().status, 480, "INVITE")


@test()
def nobody_answers(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    cancel = bob.expect("CANCEL", 15, call_id=incoming.call_id)
    bob.reply(cancel, 200, "OK")
    incoming.reject(487, "Request Terminated")
    assert outgoing.wait_failure().status in (408, 480)


@test(timeout=80, ids=("SD6",))
def a_callee_that_is_gone_is_given_up(world):
    """The contact is registered, its port is closed: no answer at all."""
    alice = world.registered("alice")
    ghost = world.agent("bob")
    equal(ghost.register(contacts=["<sip:bob@198.18.0.102:9>"]).status, 200, "REGISTER")
    outgoing = alice.invite("bob")
    assert outgoing.wait_failure(20).status in (408, 480, 503)
    # The INVITE to the ghost may be sent again until Timer B ends it (RFC 3261 §17.1.1.2).
    world.lab.wait_idle(40)
    ghost.register(expires=0, contacts=["*"])


@test(ids=("RG3", "FF4"))
def all_contacts_ring_and_one_answers(world):
    alice = world.registered("alice")
    desk = world.registered("bob")
    mobile = world.registered("bob", host="carrol")
    outgoing = alice.invite("bob")
    at_desk, at_mobile = desk.incoming(), mobile.incoming(frequency=700)
    at_desk.ring()
    at_mobile.ring()
    outgoing.wait_status(180)
    answer_both(outgoing, at_mobile)
    cancel = desk.expect("CANCEL", call_id=at_desk.call_id)
    desk.reply(cancel, 200, "OK")
    at_desk.reject(487, "Request Terminated")
    wait_talking(outgoing, at_mobile, packets=50)
    near(outgoing.media.heard_frequency(), 700, 3, "heard by the caller")
    hang_up(outgoing, at_mobile)
    desk.register(expires=0, contacts=["*"])


@test()
def a_contact_at_another_port_of_the_host_is_called(world):
    """Who registers names where to be called; only behind a NAT is that not to be believed."""
    alice, answering = world.registered("alice"), world.agent("bob")
    registering = world.agent("bob")
    equal(registering.register(contacts=[f"<{answering.contact}>"]).status, 200, "REGISTER")
    outgoing = alice.invite("bob")
    incoming = answering.incoming(seconds=4)
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)


@test(ids=("NA5",))
def a_phone_behind_a_nat_is_called_where_it_registered_from(world):
    alice, bob = world.registered("alice"), world.agent("bob")
    equal(bob.register(contacts=["<sip:bob@10.255.255.1:5060>"]).status, 200, "REGISTER")
    outgoing = alice.invite("bob")
    incoming = bob.incoming(seconds=4)
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)


@test(ids=("NA4",))
def what_an_alg_has_mangled_works(world):
    """It has put the public address into the Via alone: Contact and description are private."""
    with listening(world) as events:
        alice, bob = world.registered("alice"), world.agent("bob")
        bob.contact = "sip:bob@10.255.255.1:5060"
        equal(bob.register().status, 200, "REGISTER")
        told = events.wait("nat.alg", 5)["fields"]
        equal(told["source"], f"{bob.address}:{bob.port}", "source in the event")
        shown = next(r for r in world.lab.show("registrations") if r["aor"].startswith("bob@"))
        equal((shown["nat"], shown["alg"]), (True, True), "registration")
        outgoing = alice.invite("bob")
        incoming = bob.incoming(seconds=4)
        incoming.answer(incoming.local_sdp().replace(bob.address, "10.255.255.1"))
        outgoing.wait_answer()
        wait_talking(outgoing, incoming)
        hang_up(outgoing, incoming)


@test(ids=("NA4",))
def a_caller_whose_messages_are_rewritten_in_part_has_its_call(world):
    """The Via names the public source, and the Contact is private still."""
    alice, bob = world.registered("alice"), world.registered("bob")
    counted = {row["counter"]: row["value"] for row in world.lab.show("sip")}["calls.rewritten"]
    with listening(world) as events:
        alice.contact = "sip:alice@10.255.255.1:5060"
        outgoing, incoming = connect(alice, bob)
        events.wait("nat.alg", 5, aor=f"alice@{DOMAIN}")
        hang_up(incoming, outgoing)
    counters = {row["counter"]: row["value"] for row in world.lab.show("sip")}
    equal(counters["calls.rewritten"], counted + 1, "the counter")


@test()
def a_phone_sends_its_calls_on(world):
    """302: to another user, and not to whom the caller could not call either."""
    alice, bob, carrol = (world.registered(name) for name in ("alice", "bob", "carrol"))
    outgoing = alice.invite("bob")
    bob.incoming().reject(302, "Moved Temporarily",
                          [("contact", f"<sip:x@192.0.2.1>, <sip:carrol@{DOMAIN}>;q=0.5")])
    incoming = carrol.incoming()
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)
    outgoing = alice.invite("bob")
    bob.incoming().reject(302, "Moved Temporarily", [("contact", "<sip:x@192.0.2.1>")])
    equal(outgoing.wait_failure().status, 480, "where nobody of ours is")


@test()
def an_operator_may_hang_up(world):
    outgoing, incoming = world.call()
    call = only_call(world)
    world.lab.ctl("call", "hangup", call)
    outgoing.wait_bye()
    incoming.wait_bye()
    equal(cdr_of(world, call)["ended_by"], "system", "ended_by")


@test()
def retransmitted_invites_make_one_call(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    for _ in range(3):
        alice.send(outgoing.invite)
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    equal(len(world.lab.show("calls")), 1, "calls")
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    assert not [r for r in bob.requests if r.method == "INVITE"], "a second INVITE"
    hang_up(outgoing, incoming)


@test()
def a_bye_for_no_call_is_481(world):
    alice = world.agent("alice")
    request = alice.request("BYE", "sip:bob@198.18.0.10", to_tag="nothing", from_tag="at-all")
    equal(alice.transact(request).status, 481, "BYE")


@test(ids=("SP6",))
def an_unacceptable_offer_is_488(world):
    from world import sip
    alice, bob = world.registered("alice"), world.registered("bob")
    del bob
    offer = sip.make_sdp(alice.address, 30000, formats=("0",)).replace("RTP/AVP", "RTP/SAVP")
    outgoing = alice.invite("bob", sdp=offer)
    equal(outgoing.wait_failure().status, 488, "INVITE")


@test(ids=("SP6",))
def any_codec_goes_through_with_its_parameters(world):
    from world import sip
    alice, bob = world.registered("alice"), world.registered("bob")
    opus = "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1"
    offer = sip.make_sdp(alice.address, 30000, formats=("0",)).replace(
        "RTP/AVP 0", "RTP/AVP 96 0").replace("a=rtpmap:0", f"{opus}\r\na=rtpmap:0")
    alice_offer = offer + "m=video 30002 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\n"
    outgoing = alice.invite("bob", sdp=alice_offer)
    incoming = bob.incoming()
    assert f"RTP/AVP 96 0\r\n{opus}\r\n" in incoming.invite.body, incoming.invite.body
    assert "m=video" not in incoming.invite.body, incoming.invite.body
    incoming.answer(offer.replace("RTP/AVP 96 0", "RTP/AVP 96"))
    answer = outgoing.wait_answer().body
    assert f"RTP/AVP 96\r\n{opus}\r\n" in answer, answer
    assert "m=video 0 RTP/AVP 97" in answer, answer
    call = only_call(world)
    equal(world.lab.show("sessions")[0]["codec"], "opus", "codec")
    hang_up(outgoing, incoming)
    equal(cdr_of(world, call)["codec"], "opus", "codec")


@test()
def setting_up_a_call_is_quick(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    started = time.monotonic()
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    answer_both(outgoing, incoming)
    seconds = time.monotonic() - started
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)
    assert seconds < 1, f"{seconds:.2f} s from INVITE to ACK"
