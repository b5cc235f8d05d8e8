# SPDX-License-Identifier: BSD-3-Clause
"""What the dataplane finds out about media is told with the call's id, and stands in its CDR."""

from world.events import listening
from world.lab import wait_until
from world.suite import cdr_of, equal, hang_up, near, only_call, test, wait_talking


@test()
def rtp_of_somebody_else_is_an_event_of_the_call(world):
    with listening(world) as events:
        outgoing, incoming = world.call()
        call = only_call(world)
        intruder = world.agent("carrol").rtp(frequency=1500)
        for _ in range(20):
            intruder.send_one(remote=(outgoing.remote_sdp.address, outgoing.remote_sdp.port))
        event = events.wait("media.foreign", 5)
        equal((event["call"], event["priority"]), (call, "high"), "call and priority of the event")
        equal(event["fields"]["source"], f"{intruder.address}:{intruder.port}", "source")
        caller = next(t for t in world.lab.show("terminations") if t["side"] == "caller")
        equal(event["fields"]["termination"], caller["handle"], "termination")
        wait_until(lambda: f"[{call}] RTP of somebody else" in world.lab.log("controlplane"), 5,
                   "the log says so")
        wait_talking(outgoing, incoming, packets=20)
        hang_up(outgoing, incoming)


@test(timeout=60)
def loss_stands_in_the_cdr_as_it_was_injected(world):
    lab, lost = world.lab, []

    def lose(number):
        if number % 5 == 0:
            lost.append(number)
        return number % 5 == 0

    with listening(world) as events:
        outgoing, incoming = world.call()
        call = only_call(world)
        outgoing.media.lose = lose
        raised = events.wait("media.quality", 10, metric="loss_percent", state="raised")
        equal(raised["call"], call, "call of the event")
        outgoing.media.lose = None
        wait_talking(incoming, packets=70)  # gaps are losses once 64 packets have followed
        outgoing.media.pause()

        def row():
            return next(q for q in lab.show("quality") if q["side"] == "caller")
        wait_until(lambda: row()["rx_packets"] == outgoing.media.sent, 5, "all have come")
        shown, injected = row(), 100 * len(lost) / (outgoing.media.sent + len(lost))
        hang_up(outgoing, incoming)
        record = cdr_of(world, call)
        equal((record["packets_caller"], record["lost_caller"]), (outgoing.media.sent, len(lost)),
              "packets and loss in the CDR")
        near(record["loss_percent_caller"], injected, 0.01, "loss in the CDR")
        near(record["mos_caller"], shown["mos"], 0.01, "MOS in the CDR")
        assert record["mos_caller"] < record["mos_callee"], record
        assert record["quality_alarms_caller"] >= 1, record
        equal((record["lost_callee"], record["quality_alarms_callee"]), (0, 0), "the other side")
