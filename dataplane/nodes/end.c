/* SPDX-License-Identifier: BSD-3-Clause */
/* end: RTCP that was meant for us. It was read, and counts as received, not as dropped. */
#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

static uint16_t end_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	RTE_SET_USED(graph);
	observe_packets(c, OBSERVE_END, objs, n, NULL);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, n);
	node_count(c, NODE_END, n, began);
	return n;
}

static struct rte_node_register end_node = {
	.name = "tandem-end",
	.process = end_process,
};
RTE_NODE_REGISTER(end_node);
