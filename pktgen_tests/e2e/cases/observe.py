# SPDX-License-Identifier: BSD-3-Clause
"""Captures and traces: what an operator sees of packets. tshark reads the captures."""

import json
import os
import random
import socket
import struct
import subprocess
import tempfile
import time

from cases.flows import offer_anew
from world.lab import MEDIA_ADDRESS, CtlError, wait_until
from world.suite import answer_both, equal, hang_up, only_call, test, wait_talking

IN, OUT = 1, 2  # epb_flags, draft-ietf-opsawg-pcapng §4.3.1
COLUMNS = ("frame.interface_name", "frame.packet_flags_direction", "frame.comment", "ip.src",
           "udp.srcport", "ip.dst", "udp.dstport", "rtp.ssrc", "frame.len", "frame.cap_len",
           "frame.time_epoch")


class File:
    """The path of a capture that is there for a `with`."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp()
        self.path = os.path.join(self.directory, "capture.pcapng")
        return self.path

    def __exit__(self, *_):
        if os.path.exists(self.path):
            os.unlink(self.path)
        os.rmdir(self.directory)


def frames(path, only=""):
    """What tshark says of each frame, by the names of COLUMNS."""
    options = [word for column in COLUMNS for word in ("-e", column)]
    shown = subprocess.run(
        ["tshark", "-n", "-r", path, "-o", "rtp.heuristic_rtp:TRUE", "-Y", only, "-T", "fields",
         "-E", "separator=;", *options], capture_output=True, text=True, check=True).stdout
    return [dict(zip(COLUMNS, line.split(";"))) for line in shown.splitlines()]


def direction(frame):
    return int(frame["frame.packet_flags_direction"], 0)


def captures(world):
    return json.loads(world.lab.ctl("capture", "status", "--json"))["captures"]


def start(world, path, *options):
    answer = world.lab.ctl("capture", "start", path, *options, "--json")
    return json.loads(answer)["capture"]


def capture_of(world, number):
    return next(c for c in captures(world) if c["id"] == number)


def stop(world, number):
    capture, = json.loads(world.lab.ctl("capture", "stop", str(number), "--json"))["captures"]
    equal(capture["state"], "ended", "state after capture stop")
    return capture


def who(frame):
    return ((frame["ip.src"], int(frame["udp.srcport"])),
            (frame["ip.dst"], int(frame["udp.dstport"])))


@test(timeout=60)
def a_capture_of_a_call_has_both_directions_and_nothing_else(world):
    """As it came and as it left, with the interface's name; what was foreign says so."""
    outgoing, incoming = world.call("alice", "bob")
    call = only_call(world)
    stranger = world.agent("carrol").rtp()
    with File() as path:
        began = time.time()
        number = start(world, path, "--call", call)
        # tandemctl is gone, the capture goes on
        wait_talking(outgoing, incoming, packets=50)
        for _ in range(10):
            stranger.send_one(remote=(MEDIA_ADDRESS, outgoing.remote_sdp.port))
        # a media port of no call is none of this call's either
        stranger.send_one(remote=(MEDIA_ADDRESS, 17406))
        wait_talking(outgoing, incoming, packets=50)
        told = stop(world, number)
        ended = time.time()
        seen = frames(path, "udp")
        equal(len(frames(path)), told["packets"], "packets that capture stop tells")
        equal(os.path.getsize(path), told["bytes"], "bytes that capture stop tells")
    equal((told["lost"], told["call"]), (0, call), "lost, call")
    equal({f["frame.interface_name"] for f in seen}, {"lan"}, "interfaces")
    when = [float(f["frame.time_epoch"]) for f in seen]
    # 10 ms: the clocks are looked at once a second
    assert began - 0.01 <= min(when) and max(when) <= ended + 0.01, (began, when, ended)
    alice = (outgoing.agent.address, outgoing.media.port)
    bob = (incoming.agent.address, incoming.media.port)
    to_alice = (MEDIA_ADDRESS, outgoing.remote_sdp.port)
    to_bob = (MEDIA_ADDRESS, incoming.remote_sdp.port)
    alien = (stranger.address, stranger.port)
    kinds = {}
    for frame in seen:
        key = (*who(frame), direction(frame), frame["frame.comment"])
        kinds[key] = kinds.get(key, 0) + 1
    rtp = {key: n for key, n in kinds.items() if key[0][1] % 2 == 0}
    equal(rtp.pop((alien, to_alice, IN, "drop: foreign-source"), 0), 10, "foreign packets")
    equal(set(rtp), {(alice, to_alice, IN, ""), (to_bob, bob, OUT, ""),
                     (bob, to_bob, IN, ""), (to_alice, alice, OUT, "")}, "RTP in the capture")
    assert all(n >= 90 for n in rtp.values()), rtp
    equal(rtp[(alice, to_alice, IN, "")], rtp[(to_bob, bob, OUT, "")], "in and out again")
    hang_up(outgoing, incoming)


