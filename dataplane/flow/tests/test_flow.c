/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow table without workers: handles, ports, topology, latches, time-outs, hostile fields. */
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include <urcu/urcu-qsbr.h>

#include "dataplane/flow/flow.h"
#include "dataplane/kernel/nexthop.h"

#define MAX 64u

static struct nexthop hop;
static unsigned resolved; /* how often a way was asked for */
static struct flow_table *table;
static struct dp_context_record contexts[MAX];
static struct dp_termination_record records[MAX];
static struct dp_termination_counters *counters;
static struct dp_pool_stats pools[1];
static struct dp_realm_stats realm_stats[1];

static struct {
	unsigned timeouts, resumes;
	uint32_t owner;
	struct dp_event event;
} seen;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	resolved++;
	return &hop;
}

static struct dp_address ipv4(uint8_t last, uint16_t port)
{
	struct dp_address a = { .ip = { 198, 18, 0, last },
				.port = port,
				.family = DP_FAMILY_IPV4 };

	return a;
}

static void set_up(void)
{
	/* four port pairs: 20000, 20002, 20004, 20006 */
	struct flow_pool pool = { .address = ipv4(20, 0), .port_first = 20000, .port_last = 20007 };
	static const struct flow_realm realm = { .dscp = 46 };
	struct flow_table_config config = { .pools = &pool,
					    .pool_count = 1,
					    .realms = &realm,
					    .realm_count = 1,
					    .realm_stats = realm_stats,
					    .terminations_max = MAX,
					    .workers = 2,
					    .contexts = contexts,
					    .terminations = records,
					    .pool_stats = pools,
					    .resolve = resolve };

	memset(&seen, 0, sizeof(seen));
	counters = aligned_alloc(64, MAX * sizeof(*counters));
	memset(counters, 0, MAX * sizeof(*counters));
	config.counters = counters;
	cr_assert_eq(flow_table_create(&config, &table), 0);
}

static void tear_down(void)
{
	flow_table_destroy(table);
	free(counters);
}

TestSuite(flow, .init = set_up, .fini = tear_down);

static struct dp_cmd_termination_add an_add(dp_handle_t context, uint8_t remote)
{
	return (struct dp_cmd_termination_add){
		.context = context,
		.local = { .family = DP_FAMILY_IPV4 },
		.settings = { .remote = ipv4(remote, 4000),
			      .direction = DP_DIRECTION_SENDRECV,
			      .source_rule = DP_SOURCE_LEARN,
			      .payload_type = 0,
			      .telephone_event = 101,
			      .clock_rate = 8000,
			      .media_timeout_ms = 1000 },
	};
}

static dp_handle_t a_context(void)
{
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 3, 77, &context), 0);
	return context;
}

static dp_handle_t a_termination(dp_handle_t context, uint8_t remote, struct dp_address *local)
{
	struct dp_cmd_termination_add add = an_add(context, remote);
	struct dp_address ignored;
	dp_handle_t t;

	cr_assert_eq(flow_termination_add(table, &add, &t, local ? local : &ignored), 0);
	return t;
}

static const struct flow *flow_at(uint16_t port)
{
	return flow_lookup(flow_table_lookup(table), port / 2);
}

Test(flow, a_relay_sends_each_side_to_the_other)
{
	struct dp_address a, b;
	dp_handle_t context = a_context();

	a_termination(context, 101, &a);
	a_termination(context, 102, &b);
	cr_assert(flow_at(a.port)->flags & FLOW_HAS_PEER);
	cr_assert_eq(flow_at(a.port)->destination[3], 102);
	cr_assert_eq(flow_at(a.port)->source_port, htobe16(b.port));
	cr_assert_eq(flow_at(b.port)->destination[3], 101);
	cr_assert_eq(flow_at(b.port)->destination_rtcp_port, htobe16(4001));
	cr_assert_eq(flow_at(b.port)->nexthop, &hop);
}

Test(flow, a_lone_termination_has_no_peer)
{
	struct dp_address a;
	dp_handle_t context = a_context(), b;

	a_termination(context, 101, &a);
	cr_assert_not(flow_at(a.port)->flags & FLOW_HAS_PEER);
	b = a_termination(context, 102, NULL);
	cr_assert_eq(flow_termination_remove(table, b), 0);
	cr_assert_not(flow_at(a.port)->flags & FLOW_HAS_PEER);
}

