/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/pools.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

#include "dataplane/nodes/reassemble.h"
#include "sip/base/log.h"

#define DATAGRAMS       255u
#define DATAGRAMS_CACHE 16u

static struct rte_mempool *create(const char *what, int socket, unsigned count, unsigned room,
				  unsigned cache)
{
	const uint64_t bytes = (uint64_t)count * (room + sizeof(struct rte_mbuf) + 64);
	struct rte_mempool *pool;
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "%s%d", what, socket);
	pool = rte_pktmbuf_pool_create(name, count, cache, 0, (uint16_t)room, socket);
	if (!pool)
		LOG_ERROR("port", 0,
			  "%u buffers for %s (%u MB) do not fit into the memory of NUMA node %d: "
			  "see memory_mb",
			  count, what, (unsigned)(bytes >> 20), socket);
	return pool;
}

int pools_add(struct pools *pools, int socket, unsigned count, unsigned room, unsigned cache)
{
	struct pool_pair *pair = &pools->pair[pools->count];

	if (pools->count == RTE_MAX_NUMA_NODES)
		return -ENOSPC;
	pools->count++;
	*pair = (struct pool_pair){ .socket = socket };
	pair->packets = create("packets", socket, count, room, cache);
	if (!pair->packets)
		return -rte_errno;
	pair->datagrams = create("datagrams", socket, DATAGRAMS,
				 REASSEMBLY_ROOM + RTE_PKTMBUF_HEADROOM, DATAGRAMS_CACHE);
	return pair->datagrams ? 0 : -rte_errno;
}

const struct pool_pair *pools_of(const struct pools *pools, int socket)
{
	for (unsigned i = 0; i < pools->count; i++) {
		if (pools->pair[i].socket == socket)
			return &pools->pair[i];
	}
	return &pools->pair[0];
}

void pools_free(struct pools *pools)
{
	while (pools->count > 0) {
		const struct pool_pair *pair = &pools->pair[--pools->count];

		rte_mempool_free(pair->packets);
		rte_mempool_free(pair->datagrams);
	}
}
