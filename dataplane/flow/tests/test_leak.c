/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts that no client claims: whose they are, when they go, what saves them. */
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "dataplane/flow/flow.h"

#define MAX   16384u
#define GRACE 10000u

static struct flow_table *table;
static struct dp_context_record *contexts;
static struct dp_termination_record *records;
static struct dp_termination_counters *counters;
static struct dp_pool_stats pools[1];
static struct dp_realm_stats realm_stats[1];

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return NULL;
}

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) / 64 * 64);

	cr_assert(p);
	return memset(p, 0, size);
}

static void set_up(void)
{
	static const struct flow_realm realm;
	const struct flow_pool pool = {
		.address = { .ip = { 198, 18, 0, 20 }, .family = DP_FAMILY_IPV4 },
		.port_first = 20000,
		.port_last = 20099,
	};
	struct flow_table_config config = { .pools = &pool,
					    .pool_count = 1,
					    .realms = &realm,
					    .realm_count = 1,
					    .realm_stats = realm_stats,
					    .terminations_max = MAX,
					    .workers = 1,
					    .pool_stats = pools,
					    .resolve = resolve };

	config.contexts = contexts = zeroed(MAX * sizeof(*contexts));
	config.terminations = records = zeroed(MAX * sizeof(*records));
	config.counters = counters = zeroed(MAX * sizeof(*counters));
	cr_assert_eq(flow_table_create(&config, &table), 0);
	flow_sweep(table, 1, GRACE, MAX);
}

static void tear_down(void)
{
	flow_table_destroy(table);
	free(contexts);
	free(records);
	free(counters);
}

TestSuite(leak, .init = set_up, .fini = tear_down, .timeout = 60);

static dp_handle_t a_context(uint32_t owner)
{
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, owner, 77, &context), 0);
	return context;
}

static uint32_t a_termination(dp_handle_t context)
{
	struct dp_cmd_termination_add add = { .context = context,
					      .local.family = DP_FAMILY_IPV4,
					      .settings = { .clock_rate = 8000 } };
	struct dp_address local;
	dp_handle_t t;

	cr_assert_eq(flow_termination_add(table, &add, &t, &local), 0);
	return t.index;
}

static bool exists(dp_handle_t context)
{
	return contexts[context.index].generation == context.generation;
}

Test(leak, what_nobody_claims_goes_after_the_grace_time)
{
	dp_handle_t leak = a_context(3), mine = a_context(4);

	a_termination(leak);
	flow_sweep(table, 5000, GRACE, MAX);
	flow_owner_gone(table, 3);
	cr_assert_eq(contexts[leak.index].owner, DP_NOBODY);
	cr_assert_eq(contexts[leak.index].unclaimed_ms, 5000);
	cr_assert_eq(flow_unclaimed_count(table), 1);
	cr_assert_eq(flow_sweep(table, 5000 + GRACE - 1, GRACE, MAX), 0);
	cr_assert_eq(flow_sweep(table, 5000 + GRACE, GRACE, MAX), 1);
	cr_assert_not(exists(leak));
	cr_assert(exists(mine));
	cr_assert_eq(flow_termination_count(table), 0);
	cr_assert_eq(flow_unclaimed_count(table), 0);
	cr_assert_eq(flow_reclaimed_count(table), 1);
}

Test(leak, without_a_grace_time_it_stays)
{
	dp_handle_t leak = a_context(3);

	flow_owner_gone(table, 3);
	cr_assert_eq(flow_sweep(table, UINT64_C(1) << 40, 0, MAX), 0);
	cr_assert(exists(leak));
}

