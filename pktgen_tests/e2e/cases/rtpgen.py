# SPDX-License-Identifier: BSD-3-Clause
"""Many streams from rtpgen: bit-exact, none lost, and counted by the dataplane as they were sent.

rtpgen runs on carrol's host, where it simulates phones on 198.18.0.128/25 behind her interface."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile

from world import sip
from world.lab import TOP, wait_until
from world.suite import Skip, equal, hang_up, test

HOST = "carrol"
PHONES = "198.18.0.128/25"
PHONES6 = "2001:2::1000/116"
# 200 streams fill the 2048 frames of a port in 0.4 s: so long a busy machine may look elsewhere.
PTIME = "40"
IMPAIRMENTS = "loss=1%,duplicate=0.5%,reorder=1%,jitter=10ms,seed=42"
# No hugepages: the machine may have none, and a few thousand packets a second need none.
SMALL = ["--hugepages", "no", "--memory", "96", "--quiet", "--json", "-"]


def command(lab, port, *options):
    return [os.path.join(lab.bin_dir, "rtpgen"), "--port", port, *SMALL, *options]


def in_lab(lab, *options, timeout=50):
    return lab.run(HOST, *command(lab, "eth0", *options), check=False, timeout=timeout)


def result_of(done):
    """What it printed, after an end without a complaint."""
    equal(done.returncode, 0, f"status: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def nothing_is_lost(result):
    for count in ("lost", "late", "unexpected", "given_up", "no_buffer", "rtcp"):
        equal(result[count], 0, count)
    equal(result["received"], result["sent"], "received")
    assert not result["interrupted"]
    for direction in result["directions"]:
        equal(direction["lost"], 0, f"lost of {direction['name']}")
    for one in (result["latency_us"], *(d["latency_us"] for d in result["directions"])):
        order = [one[name] for name in ("min", "p50", "p90", "p99", "p999", "max")]
        equal(order, sorted(order), "percentiles")


def dataplane_counts_the_same(result):
    there, impaired = result["dataplane"], result["impaired"]
    assert there["agree"] and there["disagree"] == 0, there
    equal((there["packets"], there["lost"], there["duplicate"], there["reordered"]),
          (result["sent"], impaired["lost"], impaired["duplicated"], impaired["reordered"]),
          "packets, lost, duplicate, reordered in the dataplane")
    equal((result["duplicate"], result["reordered"]),
          (impaired["duplicated"], impaired["reordered"]), "duplicate, reordered as received")


def some_of_each(impaired):
    for what in ("lost", "duplicated", "reordered", "held", "delayed"):
        assert impaired[what] > 0, impaired


@test(timeout=60)
def hundreds_of_streams_are_relayed_bit_by_bit(world):
    result = result_of(in_lab(world.lab, "--dataplane", world.lab.run_dir, "--address", PHONES,
                              "--streams", "200", "--ptime", PTIME, "--duration", "4"))
    nothing_is_lost(result)
    dataplane_counts_the_same(result)
    equal(sum(result["impaired"].values()), 0, "impaired")
    # 200 streams, 25 packets a second each; a busy machine may have ended with a few to come
    assert 19000 < result["sent"] <= 20001, result["sent"]
    assert not world.lab.leftovers(), world.lab.leftovers()


@test(timeout=90)
def at_the_pace_of_the_time_stamps_nothing_is_late(world):
    """The pause after the warm-up is not taken for delay. On a machine that was elsewhere for so
    long that packets may have been late, rtpgen says that it cannot know."""
    for _ in range(5):
        result = result_of(in_lab(world.lab, "--dataplane", world.lab.run_dir, "--address",
                                  PHONES, "--streams", "20", "--ptime", "20", "--duration", "2"))
        nothing_is_lost(result)
        if result["dataplane"]["late_compared"]:
            equal(result["dataplane"]["late"], 0, "late in the dataplane")
            return
    raise Skip("the machine is too busy to tell")


@test(timeout=60)
def impairments_are_counted_exactly(world):
    result = result_of(in_lab(world.lab, "--dataplane", world.lab.run_dir, "--address", PHONES,
                              "--streams", "200", "--ptime", PTIME, "--duration", "4",
                              "--impair", IMPAIRMENTS))
    nothing_is_lost(result)
    some_of_each(result["impaired"])
    dataplane_counts_the_same(result)
    planned = 200 * 25 * 4
    assert 0.007 < result["impaired"]["lost"] / planned < 0.013, result["impaired"]
    assert 0.003 < result["impaired"]["duplicated"] / planned < 0.007, result["impaired"]


@test(timeout=60)
def streams_between_ipv6_phones(world):
    result = result_of(in_lab(world.lab, "--dataplane", world.lab.run_dir, "--address", PHONES6,
                              "--streams", "100", "--duration", "2", "--impair", IMPAIRMENTS))
    nothing_is_lost(result)
    dataplane_counts_the_same(result)


@test(timeout=60)
def sources_that_are_learned_lose_nothing_afterwards(world):
    """One side IPv4, the other IPv6, and the dataplane takes whoever proves himself."""
    result = result_of(in_lab(world.lab, "--dataplane", world.lab.run_dir, "--address", PHONES,
                              "--address", PHONES6, "--source-rule", "learn", "--streams", "100",
                              "--duration", "2", "--impair", IMPAIRMENTS))
    nothing_is_lost(result)
    dataplane_counts_the_same(result)


def set_up_call(world, caller, callee, phones):
    """A call whose descriptions name simulated phones: (outgoing, incoming)."""
    outgoing = caller.invite(callee.user, sdp=sip.make_sdp(*phones[0]))
    incoming = callee.incoming()
    incoming.answered = incoming._reply(200, "OK", sip.make_sdp(*phones[1]))
    outgoing.answered = caller.response(outgoing.invite)
    equal(outgoing.answered.status, 200, "INVITE")
    outgoing.remote_sdp = sip.Sdp(outgoing.answered.body)
    outgoing.acknowledge()
    callee.expect("ACK", call_id=incoming.call_id)
    return outgoing, incoming


def line_of(call, phones):
    outgoing, incoming = call
    ends = ((outgoing.remote_sdp.address, outgoing.remote_sdp.port), phones[0],
            (incoming.remote_sdp.address, incoming.remote_sdp.port), phones[1])
    return " ".join(f"{address}:{port}" for address, port in ends)


@test(timeout=60)
def calls_that_sip_has_set_up_carry_its_streams(world):
    alice, bob = world.registered("alice"), world.registered("bob")
    phones = [(("198.18.0.200", 4000 + 4 * n), ("198.18.0.201", 4002 + 4 * n)) for n in range(5)]
    calls = [set_up_call(world, alice, bob, pair) for pair in phones]
    with tempfile.NamedTemporaryFile("w", suffix=".calls") as file:
        file.write("# calls of alice to bob\n")
        file.writelines(line_of(call, pair) + "\n" for call, pair in zip(calls, phones))
        file.flush()
        result = result_of(in_lab(world.lab, "--calls", file.name, "--duration", "2",
                                  "--impair", IMPAIRMENTS))
    equal(result["streams"], 10, "streams")
    nothing_is_lost(result)
    terminations = world.lab.show("terminations")
    equal(len(terminations), 10, "terminations")
    counted = {name: sum(t[name] for t in terminations)
               for name in ("lost", "duplicate", "reordered")}
    equal(counted, {"lost": result["impaired"]["lost"],
                    "duplicate": result["impaired"]["duplicated"],
                    "reordered": result["impaired"]["reordered"]}, "counted by the dataplane")
    for outgoing, incoming in calls:
        hang_up(outgoing, incoming)


@test(timeout=60)
def an_interrupt_ends_it_with_a_report(world):
    lab = world.lab
    process = lab.popen(HOST, *command(lab, "eth0", "--dataplane", lab.run_dir, "--address",
                                       PHONES, "--streams", "20", "--duration", "600"),
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        # more than warming up sends
        wait_until(lambda: sum(t["rx_packets"] for t in lab.show("terminations")) > 500, 20,
                   "packets are relayed")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait()
    equal(process.returncode, 0, f"status: {err}")
    result = json.loads(out)
    assert result["interrupted"] and result["sent"] > 0, result
    equal(result["lost"], 0, "lost")
    assert result["dataplane"]["agree"], result["dataplane"]


@test()
def what_cannot_be_done_is_said(world):
    def ends(status, words, *options):
        done = in_lab(world.lab, *options)
        equal(done.returncode, status, f"status of {options}")
        assert words in done.stderr, done.stderr
    ends(2, "--streams", "--dataplane", world.lab.run_dir, "--streams", "3")
    ends(2, "is missing", "--streams", "2")
    ends(1, "no dataplane is running", "--dataplane", "/nowhere", "--streams", "2")
    ends(1, "no free port", "--dataplane", world.lab.run_dir, "--streams", "3000")
    ends(1, "no answer who has 198.18.0.77", "--target", "198.18.0.77:4000-4001", "--streams", "2")


MEMIF_CONFIG = """
dataplane:
  ports:
    - name: lan
      device: "net_memif0,role=server,id=0,socket={directory}/memif,socket-abstract=no,rsize=12"
      addresses: [198.18.0.20/24, "2001:2::20/64"]
  media:
    - {{address: 198.18.0.20, port_first: 16384, port_last: 18431}}
    - {{address: "2001:2::20", port_first: 16384, port_last: 18431}}
  idle: adaptive
  hugepages: false
  memory_mb: 96
