# SPDX-License-Identifier: BSD-3-Clause
"""rtpgen over memif, and what stands at the other end of it."""

import json
import os

from .dataplane import Dataplane, media_addresses, new_namespace
from .process import Process, ProcessError
from .testpmd import Testpmd

PREFIX = 15
PHONES = "198.18.128.0/24"
SOCKET = "memif.sock"
QUEUE = 2048
MEMIF = ("net_memif0,role={role},id=0,socket={{run_dir}}/" + SOCKET
         + ",socket-abstract=no,rsize=13,bsize=2048")
SPARE_S = 60  # what a run may take beyond its duration: to start, to program, to settle


class Tandem:
    """The dataplane with a memif port, polling; rtpgen makes the calls."""

    def __init__(self, bench, streams):
        self.namespace = new_namespace(bench, "dut")
        self.program = Dataplane(bench, self.namespace, MEMIF.format(role="server"),
                                 media_addresses(streams), PREFIX,
                                 terminations=max(64, streams), memory_mb=memory_mb(streams))
        self.target = ["--dataplane", self.program.run_dir]

    def stop(self):
        self.program.stop()
        self.namespace.remove()


class Floor:
    """testpmd: as many different packets, from and to as many addresses and ports, sent back to
    where they came from."""

    def __init__(self, bench, streams):
        del streams
        self.program = Testpmd(bench, MEMIF.format(role="server"), SOCKET)
        self.target = ["--target", "198.18.0.1:16384-65535", "--gateway-mac",
                       "02:00:00:00:00:01"]

    def stop(self):
        self.program.stop()


def memory_mb(streams):
    """Few streams, and other work on the machine: take little."""
    return 512 if streams > 20000 else 128


class Generator:
    """One run of rtpgen against a side that is up. seconds: what it will take to send. pinned: on
    its core, without rest; else it sleeps between packets."""

    def __init__(self, bench, side, streams, seconds, *options, pinned=True):
        self.seconds = seconds
        self.json = bench.path("rtpgen.json")
        device = MEMIF.format(role="client").format(run_dir=side.program.run_dir)
        cores = ["--cores", f"{bench.cores.main},{bench.cores.generator}"] if pinned else []
        self.process = Process(
            "rtpgen",
            [bench.program("rtpgen"), "--port", device, *cores, "--file-prefix", f"{bench.tag}g",
             "--memory", str(memory_mb(streams)), "--address", PHONES, "--streams", str(streams),
             "--random-order", "--quiet", "--json", self.json, *side.target, *options],
            bench.path("rtpgen.log"))

    def result(self):
        """Waits for its end. Status 1 with a result: the dataplane counted otherwise, which the
        result says as well."""
        status = self.process.wait_end(self.seconds + SPARE_S)
        self.process.stop()
        if status not in (0, 1) or not os.path.exists(self.json):
            raise ProcessError(f"rtpgen ended with status {status}:\n{self.process.output()}")
        with open(self.json, encoding="utf-8") as f:
            return json.load(f)


def with_side(bench, make, streams, seconds, *options):
    """The other end comes up, rtpgen runs, the other end goes: the memif driver does not get
    used to peers that come and go."""
    side = make(bench, streams)
    try:
        return Generator(bench, side, streams, seconds, *options).result()
    finally:
        side.stop()
