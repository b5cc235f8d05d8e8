# SPDX-License-Identifier: BSD-3-Clause
"""Ports that cannot be opened, and links and interfaces that go and come back."""

import os
import signal
import tempfile
import time

from world.lab import TOP, wait_until
from world.suite import equal, hang_up, test, wait_talking

PORT = "device: eth0"


def start_dataplane(lab, run_dir, old, new):
    """With another port, in a run directory of its own; what came of it."""
    with open(os.path.join(TOP, "pktgen_tests", "e2e", "e2e.yaml"), encoding="utf-8") as config:
        text = config.read()
    assert old in text, old
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as changed:
        changed.write(text.replace(old, new, 1))
        changed.flush()
        return lab.run("tandem", "env", f"TANDEM_RUN_DIR={run_dir}", "timeout", "-s", "TERM", "3",
                       os.path.join(lab.bin_dir, "tandem-dataplane"), "--config", changed.name,
                       check=False)


@test(timeout=60)
def a_port_that_cannot_be_opened_is_named_and_leaves_nothing(world):
    for device, words in (("device: nowhere0", "nowhere0 is no interface"),
                          ('device: "0000:99:00.0"', "0000:99:00.0 cannot be opened"),
                          ("device: net_null0\n      tap: lo", "TAP lo cannot be made")):
        with tempfile.TemporaryDirectory() as run_dir:
            ended = start_dataplane(world.lab, run_dir, PORT, device)
            equal(ended.returncode, 1, f"status with {device}")
            assert words in ended.stdout + ended.stderr, ended.stderr
            equal(os.listdir(run_dir), [], f"left behind by {device}")


@test(timeout=60)
def devices_without_a_network_start_and_stop(world):
    for device in ("net_null0", "net_ring0", '"net_memif0,role=server,socket-abstract=yes"'):
        with tempfile.TemporaryDirectory() as run_dir:
            ended = start_dataplane(world.lab, run_dir, PORT, f"device: {device}\n      tap: spare0")
            # timeout's own status says that it lived until then; it ended by itself after SIGTERM
            equal(ended.returncode, 124, f"{device}: {ended.stdout}{ended.stderr}")
            assert "ready" in ended.stdout + ended.stderr, device
            equal(os.listdir(run_dir), [], f"left behind by {device}")


def tap_addresses(lab):
    return set(lab.run("tandem", "ip", "-o", "addr", "show", "dev", "tandem0",
                       "scope", "global").stdout.split()) & {
        "198.18.0.10/24", "198.18.0.20/24", "2001:2::10/64", "2001:2::20/64"}


@test(timeout=60)
def media_comes_back_with_the_link(world):
    lab = world.lab
    outgoing, incoming = world.call()
    before = tap_addresses(lab)
    equal(len(before), 4, "addresses")
    for interface in ("eth0", "tandem0"):
        lab.run("tandem", "ip", "link", "set", interface, "down")
        if interface == "eth0":
            wait_until(lambda: lab.show("ports")[0]["link"] == "down", 2, "the link is down")
        time.sleep(0.2)
        lab.run("tandem", "ip", "link", "set", interface, "up")
        wait_until(lambda: lab.show("ports")[0]["link"] == "up", 2, "the link is up")
        wait_talking(outgoing, incoming, packets=20, seconds=8)
    equal(tap_addresses(lab), before, "addresses after the TAP was down")
    hang_up(outgoing, incoming)


@test(timeout=60)
def frames_that_the_port_missed_are_counted(world):
    lab = world.lab
    dataplane = lab.pid("dataplane")
    missed = lab.show("ports")[0]["rx_missed"]
    # nobody could answer for the address while the dataplane is stopped
    lab.run("alice", "ping", "-c", "1", "-W", "3", "198.18.0.20")
    os.kill(dataplane, signal.SIGSTOP)
    try:
        sock = lab.socket("alice")
        for _ in range(6000):
            sock.sendto(b"x" * 20, ("198.18.0.20", 16384))
    finally:
        os.kill(dataplane, signal.SIGCONT)
    wait_until(lambda: lab.show("ports")[0]["rx_missed"] > missed, 3, "missed frames are shown")
