/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet buffers: a pool on each NUMA node that has a port, so that a card writes to memory that
 * is near it. Beside it a small one of large buffers, in which datagrams are put together.
 */
#ifndef DATAPLANE_MAIN_POOLS_H
#define DATAPLANE_MAIN_POOLS_H

#include <stdint.h>

#include <rte_config.h>
#include <rte_mempool.h>

struct pool_pair {
	int socket; /* NUMA node */
	struct rte_mempool *packets;
	struct rte_mempool *datagrams;
};

struct pools {
	unsigned count;
	struct pool_pair pair[RTE_MAX_NUMA_NODES];
};

/* count buffers of room bytes, headroom included, on the socket. 0 or -errno; logs why. */
int pools_add(struct pools *pools, int socket, unsigned count, unsigned room, unsigned cache);
/* Those of the socket, or of another where it has none. */
const struct pool_pair *pools_of(const struct pools *pools, int socket);
void pools_free(struct pools *pools);

#endif