Test(flow, a_stale_handle_is_refused)
{
	dp_handle_t context = a_context(), t = a_termination(context, 101, NULL), again;
	struct dp_cmd_termination_modify modify = { .termination = t, .mask = DP_SET_TIMEOUT };
	struct dp_cmd_termination_add add = an_add(context, 101);
	struct dp_address local;

	cr_assert_eq(flow_context_remove(table, context), 0);
	again = a_context();
	cr_assert_eq(again.index, context.index, "the index is used again");
	cr_assert_eq(flow_context_remove(table, context), -ESTALE);
	cr_assert_eq(flow_context_claim(table, 1, context), -ESTALE);
	cr_assert_eq(flow_termination_modify(table, &modify), -ESTALE);
	cr_assert_eq(flow_termination_remove(table, t), -ESTALE);
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), -ESTALE);
	cr_assert_eq(flow_context_remove(table, DP_HANDLE_NONE), -ESTALE);
	cr_assert_eq(flow_context_remove(table, (dp_handle_t){ UINT32_MAX, 1 }), -ESTALE);
}

Test(flow, ports_run_out_and_a_freed_one_comes_back_last)
{
	dp_handle_t context = a_context(), first, t;
	struct dp_cmd_termination_add add = an_add(context, 101);
	struct dp_address local, first_local;

	first = a_termination(context, 101, &first_local);
	a_termination(context, 101, NULL);
	cr_assert_eq(flow_termination_remove(table, first), 0);
	a_termination(context, 101, &local);
	cr_assert_neq(local.port, first_local.port);
	a_termination(context, 101, NULL);
	a_termination(context, 101, &local);
	cr_assert_eq(local.port, first_local.port);
	cr_assert_eq(pools[0].used, 4);
	cr_assert_eq(realm_stats[0].terminations, 4);
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), -EADDRNOTAVAIL);
	cr_assert_eq(flow_context_remove(table, context), 0);
	cr_assert_eq(pools[0].used, 0);
	cr_assert_eq(realm_stats[0].terminations, 0);
	cr_assert_eq(flow_termination_count(table), 0);
	cr_assert_null(flow_at(first_local.port));
}

Test(flow, a_port_can_be_asked_for)
{
	dp_handle_t context = a_context(), t;
	struct dp_cmd_termination_add add = an_add(context, 101);
	struct dp_address local;

	add.local = ipv4(20, 20004);
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), 0);
	cr_assert_eq(local.port, 20004);
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), -EADDRINUSE);
	add.local.port = 20008;
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), -EADDRNOTAVAIL);
	add.local = ipv4(21, 20006);
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), -EADDRNOTAVAIL);
	/* and the others are still given out, each once */
	for (int i = 0; i < 3; i++) {
		a_termination(context, 101, &local);
		cr_assert_neq(local.port, 20004);
	}
}

Test(flow, topology_decides_who_hears_whom)
{
	struct dp_address a, b;
	dp_handle_t context = a_context();
	struct dp_cmd_topology topology = { .context = context };

	topology.a = a_termination(context, 101, &a);
	topology.b = a_termination(context, 102, &b);
	topology.topology = DP_TOPOLOGY_ONEWAY;
	cr_assert_eq(flow_topology_set(table, &topology), 0);
	cr_assert(flow_at(a.port)->flags & FLOW_HAS_PEER);
	cr_assert_not(flow_at(b.port)->flags & FLOW_HAS_PEER);
	topology.topology = DP_TOPOLOGY_ISOLATE;
	cr_assert_eq(flow_topology_set(table, &topology), 0);
	cr_assert_not(flow_at(a.port)->flags & FLOW_HAS_PEER);
	topology.topology = DP_TOPOLOGY_BOTHWAY;
	cr_assert_eq(flow_topology_set(table, &topology), 0);
	cr_assert(flow_at(b.port)->flags & FLOW_HAS_PEER);
	topology.topology = 3;
	cr_assert_eq(flow_topology_set(table, &topology), -EINVAL);
	topology.topology = DP_TOPOLOGY_BOTHWAY;
	topology.b = topology.a;
	cr_assert_eq(flow_topology_set(table, &topology), -EINVAL);
}

