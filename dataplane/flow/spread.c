/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker owns a flow: by load when it is made, and anew when its worker does not answer. */
#include "dataplane/flow/internal.h"

#define BUSY_BASE 200u /* of 1000: how much of the weight is the number of flows alone */

/* Flows are alike, but workers are not: one may poll more queues, or share its core. */
static uint64_t weight(const struct worker_share *w)
{
	return (uint64_t)(w->flows + 1) * (w->busy + BUSY_BASE);
}

uint8_t worker_for_flow(const struct flow_table *t)
{
	uint32_t best = NOWHERE;

	for (uint32_t i = 0; i < t->workers; i++)
		if (!t->shares[i].away &&
		    (best == NOWHERE || weight(&t->shares[i]) < weight(&t->shares[best])))
			best = i;
	return best == NOWHERE ? 0 : (uint8_t)best;
}

void flow_worker_busy(struct flow_table *t, uint32_t worker, uint32_t permille)
{
	t->shares[worker].busy = permille < 1000 ? permille : 1000;
}

void flow_worker_away(struct flow_table *t, uint32_t worker, bool away)
{
	uint32_t present = 0, to_move = 0;

	t->shares[worker].away = away;
	for (uint32_t i = 0; i < t->workers; i++) {
		present += !t->shares[i].away;
		to_move += t->shares[i].away ? t->shares[i].flows : 0;
	}
	t->to_move = present > 0 && to_move > 0 ? t->contexts_high : 0;
}

uint32_t flow_worker_flows(const struct flow_table *t, uint32_t worker)
{
	return t->shares[worker].flows;
}

static void set_worker(struct flow_table *t, uint32_t index, uint8_t worker)
{
	struct dp_termination_record *r = &t->records[index];

	t->shares[r->worker].flows--;
	t->shares[worker].flows++;
	record_begin(&r->version);
	r->worker = worker;
	record_end(&r->version);
}

/* False: memory is out, and nothing was changed. */
static bool move_context(struct flow_table *t, struct context *c)
{
	uint8_t before[CONTEXT_TERMINATIONS_MAX];
	bool moves = false;

	for (uint32_t i = 0; i < c->count; i++) {
		before[i] = t->records[c->member[i]].worker;
		if (!t->shares[before[i]].away)
			continue;
		set_worker(t, c->member[i], worker_for_flow(t));
		moves = true;
	}
	if (!moves || context_publish(t, c) == 0)
		return true;
	for (uint32_t i = 0; i < c->count; i++)
		set_worker(t, c->member[i], before[i]);
	return false;
}

uint32_t flow_move_some(struct flow_table *t, uint32_t budget)
{
	for (; t->to_move > 0 && budget > 0; budget--) {
		uint32_t i = t->move_next < t->contexts_high ? t->move_next : 0;

		if (t->context_records[i].generation && !move_context(t, &t->contexts[i]))
			break; /* the next tick tries again */
		t->move_next = i + 1;
		t->to_move--;
	}
	return t->to_move;
}
