/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From wishes to commands, and from replies to what is there.
 *
 *   context      NONE ──CONTEXT_ADD──▶ ADDING ──▶ UP ──CONTEXT_REMOVE──▶ REMOVING ──▶ NONE, freed
 *   termination  NONE ──TERMINATION_ADD──▶ ADDING ──▶ UP ──TERMINATION_REMOVE──▶ REMOVING ──▶ NONE
 *                                            └──▶ FAILED: its user was told, nothing more is sent
 *
 * A context and its terminations are asked for at once: they follow its CONTEXT_ADD in the ring,
 * and name it as "the one just added" (DP_HANDLE_ADDED).
 *
 * Whatever is wished while a reply is awaited is looked at when it comes. So a context that is
 * let go while its ADD is under way is removed as soon as its handle is known.
 */
#include "controlplane/session/media_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "sip/base/log.h"

static bool is_removal(uint16_t type)
{
	return type == DP_COMMAND_CONTEXT_REMOVE || type == DP_COMMAND_TERMINATION_REMOVE;
}

static int send_command(struct media *m, struct dp_command *command, struct media_context *c,
			struct media_termination *t)
{
	uint32_t index = m->pending_free;
	struct media_pending *p;
	bool quiet;
	int error;

	if (!index)
		return -EAGAIN;
	p = &m->pending[index - 1];
	p->type = command->type;
	/* Nobody waits for these: their replies are looked for at the end of each turn. */
	quiet = m->check && !m->settling && command->type != DP_COMMAND_CONTEXT_ADD &&
		command->type != DP_COMMAND_TERMINATION_ADD;
	if (quiet)
		command->type |= DP_COMMAND_QUIET;
	command->cookie = (uint64_t)(p->generation + 1) << 32 | index;
	error = dp_channel_put(m->channel, command);
	if (error) {
		p->type = 0;
		return error;
	}
	/* The dataplane looks at its rings each few milliseconds anyway: time enough to clear away. */
	if (!quiet || !is_removal(p->type))
		m->unrung = true;
	m->pending_free = p->next_free;
	m->pending_count++;
	p->generation++;
	p->context = c;
	p->termination = t;
	if (c)
		c->in_flight++;
	if (t)
		t->in_flight++;
	m->statistics.commands++;
	return 0;
}

static struct media_pending take_pending(struct media *m, uint32_t index)
{
	struct media_pending *p = &m->pending[index - 1], taken = *p;

	p->type = 0;
	p->context = NULL;
	p->termination = NULL;
	p->next_free = m->pending_free;
	m->pending_free = index;
	m->pending_count--;
	if (taken.context)
		taken.context->in_flight--;
	if (taken.termination)
		taken.termination->in_flight--;
	return taken;
}

void media_forget_pending(struct media *m)
{
	for (uint32_t i = 1; i <= MEDIA_PENDING_MAX; i++) {
		if (m->pending[i - 1].type)
			take_pending(m, i);
	}
}

void media_unbind(struct media *m, struct media_termination *t)
{
	if (t->handle.index < m->by_index_size && m->by_index[t->handle.index] == t)
		m->by_index[t->handle.index] = NULL;
}

void media_bind(struct media *m, struct media_termination *t, dp_handle_t handle,
		const struct dp_address *local)
{
	t->handle = handle;
	t->local = *local;
	t->state = MEDIA_UP;
	if (handle.index >= m->by_index_size) {
		uint32_t size = (handle.index + 1024u) & ~1023u;
		struct media_termination **grown =
			realloc(m->by_index, size * sizeof(struct media_termination *));

		if (!grown) {
			LOG_ERROR("media", t->context->label,
				  "no memory for events of termination %u", handle.index);
			return;
		}
		for (uint32_t i = m->by_index_size; i < size; i++)
			grown[i] = NULL;
		m->by_index = grown;
		m->by_index_size = size;
	}
	m->by_index[handle.index] = t;
}

/* --- wishes to commands --- */

/* The same phone behind the same NAT: send where it was heard last, at once. */
static bool is_worth_sending_to(const struct media_termination *t)
{
	struct dp_address heard = t->latched;

	heard.port = t->settings.remote.port;
	return t->latched.family && (t->settings.source_rule == DP_SOURCE_LEARN ||
				     (t->settings.source_rule == DP_SOURCE_HOST &&
				      dp_address_equal(&heard, &t->settings.remote)));
}

