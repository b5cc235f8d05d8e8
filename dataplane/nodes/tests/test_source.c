/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is listened to, how often, and what the manager hears of the others. */
#include <criterion/criterion.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/nodes/rate.h"
#include "dataplane/nodes/tests/fixture.h"

static void set_up(void)
{
	set_up_workers(1);
}

TestSuite(source, .init = set_up, .fini = tear_down, .timeout = 30);

static struct dp_termination_counters *of(unsigned i)
{
	return &counters[side[i].index];
}

static struct flow_notice next_notice(void)
{
	struct flow_notice notice = { 0 };

	cr_assert_eq(rte_ring_dequeue_elem(notices, &notice, sizeof(notice)), 0, "no notice");
	cr_assert_eq(notice.termination, side[0].index);
	cr_assert_eq(notice.generation, side[0].generation);
	return notice;
}

Test(source, the_signalled_address_is_locked_by_its_first_packet)
{
	struct flow_notice notice;

	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON);
	cr_assert_eq(of(0)->latch, DP_LATCH_LOCKED);
	notice = next_notice();
	cr_assert_eq(notice.kind, FLOW_NOTICE_LATCHED);
	cr_assert_eq(notice.source.port, 4000);
}

Test(source, another_source_has_to_send_two_packets_in_sequence)
{
	struct flow_notice notice;

	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 7), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(of(0)->latch, DP_LATCH_PROVING);
	cr_assert_eq(of(0)->packets, 0);
	cr_assert_eq(rte_ring_count(notices), 0);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 9), DP_DROP_UNPROVEN_SOURCE, "a gap");
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 10), SENT_ON);
	notice = next_notice();
	cr_assert_eq(notice.kind, FLOW_NOTICE_LATCHED);
	cr_assert_eq(notice.source.port, 9999);
	cr_assert_eq(of(0)->packets, 1);
	cr_assert_eq(of(0)->latch, DP_LATCH_LOCKED);
}

Test(source, a_candidate_gives_way_until_it_is_proven)
{
	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 7), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(56, 9999), 0, 8), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 8), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 50), SENT_ON,
		     "the signalled one needs none");
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 9), DP_DROP_FOREIGN_SOURCE);
}

Test(source, the_signalled_address_takes_its_call_back_for_good)
{
	struct flow_notice notice;

	a_call(DP_SOURCE_LEARN);
	send_sequence(ipv4(55, 9999), 0, 7);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 8), SENT_ON);
	cr_assert_eq(next_notice().source.port, 9999);
	cr_assert_eq(send_sequence(ipv4(101, 4001), 0, 1), DP_DROP_FOREIGN_SOURCE, "another port");
	next_notice();
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON, "its first packet");
	notice = next_notice();
	cr_assert_eq(notice.kind, FLOW_NOTICE_LATCHED);
	cr_assert_eq(notice.source.port, 4000);
	for (uint16_t i = 9; i < 20; i++)
		cr_assert_eq(send_sequence(ipv4(55, 9999), 0, i), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 2), SENT_ON);
	cr_assert_eq(of(0)->source.port, 4000);
}

Test(source, foreign_packets_go_nowhere_and_are_told_of_at_powers_of_two)
{
	unsigned told = 0;

	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON);
	next_notice();
	for (unsigned i = 1; i <= 9; i++) {
		cr_assert_eq(send_sequence(ipv4(66, 666), 0, (uint16_t)i), DP_DROP_FOREIGN_SOURCE);
		if (rte_ring_count(notices) == 0)
			continue;
		cr_assert_eq(next_notice().kind, FLOW_NOTICE_FOREIGN);
		told |= 1u << i;
	}
	cr_assert_eq(told, 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8);
	cr_assert_eq(of(0)->foreign, 9);
	cr_assert_eq(of(0)->dropped, 9);
	cr_assert_eq(of(0)->packets, 1);
	cr_assert_eq(of(0)->source.port, 4000);
	cr_assert_eq(send_sequence(ipv4(101, 4001), 0, 2), DP_DROP_FOREIGN_SOURCE, "another port");
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 2), SENT_ON);
}

Test(source, strict_takes_only_what_signalling_said)
{
	a_call(DP_SOURCE_STRICT);
	cr_assert_eq(send_sequence(ipv4(101, 4002), 0, 1), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(101, 4002), 0, 2), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(next_notice().kind, FLOW_NOTICE_FOREIGN);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON);
	cr_assert_eq(of(0)->latch, DP_LATCH_LOCKED);
}

