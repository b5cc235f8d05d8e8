# SPDX-License-Identifier: BSD-3-Clause
"""sipp scenarios on hosts of the lab."""

import csv
import os
import shutil
import subprocess
import tempfile

from . import tone
from .lab import ADDRESSES, TOP, wait_until

SCENARIOS = os.path.join(TOP, "pktgen_tests", "e2e", "sipp")
STREAM_SECONDS = 20


class Sipp:
    """One sipp process. Statistics are read from its file, logs kept until close()."""

    PEER = "sipp"

    def __init__(self, lab, host, scenario, *options, target=None, port=5060, files=()):
        """files: names and texts of what the scenario reads."""
        self.directory = tempfile.mkdtemp(prefix=f"tandem-sipp-{host}-")
        self._write_stream()
        shutil.copy(os.path.join(SCENARIOS, scenario + ".xml"), self.directory)
        for name, text in dict(files).items():
            with open(os.path.join(self.directory, name), "w", encoding="ascii") as out:
                out.write(text)
        command = ["sipp", "-sf", scenario + ".xml", "-i", ADDRESSES[host], "-p", str(port),
                   "-mp", "20000", "-nostdin", "-trace_err", "-error_file", "errors.log", "-trace_stat",
                   "-stf", "statistics.csv", "-fd", "1", *options]
        if target:
            command.append(target)
        with open(os.path.join(self.directory, "output.log"), "wb") as output:
            self.process = lab.popen(host, *command, cwd=self.directory, stdout=output,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(lambda: self.process.poll() is not None or self._statistics(), 10,
                   f"sipp {scenario} has started")

    def _write_stream(self):
        """The tone as raw G.711, which is what rtp_stream plays."""
        with open(os.path.join(self.directory, "stream.ul"), "wb") as stream:
            stream.write(tone.ulaw_encode(tone.samples(440, 1)) * STREAM_SECONDS)

    def _statistics(self):
        try:
            with open(os.path.join(self.directory, "statistics.csv"), encoding="ascii") as table:
                rows = list(csv.DictReader(table, delimiter=";"))
        except FileNotFoundError:
            return None
        return rows[-1] if rows else None

    def count(self, column):
        """A cumulative statistic: SuccessfulCall(C), FailedCall(C), CurrentCall …"""
        row = self._statistics()
        return int(row[column]) if row and row.get(column) else 0

    @property
    def successful(self):
        return self.count("SuccessfulCall(C)")

    @property
    def failed(self):
        return self.count("FailedCall(C)")

    @property
    def current(self):
        return self.count("CurrentCall")

    def wait(self, seconds):
        """Waits for the end; returns the exit status (0: every call succeeded)."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"sipp has not ended after {seconds} s\n{self.errors()}") from None

    def errors(self, size=3000):
        text = ""
        for name in ("errors.log", "output.log"):
            path = os.path.join(self.directory, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    text += f"--- {name}\n{log.read()[-size:]}"
        return text

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
