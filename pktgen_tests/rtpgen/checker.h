/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a receiver makes of the sequence numbers of one stream: in order, behind, twice, or too
 * late to tell. The rules are those of dataplane/api/counters.h (a window of 64), so that the
 * counts can be compared one to one. The sender runs the same check over what it puts on the
 * wire: that is what a receiver behind a perfect network would count.
 */
#ifndef PKTGEN_TESTS_RTPGEN_CHECKER_H
#define PKTGEN_TESTS_RTPGEN_CHECKER_H

#include <stdint.h>

#define CHECKER_WINDOW 64u

/* One of each stream and direction of sight; 16 bytes, because each packet touches it. */
struct checker {
	uint64_t window;   /* bit i: highest - i was received */
	uint32_t highest;  /* sequence, low 32 bits */
	uint32_t received; /* different packets, those that came late left out */
};

enum checker_verdict {
	CHECKER_AHEAD,     /* next, or with a gap before it */
	CHECKER_REORDERED, /* behind the highest, for the first time */
	CHECKER_DUPLICATE,
	CHECKER_LATE, /* beyond the window: nobody knows whether it came before */
};

/* What is rare, for one stream. */
struct checker_counts {
	uint32_t reordered, duplicate, late;
};

/* Nothing was received, `next` is expected. */
static inline void checker_start(struct checker *c, uint32_t next)
{
	*c = (struct checker){ .window = UINT64_MAX, .highest = next - 1 };
}

enum checker_verdict checker_take_other(struct checker *c, uint32_t sequence);

static inline enum checker_verdict checker_take(struct checker *c, uint32_t sequence)
{
	if (__builtin_expect(sequence != c->highest + 1, 0))
		return checker_take_other(c, sequence);
	c->highest = sequence;
	c->window = c->window << 1 | 1;
	c->received++;
	return CHECKER_AHEAD;
}

void checker_count(struct checker_counts *counts, enum checker_verdict verdict);

/* Gaps up to the highest, for a stream that began with `first`. */
static inline uint32_t checker_missing(const struct checker *c, uint32_t first)
{
	return c->highest - first + 1 - c->received;
}

#endif
