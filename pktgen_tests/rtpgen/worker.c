/* SPDX-License-Identifier: BSD-3-Clause */
/* Loops of the threads that poll. */
#include <time.h>

#include "pktgen_tests/rtpgen/generator.h"

#define REST_NS 50000 /* where cores are shared */

static void rest(const struct generator *g)
{
	const struct timespec t = { .tv_nsec = REST_NS };

	if (!g->polling)
		nanosleep(&t, NULL);
}

int worker_both(void *argument)
{
	struct generator *g = argument;
	struct sending *s = sending_create(g);

	if (!s)
		return -1;
	while (generator_phase(g) != PHASE_QUIT) {
		/* All that has come first: a ring that we let run full would lose packets, which the
		 * relay is blamed for. */
		bool busy = receiving_round(g);

		busy |= sending_round(s);
		if (!busy)
			rest(g);
	}
	sending_destroy(s);
	return 0;
}

int worker_send(void *argument)
{
	struct generator *g = argument;
	struct sending *s = sending_create(g);

	if (!s)
		return -1;
	while (generator_phase(g) != PHASE_QUIT) {
		if (!sending_round(s))
			rest(g);
	}
	sending_destroy(s);
	return 0;
}

int worker_receive(void *argument)
{
	struct generator *g = argument;

	while (generator_phase(g) != PHASE_QUIT) {
		if (!receiving_round(g))
			rest(g);
	}
	return 0;
}
