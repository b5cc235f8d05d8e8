# SPDX-License-Identifier: BSD-3-Clause
"""Figures: one JSON line each, and a table for people at the end."""

import json
import math
import statistics
import sys

from . import machine

OPERATORS = {
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
}


def rounded(value):
    """Four significant digits are more than any of these figures has; counts stay whole."""
    if value is None or value == 0 or isinstance(value, int):
        return value
    if abs(value) >= 10000:
        return round(value)
    return round(value, 3 - math.floor(math.log10(abs(value))))


def spread(values):
    """Highest less lowest, as a part of the median; None of fewer than two."""
    middle = statistics.median(values)
    if len(values) < 2 or middle == 0:
        return None
    return (max(values) - min(values)) / abs(middle)


class Figure:
    """What was measured (values of each run), and of the floor or peer the same.

    goal: "value <= 130", "ratio >= 0.65", or None: for information."""

    def __init__(self, figure, values, unit, against=None, against_values=None, goal=None, note=""):
        self.figure = figure
        self.values = list(values)
        self.unit = unit
        self.against = against
        self.against_values = list(against_values or [])
        self.goal = goal
        self.notes = [note] if note else []

    def remark(self, *notes):
        """Adds those that are not empty."""
        self.notes += [note for note in notes if note]

    @property
    def value(self):
        return statistics.median(self.values)

    @property
    def against_value(self):
        return statistics.median(self.against_values) if self.against_values else None

    @property
    def ratio(self):
        return self.value / self.against_value if self.against_value else None

    def ok(self):
        if not self.goal:
            return None
        what, operator, limit = self.goal.split()
        measured = self.value if what == "value" else self.ratio
        return measured is not None and OPERATORS[operator](measured, float(limit))

    def record(self):
        """The line of DESIGN: keys in this order, then the hardware block."""
        return {
            "figure": self.figure,
            "value": rounded(self.value),
            "unit": self.unit,
            "against": self.against,
            "against_value": rounded(self.against_value),
            "ratio": rounded(self.ratio),
            "goal": self.goal,
            "ok": self.ok(),
            "runs": len(self.values),
            "spread": rounded(spread(self.values)),
            "note": "; ".join(self.notes),
        }


class Report:
    """Collects the figures; prints each as soon as it is known."""

    def __init__(self, json_file=None, out=sys.stdout):
        self.hardware = machine.hardware()
        self.records = []
        self.problems = []
        self.out = out
        self.json_file = open(json_file, "w", encoding="utf-8") if json_file else None

    def add(self, figure):
        self.add_record(figure.record())

    def add_record(self, record):
        record = dict(record, hardware=self.hardware)
        self.records.append(record)
        self._line(record)

    def problem(self, benchmark, text):
        """A benchmark that did not come to an end."""
        self.problems.append((benchmark, text))
        self._line({"benchmark": benchmark, "error": text, "hardware": self.hardware})

    def _line(self, record):
        text = json.dumps(record)
        print(text, file=self.out, flush=True)
        if self.json_file:
            print(text, file=self.json_file, flush=True)

    def _notes(self):
        """The figures of each note, once."""
        notes = {}
        for record in self.records:
            if record["note"]:
                notes.setdefault(record["note"], []).append(record["figure"])
        return notes

    def met(self):
        """Everything ran, and no goal was missed."""
        return not self.problems and all(r["ok"] is not False for r in self.records)

    def table(self):
        rows = [("FIGURE", "VALUE", "UNIT", "AGAINST", "ITS VALUE", "RATIO", "GOAL", "OK", "RUNS",
                 "SPREAD")]
        for r in self.records:
            rows.append((r["figure"], text_of(r["value"]), r["unit"], r["against"] or "",
                         text_of(r["against_value"]), text_of(r["ratio"]), r["goal"] or "",
                         {True: "yes", False: "NO", None: ""}[r["ok"]], str(r["runs"]),
                         "" if r["spread"] is None else f"{100 * r['spread']:.0f} %"))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                 for row in rows]
        notes = [f"  {', '.join(names)}: {note}" for note, names in self._notes().items()]
        problems = [f"  {name}: {text}" for name, text in self.problems]
        return "\n".join(lines + ([""] + ["Notes:"] + notes if notes else [])
                         + ([""] + ["Did not come to an end:"] + problems if problems else [])
                         + ["", machine.describe(self.hardware)])


def text_of(value):
    if value is None:
        return ""
    if isinstance(value, float) and abs(value) < 1000:
        return f"{value:g}"
    return f"{value:,.0f}"
