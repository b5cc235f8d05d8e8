# SPDX-License-Identifier: BSD-3-Clause
"""tandemctl, and what a wrong configuration says."""

import json
import os
import subprocess
import tempfile

from world.lab import TOP
from world.suite import cdr_of, equal, hang_up, only_call, test, wait_talking

FIELDS = {
    "calls": "id state from to caller_session callee_session started answered duration_s context",
    "sessions": "id call direction state local_uri remote_uri remote_address sip_call_id sdp_state "
                "media_direction codec auth termination",
    "users": "aor source registrations algorithm authenticated last_authenticated refused last_refused",
    "registrations": "aor contact source transport nat alg auth expires_s q instance reg_id path user_agent "
    "call_id cseq",
    "trunks": "name address port prefix state calls",
    "contexts": "handle call terminations owner",
    "terminations": "handle context call side state local_address local_port remote_address "
                    "remote_port latched_address latched_port direction codec rx_packets rx_bytes "
                    "tx_packets tx_bytes lost jitter_ms rtcp_rx_packets dropped last_packet_ms",
    "ports": "name driver mac link rx_packets rx_bytes tx_packets tx_bytes rx_missed tx_dropped tap",
    "workers": "id core state packets bursts idle_percent cycles_per_packet flows",
    "nodes": "worker node packets calls cycles_per_packet",
    "drops": "reason packets",
    "media-ports": "address total used",
}


@test()
def every_show_command_has_its_fields(world):
    outgoing, incoming = world.call()
    for what, fields in FIELDS.items():
        rows = world.lab.show(what)
        assert rows, f"show {what} is empty during a call"
        missing = set(fields.split()) - set(rows[0])
        assert not missing, f"show {what} lacks {missing}"
        table = world.lab.ctl("show", what)
        assert len(table.splitlines()) >= 2, f"show {what} as a table:\n{table}"
    call = only_call(world)
    hang_up(outgoing, incoming)
    cdr = cdr_of(world, call)
    fields = set("call from to started answered ended duration_s cause reason ended_by".split())
    assert not fields - set(cdr), f"a CDR lacks {fields - set(cdr)}"


@test()
def what_people_look_at_fits_a_screen(world):
    """120 columns, in the middle of a call and after it."""
    outgoing, incoming = world.call()
    wait_talking(outgoing, incoming, packets=120)
    tables = [world.lab.ctl("show", what) for what in ("quality", "terminations")]
    nodes = world.lab.ctl("show", "nodes")
    hang_up(outgoing, incoming)
    tables.append(world.lab.ctl("show", "cdrs", "--limit", "1"))
    for table in tables:
        widest = max(len(line) for line in table.splitlines())
        assert widest <= 120, f"{widest} columns:\n{table}"
    assert "system calls" in nodes.splitlines()[-1], nodes


@test(ids=("SP4",))
def what_belongs_together_is_linked(world):
    outgoing, incoming = world.call()
    lab = world.lab
    call, = lab.show("calls")
    sessions = {s["id"]: s for s in lab.show("sessions")}
    equal({call["caller_session"], call["callee_session"]}, set(sessions), "sessions of the call")
    equal(sessions[call["caller_session"]]["direction"], "inbound", "direction")
    equal(sessions[call["callee_session"]]["direction"], "outbound", "direction")
    equal(sessions[call["caller_session"]]["sip_call_id"], outgoing.call_id, "Call-ID")
    context, = lab.show("contexts")
    equal(context["handle"], call["context"], "context")
    terminations = lab.show("terminations")
    equal({t["context"] for t in terminations}, {context["handle"]}, "context of terminations")
    equal({t["handle"] for t in terminations}, {s["termination"] for s in sessions.values()},
          "terminations of the sessions")
    equal({t["call"] for t in terminations} | {context["call"]}, {call["id"]}, "call id")
    equal(lab.used_media_ports(), 2, "used ports")
    hang_up(outgoing, incoming)


