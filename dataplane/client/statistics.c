/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sections of the statistics area, with their index checked. The offsets were checked against
 * the size of the area when the client attached (client.c).
 */
#include "dataplane/client/client.h"

static const void *section(const struct dp_stats_header *stats, uint64_t offset, size_t size,
			   uint64_t index, uint64_t count)
{
	if (index >= count)
		return NULL;
	return (const uint8_t *)stats + offset + index * size;
}

const struct dp_port_stats *dp_stats_port(const struct dp_stats_header *stats, unsigned port)
{
	return section(stats, stats->port_offset, sizeof(struct dp_port_stats), port, stats->ports);
}

const struct dp_worker_stats *dp_stats_worker(const struct dp_stats_header *stats, unsigned worker)
{
	return section(stats, stats->worker_offset, sizeof(struct dp_worker_stats), worker,
		       stats->workers);
}

const struct dp_node_stats *dp_stats_node(const struct dp_stats_header *stats, unsigned worker,
					  unsigned node)
{
	if (worker >= stats->workers || node >= stats->nodes)
		return NULL;
	return section(stats, stats->node_offset, sizeof(struct dp_node_stats),
		       (uint64_t)worker * DP_NODES_MAX + node,
		       (uint64_t)stats->workers * DP_NODES_MAX);
}

const struct dp_pool_stats *dp_stats_pool(const struct dp_stats_header *stats, unsigned pool)
{
	return section(stats, stats->pool_offset, sizeof(struct dp_pool_stats), pool, stats->pools);
}

bool dp_stats_context(const struct dp_stats_header *stats, uint32_t index,
		      struct dp_context_record *copy)
{
	const struct dp_context_record *record =
		section(stats, stats->context_offset, sizeof(*record), index, stats->contexts_max);

	return record && dp_record_read(copy, record, sizeof(*copy)) && copy->generation != 0;
}

bool dp_stats_termination(const struct dp_stats_header *stats, uint32_t index,
			  struct dp_termination_record *copy)
{
	const struct dp_termination_record *record = section(
		stats, stats->termination_offset, sizeof(*record), index, stats->terminations_max);

	return record && dp_record_read(copy, record, sizeof(*copy)) && copy->generation != 0;
}

const struct dp_termination_counters *dp_stats_counters(const struct dp_stats_header *stats,
							uint32_t index)
{
	return section(stats, stats->counters_offset, sizeof(struct dp_termination_counters), index,
		       stats->terminations_max);
}

const struct dp_realm_stats *dp_stats_realm(const struct dp_stats_header *stats, unsigned realm)
{
	return section(stats, stats->realm_offset, sizeof(struct dp_realm_stats), realm,
		       stats->realms);
}
