/* SPDX-License-Identifier: BSD-3-Clause */
/* tx: sends packets out of the port that they name. What does not fit is dropped and counted. */
#include <rte_ethdev.h>

#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

void graph_transmit(struct graph_context *c, uint16_t port, void **packets, uint16_t n)
{
	struct rte_mbuf **m = (struct rte_mbuf **)packets;
	uint16_t sent = rte_eth_tx_burst(port, c->config.tx_queue[port], m, n);

	if (likely(sent == n))
		return;
	c->drops[DP_DROP_TX_FULL] += (uint16_t)(n - sent);
	observe_dropped(c, &packets[sent], (uint16_t)(n - sent), DP_DROP_TX_FULL);
	rte_pktmbuf_free_bulk(&m[sent], (unsigned)(n - sent));
}

static uint16_t tx_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	RTE_SET_USED(graph);
	observe_packets(c, OBSERVE_TX, objs, n, NULL);
	graph_by_port(c, objs, n, graph_transmit);
	node_count(c, NODE_TX, n, began);
	return n;
}

static struct rte_node_register tx_node = {
	.name = "tandem-tx",
	.process = tx_process,
};
RTE_NODE_REGISTER(tx_node);
