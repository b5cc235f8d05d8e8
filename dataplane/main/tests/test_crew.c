/* SPDX-License-Identifier: BSD-3-Clause */
/* The crew's clock: whose heartbeat stands still is said to hang, and back when it beats again. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "dataplane/main/dataplane.h"

#define WORKERS 2u
#define TICK_MS 5u

static struct dp_worker_stats stats[WORKERS] __attribute__((aligned(64)));
static struct dp_context_record contexts[1];
static struct dp_termination_record terminations[1];
static struct dp_termination_counters counters[1] __attribute__((aligned(64)));
static struct dp_pool_stats pools[1];
static struct dp_realm_stats realms[1];
static struct dataplane dp;
static uint64_t now_ms;
static struct dp_ev_worker said[8];
static unsigned said_count;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return NULL;
}

static void set_up(void)
{
	static const struct flow_realm realm = { .dscp = 46 };
	const struct flow_pool media = {
		.address = { .ip = { 198, 18, 0, 20 }, .family = DP_FAMILY_IPV4 },
		.port_first = 20000,
		.port_last = 20001,
	};
	const struct flow_table_config config = { .pools = &media,
						  .pool_count = 1,
						  .realms = &realm,
						  .realm_count = 1,
						  .realm_stats = realms,
						  .terminations_max = 1,
						  .workers = WORKERS,
						  .contexts = contexts,
						  .terminations = terminations,
						  .counters = counters,
						  .pool_stats = pools,
						  .resolve = resolve };

	cr_assert_eq(flow_table_create(&config, &dp.flows), 0);
	dp.segment.workers = stats;
	dp.workers = WORKERS;
	now_ms = 1;
}

static void tear_down(void)
{
	flow_table_destroy(dp.flows);
}

TestSuite(crew, .init = set_up, .fini = tear_down, .timeout = 30);

static void say(struct dataplane *d, const struct dp_ev_worker *event)
{
	cr_assert_eq(d, &dp);
	cr_assert_lt(said_count, sizeof(said) / sizeof(said[0]));
	said[said_count++] = *event;
}

/* Time passes; beats: the workers of this mask show life at each tick. */
static void pass(unsigned ms, unsigned beats)
{
	for (unsigned i = 0; i < ms; i += TICK_MS) {
		for (unsigned w = 0; w < WORKERS; w++)
			stats[w].heartbeat_tsc += beats >> w & 1;
		now_ms += TICK_MS;
		crew_tick(&dp, now_ms, say);
	}
}

Test(crew, a_worker_that_is_silent_for_a_second_hangs_and_comes_back)
{
	pass(100, 3);
	pass(990, 1);
	cr_assert_eq(said_count, 0, "not yet a second");
	pass(20, 1);
	cr_assert_eq(said_count, 1, "once");
	cr_expect_eq(said[0].worker, 1);
	cr_expect_eq(said[0].state, DP_WORKER_HUNG);
	cr_expect_eq(said[0].flows, 0, "nothing moves where nothing can");
	cr_expect_eq(stats[1].hangs, 1);
	cr_expect_eq(stats[1].state, DP_WORKER_HUNG);
	cr_expect_neq(stats[0].state, DP_WORKER_HUNG);
	pass(3000, 1);
	cr_assert_eq(said_count, 1);
	pass(TICK_MS, 3);
	cr_assert_eq(said_count, 2);
	cr_expect_eq(said[1].worker, 1);
	cr_expect_eq(said[1].state, DP_WORKER_RUNNING);
	cr_expect_eq(stats[1].state, DP_WORKER_RUNNING);
}

Test(crew, a_worker_that_has_not_begun_does_not_hang)
{
	pass(3000, 1);
	cr_expect_eq(said_count, 0);
}

/* Stopped itself, the manager has not seen them be silent. */
Test(crew, time_in_which_nobody_looked_counts_as_little)
{
	pass(100, 3);
	for (unsigned i = 0; i < 10; i++) {
		now_ms += 10000;
		crew_tick(&dp, now_ms, say);
	}
	cr_expect_eq(said_count, 0);
	pass(TICK_MS, 3);
	pass(900, 0);
	cr_expect_eq(said_count, 0, "begins anew with each sign of life");
	pass(200, 0);
	cr_expect_eq(said_count, 2);
}
