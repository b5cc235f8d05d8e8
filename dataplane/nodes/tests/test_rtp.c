/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "dataplane/flow/flow.h"
#include "dataplane/nodes/rtp.h"

#define PT_PCMU 0

static size_t rtp(uint8_t *p, uint16_t sequence, uint32_t timestamp, uint32_t ssrc, size_t size)
{
	memset(p, 0, size);
	p[0] = 0x80;
	p[1] = PT_PCMU;
	p[2] = (uint8_t)(sequence >> 8);
	p[3] = (uint8_t)sequence;
	for (int i = 0; i < 4; i++) {
		p[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		p[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	}
	return size;
}

Test(rtp, kinds_are_told_apart_by_the_first_octets)
{
	cr_assert_eq(rtp_kind((uint8_t[]){ 0x80, 0, 0, 0 }, 4), RTP_KIND_RTP);
	cr_assert_eq(rtp_kind((uint8_t[]){ 0x80, 0x80 | 96, 0, 0 }, 4), RTP_KIND_RTP);
	cr_assert_eq(rtp_kind((uint8_t[]){ 0x80, 200, 0, 0 }, 4), RTP_KIND_RTCP);
	cr_assert_eq(rtp_kind((uint8_t[]){ 0x80, 223, 0, 0 }, 4), RTP_KIND_RTCP);
	cr_assert_eq(rtp_kind((uint8_t[]){ 0x00, 1, 0, 0 }, 4), RTP_KIND_OTHER); /* STUN */
	cr_assert_eq(rtp_kind((uint8_t[]){ 22, 254, 0, 0 }, 4), RTP_KIND_OTHER); /* DTLS */
	cr_assert_eq(rtp_kind((uint8_t[]){ 0x80, 0, 0 }, 3), RTP_KIND_OTHER);
}

Test(rtp, headers_must_fit_the_packet)
{
	uint8_t p[200];

	cr_assert(rtp_is_valid(p, rtp(p, 1, 1, 1, 172)));
	cr_assert_not(rtp_is_valid(p, 11));
	rtp(p, 1, 1, 1, 24);
	p[0] |= 3; /* three CSRC need 24 octets */
	cr_assert(rtp_is_valid(p, 24));
	cr_assert_not(rtp_is_valid(p, 23));
	rtp(p, 1, 1, 1, 24);
	p[0] |= 0x10; /* extension of one word */
	p[15] = 1;
	cr_assert(rtp_is_valid(p, 20));
	cr_assert_not(rtp_is_valid(p, 19));
	cr_assert_not(rtp_is_valid(p, 15));
	rtp(p, 1, 1, 1, 24);
	p[0] |= 0x20;
	p[23] = 12;
	cr_assert(rtp_is_valid(p, 24));
	p[23] = 13;
	cr_assert_not(rtp_is_valid(p, 24));
	p[23] = 0;
	cr_assert_not(rtp_is_valid(p, 24));
}

static void feed(struct dp_termination_counters *c, uint16_t sequence, uint32_t timestamp,
		 uint32_t ssrc, uint32_t arrival)
{
	struct rtp_clock clock = { .now = arrival,
				   .scale = flow_clock_scale(8000),
				   .telephone_event = 101 };
	uint8_t p[172];

	rtp_count(c, p, rtp(p, sequence, timestamp, ssrc, sizeof(p)), &clock);
}

Test(rtp, loss_is_what_is_missing_in_the_sequence)
{
	struct dp_termination_counters c = { 0 };

	for (uint16_t i = 0; i < 100; i++)
		if (i % 10 != 3)
			feed(&c, (uint16_t)(65500 + i), i * 160u, 7, i * 160u);
	cr_assert_eq(c.packets, 90);
	cr_assert_eq(c.bytes, 90 * 172);
	cr_assert_eq(dp_counters_lost(&c), 10, "over the wrap of the sequence");
	cr_assert_eq(c.jitter, 0);
}

Test(rtp, reordered_packets_are_not_lost)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 10, 0, 7, 0);
	feed(&c, 12, 320, 7, 320);
	cr_assert_eq(dp_counters_lost(&c), 1);
	feed(&c, 11, 160, 7, 330);
	cr_assert_eq(dp_counters_lost(&c), 0);
}

