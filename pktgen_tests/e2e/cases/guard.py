# SPDX-License-Identifier: BSD-3-Clause
"""Who is not heard: scanners, guessers of passwords, floods; and that all others are."""

import select
import socket
import struct
import threading

from world.events import listening
from world.lab import ADDRESSES, DOMAIN, SIP_ADDRESS, Timeout, wait_until
from world.suite import connect, equal, hang_up, test, wait_talking

STRANGER = "198.18.0.120"
GUARD = ("sip:\n  guard: {ban_after: 3, ban_s: 2, requests_per_s: 50, connections_per_s: 5, "
         "keepalives_per_s: 20}\n")


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


@test(restarts=True, timeout=60, ids=("SE4", "SE5"))
def scanners_guessers_and_floods_are_kept_out(world):
    lab = world.lab
    with world.configured("sip:\n", GUARD):
        stranger = Stranger(world)
        try:
            with listening(world) as events:
                forged_datagrams_ban_nobody(world, events)
                scanner_is_dropped(world, stranger, events)
                guesser_is_banned(world, stranger, events)
                operator_bans(world, stranger)
                calls_hold_in_a_flood(world, stranger, events)
                stun_reflects_only_so_much(world, events)
                connections_come_only_so_fast(world, events)
        finally:
            stranger.remove()
        lab.wait_idle()


def options(agent, **more):
    return agent.request("OPTIONS", f"sip:{SIP_ADDRESS}", **more)


def unbanned(world):
    world.lab.ctl("unban", STRANGER)
    equal(world.lab.show("bans"), [], "bans")


def forge(world, source, port, payload):
    """A datagram from carrol's host that says to come from another."""
    raw = world.lab.in_network("carrol", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                                               socket.IPPROTO_RAW))
    udp = struct.pack("!HHHH", port, 5060, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                     socket.inet_aton(source), socket.inet_aton(SIP_ADDRESS))
    with raw:
        raw.sendto(ip + udp, (SIP_ADDRESS, 0))


def forged_datagrams_ban_nobody(world, events):
    """Whose address it is has sent nothing of it; nonces that went to him are not known to others."""
    alice = world.agent("alice")
    forge(world, alice.address, alice.port,
          options(alice, headers=[("user-agent", "friendly-scanner")]).bytes())
    events.wait("security.scanner", 5, source=alice.address)
    mallory = world.agent("carrol", password="wrong")
    challenged = mallory.transact(mallory.request("REGISTER", f"sip:{DOMAIN}", to=mallory.uri))
    wrong = counter(world, "wrong_password")
    for _ in range(10):
        guess = mallory.request("REGISTER", f"sip:{DOMAIN}", to=mallory.uri)
        forge(world, alice.address, alice.port, mallory.authorised(guess, challenged).bytes())
    wait_until(lambda: sum(r.status == 401 for r in alice.responses) == 10, 5,
               "they are challenged again, where they say to come from")
    equal(counter(world, "wrong_password"), wrong, "wrong passwords that were forged")
    equal(world.lab.show("bans"), [], "bans")
    equal(alice.transact(options(alice)).status, 200, "OPTIONS of whom it was said to come from")


def scanner_is_dropped(world, stranger, events):
    agent = stranger.agent("carrol", transport="tcp")
    equal(agent.transact(options(agent)).status, 200, "OPTIONS of somebody new")
    assert silent(agent, options(agent, headers=[("user-agent", "friendly-scanner")])), "answered"
    events.wait("security.scanner", 5, source=STRANGER, tool="friendly-scanner")
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
    equal(agent.register().status, 200, "REGISTER")
    outgoing, incoming = connect(agent, world.registered("bob"))
    world.lab.ctl("ban", STRANGER, "--seconds", "3000")
    assert silent(agent, options(agent)), "it is banned"
    assert 2900 < world.lab.show("bans")[0]["seconds_left"] <= 3000
    # The call that it has is not cut: its BYE is heard, and so is its answer to one.
    hang_up(outgoing, incoming)
    assert counter(world, "in_calls") > 0
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
    """SE4: another address floods; calls are made and heard meanwhile, and who has a nonce of ours is
    heard even from that address."""
    phone = stranger.agent("carrol")
    register = phone.request("REGISTER", f"sip:{DOMAIN}", to=phone.uri)
    register = phone.authorised(register, phone.transact(register))
    flood = Flood(stranger.agent("carrol"))
    flood.start()
    try:
        events.wait("security.flood", 5, source=STRANGER, limit="request_rate")
        before = flood.sent
        equal(phone.transact(register).status, 200, "REGISTER in the flood")
        assert counter(world, "proven") > 0, "it is let in for its nonce"
        outgoing, incoming = world.call()
        wait_talking(outgoing, incoming)
        hang_up(outgoing, incoming)
        assert flood.sent - before > 500, flood.sent
    finally:
        flood.ended = True
        flood.join(5)
    wait_until(lambda: counter(world, "request_rate") > 300, 5, "the flood is counted")
    equal(len(events.of("security.flood", limit="request_rate")), 1, "events of the flood")


STUN = struct.pack("!HHI", 1, 0, 0x2112a442) + b"twelve bytes"


def stun_reflects_only_so_much(world, events):
    agent = world.lab.socket("carrol")
    answers = 0
    with agent:
        for _ in range(200):
            agent.sendto(STUN, (SIP_ADDRESS, 5060))
        while select.select([agent], [], [], 0.5)[0]:
            agent.recv(200)
            answers += 1
    events.wait("security.flood", 5, source=ADDRESSES["carrol"], limit="keepalive_rate")
    assert 20 <= answers < 100, answers
    equal(counter(world, "keepalive_rate"), 200 - answers, "not answered")


def connections_come_only_so_fast(world, events):
    made = []
    for _ in range(30):
        one = world.lab.socket("alice", kind=socket.SOCK_STREAM)
        one.connect((SIP_ADDRESS, 5060))
        made.append(one)
    events.wait("security.flood", 5, source=ADDRESSES["alice"], limit="connection_rate")
    wait_until(lambda: counter(world, "connection_rate") >= 15, 5, "most are closed")
    for one in made:
        one.close()
