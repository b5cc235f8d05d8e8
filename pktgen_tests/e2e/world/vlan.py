# SPDX-License-Identifier: BSD-3-Clause
"""A VLAN interface on a host, on kernels that have none: a TAP, and a thread that puts the tags of
its frames on and takes them off at eth0."""

import fcntl
import os
import select
import socket
import struct
import threading

TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x1002
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40


class Vlan:
    """tags: (protocol, id) of each, outermost first; none: what is untagged, for raw frames."""

    def __init__(self, lab, host, name, tags, addresses):
        self.lab = lab
        self.host = host
        self.name = name
        self.tags = b"".join(struct.pack("!HH", protocol, number) for protocol, number in tags)
        self.wire = lab.socket(host, socket.AF_PACKET, socket.SOCK_RAW)
        self.wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.wire.bind(("eth0", ETH_P_ALL))
        self.tap = lab.in_network(host, self._open_tap)
        for address in addresses:
            lab.run(host, "ip", "addr", "add", address, "dev", name,
                    *(["nodad"] if ":" in address else []))
        lab.run(host, "ip", "link", "set", name, "up")
        self._closed = False
        self._thread = threading.Thread(target=self._forward, daemon=True)
        self._thread.start()

    def _open_tap(self):
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", self.name.encode(), IFF_TAP_NO_PI))
        return tap

    def _forward(self):
        while not self._closed:
            ready, _, _ = select.select([self.wire, self.tap], [], [], 0.1)
            if self.tap in ready:
                frame = os.read(self.tap, 65536)
                self.wire.send(frame[:12] + self.tags + frame[12:])
            if self.wire in ready:
                self._take()

    def _take(self):
        frame, extra, _, source = self.wire.recvmsg(65536, 64)
        if source[2] == socket.PACKET_OUTGOING:
            return
        tags_and_rest = self._stripped(extra) + frame[12:]
        rest = tags_and_rest[len(self.tags):]
        # what has tags of its own still is another VLAN's
        if tags_and_rest.startswith(self.tags) and rest[:2] not in (b"\x81\x00", b"\x88\xa8"):
            os.write(self.tap, frame[:12] + rest)

    @staticmethod
    def _stripped(extra):
        """The tag that the kernel took off, as it lay in the frame."""
        for level, kind, data in extra:
            if level != SOL_PACKET or kind != PACKET_AUXDATA:
                continue
            status, _, _, _, _, tci, protocol = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                known = status & TP_STATUS_VLAN_TPID_VALID
                return struct.pack("!HH", protocol if known else 0x8100, tci)
        return b""

    def close(self):
        self._closed = True
        self._thread.join(2)
        self.wire.close()
        os.close(self.tap)
