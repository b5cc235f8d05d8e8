# SPDX-License-Identifier: BSD-3-Clause
"""What the dataplane does with packets: latching, counters, time-outs, and who carries RTP."""

import os
import random
import subprocess
import tempfile
import time

from world import sip
from world.lab import DOMAIN, MEDIA_ADDRESS, wait_until
from world.suite import answer_both, cdr_of, equal, hang_up, near, only_call, test, wait_talking


def termination_of(world, side):
    return next(t for t in world.lab.show("terminations") if t["side"] == side)


@test()
def media_goes_through_the_media_address(world):
    outgoing, incoming = world.call()
    for call in (outgoing, incoming):
        equal(call.remote_sdp.address, MEDIA_ADDRESS, "address in the SDP")
        equal({p.source[0] for p in call.media.received}, {MEDIA_ADDRESS}, "source of RTP")
        equal({p.source[1] for p in call.media.received}, {call.remote_sdp.port}, "its port")
    hang_up(outgoing, incoming)


@test()
def a_phone_whose_sdp_lies_is_heard_and_hears(world):
    """A phone behind a NAT: the SDP names an address that leads nowhere (symmetric RTP)."""
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob", sdp=sip.make_sdp("10.255.255.1", 40000))
    incoming = bob.incoming()
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming, packets=70)
    near(outgoing.media.heard_frequency(), 880, 3, "heard by the phone behind the NAT")
    shown = termination_of(world, "caller")
    equal((shown["latched_address"], shown["latched_port"]), (alice.address, outgoing.media.port),
          "latched")
    equal((shown["remote_address"], shown["remote_port"]), ("10.255.255.1", 40000), "from the SDP")
    hang_up(outgoing, incoming)


@test()
def a_foreign_source_is_not_relayed(world):
    """Packets of a third host to an open media port (RTP bleed)."""
    outgoing, incoming = world.call()
    intruder = world.agent("carrol").rtp(frequency=1500)
    ssrc = intruder.ssrc
    for _ in range(50):
        intruder.send_one(remote=(outgoing.remote_sdp.address, outgoing.remote_sdp.port))
    wait_until(lambda: sum(t["dropped"] for t in world.lab.show("terminations")) >= 50, 5,
               "the packets are counted as dropped")
    wait_talking(outgoing, incoming, packets=20)
    assert not any(p.ssrc == ssrc for p in incoming.media.received), "the intruder was heard"
    hang_up(outgoing, incoming)


def seized_before_the_caller_speaks(world):
    """A call whose caller says nothing yet, and a third host that sends five packets in sequence to
    her port: (calling side, called side, the third host's media)."""
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp())
    outgoing.wait_answer(talk=False)
    bob.expect("ACK", call_id=incoming.call_id)
    incoming.talk()
    wait_talking(outgoing)
    intruder = world.agent("carrol").rtp(frequency=1500)
    seize(intruder, outgoing)
    return outgoing, incoming, intruder


def seize(intruder, call):
    for _ in range(5):
        intruder.send_one(remote=(call.remote_sdp.address, call.remote_sdp.port))


def check_that_both_hear_each_other(outgoing, incoming):
    wait_talking(outgoing, incoming, packets=80)
    near(outgoing.media.heard_frequency(), 880, 3, "heard by the caller")
    near(incoming.media.heard_frequency(), 440, 3, "heard by the callee")


