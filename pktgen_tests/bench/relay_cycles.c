/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet costs in the worker's graph, rx and tx excluded: cycles of each node and of all
 * that lies between rx and tx, for N flows that are met in random order.
 *
 *   packets ─▶ net_ring ─▶ [ rx ─▶ classify ─▶ relay ─▶ tx ] ─▶ net_ring ─▶ packets
 *
 * A round prepares as many packets as the pool has, which is more than the caches hold, and then
 * puts them in front of the graph in bursts of 64. The worker's clock is set by hand: each flow
 * sends a packet each 20 ms, whatever the round takes. In turn with the graph runs the floor: a
 * loop that touches the same memory with the same distance of prefetches and does nothing else.
 *
 * Cycles are of the TSC. Out come JSON lines: a figure is the median of the rounds; the minimum
 * stands beside it, because on a machine that others use the median is about them too.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/kernel/nexthop.h"
#include "dataplane/nodes/graph.h"

#define BURST        64u
#define PACKETS      (1u << 17) /* of a round */
#define ROUNDS_MAX   101u
#define POOLS        8u
#define PORT_FIRST   1024u
#define PORT_LAST    65535u
#define PERIOD_US    20000u
#define PAYLOAD      172u /* RTP with 20 ms of G.711 */
#define FRAME        (14u + 20 + 8 + PAYLOAD)
#define AHEAD        8u
#define GOAL_CYCLES  130
#define GOAL_BYTES   128
#define CLOCK_OFFSET 1000000u /* µs: the clock does not begin at 0 */

/* One termination, as its remote end sees it. */
struct stream {
	rte_be32_t local_ip, remote_ip;
	rte_be16_t local_port, remote_port;
	uint32_t slot;
	uint32_t termination;
	uint16_t sequence;
};

struct bench {
	uint32_t flows;
	struct flow_table *table;
	const struct flow_lookup *lookup;
	struct graph *graph;
	struct rte_mempool *pool;
	struct rte_ring *notices;
	struct rte_mbuf **packets;
	struct stream *streams;
	uint32_t *order;
	uint64_t sent; /* packets since the start: the clock follows it */
	struct dp_stats_header header;
	struct dp_worker_stats stats;
	struct dp_node_stats nodes[DP_NODES_MAX];
	struct dp_context_record *contexts;
	struct dp_termination_record *records;
	struct dp_termination_counters *counters;
	struct dp_pool_stats pool_stats[POOLS];
	struct dp_realm_stats realm_stats;
};

enum part { PART_CLASSIFY, PART_RELAY, PART_ALL, PART_FLOOR, PARTS };
static const char *const part_names[PARTS] = { "classify", "relay", "graph", "floor" };

static struct nexthop hop = { .ether = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1 },
			      .mtu = 1500,
			      .state = NEXTHOP_REACHABLE };
static uint64_t seed = 88172645463325252u;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * sides >> 32);
}

static void die(const char *what)
{
	fprintf(stderr, "relay_cycles: %s\n", what);
	exit(EXIT_FAILURE);
}

static void *need(void *memory)
{
	if (!memory)
		die("out of memory (hugepages?)");
	return memory;
}

static void *table(size_t count, size_t size)
{
	return need(rte_zmalloc("bench", count * size, RTE_CACHE_LINE_SIZE));
}

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return &hop;
}

static void make_pool_and_port(struct bench *b)
{
	struct rte_eth_conf conf = { 0 };

	/* 9 lines of room for 4 of packet: no less than a driver would give */
	b->pool = need(rte_pktmbuf_pool_create("bench", PACKETS, 0, 0, RTE_PKTMBUF_HEADROOM + 256,
					       SOCKET_ID_ANY));
	if (rte_eth_dev_configure(0, 1, 1, &conf) != 0 ||
	    rte_eth_rx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL, b->pool) != 0 ||
	    rte_eth_tx_queue_setup(0, 0, 256, SOCKET_ID_ANY, NULL) != 0 ||
	    rte_eth_dev_start(0) != 0)
		die("the ring port does not start");
}

