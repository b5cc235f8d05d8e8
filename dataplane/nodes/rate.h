/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet rate of a flow, by the generic cell rate algorithm (ITU-T I.371 annex A, virtual
 * scheduling). The time when the next packet is due runs ahead of the clock by no more than the
 * tolerance: so much may come at once from a sender that catches up after a pause.
 */
#ifndef DATAPLANE_NODES_RATE_H
#define DATAPLANE_NODES_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_TOLERANCE_US      250000u
#define RATE_TOLERANCE_PACKETS 25u
#define RATE_PERIOD_MAX_US     62500u /* 16 packets a second, the least that can be asked for */
/* No due time lies further ahead: after a silence of so long it is past, whatever 32 bits say. */
#define RATE_FORGET_MS 2000u

/*
 * µs wrap. A due time that lies further ahead than any can is past. Once in 71 minutes of silence
 * one that is past looks valid: so for RTP the caller sets it to now after RATE_FORGET_MS. Of RTCP,
 * which nobody waits for, that may cost one packet.
 */
static inline bool rate_admits(uint32_t *due_us, uint32_t now_us, uint32_t period_us)
{
	uint32_t tolerance = RATE_TOLERANCE_PACKETS * period_us, ahead = *due_us - now_us;

	if (tolerance < RATE_TOLERANCE_US)
		tolerance = RATE_TOLERANCE_US;
	if (ahead > tolerance + period_us)
		ahead = 0;
	if (ahead > tolerance)
		return false;
	*due_us = now_us + ahead + period_us;
	return true;
}

#endif
