# SPDX-License-Identifier: BSD-3-Clause
"""What is on a host's wire: tcpdump takes it down, tshark reads it."""

import os
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