Test(flow, terminations_of_another_context_are_not_joined)
{
	dp_handle_t one = a_context(), two = a_context();
	struct dp_cmd_topology topology = { .context = one };

	topology.a = a_termination(one, 101, NULL);
	topology.b = a_termination(two, 102, NULL);
	cr_assert_eq(flow_topology_set(table, &topology), -EINVAL);
}

Test(flow, removing_the_middle_of_three_keeps_the_topology_of_the_rest)
{
	struct dp_address a, c;
	dp_handle_t context = a_context(), b;
	struct dp_cmd_topology topology = { .context = context, .topology = DP_TOPOLOGY_ISOLATE };

	topology.a = a_termination(context, 101, &a);
	b = a_termination(context, 102, NULL);
	topology.b = a_termination(context, 103, &c);
	cr_assert_eq(flow_topology_set(table, &topology), 0);
	cr_assert_eq(flow_at(c.port)->destination[3], 102);
	cr_assert_eq(flow_termination_remove(table, b), 0);
	cr_assert_not(flow_at(a.port)->flags & FLOW_HAS_PEER);
	cr_assert_not(flow_at(c.port)->flags & FLOW_HAS_PEER);
}

Test(flow, hold_stops_taking_and_sending)
{
	struct dp_address a, b;
	dp_handle_t context = a_context();
	struct dp_cmd_termination_modify modify = {
		.mask = DP_SET_DIRECTION, .settings = { .direction = DP_DIRECTION_SENDONLY }
	};

	modify.termination = a_termination(context, 101, &a);
	a_termination(context, 102, &b);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert(flow_at(a.port)->flags & FLOW_TAKE);
	cr_assert_not(flow_at(b.port)->flags & FLOW_PEER_SENDS);
	modify.settings.direction = DP_DIRECTION_INACTIVE;
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_not(flow_at(a.port)->flags & FLOW_TAKE);
	modify.settings.direction = DP_DIRECTION_SENDRECV;
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert(flow_at(b.port)->flags & FLOW_PEER_SENDS);
}

Test(flow, a_latch_aims_the_other_flow)
{
	struct dp_address a, b;
	dp_handle_t context = a_context(), t = a_termination(context, 101, &a);
	struct flow_notice notice = { .termination = t.index,
				      .generation = t.generation,
				      .latch_epoch = flow_at(a.port)->latch_epoch,
				      .source = ipv4(99, 5555) };
	struct dp_ev_latched event;
	uint32_t owner = 0;

	a_termination(context, 102, &b);
	cr_assert(flow_latched(table, &notice, &owner, &event));
	cr_assert_eq(owner, 3);
	cr_assert_eq(event.label, 77);
	cr_assert_eq(flow_at(b.port)->destination[3], 99);
	cr_assert_eq(flow_at(b.port)->destination_port, htobe16(5555));
	cr_assert_eq(flow_at(b.port)->destination_rtcp[3], 101, "until RTCP is heard as well");
	notice.generation++;
	cr_assert_not(flow_latched(table, &notice, &owner, &event));
}

Test(flow, a_latch_from_before_the_new_remote_is_ignored)
{
	struct dp_address a, b;
	dp_handle_t context = a_context(), t = a_termination(context, 101, &a);
	struct dp_cmd_termination_modify modify = { .termination = t,
						    .mask = DP_SET_REMOTE,
						    .settings = { .remote = ipv4(103, 6000) } };
	struct flow_notice notice = { .termination = t.index,
				      .generation = t.generation,
				      .latch_epoch = flow_at(a.port)->latch_epoch,
				      .source = ipv4(99, 5555) };
	struct dp_ev_latched event;
	uint32_t owner;

	a_termination(context, 102, &b);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_not(flow_latched(table, &notice, &owner, &event));
	cr_assert_eq(flow_at(b.port)->destination[3], 103);
}

