/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/packet.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define MAGIC UINT32_C(0x52545047) /* "RTPG" */
#define TTL   64u
#define DSCP  46u /* EF, RFC 4594 */

/* Offsets behind the RTP header. */
enum { AT_STREAM = 4, AT_SEQUENCE = 8, AT_TSC = 16 };

static uint16_t first_sequence(uint32_t ssrc)
{
	return (uint16_t)(ssrc ^ ssrc >> 16);
}

static uint32_t first_timestamp(uint32_t ssrc)
{
	return ssrc * UINT32_C(2654435761);
}

void packet_format_init(struct packet_format *format, unsigned payload, unsigned payload_type)
{
	format->payload = (uint16_t)payload;
	format->payload_type = (uint8_t)payload_type;
	format->samples = PACKET_SAMPLES;
	for (unsigned i = 0; i < PACKET_PAYLOAD_MAX; i++)
		format->pattern[i] = (uint8_t)(i * 167 + (i >> 8) + 13);
}

void packet_fill(const struct packet_format *format, uint8_t *payload)
{
	memcpy(payload, format->pattern, format->payload);
}

static size_t write_ipv4(uint8_t *p, uint16_t udp_size)
{
	const struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = DSCP << 2,
		.total_length = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + udp_size)),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = TTL,
		.next_proto_id = IPPROTO_UDP,
	};

	memcpy(p, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t write_ipv6(uint8_t *p, uint16_t udp_size)
{
	const struct rte_ipv6_hdr ip = {
		.vtc_flow = rte_cpu_to_be_32(6u << 28 | DSCP << 22),
		.payload_len = rte_cpu_to_be_16(udp_size),
		.proto = IPPROTO_UDP,
		.hop_limits = TTL,
	};

	memcpy(p, &ip, sizeof(ip));
	return sizeof(ip);
}

void packet_template_init(struct packet_template *t, const struct packet_format *format,
			  uint8_t family, const uint8_t source[6], const uint8_t destination[6])
{
	const uint16_t udp_size = (uint16_t)(8 + PACKET_RTP_SIZE + format->payload);
	const uint32_t magic = rte_cpu_to_be_32(MAGIC);
	bool v6 = family == DP_FAMILY_IPV6;
	struct rte_udp_hdr udp = { .dgram_len = rte_cpu_to_be_16(udp_size) };
	rte_be16_t type = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	uint8_t *p = t->header;

	memset(t, 0, sizeof(*t));
	t->family = family;
	memcpy(p, destination, 6);
	memcpy(p + 6, source, 6);
	memcpy(p + 12, &type, sizeof(type));
	p += sizeof(struct rte_ether_hdr);
	p += v6 ? write_ipv6(p, udp_size) : write_ipv4(p, udp_size);
	memcpy(p, &udp, sizeof(udp));
	p += sizeof(udp);
	t->header_size = (uint8_t)(p - t->header);
	p[0] = 0x80;
	p[1] = format->payload_type;
	memcpy(p + PACKET_RTP_SIZE, &magic, sizeof(magic));
}

uint16_t packet_checksum(const struct packet_template *t, uint32_t source, uint32_t destination)
{
	struct rte_ipv4_hdr ip;

	memcpy(&ip, t->header + sizeof(struct rte_ether_hdr), sizeof(ip));
	ip.src_addr = source;
	ip.dst_addr = destination;
	return rte_ipv4_cksum(&ip);
}

static inline void put16(uint8_t *p, uint16_t wire)
{
	memcpy(p, &wire, sizeof(wire));
}

static inline void put32(uint8_t *p, uint32_t wire)
{
	memcpy(p, &wire, sizeof(wire));
}

static inline void put64(uint8_t *p, uint64_t wire)
{
	memcpy(p, &wire, sizeof(wire));
}

static inline void put_rtp(uint8_t *rtp, const struct packet_format *format, uint32_t ssrc,
			   uint32_t stream, uint64_t sequence, uint64_t tsc)
{
	uint8_t *mark = rtp + PACKET_RTP_SIZE;

	rtp[1] = (uint8_t)(format->payload_type | (sequence == 0) << 7);
	put16(rtp + 2, rte_cpu_to_be_16((uint16_t)(first_sequence(ssrc) + sequence)));
	put32(rtp + 4, rte_cpu_to_be_32(first_timestamp(ssrc) + format->time +
					format->samples * (uint32_t)sequence));
	put32(rtp + 8, rte_cpu_to_be_32(ssrc));
	put32(mark + AT_STREAM, rte_cpu_to_be_32(stream));
	put64(mark + AT_SEQUENCE, rte_cpu_to_be_64(sequence));
	put64(mark + AT_TSC, rte_cpu_to_be_64(tsc));
}

/* IPv6 needs a UDP checksum (RFC 8200 §8.1); IPv4 may leave it out, as relays do. */
static void finish_ipv6(uint8_t *ip, const struct packet_addresses *a)
{
	struct rte_ipv6_hdr *header = (struct rte_ipv6_hdr *)ip;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(header + 1);

	memcpy(header->src_addr, a->source, 16);
	memcpy(header->dst_addr, a->destination, 16);
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(header, udp);
}

uint16_t packet_build(uint8_t *frame, const struct packet_template *t,
		      const struct packet_format *format, const struct packet_sender *s,
		      const struct packet_addresses *addresses, uint32_t stream, uint64_t sequence,
		      uint64_t tsc)
{
	uint8_t *ip = frame + sizeof(struct rte_ether_hdr), *udp;

	if (t->family == DP_FAMILY_IPV4) {
		memcpy(frame, t->header, 64);
		udp = ip + sizeof(struct rte_ipv4_hdr);
		put16(ip + 10, s->checksum);
		put32(ip + 12, s->source);
		put32(ip + 16, s->destination);
	} else {
		memcpy(frame, t->header, PACKET_TEMPLATE_MAX);
		udp = ip + sizeof(struct rte_ipv6_hdr);
	}
	put16(udp, s->source_port);
	put16(udp + 2, s->destination_port);
	put_rtp(udp + sizeof(struct rte_udp_hdr), format, s->ssrc, stream, sequence, tsc);
	if (t->family != DP_FAMILY_IPV4)
		finish_ipv6(ip, &addresses[stream]);
	return (uint16_t)(t->header_size + PACKET_RTP_SIZE + format->payload);
}

static inline uint32_t get32(const uint8_t *p)
{
	uint32_t wire;

	memcpy(&wire, p, sizeof(wire));
	return rte_be_to_cpu_32(wire);
}

static inline uint64_t get64(const uint8_t *p)
{
	uint64_t wire;

	memcpy(&wire, p, sizeof(wire));
	return rte_be_to_cpu_64(wire);
}

/* UDP over IPv4 without options or fragments: its place, or NULL. */
static const uint8_t *look_ipv4(const uint8_t *p, size_t size, struct packet_view *v)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)p;
	uint16_t total;

	if (size < sizeof(*ip) + sizeof(struct rte_udp_hdr) ||
	    ip->version_ihl != RTE_IPV4_VHL_DEF || ip->next_proto_id != IPPROTO_UDP ||
	    (ip->fragment_offset &
	     rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		return NULL;
	total = rte_be_to_cpu_16(ip->total_length);
	if (total > size || total < sizeof(*ip) + sizeof(struct rte_udp_hdr))
		return NULL;
	v->family = DP_FAMILY_IPV4;
	v->source = (const uint8_t *)&ip->src_addr;
	v->destination = (const uint8_t *)&ip->dst_addr;
	v->checksums_good = rte_raw_cksum(ip, sizeof(*ip)) == 0xffff;
	v->size = (uint16_t)(total - sizeof(*ip));
	return (const uint8_t *)(ip + 1);
}

static const uint8_t *look_ipv6(const uint8_t *p, size_t size, struct packet_view *v)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)p;
	uint16_t length;

	if (size < sizeof(*ip) + sizeof(struct rte_udp_hdr) || (p[0] >> 4) != 6 ||
	    ip->proto != IPPROTO_UDP)
		return NULL;
	length = rte_be_to_cpu_16(ip->payload_len);
	if (length > size - sizeof(*ip) || length < sizeof(struct rte_udp_hdr))
		return NULL;
	v->family = DP_FAMILY_IPV6;
	v->source = ip->src_addr;
	v->destination = ip->dst_addr;
	v->checksums_good = true;
	v->size = length;
	return (const uint8_t *)(ip + 1);
}

