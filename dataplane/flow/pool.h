/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RTP port pairs of one media address. Manager thread. All in constant time.
 *
 *   give ──▶ resting, a queue ──oldest──▶ ready, a bag ──at random──▶ take
 *
 * Which pair is given out next cannot be guessed from those that were: who knows the port of the
 * next call can be there first. A pair that was freed rests until as many are ready as rest, so
 * that late packets of an ended call meet a closed port and not somebody else's call; only when
 * none is ready the one that has rested longest is given out.
 */
#ifndef DATAPLANE_FLOW_POOL_H
#define DATAPLANE_FLOW_POOL_H

#include "dataplane/flow/flow.h"

struct port_pair {
	uint16_t next, previous; /* in the queue */
	uint16_t place;          /* in the bag */
	uint8_t state;
};

struct port_pool {
	struct dp_address address;
	uint16_t first; /* even */
	uint8_t realm;
	uint32_t total;
	uint32_t ready_count, resting_count;
	struct port_pair *pairs; /* [total] and the queue's head */
	uint16_t *ready;
	uint32_t random[64]; /* from the kernel, used from the end */
	uint32_t random_left;
};

int port_pool_init(struct port_pool *pool, const struct flow_pool *config);
void port_pool_destroy(struct port_pool *pool);

/* Takes a pair; *port is even. -EADDRNOTAVAIL: none is left. */
int port_pool_take(struct port_pool *pool, uint16_t *port);
/* Takes this one. -EADDRINUSE, -EADDRNOTAVAIL: not of this pool. */
int port_pool_take_exact(struct port_pool *pool, uint16_t port);
void port_pool_give(struct port_pool *pool, uint16_t port);

#endif
