# SPDX-License-Identifier: BSD-3-Clause
"""Either process may die; and both end properly when asked to."""

import os
import signal
import time

from world.lab import wait_until
from world.suite import cdr_of, equal, hang_up, near, test, wait_talking


def kill(world, process):
    pid = world.lab.pid(process)
    os.kill(pid, signal.SIGKILL)
    return pid


def wait_new_pid(world, process, old):
    return wait_until(lambda: world.lab.pid(process) not in (None, old) and world.lab.pid(process),
                      10, f"{process} is started again")


@test(restarts=True, timeout=90)
def rtp_flows_on_without_the_control_plane(world):
    lab = world.lab
    carrol = world.registered("carrol")
    outgoing, incoming = world.call()
    pending = carrol.invite("9777")  # a call that never gets anywhere
    carrier = world.trunk()
    ringing = carrier.incoming()
    ringing.ring()
    wait_until(lambda: len(lab.show("calls")) == 2, 5, "two calls")
    call = next(c["id"] for c in lab.show("calls") if c["state"] == "answered")
    heard, said = len(outgoing.media.received), len(incoming.media.received)

    old = kill(world, "controlplane")
    wait_new_pid(world, "controlplane", old)
    lab.wait_ready()
    # The answered call is adopted; what belongs to no answered call on record is removed.
    wait_until(lambda: len(lab.show("contexts")) == 1, 10, "one context is left")
    equal(len([c for c in lab.show("calls") if c["state"] == "answered"]), 1, "calls adopted")
    wait_talking(outgoing, incoming, packets=50)
    equal((outgoing.media.lost(heard), incoming.media.lost(said)), (0, 0), "RTP packets lost")
    assert outgoing.media.longest_gap() < 0.3, outgoing.media.longest_gap()

    hang_up(outgoing, incoming)
    record = cdr_of(world, call)
    equal((record["cause"], record["ended_by"]), (200, "caller"), "cause and ended_by")
    assert record["answered"] and float(record["duration_s"]) >= 1, record
    del pending, ringing


@test(restarts=True, timeout=90)
def a_call_is_ended_by_the_callee_after_a_restart_of_the_control_plane(world):
    outgoing, incoming = world.call()
    old = kill(world, "controlplane")
    wait_new_pid(world, "controlplane", old)
    world.lab.wait_ready()
    wait_until(lambda: len(world.lab.show("calls")) == 1, 10, "the call is adopted")
    hang_up(incoming, outgoing)


@test(restarts=True, timeout=90)
def audio_returns_after_the_death_of_the_dataplane(world):
    lab = world.lab
    outgoing, incoming = world.call()
    lab_log = len(lab.log("controlplane"))
    ports = (outgoing.remote_sdp.port, incoming.remote_sdp.port)
    old = lab.pid("dataplane")
    lab.stop("dataplane")  # stays away until it is started again
    stopped = time.monotonic()

    def noticed():
        return lab.version()["dataplane"]["state"] != "up"
    wait_until(noticed, 1.5, "the CLI says that the dataplane is down")
    wait_until(lambda: "dataplane" in lab.log("controlplane")[lab_log:], 2, "the log says so")
    assert time.monotonic() - stopped < 3
    inside = world.agent("carrol", host="tandem", address="127.0.0.1")
    refused = inside.invite("bob").wait_failure()
    equal(refused.status, 503, "a new call meanwhile")
    assert int(refused.get("retry-after").split()[0]) > 0, f"Retry-After in {refused}"

    lab.start("dataplane")
    lab.wait_ready()
    assert lab.pid("dataplane") != old
    wait_talking(outgoing, incoming, packets=70, seconds=15)
    near(outgoing.media.heard_frequency(), 880, 3, "heard by the caller")
    near(incoming.media.heard_frequency(), 440, 3, "heard by the callee")
    equal((outgoing.remote_sdp.port, incoming.remote_sdp.port), ports, "media ports")
    assert not [r for r in incoming.agent.requests if r.method == "INVITE"], "a new INVITE"
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=90)
def a_killed_dataplane_comes_back_by_itself(world):
    lab = world.lab
    outgoing, incoming = world.call()
    old = kill(world, "dataplane")
    wait_until(lambda: lab.version()["dataplane"]["state"] != "up"
               or lab.pid("dataplane") not in (old, None), 2, "the control plane notices")
    wait_new_pid(world, "dataplane", old)
    wait_talking(outgoing, incoming, packets=50, seconds=20)
    hang_up(outgoing, incoming)


@test(restarts=True, timeout=60)
def both_end_on_sigterm_and_leave_nothing(world):
    lab = world.lab
    for process in ("controlplane", "dataplane"):
        pid = lab.pid(process)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda p=process: os.path.exists(f"{lab.run_dir}/{p}.exit"), 10,
                   f"{process} has ended")
        with open(f"{lab.run_dir}/{process}.exit", encoding="ascii") as status:
            equal(status.read().strip(), "0", f"exit status of {process}")
    links = lab.run("tandem", "ip", "-br", "link").stdout
    assert "tandem0" not in links, links
    assert not os.path.exists(f"{lab.run_dir}/dataplane.sock"), "dataplane.sock is left"
    equal(lab.ctl_raw("show", "calls").returncode, 3, "status of tandemctl")
    lab.start()
    lab.wait_ready()