@test()
def nobody_takes_the_call_of_a_caller_who_says_nothing_yet(world):
    outgoing, incoming, intruder = seized_before_the_caller_speaks(world)
    wait_until(lambda: termination_of(world, "caller")["foreign"] >= 5, 5, "all were foreign")
    equal([t["source_rule"] for t in world.lab.show("terminations")], ["host", "host"], "rules")
    wait_talking(outgoing, packets=20)
    outgoing.talk()
    check_that_both_hear_each_other(outgoing, incoming)
    equal(len(intruder.received), 0, "packets that the intruder heard")
    assert not any(p.ssrc == intruder.ssrc for p in incoming.media.received), "he was heard"
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=60)
def a_caller_takes_her_call_back_with_her_first_packet(world):
    with world.configured("  ring_timeout_s: 6\n", "  ring_timeout_s: 6\n  media_source: learn\n"):
        outgoing, incoming, intruder = seized_before_the_caller_speaks(world)
        wait_until(lambda: len(intruder.received) >= 5, 5, "the intruder hears the callee")
        first = outgoing.media.sequence
        outgoing.talk()
        check_that_both_hear_each_other(outgoing, incoming)
        assert any((p.ssrc, p.sequence) == (outgoing.media.ssrc, first)
                   for p in incoming.media.received), "her first packet was dropped"
        shown, heard = termination_of(world, "caller"), len(intruder.received)
        equal((shown["source_rule"], shown["latched_address"]), ("learn", outgoing.agent.address),
              "her rule and source")
        seize(intruder, outgoing)
        wait_until(lambda: termination_of(world, "caller")["foreign"] >= 5, 5, "he is foreign now")
        check_that_both_hear_each_other(outgoing, incoming)
        equal(len(intruder.received), heard, "packets that the intruder heard")
        hang_up(outgoing, incoming)
        world.lab.wait_idle()
        world.close()


@test()
def counters_agree_with_what_the_phones_sent(world):
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=100)
    # Three packets of the caller never reach the network.
    outgoing.media.sequence = (outgoing.media.sequence + 3) & 0xFFFF
    wait_talking(outgoing, incoming, packets=20)
    outgoing.media.pause()
    incoming.media.pause()

    def settled():
        caller, callee = termination_of(world, "caller"), termination_of(world, "callee")
        return (caller["rx_packets"] == outgoing.media.sent
                and callee["rx_packets"] == incoming.media.sent
                and callee["tx_packets"] == len(incoming.media.received)
                and caller["tx_packets"] == len(outgoing.media.received))
    wait_until(settled, 5, "counters agree with the phones")
    caller, callee = termination_of(world, "caller"), termination_of(world, "callee")
    equal(caller["rx_bytes"], outgoing.media.sent * 172, "bytes from the caller")
    equal((caller["lost"], callee["lost"]), (3, 0), "lost")
    for side in (caller, callee):
        assert 0 <= float(side["jitter_ms"]) < 15, side
        equal(side["dropped"], 0, "dropped")
    hang_up(outgoing, incoming)


@test()
def a_call_without_media_is_ended(world):
    outgoing, incoming = world.call()
    call = only_call(world)
    started = time.monotonic()
    outgoing.media.pause()
    incoming.media.pause()
    outgoing.wait_bye(20)
    incoming.wait_bye(20)
    seconds = time.monotonic() - started
    assert 4 <= seconds <= 14, f"ended after {seconds:.1f} s; media_timeout_s is 6"
    record = cdr_of(world, call)
    equal((record["ended_by"], record["reason"]), ("system", "media-timeout"), "end of the call")


@test(timeout=60)
def a_held_call_outlives_the_media_timeout(world):
    from cases.hold import renegotiate
    outgoing, incoming = world.call()
    renegotiate(outgoing, incoming, "inactive", "inactive")
    outgoing.media.pause()
    incoming.media.pause()
    end = time.monotonic() + 9  # longer than media_timeout_s
    wait_until(lambda: time.monotonic() > end, 10, "the time-out has passed", 0.2)
    equal(len(world.lab.show("calls")), 1, "calls")
    equal(outgoing.agent.transact(outgoing.in_dialog("OPTIONS")).status, 200, "OPTIONS in the call")
    hang_up(outgoing, incoming)


