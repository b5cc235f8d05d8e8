# SPDX-License-Identifier: BSD-3-Clause
"""What phones do to a call beside making and ending it: offers anew, races, answers of all kinds."""

import time

from world import sip
from world.lab import DOMAIN, Timeout, wait_until
from world.suite import answer_both, cdr_of, equal, hang_up, near, test, wait_silent, wait_talking


def offer_anew(asking, answering, offer, answer, status=200):
    """A re-INVITE with this body, answered with that one (or a status); (offered there, response)."""
    request = asking.in_dialog("INVITE", body=offer)
    asking.agent.send(request)
    there = answering.agent.expect("INVITE", 5, call_id=answering.call_id)
    contact = [("contact", f"<{answering.agent.contact}>")]
    answering.agent.reply(there, status, "Said", None, contact, answer if status == 200 else "")
    answering.agent.expect("ACK", 5, call_id=answering.call_id)
    response = asking.agent.response(request)
    if response.status == 200:
        asking.agent.send(asking.in_dialog("ACK", cseq=request.cseq))
        # Until the ACK has arrived, an offer of the other side would get 491.
        equal(asking.agent.transact(asking.in_dialog("OPTIONS")).status, 200, "OPTIONS")
    else:
        asking.agent.ack_failure(request, response)
    return sip.Sdp(there.body), response


@test(ids=("SD11", "SP5"))
def hold_in_the_old_way_and_resume(world):
    """c=IN IP4 0.0.0.0, as phones of RFC 2543 do."""
    outgoing, incoming = world.call()
    held = sip.make_sdp("0.0.0.0", incoming.media.port, version=2)
    there, response = offer_anew(incoming, outgoing, held, outgoing.local_sdp("recvonly"))
    assert there.direction in ("sendonly", "inactive"), there.text
    assert sip.Sdp(response.body).direction in ("recvonly", "inactive"), response.body
    wait_silent(incoming)
    equal({c["state"] for c in world.lab.show("calls")}, {"held"}, "state")
    there, response = offer_anew(incoming, outgoing, incoming.local_sdp(), outgoing.local_sdp())
    equal((there.direction, sip.Sdp(response.body).direction), ("sendrecv", "sendrecv"), "resumed")
    wait_talking(outgoing, incoming, packets=50)
    hang_up(outgoing, incoming)


@test(ids=("SD11", "SP4"))
def the_port_of_a_phone_changes(world):
    outgoing, incoming = world.call()
    old = outgoing.media
    outgoing.media = outgoing.agent.rtp(500)
    there, response = offer_anew(outgoing, incoming, outgoing.local_sdp(), incoming.local_sdp())
    equal(there.port, incoming.remote_sdp.port, "port that the callee sees")
    old.pause()
    outgoing.remote_sdp = sip.Sdp(response.body)
    outgoing.talk()
    wait_talking(outgoing, incoming, packets=70)
    near(incoming.media.heard_frequency(), 500, 5, "heard by the callee")
    hang_up(outgoing, incoming)


@test(ids=("SD11", "SP3"))
def the_codec_changes(world):
    outgoing, incoming = world.call()
    pcma = sip.make_sdp(outgoing.agent.address, outgoing.media.port, formats=("8", "101"), version=2)
    answer = sip.make_sdp(incoming.agent.address, incoming.media.port, formats=("8", "101"), version=2)
    there, response = offer_anew(outgoing, incoming, pcma, answer)
    equal(there.formats, ["8", "101"], "offered on")
    equal(sip.Sdp(response.body).formats, ["8", "101"], "answered")
    equal({s["codec"] for s in world.lab.show("sessions")}, {"PCMA"}, "codec shown")
    hang_up(outgoing, incoming)


