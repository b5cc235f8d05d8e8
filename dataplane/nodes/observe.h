/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * observe: copies of packets for captures, notes for traces. The nodes call in here at each
 * station; what they ask first is one word that graph_walk() read (observing), so nobody pays for
 * it while nobody looks.
 *
 * Copies and notes go by ring to the thread that writes them (dataplane/main/observer.c). A ring
 * that is full, or no buffer, is a copy less, counted in observe_lost: the packet itself goes on.
 */
#ifndef DATAPLANE_NODES_OBSERVE_H
#define DATAPLANE_NODES_OBSERVE_H

#include "dataplane/nodes/graph.h"

/* Where a packet is seen. */
enum observe_station {
	OBSERVE_RX,    /* as it came, at its port */
	OBSERVE_RELAY, /* its flow is known, not yet rewritten */
	OBSERVE_TX,    /* as it leaves, at its port */
	OBSERVE_PUNT,
	OBSERVE_GIVE,
	OBSERVE_DROP, /* hash.usr: the reason */
	OBSERVE_STATIONS,
};

/* Only for what observe_packets() calls. */
void observe_burst(struct graph_context *c, enum observe_station station, void **packets,
		   uint16_t count, const struct flow *const *flows);

/* flows: of the packets, at OBSERVE_RELAY; else NULL. */
static inline void observe_packets(struct graph_context *c, enum observe_station station,
				   void **packets, uint16_t count, const struct flow *const *flows)
{
	if (unlikely(c->observing))
		observe_burst(c, station, packets, count, flows);
}

#endif
