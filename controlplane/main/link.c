/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/main/mailbox.h"
#include "controlplane/session/media.h"
#include "sip/base/log.h"

#define RETRY_MS          100u
#define ATTACH_TIMEOUT_MS 1000
#define SAY_AGAIN_MS      10000u /* the same reason */

/* Made anew for each attempt; written by a thread of the pool. */
struct attempt {
	uv_work_t work;
	struct link *link;
	char path[256];
	unsigned channels;
	struct dp_client *client;
	int error;
	char why[256];
};

struct link {
	uv_timer_t retry;
	uv_poll_t poll; /* of the client's socket; initialised while Up */
	bool polling;
	struct runtime_shared *shared;
	char path[256];
	enum link_state state;
	bool closing;
	bool tried; /* at least once, to its end */
	struct dp_client *client;
	unsigned holding; /* shards that still use the client */
	char why[256];
	uint64_t said_ms;
};

const char *link_state_name(enum link_state state)
{
	static const char *const names[] = {
		[LINK_DOWN] = "down",
		[LINK_ATTACHING] = "down",
		[LINK_UP] = "up",
		[LINK_DETACHING] = "down",
	};

	return names[state];
}

enum link_state link_get_state(const struct link *link)
{
	return link->state;
}

bool link_was_tried(const struct link *link)
{
	return link->tried;
}

const char *link_why(const struct link *link)
{
	return link->why;
}

static void attach(uv_timer_t *timer);

static void try_later(struct link *link)
{
	link->state = LINK_DOWN;
	if (!link->closing)
		uv_timer_start(&link->retry, attach, RETRY_MS, 0);
}

static void publish(struct link *link, enum event_type type)
{
	char boot_id[20];

	snprintf(boot_id, sizeof(boot_id), "%016" PRIx64, dp_client_boot_id(link->client));
	event_publish(link->shared->events, type, 0, 0, boot_id);
}

/* --- detaching --- */

static void let_go(void *owner, void *arg)
{
	struct link *link = arg;

	(void)owner;
	if (--link->holding > 0)
		return;
	dp_client_close(link->client);
	link->client = NULL;
	try_later(link);
}

static void detach_shard(struct shard *shard, void *arg)
{
	struct link *link = arg;

	if (shard->media)
		media_detached(shard->media);
	mailbox_post(link->shared->main, let_go, link);
}

static void detach(struct link *link)
{
	link->state = LINK_DETACHING;
	link->holding = link->shared->count;
	for (unsigned i = 0; i < link->shared->count; i++)
		shard_post(&link->shared->shards[i]->shard, detach_shard, link);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct link *link = handle->data;

	link->polling = false;
	detach(link);
}

static void stop_polling(struct link *link)
{
	if (!uv_is_closing((uv_handle_t *)&link->poll))
		uv_close((uv_handle_t *)&link->poll, on_poll_closed);
}

static void on_end_of_file(uv_poll_t *poll, int status, int events)
{
	struct link *link = poll->data;

	(void)status;
	(void)events;
	snprintf(link->why, sizeof(link->why), "the dataplane is gone");
	link->said_ms = runtime_now_ms();
	LOG_ERROR("dataplane", 0,
		  "the dataplane is gone: new calls get 503, live ones wait for its return");
	publish(link, EVENT_DATAPLANE_DOWN);
	stop_polling(link);
}

/* --- attaching --- */

static void attach_shard(struct shard *shard, void *arg)
{
	struct link *link = arg;

	if (shard->media)
		media_attached(shard->media, link->client,
			       dp_client_channel(link->client, shard->index),
			       dp_client_boot_id(link->client));
}

static void in_pool(uv_work_t *work)
{
	struct attempt *attempt = work->data;

	attempt->error =
		dp_client_open(attempt->path, "controlplane", attempt->channels, ATTACH_TIMEOUT_MS,
			       &attempt->client, attempt->why, sizeof(attempt->why));
}

static void refused(struct link *link, const char *why)
{
	uint64_t now = runtime_now_ms();

	if (strcmp(why, link->why) != 0 || now - link->said_ms >= SAY_AGAIN_MS) {
		LOG_WARN("dataplane", 0, "waiting for the dataplane: %s", why);
		link->said_ms = now;
	}
	snprintf(link->why, sizeof(link->why), "%s", why);
	try_later(link);
}

static void up(struct link *link)
{
	int error = uv_poll_init(link->retry.loop, &link->poll, dp_client_fd(link->client));

	if (error) {
		dp_client_close(link->client);
		link->client = NULL;
		refused(link, uv_strerror(error));
		return;
	}
	link->poll.data = link;
	link->polling = true;
	link->state = LINK_UP;
	link->why[0] = '\0';
	/* UV_DISCONNECT alone is not reported for every kind of socket; end of file is readable. */
	uv_poll_start(&link->poll, UV_READABLE | UV_DISCONNECT, on_end_of_file);
	LOG_INFO("dataplane", 0, "attached to the dataplane, version %.32s, boot %016" PRIx64,
		 dp_client_stats(link->client)->version, dp_client_boot_id(link->client));
	publish(link, EVENT_DATAPLANE_UP);
	media_expect(link->shared->count);
	for (unsigned i = 0; i < link->shared->count; i++)
		shard_post(&link->shared->shards[i]->shard, attach_shard, link);
}

static void after_pool(uv_work_t *work, int status)
{
	struct attempt *attempt = work->data;
	struct link *link = attempt->link;

	link->tried = true;
	if (status)
		attempt->error = status;
	if (!attempt->error && link->closing) {
		dp_client_close(attempt->client);
		link->state = LINK_DOWN;
	} else if (!attempt->error) {
		link->client = attempt->client;
		up(link);
	} else {
		refused(link, attempt->why[0] ? attempt->why : strerror(-attempt->error));
	}
	free(attempt);
}

static void attach(uv_timer_t *timer)
{
	struct link *link = timer->data;
	struct attempt *attempt = calloc(1, sizeof(*attempt));

	if (!attempt) {
		try_later(link);
		return;
	}
	attempt->work.data = attempt;
	attempt->link = link;
	attempt->channels = link->shared->count;
	snprintf(attempt->path, sizeof(attempt->path), "%s", link->path);
	if (uv_queue_work(timer->loop, &attempt->work, in_pool, after_pool) != 0) {
		free(attempt);
		try_later(link);
		return;
	}
	link->state = LINK_ATTACHING;
}

/* --- life --- */

int link_create(uv_loop_t *loop, const char *run_dir, struct runtime_shared *shared,
		struct link **out)
{
	struct link *link = calloc(1, sizeof(*link));
	int n;

	if (!link)
		return -ENOMEM;
	n = snprintf(link->path, sizeof(link->path), "%s/" DP_SOCKET_NAME, run_dir);
	if (n < 0 || (size_t)n >= sizeof(link->path)) {
		free(link);
		return -ENAMETOOLONG;
	}
	link->shared = shared;
	uv_timer_init(loop, &link->retry);
	link->retry.data = link;
	snprintf(link->why, sizeof(link->why), "not attached yet");
	attach(&link->retry);
	*out = link;
	return 0;
}

void link_close(struct link *link)
{
	link->closing = true;
	uv_timer_stop(&link->retry);
	if (link->state == LINK_UP && link->polling)
		stop_polling(link);
}

bool link_is_closed(const struct link *link)
{
	return link->closing && link->state == LINK_DOWN && !link->client;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void link_destroy(struct link *link)
{
	if (link)
		uv_close((uv_handle_t *)&link->retry, on_closed);
}
