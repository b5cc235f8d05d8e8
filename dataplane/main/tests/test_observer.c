/* SPDX-License-Identifier: BSD-3-Clause */
/* What the workers are told to look for, and when captures and traces are over. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_eal.h>
#include <rte_ring_elem.h>

#include "dataplane/client/client.h"
#include "dataplane/flow/flow.h"
#include "dataplane/kernel/nexthop.h"
#include "dataplane/main/observer.h"
#include "dataplane/nodes/observe.h"

#define TERMINATIONS 16u
#define CALL         77u

static struct dp_context_record contexts[TERMINATIONS];
static struct dp_termination_record terminations[TERMINATIONS];
static struct dp_termination_counters counters[TERMINATIONS] __attribute__((aligned(64)));
static struct dp_pool_stats pools[1];
static struct dp_realm_stats realm_stats[1];
static const struct flow_realm realm = { .dscp = 46 };
static struct nexthop nowhere;
static struct flow_table *table;
static struct observer *observer;
static struct observe *hooks;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return &nowhere;
}

static void set_up(void)
{
	char *args[] = { "test",     "--no-huge",      "--no-shconf",   "-m", "64",
			 "--no-pci", "--no-telemetry", "--log-level=1", "-l", "0" };
	struct flow_pool pool = { .port_first = 16384, .port_last = 16399 };
	const struct flow_table_config config = {
		.pools = &pool,
		.pool_count = 1,
		.realms = &realm,
		.realm_count = 1,
		.realm_stats = realm_stats,
		.terminations_max = TERMINATIONS,
		.workers = 1,
		.contexts = contexts,
		.terminations = terminations,
		.counters = counters,
		.pool_stats = pools,
		.resolve = resolve,
	};
	struct observer_config observed = {
		.workers = 1, .ports = 2, .port_names = { "lan", "core" }, .port_ids = { 3, 1 }
	};

	cr_assert(rte_eal_init(sizeof(args) / sizeof(args[0]), args) >= 0);
	cr_assert(eq(int, dp_address_parse("198.18.0.20", 16384, &pool.address), 0));
	cr_assert(eq(int, flow_table_create(&config, &table), 0));
	observed.flows = table;
	cr_assert(eq(int, observer_create(&observed, &observer), 0));
	hooks = observer_hooks(observer);
}

static void tear_down(void)
{
	observer_destroy(observer);
	flow_table_destroy(table);
}

TestSuite(observer, .init = set_up, .fini = tear_down, .timeout = 30);

static const struct observe_plan *plan(void)
{
	return atomic_load(&hooks->plan);
}

static int begin(uint64_t label, uint16_t port, uint32_t owner, uint32_t *id)
{
	const struct observer_capture capture = { .filter = { .label = label, .port = port },
						  .owner = owner };
	char path[] = "/tmp/tandem-observer-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	return observer_capture_start(observer, &capture, fd, id);
}

static struct dp_capture_state state_of(uint32_t id)
{
	struct dp_capture_state states[DP_CAPTURES_MAX] = { 0 };
	unsigned count = observer_captures(observer, states);

	for (unsigned i = 0; i < count; i++)
		if (states[i].id == id)
			return states[i];
	return (struct dp_capture_state){ 0 };
}

/* The suite's time-out ends what never comes. */
static void wait_ended(uint32_t id)
{
	while (state_of(id).phase != DP_CAPTURE_ENDED)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

Test(observer, workers_look_for_what_runs_and_for_nothing_else)
{
	uint32_t one = 0, other = 0;

	cr_expect(plan() == NULL);
	cr_assert(eq(int, begin(0, 0, 0, &one), 0));
	cr_assert(eq(int, begin(CALL, DP_PORT_ANY, 0, &other), 0));
	cr_expect(eq(u32, plan()->captures[0].id, one));
	cr_expect(eq(u32, plan()->captures[0].port, 3)); /* DPDK's number of "lan" */
	cr_expect(eq(u64, plan()->captures[1].label, CALL));
	cr_expect(plan()->any_call);
	cr_expect(eq(u32, state_of(one).phase, DP_CAPTURE_RUNS));
	cr_assert(eq(int, observer_capture_stop(observer, one), 0));
	cr_expect(eq(u32, plan()->captures[0].id, 0));
	cr_expect(not(plan()->any_call));
	wait_ended(one);
	cr_expect(eq(u32, state_of(other).phase, DP_CAPTURE_RUNS));
	cr_assert(eq(int, observer_capture_stop(observer, 0), 0));
	cr_expect(plan() == NULL);
	wait_ended(other);
	cr_expect(eq(int, observer_capture_stop(observer, 999), -ESTALE));
}

Test(observer, places_are_used_again)
{
	uint32_t ids[DP_CAPTURES_MAX], more = 0;

	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++)
		cr_assert(eq(int, begin(0, 0, 0, &ids[i]), 0));
	cr_expect(eq(int, begin(0, 0, 0, &more), -ENOSPC));
	cr_assert(eq(int, observer_capture_stop(observer, ids[5]), 0));
	wait_ended(ids[5]);
	/* and no worker can see it any more */
	while (begin(0, 1, 0, &more) == -ENOSPC)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	cr_expect(eq(u32, plan()->captures[5].id, more));
	cr_expect(eq(u32, state_of(ids[5]).id, 0));
}