static bool udp_checksum_is_good(const struct packet_view *v, const struct rte_udp_hdr *udp)
{
	const uint8_t *p = (const uint8_t *)udp;

	if (udp->dgram_cksum == 0)
		return v->family == DP_FAMILY_IPV4;
	if (v->family == DP_FAMILY_IPV4)
		return rte_ipv4_udptcp_cksum_verify(
			       (const struct rte_ipv4_hdr *)(p - sizeof(struct rte_ipv4_hdr)),
			       udp) == 0;
	return rte_ipv6_udptcp_cksum_verify(
		       (const struct rte_ipv6_hdr *)(p - sizeof(struct rte_ipv6_hdr)), udp) == 0;
}

enum packet_kind packet_look(const uint8_t *frame, size_t size, struct packet_view *v)
{
	const struct rte_ether_hdr *ether = (const struct rte_ether_hdr *)frame;
	const struct rte_udp_hdr *udp;
	const uint8_t *p = NULL;
	uint16_t length;

	if (size < sizeof(*ether))
		return PACKET_OTHER;
	if (ether->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		p = look_ipv4(frame + sizeof(*ether), size - sizeof(*ether), v);
	else if (ether->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		p = look_ipv6(frame + sizeof(*ether), size - sizeof(*ether), v);
	if (!p)
		return PACKET_OTHER;
	udp = (const struct rte_udp_hdr *)p;
	length = rte_be_to_cpu_16(udp->dgram_len);
	if (length != v->size)
		return PACKET_UNKNOWN;
	v->checksums_good &= udp_checksum_is_good(v, udp);
	v->source_port = udp->src_port;
	v->destination_port = udp->dst_port;
	v->payload = p + sizeof(*udp);
	v->size = (uint16_t)(length - sizeof(*udp));
	if (v->size >= 4 && (v->payload[0] >> 6) == 2 && v->payload[1] >= 192 &&
	    v->payload[1] <= 223)
		return PACKET_RTCP;
	p = v->payload + PACKET_RTP_SIZE;
	if (v->size < PACKET_RTP_SIZE + PACKET_MARK_SIZE || get32(p) != MAGIC)
		return PACKET_UNKNOWN;
	v->stream = get32(p + AT_STREAM);
	v->sequence = get64(p + AT_SEQUENCE);
	v->tsc = get64(p + AT_TSC);
	return PACKET_MARKED;
}

uint32_t packet_ssrc(const struct packet_view *view)
{
	return get32(view->payload + 8);
}

bool packet_is_intact(const struct packet_view *v, const struct packet_format *format,
		      uint32_t ssrc)
{
	uint8_t rtp[PACKET_RTP_SIZE + PACKET_MARK_SIZE] = { 0x80 };
	const uint32_t magic = rte_cpu_to_be_32(MAGIC);

	if (!v->checksums_good || v->size != PACKET_RTP_SIZE + format->payload)
		return false;
	put32(rtp + PACKET_RTP_SIZE, magic);
	put_rtp(rtp, format, ssrc, v->stream, v->sequence, v->tsc);
	return memcmp(v->payload, rtp, sizeof(rtp)) == 0 &&
	       memcmp(v->payload + sizeof(rtp), format->pattern + PACKET_MARK_SIZE,
		      (size_t)format->payload - PACKET_MARK_SIZE) == 0;
}
