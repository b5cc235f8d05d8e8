/* SPDX-License-Identifier: BSD-3-Clause */
/* punt: what is not media goes to the kernel thread, by the ring of the port it came from. */
#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

static void punt(struct graph_context *c, uint16_t port, void **packets, uint16_t n)
{
	struct rte_ring *ring = c->config.punt[port];
	unsigned sent = ring ? rte_ring_mp_enqueue_burst(ring, packets, n, NULL) : 0;

	if (likely(sent == n))
		return;
	c->drops[DP_DROP_PUNT_FULL] += n - sent;
	observe_dropped(c, &packets[sent], (uint16_t)(n - sent), DP_DROP_PUNT_FULL);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)&packets[sent], n - sent);
}

static uint16_t punt_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			     uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	RTE_SET_USED(graph);
	observe_packets(c, OBSERVE_PUNT, objs, n, NULL);
	graph_by_port(c, objs, n, punt);
	node_count(c, NODE_PUNT, n, began);
	return n;
}

static struct rte_node_register punt_node = {
	.name = "tandem-punt",
	.process = punt_process,
};
RTE_NODE_REGISTER(punt_node);
