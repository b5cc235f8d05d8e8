# SPDX-License-Identifier: BSD-3-Clause
"""What the dataplane says of the quality of media, and the RTCP that it sends itself."""

import contextlib
import json
import os
import random
import struct
import subprocess
import tempfile
import time

from world.events import listening
from world.lab import MEDIA_ADDRESS, wait_until
from world.rtp import FRAME_MS
from world.suite import equal, hang_up, near, test, wait_talking
from cases.hold import renegotiate

INTERVAL_S = 1  # dataplane.quality.interval_s in e2e.yaml


def quality_of(world, side="caller"):
    return next(q for q in world.lab.show("quality") if q["side"] == side)


def send_paced(media, slots):
    """The packets of a slot leave together, a slot each 20 ms."""
    due = time.monotonic()
    for slot in slots:
        time.sleep(max(0, due - time.monotonic()))
        for raw in slot:
            media.send_one(raw)
        due += FRAME_MS / 1000


def stop_both(world, outgoing, incoming):
    """Both pause; returns the caller's figures once all its packets were counted."""
    outgoing.media.pause()
    incoming.media.pause()
    return wait_until(lambda: (lambda q: q if q["rx_packets"] == outgoing.media.sent else None)(
        quality_of(world)), 5, "all packets of the caller are counted")


@test()
def injected_loss_duplicates_and_reordering_are_what_is_shown(world):
    outgoing, incoming = world.call()
    media = outgoing.media
    before, paused = stop_both(world, outgoing, incoming), time.monotonic()
    lost = {50, 80, 110, 150, 152, 153, 156}  # three alone, and a burst of 7 packets
    twice, swapped = {20, 60, 200}, {30, 90, 210}
    media.skip(time.monotonic() - paused)
    raws = [media.packet() for _ in range(300)]
    slots = []
    for n in range(300):
        other = n + 1 if n in swapped else n - 1 if n - 1 in swapped else n
        slots.append([] if n in lost else [raws[other]] * (2 if n in twice else 1))
    send_paced(media, slots)
    after = stop_both(world, outgoing, incoming)
    for what, count in (("lost", len(lost)), ("duplicate", len(twice)),
                        ("reordered", len(swapped)), ("rx_packets", 300 - len(lost) + len(twice))):
        equal(after[what] - before[what], count, what)
    near(after["loss_percent"], 100 * len(lost) / (media.sent - len(twice) + len(lost)), 0.01,
         "loss")
    near(after["burst_ms"], 7 * FRAME_MS, 0.1, "length of the burst")
    near(after["burst_density"], 4 / 7, 0.05, "loss in the burst")
    assert 0 < after["gap_density"] < 0.05, after
    assert after["mos"] < before["mos"], (before, after)
    hang_up(outgoing, incoming)


@test()
def injected_jitter_is_what_is_shown(world):
    outgoing, incoming = world.call()
    quiet = quality_of(world)["jitter_ms"]
    outgoing.media.delay = lambda n: 0.015 if n % 2 else 0  # each differs by 15 ms from the last
    wait_until(lambda: 11 <= quality_of(world)["jitter_ms"] <= 19, 10,
               f"the caller's jitter is 15 ms; it was {quiet}")
    assert quality_of(world, "callee")["jitter_ms"] < 8, "the callee's is not"
    hang_up(outgoing, incoming)


@test()
def late_packets_are_counted_as_such(world):
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=50)
    before = stop_both(world, outgoing, incoming)
    outgoing.media.skip(0.02)
    raws = [outgoing.media.packet() for _ in range(150)]
    late = range(20, 120, 10)  # each six slots after its turn, 60 ms of play-out and more
    slots = [[] if n in late else [raws[n]] for n in range(150)]
    for n in late:
        slots[n + 6].append(raws[n])
    send_paced(outgoing.media, slots)
    after = stop_both(world, outgoing, incoming)
    equal(after["lost"] - before["lost"], 0, "lost")
    equal(after["reordered"] - before["reordered"], len(late), "reordered")
    assert after["late"] - before["late"] >= len(late), (before, after)
    hang_up(outgoing, incoming)


@test(timeout=60)
def loss_becomes_an_event_and_its_end_another(world):
    with listening(world) as events:
        outgoing, incoming = world.call()
        good = wait_until(lambda: quality_of(world)["interval_mos"], 10, "an interval was judged")
        near(good, 4.4, 0.11, "MOS of G.711 without loss")
        outgoing.media.lose = lambda n: n % 5 == 0
        raised = events.wait("media.quality", 10, metric="loss_percent", state="raised")
        wait_until(lambda: quality_of(world)["interval_mos"] < 3.6, 5, "MOS of 20 % loss")
        events.wait("media.quality", 5, metric="mos", state="raised")
        assert 5 < float(raised["fields"]["value"]) < 25, raised
        assert "loss" in quality_of(world)["quality"], quality_of(world)
        call, = world.lab.show("calls")
        assert "loss" in call["caller_quality"] and call["callee_quality"] == "good", call
        outgoing.media.lose = None
        events.wait("media.quality", 10, metric="loss_percent", state="cleared")
        events.wait("media.quality", 10, metric="mos", state="cleared")
        equal(quality_of(world)["quality"], "good", "alarms")
        for metric in ("loss_percent", "mos"):
            for state in ("raised", "cleared"):
                equal(len(events.of("media.quality", metric=metric, state=state)), 1,
                      f"{metric} {state}")
        hang_up(outgoing, incoming)


