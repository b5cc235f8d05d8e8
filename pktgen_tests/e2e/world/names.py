# SPDX-License-Identifier: BSD-3-Clause
"""A name server (knot) on a host of the lab."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile

from .lab import ADDRESSES, wait_until

CONFIG = """\
server:
    rundir: "{directory}"
    listen: {address}@53
database:
    storage: "{directory}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "{directory}"
    file: "%s.zone"
zone:
  - domain: {domain}
"""
SOA = "@ 60 SOA ns hostmaster 1 3600 600 86400 5\n@ 60 NS ns\nns 60 A {address}\n"


class NameServer:
    """Serves one domain from the text of its zone."""

    PEER = "knot"

    def __init__(self, lab, host, domain, zone):
        self.lab = lab
        self.host = host
        self.address = ADDRESSES[host]
        self.domain = domain
        self._directory = tempfile.mkdtemp(prefix="knot-")
        os.chmod(self._directory, 0o755)
        self._write(f"{domain}.zone", SOA.format(address=self.address) + zone)
        self._write("knot.conf", CONFIG.format(directory=self._directory, address=self.address,
                                               domain=domain))
        self._process = lab.popen(host, "knotd", "-c", os.path.join(self._directory, "knot.conf"),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._answers, 10, f"the name server of {domain} answers", 0.1)

    def _write(self, name, text):
        with open(os.path.join(self._directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def _answers(self):
        assert self._process.poll() is None, "knotd has ended"
        labels = b"".join(bytes([len(p)]) + p.encode() for p in self.domain.split("."))
        question = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 6, 1)
        with self.lab.socket(self.host, socket.AF_INET) as probe:
            probe.settimeout(0.3)
            try:
                probe.sendto(question, (self.address, 53))
                reply = probe.recv(512)
            except OSError:
                return False
        return reply[3] & 15 == 0 and struct.unpack("!H", reply[6:8])[0] == 1

    def close(self):
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._directory, ignore_errors=True)
