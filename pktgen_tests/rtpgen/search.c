/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/search.h"

#include <stdio.h>

static const unsigned percents[SEARCH_POINTS] = { 10, 50, 90 };

void search_begin(struct search_state *s, double highest, double resolution_percent)
{
	*s = (struct search_state){ .high = highest,
				    .resolution = highest * resolution_percent / 100 };
}

double search_next(const struct search_state *s)
{
	return s->high - s->low > s->resolution ? (s->low + s->high) / 2 : 0;
}

void search_note(struct search_state *s, double rate, bool passed)
{
	*(passed ? &s->low : &s->high) = rate;
}

bool search_passed(const struct search_trial *t, double tolerance_percent)
{
	return t->sent > 0 && (double)t->lost <= (double)t->sent * tolerance_percent / 100 &&
	       (t->rate_pps == 0 || t->tx_pps >= t->rate_pps * SEARCH_SENT_AT_LEAST);
}

static int try_once(struct generator *g, const struct options *o, struct program *program,
		    struct search_trial *t, struct run_result *result)
{
	int error = run_once(g, t->rate_pps, o->trial_s, true, program, false, result);

	if (error)
		return error;
	t->tries++;
	t->tx_pps = result->tx_pps;
	t->sent = result->total.sent;
	t->lost = result->total.lost + result->given_up;
	t->passed = search_passed(t, o->loss_tolerance_percent);
	return 0;
}

/* Returns whether it passed, or -errno. */
static int try(struct generator *g, const struct options *o, struct program *program, double rate,
	       struct search_result *search, struct run_result *best)
{
	static struct run_result result;
	struct search_trial *t = &search->trial[search->trials++];

	*t = (struct search_trial){ .rate_pps = rate };
	do {
		int error = try_once(g, o, program, t, &result);

		if (error)
			return error;
	} while (!t->passed && t->tries <= o->retries && !run_interrupted);
	if (!o->quiet)
		fprintf(stderr, "trial %u: %s%.0f/s, sent %.0f/s, lost %lu: %s (%u)\n",
			search->trials, rate > 0 ? "" : "unpaced ", rate, t->tx_pps, t->lost,
			t->passed ? "passed" : "failed", t->tries);
	if (t->passed && t->tx_pps > search->lossless_pps) {
		search->lossless_pps = t->tx_pps;
		*best = result;
	} else if (search->lossless_pps == 0) {
		*best = result;
	}
	return t->passed;
}

static int measure_points(struct generator *g, const struct options *o, struct program *program,
			  struct search_result *search)
{
	for (unsigned i = 0; i < SEARCH_POINTS && !run_interrupted; i++) {
		double rate = search->lossless_pps * percents[i] / 100;
		int error;

		search->point[i].percent = percents[i];
		error = run_once(g, rate, o->trial_s, true, program, false,
				 &search->point[i].result);
		if (error)
			return error;
		search->points++;
	}
	return 0;
}

int search_run(struct generator *g, const struct options *o, struct program *program,
	       struct search_result *search, struct run_result *last)
{
	struct search_state state;
	double rate = o->max_rate;
	int passed = try(g, o, program, rate, search, last);

	if (passed < 0)
		return passed;
	/* Unpaced, what the port took is where to begin; if nothing was lost of it, that is all. */
	search_begin(&state, rate > 0 ? rate : search->trial[0].tx_pps, o->resolution_percent);
	while (!passed || search->trials > 1) {
		rate = search_next(&state);
		if (rate <= 0 || search->trials == SEARCH_TRIALS_MAX || run_interrupted)
			break;
		passed = try(g, o, program, rate, search, last);
		if (passed < 0)
			return passed;
		search_note(&state, rate, passed);
	}
	return o->latency_points ? measure_points(g, o, program, search) : 0;
}
