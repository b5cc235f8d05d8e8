# SPDX-License-Identifier: BSD-3-Clause
"""tandem-dataplane with a configuration of its own, and calls in it."""

import json
import os
import subprocess

from . import network
from .process import Process

START_S = 30
PROGRAM_S = 60

CONFIG = """\
run_dir: {run_dir}
log: {{level: info}}
dataplane:
  ports:
    - name: load
      device: "{device}"
      tap: {tap}
      addresses: [{addresses}]
  media:
{media}
  cores: [{core}]
  idle: {idle}
  terminations_max: {terminations}
  memory_mb: {memory_mb}
sip:
  domains: [bench.invalid]
  listeners:
    - {{transport: udp, address: {first}, port: 5060}}
"""


PORT_FIRST = 16384
PORT_LAST = 65535
PORTS_PER_ADDRESS = (PORT_LAST - PORT_FIRST + 1) // 2


def media_addresses(terminations):
    """As many as have ports for so many terminations, and a few to spare."""
    return [f"198.18.0.{i + 1}" for i in range(int(1.02 * terminations) // PORTS_PER_ADDRESS + 1)]


class Dataplane:
    """media: addresses, each with its ports from 16384 on."""

    TAP = "tap0"

    def __init__(self, bench, namespace, device, media, prefix, terminations, idle="poll",
                 memory_mb=512):
        self.bench = bench
        self.namespace = namespace
        self.media = media
        self.run_dir = bench.path("dataplane")
        os.makedirs(self.run_dir, mode=0o700)
        self.log = bench.path("dataplane.log")
        config = bench.path("dataplane.yaml")
        with open(config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(
                run_dir=self.run_dir, device=device.format(run_dir=self.run_dir), tap=self.TAP,
                addresses=", ".join(f'"{a}/{prefix}"' for a in media), first=media[0],
                media="\n".join(f"    - {{address: {a}, port_first: {PORT_FIRST}, "
                                f"port_last: {PORT_LAST}}}" for a in media),
                core=bench.cores.dut, idle=idle, terminations=terminations,
                memory_mb=memory_mb))
        self.process = Process("tandem-dataplane",
                               [bench.program("tandem-dataplane"), "--config", config], self.log,
                               namespace.name, {"TANDEM_RUN_DIR": self.run_dir})
        self.holder = None
        self.process.wait_for(lambda: os.path.exists(self.socket), START_S, "listens")

    @property
    def socket(self):
        return os.path.join(self.run_dir, "dataplane.sock")

    @property
    def pid(self):
        return self.process.pid

    def hold(self, calls, remote):
        """Puts calls in; returns the file of their streams and what the programming took. remote:
        first IP and port of the far ends, "IP:PORT"."""
        streams = self.bench.path("streams")
        log = self.bench.path("hold_calls.log")
        local = ",".join(f"{a}:{PORT_FIRST}-{PORT_LAST}" for a in self.media)
        self.holder = Process(
            "hold_calls",
            [self.bench.program("hold_calls"), "--socket", self.socket, "--calls", str(calls),
             "--local", local, "--remote", remote, "--streams", streams],
            log, stdin=subprocess.PIPE)
        self.holder.wait_for(lambda: "{" in self.holder.output(), PROGRAM_S, "calls are up")
        return streams, json.loads(self.holder.output().splitlines()[-1])

    def counters(self):
        """Sums over the workers, and memory; see hold_calls.c."""
        before = len(self.holder.output().splitlines())
        self.holder.popen.stdin.write(b"\n")
        self.holder.popen.stdin.flush()
        self.holder.wait_for(lambda: len(self.holder.output().splitlines()) > before, 5,
                             "tells the counters")
        return json.loads(self.holder.output().splitlines()[before])

    def release(self):
        """Takes the calls out again."""
        if self.holder:
            self.holder.popen.stdin.close()
            self.holder.wait_end(PROGRAM_S)
            self.holder.stop()
            self.holder = None

    def neighbour(self, address, mac):
        """The far end's link-layer address, so that nobody has to be asked for it."""
        self.namespace.ip("neigh", "replace", address, "lladdr", mac, "dev", self.TAP)

    def stop(self):
        if self.holder:
            self.holder.stop()
            self.holder = None
        self.process.stop()


def new_namespace(bench, word):
    return network.Namespace(f"{bench.tag}-{word}")
