/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The headers that a packet leaves with: Ethernet with the tags of its way out, IP, UDP. They are
 * written in front of the payload, over those it came with; no byte of theirs is read.
 *
 * Stores are as wide as they can be and overlap nothing: what reads them next would otherwise wait
 * for them.
 */
#ifndef DATAPLANE_NODES_REWRITE_H
#define DATAPLANE_NODES_REWRITE_H

#include <rte_ether.h>
#include <rte_ip.h>

#include "dataplane/kernel/nexthop.h"
#include "dataplane/nodes/observe.h"
#include "dataplane/nodes/passage.h"

#define REWRITE_TTL_MAX 64u

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "words are put together in memory order");

/* One's complement sums do not mind words of several sizes (RFC 1071 §2). */
static inline uint16_t sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline uint64_t sum_bytes(const uint8_t *p, size_t size)
{
	uint64_t sum = 0;
	uint32_t word;

	for (; size >= sizeof(word); p += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, p, size);
	return sum + word;
}

/* What is sent on has used up one hop, so media that goes in a circle comes to an end. */
static inline uint8_t rewrite_ttl(const struct passage *p)
{
	return (uint8_t)RTE_MIN(p->ttl - 1u, REWRITE_TTL_MAX);
}

struct way_out {
	const struct nexthop *hop;
	const uint8_t *destination;
	uint16_t source_port, destination_port; /* network order */
	uint16_t header_sum;                    /* flow_header_sum() */
};

/* What is before the type is there already. IPv4 may leave the UDP checksum out (RFC 768). */
static inline void write_ipv4_udp(const struct passage *p, const struct way_out *w, uint8_t *ip)
{
	const struct flow *f = p->flow;
	const uint16_t udp_length = (uint16_t)(p->size + sizeof(struct rte_udp_hdr));
	const uint16_t total =
		rte_cpu_to_be_16((uint16_t)(sizeof(struct rte_ipv4_hdr) + udp_length));
	const uint8_t ttl = rewrite_ttl(p);
	uint32_t source, destination;
	/* type, version and length, TOS */
	uint32_t head =
		RTE_BE16(RTE_ETHER_TYPE_IPV4) | RTE_IPV4_VHL_DEF << 16 | (uint32_t)f->dscp << 26;
	/* total length, id (an atomic datagram's may be anything: RFC 6864 §4.1), DF, TTL, UDP */
	uint64_t middle = total | (uint64_t)RTE_BE16(RTE_IPV4_HDR_DF_FLAG) << 32 |
			  (uint64_t)ttl << 48 | (uint64_t)IPPROTO_UDP << 56;
	uint16_t checksum = (uint16_t)~sum_fold((uint32_t)w->header_sum + total + ttl);
	uint64_t addresses, udp;

	memcpy(&source, f->source, sizeof(source));
	memcpy(&destination, w->destination, sizeof(destination));
	addresses = source | (uint64_t)destination << 32;
	udp = w->source_port | (uint64_t)w->destination_port << 16 |
	      (uint64_t)rte_cpu_to_be_16(udp_length) << 32;
	memcpy(ip - 2, &head, sizeof(head));
	memcpy(ip + 2, &middle, sizeof(middle));
	memcpy(ip + 10, &checksum, sizeof(checksum));
	memcpy(ip + 12, &addresses, sizeof(addresses));
	memcpy(ip + 20, &udp, sizeof(udp));
}

/* IPv6 may not leave it out (RFC 8200 §8.1): the port makes it from the pseudo-header's sum, or it
 * is made here, in full: the one that came may be partial. */
static inline void write_ipv6_udp(const struct passage *p, const struct way_out *w, uint8_t *ip)
{
	const struct flow *f = p->flow;
	const uint16_t length = rte_cpu_to_be_16((uint16_t)(p->size + sizeof(struct rte_udp_hdr)));
	const rte_be16_t type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint64_t sum = (uint64_t)w->header_sum + length;
	struct rte_ipv6_hdr *header = (struct rte_ipv6_hdr *)ip;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(header + 1);

	memcpy(ip - 2, &type, sizeof(type));
	header->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)f->dscp << 22);
	header->payload_len = length;
	header->proto = IPPROTO_UDP;
	header->hop_limits = rewrite_ttl(p);
	memcpy(header->src_addr, f->source, 16);
	memcpy(header->dst_addr, w->destination, 16);
	udp->src_port = w->source_port;
	udp->dst_port = w->destination_port;
	udp->dgram_len = length;
	if (w->hop->checksums) {
		udp->dgram_cksum = sum_fold(sum);
		p->m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6;
		p->m->l2_len = sizeof(struct rte_ether_hdr) + w->hop->tags_size;
		p->m->l3_len = sizeof(*header);
		return;
	}
	sum += (uint64_t)length + w->source_port + w->destination_port;
	udp->dgram_cksum = (uint16_t)~sum_fold(sum + sum_bytes(p->payload, p->size));
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = 0xffff;
}

/* False: there is no room for them in front of the payload. */
static inline bool rewrite(const struct passage *p, const struct way_out *w)
{
	const struct nexthop *hop = w->hop;
	const bool v6 = p->flow->flags & FLOW_IPV6;
	const unsigned ip_size = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	const unsigned headers = (unsigned)sizeof(struct rte_ether_hdr) + hop->tags_size + ip_size +
				 (unsigned)sizeof(struct rte_udp_hdr);
	struct rte_mbuf *m = p->m;
	unsigned before = (unsigned)(p->payload - (const uint8_t *)m->buf_addr);
	uint8_t *start = (uint8_t *)m->buf_addr + before - headers;

	if (unlikely(before < headers))
		return false;
	m->data_off = (uint16_t)(before - headers);
	m->data_len = (uint16_t)(headers + p->size);
	m->pkt_len = m->data_len;
	/* who owns the buffer is no affair of the packet's */
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | observe_mark_flag;
	m->port = hop->port;
	nexthop_write_ether(hop, start);
	if (unlikely(hop->tags_size))
		memcpy(start + 2 * RTE_ETHER_ADDR_LEN, hop->tags, hop->tags_size);
	if (v6)
		write_ipv6_udp(p, w, start + headers - sizeof(struct rte_udp_hdr) - ip_size);
	else
		write_ipv4_udp(p, w, start + headers - sizeof(struct rte_udp_hdr) - ip_size);
	return true;
}

#endif
