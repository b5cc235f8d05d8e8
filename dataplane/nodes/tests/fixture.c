/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/nodes/reassemble.h"
#include "dataplane/nodes/tests/fixture.h"

struct nexthop hop = { .ether = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1 },
		       .mtu = 1500,
		       .state = NEXTHOP_REACHABLE };
struct rte_mempool *pool, *datagrams;
struct rte_ring *punt, *inject, *notices;
struct flow_table *table;
struct graph *graph, *other_graph;
struct rte_ring *handover[2];
struct dp_stats_header header = { .clock_ms = 4711 };
struct flow_realm realm = { .dscp = 46 };
struct dp_worker_stats stats;
static struct dp_worker_stats other_stats;
static struct dp_node_stats node_stats[DP_NODES_MAX], other_nodes[DP_NODES_MAX];
static struct dp_context_record contexts[TERMINATIONS];
struct dp_termination_record records[TERMINATIONS];
struct dp_termination_counters *counters;
static struct dp_pool_stats pool_stats[2];
static struct dp_realm_stats realm_stats[1];
dp_handle_t side[2];
struct dp_address local[2];
struct observe observe;
static unsigned buffers, large_buffers;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return &hop;
}

struct dp_address ipv4(uint8_t last, uint16_t port)
{
	struct dp_address a = { .ip = { 198, 18, 0, last },
				.port = port,
				.family = DP_FAMILY_IPV4 };

	return a;
}

struct dp_address ipv6(uint8_t last, uint16_t port)
{
	struct dp_address a = { .ip = { 0x20, 1, 0, 2, [15] = last },
				.port = port,
				.family = DP_FAMILY_IPV6 };

	return a;
}

static void start_port(void)
{
	struct rte_eth_conf conf = { 0 };

	cr_assert_eq(rte_eth_dev_count_avail(), 1);
	cr_assert_eq(rte_eth_dev_configure(0, 1, 1, &conf), 0);
	cr_assert_eq(rte_eth_rx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL, pool), 0);
	cr_assert_eq(rte_eth_tx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL), 0);
	cr_assert_eq(rte_eth_dev_start(0), 0);
}

void add_termination(dp_handle_t context, unsigned i, struct dp_address remote,
		     enum dp_source_rule rule)
{
	struct dp_cmd_termination_add add = {
		.context = context,
		.local = { .family = remote.family },
		.settings = { .remote = remote,
			      .direction = DP_DIRECTION_SENDRECV,
			      .source_rule = (uint8_t)rule,
			      .telephone_event = 255,
			      .clock_rate = 8000 },
	};

	cr_assert_eq(flow_termination_add(table, &add, &side[i], &local[i]), 0);
}

static void start_graphs(unsigned workers)
{
	struct flow_pool pools[2] = {
		{ .address = ipv4(20, 0), .port_first = 20000, .port_last = 20007 },
		{ .address = ipv6(20, 0), .port_first = 20000, .port_last = 20007 },
	};
	struct flow_table_config config = { .pools = pools,
					    .pool_count = 2,
					    .realms = &realm,
					    .realm_count = 1,
					    .realm_stats = realm_stats,
					    .terminations_max = TERMINATIONS,
					    .workers = 1,
					    .contexts = contexts,
					    .terminations = records,
					    .counters = counters,
					    .pool_stats = pool_stats,
					    .resolve = resolve };
	struct worker_config worker = { .rx = { { 0, 0 } }, /* and again: as many busy queues */
					.rx_count = 6,
					.punt = { punt },
					.inject = { inject },
					.pool = pool,
					.datagrams = datagrams,
					.notices = notices,
					.observe = &observe,
					.clock = &header,
					.stats = &stats,
					.nodes = node_stats };

	config.workers = workers;
	cr_assert_eq(flow_table_create(&config, &table), 0);
	worker.flows = table;
	worker.handover = workers > 1 ? handover : NULL;
	cr_assert_eq(graph_create(&worker, &graph), 0);
	if (workers == 1)
		return;
	worker.index = 1;
	worker.rx_count = 0;
	worker.stats = &other_stats;
	worker.nodes = other_nodes;
	cr_assert_eq(graph_create(&worker, &other_graph), 0);
}

