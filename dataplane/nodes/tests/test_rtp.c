/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "dataplane/nodes/rtcp.h"
#include "dataplane/nodes/rtp.h"

#define PT_PCMU    0
#define SCALE_8000 ((uint32_t)((UINT64_C(8000) << 32) / 1000000))

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

Test(rtp, compound_rtcp_must_add_up)
{
	uint8_t sr[28] = { 0x80, 200, 0, 6 };
	uint8_t two[36] = { 0x80, 200, 0, 6 };

	cr_assert(rtcp_is_valid(sr, sizeof(sr)));
	cr_assert_not(rtcp_is_valid(sr, 27));
	cr_assert_not(rtcp_is_valid(sr, 4));
	memcpy(two + 28, (uint8_t[]){ 0x81, 202, 0, 1 }, 4);
	cr_assert(rtcp_is_valid(two, sizeof(two)));
	two[29] = 0;
	cr_assert_not(rtcp_is_valid(two, sizeof(two)));
	sr[0] = 0xa0;
	cr_assert_not(rtcp_is_valid(sr, sizeof(sr)));
}

static void feed(struct dp_termination_counters *c, uint16_t sequence, uint32_t timestamp,
		 uint32_t ssrc, uint32_t arrival)
{
	struct rtp_clock clock = { .now = arrival, .scale = SCALE_8000, .telephone_event = 101 };
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
