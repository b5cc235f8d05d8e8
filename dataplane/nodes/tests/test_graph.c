/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets through the whole graph. A net_ring port gives back what is sent to it, so a test puts
 * packets in, walks once, and looks at what came out.
 */
#include <criterion/criterion.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/kernel/nexthop.h"
#include "dataplane/nodes/graph.h"

#define TERMINATIONS 8u

static struct nexthop hop = { .ether = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1 },
			      .state = NEXTHOP_REACHABLE };
static struct rte_mempool *pool;
static struct rte_ring *punt, *inject, *notices;
static struct flow_table *table;
static struct graph *graph, *other_graph;
static struct rte_ring *handover[2];
static struct dp_stats_header header = { .clock_ms = 4711 };
static struct dp_worker_stats stats, other_stats;
static struct dp_node_stats node_stats[DP_NODES_MAX], other_nodes[DP_NODES_MAX];
static struct dp_context_record contexts[TERMINATIONS];
static struct dp_termination_record records[TERMINATIONS];
static struct dp_termination_counters *counters;
static struct dp_pool_stats pool_stats[2];
static dp_handle_t side[2];
static struct dp_address local[2];
static unsigned buffers;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote)
{
	(void)arg;
	(void)remote;
	return &hop;
}

static struct dp_address ipv4(uint8_t last, uint16_t port)
{
	struct dp_address a = { .ip = { 198, 18, 0, last },
				.port = port,
				.family = DP_FAMILY_IPV4 };

	return a;
}

static struct dp_address ipv6(uint8_t last, uint16_t port)
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

