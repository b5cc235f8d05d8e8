# SPDX-License-Identifier: BSD-3-Clause
"""Datagrams larger than the MTU, in and out, for the kernel and for media.

Sockets of af_packet hand over IPv4 datagrams that the kernel has put together already, so there
only IPv6 arrives in fragments. The pcap driver hands over everything as it comes."""

from world.lab import (ADDRESSES, ADDRESSES6, MEDIA_ADDRESS, MEDIA_ADDRESS6, SIP_ADDRESS,
                       SIP_ADDRESS6, wait_until)
from world.suite import connect, equal, hang_up, test
from world.wire import Wire

LARGE = 3000


def drops(lab, reason):
    return sum(d["packets"] for d in lab.show("drops") if d["reason"] == reason)


def large_packet(media):
    """The next RTP packet of a tone, with a payload of LARGE bytes."""
    head = media.packet()[:12]
    return head + bytes(n * 7 % 251 for n in range(LARGE - 12))


def send_large(outgoing, incoming):
    """One large packet must arrive whole; returns how the pieces looked on the callee's wire."""
    wire = Wire(outgoing.agent, incoming.agent.host)
    packet = large_packet(outgoing.media)
    outgoing.media.send_one(packet)
    wait_until(lambda: any(p.raw == packet for p in incoming.media.received), 5,
               "the large packet is heard whole")
    return wire


def agents(world, address_of):
    alice = world.agent("alice", address=address_of("alice"))
    bob = world.agent("bob", address=address_of("bob"))
    for agent in (alice, bob):
        equal(agent.register().status, 200, "REGISTER")
    return alice, bob


def relay_large_ipv4(world):
    outgoing, incoming = world.call()
    wire = send_large(outgoing, incoming)
    pieces = wire.fields(f"ip.src == {MEDIA_ADDRESS} && (ip.flags.mf == 1 || ip.frag_offset > 0)",
                         "ip.len", "ip.flags.df", "ip.flags.mf")
    equal(len(pieces), 3, "pieces")
    equal(sum(int(p[0]) - 20 for p in pieces), LARGE + 8, "bytes")
    assert all(int(p[0]) <= 1500 and p[1] == "0" for p in pieces), pieces
    hang_up(outgoing, incoming)


def relay_large_ipv6(world):
    alice, bob = agents(world, ADDRESSES6.get)
    outgoing, incoming = connect(alice, bob)
    wire = send_large(outgoing, incoming)
    pieces = wire.fields(f"ipv6.src == {MEDIA_ADDRESS6} && ipv6.fraghdr.nxt", "ipv6.plen")
    equal(len(pieces), 3, "pieces")
    equal(sum(int(p[0]) - 8 for p in pieces), LARGE + 8, "bytes")
    hang_up(outgoing, incoming)


@test()
def large_rtp_is_relayed_whole_and_cut_to_the_mtu(world):
    before = drops(world.lab, "fragment"), drops(world.lab, "too-big")
    relay_large_ipv4(world)
    world.close()
    relay_large_ipv6(world)
    equal((drops(world.lab, "fragment"), drops(world.lab, "too-big")), before, "drops")


@test()
def the_kernel_is_reached_by_fragments(world):
    for address in (SIP_ADDRESS, SIP_ADDRESS6, MEDIA_ADDRESS, MEDIA_ADDRESS6):
        world.lab.run("alice", "ping", "-c", "2", "-i", "0.2", "-W", "3", "-s", str(LARGE), address)
    padding = [("subject", "x" * LARGE)]
    for address in ("198.18.0.101", ADDRESSES6["alice"]):
        agent = world.agent("alice", address=address)
        ask = agent.request("OPTIONS", f"sip:{agent.server[0]}" if ":" not in address
                            else f"sip:[{agent.server[0]}]", headers=padding)
        assert len(ask.bytes()) > LARGE
        equal(agent.transact(ask).status, 200, f"OPTIONS of {LARGE} bytes from {address}")


@test()
def an_mtu_that_is_lowered_is_respected_at_once(world):
    lab = world.lab
    outgoing, incoming = world.call()
    lab.run("tandem", "ip", "link", "set", "tandem0", "mtu", "1280")
    try:
        def cut():
            wire = send_large(outgoing, incoming)
            lengths = wire.fields(f"ip.src == {MEDIA_ADDRESS} && ip.flags.mf == 1", "ip.len")
            return lengths and all(int(length[0]) <= 1280 for length in lengths)
        wait_until(cut, 10, "pieces of 1280 bytes")
    finally:
        lab.run("tandem", "ip", "link", "set", "tandem0", "mtu", "1500")
    hang_up(outgoing, incoming)


@test()
def fragments_that_never_become_whole_are_counted(world):
    """The first piece of a datagram of IPv6, and nothing behind it."""
    lab = world.lab
    before = drops(lab, "fragment")
    mac = lab.show("ports")[0]["mac"]
    script = ("import socket, struct\n"
              "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0x86dd))\n"
              f"mac = bytes.fromhex('{mac.replace(':', '')}')\n"
              "ip = lambda a: socket.inet_pton(socket.AF_INET6, a)\n"
              "for n in range(10):\n"
              "    s.send(mac + b'\\x02\\0\\0\\0\\0\\1\\x86\\xdd' + struct.pack('!IHBB', 6 << 28, 88, 44, 9)\n"
              f"           + ip('{ADDRESSES6['alice']}') + ip('{MEDIA_ADDRESS6}')\n"
              "           + struct.pack('!BBHI', 17, 0, 1, n) + bytes(80))\n")
    lab.run("alice", "python3", "-c", script)
    wait_until(lambda: drops(lab, "fragment") == before + 10, 6, "10 drops for fragment")


def forget_neighbours(lab):
    """That driver's port has a MAC address of its own."""
    for host in ADDRESSES:
        lab.run(host, "ip", "neigh", "flush", "all")


@test(restarts=True, timeout=90)
def a_port_that_gives_fragments_as_they_come(world):
    device = 'device: "net_pcap0,rx_iface_in=eth0,tx_iface=eth0"'
    try:
        with world.configured("device: eth0", device, dataplane=True):
            forget_neighbours(world.lab)
            relay_large_ipv4(world)
            world.close()
            relay_large_ipv6(world)
            equal(drops(world.lab, "fragment"), 0, "drops")
            equal(sum(n["packets"] for n in world.lab.show("nodes") if n["node"] == "reassemble"), 6,
                  "fragments put together here")
            world.close()
    finally:
        forget_neighbours(world.lab)
