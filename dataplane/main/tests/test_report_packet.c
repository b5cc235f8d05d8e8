/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of our RTCP, against a decoder that goes by the figures of the RFCs. */
#include <string.h>

#include <criterion/criterion.h>

#include "dataplane/main/report_packet.h"

static const char cname[] = "abcdefghijklmnop";
static uint8_t bytes[REPORT_SIZE_MAX];
static size_t size;

static uint32_t word(const uint8_t *p, unsigned index)
{
	p += 4 * index;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write(const struct report_packet *r)
{
	memset(bytes, 0xaa, sizeof(bytes));
	size = report_packet_write(r, bytes);
	cr_assert_leq(size, sizeof(bytes));
}

/* The nth packet of the compound, NULL behind the last; all of it has to add up. */
static const uint8_t *part(unsigned n)
{
	size_t at = 0;

	for (; at < size; n--) {
		size_t length = 4u * ((bytes[at + 2] << 8 | bytes[at + 3]) + 1u);

		cr_assert_eq(bytes[at] & 0xe0, 0x80, "version 2, no padding");
		cr_assert_leq(at + length, size);
		if (n == 0)
			return bytes + at;
		at += length;
	}
	cr_assert_eq(at, size);
	return NULL;
}

static struct report_packet a_report(void)
{
	return (struct report_packet){
		.ssrc = 0x01020304,
		.cname = cname,
		.source = { .ssrc = 0xa1a2a3a4,
			    .fraction_lost = 64,
			    .lost = -2,
			    .highest = 0x00012345,
			    .jitter = 77,
			    .lsr = 0x11223344,
			    .dlsr = 0x00018000 },
		.sender = { .ntp = UINT64_C(0xe1e2e3e4c1c2c3c4),
			    .rtp = 0x51525354,
			    .packets = 1000,
			    .octets = 160000 },
	};
}

Test(report_packet, who_only_listens_and_hears_nothing_sends_an_empty_rr_and_its_name)
{
	struct report_packet r = a_report();

	write(&r);
	cr_assert_eq(size, 8 + 28);
	cr_assert_eq(word(part(0), 0), 0x80c90001u);
	cr_assert_eq(word(part(0), 1), 0x01020304u);
	cr_assert_eq(word(part(1), 0), 0x81ca0006u); /* SDES, one chunk, 7 words */
	cr_assert_eq(word(part(1), 1), 0x01020304u);
	cr_assert_eq(part(1)[8], 1); /* CNAME */
	cr_assert_eq(part(1)[9], 16);
	cr_assert_eq(memcmp(part(1) + 10, cname, 16), 0);
	cr_assert_eq(part(1)[26] | part(1)[27], 0);
	cr_assert_null(part(2));
}

static void check_block(const uint8_t *block)
{
	cr_assert_eq(word(block, 0), 0xa1a2a3a4u);
	cr_assert_eq(word(block, 1), 0x40fffffeu, "64 of 256; -2 in 24 bits");
	cr_assert_eq(word(block, 2), 0x00012345u);
	cr_assert_eq(word(block, 3), 77u);
	cr_assert_eq(word(block, 4), 0x11223344u);
	cr_assert_eq(word(block, 5), 0x00018000u);
}

Test(report_packet, a_listener_reports_what_it_hears)
{
	struct report_packet r = a_report();

	r.hears = true;
	write(&r);
	cr_assert_eq(word(part(0), 0), 0x81c90007u);
	check_block(part(0) + 8);
	cr_assert_eq(part(1)[1], 202);
	cr_assert_null(part(2));
}

Test(report_packet, a_sender_says_what_it_sent_and_when)
{
	struct report_packet r = a_report();

	r.sends = r.hears = true;
	write(&r);
	cr_assert_eq(word(part(0), 0), 0x81c8000cu);
	cr_assert_eq(word(part(0), 1), 0x01020304u);
	cr_assert_eq(word(part(0), 2), 0xe1e2e3e4u);
	cr_assert_eq(word(part(0), 3), 0xc1c2c3c4u);
	cr_assert_eq(word(part(0), 4), 0x51525354u);
	cr_assert_eq(word(part(0), 5), 1000u);
	cr_assert_eq(word(part(0), 6), 160000u);
	check_block(part(0) + 28);
}

Test(report_packet, cumulative_loss_stays_within_24_bits)
{
	struct report_packet r = a_report();

	r.hears = true;
	r.source.lost = INT32_MAX;
	write(&r);
	cr_assert_eq(word(part(0), 3), 0x407fffffu);
	r.source.lost = INT32_MIN;
	write(&r);
	cr_assert_eq(word(part(0), 3), 0x40800000u);
}

Test(report_packet, voip_metrics_are_those_of_rfc_3611)
{
	const struct dp_quality q = { .loss_percent = 12.5,
				      .late_percent = 100,
				      .burst_density = 0.5,
				      .gap_density = 1 / 256.0,
				      .burst_ms = 300,
				      .gap_ms = 1e9,
				      .r = 80.4,
				      .mos = 4.04,
				      .mos_listening = 4.16 };
	struct report_packet r = a_report();
	const uint8_t *xr;

	r.hears = true;
	r.quality = &q;
	r.round_trip_ms = 45;
	write(&r);
	xr = part(2);
	cr_assert_eq(word(xr, 0), 0x80cf000au);
	cr_assert_eq(word(xr, 1), 0x01020304u);
	cr_assert_eq(word(xr, 2), 0x07000008u); /* VoIP metrics, 8 words */
	cr_assert_eq(word(xr, 3), 0xa1a2a3a4u);
	cr_assert_eq(word(xr, 4), 0x20ff8001u); /* loss, discard, burst and gap density */
	cr_assert_eq(word(xr, 5), 300u << 16 | 0xffff);
	cr_assert_eq(word(xr, 6), 45u << 16);
	cr_assert_eq(word(xr, 7), 0x7f7f7f10u); /* levels unavailable; Gmin 16 */
	cr_assert_eq(word(xr, 8), 80u << 24 | 127u << 16 | 42u << 8 | 40u);
	cr_assert_eq(word(xr, 9), 0x20000000u | DP_PLAYOUT_MS);
	cr_assert_eq(word(xr, 10), DP_PLAYOUT_MS << 16 | DP_PLAYOUT_MS);
	cr_assert_null(part(3));
}

Test(report_packet, a_bye_comes_last)
{
	const struct dp_quality q = { .mos = 4, .mos_listening = 4, .r = 80 };
	struct report_packet r = a_report();

	r.sends = r.hears = r.bye = true;
	r.quality = &q;
	write(&r);
	cr_assert_eq(part(0)[1], 200);
	cr_assert_eq(part(1)[1], 202);
	cr_assert_eq(part(2)[1], 207);
	cr_assert_eq(word(part(3), 0), 0x81cb0001u);
	cr_assert_eq(word(part(3), 1), 0x01020304u);
	cr_assert_null(part(4));
}
