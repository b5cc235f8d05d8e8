/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/flow/pool.h"

#include <errno.h>
#include <stdlib.h>

int port_pool_init(struct port_pool *pool, const struct flow_pool *config)
{
	if ((config->port_first & 1) || !(config->port_last & 1) ||
	    config->port_first >= config->port_last)
		return -EINVAL;
	*pool = (struct port_pool){
		.address = config->address,
		.first = config->port_first,
		.realm = config->realm,
		.total = (config->port_last - config->port_first + 1u) / 2,
	};
	pool->queue = calloc(pool->total, sizeof(*pool->queue));
	pool->used = calloc(pool->total, 1);
	if (!pool->queue || !pool->used) {
		port_pool_destroy(pool);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < pool->total; i++)
		pool->queue[i] = (uint16_t)i;
	pool->free_count = pool->total;
	return 0;
}

void port_pool_destroy(struct port_pool *pool)
{
	free(pool->queue);
	free(pool->used);
	pool->queue = NULL;
	pool->used = NULL;
}

int port_pool_take(struct port_pool *pool, uint16_t *port)
{
	uint16_t pair;

	if (pool->free_count == 0)
		return -EADDRNOTAVAIL;
	pair = pool->queue[pool->head];
	pool->head = (pool->head + 1) % pool->total;
	pool->free_count--;
	pool->used[pair] = 1;
	*port = (uint16_t)(pool->first + 2u * pair);
	return 0;
}

/* Only after a restart of the dataplane, so a walk over the queue is good enough. */
int port_pool_take_exact(struct port_pool *pool, uint16_t port)
{
	uint32_t pair = (uint32_t)(port - pool->first) / 2, i;

	if ((port & 1) || port < pool->first || pair >= pool->total)
		return -EADDRNOTAVAIL;
	if (pool->used[pair])
		return -EADDRINUSE;
	for (i = 0; pool->queue[(pool->head + i) % pool->total] != pair; i++)
		;
	/* the oldest takes its place, so that the queue has no hole */
	pool->queue[(pool->head + i) % pool->total] = pool->queue[pool->head];
	pool->head = (pool->head + 1) % pool->total;
	pool->free_count--;
	pool->used[pair] = 1;
	return 0;
}

void port_pool_give(struct port_pool *pool, uint16_t port)
{
	uint32_t pair = (uint32_t)(port - pool->first) / 2;

	pool->used[pair] = 0;
	pool->queue[(pool->head + pool->free_count) % pool->total] = (uint16_t)pair;
	pool->free_count++;
}
