# SPDX-License-Identifier: BSD-3-Clause
"""dpdk-testpmd: forwards what comes back to its sender and does nothing else. The floor."""

import os
import shutil
import subprocess

from .process import Process
from .suite import Unable

START_S = 20


class Testpmd:
    """5tswap exchanges MAC addresses, IP addresses and ports of each packet. device: devargs of a
    memif server; socket: its name in the run directory."""

    def __init__(self, bench, device, socket, memory_mb=256):
        program = shutil.which("dpdk-testpmd")
        if not program:
            raise Unable("dpdk-testpmd is not installed (deploy/setup --bench)")
        self.run_dir = bench.path("testpmd")
        os.makedirs(self.run_dir, mode=0o700)
        self.process = Process(
            "dpdk-testpmd",
            [program, "--in-memory", "--no-telemetry", "--no-pci", "-m", str(memory_mb),
             "--file-prefix", bench.tag, "--lcores",
             f"0@{bench.cores.main},1@{bench.cores.dut}", "--main-lcore", "0",
             "--vdev", device.format(run_dir=self.run_dir), "--",
             "--forward-mode=5tswap", "--nb-cores=1", "--burst=64", "--rxd=2048", "--txd=2048",
             "--total-num-mbufs=32768", "--no-lsc-interrupt", "--disable-link-check"],
            bench.path("testpmd.log"), environment={"RUNTIME_DIRECTORY": self.run_dir},
            stdin=subprocess.PIPE)  # its end would end testpmd
        # What it says comes late, as its output is a file; its socket is there in time.
        self.process.wait_for(lambda: os.path.exists(os.path.join(self.run_dir, socket)), START_S,
                              "listens")

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.stop()
