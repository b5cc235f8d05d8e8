# SPDX-License-Identifier: BSD-3-Clause
"""Two realms with a listener and a media address each: phones in one, the carrier in the other."""

import contextlib

from world.lab import MEDIA_ADDRESS, SIP_ADDRESS
from world.suite import connect, equal, hang_up, test, wait_talking

CORE_SIP = "198.18.0.11"
CORE_MEDIA = "198.18.0.21"

# On one network here: which address a leg gets is the control plane's business.
CHANGES = (
    ('addresses: [198.18.0.10/24, 198.18.0.20/24, "2001:2::10/64", "2001:2::20/64"]\n  media:\n',
     f'addresses: [198.18.0.10/24, 198.18.0.20/24, {CORE_SIP}/24, {CORE_MEDIA}/24, '
     '"2001:2::10/64", "2001:2::20/64"]\n'
     '  realms: [{name: access}, {name: core}]\n  media:\n'
     f'    - {{address: {CORE_MEDIA}, realm: core, port_first: 16384, port_last: 17407}}\n'),
    ('    - {transport: udp, address: 127.0.0.1, port: 5060}\n',
     '    - {transport: udp, address: 127.0.0.1, port: 5060}\n'
     f'    - {{transport: udp, address: {CORE_SIP}, port: 5060, realm: core}}\n'),
    ('    prefix: "9"\n', '    prefix: "9"\n    realm: core\n'),
)


@contextlib.contextmanager
def two_realms(world):
    with contextlib.ExitStack() as stack:
        for old, new in CHANGES:
            stack.enter_context(world.configured(old, new, dataplane=True))
        yield


def media_sources(call):
    return {p.source[0] for p in call.media.received}


def check_legs(world, phone, carrier):
    """Each side was given the media address of its realm, and hears from there."""
    equal(phone.remote_sdp.address, MEDIA_ADDRESS, "media address for the phone")
    equal(carrier.remote_sdp.address, CORE_MEDIA, "media address for the carrier")
    wait_talking(phone, carrier, packets=20)
    equal((media_sources(phone), media_sources(carrier)), ({MEDIA_ADDRESS}, {CORE_MEDIA}),
          "sources of RTP")
    rows = {r["name"]: r for r in world.lab.show("realms")}
    equal([rows[name]["terminations"] for name in ("access", "core")], [1, 1], "in each realm")


@test(restarts=True, timeout=120)
def each_leg_has_the_media_of_its_realm(world):
    with two_realms(world):
        alice, trunk = world.registered("alice"), world.trunk()
        trunk.server = (CORE_SIP, 5060)
        outgoing, incoming = connect(alice, trunk, target="9001")
        assert f"@{CORE_SIP}" in incoming.invite.get("contact"), "called from the core listener"
        check_legs(world, outgoing, incoming)
        hang_up(outgoing, incoming)
        world.lab.wait_idle()

        outgoing, incoming = connect(trunk, alice, target="alice")
        check_legs(world, incoming, outgoing)
        hang_up(outgoing, incoming)
        world.lab.wait_idle()

        # The carrier's address is the carrier's in the core network only.
        trunk.server = (SIP_ADDRESS, 5060)
        stranger = trunk.invite("alice")
        assert stranger.wait_failure().status in (401, 403, 407)
        world.close()
