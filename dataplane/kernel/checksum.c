/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/checksum.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* What is behind the IP header, without Ethernet padding. */
struct transport {
	uint8_t *p;
	size_t size;
	uint8_t protocol;
	uint16_t pseudo; /* folded sum of the pseudo-header, not inverted, in the packet's order */
};

static int find_ipv4(uint8_t *p, size_t size, struct transport *t)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)p;
	size_t header, total;

	if (size < sizeof(*ip))
		return -1;
	header = (size_t)(p[0] & 15) * 4;
	total = read16(p + 2);
	if (p[0] >> 4 != 4 || header < sizeof(*ip) || total < header || total > size)
		return -1;
	if (read16(p + 6) & 0x3fff) /* MF or an offset: a fragment */
		return -1;
	*t = (struct transport){
		.p = p + header,
		.size = total - header,
		.protocol = ip->next_proto_id,
		.pseudo = rte_ipv4_phdr_cksum(ip, 0),
	};
	return 0;
}

static int find_ipv6(uint8_t *p, size_t size, struct transport *t)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)p;
	size_t payload;

	if (size < sizeof(*ip))
		return -1;
	payload = read16(p + 4);
	if (p[0] >> 4 != 6 || payload > size - sizeof(*ip))
		return -1;
	/* Of others nothing is known here, and DPDK sums those from 128 on with undefined shifts. */
	if (ip->proto != IPPROTO_UDP && ip->proto != IPPROTO_TCP)
		return -1;
	*t = (struct transport){
		.p = p + sizeof(*ip),
		.size = payload,
		.protocol = ip->proto,
		.pseudo = rte_ipv6_phdr_cksum(ip, 0),
	};
	return 0;
}

static int find_transport(uint8_t *frame, size_t size, struct transport *t)
{
	size_t offset = RTE_ETHER_HDR_LEN;
	uint16_t type;

	if (size < offset)
		return -1;
	type = read16(frame + 12);
	for (int tags = 0; tags < 2 && size >= offset + 4; tags++) {
		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
			break;
		type = read16(frame + offset + 2);
		offset += 4;
	}
	if (type == RTE_ETHER_TYPE_IPV4)
		return find_ipv4(frame + offset, size - offset, t);
	if (type == RTE_ETHER_TYPE_IPV6)
		return find_ipv6(frame + offset, size - offset, t);
	return -1;
}

/* Ones' complement addition of two folded sums. */
static uint16_t add(uint16_t a, uint16_t b)
{
	uint32_t sum = (uint32_t)a + b;

	return (uint16_t)(sum + (sum >> 16));
}

enum checksum_verdict checksum_complete(uint8_t *frame, size_t size)
{
	struct transport t;
	size_t field;
	uint16_t found, sum;

	if (find_transport(frame, size, &t) != 0)
		return CHECKSUM_NONE;
	if (t.protocol == IPPROTO_UDP && t.size >= 8)
		field = 6;
	else if (t.protocol == IPPROTO_TCP && t.size >= 20)
		field = 16;
	else
		return CHECKSUM_NONE;
	if (t.protocol == IPPROTO_UDP && read16(t.p + 4) != t.size)
		return CHECKSUM_NONE;

	/* rte_*_phdr_cksum() gives the plain sum, which is what Linux leaves in a partial one. */
	memcpy(&found, t.p + field, sizeof(found));
	if (found == 0 && t.protocol == IPPROTO_UDP)
		return CHECKSUM_NONE;
	sum = add(rte_raw_cksum(t.p, t.size), t.pseudo);
	if (sum == 0xffff)
		return CHECKSUM_GOOD;
	if (found != t.pseudo)
		return CHECKSUM_BAD;

	/* The field holds the pseudo-header's sum already: the sum over all is what is needed. */
	sum = (uint16_t)~rte_raw_cksum(t.p, t.size);
	if (sum == 0 && t.protocol == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(t.p + field, &sum, sizeof(sum));
	return CHECKSUM_COMPLETED;
}
