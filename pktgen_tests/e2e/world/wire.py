# SPDX-License-Identifier: BSD-3-Clause
"""What is on a host's wire: tcpdump takes it down, tshark reads it."""

import os
import re
import subprocess
import tempfile


class Wire:
    """What tshark says of the frames on a host's eth0."""

    def __init__(self, world, host):  # world: whatever has a lab
        handle, self.path = tempfile.mkstemp(suffix=".pcap")
        os.close(handle)
        self.process = world.lab.popen(host, "tcpdump", "--immediate-mode", "-U", "-n", "-i", "eth0",
                                       "-w", self.path,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.process.stderr.readline()

    def fields(self, expression, *names):
        self.process.terminate()
        self.process.communicate(timeout=5)
        shown = subprocess.run(
            ["tshark", "-r", self.path, "-o", "rtp.heuristic_rtp:TRUE", "-Y", expression, "-T",
             "fields", *(word for name in names for word in ("-e", name))],
            capture_output=True, text=True, check=True).stdout
        os.unlink(self.path)
        return [tuple(line.split("\t")) for line in shown.splitlines()]

    def sip(self):
        """The text of all SIP over UDP."""
        return "".join(bytes.fromhex(payload.replace(":", "")).decode("utf-8", "replace")
                       for payload, in self.fields("sip", "udp.payload"))


def marks(text):
    """What of a leg's messages belongs to that leg alone: addresses of its phone, Call-IDs, tags,
    branches, users of Contacts but for those that both sides know, names and numbers."""
    found = set(re.findall(r"(?:198\.18\.0\.10|2001:2::10)[1-4]\b", text))
    for pattern in (r"\nCall-ID: *(\S+)", r";tag=([^;>\s]+)", r";branch=z9hG4bK([^;,\s]+)",
                    r"\nContact: *[^\n]*<sip:([^@>\s]+)@"):
        found |= set(re.findall(pattern, text, re.IGNORECASE))
    return {mark for mark in found if not re.fullmatch(r"alice|bob|carrol|\+?\d+", mark)}


def strangers(one, other):
    """Neither leg's messages have what belongs to the other's."""
    for owner, elsewhere in ((one, other), (other, one)):
        own = marks(owner)
        assert len(own) > 4, owner
        seen = [mark for mark in own if mark in elsewhere]
        assert not seen, f"of one leg, shown on the other: {seen}"
