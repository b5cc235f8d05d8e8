# SPDX-License-Identifier: BSD-3-Clause
"""rtpengine in user space (Debian's package, no kernel module), with calls made over NG."""

import shutil
import subprocess

from .ng import NgCalls, NgClient, NgError
from .process import Process
from .suite import Unable

NG_PORT = 2223
START_S = 10


class Rtpengine:
    """In a namespace, on one interface address, pinned to cores."""

    def __init__(self, bench, namespace, address, cores):
        program = shutil.which("rtpengine")
        if not program:
            raise Unable("rtpengine is not installed (deploy/setup --bench)")
        self.process = Process(
            "rtpengine",
            ["taskset", "-c", ",".join(str(c) for c in cores), program, "--foreground",
             "--log-stderr", "--log-level=4", "--table=-1", f"--interface={address}",
             f"--listen-ng=127.0.0.1:{NG_PORT}", f"--num-threads={len(cores)}",
             "--port-min=16384", "--port-max=65000", "--timeout=3600", "--silent-timeout=3600"],
            bench.path("rtpengine.log"), namespace)
        self.client = NgClient(("127.0.0.1", NG_PORT), namespace)
        self.calls = NgCalls(self.client)
        self.process.wait_for(self._answers, START_S, "answers on NG")

    def _answers(self):
        try:
            return self.client.command("ping").get("result") == "pong"
        except NgError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.client.close()
        self.process.stop()

    @staticmethod
    def version():
        done = subprocess.run(["rtpengine", "--version"], capture_output=True, text=True,
                              check=False)
        return (done.stdout + done.stderr).replace("Version:", "").strip()
