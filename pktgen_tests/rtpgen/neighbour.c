/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/neighbour.h"

#include <string.h>

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#define ETHER_SIZE ((size_t)RTE_ETHER_HDR_LEN)
#define ARP_SIZE   (ETHER_SIZE + sizeof(struct rte_arp_hdr))

/* Neighbour solicitation and advertisement with their one option (RFC 4861 §4.3, §4.4, §4.6.1). */
struct discovery {
	uint8_t type, code;
	uint16_t checksum;
	uint8_t flags;
	uint8_t reserved[3];
	uint8_t target[16];
	uint8_t option_type, option_length;
	uint8_t option_mac[6];
};
_Static_assert(sizeof(struct discovery) == 32, "as on the wire");

enum {
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_SOLICITATION = 135,
	ICMPV6_ADVERTISEMENT = 136,
	OPTION_SOURCE = 1,
	OPTION_TARGET = 2,
	ADVERTISED_SOLICITED_OVERRIDE = 0x60,
};

static bool is_ours(const struct neighbour *n, uint8_t family, const uint8_t *ip)
{
	const struct streams *s = n->streams;

	for (unsigned i = 0; i < n->ranges; i++) {
		if (address_range_has(&n->range[i], family, ip))
			return true;
	}
	for (unsigned i = 0; i < s->phones; i++) {
		if (s->phone[i].family == family &&
		    memcmp(s->phone[i].ip, ip, address_size(family)) == 0)
			return true;
	}
	return false;
}

static void learn(const struct neighbour *n, uint8_t family, const uint8_t *ip, const uint8_t *mac)
{
	struct streams *s = n->streams;

	for (unsigned i = 0; i < s->hops; i++) {
		struct stream_hop *hop = &s->hop[i];

		if (!hop->known && hop->address.family == family &&
		    memcmp(hop->address.ip, ip, address_size(family)) == 0)
			streams_set_mac(hop, mac);
	}
}

static void write_ether(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], uint16_t type)
{
	const uint8_t wire[2] = { (uint8_t)(type >> 8), (uint8_t)type };

	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	memcpy(frame + 12, wire, 2);
}

static void write_arp(uint8_t *frame, uint16_t operation, const uint8_t mac[6], const uint8_t *ip,
		      const uint8_t *target_mac, const uint8_t *target_ip)
{
	struct rte_arp_hdr arp = {
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = 6,
		.arp_plen = 4,
		.arp_opcode = rte_cpu_to_be_16(operation),
	};

	memcpy(&arp.arp_data.arp_sha, mac, 6);
	memcpy(&arp.arp_data.arp_sip, ip, 4);
	if (target_mac)
		memcpy(&arp.arp_data.arp_tha, target_mac, 6);
	memcpy(&arp.arp_data.arp_tip, target_ip, 4);
	memcpy(frame + ETHER_SIZE, &arp, sizeof(arp));
}

static size_t answer_arp(const struct neighbour *n, const uint8_t *frame, size_t size,
			 uint8_t *reply)
{
	struct rte_arp_hdr arp;
	const uint8_t *sip = (const uint8_t *)&arp.arp_data.arp_sip;
	const uint8_t *tip = (const uint8_t *)&arp.arp_data.arp_tip;
	const uint8_t *sha = arp.arp_data.arp_sha.addr_bytes;

	if (size < ARP_SIZE)
		return 0;
	memcpy(&arp, frame + ETHER_SIZE, sizeof(arp));
	if (arp.arp_hlen != 6 || arp.arp_plen != 4)
		return 0;
	learn(n, DP_FAMILY_IPV4, sip, sha);
	if (arp.arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) || !is_ours(n, DP_FAMILY_IPV4, tip) ||
	    is_ours(n, DP_FAMILY_IPV4, sip))
		return 0;
	write_ether(reply, sha, n->mac, RTE_ETHER_TYPE_ARP);
	write_arp(reply, RTE_ARP_OP_REPLY, n->mac, tip, sha, sip);
	return ARP_SIZE;
}

