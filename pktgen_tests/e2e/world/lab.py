# SPDX-License-Identifier: BSD-3-Clause
"""The lab of deploy/lab: hosts, the Tandem processes, and tandemctl."""

import ctypes
import json
import os
import socket
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
LAB_TOOL = os.path.join(TOP, "deploy", "lab")
CLONE_NEWNET = 0x40000000

SIP_ADDRESS = "198.18.0.10"
SIP_ADDRESS6 = "2001:2::10"
MEDIA_ADDRESS = "198.18.0.20"
MEDIA_ADDRESS6 = "2001:2::20"
DOMAIN = "tandem.lab"
ADDRESSES = {"alice": "198.18.0.101", "bob": "198.18.0.102",
             "carrol": "198.18.0.103", "carrier": "198.18.0.104"}
ADDRESSES6 = {"alice": "2001:2::101", "bob": "2001:2::102",
              "carrol": "2001:2::103", "carrier": "2001:2::104"}


class Timeout(AssertionError):
    """Something that had to happen did not happen in time."""


def wait_until(condition, seconds, what, interval=0.05):
    """Waits for condition() to be true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"not within {seconds} s: {what}")
        time.sleep(interval)


class CtlError(Exception):
    """tandemctl ended with a status that is not 0."""

    def __init__(self, arguments, status, text):
        super().__init__(f"tandemctl {' '.join(arguments)}: status {status}: {text}")
        self.status = status
        self.text = text


class Lab:
    """One lab by name. Several may stand side by side."""

    def __init__(self, name="lab"):
        self.name = name
        self.run_dir = "/run/tandem" if name == "lab" else f"/run/tandem-{name}"
        self.bin_dir = os.environ.get("TANDEM_BIN", os.path.join(TOP, "build", "bin"))
        self.environment = dict(os.environ, TANDEM_LAB=name, TANDEM_RUN_DIR=self.run_dir,
                                TANDEM_BIN=self.bin_dir)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._namespace_lock = threading.Lock()

    # --- deploy/lab ---------------------------------------------------------

    def tool(self, *arguments, check=True, capture=False):
        """Runs deploy/lab."""
        return subprocess.run([LAB_TOOL, *arguments], env=self.environment, check=check,
                              capture_output=capture, text=True, stdin=subprocess.DEVNULL)

    def up(self, config=None, tandem=True):
        arguments = ["up"]
        if config:
            arguments += ["--config", config]
        if not tandem:
            arguments += ["--no-tandem"]
        self.tool(*arguments)

    def down(self):
        self.tool("down", "--quiet")

    def start(self, *process):
        self.tool("start", *process)

    def stop(self, *process):
        self.tool("stop", *process)

    def use_config(self, path, dataplane=False):
        """Starts the control plane (and the dataplane) again with another configuration."""
        processes = [] if dataplane else ["controlplane"]  # none: both
        self.stop(*processes)
        with open(f"{self.run_dir}/config", "w", encoding="utf-8") as config:
            config.write(path + "\n")
        self.start(*processes)
        self.wait_ready()

    def config(self):
        """The path of the configuration in use."""
        with open(f"{self.run_dir}/config", encoding="utf-8") as config:
            return config.read().strip()

    def pid(self, process):
        """The process id of dataplane or controlplane, None while it does not run."""
        found = self.tool("pid", process, check=False, capture=True)
        return int(found.stdout) if found.returncode == 0 else None

    def log(self, process):
        with open(f"{self.run_dir}/log/{process}.log", encoding="utf-8", errors="replace") as log:
            return log.read()

    # --- hosts ----------------------------------------------------------------

    def _namespace(self, host):
        return f"/run/netns/{self.name}-{host}"

    def command(self, host, *arguments):
        """What to give to subprocess to run something on a host."""
        return ["ip", "netns", "exec", f"{self.name}-{host}", *arguments]

    def run(self, host, *arguments, check=True, timeout=60):
        return subprocess.run(self.command(host, *arguments), capture_output=True, text=True,
                              errors="replace", check=check, timeout=timeout)

    def popen(self, host, *arguments, **keywords):
        keywords.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(host, *arguments), **keywords)

    def socket(self, host, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
        """A socket of this process that lives in the network of a host."""
        return self.in_network(host, lambda: socket.socket(family, kind))

    def in_network(self, host, make):
        """What make() returns; what it opens lives in the network of a host."""
        with self._namespace_lock:
            with open("/proc/thread-self/ns/net", "rb") as home, \
                    open(self._namespace(host), "rb") as there:
                self._set_namespace(there)
                try:
                    return make()
                finally:
                    self._set_namespace(home)

    def _set_namespace(self, handle):
        if self._libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    # --- tandemctl ----------------------------------------------------------------

    def ctl_raw(self, *arguments, timeout=15, given=""):
        """Runs tandemctl, with a text on its standard input; returns the completed process."""
        return subprocess.run([os.path.join(self.bin_dir, "tandemctl"), *arguments],
                              env=self.environment, capture_output=True, text=True,
                              timeout=timeout, check=False, input=given)

    def ctl(self, *arguments):
        done = self.ctl_raw(*arguments)
        if done.returncode != 0:
            raise CtlError(arguments, done.returncode, (done.stderr or done.stdout).strip())
        return done.stdout

    def show(self, what):
        """The list (or object) behind `tandemctl show WHAT --json`."""
        return json.loads(self.ctl("show", what, "--json"))[what]

    def version(self):
        answer = json.loads(self.ctl("show", "version", "--json"))
        return answer.get("version") if isinstance(answer.get("version"), dict) else answer

    def ready(self):
        """Both processes answer, and the control plane is attached to the dataplane."""
        try:
            version = self.version()
            return version["controlplane"]["link"] == "up" and all(
                version[process]["state"] == "up" for process in ("controlplane", "dataplane"))
        except (CtlError, KeyError, ValueError, OSError):
            return False

    def wait_ready(self, seconds=20):
        wait_until(self.ready, seconds, "Tandem is ready")

    def used_media_ports(self):
        return sum(int(pool["used"]) for pool in self.show("media-ports"))

    def leftovers(self):
        """What calls have left behind: {} when nothing."""
        found = {what: len(self.show(what))
                 for what in ("calls", "sessions", "contexts", "terminations")}
        found["media-ports"] = self.used_media_ports()
        return {what: count for what, count in found.items() if count}

    def wait_idle(self, seconds=10):
        """Waits until no call, session, context, termination or used port is left."""
        try:
            wait_until(lambda: not self.leftovers(), seconds, "idle", 0.1)
        except Timeout:
            raise Timeout(f"left behind after {seconds} s: {self.leftovers()}") from None
