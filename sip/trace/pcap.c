/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/pcap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define SECTION_HEADER 0x0a0d0d0au
#define INTERFACE      1u
#define ENHANCED       6u
#define LINKTYPE_RAW   101u /* IPv4 or IPv6, without a link layer */
#define LINKTYPE_PDU   252u /* Wireshark's "upper PDU": tags that say what it is */
#define OPTION_COMMENT 1u
#define OPTION_FLAGS   2u
#define OPTION_TSRESOL 9u

#define SEGMENT_MAX  32768u /* bytes of a message in one packet over TCP */
#define DATAGRAM_MAX 65507u
#define STREAMS      1024u /* whose sequence numbers are known; others begin anew */
#define HEADERS_MAX  64u   /* IPv6 and TCP are 60 */

enum { ON_IP, ON_PDU }; /* interfaces */

enum { TRANSPORT_UDP, TRANSPORT_TCP }; /* of enum sip_transport_kind; others are no IP here */

struct stream {
	uint64_t hash; /* of source and destination */
	uint32_t next; /* sequence number */
};

struct trace_pcap {
	FILE *file;
	uint64_t size;
	struct stream streams[STREAMS];
};

/* --- blocks (draft-ietf-opsawg-pcapng), in the order of this machine --- */

struct block {
	uint8_t bytes[512];
	size_t used;
};

static void put(struct block *b, const void *data, size_t size)
{
	memcpy(b->bytes + b->used, data, size);
	b->used += size;
	while (b->used % 4 != 0)
		b->bytes[b->used++] = 0;
}

static void put32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static void put_option(struct block *b, uint16_t code, const void *data, uint16_t size)
{
	const uint16_t head[2] = { code, size };

	put(b, head, sizeof(head));
	put(b, data, size);
}

static int write_all(struct trace_pcap *pcap, const void *data, size_t size)
{
	if (fwrite(data, 1, size, pcap->file) != size)
		return -EIO;
	pcap->size += size;
	return 0;
}

static void put_interface(struct block *b, uint32_t link_type)
{
	const uint8_t nanoseconds = 9;

	put32(b, INTERFACE);
	put32(b, 32);
	put32(b, link_type);
	put32(b, 0); /* nothing is cut */
	put_option(b, OPTION_TSRESOL, &nanoseconds, 1);
	put32(b, 0);
	put32(b, 32);
}

static int write_head(struct trace_pcap *pcap)
{
	struct block b = { .used = 0 };

	put32(&b, SECTION_HEADER);
	put32(&b, 28);
	put32(&b, 0x1a2b3c4d);
	put32(&b, 1); /* version 1.0 */
	put32(&b, UINT32_MAX);
	put32(&b, UINT32_MAX); /* the length is not known */
	put32(&b, 28);
	put_interface(&b, LINKTYPE_RAW);
	put_interface(&b, LINKTYPE_PDU);
	return write_all(pcap, b.bytes, b.used);
}

static int write_packet(struct trace_pcap *pcap, const struct trace_record *r,
			const struct block *headers, const char *data, size_t size)
{
	const uint32_t length = (uint32_t)(headers->used + size), padding = (4 - length % 4) % 4;
	const uint32_t flags = r->out ? 2 : 1;
	struct block head = { .used = 0 }, tail = { .used = 0 };
	char comment[32];
	uint32_t total;
	int n = snprintf(comment, sizeof(comment), "call %016" PRIx64, r->call);

	put_option(&tail, OPTION_FLAGS, &flags, sizeof(flags));
	if (r->call != 0)
		put_option(&tail, OPTION_COMMENT, comment, (uint16_t)n);
	put32(&tail, 0);
	total = 28 + length + padding + (uint32_t)tail.used + 4;
	put32(&head, ENHANCED);
	put32(&head, total);
	put32(&head, r->transport <= TRANSPORT_TCP ? ON_IP : ON_PDU);
	put32(&head, (uint32_t)(r->time_ns >> 32));
	put32(&head, (uint32_t)r->time_ns);
	put32(&head, length);
	put32(&head, length);
	put32(&tail, total);
	if (write_all(pcap, head.bytes, head.used) != 0 ||
	    write_all(pcap, headers->bytes, headers->used) != 0 ||
	    write_all(pcap, data, size) != 0 || write_all(pcap, "\0\0\0", padding) != 0)
		return -EIO;
	return write_all(pcap, tail.bytes, tail.used);
}

/* --- headers, in the order of the network --- */

static void net8(struct block *b, unsigned value)
{
	b->bytes[b->used++] = (uint8_t)value;
}

static void net16(struct block *b, unsigned value)
{
	net8(b, value >> 8);
	net8(b, value);
}

static void net32(struct block *b, uint32_t value)
{
	net16(b, value >> 16);
	net16(b, value & 0xffff);
}

static void net_bytes(struct block *b, const uint8_t *bytes, size_t size)
{
	memcpy(b->bytes + b->used, bytes, size);
	b->used += size;
}

/* RFC 1071, not yet complemented. */
static uint32_t sum(uint32_t from, const void *data, size_t size)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		from += (uint32_t)p[i] << 8 | p[i + 1];
	if (size % 2)
		from += (uint32_t)p[size - 1] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static void set16(struct block *b, size_t at, uint32_t value)
{
	b->bytes[at] = (uint8_t)(value >> 8);
	b->bytes[at + 1] = (uint8_t)value;
}

