# SPDX-License-Identifier: BSD-3-Clause
"""What a call and a registration cost, next to Kamailio under the same sipp.

    load (namespace)                              switch (namespace)
    198.18.1.1 caller ┐                           ┌ 198.18.1.10  Tandem, or Kamailio
    198.18.1.2 callee ┴ phones ═══ veth ═══ sip ──┘
                        far    ═══ veth ═══ media ─ 198.18.2.1   tandem-dataplane, or rtpengine

SIP of all of them runs over the same interface of the kernel: none of it passes the dataplane. A
call is INVITE, 100, 180, 200, ACK, a second of nothing, BYE, 200; media is programmed and none
flows. Processor time is of user and kernel, of all threads and processes of the switch."""

from rig import kamailio, machine, network, sipp
from rig.dataplane import new_namespace
from rig.result import Figure
from rig.rtpengine import Rtpengine
from rig.suite import benchmark
from rig.tandem import Tandem

TALK_MS = 1000
WARM_UP_S = 1.5
USERS = 1000
LATENCY_GOAL_MS = 10


class Network:
    """Two cables: one for SIP, one for media."""

    SWITCH, CALLER, CALLEE = "198.18.1.10", "198.18.1.1", "198.18.1.2"
    MEDIA, MEDIA_ADDRESS = "media", "198.18.2.1"

    def __init__(self, bench):
        self.switch, self.load = new_namespace(bench, "switch"), new_namespace(bench, "load")
        network.veth(self.switch, "sip", self.load, "phones")
        network.veth(self.switch, self.MEDIA, self.load, "far")
        self.switch.ip("addr", "add", f"{self.SWITCH}/24", "dev", "sip")
        for address in (self.CALLER, self.CALLEE):
            self.load.ip("addr", "add", f"{address}/24", "dev", "phones")

    def remove(self):
        self.switch.remove()
        self.load.remove()


class TandemSide:
    """Tandem as a back-to-back user agent, or as a registrar of so many users."""

    def __init__(self, bench, net, users=0):
        self.program = Tandem(bench, net, users)
        self.beside = self.program.dataplane_cpu_seconds

    def cpu_seconds(self):
        return self.program.cpu_seconds()

    def stop(self):
        self.program.stop()


class ProxySide:
    """Kamailio as a record-routing proxy; what is beside it is rtpengine."""

    def __init__(self, bench, net, rtpengine):
        self.rtpengine = None
        if rtpengine:
            net.switch.ip("addr", "add", f"{net.MEDIA_ADDRESS}/24", "dev", net.MEDIA)
            self.rtpengine = Rtpengine(bench, net.switch.name, net.MEDIA_ADDRESS,
                                       [bench.cores.dut])
        self.program = kamailio.proxy(bench, net.switch, net.SWITCH, net.CALLEE, rtpengine)

    def beside(self):
        return machine.cpu_seconds(self.rtpengine.pid) if self.rtpengine else 0

    def cpu_seconds(self):
        return self.program.cpu_seconds()

    def stop(self):
        self.program.stop()
        if self.rtpengine:
            self.rtpengine.stop()


class RegistrarSide:
    """Kamailio as a registrar."""

    def __init__(self, bench, net):
        self.program = kamailio.registrar(bench, net.switch, net.SWITCH, USERS)

    @staticmethod
    def beside():
        return 0

    def cpu_seconds(self):
        return self.program.cpu_seconds()

    def stop(self):
        self.program.stop()


class Cost:
    """Of one run: microseconds of processor time for each success, of the switch and of what is
    beside it (its media program); and the load as it came out."""

    def __init__(self, side, load_run):
        switch, beside = side.cpu_seconds(), side.beside()
        self.load = load_run()
        self.switch_us = (side.cpu_seconds() - switch) * 1e6 / self.load.good
        self.beside_us = (side.beside() - beside) * 1e6 / self.load.good


def call_run(bench, make, rate, seconds, *options):
    """Calls through a side that is made for them. Its cost."""
    net = Network(bench)
    side = make(net)
    callee = sipp.Sipp(bench, net.load, "uas", net.CALLEE)

    def load(rate, seconds, *more):
        return sipp.run(bench, net.load, "uac", net.CALLER, net.SWITCH, rate, seconds, "-d",
                        str(TALK_MS), *more)
    try:
        load(min(rate, 200), WARM_UP_S)
        return Cost(side, lambda: load(rate, seconds, *options))
    finally:
        callee.stop()
        side.stop()
        net.remove()


def users_table(bench):
    path = bench.path("users.csv")
    with open(path, "w", encoding="ascii") as out:
        out.write("SEQUENTIAL\n")
        for i in range(USERS):
            out.write(f"user{i};[authentication username=user{i} password=secret{i}]\n")
    return path


def registration_run(bench, make, rate, seconds):
    """Registrations of users in turn: after the warm-up all of them are refreshed."""
    net = Network(bench)
    side = make(net)
    table = users_table(bench)

    def load(seconds):
        return sipp.run(bench, net.load, "register", net.CALLER, net.SWITCH, rate, seconds,
                        "-inf", table)
    try:
        load(WARM_UP_S)
        return Cost(side, lambda: load(seconds))
    finally:
        side.stop()
        net.remove()


def orderly(costs):
    """The runs in which no more than one in a hundred failed, for who repeats and refuses does
    other work; all of them if there is no such run."""
    return [c for c in costs if c.load.failed <= c.load.good / 100] or costs


