# SPDX-License-Identifier: BSD-3-Clause
"""Programs that a benchmark starts. However the benchmark ends, they end with it."""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
STOP_S = 5

LIBC = ctypes.CDLL(None, use_errno=True)
RUNNING = []


class ProcessError(Exception):
    """A program did not start, or died."""


def wait_until(condition, seconds, what, interval=0.02):
    """Waits for condition() to be true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise ProcessError(f"not within {seconds} s: {what}")
        time.sleep(interval)


def _die_with_parent():
    # Also when the runner is killed by a signal that it cannot catch.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program, its output in a log. In a namespace if one is given."""

    def __init__(self, name, arguments, log, namespace=None, environment=None, stdin=None,
                 cwd=None):
        self.name = name
        self.log = log
        if namespace:
            arguments = ["ip", "netns", "exec", namespace, *arguments]
        with open(log, "ab") as output:
            # A session of its own: Ctrl-C is for the runner, which ends things in order.
            self.popen = subprocess.Popen(
                arguments, stdin=stdin or subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=_die_with_parent, cwd=cwd,
                env=dict(os.environ, **(environment or {})))
        RUNNING.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def require_alive(self):
        if not self.alive():
            raise ProcessError(f"{self.name} ended with status {self.popen.returncode}:\n"
                               + "\n".join(self.output().splitlines()[-12:]))

    def wait_for(self, condition, seconds, what):
        """Waits for condition(); fails at once if the program dies meanwhile."""
        def check():
            self.require_alive()
            return condition()
        return wait_until(check, seconds, f"{self.name}: {what}")

    def wait_for_text(self, text, seconds):
        return self.wait_for(lambda: text in self.output(), seconds, f"says {text!r}")

    def wait_end(self, seconds):
        """Its exit status."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired as late:
            self.stop()
            raise ProcessError(f"{self.name} is not done after {seconds} s:\n"
                               + "\n".join(self.output().splitlines()[-12:])) from late

    def stop(self):
        """SIGTERM, and SIGKILL to what does not heed it."""
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        if self in RUNNING:
            RUNNING.remove(self)


def stop_all():
    for process in reversed(list(RUNNING)):
        process.stop()


def run(arguments, seconds, log, name=None, namespace=None):
    """Runs a program to its end. Its output so far is in log; a status that is not 0 is raised."""
    process = Process(name or os.path.basename(arguments[0]), arguments, log, namespace)
    try:
        status = process.wait_end(seconds)
    finally:
        process.stop()
    if status != 0:
        raise ProcessError(f"{process.name} ended with status {status}:\n"
                           + "\n".join(process.output().splitlines()[-12:]))
    return process.output()
