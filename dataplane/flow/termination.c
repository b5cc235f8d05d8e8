/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "dataplane/flow/internal.h"
#include "dataplane/flow/slab.h"

static bool address_is_valid(const struct dp_address *a, uint8_t family)
{
	return a->family == DP_FAMILY_NONE ||
	       (a->family == family && a->port > 0 && dp_address_is_unicast(a));
}

/* family: of the local address, which is the source of what is sent to the remote one. */
static bool remote_is_valid(const struct dp_termination_settings *s, uint8_t family)
{
	return address_is_valid(&s->remote, family) && address_is_valid(&s->remote_rtcp, family) &&
	       (s->remote.family != DP_FAMILY_NONE || s->remote_rtcp.family == DP_FAMILY_NONE);
}

static bool format_is_valid(const struct dp_termination_settings *s)
{
	return (s->payload_type < 128 || s->payload_type == 255) &&
	       (s->telephone_event < 128 || s->telephone_event == 255) && s->clock_rate >= 1000 &&
	       s->clock_rate <= 192000 && s->codec < DP_CODEC_COUNT;
}

static int settings_check(const struct dp_termination_settings *s, uint32_t mask, uint8_t family)
{
	if (mask & ~(uint32_t)DP_SET_ALL)
		return -EINVAL;
	if ((mask & DP_SET_REMOTE) && !remote_is_valid(s, family))
		return -EINVAL;
	if ((mask & DP_SET_DIRECTION) && s->direction > DP_DIRECTION_SENDRECV)
		return -EINVAL;
	if ((mask & DP_SET_SOURCE_RULE) && s->source_rule > DP_SOURCE_HOST)
		return -EINVAL;
	if ((mask & DP_SET_FORMAT) && !format_is_valid(s))
		return -EINVAL;
	if ((mask & DP_SET_FLAGS) && (s->flags & ~(uint32_t)DP_TERMINATION_FLAGS))
		return -EINVAL;
	if ((mask & DP_SET_RATE) && s->packet_rate_max != 0 &&
	    (s->packet_rate_max < 16 || s->packet_rate_max > 1000000))
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
static int take_any(struct flow_table *t, uint8_t family, uint8_t realm, uint16_t *pool,
		    uint16_t *port)
{
	for (unsigned i = 0; i < t->pool_count; i++) {
		unsigned index = (t->next_pool + i) % t->pool_count;

		if (t->pools[index].address.family != family ||
		    (realm != DP_REALM_ANY && t->pools[index].realm != realm) ||
		    port_pool_take(&t->pools[index], port) != 0)
			continue;
		*pool = (uint16_t)index;
		t->next_pool = (index + 1) % t->pool_count;
		return 0;
	}
	return -EADDRNOTAVAIL;
}

/* Where RTCP goes when nobody says so (RFC 3550 §11, RFC 5761). */
static struct dp_address rtcp_beside(const struct dp_address *rtp, uint32_t flags)
{
	struct dp_address a = *rtp;

	if (flags & DP_TERMINATION_RTCP_MUX)
		return a;
	if (a.port == UINT16_MAX)
		a.family = DP_FAMILY_NONE; /* there is no next port */
	else
		a.port++;
	return a;
}

static void record_settings(struct dp_termination_record *r,
			    const struct dp_termination_settings *s)
{
	r->remote = s->remote;
	r->remote_rtcp = s->remote_rtcp;
	if (s->remote_rtcp.family == DP_FAMILY_NONE && s->remote.family != DP_FAMILY_NONE)
		r->remote_rtcp = rtcp_beside(&s->remote, s->flags);
	r->direction = s->direction;
	r->source_rule = s->source_rule;
	r->payload_type = s->payload_type;
	r->telephone_event = s->telephone_event;
	r->clock_rate = s->clock_rate;
	r->media_timeout_ms = s->media_timeout_ms;
	r->flags = s->flags;
	r->codec = s->codec;
	r->packet_rate_max = s->packet_rate_max;
}

static void aim_at_remote(struct termination *m, const struct dp_termination_record *r)
{
	m->aim = r->remote;
	m->aim_rtcp = r->remote_rtcp;
}

/*
 * The signalling has spoken: workers latch anew. A remote end that is told again, as in each
 * re-INVITE, stays the one that was heard until it is heard from elsewhere: a phone behind a NAT
 * would be deaf meanwhile.
 */
static void open_latch(struct flow_table *t, struct termination *m, bool moved)
{
	uint32_t index = (uint32_t)(m - t->terminations);
	const uint8_t *seen = &t->counters[index].latch_epoch;

	m->latch_epoch++;
	if (m->latch_epoch == __atomic_load_n(seen, __ATOMIC_RELAXED))
		m->latch_epoch++; /* nothing came through a whole round of epochs */
	if (moved)
		aim_at_remote(m, &t->records[index]);
}

/* latch_epoch 0 makes the worker start the latch; until then readers see what it will say. */
static void start_counters(struct dp_termination_counters *c,
			   const struct dp_termination_settings *s)
{
	memset(c, 0, sizeof(*c));
	c->latch = s->source_rule == DP_SOURCE_STRICT ? DP_LATCH_LOCKED : DP_LATCH_OPEN;
	if (s->source_rule == DP_SOURCE_STRICT)
		c->source = s->remote;
}

/* Either port of the pair. */
static bool names_pair(const struct dp_address *a, const struct dp_address *local)
{
	struct dp_address rtp = *a;

	rtp.port &= 0xfffe;
	return a->family != DP_FAMILY_NONE && dp_address_same(&rtp, local);
}

static bool aims_at(const struct dp_termination_settings *s, const struct dp_address *local)
{
	return names_pair(&s->remote, local) || names_pair(&s->remote_rtcp, local);
}

/* Would the termination with this local address send to itself or its context, or be sent to by
 * it? What is heard from a member that is changed counts as `s`. */
static bool makes_loop(const struct flow_table *t, const struct context *c,
		       const struct termination *self, const struct dp_address *local,
		       const struct dp_termination_settings *s)
{
	if (aims_at(s, local))
		return true;
	for (uint32_t i = 0; i < c->count; i++) {
		const struct termination *other = &t->terminations[c->member[i]];

		if (other != self && (aims_at(s, &t->records[c->member[i]].local) ||
				      aims_at(&other->settings, local)))
			return true;
	}
	return false;
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

static int check_add(const struct flow_table *t, const struct dp_cmd_termination_add *add)
{
	int error = settings_check(&add->settings, DP_SET_ALL, add->local.family);

	if (error)
		return error;
	if ((add->local.family != DP_FAMILY_IPV4 && add->local.family != DP_FAMILY_IPV6) ||
	    add->side > 1 || (add->realm != DP_REALM_ANY && add->realm >= t->realm_count))
		return -EINVAL;
	return 0;
}

/* Its own address, from a pool: any that is free, or the one that is asked for. */
static int take_address(struct flow_table *t, const struct dp_cmd_termination_add *add,
			const struct context *context, uint16_t *pool, struct dp_address *own)
{
	uint16_t port;
	int error = ip_is_any(&add->local) && add->local.port == 0
			    ? take_any(t, add->local.family, add->realm, pool, &port)
			    : take_exact(t, &add->local, pool, &port);

	if (error)
		return error;
	*own = t->pools[*pool].address;
	own->port = port;
	if (!makes_loop(t, context, NULL, own, &add->settings))
		return 0;
	port_pool_give(&t->pools[*pool], port);
	return -ELOOP;
}

static void start_record(struct flow_table *t, uint32_t index,
			 const struct dp_cmd_termination_add *add, const struct dp_address *own)
{
	const struct termination *m = &t->terminations[index];
	struct dp_termination_record *record = &t->records[index];

	record_begin(&record->version);
	record->generation = next_generation(t);
	record->context = add->context;
	record->label = t->context_records[add->context.index].label;
	record->local = *own;
	record->side = add->side;
	record->realm = t->pools[m->pool].realm;
	record->interval_mos = record->interval_loss = 0;
	record->interval_jitter = 0;
	record->alarms = record->silent = 0;
	record->worker = worker_for_flow(t);
	record_settings(record, &m->settings);
	record_end(&record->version);
}

int flow_termination_add(struct flow_table *t, const struct dp_cmd_termination_add *add,
			 dp_handle_t *handle, struct dp_address *local)
{
	struct dp_termination_record *record;
	struct termination *m;
	struct context *context;
	struct dp_address own;
	uint16_t pool;
	uint32_t index;
	int error = context_find(t, add->context, &context);

	if (!error)
		error = check_add(t, add);
	if (error)
		return error;
	if (t->free_termination >= t->max)
		flow_reclaim(t); /* those that have just ended may be ready for use */
	index = t->free_termination;
	if (index >= t->max || context->count == CONTEXT_TERMINATIONS_MAX)
		return -ENOSPC;
	error = take_address(t, add, context, &pool, &own);
	if (error)
		return error;
	m = &t->terminations[index];
	record = &t->records[index];
	t->free_termination = m->next_free;
	*m = (struct termination){
		.context = add->context.index,
		.latch_epoch = 1,
		.port = own.port,
		.pool = pool,
		.armed_ms = t->now_ms,
		.settings = add->settings,
	};
	start_counters(&t->counters[index], &add->settings);
	t->findings[index] = (struct findings){ 0 };
	start_record(t, index, add, &own);
	aim_at_remote(m, record);
	t->shares[record->worker].flows++;
	t->terminations_used++;
	t->pool_stats[pool].used++;
	t->realm_stats[record->realm].terminations++;
	join(context, index, m);
	set_member_count(t, m->context);
	*handle = (dp_handle_t){ index, record->generation };
	*local = record->local;
	own_rtcp_turns(t, index, 0, m->settings.flags);
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
		s->codec = n->codec;
	}
	if (mask & DP_SET_TIMEOUT)
		s->media_timeout_ms = n->media_timeout_ms;
	if (mask & DP_SET_FLAGS)
		s->flags = n->flags;
	if (mask & DP_SET_RATE)
		s->packet_rate_max = n->packet_rate_max;
}

int flow_termination_modify(struct flow_table *t, const struct dp_cmd_termination_modify *modify)
{
	uint32_t mask = modify->mask;
	struct dp_termination_record *record;
	struct termination *m;
	struct dp_termination_settings before;
	int error = termination_find(t, modify->termination, &m);

	if (!error)
		error = settings_check(&modify->settings, mask, t->pools[m->pool].address.family);
	if (error)
		return error;
	record = &t->records[modify->termination.index];
	if ((mask & DP_SET_REMOTE) &&
	    makes_loop(t, &t->contexts[m->context], m, &record->local, &modify->settings))
		return -ELOOP;
	if (!slab_reserve(&t->slab, t->contexts[m->context].count))
		return -ENOSPC; /* before anything is changed */
	before = m->settings;
	if (mask & DP_SET_FLAGS)
		own_rtcp_turns(t, modify->termination.index, before.flags, modify->settings.flags);
	merge_settings(&m->settings, &modify->settings, mask);
	record_begin(&record->version);
	record_settings(record, &m->settings);
	record_end(&record->version);
	if ((mask & DP_SET_REMOTE) || before.source_rule != m->settings.source_rule ||
	    before.flags != m->settings.flags)
		open_latch(t, m,
			   before.flags != m->settings.flags ||
				   before.source_rule != m->settings.source_rule ||
				   m->settings.source_rule == DP_SOURCE_STRICT ||
				   !dp_address_same(&before.remote, &m->settings.remote) ||
				   !dp_address_same(&before.remote_rtcp, &m->settings.remote_rtcp));
	if (mask & (DP_SET_DIRECTION | DP_SET_TIMEOUT)) {
		m->armed_ms = t->now_ms;
		termination_set_silent(t, m, false);
	}
	return context_publish(t, &t->contexts[m->context]);
}

void termination_release(struct flow_table *t, struct termination *m)
{
	uint32_t index = (uint32_t)(m - t->terminations), context = m->context;
	struct dp_termination_record *record = &t->records[index];

	own_rtcp_turns(t, index, m->settings.flags, 0);
	port_pool_give(&t->pools[m->pool], m->port);
	t->pool_stats[m->pool].used--;
	t->realm_stats[record->realm].terminations--;
	t->shares[record->worker].flows--;
	record_begin(&record->version);
	record->generation = 0;
	record->label = 0;
	record_end(&record->version);
	leave(t, &t->contexts[context], m);
	set_member_count(t, context);
	m->context = NOWHERE;
	t->terminations_used--;
	flow_retire(t, m);
}

void termination_free(struct flow_table *t, uint32_t index)
{
	t->terminations[index].next_free = t->free_termination;
	t->free_termination = index;
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
	if (context_publish(t, context) != 0)
		flow_resolve_all(t); /* nobody is to send to it for longer than memory is out */
	return 0;
}

/* What is heard from nobody's address, or from that of a member, would be answered to many or to
 * ourselves: no command may say so either. */
static bool is_somebody(const struct flow_table *t, const struct context *c,
			const struct dp_address *source)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (names_pair(source, &t->records[c->member[i]].local))
			return false;
	return dp_address_is_unicast(source);
}

