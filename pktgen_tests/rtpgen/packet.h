/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets, as bytes: how one is built from a template and a stream, and what is found out of
 * one that came.
 *
 *   Ethernet │ IPv4 or IPv6 │ UDP │ RTP (12) │ magic 4 │ stream 4 │ sequence 8 │ TSC 8 │ pattern …
 *
 * Everything up to the magic is copied from the template of the next hop; then addresses, ports,
 * and what counts are put in. The pattern is in the buffers from the start (packet_fill), always
 * at the same place: a driver that sends a buffer does not write to it.
 */
#ifndef PKTGEN_TESTS_RTPGEN_PACKET_H
#define PKTGEN_TESTS_RTPGEN_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/client/client.h"

#define PACKET_RTP_SIZE     12u
#define PACKET_MARK_SIZE    24u /* magic to TSC */
#define PACKET_PAYLOAD_MIN  PACKET_MARK_SIZE
#define PACKET_PAYLOAD_MAX  1400u
#define PACKET_HEADER_MAX   62u  /* Ethernet, IPv6, UDP */
#define PACKET_SAMPLES      160u /* 20 ms at 8 kHz, whatever the payload's size; without a pace */
#define PACKET_CLOCK_HZ     8000u
#define PACKET_TEMPLATE_MAX 80u

/* A neighbour that packets are sent to, with all of the headers that its streams have in common. */
struct packet_template {
	uint8_t header[PACKET_TEMPLATE_MAX];
	uint8_t header_size; /* Ethernet, IP, UDP: where RTP begins */
	uint8_t family;
};

/* What all streams have in common. */
struct packet_format {
	uint16_t payload;     /* bytes behind the RTP header */
	uint8_t payload_type; /* RTP */
	uint32_t samples;     /* that a packet is of, by its time stamp */
	uint32_t time;        /* that time stamps are ahead of that: pauses between runs */
	uint8_t pattern[PACKET_PAYLOAD_MAX];
};

/* One direction of a call as it is sent: with its neighbour 32 bytes, half a cache line. */
struct packet_sender {
	uint32_t source, destination; /* IPv4, as on the wire; IPv6 lies in packet_addresses */
	uint16_t source_port, destination_port; /* as on the wire */
	uint16_t checksum;                      /* of the IPv4 header, as on the wire */
	uint8_t hop;                            /* index of its template */
	uint8_t direction;
	uint32_t ssrc;
	uint32_t first; /* sequence that this run began with, low 32 bits */
	uint64_t next;  /* sequence, from 0 */
};
_Static_assert(sizeof(struct packet_sender) == 32, "two in a cache line");

struct packet_addresses {
	uint8_t source[16], destination[16];
};

void packet_format_init(struct packet_format *format, unsigned payload, unsigned payload_type);
void packet_template_init(struct packet_template *t, const struct packet_format *format,
			  uint8_t family, const uint8_t source[6], const uint8_t destination[6]);
/* The header's checksum of a stream over IPv4. */
uint16_t packet_checksum(const struct packet_template *t, uint32_t source, uint32_t destination);

/* Where packet_build() expects the pattern: `payload` is the place behind the RTP header. */
void packet_fill(const struct packet_format *format, uint8_t *payload);

/*
 * Writes packet `sequence` of a stream. frame: where Ethernet begins; behind the headers the
 * pattern lies already. addresses: NULL for IPv4. Returns its size.
 */
uint16_t packet_build(uint8_t *frame, const struct packet_template *t,
		      const struct packet_format *format, const struct packet_sender *s,
		      const struct packet_addresses *addresses, uint32_t stream, uint64_t sequence,
		      uint64_t tsc);

enum packet_kind {
	PACKET_OTHER,   /* not UDP over IP, or a fragment: for the neighbour's part */
	PACKET_MARKED,  /* one that we have sent; stream, sequence and tsc are as it says */
	PACKET_RTCP,    /* of whoever relays */
	PACKET_UNKNOWN, /* UDP without our mark */
};

struct packet_view {
	const uint8_t *source, *destination;    /* IP */
	const uint8_t *payload;                 /* of UDP */
	uint16_t size;                          /* of payload */
	uint16_t source_port, destination_port; /* as on the wire */
	uint8_t family;
	bool checksums_good; /* of the IPv4 header, and of UDP unless it is 0 in IPv4 */
	uint32_t stream;
	uint64_t sequence, tsc;
};

enum packet_kind packet_look(const uint8_t *frame, size_t size, struct packet_view *view);

/* A marked packet whose stream has this SSRC: is each bit as it was sent? */
bool packet_is_intact(const struct packet_view *view, const struct packet_format *format,
		      uint32_t ssrc);
uint32_t packet_ssrc(const struct packet_view *view);

#endif