static void make_graph(struct bench *b)
{
	static const struct flow_realm realm = { .dscp = 46 };
	struct flow_pool pools[POOLS];
	struct flow_table_config config = { .pools = pools,
					    .pool_count = POOLS,
					    .realms = &realm,
					    .realm_count = 1,
					    .realm_stats = &b->realm_stats,
					    .terminations_max = b->flows,
					    .workers = 1,
					    .contexts = b->contexts,
					    .terminations = b->records,
					    .counters = b->counters,
					    .pool_stats = b->pool_stats,
					    .resolve = resolve };
	struct worker_config worker = { .rx = { { 0, 0 } },
					.rx_count = 1,
					.clock = &b->header,
					.stats = &b->stats,
					.nodes = b->nodes };

	for (unsigned i = 0; i < POOLS; i++)
		pools[i] = (struct flow_pool){
			.address = { .ip = { 198, 18, 0, (uint8_t)(20 + i) },
				     .family = DP_FAMILY_IPV4 },
			.port_first = PORT_FIRST,
			.port_last = PORT_LAST,
		};
	if (flow_table_create(&config, &b->table) != 0)
		die("no flow table");
	b->lookup = flow_table_lookup(b->table);
	worker.flows = b->table;
	b->notices = need(rte_ring_create_elem("notices", sizeof(struct flow_notice), 2 * BURST,
					       SOCKET_ID_ANY, 0));
	worker.notices = b->notices;
	if (graph_create(&worker, &b->graph) != 0)
		die("no graph");
}

static void add_stream(struct bench *b, dp_handle_t context, uint32_t i)
{
	struct dp_cmd_termination_add add = {
		.context = context,
		.local = { .family = DP_FAMILY_IPV4 },
		.realm = DP_REALM_ANY,
		.settings = { .remote = { .ip = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
						  (uint8_t)i },
					  .port = (uint16_t)(4000 + i % 1000 * 2),
					  .family = DP_FAMILY_IPV4 },
			      .direction = DP_DIRECTION_SENDRECV,
			      .source_rule = DP_SOURCE_LEARN,
			      .telephone_event = 101,
			      .clock_rate = 8000,
			      .packet_rate_max = 500 },
	};
	struct stream *s = &b->streams[i];
	struct dp_address local;
	dp_handle_t handle;

	if (flow_termination_add(b->table, &add, &handle, &local) != 0)
		die("a termination was refused");
	memcpy(&s->local_ip, local.ip, 4);
	memcpy(&s->remote_ip, add.settings.remote.ip, 4);
	s->local_port = rte_cpu_to_be_16(local.port);
	s->remote_port = rte_cpu_to_be_16(add.settings.remote.port);
	s->slot = (uint32_t)flow_pool_find(b->table, DP_FAMILY_IPV4, local.ip) *
			  FLOW_SLOTS_PER_ADDRESS +
		  local.port / 2;
	s->termination = handle.index;
	s->sequence = (uint16_t)dice(65536);
	b->order[i] = i;
}

static void make_calls(struct bench *b)
{
	for (uint32_t i = 0; i < b->flows; i += 2) {
		dp_handle_t context;

		if (flow_context_add(b->table, 0, 1 + i / 2, &context) != 0)
			die("a context was refused");
		add_stream(b, context, i);
		add_stream(b, context, i + 1);
	}
	flow_reclaim(b->table);
}

static void set_up(struct bench *b)
{
	b->contexts = table(b->flows, sizeof(*b->contexts));
	b->records = table(b->flows, sizeof(*b->records));
	b->counters = table(b->flows, sizeof(*b->counters));
	b->streams = need(calloc(b->flows, sizeof(*b->streams)));
	b->order = need(calloc(b->flows, sizeof(*b->order)));
	b->packets = need(calloc(PACKETS, sizeof(struct rte_mbuf *)));
	make_pool_and_port(b);
	make_graph(b);
	make_calls(b);
}

/* µs at which packet k of all is sent. */
static uint64_t time_of(const struct bench *b, uint64_t k)
{
	return CLOCK_OFFSET + k * PERIOD_US / b->flows;
}

/* The worker reads the TSC times a factor; set so that now is `us`. */
static void set_clock(struct bench *b, uint64_t us)
{
	graph_context(b->graph)->us_per_cycle = ((double)us + 0.5) / (double)rte_rdtsc();
	b->header.clock_ms = us / 1000;
}

static void write_packet(struct rte_mbuf *m, const struct stream *s, uint64_t us)
{
	uint8_t *p;
	struct rte_ipv4_hdr *ip;
	struct rte_udp_hdr *udp;
	uint8_t *rtp;
	rte_be32_t stamp = rte_cpu_to_be_32((uint32_t)(us * 8 / 1000)), ssrc = s->slot;
	rte_be16_t sequence = rte_cpu_to_be_16(s->sequence);

	rte_pktmbuf_reset(m);
	p = (uint8_t *)rte_pktmbuf_append(m, FRAME);
	memset(p, 0, FRAME);
	p[12] = 0x08;
	ip = (struct rte_ipv4_hdr *)(p + 14);
	*ip = (struct rte_ipv4_hdr){ .version_ihl = 0x45,
				     .total_length = rte_cpu_to_be_16(FRAME - 14),
				     .time_to_live = 63,
				     .next_proto_id = IPPROTO_UDP,
				     .src_addr = s->remote_ip,
				     .dst_addr = s->local_ip };
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp = (struct rte_udp_hdr *)(ip + 1);
	udp->src_port = s->remote_port;
	udp->dst_port = s->local_port;
	udp->dgram_len = rte_cpu_to_be_16(8 + PAYLOAD);
	rtp = (uint8_t *)(udp + 1);
	rtp[0] = 0x80;
	memcpy(rtp + 2, &sequence, 2);
	memcpy(rtp + 4, &stamp, 4);
	memcpy(rtp + 8, &ssrc, 4);
}

