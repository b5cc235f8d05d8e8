# SPDX-License-Identifier: BSD-3-Clause
"""The relay behind a kernel interface (af_packet on veth), against rtpengine in user space.

    load (namespace)                         dut (namespace)
    veth_load ── out ═══ veth pair ═══ in ── tandem-dataplane, or rtpengine
    plays both phones of each call           one core

Both carry the same calls from the same phones, in turn, pinned to the same core. veth hands a frame
over in the sender's system call, at the sender's cost. What the generator receives is therefore
steered to the generator's core (RPS): a wire would end there too. What it sends is delivered at its
own cost, the UDP receive path of rtpengine's sockets included."""

import json

from rig import machine, network
from rig.dataplane import Dataplane, new_namespace
from rig.process import ProcessError, run
from rig.result import Figure
from rig.rtpengine import Rtpengine
from rig.search import highest_lossless
from rig.suite import benchmark

DUT = "198.18.0.1"
PHONES = "198.18.1.1"
PHONE_PORT = 10000
PREFIX = 15
MEMORY_MB = 128
RESOLUTION = 0.05
# The phones' MAC address is not the generator's own: its kernel leaves such frames alone, where it
# would look for a route and somebody to give them to, at the cost of whoever sent them.
PHONE_MAC = "02:00:00:00:00:99"
CONFIRMED = 2  # a rate counts when so many trials at it lost nothing
SENT_AT_LEAST = 0.97  # of what was asked for; else it is the generator that is too slow
WARM_UP_RATE = 5000


class Sides:
    """What the two programs under test have in common."""

    def __init__(self, bench, calls):
        self.bench = bench
        self.calls = calls

    def cable(self):
        self.dut, self.load = new_namespace(self.bench, "dut"), new_namespace(self.bench, "load")
        network.veth(self.dut, "in", self.load, "out")
        network.deliver_on(self.load, "out", self.bench.cores.generator)
        for namespace in (self.dut, self.load):
            namespace.run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", check=False)

    def uncable(self):
        self.dut.remove()
        self.load.remove()

    def send(self, streams, rate, seconds):
        """One run of veth_load. Its counts."""
        output = run(["taskset", "-c", str(self.bench.cores.generator),
                      self.bench.program("veth_load"), "--interface", "out",
                      "--mac", self.dut.mac("in"), "--streams", streams, "--rate", str(rate),
                      "--duration", str(seconds)],
                     seconds + 20, self.bench.path("veth_load.log"), "veth_load", self.load.name)
        counts = json.loads(output.splitlines()[-1])
        if counts["received"] == 0:
            raise ProcessError("nothing came back")
        return counts

    def tandem(self):
        return TandemSide(self)

    def rtpengine(self):
        return RtpengineSide(self)


class TandemSide:
    def __init__(self, sides):
        self.sides = sides
        sides.cable()
        self.program = Dataplane(sides.bench, sides.dut, "in", [DUT], PREFIX,
                                 terminations=max(64, 2 * sides.calls), idle="adaptive",
                                 memory_mb=MEMORY_MB)
        self.program.neighbour(PHONES, PHONE_MAC)
        self.holder = self.program.hold(sides.calls, f"{PHONES}:{PHONE_PORT}")
        self.streams = self.holder.streams

    @property
    def pid(self):
        return self.program.pid

    def busy_cycles(self):
        return self.holder.counters()["busy_cycles"]

    def stop(self):
        self.program.stop()
        self.sides.uncable()


class RtpengineSide:
    def __init__(self, sides):
        self.sides = sides
        sides.cable()
        sides.dut.ip("addr", "add", f"{DUT}/{PREFIX}", "dev", "in")
        sides.dut.ip("neigh", "replace", PHONES, "lladdr", PHONE_MAC, "dev", "in")
        self.program = Rtpengine(sides.bench, sides.dut.name, DUT, [sides.bench.cores.dut])
        self.streams = sides.bench.path("streams")
        with open(self.streams, "w", encoding="utf-8") as out:
            for call in range(sides.calls):
                phones = [(PHONES, PHONE_PORT + 4 * call), (PHONES, PHONE_PORT + 4 * call + 2)]
                for phone, to in zip(phones, self.program.calls.add(*phones)):
                    out.write(f"{phone[0]} {phone[1]} {to[0]} {to[1]}\n")

    @property
    def pid(self):
        return self.program.pid

    def stop(self):
        self.program.stop()
        self.sides.uncable()


