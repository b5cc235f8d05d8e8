# SPDX-License-Identifier: BSD-3-Clause
"""The relay over memif with 200,000 streams, against testpmd over the same.

    rtpgen ──── memif ──── tandem-dataplane, or dpdk-testpmd --forward-mode=5tswap
    one core               one core, polling

testpmd touches each packet's headers and looks nothing up: it is the floor of the network side, and
what rtpgen reaches with it is the generator's own limit on this machine."""

from rig import machine
from rig.result import Figure
from rig.rtpgen import Floor, Tandem, with_side
from rig.suite import Unable, benchmark

TESTPMD = "testpmd 5tswap"
SHARES = (10, 50, 90)
GOAL_HALF_LOAD_US = 50


class Plan:
    """How much of everything."""

    def __init__(self, bench):
        self.tolerance_percent = bench.tolerance_percent
        if bench.quick:
            self.streams, self.trial, self.resolution, self.highest = 100, 0.3, 50, 20000
            self.seconds, self.alive = 1, 1
        else:
            self.streams, self.trial, self.resolution, self.highest = 200000, 2, 2, 16e6
            self.seconds, self.alive = 5, 30

    def search_options(self):
        return ["--loss-tolerance", str(self.tolerance_percent),
                "--search", "--trial", str(self.trial), "--resolution", str(self.resolution),
                "--max-rate", str(self.highest)]

    def search_seconds(self):
        return 20 * (self.trial + 1)


def search(bench, make, plan):
    """Lossless rate in packets a second, each way."""
    result, _ = bench.persist(with_side, bench, make, plan.streams, plan.search_seconds(),
                              *plan.search_options())
    return result["lossless_pps"]


def search_or_fail(bench, plan):
    """What the relay carries; there is nothing to measure at a part of nothing."""
    rate = search(bench, Tandem, plan)
    if rate == 0:
        raise Unable("no rate was carried without loss"
                     "; --loss-tolerance is for machines that are never quiet")
    return rate


def shared_core_note(bench):
    if not bench.cores.shared():
        return ""
    return (f"{machine.hardware()['cores']} cores: the generator shares its own with all that "
            "is not polling")


@benchmark("memif-rate", "lossless rate over memif with 200,000 streams, against testpmd",
           timeout=1500)
def memif_rate(bench):
    plan = Plan(bench)
    quiet = machine.Disturbance()
    ours, theirs = bench.alternate(lambda: search(bench, Tandem, plan),
                                   lambda: search(bench, Floor, plan))
    figure = Figure("memif_lossless_rate", ours, "packets/s", TESTPMD, theirs,
                    bench.lossless_goal("ratio >= 0.65"),
                    f"{plan.streams} streams in random order, trials of {plan.trial} s, "
                    f"{bench.tolerance_text()}; the same rate in and out; testpmd's is "
                    "the ceiling of this generator")
    figure.remark(shared_core_note(bench), quiet.text())
    bench.add(figure)


def percentiles(bench, make, plan, rate):
    result, _ = bench.persist(with_side, bench, make, plan.streams, plan.seconds, "--rate",
                              str(rate), "--duration", str(plan.seconds))
    return result["latency_us"], result["lost"]


@benchmark("memif-latency", "latency of the relay at 10, 50, 90 % of its lossless rate, against"
           " testpmd at the same rates", timeout=1500)
def memif_latency(bench):
    plan = Plan(bench)
    lossless = search_or_fail(bench, plan)
    for share in SHARES[1:2] if bench.quick else SHARES:
        rate = round(lossless * share / 100)
        quiet = machine.Disturbance()
        ours, theirs = bench.alternate(lambda r=rate: percentiles(bench, Tandem, plan, r),
                                       lambda r=rate: percentiles(bench, Floor, plan, r))
        note = (f"at {share} % of the relay's lossless rate: {rate} packets/s; lost "
                f"{sum(r[1] for r in ours)} and {sum(r[1] for r in theirs)}")
        notes = [text for text in (note, shared_core_note(bench), quiet.text()) if text]
        for key, name in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9")):
            bench.add(Figure(f"memif_latency_{name}_at_{share}", [r[0][key] for r in ours], "us",
                             TESTPMD, [r[0][key] for r in theirs], note="; ".join(notes)))
        if share == 50:
            added = [a[0]["p999"] - b[0]["p999"] for a, b in zip(ours, theirs)]
            bench.add(Figure("memif_latency_p99.9_added_at_50", added, "us",
                             goal=f"value < {GOAL_HALF_LOAD_US}",
                             note="the relay's p99.9 less testpmd's in the same turn; "
                                  + "; ".join(notes)))


@benchmark("memif-100k", "100,000 calls alive for a while, and not a packet lost")
def memif_100k(bench):
    plan = Plan(bench)
    full = plan.streams * 50
    lossless = search_or_fail(bench, plan)
    rate = min(full, round(lossless / 2))
    quiet = machine.Disturbance()
    results = []
    for _ in range(bench.runs):
        result, _ = bench.persist(with_side, bench, Tandem, plan.streams, plan.alive, "--rate",
                                  str(rate), "--duration", str(plan.alive))
        results.append(result)
    note = (f"{plan.streams} streams alive for {plan.alive} s at {rate} packets/s in and out"
            + (", which is 20 ms G.711" if rate == full else
               f": half of what is carried here without loss; 20 ms G.711 would be {full}")
            + f"; sent {sum(r['sent'] for r in results)}, counts of generator and dataplane "
            + ("agree" if all(r["dataplane"]["agree"] for r in results) else "DISAGREE"))
    figure = Figure("memif_100k_calls_lost", [r["lost"] for r in results], "packets",
                    goal="value <= 0", note=note)
    figure.remark(shared_core_note(bench), quiet.text())
    bench.add(figure)