/* To the port of RTCP. */
static int send_rtcp(struct dp_address from)
{
	struct dp_address to = local[0];

	to.port++;
	return outcome_of(udp_packet(from, to, rtcp, sizeof(rtcp)));
}

Test(source, of_the_signalled_host_any_port_is_learnt_and_nobody_else)
{
	a_call(DP_SOURCE_HOST);
	for (uint16_t i = 1; i <= 3; i++)
		cr_assert_eq(send_sequence(ipv4(55, 4000), 0, i), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(next_notice().kind, FLOW_NOTICE_FOREIGN);
	next_notice();
	cr_assert_eq(of(0)->latch, DP_LATCH_OPEN);
	cr_assert_eq(send_sequence(ipv4(101, 4444), 0, 7), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 4000), 0, 4), DP_DROP_FOREIGN_SOURCE,
		     "not a candidate");
	cr_assert_eq(send_sequence(ipv4(101, 4444), 0, 8), SENT_ON);
	next_notice();
	cr_assert_eq(send_rtcp(ipv4(55, 4001)), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_rtcp(ipv4(101, 4445)), SENT_ON);
}

Test(source, rtcp_of_the_signalled_host_comes_from_any_port_and_nobody_else)
{
	a_call(DP_SOURCE_HOST);
	cr_assert_eq(send_rtcp(ipv4(55, 4001)), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_rtcp(ipv4(101, 6001)), SENT_ON);
}

Test(source, one_without_room_for_its_notice_is_served_and_tries_again)
{
	struct flow_notice filler = { 0 };

	a_call(DP_SOURCE_LEARN);
	while (rte_ring_enqueue_elem(notices, &filler, sizeof(filler)) == 0)
		;
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 7), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 8), SENT_ON);
	cr_assert_eq(of(0)->latch, DP_LATCH_PROVING);
	cr_assert_eq(stats.latch_lost, 1);
	while (rte_ring_dequeue_elem(notices, &filler, sizeof(filler)) == 0)
		;
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 9), SENT_ON);
	cr_assert_eq(next_notice().kind, FLOW_NOTICE_LATCHED);
	cr_assert_eq(of(0)->latch, DP_LATCH_LOCKED);
}

/* No address is known of a called phone before its answer. */
static void a_call_to_nobody(enum dp_source_rule rule, uint32_t flags)
{
	struct dp_cmd_termination_add add = {
		.local = { .family = DP_FAMILY_IPV4 },
		.realm = DP_REALM_ANY,
		.settings = { .direction = DP_DIRECTION_SENDRECV,
			      .source_rule = (uint8_t)rule,
			      .telephone_event = 255,
			      .flags = flags,
			      .clock_rate = 8000 },
	};

	cr_assert_eq(flow_context_add(table, 0, 1, &add.context), 0);
	cr_assert_eq(flow_termination_add(table, &add, &side[0], &local[0]), 0);
	add_termination(add.context, 1, ipv4(102, 4000), DP_SOURCE_LEARN);
}

Test(source, rtcp_on_the_rtp_port_proves_an_unknown_source_the_second_time)
{
	a_call_to_nobody(DP_SOURCE_LEARN, DP_TERMINATION_RTCP_MUX);
	cr_assert_eq(outcome_of(udp_packet(ipv4(55, 9999), local[0], rtcp, sizeof(rtcp))),
		     DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(outcome_of(udp_packet(ipv4(56, 9999), local[0], rtcp, sizeof(rtcp))),
		     DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(outcome_of(udp_packet(ipv4(56, 9999), local[0], rtcp, sizeof(rtcp))), SENT_ON);
	cr_assert_eq(next_notice().source.port, 9999);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 1), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(56, 9999), 0, 1), SENT_ON);
}

Test(source, before_a_host_is_known_who_proves_itself_is_taken_and_then_nobody_else)
{
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_REMOTE,
						    .settings = { .remote = ipv4(101, 4000) } };

	a_call_to_nobody(DP_SOURCE_HOST, DP_TERMINATION_RTCP_MUX);
	modify.termination = side[0];
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 1), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 2), SENT_ON);
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 3), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 4), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON);
}

/* Each notice does what the manager does with it. */
static void tell_manager(void)
{
	struct flow_notice notice;
	struct dp_ev_latched event;
	uint32_t owner;

	while (rte_ring_dequeue_elem(notices, &notice, sizeof(notice)) == 0)
		if (notice.kind == FLOW_NOTICE_LATCHED)
			flow_latched(table, &notice, &owner, &event);
}

