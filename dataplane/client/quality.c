/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/client/quality.h"

#include <math.h>
#include <stdio.h>

/* Defaults of G.107 table 2: the lowest delay that is perceived, and the sensitivity to it. */
#define MINIMUM_PERCEIVABLE_DELAY_MS 100.0
#define DELAY_SENSITIVITY            1.0

static const struct {
	double ie, bpl;
} codecs[DP_CODEC_COUNT] = {
#define X(id, name, impairment, robustness) \
	[DP_CODEC_##id] = { .ie = (impairment), .bpl = (robustness) },
	DP_CODECS(X)
#undef X
};

void dp_quality_snapshot(const struct dp_termination_counters *c, struct dp_quality_snapshot *s)
{
	/* A run that goes on counts as if it ended here; one that nothing follows is isolated. */
	*s = (struct dp_quality_snapshot){
		.bytes = c->bytes,
		.packets = c->packets,
		.expected = dp_counters_expected(c),
		.lost = dp_counters_lost(c),
		.late = c->late,
		.reordered = c->reordered,
		.duplicate = c->duplicate,
		.c13 = c->c13 + (c->loss_run > 1),
		.c14 = c->c14 + (c->loss_run == 1),
		.c22 = c->c22,
		.c23 = c->c23,
		.c33 = c->c33,
		.jitter = c->jitter,
		.longest_gap_ms = c->longest_gap_ms,
	};
}

/* A gap that closed after all takes a loss back, a run that grew is no isolated loss any more. */
static uint32_t grown(uint32_t now, uint32_t before)
{
	return (int32_t)(now - before) > 0 ? now - before : 0;
}

static void subtract(struct dp_quality_snapshot *s, const struct dp_quality_snapshot *before)
{
	s->bytes -= before->bytes;
	s->packets = grown(s->packets, before->packets);
	s->expected = grown(s->expected, before->expected);
	s->lost = grown(s->lost, before->lost);
	s->late = grown(s->late, before->late);
	s->reordered = grown(s->reordered, before->reordered);
	s->duplicate = grown(s->duplicate, before->duplicate);
	s->c13 = grown(s->c13, before->c13);
	s->c14 = grown(s->c14, before->c14);
	s->c22 = grown(s->c22, before->c22);
	s->c23 = grown(s->c23, before->c23);
	s->c33 = grown(s->c33, before->c33);
}

/*
 * From the mean payload, where the codec has a constant rate (RFC 3551 §4.5; RTP headers without
 * extensions are taken off), rounded to its frames. Pauses do not falsify it, as they would a
 * count of packets per second.
 */
static uint32_t packet_ms(uint8_t codec, const struct dp_quality_snapshot *s)
{
	static const struct {
		double bytes_per_ms;
		uint32_t frame_ms;
	} rates[DP_CODEC_COUNT] = {
		[DP_CODEC_PCMU] = { 8, 5 },  [DP_CODEC_PCMA] = { 8, 5 },
		[DP_CODEC_G722] = { 8, 5 },  [DP_CODEC_G723] = { 0.8, 30 },
		[DP_CODEC_G729] = { 1, 10 }, [DP_CODEC_GSM_EFR] = { 31 / 20.0, 20 },
	};
	double ms;

	if (codec >= DP_CODEC_COUNT || rates[codec].frame_ms == 0 || s->packets == 0)
		return DP_QUALITY_PACKET_MS;
	ms = ((double)s->bytes / s->packets - 12) / rates[codec].bytes_per_ms;
	if (ms < rates[codec].frame_ms || ms > 200)
		return DP_QUALITY_PACKET_MS;
	return (uint32_t)lround(ms / rates[codec].frame_ms) * rates[codec].frame_ms;
}

static double share(double part, double whole)
{
	return whole > 0 ? fmin(part / whole, 1) : 0;
}

/* RFC 3611 A.3. c31 is c13 and c32 is c23: what begins ends; c11 is what is left. */
static void judge_bursts(const struct dp_quality_snapshot *s, struct dp_quality *q)
{
	double c13 = s->c13, c14 = s->c14, c22 = s->c22, c23 = s->c23, c33 = s->c33;
	double in_bursts = c13 + c22 + 2 * c23 + c33;
	double c11 = fmax(s->expected - (in_bursts + c13 + c14), 0);
	double p32 = share(c23, c13 + c23 + c33), p23 = c22 + c23 > 0 ? share(c23, c22 + c23) : 1;
	double runs = c13 + c14 + c23, losses = runs + c33;

	q->gap_density = share(c14, c11 + c14);
	q->gap_ms = (c11 + c14 + c13) / fmax(c13, 1) * q->packet_ms;
	if (c13 > 0) {
		q->burst_density = share(p23, p23 + p32);
		q->burst_ms = in_bursts / c13 * q->packet_ms;
	}
	/* G.107 §7.5: mean length of the runs of losses, over what chance would make of them. */
	q->burst_ratio = runs > 0 ? fmax(losses / runs * (1 - share(s->lost, s->expected)), 1) : 1;
}

double dp_quality_delay_impairment(double delay_ms)
{
	const double power = 6 * DELAY_SENSITIVITY;
	double x;

	if (delay_ms <= MINIMUM_PERCEIVABLE_DELAY_MS)
		return 0;
	x = log2(delay_ms / MINIMUM_PERCEIVABLE_DELAY_MS);
	return 25 *
	       (pow(1 + pow(x, power), 1 / power) - 3 * pow(1 + pow(x / 3, power), 1 / power) + 2);
}

double dp_quality_loss_impairment(enum dp_codec codec, double loss_percent, double burst_ratio)
{
	double ie, bpl;

	if (codec >= DP_CODEC_COUNT)
		codec = DP_CODEC_UNKNOWN;
	ie = codecs[codec].ie;
	bpl = codecs[codec].bpl;
	return ie + (95 - ie) * loss_percent / (loss_percent / burst_ratio + bpl);
}

/* Annex B. Below R = 6.5 its polynomial falls under 1 and would rise again towards R = 0. */
double dp_quality_mos(double r)
{
	if (r <= 0)
		return 1;
	if (r >= 100)
		return 4.5;
	return fmax(1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6, 1);
}

static double clamp_r(double r)
{
	return fmin(fmax(r, 0), 100);
}

void dp_quality_judge(const struct dp_termination_record *record,
		      const struct dp_quality_snapshot *now,
		      const struct dp_quality_snapshot *before, uint64_t round_trip_us,
		      struct dp_quality *q)
{
	struct dp_quality_snapshot s = *now;
	double impairment;

	if (before)
		subtract(&s, before);
	*q = (struct dp_quality){
		.received = s.packets,
		.expected = s.expected,
		.lost = s.lost,
		.late = s.late,
		.reordered = s.reordered,
		.duplicate = s.duplicate,
		.loss_percent = 100 * share(s.lost, s.expected),
		.late_percent = 100 * share(s.late, s.expected),
		.jitter_ms = record->clock_rate ? s.jitter / 16.0 * 1000 / record->clock_rate : 0,
		.longest_gap_ms = s.longest_gap_ms,
		.packet_ms = packet_ms(record->codec, &s),
	};
	judge_bursts(&s, q);
	q->delay_ms = (double)round_trip_us / 2000 + q->packet_ms + DP_PLAYOUT_MS;
	/* To the ear a packet that comes too late is a lost one. */
	impairment = dp_quality_loss_impairment(
		record->codec, fmin(q->loss_percent + q->late_percent, 100), q->burst_ratio);
	q->r = clamp_r(DP_QUALITY_R_DEFAULT - dp_quality_delay_impairment(q->delay_ms) -
		       impairment);
	q->mos = dp_quality_mos(q->r);
	q->mos_listening = dp_quality_mos(clamp_r(DP_QUALITY_R_DEFAULT - impairment));
}

const char *dp_quality_alarms(uint8_t alarms, char text[DP_ALARMS_TEXT])
{
	static const char *const names[DP_QUALITY_METRICS] = {
		[DP_QUALITY_MOS] = "mos",
		[DP_QUALITY_LOSS] = "loss",
		[DP_QUALITY_JITTER] = "jitter",
	};
	int n = 0;

	snprintf(text, DP_ALARMS_TEXT, "good");
	for (unsigned i = 0; i < DP_QUALITY_METRICS; i++)
		if (alarms & (1u << i))
			n += snprintf(text + n, DP_ALARMS_TEXT - (size_t)n, "%s%s", n ? " " : "",
				      names[i]);
	return text;
}