static int send_termination_add(struct media_context *c, struct media_termination *t)
{
	struct dp_command command = { .type = DP_COMMAND_TERMINATION_ADD };
	struct dp_cmd_termination_add *add = &command.termination_add;
	int error;

	add->context = c->state == MEDIA_UP ? c->handle : DP_HANDLE_ADDED;
	add->local = t->local;
	add->side = t->side;
	add->realm = t->realm;
	add->settings = t->settings;
	if (is_worth_sending_to(t)) {
		add->settings.remote = t->latched;
		add->settings.remote_rtcp = (struct dp_address){ 0 };
	}
	error = send_command(c->media, &command, c, t);
	if (error)
		return error;
	t->state = MEDIA_ADDING;
	t->dirty = 0;
	if (t->ready)
		c->media->statistics.programmed_again++;
	return 0;
}

static int sync_termination(struct media_context *c, struct media_termination *t)
{
	struct dp_command command = { 0 };
	int error;

	if (t->state == MEDIA_NONE)
		return t->released ? 0 : send_termination_add(c, t);
	if (t->state != MEDIA_UP)
		return 0;
	if (t->released) {
		command.type = DP_COMMAND_TERMINATION_REMOVE;
		command.termination_remove.termination = t->handle;
		error = send_command(c->media, &command, c, t);
		if (!error)
			t->state = MEDIA_REMOVING;
		return error;
	}
	if (!t->dirty)
		return 0;
	command.type = DP_COMMAND_TERMINATION_MODIFY;
	command.termination_modify.termination = t->handle;
	command.termination_modify.mask = t->dirty;
	command.termination_modify.settings = t->settings;
	error = send_command(c->media, &command, c, t);
	if (!error)
		t->dirty = 0;
	return error;
}

static int sync_link(struct media_context *c, struct media_link *link)
{
	struct dp_command command = { .type = DP_COMMAND_TOPOLOGY };
	int error;

	if (!link->dirty || link->a->state != MEDIA_UP || link->b->state != MEDIA_UP)
		return 0;
	command.topology.context = c->handle;
	command.topology.a = link->a->handle;
	command.topology.b = link->b->handle;
	command.topology.topology = link->topology;
	error = send_command(c->media, &command, c, NULL);
	if (!error)
		link->dirty = false;
	return error;
}

/* Of a context that is asked for and not there yet. */
static int sync_new_terminations(struct media_context *c)
{
	int error = 0;

	for (struct media_termination *t = c->terminations; t && !error; t = t->next) {
		if (t->state == MEDIA_NONE && !t->released)
			error = send_termination_add(c, t);
	}
	return error;
}

/* 0: nothing more to send now; -EAGAIN: the ring is full */
static int sync_context(struct media_context *c)
{
	struct dp_command command = { 0 };
	int error = 0;

	if (c->state == MEDIA_NONE && !c->released) {
		command.type = DP_COMMAND_CONTEXT_ADD;
		command.context_add.label = c->label;
		error = send_command(c->media, &command, c, NULL);
		if (error)
			return error;
		c->state = MEDIA_ADDING;
		c->media->added = c;
	}
	if (c->state == MEDIA_ADDING && c->media->added == c && !c->released)
		return sync_new_terminations(c);
	if (c->state != MEDIA_UP)
		return 0;
	if (c->released) {
		command.type = DP_COMMAND_CONTEXT_REMOVE;
		command.context_remove.context = c->handle;
		error = send_command(c->media, &command, c, NULL);
		if (!error)
			c->state = MEDIA_REMOVING;
		return error;
	}
	if (c->claim) {
		command.type = DP_COMMAND_CONTEXT_CLAIM;
		command.context_claim.context = c->handle;
		error = send_command(c->media, &command, c, NULL);
		c->claim = error != 0;
	}
	for (struct media_termination *t = c->terminations; t && !error; t = t->next)
		error = sync_termination(c, t);
	for (struct media_link *l = c->links; l && !error; l = l->next)
		error = sync_link(c, l);
	return error;
}

static int sync_orphans(struct media *m)
{
	while (m->stray_count) {
		struct dp_command command = { .type = DP_COMMAND_TERMINATION_REMOVE };

		command.termination_remove.termination = m->strays[m->stray_count - 1];
		if (send_command(m, &command, NULL, NULL))
			return -EAGAIN;
		m->stray_count--;
	}
	while (m->orphan_count) {
		struct dp_command command = { .type = DP_COMMAND_CONTEXT_REMOVE };

		command.context_remove.context = m->orphans[m->orphan_count - 1];
		if (send_command(m, &command, NULL, NULL))
			return -EAGAIN;
		m->orphan_count--;
		m->statistics.removed++;
	}
	return 0;
}

