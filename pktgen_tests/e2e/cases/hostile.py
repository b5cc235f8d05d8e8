# SPDX-License-Identifier: BSD-3-Clause
"""Bad input changes nothing."""

import random

from world import sip
from world.lab import DOMAIN
from world.suite import equal, hang_up, test, wait_talking

MESSAGES = 1000


def seeds(agent):
    """Messages that are right, to be broken."""
    offer = sip.make_sdp(agent.address, 30000)
    yield agent.request("REGISTER", f"sip:{DOMAIN}", to=agent.uri, headers=[("expires", "60")])
    yield agent.request("INVITE", f"sip:bob@{DOMAIN}", body=offer)
    yield agent.request("INVITE", "sip:9123@198.18.0.10", body=offer,
                        headers=[("authorization", 'Digest username="carrol", realm="tandem.lab", '
                                  'nonce="abc", uri="sip:x", response="00"')])
    yield agent.request("BYE", f"sip:bob@{DOMAIN}", to_tag="abc")
    yield agent.request("CANCEL", f"sip:bob@{DOMAIN}")
    yield agent.request("ACK", f"sip:bob@{DOMAIN}", to_tag="abc")
    yield agent.request("OPTIONS", "sip:198.18.0.10", headers=[("route", "<sip:198.18.0.10;lr>")])
    invite = agent.request("INVITE", f"sip:bob@{DOMAIN}", body=offer)
    yield sip.response_to(invite, 200, "OK", "abc", body=offer)


def flip_bytes(raw, chance):
    for _ in range(chance.randrange(1, 8)):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return raw


def cut(raw, chance):
    return raw[:chance.randrange(len(raw))]


def remove_a_line(raw, chance):
    lines = bytes(raw).split(b"\r\n")
    del lines[chance.randrange(len(lines))]
    return b"\r\n".join(lines)


def repeat_a_line(raw, chance):
    lines = bytes(raw).split(b"\r\n")
    at = chance.randrange(len(lines))
    return b"\r\n".join(lines[:at] + [lines[at]] * chance.randrange(2, 200) + lines[at:])


def long_token(raw, chance):
    at = chance.randrange(len(raw))
    return raw[:at] + bytes([chance.choice(b"a<>\"%;:@,=0 ")]) * chance.randrange(50, 5000) + raw[at:]


def other_number(raw, chance):
    digits = [n for n, byte in enumerate(raw) if chr(byte).isdigit()]
    if not digits:
        return raw
    at = chance.choice(digits)
    number = chance.choice((b"-1", b"99999999999999999999", b"4294967296", b"0", b""))
    return raw[:at] + number + raw[at + 1:]


MUTATIONS = (flip_bytes, cut, remove_a_line, repeat_a_line, long_token, other_number)


def mutated(agent, count, seed=20):
    chance = random.Random(seed)
    good = [message.bytes() for message in seeds(agent)]
    for _ in range(count):
        raw = bytearray(chance.choice(good))
        for _ in range(chance.randrange(1, 4)):
            if len(raw) > 1:
                raw = bytearray(chance.choice(MUTATIONS)(raw, chance))
        yield bytes(raw)[:60000]


@test(timeout=90, ids=("SE3",))
def a_thousand_mutated_messages_change_nothing(world):
    lab = world.lab
    pids = (lab.pid("dataplane"), lab.pid("controlplane"))
    outgoing, incoming = world.call()
    registrations = len(lab.show("registrations"))
    sender = world.agent("carrol")
    start = len(incoming.media.received)
    for number, raw in enumerate(mutated(sender, MESSAGES)):
        sender.send_raw(raw)
        if number % 100 == 99:  # not faster than it is read: a full socket buffer proves nothing
            equal(sender.transact(sender.request("OPTIONS", "sip:198.18.0.10")).status, 200,
                  f"OPTIONS after {number + 1} messages")
    wait_talking(outgoing, incoming)
    equal((lab.pid("dataplane"), lab.pid("controlplane")), pids, "process ids")
    equal(len(lab.show("registrations")), registrations, "registrations")
    equal(len(lab.show("calls")), 1, "calls")
    equal(incoming.media.lost(start), 0, "RTP packets lost meanwhile")
    hang_up(outgoing, incoming)


@test()
def keep_alives_and_empty_datagrams_are_ignored(world):
    agent = world.agent("carrol")
    for raw in (b"", b"\r\n\r\n", b"\0\0\0\0", b"\r\n"):
        agent.send_raw(raw)
    equal(agent.transact(agent.request("OPTIONS", "sip:198.18.0.10")).status, 200, "OPTIONS")


@test(ids=("SE3",))
def a_body_longer_than_the_datagram_gets_400(world):
    agent = world.agent("carrol")
    request = agent.request("OPTIONS", "sip:198.18.0.10")
    agent.send_raw(request.bytes().replace(b"Content-Length: 0", b"Content-Length: 500"))
    equal(agent.response(request, 5).status, 400, "OPTIONS")


@test()
def too_many_hops_is_483(world):
    agent = world.registered("alice")
    request = agent.request("OPTIONS", f"sip:bob@{DOMAIN}")
    request.headers = [(n, "0" if n == "max-forwards" else v) for n, v in request.headers]
    status = agent.transact(request).status
    # RFC 3261 §11: an OPTIONS with 0 may also be answered as if it were for us.
    assert status in (200, 483), status