static void put_ip(struct block *b, const struct trace_record *r, unsigned protocol, size_t size)
{
	const struct sip_address *from = trace_source(r), *to = trace_destination(r);

	if (r->remote.family == AF_INET6) {
		net32(b, 0x60000000);
		net16(b, (unsigned)size);
		net8(b, protocol);
		net8(b, 64);
		net_bytes(b, from->ip, 16);
		net_bytes(b, to->ip, 16);
		return;
	}
	net16(b, 0x4500);
	net16(b, (unsigned)size + 20);
	net32(b, 0x00004000); /* not in fragments */
	net8(b, 64);
	net8(b, protocol);
	net16(b, 0);
	net_bytes(b, from->ip, 4);
	net_bytes(b, to->ip, 4);
	set16(b, 10, ~sum(0, b->bytes, 20));
}

static void checksum(struct block *b, const struct trace_record *r, unsigned protocol, size_t from,
		     size_t at, const char *data, size_t size)
{
	const size_t n = r->remote.family == AF_INET6 ? 16 : 4;
	uint32_t s = protocol + (uint32_t)(b->used - from + size);

	s = sum(s, r->remote.ip, n);
	s = sum(s, r->local.ip, n);
	s = sum(s, b->bytes + from, b->used - from);
	s = ~sum(s, data, size) & 0xffff;
	set16(b, at, s != 0 ? s : 0xffff);
}

static int write_udp(struct trace_pcap *pcap, const struct trace_record *r, const char *data)
{
	const size_t size = r->size < DATAGRAM_MAX ? r->size : DATAGRAM_MAX;
	struct block b = { .used = 0 };
	size_t from;

	put_ip(&b, r, IPPROTO_UDP, size + 8);
	from = b.used;
	net16(&b, trace_source(r)->port);
	net16(&b, trace_destination(r)->port);
	net16(&b, (unsigned)size + 8);
	net16(&b, 0);
	checksum(&b, r, IPPROTO_UDP, from, from + 6, data, size);
	return write_packet(pcap, r, &b, data, size);
}

static struct stream *stream_of(struct trace_pcap *pcap, const struct sip_address *from,
				const struct sip_address *to)
{
	const uint64_t hash = sip_address_hash(from) * 31 + sip_address_hash(to);
	struct stream *stream = &pcap->streams[hash % STREAMS];

	if (stream->hash != hash)
		*stream = (struct stream){ hash, 1 };
	return stream;
}

static int write_segment(struct trace_pcap *pcap, const struct trace_record *r, const char *data,
			 size_t size)
{
	const struct sip_address *source = trace_source(r), *destination = trace_destination(r);
	const uint32_t acknowledged = stream_of(pcap, destination, source)->next;
	struct stream *stream = stream_of(pcap, source, destination);
	struct block b = { .used = 0 };
	size_t from;

	put_ip(&b, r, IPPROTO_TCP, size + 20);
	from = b.used;
	net16(&b, source->port);
	net16(&b, destination->port);
	net32(&b, stream->next);
	net32(&b, acknowledged);
	net16(&b, 0x5018); /* 20 bytes; PSH, ACK */
	net16(&b, 0xffff);
	net32(&b, 0);
	checksum(&b, r, IPPROTO_TCP, from, from + 16, data, size);
	stream->next += (uint32_t)size;
	return write_packet(pcap, r, &b, data, size);
}

/* Tags of Wireshark's epan/exported_pdu.h. */
enum {
	PDU_DISSECTOR = 12,
	PDU_SOURCE4 = 20,
	PDU_DESTINATION4,
	PDU_SOURCE6,
	PDU_DESTINATION6,
	PDU_PORT_TYPE,
	PDU_SOURCE_PORT,
	PDU_DESTINATION_PORT,
};

static void put_tag(struct block *b, unsigned tag, const void *data, size_t size)
{
	net16(b, tag);
	net16(b, (unsigned)size);
	put(b, data, size);
}

static void put_tag_number(struct block *b, unsigned tag, uint32_t value)
{
	net16(b, tag);
	net16(b, 4);
	net32(b, value);
}

static int write_pdu(struct trace_pcap *pcap, const struct trace_record *r, const char *data)
{
	const struct sip_address *source = trace_source(r), *destination = trace_destination(r);
	const bool v6 = r->remote.family == AF_INET6;
	struct block b = { .used = 0 };

	put_tag(&b, PDU_DISSECTOR, "sip", 4); /* padded with a zero */
	put_tag(&b, v6 ? PDU_SOURCE6 : PDU_SOURCE4, source->ip, v6 ? 16 : 4);
	put_tag(&b, v6 ? PDU_DESTINATION6 : PDU_DESTINATION4, destination->ip, v6 ? 16 : 4);
	put_tag_number(&b, PDU_PORT_TYPE, 2); /* TCP */
	put_tag_number(&b, PDU_SOURCE_PORT, source->port);
	put_tag_number(&b, PDU_DESTINATION_PORT, destination->port);
	net32(&b, 0);
	return write_packet(pcap, r, &b, data, r->size);
}

int trace_pcap_write(struct trace_pcap *pcap, const struct trace_record *r, const char *data)
{
	size_t left = r->size;

	if (r->transport == TRANSPORT_UDP)
		return write_udp(pcap, r, data);
	if (r->transport > TRANSPORT_TCP)
		return write_pdu(pcap, r, data);
	while (left > 0) {
		const size_t size = left < SEGMENT_MAX ? left : SEGMENT_MAX;

		if (write_segment(pcap, r, data, size) != 0)
			return -EIO;
		data += size;
		left -= size;
	}
	return 0;
}

int trace_pcap_create(FILE *stream, struct trace_pcap **pcap)
{
	struct trace_pcap *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->file = stream;
	if (write_head(p) != 0) {
		free(p);
		return -EIO;
	}
	*pcap = p;
	return 0;
}

void trace_pcap_destroy(struct trace_pcap *pcap)
{
	free(pcap);
}

uint64_t trace_pcap_size(const struct trace_pcap *pcap)
{
	return pcap->size;
}