/* A context that will not come: those who wait for its terminations are told, once. */
static void tell_context_failed(struct media_context *c)
{
	for (struct media_termination *t = c->terminations; t; t = t->next) {
		if (t->state == MEDIA_NONE && !t->released) {
			t->state = MEDIA_FAILED;
			media_tell_failed(t, c->failure);
		}
	}
}

void media_flush(struct media *m)
{
	if (m->flushing || !media_is_up(m))
		return;
	m->flushing = true;
	while (m->waiting_first) {
		struct media_context *c = m->waiting_first;

		if (m->channel && sync_context(c) == -EAGAIN)
			break;
		m->waiting_first = c->next_waiting;
		if (!m->waiting_first)
			m->waiting_last = &m->waiting_first;
		m->waiting_count--;
		c->waiting = false;
		if (c->state == MEDIA_FAILED && !c->released) {
			c->holds++;
			tell_context_failed(c);
			c->holds--;
		}
		media_collect(c);
	}
	if (!m->waiting_first && m->channel)
		sync_orphans(m);
	if (m->unrung && m->channel)
		dp_channel_ring(m->channel);
	m->unrung = false;
	m->flushing = false;
}

void media_want(struct media_context *c)
{
	struct media *m = c->media;

	if (!media_is_up(m)) {
		media_collect(c);
		return;
	}
	if (!c->waiting) {
		c->waiting = true;
		c->next_waiting = NULL;
		*m->waiting_last = c;
		m->waiting_last = &c->next_waiting;
		m->waiting_count++;
	}
	if (m->check)
		media_stay_awake(m);
	else
		media_flush(m);
}

/* --- replies and other events --- */

void media_tell_failed(struct media_termination *t, int status)
{
	const struct media_termination_user *user = t->user;

	if (!user)
		return;
	if (!t->ready && user->ready)
		user->ready(t->arg, status);
	else if (t->ready && user->lost)
		user->lost(t->arg, status);
}

static void on_context_added(struct media_context *c, const struct dp_ev_reply *reply)
{
	if (reply->status == 0) {
		c->handle = reply->handle;
		c->state = MEDIA_UP;
		return;
	}
	LOG_WARN("media", c->label, "the dataplane refuses a context: %s",
		 strerror(-reply->status));
	c->state = MEDIA_FAILED;
	c->failure = reply->status;
	if (!c->released)
		tell_context_failed(c);
}

static void on_termination_added(struct media_context *c, struct media_termination *t,
				 const struct dp_ev_reply *reply)
{
	char text[DP_ADDRESS_TEXT];

	if (reply->status) {
		/* Without its context it could not be. */
		int status = c->state == MEDIA_FAILED ? c->failure : reply->status;

		if (c->state != MEDIA_FAILED)
			LOG_WARN("media", c->label,
				 "the dataplane refuses a termination (local %s): %s",
				 dp_address_format(&t->local, text), strerror(-status));
		t->state = MEDIA_FAILED;
		if (!t->released && !c->released)
			media_tell_failed(t, status);
		return;
	}
	media_bind(c->media, t, reply->handle, &reply->local);
	if (t->ready)
		return;
	t->ready = true;
	if (t->user && t->user->ready)
		t->user->ready(t->arg, 0);
}

static void on_reply(struct media *m, uint64_t cookie, const struct dp_ev_reply *reply)
{
	uint32_t index = (uint32_t)cookie;
	struct media_pending p;
	struct media_context *c;

	if (index == 0 || index > MEDIA_PENDING_MAX || !m->pending[index - 1].type ||
	    m->pending[index - 1].generation != (uint32_t)(cookie >> 32)) {
		LOG_WARN("media", 0, "reply with an unknown cookie %" PRIx64, cookie);
		return;
	}
	p = take_pending(m, index);
	if (reply->status)
		m->statistics.failures++;
	c = p.context;
	if (!c)
		return;

	c->holds++;
	switch (p.type) {
	case DP_COMMAND_CONTEXT_ADD:
		on_context_added(c, reply);
		break;
	case DP_COMMAND_TERMINATION_ADD:
		on_termination_added(c, p.termination, reply);
		break;
	case DP_COMMAND_CONTEXT_REMOVE:
		c->state = MEDIA_NONE;
		for (struct media_termination *t = c->terminations; t; t = t->next) {
			media_unbind(m, t);
			t->state = MEDIA_NONE;
		}
		break;
	case DP_COMMAND_TERMINATION_REMOVE:
		media_unbind(m, p.termination);
		p.termination->state = MEDIA_NONE;
		break;
	default:
		if (reply->status && !c->released)
			LOG_WARN("media", c->label, "the dataplane refuses %s: %s",
				 dp_command_name(p.type), strerror(-reply->status));
	}
	c->holds--;
	media_want(c);
}

