# SPDX-License-Identifier: BSD-3-Clause
"""What SIP has to show from outside, by id. A test names the ids that it shows; docs/features.md
is made from both by `pktgen_tests/e2e/run --ids`, and make lint compares."""

# id: (what is to be seen, other commands than the end-to-end tests)
FEATURES = {
    "SD6": ("replies that never come: 408, and nothing is left", ()),
    "SD9": ("many INVITEs at a time become calls of two sessions each", ()),
    "SD10": ("100, 180, 183 on the wire, and 183 with a description", ()),
    "SD11": ("re-INVITE: other media, hold, another codec", ()),
    "SD12": ("UPDATE with and without a description, session timers, 491 for glare", ()),
    "SD13": ("phones and proxies that others wrote, over real networks", ()),
    "SD14": ("connections are cut, targets die: calls live on, requests go elsewhere", ()),
    "SP1": ("states of offer and answer in `show sessions`", ()),
    "SP2": ("audio is offered and answered without being told", ()),
    "SP3": ("the codec changes in a call, and the call lives on", ()),
    "SP4": ("the dataplane has the addresses and ports of the descriptions", ()),
    "SP5": ("RTP flows as the direction says", ()),
    "SP6": ("any codec in common is taken; none in common: 488", ()),
    "SP7": ("either family on either side. SRTP is refused with 488 until the dataplane does it", ()),
    "AU1": ("digest with each algorithm, 401 and 407; we answer challenges, too", ()),
    "AU2": ("users are added and their passwords changed", ()),
    "AU3": ("a nonce is good for a time, and each count once", ()),
    "AU4": ("who has proven who it is, by registration and by call", ()),
    "AU5": ("without a password only where that is allowed, and never unseen", ()),
    "AU6": ("whom a route refuses", ()),
    "RG3": ("all phones of a user ring", ()),
    "RG4": ("contacts of a user in `show registrations`", ()),
    "RG5": ("contacts are shown, and ring, in the order of their q", ()),
    "RG6": ("an old CSeq changes nothing", ()),
    "NA4": ("what an ALG has mangled works, and is told", ()),
    "NA5": ("a phone behind a NAT is called where it registered from", ()),
    "NA6": ("received and rport: an answer goes where the request came from", ()),
    "SE1": ("calls over TLS; who has the wrong certificate is refused", ()),
    "SE3": ("malformed messages change nothing",
            ("build/release/tests/sip-message (RFC 4475, RFC 5118)",)),
    "SE4": ("calls are made in a flood", ()),
    "SE5": ("guessing of passwords raises an alarm", ()),
    "SE6": ("fuzzers, and a report", ("make fuzz", "make test (build/report.md)")),
    "CS9": ("a peer without UPDATE gets a re-INVITE", ()),
    "FF4": ("phones ring side by side; who does not answer gets CANCEL", ()),
    "TR1": ("REFER is taken and answered", ()),
    "TR2": ("transfers: blind, attended with Replaces, consultative", ()),
    "TR3": ("NOTIFY tells how a REFER goes", ()),
    "TR4": ("Refer-To in all its forms, Referred-By, Contact in the 202", ()),
    "PM1": ("SUBSCRIBE, NOTIFY, refresh, end", ()),
    "MO5": ("SIP messages are counted", ()),
    "MO8": ("SIP messages of a call are traced, of both its legs", ()),
    "RS7": ("a connection carries all that goes there; threads are clean",
            ("make tsan", "make bench-sip BENCH='-k sip-messages' (no allocation)")),
    "TS4": ("compliance, interoperability and security in one report",
            ("make test (build/report.md)",)),
}

HEAD = """\
<!-- SPDX-License-Identifier: BSD-3-Clause -->
<!-- Made by `pktgen_tests/e2e/run --ids` from world/features.py and the tests: change it there. -->
# What SIP shows, by feature

Each row is shown from outside, against the running product, by the command in it; the tests behind
it stand beside. `make test` runs them all, and leaves a report in `build/report.md`: compliance,
interoperability by peer, security, and these rows.

| id | what is to be seen | command | tests |
| --- | --- | --- | --- |
"""


def name_of(test):
    return f"{test.__module__.split('.')[-1]}.{test.__name__}"


def table(tests):
    """The document."""
    rows = []
    for number, (what, others) in FEATURES.items():
        names = [name_of(t) for t in tests if number in t.ids]
        commands = [f"pktgen_tests/e2e/run --id {number}"] if names else []
        rows.append(f"| {number} | {what} | "
                    + "<br>".join(f"`{c}`" for c in [*commands, *others])
                    + f" | {'<br>'.join(names)} |\n")
    return HEAD + "".join(rows)


def unknown(tests):
    """Ids that tests name and nobody knows."""
    return sorted({number for t in tests for number in t.ids} - set(FEATURES))


def unshown(tests):
    """Ids that nothing shows."""
    named = {number for t in tests for number in t.ids}
    return [number for number, (_, others) in FEATURES.items()
            if number not in named and not others]
