/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/addresses.h"

static_assert(DP_POOLS_MAX < ADDRESS_SLOTS, "a search ends at an empty slot");

void address_table_fill(struct address_table *table, const struct flow_lookup *flows)
{
	memset(table, 0, sizeof(*table));
	for (unsigned i = 0; i < flows->pool_count; i++) {
		const struct flow_pool *pool = &flows->pools[i];
		const struct flow_realm *realm = &flows->realms[pool->realm];
		uint32_t key = address_key(pool->address.family, pool->address.ip);
		struct media_address *a;
		uint32_t at = address_hash(key);

		/* of two pools with one address the first counts */
		if (address_find(table, pool->address.family, pool->address.ip))
			continue;
		while (table->slots[at].family != DP_FAMILY_NONE)
			at = (at + 1) % ADDRESS_SLOTS;
		a = &table->slots[at];
		memcpy(a->ip, pool->address.ip, sizeof(a->ip));
		a->key = key;
		a->family = pool->address.family;
		a->looked_at = realm->port == FLOW_PORT_ANY ? ~ADDRESS_PORT : UINT32_MAX;
		a->arrival = address_arrival(realm->port, realm->outer_vlan, realm->vlan);
		a->first_slot = i * FLOW_SLOTS_PER_ADDRESS;
		a->port_first = pool->port_first;
		a->port_last = pool->port_last;
	}
}