static struct stream *next_stream(struct bench *b, uint64_t k)
{
	uint32_t place = (uint32_t)(k % b->flows);

	for (uint32_t i = place == 0 ? b->flows : 0; i > 1; i--) {
		uint32_t other = dice(i), kept = b->order[i - 1];

		b->order[i - 1] = b->order[other];
		b->order[other] = kept;
	}
	return &b->streams[b->order[place]];
}

/* Buffers in random order, as they are after a while. */
static void shuffle_buffers(struct bench *b)
{
	for (uint32_t i = PACKETS; i > 1; i--) {
		uint32_t other = dice(i);
		struct rte_mbuf *kept = b->packets[i - 1];

		b->packets[i - 1] = b->packets[other];
		b->packets[other] = kept;
	}
}

static void prepare_for_graph(struct bench *b)
{
	shuffle_buffers(b);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct stream *s = next_stream(b, b->sent + i);

		write_packet(b->packets[i], s, time_of(b, b->sent + i));
		s->sequence++;
	}
}

static void prepare_for_floor(struct bench *b)
{
	shuffle_buffers(b);
	for (uint32_t i = 0; i < PACKETS; i++)
		write_packet(b->packets[i], &b->streams[dice(b->flows)], 0);
}

/* A source whose notice finds no room stays unlocked. */
static void read_notices(struct bench *b)
{
	struct flow_notice notices[2 * BURST];

	rte_ring_sc_dequeue_burst_elem(b->notices, notices, sizeof(notices[0]), 2 * BURST, NULL);
}

static uint64_t cycles_of(const struct bench *b, enum graph_node node)
{
	return b->nodes[node].cycles;
}

/* What lies outside of the graph's measured part: a source writes into the buffer (rx does). */
static uint64_t run_graph(struct bench *b, double *cycles)
{
	uint64_t before[2] = { cycles_of(b, NODE_CLASSIFY), cycles_of(b, NODE_RELAY) };
	uint64_t outside = cycles_of(b, NODE_RX) + cycles_of(b, NODE_TX), all = 0, left = 0;

	for (uint32_t i = 0; i < PACKETS; i += BURST) {
		uint64_t began;

		set_clock(b, time_of(b, b->sent + i));
		rte_eth_tx_burst(0, 0, &b->packets[i], BURST);
		began = rte_rdtsc();
		graph_walk(b->graph);
		all += rte_rdtsc() - began;
		left += rte_eth_rx_burst(0, 0, &b->packets[i], BURST);
		read_notices(b);
		urcu_qsbr_quiescent_state();
	}
	outside = cycles_of(b, NODE_RX) + cycles_of(b, NODE_TX) - outside;
	cycles[PART_CLASSIFY] = (double)(cycles_of(b, NODE_CLASSIFY) - before[0]) / PACKETS;
	cycles[PART_RELAY] = (double)(cycles_of(b, NODE_RELAY) - before[1]) / PACKETS;
	cycles[PART_ALL] = (double)(all - outside) / PACKETS;
	b->sent += PACKETS;
	return left;
}

static inline uint32_t slot_of(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	return (uint32_t)(p[33] - 20) * FLOW_SLOTS_PER_ADDRESS + (uint32_t)(p[36] << 8 | p[37]) / 2;
}

/* Packet, slot, flow and counters, read or written once each, and nothing else. */
static void touch(const struct flow_lookup *l, struct rte_mbuf **m)
{
	uint32_t slots[BURST];
	const struct flow *flows[BURST];

	for (unsigned i = 0; i < 2 * AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned i = 0; i < BURST; i++) {
		if (i + 2 * AHEAD < BURST)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + 2 * AHEAD], void *));
		slots[i] = slot_of(m[i]);
		rte_prefetch0(&l->slots[slots[i]]);
	}
	for (unsigned i = 0; i < BURST; i++) {
		flows[i] = flow_lookup(l, slots[i]);
		if (i < 2 * AHEAD)
			rte_prefetch0(flows[i]);
	}
	for (unsigned i = 0; i < AHEAD; i++)
		rte_prefetch0(&l->counters[flows[i]->termination]);
	for (unsigned i = 0; i < BURST; i++) {
		if (i + 2 * AHEAD < BURST)
			rte_prefetch0(flows[i + 2 * AHEAD]);
		if (i + AHEAD < BURST)
			rte_prefetch0(&l->counters[flows[i + AHEAD]->termination]);
		l->counters[flows[i]->termination].looped++;
		*rte_pktmbuf_mtod(m[i], uint8_t *) = (uint8_t)flows[i]->dscp;
	}
}