def cpu_per_packet(make, rate, seconds):
    """Microseconds of CPU for a packet relayed: of all threads, user and system. Second: the same
    of the graph walks that had packets, where the program tells."""
    side = make()
    try:
        side.sides.send(side.streams, rate, 1)  # latches, caches, clocks
        cpu = machine.cpu_seconds(side.pid)
        busy = side.busy_cycles() if hasattr(side, "busy_cycles") else 0
        counts = side.sides.send(side.streams, rate, seconds)
        cpu = machine.cpu_seconds(side.pid) - cpu
        busy = side.busy_cycles() - busy if busy else 0
    finally:
        side.stop()
    relayed = counts["received"]
    return cpu * 1e6 / relayed, busy / machine.tsc_mhz() / relayed, counts["lost"]


def sizes(bench):
    return (20, 1000, 1) if bench.quick else (400, 40000, 5)


@benchmark("veth-cpu", "CPU time per packet over veth, against rtpengine")
def veth_cpu(bench):
    calls, rate, seconds = sizes(bench)
    sides = Sides(bench, calls)
    quiet = machine.Disturbance()
    ours, theirs = bench.alternate(
        lambda: bench.persist(cpu_per_packet, sides.tandem, rate, seconds)[0],
        lambda: bench.persist(cpu_per_packet, sides.rtpengine, rate, seconds)[0])
    note = (f"{calls} calls, {rate} packets/s, one core each; lost {sum(r[2] for r in ours)} and "
            f"{sum(r[2] for r in theirs)}; what the generator receives is delivered on its own "
            "core; the dataplane sleeps when idle (adaptive)")
    figure = Figure("veth_cpu_per_packet", [r[0] for r in ours], "us",
                    f"rtpengine {Rtpengine.version()}", [r[0] for r in theirs],
                    "ratio <= 0.25", note)
    figure.remark(quiet.text())
    bench.add(figure)
    figure = Figure("veth_busy_per_packet", [r[1] for r in ours], "us",
                    f"rtpengine {Rtpengine.version()}", [r[0] for r in theirs],
                    note="of graph walks that had packets, by the worker's own count: without "
                         "looking for packets in vain")
    bench.add(figure)


class LosslessTrial:
    """A rate is carried if nothing is lost at it twice running. A side that lost packets is built
    anew: rtpengine 10.5 does not recover after an overload, and neither shall gain by that."""

    def __init__(self, make, seconds, tolerance):
        self.make = make
        self.seconds = seconds
        self.tolerance = tolerance
        self.side = None
        self.generator_limit = False

    def __call__(self, rate):
        for _ in range(CONFIRMED):
            if not self.side:
                self.side = self.make()
                self.side.sides.send(self.side.streams, WARM_UP_RATE, 0.5)
            counts = self.side.sides.send(self.side.streams, rate, self.seconds)
            short = counts["tx_pps"] < SENT_AT_LEAST * rate
            lost = counts["lost"] > self.tolerance * counts["sent"]
            self.generator_limit |= short and not lost
            if short or lost:
                self.stop()
                return False
        return True

    def stop(self):
        if self.side:
            self.side.stop()
            self.side = None


def lossless(make, low, high, seconds, tolerance):
    """Packets a second, and whether it was the generator that could do no more."""
    trial = LosslessTrial(make, seconds, tolerance)
    try:
        return highest_lossless(trial, low, high, RESOLUTION), trial.generator_limit
    finally:
        trial.stop()


@benchmark("veth-rate", "lossless packets per second over veth, against rtpengine", timeout=900)
def veth_rate(bench):
    calls, rate, seconds = sizes(bench)
    sides = Sides(bench, calls)
    quiet = machine.Disturbance()
    low, top, top_rtpengine = rate / 2, rate, rate
    if not bench.quick:
        low, top, top_rtpengine, seconds = 5000, 800000, 200000, 2
    ours, theirs = bench.alternate(
        lambda: bench.persist(lossless, sides.tandem, low, top, seconds, bench.tolerance)[0],
        lambda: bench.persist(lossless, sides.rtpengine, low, top_rtpengine, seconds,
                              bench.tolerance)[0])
    figure = Figure("veth_lossless_rate", [r[0] for r in ours], "packets/s",
                    f"rtpengine {Rtpengine.version()}", [r[0] for r in theirs],
                    bench.lossless_goal("ratio >= 4"),
                    f"{calls} calls, trials of {seconds} s, {bench.tolerance_text()} in {CONFIRMED} "
                    "running; one core for each side")
    figure.remark(f"the generator could do no more in {sum(r[1] for r in ours)} of {len(ours)} "
                  "searches with the relay" if any(r[1] for r in ours) else "", quiet.text())
    bench.add(figure)
