# SPDX-License-Identifier: BSD-3-Clause
"""REGISTER and OPTIONS (RFC 3261 §10, §11; RFC 7616 and RFC 8760 for digest)."""

import time

from world import sip
from world.lab import DOMAIN, wait_until
from world.suite import equal, test


def contacts_of(world, user):
    return [r for r in world.lab.show("registrations") if r["aor"].endswith(f"{user}@{DOMAIN}")]


def remove_all(agent):
    """A wildcard contact with Expires 0 removes every contact (§10.2.2)."""
    equal(agent.register(expires=0, contacts=["*"]).status, 200, "REGISTER with *")


@test(ids=("RG4", "AU4"))
def a_phone_registers_and_is_shown(world):
    alice = world.agent("alice")
    answer = alice.register(expires=300)
    equal(answer.status, 200, "REGISTER")
    assert any(alice.contact in c for c in answer.all("contact")), f"own contact in {answer}"
    shown = [r for r in contacts_of(world, "alice") if alice.contact in r["contact"]]
    equal(len(shown), 1, "registrations of alice at this contact")
    assert 290 <= shown[0]["expires_s"] <= 300, shown
    equal(shown[0]["call_id"], alice._register_call_id, "call_id")
    assert shown[0]["source"].startswith("198.18.0.101"), shown
    remove_all(alice)
    equal(contacts_of(world, "alice"), [], "registrations after the wildcard")


@test(restarts=True, timeout=60, ids=("AU1",))
def both_digest_algorithms_work_and_the_first_is_preferred(world):
    with world.configured("digest: [MD5]", "digest: [SHA-256, MD5]"):
        alice = world.agent("alice")
        answer = alice.register(answer=False)
        equal(answer.status, 401, "REGISTER without credentials")
        offered = [c["algorithm"].upper() for c in sip.challenges(answer)]
        equal(offered, ["SHA-256", "MD5"], "algorithms")
        for algorithm in ("MD5", "SHA-256"):
            equal(alice.register(algorithm=algorithm).status, 200, f"REGISTER with {algorithm}")
        wrong = world.agent("bob", password="guess").register(algorithm="SHA-256")
        assert wrong.status in (401, 403), wrong.first
        remove_all(alice)


@test(ids=("AU1",))
def a_wrong_password_is_refused(world):
    alice = world.agent("alice", password="not-the-password")
    answer = alice.register()
    assert answer.status in (401, 403), answer.first
    equal(contacts_of(world, "alice"), [], "registrations")


@test()
def an_unknown_user_is_refused(world):
    answer = world.agent("mallory", host="carrol").register()
    assert answer.status in (401, 403, 404), answer.first


@test()
def a_refresh_keeps_one_contact_and_a_new_time(world):
    alice = world.agent("alice")
    equal(alice.register(expires=60).status, 200, "REGISTER")
    equal(alice.register(expires=500).status, 200, "refresh")
    shown = contacts_of(world, "alice")
    equal(len(shown), 1, "contacts")
    assert shown[0]["expires_s"] > 400, shown
    remove_all(alice)


@test()
def an_expired_registration_goes_away(world):
    alice = world.agent("alice")
    equal(alice.register(expires=2).status, 200, "REGISTER")
    equal(len(contacts_of(world, "alice")), 1, "contacts")
    wait_until(lambda: not contacts_of(world, "alice"), 8, "the registration has expired")


@test()
def too_short_an_expiry_is_answered_with_the_minimum(world):
    answer = world.agent("alice").register(expires=1)
    equal(answer.status, 423, "REGISTER with Expires: 1")
    equal(answer.get("min-expires"), "2", "Min-Expires")


@test(ids=("RG3",))
def several_contacts_live_side_by_side(world):
    desk, mobile = world.agent("alice"), world.agent("alice", host="carrol")
    equal(desk.register().status, 200, "REGISTER of the desk phone")
    answer = mobile.register()
    equal(answer.status, 200, "REGISTER of the mobile phone")
    equal(len(answer.all("contact")), 2, "contacts in the answer")
    equal(len(contacts_of(world, "alice")), 2, "contacts shown")
    equal(desk.register(expires=0).status, 200, "one contact leaves")
    equal(len(contacts_of(world, "alice")), 1, "contacts left")
    remove_all(mobile)


@test(ids=("RG5",))
def contacts_stand_in_the_order_of_their_q(world):
    alice = world.agent("alice")
    wanted = [("low", "0.1"), ("high", "0.9"), ("middle", "0.5")]
    answer = alice.register(contacts=[f"<sip:{name}@{alice.address}>;q={q}" for name, q in wanted])
    equal(answer.status, 200, "REGISTER")
    order = ["high", "middle", "low"]
    equal([(r["contact"].partition("@")[0], round(r["q"], 1)) for r in contacts_of(world, "alice")],
          [(f"sip:{n}", float(dict(wanted)[n])) for n in order], "contacts shown")
    remove_all(alice)


