# SPDX-License-Identifier: BSD-3-Clause
"""Offers and answers from leg to leg, in each message that may carry them; and what of one leg
is shown on the other."""

from world import sip
from world.suite import answer_both, equal, hang_up, test, wait_talking
from world.wire import Wire, strangers


def leave_a_registration(world, user, port):
    agent = world.agent(user, port=port)
    equal(agent.register().status, 200, "REGISTER")
    agent.abandon()


@test(timeout=60, ids=("SD12", "SP3"))
def prack_update_reinvite_and_info_go_through(world):
    """sipp to sipp; each looks for what the other has written. Each one's wire is searched for what
    belongs to the other."""
    leave_a_registration(world, "bob", 5070)
    wires = Wire(world, "bob"), Wire(world, "carrier")
    callee = world.sipp("bob", "uas_exchange", "-m", "1", port=5070)
    caller = world.sipp("carrier", "uac_exchange", "-s", "bob", "-m", "1",
                        target="198.18.0.10:5060")
    try:
        equal(caller.wait(30), 0, f"exit status of the caller\n{caller.errors()}\n{callee.errors()}")
        equal(callee.wait(30), 0, f"exit status of the callee\n{callee.errors()}")
    finally:
        world.agent("bob").register(expires=0, contacts=["*"])
    shown, sent = (wire.sip() for wire in wires)
    assert "carrier.example" not in shown, "the carrier's domain is shown to bob"
    strangers(shown, sent)
    for method in ("PRACK", "UPDATE", "INFO", "Reason: Q.850;cause=16"):
        assert method in shown, f"{method} has not come"


def offer_states(world):
    """State of offer and answer of the caller's session, and of the callee's."""
    return tuple(next(s["sdp_state"] for s in world.lab.show("sessions") if s["direction"] == way)
                 for way in ("inbound", "outbound"))


def ring(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    return outgoing, incoming


@test(ids=("SP1",))
def offer_and_answer_are_shown_as_they_stand(world):
    outgoing, incoming = ring(world)
    equal(offer_states(world), ("offer-received", "offer-sent"), "while it rings")
    answer_both(outgoing, incoming)
    equal(offer_states(world), ("complete", "complete"), "when it is answered")
    hang_up(outgoing, incoming)


@test(ids=("SP1", "SP2"))
def an_invite_without_an_offer_asks_the_callee(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob", sdp="")
    incoming = bob.incoming()
    equal(incoming.invite.body, "", "offer")
    equal(offer_states(world), ("initial", "initial"), "before there is an offer")
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp())
    outgoing.answered = alice.response(outgoing.invite)
    outgoing.remote_sdp = sip.Sdp(outgoing.answered.body)
    equal(offer_states(world), ("offer-sent", "offer-received"), "while the answer is awaited")
    assert not any(r.method == "ACK" for r in bob.requests), "an ACK before the answer"
    outgoing.acknowledge(body=outgoing.local_sdp())
    ack = bob.expect("ACK", call_id=incoming.call_id)
    incoming.remote_sdp = sip.Sdp(ack.body)
    outgoing.talk()
    incoming.talk()
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)
