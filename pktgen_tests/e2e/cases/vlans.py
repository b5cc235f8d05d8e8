# SPDX-License-Identifier: BSD-3-Clause
"""Realms: networks apart from each other, by VLAN tags, addresses and DSCP.

    access    untagged              198.18.0.0/24      alice
    branch    802.1Q 100            198.19.1.0/24      bob
    core      802.1Q 200 in         2001:2:0:1::/64    carrier
              802.1ad 300
"""

import contextlib

from world.lab import wait_until
from world.suite import connect, equal, hang_up, test
from world.wire import Wire

REALMS = """  realms:
    - {name: access, dscp: 46}
    - {name: branch, vlan: 100, addresses: [198.19.1.10/24, 198.19.1.20/24], dscp: 34}
    - name: core
      vlan: 200
      outer_vlan: 300
      addresses: ["2001:2:0:1::10/64", "2001:2:0:1::20/64"]
      dscp: 10
  media:
    - {address: 198.19.1.20, port_first: 16384, port_last: 16639, realm: branch}
    - {address: "2001:2:0:1::20", port_first: 16384, port_last: 16639, realm: core}
"""
LISTENERS = """  listeners:
    - {transport: udp, address: 198.19.1.10, port: 5060, realm: branch}
    - {transport: udp, address: "2001:2:0:1::10", port: 5060, realm: core}
"""
CHANGES = (("  listeners:\n", LISTENERS),
           ('    addresses: [198.18.0.104, "2001:2::104"]\n',
            '    addresses: ["2001:2:0:1::104"]\n    realm: core\n'))
BRANCH = ((0x8100, 100),)
CORE = ((0x88A8, 300), (0x8100, 200))


@contextlib.contextmanager
def three_realms(world):
    with world.configured("  media:\n", REALMS, dataplane=True, more=CHANGES):
        world.vlan("bob", "branch", BRANCH, "198.19.1.102/24")
        world.vlan("carrier", "core", CORE, "2001:2:0:1::104/64")
        try:
            yield
        finally:
            world.close()


@test(restarts=True, timeout=90)
def realms_have_interfaces_of_their_own(world):
    lab = world.lab
    with three_realms(world):
        shown = {r["name"]: r for r in lab.show("realms")}
        equal({name: r["interface"] for name, r in shown.items()},
              {"access": "tandem0", "branch": "tandem0.100", "core": "tandem0.300.200"}, "interfaces")
        for interface, address in (("tandem0.100", "198.19.1.20/24"),
                                   ("tandem0.300.200", "2001:2:0:1::20/64")):
            has = lab.run("tandem", "ip", "-o", "addr", "show", "dev", interface).stdout
            assert address in has, (interface, has)
        # the kernel answers in each, tags and all
        for host, address in (("alice", "198.18.0.10"), ("bob", "198.19.1.10"),
                              ("bob", "198.19.1.20"), ("carrier", "2001:2:0:1::10")):
            lab.run(host, "ping", "-c", "1", "-W", "3", address)


@test(restarts=True, timeout=90)
def a_call_crosses_realms_tags_and_families(world):
    """From IPv4 without a tag to IPv6 within two, and the DSCP of each."""
    lab = world.lab
    with three_realms(world):
        alice = world.registered("alice")
        carrier = world.agent("carrier", address="2001:2:0:1::104", port=5060, trunk=True,
                              server="2001:2:0:1::10")
        core, access = Wire(world, "carrier"), Wire(world, "alice")
        outgoing, incoming = connect(alice, carrier, target="9123")
        equal(outgoing.remote_sdp.address, "198.18.0.20", "media address of the caller")
        equal(incoming.remote_sdp.address, "2001:2:0:1::20", "media address of the trunk")
        equal({r["name"]: r["terminations"] for r in lab.show("realms")},
              {"access": 1, "branch": 0, "core": 1}, "terminations")
        hang_up(outgoing, incoming)
        sent = core.fields("rtp && ipv6.src == 2001:2:0:1::20", "ieee8021ad.id", "vlan.id", "ipv6.tclass.dscp")
        assert len(sent) >= 10, sent
        equal(set(sent), {("300", "200", "10")}, "tags and DSCP in the core")
        sent = access.fields("rtp && ip.src == 198.18.0.20", "vlan.id", "ip.dsfield.dscp")
        assert len(sent) >= 10, sent
        equal(set(sent), {("", "46")}, "tags and DSCP of the access")


@test(restarts=True, timeout=90)
def a_phone_in_a_vlan_calls_one_without(world):
    with three_realms(world):
        bob = world.agent("bob", address="198.19.1.102", server="198.19.1.10")
        equal(bob.register().status, 200, "REGISTER through the VLAN")
        alice = world.registered("alice")
        branch = Wire(world, "bob")
        outgoing, incoming = connect(bob, alice)
        equal(outgoing.remote_sdp.address, "198.19.1.20", "media address in the VLAN")
        hang_up(outgoing, incoming)
        sent = branch.fields("rtp && ip.src == 198.19.1.20", "vlan.id", "ip.dsfield.dscp")
        assert len(sent) >= 10, sent
        equal(set(sent), {("100", "34")}, "tag and DSCP")


@test(restarts=True, timeout=90)
def media_with_the_tag_of_another_realm_is_dropped(world):
    lab = world.lab

    def wrong_realm():
        return sum(d["packets"] for d in lab.show("drops") if d["reason"] == "wrong-realm")
    with three_realms(world):
        bob = world.agent("bob", address="198.19.1.102", server="198.19.1.10")
        equal(bob.register().status, 200, "REGISTER")
        outgoing, incoming = connect(bob, world.registered("alice"))
        equal(wrong_realm(), 0, "before")
        # carrol, without a tag, knows where bob's media is to be sent
        lab.run("carrol", "ip", "route", "replace", "198.19.1.0/24", "via", "198.18.0.10")
        try:
            intruder = world.agent("carrol").rtp(frequency=1500)
            for _ in range(30):
                intruder.send_one(remote=(outgoing.remote_sdp.address, outgoing.remote_sdp.port))
            wait_until(lambda: wrong_realm() == 30, 5, "30 drops for wrong-realm")
        finally:
            lab.run("carrol", "ip", "route", "del", "198.19.1.0/24")
        assert not any(p.ssrc == intruder.ssrc for p in incoming.media.received), "it was heard"
        hang_up(outgoing, incoming)
