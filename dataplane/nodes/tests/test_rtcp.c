/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "dataplane/nodes/rtcp.h"

#define PEER_SSRC 0x01020304u

static uint8_t *put32(uint8_t *p, uint32_t word)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(word >> (24 - 8 * i));
	return p + 4;
}

static uint8_t *put_header(uint8_t *p, unsigned count, uint8_t type, unsigned words)
{
	return put32(p, 0x80000000u | count << 24 | (uint32_t)type << 16 | words);
}

static uint8_t *put_block(uint8_t *p, uint32_t ssrc, uint32_t lsr, uint32_t dlsr)
{
	p = put32(p, ssrc);
	p = put32(p, 25u << 24 | 0xfffffe); /* a tenth; -2 in all: duplicates */
	p = put32(p, 0x00031234);
	p = put32(p, 77);
	p = put32(p, lsr);
	return put32(p, dlsr);
}

/* A sender report with one block, NTP time 0x11112222.33334444. */
static size_t sender_report(uint8_t *p, uint32_t ssrc, uint32_t lsr, uint32_t dlsr)
{
	uint8_t *end = put_header(p, 1, 200, 12);

	end = put32(end, 0xabcd);
	end = put32(end, 0x11112222);
	end = put32(end, 0x33334444);
	end = put32(end, 8000);
	end = put32(end, 50);
	end = put32(end, 8600);
	end = put_block(end, ssrc, lsr, dlsr);
	return (size_t)(end - p);
}

static size_t receiver_report(uint8_t *p, uint32_t ssrc, uint32_t lsr, uint32_t dlsr)
{
	uint8_t *end = put_header(p, 1, 201, 7);

	end = put32(end, 0xabcd);
	end = put_block(end, ssrc, lsr, dlsr);
	return (size_t)(end - p);
}

static struct dp_termination_counters a_peer(void)
{
	return (struct dp_termination_counters){ .packets = 1, .ssrc = PEER_SSRC };
}

Test(rtcp, a_compound_must_add_up)
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

Test(rtcp, what_the_remote_end_says_of_what_it_hears_is_kept)
{
	struct dp_termination_counters c = { 0 }, peer = a_peer();
	uint8_t p[64];

	rtcp_read(&c, &peer, p, receiver_report(p, PEER_SSRC, 0, 0), 0);
	cr_assert_eq(c.rr_reports, 1);
	cr_assert_eq(c.reported_fraction, 25);
	cr_assert_eq(c.reported_lost, -2);
	cr_assert_eq(c.reported_highest, 0x31234);
	cr_assert_eq(c.reported_jitter, 77);
	cr_assert_eq(c.rtt_us, 0);
}

Test(rtcp, a_report_about_somebody_else_is_passed_over)
{
	struct dp_termination_counters c = { 0 }, peer = a_peer();
	uint8_t p[64];

	rtcp_read(&c, &peer, p, receiver_report(p, PEER_SSRC + 1, 0, 0), 0);
	cr_assert_eq(c.rr_reports, 1);
	cr_assert_eq(c.reported_highest, 0);
	peer.packets = 0; /* nobody knows yet who that is */
	rtcp_read(&c, &peer, p, receiver_report(p, PEER_SSRC + 1, 0, 0), 0);
	cr_assert_eq(c.reported_highest, 0x31234);
}

/* The SR of one side goes by at 1 s on the worker's clock, shortly before that wraps; the other
 * side holds it for half a second, and its report is here 530 ms later. */
