/* SPDX-License-Identifier: BSD-3-Clause */
/* rx: polls the worker's receive queues. Source node, edge: classify. */
#include <rte_ethdev.h>

#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

enum { TO_CLASSIFY, EDGES };

static uint16_t rx_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct graph_context *c = node_context(node);
	const unsigned queues = __atomic_load_n(&c->config.rx_count, __ATOMIC_ACQUIRE);
	uint64_t began = rte_rdtsc();
	uint16_t total = 0;

	RTE_SET_USED(objs);
	/* A walk has room for a few full queues; the next one goes on with the others. */
	for (unsigned i = 0; i < queues && total <= GRAPH_RECEIVED - WORKER_BURST; i++) {
		const struct worker_queue *q = &c->config.rx[c->rx_next];

		c->rx_next = c->rx_next + 1 < queues ? c->rx_next + 1 : 0;
		if (!lease_enter(&c->presence, q->lease, c->config.index))
			continue;
		n = rte_eth_rx_burst(q->port, q->queue, (struct rte_mbuf **)node->objs,
				     WORKER_BURST);
		lease_leave(&c->presence);
		if (n == 0)
			continue;
		node->idx = n;
		/* Not every driver does (net_ring), and punt relies on it. */
		for (uint16_t k = 0; k < n; k++)
			((struct rte_mbuf *)node->objs[k])->port = q->port;
		observe_packets(c, OBSERVE_RX, node->objs, n, NULL);
		c->received += n;
		total += n;
		rte_node_next_stream_move(graph, node, TO_CLASSIFY);
		node_count(c, NODE_RX, n, began);
		began = rte_rdtsc();
	}
	return total;
}

static struct rte_node_register rx_node = {
	.name = "tandem-rx",
	.flags = RTE_NODE_SOURCE_F,
	.process = rx_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_CLASSIFY] = "tandem-classify" },
};
RTE_NODE_REGISTER(rx_node);
