# SPDX-License-Identifier: BSD-3-Clause
"""Who is not heard: scanners, guessers of passwords, floods; and that all others are."""

import socket
import threading

from world.events import listening
from world.lab import ADDRESSES, DOMAIN, SIP_ADDRESS, Timeout, wait_until
from world.suite import equal, hang_up, test, wait_talking

STRANGER = "198.18.0.120"
GUARD = "sip:\n  guard: {ban_after: 3, ban_s: 2, requests_per_s: 50}\n"


def counter(world, name):
    return {row["counter"]: row["value"] for row in world.lab.show("guard")}[name]


class Stranger:
    """A second address on carrol's host, so that carrol is not taken for it."""

    def __init__(self, world):
        self.world = world
        world.lab.run("carrol", "ip", "addr", "add", f"{STRANGER}/24", "dev", "eth0", check=False)

    def agent(self, user, **options):
        return self.world.agent(user, host="carrol", address=STRANGER, **options)

    def remove(self):
        self.world.lab.run("carrol", "ip", "addr", "del", f"{STRANGER}/24", "dev", "eth0",
                           check=False)


def silent(agent, request):
    agent.send(request)
    try:
        agent.response(request, 0.3)
    except Timeout:
        return True
    return False


@test(restarts=True, timeout=60)
def scanners_guessers_and_floods_are_kept_out(world):
    lab = world.lab
    with world.configured("sip:\n", GUARD):
        stranger = Stranger(world)
        try:
            with listening(world) as events:
                scanner_is_dropped(world, stranger, events)
                guesser_is_banned(world, stranger, events)
                operator_bans(world, stranger)
                calls_hold_in_a_flood(world, stranger, events)
        finally:
            stranger.remove()
        lab.wait_idle()


def options(agent, **more):
    return agent.request("OPTIONS", f"sip:{SIP_ADDRESS}", **more)


def unbanned(world):
    world.lab.ctl("unban", STRANGER)
    equal(world.lab.show("bans"), [], "bans")


def scanner_is_dropped(world, stranger, events):
    agent = stranger.agent("carrol")
    equal(agent.transact(options(agent)).status, 200, "OPTIONS of somebody new")
    assert silent(agent, options(agent, headers=[("user-agent", "friendly-scanner")])), "answered"
    equal(events.wait("security.scanner", 5)["fields"],
          {"source": STRANGER, "tool": "friendly-scanner"}, "the event")
    assert silent(agent, options(agent)), "what it calls itself later does not matter"
    ban, = world.lab.show("bans")
    equal((ban["source"], ban["reason"], ban["bans"]), (STRANGER, "scanner", 1), "the ban")
    # It ends by itself.
    events.wait("security.unban", 8, source=STRANGER, reason="expired")
    equal(agent.transact(options(agent)).status, 200, "OPTIONS afterwards")


def guesser_is_banned(world, stranger, events):
    guesser = stranger.agent("alice", password="wrong")
    for _ in range(8):
        try:
            guesser.register(seconds=1)
        except (Timeout, AssertionError):
            pass
        if events.of("security.brute-force"):
            break
    alarm = events.wait("security.brute-force", 5)
    equal((alarm["fields"]["source"], alarm["priority"]), (STRANGER, "critical"), "the alarm")
    events.wait("security.ban", 5, source=STRANGER, reason="wrong passwords")
    assert silent(guesser, options(guesser)), "it is banned"
    assert counter(world, "wrong_password") >= 4
    unbanned(world)
    equal(guesser.transact(options(guesser)).status, 200, "OPTIONS when it is not")


def operator_bans(world, stranger):
    agent = stranger.agent("carrol")
    world.lab.ctl("ban", STRANGER, "--seconds", "3000")
    assert silent(agent, options(agent)), "it is banned"
    assert 2900 < world.lab.show("bans")[0]["seconds_left"] <= 3000
    unbanned(world)
    refused = world.lab.ctl_raw("ban", ADDRESSES["carrier"])
    equal(refused.returncode, 1, "the ban of a trunk")


class Flood(threading.Thread):
    """INVITEs from one address, as fast as they go, until it is told to end."""

    def __init__(self, agent):
        super().__init__(daemon=True)
        self.sent = 0
        self.ended = False
        request = agent.request("INVITE", f"sip:bob@{DOMAIN}")
        head, branch, tail = request.bytes().partition(request.branch.encode())
        self.parts = head, branch, tail
        self.agent = agent

    def run(self):
        head, branch, tail = self.parts
        while not self.ended:
            for _ in range(50):
                self.sent += 1
                try:
                    self.agent.send_raw(head + branch + b"%d" % self.sent + tail)
                except (BlockingIOError, socket.error):
                    pass


def calls_hold_in_a_flood(world, stranger, events):
    """SE4: another address floods; calls are made and heard meanwhile."""
    flood = Flood(stranger.agent("carrol"))
    flood.start()
    try:
        event = events.wait("security.flood", 5)
        equal(event["fields"], {"source": STRANGER, "limit": "request_rate"}, "the event")
        before = flood.sent
        outgoing, incoming = world.call()
        wait_talking(outgoing, incoming)
        hang_up(outgoing, incoming)
        assert flood.sent - before > 500, flood.sent
    finally:
        flood.ended = True
        flood.join(5)
    wait_until(lambda: counter(world, "request_rate") > 300, 5, "the flood is counted")
    equal(len(events.of("security.flood")), 1, "events of the flood")