Test(rtcp, the_round_trip_is_from_an_sr_that_went_by_to_the_report_about_it)
{
	const uint32_t sent = UINT32_MAX - 100000;
	struct dp_termination_counters a = a_peer(), b = { 0 };
	uint8_t p[64];

	rtcp_read(&a, &b, p, sender_report(p, 0, 0, 0), sent);
	cr_assert_eq(a.sr_reports, 1);
	cr_assert_eq(a.sr_ntp, 0x22223333);
	rtcp_read(&b, &a, p, receiver_report(p, PEER_SSRC, 0x22223333, 32768), sent + 530000);
	cr_assert_eq(b.rtt_us, 30000);
	/* about another SR, or with a delay that cannot be: no news */
	rtcp_read(&b, &a, p, receiver_report(p, PEER_SSRC, 0x22223334, 0), sent + 600000);
	rtcp_read(&b, &a, p, receiver_report(p, PEER_SSRC, 0x22223333, 65536), sent + 600000);
	rtcp_read(&b, &a, p, receiver_report(p, PEER_SSRC, 0x22223333, UINT32_MAX), sent + 600000);
	cr_assert_eq(b.rtt_us, 30000);
}

Test(rtcp, an_sr_of_our_own_serves_as_well)
{
	struct dp_termination_counters c = { .own_sr_ntp = 5, .own_sr_us = 1000 }, peer = a_peer();
	uint8_t p[64];

	rtcp_read(&c, &peer, p, sender_report(p, PEER_SSRC, 5, 0), 21000);
	cr_assert_eq(c.rtt_us, 20000);
}

Test(rtcp, voip_metrics_are_read_from_any_place_in_a_compound)
{
	struct dp_termination_counters c = { 0 }, peer = a_peer();
	uint8_t p[128], *end = p + receiver_report(p, PEER_SSRC, 0, 0), *about;

	end = put_header(end, 0, 207, 1 + 3 + 9);
	end = put32(end, 0xabcd);
	end = put32(end, 4u << 24 | 2); /* receiver reference time: not ours to read */
	end = put32(put32(end, 1), 2);
	end = put32(end, 7u << 24 | 8);
	about = end;
	end = put32(end, PEER_SSRC);
	end = put32(end, 0x0a0b0c0d);
	end = put32(end, 0x01000200);
	end = put32(end, 0x00300040);
	end = put32(end, 0);
	end = put32(end, 93u << 24 | 127u << 16 | 42u << 8 | 41);
	end = put32(put32(end, 0), 0);
	cr_assert(rtcp_is_valid(p, (size_t)(end - p)));
	rtcp_read(&c, &peer, p, (size_t)(end - p), 0);
	cr_assert_eq(c.xr_reports, 1);
	cr_assert_eq(c.xr_loss_rate, 0x0a);
	cr_assert_eq(c.xr_discard_rate, 0x0b);
	cr_assert_eq(c.xr_burst_density, 0x0c);
	cr_assert_eq(c.xr_gap_density, 0x0d);
	cr_assert_eq(c.xr_burst_ms, 0x100);
	cr_assert_eq(c.xr_gap_ms, 0x200);
	cr_assert_eq(c.xr_round_trip_ms, 0x30);
	cr_assert_eq(c.xr_end_system_ms, 0x40);
	cr_assert_eq(c.xr_r_factor, 93);
	cr_assert_eq(c.xr_mos_lq, 42);
	cr_assert_eq(c.xr_mos_cq, 41);
	put32(about, PEER_SSRC + 1); /* how somebody else sounds */
	about[4] = 0xff;
	rtcp_read(&c, &peer, p, (size_t)(end - p), 0);
	cr_assert_eq(c.xr_reports, 1);
	cr_assert_eq(c.xr_loss_rate, 0x0a);
}

Test(rtcp, counts_and_lengths_that_lie_are_read_no_further_than_there_is)
{
	struct dp_termination_counters c = { 0 }, peer = a_peer();
	uint8_t p[64];
	size_t size = receiver_report(p, PEER_SSRC, 0, 0);

	p[0] = 0x80 | 31; /* blocks that are not there */
	rtcp_read(&c, &peer, p, size, 0);
	cr_assert_eq(c.reported_highest, 0x31234);
	put_header(p, 0, 207, 2);
	put32(p + 8, 7u << 24 | 8); /* a block that ends behind the packet */
	rtcp_read(&c, &peer, p, 12, 0);
	cr_assert_eq(c.xr_reports, 0);
}