void set_up_workers(unsigned workers)
{
	char *args[] = { "test", "--no-huge", "--no-shconf",     "-m",
			 "64",   "--no-pci",  "--no-telemetry",  "--log-level=1",
			 "-l",   "0",         "--vdev=net_ring0" };

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
	pool = rte_pktmbuf_pool_create("p", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	datagrams = rte_pktmbuf_pool_create("d", 63, 0, 0, REASSEMBLY_ROOM + RTE_PKTMBUF_HEADROOM,
					    SOCKET_ID_ANY);
	punt = rte_ring_create("punt", 64, SOCKET_ID_ANY, 0);
	inject = rte_ring_create("inject", 64, SOCKET_ID_ANY, 0);
	notices = rte_ring_create_elem("notices", sizeof(struct flow_notice), 64, SOCKET_ID_ANY, 0);
	counters = rte_zmalloc("c", TERMINATIONS * sizeof(*counters), 64);
	handover[0] = rte_ring_create("to0", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	handover[1] = rte_ring_create("to1", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	cr_assert(pool && datagrams && punt && inject && notices && counters && handover[0] &&
		  handover[1]);
	urcu_qsbr_register_thread();
	start_port();
	start_graphs(workers);
	buffers = rte_mempool_avail_count(pool);
	large_buffers = rte_mempool_avail_count(datagrams);
}

void tear_down(void)
{
	cr_assert_eq(rte_mempool_avail_count(pool), buffers, "a packet was leaked");
	cr_assert_eq(rte_mempool_avail_count(datagrams), large_buffers, "a datagram was leaked");
	urcu_qsbr_unregister_thread();
	graph_destroy(graph);
	graph_destroy(other_graph);
	flow_table_destroy(table);
}

dp_handle_t a_call(enum dp_source_rule rule)
{
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv4(101, 4000), rule);
	add_termination(context, 1, ipv4(102, 4000), rule);
	return context;
}

struct rte_mbuf *udp_packet(struct dp_address from, struct dp_address to, const void *data,
			    uint16_t size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	bool v6 = from.family == DP_FAMILY_IPV6;
	uint16_t l3 = v6 ? 40 : 20;
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(14 + l3 + 8 + size));
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(p + 14 + l3);

	memset(p, 0, 14u + l3 + 8);
	p[12] = v6 ? 0x86 : 0x08;
	p[13] = v6 ? 0xdd : 0;
	if (v6) {
		struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(p + 14);

		ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(8 + size));
		ip->proto = 17;
		ip->hop_limits = 3;
		memcpy(ip->src_addr, from.ip, 16);
		memcpy(ip->dst_addr, to.ip, 16);
	} else {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(p + 14);

		ip->version_ihl = 0x45;
		ip->total_length = rte_cpu_to_be_16((uint16_t)(28 + size));
		ip->time_to_live = 3;
		ip->next_proto_id = 17;
		memcpy(&ip->src_addr, from.ip, 4);
		memcpy(&ip->dst_addr, to.ip, 4);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	udp->src_port = rte_cpu_to_be_16(from.port);
	udp->dst_port = rte_cpu_to_be_16(to.port);
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(8 + size));
	udp->dgram_cksum = 0x1234; /* partial, as a veth leaves it */
	memcpy(udp + 1, data, size);
	return m;
}

struct rte_mbuf *walk(struct rte_mbuf *m)
{
	struct rte_mbuf *out = NULL;

	if (m) {
		m->port = 0; /* the driver of a real port says so */
		cr_assert_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
	}
	graph_walk(graph);
	rte_eth_rx_burst(0, 0, &out, 1);
	return out;
}

const uint8_t rtp[172] = { 0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, [171] = 0x55 };
const uint8_t rtcp[28] = { 0x80, 200, 0, 6 };

struct rte_mbuf *send_rtp(struct dp_address from, unsigned to)
{
	return walk(udp_packet(from, local[to], rtp, sizeof(rtp)));
}

int outcome_of(struct rte_mbuf *m)
{
	uint64_t before[DP_DROP_REASONS];
	struct rte_mbuf *out;
	int outcome = SENT_ON;

	memcpy(before, stats.drops, sizeof(before));
	out = walk(m);
	for (int i = 0; i < DP_DROP_REASONS; i++)
		if (stats.drops[i] != before[i])
			outcome = i;
	cr_assert_eq(out == NULL, outcome != SENT_ON);
	rte_pktmbuf_free(out);
	return outcome;
}

int send_sequence(struct dp_address from, unsigned to, uint16_t sequence)
{
	uint8_t packet[sizeof(rtp)];

	memcpy(packet, rtp, sizeof(packet));
	packet[2] = (uint8_t)(sequence >> 8);
	packet[3] = (uint8_t)sequence;
	return outcome_of(udp_packet(from, local[to], packet, sizeof(packet)));
}
