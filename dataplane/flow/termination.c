/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "dataplane/flow/internal.h"

static bool family_is_valid(uint8_t family, bool none)
{
	return family == DP_FAMILY_IPV4 || family == DP_FAMILY_IPV6 ||
	       (none && family == DP_FAMILY_NONE);
}

static bool remote_is_valid(const struct dp_termination_settings *s)
{
	return family_is_valid(s->remote.family, true) &&
	       family_is_valid(s->remote_rtcp.family, true) &&
	       (s->remote.family == DP_FAMILY_NONE || s->remote.port > 0) &&
	       (s->remote_rtcp.family == DP_FAMILY_NONE ||
		(s->remote_rtcp.port > 0 && s->remote_rtcp.family == s->remote.family));
}

static bool format_is_valid(const struct dp_termination_settings *s)
{
	return (s->payload_type < 128 || s->payload_type == 255) &&
	       (s->telephone_event < 128 || s->telephone_event == 255) && s->clock_rate >= 1000 &&
	       s->clock_rate <= 192000;
}

int settings_check(const struct dp_termination_settings *s, uint32_t mask)
{
	if (mask & ~(uint32_t)DP_SET_ALL)
		return -EINVAL;
	if ((mask & DP_SET_REMOTE) && !remote_is_valid(s))
		return -EINVAL;
	if ((mask & DP_SET_DIRECTION) && s->direction > DP_DIRECTION_SENDRECV)
		return -EINVAL;
	if ((mask & DP_SET_SOURCE_RULE) && s->source_rule > DP_SOURCE_LEARN)
		return -EINVAL;
	if ((mask & DP_SET_FORMAT) && !format_is_valid(s))
		return -EINVAL;
	if ((mask & DP_SET_FLAGS) && (s->flags & ~(uint32_t)DP_TERMINATION_RTCP_MUX))
		return -EINVAL;
	return 0;
}

int termination_find(const struct flow_table *t, dp_handle_t h, struct termination **termination)
{
	if (h.generation == 0 || h.index >= t->max ||
	    t->records[h.index].generation != h.generation)
		return -ESTALE;
	*termination = &t->terminations[h.index];
	return 0;
}

static bool ip_is_any(const struct dp_address *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, sizeof(zero)) == 0;
}

static int take_exact(struct flow_table *t, const struct dp_address *local, uint16_t *pool,
		      uint16_t *port)
{
	int index = flow_pool_find(t, local->family, local->ip);

	if (index < 0)
		return -EADDRNOTAVAIL;
	*pool = (uint16_t)index;
	*port = local->port;
	return local->port ? port_pool_take_exact(&t->pools[index], local->port)
			   : port_pool_take(&t->pools[index], port);
}

/* The media addresses of a family take turns. */
static int take_any(struct flow_table *t, uint8_t family, uint16_t *pool, uint16_t *port)
{
	for (unsigned i = 0; i < t->pool_count; i++) {
		unsigned index = (t->next_pool + i) % t->pool_count;

		if (t->pools[index].address.family != family ||
		    port_pool_take(&t->pools[index], port) != 0)
			continue;
		*pool = (uint16_t)index;
		t->next_pool = (index + 1) % t->pool_count;
		return 0;
	}
	return -EADDRNOTAVAIL;
}

static uint8_t least_loaded_worker(const struct flow_table *t)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < t->workers; i++)
		if (t->worker_load[i] < t->worker_load[best])
			best = i;
	return (uint8_t)best;
}

static void record_settings(struct dp_termination_record *r,
			    const struct dp_termination_settings *s)
{
	r->remote = s->remote;
	r->remote_rtcp = s->remote_rtcp;
	if (s->remote_rtcp.family == DP_FAMILY_NONE && s->remote.family != DP_FAMILY_NONE) {
		r->remote_rtcp = s->remote;
		if (!(s->flags & DP_TERMINATION_RTCP_MUX))
			r->remote_rtcp.port++;
	}
	r->direction = s->direction;
	r->source_rule = s->source_rule;
	r->payload_type = s->payload_type;
	r->telephone_event = s->telephone_event;
	r->clock_rate = s->clock_rate;
	r->media_timeout_ms = s->media_timeout_ms;
	r->flags = s->flags;
}

static void aim_at_remote(struct termination *m, const struct dp_termination_record *r)
{
	m->aim = r->remote;
	m->aim_rtcp = r->remote_rtcp;
}

/* Each new member hears all others and is heard by them. */
static void join(struct context *c, uint32_t index, struct termination *m)
{
	m->position = (uint8_t)c->count;
	c->member[c->count] = index;
	c->hears[c->count] = (uint8_t)((1u << c->count) - 1);
	for (uint32_t i = 0; i < c->count; i++)
		c->hears[i] |= (uint8_t)(1u << c->count);
	c->count++;
}

static void leave(struct flow_table *t, struct context *c, struct termination *m)
{
	uint32_t last = c->count - 1, gone = m->position;
	uint8_t below = (uint8_t)((1u << gone) - 1);

	for (uint32_t i = gone; i < last; i++) {
		c->member[i] = c->member[i + 1];
		c->hears[i] = c->hears[i + 1];
		t->terminations[c->member[i]].position = (uint8_t)i;
	}
	for (uint32_t i = 0; i < last; i++)
		c->hears[i] = (uint8_t)((c->hears[i] & below) | ((c->hears[i] >> 1) & ~below));
	c->count--;
}

static void set_member_count(struct flow_table *t, uint32_t context)
{
	struct dp_context_record *record = &t->context_records[context];

	record_begin(&record->version);
	record->terminations = t->contexts[context].count;
	record_end(&record->version);
}