static void add_termination(dp_handle_t context, unsigned i, struct dp_address remote,
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
		{ .address = ipv4(20, 0), .port_first = 20000, .port_last = 20007, .dscp = 46 },
		{ .address = ipv6(20, 0), .port_first = 20000, .port_last = 20007, .dscp = 46 },
	};
	struct flow_table_config config = { .pools = pools,
					    .pool_count = 2,
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
					.notices = notices,
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

static void set_up_workers(unsigned workers)
{
	char *args[] = { "test", "--no-huge", "--no-shconf",     "-m",
			 "64",   "--no-pci",  "--no-telemetry",  "--log-level=1",
			 "-l",   "0",         "--vdev=net_ring0" };

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
	pool = rte_pktmbuf_pool_create("p", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	punt = rte_ring_create("punt", 64, SOCKET_ID_ANY, 0);
	inject = rte_ring_create("inject", 64, SOCKET_ID_ANY, 0);
	notices = rte_ring_create_elem("notices", sizeof(struct flow_notice), 64, SOCKET_ID_ANY, 0);
	counters = rte_zmalloc("c", TERMINATIONS * sizeof(*counters), 64);
	handover[0] = rte_ring_create("to0", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	handover[1] = rte_ring_create("to1", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	cr_assert(pool && punt && inject && notices && counters && handover[0] && handover[1]);
	urcu_qsbr_register_thread();
	start_port();
	start_graphs(workers);
	buffers = rte_mempool_avail_count(pool);
}

static void set_up(void)
{
	set_up_workers(1);
}

static void set_up_two(void)
{
	set_up_workers(2);
}

static void tear_down(void)
{
	cr_assert_eq(rte_mempool_avail_count(pool), buffers, "a packet was leaked");
	urcu_qsbr_unregister_thread();
	graph_destroy(graph);
	graph_destroy(other_graph);
	flow_table_destroy(table);
}

TestSuite(graph, .init = set_up, .fini = tear_down, .timeout = 30);
TestSuite(workers, .init = set_up_two, .fini = tear_down, .timeout = 30);

/* A call between 198.18.0.101:4000 and 198.18.0.102:4000. */
static dp_handle_t a_call(enum dp_source_rule rule)
{
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv4(101, 4000), rule);
	add_termination(context, 1, ipv4(102, 4000), rule);
	return context;
}

static struct rte_mbuf *udp_packet(struct dp_address from, struct dp_address to, const void *data,
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

/* Puts a packet in and walks; returns what left by the port, or NULL. */
static struct rte_mbuf *walk(struct rte_mbuf *m)
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

static const uint8_t rtp[172] = { 0x80, 0, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4, [171] = 0x55 };
static const uint8_t rtcp[28] = { 0x80, 200, 0, 6 };

static struct rte_mbuf *send_rtp(struct dp_address from, unsigned to)
{
	return walk(udp_packet(from, local[to], rtp, sizeof(rtp)));
}

static void expect_drop(struct rte_mbuf *m, enum dp_drop_reason reason)
{
	uint64_t before = stats.drops[reason];
	struct rte_mbuf *out = walk(m);

	cr_assert_null(out);
	cr_assert_eq(stats.drops[reason], before + 1, "reason %d", reason);
}

Test(graph, rtp_leaves_rewritten_and_otherwise_untouched)
{
	struct rte_mbuf *m;
	const uint8_t *p;
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *udp;

	a_call(DP_SOURCE_LEARN);
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(m);
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	ip = (const struct rte_ipv4_hdr *)(p + 14);
	udp = (const struct rte_udp_hdr *)(p + 34);
	cr_assert_eq(m->pkt_len, 14 + 20 + 8 + sizeof(rtp));
	cr_assert_eq(memcmp(p, hop.ether, 12), 0);
	cr_assert_eq(memcmp(&ip->src_addr, local[1].ip, 4), 0);
	cr_assert_eq(memcmp(&ip->dst_addr, ipv4(102, 0).ip, 4), 0);
	cr_assert_eq(rte_raw_cksum(ip, 20), 0xffff);
	cr_assert_eq(ip->time_to_live, 64);
	cr_assert_eq(ip->type_of_service, 46 << 2);
	cr_assert_eq(rte_be_to_cpu_16(udp->src_port), local[1].port);
	cr_assert_eq(rte_be_to_cpu_16(udp->dst_port), 4000);
	cr_assert_eq(udp->dgram_cksum, 0);
	cr_assert_eq(memcmp(udp + 1, rtp, sizeof(rtp)), 0);
	cr_assert_eq(counters[side[0].index].packets, 1);
	cr_assert_eq(counters[side[0].index].forwarded, 1);
	cr_assert_eq(counters[side[0].index].last_packet_ms, 4711);
	rte_pktmbuf_free(m);
}

Test(graph, rtcp_goes_to_the_next_port)
{
	struct dp_address to;
	struct rte_mbuf *m;
	const struct rte_udp_hdr *udp;

	a_call(DP_SOURCE_LEARN);
	to = local[0];
	to.port++;
	/* before RTP has shown who the source is, not from anywhere */
	expect_drop(udp_packet(ipv4(66, 4001), to, rtcp, sizeof(rtcp)), DP_DROP_FOREIGN_SOURCE);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	m = walk(udp_packet(ipv4(101, 4001), to, rtcp, sizeof(rtcp)));
	cr_assert_not_null(m);
	udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, 34);
	cr_assert_eq(rte_be_to_cpu_16(udp->src_port), local[1].port + 1);
	cr_assert_eq(rte_be_to_cpu_16(udp->dst_port), 4001);
	cr_assert_eq(counters[side[0].index].rtcp_packets, 1);
	cr_assert_eq(counters[side[0].index].packets, 1);
	rte_pktmbuf_free(m);
}

Test(graph, the_first_source_is_latched_and_a_foreign_one_goes_nowhere)
{
	struct flow_notice notice;
	struct rte_mbuf *m;

	a_call(DP_SOURCE_LEARN);
	rte_pktmbuf_free(send_rtp(ipv4(55, 9999), 0));
	cr_assert_eq(rte_ring_dequeue_elem(notices, &notice, sizeof(notice)), 0);
	cr_assert_eq(notice.termination, side[0].index);
	cr_assert_eq(notice.generation, side[0].generation);
	cr_assert_eq(notice.source.port, 9999);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp)),
		    DP_DROP_FOREIGN_SOURCE);
	expect_drop(udp_packet(ipv4(55, 9998), local[0], rtp, sizeof(rtp)), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(counters[side[0].index].foreign, 2);
	cr_assert_eq(counters[side[0].index].packets, 1);
	m = send_rtp(ipv4(55, 9999), 0);
	cr_assert_not_null(m);
	rte_pktmbuf_free(m);
}

Test(graph, a_new_remote_lets_another_source_in)
{
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_REMOTE };

	a_call(DP_SOURCE_LEARN);
	modify.termination = side[0];
	modify.settings.remote = ipv4(101, 7000);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	rte_pktmbuf_free(send_rtp(ipv4(101, 7000), 0));
	cr_assert_eq(counters[side[0].index].source.port, 7000);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp)),
		    DP_DROP_FOREIGN_SOURCE);
}

