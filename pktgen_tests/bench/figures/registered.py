# SPDX-License-Identifier: BSD-3-Clause
"""What registered users weigh: resident memory of tandem-controlplane, with all that it took to
register them (users of the configuration, transactions that linger, nonces)."""

import os
import resource
import sys

from figures.sip import Network
from rig import machine
from rig.process import Process, ProcessError
from rig.result import Figure
from rig.suite import benchmark
from rig.tandem import Tandem

PHONES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "rig",
                      "phones.py")
DOMAIN = "bench.invalid"
USERS = 100_000
GOAL_MB = 400
SPARE_FILES = 1500
SOURCES = [f"198.18.1.{n}" for n in range(101, 106)]  # of the connections

# All phones come from a few addresses.
SIP = f"""\
  guard: {{messages_per_s: 0, requests_per_s: 0, connections_per_s: 0,
          transactions_max: 0, stale_ms: 0}}
  connections: {{max: {USERS}, source_max: {USERS}}}"""


def files_allowed(wanted):
    """How many descriptors a process may have: the hard limit, or more where we may raise it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except ValueError:
            return hard
    return max(hard, wanted)


def kernel_mb():
    """What the kernel has in its slabs, sockets of both ends among it."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        return next(int(line.split()[1]) for line in meminfo if line.startswith("Slab:")) / 1e3


def resident_mb(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


class Weight:
    """Megabytes before any phone came, and when all are registered."""

    def __init__(self, bench, transport, users, phones):
        net = Network(bench)
        for source in SOURCES:
            net.load.ip("addr", "add", f"{source}/24", "dev", "phones")
        program = Tandem(bench, net, users, SIP, transports=["udp", "tcp"])
        pid = program.controlplane.pid
        try:
            self.before, kernel = resident_mb(pid), kernel_mb()
            sources = net.CALLER if transport == "udp" else ",".join(SOURCES)
            swarm = Process("phones", [sys.executable, PHONES, transport, net.SWITCH, sources,
                                       DOMAIN, str(phones)], bench.path("phones.log"),
                            net.load.name)
            swarm.wait_for_text("registered ", 300)
            self.after, self.kernel = resident_mb(pid), kernel_mb() - kernel
            said = swarm.output().split()
            if said[1] != said[3]:
                raise ProcessError(f"phones: {swarm.output().strip()}")
            swarm.stop()
        finally:
            program.stop()
            net.remove()

    def whole(self, phones):
        """For all users, if fewer phones stood for them."""
        return self.before + (self.after - self.before) * USERS / phones


@benchmark("registered-memory", "memory of 100,000 registered users, over UDP and over TCP",
           group="sip", timeout=900)
def registered_memory(bench):
    files = files_allowed(USERS + SPARE_FILES) - SPARE_FILES
    quiet = machine.Disturbance()
    users = 5000 if bench.quick else USERS
    for transport, name in (("udp", "registered_100k_memory"),
                            ("tcp", "registered_100k_memory_tcp")):
        phones = users if transport == "udp" else min(users, files)
        weights = [Weight(bench, transport, USERS, phones)]
        figure = Figure(name, [w.whole(phones) for w in weights], "MB", None, None,
                        f"value <= {GOAL_MB}",
                        f"{phones} phones over {transport} of {USERS} users of the configuration; "
                        f"{weights[0].before:.0f} MB before the first, {weights[0].after:.0f} MB "
                        "with all of them; one shard")
        if transport == "tcp":
            figure.remark(f"beside it {weights[0].kernel:.0f} MB of the kernel for the sockets of "
                          "both ends")
        if phones < USERS:
            figure.remark(f"what {phones} weigh, scaled to {USERS}"
                          + ("" if bench.quick else f": a process may open {files} files here"))
        figure.remark(quiet.text())
        bench.add(figure)