@test(timeout=60)
def another_call_is_not_in_the_capture(world):
    outgoing, incoming = world.call("alice", "bob")
    call = only_call(world)
    carrol, carrier = world.registered("carrol"), world.trunk()
    second = carrol.invite("9123", 500)
    there = carrier.incoming(900)
    there.ring()
    answer_both(second, there)
    with File() as path:
        number = start(world, path, "--call", call)
        wait_talking(outgoing, incoming, second, there, packets=50)
        stop(world, number)
        hosts = {h for f in frames(path, "udp") for h in (f["ip.src"], f["ip.dst"])}
    equal(hosts, {outgoing.agent.address, incoming.agent.address, MEDIA_ADDRESS}, "hosts")
    hang_up(second, there)
    hang_up(outgoing, incoming)


@test(timeout=60)
def a_call_that_is_offered_anew_stays_in_its_capture(world):
    outgoing, incoming = world.call()
    old = outgoing.media
    with File() as path:
        number = start(world, path, "--call", only_call(world))
        wait_talking(outgoing, incoming, packets=20)
        outgoing.media = outgoing.agent.rtp(500)
        offer_anew(outgoing, incoming, outgoing.local_sdp(), incoming.local_sdp())
        old.pause()
        outgoing.talk()
        wait_talking(outgoing, incoming, packets=50)
        stop(world, number)
        ports = {int(f["udp.srcport"]) for f in frames(path, "rtp") if direction(f) == IN}
    equal(ports, {old.port, outgoing.media.port, incoming.media.port}, "sources of RTP")
    hang_up(outgoing, incoming)


@test(timeout=60)
def a_capture_of_a_port_has_what_is_not_media_as_well(world):
    alice = world.registered("alice")
    with File() as path:
        number = start(world, path, "--port", "lan")
        alice.register()
        stranger = world.agent("carrol").rtp()
        stranger.send_one(remote=(MEDIA_ADDRESS, 17406))
        wait_until(lambda: capture_of(world, number)["packets"] >= 5, 5, "packets")
        told = stop(world, number)
        sip = frames(path, "sip")
        drops = frames(path, "udp.dstport == 17406")
    equal(told["port"], "lan", "port")
    equal({direction(f) for f in sip}, {IN, OUT}, "directions of SIP")
    equal({f["frame.comment"] for f in sip}, {""}, "comments of SIP")
    equal([(direction(f), f["frame.comment"]) for f in drops], [(IN, "drop: no-flow")], "drops")


@test(timeout=60)
def a_capture_ends_at_its_limits(world):
    outgoing, incoming = world.call()
    call = only_call(world)
    with File() as path:
        number = start(world, path, "--call", call, "--packets", "30", "--snap", "60")
        wait_until(lambda: capture_of(world, number)["state"] == "ended", 10, "the limit")
        told = capture_of(world, number)
        equal((told["packets"], told["why"], told["snap"]), (30, "limit reached", 60), "capture")
        seen = frames(path)
        equal(len(seen), 30, "frames in the file")
        equal({int(f["frame.cap_len"]) for f in seen}, {60}, "bytes kept")
        assert all(int(f["frame.len"]) >= 200 for f in seen if f["rtp.ssrc"]), seen
    with File() as path:
        number = start(world, path, "--call", call, "--bytes", "5000")
        wait_until(lambda: capture_of(world, number)["state"] == "ended", 10, "the limit")
        assert 4500 <= os.path.getsize(path) <= 5000, os.path.getsize(path)
        assert frames(path)
    hang_up(outgoing, incoming)


def refused(world, *words):
    try:
        world.lab.ctl(*words)
    except CtlError as error:
        return error.text
    raise AssertionError(f"tandemctl {' '.join(words)} was not refused")