int flow_termination_add(struct flow_table *t, const struct dp_cmd_termination_add *add,
			 dp_handle_t *handle, struct dp_address *local)
{
	uint32_t index = t->free_termination;
	struct dp_termination_record *record;
	struct termination *m;
	struct context *context;
	uint16_t pool, port;
	int error = context_find(t, add->context, &context);

	if (!error)
		error = settings_check(&add->settings, DP_SET_ALL);
	if (error)
		return error;
	if (!family_is_valid(add->local.family, false) || add->side > 1)
		return -EINVAL;
	if (index >= t->max || context->count == CONTEXT_TERMINATIONS_MAX)
		return -ENOSPC;
	if (ip_is_any(&add->local) && add->local.port == 0)
		error = take_any(t, add->local.family, &pool, &port);
	else
		error = take_exact(t, &add->local, &pool, &port);
	if (error)
		return error;
	m = &t->terminations[index];
	t->free_termination = m->next_free;
	*m = (struct termination){
		.context = add->context.index,
		.latch_epoch = 1,
		.port = port,
		.pool = pool,
		.armed_ms = (uint32_t)t->now_ms,
		.settings = add->settings,
	};
	memset(&t->counters[index], 0, sizeof(t->counters[index]));
	record = &t->records[index];
	record_begin(&record->version);
	record->generation = next_generation(t);
	record->context = add->context;
	record->label = t->context_records[add->context.index].label;
	record->local = t->pools[pool].address;
	record->local.port = port;
	record->side = add->side;
	record->worker = least_loaded_worker(t);
	record_settings(record, &m->settings);
	record_end(&record->version);
	aim_at_remote(m, record);
	t->worker_load[record->worker]++;
	t->terminations_used++;
	t->pool_stats[pool].used++;
	join(context, index, m);
	set_member_count(t, m->context);
	*handle = (dp_handle_t){ index, record->generation };
	*local = record->local;
	error = context_publish(t, context);
	if (error)
		termination_release(t, m);
	return error;
}

static void merge_settings(struct dp_termination_settings *s,
			   const struct dp_termination_settings *n, uint32_t mask)
{
	if (mask & DP_SET_REMOTE) {
		s->remote = n->remote;
		s->remote_rtcp = n->remote_rtcp;
	}
	if (mask & DP_SET_DIRECTION)
		s->direction = n->direction;
	if (mask & DP_SET_SOURCE_RULE)
		s->source_rule = n->source_rule;
	if (mask & DP_SET_FORMAT) {
		s->payload_type = n->payload_type;
		s->telephone_event = n->telephone_event;
		s->clock_rate = n->clock_rate;
	}
	if (mask & DP_SET_TIMEOUT)
		s->media_timeout_ms = n->media_timeout_ms;
	if (mask & DP_SET_FLAGS)
		s->flags = n->flags;
}

int flow_termination_modify(struct flow_table *t, const struct dp_cmd_termination_modify *modify)
{
	uint32_t mask = modify->mask;
	struct dp_termination_record *record;
	struct termination *m;
	int error = termination_find(t, modify->termination, &m);

	if (!error)
		error = settings_check(&modify->settings, mask);
	if (error)
		return error;
	merge_settings(&m->settings, &modify->settings, mask);
	record = &t->records[modify->termination.index];
	record_begin(&record->version);
	record_settings(record, &m->settings);
	record_end(&record->version);
	if (mask & (DP_SET_REMOTE | DP_SET_SOURCE_RULE | DP_SET_FLAGS)) {
		m->latch_epoch++;
		aim_at_remote(m, record);
	}
	if (mask & (DP_SET_DIRECTION | DP_SET_TIMEOUT)) {
		m->armed_ms = (uint32_t)t->now_ms;
		m->silent = false;
	}
	return context_publish(t, &t->contexts[m->context]);
}

void termination_release(struct flow_table *t, struct termination *m)
{
	uint32_t index = (uint32_t)(m - t->terminations), context = m->context;
	struct dp_termination_record *record = &t->records[index];

	flow_retire(t, m);
	port_pool_give(&t->pools[m->pool], m->port);
	t->pool_stats[m->pool].used--;
	t->worker_load[record->worker]--;
	record_begin(&record->version);
	record->generation = 0;
	record->label = 0;
	record_end(&record->version);
	leave(t, &t->contexts[context], m);
	set_member_count(t, context);
	m->context = NOWHERE;
	m->next_free = t->free_termination;
	t->free_termination = index;
	t->terminations_used--;
}

int flow_termination_remove(struct flow_table *t, dp_handle_t handle)
{
	struct termination *m;
	struct context *context;
	int error = termination_find(t, handle, &m);

	if (error)
		return error;
	context = &t->contexts[m->context];
	termination_release(t, m);
	return context_publish(t, context);
}

/* What is sent to the termination goes where it was heard from. */
bool flow_latched(struct flow_table *t, const struct flow_notice *notice, uint32_t *owner,
		  struct dp_ev_latched *event)
{
	dp_handle_t handle = { notice->termination, notice->generation };
	struct termination *m;

	if (termination_find(t, handle, &m) != 0)
		return false;
	if (notice->rtcp) {
		m->aim_rtcp = notice->source;
	} else {
		m->aim = notice->source;
		if (m->settings.flags & DP_TERMINATION_RTCP_MUX)
			m->aim_rtcp = notice->source;
	}
	/* Out of memory: the old aim stays until the next change. */
	context_publish(t, &t->contexts[m->context]);
	*owner = t->context_records[m->context].owner;
	*event = (struct dp_ev_latched){
		.termination = handle,
		.context = t->records[handle.index].context,
		.label = t->records[handle.index].label,
		.source = notice->source,
	};
	return true;
}