Test(flow, a_remote_told_again_is_still_sent_to_where_it_was_heard)
{
	struct dp_address a, b;
	dp_handle_t context = a_context(), t = a_termination(context, 101, &a);
	struct dp_cmd_termination_modify modify = { .termination = t,
						    .mask = DP_SET_REMOTE,
						    .settings = { .remote = ipv4(101, 4000) } };
	struct flow_notice notice = { .termination = t.index,
				      .generation = t.generation,
				      .latch_epoch = flow_at(a.port)->latch_epoch,
				      .source = ipv4(99, 5555) };
	struct dp_ev_latched event;
	uint32_t owner;

	a_termination(context, 102, &b);
	cr_assert(flow_latched(table, &notice, &owner, &event));
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_neq(flow_at(a.port)->latch_epoch, notice.latch_epoch, "the latch is open");
	cr_assert_eq(flow_at(b.port)->destination[3], 99);
}

Test(flow, another_source_rule_sends_to_the_remote_end_again)
{
	struct dp_address a, b;
	dp_handle_t context = a_context(), t = a_termination(context, 101, &a);
	struct dp_cmd_termination_modify modify = { .termination = t,
						    .mask = DP_SET_SOURCE_RULE,
						    .settings = { .source_rule = DP_SOURCE_HOST } };
	struct flow_notice notice = { .termination = t.index,
				      .generation = t.generation,
				      .latch_epoch = flow_at(a.port)->latch_epoch,
				      .source = ipv4(99, 5555) };
	struct dp_ev_latched event;
	uint32_t owner;

	a_termination(context, 102, &b);
	cr_assert(flow_latched(table, &notice, &owner, &event));
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_neq(flow_at(a.port)->latch_epoch, notice.latch_epoch, "the latch is open");
	cr_assert(flow_at(a.port)->flags & FLOW_LEARN && flow_at(a.port)->flags & FLOW_HOST);
	cr_assert_eq(flow_at(b.port)->destination[3], 101);
}

Test(flow, rtcp_may_have_an_address_of_its_own)
{
	struct dp_address a, b, local;
	dp_handle_t context = a_context(), t;
	struct dp_cmd_termination_add add = an_add(context, 101);

	a_termination(context, 102, &b);
	add.settings.remote_rtcp = ipv4(105, 9000);
	cr_assert_eq(flow_termination_add(table, &add, &t, &a), 0);
	cr_assert_eq(flow_at(b.port)->destination[3], 101);
	cr_assert_eq(flow_at(b.port)->destination_rtcp[3], 105);
	cr_assert_eq(flow_at(b.port)->destination_rtcp_port, htobe16(9000));
	cr_assert_eq(flow_termination_remove(table, t), 0);
	add.settings.remote_rtcp.family = DP_FAMILY_NONE;
	add.settings.remote.port = 65535; /* has no next port */
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), 0);
	cr_assert_null(flow_at(b.port)->nexthop_rtcp);
	cr_assert_not_null(flow_at(b.port)->nexthop);
}

Test(flow, what_did_not_change_is_not_published_again)
{
	struct dp_address a, b;
	dp_handle_t context = a_context();
	struct dp_cmd_termination_modify modify = {
		.mask = DP_SET_FORMAT,
		.settings = { .payload_type = 8, .telephone_event = 255, .clock_rate = 16000 }
	};
	const struct flow *before[2];

	modify.termination = a_termination(context, 101, &a);
	a_termination(context, 102, &b);
	before[0] = flow_at(a.port);
	before[1] = flow_at(b.port);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_neq(flow_at(a.port), before[0]);
	cr_assert_eq(flow_at(a.port)->clock_scale, flow_clock_scale(16000));
	cr_assert_eq(flow_at(b.port), before[1]);
	before[0] = flow_at(a.port);
	flow_resolve_all(table);
	cr_assert_eq(flow_resolve_some(table, MAX), 0);
	cr_assert_eq(flow_at(a.port), before[0]);
}