Test(rtp, a_new_source_starts_anew_and_keeps_the_sums)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 10, 0, 7, 0);
	feed(&c, 12, 320, 7, 320);
	feed(&c, 50000, 99, 8, 480);
	feed(&c, 50001, 259, 8, 640);
	cr_assert_eq(dp_counters_lost(&c), 1);
	cr_assert_eq(c.packets, 4);
}

Test(rtp, a_jump_seen_twice_is_a_restart_of_the_source)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 10, 0, 7, 0);
	feed(&c, 30000, 160, 7, 160);
	cr_assert_eq(dp_counters_lost(&c), 0);
	feed(&c, 30001, 320, 7, 320);
	feed(&c, 30002, 480, 7, 480);
	cr_assert_eq(dp_counters_lost(&c), 0);
	cr_assert_eq(c.packets, 4);
}

Test(rtp, jitter_follows_rfc_3550)
{
	struct dp_termination_counters c = { 0 };
	double expected = 0;

	/* each second packet is 80 units (10 ms) late: |D| is 80 each time */
	feed(&c, 0, 0, 7, 0);
	for (uint16_t i = 1; i < 200; i++) {
		feed(&c, i, i * 160u, 7, i * 160u + (i % 2) * 80u);
		expected += (80 - expected) / 16;
	}
	cr_assert_float_eq(c.jitter / 16.0, expected, 1.0);
}

/* -- another SSRC from the same source -- */

Test(rtp, an_ssrc_that_does_not_prove_itself_leaves_the_figures_alone)
{
	struct dp_termination_counters c = { 0 };

	for (uint16_t i = 0; i < 10; i++) {
		feed(&c, i, i * 160u, 7, i * 160u);
		feed(&c, (uint16_t)(1000 + 2 * i), 5, 8, i * 160u); /* never two in sequence */
	}
	cr_assert_eq(c.packets, 20);
	cr_assert_eq(c.ssrc, 7);
	cr_assert_eq(c.other_ssrc, 10);
	cr_assert_eq(c.ssrc_changes, 0);
	cr_assert_eq(dp_counters_expected(&c), 10);
	cr_assert_eq(dp_counters_lost(&c), 0);
	cr_assert_eq(c.jitter, 0);
}

Test(rtp, one_that_does_is_counted_from_its_first_packet)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 10, 0, 7, 0);
	feed(&c, 12, 320, 7, 320);
	for (uint16_t i = 0; i < 100; i++)
		feed(&c, (uint16_t)(65530 + i), i * 160u, 8, 1000 + i * 160u);
	cr_assert_eq(c.ssrc, 8);
	cr_assert_eq(c.ssrc_changes, 1);
	cr_assert_eq(c.other_ssrc, 0);
	cr_assert_eq(dp_counters_expected(&c), 3 + 100);
	cr_assert_eq(dp_counters_lost(&c), 1);
	cr_assert_eq(c.jitter, 0, "the clocks of two sources have nothing in common");
}

Test(rtp, a_restart_is_counted_from_its_first_packet)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 10, 0, 7, 0);
	feed(&c, 30000, 160, 7, 160);
	cr_assert_eq(c.other_ssrc, 1);
	feed(&c, 30001, 320, 7, 320);
	cr_assert_eq(c.other_ssrc, 0);
	cr_assert_eq(c.ssrc_changes, 1);
	cr_assert_eq(dp_counters_expected(&c), 3);
	cr_assert_eq(dp_counters_lost(&c), 0);
}

/* -- time; 8 units are a millisecond -- */