static struct media_termination *find(struct media *m, dp_handle_t handle)
{
	struct media_termination *t =
		handle.index < m->by_index_size ? m->by_index[handle.index] : NULL;

	return t && dp_handle_equal(t->handle, handle) && t->state == MEDIA_UP ? t : NULL;
}

static void on_quality(struct media_termination *t, const struct dp_ev_quality *q)
{
	uint8_t bit = q->metric < DP_QUALITY_METRICS ? (uint8_t)(1u << q->metric) : 0;

	t->alarms = q->raised ? t->alarms | bit : t->alarms & (uint8_t)~bit;
	if (t->user->quality)
		t->user->quality(t->arg, q);
}

/* In each event of a termination its handle comes first. */
#define LEADS(body) static_assert(offsetof(struct body, termination) == 0, "first")
LEADS(dp_ev_latched);
LEADS(dp_ev_media_timeout);
LEADS(dp_ev_media_resumed);
LEADS(dp_ev_foreign);
LEADS(dp_ev_loop);
LEADS(dp_ev_quality);

static void on_termination_event(struct media *m, const struct dp_event *event)
{
	struct media_termination *t = find(m, event->latched.termination);
	const struct media_termination_user *user;

	if (!t)
		return;
	if (event->type == DP_EVENT_LATCHED)
		t->latched = event->latched.source;
	user = t->user;
	if (!user)
		return;
	if (event->type == DP_EVENT_LATCHED && user->latched)
		user->latched(t->arg, &t->latched);
	else if (event->type == DP_EVENT_MEDIA_TIMEOUT && user->timeout)
		user->timeout(t->arg, event->media_timeout.silent_ms);
	else if (event->type == DP_EVENT_MEDIA_RESUMED && user->resumed)
		user->resumed(t->arg);
	else if (event->type == DP_EVENT_FOREIGN && user->foreign)
		user->foreign(t->arg, &event->foreign.source, event->foreign.packets);
	else if (event->type == DP_EVENT_LOOP && user->loop)
		user->loop(t->arg, event->loop.ssrc);
	else if (event->type == DP_EVENT_QUALITY)
		on_quality(t, &event->quality);
}

/* All channels are told; one of them tells the bus. */
static void on_worker(struct media *m, const struct dp_ev_worker *w)
{
	const char *state = w->state == DP_WORKER_HUNG ? "hung" : "running";
	char worker[16], flows[16];

	if (m->shard->index != 0)
		return;
	snprintf(worker, sizeof(worker), "%" PRIu32, w->worker);
	snprintf(flows, sizeof(flows), "%" PRIu32, w->flows);
	if (w->state == DP_WORKER_HUNG)
		LOG_ERROR("dataplane", 0, "worker %s does not answer: %s flows go to others",
			  worker, flows);
	else
		LOG_INFO("dataplane", 0, "worker %s answers again", worker);
	event_publish(m->shard->events, EVENT_DATAPLANE_WORKER, 0, 0, worker, state, flows);
}

static void on_event(struct media *m, const struct dp_event *event)
{
	switch (event->type) {
	case DP_EVENT_REPLY:
		on_reply(m, event->cookie, &event->reply);
		break;
	case DP_EVENT_WORKER:
		on_worker(m, &event->worker);
		break;
	case DP_EVENT_LATCHED:
	case DP_EVENT_MEDIA_TIMEOUT:
	case DP_EVENT_MEDIA_RESUMED:
	case DP_EVENT_FOREIGN:
	case DP_EVENT_LOOP:
	case DP_EVENT_QUALITY:
		on_termination_event(m, event);
		break;
	default:
		LOG_WARN("media", 0, "event of unknown type %u from the dataplane", event->type);
	}
}

void media_take(struct media *m)
{
	struct dp_event events[64];
	unsigned n;

	while (m->channel && (n = dp_channel_take(m->channel, events, 64)) > 0) {
		for (unsigned i = 0; i < n; i++)
			on_event(m, &events[i]);
	}
	media_flush(m);
	media_settle(m);
}

void media_receive(struct media *m)
{
	struct dp_event events[64];
	unsigned n;

	while (m->channel && (n = dp_channel_receive(m->channel, events, 64)) > 0) {
		for (unsigned i = 0; i < n; i++)
			on_event(m, &events[i]);
		media_flush(m);
	}
	media_settle(m);
}