Test(graph, many_busy_queues_take_turns)
{
	struct rte_mbuf *m[6 * WORKER_BURST];
	unsigned left = 0;

	a_call(DP_SOURCE_LEARN);
	for (unsigned i = 0; i < 6 * WORKER_BURST; i++)
		m[i] = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	cr_assert_eq(rte_eth_tx_burst(0, 0, m, 6 * WORKER_BURST), 6 * WORKER_BURST);
	graph_walk(graph);
	cr_assert_eq(counters[side[0].index].forwarded, GRAPH_RECEIVED);
	/* what was not received yet, and then what was sent: the port gives all of it back */
	for (uint16_t n; (n = rte_eth_rx_burst(0, 0, m, WORKER_BURST)) > 0; left += n)
		rte_pktmbuf_free_bulk(m, n);
	cr_assert_eq(left, 6 * WORKER_BURST);
}

Test(graph, strict_takes_only_what_signalling_said)
{
	struct rte_mbuf *m;

	a_call(DP_SOURCE_STRICT);
	expect_drop(udp_packet(ipv4(101, 4002), local[0], rtp, sizeof(rtp)),
		    DP_DROP_FOREIGN_SOURCE);
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(m);
	rte_pktmbuf_free(m);
	cr_assert_eq(rte_ring_count(notices), 0);
}

Test(graph, each_reason_to_drop_has_its_counter)
{
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_DIRECTION };
	struct dp_address closed, odd;
	struct rte_mbuf *m;
	dp_handle_t context = a_call(DP_SOURCE_LEARN);

	closed = local[0];
	closed.port = 20006;
	expect_drop(udp_packet(ipv4(101, 4000), closed, rtp, sizeof(rtp)), DP_DROP_NO_FLOW);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], "\0\1\0\0", 4), DP_DROP_NOT_RTP);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtp, 11), DP_DROP_NOT_RTP);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtcp, sizeof(rtcp)), DP_DROP_NOT_RTP);
	odd = local[0];
	odd.port++;
	expect_drop(udp_packet(ipv4(101, 4001), odd, rtcp, 27), DP_DROP_BAD_RTCP);
	expect_drop(udp_packet(ipv4(101, 4001), odd, rtp, sizeof(rtp)), DP_DROP_BAD_RTCP);

	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	rte_pktmbuf_mtod(m, uint8_t *)[14 + 8] = 0; /* TTL */
	expect_drop(m, DP_DROP_MALFORMED_IP);
	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	rte_pktmbuf_trim(m, 1);
	expect_drop(m, DP_DROP_MALFORMED_IP);
	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	rte_pktmbuf_mtod(m, uint8_t *)[34 + 4] = 0xff; /* UDP length */
	expect_drop(m, DP_DROP_MALFORMED_UDP);
	m = rte_pktmbuf_alloc(pool);
	rte_pktmbuf_append(m, 13);
	expect_drop(m, DP_DROP_MALFORMED_L2);

	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14)->fragment_offset =
		rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG);
	rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14)->hdr_checksum = 0;
	rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14)->hdr_checksum =
		rte_ipv4_cksum(rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14));
	expect_drop(m, DP_DROP_FRAGMENT);

	hop.state = NEXTHOP_PROBING;
	hop.wanted = 0;
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp)), DP_DROP_NO_NEIGHBOUR);
	cr_assert_eq(hop.wanted, 1, "the manager is asked to resolve it");
	hop.state = NEXTHOP_REACHABLE;

	modify.termination = side[1];
	modify.settings.direction = DP_DIRECTION_SENDONLY;
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp)),
		    DP_DROP_PEER_DIRECTION);
	modify.termination = side[0];
	modify.settings.direction = DP_DIRECTION_RECVONLY;
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	expect_drop(udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp)), DP_DROP_DIRECTION);

	cr_assert_eq(flow_termination_remove(table, side[0]), 0);
	expect_drop(udp_packet(ipv4(102, 4000), local[1], rtp, sizeof(rtp)), DP_DROP_NO_PEER);
	cr_assert_eq(flow_context_remove(table, context), 0);
	expect_drop(udp_packet(ipv4(102, 4000), local[1], rtp, sizeof(rtp)), DP_DROP_NO_FLOW);
}