sip:
  domains: [tandem.lab]
  listeners:
    - {{transport: udp, address: 198.18.0.20, port: 5060}}
"""


@contextlib.contextmanager
def dataplane_on_memif(lab):
    """A dataplane of its own, in a namespace of its own: its directory."""
    namespace = f"{lab.name}-memif"
    with tempfile.TemporaryDirectory() as directory:
        config = os.path.join(directory, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(MEMIF_CONFIG.format(directory=directory))
        subprocess.run(["ip", "netns", "add", namespace], check=True)
        try:
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, os.path.join(lab.bin_dir, "tandem-dataplane"),
                 "--config", config], env=dict(os.environ, TANDEM_RUN_DIR=directory),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True)
            try:
                wait_until(lambda: process.poll() is not None or
                           os.path.exists(os.path.join(directory, "dataplane.sock")), 20,
                           "the dataplane is there")
                equal(process.poll(), None, "the dataplane has ended")
                yield directory
                process.terminate()
                process.communicate(timeout=20)
                equal(process.returncode, 0, "status of the dataplane")
            finally:
                process.kill()
                process.wait()
        finally:
            subprocess.run(["ip", "netns", "del", namespace], check=True)


@test(timeout=90)
def streams_over_memif(world):
    """As benchmarks do it, at a total rate, in random order."""
    with dataplane_on_memif(world.lab) as directory:
        port = f"net_memif0,role=client,id=0,socket={directory}/memif,socket-abstract=no,rsize=12"
        for options in (["--streams", "1000", "--rate", "10000", "--random-order"],
                        ["--streams", "1000", "--rate", "10000", "--impair", IMPAIRMENTS],
                        ["--streams", "500", "--rate", "10000", "--address", PHONES6,
                         "--payload", "40", "--pt", "9"]):
            done = subprocess.run(command(world.lab, port, "--dataplane", directory,
                                          "--duration", "2", *options),
                                  capture_output=True, text=True, timeout=60, check=False)
            result = result_of(done)
            nothing_is_lost(result)
            dataplane_counts_the_same(result)
            if "--impair" in options:
                some_of_each(result["impaired"])


@test(timeout=90)
def the_highest_rate_without_loss_is_searched(world):
    with dataplane_on_memif(world.lab) as directory:
        port = f"net_memif0,role=client,id=0,socket={directory}/memif,socket-abstract=no,rsize=12"
        done = subprocess.run(command(world.lab, port, "--dataplane", directory, "--streams", "100",
                                      "--search", "--max-rate", "20000", "--trial", "0.5",
                                      "--resolution", "20", "--latency-points"),
                              capture_output=True, text=True, timeout=60, check=False)
        result = result_of(done)
    trials = result["trials"]
    passed = [t["tx_pps"] for t in trials if t["passed"]]
    assert passed, trials
    equal(result["lossless_pps"], max(passed), "lossless_pps")
    for trial in trials:
        assert not trial["passed"] or trial["lost"] == 0, trial
    equal([p["percent"] for p in result["latency_at"]], [10, 50, 90], "latency points")
    for point in result["latency_at"]:
        assert 0 < point["latency_us"]["p50"] <= point["latency_us"]["p999"], point
