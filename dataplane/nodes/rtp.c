/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/rtp.h"

/* RFC 3550 A.1 */
#define MAX_DROPOUT  3000u
#define MAX_MISORDER 100u
#define RTP_SEQ_MOD  65536u

#define WINDOW 64u
#define G_MIN  16u /* RFC 3611 §4.7.2 */

#define CLOCK_JUMP_US 4000000u /* later than this is a clock that was set */
#define LATE_RUN      16u      /* and so many in a row that are late are one, too */

bool rtp_is_valid_with_options(const uint8_t *p, size_t size)
{
	size_t header = RTP_HEADER_SIZE + 4u * (p[0] & 0x0f);

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

/*
 * `count` packets in a row, from this extended sequence, will not come any more. The Markov
 * counters of RFC 3611 A.2, which that makes packet by packet; between two losses nothing of it
 * changes but the distance, which is the difference of their sequences here.
 */
static void lose(struct dp_termination_counters *c, uint32_t first, uint32_t count)
{
	uint32_t received = first - c->last_loss - 1;

	/* Before the first loss there was a gap, however short, and no run to be told of. */
	if (received >= G_MIN || c->loss_run == 0) {
		if (c->loss_run == 1)
			c->c14++;
		else if (c->loss_run > 1)
			c->c13++;
		c->loss_run = 1;
	} else {
		c->loss_run++;
		if (received == 0) {
			c->c33++;
		} else {
			c->c23++;
			c->c22 += received - 1;
		}
	}
	c->loss_run += count - 1;
	c->c33 += count - 1;
	c->last_loss = first + count - 1;
	c->lost += count;
}

/* The oldest `count` (1..64) packets leave the window: those that did not come are lost. */
static void retire(struct dp_termination_counters *c, uint32_t count)
{
	uint64_t missing = ~c->window >> (WINDOW - count); /* bit 0: the youngest of them */

	while (missing) {
		uint32_t oldest = 63u - (uint32_t)__builtin_clzll(missing);

		lose(c, c->highest_sequence - (WINDOW - count) - oldest, 1);
		missing &= ~(UINT64_C(1) << oldest);
	}
}

static void advance(struct dp_termination_counters *c, uint32_t ahead)
{
	if (ahead < WINDOW) {
		retire(c, ahead);
		c->window = c->window << ahead | 1;
	} else {
		retire(c, WINDOW);
		if (ahead > WINDOW)
			lose(c, c->highest_sequence + 1, ahead - WINDOW);
		c->window = 1;
	}
	c->highest_sequence += ahead; /* the carry counts the cycles */
}

/* The figures go on with another source, or with the same one at another place. The losses of the
 * one before are final, and its distance from its last loss goes on. */
static void start_source(struct dp_termination_counters *c, uint32_t ssrc, uint16_t sequence)
{
	uint32_t received = 0;

	if (c->window) {
		c->expected_before = dp_counters_expected(c);
		retire(c, WINDOW);
		received = c->highest_sequence - c->last_loss;
		c->ssrc_changes++;
	}
	c->ssrc = ssrc;
	c->base_sequence = c->highest_sequence = sequence;
	c->window = UINT64_MAX; /* nothing is missed of what came before us */
	c->last_loss = sequence - received - 1;
	/* what was expected of others is out of date: no other SSRC is this one */
	c->candidate_ssrc = ssrc;
	c->awaited &= (uint8_t)~DP_AWAITED_RESTART;
}

/* The source's first packets were not in order: its sequence begins here instead. */
static void extend_back(struct dp_termination_counters *c, uint32_t behind)
{
	uint32_t base_behind = c->highest_sequence - c->base_sequence;
	uint32_t earlier = behind - base_behind;

	for (uint32_t i = base_behind + 1; i < behind; i++)
		c->window &= ~(UINT64_C(1) << i);
	if ((int32_t)(c->last_loss - c->base_sequence) < 0)
		c->last_loss -= earlier;
	c->base_sequence -= earlier;
	c->reordered++;
}

enum outcome { NEXT, REORDERED, STARTED, NOT_FOLLOWED };

static enum outcome fall_back(struct dp_termination_counters *c, uint32_t behind)
{
	uint64_t bit = UINT64_C(1) << (behind & 63);

	if (behind >= WINDOW) {
		c->late++;
		return NOT_FOLLOWED;
	}
	if (behind > c->highest_sequence - c->base_sequence) {
		extend_back(c, behind);
		return REORDERED;
	}
	if (c->window & bit) {
		c->duplicate++;
		return NOT_FOLLOWED;
	}
	c->window |= bit;
	c->reordered++;
	return REORDERED;
}

/* The second packet in sequence of what was not followed until now. The first one counts too. */
static enum outcome start_proven(struct dp_termination_counters *c, uint32_t ssrc,
				 uint16_t sequence)
{
	c->other_ssrc--;
	start_source(c, ssrc, (uint16_t)(sequence - 1));
	advance(c, 1);
	return STARTED;
}

/* update_seq() of A.1 for the source of the figures. A jump may be a restart: to be seen twice. */
static enum outcome follow_sequence(struct dp_termination_counters *c, uint16_t sequence)
{
	uint32_t ahead = (uint16_t)(sequence - (uint16_t)c->highest_sequence);

	if (ahead == 0 || ahead > RTP_SEQ_MOD - MAX_MISORDER)
		return fall_back(c, (RTP_SEQ_MOD - ahead) % RTP_SEQ_MOD);
	if (ahead < MAX_DROPOUT) {
		advance(c, ahead);
		return NEXT;
	}
	if ((c->awaited & DP_AWAITED_RESTART) && sequence == c->bad_sequence)
		return start_proven(c, c->ssrc, sequence);
	c->bad_sequence = (uint16_t)(sequence + 1);
	c->awaited |= DP_AWAITED_RESTART;
	c->other_ssrc++;
	return NOT_FOLLOWED;
}

/* MIN_SEQUENTIAL of A.1 for another SSRC. */
static enum outcome follow_other(struct dp_termination_counters *c, uint32_t ssrc,
				 uint16_t sequence)
{
	if (ssrc == c->candidate_ssrc && sequence == c->candidate_sequence)
		return start_proven(c, ssrc, sequence);
	c->candidate_ssrc = ssrc;
	c->candidate_sequence = (uint16_t)(sequence + 1);
	c->other_ssrc++;
	return NOT_FOLLOWED;
}

static enum outcome follow(struct dp_termination_counters *c, uint32_t ssrc, uint16_t sequence)
{
	if (c->window == 0) {
		start_source(c, ssrc, sequence);
		return STARTED;
	}
	return ssrc == c->ssrc ? follow_sequence(c, sequence) : follow_other(c, ssrc, sequence);
}

static void align(struct dp_termination_counters *c, uint32_t transit)
{
	c->base_transit = transit;
	c->late_run = 0;
}

/*
 * Play-out is aligned to the quickest packets; what comes DP_PLAYOUT_MS behind them is late. A
 * clock that was set, which a jump or a run of late packets shows, is neither late nor jitter.
 */
static void follow_transit(struct dp_termination_counters *c, uint32_t transit, uint32_t scale)
{
	int32_t behind = (int32_t)(transit - c->base_transit);
	int32_t jump = (int32_t)rtp_units(CLOCK_JUMP_US, scale);
	int32_t d = (int32_t)(transit - c->transit);

	if (behind > jump || behind < -jump || d > jump || d < -jump) {
		align(c, transit);
		c->transit = transit;
		return;
	}
	rtp_jitter(c, transit);
	if (behind < 0) {
		align(c, transit);
	} else if ((uint32_t)behind <= rtp_units(DP_PLAYOUT_MS * 1000, scale)) {
		c->late_run = 0;
	} else {
		c->late++;
		if (++c->late_run >= LATE_RUN)
			align(c, transit);
	}
}

/*
 * Packets of one telephone event all bear the time stamp of its beginning (RFC 4733 §2.5.1.2):
 * that says nothing of when they were sent.
 */
void rtp_count_rare(struct dp_termination_counters *c, const uint8_t *p,
		    const struct rtp_clock *clock)
{
	uint32_t transit = clock->now - rtp_get32(p + 4);
	enum outcome outcome = follow(c, rtp_get32(p + 8), rtp_get16(p + 2));

	if (outcome == STARTED) {
		align(c, transit);
		c->transit = transit;
	} else if (outcome != NOT_FOLLOWED && (p[1] & 0x7f) != clock->telephone_event) {
		follow_transit(c, transit, clock->scale);
	}
}
