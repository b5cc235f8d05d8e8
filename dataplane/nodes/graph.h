/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The graph of a worker, and what its nodes share. rte_graph is experimental in DPDK 22.11, so
 * only graph.c and the registrations at the end of each node's file know it.
 *
 *   rx ─▶ classify ─▶ relay ─▶ tx
 *         ▲   │        ▲ ├───▶ drop
 *         │   │        │ ├───▶ give ─▶ (ring of the worker that owns the flow)
 *         │   ├─▶ punt │ ├───▶ end      (RTCP that was meant for us)
 *         │   ├─▶ drop │ └───▶ fragment (larger than the MTU: cuts and sends)
 *         │   ▼        │
 *      reassemble      │
 *   take ──────────────┘   (own ring: what other workers gave)
 *   inject ─▶ tx
 *
 * What travels with a packet, all of it in the first line of its buffer's head, because the second
 * would be one more to fetch: hash is set_media() between classify and relay, and set_drop() on
 * the way to drop; port is the way in, the way out on the way to tx, and the index of the worker
 * on the way to give. On the ways to reassemble and to fragment l2_len and l3_len are those of the
 * packet as it is, and on the latter tso_segsz is the MTU.
 */
#ifndef DATAPLANE_NODES_GRAPH_H
#define DATAPLANE_NODES_GRAPH_H

#include <rte_config.h>
/* The library would read the TSC twice more for each node; ours are node_count(). */
#undef RTE_LIBRTE_GRAPH_STATS
#include <rte_cycles.h>
#include <rte_graph.h>
#include <rte_graph_worker.h>
#include <rte_mbuf.h>

#include "dataplane/main/worker.h"
#include "dataplane/nodes/addresses.h"

enum graph_node {
	NODE_RX,
	NODE_INJECT,
	NODE_TAKE,
	NODE_CLASSIFY,
	NODE_REASSEMBLE,
	NODE_RELAY,
	NODE_FRAGMENT,
	NODE_GIVE,
	NODE_TX,
	NODE_PUNT,
	NODE_DROP,
	NODE_END,
	NODE_COUNT,
};

/* Packets that a walk takes in at most: from ports, from the kernel, from other workers. So no
 * node meets more than all of them, and streams of that length never have to grow. */
#define GRAPH_RECEIVED 256u
#define GRAPH_INJECTED 128u
#define GRAPH_TAKEN    128u
#define GRAPH_BURST    (GRAPH_RECEIVED + GRAPH_INJECTED + GRAPH_TAKEN)
#define GRAPH_COPIES   512u /* for captures, until they go to their ring */

/* One per worker. Writer: the worker. */
struct graph_context {
	struct presence presence;
	struct worker_config config;
	struct flow_lookup flows;
	struct dp_node_stats *nodes;
	uint64_t *drops;
	uint64_t received;             /* packets since the start, from ports */
	uint64_t injected;             /* from the kernel */
	uint64_t taken;                /* from other workers */
	unsigned rx_next, inject_next; /* whose turn it is */
	uint64_t now_us;               /* of this walk */
	uint32_t now_ms;               /* low bits of clock_ms, never 0 */
	double us_per_cycle;
	struct address_table addresses;
	struct reassembly *reassembly; /* nodes/reassemble.h; NULL: no fragments are taken */
	uint32_t fragment_id;          /* of the next packet that is cut */
	/* Of this walk: what captures and traces look for (nodes/observe.h). NULL: nobody looks. */
	const struct observe_plan *observing;
	uint32_t walk; /* counted while somebody looks */
	uint32_t copy_count;
	struct rte_mbuf *copies[GRAPH_COPIES]; /* for captures, of this walk */
};

struct graph;

int graph_create(const struct worker_config *config, struct graph **graph);
void graph_destroy(struct graph *graph);
struct graph_context *graph_context(struct graph *graph);
/* One round over all nodes. */
void graph_walk(struct graph *graph);

/* For the nodes' own use. */
static inline struct graph_context *node_context(const struct rte_node *node)
{
	struct graph_context *context;

	memcpy(&context, node->ctx, sizeof(context));
	return context;
}

static inline void node_count(struct graph_context *c, enum graph_node id, uint16_t packets,
			      uint64_t began)
{
	struct dp_node_stats *s = &c->nodes[id];

	s->calls++;
	s->packets += packets;
	s->cycles += rte_rdtsc() - began;
}

static inline void set_drop(struct rte_mbuf *m, enum dp_drop_reason reason)
{
	m->hash.usr = reason;
}

/* Media: its flow's slot, and the bytes of its headers before IP and before UDP as it arrived. */
static inline void set_media(struct rte_mbuf *m, uint32_t slot, uint16_t l2, uint16_t l3)
{
	m->hash.fdir.lo = slot;
	m->hash.fdir.hi = (uint32_t)l2 << 16 | l3;
}

static inline uint32_t media_slot(const struct rte_mbuf *m)
{
	return m->hash.fdir.lo;
}

static inline uint16_t media_l2(const struct rte_mbuf *m)
{
	return (uint16_t)(m->hash.fdir.hi >> 16);
}

static inline uint16_t media_l3(const struct rte_mbuf *m)
{
	return (uint16_t)m->hash.fdir.hi;
}

/* Calls `send` once for each value of `port` (0..31: a port or a worker) among the packets, with
 * all that have it, in their order. */
void graph_by_port(struct graph_context *c, void **packets, uint16_t count,
		   void (*send)(struct graph_context *c, uint16_t port, void **packets,
				uint16_t count));

/* Sends out of the port; what it does not take is dropped and counted. */
void graph_transmit(struct graph_context *c, uint16_t port, void **packets, uint16_t n);

/* Sends each packet along its edge; the case that all take the same one costs no copy. */
void node_dispatch(struct rte_graph *graph, struct rte_node *node, void **packets,
		   const uint8_t *edges, uint16_t count);

#endif
