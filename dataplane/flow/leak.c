/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose a context is, and what becomes of those that are nobody's.
 *
 * A client that goes leaves up to all contexts behind, so nothing here walks over them at once: a
 * context counts as its channel's only while its claim is the channel's current one, and the
 * records that clients read follow in the rounds of the sweep.
 */
#include <errno.h>

#include "dataplane/flow/internal.h"

#define REMOVAL_COST 64u /* of a sweep's budget; looking at one context is 1 */
#define AT_ONCE      4096u
#define MEDIA_MS     2000u /* media that came so lately flows still */

uint32_t context_owner(const struct flow_table *t, uint32_t index)
{
	uint32_t owner = t->context_records[index].owner;

	return owner < DP_CHANNELS_MAX && t->contexts[index].claim == t->claims[owner] ? owner
										       : DP_NOBODY;
}

/* The packets that were taken so far, RTCP too: the same again means that nothing came. */
static uint32_t traffic_of(const struct flow_table *t, const struct context *c)
{
	uint32_t packets = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		const struct dp_termination_counters *n = &t->counters[c->member[i]];

		packets += __atomic_load_n(&n->packets, __ATOMIC_RELAXED) +
			   __atomic_load_n(&n->rtcp_packets, __ATOMIC_RELAXED);
	}
	return packets;
}

/* When the last RTP came, of that in the last weeks: workers note the low half of the clock. */
static uint64_t heard_ms(const struct flow_table *t, const struct context *c)
{
	uint64_t heard = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t last = __atomic_load_n(&t->counters[c->member[i]].last_packet_ms,
						__ATOMIC_RELAXED);
		uint32_t ago = (uint32_t)t->now_ms - last;

		if ((int32_t)ago < 0) /* a worker's clock is ahead of the sweep's */
			ago = 0;
		if (last != 0 && ago < t->now_ms && t->now_ms - ago > heard)
			heard = t->now_ms - ago;
	}
	return heard;
}

static void disown(struct flow_table *t, uint32_t index)
{
	struct dp_context_record *record = &t->context_records[index];
	struct context *c = &t->contexts[index];

	record_begin(&record->version);
	record->owner = DP_NOBODY;
	record->unclaimed_ms = t->now_ms ? t->now_ms : 1;
	record_end(&record->version);
	c->traffic = traffic_of(t, c);
	c->idle_ms = t->now_ms;
}

void context_own(struct flow_table *t, uint32_t index, uint32_t owner)
{
	t->contexts[index].claim = t->claims[owner];
	t->contexts[index].condemned = false;
	t->owned[owner]++;
}

void context_release(struct flow_table *t, uint32_t index)
{
	uint32_t owner = context_owner(t, index);

	if (owner == DP_NOBODY)
		t->unclaimed--;
	else
		t->owned[owner]--;
}

void flow_owner_gone(struct flow_table *t, uint32_t owner)
{
	t->claims[owner]++;
	t->unclaimed += t->owned[owner];
	t->owned[owner] = 0;
	t->to_disown = t->contexts_high;
	flow_sweep(t, t->now_ms, 0, AT_ONCE);
}

void flow_owner_comes(struct flow_table *t)
{
	while (t->to_disown > 0)
		flow_sweep(t, t->now_ms, 0, t->to_disown);
}

/* What came since the last look: RTP says when, RTCP does not. */
static void look_at(const struct flow_table *t, struct context *c)
{
	uint32_t traffic = traffic_of(t, c);
	uint64_t heard;

	if (traffic == c->traffic)
		return;
	heard = heard_ms(t, c);
	c->traffic = traffic;
	c->idle_ms = heard > c->idle_ms ? heard : t->now_ms;
}

/* Carries media no longer, for as long as the grace time. */
static bool is_dead(struct flow_table *t, uint32_t index, uint64_t grace_ms)
{
	struct context *c = &t->contexts[index];

	look_at(t, c);
	return grace_ms > 0 && t->now_ms - c->idle_ms >= grace_ms;
}

static bool sweep_one(struct flow_table *t, uint32_t index, uint64_t grace_ms)
{
	struct dp_context_record *record = &t->context_records[index];

	if (record->generation == 0 || context_owner(t, index) != DP_NOBODY)
		return false;
	if (record->owner != DP_NOBODY)
		disown(t, index);
	if (!t->contexts[index].condemned && !is_dead(t, index, grace_ms))
		return false;
	flow_context_remove(t, (dp_handle_t){ index, record->generation });
	t->reclaimed++;
	return true;
}

uint32_t flow_sweep(struct flow_table *t, uint64_t now_ms, uint64_t grace_ms, uint32_t budget)
{
	uint32_t left = t->contexts_high, cost, removed = 0;

	t->now_ms = now_ms;
	/* not more than one round, and none where nothing can be found */
	for (; t->unclaimed > 0 && left > 0 && budget > 0; left--) {
		bool gone = sweep_one(t, t->sweep, grace_ms);

		removed += gone;
		cost = gone ? REMOVAL_COST : 1;
		budget -= budget < cost ? budget : cost;
		t->sweep = t->sweep + 1 < t->contexts_high ? t->sweep + 1 : 0;
		if (t->to_disown > 0)
			t->to_disown--;
	}
	if (t->unclaimed == 0)
		t->to_disown = 0;
	return removed;
}

static bool has_media(const struct flow_table *t, const struct context *c)
{
	uint64_t heard = heard_ms(t, c);

	return heard != 0 && t->now_ms - heard < MEDIA_MS;
}

/* Since when nobody has claimed it and, unless forced, nothing came. */
static uint64_t left_alone_ms(struct flow_table *t, uint32_t index, bool force)
{
	struct context *c = &t->contexts[index];
	uint64_t since = t->context_records[index].unclaimed_ms;

	if (force)
		return since;
	look_at(t, c);
	return c->idle_ms > since ? c->idle_ms : since;
}

static bool condemn(struct flow_table *t, uint32_t index, uint32_t min_age_ms, bool force)
{
	const struct dp_context_record *record = &t->context_records[index];

	if (record->generation == 0 || context_owner(t, index) != DP_NOBODY ||
	    record->owner != DP_NOBODY || t->contexts[index].condemned ||
	    (!force && has_media(t, &t->contexts[index])) ||
	    t->now_ms - left_alone_ms(t, index, force) < min_age_ms)
		return false;
	t->contexts[index].condemned = true;
	return true;
}

int flow_reclaim_unclaimed(struct flow_table *t, dp_handle_t handle, uint32_t min_age_ms,
			   bool force, uint32_t *count)
{
	struct context *context;
	int error = 0;

	*count = 0;
	flow_owner_comes(t); /* records say whose they are */
	if (dp_handle_is_none(handle)) {
		for (uint32_t i = 0; i < t->contexts_high; i++)
			*count += condemn(t, i, min_age_ms, force);
		flow_sweep(t, t->now_ms, 0, AT_ONCE);
		return 0;
	}
	error = context_find(t, handle, &context);
	if (error)
		return error;
	if (context_owner(t, handle.index) != DP_NOBODY)
		return -EPERM;
	if (!force && has_media(t, context))
		return -EBUSY;
	if (condemn(t, handle.index, min_age_ms, force)) {
		*count = 1;
		sweep_one(t, handle.index, 0);
	}
	return 0;
}

uint32_t flow_unclaimed_count(const struct flow_table *t)
{
	return t->unclaimed;
}

uint64_t flow_reclaimed_count(const struct flow_table *t)
{
	return t->reclaimed;
}