@test()
def a_refused_offer_leaves_the_call_as_it_was(world):
    outgoing, incoming = world.call()
    for status in (488, 500):  # 491 is tried again by itself
        _, response = offer_anew(outgoing, incoming, outgoing.local_sdp("sendonly"), "", status)
        equal(response.status, status, "re-INVITE")
    wait_talking(outgoing, incoming)
    equal({c["state"] for c in world.lab.show("calls")}, {"answered"}, "state")
    there, _ = offer_anew(incoming, outgoing, incoming.local_sdp("sendonly"),
                          outgoing.local_sdp("recvonly"))
    equal(there.direction, "sendonly", "the next one")
    hang_up(incoming, outgoing)


def settle(call, status):
    """Answers the offer that waits, if there is one."""
    try:
        asked = call.agent.expect("INVITE", 0.05, call_id=call.call_id)
    except Timeout:
        return
    call.agent.reply(asked, status, "Said", None, [("contact", f"<{call.agent.contact}>")],
                     call.local_sdp("recvonly") if status == 200 else "")


@test(ids=("SD12",))
def offers_that_cross_are_both_settled(world):
    """Glare (RFC 3261 §14.1): both ask at once; one gets 491 and asks again."""
    outgoing, incoming = world.call()
    one = outgoing.in_dialog("INVITE", body=outgoing.local_sdp("sendonly"))
    two = incoming.in_dialog("INVITE", body=incoming.local_sdp("sendonly"))
    outgoing.agent.send(one)
    incoming.agent.send(two)
    deadline = time.monotonic() + 12
    answered = {}
    while time.monotonic() < deadline and len(answered) < 2:
        for call, request in ((outgoing, one), (incoming, two)):
            settle(call, 200 if request in answered else 491)
            final = next((r for r in call.agent.responses if r.branch == request.branch
                          and r.status >= 200), None)
            if final and request not in answered:
                answered[request] = final.status
                if final.status == 200:
                    call.agent.send(call.in_dialog("ACK", cseq=request.cseq))
                else:
                    call.agent.ack_failure(request, final)
    statuses = sorted(answered.values())
    assert statuses in ([200, 491], [491, 491]), statuses
    # Whatever is still tried again is accepted now.
    end = time.monotonic() + 6
    while time.monotonic() < end:
        settle(outgoing, 200)
        settle(incoming, 200)
        if all(s["sdp_state"] == "complete" for s in world.lab.show("sessions")):
            break
    hang_up(outgoing, incoming)


@test(ids=("SD11",))
def a_reinvite_without_an_offer_asks_the_other_side(world):
    outgoing, incoming = world.call()
    request = outgoing.in_dialog("INVITE")
    outgoing.agent.send(request)
    there = incoming.agent.expect("INVITE", 5, call_id=incoming.call_id)
    equal(there.body, "", "body of the question")
    incoming.agent.reply(there, 200, "OK", None, [("contact", f"<{incoming.agent.contact}>")],
                         incoming.local_sdp())
    response = outgoing.agent.response(request)
    equal(response.status, 200, "re-INVITE")
    assert response.body, "offer in the 200"
    outgoing.agent.send(outgoing.in_dialog("ACK", cseq=request.cseq, body=outgoing.local_sdp()))
    assert incoming.agent.expect("ACK", 5, call_id=incoming.call_id).body, "answer in the ACK"
    wait_talking(outgoing, incoming, packets=30)
    there, _ = offer_anew(outgoing, incoming, outgoing.local_sdp("sendonly"),
                          incoming.local_sdp("recvonly"))
    equal(there.direction, "sendonly", "a later offer")
    hang_up(outgoing, incoming)


