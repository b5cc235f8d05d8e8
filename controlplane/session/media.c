/* SPDX-License-Identifier: BSD-3-Clause */
/* Wishes: contexts and terminations as the calls of this shard want them. */
#include "controlplane/session/media_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sip/base/log.h"

int media_create(struct shard *shard, struct media **out)
{
	struct media *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->pending = calloc(MEDIA_PENDING_MAX, sizeof(*m->pending));
	if (!m->pending) {
		free(m);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < MEDIA_PENDING_MAX; i++)
		m->pending[i].next_free = i + 1 < MEDIA_PENDING_MAX ? i + 2 : 0;
	m->pending_free = 1;
	m->waiting_last = &m->waiting_first;
	m->shard = shard;
	*out = m;
	return 0;
}

static void free_termination(struct media_context *c, struct media_termination **at)
{
	struct media_termination *t = *at;

	for (struct media_link **l = &c->links; *l;) {
		struct media_link *link = *l;

		if (link->a != t && link->b != t) {
			l = &link->next;
			continue;
		}
		*l = link->next;
		free(link);
	}
	media_unbind(c->media, t);
	*at = t->next;
	c->media->termination_count--;
	free(t);
}

static void free_context(struct media_context *c)
{
	struct media *m = c->media;

	while (c->terminations)
		free_termination(c, &c->terminations);
	if (c->waiting) {
		for (struct media_context **w = &m->waiting_first; *w; w = &(*w)->next_waiting) {
			if (*w != c)
				continue;
			*w = c->next_waiting;
			if (!*w)
				m->waiting_last = w;
			m->waiting_count--;
			break;
		}
	}
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	m->context_count--;
	free(c);
}

void media_destroy(struct media *m)
{
	if (!m)
		return;
	media_detached(m);
	timer_cancel(m->shard->wheel, &m->sweep);
	timer_cancel(m->shard->wheel, &m->widen);
	while (m->contexts)
		free_context(m->contexts);
	free(m->by_index);
	free(m->orphans);
	free(m->strays);
	free(m->pending);
	free(m);
}

/* How many shards of the process are still putting their calls back. */
static _Atomic unsigned settling;

void media_expect(unsigned shards)
{
	atomic_store(&settling, shards);
}

void media_settle(struct media *m)
{
	if (!m->settling || !m->adopting || m->waiting_first || m->pending_count > 0)
		return;
	m->settling = false;
	if (atomic_load(&settling) > 0)
		atomic_fetch_sub(&settling, 1);
}

bool media_is_up(const struct media *m)
{
	/* Before it is known what is on record, nothing is added to what may be there. */
	return m->channel && m->adopting;
}

bool media_collect(struct media_context *c)
{
	if (c->holds)
		return false;
	if (c->released && c->in_flight == 0 && !c->waiting &&
	    (c->state == MEDIA_NONE || c->state == MEDIA_FAILED)) {
		free_context(c);
		return true;
	}
	for (struct media_termination **at = &c->terminations; *at;) {
		struct media_termination *t = *at;

		if (t->released && t->in_flight == 0 &&
		    (t->state == MEDIA_NONE || t->state == MEDIA_FAILED))
			free_termination(c, at);
		else
			at = &t->next;
	}
	return false;
}

static int context_new(struct media *m, uint64_t label, struct media_context **out)
{
	struct media_context *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->media = m;
	c->label = label;
	c->next = m->contexts;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &m->contexts;
	m->contexts = c;
	m->context_count++;
	*out = c;
	return 0;
}

int media_context_create(struct media *m, uint64_t label, struct media_context **out)
{
	int error;

	if (!media_is_up(m) || atomic_load(&settling) > 0)
		return -ENOTCONN;
	if (m->waiting_count >= MEDIA_WAITING_MAX)
		return -EAGAIN;
	error = context_new(m, label, out);
	if (!error)
		media_want(*out);
	return error;
}

int media_context_restore(struct media *m, uint64_t label, struct media_context **out)
{
	return context_new(m, label, out);
}

void media_context_destroy(struct media_context *c)
{
	c->released = true;
	for (struct media_termination *t = c->terminations; t; t = t->next)
		t->user = NULL;
	media_want(c);
}

