/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/flow/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum { PAIR_USED, PAIR_READY, PAIR_RESTING };

/* Below `count`, which is at most 32768: the bias of the product is 2^-17. */
static uint32_t random_below(struct port_pool *pool, uint32_t count)
{
	if (pool->random_left == 0) {
		/* Of so few bytes a call that is no error gives all (random(7)). */
		while (getrandom(pool->random, sizeof(pool->random), 0) < 0)
			;
		pool->random_left = sizeof(pool->random) / sizeof(pool->random[0]);
	}
	return (uint32_t)((uint64_t)pool->random[--pool->random_left] * count >> 32);
}

static void make_ready(struct port_pool *pool, uint16_t pair)
{
	pool->pairs[pair].state = PAIR_READY;
	pool->pairs[pair].place = (uint16_t)pool->ready_count;
	pool->ready[pool->ready_count++] = pair;
}

static void leave_bag(struct port_pool *pool, uint16_t pair)
{
	uint16_t last = pool->ready[--pool->ready_count];

	pool->ready[pool->pairs[pair].place] = last;
	pool->pairs[last].place = pool->pairs[pair].place;
}

static void leave_queue(struct port_pool *pool, uint16_t pair)
{
	const struct port_pair *p = &pool->pairs[pair];

	pool->pairs[p->previous].next = p->next;
	pool->pairs[p->next].previous = p->previous;
	pool->resting_count--;
}

static uint16_t oldest(const struct port_pool *pool)
{
	return pool->pairs[pool->total].next;
}

int port_pool_init(struct port_pool *pool, const struct flow_pool *config)
{
	uint16_t head;

	if ((config->port_first & 1) || !(config->port_last & 1) ||
	    config->port_first >= config->port_last)
		return -EINVAL;
	*pool = (struct port_pool){
		.address = config->address,
		.first = config->port_first,
		.realm = config->realm,
		.total = (config->port_last - config->port_first + 1u) / 2,
	};
	pool->pairs = calloc(pool->total + 1, sizeof(*pool->pairs));
	pool->ready = calloc(pool->total, sizeof(*pool->ready));
	if (!pool->pairs || !pool->ready) {
		port_pool_destroy(pool);
		return -ENOMEM;
	}
	head = (uint16_t)pool->total;
	pool->pairs[head].next = pool->pairs[head].previous = head;
	for (uint32_t i = 0; i < pool->total; i++)
		make_ready(pool, (uint16_t)i);
	return 0;
}

void port_pool_destroy(struct port_pool *pool)
{
	free(pool->pairs);
	free(pool->ready);
	pool->pairs = NULL;
	pool->ready = NULL;
}

static void use(struct port_pool *pool, uint16_t pair)
{
	if (pool->pairs[pair].state == PAIR_READY)
		leave_bag(pool, pair);
	else
		leave_queue(pool, pair);
	pool->pairs[pair].state = PAIR_USED;
}

int port_pool_take(struct port_pool *pool, uint16_t *port)
{
	uint16_t pair;

	if (pool->ready_count > 0)
		pair = pool->ready[random_below(pool, pool->ready_count)];
	else if (pool->resting_count > 0)
		pair = oldest(pool);
	else
		return -EADDRNOTAVAIL;
	use(pool, pair);
	*port = (uint16_t)(pool->first + 2u * pair);
	return 0;
}

int port_pool_take_exact(struct port_pool *pool, uint16_t port)
{
	uint32_t pair = (uint32_t)(port - pool->first) / 2;

	if ((port & 1) || port < pool->first || pair >= pool->total)
		return -EADDRNOTAVAIL;
	if (pool->pairs[pair].state == PAIR_USED)
		return -EADDRINUSE;
	use(pool, (uint16_t)pair);
	return 0;
}

void port_pool_give(struct port_pool *pool, uint16_t port)
{
	uint16_t pair = (uint16_t)((port - pool->first) / 2), head = (uint16_t)pool->total;
	struct port_pair *p = &pool->pairs[pair];

	p->state = PAIR_RESTING;
	p->next = head;
	p->previous = pool->pairs[head].previous;
	pool->pairs[p->previous].next = pair;
	pool->pairs[head].previous = pair;
	pool->resting_count++;
	while (pool->resting_count > pool->ready_count + 1) {
		pair = oldest(pool);
		leave_queue(pool, pair);
		make_ready(pool, pair);
	}
}
