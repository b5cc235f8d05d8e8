/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequences of commands on a real flow table, right ones and hostile ones, with clients that go,
 * workers that hang and time that passes in between. After each step the table must hold together
 * (invariants.h), at the end it must become empty.
 *
 * Input: steps of a byte that says what, and the bytes that it takes. Handles are mostly picked
 * from those that exist, and then bent at times.
 */
#include <stdio.h>
#include <stdlib.h>

#include <urcu/urcu-qsbr.h>

#include "dataplane/client/client.h"
#include "dataplane/main/commands.h"
#include "dataplane/main/tests/invariants.h"
#include "sip/base/tests/fuzz.h"

#define MAX     24u /* terminations, and contexts */
#define WORKERS 3u

/* Steps that are no command, behind the types of commands. */
enum { GONE = DP_COMMAND_TYPES, COMES, SWEEP, RECLAIM, TICK, WORKER, MOVE, RESOLVE, LATCH, STEPS };

static struct dp_context_record contexts[MAX];
static struct dp_termination_record records[MAX];
static struct dp_termination_counters counters[MAX] __attribute__((aligned(64)));
static struct dp_pool_stats pool_stats[2];
static struct dp_realm_stats realm_stats[2];
static struct flow_table *table;
static uint64_t now_ms = 1;

struct input {
	const uint8_t *data;
	size_t size;
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)ifindex;
	return (const struct nexthop *)(uintptr_t)(remote->port | 1u); /* never looked at */
}

static void make_table(void)
{
	static const struct flow_realm realms[2] = { { .dscp = 46 }, { .vlan = 7 } };
	static const struct flow_pool pools[2] = {
		{ .address = { .ip = { 198, 18, 0, 20 }, .family = DP_FAMILY_IPV4 },
		  .port_first = 20000,
		  .port_last = 20031 },
		{ .address = { .ip = { 0x20, 1, 0, 2, [15] = 0x20 }, .family = DP_FAMILY_IPV6 },
		  .port_first = 65520,
		  .port_last = 65535,
		  .realm = 1 },
	};
	const struct flow_table_config config = { .pools = pools,
						  .pool_count = 2,
						  .realms = realms,
						  .realm_count = 2,
						  .realm_stats = realm_stats,
						  .terminations_max = MAX,
						  .workers = WORKERS,
						  .contexts = contexts,
						  .terminations = records,
						  .counters = counters,
						  .pool_stats = pool_stats,
						  .resolve = resolve };

	must(flow_table_create(&config, &table) == 0, "the table can be made");
}

static void take(struct input *in, void *out, size_t size)
{
	size_t n = size < in->size ? size : in->size;

	memset(out, 0, size);
	memcpy(out, in->data, n);
	in->data += n;
	in->size -= n;
}

static uint8_t take_byte(struct input *in)
{
	uint8_t byte;

	take(in, &byte, 1);
	return byte;
}

/* The low bits choose the index, the high ones whether it is bent. */
static dp_handle_t take_context(struct input *in)
{
	uint8_t byte = take_byte(in);
	dp_handle_t h = { byte % MAX, contexts[byte % MAX].generation };

	if (byte >= 240)
		take(in, &h, sizeof(h));
	return h;
}

static dp_handle_t take_termination(struct input *in)
{
	uint8_t byte = take_byte(in);
	dp_handle_t h = { byte % MAX, records[byte % MAX].generation };

	if (byte >= 240)
		take(in, &h, sizeof(h));
	return h;
}

static struct dp_address take_address(struct input *in)
{
	struct dp_address a = { .ip = { 198, 18, 0, 101 }, .port = 4000, .family = DP_FAMILY_IPV4 };
	uint8_t byte = take_byte(in);

	if (byte < 64)
		return (struct dp_address){ .family = DP_FAMILY_NONE };
	if (byte < 128)
		a.ip[3] = byte;
	else if (byte < 192) /* somebody's own, the port next to it at times */
		a = records[byte % MAX].local;
	else
		take(in, &a, sizeof(a));
	a.port = (uint16_t)(a.port + (byte & 1));
	return a;
}

static struct dp_termination_settings take_settings(struct input *in)
{
	struct dp_termination_settings s = { .direction = DP_DIRECTION_SENDRECV,
					     .source_rule = DP_SOURCE_LEARN,
					     .telephone_event = 101,
					     .clock_rate = 8000,
					     .media_timeout_ms = 1000 };
	uint8_t byte = take_byte(in);

	if (byte & 1)
		take(in, &s, sizeof(s));
	s.remote = take_address(in);
	if (byte & 2)
		s.remote_rtcp = take_address(in);
	if (byte & 4)
		s.flags = take_byte(in);
	return s;
}

