/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source that a termination takes media from. It is kept twice in the counters: in full, and
 * as port and key in the line that each RTP packet touches anyway. For IPv4 port and key are the
 * whole source; for IPv6 the key is a digest, and a match is looked at in full.
 */
#ifndef DATAPLANE_NODES_LATCH_H
#define DATAPLANE_NODES_LATCH_H

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/flow/flow.h"

/* The source of a packet, as it lies there. */
struct packet_source {
	const uint8_t *ip;
	rte_be16_t port;
	uint8_t family; /* enum dp_family */
};

static inline uint32_t latch_key(uint8_t family, const uint8_t *ip)
{
	uint32_t words[4];

	memcpy(words, ip, 4);
	if (family == DP_FAMILY_IPV4)
		return words[0];
	memcpy(words, ip, sizeof(words));
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

static inline bool latch_matches(const struct dp_termination_counters *c,
				 const struct packet_source *s)
{
	return c->source_key == latch_key(s->family, s->ip) && c->source_port == s->port &&
	       (s->family == DP_FAMILY_IPV4 || memcmp(c->source.ip, s->ip, 16) == 0);
}

static inline bool latch_same_ip(const struct dp_address *a, const struct packet_source *s)
{
	return a->family == s->family &&
	       memcmp(a->ip, s->ip, s->family == DP_FAMILY_IPV4 ? 4 : 16) == 0;
}

static inline void latch_set(struct dp_termination_counters *c, const struct dp_address *source)
{
	c->source = *source;
	c->source_key = latch_key(source->family, source->ip);
	c->source_port = rte_cpu_to_be_16(source->port);
}

/* The signalling has spoken: strict takes what it said, learn waits for the first packet. */
static inline void latch_restart(struct dp_termination_counters *c, const struct flow *flow)
{
	static const struct dp_address none;
	bool learn = flow->flags & FLOW_LEARN;

	c->latch_epoch = flow->latch_epoch;
	c->latch = learn ? DP_LATCH_OPEN : DP_LATCH_LOCKED;
	latch_set(c, learn ? &none : &flow->expected);
	c->source_rtcp = learn ? none : flow->expected_rtcp;
}

#endif