Test(observer, what_cannot_be_captured_is_refused)
{
	const struct observer_capture capture = { .filter.port = DP_PORT_ANY };
	uint32_t id = 0;

	cr_expect(eq(int, begin(0, 2, 0, &id), -ENODEV));
	cr_expect(eq(int, observer_capture_start(observer, &capture, -1, &id), -EBADF));
	cr_expect(eq(int,
		     observer_capture_start(observer, &capture,
					    open("/dev/null", O_WRONLY | O_CLOEXEC), &id),
		     -EINVAL));
	cr_expect(plan() == NULL);
}

Test(observer, what_is_tied_ends_with_its_owner)
{
	uint32_t tied = 0, free_one = 0;
	const struct dp_packet_filter any = { .port = DP_PORT_ANY };

	cr_assert(eq(int, begin(0, 0, 8, &tied), 0));
	cr_assert(eq(int, begin(0, 0, 0, &free_one), 0));
	cr_assert(eq(int, observer_trace_start(observer, &any, 5, 8), 0));
	observer_owner_gone(observer, 9);
	cr_expect(eq(u32, plan()->trace.packets, 5));
	observer_owner_gone(observer, 8);
	cr_expect(eq(u32, plan()->trace.id, 0));
	wait_ended(tied);
	cr_expect(eq(u32, state_of(free_one).phase, DP_CAPTURE_RUNS));
}

/* --- traces --- */

static struct {
	int result;
	unsigned count;
	struct dp_trace_record last;
} sent;

static int send_record(void *arg, uint32_t owner, const void *data, size_t size)
{
	(void)arg;
	cr_assert(eq(u32, owner, 4));
	cr_assert(eq(sz, size, sizeof(sent.last)));
	if (sent.result == 0) {
		memcpy(&sent.last, data, size);
		sent.count++;
	}
	return sent.result;
}

static bool run_at(uint64_t ms)
{
	uint32_t owner;

	return observer_trace_run(observer, ms, &owner, send_record, NULL);
}

static void note(uint32_t packet, uint32_t trace, bool left)
{
	struct dp_trace_record r = { .packet = packet, .trace = trace, .left = left, .port = 1 };

	cr_assert(eq(int, rte_ring_enqueue_elem(hooks->records[0], &r, sizeof(r)), 0));
}

static void trace(uint32_t packets)
{
	const struct dp_packet_filter lan = { .port = 0 };

	cr_assert(eq(int, observer_trace_start(observer, &lan, packets, 4), 0));
}

Test(observer, a_trace_is_over_when_all_its_packets_have_left)
{
	trace(2);
	cr_expect(eq(u32, plan()->trace.port, 3));
	note(1, 1, false);
	note(2, 1, true);
	note(2, 1, true);  /* dropped behind tx: it leaves once */
	note(1, 99, true); /* of another trace */
	cr_expect(not(run_at(1000)));
	cr_expect(eq(u32, sent.count, 3));
	cr_expect(eq(u32, sent.last.port, 1)); /* "core", DPDK's number 1 */
	note(1, 1, true);
	cr_expect(not(run_at(1001)));
	cr_expect(eq(u32, sent.count, 5));
	cr_expect(eq(u32, sent.last.last, 1));
	cr_expect(plan() == NULL);
	trace(1);
	cr_expect(eq(u32, plan()->trace.id, 2));
}

Test(observer, a_packet_that_is_lost_does_not_keep_a_trace)
{
	trace(1);
	atomic_store(&hooks->traced, 1);
	note(1, 1, false);
	run_at(1000);
	run_at(1900);
	cr_expect(plan() != NULL);
	run_at(2100);
	cr_expect(eq(u32, sent.last.last, 1));
	cr_expect(plan() == NULL);
}

Test(observer, who_does_not_read_his_trace_loses_it)
{
	trace(3);
	note(1, 1, false);
	sent.result = -EAGAIN;
	cr_expect(not(run_at(1000)));
	sent.result = 0;
	cr_expect(not(run_at(2000)));
	cr_expect(eq(u32, sent.count, 1)); /* it was kept */
	note(1, 1, true);
	sent.result = -EAGAIN;
	cr_expect(not(run_at(6000)));
	cr_expect(run_at(7100));
	cr_expect(plan() == NULL);
}

Test(observer, one_trace_at_a_time)
{
	const struct dp_packet_filter any = { .port = DP_PORT_ANY }, none = { .port = 7 };

	cr_expect(eq(int, observer_trace_start(observer, &any, 0, 4), -EINVAL));
	cr_expect(eq(int, observer_trace_start(observer, &any, DP_TRACE_PACKETS_MAX + 1, 4),
		     -EINVAL));
	cr_expect(eq(int, observer_trace_start(observer, &none, 1, 4), -ENODEV));
	trace(DP_TRACE_PACKETS_MAX);
	cr_expect(eq(int, observer_trace_start(observer, &any, 1, 5), -EBUSY));
}
