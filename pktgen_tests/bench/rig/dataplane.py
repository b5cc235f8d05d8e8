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
        self.holders = []
        self.process.wait_for(lambda: os.path.exists(self.socket), START_S, "listens")

    @property
    def socket(self):
        return os.path.join(self.run_dir, "dataplane.sock")

    @property
    def pid(self):
        return self.process.pid

    def hold(self, calls, remote="198.18.1.1:10000", choose_ports=True):
        """Puts calls in, on a channel of their own. remote: first IP and port of the far ends.
        choose_ports: in order, and write the streams down; else the dataplane chooses."""
        holder = Holder(self, calls, remote, choose_ports)
        self.holders.append(holder)
        return holder

    def neighbour(self, address, mac):
        """The far end's link-layer address, so that nobody has to be asked for it."""
        self.namespace.ip("neigh", "replace", address, "lladdr", mac, "dev", self.TAP)

    def stop(self):
        for holder in self.holders:
            holder.process.stop()
        self.process.stop()


class Holder:
    """hold_calls: some calls of a dataplane, or with 0 calls a look at its counters.

    streams: file of the streams to send; programmed: what it took to set the calls up."""

    def __init__(self, dataplane, calls, remote, choose_ports):
        bench = dataplane.bench
        self.streams = bench.path("streams")
        local = ",".join(f"{a}:{PORT_FIRST}-{PORT_LAST}" for a in dataplane.media)
        ports = ["--local", local, "--streams", self.streams] if choose_ports else []
        self.process = Process(
            "hold_calls",
            [bench.program("hold_calls"), "--socket", dataplane.socket, "--calls", str(calls),
             "--remote", remote, *ports],
            bench.path("hold_calls.log"), stdin=subprocess.PIPE)
        self.programmed = self._line(0, PROGRAM_S)

    def _line(self, number, seconds):
        """A line of its output as soon as it is there."""
        self.process.wait_for(lambda: self.process.output().count("\n") > number, seconds,
                              "answers")
        return json.loads(self.process.output().splitlines()[number])

    def counters(self):
        """Sums over the workers, and memory."""
        before = self.process.output().count("\n")
        self.process.popen.stdin.write(b"\n")
        self.process.popen.stdin.flush()
        return self._line(before, 5)

    def release(self):
        """Takes the calls out; what that took."""
        before = self.process.output().count("\n")
        self.process.popen.stdin.close()
        self.process.wait_end(PROGRAM_S)
        self.process.stop()
        return json.loads(self.process.output().splitlines()[before])


def new_namespace(bench, word):
    return network.Namespace(f"{bench.tag}-{word}")