static void write_ipv6(uint8_t *p, const uint8_t *from, const uint8_t *to, uint16_t payload)
{
	struct rte_ipv6_hdr ip = {
		.vtc_flow = RTE_BE32(6u << 28),
		.payload_len = rte_cpu_to_be_16(payload),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = 255, /* RFC 4861 §7.1: nothing else is taken */
	};

	memcpy(ip.src_addr, from, 16);
	memcpy(ip.dst_addr, to, 16);
	memcpy(p, &ip, sizeof(ip));
}

/* RFC 4443 §2.3. The checksum field lies 2 behind the ICMPv6 header's beginning. */
static void finish_icmpv6(uint8_t *ip, uint8_t *icmp)
{
	uint16_t sum;

	memset(icmp + 2, 0, 2);
	sum = rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)ip, icmp);
	memcpy(icmp + 2, &sum, 2);
}

static size_t write_discovery(uint8_t *frame, uint8_t type, const uint8_t *from, const uint8_t *to,
			      const uint8_t *target, const uint8_t mac[6])
{
	struct discovery d = { .type = type, .option_length = 1 };
	uint8_t *ip = frame + ETHER_SIZE, *icmp = ip + sizeof(struct rte_ipv6_hdr);

	d.flags = type == ICMPV6_ADVERTISEMENT ? ADVERTISED_SOLICITED_OVERRIDE : 0;
	d.option_type = type == ICMPV6_ADVERTISEMENT ? OPTION_TARGET : OPTION_SOURCE;
	memcpy(d.target, target, 16);
	memcpy(d.option_mac, mac, 6);
	write_ipv6(ip, from, to, sizeof(d));
	memcpy(icmp, &d, sizeof(d));
	finish_icmpv6(ip, icmp);
	return ETHER_SIZE + sizeof(struct rte_ipv6_hdr) + sizeof(d);
}

static size_t answer_discovery(const struct neighbour *n, const uint8_t *frame, size_t size,
			       const uint8_t *from, uint8_t *reply)
{
	const uint8_t *icmp = frame + ETHER_SIZE + sizeof(struct rte_ipv6_hdr);
	struct discovery d;

	/* Without the option the frame's own source is as good. */
	if (size <
	    ETHER_SIZE + sizeof(struct rte_ipv6_hdr) + offsetof(struct discovery, option_type))
		return 0;
	memcpy(&d, icmp, offsetof(struct discovery, option_type));
	if (d.type == ICMPV6_ADVERTISEMENT) {
		learn(n, DP_FAMILY_IPV6, d.target, frame + 6);
		return 0;
	}
	learn(n, DP_FAMILY_IPV6, from, frame + 6);
	if (!is_ours(n, DP_FAMILY_IPV6, d.target))
		return 0;
	write_ether(reply, frame + 6, n->mac, RTE_ETHER_TYPE_IPV6);
	return write_discovery(reply, ICMPV6_ADVERTISEMENT, d.target, from, d.target, n->mac);
}

static size_t answer_ipv6(const struct neighbour *n, const uint8_t *frame, size_t size,
			  uint8_t *reply)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(frame + ETHER_SIZE);
	const size_t headers = ETHER_SIZE + sizeof(*ip);
	size_t whole;

	if (size < headers + 8 || ip->proto != IPPROTO_ICMPV6)
		return 0;
	whole = headers + rte_be_to_cpu_16(ip->payload_len);
	if (whole > size || whole < headers + 8 || whole > NEIGHBOUR_FRAME_MAX)
		return 0;
	if (frame[headers] == ICMPV6_SOLICITATION || frame[headers] == ICMPV6_ADVERTISEMENT)
		return answer_discovery(n, frame, whole, ip->src_addr, reply);
	if (frame[headers] != ICMPV6_ECHO_REQUEST || !is_ours(n, DP_FAMILY_IPV6, ip->dst_addr))
		return 0;
	memcpy(reply, frame, whole);
	write_ether(reply, frame + 6, n->mac, RTE_ETHER_TYPE_IPV6);
	write_ipv6(reply + ETHER_SIZE, ip->dst_addr, ip->src_addr,
		   rte_be_to_cpu_16(ip->payload_len));
	reply[headers] = ICMPV6_ECHO_REPLY;
	finish_icmpv6(reply + ETHER_SIZE, reply + headers);
	return whole;
}

