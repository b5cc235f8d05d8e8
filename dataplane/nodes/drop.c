/* SPDX-License-Identifier: BSD-3-Clause */
/* drop: counts by reason (set_drop()) and frees. */
#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

static uint16_t drop_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			     uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	RTE_SET_USED(graph);
	observe_packets(c, OBSERVE_DROP, objs, n, NULL);
	for (uint16_t i = 0; i < n; i++)
		c->drops[((struct rte_mbuf *)objs[i])->hash.usr]++;
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, n);
	node_count(c, NODE_DROP, n, began);
	return n;
}

static struct rte_node_register drop_node = {
	.name = "tandem-drop",
	.process = drop_process,
};
RTE_NODE_REGISTER(drop_node);