static void expect_punt(struct rte_mbuf *m)
{
	struct rte_mbuf *punted;

	cr_assert_null(walk(m));
	cr_assert_eq(rte_ring_dequeue(punt, (void **)&punted), 0);
	cr_assert_eq(punted, m);
	rte_pktmbuf_free(punted);
}

Test(graph, what_is_not_media_goes_to_the_kernel)
{
	struct dp_address sip = ipv4(10, 5060), media = ipv4(20, 5060);
	struct rte_mbuf *m;

	a_call(DP_SOURCE_LEARN);
	expect_punt(udp_packet(ipv4(101, 5060), sip, "OPTIONS", 7));
	expect_punt(udp_packet(ipv4(101, 5060), media, "x", 1)); /* outside the port range */
	m = udp_packet(ipv4(101, 0), local[0], "x", 1);
	rte_pktmbuf_mtod(m, uint8_t *)[14 + 9] = 1; /* ICMP */
	expect_punt(m);
	m = rte_pktmbuf_alloc(pool);
	memset(rte_pktmbuf_append(m, 60), 0, 60);
	rte_pktmbuf_mtod(m, uint8_t *)[12] = 0x08; /* ARP */
	rte_pktmbuf_mtod(m, uint8_t *)[13] = 0x06;
	expect_punt(m);
}

Test(graph, what_the_kernel_sends_leaves_by_the_port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *out;

	rte_pktmbuf_append(m, 60);
	cr_assert_eq(rte_ring_enqueue(inject, m), 0);
	out = walk(NULL);
	cr_assert_eq(out, m);
	rte_pktmbuf_free(out);
}

