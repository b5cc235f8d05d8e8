/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching, and what is there when we do.
 *
 * The directory of the dataplane (counters.h) is compared with what the calls here wish. A
 * context is matched by its label, a termination by its local address, which no other has. What
 * matches is taken over and brought in line; what is missing is made again; what carries a label
 * of this shard and nobody here knows is removed. After a restart of the dataplane nothing
 * matches, after one of ours everything does: it is the same comparison.
 */
#include "controlplane/session/media_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sip/base/log.h"

#define OWNER_NOBODY   UINT32_MAX
#define SWEEP_AFTER_MS 5000
#define LOOK_AFTER_MS  50

static int push(dp_handle_t **list, uint32_t *count, uint32_t *size, dp_handle_t handle)
{
	if (*count == *size) {
		uint32_t wanted = *size ? *size * 2 : 64;
		dp_handle_t *grown = realloc(*list, wanted * sizeof(**list));

		if (!grown)
			return -ENOMEM;
		*list = grown;
		*size = wanted;
	}
	(*list)[(*count)++] = handle;
	return 0;
}

/* Contexts by label, only while the directory is read. */
struct labels {
	struct media_context **buckets;
	uint32_t mask;
};

static int labels_build(struct media *m, struct labels *labels)
{
	uint32_t size = 16;

	while (size < m->context_count * 2)
		size *= 2;
	labels->mask = size - 1;
	labels->buckets = calloc(size, sizeof(struct media_context *));
	if (!labels->buckets)
		return -ENOMEM;
	for (struct media_context *c = m->contexts; c; c = c->next) {
		struct media_context **bucket = &labels->buckets[c->label & labels->mask];

		c->next_label = *bucket;
		*bucket = c;
	}
	return 0;
}

static struct media_context *labels_find(const struct labels *labels, uint64_t label)
{
	struct media_context *c = labels->buckets[label & labels->mask];

	while (c && (c->label != label || c->released))
		c = c->next_label;
	return c;
}

static bool is_ours(const struct media *m, uint64_t label)
{
	return shard_of_call(label, m->shard->count) == m->shard->index;
}

static void adopt_contexts(struct media *m, const struct labels *labels)
{
	struct dp_context_record record;

	for (uint32_t i = 0; i < m->stats->contexts_max; i++) {
		struct media_context *c;
		dp_handle_t handle;

		if (!dp_stats_context(m->stats, i, &record) || !is_ours(m, record.label))
			continue;
		handle = (dp_handle_t){ i, record.generation };
		c = labels_find(labels, record.label);
		if (c && c->state == MEDIA_NONE) {
			c->handle = handle;
			c->state = MEDIA_UP;
			c->claim = true;
			m->statistics.adopted++;
		} else if (record.owner == OWNER_NOBODY &&
			   (!c || !dp_handle_equal(c->handle, handle))) {
			push(&m->orphans, &m->orphan_count, &m->orphan_size, handle);
		}
	}
}

/* What the dataplane has and what is wished differ in these: DP_SET_*. */
static uint32_t differences(const struct media_termination *t,
			    const struct dp_termination_record *r)
{
	struct dp_termination_settings has = {
		.remote = r->remote,
		.remote_rtcp = t->settings.remote_rtcp, /* the record has what was derived */
		.direction = r->direction,
		.source_rule = r->source_rule,
		.payload_type = r->payload_type,
		.telephone_event = r->telephone_event,
		.clock_rate = r->clock_rate,
		.media_timeout_ms = r->media_timeout_ms,
		.flags = r->flags,
		.packet_rate_max = r->packet_rate_max,
		.codec = r->codec,
	};

	/* It was programmed again with where the phone had been heard. */
	if (t->latched.family && dp_address_equal(&t->latched, &r->remote))
		has.remote = t->settings.remote;
	return media_differences(&t->settings, &has);
}