Test(rtp, a_packet_behind_its_play_out_is_late)
{
	static const struct {
		uint32_t behind_ms, late;
	} table[] = { { 0, 0 }, { 59, 0 }, { 60, 0 }, { 61, 1 }, { 1000, 1 }, { 5000, 0 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dp_termination_counters c = { 0 };

		for (uint16_t k = 1; k < 40; k++)
			feed(&c, k, k * 160u, 7, k * 160u);
		feed(&c, 40, 40 * 160, 7, 40 * 160 + table[i].behind_ms * 8);
		cr_assert_eq(c.late, table[i].late, "%u ms", table[i].behind_ms);
		cr_assert_eq(dp_counters_lost(&c), 0);
	}
}

Test(rtp, the_quickest_packets_set_the_play_out)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 1, 160, 7, 160 + 50 * 8);
	feed(&c, 2, 320, 7, 320); /* 50 ms quicker */
	feed(&c, 3, 480, 7, 480 + 61 * 8);
	cr_assert_eq(c.late, 1);
}

Test(rtp, a_clock_that_was_set_is_late_for_a_while_only)
{
	struct dp_termination_counters c = { 0 };

	for (uint16_t k = 1; k < 200; k++)
		feed(&c, k, k * 160u, 7, k * 160u + (k < 100 ? 0 : 200 * 8));
	cr_assert_eq(c.late, 16);
}

Test(rtp, late_packets_in_a_row_are_counted_in_a_row)
{
	struct dp_termination_counters c = { 0 };

	for (uint16_t k = 1; k < 400; k++)
		feed(&c, k, k * 160u, 7, k * 160u + (k % 10 == 0 ? 100 * 8 : 0));
	cr_assert_eq(c.late, 39, "none of them is a clock that was set");
}

Test(rtp, a_sender_whose_clock_is_slow_does_not_become_late)
{
	struct dp_termination_counters c = { 0 };

	/* 50 ppm: after 100,000 packets it is 100 ms behind */
	for (uint32_t k = 1; k < 100000; k++)
		feed(&c, (uint16_t)k, k * 160u, 7, k * 160u + k * 160u / 20000);
	cr_assert_eq(c.late, 0);
}

Test(rtp, telephone_events_say_nothing_of_time)
{
	struct dp_termination_counters c = { 0 };
	struct rtp_clock clock = { .scale = flow_clock_scale(8000), .telephone_event = 101 };
	uint8_t p[172];

	for (uint16_t k = 1; k < 100; k++) {
		bool event = k > 20 && k < 60;

		rtp(p, k, (event ? 20u : k) * 160u, 7, sizeof(p));
		p[1] = event ? 101 : PT_PCMU;
		clock.now = k * 160u;
		rtp_count(&c, p, sizeof(p), &clock);
	}
	cr_assert_eq(c.jitter, 0);
	cr_assert_eq(c.late, 0);
	cr_assert_eq(dp_counters_expected(&c), 99);
}

/* pace: units that one packet comes later than the one before, beyond what its time stamp says */
static void expect_one_line_touched(int32_t pace)
{
	struct dp_termination_counters c = { 0 };
	uint8_t before[sizeof(c) - 64];

	for (uint32_t k = 0; k < 200000; k++) {
		if (k == 100)
			memcpy(before, (uint8_t *)&c + 64, sizeof(before));
		feed(&c, (uint16_t)k, k * 160u, 7, k * 160u + k % 7 * 8 + k * (uint32_t)pace);
	}
	cr_assert_eq(memcmp(before, (uint8_t *)&c + 64, sizeof(before)), 0, "pace %d", pace);
}

/* Late ones as well: they are all that a worker sees which has fallen behind. */
Test(rtp, in_order_packets_touch_one_line_only)
{
	expect_one_line_touched(0);
	expect_one_line_touched(100);
	expect_one_line_touched(-100);
}

Test(rtp, nothing_is_proven_by_what_was_never_seen)
{
	struct dp_termination_counters c = { 0 };

	feed(&c, 5, 0, 7, 0);
	feed(&c, 0, 0, 0, 0); /* the SSRC and sequence of counters that are all zero */
	cr_assert_eq(c.ssrc, 7);
	cr_assert_eq(c.other_ssrc, 1);
	for (uint16_t i = 6; i < 5006; i++)
		feed(&c, i, i * 160u, 7, i * 160u);
	feed(&c, 6, 960, 7, 960); /* as if the sequence that the source began with went on */
	cr_assert_eq(c.other_ssrc, 2);
	cr_assert_eq(c.ssrc_changes, 0);
}