Test(graph, a_full_punt_ring_drops_and_counts)
{
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 63; i++)
		cr_assert_null(walk(udp_packet(ipv4(101, 1), ipv4(10, 1), "x", 1)));
	expect_drop(udp_packet(ipv4(101, 1), ipv4(10, 1), "x", 1), DP_DROP_PUNT_FULL);
	while (rte_ring_dequeue(punt, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

Test(graph, link_padding_and_vlan_and_ip_options_are_taken_off)
{
	struct rte_mbuf *m = NULL;
	uint8_t *p;

	a_call(DP_SOURCE_LEARN);
	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	memset(rte_pktmbuf_append(m, 6), 0xee, 6);
	m = walk(m);
	cr_assert_eq(m->pkt_len, 42 + sizeof(rtp));
	rte_pktmbuf_free(m);

	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	p = (uint8_t *)rte_pktmbuf_prepend(m, 4);
	cr_assert_not_null(p);
	memmove(p, p + 4, 12);
	memcpy(p + 12, (uint8_t[]){ 0x81, 0, 0, 5 }, 4);
	m = walk(m);
	cr_assert_eq(m->pkt_len, 42 + sizeof(rtp));
	cr_assert_eq(rte_pktmbuf_mtod(m, uint8_t *)[12], 0x08);
	rte_pktmbuf_free(m);

	m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
	p = (uint8_t *)rte_pktmbuf_prepend(m, 4);
	cr_assert_not_null(p);
	memmove(p, p + 4, 34);
	memset(p + 34, 1, 4); /* four NOP options */
	p[14] = 0x46;
	p[17] = (uint8_t)(p[17] + 4);
	p[24] = p[25] = 0;
	*(uint16_t *)(p + 24) = (uint16_t)~rte_raw_cksum(p + 14, 24);
	m = walk(m);
	cr_assert_not_null(m);
	cr_assert_eq(m->pkt_len, 42 + sizeof(rtp));
	cr_assert_eq(memcmp(rte_pktmbuf_mtod(m, uint8_t *) + 42, rtp, sizeof(rtp)), 0);
	rte_pktmbuf_free(m);
}

Test(graph, families_are_bridged)
{
	dp_handle_t context;
	struct rte_mbuf *m;
	const struct rte_ipv6_hdr *ip;
	const struct rte_udp_hdr *udp;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv4(101, 4000), DP_SOURCE_LEARN);
	add_termination(context, 1, ipv6(0x67, 4000), DP_SOURCE_LEARN);
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(m);
	cr_assert_eq(m->pkt_len, 14 + 40 + 8 + sizeof(rtp));
	ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, 14);
	udp = (const struct rte_udp_hdr *)(ip + 1);
	cr_assert_eq(ip->dst_addr[15], 0x67);
	cr_assert_eq(rte_ipv6_udptcp_cksum_verify(ip, udp), 0);
	rte_pktmbuf_free(m);
	m = send_rtp(ipv6(0x67, 4000), 1);
	cr_assert_not_null(m);
	cr_assert_eq(m->pkt_len, 42 + sizeof(rtp));
	rte_pktmbuf_free(m);
}

/* The first termination belongs to worker 0, the second to worker 1; worker 0 has the port. */
Test(workers, media_is_handed_to_the_worker_that_owns_its_flow)
{
	struct rte_mbuf *m = NULL;

	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(records[side[0].index].worker, 0);
	cr_assert_eq(records[side[1].index].worker, 1);
	cr_assert_null(send_rtp(ipv4(102, 4000), 1));
	cr_assert_eq(counters[side[1].index].packets, 0);
	cr_assert_eq(rte_ring_count(handover[1]), 1);
	graph_walk(other_graph);
	cr_assert_eq(rte_eth_rx_burst(0, 0, &m, 1), 1);
	cr_assert_eq(counters[side[1].index].packets, 1);
	cr_assert_eq(m->pkt_len, 42 + sizeof(rtp));
	rte_pktmbuf_free(m);
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(m, "its own it sends at once");
	rte_pktmbuf_free(m);
}

Test(workers, a_full_handover_ring_drops_and_counts)
{
	struct rte_mbuf *m;

	a_call(DP_SOURCE_LEARN);
	for (unsigned i = 0; i < 63; i++)
		cr_assert_null(send_rtp(ipv4(102, 4000), 1));
	expect_drop(udp_packet(ipv4(102, 4000), local[1], rtp, sizeof(rtp)), DP_DROP_HANDOVER_FULL);
	graph_walk(other_graph);
	cr_assert_eq(counters[side[1].index].packets, 63);
	while (rte_eth_rx_burst(0, 0, &m, 1) == 1)
		rte_pktmbuf_free(m);
}