static void adopt_terminations(struct media *m, const struct labels *labels)
{
	struct dp_termination_record record;

	for (uint32_t i = 0; i < m->stats->terminations_max; i++) {
		const struct dp_termination_counters *counters;
		struct media_context *c;
		struct media_termination *t;
		dp_handle_t handle;

		if (!dp_stats_termination(m->stats, i, &record) || !is_ours(m, record.label))
			continue;
		c = labels_find(labels, record.label);
		if (!c || c->state != MEDIA_UP || !dp_handle_equal(c->handle, record.context))
			continue; /* goes with its context */
		handle = (dp_handle_t){ i, record.generation };
		for (t = c->terminations; t; t = t->next) {
			if (dp_address_equal(&t->local, &record.local))
				break;
		}
		if (!t || t->state != MEDIA_NONE) {
			push(&m->strays, &m->stray_count, &m->stray_size, handle);
			continue;
		}
		media_bind(m, t, handle, &record.local);
		counters = dp_stats_counters(m->stats, i);
		if (counters && counters->source.family)
			t->latched = counters->source;
		t->dirty = differences(t, &record);
		t->alarms = record.alarms;
	}
}

/* A client of ours that has just died may still have been the owner at the first look. */
static void on_sweep(struct timer *timer)
{
	struct media *m = (struct media *)((char *)timer - offsetof(struct media, sweep));
	struct labels labels;

	if (!m->channel || labels_build(m, &labels))
		return;
	for (uint32_t i = 0; i < m->stats->contexts_max; i++) {
		struct dp_context_record record;

		if (dp_stats_context(m->stats, i, &record) && is_ours(m, record.label) &&
		    record.owner == OWNER_NOBODY && !labels_find(&labels, record.label))
			push(&m->orphans, &m->orphan_count, &m->orphan_size,
			     (dp_handle_t){ i, record.generation });
	}
	free(labels.buckets);
	media_flush(m);
}

void media_resync(struct media *m)
{
	struct labels labels;
	uint64_t adopted = m->statistics.adopted;

	m->orphan_count = m->stray_count = 0;
	if (labels_build(m, &labels)) {
		LOG_ERROR("media", 0, "no memory to compare with the dataplane");
		return;
	}
	adopt_contexts(m, &labels);
	adopt_terminations(m, &labels);
	free(labels.buckets);
	LOG_INFO("media", 0,
		 "dataplane %016" PRIx64 ": %" PRIu64 " of %u contexts taken over, "
		 "%u removed",
		 m->boot_id, m->statistics.adopted - adopted, m->context_count, m->orphan_count);
	for (struct media_context *c = m->contexts, *next; c; c = next) {
		next = c->next;
		media_want(c);
	}
	media_flush(m);
	timer_set(m->shard->wheel, &m->sweep, SWEEP_AFTER_MS, on_sweep);
}

void media_adopt(struct media *m)
{
	if (m->adopting)
		return;
	m->adopting = true;
	if (m->channel)
		media_resync(m);
	media_settle(m);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	media_receive(poll->data);
}

/* The turn that it is called in looks at its end. */
static void on_look(struct timer *timer)
{
	(void)timer;
}

