/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether an address is one for media, for each packet: a hash table over the pools of the flow
 * table, which never change. A worker has its own, made with its graph.
 */
#ifndef DATAPLANE_NODES_ADDRESSES_H
#define DATAPLANE_NODES_ADDRESSES_H

#include <string.h>

#include "dataplane/flow/flow.h"

#define ADDRESS_SLOTS 256u /* DP_POOLS_MAX in use at most: chains are short */

struct media_address {
	uint8_t ip[16];
	uint32_t key;        /* address_key() */
	uint32_t arrival;    /* address_arrival() of its media, as far as `looked_at` says */
	uint32_t looked_at;  /* bits of it */
	uint32_t first_slot; /* of the flow table */
	uint16_t port_first, port_last;
	uint8_t family; /* NONE: nothing here, and the chain ends */
};

struct address_table {
	struct media_address slots[ADDRESS_SLOTS];
};

void address_table_fill(struct address_table *table, const struct flow_lookup *flows);

/* The port that a packet came by, and what identifies its VLAN: outer and inner id; 0: none.
 * Priorities do not count. */
#define ADDRESS_PORT 0xff000000u
static inline uint32_t address_arrival(uint16_t port, uint16_t outer, uint16_t inner)
{
	return (uint32_t)port << 24 | (uint32_t)(outer & 0xfff) << 12 | (inner & 0xfff);
}
static_assert(DP_PORTS_MAX <= 256, "a port has 8 bits");

/* Did it arrive as media for this address does? */
static inline bool address_takes(const struct media_address *a, uint32_t arrival)
{
	return ((arrival ^ a->arrival) & a->looked_at) == 0;
}

/* For IPv4 the address itself, else a digest. */
static inline uint32_t address_key(uint8_t family, const uint8_t *ip)
{
	uint32_t w[4];

	if (family == DP_FAMILY_IPV4) {
		memcpy(w, ip, 4);
		return w[0];
	}
	memcpy(w, ip, sizeof(w));
	return w[0] ^ w[1] ^ w[2] ^ w[3];
}

static inline uint32_t address_hash(uint32_t key)
{
	return key * 0x9e3779b1u >> 24;
}
static_assert(ADDRESS_SLOTS == 256, "address_hash() makes 8 bits");

/* NULL: not for media. ip in network order. */
static inline const struct media_address *address_find(const struct address_table *t,
						       uint8_t family, const uint8_t *ip)
{
	uint32_t key = address_key(family, ip), i = address_hash(key);

	for (;; i = (i + 1) % ADDRESS_SLOTS) {
		const struct media_address *a = &t->slots[i];

		if (a->family == DP_FAMILY_NONE)
			return NULL;
		if (a->key == key && a->family == family &&
		    (family == DP_FAMILY_IPV4 || memcmp(a->ip, ip, 16) == 0))
			return a;
	}
}

#endif
