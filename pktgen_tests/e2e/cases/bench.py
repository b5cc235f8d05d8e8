# SPDX-License-Identifier: BSD-3-Clause
"""The benchmarks' harness: that it runs, ends what it starts, and prints what it should. Nothing
here is about speed."""

import json
import os
import signal
import subprocess
import sys
import tempfile

from world.lab import TOP, wait_until
from world.suite import Skip, equal, test

BENCH = os.path.join(TOP, "pktgen_tests", "bench")
RUNNER = os.path.join(BENCH, "run")
KEYS = ["figure", "value", "unit", "against", "against_value", "ratio", "goal", "ok", "runs",
        "spread", "note", "hardware"]
HARDWARE = {"cpu", "cores", "tsc_mhz", "kernel", "dpdk", "hugepages_2m", "governor",
            "hypervisor", "date"}


def rig(name):
    if BENCH not in sys.path:
        sys.path.insert(0, BENCH)
    return __import__(f"rig.{name}", fromlist=[name])


def run_quick(*words):
    """The records of a quick run."""
    if not os.path.exists(os.path.join(TOP, "build", "release", "bench", "hold_calls")):
        raise Skip("the benchmarks are not built (make test builds them)")
    chosen = [argument for word in words for argument in ("-k", word)]
    with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
        done = subprocess.run([RUNNER, "--quick", "--json", result.name, *chosen],
                              capture_output=True, text=True, check=False)
        equal(done.returncode, 0, f"status of bench/run: {done.stdout}{done.stderr}")
        records = [json.loads(line) for line in result]
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    equal([json.loads(line) for line in lines], records, "standard output, against --json")
    assert "FIGURE" in done.stdout, "no table follows"
    return records


@test(timeout=120)
def bench_figures_have_their_keys(_world):
    records = run_quick("relay-cycles", "memory")
    names = {record["figure"] for record in records}
    assert "memory_100k_calls" in names, names
    for record in records:
        equal(list(record), KEYS, f"keys of {record['figure']}")
        assert HARDWARE <= set(record["hardware"]), record["hardware"]
        assert record["value"] > 0, record
        equal(record["ok"], None, "a quick run judges nothing")
    floors = [r for r in records if r["against"]]
    assert floors and all(r["ratio"] for r in floors), "no figure is held against its floor"


@test(timeout=60)
def bench_interrupted_leaves_nothing(_world):
    if not os.path.exists(os.path.join(TOP, "build", "release", "bench", "hold_calls")):
        raise Skip("the benchmarks are not built (make test builds them)")
    with tempfile.TemporaryDirectory() as kept:
        runner = subprocess.Popen([RUNNER, "-k", "memory", "--runs", "50", "--keep", kept],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child = wait_until(lambda: children(runner.pid, "tandem-dataplan"), 20,
                               "a benchmark starts its dataplane")[0]
            wait_until(lambda: namespaces(runner.pid), 5, "it has a namespace")
            runner.send_signal(signal.SIGINT)
            equal(runner.wait(20), 130, "status of an interrupted run")
        finally:
            runner.kill()
            runner.wait()
        assert not os.path.exists(f"/proc/{child}"), "the dataplane runs on"
        equal(namespaces(runner.pid), [], "namespaces left")


def children(pid, name):
    """Its child processes of that name (the kernel keeps 15 characters)."""
    found = []
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True,
                                check=False).stdout.split():
        try:
            with open(f"/proc/{child}/comm", encoding="utf-8") as comm:
                if comm.read().strip() == name:
                    found.append(int(child))
        except OSError:
            pass
    return found


def namespaces(pid):
    """Those that a runner has made."""
    if not os.path.isdir("/run/netns"):
        return []
    return [name for name in os.listdir("/run/netns") if name.startswith(f"b{pid % 100000}-")]


@test()
def bench_speaks_ng(_world):
    ng = rig("ng")
    message = {"command": "offer", "list": [1, -2, "x"], "sdp": ng.sdp("198.18.0.1", 10000)}
    equal(ng.encode({"b": "äx", "a": 7}), b"d1:ai7e1:b3:" + "äx".encode() + b"e", "bencoding")
    equal(ng.decode(ng.encode(message)), message, "what was encoded, decoded")
    equal(ng.media_of(message["sdp"]), ("198.18.0.1", 10000), "media of an SDP")
    for broken in (b"d1:ai7e", b"5:abc", b"i7", b"", b"i7ei8e"):
        try:
            value = ng.decode(broken)
        except (ValueError, IndexError):
            continue
        raise AssertionError(f"{broken!r} was taken for {value!r}")


@test()
def bench_search_finds_the_limit(_world):
    search = rig("search").highest_lossless
    for limit in (1000, 33333, 777777):
        tried = []

        def trial(rate, most=limit, rates=tried):
            rates.append(rate)
            return rate <= most
        found = search(trial, 500, 800000, 0.01)
        assert found <= limit and limit - found <= 8000, f"{found} for {limit}: {tried}"
    equal(search(lambda rate: True, 1, 100, 0.01), 100, "nothing is lost at the highest rate")
    equal(search(lambda rate: False, 1, 100, 0.01), 0, "something is lost at any rate")


@test()
def bench_goals_are_judged(_world):
    figure = rig("result").Figure
    equal(figure("f", [1, 3, 2], "us", "floor", [4, 4, 4], "ratio <= 0.5").record()["ok"], True,
          "2 is half of 4")
    equal(figure("f", [1, 3, 3], "us", "floor", [4, 4, 4], "ratio <= 0.5").record()["ok"], False,
          "3 is more than half of 4")
    equal(figure("f", [130.1], "cycles", goal="value <= 130").record()["ok"], False, "130.1")
    equal(figure("f", [1, 3, 2], "us").record()["spread"], 1.0, "from 1 to 3 around 2")
