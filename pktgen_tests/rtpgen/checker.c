/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/checker.h"

enum checker_verdict checker_take_other(struct checker *c, uint32_t sequence)
{
	uint32_t ahead = sequence - c->highest, behind = c->highest - sequence;
	uint64_t bit;

	if ((int32_t)ahead > 0) {
		c->window = ahead < CHECKER_WINDOW ? c->window << ahead | 1 : 1;
		c->highest = sequence;
		c->received++;
		return CHECKER_AHEAD;
	}
	if (behind >= CHECKER_WINDOW)
		return CHECKER_LATE;
	bit = UINT64_C(1) << behind;
	if (c->window & bit)
		return CHECKER_DUPLICATE;
	c->window |= bit;
	c->received++;
	return CHECKER_REORDERED;
}

void checker_count(struct checker_counts *counts, enum checker_verdict verdict)
{
	switch (verdict) {
	case CHECKER_AHEAD:
		break;
	case CHECKER_REORDERED:
		counts->reordered++;
		break;
	case CHECKER_DUPLICATE:
		counts->duplicate++;
		break;
	case CHECKER_LATE:
		counts->late++;
		break;
	}
}
