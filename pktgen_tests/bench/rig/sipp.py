# SPDX-License-Identifier: BSD-3-Clause
"""sipp: callers, callees and phones that register. Signalling only."""

import csv
import glob
import os
import shutil
import time

from . import machine
from .process import Process, ProcessError, wait_until
from .suite import Unable

SCENARIOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sipp")
SPARE_S = 40  # what a run may take beyond its duration: the last answers, their repetitions
SOCKET_BUFFER = "4000000"


class Sipp:
    """One process with one scenario. A callee runs until it is stopped."""

    def __init__(self, bench, namespace, scenario, address, *options, target=None):
        program = shutil.which("sipp")
        if not program:
            raise Unable("sipp is not installed (deploy/setup --bench)")
        self.directory = bench.path(f"sipp-{scenario}")
        os.makedirs(self.directory)
        arguments = [program, "-sf", os.path.join(SCENARIOS, scenario + ".xml"), "-i", address,
                     "-p", "5060", "-nostdin", "-buff_size", SOCKET_BUFFER,
                     "-trace_stat", "-stf", self._file("statistics.csv"), "-fd", "1",
                     "-trace_err", "-error_file", self._file("errors.log"), *options]
        if target:
            arguments.append(target)
        self.process = Process("sipp", arguments, bench.path(f"sipp-{scenario}.log"),
                               namespace.name, cwd=self.directory)
        wait_until(lambda: self.statistics() or not self.process.alive(), 10, "sipp has started")

    def _file(self, name):
        return os.path.join(self.directory, name)

    @property
    def pid(self):
        return self.process.pid

    def _rows(self):
        """Its table: a row each second, and one at the end."""
        try:
            with open(self._file("statistics.csv"), encoding="ascii") as table:
                return list(csv.DictReader(table, delimiter=";"))
        except FileNotFoundError:
            return []

    def statistics(self):
        """The latest row of its table."""
        rows = self._rows()
        return rows[-1] if rows else None

    def history(self):
        """Of each row: seconds since sipp began, and calls that had come to a good end by then."""
        def seconds(text):
            return float(text.split("\t")[-1])
        return [(seconds(row["CurrentTime"]) - seconds(row["StartTime"]),
                 int(row["SuccessfulCall(C)"])) for row in self._rows()
                if row.get("SuccessfulCall(C)")]

    def count(self, column):
        row = self.statistics()
        return int(row[column]) if row and row.get(column) else 0

    def response_times_ms(self):
        """Of each call, in no order; with the option -trace_rtt."""
        times = []
        for name in glob.glob(os.path.join(self.directory, "*_rtt.csv")):
            with open(name, encoding="ascii") as table:
                next(table)
                times += [float(line.split(";")[1]) for line in table]
        return times

    def stop(self):
        self.process.stop()


class Load:
    """What a run of callers or phones came to."""

    def __init__(self, sipp, seconds, cpu_s):
        self.good = sipp.count("SuccessfulCall(C)")
        self.failed = sipp.count("FailedCall(C)")
        self.repeated = sipp.count("Retransmissions(C)")
        self.seconds = seconds
        self.cpu_s = cpu_s  # of the caller
        self.times_ms = sorted(sipp.response_times_ms())
        self.history = sipp.history()

    @property
    def rate(self):
        return self.good / self.seconds

    def steady_rate(self, since):
        """Calls a second that came to a good end between the second `since` and the last in which
        any were offered: neither the first, which are only being talked in, nor those that were
        refused and came again when nobody else did."""
        rows = [row for row in self.history if since - 0.5 <= row[0] <= self.seconds + 0.5]
        if len(rows) < 2:
            return self.rate
        (begin, before), (end, after) = rows[0], rows[-1]
        return (after - before) / (end - begin)

    def percentile_ms(self, percent):
        if not self.times_ms:
            return None
        return self.times_ms[min(len(self.times_ms) - 1, len(self.times_ms) * percent // 100)]


def run(bench, namespace, scenario, address, target, rate, seconds, *options):
    """So many calls or registrations a second for so many seconds, and until the last has ended.
    Who made nothing is an error; who failed some tells."""
    count = max(1, int(rate * seconds))
    sipp = Sipp(bench, namespace, scenario, address, "-r", str(rate), "-m", str(count),
                "-l", str(4 * rate), *options, target=target)
    cpu, deadline = 0, time.monotonic() + seconds + SPARE_S
    try:
        while sipp.process.alive() and time.monotonic() < deadline:
            cpu = max(cpu, machine.cpu_seconds(sipp.pid))
            time.sleep(0.1)
    finally:
        sipp.stop()
    load = Load(sipp, seconds, cpu)
    if load.good == 0:
        raise ProcessError(f"sipp {scenario}: none of {count} succeeded:\n"
                           + "\n".join(sipp.process.output().splitlines()[-12:]))
    return load