Test(flow, resolving_again_takes_a_few_contexts_at_a_time_and_leaves_none_out)
{
	for (int i = 0; i < 2; i++) {
		dp_handle_t context = a_context();

		a_termination(context, 101, NULL);
		a_termination(context, 102, NULL);
	}
	flow_resolve_all(table);
	cr_assert_eq(flow_resolve_some(table, 1), 1);
	resolved = 0;
	flow_resolve_all(table); /* routes changed again before the end */
	cr_assert_eq(flow_resolve_some(table, 1), 1);
	cr_assert_eq(resolved, 2);
	cr_assert_eq(flow_resolve_some(table, 5), 0);
	cr_assert_eq(resolved, 4);
	flow_resolve_some(table, 5);
	cr_assert_eq(resolved, 4);
}

static struct dp_cmd_termination_modify aim(dp_handle_t t, struct dp_address remote)
{
	return (struct dp_cmd_termination_modify){ .termination = t,
						   .mask = DP_SET_REMOTE,
						   .settings.remote = remote };
}

Test(flow, media_is_not_sent_in_a_circle)
{
	struct dp_address a, b, out;
	dp_handle_t context = a_context(), other = a_context(), ta, tb, tc;
	struct dp_cmd_termination_add add;
	struct dp_cmd_termination_modify modify;

	ta = a_termination(context, 101, &a);
	tb = a_termination(context, 102, &b);
	modify = aim(ta, a);
	cr_assert_eq(flow_termination_modify(table, &modify), -ELOOP, "to itself");
	modify = aim(ta, b);
	cr_assert_eq(flow_termination_modify(table, &modify), -ELOOP, "to its peer");
	modify = aim(tb, ipv4(101, 4000));
	modify.settings.remote_rtcp = ipv4(20, (uint16_t)(a.port + 1));
	cr_assert_eq(flow_termination_modify(table, &modify), -ELOOP, "RTCP only");
	cr_assert_eq(records[ta.index].remote.ip[3], 101, "nothing was changed");
	/* between contexts it is a call to ourselves */
	add = an_add(other, 101);
	add.settings.remote = a;
	cr_assert_eq(flow_termination_add(table, &add, &tc, &out), 0);
	/* a port that somebody aims at already */
	cr_assert_eq(flow_context_remove(table, other), 0);
	modify = aim(ta, out);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	add = an_add(context, 103);
	add.local = out;
	cr_assert_eq(flow_termination_add(table, &add, &tc, &out), -ELOOP);
	cr_assert_eq(pools[0].used, 2);
}

/* A reader that passes no quiescent state may still write to the counters of an ended call. */
Test(flow, an_index_is_not_used_again_while_a_worker_may_see_it)
{
	dp_handle_t context = a_context(), first, t;
	struct dp_cmd_termination_add add = an_add(context, 101);
	struct dp_address local;
	int error;

	urcu_qsbr_register_thread();
	first = a_termination(context, 101, NULL);
	cr_assert_eq(flow_termination_remove(table, first), 0);
	for (int i = 0; i < 1000; i++) {
		flow_reclaim(table);
		t = a_termination(context, 101, NULL);
		cr_assert_neq(t.index, first.index);
		cr_assert_eq(flow_termination_remove(table, t), 0);
		if (i == (int)MAX - 3) /* all others are used up, too */
			break;
	}
	a_termination(context, 101, NULL);
	cr_assert_eq(flow_termination_add(table, &add, &t, &local), -ENOSPC);
	urcu_qsbr_quiescent_state();
	do {
		urcu_qsbr_thread_offline();
		urcu_qsbr_barrier(); /* the grace period is over */
		urcu_qsbr_thread_online();
		flow_reclaim(table);
		error = flow_termination_add(table, &add, &t, &local);
	} while (error == -ENOSPC);
	cr_assert_eq(error, 0);
	urcu_qsbr_unregister_thread();
}

