# SPDX-License-Identifier: BSD-3-Clause
"""The benchmarks' harness: that it runs, ends what it starts, and prints what it should. Nothing
here is about speed."""

import argparse
import contextlib
import importlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

from world.lab import TOP, wait_until
from world.suite import Skip, equal, near, test

BENCH = os.path.join(TOP, "pktgen_tests", "bench")
RUNNER = os.path.join(BENCH, "run")
KEYS = ["figure", "value", "unit", "against", "against_value", "ratio", "goal", "ok", "runs",
        "spread", "note", "hardware"]
HARDWARE = {"cpu", "cores", "tsc_mhz", "kernel", "dpdk", "hugepages_2m", "governor",
            "hypervisor", "date"}


SO_RCVBUFFORCE = 33
ETH_P_IP = 0x0800
PKTGEN = os.path.join(TOP, "pktgen_tests", "pktgen")


def part(name):
    """A module of the benchmarks, "rig.ng"."""
    if BENCH not in sys.path:
        sys.path.insert(0, BENCH)
    return importlib.import_module(name)


def require_built():
    if not os.path.exists(os.path.join(TOP, "build", "release", "bench", "hold_calls")):
        raise Skip("the benchmarks are not built (make test builds them)")


def run_quick(*words):
    """The records of a quick run."""
    require_built()
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
    records = run_quick("relay-cycles", "memory", "programming")
    names = {record["figure"] for record in records}
    expected = {"memory_100k_calls", "commands_set_up", "commands_tear_down", "read_back",
                "programming_growth"}
    assert expected <= names, names
    for record in records:
        equal(list(record), KEYS, f"keys of {record['figure']}")
        assert HARDWARE <= set(record["hardware"]), record["hardware"]
        assert record["value"] > 0 or record["figure"] == "programming_growth", record
        assert record["spread"] is None or record["spread"] >= 0, record
        equal(record["ok"], None, "a quick run judges nothing")
    floors = [r for r in records if r["against"]]
    assert floors and all(r["ratio"] for r in floors), "no figure is held against its floor"


@test(timeout=60)
def bench_interrupted_leaves_nothing(_world):
    require_built()
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
    ng = part("rig.ng")
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
    search = part("rig.search").highest_lossless
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
    figure = part("rig.result").Figure
    equal(figure("f", [1, 3, 2], "us", "floor", [4, 4, 4], "ratio <= 0.5").record()["ok"], True,
          "2 is half of 4")
    equal(figure("f", [1, 3, 3], "us", "floor", [4, 4, 4], "ratio <= 0.5").record()["ok"], False,
          "3 is more than half of 4")
    equal(figure("f", [130.1], "cycles", goal="value <= 130").record()["ok"], False, "130.1")
    equal(figure("f", [1, 3, 2], "us").record()["spread"], 1.0, "from 1 to 3 around 2")


@contextlib.contextmanager
def small_bench():
    """What a benchmark is given, for a few packets."""
    require_built()
    options = argparse.Namespace(quick=True, runs=1, verbose=False, loss_tolerance=0)
    process, network = part("rig.process"), part("rig.network")
    with tempfile.TemporaryDirectory() as directory:
        suite = part("rig.suite")
        try:
            yield suite.Bench(None, directory, os.path.join(TOP, "build", "release"),
                              suite.Cores.parse(None), options)
        finally:
            process.stop_all()
            network.remove_all()


def replay(namespace, frames, rounds):
    """Sends frames into the veth of a benchmark's generator, all of them so many times, each time
    when those before are back; how many RTP packets come back."""
    sock = part("rig.network").socket_in(namespace, socket.AF_PACKET, socket.SOCK_RAW)
    with contextlib.closing(sock):
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        sock.bind(("out", ETH_P_IP))
        sock.settimeout(2)
        phones = bytes.fromhex(part("figures.veth").PHONE_MAC.replace(":", ""))
        received = 0
        for number in range(1, rounds + 1):
            for frame in frames:
                sock.send(frame)
            with contextlib.suppress(TimeoutError):
                while received < number * len(frames):
                    received += sock.recv(2048)[:6] == phones
        return received


def pcap_frames(path):
    with open(path, "rb") as file:
        data = file.read()
    frames, at = [], 24
    while at < len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


@test()
def bench_pktgen_templates_are_forwarded(_world):
    veth = part("figures.veth")
    calls = 3
    with small_bench() as bench:
        # One packet of each stream over and over is what range mode sends.
        for options, packets in (["--packets", "1"], 1), ([], 2), (["--endless"], 22):
            side = veth.TandemSide(veth.Sides(bench, calls))
            template = bench.path("template.pcap")
            subprocess.run([os.path.join(PKTGEN, "make_template"), "--streams", side.streams,
                            "--mac", side.sides.load.mac("out"),
                            "--gateway", side.sides.dut.mac("in"), *options, template],
                           check=True, stdout=subprocess.DEVNULL)
            frames = pcap_frames(template)
            equal(len(frames), 2 * calls * packets, "packets of a template")
            equal(replay(side.sides.load.name, frames, 4), 4 * len(frames), "packets sent on")
            side.stop()


@test()
def bench_pktgen_scripts_find_the_limit(_world):
    lua = shutil.which("lua5.4") or shutil.which("lua")
    if not lua:
        raise Skip("there is no Lua (deploy/setup --test)")
    with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
        done = subprocess.run(
            [lua, "-e", f"CARRIED = 3.3e6; RESULT = '{result.name}'", "mock.lua",
             "rtp_range.lua", "rfc2544.lua"], cwd=PKTGEN, capture_output=True, text=True,
            check=False)
        equal(done.returncode, 0, done.stderr)
        found = json.load(result)
    near(found["lossless_pps"], 6.6e6, 6.6e6 * 0.005, "rate of two ports that carry 3.3 M/s each")
    assert "range.dst_port(1, inc, 2)" in done.stdout, "range mode steps over RTCP ports"