@test(timeout=60)
def a_line_that_loses_nearly_all_is_told(world):
    """Of 50 packets a second 2 or 3 come: few to judge by, and the worst that can be."""
    with listening(world) as events:
        outgoing, incoming = world.call()
        wait_until(lambda: quality_of(world)["interval_mos"], 10, "an interval was judged")
        outgoing.media.pause()  # so that no interval is half a good one
        end = time.monotonic() + 2 * INTERVAL_S
        wait_until(lambda: time.monotonic() > end, 5, "an interval without a packet")
        equal(events.of("media.quality"), [], "a pause is no loss")
        outgoing.media.skip(2 * INTERVAL_S)
        outgoing.media.lose = lambda n: n % 20 != 0
        outgoing.talk()
        raised = events.wait("media.quality", 10, metric="loss_percent", state="raised")
        assert float(raised["fields"]["value"]) > 80, raised
        events.wait("media.quality", 5, metric="mos", state="raised")
        assert quality_of(world)["interval_mos"] < 1.5, quality_of(world)
        assert "loss" in quality_of(world)["quality"], quality_of(world)
        outgoing.media.lose = None
        events.wait("media.quality", 10, metric="loss_percent", state="cleared")
        hang_up(outgoing, incoming)


@test(timeout=60)
def a_hold_raises_nothing(world):
    """A phone that speaks on while it is held, and is not heard: its sequence goes on."""
    with listening(world) as events:
        outgoing, incoming = world.call()
        wait_until(lambda: quality_of(world)["interval_mos"], 10, "an interval was judged")
        renegotiate(outgoing, incoming, "inactive", "inactive")
        end = time.monotonic() + 3 * INTERVAL_S
        wait_until(lambda: time.monotonic() > end, 5, "some intervals of hold")
        renegotiate(outgoing, incoming, "sendrecv", "sendrecv")
        wait_talking(outgoing, incoming, packets=5 * 50, seconds=10)
        equal(events.of("media.quality"), [], "events")
        hang_up(outgoing, incoming)


@test()
def a_foreign_source_is_an_event(world):
    with listening(world) as events:
        outgoing, incoming = world.call()
        intruder = world.agent("carrol").rtp()
        for _ in range(20):
            intruder.send_one(remote=(outgoing.remote_sdp.address, outgoing.remote_sdp.port))
        event = events.wait("media.foreign", 5)
        assert event["fields"]["source"].startswith("198.18.0.103:"), event
        equal(len(events.of("media.foreign")), 1, "events for 20 packets")
        hang_up(outgoing, incoming)


# --- RTCP of our own ----------------------------------------------------------------

TYPES = {200: "SR", 201: "RR", 202: "SDES", 203: "BYE", 207: "XR"}


def parts(raw):
    """A compound packet as {type: body}, the header's count in front."""
    found = {}
    while raw:
        first, kind, words = struct.unpack_from("!BBH", raw)
        equal(first >> 5, 4, "version 2, no padding")
        found[TYPES[kind]] = (first & 31, raw[4:4 * words + 4])
        assert len(raw) >= 4 * words + 4, "a packet ends behind the datagram"
        raw = raw[4 * words + 4:]
    return found


def tshark_rtcp(raws, directory):
    """The same by tshark: a list of {field: [values]}, and what it finds wrong."""
    path = os.path.join(directory, "rtcp.pcap")
    with open(path, "wb") as pcap:
        pcap.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))  # raw IP
        for raw in raws:
            udp = struct.pack("!HHHH", 5005, 5005, 8 + len(raw), 0) + raw
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                             bytes(4), bytes(4)) + udp
            pcap.write(struct.pack("<IIII", 0, 0, len(ip), len(ip)) + ip)
    fields = ("rtcp.pt", "rtcp.senderssrc", "rtcp.sender.packetcount", "rtcp.ssrc.identifier",
              "rtcp.ssrc.cum_nr", "rtcp.ssrc.high_seq", "rtcp.xr.voipmetrics.rfactor",
              "rtcp.length_check.bad", "_ws.expert.severity", "_ws.malformed")
    shown = subprocess.run(["tshark", "-r", path, "-d", "udp.port==5005,rtcp", "-T", "json", "-e",
                            *" -e ".join(fields).split()], capture_output=True, text=True,
                           check=True).stdout
    return [packet["_source"]["layers"] for packet in json.loads(shown)]


@contextlib.contextmanager
def own_rtcp(world):
    with world.configured("  media_timeout_s: 6", "  media_timeout_s: 6\n  rtcp: own"):
        yield


