/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to the client library: one ring pair as the client holds it. */
#ifndef DATAPLANE_CLIENT_CHANNEL_H
#define DATAPLANE_CLIENT_CHANNEL_H

#include <rte_ring.h>

#include "dataplane/client/client.h"

struct dp_client_channel {
	struct dp_channel *shared;
	struct rte_ring *commands; /* this side produces */
	struct rte_ring *events;   /* this side consumes */
	int command_doorbell;
	int event_doorbell;
	uint32_t epoch;
	uint64_t sequence; /* of the last command sent */
	bool armed;        /* shared->client.waiting is set */
};

/*
 * Sets this side of both rings back to what was completed and starts a new epoch. A producer that
 * was killed in the midst of an enqueue left head ahead of tail; what lies between was never seen
 * by the consumer and never will be. Events of the epoch before are skipped.
 */
void dp_channel_reset(struct dp_client_channel *channel);

#endif
