# SPDX-License-Identifier: BSD-3-Clause
"""Transfers (RFC 3515, RFC 5589): alice talks to bob, who sends her on to carrol."""

from urllib.parse import quote

from cases.death import kill, wait_new_pid
from world.lab import ADDRESSES6, DOMAIN, wait_until
from world.suite import (cdr_of, connect, equal, hang_up, near, only_call, test,
                         wait_talking)


def refer(call, to, headers=(), status=202):
    """REFER in a call, with the answer to the challenge; returns the response."""
    request = call.in_dialog("REFER")
    request.headers += [("refer-to", to)] + list(headers)
    response = call.agent.transact(request)
    equal(response.status, 407, "REFER without credentials")
    again = call.agent.authorised(request, response)
    call._cseq = again.cseq
    response = call.agent.transact(again)
    equal(response.status, status, "response to REFER")
    return response


def told(call, status, substate="active"):
    """The next NOTIFY of the call, which says how it goes."""
    notify = call.agent.expect("NOTIFY", call_id=call.call_id)
    call.agent.reply(notify, 200, "OK")
    equal(notify.get("content-type"), "message/sipfrag;version=2.0", "type of a NOTIFY")
    assert notify.get("event").startswith("refer"), notify.get("event")
    assert notify.get("subscription-state").startswith(substate), notify.get("subscription-state")
    assert notify.body.startswith(f"SIP/2.0 {status} "), notify.body
    return notify


def expect_tones(one, other, heard, said):
    wait_talking(one, other, packets=70)
    near(one.media.heard_frequency(), heard, 3, f"heard by {one.agent.user}")
    near(other.media.heard_frequency(), said, 3, f"heard by {other.agent.user}")


@test(ids=("TR1", "TR2", "TR3", "TR4"))
def a_blind_transfer_is_told_step_by_step(world):
    """SIPp-like to the letter: 202 with Contact, NOTIFY 100, 180, 200, BYE; then the tones."""
    carrol = world.registered("carrol")
    outgoing, incoming = world.call()
    call = only_call(world)
    accepted = refer(incoming, f"<sip:carrol@{DOMAIN}>")
    assert "198.18.0.10" in accepted.get("contact"), accepted
    told(incoming, 100)
    third = carrol.incoming(frequency=600)
    equal(third.invite.get("referred-by"), f"<sip:bob@{DOMAIN}>", "Referred-By")
    third.ring()
    told(incoming, 180)
    third.answered = third._reply(200, "OK", third.local_sdp())
    outgoing.answer_reinvite("sendrecv")
    outgoing.talk()
    third.agent.expect("ACK", call_id=third.call_id)
    third.talk()
    told(incoming, 200, "terminated;reason=noresource")
    incoming.wait_bye()
    expect_tones(outgoing, third, 600, 440)
    equal(cdr_of(world, call)["reason"], "transferred", "reason of the first call")
    for _, _, message in carrol.trace + outgoing.agent.trace:
        assert "198.18.0.102" not in str(message), f"bob's address in {message}"
    hang_up(outgoing, third)


@test(ids=("TR1", "TR3"))
def sipp_refers_and_is_told(world):
    """The mechanics as another one's SIP sees them; who is left hears whom it was sent to."""
    bob, carrol = world.registered("bob"), world.registered("carrol")
    caller = world.sipp("alice", "uac_transfer", "-s", "bob", "-m", "1",
                        target="198.18.0.10:5060", port=5080)
    incoming = bob.incoming(frequency=500)
    incoming.answer()
    third = carrol.incoming(frequency=600)
    third.ring()
    third.answered = third._reply(200, "OK", third.local_sdp())
    incoming.answer_reinvite("sendrecv")
    incoming.talk()
    carrol.expect("ACK", call_id=third.call_id)
    third.talk()
    equal(caller.wait(10), 0, f"exit status of sipp\n{caller.errors()}")
    expect_tones(incoming, third, 600, 500)
    hang_up(third, incoming)


@test(ids=("TR3",))
def a_target_that_is_busy_changes_nothing(world):
    carrol = world.registered("carrol")
    outgoing, incoming = world.call()
    refer(incoming, f"<sip:carrol@{DOMAIN}>")
    told(incoming, 100)
    carrol.incoming().reject(486, "Busy Here")
    told(incoming, 486, "terminated")
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)


def shards_of_calls(world):
    return {call["id"][:2] for call in world.lab.show("calls")}


