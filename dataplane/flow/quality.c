/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The quality of each interval. A round takes one interval and is spread over it, so 200,000
 * terminations at 5 s are 200 of them in a tick of 5 ms.
 */
#include <math.h>

#include "dataplane/flow/internal.h"

#define EXPECTED_MIN 25u   /* of fewer there is no share: half a second of speech */
#define RECEIVED_MIN 2u    /* of them: the rest may be lost, and is what is to be told */
#define SETTLE_MS    1000u /* after a hold: what came meanwhile was not counted, and looks lost */
#define GOOD_TO_END  2u    /* intervals in a row, until an alarm is over */
#define REPEATED_MIN 4u    /* each so manieth packet is one that had come before */

/* Half the way to each end is heard. */
static uint64_t round_trip_us(const struct flow_table *t, const struct context *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < c->count && i < 2; i++)
		sum += __atomic_load_n(&t->counters[c->member[i]].rtt_us, __ATOMIC_RELAXED);
	return sum;
}

static void set_figures(struct dp_ev_quality *e, const struct dp_quality *q)
{
	e->mos = (uint32_t)lround(q->mos * 100);
	e->loss = (uint32_t)lround(fmin(q->loss_percent + q->late_percent, 100) * 100);
	e->jitter = (uint32_t)fmin(q->jitter_ms * 1000, UINT32_MAX);
}

static uint32_t value_of(const struct dp_ev_quality *e, enum dp_quality_metric metric)
{
	switch (metric) {
	case DP_QUALITY_MOS:
		return e->mos;
	case DP_QUALITY_LOSS:
		return e->loss;
	default:
		return e->jitter;
	}
}

static bool is_bad(enum dp_quality_metric metric, uint32_t value, uint32_t limit)
{
	return metric == DP_QUALITY_MOS ? value < limit : value > limit;
}

/* True if the alarm begins or ends with this interval. */
static bool alarm_turns(struct findings *f, enum dp_quality_metric metric, bool bad, bool raised)
{
	if (bad) {
		f->good[metric] = 0;
		return !raised;
	}
	return raised && ++f->good[metric] >= GOOD_TO_END;
}

static void compare(struct flow_table *t, uint32_t index, struct dp_ev_quality *figures,
		    const struct flow_reports *to)
{
	struct dp_termination_record *r = &t->records[index];
	uint8_t alarms = r->alarms, turned = 0;

	for (uint8_t metric = 0; metric < DP_QUALITY_METRICS; metric++) {
		uint32_t limit = t->thresholds.limit[metric];
		bool bad = limit && is_bad(metric, value_of(figures, metric), limit);

		if (alarm_turns(&t->findings[index], metric, bad, alarms & (1u << metric)))
			turned |= (uint8_t)(1u << metric);
	}
	alarms ^= turned;
	record_begin(&r->version);
	r->interval_mos = (uint16_t)figures->mos;
	r->interval_loss = (uint16_t)figures->loss;
	r->interval_jitter = figures->jitter;
	r->alarms = alarms;
	record_end(&r->version);
	for (uint8_t metric = 0; metric < DP_QUALITY_METRICS; metric++) {
		struct dp_event event = { .type = DP_EVENT_QUALITY, .size = sizeof(event.quality) };

		if (!(turned & (1u << metric)))
			continue;
		event.quality = *figures;
		event.quality.metric = metric;
		event.quality.raised = alarms >> metric & 1;
		event.quality.value = value_of(figures, metric);
		event.quality.threshold = t->thresholds.limit[metric];
		flow_report(t, to, index, &event);
	}
}

/* Nothing is said of a side that is held or silent, or has only just begun to speak. */
static bool can_be_judged(const struct termination *m, const struct findings *f)
{
	return f->judged_ms != 0 && (m->settings.direction & DP_DIRECTION_SENDONLY) && !m->silent &&
	       f->judged_ms >= m->armed_ms + SETTLE_MS;
}

/*
 * What was sent counts, not what came: the worse the line, the fewer come. With long packets, or
 * few of them, intervals are put together until there are enough.
 */
static bool says_enough(const struct findings *f, const struct dp_quality_snapshot *now)
{
	return (int32_t)(now->expected - f->last.expected) >= (int32_t)EXPECTED_MIN &&
	       now->packets - f->last.packets >= RECEIVED_MIN;
}

static bool repeats_itself(const struct dp_quality *q)
{
	return q->received >= EXPECTED_MIN && q->duplicate + q->late >= q->received / REPEATED_MIN;
}

static void judge(struct flow_table *t, uint32_t index, uint64_t now, const struct flow_reports *to)
{
	const struct termination *m = &t->terminations[index];
	const struct dp_termination_record *r = &t->records[index];
	struct findings *f = &t->findings[index];
	struct dp_quality_snapshot s;
	struct dp_quality q;
	bool judgeable, enough;

	if (m->context == NOWHERE)
		return;
	dp_quality_snapshot(&t->counters[index], &s);
	judgeable = can_be_judged(m, f);
	enough = says_enough(f, &s);
	f->repeats = false;
	if (judgeable && enough) {
		struct dp_ev_quality figures = { .termination = { index, r->generation },
						 .context = r->context,
						 .label = r->label };

		dp_quality_judge(r, &s, &f->last, round_trip_us(t, &t->contexts[m->context]), &q);
		f->repeats = repeats_itself(&q);
		set_figures(&figures, &q);
		compare(t, index, &figures, to);
	}
	alarm_look(t, index, now, to);
	if (judgeable && !enough)
		return;
	f->last = s;
	f->judged_ms = now;
}

void flow_check_quality(struct flow_table *t, uint64_t now_ms, const struct flow_reports *to)
{
	const uint32_t interval = t->thresholds.interval_ms;
	uint32_t until,
		budget = t->max / 64 + 1; /* after a stop the round is late, not in a hurry */

	t->now_ms = now_ms;
	if (interval == 0)
		return;
	until = (uint32_t)(now_ms % interval * t->max / interval);
	for (; t->quality_scan != until && budget > 0; budget--) {
		judge(t, t->quality_scan, now_ms, to);
		t->quality_scan = (t->quality_scan + 1) % t->max;
	}
}
