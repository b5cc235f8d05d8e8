/* SPDX-License-Identifier: BSD-3-Clause */
/* What the SIP layers of a shard count, added to the rows that the shards before it made. */
#include <stdio.h>

#include "controlplane/api/internal.h"
#include "controlplane/engine/engine.h"

struct adding {
	json_t *rows;
	size_t row;
};

static void add(struct adding *adding, const char *counter, uint64_t value)
{
	json_t *row = json_array_get(adding->rows, adding->row++);

	if (row) {
		json_t *sum = json_object_get(row, "value");

		json_integer_set(sum, json_integer_value(sum) + (json_int_t)value);
		return;
	}
	json_array_append_new(adding->rows, json_pack("{s:s,s:I}", "counter", counter, "value",
						      (json_int_t)value));
}

static void add_methods(struct adding *adding, const char *what, const uint64_t *counters)
{
	static const char *const names[SIP_METHOD_COUNT] = {
#define X(id, text) [SIP_##id] = text,
		SIP_METHODS(X)
#undef X
	};
	char counter[64];

	for (unsigned i = 0; i < SIP_METHOD_COUNT; i++) {
		snprintf(counter, sizeof(counter), "%s.%s", what, names[i] ? names[i] : "other");
		add(adding, counter, counters[i]);
	}
}

static void add_classes(struct adding *adding, const char *what, const uint64_t *counters)
{
	char counter[64];

	for (unsigned class = 1; class <= 6; class ++) {
		snprintf(counter, sizeof(counter), "%s.%uxx", what, class);
		add(adding, counter, counters[class]);
	}
}

static void add_transport(struct adding *adding, const struct sip_transport_stats *stats)
{
#define X(name, what) add(adding, "transport." #name, stats->name);
	SIP_TRANSPORT_COUNTERS(X)
#undef X
	add(adding, "transport.connections", stats->connections);
	add(adding, "transport.connections_opening", stats->opening);
}

static void add_names(struct adding *adding, const struct shard *shard)
{
	struct sip_resolver_stats stats = { 0 };

	if (shard->resolver)
		sip_resolver_stats(shard->resolver, &stats);
	add(adding, "names.questions", stats.questions);
	add(adding, "names.cached", stats.cached);
	add(adding, "names.failures", stats.failures);
	add(adding, "names.unresolved", stats.unresolved);
	add(adding, "names.refused", stats.refused);
	add(adding, "names.known", stats.names);
	add(adding, "names.waiting", stats.queries);
	add(adding, "targets.dead", stats.dead);
	add(adding, "targets.busy", stats.busy);
}

static void add_calls(struct adding *adding, const struct shard *shard)
{
	static const struct engine_stats none;
	const struct engine_stats *stats = shard->engine ? engine_get_stats(shard->engine) : &none;

#define X(name, what) add(adding, "calls." #name, stats->name);
	ENGINE_COUNTERS(X)
#undef X
}

void sip_counters_add(struct shard *shard, json_t *rows)
{
	struct adding adding = { rows, 0 };
	struct sip_transport_stats transport = { 0 };
	struct sip_transactions_stats stats;

	sip_transactions_stats(sip_ua_transactions(shard->ua), &stats);
	if (shard->transport)
		sip_transport_stats(shard->transport, &transport);
	add_transport(&adding, &transport);
	add_methods(&adding, "requests_in", stats.requests_in);
	add_methods(&adding, "requests_out", stats.requests_out);
	add_classes(&adding, "responses_in", stats.responses_in);
	add_classes(&adding, "responses_out", stats.responses_out);
	add(&adding, "retransmissions_in", stats.retransmissions_in);
	add(&adding, "retransmissions_out", stats.retransmissions_out);
	add(&adding, "parse_errors", stats.parse_errors);
	add(&adding, "strays", stats.strays);
	add(&adding, "timeouts", stats.timeouts);
	add(&adding, "refused_limit", stats.refused_limit);
	add(&adding, "refused_source", stats.refused_source);
	add(&adding, "refused_stateless", stats.refused_stateless);
	add(&adding, "failed_over", stats.failed_over);
	add(&adding, "forgotten", stats.forgotten);
	add(&adding, "transactions.client", stats.clients);
	add(&adding, "transactions.server", stats.servers);
	add(&adding, "transactions.client_unfinished", stats.clients_unfinished);
	add(&adding, "transactions.server_unfinished", stats.servers_unfinished);
	add_names(&adding, shard);
	add_calls(&adding, shard);
}