static size_t answer_ping(const struct neighbour *n, const uint8_t *frame, size_t size,
			  uint8_t *reply)
{
	const size_t headers = ETHER_SIZE + sizeof(struct rte_ipv4_hdr);
	struct rte_ipv4_hdr ip;
	struct rte_icmp_hdr icmp;
	uint32_t from;
	size_t whole;

	if (size < headers + sizeof(icmp))
		return 0;
	memcpy(&ip, frame + ETHER_SIZE, sizeof(ip));
	whole = ETHER_SIZE + rte_be_to_cpu_16(ip.total_length);
	if (ip.version_ihl != RTE_IPV4_VHL_DEF || ip.next_proto_id != IPPROTO_ICMP ||
	    whole > size || whole < headers + sizeof(icmp) || whole > NEIGHBOUR_FRAME_MAX ||
	    !is_ours(n, DP_FAMILY_IPV4, (const uint8_t *)&ip.dst_addr))
		return 0;
	memcpy(reply, frame, whole);
	memcpy(&icmp, reply + headers, sizeof(icmp));
	if (icmp.icmp_type != RTE_IP_ICMP_ECHO_REQUEST)
		return 0;
	write_ether(reply, frame + 6, n->mac, RTE_ETHER_TYPE_IPV4);
	from = ip.src_addr;
	ip.src_addr = ip.dst_addr;
	ip.dst_addr = from;
	ip.time_to_live = 64;
	ip.hdr_checksum = 0;
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(reply + ETHER_SIZE, &ip, sizeof(ip));
	icmp.icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	icmp.icmp_cksum = 0;
	memcpy(reply + headers, &icmp, sizeof(icmp));
	icmp.icmp_cksum = (uint16_t)~rte_raw_cksum(reply + headers, whole - headers);
	memcpy(reply + headers, &icmp, sizeof(icmp));
	return whole;
}

size_t neighbour_answer(const struct neighbour *n, const uint8_t *frame, size_t size,
			uint8_t reply[NEIGHBOUR_FRAME_MAX])
{
	if (size < ETHER_SIZE)
		return 0;
	switch (frame[12] << 8 | frame[13]) {
	case RTE_ETHER_TYPE_ARP:
		return answer_arp(n, frame, size, reply);
	case RTE_ETHER_TYPE_IPV4:
		return answer_ping(n, frame, size, reply);
	case RTE_ETHER_TYPE_IPV6:
		return answer_ipv6(n, frame, size, reply);
	default:
		return 0;
	}
}

size_t neighbour_ask(const uint8_t mac[6], const struct dp_address *phone,
		     const struct dp_address *target, uint8_t frame[NEIGHBOUR_FRAME_MAX])
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	/* solicited-node multicast, RFC 4291 §2.7.1, and its MAC, RFC 2464 §7 */
	uint8_t group[16] = { 0xff, 0x02, [11] = 1, [12] = 0xff };
	uint8_t group_mac[6] = { 0x33, 0x33, 0xff };

	if (target->family == DP_FAMILY_IPV4) {
		write_ether(frame, everybody, mac, RTE_ETHER_TYPE_ARP);
		write_arp(frame, RTE_ARP_OP_REQUEST, mac, phone->ip, NULL, target->ip);
		return ARP_SIZE;
	}
	memcpy(group + 13, target->ip + 13, 3);
	memcpy(group_mac + 3, target->ip + 13, 3);
	write_ether(frame, group_mac, mac, RTE_ETHER_TYPE_IPV6);
	return write_discovery(frame, ICMPV6_SOLICITATION, phone->ip, group, target->ip, mac);
}