/* A worker that hangs ends no grace period, so flows are not given back. */
Test(flow, where_memory_is_out_nothing_changes_and_who_left_is_forgotten_once_there_is_some)
{
	dp_handle_t context = a_context(), ta, tb;
	struct dp_cmd_termination_modify modify;
	struct dp_address a, b, remote;
	uint16_t port = 4000;
	int error;

	ta = a_termination(context, 101, &a);
	tb = a_termination(context, 102, &b);
	urcu_qsbr_register_thread();
	do {
		remote = ipv4(103, port);
		modify = aim(ta, ipv4(103, ++port));
		error = flow_termination_modify(table, &modify);
	} while (error == 0);
	cr_assert_eq(error, -ENOSPC);
	cr_assert_eq(records[ta.index].remote.port, remote.port);
	a_termination(a_context(), 104, NULL); /* what was too little for two flows */
	cr_assert_eq(flow_termination_remove(table, ta), 0);
	cr_assert(flow_at(b.port)->flags & FLOW_HAS_PEER);
	urcu_qsbr_quiescent_state();
	urcu_qsbr_thread_offline();
	urcu_qsbr_barrier();
	urcu_qsbr_thread_online();
	flow_reclaim(table);
	flow_resolve_some(table, MAX);
	cr_assert_not(flow_at(b.port)->flags & FLOW_HAS_PEER);
	cr_assert_eq(flow_termination_remove(table, tb), 0);
	urcu_qsbr_unregister_thread();
}

Test(flow, a_watch_is_on_all_terminations_of_its_label)
{
	struct dp_address a, b, c;
	dp_handle_t context = a_context(), other;

	a_termination(context, 101, &a);
	cr_assert_eq(flow_context_add(table, 3, 78, &other), 0);
	a_termination(other, 102, &c);
	flow_observe(table, 0, 77);
	flow_observe(table, 15, 77);
	a_termination(context, 103, &b); /* later */
	cr_assert(flow_at(a.port)->flags & FLOW_OBSERVED);
	cr_assert_eq(flow_at(a.port)->observers, 0x8001);
	cr_assert_eq(flow_at(b.port)->observers, 0x8001);
	cr_assert_not(flow_at(c.port)->flags & FLOW_OBSERVED);
	flow_observe(table, 0, 78);
	cr_assert_eq(flow_at(a.port)->observers, 0x8000);
	cr_assert_eq(flow_at(c.port)->observers, 1);
	flow_observe(table, 0, 0);
	flow_observe(table, 15, 0);
	cr_assert_eq(flow_at(a.port)->observers, 0);
	cr_assert_not(flow_at(c.port)->flags & FLOW_OBSERVED);
}

Test(flow, a_new_remote_opens_the_latch_again)
{
	struct dp_address a, b;
	dp_handle_t context = a_context();
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_REMOTE };
	uint16_t epoch;

	modify.termination = a_termination(context, 101, &a);
	a_termination(context, 102, &b);
	epoch = flow_at(a.port)->latch_epoch;
	modify.settings.remote = ipv4(103, 6000);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_neq(flow_at(a.port)->latch_epoch, epoch);
	cr_assert_eq(flow_at(b.port)->destination[3], 103);
	modify.mask = DP_SET_TIMEOUT;
	epoch = flow_at(a.port)->latch_epoch;
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_eq(flow_at(a.port)->latch_epoch, epoch);
}

Test(flow, hostile_settings_are_refused)
{
	dp_handle_t context = a_context(), t = a_termination(context, 101, NULL), out;
	struct dp_termination_settings bad[16];
	struct dp_cmd_termination_add add = an_add(context, 101);
	struct dp_address local;

	for (size_t i = 0; i < 16; i++)
		bad[i] = add.settings;
	bad[0].direction = 4;
	bad[1].source_rule = DP_SOURCE_HOST + 1;
	bad[2].clock_rate = 0;
	bad[3].clock_rate = 192001;
	bad[4].payload_type = 128;
	bad[5].remote.family = 5;
	bad[6].remote.port = 0;
	bad[7].flags = 0x80;
	bad[8].remote.family = DP_FAMILY_IPV6; /* of the local address is IPv4 */
	bad[9].remote_rtcp = (struct dp_address){ .family = DP_FAMILY_IPV4 };
	bad[10].remote.ip[0] = 0;
	bad[11].remote.ip[0] = 127;
	bad[12].remote.ip[0] = 239;
	memset(bad[13].remote.ip, 255, 4);
	bad[14].telephone_event = 200;
	bad[15].remote.family = DP_FAMILY_NONE;
	bad[15].remote_rtcp = ipv4(101, 4001);
	for (size_t i = 0; i < 16; i++) {
		struct dp_cmd_termination_modify modify = { .termination = t,
							    .mask = DP_SET_ALL,
							    .settings = bad[i] };

		add.settings = bad[i];
		cr_assert_eq(flow_termination_add(table, &add, &out, &local), -EINVAL, "%zu", i);
		cr_assert_eq(flow_termination_modify(table, &modify), -EINVAL, "%zu", i);
	}
	add = an_add(context, 101);
	add.side = 2;
	cr_assert_eq(flow_termination_add(table, &add, &out, &local), -EINVAL);
	add.side = 0;
	add.local.family = DP_FAMILY_NONE;
	cr_assert_eq(flow_termination_add(table, &add, &out, &local), -EINVAL);
	cr_assert_eq(flow_context_add(table, 0, 0, &out), -EINVAL);
	cr_assert_eq(flow_termination_count(table), 1);
}