@test(ids=("SD10", "FF4"))
def early_media_of_two_forks(world):
    """The first 183 is heard; the one who answers is heard afterwards."""
    alice = world.registered("alice")
    desk, mobile = world.registered("bob"), world.registered("bob", host="carrol")
    outgoing = alice.invite("bob")
    at_desk, at_mobile = desk.incoming(600), mobile.incoming(700)
    at_desk.early_media()
    outgoing.wait_status(183)
    outgoing.talk()
    wait_talking(outgoing, packets=20)
    at_mobile.early_media()
    wait_talking(outgoing, packets=40)
    near(outgoing.media.heard_frequency(), 600, 5, "heard early")
    answer_both(outgoing, at_mobile)
    cancel = desk.expect("CANCEL", call_id=at_desk.call_id)
    desk.reply(cancel, 200, "OK")
    at_desk.media.pause()
    at_desk.reject(487)
    wait_talking(outgoing, at_mobile, packets=70)
    near(outgoing.media.heard_frequency(), 700, 5, "heard after the answer")
    hang_up(at_mobile, outgoing)
    desk.register(expires=0, contacts=["*"])


@test()
def a_cancel_before_the_callee_said_anything(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    equal(outgoing.cancel().status, 200, "CANCEL")
    equal(outgoing.wait_failure().status, 487, "INVITE")
    assert not [r for r in bob.requests if r.method == "CANCEL"], "CANCEL before a response"
    incoming.ring()
    bob.reply(bob.expect("CANCEL", 5, call_id=incoming.call_id), 200, "OK")
    incoming.reject(487)


@test()
def a_cancel_at_once(world):
    """The CANCEL leaves right behind the INVITE."""
    alice, bob = world.registered("alice"), world.registered("bob")
    for _ in range(5):
        outgoing = alice.invite("bob")
        equal(outgoing.cancel().status, 200, "CANCEL")
        equal(outgoing.wait_failure().status, 487, "INVITE")
        try:
            incoming = bob.incoming(seconds=0.5)
        except Timeout:
            continue
        incoming.ring()
        bob.reply(bob.expect("CANCEL", 5, call_id=incoming.call_id), 200, "OK")
        incoming.reject(487)


@test()
def a_callee_that_answers_after_the_cancel_gets_a_bye(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    call = world.lab.show("calls")[0]["id"]
    equal(outgoing.cancel().status, 200, "CANCEL")
    equal(outgoing.wait_failure().status, 487, "INVITE")
    cancel = bob.expect("CANCEL", 5, call_id=incoming.call_id)
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp())
    bob.expect("ACK", 5, call_id=incoming.call_id)
    incoming.wait_bye()
    bob.reply(cancel, 200, "OK")
    record = cdr_of(world, call)
    equal((record["cause"], record["ended_by"]), (487, "caller"), "CDR")
    assert not record["answered"], record


@test()
def a_cancel_that_crosses_the_answer(world):
    """The caller's CANCEL comes after our 200: it has no effect (RFC 3261 §9.2)."""
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    answer_both(outgoing, incoming)
    status = outgoing.cancel().status
    assert status in (200, 481), status
    wait_talking(outgoing, incoming, packets=20)
    hang_up(outgoing, incoming)


@test()
def byes_that_cross(world):
    outgoing, incoming = world.call()
    one, two = outgoing.in_dialog("BYE"), incoming.in_dialog("BYE")
    outgoing.agent.send(one)
    incoming.agent.send(two)
    for call, request in ((outgoing, one), (incoming, two)):
        status = call.agent.response(request).status
        assert status in (200, 481), status
        call.media.pause()
    for call in (outgoing, incoming):
        try:
            call.agent.reply(call.agent.expect("BYE", 0.5, call_id=call.call_id), 200)
        except Timeout:
            pass


@test()
def a_bye_during_an_offer(world):
    """The callee ends the call while it has a re-INVITE to answer."""
    outgoing, incoming = world.call()
    request = outgoing.in_dialog("INVITE", body=outgoing.local_sdp("sendonly"))
    outgoing.agent.send(request)
    there = incoming.agent.expect("INVITE", 5, call_id=incoming.call_id)
    incoming.agent.reply(there, 100, "Trying")
    bye = incoming.in_dialog("BYE")
    incoming.agent.send(bye)
    equal(incoming.agent.response(bye).status, 200, "BYE")
    incoming.agent.reply(there, 487, "Request Terminated")
    response = outgoing.agent.response(request)
    assert response.status >= 400, response.first
    outgoing.agent.ack_failure(request, response)
    outgoing.wait_bye()
    incoming.media.pause()


@test()
def what_is_sent_again_is_answered_again(world):
    outgoing, incoming = world.call()
    bob, alice = incoming.agent, outgoing.agent
    acks = len([m for d, _, m in bob.trace if d == "in" and m.method == "ACK"])
    bob.send(incoming.answered)  # 200 again: its ACK was lost
    wait_until(lambda: len([m for d, _, m in bob.trace if d == "in" and m.first.startswith("ACK")]) > acks,
               3, "the ACK again")
    bye = outgoing.in_dialog("BYE")
    alice.send(bye)
    incoming.wait_bye()
    equal(alice.response(bye).status, 200, "BYE")
    alice.responses.clear()
    alice.send(bye)
    equal(alice.response(bye).status, 200, "BYE again")
    outgoing.media.pause()


@test(timeout=60)
def a_lost_ack_ends_the_call(world):
    """No ACK for 32 s: both sides get BYE (RFC 3261 §13.3.1.4)."""
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp())
    bob.expect("ACK", call_id=incoming.call_id)
    outgoing.answered = alice.response(outgoing.invite)
    outgoing.remote_sdp = sip.Sdp(outgoing.answered.body)
    incoming.talk()
    outgoing.talk()
    started = time.monotonic()
    incoming.wait_bye(40)
    assert 30 < time.monotonic() - started < 36, time.monotonic() - started
    outgoing.wait_bye(5)
    copies = [m for d, _, m in alice.trace if d == "in" and m.is_response and m.status == 200
              and m.method == "INVITE"]
    assert len(copies) >= 8, len(copies)