/* Where the RTCP of side 1 goes. */
static struct dp_address rtcp_target(void)
{
	struct dp_address to = local[1], target = { .family = DP_FAMILY_IPV4 };
	struct rte_mbuf *m;

	to.port++;
	m = walk(udp_packet(ipv4(102, 4001), to, rtcp, sizeof(rtcp)));
	cr_assert_not_null(m);
	memcpy(target.ip, rte_pktmbuf_mtod(m, uint8_t *) + 14 + 16, 4);
	target.port = rte_be_to_cpu_16(
		rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, 34)->dst_port);
	rte_pktmbuf_free(m);
	return target;
}

Test(source, rtcp_of_an_unknown_host_proves_itself_the_second_time)
{
	a_call_to_nobody(DP_SOURCE_LEARN, 0);
	cr_assert_eq(send_rtcp(ipv4(66, 667)), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_rtcp(ipv4(55, 5001)), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_rtcp(ipv4(66, 667)), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(rte_ring_count(notices), 0);
	cr_assert_eq(send_rtcp(ipv4(66, 667)), SENT_ON);
	cr_assert_eq(send_rtcp(ipv4(55, 5001)), DP_DROP_FOREIGN_SOURCE);
}

Test(source, rtcp_that_waits_to_prove_itself_gives_way_to_the_host_of_rtp)
{
	a_call_to_nobody(DP_SOURCE_LEARN, 0);
	cr_assert_eq(send_rtcp(ipv4(66, 667)), DP_DROP_UNPROVEN_SOURCE);
	send_sequence(ipv4(55, 5000), 0, 1);
	cr_assert_eq(send_sequence(ipv4(55, 5000), 0, 2), SENT_ON);
	cr_assert_eq(send_rtcp(ipv4(66, 667)), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_rtcp(ipv4(55, 5001)), SENT_ON, "its first");
}

Test(source, rtcp_goes_to_the_host_that_rtp_is_locked_to)
{
	struct dp_address target;

	a_call_to_nobody(DP_SOURCE_LEARN, 0);
	send_rtcp(ipv4(66, 667));
	cr_assert_eq(send_rtcp(ipv4(66, 667)), SENT_ON);
	tell_manager();
	send_sequence(ipv4(55, 5000), 0, 1);
	cr_assert_eq(send_sequence(ipv4(55, 5000), 0, 2), SENT_ON);
	tell_manager();
	target = rtcp_target();
	cr_assert_eq(target.ip[3], 55, "and no more to who was heard before");
	cr_assert_eq(target.port, 5001);
	cr_assert_eq(send_rtcp(ipv4(66, 667)), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(send_rtcp(ipv4(55, 7777)), SENT_ON);
	tell_manager();
	cr_assert_eq(rtcp_target().port, 7777);
}

/* Its first packet has no sequence, so that of the next is no second one in sequence. */
Test(source, rtcp_says_nothing_of_the_sequence_of_rtp)
{
	uint8_t report[sizeof(rtcp)];

	memcpy(report, rtcp, sizeof(report));
	memcpy(report + 4, rtp + 8, 4); /* the same SSRC */
	a_call_to_nobody(DP_SOURCE_LEARN, DP_TERMINATION_RTCP_MUX);
	cr_assert_eq(outcome_of(udp_packet(ipv4(55, 9999), local[0], report, sizeof(report))),
		     DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 0), DP_DROP_UNPROVEN_SOURCE);
	cr_assert_eq(send_sequence(ipv4(55, 9999), 0, 1), SENT_ON);
}

Test(source, of_ipv6_each_bit_counts)
{
	struct dp_address twin = ipv6(101, 4000);
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv6(101, 4000), DP_SOURCE_STRICT);
	add_termination(context, 1, ipv6(102, 4000), DP_SOURCE_STRICT);
	twin.ip[4] ^= 1; /* the digest of both is the same */
	twin.ip[8] ^= 1;
	cr_assert_eq(send_sequence(ipv6(101, 4000), 0, 1), SENT_ON);
	cr_assert_eq(send_sequence(twin, 0, 2), DP_DROP_FOREIGN_SOURCE);
}

static void set_ttl(struct rte_mbuf *m, uint8_t ttl)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

	ip->time_to_live = ttl;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static struct rte_mbuf *with_ttl(uint8_t ttl)
{
	struct rte_mbuf *m = udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));

	set_ttl(m, ttl);
	return m;
}