def reports(media, kind, count=1, seconds=16):
    """The compounds with that part that a phone was sent, once there are so many."""
    def found():
        heard = [(raw, source) for raw, source in media.received_rtcp if kind in parts(raw)]
        return heard if len(heard) >= count else None
    return wait_until(found, seconds, f"{count} {kind} arrive")


@test(timeout=90, restarts=True)
def a_phone_gets_reports_of_our_own(world):
    with own_rtcp(world), tempfile.TemporaryDirectory() as directory:
        outgoing, incoming = world.call()
        outgoing.media.lose = lambda n: n % 10 == 0
        heard = reports(outgoing.media, "SR", 3)
        raw, source = heard[-1]
        equal(source, (MEDIA_ADDRESS, outgoing.remote_sdp.port + 1), "where it came from")
        got = parts(raw)
        equal(list(got), ["SR", "SDES", "XR"], "parts")
        blocks, body = got["SR"]
        ssrc, seconds, _, clock, packets, octets = struct.unpack_from("!IIIIII", body)
        equal((blocks, ssrc), (1, incoming.media.ssrc), "blocks, and as whom")
        near(seconds - 2208988800, time.time(), 20, "NTP time")
        equal(octets, packets * 160, "octets of the payload")
        first = min(outgoing.media.received, key=lambda p: p.time)
        near(((clock - first.timestamp) & 0xFFFFFFFF) / 160, packets, 15,
             "the clock of the media stands where its packets are")
        about, loss, highest, jitter, _, _ = struct.unpack_from("!IIIIII", body, 24)
        equal(about, outgoing.media.ssrc, "the block is about the phone")
        near((loss >> 24) / 256, 0.1, 0.04, "lost in the interval")
        near(loss & 0xFFFFFF, (outgoing.media.sent + (loss & 0xFFFFFF)) * 0.1, 25, "lost at all")
        assert jitter < 800, f"{jitter / 8} ms of jitter"
        assert (outgoing.media.sequence - highest) & 0xFFFF < 0x8000, "highest sequence"
        names = {parts(r)["SDES"][1][4:4 + 18] for r, _ in heard}
        equal(len(names), 1, "one CNAME for all the time")
        other = {parts(r)["SDES"][1][4:4 + 18] for r, _ in reports(incoming.media, "SR", 1)}
        assert not names & other, "the other phone's is another one"
        shown = tshark_rtcp([r for r, _ in heard], directory)
        equal(len(shown), len(heard), "packets that tshark sees")
        for packet in shown:
            equal(packet["rtcp.pt"], ["200", "202", "207"], "parts, by tshark")
            assert "_ws.malformed" not in packet, packet
            assert "rtcp.xr.voipmetrics.rfactor" in packet, packet
        equal(shown[-1]["rtcp.sender.packetcount"], [str(packets)], "packets, by tshark")
        hang_up(outgoing, incoming)
        bye, _ = reports(outgoing.media, "BYE")[0]
        equal(struct.unpack("!I", parts(bye)["BYE"][1])[0], incoming.media.ssrc, "who says good-bye")


@test(timeout=60, restarts=True)
def the_round_trip_is_measured_with_our_own_reports(world):
    """The phone answers an SR of ours as if it had held it for a time."""
    with own_rtcp(world):
        outgoing, incoming = world.call()
        raw, _ = reports(outgoing.media, "SR")[-1]
        came = time.monotonic()
        body = parts(raw)["SR"][1]
        last_sr = struct.unpack_from("!I", body, 6)[0]
        wait_until(lambda: time.monotonic() > came + 0.3, 2, "the answer takes its time")
        held = time.monotonic() - came - 0.1  # of 300 ms it says 200: 100 ms were on the way
        answer = struct.pack("!BBHIIIIIII", 0x81, 201, 7, outgoing.media.ssrc,
                             incoming.media.ssrc, 0, 0, 0, last_sr, round(held * 65536))
        outgoing.media.send_rtcp(answer, (outgoing.remote_sdp.address, outgoing.remote_sdp.port))
        rtt = wait_until(lambda: quality_of(world)["rtt_ms"], 5, "a round trip is known")
        assert 100 <= rtt < 500, f"{rtt} ms"
        hang_up(outgoing, incoming)


@test(timeout=60, restarts=True)
def reports_of_a_phone_end_at_tandem(world):
    with own_rtcp(world):
        outgoing, incoming = world.call()
        reports(incoming.media, "SR")
        secret = bytes(random.Random(2).choices(range(97, 123), k=18))
        name = struct.pack("!BBHIBB", 0x81, 202, 7, outgoing.media.ssrc, 1, 18) + secret + bytes(2)
        empty = struct.pack("!BBHI", 0x80, 201, 1, outgoing.media.ssrc)
        for _ in range(5):
            outgoing.media.send_rtcp(empty + name + bytes(2),
                                     (outgoing.remote_sdp.address, outgoing.remote_sdp.port))
        reports(incoming.media, "SR", len(incoming.media.received_rtcp) + 1)
        assert not any(secret in raw for raw, _ in incoming.media.received_rtcp), "it went through"
        hang_up(outgoing, incoming)
