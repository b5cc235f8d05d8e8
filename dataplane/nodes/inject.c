/* SPDX-License-Identifier: BSD-3-Clause */
/* inject: what the kernel sends, from the rings of the kernel thread. Source node, edge: tx. */
#include "dataplane/nodes/graph.h"

enum { TO_TX, EDGES };

static uint16_t inject_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			       uint16_t n)
{
	struct graph_context *c = node_context(node);
	const unsigned queues = __atomic_load_n(&c->config.rx_count, __ATOMIC_ACQUIRE);
	uint64_t began = rte_rdtsc();
	uint16_t total = 0;

	RTE_SET_USED(objs);
	for (unsigned i = 0; i < queues && total <= GRAPH_INJECTED - WORKER_BURST; i++) {
		const struct worker_queue *q = &c->config.rx[c->inject_next];
		uint16_t port = q->port;

		c->inject_next = c->inject_next + 1 < queues ? c->inject_next + 1 : 0;
		if (q->queue != 0 || !c->config.inject[port] ||
		    !lease_enter(&c->presence, q->lease, c->config.index))
			continue;
		n = (uint16_t)rte_ring_sc_dequeue_burst(c->config.inject[port], node->objs,
							WORKER_BURST, NULL);
		lease_leave(&c->presence);
		if (n == 0)
			continue;
		for (uint16_t k = 0; k < n; k++)
			((struct rte_mbuf *)node->objs[k])->port = port;
		c->injected += n;
		total += n;
		node->idx = n;
		rte_node_next_stream_move(graph, node, TO_TX);
		node_count(c, NODE_INJECT, n, began);
		began = rte_rdtsc();
	}
	return total;
}

static struct rte_node_register inject_node = {
	.name = "tandem-inject",
	.flags = RTE_NODE_SOURCE_F,
	.process = inject_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_TX] = "tandem-tx" },
};
RTE_NODE_REGISTER(inject_node);
