# SPDX-License-Identifier: BSD-3-Clause
"""What is left of the best rate of calls when three times as many are offered.

The network is that of figures/sip.py. The control plane gets a share of a processor, so that sipp
can offer three times what it carries on the same machine. First the offered rate is raised until
calls fail: the best rate is the highest at which calls came to a good end. Then three times that is
offered, and a caller in need calls besides. Rates are of the seconds in which calls are offered and
the first ones have ended already."""

import os
import threading

from rig import machine, sipp
from rig.quota import Quota
from rig.result import Figure
from rig.suite import benchmark
from rig.tandem import Tandem

from .sip import Network

SHARE_PERCENT = 20
TALK_MS = 1000
IN_NEED = "198.18.1.3"
EMERGENCY_RATE = 5
STEP = 1.4
STEADY_S = 2  # a call lasts for one


class Overload:
    """Tandem with a share of a processor, and those who call."""

    def __init__(self, bench):
        self.bench = bench
        self.net = Network(bench)
        self.net.load.ip("addr", "add", f"{IN_NEED}/24", "dev", "phones")
        self.tandem = Tandem(bench, self.net, sip='  guard: {emergency: ["9112"]}',
                             trunks=f"  - {{name: need, addresses: [{IN_NEED}], inbound: true}}")
        self.quota = Quota(f"tandem-overload-{os.getpid()}", self.tandem.controlplane.pid,
                           SHARE_PERCENT)
        self.callee = sipp.Sipp(bench, self.net.load, "uas", self.net.CALLEE)

    def calls(self, rate, seconds):
        return sipp.run(self.bench, self.net.load, "uac", self.net.CALLER, self.net.SWITCH,
                        int(rate), seconds, "-d", str(TALK_MS), "-recv_timeout", "20000")

    def emergencies(self, seconds):
        return sipp.run(self.bench, self.net.load, "emergency", IN_NEED, self.net.SWITCH,
                        EMERGENCY_RATE, seconds, "-d", str(TALK_MS))

    def best(self, rate, seconds):
        """Calls a second at the best offered rate."""
        best = 0
        while True:
            reached = self.calls(rate, seconds).steady_rate(STEADY_S)
            best = max(best, reached)
            if reached < 0.8 * rate:
                return best
            rate *= STEP

    def beyond(self, rate, seconds):
        """Calls a second, and the emergency calls, while so many are offered."""
        emergency = []
        need = threading.Thread(target=lambda: emergency.append(self.emergencies(seconds)))
        need.start()
        load = self.calls(rate, seconds)
        need.join()
        return load, emergency[0]

    def close(self):
        self.callee.stop()
        self.tandem.stop()
        self.quota.remove()
        self.net.remove()


@benchmark("overload-goodput", "calls that succeed when three times too many are offered",
           group="sip", timeout=900)
def overload_goodput(bench):
    seconds = 4 if bench.quick else 8
    quiet = machine.Disturbance()
    bests, goods, failed, made = [], [], 0, 0
    for _ in range(1 if bench.quick else 3):
        overload = Overload(bench)
        try:
            overload.calls(50, 2)
            best = overload.best(400, seconds - 2)
            load, emergency = overload.beyond(3 * best, seconds)
            bests.append(best)
            goods.append(load.steady_rate(STEADY_S))
            failed += emergency.failed
            made += emergency.good + emergency.failed
        finally:
            overload.close()
    figure = Figure("overload_goodput", goods, "calls/s", "the best rate", bests, "ratio >= 0.9",
                    f"three times the best rate offered for {seconds} s; the control plane has "
                    f"{SHARE_PERCENT} % of a processor")
    figure.remark(quiet.text())
    bench.add(figure)
    emergency = Figure("overload_emergency", [failed], "calls", goal="value <= 0",
                       note=f"emergency calls that failed meanwhile, of {made}")
    bench.add(emergency)