@test()
def refusals_reach_the_caller(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    for status, expected in ((486, 486), (603, 603), (480, 480), (404, 404), (500, 500),
                             (302, 480), (401, 503), (699, 699)):
        outgoing = alice.invite("bob")
        incoming = bob.incoming()
        call = world.lab.show("calls")[0]["id"]
        incoming.ring()
        incoming.reject(status, headers=[("contact", "<sip:other@203.0.113.1>")])
        equal(outgoing.wait_failure().status, expected, f"INVITE refused with {status}")
        equal(cdr_of(world, call)["cause"], expected, "cause")


@test(ids=("CS9",))
def requests_in_a_dialog(world):
    """UPDATE, INFO, OPTIONS and what nobody knows."""
    outgoing, incoming = world.call()
    alice = outgoing.agent
    update = outgoing.in_dialog("UPDATE", body=outgoing.local_sdp("sendonly"))
    alice.send(update)
    there = incoming.agent.expect("INVITE", 5, call_id=incoming.call_id)
    incoming.agent.reply(there, 200, "OK", None, [("contact", f"<{incoming.agent.contact}>")],
                         incoming.local_sdp("recvonly"))
    response = alice.response(update)
    equal((response.status, sip.Sdp(response.body).direction), (200, "recvonly"), "UPDATE")
    equal(alice.transact(outgoing.in_dialog("UPDATE")).status, 200, "UPDATE without a body")
    equal(alice.transact(outgoing.in_dialog("OPTIONS")).status, 200, "OPTIONS")
    for method in ("INFO", "MESSAGE"):
        request = outgoing.in_dialog(method)
        alice.send(request)
        incoming.agent.reply(incoming.agent.expect(method, 5, call_id=incoming.call_id), 200)
        equal(alice.response(request).status, 200, method)
    for method, statuses in (("NOTIFY", (481, 489)), ("REFER", (407,)), ("SUBSCRIBE", (407,)),
                             ("FROBNICATE", (405, 501))):
        response = alice.transact(outgoing.in_dialog(method))
        assert response.status in statuses, (method, response.first)
        if response.status in (405, 501):
            assert response.get("allow"), response
    equal(len(world.lab.show("calls")), 1, "calls")
    old = outgoing.in_dialog("OPTIONS", cseq=1)
    equal(alice.transact(old).status, 500, "an old CSeq")
    hang_up(outgoing, incoming)


@test()
def record_routes_are_followed(world):
    """Two proxies before the caller: BYE goes to the first of its route set, with both in it."""
    alice, bob = world.registered("alice"), world.registered("bob")
    proxy = f"<sip:{alice.address}:{alice.port};lr>"
    routes = [("record-route", f"{proxy}, <sip:198.18.0.103:5999;lr;x=1>"),
              ("record-route", "<sip:far@198.51.100.1;lr>")]
    outgoing = alice.invite("bob", headers=routes)
    incoming = bob.incoming()
    assert not incoming.invite.all("record-route"), "Record-Route of another dialog"
    answer_both(outgoing, incoming)
    equal(outgoing.answered.all("record-route"),
          [proxy, "<sip:198.18.0.103:5999;lr;x=1>", "<sip:far@198.51.100.1;lr>"], "copied in the 200")
    wait_talking(outgoing, incoming)
    bye = incoming.in_dialog("BYE")
    incoming.agent.send(bye)
    got = outgoing.wait_bye()
    equal(got.all("route"), [proxy, "<sip:198.18.0.103:5999;lr;x=1>", "<sip:far@198.51.100.1;lr>"],
          "Route of the BYE")
    equal(got.uri, alice.contact, "Request-URI of the BYE")
    incoming.media.pause()


@test()
def credentials_with_the_same_cseq_are_taken(world):
    """Some phones answer a challenge without raising the CSeq: that is no merged request."""
    alice, bob = world.registered("alice"), world.registered("bob")
    request = alice.request("INVITE", f"sip:bob@{DOMAIN}",
                            body=sip.make_sdp(alice.address, alice.rtp(440).port))
    alice.send(request)
    challenged = alice.response(request)
    equal(challenged.status, 407, "INVITE")
    alice.ack_failure(request, challenged)
    again = alice.authorised(request, challenged)
    again.headers = [(n, f"{request.cseq} INVITE" if n == "cseq" else v) for n, v in again.headers]
    alice.send(again)
    incoming = bob.incoming(seconds=4)
    incoming.reject(486)
    equal(alice.response(again).status, 486, "INVITE")
    alice.ack_failure(again, alice.response(again))


@test()
def odd_but_right_messages(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    invite = alice.invite("bob", headers=[("subject", "x" * 3500), ("x-utf", "gr\u00fc\u00df"),
                                          ("organization", "a" * 2500)])
    incoming = bob.incoming()
    incoming.reject(486)
    equal(invite.wait_failure().status, 486, "huge headers")
    lines = "".join(f"a=x-line-{n}:{'y' * 40}\r\n" for n in range(100))
    media = "".join(f"m=video {4000 + 2 * n} RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n" for n in range(6))
    outgoing = alice.invite("bob", sdp=sip.make_sdp(alice.address, 30000) + lines + media)
    incoming = bob.incoming()
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp())
    response = outgoing.wait_answer()
    bob.expect("ACK", call_id=incoming.call_id)
    equal(response.body.count("m="), 7, "media lines in the answer")
    equal(response.body.count("m=video 0 "), 6, "refused lines")
    hang_up(outgoing, incoming)


@test()
def no_hops_left_is_483(world):
    alice = world.registered("alice")
    world.registered("bob")
    request = alice.request("INVITE", f"sip:bob@{DOMAIN}", body=sip.make_sdp(alice.address, 30000))
    request.headers = [(n, "0" if n == "max-forwards" else v) for n, v in request.headers]
    alice.send(request)
    first = alice.response(request)
    if first.status == 407:
        alice.ack_failure(request, first)
        request = alice.authorised(request, first)
        alice.send(request)
    response = alice.response(request)
    equal(response.status, 483, "INVITE")
    alice.ack_failure(request, response)
