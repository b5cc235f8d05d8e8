/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/flow/internal.h"

/*
 * Workers note the low half of the clock, which comes round after 49 days. Each termination is
 * looked at far more often, so a note that is new is a recent one, and the whole time is kept here.
 */
static void note_packet(struct termination *m, uint32_t last_packet_ms, uint64_t now)
{
	if (last_packet_ms != 0 && last_packet_ms != (uint32_t)m->heard_ms)
		m->heard_ms = now + (uint64_t)(int64_t)(int32_t)(last_packet_ms - (uint32_t)now);
}

/* Silence counts from the last packet, or from when it was told to expect any. */
static uint32_t silent_for(struct termination *m, const struct dp_termination_counters *c,
			   uint64_t now)
{
	uint64_t since;

	note_packet(m, __atomic_load_n(&c->last_packet_ms, __ATOMIC_RELAXED), now);
	since = m->heard_ms > m->armed_ms ? m->heard_ms : m->armed_ms;
	if (now <= since)
		return 0;
	return now - since < UINT32_MAX ? (uint32_t)(now - since) : UINT32_MAX;
}

static bool check_one(struct flow_table *t, uint32_t index, uint64_t now,
		      struct dp_ev_media_timeout *event)
{
	struct termination *m = &t->terminations[index];
	uint32_t limit = m->settings.media_timeout_ms, silent;

	if (m->context == NOWHERE)
		return false;
	silent = silent_for(m, &t->counters[index], now);
	/* Nothing is expected from a side that is held. */
	if (limit == 0 || !(m->settings.direction & DP_DIRECTION_SENDONLY))
		return false;
	if (silent < limit) {
		m->silent = false;
		return false;
	}
	if (m->silent)
		return false;
	m->silent = true;
	*event = (struct dp_ev_media_timeout){
		.termination = { index, t->records[index].generation },
		.context = t->records[index].context,
		.label = t->records[index].label,
		.silent_ms = silent,
	};
	return true;
}

void flow_check_timeouts(struct flow_table *t, uint64_t now_ms, uint32_t budget,
			 void (*report)(void *arg, uint32_t owner,
					const struct dp_ev_media_timeout *event),
			 void *arg)
{
	struct dp_ev_media_timeout event;

	t->now_ms = now_ms;
	if (budget > t->max)
		budget = t->max;
	while (budget-- > 0) {
		if (check_one(t, t->scan, now_ms, &event))
			report(arg, context_owner(t, event.context.index), &event);
		t->scan = (t->scan + 1) % t->max;
	}
}
