/* SPDX-License-Identifier: BSD-3-Clause */
/* rx: polls the worker's receive queues. Source node, edge: classify. */
#include <rte_ethdev.h>

#include "dataplane/nodes/graph.h"

enum { TO_CLASSIFY, EDGES };

static uint16_t rx_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	RTE_SET_USED(objs);
	for (unsigned i = 0; i < c->config.rx_count; i++) {
		const struct worker_queue *q = &c->config.rx[i];

		n = rte_eth_rx_burst(q->port, q->queue, (struct rte_mbuf **)node->objs,
				     WORKER_BURST);
		if (n == 0)
			continue;
		node->idx = n;
		c->received += n;
		rte_node_next_stream_move(graph, node, TO_CLASSIFY);
		node_count(c, NODE_RX, n, began);
		began = rte_rdtsc();
	}
	return n;
}

static struct rte_node_register rx_node = {
	.name = "tandem-rx",
	.flags = RTE_NODE_SOURCE_F,
	.process = rx_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_CLASSIFY] = "tandem-classify" },
};
RTE_NODE_REGISTER(rx_node);