def remark_failures(figure, **sides):
    """Of each side by name: what failed and what sipp had to repeat, over all its runs."""
    for name, costs in sides.items():
        failed = sum(cost.load.failed for cost in costs)
        repeated = sum(cost.load.repeated for cost in costs)
        if failed or repeated:
            figure.remark(f"{name}: {failed} failed, {repeated} messages were repeated by sipp; "
                          f"{len(orderly(costs))} of {len(costs)} runs count")


@benchmark("sip-call-cpu", "processor time of a call, against Kamailio with and without rtpengine",
           group="sip", timeout=900)
def sip_call_cpu(bench):
    rate, seconds = (50, 2) if bench.quick else (500, 8)
    quiet = machine.Disturbance()
    ours, proxied, relayed = bench.alternate(
        lambda: call_run(bench, lambda net: TandemSide(bench, net), rate, seconds),
        lambda: call_run(bench, lambda net: ProxySide(bench, net, False), rate, seconds),
        lambda: call_run(bench, lambda net: ProxySide(bench, net, True), rate, seconds))
    version = kamailio.Kamailio.version()
    note = (f"{rate} calls/s for {seconds} s; SIP over a veth interface of the kernel; one shard, "
            "two Kamailio workers")

    def add(name, values, against, against_values, goal=None, remark=""):
        figure = Figure(name, values, "us", against, against_values, goal, note)
        figure.remark(remark, quiet.text())
        remark_failures(figure, tandem=ours, kamailio=proxied, with_rtpengine=relayed)
        bench.add(figure)
    control = [c.switch_us for c in orderly(ours)]
    both = [c.switch_us + c.beside_us for c in orderly(relayed)]
    add("sip_call_cpu", control, None, None, "value <= 150",
        "of tandem-controlplane; the dataplane beside it (idle: adaptive, what it takes to look "
        f"for packets included) {statistics_of(ours)} us a call")
    add("sip_call_cpu_relay", control, f"Kamailio {version} and rtpengine {Rtpengine.version()}",
        both, "ratio <= 0.5", "of Kamailio and rtpengine together")
    add("sip_call_cpu_all", [c.switch_us + c.beside_us for c in orderly(ours)],
        f"Kamailio {version} and rtpengine {Rtpengine.version()}", both, None,
        "of both processes of Tandem, what an idle dataplane takes included")
    add("sip_call_cpu_proxy", control, f"Kamailio {version}",
        [c.switch_us for c in orderly(proxied)], None,
        "Kamailio alone: a proxy, without media")


def statistics_of(costs):
    middle = sorted(cost.beside_us for cost in costs)[len(costs) // 2]
    return f"{middle:.0f}"


@benchmark("sip-registration-cpu", "processor time of a registration with digest, against Kamailio",
           group="sip", timeout=600)
def sip_registration_cpu(bench):
    rate, seconds = (50, 2) if bench.quick else (1000, 8)
    quiet = machine.Disturbance()
    ours, theirs = bench.alternate(
        lambda: registration_run(bench, lambda net: TandemSide(bench, net, USERS), rate, seconds),
        lambda: registration_run(bench, lambda net: RegistrarSide(bench, net), rate, seconds))
    values = [c.switch_us for c in orderly(ours)]
    against = f"Kamailio {kamailio.Kamailio.version()}"
    note = (f"{rate} registrations/s of {USERS} users for {seconds} s: REGISTER, 401, REGISTER "
            "with MD5 and qop=auth, 200; all are refreshed; of tandem-controlplane")
    for name, goal in (("sip_registration_cpu", "value <= 40"),
                       ("sip_registration_cpu_ratio", "ratio <= 1")):
        figure = Figure(name, values, "us", against, [c.switch_us for c in orderly(theirs)], goal,
                        note)
        figure.remark(quiet.text())
        remark_failures(figure, tandem=ours, kamailio=theirs)
        bench.add(figure)


def direct_run(bench, rate, seconds):
    """Callers to callees without a switch between: what sipp takes for itself."""
    net = Network(bench)
    callee = sipp.Sipp(bench, net.load, "uas", net.CALLEE)
    try:
        return sipp.run(bench, net.load, "uac", net.CALLER, net.CALLEE, rate, seconds, "-d",
                        str(TALK_MS), "-trace_rtt")
    finally:
        callee.stop()
        net.remove()


@benchmark("sip-setup-time", "time to set a call up at 2,000 calls a second", group="sip",
           timeout=600)
def sip_setup_time(bench):
    rate, seconds = (50, 2) if bench.quick else (2000, 8)
    quiet = machine.Disturbance()
    direct, ours = bench.alternate(
        lambda: direct_run(bench, rate, seconds),
        lambda: call_run(bench, lambda net: TandemSide(bench, net), rate, seconds,
                         "-trace_rtt").load)
    reached = sorted(load.rate for load in ours)[len(ours) // 2]
    for percent in (50, 99):
        figure = Figure(f"sip_setup_p{percent}", [load.percentile_ms(percent) for load in ours],
                        "ms", "sipp to sipp", [load.percentile_ms(percent) for load in direct],
                        f"value <= {LATENCY_GOAL_MS}" if percent == 99 else None,
                        f"INVITE to 200 at {rate} calls/s, both sipp and the switch on "
                        f"{machine.hardware()['cores']} cores")
        figure.remark(quiet.text(), f"{reached:.0f} calls/s came to a good end; sipp alone uses "
                      f"{direct[0].cpu_s * 1e6 / direct[0].good:.0f} us a call for the caller")
        if sum(load.failed + load.repeated for load in ours):
            figure.remark(f"{sum(load.failed for load in ours)} calls failed, "
                          f"{sum(load.repeated for load in ours)} messages were repeated by sipp "
                          f"({sum(load.repeated for load in direct)} without a switch)")
        bench.add(figure)
