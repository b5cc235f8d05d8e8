/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTCP as it passes: is it valid (RFC 3550 appendix A.2), and what does the remote end report of
 * what it sends (SR), receives (SR, RR) and how that sounds (XR, RFC 3611 §4.7). Pure functions of
 * bytes and counters; not one of each RTP packet's affairs.
 */
#ifndef DATAPLANE_NODES_RTCP_H
#define DATAPLANE_NODES_RTCP_H

#include <stddef.h>

#include "dataplane/api/counters.h"

/* Reduced-size RTCP (RFC 5506) is let through as well. */
bool rtcp_is_valid(const uint8_t *payload, size_t size);

/*
 * Reads valid RTCP into the fourth line of the counters. now_us: µs of the TSC, wrapping.
 *
 * peer: of the termination whose media it hears, NULL: of none. Report blocks and VoIP metrics
 * about another SSRC than the peer's are passed over. A report block says which SR it has seen last and how long ago
 * (RFC 3550 §6.4.1): the round trip is from when that SR went by here on its way from the peer, or
 * was sent by ourselves, until now.
 */
void rtcp_read(struct dp_termination_counters *c, const struct dp_termination_counters *peer,
	       const uint8_t *payload, size_t size, uint32_t now_us);

#endif