static void fill(struct dp_command *c, struct input *in)
{
	switch (c->type) {
	case DP_COMMAND_CONTEXT_ADD:
		c->context_add.label = take_byte(in);
		break;
	case DP_COMMAND_CONTEXT_CLAIM:
		c->context_claim.context = take_context(in);
		break;
	case DP_COMMAND_CONTEXT_REMOVE:
		c->context_remove.context = take_context(in);
		break;
	case DP_COMMAND_TERMINATION_ADD:
		c->termination_add.context = take_context(in);
		c->termination_add.settings = take_settings(in);
		c->termination_add.local.family = (uint8_t)(take_byte(in) & 1 ? 6 : 4);
		c->termination_add.realm = DP_REALM_ANY;
		if (take_byte(in) & 1) {
			take(in, &c->termination_add.side, 2);
			c->termination_add.local = take_address(in);
		}
		break;
	case DP_COMMAND_TERMINATION_MODIFY:
		c->termination_modify.termination = take_termination(in);
		c->termination_modify.mask = take_byte(in);
		c->termination_modify.settings = take_settings(in);
		break;
	case DP_COMMAND_TERMINATION_REMOVE:
		c->termination_remove.termination = take_termination(in);
		break;
	case DP_COMMAND_TOPOLOGY:
		c->topology.context = take_context(in);
		c->topology.a = take_termination(in);
		c->topology.b = take_termination(in);
		c->topology.topology = take_byte(in);
		break;
	default: /* whatever the bytes are */
		take(in, c, sizeof(*c));
	}
}

static void run_command(uint8_t type, struct input *in)
{
	struct dp_command c = { .type = type };
	struct dp_ev_reply reply = { 0 };
	uint32_t contexts_before = flow_context_count(table);
	uint32_t terminations_before = flow_termination_count(table);
	int status;

	c.size = (uint16_t)dp_command_size(type);
	fill(&c, in);
	status = commands_execute(table, in->size % DP_CHANNELS_MAX, &c, &reply);
	must(status <= 0, "a status is 0 or an error");
	if (status < 0) {
		must(contexts_before == flow_context_count(table), "a refused context is there");
		must(terminations_before == flow_termination_count(table),
		     "a refused termination is there");
	}
}

static void on_event(void *arg, uint32_t owner, struct dp_event *event)
{
	(void)arg;
	must(owner == DP_NOBODY || owner < DP_CHANNELS_MAX, "an event is somebody's or nobody's");
	must(event->type > DP_EVENT_REPLY && event->type < DP_EVENT_TYPES, "an event has a type");
}

static void run_latch(struct input *in, const struct flow_reports *reports)
{
	dp_handle_t h = take_termination(in);
	struct flow_notice notice = {
		.termination = h.index,
		.generation = h.generation,
		.kind = take_byte(in) % 4,
		.rtcp = take_byte(in) & 1,
		.latch_epoch = (uint8_t)(1 + take_byte(in) % 4),
		.source = { .ip = { 198, 18, 0, 9 }, .port = 9, .family = DP_FAMILY_IPV4 }
	};

	flow_notice(table, &notice, reports);
}

static void run_step(uint8_t step, struct input *in)
{
	const struct flow_reports reports = { .event = on_event };
	uint32_t count;

	switch (step) {
	case GONE:
		flow_owner_gone(table, take_byte(in) % DP_CHANNELS_MAX);
		break;
	case COMES:
		flow_owner_comes(table);
		break;
	case SWEEP:
		flow_sweep(table, now_ms, take_byte(in), take_byte(in));
		break;
	case RECLAIM:
		flow_reclaim_unclaimed(table, take_byte(in) & 1 ? take_context(in) : DP_HANDLE_NONE,
				       take_byte(in), take_byte(in) & 1, &count);
		break;
	case TICK:
		now_ms += take_byte(in);
		counters[take_byte(in) % MAX].packets++;
		flow_check_timeouts(table, now_ms, take_byte(in), &reports);
		flow_check_quality(table, now_ms, &reports);
		flow_reclaim(table);
		break;
	case WORKER:
		flow_worker_busy(table, take_byte(in) % WORKERS, take_byte(in) * 5u);
		flow_worker_away(table, take_byte(in) % WORKERS, take_byte(in) & 1);
		break;
	case MOVE:
		flow_move_some(table, take_byte(in));
		break;
	case RESOLVE:
		flow_resolve_all(table);
		flow_resolve_some(table, take_byte(in));
		break;
	case LATCH:
		run_latch(in, &reports);
		break;
	default:
		run_command(step, in);
	}
}

/* Nothing may be left for the next input. */
static void make_empty(void)
{
	for (uint32_t i = 0; i < WORKERS; i++)
		flow_worker_away(table, i, false);
	for (uint32_t i = 0; i < MAX; i++)
		if (contexts[i].generation)
			must(flow_context_remove(table,
						 (dp_handle_t){ i, contexts[i].generation }) == 0,
			     "what exists can be removed");
	must(flow_context_count(table) == 0 && flow_termination_count(table) == 0,
	     "an empty table");
	check_invariants(table, must);
	if (table->in_grace > MAX / 2)
		urcu_qsbr_barrier();
	flow_reclaim(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (!table)
		make_table();
	while (in.size > 0) {
		run_step(take_byte(&in) % STEPS, &in);
		check_invariants(table, must);
	}
	make_empty();
	return 0;
}
