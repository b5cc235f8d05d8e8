/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTP and RTCP as the relay needs them: is it valid (RFC 3550 appendix A.1, A.2), and what do its
 * sequence numbers and time stamps say (A.1, A.3, A.8). Pure functions of bytes and counters.
 */
#ifndef DATAPLANE_NODES_RTP_H
#define DATAPLANE_NODES_RTP_H

#include <stddef.h>

#include "dataplane/api/counters.h"

#define RTP_HEADER_SIZE 12u

enum rtp_kind {
	RTP_KIND_OTHER, /* STUN, DTLS, … (RFC 7983), or too short */
	RTP_KIND_RTP,
	RTP_KIND_RTCP, /* by its packet type, 192..223 (RFC 5761 §4) */
};

static inline uint16_t rtp_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t rtp_get32(const uint8_t *p)
{
	return (uint32_t)rtp_get16(p) << 16 | rtp_get16(p + 2);
}

static inline enum rtp_kind rtp_kind(const uint8_t *payload, size_t size)
{
	if (size < 4 || (payload[0] >> 6) != 2)
		return RTP_KIND_OTHER;
	return payload[1] >= 192 && payload[1] <= 223 ? RTP_KIND_RTCP : RTP_KIND_RTP;
}

static inline bool rtp_is_valid(const uint8_t *p, size_t size)
{
	size_t header;

	if (size < RTP_HEADER_SIZE || (p[0] >> 6) != 2)
		return false;
	header = RTP_HEADER_SIZE + 4u * (p[0] & 0x0f);
	if (p[0] & 0x10) { /* extension: 16 bits profile, 16 bits length in words */
		if (size < header + 4)
			return false;
		header += 4 + 4u * rtp_get16(p + header + 2);
	}
	if (size < header)
		return false;
	if (p[0] & 0x20) /* padding: its length stands in the last octet, and counts itself */
		return size > header && p[size - 1] != 0 && p[size - 1] <= size - header;
	return true;
}

/* Reduced-size RTCP (RFC 5506) is let through as well. */
bool rtcp_is_valid(const uint8_t *payload, size_t size);

struct rtp_clock {
	uint32_t now;            /* time of arrival in units of the RTP clock, wrapping */
	uint32_t rate;           /* units a second */
	uint8_t telephone_event; /* payload type without time stamps of its own, 255: none */
};

/* Counts a valid RTP packet: packets, bytes, loss and jitter. */
void rtp_count(struct dp_termination_counters *c, const uint8_t *payload, size_t size,
	       const struct rtp_clock *clock);

#endif
