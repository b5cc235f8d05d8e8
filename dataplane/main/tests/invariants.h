/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold of a flow table after each command, whatever came before. For small tables: it
 * looks at everything. `must` is called with a text for what does not hold.
 */
#ifndef DATAPLANE_MAIN_TESTS_INVARIANTS_H
#define DATAPLANE_MAIN_TESTS_INVARIANTS_H

#include <arpa/inet.h>
#include <stdlib.h>

#include "dataplane/flow/internal.h"

typedef void (*must_t)(bool holds, const char *what);

/* Every index is in use or free, or (a termination) waits for its grace period. */
static inline void check_free_lists(const struct flow_table *t, must_t must)
{
	uint32_t contexts = 0, terminations = 0;

	for (uint32_t i = t->free_context; i < t->max; i = t->contexts[i].next_free) {
		must(t->context_records[i].generation == 0, "a free context is in use");
		must(++contexts <= t->max, "the free contexts are a circle");
	}
	must(contexts + t->contexts_used == t->max, "contexts were lost");
	for (uint32_t i = t->free_termination; i < t->max; i = t->terminations[i].next_free) {
		must(t->records[i].generation == 0 && !t->terminations[i].box,
		     "a free termination is in use");
		must(++terminations <= t->max, "the free terminations are a circle");
	}
	must(terminations + t->terminations_used <= t->max, "terminations are there twice");
}

static inline void check_flow(const struct flow_table *t, const struct termination *m,
			      uint32_t index, must_t must)
{
	const struct flow *f =
		flow_lookup(&t->lookup, (uint32_t)m->pool * FLOW_SLOTS_PER_ADDRESS + m->port / 2u);

	must(f && m->box && f == &m->box->flow, "a termination's flow is not where its port is");
	must(f->termination == index && f->generation == t->records[index].generation,
	     "a flow is another termination's");
	must(f->worker == t->records[index].worker && f->worker < t->workers, "a flow's worker");
	must(!(f->flags & FLOW_HAS_PEER) || f->source_port != htons(m->port),
	     "a flow sends with its own port");
}

static inline void check_member(const struct flow_table *t, const struct context *c, uint32_t i,
				dp_handle_t context, must_t must)
{
	uint32_t index = c->member[i];
	const struct termination *m = &t->terminations[index];
	const struct dp_termination_record *r = &t->records[index];
	const struct port_pool *pool = &t->pools[m->pool];

	must(index < t->max && m->context == context.index && m->position == i,
	     "a context and its member disagree");
	must(dp_handle_equal(r->context, context) && r->generation != 0 && r->version % 2 == 0,
	     "a termination's record");
	must(r->label == t->context_records[context.index].label, "a termination's label");
	must(r->local.port == m->port && m->port % 2 == 0 && m->port >= pool->first &&
		     m->port < pool->first + 2 * pool->total,
	     "a termination's port");
	must(r->direction <= DP_DIRECTION_SENDRECV && r->source_rule <= DP_SOURCE_HOST &&
		     r->codec < DP_CODEC_COUNT && r->clock_rate >= 1000,
	     "a termination's settings");
	for (uint32_t k = 0; k < c->count; k++)
		must(r->remote.family == DP_FAMILY_NONE ||
			     memcmp(&r->remote, &t->records[c->member[k]].local,
				    offsetof(struct dp_address, reserved)) != 0,
		     "media is sent in a circle");
	check_flow(t, m, index, must);
}

static inline void check_contexts(const struct flow_table *t, must_t must)
{
	uint32_t contexts = 0, terminations = 0, unclaimed = 0, owned[DP_CHANNELS_MAX] = { 0 };

	for (uint32_t i = 0; i < t->max; i++) {
		const struct dp_context_record *r = &t->context_records[i];
		const struct context *c = &t->contexts[i];
		dp_handle_t handle = { i, r->generation };

		if (r->generation == 0)
			continue;
		contexts++;
		must(i < t->contexts_high, "a context beyond the highest");
		must(r->label != 0 && r->version % 2 == 0 && r->terminations == c->count &&
			     c->count <= CONTEXT_TERMINATIONS_MAX,
		     "a context's record");
		if (context_owner(t, i) == DP_NOBODY)
			unclaimed++;
		else
			owned[context_owner(t, i)]++;
		terminations += c->count;
		for (uint32_t k = 0; k < c->count; k++) {
			must((c->hears[k] >> c->count) == 0 && !(c->hears[k] & (1u << k)),
			     "somebody hears who is not there");
			check_member(t, c, k, handle, must);
		}
	}
	must(contexts == t->contexts_used, "count of contexts");
	must(terminations == t->terminations_used, "count of terminations");
	must(unclaimed == t->unclaimed, "count of unclaimed contexts");
	must(memcmp(owned, t->owned, sizeof(owned)) == 0, "counts of owners");
}

/* Each port is ready, resting, or somebody's; no port that is nobody's has a flow. */
static inline void check_pools(const struct flow_table *t, must_t must)
{
	uint32_t used = 0, flows = 0;

	for (unsigned p = 0; p < t->pool_count; p++) {
		const struct port_pool *pool = &t->pools[p];

		must(pool->ready_count + pool->resting_count + t->pool_stats[p].used == pool->total,
		     "ports were lost");
		used += t->pool_stats[p].used;
		for (uint32_t i = 0; i < pool->total; i++)
			flows += flow_lookup(&t->lookup, p * FLOW_SLOTS_PER_ADDRESS +
								 pool->first / 2u + i) != NULL;
	}
	must(used == t->terminations_used, "ports in use");
	must(flows == t->terminations_used, "flows of no termination");
}

static inline void check_workers(const struct flow_table *t, must_t must)
{
	uint32_t flows = 0;

	for (uint32_t i = 0; i < t->workers; i++)
		flows += t->shares[i].flows;
	must(flows == t->terminations_used, "flows of workers");
}

static inline void check_invariants(const struct flow_table *t, must_t must)
{
	check_free_lists(t, must);
	check_contexts(t, must);
	check_pools(t, must);
	check_workers(t, must);
}

#endif