@test()
def what_cannot_be_captured_is_refused(world):
    with File() as path:
        assert "no port" in refused(world, "capture", "start", path, "--port", "wan")
        assert "no call" in refused(world, "capture", "start", path, "--call", "abc")
        assert not os.path.exists(path), "a file is left"
        with open(path, "w", encoding="utf-8") as file:
            file.write("precious")
        assert "exists" in refused(world, "capture", "start", path)
        equal(os.path.getsize(path), 8, "bytes of the file that was there")
    assert "no capture" in refused(world, "capture", "stop", "12345")
    assert "refuses" in refused(world, "capture", "start", "/dev/null", "--force")


@test(timeout=60)
def a_pipe_that_nobody_reads_hurts_no_call(world):
    """First nobody reads, so the pipe is full; then the reader goes, and the capture with it."""
    outgoing, incoming = world.call()
    before = (len(outgoing.media.received), len(incoming.media.received))
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [os.path.join(world.lab.bin_dir, "tandemctl"), "capture", "start", "-"], stdout=writer,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=world.lab.environment, text=True)
    os.close(writer)
    running = wait_until(lambda: [c for c in captures(world) if c["state"] == "running"], 5,
                         "the capture")
    number = running[0]["id"]
    # more than the pipe takes (64 kB): 200 packets a second of 260 bytes
    wait_until(lambda: capture_of(world, number)["bytes"] > 120000, 20, "more than the pipe holds")
    equal(capture_of(world, number)["state"], "running", "state")
    os.close(reader)
    wait_until(lambda: capture_of(world, number)["state"] == "ended", 5, "the capture has ended")
    _, text = process.communicate(timeout=5)
    equal(process.returncode, 0, f"status of tandemctl: {text}")
    wait_talking(outgoing, incoming, packets=20)
    equal((outgoing.media.lost(before[0]), incoming.media.lost(before[1])), (0, 0), "RTP lost")
    hang_up(outgoing, incoming)