/* RTCP that was heard of another host than RTP is now has proved nothing. It goes to where signalling
 * said, or beside RTP, until it is heard again. */
static void aim_at_source(const struct flow_table *t, struct termination *m,
			  const struct dp_address *source)
{
	const struct dp_address *told = &t->records[m - t->terminations].remote_rtcp;

	m->aim = *source;
	if (m->settings.flags & DP_TERMINATION_RTCP_MUX)
		m->aim_rtcp = *source;
	else if (!dp_address_same_ip(&m->aim_rtcp, source))
		m->aim_rtcp = told->family == DP_FAMILY_NONE
				      ? rtcp_beside(source, m->settings.flags)
				      : *told;
}

/* What is sent to the termination goes where it was heard from. */
bool flow_latched(struct flow_table *t, const struct flow_notice *notice, uint32_t *owner,
		  struct dp_ev_latched *event)
{
	dp_handle_t handle = { notice->termination, notice->generation };
	struct termination *m;

	if (termination_find(t, handle, &m) != 0 || notice->latch_epoch != m->latch_epoch ||
	    !is_somebody(t, &t->contexts[m->context], &notice->source))
		return false;
	if (notice->rtcp)
		m->aim_rtcp = notice->source;
	else
		aim_at_source(t, m, &notice->source);
	/* Out of memory: the old aim stays until there is some. */
	if (context_publish(t, &t->contexts[m->context]) != 0)
		flow_resolve_all(t);
	*owner = context_owner(t, m->context);
	*event = (struct dp_ev_latched){
		.termination = handle,
		.context = t->records[handle.index].context,
		.label = t->records[handle.index].label,
		.source = notice->source,
	};
	return true;
}