@test()
def garbage_to_an_open_media_port_changes_nothing(world):
    outgoing, incoming = world.call()
    chance = random.Random(1)
    intruder = world.agent("carrol").rtp()
    target = (outgoing.remote_sdp.address, outgoing.remote_sdp.port)
    for _ in range(1000):
        size = chance.choice((0, 1, 3, 11, 12, 13, 60, 172, 1400))
        intruder.socket.sendto(chance.randbytes(size), target)
        outgoing.media.socket.sendto(bytes([chance.randrange(0, 128)]) + chance.randbytes(size),
                                     target)
    before = len(incoming.media.received)
    wait_talking(outgoing, incoming, packets=70)
    equal(incoming.media.garbage, 0, "garbage that reached the callee")
    near(incoming.media.heard_frequency(), 440, 3, "heard by the callee")
    equal(incoming.media.lost(before), 0, "packets lost")
    hang_up(outgoing, incoming)


@test()
def rtp_to_a_port_of_no_call_is_counted(world):
    def no_flow():
        return sum(d["packets"] for d in world.lab.show("drops") if d["reason"] == "no-flow")
    before = no_flow()
    media = world.agent("alice").rtp()
    for _ in range(20):
        media.send_one(remote=(MEDIA_ADDRESS, 17000))
    wait_until(lambda: no_flow() == before + 20, 5, "20 drops for no-flow")


def udp_datagrams(world):
    """UDP datagrams that sockets of the host tandem took (IPv4 and IPv6)."""
    total = 0
    for line in world.lab.run("tandem", "cat", "/proc/net/snmp").stdout.splitlines():
        if line.startswith("Udp: ") and line.split()[1].isdigit():
            total += int(line.split()[1])
    for line in world.lab.run("tandem", "cat", "/proc/net/snmp6").stdout.splitlines():
        if line.startswith("Udp6InDatagrams"):
            total += int(line.split()[1])
    return total


class Capture:
    """tcpdump on a host, read back as (source, destination) of UDP packets."""

    def __init__(self, world, host):
        self.world = world
        handle, self.path = tempfile.mkstemp(suffix=".pcap")
        os.close(handle)
        self.process = world.lab.popen(host, "tcpdump", "-U", "-n", "-i", "eth0", "-w", self.path,
                                       "udp", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       text=True)
        self.process.stderr.readline()

    def rtp_peers(self):
        """How many RTP packets went between which addresses, by tshark's own decoder."""
        self.process.terminate()
        self.process.communicate(timeout=5)
        shown = subprocess.run(
            ["tshark", "-r", self.path, "-o", "rtp.heuristic_rtp:TRUE", "-Y", "rtp", "-T", "fields",
             "-e", "ip.src", "-e", "ip.dst"], capture_output=True, text=True, check=True).stdout
        os.unlink(self.path)
        counts = {}
        for line in shown.splitlines():
            counts[tuple(line.split())] = counts.get(tuple(line.split()), 0) + 1
        return counts


@test(timeout=60)
def phones_exchange_rtp_only_with_the_dataplane(world):
    """A capture at the phone, and the kernel's own count of what its UDP sockets took."""
    bob = world.phone("bob", 880)
    alice = world.phone("alice", 440)
    alice.wait_registered()
    bob.wait_registered()
    capture = Capture(world, "alice")
    before = udp_datagrams(world)
    alice.dial(f"sip:bob@{DOMAIN}")
    alice.wait_event("CALL_ESTABLISHED")
    wait_until(lambda: world.lab.show("terminations")
               and termination_of(world, "caller")["rx_packets"] > 150, 15, "150 packets")
    rtp_packets = sum(t["rx_packets"] for t in world.lab.show("terminations"))
    alice.hang_up()
    bob.wait_event("CALL_CLOSED")
    kernel = udp_datagrams(world) - before
    peers = capture.rtp_peers()
    equal(set(peers), {(alice.address, MEDIA_ADDRESS), (MEDIA_ADDRESS, alice.address)},
          "who exchanged RTP")
    assert peers[(alice.address, MEDIA_ADDRESS)] > 100, peers
    assert kernel < 30 < rtp_packets, \
        f"the kernel's sockets took {kernel} datagrams, the dataplane {rtp_packets} RTP packets"
