# SPDX-License-Identifier: BSD-3-Clause
"""What the dataplane finds out about media reaches the bus, the call, and its CDR."""

import contextlib

from world.events import Events
from world.lab import wait_until
from world.suite import cdr_of, equal, hang_up, near, only_call, test, wait_talking

QUALITY = ("  workers: 1\n", "  workers: 1\n  quality: {interval_s: 1}\n")


@contextlib.contextmanager
def listening(world):
    """Events, with a call that began when they were listened to: (events, caller, callee)."""
    events = Events(world.lab)
    try:
        # Who asks may be let in after a first call began: registrations come until one is seen.
        alice = world.agent("alice")
        wait_until(lambda: alice.register().status == 200 and events.seen, 10, "events are told")
        outgoing, incoming = world.call(caller=alice)
        events.wait("media.started")
        yield events, outgoing, incoming
    finally:
        events.close()


@test()
def rtp_of_somebody_else_is_an_event_of_the_call(world):
    with listening(world) as (events, outgoing, incoming):
        call = only_call(world)
        intruder = world.agent("carrol").rtp(frequency=1500)
        for _ in range(20):
            intruder.send_one(remote=(outgoing.remote_sdp.address, outgoing.remote_sdp.port))
        event = events.wait("media.foreign")
        equal(event["call"], call, "call of the event")
        equal(event["priority"], "high", "priority")
        equal(event["fields"]["source"], f"{intruder.address}:{intruder.port}", "source")
        caller = next(t for t in world.lab.show("terminations") if t["side"] == "caller")
        equal(event["fields"]["termination"], caller["handle"], "termination")
        wait_until(lambda: f"[{call}] RTP of somebody else" in world.lab.log("controlplane"), 5,
                   "the log says so")
        wait_talking(outgoing, incoming, packets=20)
        equal(len(events.find("media.foreign")), 1, "events for twenty packets")
        hang_up(outgoing, incoming)


class Lossy:
    """Each fifth packet of a sender never leaves."""

    def __init__(self, media):
        self.media = media
        self.lost = self.turns = 0
        self.original = media.send_one
        self.lossy = True
        media.send_one = self.send_one

    def send_one(self):
        self.turns += 1
        if self.lossy and self.turns % 5 == 0:
            self.media.packet()
            self.lost += 1
        else:
            self.original()


@test(restarts=True, timeout=90)
def loss_is_an_event_at_the_call_and_in_its_cdr(world):
    lab = world.lab
    with world.configured(*QUALITY, dataplane=True), \
            listening(world) as (events, outgoing, incoming):
        call = only_call(world)
        equal(lab.show("calls")[0]["caller_quality"], "good", "quality at first")
        loss = Lossy(outgoing.media)
        raised = events.wait("media.quality", metric="loss_percent", state="raised")
        equal(raised["call"], call, "call of the event")
        assert float(raised["fields"]["value"]) > 5, raised
        assert float(raised["fields"]["mos"]) < 4, raised
        wait_until(lambda: "loss" in lab.show("calls")[0]["caller_quality"], 5, "the call shows it")
        equal(lab.show("calls")[0]["callee_quality"], "good", "the other side")
        loss.lossy = False
        events.wait("media.quality", metric="loss_percent", state="cleared")
        wait_until(lambda: lab.show("calls")[0]["caller_quality"] == "good", 10, "it is over")
        outgoing.media.pause()

        def row():
            return next(q for q in lab.show("quality") if q["side"] == "caller")
        wait_until(lambda: row()["rx_packets"] == outgoing.media.sent, 5, "all have come")
        shown, injected = row(), 100 * loss.lost / (outgoing.media.sent + loss.lost)
        hang_up(outgoing, incoming)
        record = cdr_of(world, call)
        equal((record["packets_caller"], record["lost_caller"]), (outgoing.media.sent, loss.lost),
              "packets and loss in the CDR")
        near(record["loss_percent_caller"], injected, 0.01, "loss in the CDR")
        near(record["mos_caller"], shown["mos"], 0.01, "MOS in the CDR")
        assert record["mos_caller"] < record["mos_callee"], record
        assert record["quality_alarms_caller"] >= 1, record
        equal((record["lost_callee"], record["quality_alarms_callee"]), (0, 0), "the other side")
        world.close()
