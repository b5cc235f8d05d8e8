/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "dataplane/flow/internal.h"
#include "dataplane/flow/slab.h"

/* One that workers see, and those that wait for the end of a grace period. A worker that is stopped
 * for long holds that up; then changes are refused at some time, and memory stays what it is. */
#define FLOWS_PER_TERMINATION 8u

static size_t slots_size(unsigned pools)
{
	return (size_t)pools * FLOW_SLOTS_PER_ADDRESS * sizeof(struct flow *);
}

static int create_pools(struct flow_table *t, const struct flow_table_config *config)
{
	t->pools = calloc(config->pool_count, sizeof(*t->pools));
	if (!t->pools)
		return -ENOMEM;
	t->memory += slots_size(config->pool_count);
	for (; t->pool_count < config->pool_count; t->pool_count++) {
		struct port_pool *pool = &t->pools[t->pool_count];
		struct dp_pool_stats *stats = &t->pool_stats[t->pool_count];
		int error = config->pools[t->pool_count].realm < config->realm_count
				    ? port_pool_init(pool, &config->pools[t->pool_count])
				    : -EINVAL;

		if (error)
			return error;
		t->memory += pool->total * (sizeof(*pool->pairs) + sizeof(*pool->ready));
		stats->address = pool->address;
		stats->address.port = pool->first;
		stats->port_last = config->pools[t->pool_count].port_last;
		stats->realm = pool->realm;
		stats->total = pool->total;
	}
	return 0;
}

static int create_members(struct flow_table *t)
{
	t->contexts = calloc(t->max, sizeof(*t->contexts));
	t->terminations = calloc(t->max, sizeof(*t->terminations));
	t->findings = calloc(t->max, sizeof(*t->findings));
	t->shares = calloc(t->workers, sizeof(*t->shares));
	if (!t->contexts || !t->terminations || !t->findings || !t->shares)
		return -ENOMEM;
	t->memory += (uint64_t)t->max * (sizeof(*t->contexts) + sizeof(*t->context_records) +
					 sizeof(*t->terminations) + sizeof(*t->records) +
					 sizeof(*t->counters) + sizeof(*t->findings));
	for (uint32_t i = 0; i < t->max; i++) {
		t->contexts[i].next_free = t->terminations[i].next_free = i + 1;
		t->terminations[i].context = NOWHERE;
	}
	return 0;
}

int flow_table_create(const struct flow_table_config *config, struct flow_table **table)
{
	struct flow_table *t;
	void *slots;
	int error = -ENOMEM;

	if (config->pool_count < 1 || config->pool_count > DP_POOLS_MAX ||
	    config->realm_count < 1 || config->realm_count > DP_REALMS_MAX ||
	    config->terminations_max < 1 || config->workers < 1 || config->workers > 255)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->max = config->terminations_max;
	t->thresholds = config->thresholds;
	t->workers = config->workers;
	t->slab.limit = (uint64_t)t->max * FLOWS_PER_TERMINATION * sizeof(struct flow_box);
	memcpy(t->pool_configs, config->pools, config->pool_count * sizeof(*config->pools));
	t->context_records = config->contexts;
	t->records = config->terminations;
	t->counters = config->counters;
	memcpy(t->realms, config->realms, config->realm_count * sizeof(*config->realms));
	t->realm_count = config->realm_count;
	t->pool_stats = config->pool_stats;
	t->realm_stats = config->realm_stats;
	t->resolve = config->resolve;
	t->resolve_arg = config->resolve_arg;
	/* Handles of an earlier dataplane must not fit by chance. */
	if (getrandom(&t->generation, sizeof(t->generation), 0) != sizeof(t->generation))
		t->generation = 1;
	slots = mmap(NULL, slots_size(config->pool_count), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		goto fail;
	madvise(slots, slots_size(config->pool_count), MADV_HUGEPAGE);
	t->lookup.slots = slots;
	t->lookup.counters = config->counters;
	t->lookup.pools = t->pool_configs;
	t->lookup.pool_count = config->pool_count;
	t->lookup.realms = t->realms;
	error = create_pools(t, config);
	if (!error)
		error = create_members(t);
	if (error)
		goto fail;
	*table = t;
	return 0;
fail:
	flow_table_destroy(t);
	return error;
}

/* No worker runs any more. */
void flow_table_destroy(struct flow_table *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; t->terminations && i < t->max; i++)
		if (t->terminations[i].box)
			flow_retire(t, &t->terminations[i]);
	if (atomic_load(&t->in_grace) > 0)
		urcu_qsbr_barrier();
	flow_reclaim(t);
	slab_destroy(&t->slab);
	for (unsigned i = 0; i < t->pool_count; i++)
		port_pool_destroy(&t->pools[i]);
	if (t->lookup.slots)
		munmap((void *)t->lookup.slots, slots_size(t->pool_count));
	free(t->pools);
	free(t->contexts);
	free(t->terminations);
	free(t->findings);
	free(t->shares);
	free(t);
}

const struct flow_lookup *flow_table_lookup(const struct flow_table *table)
{
	return &table->lookup;
}

int flow_pool_find(const struct flow_table *t, uint8_t family, const void *ip)
{
	size_t size = family == DP_FAMILY_IPV4 ? 4 : 16;

	for (unsigned i = 0; i < t->pool_count; i++)
		if (t->pools[i].address.family == family &&
		    memcmp(t->pools[i].address.ip, ip, size) == 0)
			return (int)i;
	return -1;
}

uint32_t next_generation(struct flow_table *t)
{
	if (++t->generation == 0)
		t->generation = 1;
	return t->generation;
}

void record_begin(uint32_t *version)
{
	__atomic_store_n(version, *version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void record_end(uint32_t *version)
{
	__atomic_store_n(version, *version + 1, __ATOMIC_RELEASE);
}

uint32_t flow_context_count(const struct flow_table *t)
{
	return t->contexts_used;
}

uint32_t flow_termination_count(const struct flow_table *t)
{
	return t->terminations_used;
}

uint64_t flow_memory(const struct flow_table *t)
{
	return t->slab.bytes;
}

uint64_t flow_table_memory(const struct flow_table *t)
{
	return t->memory;
}
