/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RTP port pairs of one media address. A pair that was freed is given out again last, so that
 * late packets of an ended call meet a closed port and not somebody else's call. Manager thread.
 */
#ifndef DATAPLANE_FLOW_POOL_H
#define DATAPLANE_FLOW_POOL_H

#include "dataplane/flow/flow.h"

struct port_pool {
	struct dp_address address;
	uint16_t first; /* even */
	uint8_t realm;
	uint32_t total, free_count;
	uint32_t head;   /* oldest free pair in queue[] */
	uint16_t *queue; /* pair numbers, a ring of `total` */
	uint8_t *used;   /* per pair */
};

int port_pool_init(struct port_pool *pool, const struct flow_pool *config);
void port_pool_destroy(struct port_pool *pool);

/* Takes a pair; *port is even. -EADDRNOTAVAIL: none is left. */
int port_pool_take(struct port_pool *pool, uint16_t *port);
/* Takes this one. -EADDRINUSE, -EADDRNOTAVAIL: not of this pool. */
int port_pool_take_exact(struct port_pool *pool, uint16_t port);
void port_pool_give(struct port_pool *pool, uint16_t port);

#endif
