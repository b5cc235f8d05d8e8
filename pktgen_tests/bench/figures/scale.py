# SPDX-License-Identifier: BSD-3-Clause
"""What 100,000 calls cost before a packet flows: memory, and the time to put them in."""

import json

from rig import machine, process
from rig.dataplane import PORTS_PER_ADDRESS, Dataplane, media_addresses, new_namespace
from rig.result import Figure
from rig.rtpgen import Generator, Tandem
from rig.suite import benchmark

MB = 1024 * 1024
NO_NETWORK = "net_null0,no-rx=1"
PREFIX = 15
ROUNDS = 100
SPARE = 20000  # terminations: those just removed are free only after a grace period
ROUNDS_S = 800  # of them, with the last look at what is left


def with_calls(bench, calls):
    """Puts calls in, and looks at what it took."""
    namespace = new_namespace(bench, "dut")
    dataplane = Dataplane(bench, namespace, NO_NETWORK, media_addresses(2 * calls), PREFIX,
                          terminations=max(64, 2 * calls), idle="adaptive", memory_mb=256)
    try:
        before = machine.rss_mb(dataplane.pid)
        holder = dataplane.hold(calls)
        programmed, counters = holder.programmed, holder.counters()
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


def under_traffic(bench, calls, streams):
    """Sets calls up and tears them down while a generator's own calls carry media. Commands a
    second of both, and what the media suffered."""
    side = Tandem(bench, 2 * calls + streams)
    try:
        observer = side.program.hold(0)
        seconds = 2 if bench.quick else 10
        generator = Generator(bench, side, streams, seconds, "--duration", str(seconds),
                              pinned=False)
        before = observer.counters()["packets"]
        generator.process.wait_for(
            lambda: observer.counters()["packets"] > before + streams, 30, "media flows")
        holder = side.program.hold(calls, choose_ports=False)
        up, down = holder.programmed, holder.release()
        result = generator.result()
        drops = observer.counters()["drops"]
    finally:
        side.stop()
    return {
        "up": up["commands"] / up["seconds"], "down": down["commands"] / down["seconds"],
        "lost": result["lost"], "sent": result["sent"],
        "tx_pps": result["tx_pps"], "agree": result["dataplane"]["agree"],
        "drops": drops,
    }


@benchmark("commands", "commands per second while media flows", group="scale")
def commands(bench):
    calls, streams = (100, 20) if bench.quick else (98000, 4000)
    quiet = machine.Disturbance()
    runs = [bench.persist(under_traffic, bench, calls, streams)[0] for _ in range(bench.runs)]
    note = (f"on one channel, while {streams} streams carry {runs[-1]['tx_pps']:.0f} packets/s; "
            f"of {sum(r['sent'] for r in runs)} packets {sum(r['lost'] for r in runs)} were lost")
    if not all(r["agree"] for r in runs):
        note += "; the dataplane counted otherwise than the generator"
    figure = Figure("commands_under_traffic", [r["up"] for r in runs], "commands/s",
                    goal="value >= 200000", note=f"{3 * calls} commands set up {calls} calls {note}")
    figure.remark(quiet.text())
    bench.add(figure)
    bench.add(Figure("commands_under_traffic_teardown", [r["down"] for r in runs], "commands/s",
                     note=f"{calls} commands remove the calls again, each with two terminations"))
    bench.add(Figure(
        "commands_under_traffic_lost", [r["lost"] for r in runs], "packets", goal="value <= 0",
        note="of the calls that were up all the time; what the dataplane did not forward: "
             + ", ".join(str(r["drops"]) for r in runs)
             + " (tx-full: the generator did not take it; no-neighbour: before its run began)"))


@benchmark("programming", "100,000 calls put in and taken out 100 times: rate, growth, read-back",
           group="scale", timeout=900)
def programming(bench):
    calls, rounds = (100, 3) if bench.quick else (100000, ROUNDS)
    namespace = new_namespace(bench, "dut")
    terminations = 2 * calls + SPARE
    dataplane = Dataplane(bench, namespace, NO_NETWORK, media_addresses(terminations), PREFIX,
                          terminations, idle="adaptive", memory_mb=256)
    try:
        output = process.run([bench.program("programming"), "--socket", dataplane.socket,
                              "--calls", str(calls), "--rounds", str(rounds)], ROUNDS_S,
                             bench.path("programming.log"))
    finally:
        dataplane.stop()
        namespace.remove()
    for line in output.splitlines():
        if line.startswith("{"):
            bench.add_line(json.loads(line))
