# SPDX-License-Identifier: BSD-3-Clause
"""What `tandemctl events` says while a test runs."""

import json
import subprocess
import threading

from .lab import wait_until


class Events:
    """All events from now on. A process of tandemctl and a thread that reads it."""

    def __init__(self, lab):
        self.seen = []
        self._process = subprocess.Popen(
            [f"{lab.bin_dir}/tandemctl", "--json", "events"], env=lab.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._process.stdout:
            event = json.loads(line)
            self.seen.append(event.get("event", event))

    def find(self, kind, **fields):
        """Those of a type whose fields have these values."""
        return [e for e in list(self.seen) if e.get("type") == kind
                and all(e["fields"].get(name) == value for name, value in fields.items())]

    def wait(self, kind, seconds=10, **fields):
        wait_until(lambda: self.find(kind, **fields), seconds, f"event {kind} {fields}")
        return self.find(kind, **fields)[0]

    def close(self):
        self._process.terminate()
        self._process.wait(5)
        self._thread.join(2)
        self._process.stdout.close()