static void on_turn_ends(uv_check_t *check)
{
	struct media *m = check->data;

	if (m->waiting_first)
		media_flush(m);
	if (m->pending_count > 0)
		media_take(m);
	if (m->pending_count > 0 && !timer_is_set(&m->look))
		timer_set(m->shard->wheel, &m->look, LOOK_AFTER_MS, on_look);
	/* What the ring had no room for goes when a reply has made some. */
	uv_idle_stop(m->awake);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

void media_stay_awake(struct media *m)
{
	uv_idle_start(m->awake, on_idle);
}

static void on_handle_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_handle(uv_handle_t *handle)
{
	if (handle)
		uv_close(handle, on_handle_closed);
}

static int start_check(struct media *m)
{
	uv_idle_t *awake = calloc(1, sizeof(*awake));
	uv_check_t *check = calloc(1, sizeof(*check));

	if (!awake || !check) {
		free(awake);
		free(check);
		return -ENOMEM;
	}
	m->awake = awake;
	m->check = check;
	uv_idle_init(m->shard->loop, m->awake);
	uv_check_init(m->shard->loop, m->check);
	m->check->data = m;
	return uv_check_start(m->check, on_turn_ends);
}

static int start_poll(struct media *m)
{
	int error;

	if (!m->shard->loop)
		return 0; /* tests receive by hand */
	m->poll = calloc(1, sizeof(*m->poll));
	if (!m->poll)
		return -ENOMEM;
	error = uv_poll_init(m->shard->loop, m->poll, dp_channel_fd(m->channel));
	if (error) {
		free(m->poll);
		m->poll = NULL;
		return error;
	}
	m->poll->data = m;
	error = uv_poll_start(m->poll, UV_READABLE, on_readable);
	return error ? error : start_check(m);
}

void media_attached(struct media *m, struct dp_client *client, struct dp_client_channel *channel,
		    uint64_t boot_id)
{
	int error;

	media_detached(m);
	m->channel = channel;
	m->stats = dp_client_stats(client);
	m->boot_id = boot_id;
	error = start_poll(m);
	if (error)
		LOG_ERROR("media", 0, "events of the dataplane cannot be awaited: %s",
			  strerror(-error));
	if (m->adopting)
		media_resync(m);
	m->settling = true;
	media_watch_counters(m);
	media_receive(m); /* arms the doorbell */
}

static void forget_handles(struct media *m)
{
	for (struct media_context *c = m->contexts; c; c = c->next) {
		for (struct media_termination *t = c->terminations; t; t = t->next) {
			if (t->state == MEDIA_UP) {
				const struct dp_termination_counters *counters =
					dp_stats_counters(m->stats, t->handle.index);

				media_keep_counters(t);
				if (counters && counters->source.family)
					t->latched = counters->source;
			}
			if (t->state != MEDIA_FAILED)
				t->state = MEDIA_NONE;
			t->handle = DP_HANDLE_NONE;
			t->dirty = 0;
			t->alarms = 0;
		}
		for (struct media_link *l = c->links; l; l = l->next)
			l->dirty = true;
		if (c->state != MEDIA_FAILED)
			c->state = MEDIA_NONE;
		c->handle = DP_HANDLE_NONE;
		c->claim = false;
		c->waiting = false;
	}
	for (uint32_t i = 0; i < m->by_index_size; i++)
		m->by_index[i] = NULL;
	m->waiting_first = NULL;
	m->waiting_last = &m->waiting_first;
	m->waiting_count = 0;
}

void media_detached(struct media *m)
{
	if (!m->channel)
		return;
	media_flush(m);
	close_handle((uv_handle_t *)m->poll);
	close_handle((uv_handle_t *)m->check);
	close_handle((uv_handle_t *)m->awake);
	m->poll = NULL;
	m->awake = NULL;
	m->check = NULL;
	media_receive(m);
	timer_cancel(m->shard->wheel, &m->sweep);
	timer_cancel(m->shard->wheel, &m->look);
	media_forget_pending(m);
	forget_handles(m);
	m->orphan_count = m->stray_count = 0;
	m->added = NULL;
	m->channel = NULL;
	m->stats = NULL;

	/* Who still waited for a first address is told that none will come. */
	for (struct media_context *c = m->contexts, *next; c; c = next) {
		c->holds++;
		for (struct media_termination *t = c->terminations; t; t = t->next) {
			if (t->ready || t->released || t->state != MEDIA_NONE || c->released)
				continue;
			t->state = MEDIA_FAILED;
			media_tell_failed(t, -ENOTCONN);
		}
		c->holds--;
		next = c->next;
		media_collect(c);
	}
}