@test(timeout=60)
def a_capture_into_a_pipe_ends_with_tandemctl(world):
    outgoing, incoming = world.call()
    process = subprocess.Popen(
        [os.path.join(world.lab.bin_dir, "tandemctl"), "capture", "start", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        env=world.lab.environment)
    running = wait_until(lambda: [c for c in captures(world) if c["state"] == "running"], 5,
                         "the capture")
    process.kill()
    process.wait(5)
    wait_until(lambda: capture_of(world, running[0]["id"])["state"] == "ended", 5, "its end")
    process.stdout.close()
    hang_up(outgoing, incoming)


@test(timeout=60)
def a_full_disk_ends_the_capture_alone(world):
    """/dev/full is no ordinary file, so a file system of 64 kB is made."""
    outgoing, incoming = world.call()
    before = len(incoming.media.received)
    directory = tempfile.mkdtemp()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", directory], check=True)
    try:
        number = start(world, os.path.join(directory, "capture.pcapng"), "--port", "lan")
        wait_until(lambda: capture_of(world, number)["state"] == "ended", 20, "the disk is full")
        equal(capture_of(world, number)["why"], "No space left on device", "why")
    finally:
        subprocess.run(["umount", directory], check=True)
        os.rmdir(directory)
    wait_talking(outgoing, incoming, packets=20)
    equal(incoming.media.lost(before), 0, "RTP lost")
    hang_up(outgoing, incoming)


@test(timeout=60)
def nothing_is_copied_when_nobody_looks(world):
    outgoing, incoming = world.call()
    with File() as path:
        number = start(world, path, "--call", only_call(world))
        wait_talking(outgoing, incoming, packets=20)
        stop(world, number)
        size = os.path.getsize(path)
        wait_talking(outgoing, incoming, packets=20)
        equal(os.path.getsize(path), size, "bytes after the end")
    equal([c for c in captures(world) if c["state"] != "ended"], [], "captures that run")
    hang_up(outgoing, incoming)


def trace(world, *options):
    done = world.lab.ctl("trace", *options, "--json")
    return [json.loads(line)["stations"] for line in done.splitlines()]


@test(timeout=60)
def a_trace_follows_packets_of_a_call(world):
    outgoing, incoming = world.call()
    packets = trace(world, "-n", "5", "--call", only_call(world))
    equal(len(packets), 5, "packets")
    for stations in packets:
        equal([s["node"] for s in stations], ["rx", "relay", "tx"], "stations")
        equal(stations[0]["ns"], 0, "ns of the first")
        assert 0 < stations[1]["ns"] < stations[2]["ns"], stations
        equal((stations[0]["port"], stations[2]["port"]), ("lan", "lan"), "ports")
        assert stations[2]["source"].startswith(MEDIA_ADDRESS), stations
        equal(stations[0].get("rtp"), stations[2].get("rtp"), "RTP header in and out")
    ssrcs = {s[0]["rtp"]["ssrc"] for s in packets if "rtp" in s[0]}
    assert ssrcs <= {outgoing.media.ssrc, incoming.media.ssrc} and ssrcs, ssrcs
    shown = world.lab.ctl("trace", "-n", "1", "--call", only_call(world))
    assert "worker 0  relay" in shown and ("RTP type 0" in shown or "RTCP" in shown), shown
    hang_up(outgoing, incoming)


@test(timeout=60)
def a_trace_says_why_a_packet_was_dropped(world):
    outgoing, incoming = world.call()
    outgoing.media.pause()
    incoming.media.pause()
    stranger = world.agent("carrol").rtp()
    process = subprocess.Popen(
        [os.path.join(world.lab.bin_dir, "tandemctl"), "trace", "-n", "1", "--call",
         only_call(world)], stdout=subprocess.PIPE, env=world.lab.environment, text=True,
        stdin=subprocess.DEVNULL)

    def heard():
        stranger.send_one(remote=(MEDIA_ADDRESS, outgoing.remote_sdp.port))
        return process.poll() is not None
    wait_until(heard, 5, "the trace ends")
    text = process.stdout.read()
    process.stdout.close()
    assert "drop" in text and "foreign-source: not from the source" in text, text
    hang_up(outgoing, incoming)


MAGIC = 0x314D45444E4154  # DP_SEGMENT_MAGIC
OPERATOR = 3


class Operator:
    """The conversation of dataplane/api/operator.h by hand."""

    def __init__(self, world):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(f"{world.lab.run_dir}/dataplane.sock")
        layout = world.lab.version()["dataplane"]["layout"]
        self.socket.send(struct.pack("<QIIII32s", MAGIC, layout, OPERATOR, 0,
                                     os.getpid(), b"hostile"))
        _, descriptors, _, _ = socket.recv_fds(self.socket, 256, 4)
        for descriptor in descriptors:
            os.close(descriptor)

    def ask(self, message, descriptors=()):
        """The status of the answer; None: the connection was closed."""
        try:
            socket.send_fds(self.socket, [message], list(descriptors))
            answer = self.socket.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            return None
        return struct.unpack_from("<Qi", answer)[1] if len(answer) >= 12 else None

    def close(self):
        self.socket.close()


@test(timeout=60)
def a_hostile_operator_hurts_nobody(world):
    """Verbs, lengths, filters and descriptors of all kinds, while a call is up."""
    outgoing, incoming = world.call()
    before = len(incoming.media.received)
    pid = world.lab.pid("dataplane")
    chance = random.Random(6)
    with File() as path:
        kinds = [os.open("/dev/null", os.O_WRONLY), os.open("/tmp", os.O_RDONLY),
                 os.open(path, os.O_CREAT | os.O_RDWR), os.open(path, os.O_RDONLY), *os.pipe()]
        operator = Operator(world)
        answered = 0
        for _ in range(2000):
            body = bytearray(48)
            for _ in range(chance.randrange(0, 12)):
                body[chance.randrange(48)] = chance.choice((0, 1, 7, 127, 128, 255))
            verb = chance.choice((0, 1, 1, 2, 3, 4, 5, 6, 0xFFFFFFFF))
            message = struct.pack("<QII", MAGIC, verb, 0) + bytes(body)
            if chance.randrange(20) == 0:
                message = message[:chance.randrange(1, 64)]
            handed = chance.sample(kinds, chance.choice((0, 0, 0, 1, 1, 2)))
            status = operator.ask(message, handed)
            if status is None:
                operator.close()
                operator = Operator(world)
            else:
                answered += 1
        operator.close()
        world.lab.ctl("capture", "stop")
        for descriptor in kinds:
            os.close(descriptor)
    assert answered > 1000, f"only {answered} were answered"
    equal(world.lab.pid("dataplane"), pid, "process of the dataplane")
    wait_talking(outgoing, incoming, packets=20)
    equal(incoming.media.lost(before), 0, "RTP lost")
    hang_up(outgoing, incoming)
