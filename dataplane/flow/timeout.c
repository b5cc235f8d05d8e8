/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/flow/internal.h"

/* Silence counts from the last packet, or from when it was told to expect any. */
static uint32_t silent_for(const struct termination *m, const struct dp_termination_counters *c,
			   uint32_t now)
{
	uint32_t last = __atomic_load_n(&c->last_packet_ms, __ATOMIC_RELAXED), since = m->armed_ms;

	if (last != 0 && (int32_t)(last - since) > 0)
		since = last;
	return (int32_t)(now - since) > 0 ? now - since : 0;
}

static bool check_one(struct flow_table *t, uint32_t index, uint32_t now,
		      struct dp_ev_media_timeout *event)
{
	struct termination *m = &t->terminations[index];
	uint32_t limit = m->settings.media_timeout_ms, silent;

	/* Nothing is expected from a side that is held. */
	if (m->context == NOWHERE || limit == 0 || !(m->settings.direction & DP_DIRECTION_SENDONLY))
		return false;
	silent = silent_for(m, &t->counters[index], now);
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
		if (check_one(t, t->scan, (uint32_t)now_ms, &event))
			report(arg, context_owner(t, event.context.index), &event);
		t->scan = (t->scan + 1) % t->max;
	}
}
