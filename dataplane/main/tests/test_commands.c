/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands on a real flow table: what is wrong with them comes back as a status. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/client.h"
#include "dataplane/flow/flow.h"
#include "dataplane/kernel/nexthop.h"
#include "dataplane/main/commands.h"
#include "dataplane/main/tests/invariants.h"

#define TERMINATIONS 16u

static struct dp_context_record contexts[TERMINATIONS];
static struct dp_termination_record terminations[TERMINATIONS];
static struct dp_termination_counters counters[TERMINATIONS] __attribute__((aligned(64)));
static struct dp_pool_stats pools[1];
static struct dp_realm_stats realm_stats[1];
static const struct flow_realm realm = { .dscp = 46 };
static struct nexthop nowhere;
static struct flow_table *table;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return &nowhere;
}

static void set_up(void)
{
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

	cr_assert(eq(int, dp_address_parse("198.18.0.20", 16384, &pool.address), 0));
	cr_assert(eq(int, flow_table_create(&config, &table), 0));
}

static void tear_down(void)
{
	flow_table_destroy(table);
}

TestSuite(commands, .init = set_up, .fini = tear_down, .timeout = 60);

static int run(struct dp_command *command, struct dp_ev_reply *reply)
{
	*reply = (struct dp_ev_reply){ 0 };
	if (command->size == 0)
		command->size = (uint16_t)dp_command_size(command->type);
	return commands_execute(table, 0, command, reply);
}

Test(commands, a_context_with_a_termination_lives_and_dies)
{
	struct dp_command add = { .type = DP_COMMAND_CONTEXT_ADD, .context_add.label = 5 };
	struct dp_command termination = { .type = DP_COMMAND_TERMINATION_ADD };
	struct dp_command remove = { .type = DP_COMMAND_CONTEXT_REMOVE };
	struct dp_ev_reply reply;

	cr_assert(eq(int, run(&add, &reply), 0));
	cr_expect(not(dp_handle_is_none(reply.handle)));
	termination.termination_add.context = remove.context_remove.context = reply.handle;
	termination.termination_add.local.family = DP_FAMILY_IPV4;
	termination.termination_add.settings = (struct dp_termination_settings){
		.direction = DP_DIRECTION_SENDRECV, .payload_type = 0, .clock_rate = 8000
	};
	cr_assert(eq(int, run(&termination, &reply), 0));
	cr_expect(reply.local.port >= 16384 && reply.local.port < 16400);
	cr_expect(eq(int, reply.local.port % 2, 0));
	cr_expect(eq(int, run(&remove, &reply), 0));
	cr_expect(eq(int, run(&remove, &reply), -ESTALE));
	cr_expect(eq(u32, flow_termination_count(table), 0));
}

Test(commands, unknown_types_and_wrong_sizes_are_told_apart)
{
	struct dp_ev_reply reply;
	const uint16_t unknown[] = { DP_COMMAND_NONE, DP_COMMAND_SYNC, DP_COMMAND_TYPES, 0xffff };

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct dp_command command = { .type = unknown[i], .size = 8 };

		cr_expect(eq(int, run(&command, &reply), -ENOSYS), "type %u", unknown[i]);
	}
	for (uint16_t type = DP_COMMAND_CONTEXT_ADD; type < DP_COMMAND_TYPES; type++) {
		struct dp_command command = { .type = type };

		command.size = (uint16_t)(dp_command_size(type) - 1);
		cr_expect(eq(int, run(&command, &reply), -EINVAL), "type %u", type);
		command.size = UINT16_MAX;
		cr_expect(eq(int, run(&command, &reply), -EINVAL), "type %u", type);
	}
}

static void must(bool holds, const char *what)
{
	cr_assert(holds, "%s", what);
}

static struct dp_command an_add(dp_handle_t context)
{
	return (struct dp_command){ .type = DP_COMMAND_TERMINATION_ADD,
				    .termination_add = {
					    .context = context,
					    .local.family = DP_FAMILY_IPV4,
					    .realm = DP_REALM_ANY,
					    .settings = { .direction = DP_DIRECTION_SENDRECV,
							  .clock_rate = 8000 } } };
}

