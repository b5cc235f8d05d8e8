/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets through the whole graph: a test puts packets in, walks once, and looks at what came out. */
#include <criterion/criterion.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/nodes/tests/fixture.h"

static void set_up(void)
{
	set_up_workers(1);
}

static void set_up_two(void)
{
	set_up_workers(2);
}

TestSuite(graph, .init = set_up, .fini = tear_down, .timeout = 30);
TestSuite(workers, .init = set_up_two, .fini = tear_down, .timeout = 30);

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
	cr_assert_eq(ip->time_to_live, 2, "one less than it came with");
	cr_assert_eq(ip->type_of_service, 46 << 2);
	cr_assert_eq(rte_be_to_cpu_16(udp->src_port), local[1].port);
	cr_assert_eq(rte_be_to_cpu_16(udp->dst_port), 4000);
	cr_assert_eq(udp->dgram_cksum, 0);
	cr_assert_eq(memcmp(udp + 1, rtp, sizeof(rtp)), 0);
	cr_assert_eq(counters[side[0].index].packets, 1);
	cr_assert_eq(dp_counters_forwarded(&counters[side[0].index]), 1);
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

/* baresip does so, to open a NAT; what it is called with is known, where it is is not. */
Test(graph, a_called_phone_may_send_rtcp_before_its_answer_is_here)
{
	struct dp_cmd_termination_add add = {
		.local = { .family = DP_FAMILY_IPV4 },
		.settings = { .direction = DP_DIRECTION_SENDRECV,
			      .source_rule = DP_SOURCE_LEARN,
			      .telephone_event = 255,
			      .clock_rate = 8000 },
	};
	struct dp_address target;
	struct rte_mbuf *m;

	cr_assert_eq(flow_context_add(table, 0, 1, &add.context), 0);
	add_termination(add.context, 0, ipv4(101, 4000), DP_SOURCE_LEARN);
	cr_assert_eq(flow_termination_add(table, &add, &side[1], &local[1]), 0);
	target = local[1];
	target.port++;
	expect_drop(udp_packet(ipv4(102, 4001), target, rtcp, sizeof(rtcp)),
		    DP_DROP_UNPROVEN_SOURCE);
	m = walk(udp_packet(ipv4(102, 4001), target, rtcp, sizeof(rtcp)));
	cr_assert_not_null(m, "the second time");
	rte_pktmbuf_free(m);
	expect_drop(udp_packet(ipv4(103, 4001), target, rtcp, sizeof(rtcp)),
		    DP_DROP_FOREIGN_SOURCE);
	/* the answer says that it is elsewhere */
	cr_assert_eq(flow_termination_modify(table,
					     &(struct dp_cmd_termination_modify){
						     .termination = side[1],
						     .mask = DP_SET_REMOTE,
						     .settings = { .remote = ipv4(104, 4000) } }),
		     0);
	expect_drop(udp_packet(ipv4(102, 4001), target, rtcp, sizeof(rtcp)),
		    DP_DROP_FOREIGN_SOURCE);
	m = walk(udp_packet(ipv4(104, 4001), target, rtcp, sizeof(rtcp)));
	cr_assert_not_null(m);
	rte_pktmbuf_free(m);
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
	cr_assert_eq(dp_counters_forwarded(&counters[side[0].index]), GRAPH_RECEIVED);
	/* what was not received yet, and then what was sent: the port gives all of it back */
	for (uint16_t n; (n = rte_eth_rx_burst(0, 0, m, WORKER_BURST)) > 0; left += n)
		rte_pktmbuf_free_bulk(m, n);
	cr_assert_eq(left, 6 * WORKER_BURST);
}

Test(graph, each_reason_to_drop_has_its_counter)
{
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_DIRECTION };
	struct dp_address closed, odd;
	struct rte_mbuf *m;
	dp_handle_t context = a_call(DP_SOURCE_LEARN);

	closed = local[0];
	/* one of the four that is neither side's */
	for (closed.port = 20000; closed.port == local[0].port || closed.port == local[1].port;)
		closed.port += 2;
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
	memcpy(p + 12, (uint8_t[]){ 0x81, 0, 0xa0, 0 }, 4); /* a priority, and no VLAN */
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

/* Its flows may be another's by now, and the flow in its hand may be the old one. */
Test(workers, one_that_was_suspended_in_a_walk_writes_no_counters)
{
	struct presence *presence = &graph_context(graph)->presence;
	struct rte_mbuf *m = NULL;

	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(records[side[0].index].worker, 0);
	atomic_store(&presence->suspended, true);
	cr_assert_null(send_rtp(ipv4(101, 4000), 0));
	cr_assert_eq(counters[side[0].index].packets, 0);
	cr_assert_eq(rte_ring_count(handover[0]), 1, "for whoever owns its flow when it is met");
	atomic_store(&presence->suspended, false);
	graph_walk(graph);
	cr_assert_eq(rte_eth_rx_burst(0, 0, &m, 1), 1);
	cr_assert_eq(counters[side[0].index].packets, 1);
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
