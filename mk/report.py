# SPDX-License-Identifier: BSD-3-Clause
"""The report of `make test`: compliance, interoperability by peer, security, features by id."""

import os
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "pktgen_tests", "e2e"))

# pylint: disable=wrong-import-position
from world.features import FEATURES  # noqa: E402

# Unit tests by what they hold SIP to.
RFCS = {
    "sip-message": "RFC 3261 §7, §19, §20, §25; verdicts of RFC 4475 and RFC 5118",
    "sip-transport": "RFC 3261 §18, 5626, 5922, 5923, 7118",
    "sip-resolve": "RFC 3263",
    "sip-transaction": "RFC 3261 §17, 6026, 7339",
    "sip-dialog": "RFC 3261 §12 to §15, 3262, 3264, 3311, 3581, 3891, 4028, 6141, 6228, 6337",
    "sip-event": "RFC 3515, 3903, 4488, 6665",
    "sip-auth": "RFC 7616, 8760",
    "sip-sdp": "RFC 8866, 3264",
    "sip-stun": "RFC 8489",
    "controlplane-registrar": "RFC 3261 §10, 3327, 3608, 5626, 5627",
}
SECURITY = {"AU1", "AU2", "AU3", "AU4", "AU5", "AU6", "SE1", "SE3", "SE4", "SE5"}


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                          text=True, cwd=TOP, check=False)
    return done.stdout.strip() or "unknown"


def count(tests):
    """What came of some end-to-end tests, and which failed."""
    by = {result: [t["name"] for t in tests if t["result"] == result]
          for result in ("passed", "failed", "skipped")}
    text = f"{len(by['passed'])} passed, {len(by['failed'])} failed"
    if by["skipped"]:
        text += f", {len(by['skipped'])} skipped"
    return text + "".join(f"<br>not ok: {name}" for name in by["failed"])


def section(title, columns, rows):
    return [f"## {title}", "", "| " + " | ".join(columns) + " |",
            "|" + " --- |" * len(columns), *("| " + " | ".join(row) + " |" for row in rows), ""]


def write(path, units, fuzzers, tests):
    """units: (name, passed, failed); fuzzers: (name, inputs, passed); tests: as the end-to-end
    runner tells them."""
    peers = sorted({peer for t in tests for peer in t["peers"]})
    lines = [f"# Report of {time.strftime('%Y-%m-%d %H:%M')}, commit {commit()}", ""]
    lines += section("Compliance", ("unit tests", "what they hold to", "result"), (
        (name, RFCS[name], f"{good} passed, {bad} failed")
        for name, good, bad in units if name in RFCS))
    lines += section("Interoperability", ("peer", "calls and scenarios with it"), (
        (peer, count([t for t in tests if peer in t["peers"]])) for peer in peers))
    lines += section("Security", ("what", "result"), (
        ("end-to-end tests", count([t for t in tests if SECURITY & set(t["ids"])])),
        *((f"fuzzer {name}", f"{runs} inputs, {'no' if fine else 'a'} finding")
          for name, runs, fine in fuzzers)))
    lines += section("Features", ("id", "what is to be seen", "end-to-end tests, other commands"), (
        (number, what, "<br>".join([count(shown)] * bool(shown) + list(others)))
        for number, (what, others) in FEATURES.items()
        for shown in [[t for t in tests if number in t["ids"]]]))
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))