@test()
def exit_statuses_tell_scripts_what_happened(world):
    lab = world.lab
    equal(lab.ctl_raw("show", "version").returncode, 0, "show version")
    refused = lab.ctl_raw("call", "hangup", "ffffffffffffffff")
    equal(refused.returncode, 1, "hangup of no call")
    assert refused.stderr.strip(), "a message for people"
    misused = lab.ctl_raw("frobnicate")
    equal(misused.returncode, 2, "unknown command")
    assert misused.stderr.strip(), "usage"
    equal(lab.ctl_raw("--help").returncode, 0, "--help")
    absent = subprocess.run([os.path.join(lab.bin_dir, "tandemctl"), "show", "calls"],
                            env=dict(os.environ, TANDEM_RUN_DIR="/nonexistent"),
                            capture_output=True, text=True, check=False)
    equal(absent.returncode, 3, "without a control plane")
    assert "controlplane" in absent.stderr or "control plane" in absent.stderr, absent.stderr


@test()
def the_prompt_takes_commands_from_a_pipe(world):
    lab = world.lab
    done = subprocess.run([os.path.join(lab.bin_dir, "tandemctl")], env=lab.environment,
                          input="show version\nshow ports\nquit\n", capture_output=True,
                          text=True, timeout=15, check=False)
    equal(done.returncode, 0, f"exit status\n{done.stderr}")
    assert "tandem0" in done.stdout, done.stdout


@test()
def the_prompt_remembers_commands_and_no_password(world):
    lab = world.lab
    ours, theirs = os.openpty()
    with tempfile.TemporaryDirectory() as home:
        with subprocess.Popen([os.path.join(lab.bin_dir, "tandemctl")], stdin=theirs, stdout=theirs,
                              stderr=theirs, env=dict(lab.environment, HOME=home)) as prompt:
            os.write(ours, b"show version\nuser rotate nobody --password hidden\nquit\n")
            equal(prompt.wait(timeout=15), 0, "exit status")
        with open(os.path.join(home, ".tandemctl_history"), encoding="utf-8") as history:
            text = history.read()
    os.close(ours)
    os.close(theirs)
    assert "show" in text and "hidden" not in text, text


@test()
def both_processes_tell_their_version(world):
    for program in ("tandem-dataplane", "tandem-controlplane", "tandemctl"):
        for option in ("--version", "--help"):
            done = subprocess.run([os.path.join(world.lab.bin_dir, program), option],
                                  capture_output=True, text=True, timeout=10, check=False)
            equal(done.returncode, 0, f"{program} {option}")
            assert done.stdout.strip(), f"{program} {option} says nothing"


def broken(replace, by):
    """The lab's configuration with one thing wrong: (path, line number)."""
    with open(os.path.join(TOP, "config", "profiles", "lab.yaml"), encoding="utf-8") as good:
        text = good.read()
    assert replace in text, f"{replace!r} is not in lab.yaml"
    line = text[:text.index(replace)].count("\n") + 1
    handle, path = tempfile.mkstemp(suffix=".yaml")
    with os.fdopen(handle, "w", encoding="utf-8") as bad:
        bad.write(text.replace(replace, by, 1))
    return path, line


@test()
def a_wrong_configuration_names_line_and_key(world):
    """And no process starts with it."""
    for replace, by, key in (("port_first:", "port_frist:", "port_frist"),
                             ("transport: udp", "transport: pigeon", "transport"),
                             ("address: 198.18.0.20", "address: 198.18.0.999", "address")):
        path, line = broken(replace, by)
        for program in (("tandemctl", "config", "check", path),
                        ("tandem-dataplane", "--config", path),
                        ("tandem-controlplane", "--config", path)):
            done = subprocess.run([os.path.join(world.lab.bin_dir, program[0]), *program[1:]],
                                  env=dict(world.lab.environment, TANDEM_RUN_DIR="/nonexistent"),
                                  capture_output=True, text=True, timeout=15, check=False)
            said = done.stderr + done.stdout
            assert done.returncode != 0, f"{program[0]} accepts {by!r}"
            assert f":{line}:" in said and key in said, f"{program[0]} about {by!r}: {said}"
        os.unlink(path)


@test()
def the_configurations_that_come_with_it_are_right(world):
    for name in ("config/tandem.yaml", "config/profiles/lab.yaml"):
        done = world.lab.ctl_raw("config", "check", os.path.join(TOP, name))
        equal(done.returncode, 0, f"config check {name}: {done.stderr}")


@test()
def json_is_one_object_that_parses(world):
    for what in (*FIELDS, "cdrs"):
        answer = json.loads(world.lab.ctl("--json", "show", what))
        equal(list(answer), [what], "keys")
        assert isinstance(answer[what], list), what
