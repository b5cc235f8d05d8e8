/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_prefetch.h>

#include "dataplane/flow/internal.h"

#define AHEAD 16u /* terminations whose memory is on its way; a scan finds none of it in a cache */

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

void termination_set_silent(struct flow_table *t, struct termination *m, bool silent)
{
	struct dp_termination_record *record = &t->records[m - t->terminations];

	if (m->silent == silent)
		return;
	m->silent = silent;
	record_begin(&record->version);
	record->silent = silent;
	record_end(&record->version);
}

static void tell(const struct flow_table *t, uint32_t index, uint32_t silent_ms,
		 const struct flow_reports *to)
{
	const struct dp_termination_record *r = &t->records[index];
	dp_handle_t handle = { index, r->generation };
	struct dp_event event = { .type = DP_EVENT_MEDIA_RESUMED,
				  .size = sizeof(event.media_resumed),
				  .media_resumed = { handle, r->context, r->label } };

	if (r->silent) {
		event.type = DP_EVENT_MEDIA_TIMEOUT;
		event.size = sizeof(event.media_timeout);
		event.media_timeout = (struct dp_ev_media_timeout){
			.termination = handle,
			.context = r->context,
			.label = r->label,
			.silent_ms = silent_ms,
		};
	}
	flow_report(t, to, index, &event);
}

static void check_one(struct flow_table *t, uint32_t index, uint64_t now,
		      const struct flow_reports *to)
{
	struct termination *m = &t->terminations[index];
	uint32_t limit = m->settings.media_timeout_ms, silent;

	if (m->context == NOWHERE)
		return;
	silent = silent_for(m, &t->counters[index], now);
	/* Nothing is expected from a side that is held. */
	if (limit == 0 || !(m->settings.direction & DP_DIRECTION_SENDONLY))
		return;
	if ((silent >= limit) == m->silent)
		return;
	termination_set_silent(t, m, silent >= limit);
	tell(t, index, silent, to);
}

static void fetch(const struct flow_table *t, uint32_t index)
{
	const struct termination *m = &t->terminations[index < t->max ? index : index - t->max];

	rte_prefetch0(m);
	rte_prefetch0(&m->settings.media_timeout_ms);
	rte_prefetch0(&t->counters[m - t->terminations].last_packet_ms);
}

void flow_check_timeouts(struct flow_table *t, uint64_t now_ms, uint32_t budget,
			 const struct flow_reports *to)
{
	t->now_ms = now_ms;
	if (budget > t->max)
		budget = t->max;
	while (budget-- > 0) {
		if (t->max > AHEAD)
			fetch(t, t->scan + AHEAD);
		check_one(t, t->scan, now_ms, to);
		t->scan = (t->scan + 1) % t->max;
	}
}
