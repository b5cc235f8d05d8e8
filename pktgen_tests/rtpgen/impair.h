/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network conditions, made on sending (TS2). What happens to packet n of stream s is a function
 * of (seed, s, n) alone: the same in each run, whatever the rate and the order of streams.
 *
 * The first packets of a stream are left alone, and so are those of a last round that is sent
 * when the time is over: a receiver cannot see a loss that no packet follows.
 */
#ifndef PKTGEN_TESTS_RTPGEN_IMPAIR_H
#define PKTGEN_TESTS_RTPGEN_IMPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMPAIR_OPENING 4u  /* packets of a stream before anything happens */
#define IMPAIR_CLOSING 2u  /* packets of each stream after which nothing happens any more */
#define IMPAIR_HOLD    63u /* packets that one may be held back by, at most */

struct impair_plan {
	bool active;
	/* probabilities as shares of 2^32 */
	uint64_t loss, duplicate, reorder;
	uint32_t jitter_us;
	uint64_t seed;
};

enum impair_fate { IMPAIR_SEND, IMPAIR_LOSE, IMPAIR_HOLD_BACK, IMPAIR_DELAY };

struct impair_decision {
	enum impair_fate fate;
	bool twice;        /* if it is sent */
	unsigned hold;     /* HOLD_BACK: so many later packets of the stream go first, 1..63 */
	uint32_t delay_us; /* DELAY: 1..jitter_us */
};

/* "loss=1%,duplicate=0.5%,reorder=1%,jitter=10ms,seed=42"; 0 or -EINVAL with a text in why. */
int impair_parse(const char *text, struct impair_plan *plan, char *why, size_t why_size);

/* sequence: 0 for the first packet of the stream in this run. */
struct impair_decision impair_decide(const struct impair_plan *plan, uint32_t stream,
				     uint64_t sequence);

#endif