def attended(world, apart, caller="alice"):
    """bob asks carrol first, on a line of its own. apart: the calls are of different shards."""
    bob, carrol = world.registered("bob"), world.registered("carrol")
    outgoing, incoming = world.call(caller, callee=bob)
    first = only_call(world)
    asking, third = connect(bob, carrol, (500, 600))
    while (len(shards_of_calls(world)) > 1) != apart:
        hang_up(asking, third)
        asking, third = connect(bob, carrol, (500, 600))
    replaces = quote(f"{asking.call_id};to-tag={asking.answered.tag('to')};from-tag={asking.tag}")
    refer(incoming, f"<sip:carrol@{DOMAIN}?Replaces={replaces}>")
    told(incoming, 100)
    return first, outgoing, incoming, asking, third


def attended_joins(world, *how):
    first, outgoing, incoming, asking, third = attended(world, *how)
    outgoing.answer_reinvite("sendrecv")
    outgoing.talk()
    told(incoming, 200, "terminated")
    incoming.wait_bye()
    asking.wait_bye()
    expect_tones(outgoing, third, 600, 440)
    equal(cdr_of(world, first)["reason"], "transferred", "reason of the first call")
    hang_up(outgoing, third)
    wait_until(lambda: not world.lab.show("calls"), 5, "no call is left")


@test(ids=("TR2", "TR4"))
def an_attended_transfer_joins_two_calls(world):
    attended_joins(world, False)


@test(ids=("TR2", "TR4"))
def an_attended_transfer_joins_calls_of_two_shards(world):
    attended_joins(world, True)


@test(ids=("TR2",))
def a_party_of_another_family_gets_a_seat_of_its_own(world):
    """alice speaks IPv6, and bob's leg in the other call does not."""
    alice = world.registered("alice", address=ADDRESSES6["alice"])
    attended_joins(world, True, alice)
    wait_until(lambda: not world.lab.show("terminations"), 5, "no termination is left")


@test(ids=("TR2", "TR4"))
def a_leg_that_went_to_another_shard_comes_back(world):
    """alice does not agree there: her call with bob goes on here, and so does the other one."""
    first, outgoing, incoming, asking, third = attended(world, apart=True)
    request = outgoing.agent.expect("INVITE", call_id=outgoing.call_id)
    outgoing.agent.reply(request, 488, "No")
    outgoing.agent.expect("ACK", call_id=outgoing.call_id)
    outgoing.answer_reinvite("sendrecv")
    told(incoming, 488, "terminated")
    outgoing.talk()
    wait_talking(outgoing, incoming, asking, third)
    equal(len(world.lab.show("calls")), 2, "calls")
    hang_up(asking, third)
    hang_up(outgoing, incoming)
    wait_until(lambda: not world.lab.show("calls"), 5, "no call is left")


@test(timeout=60, restarts=True, ids=("TR2",))
def a_leg_of_another_shard_is_found_after_a_restart(world):
    first, outgoing, incoming, asking, third = attended(world, apart=True)
    outgoing.answer_reinvite("sendrecv")
    outgoing.talk()
    told(incoming, 200, "terminated")
    incoming.wait_bye()
    asking.wait_bye()
    wait_talking(outgoing, third)
    cdr_of(world, first)
    old = kill(world, "controlplane")
    wait_new_pid(world, "controlplane", old)
    world.lab.wait_ready()
    equal(len(world.lab.show("calls")), 1, "calls")
    hang_up(outgoing, third)


@test(ids=("TR1",))
def an_operator_transfers(world):
    """The callee goes to a number of the trunk; who called is let go."""
    carrier = world.trunk()
    outgoing, incoming = world.call()
    call = only_call(world)
    world.lab.ctl("call", "transfer", call, "--leg", "b", "--to", "9123")
    third = carrier.incoming(frequency=600)
    third.answered = third._reply(200, "OK", third.local_sdp())
    incoming.answer_reinvite("sendrecv")
    incoming.talk()
    carrier.expect("ACK", call_id=third.call_id)
    third.talk()
    outgoing.wait_bye()
    expect_tones(incoming, third, 600, 880)
    hang_up(third, incoming)


@test(timeout=60, ids=("TR2",))
def a_phone_transfers(world):
    """baresip: alice and bob talk, bob transfers her to carrol and is gone."""
    carrol, bob, alice = (world.phone(name, tone)
                          for name, tone in (("carrol", 700), ("bob", 880), ("alice", 440)))
    for phone in (alice, bob, carrol):
        phone.wait_registered()
    alice.dial(f"sip:bob@{DOMAIN}")
    wait_until(lambda: is_near(alice, 880) and is_near(bob, 440), 15, "alice and bob talk", 0.5)
    bob.command("transfer", f"sip:carrol@{DOMAIN}")
    carrol.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_CLOSED")
    wait_until(lambda: is_near(alice, 700) and is_near(carrol, 440), 15,
               "alice and carrol hear each other", 0.5)
    alice.hang_up()
    carrol.wait_event("CALL_CLOSED")


def is_near(phone, expected):
    heard = phone.heard_frequency()
    return heard is not None and abs(heard - expected) < 5
