/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The source that a termination takes media from.
 *
 * STRICT: the address of the signalling and no other. LEARN (RFC 4961, symmetric RTP):
 *
 *   state    packet                                       next     the packet
 *   OPEN     from the signalled address                   LOCKED   is taken
 *   OPEN     from elsewhere                               PROVING  dropped: unproven-source
 *   PROVING  from the signalled address                   LOCKED   is taken
 *   PROVING  same source and SSRC, next in sequence       LOCKED   is taken
 *   PROVING  any other: it is the candidate from now on   PROVING  dropped: unproven-source
 *   LOCKED   from this source                             LOCKED   is taken
 *   LOCKED   from the signalled address                   LOCKED   is taken: locked on it
 *   LOCKED   from elsewhere                               LOCKED   dropped: foreign-source
 *
 * So a source that was learnt gives way to the signalled address as soon as that speaks, which is
 * final: somebody who was quicker than a caller who says nothing yet does not keep the call.
 *
 * Two packets in sequence are MIN_SEQUENTIAL of RFC 3550 A.1. A phone whose signalled address is
 * right loses nothing, one behind a NAT its first packet. Only signalling (latch_epoch) opens the
 * lock to others. RTCP proves its source with a second packet of the same SSRC, or with the IP
 * address of the signalled host; on a port of its own also with that of the host that RTP is
 * locked to, and it ends to be taken from another host with that lock.
 *
 * A group, or a side of the call itself, is foreign: it would be answered.
 *
 * HOST: the same, but what comes from another IP address than that of the signalling is foreign in
 * each state. While signalling has named none it is LEARN, and begins anew when it does. RTCP needs
 * no rule of its own: it has to come from the host that RTP may come from.
 *
 * The source is kept twice in the counters: in full, and as port and key in the line that each
 * RTP packet touches anyway. For IPv4 port and key are the whole source; for IPv6 the key is a
 * digest (address_key()), and a match is looked at in full.
 */
#ifndef DATAPLANE_NODES_SOURCE_H
#define DATAPLANE_NODES_SOURCE_H

#include <string.h>

#include <rte_ip.h>

#include "dataplane/nodes/passage.h"

enum source_verdict { SOURCE_OURS, SOURCE_UNPROVEN, SOURCE_FOREIGN };

static_assert(offsetof(struct dp_termination_counters, source_port) ==
			      offsetof(struct dp_termination_counters, source_key) + 4 &&
		      offsetof(struct dp_termination_counters, latch) ==
			      offsetof(struct dp_termination_counters, source_key) + 6 &&
		      offsetof(struct dp_termination_counters, latch_epoch) ==
			      offsetof(struct dp_termination_counters, source_key) + 7 &&
		      offsetof(struct dp_termination_counters, source_key) % 8 == 0 &&
		      RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN,
	      "one little-endian word says whether a packet comes from the locked source");

static inline uint32_t source_key(bool v6, const uint8_t *ip)
{
	return address_key(v6 ? DP_FAMILY_IPV6 : DP_FAMILY_IPV4, ip);
}

static inline const uint8_t *source_ip(const struct passage *p)
{
	return p->ip + (p->v6 ? offsetof(struct rte_ipv6_hdr, src_addr)
			      : offsetof(struct rte_ipv4_hdr, src_addr));
}

/* The usual case: the latch is locked, of this epoch, and it is this source. */
static inline bool source_is_locked(const struct passage *p)
{
	const struct dp_termination_counters *c = p->counters;
	const uint8_t *ip = source_ip(p);
	uint64_t is, wanted = source_key(p->v6, ip) | (uint64_t)p->udp->src_port << 32 |
			      (uint64_t)(DP_LATCH_LOCKED | p->flow->latch_epoch << 8) << 48;

	memcpy(&is, (const uint8_t *)c + offsetof(struct dp_termination_counters, source_key),
	       sizeof(is));
	return is == wanted && (!p->v6 || (c->source.family == DP_FAMILY_IPV6 &&
					   memcmp(c->source.ip, ip, 16) == 0));
}

/* For packets that are not source_is_locked(): follows the table above. They are valid RTP. */
enum source_verdict source_judge_rtp(struct passage *p);
/* For all RTCP. On a port of its own it comes from the host that RTP comes from, on whatever port
 * a NAT gave it. */
enum source_verdict source_judge_rtcp(struct passage *p);
/* For packets of any kind that are dropped whoever sent them: nothing is learnt from them. UNPROVEN
 * is any source that may be learnt yet. */
enum source_verdict source_look(const struct passage *p);

#endif
