# SPDX-License-Identifier: BSD-3-Clause
"""A share of a processor for a process, so that a small machine can offer it more than it carries."""

import os
import time

from .suite import Unable

PERIOD_US = 10000


class Quota:
    """So many per cent of one processor for a process and its threads, until it is removed."""

    def __init__(self, name, pid, percent):
        quota = PERIOD_US * percent // 100
        if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            self.path = f"/sys/fs/cgroup/{name}"
            settings = {"cpu.max": f"{quota} {PERIOD_US}"}
        else:
            self.path = f"/sys/fs/cgroup/cpu/{name}"
            settings = {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": quota}
        try:
            os.mkdir(self.path)
            for file, value in settings.items():
                self._write(file, value)
            self._write("cgroup.procs", pid)
        except OSError as error:
            raise Unable(f"no share of a processor can be set: {error}") from None

    def _write(self, file, value):
        with open(os.path.join(self.path, file), "w", encoding="ascii") as out:
            out.write(f"{value}\n")

    def remove(self):
        """After the process has ended."""
        for _ in range(50):
            try:
                os.rmdir(self.path)
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.1)