Test(leak, media_keeps_it_and_the_grace_time_counts_from_the_last_packet)
{
	dp_handle_t leak = a_context(3);
	uint32_t first = a_termination(leak), second = a_termination(leak);

	flow_owner_gone(table, 3);
	counters[first].packets = 50;
	cr_assert_eq(flow_sweep(table, GRACE, GRACE, MAX), 0);
	counters[second].rtcp_packets = 1;
	cr_assert_eq(flow_sweep(table, GRACE + 7000, GRACE, MAX), 0);
	cr_assert_eq(flow_sweep(table, 2 * GRACE + 6999, GRACE, MAX), 0);
	cr_assert_eq(flow_sweep(table, 2 * GRACE + 7000, GRACE, MAX), 1);
}

Test(leak, a_claim_saves_it_and_starts_the_grace_time_anew)
{
	dp_handle_t leak = a_context(3);

	flow_owner_gone(table, 3);
	cr_assert_eq(flow_context_claim(table, 5, leak), 0);
	cr_assert_eq(contexts[leak.index].unclaimed_ms, 0);
	cr_assert_eq(flow_unclaimed_count(table), 0);
	cr_assert_eq(flow_sweep(table, 2 * GRACE, GRACE, MAX), 0);
	flow_owner_gone(table, 5);
	cr_assert_eq(flow_sweep(table, 3 * GRACE - 1, GRACE, MAX), 0);
	cr_assert_eq(flow_sweep(table, 3 * GRACE, GRACE, MAX), 1);
}

/* Its records may not say so yet, when there are many. */
Test(leak, who_comes_on_the_same_channel_inherits_nothing)
{
	struct flow_notice notice = {
		.latch_epoch = 1,
		.source = { .ip = { 198, 18, 0, 99 }, .port = 4000, .family = DP_FAMILY_IPV4 }
	};
	struct dp_ev_latched event;
	dp_handle_t last;
	uint32_t owner;

	for (uint32_t i = 0; i < MAX; i++)
		last = a_context(3);
	notice.termination = a_termination(last);
	notice.generation = records[notice.termination].generation;
	flow_owner_gone(table, 3);
	cr_assert_eq(flow_unclaimed_count(table), MAX);
	cr_assert_eq(contexts[last.index].owner, 3, "not all in one go");
	cr_assert(flow_latched(table, &notice, &owner, &event));
	cr_assert_eq(owner, DP_NOBODY);
	flow_owner_comes(table);
	for (uint32_t i = 0; i < MAX; i++)
		cr_assert_eq(contexts[i].owner, DP_NOBODY);
}

Test(leak, many_go_in_many_sweeps)
{
	uint32_t sweeps = 0;

	for (uint32_t i = 0; i < MAX; i++)
		a_context(3);
	flow_owner_gone(table, 3);
	flow_owner_comes(table);
	while (flow_context_count(table) > 0) {
		cr_assert_leq(flow_sweep(table, GRACE + 1, GRACE, 640), 10);
		cr_assert_lt(++sweeps, 2 * MAX);
	}
	cr_assert_eq(flow_reclaimed_count(table), MAX);
}

Test(leak, by_hand_one_or_all_that_are_old_enough)
{
	dp_handle_t old = a_context(3), young = a_context(4), mine = a_context(5);
	uint32_t count;

	a_termination(old);
	flow_owner_gone(table, 3);
	flow_sweep(table, 9001, 0, MAX);
	flow_owner_gone(table, 4);
	flow_sweep(table, 10001, 0, MAX);
	cr_assert_eq(flow_reclaim_unclaimed(table, mine, 0, false, &count), -EPERM);
	cr_assert_eq(flow_reclaim_unclaimed(table, (dp_handle_t){ 9, 9 }, 0, false, &count),
		     -ESTALE);
	cr_assert_eq(flow_reclaim_unclaimed(table, young, 1001, false, &count), 0);
	cr_assert_eq(count, 0);
	cr_assert_eq(flow_reclaim_unclaimed(table, DP_HANDLE_NONE, 1001, false, &count), 0);
	cr_assert_eq(count, 1);
	cr_assert(!exists(old) && exists(young) && exists(mine));
	cr_assert_eq(flow_reclaim_unclaimed(table, young, 1000, false, &count), 0);
	cr_assert_eq(count, 1);
	cr_assert(!exists(young) && exists(mine));
	cr_assert_eq(flow_reclaimed_count(table), 2);
}

