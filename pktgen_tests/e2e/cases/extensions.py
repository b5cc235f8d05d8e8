# SPDX-License-Identifier: BSD-3-Clause
"""Extensions of a call as a peer sees them: reliable responses, UPDATE, session timers."""

from world import sip
from world.suite import equal, hang_up, test, wait_talking


def acknowledge_reliably(call, response, status=200):
    """PRACK for a provisional response (RFC 3262)."""
    call.answered = response
    prack = call.in_dialog("PRACK")
    prack.headers.append(("rack", f"{response.get('rseq')} {call.invite.cseq} INVITE"))
    equal(call.agent.transact(prack).status, status, "PRACK")


@test(ids=("SD12",))
def provisional_responses_are_reliable_on_both_sides(world):
    """Who is called rings reliably; the caller requires it, and acknowledges the third time."""
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob", headers=[("require", "100rel"), ("supported", "timer"),
                                            ("session-expires", "90;refresher=uac")])
    incoming = bob.incoming()
    for tag in ("100rel", "timer"):
        assert tag in incoming.invite.get("supported"), incoming.invite
    assert int(incoming.invite.get("session-expires").split(";")[0]) >= 90, incoming.invite
    incoming._reply(180, "Ringing", headers=[("require", "100rel"), ("rseq", "5")])
    prack = bob.expect("PRACK", 5, call_id=incoming.call_id)
    equal(prack.get("rack"), f"5 {incoming.invite.cseq} INVITE", "RAck")
    bob.reply(prack, 200, "OK")
    ringing = outgoing.wait_status(180)
    assert "100rel" in ringing.get("require"), ringing
    alice._wait(lambda: sum(r.status == 180 for r in alice.responses) >= 3 or None, 5,
                "three times 180")
    acknowledge_reliably(outgoing, ringing)
    acknowledge_reliably(outgoing, ringing, status=481)
    incoming.answer()
    answer = outgoing.wait_answer()
    equal(answer.get("session-expires"), "90;refresher=uac", "Session-Expires")
    wait_talking(outgoing, incoming)
    refresh = outgoing.in_dialog("UPDATE")
    refresh.headers += [("supported", "timer"), ("session-expires", "90;refresher=uac")]
    response = alice.transact(refresh)
    equal((response.status, response.get("session-expires")), (200, "90;refresher=uac"), "UPDATE")
    too_short = outgoing.in_dialog("UPDATE")
    too_short.headers += [("supported", "timer"), ("session-expires", "60")]
    response = alice.transact(too_short)
    equal((response.status, response.get("min-se")), (422, "90"), "UPDATE for a shorter session")
    hang_up(outgoing, incoming)


@test(ids=("SD12",))
def short_session_is_asked_for_again(world):
    """The callee's 422 makes the INVITE come again with its Min-SE (RFC 4028 §7.4)."""
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    first = bob.expect("INVITE", 5)
    bob.reply(first, 422, "Session Interval Too Small", sip.token(), [("min-se", "3600")])
    bob.expect("ACK", 5, call_id=first.call_id)
    incoming = bob.incoming()
    equal(incoming.call_id, first.call_id, "Call-ID")
    equal(incoming.invite.cseq, first.cseq + 1, "CSeq")
    equal(incoming.invite.get("session-expires"), "3600", "Session-Expires")
    equal(incoming.invite.get("min-se"), "3600", "Min-SE")
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp(), headers=[
        ("require", "timer"), ("session-expires", "3600;refresher=uac")])
    outgoing.wait_answer()
    bob.expect("ACK", 5, call_id=incoming.call_id)
    hang_up(outgoing, incoming)
