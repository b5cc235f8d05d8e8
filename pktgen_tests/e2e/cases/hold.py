# SPDX-License-Identifier: BSD-3-Clause
"""Hold and resume by re-INVITE (RFC 3264 §8.4)."""

import threading

from world.suite import equal, hang_up, near, test, wait_silent, wait_talking


def renegotiate(asking, answering, direction, answer):
    """A re-INVITE passes through; returns (what was offered there, what came back)."""
    offered = []
    other = threading.Thread(target=lambda: offered.append(answering.answer_reinvite(answer)))
    other.start()
    back = asking.reinvite(direction)
    other.join(10)
    assert offered, "the re-INVITE did not arrive on the other side"
    return offered[0].direction, back.direction


@test(ids=("SD11", "SP5"))
def hold_with_sendonly_and_resume(world):
    outgoing, incoming = world.call()
    equal(renegotiate(outgoing, incoming, "sendonly", "recvonly"), ("sendonly", "recvonly"),
          "directions")
    wait_silent(outgoing)
    wait_talking(incoming)  # music on hold, if the holding side plays some
    equal({c["state"] for c in world.lab.show("calls")}, {"held"}, "state shown")
    equal(renegotiate(outgoing, incoming, "sendrecv", "sendrecv"), ("sendrecv", "sendrecv"),
          "directions")
    wait_talking(outgoing, incoming, packets=70)
    near(outgoing.media.heard_frequency(), 880, 3, "heard again by the caller")
    near(incoming.media.heard_frequency(), 440, 3, "heard by the callee")
    equal({c["state"] for c in world.lab.show("calls")}, {"answered"}, "state shown")
    hang_up(outgoing, incoming)


@test(ids=("SP5",))
def hold_with_inactive_by_the_callee(world):
    outgoing, incoming = world.call()
    equal(renegotiate(incoming, outgoing, "inactive", "inactive"), ("inactive", "inactive"),
          "directions")
    wait_silent(outgoing)
    wait_silent(incoming)
    equal(renegotiate(incoming, outgoing, "sendrecv", "sendrecv"), ("sendrecv", "sendrecv"),
          "directions")
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)


@test(timeout=60)
def a_phone_holds_and_resumes(world):
    """The same with baresip on one side."""
    bob = world.phone("bob", 880)
    bob.wait_registered()
    alice = world.registered("alice")
    call = alice.invite("bob")
    call.wait_answer()
    wait_talking(call)
    bob.hold()
    offer = call.answer_reinvite("recvonly")
    assert offer.direction in ("sendonly", "inactive"), offer.direction
    bob.resume()
    equal(call.answer_reinvite("sendrecv").direction, "sendrecv", "direction")
    wait_talking(call, packets=70)
    near(call.media.heard_frequency(), 880, 5, "heard again")
    equal(call.hang_up().status, 200, "BYE")
