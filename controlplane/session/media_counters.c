/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters of terminations: 32 bits made 64, and the sum over the dataplanes of a call's life. */
#include "controlplane/session/media_internal.h"

/* A counter of packets wraps after 71 minutes at the most that a termination may be allowed. */
#define WIDEN_MS (30u * 60 * 1000)

static void add(struct dp_quality_snapshot *sum, const struct dp_quality_snapshot *more)
{
	sum->bytes += more->bytes;
	sum->packets += more->packets;
	sum->expected += more->expected;
	sum->lost += more->lost;
	sum->late += more->late;
	sum->reordered += more->reordered;
	sum->duplicate += more->duplicate;
	sum->c13 += more->c13;
	sum->c14 += more->c14;
	sum->c22 += more->c22;
	sum->c23 += more->c23;
	sum->c33 += more->c33;
	if (more->packets)
		sum->jitter = more->jitter;
	if (more->longest_gap_ms > sum->longest_gap_ms)
		sum->longest_gap_ms = more->longest_gap_ms;
}

void media_termination_counters(struct media_termination *t, struct media_counters *out)
{
	const struct dp_termination_counters *c = NULL;
	struct dp_termination_counters copy;
	struct dp_quality_snapshot now;

	*out = t->before;
	if (t->state == MEDIA_UP && t->context->media->stats)
		c = dp_stats_counters(t->context->media->stats, t->handle.index);
	if (!c)
		return;
	copy = *c;
	dp_quality_snapshot(&copy, &now);
	add(&out->all, &now);
	t->packets += now.packets - (uint32_t)t->packets;
	out->packets += t->packets;
	if (copy.packets)
		out->ssrc = copy.ssrc;
	if (copy.rtt_us)
		out->rtt_us = copy.rtt_us;
}

void media_keep_counters(struct media_termination *t)
{
	struct media_counters sum;

	media_termination_counters(t, &sum);
	t->before = sum;
	t->packets = 0;
}

static void on_widen(struct timer *timer)
{
	struct media *m = (struct media *)((char *)timer - offsetof(struct media, widen));
	struct media_counters unused;

	for (struct media_context *c = m->contexts; c; c = c->next) {
		for (struct media_termination *t = c->terminations; t; t = t->next)
			media_termination_counters(t, &unused);
	}
	media_watch_counters(m);
}

void media_watch_counters(struct media *m)
{
	timer_set(m->shard->wheel, &m->widen, WIDEN_MS, on_widen);
}

void media_termination_judge(const struct media_termination *t,
			     const struct media_counters *counters, uint64_t round_trip_us,
			     struct dp_quality *quality)
{
	const struct dp_termination_record record = { .codec = t->settings.codec,
						      .payload_type = t->settings.payload_type,
						      .clock_rate = t->settings.clock_rate };

	dp_quality_judge(&record, &counters->all, NULL, round_trip_us, quality);
}
