/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/hep.h"

#include <inttypes.h>
#include <stdio.h>

#define HEAD       6u /* "HEP3" and the length of all */
#define CHUNK      6u /* vendor, type, length with these */
#define TYPE_SIP   1u
#define CALL_CHARS 16u

enum chunk {
	CHUNK_FAMILY = 1,
	CHUNK_PROTOCOL,
	CHUNK_SOURCE4,
	CHUNK_DESTINATION4,
	CHUNK_SOURCE6,
	CHUNK_DESTINATION6,
	CHUNK_SOURCE_PORT,
	CHUNK_DESTINATION_PORT,
	CHUNK_SECONDS,
	CHUNK_MICROSECONDS,
	CHUNK_TYPE,
	CHUNK_CAPTURE_ID,
	CHUNK_PASSWORD = 14,
	CHUNK_PAYLOAD,
	CHUNK_CORRELATION = 17,
};

struct packet {
	uint8_t *bytes;
	size_t used, room;
	bool full;
};

static void put_chunk(struct packet *p, enum chunk type, const void *data, size_t size)
{
	const size_t length = CHUNK + size;

	if (length > UINT16_MAX || length > p->room - p->used) {
		p->full = true;
		return;
	}
	p->bytes[p->used++] = 0; /* of no vendor */
	p->bytes[p->used++] = 0;
	p->bytes[p->used++] = 0;
	p->bytes[p->used++] = (uint8_t)type;
	p->bytes[p->used++] = (uint8_t)(length >> 8);
	p->bytes[p->used++] = (uint8_t)length;
	memcpy(p->bytes + p->used, data, size);
	p->used += size;
}

static void put_number(struct packet *p, enum chunk type, uint32_t value, size_t size)
{
	uint8_t bytes[4];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
	put_chunk(p, type, bytes, size);
}

static void put_addresses(struct packet *p, const struct trace_record *r)
{
	const struct sip_address *from = trace_source(r), *to = trace_destination(r);
	const bool v6 = r->remote.family == AF_INET6;

	put_number(p, CHUNK_FAMILY, v6 ? 10 : 2, 1); /* of Linux, whatever runs here */
	put_chunk(p, v6 ? CHUNK_SOURCE6 : CHUNK_SOURCE4, from->ip, v6 ? 16 : 4);
	put_chunk(p, v6 ? CHUNK_DESTINATION6 : CHUNK_DESTINATION4, to->ip, v6 ? 16 : 4);
	put_number(p, CHUNK_SOURCE_PORT, from->port, 2);
	put_number(p, CHUNK_DESTINATION_PORT, to->port, 2);
}

size_t trace_hep_build(const struct trace_hep *hep, const struct trace_record *r, const char *data,
		       uint8_t *packet, size_t room)
{
	struct packet p = { packet, HEAD, room < UINT16_MAX ? room : UINT16_MAX, false };
	char call[CALL_CHARS + 1];

	if (room < HEAD)
		return 0;
	put_number(&p, CHUNK_PROTOCOL, r->transport == 0 ? IPPROTO_UDP : IPPROTO_TCP, 1);
	put_addresses(&p, r);
	put_number(&p, CHUNK_SECONDS, (uint32_t)(r->time_ns / 1000000000u), 4);
	put_number(&p, CHUNK_MICROSECONDS, (uint32_t)(r->time_ns % 1000000000u / 1000), 4);
	put_number(&p, CHUNK_TYPE, TYPE_SIP, 1);
	put_number(&p, CHUNK_CAPTURE_ID, hep->capture_id, 4);
	if (hep->password != NULL)
		put_chunk(&p, CHUNK_PASSWORD, hep->password, strlen(hep->password));
	if (r->call != 0) {
		snprintf(call, sizeof(call), "%016" PRIx64, r->call);
		put_chunk(&p, CHUNK_CORRELATION, call, CALL_CHARS);
	}
	put_chunk(&p, CHUNK_PAYLOAD, data, r->size);
	if (p.full)
		return 0;
	memcpy(packet, "HEP3", 4);
	packet[4] = (uint8_t)(p.used >> 8);
	packet[5] = (uint8_t)p.used;
	return p.used;
}