dp_handle_t media_context_handle(const struct media_context *c)
{
	return c->state == MEDIA_UP ? c->handle : DP_HANDLE_NONE;
}

int media_termination_create(struct media_context *c, const struct media_termination_config *config,
			     const struct media_termination_user *user, void *arg,
			     struct media_termination **out)
{
	struct media_termination *t = calloc(1, sizeof(*t)), **last = &c->terminations;

	if (!t)
		return -ENOMEM;
	t->context = c;
	t->side = config->side;
	t->realm = config->realm;
	t->local = config->local;
	t->latched = config->latched;
	t->settings = config->settings;
	t->ready = config->local.port != 0;
	t->user = user;
	t->arg = arg;
	while (*last)
		last = &(*last)->next;
	*last = t;
	c->media->termination_count++;
	*out = t;
	media_want(c);
	return 0;
}

void media_termination_set_user(struct media_termination *t,
				const struct media_termination_user *user, void *arg)
{
	t->user = user;
	t->arg = arg;
}

uint32_t media_differences(const struct dp_termination_settings *a,
			   const struct dp_termination_settings *b)
{
	uint32_t mask = 0;

	if (!dp_address_equal(&a->remote, &b->remote) ||
	    !dp_address_equal(&a->remote_rtcp, &b->remote_rtcp))
		mask |= DP_SET_REMOTE;
	if (a->direction != b->direction)
		mask |= DP_SET_DIRECTION;
	if (a->source_rule != b->source_rule)
		mask |= DP_SET_SOURCE_RULE;
	if (a->payload_type != b->payload_type || a->telephone_event != b->telephone_event ||
	    a->clock_rate != b->clock_rate || a->codec != b->codec)
		mask |= DP_SET_FORMAT;
	if (a->media_timeout_ms != b->media_timeout_ms)
		mask |= DP_SET_TIMEOUT;
	if (a->flags != b->flags)
		mask |= DP_SET_FLAGS;
	if (a->packet_rate_max != b->packet_rate_max)
		mask |= DP_SET_RATE;
	return mask;
}

void media_termination_modify(struct media_termination *t, const struct dp_termination_settings *s)
{
	uint32_t mask = media_differences(s, &t->settings);

	if (!mask)
		return;
	if (mask & DP_SET_REMOTE)
		t->latched = (struct dp_address){ 0 };
	t->settings = *s;
	t->dirty |= mask;
	media_want(t->context);
}

void media_termination_relearn(struct media_termination *t)
{
	t->dirty |= DP_SET_REMOTE;
	media_want(t->context);
}

void media_termination_destroy(struct media_termination *t)
{
	t->released = true;
	t->user = NULL;
	media_want(t->context);
}

int media_topology(struct media_termination *a, struct media_termination *b, uint8_t topology)
{
	struct media_context *c = a->context;
	struct media_link *link;

	for (link = c->links; link; link = link->next) {
		if ((link->a == a && link->b == b) || (link->a == b && link->b == a))
			break;
	}
	if (!link) {
		link = calloc(1, sizeof(*link));
		if (!link)
			return -ENOMEM;
		link->next = c->links;
		c->links = link;
	}
	link->a = a;
	link->b = b;
	link->topology = topology;
	link->dirty = true;
	media_want(c);
	return 0;
}

bool media_termination_is_ready(const struct media_termination *t)
{
	return t->ready;
}

dp_handle_t media_termination_handle(const struct media_termination *t)
{
	return t->state == MEDIA_UP ? t->handle : DP_HANDLE_NONE;
}

const struct dp_address *media_termination_local(const struct media_termination *t)
{
	return &t->local;
}

const struct dp_address *media_termination_latched(const struct media_termination *t)
{
	return &t->latched;
}

uint8_t media_termination_alarms(const struct media_termination *t)
{
	return t->alarms;
}

const struct dp_termination_settings *media_termination_settings(const struct media_termination *t)
{
	return &t->settings;
}

void media_stats(const struct media *m, struct media_stats *stats)
{
	*stats = m->statistics;
	stats->contexts = m->context_count;
	stats->terminations = m->termination_count;
	stats->in_flight = m->pending_count;
	stats->waiting = m->waiting_count;
}
