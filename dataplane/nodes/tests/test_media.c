/* SPDX-License-Identifier: BSD-3-Clause */
/* What relay does beside the source rules: gaps, RTCP that ends here, checksums, large packets. */
#include <criterion/criterion.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/nodes/tests/fixture.h"

static void set_up(void)
{
	set_up_workers(1);
}

TestSuite(media, .init = set_up, .fini = tear_down, .timeout = 30);

static struct dp_termination_counters *of(unsigned i)
{
	return &counters[side[i].index];
}

static void after_ms(uint32_t ms)
{
	header.clock_ms += ms;
	flow_check_timeouts(table, header.clock_ms, 0, NULL); /* tells the table the time */
}

static void set(unsigned i, uint32_t mask, struct dp_termination_settings settings)
{
	struct dp_cmd_termination_modify modify = { .termination = side[i],
						    .mask = mask,
						    .settings = settings };

	cr_assert_eq(flow_termination_modify(table, &modify), 0);
}

static void direct(enum dp_direction direction)
{
	set(0, DP_SET_DIRECTION,
	    (struct dp_termination_settings){ .direction = (uint8_t)direction });
}

Test(media, the_longest_gap_leaves_out_what_was_held)
{
	after_ms(1000);
	a_call(DP_SOURCE_STRICT);
	after_ms(5000);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON);
	cr_assert_eq(of(0)->longest_gap_ms, 0, "before the first packet there is none");
	after_ms(60);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 2), SENT_ON);
	cr_assert_eq(of(0)->longest_gap_ms, 0);
	after_ms(250);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 3), SENT_ON);
	cr_assert_eq(of(0)->longest_gap_ms, 250);
	direct(DP_DIRECTION_RECVONLY);
	after_ms(30000);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 4), DP_DROP_DIRECTION);
	direct(DP_DIRECTION_SENDRECV);
	after_ms(100);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 5), SENT_ON);
	cr_assert_eq(of(0)->longest_gap_ms, 250);
	after_ms(300);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 6), SENT_ON);
	cr_assert_eq(of(0)->longest_gap_ms, 300);
}

static int send_rtcp(unsigned from)
{
	struct dp_address to = local[from];

	to.port++;
	return outcome_of(udp_packet(ipv4((uint8_t)(101 + from), 4001), to, rtcp, sizeof(rtcp)));
}

static uint64_t ended(void)
{
	return graph_context(graph)->nodes[NODE_END].packets;
}

/* outcome_of() takes a packet that neither left nor was dropped for a mistake, so this does not. */
static void expect_end(unsigned from)
{
	struct dp_address to = local[from];
	uint64_t before = ended();

	to.port++;
	cr_assert_null(walk(udp_packet(ipv4((uint8_t)(101 + from), 4001), to, rtcp, sizeof(rtcp))));
	cr_assert_eq(ended(), before + 1);
}

Test(media, rtcp_ends_where_tandem_is_its_end_point)
{
	const struct dp_termination_settings own = { .flags = DP_TERMINATION_RTCP_OWN };

	a_call(DP_SOURCE_STRICT);
	cr_assert_eq(send_rtcp(0), SENT_ON);
	cr_assert_eq(send_rtcp(1), SENT_ON);
	set(0, DP_SET_FLAGS, own);
	expect_end(0); /* its own reports */
	expect_end(1); /* what would go to it */
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(of(i)->rtcp_packets, 2);
		cr_assert_eq(of(i)->rtcp_forwarded, 1);
		cr_assert_eq(of(i)->sr_reports, 2);
		cr_assert_eq(of(i)->dropped, 0);
	}
}

Test(media, the_round_trip_to_one_side_is_measured_with_the_sr_of_the_other)
{
	uint8_t sr[28] = { 0x80, 200, 0, 6, [8] = 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t rr[32] = { 0x81, 201, 0, 7, [8] = 1, 2, 3, 4, [24] = 3, 4, 5, 6 };
	struct dp_address to[2];

	a_call(DP_SOURCE_STRICT);
	for (unsigned i = 0; i < 2; i++) {
		to[i] = local[i];
		to[i].port++;
	}
	/* rtp[] bears SSRC 01020304, and so does the report block */
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON);
	cr_assert_eq(outcome_of(udp_packet(ipv4(101, 4001), to[0], sr, sizeof(sr))), SENT_ON);
	cr_assert_eq(outcome_of(udp_packet(ipv4(102, 4001), to[1], rr, sizeof(rr))), SENT_ON);
	cr_assert_gt(of(1)->rtt_us, 0);
	cr_assert_lt(of(1)->rtt_us, 10000000);
	cr_assert_eq(of(0)->rtt_us, 0);
}

static void a_call_out_by_ipv6(void)
{
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv4(101, 4000), DP_SOURCE_STRICT);
	add_termination(context, 1, ipv6(0x67, 4000), DP_SOURCE_STRICT);
}

Test(media, the_udp_checksum_of_ipv6_is_right_at_any_length)
{
	uint8_t payload[64] = { 0x80 };

	a_call_out_by_ipv6();
	for (uint16_t size = 12; size < sizeof(payload); size++) {
		struct rte_mbuf *m;
		const struct rte_ipv6_hdr *ip;

		payload[3] = (uint8_t)size;
		payload[size - 1] = (uint8_t)(size * 7);
		m = walk(udp_packet(ipv4(101, 4000), local[0], payload, size));
		cr_assert_not_null(m);
		ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, 14);
		cr_assert_eq(rte_ipv6_udptcp_cksum_verify(ip, ip + 1), 0, "%u bytes", size);
		rte_pktmbuf_free(m);
	}
}

Test(media, a_port_that_makes_checksums_gets_the_pseudo_header)
{
	struct rte_mbuf *m;
	const struct rte_ipv6_hdr *ip;

	hop.checksums = 1;
	a_call_out_by_ipv6();
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(m);
	ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, 14);
	cr_assert_eq(((const struct rte_udp_hdr *)(ip + 1))->dgram_cksum,
		     rte_ipv6_phdr_cksum(ip, m->ol_flags));
	cr_assert_eq(m->ol_flags & (RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6),
		     RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6);
	cr_assert_eq(m->l2_len, 14);
	cr_assert_eq(m->l3_len, 40);
	rte_pktmbuf_free(m);
	/* of IPv4 it may be left out */
	m = walk(udp_packet(ipv6(0x67, 4000), local[1], rtp, sizeof(rtp)));
	cr_assert_not_null(m);
	cr_assert_eq(m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM, 0);
	rte_pktmbuf_free(m);
}
