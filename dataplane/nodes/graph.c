/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/graph.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "dataplane/nodes/observe.h"
#include "dataplane/nodes/reassemble.h"
#include "sip/base/log.h"

struct graph {
	struct rte_graph *graph;
	rte_graph_t id;
	struct graph_context context;
};

static const char *const node_names[NODE_COUNT] = {
	[NODE_RX] = "tandem-rx",
	[NODE_INJECT] = "tandem-inject",
	[NODE_TAKE] = "tandem-take",
	[NODE_CLASSIFY] = "tandem-classify",
	[NODE_REASSEMBLE] = "tandem-reassemble",
	[NODE_RELAY] = "tandem-relay",
	[NODE_FRAGMENT] = "tandem-fragment",
	[NODE_GIVE] = "tandem-give",
	[NODE_TX] = "tandem-tx",
	[NODE_PUNT] = "tandem-punt",
	[NODE_DROP] = "tandem-drop",
	[NODE_END] = "tandem-end",
};

unsigned worker_node_count(void)
{
	return NODE_COUNT;
}

static int set_contexts(struct graph *g, const char *name)
{
	struct graph_context *context = &g->context;

	for (unsigned i = 0; i < NODE_COUNT; i++) {
		struct rte_node *node = rte_graph_node_get_by_name(name, node_names[i]);

		if (!node)
			return -ENOENT;
		memcpy(node->ctx, &context, sizeof(context));
		/* No stream must grow on the packet path, where it would allocate. */
		__rte_node_stream_alloc_size(g->graph, node, GRAPH_BURST);
		snprintf(context->nodes[i].name, sizeof(context->nodes[i].name), "%s",
			 node_names[i] + strlen("tandem-"));
	}
	return 0;
}

int graph_create(const struct worker_config *config, struct graph **graph)
{
	struct rte_graph_param param = {
		.socket_id = config->socket,
		.nb_node_patterns = NODE_COUNT,
		.node_patterns = (const char **)(uintptr_t)node_names,
	};
	struct graph *g =
		rte_zmalloc_socket("graph", sizeof(*g), RTE_CACHE_LINE_SIZE, config->socket);
	char name[RTE_GRAPH_NAMESIZE];
	int error;

	if (!g)
		return -ENOMEM;
	g->context.config = *config;
	g->context.flows = *flow_table_lookup(config->flows);
	address_table_fill(&g->context.addresses, &g->context.flows);
	g->context.nodes = config->nodes;
	g->context.drops = config->stats->drops;
	g->context.us_per_cycle = 1e6 / (double)rte_get_tsc_hz();
	snprintf(name, sizeof(name), "worker%u", config->index);
	g->id = rte_graph_create(name, &param);
	if (g->id == RTE_GRAPH_ID_INVALID) {
		error = -rte_errno;
		LOG_ERROR("worker", 0, "graph of worker %u cannot be made: %s", config->index,
			  rte_strerror(rte_errno));
		rte_free(g);
		return error;
	}
	g->graph = rte_graph_lookup(name);
	g->context.fragment_id = (uint32_t)rte_rand();
	error = g->graph ? set_contexts(g, name) : -ENOENT;
	if (!error && config->pool)
		error = reassembly_create(config->socket, &g->context.reassembly);
	if (error) {
		graph_destroy(g);
		return error;
	}
	*graph = g;
	return 0;
}

void graph_destroy(struct graph *g)
{
	if (!g)
		return;
	rte_graph_destroy(g->id);
	reassembly_destroy(g->context.reassembly);
	rte_free(g);
}

struct graph_context *graph_context(struct graph *g)
{
	return &g->context;
}

void graph_walk(struct graph *g)
{
	struct graph_context *c = &g->context;
	uint32_t now = (uint32_t)__atomic_load_n(&c->config.clock->clock_ms, __ATOMIC_RELAXED);

	c->now_us = (uint64_t)((double)rte_rdtsc() * c->us_per_cycle);
	c->now_ms = now ? now : 1;
	if (c->config.observe)
		c->observing = atomic_load_explicit(&c->config.observe->plan, memory_order_acquire);
	reassembly_expire(c);
	rte_graph_walk(g->graph);
	if (unlikely(c->observing != NULL))
		observe_walk_end(c);
}

static_assert(DP_PORTS_MAX <= 32 && DP_WORKERS_MAX <= 32, "one bit each");

void graph_by_port(struct graph_context *c, void **packets, uint16_t count,
		   void (*send)(struct graph_context *c, uint16_t port, void **packets,
				uint16_t count))
{
	struct rte_mbuf **m = (struct rte_mbuf **)packets;
	void *same[GRAPH_BURST];
	uint32_t ports = 0;

	for (uint16_t i = 0; i < count; i++)
		ports |= 1u << m[i]->port;
	if (likely((ports & (ports - 1)) == 0)) {
		send(c, m[0]->port, packets, count);
		return;
	}
	for (; ports; ports &= ports - 1) {
		uint16_t port = (uint16_t)__builtin_ctz(ports), n = 0;

		for (uint16_t i = 0; i < count; i++) {
			if (!m[i] || m[i]->port != port)
				continue;
			same[n++] = m[i];
			m[i] = NULL; /* it is another's now, and may be gone */
		}
		send(c, port, same, n);
	}
}

void node_dispatch(struct rte_graph *graph, struct rte_node *node, void **packets,
		   const uint8_t *edges, uint16_t count)
{
	uint16_t start = 0;

	while (start < count && edges[start] == edges[0])
		start++;
	if (start == count) {
		rte_node_next_stream_move(graph, node, edges[0]);
		return;
	}
	/* Runs of the same edge, one enqueue each. */
	for (uint16_t i = start = 0; i <= count; i++) {
		if (i < count && edges[i] == edges[start])
			continue;
		rte_node_enqueue(graph, node, edges[start], &packets[start], (uint16_t)(i - start));
		start = i;
	}
}
