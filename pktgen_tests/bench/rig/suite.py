# SPDX-License-Identifier: BSD-3-Clause
"""How a benchmark is declared, and what it is given."""

import os

from . import network, process
from .process import ProcessError

BENCHMARKS = []
RUNS = 3
ATTEMPTS = 3


class Unable(Exception):
    """This machine or this build cannot show it; the text says why."""


class OutOfTime(Exception):
    """A benchmark took longer than it may."""


class Benchmark:
    def __init__(self, function, name, text, group, timeout):
        self.function = function
        self.name = name
        self.text = text
        self.group = group
        self.timeout = timeout


def benchmark(name, text, group="relay", timeout=600):
    def declare(function):
        BENCHMARKS.append(Benchmark(function, name, text, group, timeout))
        return function
    return declare


class Cores:
    """Which core does what. On two cores the generator shares one with all that is not polling."""

    def __init__(self, dut, generator, main):
        self.dut = dut
        self.generator = generator
        self.main = main

    @classmethod
    def parse(cls, text):
        if text:
            return cls(*(int(n) for n in text.split(",")))
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) == 1:
            return cls(usable[0], usable[0], usable[0])
        return cls(usable[-1], usable[-2], usable[0])

    def shared(self):
        return self.generator == self.main


class Bench:
    """The surroundings of a benchmark."""

    def __init__(self, report, directory, build, cores, options):
        self.report = report
        self.directory = directory
        self.build = build
        self.cores = cores
        self.quick = options.quick
        self.runs = options.runs or (1 if self.quick else RUNS)
        self.verbose = options.verbose
        self.tolerance_percent = options.loss_tolerance
        self.tag = f"b{os.getpid() % 100000}"
        self._count = 0

    @property
    def tolerance(self):
        return self.tolerance_percent / 100

    def tolerance_text(self):
        if self.tolerance == 0:
            return "no packet lost"
        return f"at most {self.tolerance_percent:g} % of the packets lost"

    def lossless_goal(self, goal):
        """A goal for a rate without loss is not judged by one with some."""
        return None if self.tolerance else goal

    def program(self, name):
        """The path of one of our programs."""
        for folder in ("bin", "bench"):
            path = os.path.join(self.build, folder, name)
            if os.path.exists(path):
                return path
        raise Unable(f"{name} is not built (make -f mk/build.mk all bench)")

    def path(self, name):
        """A new file or directory name for this run."""
        self._count += 1
        return os.path.join(self.directory, f"{self._count:03}-{name}")

    def add(self, figure):
        if self.quick:
            figure.goal = None
            figure.notes.insert(0, "quick: of no meaning as a measurement")
        self.report.add(figure)

    def add_line(self, record, prefix=""):
        """A figure of a program that measures and judges by itself: its JSON line."""
        record = dict(record, figure=prefix + record["figure"])
        if self.quick:
            record.update(goal=None, ok=None,
                          note=f"quick: of no meaning as a measurement; {record['note']}")
        self.report.add_record(record)

    def persist(self, trial, *arguments):
        """Repeats a trial whose programs died: the memif driver of DPDK 22.11 crashes now and
        then when a peer goes. Returns its result and how often it had to be repeated."""
        for repeated in range(ATTEMPTS):
            try:
                return trial(*arguments), repeated
            except ProcessError:
                if repeated == ATTEMPTS - 1:
                    raise
                process.stop_all()
                network.remove_all()
        return None

    def alternate(self, *sides):
        """A B A B …: the results of each side, one list each, so that what changes on the machine
        while it runs meets both. Each side is a function without arguments."""
        results = [[] for _ in sides]
        for _ in range(self.runs):
            for side, into in zip(sides, results):
                into.append(side())
        return results
