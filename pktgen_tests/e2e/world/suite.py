# SPDX-License-Identifier: BSD-3-Clause
"""How a test is declared, and what it is given."""

import contextlib
import os
import tempfile

from .kamailio import Kamailio
from . import browser
from .lab import ADDRESSES, ADDRESSES6, wait_until
from .linphone import Linphone
from .names import NameServer
from .phone import Phone
from .rtp import Rtp
from .sipp import Sipp
from .ua import Agent
from .vlan import Vlan

TESTS = []


class Skip(Exception):
    """The machine cannot show this; the text says why."""


def test(timeout=40, restarts=False, ids=()):
    """Declares a test. restarts: it ends or restarts a process of Tandem. ids: what it shows of
    world/features.py."""
    def declare(function):
        function.ids = ids
        function.timeout = timeout
        function.restarts = restarts
        TESTS.append(function)
        return function
    return declare


def equal(got, expected, what):
    assert got == expected, f"{what}: {got!r}, expected {expected!r}"


def near(got, expected, tolerance, what):
    assert got is not None and abs(got - expected) <= tolerance, \
        f"{what}: {got!r}, expected {expected!r} ± {tolerance!r}"


class World:
    """The lab and whatever a test starts in it; close() ends all of that."""

    def __init__(self, lab):
        self.lab = lab
        self.peers = set()  # programs of others that took part
        self._open = []

    def _keep(self, thing):
        if hasattr(thing, "PEER"):
            self.peers.add(thing.PEER)
        self._open.append(thing)
        return thing

    def agent(self, user, **options):
        return self._keep(Agent(self.lab, user, **options))

    def phone(self, user, frequency, **options):
        return self._keep(Phone(self.lab, user, frequency, **options))

    def linphone(self, user, frequency, **options):
        return self._keep(Linphone(self.lab, user, frequency, **options))

    def browser(self, user, server, frequency, dial):
        if not browser.is_there():
            raise Skip("no Chromium, or no JsSIP: deploy/setup --test")
        own = (ADDRESSES6 if "[" in server else ADDRESSES)[user]
        media = self._keep(Rtp(self.lab, user, own, frequency))
        return self._keep(browser.Browser(self.lab, user, server, media, dial))

    def sipp(self, host, scenario, *options, **keywords):
        return self._keep(Sipp(self.lab, host, scenario, *options, **keywords))

    def kamailio(self, host, route, **words):
        return self._keep(Kamailio(self.lab, host, route, **words))

    def name_server(self, host, domain, zone):
        return self._keep(NameServer(self.lab, host, domain, zone))

    def registered(self, user, **options):
        agent = self.agent(user, **options)
        equal(agent.register().status, 200, f"REGISTER of {user}")
        return agent

    def vlan(self, host, name, tags, *addresses):
        return self._keep(Vlan(self.lab, host, name, tags, addresses))

    def trunk(self):
        """The carrier behind the prefix 9, at the port that the configuration names."""
        return self.agent("carrier", port=5060, trunk=True)

    def call(self, caller="alice", callee="bob", frequencies=(440, 880)):
        """Two registered agents in an answered call: (calling side, called side)."""
        one = caller if isinstance(caller, Agent) else self.registered(caller)
        two = callee if isinstance(callee, Agent) else self.registered(callee)
        return connect(one, two, frequencies)

    @contextlib.contextmanager
    def configured(self, text, instead, dataplane=False, more=()):
        """The control plane (and the dataplane) with one text of the configuration replaced (and
        more, in pairs), then as before."""
        original = self.lab.config()
        with open(original, encoding="utf-8") as config:
            content = config.read()
        for old, new in ((text, instead), *more):
            assert old in content, f"{old!r} is not in {original}"
            content = content.replace(old, new)
        handle, path = tempfile.mkstemp(suffix=".yaml")
        with os.fdopen(handle, "w", encoding="utf-8") as config:
            config.write(content)
        try:
            self.lab.use_config(path, dataplane)
            yield
        finally:
            self.lab.use_config(original, dataplane)
            os.unlink(path)

    def close(self):
        for thing in reversed(self._open):
            thing.close()
        self._open = []


def connect(caller, callee, frequencies=(440, 880), target=None):
    """Calls, answers, and waits until each side hears the other."""
    outgoing = caller.invite(target or callee.user, frequencies[0])
    incoming = callee.incoming(frequencies[1])
    incoming.ring()
    outgoing.wait_status(180)
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming)
    return outgoing, incoming


def answer_both(outgoing, incoming):
    """200 from the callee, ACK from the caller, ACK to the callee."""
    incoming.answered = incoming._reply(200, "OK", incoming.local_sdp())
    outgoing.wait_answer()
    incoming.agent.expect("ACK", call_id=incoming.call_id)
    incoming.talk()


def wait_talking(*calls, packets=10, seconds=5):
    before = [(call, len(call.media.received)) for call in calls]
    for call, have in before:
        wait_until(lambda c=call, h=have: len(c.media.received) >= h + packets, seconds,
                   f"{call.agent.user} hears the other side")


def wait_silent(call, seconds=5):
    """Waits until nothing arrives any more for 300 ms."""
    state = {"count": -1}

    def silent():
        before, state["count"] = state["count"], len(call.media.received)
        return before == state["count"]
    wait_until(silent, seconds, f"{call.agent.user} hears nothing any more", 0.3)


def hang_up(one, other):
    """One side's BYE reaches the other; both are answered with 200."""
    bye = one.in_dialog("BYE")
    one.media.pause()
    one.agent.send(bye)
    other.wait_bye()
    equal(one.agent.response(bye).status, 200, "response to BYE")


def only_call(world):
    """The id of the call that is up."""
    call, = world.lab.show("calls")
    return call["id"]


def cdr_of(world, call):
    """The CDR of a call, as soon as it is there."""
    return wait_until(lambda: next((c for c in world.lab.show("cdrs") if c["call"] == call), None),
                      5, f"the CDR of {call}")


def host_of(address):
    return next((host for host, known in ADDRESSES.items() if known == address), address)
