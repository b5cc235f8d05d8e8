/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The highest rate that nothing is lost at (RFC 2544 §26.1), by bisection. A peer that makes us
 * wait, as memif does, loses nothing: so a trial fails as well if less was sent than offered. What a machine loses because others use it
 * too says nothing of the relay: there trials may be retried, and one that passes counts.
 */
#ifndef PKTGEN_TESTS_RTPGEN_SEARCH_H
#define PKTGEN_TESTS_RTPGEN_SEARCH_H

#include "pktgen_tests/rtpgen/run.h"

#define SEARCH_TRIALS_MAX    40u
#define SEARCH_POINTS        3u
#define SEARCH_SENT_AT_LEAST 0.99 /* of what was offered */

struct search_trial {
	double rate_pps; /* offered; 0: as fast as the port takes them */
	double tx_pps;
	uint64_t sent, lost;
	unsigned tries; /* of which the last one is told */
	bool passed;
};

struct search_result {
	double lossless_pps; /* 0: none found */
	struct search_trial trial[SEARCH_TRIALS_MAX];
	unsigned trials;
	struct {
		unsigned percent;
		struct run_result result;
	} point[SEARCH_POINTS];
	unsigned points;
};

/* A bisection as such: rates to try, and what came of them. */
struct search_state {
	double low, high; /* passed, failed */
	double resolution;
};
void search_begin(struct search_state *s, double highest, double resolution_percent);
/* The next rate to try; 0: low is the result. */
double search_next(const struct search_state *s);
void search_note(struct search_state *s, double rate, bool passed);
bool search_passed(const struct search_trial *t, double tolerance_percent);

/* last: the best trial's result. 0 or -errno. */
int search_run(struct generator *g, const struct options *o, struct program *program,
	       struct search_result *search, struct run_result *last);

#endif
