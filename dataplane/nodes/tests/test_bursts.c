/* SPDX-License-Identifier: BSD-3-Clause */
/* Losses in runs, from packets to the figures of RFC 3611 §4.7.2 and of the E-model. */
#include <math.h>

#include <criterion/criterion.h>

#include "dataplane/client/quality.h"
#include "dataplane/nodes/rtp.h"

#define SCALE_8000 ((uint32_t)((UINT64_C(8000) << 32) / 1000000))

/* '1': the packet comes; '0': it does not. */
static void hear(struct dp_termination_counters *c, uint16_t *sequence, const char *pattern)
{
	for (; *pattern; pattern++, (*sequence)++) {
		uint8_t p[172] = { 0x80, 0, (uint8_t)(*sequence >> 8), (uint8_t)*sequence };
		struct rtp_clock clock = { .now = *sequence * 160u,
					   .scale = SCALE_8000,
					   .telephone_event = 255 };
		uint32_t timestamp = *sequence * 160u;

		for (int i = 0; i < 4; i++)
			p[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		p[11] = 7;
		if (*pattern == '1')
			rtp_count(c, p, sizeof(p), &clock);
	}
}

/* So many that what went before is out of the window of 64. */
static const char many[] = "11111111111111111111111111111111111111111111111111111111111111111111"
			   "111111111111111111111111";

static struct dp_quality judge(const struct dp_termination_counters *c)
{
	const struct dp_termination_record r = { .codec = DP_CODEC_PCMU, .clock_rate = 8000 };
	struct dp_quality_snapshot s;
	struct dp_quality q;

	dp_quality_snapshot(c, &s);
	cr_assert_eq(s.c13 + s.c14 + s.c23 + s.c33, s.lost, "each loss is one of them");
	dp_quality_judge(&r, &s, NULL, 0, &q);
	return q;
}

Test(bursts, single_losses_are_in_the_gap)
{
	struct dp_termination_counters c = { 0 };
	uint16_t sequence = 100;
	struct dp_quality q;

	for (int i = 0; i < 3; i++) {
		hear(&c, &sequence, many);
		hear(&c, &sequence, "0");
	}
	hear(&c, &sequence, many);
	q = judge(&c);
	cr_assert_eq(q.lost, 3);
	cr_assert_float_eq(q.burst_ms, 0, 1e-9);
	cr_assert_float_eq(q.burst_density, 0, 1e-9);
	cr_assert_float_eq(q.gap_density, 3.0 / q.expected, 1e-3);
	cr_assert_float_eq(q.burst_ratio, 1, 1e-9);
}

Test(bursts, a_burst_is_as_long_as_it_was)
{
	struct dp_termination_counters c = { 0 };
	uint16_t sequence = 65500;
	struct dp_quality q;

	hear(&c, &sequence, many);
	hear(&c, &sequence, "0");
	hear(&c, &sequence, many);
	hear(&c, &sequence, "011101011110"); /* 4 of 12, as the example of §4.7.2 */
	hear(&c, &sequence, many);
	q = judge(&c);
	cr_assert_eq(q.lost, 5);
	cr_assert_float_eq(q.burst_ms, 12 * 20, 1e-6);
	cr_assert_float_eq(q.burst_density, 4 / 12.0, 0.04);
	hear(&c, &sequence, "0"); /* what follows closes it, and changes nothing */
	hear(&c, &sequence, many);
	q = judge(&c);
	cr_assert_float_eq(q.burst_ms, 12 * 20, 1e-6);
}

Test(bursts, a_loss_in_the_first_packets_is_no_burst)
{
	struct dp_termination_counters c = { 0 };
	uint16_t sequence = 1;

	hear(&c, &sequence, "1110");
	hear(&c, &sequence, many);
	cr_assert_float_eq(judge(&c).burst_ms, 0, 1e-9);
}

Test(bursts, an_outage_is_one_burst)
{
	struct dp_termination_counters c = { 0 };
	uint16_t sequence = 1;
	struct dp_quality q;

	hear(&c, &sequence, many);
	sequence = (uint16_t)(sequence + 100);
	hear(&c, &sequence, many);
	q = judge(&c);
	cr_assert_eq(q.lost, 100);
	cr_assert_float_eq(q.burst_ms, 100 * 20, 1e-6);
	cr_assert_float_eq(q.burst_density, 1, 1e-9);
	cr_assert_gt(q.burst_ratio, 50);
}