/* One field of a good command after the other gets each value that a byte can have. */
Test(commands, a_good_command_with_one_bad_byte_does_no_harm)
{
	struct dp_command context = { .type = DP_COMMAND_CONTEXT_ADD, .context_add.label = 5 };
	struct dp_command remove = { .type = DP_COMMAND_CONTEXT_REMOVE };
	struct dp_command add, modify = { .type = DP_COMMAND_TERMINATION_MODIFY };
	struct dp_ev_reply reply;
	size_t size = sizeof(add.termination_add);

	cr_assert(eq(int, run(&context, &reply), 0));
	remove.context_remove.context = reply.handle;
	add = an_add(reply.handle);
	cr_assert(eq(int, run(&add, &reply), 0));
	for (size_t i = 0; i < size * 256; i++) {
		struct dp_command bent = an_add(remove.context_remove.context);
		int status;

		bent.raw[i / 256] = (uint8_t)i;
		status = run(&bent, &reply);
		check_invariants(table, must);
		if (status == 0) {
			struct dp_command out = { .type = DP_COMMAND_TERMINATION_REMOVE,
						  .termination_remove = { reply.handle } };

			cr_assert(eq(int, run(&out, &reply), 0));
			flow_reclaim(table);
		}
		modify.termination_modify =
			(struct dp_cmd_termination_modify){ { 0, terminations[0].generation },
							    .mask = DP_SET_ALL,
							    .settings =
								    bent.termination_add.settings };
		run(&modify, &reply);
		check_invariants(table, must);
	}
	cr_expect(eq(int, run(&remove, &reply), 0));
	cr_expect(eq(u32, flow_termination_count(table), 0));
}

/* The table is full, and stays what it is. */
Test(commands, beyond_the_limit_there_is_no_space_and_memory_is_flat)
{
	uint64_t memory = 0;

	for (int round = 0; round < 200; round++) {
		struct dp_command context = { .type = DP_COMMAND_CONTEXT_ADD,
					      .context_add.label = 5 };
		struct dp_ev_reply reply;

		for (unsigned i = 0; i < TERMINATIONS; i++)
			cr_assert(eq(int, run(&context, &reply), 0));
		cr_assert(eq(int, run(&context, &reply), -ENOSPC));
		check_invariants(table, must);
		for (uint32_t i = 0; i < TERMINATIONS; i++) {
			struct dp_command remove = { .type = DP_COMMAND_CONTEXT_REMOVE };
			struct dp_command add = an_add((dp_handle_t){ i, contexts[i].generation });

			run(&add, &reply);
			remove.context_remove.context = add.termination_add.context;
			cr_assert(eq(int, run(&remove, &reply), 0));
		}
		check_invariants(table, must);
		if (round == 100)
			memory = flow_memory(table);
	}
	cr_assert(eq(u64, flow_memory(table), memory));
}

/* Random bytes, half of them with types, sizes and handles that are nearly right. */
Test(commands, noise_gets_errors_and_nothing_else)
{
	unsigned seed = 7;

	for (int i = 0; i < 300000; i++) {
		struct dp_command command;
		struct dp_ev_reply reply;
		int status;

		for (size_t j = 0; j < sizeof(command); j++)
			((uint8_t *)&command)[j] = (uint8_t)(rand_r(&seed) >> 8);
		if (i % 8 != 0) {
			command.type = (uint16_t)(rand_r(&seed) % DP_COMMAND_TYPES);
			command.size = (uint16_t)dp_command_size(command.type);
		}
		if (i % 2 == 0) { /* the first handle of most bodies */
			command.context_remove.context.index %= TERMINATIONS;
			command.context_remove.context.generation %= 4;
			command.termination_add.local.family = i % 4 ? DP_FAMILY_IPV4 : 0;
			command.termination_add.local.port = 0;
		}
		status = run(&command, &reply);
		cr_assert(status <= 0);
		cr_assert(flow_termination_count(table) <= TERMINATIONS);
		check_invariants(table, must);
	}
	for (uint32_t i = 0; i < TERMINATIONS; i++) {
		struct dp_command remove = { .type = DP_COMMAND_CONTEXT_REMOVE };
		struct dp_ev_reply reply;

		remove.context_remove.context = (dp_handle_t){ i, contexts[i].generation };
		if (contexts[i].generation)
			cr_expect(eq(int, run(&remove, &reply), 0));
	}
	cr_expect(eq(u32, flow_context_count(table), 0));
	cr_expect(eq(u32, flow_termination_count(table), 0));
	cr_expect(eq(u32, pools[0].used, 0));
}
