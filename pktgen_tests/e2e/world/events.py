# SPDX-License-Identifier: BSD-3-Clause
"""What `tandemctl events` says while a test runs."""

import contextlib
import json
import os
import subprocess
import threading

from .lab import wait_until


class Events:
    """What `tandemctl events` prints, kept."""

    def __init__(self, world):
        self.seen = []
        self.process = subprocess.Popen(
            [os.path.join(world.lab.bin_dir, "tandemctl"), "events", "--json"],
            env=world.lab.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.seen.append(json.loads(line))

    def of(self, kind, **fields):
        return [e for e in list(self.seen) if e.get("type") == kind
                and all(e["fields"].get(name) == value for name, value in fields.items())]

    def wait(self, kind, seconds, **fields):
        return wait_until(lambda: self.of(kind, **fields), seconds, f"event {kind} {fields}")[0]

    def close(self):
        self.process.terminate()
        self.process.wait(5)


@contextlib.contextmanager
def listening(world):
    """Events from now on: it is sure to hear them once it has heard one."""
    events = Events(world)
    agent = world.agent("carrol")
    try:
        def heard():
            agent.register(expires=0)
            agent.register()
            return events.seen
        wait_until(heard, 5, "tandemctl events hears something")
        yield events
    finally:
        agent.register(expires=0)
        events.close()
