# SPDX-License-Identifier: BSD-3-Clause
"""An RTP endpoint (RFC 3550) that plays a tone and keeps what it receives."""

import array
import random
import select
import socket
import struct
import threading
import time

from . import tone

FRAME_MS = 20
FRAME_SAMPLES = tone.RATE * FRAME_MS // 1000


class Packet:
    """One received RTP packet."""

    __slots__ = ("time", "sequence", "timestamp", "ssrc", "payload_type", "payload", "source", "raw")

    def __init__(self, raw, source, now):
        _, second, self.sequence, self.timestamp, self.ssrc = struct.unpack_from("!BBHII", raw)
        self.payload_type = second & 0x7F
        self.payload = raw[12:]
        self.source = source
        self.time = now
        self.raw = raw


class Rtp:
    """A pair of sockets for RTP and RTCP on a host; sends and receives in two threads."""

    def __init__(self, lab, host, address, frequency=440):
        self.host = host
        self.address = address
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket, self.rtcp, self.port = self._bind_pair(lab)
        self.ssrc = random.getrandbits(32)
        self.sequence = random.getrandbits(15)
        self.timestamp = random.getrandbits(31)
        self.frames = self._frames(frequency)
        self.sent = 0
        self.sent_payloads = []
        self.received = []
        self.received_rtcp = []
        self.garbage = 0
        self.lose = None  # impairments: n of the packet -> it never leaves,
        self.delay = None  # n of the packet -> seconds that it leaves late
        self._made = 0
        self._remote = None
        self._sending = threading.Event()
        self._closed = False
        self._threads = [threading.Thread(target=self._receive, daemon=True),
                         threading.Thread(target=self._send, daemon=True)]
        for thread in self._threads:
            thread.start()

    def _bind_pair(self, lab):
        for _ in range(50):
            rtp = lab.socket(self.host, self.family)
            rtcp = lab.socket(self.host, self.family)
            port = random.randrange(20000, 40000, 2)
            try:
                rtp.bind((self.address, port))
                rtcp.bind((self.address, port + 1))
                return rtp, rtcp, port
            except OSError:
                rtp.close()
                rtcp.close()
        raise OSError("no free pair of ports")

    @staticmethod
    def _frames(frequency):
        """One second of the tone as payloads; whole periods, so it repeats without a step."""
        encoded = tone.ulaw_encode(tone.samples(round(frequency), 1))
        return [encoded[n:n + FRAME_SAMPLES] for n in range(0, len(encoded), FRAME_SAMPLES)]

    # --- sending ------------------------------------------------------------------

    def start(self, address, port):
        """Sends the tone there from now on, a packet each 20 ms."""
        self._remote = (address, port)
        self._sending.set()

    def pause(self):
        self._sending.clear()

    def skip(self, seconds):
        """The clock of the media goes on while nothing was sent."""
        self.timestamp = (self.timestamp + round(seconds * tone.RATE)) & 0xFFFFFFFF

    def packet(self):
        """The next packet of the tone."""
        payload = self.frames[self.sent % len(self.frames)]
        raw = struct.pack("!BBHII", 0x80, 0, self.sequence, self.timestamp, self.ssrc) + payload
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        return raw

    def send_one(self, raw=None, remote=None):
        raw = raw or self.packet()
        self.socket.sendto(raw, remote or self._remote)
        self.sent += 1
        self.sent_payloads.append(raw[12:])

    def send_rtcp(self, raw, remote=None):
        address, port = remote or self._remote
        self.rtcp.sendto(raw, (address, port + 1))

    def _send_next(self):
        """The next packet of the tone, if no impairment keeps it."""
        raw, number = self.packet(), self._made
        self._made += 1
        if self.lose and self.lose(number):
            return
        if self.delay:
            time.sleep(self.delay(number))
        try:
            self.send_one(raw)
        except OSError:
            pass

    def _send(self):
        due = None
        while not self._closed:
            if not self._sending.wait(0.1):
                due = None
                continue
            now = time.monotonic()
            due = due or now
            if due > now:
                time.sleep(due - now)
            if not self._sending.is_set() or self._closed:
                continue
            self._send_next()
            due += FRAME_MS / 1000

    # --- receiving ------------------------------------------------------------------

    def _receive(self):
        while not self._closed:
            try:
                ready, _, _ = select.select([self.socket, self.rtcp], [], [], 0.1)
                for sock in ready:
                    raw, source = sock.recvfrom(65535)
                    self._take(sock, raw, source[:2])
            except (OSError, ValueError):
                continue

    def _take(self, sock, raw, source):
        if sock is self.rtcp or (len(raw) > 1 and 192 <= raw[1] <= 223):
            self.received_rtcp.append((raw, source))
        elif len(raw) >= 12 and raw[0] >> 6 == 2:
            self.received.append(Packet(raw, source, time.monotonic()))
        else:
            self.garbage += 1

    def heard(self, last=60):
        """The samples of the last packets, in order of their sequence numbers."""
        packets = sorted(self.received[-last:], key=lambda p: p.sequence)
        pcm = array.array("h")
        for packet in packets:
            pcm.extend(tone.ulaw_decode(packet.payload))
        return pcm

    def heard_frequency(self, last=60):
        return tone.dominant_frequency(self.heard(last))

    def lost(self, since=0):
        """Packets missing between the first and the last that were received."""
        sequences = [p.sequence for p in self.received[since:]]
        if not sequences:
            return 0
        first = sequences[0]
        extended = {(s - first + 0x8000) & 0xFFFF for s in sequences}
        return max(extended) - min(extended) + 1 - len(extended)

    def longest_gap(self, since=0.0):
        """The longest time in seconds between two packets received after `since`."""
        times = [p.time for p in self.received if p.time >= since]
        return max((b - a for a, b in zip(times, times[1:])), default=None)

    def close(self):
        self._closed = True
        self._sending.set()
        for thread in self._threads:
            thread.join(2)
        self.socket.close()
        self.rtcp.close()