static void run_floor(struct bench *b, double *cycles)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < PACKETS; i += BURST) {
		uint64_t began;

		for (unsigned k = 0; k < BURST; k++)
			b->packets[i + k]->port = 0; /* as rx does */
		began = rte_rdtsc();
		touch(b->lookup, &b->packets[i]);
		all += rte_rdtsc() - began;
	}
	cycles[PART_FLOOR] = (double)all / PACKETS;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_figures(const struct bench *b, double (*cycles)[ROUNDS_MAX], unsigned rounds)
{
	for (unsigned i = 0; i < PARTS; i++)
		qsort(cycles[i], rounds, sizeof(double), by_value);
	for (unsigned i = 0; i < PARTS; i++) {
		const double *c = cycles[i], median = c[rounds / 2];
		double floor_median = cycles[PART_FLOOR][rounds / 2];

		printf("{\"figure\":\"relay_cycles_%s_%u\",\"value\":%.1f,\"min\":%.1f,"
		       "\"unit\":\"TSC cycles per packet\"",
		       part_names[i], b->flows, median, c[0]);
		if (i == PART_ALL)
			printf(",\"against\":\"memory touches alone\",\"against_value\":%.1f,"
			       "\"ratio\":%.2f,\"min_ratio\":%.2f,\"goal\":%d,\"ok\":%s",
			       floor_median, median / floor_median, c[0] / cycles[PART_FLOOR][0],
			       GOAL_CYCLES, median <= GOAL_CYCLES ? "true" : "false");
		printf(",\"runs\":%u,\"spread\":%.1f,\"note\":\"%u flows in random order, bursts "
		       "of %u%s\"}\n",
		       rounds, c[rounds * 3 / 4] - c[rounds / 4], b->flows, BURST,
		       i == PART_ALL ? "; all but rx and tx" : "");
	}
}

static void measure(struct bench *b, unsigned rounds)
{
	static double cycles[PARTS][ROUNDS_MAX];

	if (rte_pktmbuf_alloc_bulk(b->pool, b->packets, PACKETS) != 0)
		die("the pool is not full");
	/* until each flow has been met: sources are learnt, and pages are there */
	for (uint64_t round = 0, begin = 2 + 2 * b->flows / PACKETS; round < begin + rounds;
	     round++) {
		double c[PARTS];

		prepare_for_graph(b);
		if (run_graph(b, c) != PACKETS)
			die("packets were dropped");
		prepare_for_floor(b);
		run_floor(b, c);
		for (unsigned i = 0; i < PARTS && round >= begin; i++)
			cycles[i][round - begin] = c[i];
	}
	print_figures(b, cycles, rounds);
	rte_pktmbuf_free_bulk(b->packets, PACKETS);
}

int main(int argc, char **argv)
{
	struct bench *b = need(calloc(1, sizeof(*b)));
	unsigned rounds = 15;
	char *args[] = { argv[0],         "--in-memory", "--no-pci", "--no-telemetry",
			 "--log-level=1", "-l",          "0",        "--vdev=net_ring0" };
	int option;

	b->flows = 200000;
	while ((option = getopt(argc, argv, "n:r:l:")) != -1) {
		if (option == 'n')
			b->flows = (uint32_t)atoi(optarg) & ~1u;
		else if (option == 'r')
			rounds = (unsigned)atoi(optarg);
		else if (option == 'l')
			args[6] = optarg;
		else
			die("usage: relay_cycles [-n FLOWS] [-r ROUNDS] [-l LCORE]");
	}
	if (b->flows < 2 || b->flows > POOLS * (PORT_LAST - PORT_FIRST + 1) / 2 || rounds < 1 ||
	    rounds > ROUNDS_MAX)
		die("2..258048 flows, 1..101 rounds");
	if (rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0)
		die("EAL does not start");
	urcu_qsbr_register_thread();
	set_up(b);
	measure(b, rounds);
	if (b->flows >= 200000)
		printf("{\"figure\":\"hot_state_bytes_per_flow\",\"value\":%zu,\"unit\":\"bytes\","
		       "\"goal\":%d,\"ok\":%s,\"note\":\"flow and counters that an RTP packet in "
		       "order touches\"}\n",
		       offsetof(struct flow, expected) +
			       offsetof(struct dp_termination_counters, source),
		       GOAL_BYTES,
		       offsetof(struct flow, expected) +
					       offsetof(struct dp_termination_counters, source) <=
				       GOAL_BYTES
			       ? "true"
			       : "false");
	urcu_qsbr_unregister_thread();
	return EXIT_SUCCESS;
}
