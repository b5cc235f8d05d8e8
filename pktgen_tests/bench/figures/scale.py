# SPDX-License-Identifier: BSD-3-Clause
"""What 100,000 calls cost before a packet flows: memory, and the time to put them in."""

from rig import machine
from rig.dataplane import PORTS_PER_ADDRESS, Dataplane, media_addresses, new_namespace
from rig.result import Figure
from rig.suite import benchmark

MB = 1024 * 1024
NO_NETWORK = "net_null0,no-rx=1"
PREFIX = 15


def with_calls(bench, calls):
    """Puts calls in, and looks at what it took."""
    namespace = new_namespace(bench, "dut")
    dataplane = Dataplane(bench, namespace, NO_NETWORK, media_addresses(2 * calls), PREFIX,
                          terminations=max(64, 2 * calls), idle="adaptive", memory_mb=256)
    try:
        before = machine.rss_mb(dataplane.pid)
        _, programmed = dataplane.hold(calls, "198.18.1.1:10000")
        counters = dataplane.counters()
        return {
            "accounted": (counters["flow_memory"] + counters["table_memory"]) / MB,
            "grown": machine.rss_mb(dataplane.pid) - before,
            "resident": machine.rss_mb(dataplane.pid),
            "rate": programmed["commands"] / programmed["seconds"],
        }
    finally:
        dataplane.stop()
        namespace.remove()


@benchmark("memory", "memory of 100,000 calls in the dataplane", group="scale")
def memory(bench):
    calls = 100 if bench.quick else 100000
    runs = [bench.persist(with_calls, bench, calls)[0] for _ in range(bench.runs)]
    bench.add(Figure(
        "memory_100k_calls", [r["accounted"] for r in runs], "MB", goal="value < 400",
        note=f"{calls} calls, {2 * calls} terminations: flows, terminations, contexts, ports and "
             "counters, as the dataplane accounts for them"))
    bench.add(Figure(
        "memory_100k_calls_resident", [r["grown"] for r in runs], "MB",
        note="growth of the process's resident memory by the calls, hugepages included; in all "
             f"{runs[-1]['resident']:.0f} MB with 256 MB for packet buffers; media ports in use: "
             f"{2 * calls} of {PORTS_PER_ADDRESS * len(media_addresses(2 * calls))}"))
    bench.add(Figure(
        "commands_idle", [r["rate"] for r in runs], "commands/s", goal="value >= 200000",
        note=f"{3 * calls} commands that set up {calls} calls, on one channel, no traffic"))