static void report(void *arg, uint32_t owner, struct dp_event *event)
{
	(void)arg;
	seen.timeouts += event->type == DP_EVENT_MEDIA_TIMEOUT;
	seen.resumes += event->type == DP_EVENT_MEDIA_RESUMED;
	seen.owner = owner;
	seen.event = *event;
}

static void check_timeouts(uint64_t now_ms)
{
	static const struct flow_reports reports = { report, NULL };

	flow_check_timeouts(table, now_ms, MAX, &reports);
}

Test(flow, silence_is_reported_once_until_it_speaks_again)
{
	dp_handle_t context = a_context(), t = a_termination(context, 101, NULL);

	check_timeouts(999);
	cr_assert_eq(seen.timeouts, 0);
	check_timeouts(1000);
	cr_assert_eq(seen.timeouts, 1);
	cr_assert_eq(seen.owner, 3);
	cr_assert_eq(seen.event.media_timeout.label, 77);
	cr_assert(dp_handle_equal(seen.event.media_timeout.termination, t));
	check_timeouts(3000);
	cr_assert_eq(seen.timeouts, 1);
	cr_assert_eq(records[t.index].silent, 1);
	cr_assert_eq(seen.resumes, 0);
	counters[t.index].last_packet_ms = 3500;
	check_timeouts(3600);
	cr_assert_eq(seen.resumes, 1);
	cr_assert_eq(seen.event.media_resumed.label, 77);
	cr_assert(dp_handle_equal(seen.event.media_resumed.termination, t));
	cr_assert_eq(records[t.index].silent, 0);
	check_timeouts(4500);
	cr_assert_eq(seen.timeouts, 2);
}

/* Two workers. */
Test(flow, new_flows_go_to_the_worker_with_least_to_do)
{
	dp_handle_t context = a_context();

	for (int i = 0; i < 4; i++)
		a_termination(context, 101, NULL);
	cr_assert_eq(flow_worker_flows(table, 0), 2);
	cr_assert_eq(flow_worker_flows(table, 1), 2);
	cr_assert_eq(flow_context_remove(table, context), 0);
	cr_assert_eq(flow_worker_flows(table, 0), 0);
	flow_worker_busy(table, 0, 900);
	flow_worker_busy(table, 1, 100);
	context = a_context();
	for (int i = 0; i < 4; i++)
		a_termination(context, 101, NULL);
	cr_assert_eq(flow_worker_flows(table, 0), 1);
	cr_assert_eq(flow_worker_flows(table, 1), 3);
}

Test(flow, the_flows_of_a_worker_that_is_away_go_to_another)
{
	struct dp_address a[4];
	dp_handle_t context[2] = { a_context(), a_context() }, t;

	for (int i = 0; i < 4; i++)
		a_termination(context[i / 2], 101, &a[i]);
	cr_assert_eq(flow_move_some(table, MAX), 0, "nobody is away");
	cr_assert_eq(flow_worker_flows(table, 1), 2);
	flow_worker_away(table, 0, true);
	cr_assert_eq(flow_move_some(table, 1), 1, "a few contexts at a time");
	cr_assert_eq(flow_worker_flows(table, 0), 1);
	cr_assert_eq(flow_move_some(table, 1), 0);
	cr_assert_eq(flow_worker_flows(table, 0), 0);
	cr_assert_eq(flow_worker_flows(table, 1), 4);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(flow_at(a[i].port)->worker, 1);
	/* the last one has nobody to give them to, until the other is back */
	flow_worker_away(table, 1, true);
	flow_move_some(table, MAX);
	cr_assert_eq(flow_worker_flows(table, 1), 4);
	flow_worker_away(table, 0, false);
	cr_assert_eq(flow_move_some(table, MAX), 0);
	cr_assert_eq(flow_worker_flows(table, 0), 4);
	flow_worker_away(table, 1, false);
	cr_assert_eq(flow_context_remove(table, context[0]), 0);
	t = a_termination(context[1], 102, NULL);
	cr_assert_eq(records[t.index].worker, 1, "who is back gets new ones");
}

