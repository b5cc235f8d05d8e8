/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handover: media that the network brought to another worker than the one that owns its flow. It
 * is found in relay, goes to its owner by ring, and enters the owner's graph at relay. The slot
 * travels with it and is looked up again there.
 */
#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

enum { TO_RELAY, EDGES };

static void give(struct graph_context *c, uint16_t worker, void **packets, uint16_t n)
{
	unsigned sent = rte_ring_mp_enqueue_burst(c->config.handover[worker], packets, n, NULL);

	if (likely(sent == n))
		return;
	c->drops[DP_DROP_HANDOVER_FULL] += n - sent;
	observe_dropped(c, &packets[sent], (uint16_t)(n - sent), DP_DROP_HANDOVER_FULL);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)&packets[sent], n - sent);
}

static uint16_t give_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			     uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	RTE_SET_USED(graph);
	observe_packets(c, OBSERVE_GIVE, objs, n, NULL);
	c->config.stats->given += n;
	graph_by_port(c, objs, n, give);
	node_count(c, NODE_GIVE, n, began);
	return n;
}

static struct rte_node_register give_node = {
	.name = "tandem-give",
	.process = give_process,
};
RTE_NODE_REGISTER(give_node);

static uint16_t take_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			     uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began;

	RTE_SET_USED(objs);
	if (!c->config.handover)
		return 0;
	began = rte_rdtsc();
	n = (uint16_t)rte_ring_sc_dequeue_burst(c->config.handover[c->config.index], node->objs,
						GRAPH_TAKEN, NULL);
	if (n == 0)
		return 0;
	c->taken += n;
	c->config.stats->taken += n;
	node->idx = n;
	rte_node_next_stream_move(graph, node, TO_RELAY);
	node_count(c, NODE_TAKE, n, began);
	return n;
}

static struct rte_node_register take_node = {
	.name = "tandem-take",
	.flags = RTE_NODE_SOURCE_F,
	.process = take_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_RELAY] = "tandem-relay" },
};
RTE_NODE_REGISTER(take_node);
