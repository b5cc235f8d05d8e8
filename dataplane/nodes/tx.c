/* SPDX-License-Identifier: BSD-3-Clause */
/* tx: sends packets out of the port that they name. What does not fit is dropped and counted. */
#include <rte_ethdev.h>

#include "dataplane/nodes/graph.h"

static void send_run(struct graph_context *c, uint16_t port, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t sent = rte_eth_tx_burst(port, c->config.tx_queue[port], packets, n);

	if (likely(sent == n))
		return;
	c->drops[DP_DROP_TX_FULL] += (uint16_t)(n - sent);
	rte_pktmbuf_free_bulk(&packets[sent], (unsigned)(n - sent));
}

static uint16_t tx_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t n)
{
	struct graph_context *c = node_context(node);
	struct rte_mbuf **packets = (struct rte_mbuf **)objs;
	uint64_t began = rte_rdtsc();
	uint16_t start = 0;

	RTE_SET_USED(graph);
	for (uint16_t i = 1; i <= n; i++) {
		if (i < n && packets[i]->port == packets[start]->port)
			continue;
		send_run(c, packets[start]->port, &packets[start], (uint16_t)(i - start));
		start = i;
	}
	node_count(c, NODE_TX, n, began);
	return n;
}

static struct rte_node_register tx_node = {
	.name = "tandem-tx",
	.process = tx_process,
};
RTE_NODE_REGISTER(tx_node);
