/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows from a statistics area that the test has filled in. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"
#include "dataplane/client/client.h"

struct area {
	struct dp_stats_header header;
	struct dp_port_stats ports[1];
	struct dp_worker_stats workers[1];
	struct dp_node_stats nodes[1][DP_NODES_MAX];
	struct dp_pool_stats pools[2];
	struct dp_realm_stats realms[2];
	struct dp_context_record contexts[2];
	struct dp_termination_record terminations[4];
	struct dp_termination_counters counters[4];
};

static struct area *area;

static void setup(void)
{
	area = aligned_alloc(64, (sizeof(*area) + 63) / 64 * 64);
	memset(area, 0, sizeof(*area));
	area->header = (struct dp_stats_header){
		.size = sizeof(*area),
		.clock_ms = 10000,
		.ports = 1,
		.workers = 1,
		.nodes = 1,
		.pools = 2,
		.realms = 2,
		.contexts_max = 2,
		.terminations_max = 4,
		.port_offset = offsetof(struct area, ports),
		.worker_offset = offsetof(struct area, workers),
		.node_offset = offsetof(struct area, nodes),
		.pool_offset = offsetof(struct area, pools),
		.realm_offset = offsetof(struct area, realms),
		.context_offset = offsetof(struct area, contexts),
		.termination_offset = offsetof(struct area, terminations),
		.counters_offset = offsetof(struct area, counters),
	};
	strcpy(area->realms[0].name, "access");
	strcpy(area->realms[1].name, "core");
	area->pools[0] = (struct dp_pool_stats){ .realm = 0, .total = 10, .used = 2 };
	area->pools[1] = (struct dp_pool_stats){ .realm = 1, .total = 20, .used = 1 };
	area->contexts[0] = (struct dp_context_record){
		.generation = 1, .label = 7, .terminations = 2, .owner = 0
	};
	area->contexts[1] = (struct dp_context_record){ .generation = 1,
							.label = 8,
							.terminations = 2,
							.owner = DP_NOBODY,
							.unclaimed_ms = 4000 };
	for (unsigned i = 0; i < 4; i++) {
		area->terminations[i] = (struct dp_termination_record){
			.generation = 1,
			.context = { i / 2, 1 },
			.label = 7 + i / 2,
			.side = i % 2,
			.direction = DP_DIRECTION_SENDRECV,
			.codec = DP_CODEC_PCMA,
			.payload_type = 8,
			.clock_rate = 8000,
		};
		/* 95 of 100 came, evenly lost */
		area->counters[i] = (struct dp_termination_counters){
			.packets = 95,
			.bytes = 95 * 172,
			.window = ~UINT64_C(0),
			.base_sequence = 1,
			.highest_sequence = 100,
			.lost = 5,
			.latch = DP_LATCH_LOCKED,
			.ssrc = 0xabcd,
			.last_packet_ms = 9000 + i,
		};
	}
}

static void teardown(void)
{
	free(area);
}

TestSuite(segment, .init = setup, .fini = teardown);

static void expect_fields(enum command_id command, json_t *rows, size_t count)
{
	cr_expect_eq(json_array_size(rows), count, "%s: %zu rows", cli_commands[command].name,
		     json_array_size(rows));
	for (const struct field *f = cli_fields(command); f->name; f++)
		cr_expect_not_null(json_object_get(json_array_get(rows, 0), f->name), "%s: no %s",
				   cli_commands[command].name, f->name);
	cr_expect_eq(json_object_size(json_array_get(rows, 0)) > 0, true);
	json_decref(rows);
}

/* given the tables that the documents are made from, then the rows have just those fields */
Test(segment, rows_have_the_fields_of_their_tables)
{
	const struct dp_stats_header *stats = &area->header;
	struct segment_cycles cycles;

	segment_cycles_read(stats, &cycles);
	expect_fields(COMMAND_SHOW_CONTEXTS, segment_contexts(stats), 2);
	expect_fields(COMMAND_SHOW_TERMINATIONS, segment_terminations(stats, 0), 4);
	expect_fields(COMMAND_SHOW_QUALITY, segment_quality(stats, 8), 2);
	expect_fields(COMMAND_SHOW_LEAKS, segment_leaks(stats), 1);
	expect_fields(COMMAND_SHOW_REALMS, segment_realms(stats), 2);
	expect_fields(COMMAND_SHOW_PORTS, segment_ports(stats), 1);
	expect_fields(COMMAND_SHOW_WORKERS, segment_workers(stats, &cycles), 1);
	expect_fields(COMMAND_SHOW_MEDIA_PORTS, segment_media_ports(stats), 2);
}

Test(segment, each_termination_field_that_is_written_is_documented)
{
	json_t *rows = segment_terminations(&area->header, 7), *value;
	const char *name;

	json_object_foreach(json_array_get(rows, 0), name, value)
	{
		const struct field *f = cli_fields(COMMAND_SHOW_TERMINATIONS);

		while (f->name && strcmp(f->name, name) != 0)
			f++;
		cr_expect_not_null(f->name, "%s", name);
	}
	json_decref(rows);
}

Test(segment, quality_is_what_the_counters_say)
{
	json_t *rows = segment_quality(&area->header, 7), *row = json_array_get(rows, 1);

	cr_expect_float_eq(json_number_value(json_object_get(row, "loss_percent")), 5, 1e-9);
	cr_expect_str_eq(json_string_value(json_object_get(row, "codec")), "PCMA");
	cr_expect_str_eq(json_string_value(json_object_get(row, "quality")), "good");
	cr_expect_lt(json_number_value(json_object_get(row, "mos")), 4.2);
	cr_expect(json_is_null(json_object_get(row, "reported_lost")), "no report came");
	json_decref(rows);
}

Test(segment, a_leak_says_since_when_and_whether_it_still_speaks)
{
	json_t *rows = segment_leaks(&area->header), *row = json_array_get(rows, 0);

	cr_expect_str_eq(json_string_value(json_object_get(row, "call")), "0000000000000008");
	cr_expect_eq(json_integer_value(json_object_get(row, "unclaimed_s")), 6);
	cr_expect_eq(json_integer_value(json_object_get(row, "last_packet_ms")), 997);
	json_decref(rows);
}

Test(segment, a_realm_sums_up_its_addresses)
{
	json_t *rows = segment_realms(&area->header), *row = json_array_get(rows, 1);

	cr_expect_str_eq(json_string_value(json_object_get(row, "name")), "core");
	cr_expect_eq(json_integer_value(json_object_get(row, "addresses")), 1);
	cr_expect_eq(json_integer_value(json_object_get(row, "media_ports")), 20);
	json_decref(rows);
}
