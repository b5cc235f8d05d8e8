/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/rtp.h"

/* RFC 3550 A.1 */
#define MAX_DROPOUT  3000u
#define MAX_MISORDER 100u

#define CLOCK_JUMP_S 4u /* later than this is a clock that was set */

bool rtcp_is_valid(const uint8_t *p, size_t size)
{
	if (size < 8 || (p[0] & 0x20)) /* the first of a compound is never padded */
		return false;
	while (size >= 4) {
		size_t length = 4u * (rtp_get16(p + 2) + 1u);

		if ((p[0] >> 6) != 2 || p[1] < 192 || p[1] > 223 || length > size)
			return false;
		p += length;
		size -= length;
	}
	return size == 0;
}

/* The figures go on with another SSRC, or with the same one from another place. */
static void start_source(struct dp_termination_counters *c, uint32_t ssrc, uint16_t sequence)
{
	if (c->packets) {
		c->expected_before = dp_counters_expected(c);
		c->lost = dp_counters_lost(c);
		c->ssrc_changes++;
	}
	c->ssrc = ssrc;
	c->base_sequence = c->highest_sequence = sequence;
	c->window = UINT64_MAX; /* nothing is missed of what came before us */
	c->transit = 0;
	c->bad_sequence = (uint16_t)(sequence + 1);
}

static void advance(struct dp_termination_counters *c, uint16_t ahead)
{
	c->highest_sequence += ahead; /* the carry counts the cycles */
	if (ahead >= 64) {
		c->lost += (uint32_t)__builtin_popcountll(~c->window) + ahead - 64;
		c->window = 1;
		return;
	}
	c->lost += (uint32_t)__builtin_popcountll(~(c->window | (UINT64_MAX >> ahead)));
	c->window = c->window << ahead | 1;
}

static void fall_back(struct dp_termination_counters *c, uint16_t behind)
{
	uint64_t bit = UINT64_C(1) << (behind & 63);

	if (behind >= 64)
		c->late++;
	else if (c->window & bit)
		c->duplicate++;
	else
		c->reordered++;
	if (behind < 64)
		c->window |= bit;
}

/* update_seq() of A.1; false: a jump that may be a restart, to be seen twice. */
static bool follow_sequence(struct dp_termination_counters *c, uint16_t sequence)
{
	uint16_t ahead = (uint16_t)(sequence - (uint16_t)c->highest_sequence);

	if (ahead == 0 || ahead > UINT16_MAX - MAX_MISORDER) {
		fall_back(c, (uint16_t)-ahead);
	} else if (ahead < MAX_DROPOUT) {
		advance(c, ahead);
	} else {
		if (sequence != c->bad_sequence) {
			c->bad_sequence = (uint16_t)(sequence + 1);
			return false;
		}
		start_source(c, c->ssrc, sequence);
	}
	return true;
}

/*
 * A.8: J += (|D| - J) / 16, with J scaled by 16. Packets of one telephone event all bear the time
 * stamp of its beginning (RFC 4733 §2.5.1.2), and a clock that was set is not late: neither is
 * jitter.
 */
static void follow_transit(struct dp_termination_counters *c, const uint8_t *p,
			   const struct rtp_clock *clock)
{
	uint32_t transit = clock->now - rtp_get32(p + 4), d = transit - c->transit;

	if ((p[1] & 0x7f) == clock->telephone_event)
		return;
	if ((int32_t)d < 0)
		d = 0 - d;
	if (c->packets > 0 && d <= CLOCK_JUMP_S * clock->rate)
		c->jitter += d - ((c->jitter + 8) >> 4);
	c->transit = transit;
}

void rtp_count(struct dp_termination_counters *c, const uint8_t *p, size_t size,
	       const struct rtp_clock *clock)
{
	uint16_t sequence = rtp_get16(p + 2);
	uint32_t ssrc = rtp_get32(p + 8);
	bool follows = true;

	if (c->packets == 0 || ssrc != c->ssrc)
		start_source(c, ssrc, sequence);
	else
		follows = follow_sequence(c, sequence);
	if (follows)
		follow_transit(c, p, clock);
	c->packets++;
	c->bytes += size;
}