Test(source, media_in_a_circle_comes_to_its_end)
{
	struct rte_mbuf *m;

	a_call(DP_SOURCE_STRICT);
	m = walk(with_ttl(255));
	cr_assert_eq(rte_pktmbuf_mtod(m, uint8_t *)[22], 64);
	rte_pktmbuf_free(m);
	m = walk(with_ttl(2));
	cr_assert_eq(rte_pktmbuf_mtod(m, uint8_t *)[22], 1);
	cr_assert_eq(rte_ipv4_cksum(rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14)), 0);
	rte_pktmbuf_free(m);
	for (unsigned i = 0; i < 5; i++) /* dropped for other reasons: nothing to tell of */
		cr_assert_eq(outcome_of(udp_packet(ipv4(101, 4000), local[0], "x", 1)),
			     DP_DROP_NOT_RTP);
	for (unsigned i = 1; i <= 4; i++)
		cr_assert_eq(outcome_of(with_ttl(1)), DP_DROP_LOOP);
	cr_assert_eq(rte_ring_count(notices), 3, "at the first, second and fourth");
	cr_assert_eq(next_notice().kind, FLOW_NOTICE_LOOP);
	cr_assert_eq(of(0)->looped, 4);
	cr_assert_eq(of(0)->packets, 2);
}

Test(source, a_stranger_whose_ttl_is_used_up_is_a_stranger_and_no_circle)
{
	struct rte_mbuf *m;

	a_call(DP_SOURCE_STRICT);
	m = udp_packet(ipv4(66, 666), local[0], rtp, sizeof(rtp));
	set_ttl(m, 1);
	cr_assert_eq(outcome_of(m), DP_DROP_FOREIGN_SOURCE);
	m = udp_packet(ipv4(66, 666), local[0], "x", 1);
	set_ttl(m, 1);
	cr_assert_eq(outcome_of(m), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(of(0)->foreign, 2);
	cr_assert_eq(of(0)->looped, 0);
	while (rte_ring_count(notices) > 0)
		cr_assert_eq(next_notice().kind, FLOW_NOTICE_FOREIGN);
}

/* Not of what is wrong with its packets, and not whether the call is held. */
Test(source, a_stranger_is_told_of_whatever_it_sends)
{
	struct dp_cmd_termination_modify hold = { .mask = DP_SET_DIRECTION };
	struct dp_address odd;

	a_call(DP_SOURCE_STRICT);
	odd = local[0];
	odd.port++;
	cr_assert_eq(outcome_of(udp_packet(ipv4(66, 666), local[0], "x", 1)),
		     DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(outcome_of(udp_packet(ipv4(66, 666), local[0], rtcp, sizeof(rtcp))),
		     DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(outcome_of(udp_packet(ipv4(66, 666), odd, rtcp, 27)), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(outcome_of(udp_packet(ipv4(66, 666), odd, rtp, sizeof(rtp))),
		     DP_DROP_FOREIGN_SOURCE);
	hold.termination = side[0];
	cr_assert_eq(flow_termination_modify(table, &hold), 0);
	cr_assert_eq(send_sequence(ipv4(66, 666), 0, 1), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(of(0)->foreign, 5);
	cr_assert_eq(next_notice().kind, FLOW_NOTICE_FOREIGN);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), DP_DROP_DIRECTION);
	cr_assert_eq(of(0)->foreign, 5);
}

Test(source, nothing_is_learnt_from_what_is_dropped_anyway)
{
	struct dp_cmd_termination_modify hold = { .mask = DP_SET_DIRECTION };

	a_call(DP_SOURCE_LEARN);
	hold.termination = side[0];
	cr_assert_eq(flow_termination_modify(table, &hold), 0);
	for (uint16_t i = 1; i < 4; i++)
		cr_assert_eq(send_sequence(ipv4(55, 9999), 0, i), DP_DROP_DIRECTION);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), DP_DROP_DIRECTION);
	cr_assert_eq(of(0)->latch, DP_LATCH_OPEN);
	cr_assert_eq(of(0)->foreign, 0, "who may be learnt yet is no stranger");
}

Test(source, what_could_not_be_answered_is_not_learnt)
{
	static const struct dp_address group = { .ip = { 224, 0, 0, 1 },
						 .port = 9999,
						 .family = DP_FAMILY_IPV4 };
	struct dp_address nobody[4] = { group, group };

	a_call(DP_SOURCE_LEARN);
	nobody[1].ip[0] = 127;
	nobody[2] = local[0];
	nobody[3] = local[1];
	for (unsigned i = 0; i < 4; i++)
		for (uint16_t sequence = 1; sequence < 4; sequence++)
			cr_assert_eq(send_sequence(nobody[i], 0, sequence), DP_DROP_FOREIGN_SOURCE);
	cr_assert_eq(of(0)->latch, DP_LATCH_OPEN);
	cr_assert_eq(of(0)->foreign, 12);
}

/* As two calls through one Tandem have it. */
Test(source, another_call_of_ours_may_be_learnt)
{
	struct dp_address other = local[0];

	a_call(DP_SOURCE_LEARN);
	for (other = local[0]; other.port == local[0].port || other.port == local[1].port;)
		other.port = (uint16_t)(other.port == 20006 ? 20000 : other.port + 2);
	send_sequence(other, 0, 1);
	cr_assert_eq(send_sequence(other, 0, 2), SENT_ON);
}

Test(source, more_than_the_rate_allows_is_dropped_and_not_counted_as_taken)
{
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_RATE,
						    .settings = { .packet_rate_max = 50 } };
	unsigned sent = 0;

	a_call(DP_SOURCE_STRICT);
	modify.termination = side[0];
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	for (uint16_t i = 0; i < 500; i++)
		sent += send_sequence(ipv4(101, 4000), 0, i) == SENT_ON;
	/* 25 packets and the first; the time that this takes allows a few more */
	cr_assert(sent >= 26 && sent < 250, "%u", sent);
	cr_assert_eq(of(0)->packets, sent);
	cr_assert_eq(of(0)->rate_limited, 500 - sent);
	cr_assert_eq(stats.drops[DP_DROP_RATE], 500 - sent);
	cr_assert_eq(dp_counters_lost(of(0)),
		     of(0)->highest_sequence - of(0)->base_sequence + 1 - sent);
}

