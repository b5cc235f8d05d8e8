# SPDX-License-Identifier: BSD-3-Clause
"""SIP as somebody sees it who looks: text, ladder, capture, collector. All of it names the call."""

import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading

from world.events import listening
from world.lab import ADDRESSES, SIP_ADDRESS, wait_until
from world.suite import equal, hang_up, only_call, test


class Trace:
    """What `tandemctl sip trace` prints, kept."""

    def __init__(self, lab, *options):
        self.text = ""
        self.process = subprocess.Popen(
            [os.path.join(lab.bin_dir, "tandemctl"), "sip", "trace", *options],
            env=dict(lab.environment, TZ="UTC"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                return
            self.text += piece.decode("utf-8", "replace")

    def wait(self, pattern, seconds=5):
        return wait_until(lambda: re.search(pattern, self.text, re.DOTALL), seconds,
                          f"{pattern!r} in the trace, which is\n{self.text}")

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(5)
        self.thread.join(5)


@contextlib.contextmanager
def tracing(world, *options):
    """A trace that is sure to see what comes next: what it sees first is thrown away."""
    before = int(counters(world)["trace.listeners"])
    trace = Trace(world.lab, *options)
    try:
        wait_until(lambda: int(counters(world)["trace.listeners"]) > before
                   or trace.process.poll() is not None, 5, "the trace has begun")
        yield trace
    finally:
        trace.close()


def counters(world):
    return {row["counter"]: row["value"] for row in world.lab.show("sip")}


@test(timeout=60, ids=("MO5",))
def what_sip_does_is_counted(world):
    """MO5: requests, responses by class, and none repeated or lost."""
    calls, lab = 20, world.lab
    world.registered("bob")
    world.agent("alice").register()
    before = counters(world)
    callee = world.agent("carrier", port=5060, trunk=True)
    for _ in range(calls):
        caller_side = callee.invite("nobody", 440)
        equal(caller_side.wait_failure().status // 100, 4, "a call to nobody")

    def difference():
        return {name: value - before[name] for name, value in counters(world).items()}
    # Nobody answers an ACK, so nobody knows when it has come.
    wait_until(lambda: difference()["requests_in.ACK"] >= calls, 5, "the last ACK is counted")
    counted = difference()
    equal((counted["requests_in.INVITE"], counted["requests_in.ACK"], counted["responses_out.4xx"]),
          (calls, calls, calls), "INVITEs, their ACKs, and their refusals")
    equal((counted["retransmissions_in"], counted["parse_errors"], counted["timeouts"]), (0, 0, 0),
          "errors")
    lab.wait_idle()


class Collector:
    """Takes HEPv3 packets, as Homer does."""

    def __init__(self, lab):
        self.socket = lab.socket("tandem")
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.packets = []
        self._closed = False
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    @staticmethod
    def parse(packet):
        """Type of each chunk, and what it holds."""
        assert packet[:4] == b"HEP3" and struct.unpack("!H", packet[4:6])[0] == len(packet), packet
        chunks, at = {}, 6
        while at < len(packet):
            vendor, kind, size = struct.unpack("!HHH", packet[at:at + 6])
            assert vendor == 0 and size >= 6, (vendor, size)
            chunks[kind] = packet[at + 6:at + size]
            at += size
        return chunks

    def _receive(self):
        while not self._closed:
            try:
                self.packets.append(self.parse(self.socket.recv(65535)))
            except socket.timeout:
                continue

    def of(self, call, start):
        return [p for p in list(self.packets) if p.get(17) == call.encode()
                and p[15].startswith(start)]

    def close(self):
        self._closed = True
        self.thread.join(2)
        self.socket.close()


def tshark(path, *fields):
    command = ["tshark", "-r", path, "-Y", "sip", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return [line.split("\t") for line in done.stdout.splitlines()]


@test(timeout=60, ids=("SD10", "MO8"))
def a_call_is_seen_live_with_both_its_legs(world):
    lab = world.lab
    alice, bob, carrol = (world.registered(u) for u in ("alice", "bob", "carrol"))
    directory = tempfile.mkdtemp()
    pcap = os.path.join(directory, "live.pcapng")
    with listening(world) as events, tracing(world, "--from", "alice", "--ladder") as ladder, \
            tracing(world, "--source", ADDRESSES["alice"], "--pcap", pcap), \
            tracing(world, "--method", "INVITE") as text:
        outgoing, incoming = world.call(alice, bob)
        call = only_call(world)
        with tracing(world, "--call", call, "--json") as late:
            carrol.transact(carrol.request("OPTIONS", f"sip:{SIP_ADDRESS}"))
            hang_up(outgoing, incoming)
            lab.wait_idle()
            late.wait(r"BYE.*200 OK.*BYE.*200 OK")
        ladder.wait(r"200 OK \(BYE\).*200 OK \(BYE\)")
        text.wait("Proxy-Authorization")
        events.wait("call.ended", 5)
    for message in map(json.loads, late.text.splitlines()):
        equal(message["call"], call, "call of a message")
    equal(draw(ladder.text, call, alice, bob), EXPECTED, "ladder")
    assert f"call {call}" in text.text and "BYE " not in text.text, text.text
    assert "response=\"xxxxxxxx" in text.text, "a secret is shown"
    rows = tshark(pcap, "frame.comment", "sip.CSeq.method", "ip.src", "ip.dst")
    legs = {(a, b) for comment, _, a, b in rows if comment == f"call {call}"}
    for host in ("alice", "bob"):
        assert (ADDRESSES[host], SIP_ADDRESS) in legs and (SIP_ADDRESS, ADDRESSES[host]) in legs, rows
    # One id finds all of it.
    assert f"[{call}]" in lab.log("controlplane")
    assert any(e["call"] == call for e in events.seen)


EXPECTED = """\
call ID
  alice Tandem
  ALICE TANDEM
|------- INVITE SDP ------->|  audio RTP PCMU PCMA telephone-event
|<-- 407 Proxy Authent.. ---|
|----------- ACK ---------->|
|------- INVITE SDP ------->|  audio RTP PCMU PCMA telephone-event

  alice Tandem bob
  ALICE TANDEM BOB
|                           |------- INVITE SDP ------->|  audio RTP PCMU PCMA telephone-event
|                           |<------ 180 Ringing -------|
|<------ 180 Ringing -------|                           |
|                           |<------ 200 OK SDP --------|  audio RTP PCMU PCMA telephone-event
|                           |----------- ACK ---------->|
|<------ 200 OK SDP --------|                           |  audio RTP PCMU PCMA telephone-event
|----------- ACK ---------->|                           |
|----------- BYE ---------->|                           |
|<----- 200 OK (BYE) -------|                           |
|                           |----------- BYE ---------->|
|                           |<----- 200 OK (BYE) -------|
"""


def draw(text, call, *agents):
    """The ladder without what differs from run to run."""
    for agent in agents:
        text = text.replace(f"{agent.address}:{agent.port}", agent.user.upper())
    text = text.replace(call, "ID").replace(f"{SIP_ADDRESS}:5060", "TANDEM")
    text = re.sub(r"audio \d+", "audio RTP", text)
    text = re.sub(r"(?m)^.*(\(again\)|100 Trying).*\n", "", text)  # a machine that is slow
    text = re.sub(r"(?m)^[\d:.]{12} +[\d.]+s +", "", text)
    return re.sub(r"(?m)^ .*$", lambda line: " " + re.sub(" +", " ", f" {line[0].strip()}"), text)


@test(restarts=True, timeout=60, ids=("MO8",))
def a_file_and_a_collector_have_every_message(world):
    directory = tempfile.mkdtemp()
    path = os.path.join(directory, "sip.pcapng")
    collector = Collector(world.lab)
    monitor = (f"monitor:\n  hep: {{address: 127.0.0.1, port: {collector.port}, capture_id: 7, "
               f"password: pw}}\n  sip_pcap: {{file: {path}}}\ncontrolplane:\n")
    try:
        with world.configured("controlplane:\n", monitor):
            outgoing, incoming = world.call()
            call = only_call(world)
            hang_up(outgoing, incoming)
            wait_until(lambda: len(collector.of(call, b"SIP/2.0 200")) >= 4, 5,
                       "the collector has the answers to INVITE and BYE of both legs")
            invites = collector.of(call, b"INVITE")
            world.close()
            world.lab.wait_idle()
        sources = {socket.inet_ntoa(p[3]) for p in invites}
        equal(sources, {ADDRESSES["alice"], SIP_ADDRESS}, "sources of INVITEs")
        for packet in invites:
            equal((packet[1], packet[2], packet[11], packet[12], packet[14]),
                  (b"\x02", b"\x11", b"\x01", struct.pack("!I", 7), b"pw"), "chunks")
        assert all(b"-secret" not in p[15] and b"response=\"x" in p[15]
                   for p in collector.packets if b"uthorization: Digest" in p[15])
        rows = tshark(path, "sip.Method", "sip.Status-Code", "frame.comment")
        of_call = [(method, status) for method, status, comment in rows if comment == f"call {call}"]
        for wanted, count in ((("INVITE", ""), 2), (("BYE", ""), 2), (("ACK", ""), 2)):
            assert of_call.count(wanted) >= count, (wanted, of_call)
    finally:
        collector.close()
