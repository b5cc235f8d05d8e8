# SPDX-License-Identifier: BSD-3-Clause
"""Two workers, and what happens when one of them stops answering."""

import os
import signal

from world.lab import wait_until
from world.suite import equal, hang_up, test, wait_talking
from world.threads import has_ended, stopped_asleep, threads

ENDED_S = 10
MOVED_S = 5  # detected after one second; the machine may have other things to do


def worker_of(lab, number):
    return lab.show("workers")[number]


def packets(lab):
    return sum(t["rx_packets"] for t in lab.show("terminations"))


def stop_for_a_while(lab, number, outgoing, incoming):
    """The call must go on without this worker, and with it again."""
    dataplane = lab.pid("dataplane")
    answers = lab.log("controlplane").count(f"worker {number} answers again")
    with stopped_asleep(dataplane, threads(dataplane, "rte-worker")[number]):
        wait_until(lambda: worker_of(lab, number)["state"] == "hung", MOVED_S, "it is found out")
        wait_until(lambda: worker_of(lab, number)["flows"] == 0, MOVED_S, "its flows have moved")
        wait_talking(outgoing, incoming, packets=50)
        equal(worker_of(lab, 1 - number)["flows"], 2, "flows of the other")
        assert f"worker {number} does not answer: 1 flows go" in lab.log("controlplane")
    wait_until(lambda: worker_of(lab, number)["state"] != "hung", MOVED_S, "it is back")
    wait_until(lambda: lab.log("controlplane").count(f"worker {number} answers again") > answers,
               MOVED_S, "the control plane knows")
    wait_talking(outgoing, incoming, packets=50)


@test(restarts=True, timeout=120)
def media_goes_on_when_a_worker_stops(world):
    lab = world.lab
    with world.configured("  workers: 1\n", "  workers: 2\n", dataplane=True):
        dataplane = lab.pid("dataplane")
        for number in (0, 1):
            outgoing, incoming = world.call()
            equal([w["flows"] for w in lab.show("workers")], [1, 1], "flows of each")
            stop_for_a_while(lab, number, outgoing, incoming)
            before, heard = packets(lab), len(incoming.media.received)
            wait_talking(outgoing, incoming, packets=50)
            assert packets(lab) - before >= len(incoming.media.received) - heard - 5, "counters"
            hang_up(outgoing, incoming)
            lab.wait_idle()  # flows and indexes came back from the one that was stopped
        equal(lab.pid("dataplane"), dataplane, "nothing died")
        world.close()


@test(restarts=True, timeout=60)
def who_hangs_does_not_keep_the_process(world):
    lab = world.lab
    dataplane = lab.pid("dataplane")
    journal = os.path.join(lab.run_dir, "interfaces.journal")
    assert os.path.exists(journal), "nothing was done to interfaces"
    tid = threads(dataplane, "rte-worker")[0]
    with stopped_asleep(dataplane, tid):
        os.kill(dataplane, signal.SIGTERM)
        wait_until(lambda: has_ended(tid), ENDED_S, "it ends")
    wait_until(lambda: lab.pid("dataplane") is None, ENDED_S, "it is gone")
    assert "worker 0 does not end: left" in lab.log("dataplane")
    assert not os.path.exists(journal), "interfaces were not given back"
    lab.stop("dataplane")  # its supervisor may not have seen the end yet, and would be left alone
    lab.start("dataplane")
    lab.wait_ready()


@test(restarts=True, timeout=60)
def the_only_worker_is_reported(world):
    lab = world.lab
    outgoing, incoming = world.call()
    dataplane = lab.pid("dataplane")
    with stopped_asleep(dataplane, threads(dataplane, "rte-worker")[0]):
        wait_until(lambda: worker_of(lab, 0)["state"] == "hung", MOVED_S, "it is found out")
    wait_until(lambda: worker_of(lab, 0)["state"] != "hung", MOVED_S, "it is back")
    wait_talking(outgoing, incoming, packets=50)
    hang_up(outgoing, incoming)