@test(ids=("RG5",))
def contacts_ring_in_the_order_of_their_q(world):
    """The best does not answer and gets CANCEL, of the two next one is busy, and only when the
    other is, too, the last one rings: sipp, which answers and hangs up. A 6xx ends all."""
    alice, best = world.registered("alice"), world.agent("bob")
    one, other = world.agent("bob", port=5071), world.agent("bob", port=5072)
    last = world.sipp("bob", "uas_bye", "-m", "1", port=5073)
    contacts = [f"<sip:bob@{best.address}:5073>;q=0.1", f"<{other.contact}>;q=0.5",
                f"<{one.contact}>;q=0.5", f"<{best.contact}>"]
    equal(best.register(contacts=contacts).status, 200, "REGISTER")
    outgoing = alice.invite("bob")
    ringing = best.incoming()
    ringing.ring()
    outgoing.wait_status(180)
    equal((one.requests, other.requests), ([], []), "requests to those of a lower q")
    cancel = best.expect("CANCEL", call_id=ringing.call_id)
    best.reply(cancel, 200, "OK")
    ringing.reject(487, "Request Terminated")
    first, second = one.incoming(), other.incoming()
    first.reject(486, "Busy Here")
    equal(last.current, 0, "calls of the lowest q")
    second.reject(486, "Busy Here")
    outgoing.wait_answer()
    outgoing.wait_bye()
    equal(last.wait(5), 0, f"exit status of sipp\n{last.errors()}")
    outgoing = alice.invite("bob")
    best.incoming().reject(603, "Decline")
    equal(outgoing.wait_failure().status, 603, "response to the caller")
    equal((one.requests, other.requests), ([], []), "requests after a 6xx")
    best.register(expires=0, contacts=["*"])


@test()
def more_contacts_than_allowed_are_refused(world):
    alice = world.agent("alice")
    contacts = [f"<sip:alice@198.18.0.101:{port}>" for port in range(7000, 7006)]
    answer = alice.register(contacts=contacts)
    assert 400 <= answer.status < 500, answer.first
    equal(contacts_of(world, "alice"), [], "registrations")


@test(ids=("RG6",))
def an_old_cseq_changes_nothing(world):
    alice = world.agent("alice")
    call_id = sip.token(12)
    equal(alice.register(cseq=50, call_id=call_id, expires=500).status, 200, "REGISTER")
    answer = alice.register(cseq=40, call_id=call_id, expires=0)
    assert answer.status != 200 or len(contacts_of(world, "alice")) == 1, answer
    equal(len(contacts_of(world, "alice")), 1, "contacts after the stale request")
    remove_all(alice)


@test()
def a_query_without_contact_lists_what_is_there(world):
    alice = world.registered("alice")
    answer = alice.register(expires=None, contacts=[])
    equal(answer.status, 200, "query")
    equal(len(answer.all("contact")), 1, "contacts")
    remove_all(alice)


@test(restarts=True, timeout=60, ids=("RG4",))
def registrations_survive_a_restart_of_the_control_plane(world):
    alice = world.registered("alice")
    world.lab.stop("controlplane")
    world.lab.start("controlplane")
    world.lab.wait_ready()
    equal(len(contacts_of(world, "alice")), 1, "contacts after the restart")
    remove_all(alice)


@test()
def options_is_answered(world):
    alice = world.agent("alice")
    answer = alice.transact(alice.request("OPTIONS", "sip:198.18.0.10"))
    equal(answer.status, 200, "OPTIONS")
    allowed = {m.strip() for m in answer.get("allow").split(",")}
    missing = {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"} - allowed
    assert not missing, f"Allow lacks {missing}"


@test()
def an_unknown_method_is_answered(world):
    alice = world.agent("alice")
    answer = alice.transact(alice.request("FROBNICATE", f"sip:bob@{DOMAIN}"))
    assert answer.status in (405, 501), answer.first


@test(ids=("NA6",))
def a_response_goes_where_the_request_came_from(world):
    """rport and received (RFC 3581): the Via names another port and address."""
    alice = world.agent("alice")
    request = alice.request("OPTIONS", "sip:198.18.0.10")
    request.headers[0] = ("via", "SIP/2.0/UDP 10.9.8.7:9999;rport;branch=z9hG4bK" + sip.token())
    answer = alice.transact(request)
    equal(answer.status, 200, "OPTIONS")
    assert f"rport={alice.port}" in answer.get("via"), answer.get("via")
    assert f"received={alice.address}" in answer.get("via"), answer.get("via")


@test(ids=("SE3",))
def a_request_with_a_missing_header_gets_400(world):
    alice = world.agent("alice")
    request = alice.request("OPTIONS", "sip:198.18.0.10")
    request.headers = [h for h in request.headers if h[0] != "max-forwards"]
    started = time.monotonic()
    request.headers = [(n, "abc OPTIONS" if n == "cseq" else v) for n, v in request.headers]
    alice.send(request)

    def refused():
        return any(m.is_response and m.status == 400 for way, _, m in alice.trace if way == "in")
    wait_until(refused, 5, "400 for a CSeq that is no number")
    assert time.monotonic() - started < 5