Test(leak, many_by_hand_are_counted_at_once_and_a_claim_still_saves)
{
	dp_handle_t last;
	uint32_t count;

	for (uint32_t i = 0; i < MAX; i++)
		last = a_context(3);
	flow_owner_gone(table, 3);
	cr_assert_eq(flow_reclaim_unclaimed(table, DP_HANDLE_NONE, 0, false, &count), 0);
	cr_assert_eq(count, MAX);
	cr_assert_gt(flow_context_count(table), 1, "not all in one go");
	cr_assert_eq(flow_context_claim(table, 1, last), 0);
	for (unsigned i = 0; i < MAX && flow_context_count(table) > 1; i++)
		flow_sweep(table, 2, 0, 4096);
	cr_assert(exists(last));
	cr_assert_eq(flow_context_count(table), 1);
	cr_assert_eq(flow_unclaimed_count(table), 0);
}

static uint32_t reclaimed(dp_handle_t context, uint32_t min_age_ms, bool force)
{
	uint32_t count;

	cr_assert_eq(flow_reclaim_unclaimed(table, context, min_age_ms, force, &count), 0);
	return count;
}

Test(leak, media_protects_from_the_hand_unless_it_is_forced)
{
	dp_handle_t all = a_context(3), one = a_context(3);
	uint32_t a = a_termination(all), b = a_termination(one), count;

	flow_sweep(table, 10000, 0, MAX);
	flow_owner_gone(table, 3);
	counters[a].packets = counters[b].packets = 1;
	counters[a].last_packet_ms = counters[b].last_packet_ms = 18001;
	flow_sweep(table, 20000, 0, 0); /* none is looked at, the clock goes on */
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 0, false), 0);
	cr_assert_eq(flow_reclaim_unclaimed(table, one, 0, false, &count), -EBUSY);
	cr_assert_eq(count, 0);
	cr_assert(exists(all) && exists(one));
	cr_assert_eq(reclaimed(one, 0, true), 1);
	cr_assert(exists(all) && !exists(one));
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 10001, true), 0, "not unclaimed for so long");
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 10000, true), 1);
	cr_assert_not(exists(all));
}

Test(leak, the_hand_takes_what_was_silent_for_long_enough)
{
	dp_handle_t spoke = a_context(3), rtcp = a_context(3);
	uint32_t s = a_termination(spoke), r = a_termination(rtcp);

	flow_sweep(table, 10000, 0, MAX);
	flow_owner_gone(table, 3);
	counters[s].packets = 1;
	counters[s].last_packet_ms = 15000;
	counters[r].rtcp_packets = 1; /* at a time that nobody noted */
	flow_sweep(table, 20000, 0, 0);
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 5001, false), 0);
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 5000, false), 1);
	cr_assert(!exists(spoke) && exists(rtcp));
	flow_sweep(table, 20000, 0, MAX); /* sees the RTCP */
	flow_sweep(table, 25000, 0, 0);
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 5001, false), 0);
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 5000, false), 1);
	cr_assert_not(exists(rtcp));
}

/* Workers have the low half of the clock, and may be ahead of the manager's. */
Test(leak, media_protects_when_the_clock_comes_round)
{
	const uint64_t round = UINT64_C(1) << 32;
	dp_handle_t leak = a_context(3);
	uint32_t i = a_termination(leak);

	flow_sweep(table, round - 5000, 0, MAX);
	flow_owner_gone(table, 3);
	counters[i].last_packet_ms = UINT32_MAX - 99;
	flow_sweep(table, round + 900, 0, 0);
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 0, false), 0);
	counters[i].last_packet_ms = 1000;
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 0, false), 0);
	flow_sweep(table, round + 3000, 0, 0);
	cr_assert_eq(reclaimed(DP_HANDLE_NONE, 0, false), 1);
}