/* The worker's note of the last packet has 32 bits: 49.7 days of milliseconds. */
Test(flow, silence_is_measured_right_over_months)
{
	const uint64_t day = 86400000, wrap = UINT64_C(1) << 32;
	struct dp_cmd_termination_modify modify = {
		.mask = DP_SET_TIMEOUT, .settings = { .media_timeout_ms = 25 * 86400000u }
	};
	dp_handle_t context = a_context();

	modify.termination = a_termination(context, 101, NULL);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	counters[modify.termination.index].last_packet_ms = 100;
	for (uint64_t now = 200; now < 25 * day; now += day)
		check_timeouts(now);
	cr_assert_eq(seen.timeouts, 0);
	check_timeouts(25 * day + 100);
	cr_assert_eq(seen.timeouts, 1, "after more than 2^31 ms too");
	/* a packet just before the clock's low half comes round, and the look just after */
	counters[modify.termination.index].last_packet_ms = UINT32_MAX - 5;
	check_timeouts(wrap + 10);
	check_timeouts(wrap - 6 + 25 * day - 1);
	cr_assert_eq(seen.timeouts, 1);
	check_timeouts(wrap - 6 + 25 * day);
	cr_assert_eq(seen.timeouts, 2);
}

Test(flow, a_held_side_may_be_silent)
{
	dp_handle_t context = a_context();
	struct dp_cmd_termination_modify modify = {
		.mask = DP_SET_DIRECTION, .settings = { .direction = DP_DIRECTION_RECVONLY }
	};

	modify.termination = a_termination(context, 101, NULL);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	check_timeouts(5000);
	cr_assert_eq(seen.timeouts, 0);
	modify.settings.direction = DP_DIRECTION_SENDRECV;
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	check_timeouts(5999);
	cr_assert_eq(seen.timeouts, 0, "silence counts from the end of the hold");
	check_timeouts(6000);
	cr_assert_eq(seen.timeouts, 1);
}

Test(flow, an_owner_that_is_gone_leaves_its_contexts)
{
	dp_handle_t context = a_context();

	flow_owner_gone(table, 3);
	cr_assert_eq(contexts[context.index].owner, UINT32_MAX);
	cr_assert_eq(flow_context_claim(table, 5, context), 0);
	cr_assert_eq(contexts[context.index].owner, 5);
	cr_assert_eq(flow_context_count(table), 1);
}

Test(flow, the_directory_tells_what_was_set)
{
	struct dp_address local;
	dp_handle_t context = a_context(), t = a_termination(context, 101, &local);
	struct dp_termination_record copy;

	cr_assert(dp_record_read(&copy, &records[t.index], sizeof(copy)));
	cr_assert_eq(copy.generation, t.generation);
	cr_assert_eq(copy.label, 77);
	cr_assert_eq(copy.local.port, local.port);
	cr_assert_eq(copy.remote_rtcp.port, 4001);
	cr_assert_eq(copy.version % 2, 0);
	cr_assert_eq(contexts[context.index].terminations, 1);
}

Test(flow, contexts_run_out)
{
	dp_handle_t h;

	for (unsigned i = 0; i < MAX; i++)
		cr_assert_eq(flow_context_add(table, 0, 1, &h), 0);
	cr_assert_eq(flow_context_add(table, 0, 1, &h), -ENOSPC);
	cr_assert_eq(flow_context_remove(table, h), 0);
	cr_assert_eq(flow_context_add(table, 0, 1, &h), 0);
}
