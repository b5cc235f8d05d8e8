/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers tell of single packets becomes events, not more of them than somebody can read:
 * strangers at a media port, and media that goes in a circle.
 */
#include "dataplane/flow/internal.h"

#define FOREIGN_EVERY_MS 10000u /* dp_ev_foreign */

void flow_report(const struct flow_table *t, const struct flow_reports *to, uint32_t termination,
		 struct dp_event *event)
{
	to->event(to->arg, context_owner(t, t->terminations[termination].context), event);
}

static void tell_foreign(struct flow_table *t, uint32_t index, uint64_t now,
			 const struct flow_reports *to)
{
	const struct dp_termination_record *r = &t->records[index];
	struct findings *f = &t->findings[index];
	struct dp_event event = {
		.type = DP_EVENT_FOREIGN,
		.size = sizeof(event.foreign),
		.foreign = { .termination = { index, r->generation },
			     .context = r->context,
			     .label = r->label,
			     .packets =
				     __atomic_load_n(&t->counters[index].foreign, __ATOMIC_RELAXED),
			     .source = f->foreign_source },
	};

	f->foreign_told = true;
	f->foreign_due = false;
	f->foreign_ms = now;
	flow_report(t, to, index, &event);
}

static void foreign(struct flow_table *t, const struct flow_notice *notice,
		    const struct flow_reports *to)
{
	struct findings *f = &t->findings[notice->termination];
	uint64_t now = t->now_ms;

	f->foreign_source = notice->source;
	if (f->foreign_told && now - f->foreign_ms < FOREIGN_EVERY_MS)
		f->foreign_due = true;
	else
		tell_foreign(t, notice->termination, now, to);
}

static void loop(struct flow_table *t, uint32_t index, const struct flow_reports *to)
{
	const struct dp_termination_record *r = &t->records[index];
	struct findings *f = &t->findings[index];
	struct dp_event event = {
		.type = DP_EVENT_LOOP,
		.size = sizeof(event.loop),
		.loop = { .termination = { index, r->generation },
			  .context = r->context,
			  .label = r->label,
			  .ssrc = __atomic_load_n(&t->counters[index].ssrc, __ATOMIC_RELAXED) },
	};

	if (f->loop_told && f->loop_ssrc == event.loop.ssrc)
		return;
	f->loop_told = true;
	f->loop_ssrc = event.loop.ssrc;
	flow_report(t, to, index, &event);
}

/*
 * The same SSRC from two sides of a context (RFC 3550 §8.2). One that sends back what it hears is
 * an echo, as services for tests are, and no circle: the other side does not repeat itself. Where
 * both bring again what they have brought before, packets go round.
 */
static bool is_circle(const struct flow_table *t, uint32_t index)
{
	const struct context *c = &t->contexts[t->terminations[index].context];

	if (!t->findings[index].repeats)
		return false;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->member[i] != index && t->findings[c->member[i]].repeats &&
		    t->counters[c->member[i]].ssrc == t->counters[index].ssrc)
			return true;
	return false;
}

void alarm_look(struct flow_table *t, uint32_t index, uint64_t now, const struct flow_reports *to)
{
	const struct findings *f = &t->findings[index];

	if (f->foreign_due && now - f->foreign_ms >= FOREIGN_EVERY_MS)
		tell_foreign(t, index, now, to);
	if (is_circle(t, index))
		loop(t, index, to);
}

void flow_notice(struct flow_table *t, const struct flow_notice *notice,
		 const struct flow_reports *to)
{
	dp_handle_t handle = { notice->termination, notice->generation };
	struct dp_event event = { .type = DP_EVENT_LATCHED, .size = sizeof(event.latched) };
	struct termination *m;
	uint32_t owner;

	if (termination_find(t, handle, &m) != 0)
		return;
	switch (notice->kind) {
	case FLOW_NOTICE_LATCHED:
		if (flow_latched(t, notice, &owner, &event.latched))
			to->event(to->arg, owner, &event);
		break;
	case FLOW_NOTICE_FOREIGN:
		foreign(t, notice, to);
		break;
	case FLOW_NOTICE_LOOP:
		loop(t, notice->termination, to);
		break;
	}
}
