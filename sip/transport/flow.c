/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/transport/internal.h"

#define FLOWS_FIRST    64u
#define FLOWS_EXPECTED 65536u /* chains of the index: half a megabyte */

int flow_table_init(struct flow_table *table)
{
	return hash_index_init(&table->by_remote, FLOWS_EXPECTED);
}

void flow_table_free(struct flow_table *table)
{
	hash_index_free(&table->by_remote);
	free(table->slots);
	free(table->generations);
	free(table->free);
}

static int resize(void *array, size_t count, size_t size)
{
	void **p = array;
	void *grown = reallocarray(*p, count, size);

	if (grown == NULL)
		return -ENOMEM;
	*p = grown;
	return 0;
}

/* What has grown when the next does not is only larger than it needs to be. */
static int grow(struct flow_table *table)
{
	const uint32_t size = table->size == 0 ? FLOWS_FIRST : table->size * 2;

	if (size > FLOW_INDEX_MAX + 1 ||
	    resize(&table->slots, size, sizeof(table->slots[0])) != 0 ||
	    resize(&table->generations, size, sizeof(table->generations[0])) != 0 ||
	    resize(&table->free, size, sizeof(table->free[0])) != 0)
		return -ENOMEM;
	for (uint32_t i = size; i-- > table->size;) {
		table->slots[i] = NULL;
		table->generations[i] = 0;
		if (i != 0) /* no flow has index 0 */
			table->free[table->free_count++] = i;
	}
	table->size = size;
	return 0;
}

static uint64_t remote_hash(uint8_t kind, const struct sip_address *remote)
{
	return hash_index_mix(sip_address_hash(remote), kind);
}

int flow_add(struct sip_transport *transport, struct connection *c)
{
	struct flow_table *table = &transport->flows;
	uint32_t index;

	if (table->free_count == 0 && grow(table) != 0)
		return -ENOMEM;
	index = table->free[--table->free_count];
	table->slots[index] = c;
	c->flow = (struct sip_flow){
		.generation = table->generations[index],
		.index = index & FLOW_INDEX_MAX,
		.shard = transport->config.shard & UINT8_MAX,
	};
	hash_index_insert(&table->by_remote, &c->node, remote_hash(c->kind, &c->remote));
	return 0;
}

void flow_remove(struct sip_transport *transport, struct connection *c)
{
	struct flow_table *table = &transport->flows;

	table->slots[c->flow.index] = NULL;
	table->generations[c->flow.index]++;
	table->free[table->free_count++] = c->flow.index;
	hash_index_remove(&table->by_remote, &c->node);
	alias_forget(c);
}

struct connection *flow_find(const struct sip_transport *transport, struct sip_flow flow)
{
	const struct flow_table *table = &transport->flows;

	if (flow.index == 0 || flow.index >= table->size || flow.shard != transport->config.shard ||
	    flow.generation != table->generations[flow.index])
		return NULL;
	return table->slots[flow.index];
}

/* Of TLS, one that was proven to lead to that domain: a connection that came in proves nothing by
 * itself, and is found by its handle, or by its alias. */
struct connection *flow_to(const struct sip_transport *transport, uint8_t kind,
			   const struct sip_address *remote, uint32_t name)
{
	struct hash_node *node =
		hash_index_first(&transport->flows.by_remote, remote_hash(kind, remote));

	for (; node != NULL; node = hash_index_next(node)) {
		struct connection *c = (struct connection *)node;

		if (c->kind == kind && c->name == name && !c->last_words &&
		    sip_address_equal(&c->remote, remote))
			return c;
	}
	return NULL;
}