Test(source, rtcp_has_a_rate_of_its_own)
{
	struct dp_cmd_termination_modify modify = { .mask = DP_SET_RATE,
						    .settings = { .packet_rate_max = 50 } };
	unsigned sent = 0;

	a_call(DP_SOURCE_STRICT);
	modify.termination = side[0];
	cr_assert_eq(flow_termination_modify(table, &modify), 0);
	for (uint16_t i = 0; i < 500; i++)
		sent += send_rtcp(ipv4(101, 4001)) == SENT_ON;
	cr_assert(sent >= 26 && sent < 250, "%u", sent);
	cr_assert_eq(of(0)->rtcp_packets, sent);
	cr_assert_eq(of(0)->rate_limited, 500 - sent);
	cr_assert_eq(stats.drops[DP_DROP_RATE], 500 - sent);
	cr_assert_eq(send_sequence(ipv4(101, 4000), 0, 1), SENT_ON, "media has its own");
}

Test(rate, a_sender_that_keeps_its_rate_loses_nothing)
{
	uint32_t due = 0, now = UINT32_MAX - 1000000;

	for (int i = 0; i < 100000; i++, now += 20000)
		cr_assert(rate_admits(&due, now, 20000), "packet %d", i);
}

Test(rate, what_was_held_up_for_a_quarter_of_a_second_may_come_at_once)
{
	uint32_t due = 0, now = 4000000000u;

	for (int round = 0; round < 5; round++, now += 500000)
		for (int i = 0; i < 25; i++)
			cr_assert(rate_admits(&due, now, 20000));
	/* many small packets: 250 ms worth of them */
	due = now;
	for (int i = 0; i < 250; i++)
		cr_assert(rate_admits(&due, now, 1000));
}

Test(rate, in_the_long_run_no_more_than_the_rate_passes)
{
	uint32_t due = 0, now = 0, passed = 0;

	for (; now < 100000000; now += 1000) /* 1000 a second, for 100 s */
		passed += rate_admits(&due, now, 20000);
	cr_assert(passed >= 5000 && passed <= 5000 + 26, "%u", passed);
}

Test(rate, silence_of_any_length_is_no_debt)
{
	for (uint64_t silence = 0; silence < UINT64_C(3) << 32; silence += 77777777) {
		uint32_t due = 0, now = 1234567;

		for (int i = 0; i < 10; i++)
			cr_assert(rate_admits(&due, now, 20000));
		now += (uint32_t)silence;
		cr_assert(rate_admits(&due, now, 20000), "after %lu µs", (unsigned long)silence);
	}
}
