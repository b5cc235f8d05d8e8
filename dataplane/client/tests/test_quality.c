/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/client/quality.h"

/* |actual - expected| <= tolerance, with the figures in the message. */
#define NEAR(actual, expected, tolerance)                                             \
	cr_assert(fabs((double)(actual) - (double)(expected)) <= (double)(tolerance), \
		  "%s is %f, not %f", #actual, (double)(actual), (double)(expected))

static const struct dp_termination_record pcmu = { .codec = DP_CODEC_PCMU, .clock_rate = 8000 };

/* G.107 annex B, table B.1: R and the MOS that belongs to it; and R = 93.2, §7.7. */
Test(quality, mos_of_r_is_that_of_g107)
{
	static const struct {
		double r, mos;
	} table[] = { { 90, 4.34 }, { 80, 4.03 },   { 70, 3.60 }, { 60, 3.10 }, { 50, 2.58 },
		      { 0, 1 },     { 93.2, 4.41 }, { 100, 4.5 }, { -5, 1 },    { 120, 4.5 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		NEAR(dp_quality_mos(table[i].r), table[i].mos, 0.0065); /* the table rounds up */
}

Test(quality, mos_never_falls_as_r_rises)
{
	for (double r = 0; r < 100; r += 0.1) {
		cr_assert(dp_quality_mos(r + 0.1) >= dp_quality_mos(r), "at R %f", r);
		cr_assert(dp_quality_mos(r) >= 1 && dp_quality_mos(r) <= 4.5);
	}
}

/* Values of the formula of G.107 §7.4 at X = 0, log2(1.5), 1 and 2. */
Test(quality, delay_impairment_is_that_of_g107)
{
	NEAR(dp_quality_delay_impairment(0), 0, 0);
	NEAR(dp_quality_delay_impairment(100), 0, 0);
	NEAR(dp_quality_delay_impairment(150), 0.163, 0.005);
	NEAR(dp_quality_delay_impairment(200), 3.04, 0.01);
	NEAR(dp_quality_delay_impairment(400), 24.07, 0.02);
	for (double ms = 0; ms < 1000; ms += 5)
		cr_assert(dp_quality_delay_impairment(ms + 5) >= dp_quality_delay_impairment(ms));
}

/*
 * What listeners said, from the tables of G.113 appendix I (2002) from which its Ie and Bpl were
 * fitted later: impairment at random loss of so many per cent. The fit is within 2 of them.
 */
Test(quality, loss_impairment_is_that_of_g113)
{
	static const struct {
		enum dp_codec codec;
		double loss, impairment;
	} table[] = {
		{ DP_CODEC_PCMU, 0, 0 },     { DP_CODEC_PCMU, 1, 5 },
		{ DP_CODEC_PCMU, 2, 7 },     { DP_CODEC_PCMA, 3, 10 },
		{ DP_CODEC_PCMA, 5, 15 },    { DP_CODEC_PCMA, 7, 20 },
		{ DP_CODEC_G729, 0, 11 },    { DP_CODEC_G729, 1, 15 },
		{ DP_CODEC_G729, 2, 19 },    { DP_CODEC_G729, 4, 26 },
		{ DP_CODEC_G729, 8, 36 },    { DP_CODEC_G729, 16, 49 },
		{ DP_CODEC_G723, 0, 15 },    { DP_CODEC_G723, 2, 24 },
		{ DP_CODEC_G723, 4, 32 },    { DP_CODEC_G723, 8, 41 },
		{ DP_CODEC_G723, 16, 55 },   { DP_CODEC_GSM_EFR, 0, 5 },
		{ DP_CODEC_GSM_EFR, 2, 21 }, { DP_CODEC_GSM_EFR, 3, 26 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		NEAR(dp_quality_loss_impairment(table[i].codec, table[i].loss, 1),
		     table[i].impairment, 2);
}

/* G.729A: R and MOS at 1, 2 and 5 % of random loss. */
Test(quality, known_calls_get_their_known_mos)
{
	static const struct {
		enum dp_codec codec;
		double loss, mos;
	} table[] = { { DP_CODEC_PCMU, 0, 4.41 }, { DP_CODEC_PCMU, 1, 4.33 },
		      { DP_CODEC_PCMU, 5, 3.94 }, { DP_CODEC_G729, 0, 4.10 },
		      { DP_CODEC_G729, 1, 3.95 }, { DP_CODEC_G729, 2, 3.79 },
		      { DP_CODEC_G729, 5, 3.32 } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		NEAR(dp_quality_mos(DP_QUALITY_R_DEFAULT -
				    dp_quality_loss_impairment(table[i].codec, table[i].loss, 1)),
		     table[i].mos, 0.02);
}

Test(quality, more_loss_and_burstier_loss_are_never_better)
{
	for (enum dp_codec codec = 0; codec < DP_CODEC_COUNT; codec++) {
		for (double loss = 0; loss < 100; loss += 0.5) {
			double random = dp_quality_loss_impairment(codec, loss, 1);

			cr_assert(dp_quality_loss_impairment(codec, loss + 0.5, 1) > random);
			cr_assert(dp_quality_loss_impairment(codec, loss, 3) >= random);
			cr_assert(random <= 95);
		}
	}
}

/*
 * Counters of a pattern: '1' received, '0' lost. The bookkeeping of RFC 3611 A.2 from its text,
 * apart from the dataplane's own.
 */
static void hear(struct dp_termination_counters *c, const char *pattern)
{
	uint32_t received_in_a_row = 0, run = 0;

	memset(c, 0, sizeof(*c));
	c->window = UINT64_MAX;
	for (; *pattern; pattern++) {
		c->highest_sequence++;
		if (*pattern == '1') {
			c->packets++;
			c->bytes += 172;
			received_in_a_row++;
			continue;
		}
		c->lost++;
		if (run > 0 && received_in_a_row < DP_QUALITY_GAP_LOSSES) {
			run++;
			c->c23 += received_in_a_row > 0;
			c->c33 += received_in_a_row == 0;
			c->c22 += received_in_a_row > 0 ? received_in_a_row - 1 : 0;
		} else {
			c->c14 += run == 1;
			c->c13 += run > 1;
			run = 1;
		}
		received_in_a_row = 0;
	}
	c->loss_run = run;
	c->base_sequence = 1;
}

static struct dp_quality judge(const struct dp_termination_counters *c,
			       const struct dp_quality_snapshot *before, uint64_t round_trip_us)
{
	struct dp_quality_snapshot now;
	struct dp_quality q;

	dp_quality_snapshot(c, &now);
	dp_quality_judge(&pcmu, &now, before, round_trip_us, &q);
	return q;
}

Test(quality, a_perfect_call_is_the_e_models_default)
{
	struct dp_termination_counters c;
	struct dp_quality q;

	hear(&c, "1111111111111111111111111111111111111111");
	q = judge(&c, NULL, 0);

	cr_assert(eq(u32, q.received, 40));
	cr_assert(eq(u32, q.expected, 40));
	cr_assert(eq(u32, q.lost, 0));
	NEAR(q.r, 93.2, 0.001);
	NEAR(q.mos, 4.41, 0.005);
	NEAR(q.burst_ratio, 1, 0);
	NEAR(q.burst_density + q.burst_ms + q.gap_density, 0, 0);
	NEAR(q.gap_ms, 40 * 20, 0);
	cr_assert(eq(u32, q.packet_ms, 20));
}

/* The example of RFC 3611 §4.7.2: a burst of 12 packets of which 4 are lost, in gaps with single
 * losses. */
Test(quality, bursts_and_gaps_are_told_apart_as_in_rfc_3611)
{
	struct dp_termination_counters c;
	struct dp_quality q;

	hear(&c, "11110111111111111111111" /* a gap of 23, one lost */
		 "011101011110"            /* the burst */
		 "1111111111111111111111101111111111111111111111");
	q = judge(&c, NULL, 0);

	cr_assert(eq(u32, q.lost, 6));
	NEAR(q.burst_ms, 12 * 20, 0.1);
	NEAR(q.burst_density, 4 / 12.0, 0.04);
	NEAR(q.gap_density, 2 / 68.0, 0.005);
	NEAR(q.gap_ms + q.burst_ms, q.expected * 20, 0.1);
}

Test(quality, losses_in_runs_have_a_burst_ratio)
{
	struct dp_termination_counters single, runs;
	char pattern[2001] = { 0 };

	memset(pattern, '1', 2000);
	for (unsigned i = 50; i < 2000; i += 100)
		pattern[i] = pattern[i + 50 > 1999 ? i : i + 50] = '0';
	hear(&single, pattern);
	memset(pattern, '1', 2000);
	for (unsigned i = 40; i < 2000; i += 200)
		memset(pattern + i, '0', 4);
	hear(&runs, pattern);

	struct dp_quality a = judge(&single, NULL, 0), b = judge(&runs, NULL, 0);

	cr_assert(eq(u32, a.lost, 39));
	cr_assert(eq(u32, b.lost, 40));
	NEAR(a.burst_ratio, 1, 0.001);
	NEAR(b.burst_ratio, 4 * 0.98, 0.01);
	cr_assert(b.mos < a.mos);
	cr_assert(a.burst_ms == 0 && a.gap_density > 0.01 && b.burst_density > 0.99);
}

Test(quality, an_interval_is_the_difference_of_two_snapshots)
{
	struct dp_termination_counters c;
	struct dp_quality_snapshot before;
	struct dp_quality q;

	hear(&c, "1110001110000111");
	c.packets += UINT32_MAX - 20; /* they wrap */
	c.expected_before = UINT32_MAX - 20;
	dp_quality_snapshot(&c, &before);
	for (int i = 0; i < 100; i++)
		c.packets++, c.highest_sequence++;
	c.lost += 10;
	c.packets -= 10;
	c.late = 5;
	q = judge(&c, &before, 0);

	cr_assert(eq(u32, q.received, 90));
	cr_assert(eq(u32, q.expected, 100));
	cr_assert(eq(u32, q.lost, 10));
	NEAR(q.loss_percent, 10, 1e-9);
	NEAR(q.late_percent, 5, 1e-9);
	NEAR(q.r, 93.2 - 95 * 15 / (15 + 25.1), 0.01);
}

/* A gap that closes after the interval in which it was seen is no negative loss. */
Test(quality, a_late_arrival_takes_its_loss_back)
{
	struct dp_termination_counters c;
	struct dp_quality_snapshot before;

	hear(&c, "1111");
	c.window = ~(uint64_t)2;
	dp_quality_snapshot(&c, &before);
	cr_assert(eq(u32, before.lost, 1));
	c.window = UINT64_MAX;
	c.packets++;
	cr_assert(eq(u32, judge(&c, &before, 0).lost, 0));
}

Test(quality, a_long_way_is_heard_in_a_conversation_only)
{
	struct dp_termination_counters c;
	struct dp_quality q;

	hear(&c, "11111111111111111111");
	q = judge(&c, NULL, 640000);

	NEAR(q.delay_ms, 320 + 20 + DP_PLAYOUT_MS, 0.001);
	NEAR(q.r, 93.2 - 24.07, 0.02);
	NEAR(q.mos_listening, 4.41, 0.005);
	cr_assert(q.mos < 3.6);
}

Test(quality, speech_in_a_packet_is_read_from_its_size)
{
	static const struct {
		enum dp_codec codec;
		unsigned payload, ms;
	} table[] = {
		{ DP_CODEC_PCMU, 80, 10 },  { DP_CODEC_PCMA, 240, 30 },
		{ DP_CODEC_G722, 160, 20 }, { DP_CODEC_G729, 20, 20 },
		{ DP_CODEC_G723, 24, 30 },  { DP_CODEC_GSM_EFR, 31, 20 },
		{ DP_CODEC_OPUS, 77, 20 },  { DP_CODEC_UNKNOWN, 500, 20 },
		{ DP_CODEC_PCMU, 2, 20 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dp_termination_record r = { .codec = (uint8_t)table[i].codec,
						   .clock_rate = 8000 };
		struct dp_quality_snapshot s = { .bytes = (12 + table[i].payload) * 50ull,
						 .packets = 50,
						 .expected = 50 };
		struct dp_quality q;

		dp_quality_judge(&r, &s, NULL, 0, &q);
		cr_assert(eq(u32, q.packet_ms, table[i].ms), "row %zu", i);
	}
}

Test(quality, jitter_is_in_milliseconds_of_the_clock)
{
	const struct dp_quality_snapshot s = { .packets = 1, .expected = 1, .jitter = 16 * 80 };
	struct dp_quality q;

	dp_quality_judge(&pcmu, &s, NULL, 0, &q);
	NEAR(q.jitter_ms, 10, 1e-9);
}

/* Counters are read while they are written: nothing they may hold gives a figure out of range. */
Test(quality, no_counters_give_figures_out_of_range)
{
	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct dp_quality_snapshot s[2];
		struct dp_termination_record r = { .codec = (uint8_t)rand(),
						   .clock_rate = (uint32_t)rand() };
		struct dp_quality q;

		for (size_t k = 0; k < sizeof(s); k++)
			((uint8_t *)s)[k] = rand() % 3 ? 0 : (uint8_t)rand();
		dp_quality_judge(&r, &s[0], i % 2 ? &s[1] : NULL, (uint64_t)rand(), &q);
		cr_assert(q.mos >= 1 && q.mos <= 4.5 && q.r >= 0 && q.r <= 100);
		cr_assert(q.mos_listening >= q.mos);
		cr_assert(q.burst_density >= 0 && q.burst_density <= 1);
		cr_assert(q.gap_density >= 0 && q.gap_density <= 1);
		cr_assert(q.loss_percent >= 0 && q.loss_percent <= 100);
		cr_assert(isfinite(q.burst_ms) && isfinite(q.gap_ms) && q.burst_ratio >= 1);
	}
}

Test(quality, alarms_are_named)
{
	char text[DP_ALARMS_TEXT];

	cr_assert_str_eq(dp_quality_alarms(0, text), "good");
	cr_assert_str_eq(dp_quality_alarms(1u << DP_QUALITY_LOSS, text), "loss");
	cr_assert_str_eq(dp_quality_alarms(UINT8_MAX, text), "mos loss jitter");
}
