/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTP as the relay needs it: is it valid (RFC 3550 appendix A.1), and what do its sequence numbers
 * and time stamps say (A.1, A.3, A.8; bursts by RFC 3611 A.2). Pure functions of bytes and
 * counters; what the counters mean stands in dataplane/api/counters.h.
 *
 * A packet that is next in sequence and in time touches the first line of the counters only.
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
	uint16_t word;

	memcpy(&word, p, sizeof(word));
	return __builtin_bswap16(word);
}

static inline uint32_t rtp_get32(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return __builtin_bswap32(word);
}

static inline enum rtp_kind rtp_kind(const uint8_t *payload, size_t size)
{
	if (size < 4 || (payload[0] >> 6) != 2)
		return RTP_KIND_OTHER;
	return (payload[1] & 0xe0) == 192 ? RTP_KIND_RTCP : RTP_KIND_RTP;
}

/* With padding, extension or contributing sources. */
bool rtp_is_valid_with_options(const uint8_t *payload, size_t size);

static inline bool rtp_is_valid(const uint8_t *p, size_t size)
{
	if (size < RTP_HEADER_SIZE || (p[0] >> 6) != 2)
		return false;
	return __builtin_expect((p[0] & 0x3f) == 0, 1) || rtp_is_valid_with_options(p, size);
}

struct rtp_clock {
	uint32_t now;            /* time of arrival in units of the RTP clock, wrapping */
	uint32_t scale;          /* units in a µs, times 2^32: struct flow.clock_scale */
	uint8_t telephone_event; /* payload type without time stamps of its own, 255: none */
};

/* µs in units of the RTP clock, below 2^32 µs or modulo 2^32 units. */
static inline uint32_t rtp_units(uint64_t us, uint32_t scale)
{
	return (uint32_t)(us * scale >> 32);
}

/* For packets that are not next in sequence, or not in time. */
void rtp_count_rare(struct dp_termination_counters *c, const uint8_t *payload,
		    const struct rtp_clock *clock);

/* The base of play-out drifts up by so much each 64 packets, against clocks that run slow. */
#define RTP_DRIFT_US 125u

/* A.8: J += (|D| - J) / 16, with J scaled by 16. */
static inline void rtp_jitter(struct dp_termination_counters *c, uint32_t transit)
{
	int32_t d = (int32_t)(transit - c->transit);

	c->jitter += (uint32_t)(d < 0 ? -d : d) - ((c->jitter + 8) >> 4);
	c->transit = transit;
}

/* Counts a valid RTP packet that was taken. */
static inline void rtp_count(struct dp_termination_counters *c, const uint8_t *payload, size_t size,
			     const struct rtp_clock *clock)
{
	uint16_t sequence = rtp_get16(payload + 2);
	uint32_t transit = clock->now - rtp_get32(payload + 4);

	c->packets++;
	c->bytes += size;
	/* window: 0 before the first packet; else what leaves it now had come, or was lost */
	if (__builtin_expect(rtp_get32(payload + 8) != c->ssrc ||
				     sequence != (uint16_t)(c->highest_sequence + 1) ||
				     !(c->window >> 63) ||
				     transit - c->base_transit >
					     rtp_units(DP_PLAYOUT_MS * 1000, clock->scale) ||
				     (payload[1] & 0x7f) == clock->telephone_event,
			     0)) {
		rtp_count_rare(c, payload, clock);
		return;
	}
	c->highest_sequence++; /* the carry counts the cycles */
	c->window = c->window << 1 | 1;
	c->late_run = 0;
	rtp_jitter(c, transit);
	if ((sequence & 63) == 0)
		c->base_transit += rtp_units(RTP_DRIFT_US, clock->scale);
}

#endif
