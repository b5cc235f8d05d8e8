# SPDX-License-Identifier: BSD-3-Clause
"""What a call goes through when a process dies at an awkward moment."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import time

from cases.flows import offer_anew
from cases.load import leave_a_registration
from world import sip
from world.lab import CtlError, wait_until
from world.suite import answer_both, cdr_of, equal, hang_up, near, test, wait_silent, wait_talking


def kill(lab, *processes):
    """Kills them at the same time and waits until they are back."""
    old = {p: lab.pid(p) for p in processes}
    for pid in old.values():
        os.kill(pid, signal.SIGKILL)
    for process, pid in old.items():
        wait_until(lambda p=process, o=pid: lab.pid(p) not in (None, o), 10, f"{process} is back")
    lab.wait_ready()


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


@contextlib.contextmanager
def control_plane_away(lab):
    """It is killed, and comes back only afterwards: its parent, which would start it, waits."""
    pid = lab.pid("controlplane")
    keeper = parent(pid)
    os.kill(keeper, signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        yield
    finally:
        os.kill(keeper, signal.SIGCONT)
    wait_until(lambda: lab.pid("controlplane") not in (None, pid), 10, "controlplane is back")
    lab.wait_ready()


def recorded_cseqs(lab):
    """Our last CSeq of each dialog, as the calls on record have it."""
    with sqlite3.connect(f"file:{lab.run_dir}/state/tandem.db?mode=ro", uri=True) as database:
        rows = database.execute("SELECT text FROM calls").fetchall()
    return [int(n) for (text,) in rows for n in re.findall(r"local-cseq=(\d+)", text)]


def all_higher(now, before):
    return len(now) == len(before) and all(n > b for n, b in zip(now, before))


def wait_calls(lab, *states):
    wait_until(lambda: sorted(c["state"] for c in lab.show("calls")) == sorted(states), 10,
               f"calls in states {states}")


@test(restarts=True, timeout=90)
def a_hold_survives_the_control_plane(world):
    lab = world.lab
    outgoing, incoming = world.call()
    call = lab.show("calls")[0]["id"]
    offer_anew(outgoing, incoming, outgoing.local_sdp("sendonly"), incoming.local_sdp("recvonly"))
    wait_silent(outgoing)
    kill(lab, "controlplane")
    wait_calls(lab, "held")
    wait_talking(incoming)
    there, answer = offer_anew(outgoing, incoming, outgoing.local_sdp(), incoming.local_sdp())
    equal((there.direction, sip.Sdp(answer.body).direction), ("sendrecv", "sendrecv"), "resume")
    wait_talking(outgoing, incoming, packets=30)
    wait_calls(lab, "answered")
    hang_up(incoming, outgoing)
    record = cdr_of(world, call)
    equal((record["cause"], record["ended_by"]), (200, "callee"), "CDR")


@test(restarts=True, timeout=90)
def a_hold_survives_the_dataplane(world):
    lab = world.lab
    outgoing, incoming = world.call()
    offer_anew(incoming, outgoing, incoming.local_sdp("inactive"), outgoing.local_sdp("inactive"))
    wait_silent(outgoing)
    wait_silent(incoming)
    kill(lab, "dataplane")
    wait_until(lambda: len(lab.show("terminations")) == 2, 5, "two terminations")
    wait_silent(outgoing)
    offer_anew(incoming, outgoing, incoming.local_sdp(), outgoing.local_sdp())
    wait_talking(outgoing, incoming, packets=30)
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=120)
def each_request_after_two_restarts_has_a_new_cseq(world):
    lab = world.lab
    outgoing, incoming = world.call()
    seen = []
    for _ in range(2):
        kill(lab, "controlplane")
        wait_calls(lab, "answered")
        before = recorded_cseqs(lab)
        for asking, answering in ((outgoing, incoming), (incoming, outgoing)):
            _, response = offer_anew(asking, answering, asking.local_sdp(), "", 488)
            equal(response.status, 488, "re-INVITE")
        wait_until(lambda b=before: all_higher(recorded_cseqs(lab), b), 5, "calls are on record")
    for asking, answering in ((outgoing, incoming), (incoming, outgoing)):
        _, response = offer_anew(asking, answering, asking.local_sdp(), answering.local_sdp())
        equal(response.status, 200, "re-INVITE")
    wait_talking(outgoing, incoming)
    hang_up(outgoing, incoming)
    for call in (outgoing, incoming):
        seen = [m.cseq for d, _, m in call.agent.trace if d == "in" and not m.is_response
                and m.call_id == call.call_id and m.method in ("INVITE", "BYE")]
        equal(len(seen), len(set(seen)), f"{call.agent.user}: CSeqs {seen} are all different")
        equal(seen, sorted(seen), "and rise")


@test(restarts=True, timeout=90)
def both_die_at_once(world):
    lab = world.lab
    outgoing, incoming = world.call()
    call = lab.show("calls")[0]["id"]
    wait_talking(outgoing, incoming, packets=70)
    kill(lab, "controlplane", "dataplane")
    wait_calls(lab, "answered")
    wait_talking(outgoing, incoming, packets=50, seconds=10)
    equal(len(lab.show("contexts")), 1, "contexts")
    hang_up(outgoing, incoming)
    record = cdr_of(world, call)
    equal((record["cause"], record["ended_by"]), (200, "caller"), "CDR")


@test(restarts=True, timeout=120)
def the_control_plane_dies_twice_and_the_dataplane_between(world):
    lab = world.lab
    outgoing, incoming = world.call()
    kill(lab, "controlplane")
    kill(lab, "dataplane")
    kill(lab, "controlplane")
    wait_calls(lab, "answered")
    wait_talking(outgoing, incoming, packets=50, seconds=10)
    near(outgoing.media.heard_frequency(), 880, 5, "heard by the caller")
    hang_up(incoming, outgoing)


@test(restarts=True, timeout=90)
def reclaim_leaves_live_media_alone(world):
    """While the control plane is away, nobody claims the call."""
    lab = world.lab
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=20)
    with control_plane_away(lab):
        wait_until(lambda: lab.show("leaks"), 5, "the context is unclaimed")
        leak, = lab.show("leaks")
        for words in ((), ("--older-than", "0")):
            equal(json.loads(lab.ctl("reclaim", *words, "--json")), {"reclaimed": 0}, f"{words}")
        try:
            lab.ctl("reclaim", leak["handle"])
            raise AssertionError("a context with media was reclaimed without --force")
        except CtlError as error:
            assert "--force" in error.text, error.text
    wait_calls(lab, "answered")
    wait_talking(outgoing, incoming, packets=20)
    equal(lab.show("contexts")[0]["handle"], leak["handle"], "context")
    equal((outgoing.media.lost(), incoming.media.lost()), (0, 0), "RTP lost")
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=90)
def reclaim_by_force_takes_what_it_is_told_and_says_so(world):
    lab = world.lab
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=20)
    with control_plane_away(lab):
        wait_until(lambda: lab.show("leaks"), 5, "the context is unclaimed")
        handle = lab.show("leaks")[0]["handle"]
        equal(lab.ctl("reclaim", handle, "--force").strip(), "1 context reclaimed", "answer")
        equal(lab.show("contexts"), [], "contexts")
    said = rf"operator tandemctl \(pid \d+\) reclaimed context {handle} by force"
    assert re.search(said, lab.log("dataplane")), "not in the log"
    wait_calls(lab, "answered")
    wait_talking(outgoing, incoming, packets=20)
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=90)
def nothing_is_left_of_a_ringing_call(world):
    lab = world.lab
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    kill(lab, "controlplane")
    wait_until(lambda: not lab.leftovers(), 10, "nothing is left")
    equal(len(lab.show("registrations")), 2, "registrations")
    equal(outgoing.cancel().status, 481, "CANCEL of what is forgotten")
    again = alice.invite("bob")
    there = bob.incoming()
    answer_both(again, there)
    wait_talking(again, there)
    hang_up(again, there)


@test(restarts=True, timeout=90)
def the_dataplane_dies_while_a_phone_rings(world):
    """The ports are the same afterwards: the call goes on."""
    lab = world.lab
    alice, bob = world.registered("alice"), world.registered("bob")
    outgoing = alice.invite("bob")
    incoming = bob.incoming()
    incoming.ring()
    outgoing.wait_status(180)
    kill(lab, "dataplane")
    answer_both(outgoing, incoming)
    wait_talking(outgoing, incoming, packets=30)
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=120)
def the_dataplane_dies_while_calls_are_set_up(world):
    lab = world.lab
    leave_a_registration(world, "bob", 5070)
    lab.wait_idle()
    callee = world.sipp("bob", "uas_talk", port=5070)
    caller = world.sipp("carrier", "uac_talk", "-s", "bob", "-r", "20", "-m", "120",
                        "-l", "120", "-d", "3000", target="198.18.0.10:5060")
    wait_until(lambda: len(lab.show("calls")) > 20, 20, "calls")
    kill(lab, "dataplane")
    wait_until(lambda: len(lab.show("calls")) > 5, 10, "calls again")
    kill(lab, "dataplane")
    caller.wait(80)
    lab.wait_idle(45)
    assert caller.successful >= 60, (caller.successful, caller.failed)
    callee.close()
    world.agent("bob").register(expires=0, contacts=["*"])


@test(restarts=True, timeout=120)
def the_control_plane_dies_while_calls_are_set_up(world):
    lab = world.lab
    leave_a_registration(world, "bob", 5070)
    lab.wait_idle()
    callee = world.sipp("bob", "uas_talk", port=5070)
    caller = world.sipp("carrier", "uac_talk", "-s", "bob", "-r", "20", "-m", "120",
                        "-l", "120", "-d", "3000", target="198.18.0.10:5060")
    wait_until(lambda: len(lab.show("calls")) > 20, 20, "calls")
    kill(lab, "controlplane")
    wait_until(lambda: len(lab.show("calls")) > 5, 10, "calls again")
    kill(lab, "controlplane")
    caller.wait(80)
    assert caller.successful >= 60, (caller.successful, caller.failed)
    lab.wait_idle(45)
    callee.close()
    world.agent("bob").register(expires=0, contacts=["*"])


@test(restarts=True, timeout=60)
def sigterm_ends_calls_properly(world):
    lab = world.lab
    outgoing, incoming = world.call()
    alice, carrier = outgoing.agent, world.trunk()
    ringing = alice.invite("9111")
    there = carrier.incoming()
    there.ring()
    ringing.wait_status(180)
    calls = {c["id"] for c in lab.show("calls")}
    pid = lab.pid("controlplane")
    lab_exit = f"{lab.run_dir}/controlplane.exit"
    started = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    incoming.wait_bye(3)
    outgoing.wait_bye(3)
    carrier.reply(carrier.expect("CANCEL", 3, call_id=there.call_id), 200)
    there.reject(487)
    assert ringing.wait_failure(3).status in (480, 487, 503)
    wait_until(lambda: os.path.exists(lab_exit), 10, "it has ended")
    took = time.monotonic() - started
    with open(lab_exit, encoding="ascii") as status:
        equal(status.read().strip(), "0", "exit status")
    assert took < 3, took
    lab.start("controlplane")
    lab.wait_ready()
    records = [cdr_of(world, c) for c in calls]
    equal({r["ended_by"] for r in records}, {"system"}, "ended_by")
    equal(len([r for r in records if r["answered"]]), 1, "CDRs of answered calls")
