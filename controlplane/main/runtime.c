/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "controlplane/engine/engine.h"
#include "controlplane/main/dispatch.h"
#include "controlplane/main/guard.h"
#include "controlplane/main/keepalives.h"
#include "controlplane/main/mailbox.h"
#include "controlplane/main/names.h"
#include "controlplane/main/messages.h"
#include "controlplane/main/peers.h"
#include "controlplane/session/media.h"
#include "sip/base/log.h"
#include "sip/transport/tls.h"

#define LISTEN_RETRY_MS 200u
#define DATAGRAM_MAX    1300u /* bytes of a request: RFC 3261 §18.1.1 */
#define LISTEN_SAY_MS   5000u

uint64_t runtime_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum runtime_state runtime_get_state(const struct runtime *runtime)
{
	return atomic_load_explicit(&runtime->state, memory_order_acquire);
}

static void tell_main(void *owner, void *arg)
{
	struct runtime *runtime = arg;

	runtime->shared->changed(owner);
}

static void set_state(struct runtime *runtime, enum runtime_state state)
{
	atomic_store_explicit(&runtime->state, state, memory_order_release);
	mailbox_post(runtime->shared->main, tell_main, runtime);
}

static const char *local_host(void *arg, const struct sip_path *path)
{
	struct runtime *runtime = arg;

	if (!runtime->shard.transport)
		return "invalid.invalid";
	return sip_transport_host(runtime->shard.transport, path->listener);
}

static bool on_admit(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	struct runtime *runtime = arg;

	return engine_admit(runtime->shard.engine, request, from);
}

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	struct runtime *runtime = arg;

	engine_on_invite(runtime->shard.engine, invite, request, from);
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	struct runtime *runtime = arg;

	engine_on_request(runtime->shard.engine, server, request, from);
}

static bool on_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	struct runtime *runtime = arg;

	return engine_on_inside(runtime->shard.engine, dialog, server, request, from);
}

/* --- the thread --- */

static bool listens_later(int error)
{
	return error == -EADDRNOTAVAIL || error == -ENETUNREACH || error == -ENODEV;
}

static void open_listeners(struct runtime *runtime)
{
	char why[RUNTIME_WHY] = "";
	int error = messages_open(runtime, why, sizeof(why));

	if (!error) {
		runtime->retry_ms = 0;
		set_state(runtime, RUNTIME_LISTENING);
		return;
	}
	runtime->shard.transport = NULL;
	if (listens_later(error)) {
		runtime->retry_ms = runtime_now_ms() + LISTEN_RETRY_MS;
		if (runtime_get_state(runtime) != RUNTIME_WAITING) {
			memcpy(runtime->waits_for, why, sizeof(why));
			set_state(runtime, RUNTIME_WAITING);
		}
		return;
	}
	memcpy(runtime->failure, why, sizeof(why));
	runtime->retry_ms = 0;
	set_state(runtime, RUNTIME_FAILED);
}

static int sleep_ms(struct runtime *runtime)
{
	uint64_t now = runtime_now_ms();
	uint64_t wheel = timer_wheel_next(runtime->shard.wheel);
	int loop = uv_backend_timeout(&runtime->loop);
	uint64_t ms = loop < 0 ? UINT64_MAX : (uint64_t)loop;

	if (wheel < ms)
		ms = wheel;
	if (runtime->retry_ms && runtime->retry_ms <= now)
		return 0;
	if (runtime->retry_ms && runtime->retry_ms - now < ms)
		ms = runtime->retry_ms - now;
	return ms > 60000 ? 60000 : (int)ms;
}

/*
 * The loop, taken apart: sleep until something is ready, move the clock, run what is ready. With
 * the clock moved by a timer of the loop, a callback of a socket would set its timers from the
 * time at which the thread fell asleep.
 */
static void turn(struct runtime *runtime)
{
	struct epoll_event ready;
	int ms = sleep_ms(runtime);
	uint64_t woke_us, now_us;

	/* It stays ready, so that the loop finds it. A poll(2) would wait for one that waits. */
	if (ms > 0)
		epoll_wait(uv_backend_fd(&runtime->loop), &ready, 1, ms);
	woke_us = guard_now_us();
	sip_gate_turn(runtime->shard.gate, 0, woke_us);
	timer_wheel_advance(runtime->shard.wheel, runtime_now_ms());
	uv_run(&runtime->loop, UV_RUN_NOWAIT);
	if (runtime->shard.transport)
		sip_transport_flush(runtime->shard.transport);
	if (runtime->retry_ms && runtime_now_ms() >= runtime->retry_ms)
		open_listeners(runtime);
	now_us = guard_now_us();
	sip_gate_turn(runtime->shard.gate, now_us - woke_us, now_us);
}

static void drop_calls(struct runtime *runtime)
{
	struct shard *shard = &runtime->shard;

	engine_destroy(shard->engine);
	media_destroy(shard->media);
	sip_ua_destroy(shard->ua);
	peers_destroy(runtime);
	keepalives_drop(runtime);
	names_destroy(runtime);
	digest_server_destroy(shard->digest);
	shard->engine = NULL;
	shard->media = NULL;
	shard->ua = NULL;
	shard->digest = NULL;
}

static void thread_main(void *arg)
{
	struct runtime *runtime = arg;
	char name[16];

	snprintf(name, sizeof(name), "shard%u", runtime->shard.index);
	pthread_setname_np(pthread_self(), name);
	timer_wheel_advance(runtime->shard.wheel, runtime_now_ms());
	engine_restore(runtime->shard.engine);
	open_listeners(runtime);
	while (!runtime->stopping)
		turn(runtime);
	drop_calls(runtime);
}

static void on_transport_closed(void *arg)
{
	set_state(arg, RUNTIME_CLOSED);
}

static void close_sip(struct shard *shard, void *arg)
{
	struct runtime *runtime = (struct runtime *)shard;
	struct sip_transport *transport = shard->transport;

	(void)arg;
	runtime->retry_ms = 0;
	shard->transport = NULL;
	if (transport)
		sip_transport_close(transport, on_transport_closed, runtime);
	else
		set_state(runtime, RUNTIME_CLOSED);
}

void runtime_close_sip(struct runtime *runtime)
{
	if (runtime->started)
		shard_post(&runtime->shard, close_sip, NULL);
	else
		set_state(runtime, RUNTIME_CLOSED);
}

static void stop(struct shard *shard, void *arg)
{
	struct runtime *runtime = (struct runtime *)shard;

	(void)arg;
	runtime->stopping = true;
}

/* --- life --- */

static int create_digest(struct runtime *runtime)
{
	return digest_server_create(&runtime->shared->digest, &runtime->shard.digest);
}

static int find_path(void *arg, enum sip_transport_kind kind, uint64_t listeners,
		     const struct sip_address *remote, struct sip_path *path)
{
	const struct runtime *runtime = arg;

	if (!runtime->shard.transport)
		return -ENETUNREACH;
	return sip_transport_path(runtime->shard.transport, kind, listeners, remote, path);
}

static uint32_t tls_name(void *arg, struct slice domain)
{
	const struct runtime *runtime = arg;

	return runtime->shared->tls ? sip_tls_name(runtime->shared->tls, domain) : 0;
}

/* The types of bodies that cross a call; those that do not fit go untold. */
static const char *list_types(struct runtime *runtime)
{
	const struct config_calls *calls = &runtime->shard.config->calls;
	size_t used = 0;

	for (unsigned i = 0; i < calls->message_types_count; i++) {
		const char *type = calls->message_types[i];

		if (used + strlen(type) + 3 > sizeof(runtime->accept))
			break;
		used += (size_t)sprintf(runtime->accept + used, "%s%s", used ? ", " : "", type);
	}
	return used ? runtime->accept : NULL;
}

static int create_ua(struct runtime *runtime)
{
	const struct config *config = runtime->shard.config;
	/* A call has two sides; a side has a transaction or two at a time while it changes. */
	uint32_t invites = 2 * config->calls.calls_max + 64;
	struct sip_ua_config ua = {
		.transactions = {
			.wheel = runtime->shard.wheel,
			.timers = sip_timers_default,
			.send = messages_send,
			.send_arg = runtime,
			.via_host = local_host,
			.limits = &runtime->limits,
			.transactions_max = 2 * invites,
			.source_max = config->sip.guard.transactions_max,
			.source_spared = guard_spares,
			.source_arg = runtime,
			.may_start = guard_may_start,
			.heard = guard_heard,
			.server_name = config->sip.user_agent,
			.resolver = runtime->shard.resolver,
			.path = find_path,
			.tls_name = tls_name,
			.attempt_ms = config->sip.dns.failover_ms,
			.datagram_max = DATAGRAM_MAX,
			.alias = config->sip.tls.certificates_count > 0,
		},
		.user = { .admit = on_admit,
			  .invite = on_invite,
			  .request = on_request,
			  .inside = on_inside,
			  .arg = runtime },
		.product = config->sip.user_agent,
		.contact_host = local_host,
		.contact_arg = runtime,
		.invites_max = invites,
		.session = { config->sip.session_expires_s, config->sip.session_min_s },
		.methods = ENGINE_METHODS,
		.options = ENGINE_OPTIONS,
		.unsaid = ENGINE_UNSAID,
		.accept = list_types(runtime),
		.wall_ms = shard_wall_ms,
	};

	runtime->limits = config->sip.limits;
	ua.transactions.timers.t1 = config->sip.t1_ms;
	dispatch_token(ua.transactions.token, 0, runtime->shard.index);
	dispatch_token(ua.token, 0, runtime->shard.index);
	return sip_ua_create(&ua, &runtime->shard.ua);
}

static int create_media(struct runtime *runtime)
{
	return media_create(&runtime->shard, &runtime->shard.media);
}

static int create_engine(struct runtime *runtime)
{
	return engine_create(&runtime->shard, &runtime->shard.engine);
}

static int create_mailbox(struct runtime *runtime)
{
	return mailbox_create(&runtime->loop, runtime, &runtime->shard.mailbox);
}

static int create_wheel(struct runtime *runtime)
{
	runtime->shard.wheel = timer_wheel_create(runtime_now_ms());
	return runtime->shard.wheel ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	int (*create)(struct runtime *runtime);
} steps[] = {
	{ "timer wheel", create_wheel },
	{ "mailbox", create_mailbox },
	{ "guard", guard_create_gate },
	{ "names", names_create },
	{ "peers", peers_create },
	{ "digest", create_digest },
	{ "SIP", create_ua },
	{ "media", create_media },
	{ "engine", create_engine },
};

int runtime_create(struct runtime_shared *shared, unsigned index, struct runtime **out, char *why,
		   size_t why_size)
{
	struct runtime *runtime = calloc(1, sizeof(*runtime));
	int error;

	if (!runtime)
		return -ENOMEM;
	error = uv_loop_init(&runtime->loop);
	if (error) {
		free(runtime);
		return error;
	}
	runtime->shared = shared;
	runtime->shard = (struct shard){
		.index = index,
		.count = shared->count,
		.config = shared->config,
		.loop = &runtime->loop,
		.registrar = shared->registrar,
		.store = shared->store,
		.events = shared->events,
		.tap = &runtime->tap,
		.all = shared->all,
	};
	shared->all[index] = &runtime->shard;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		error = steps[i].create(runtime);
		if (error) {
			snprintf(why, why_size, "shard %u: %s: %s", index, steps[i].name,
				 strerror(-error));
			runtime_destroy(runtime);
			return error;
		}
	}
	*out = runtime;
	return 0;
}

int runtime_start(struct runtime *runtime)
{
	/* Signals are for the main thread. */
	int error = uv_thread_create(&runtime->thread, thread_main, runtime);

	runtime->started = !error;
	return error;
}

void runtime_stop(struct runtime *runtime)
{
	if (!runtime->started)
		return;
	shard_post(&runtime->shard, stop, NULL);
	uv_thread_join(&runtime->thread);
	runtime->started = false;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void runtime_destroy(struct runtime *runtime)
{
	if (!runtime)
		return;
	/* A thread that ran has done it already. */
	if (runtime->shard.engine)
		engine_destroy(runtime->shard.engine);
	if (runtime->shard.media)
		media_destroy(runtime->shard.media);
	if (runtime->shard.ua)
		sip_ua_destroy(runtime->shard.ua);
	peers_destroy(runtime);
	names_destroy(runtime);
	if (runtime->shard.digest)
		digest_server_destroy(runtime->shard.digest);
	sip_gate_destroy(runtime->shard.gate);
	mailbox_close(runtime->shard.mailbox);
	uv_run(&runtime->loop, UV_RUN_NOWAIT);
	while (uv_loop_close(&runtime->loop) == -EBUSY) {
		uv_walk(&runtime->loop, close_handle, NULL);
		uv_run(&runtime->loop, UV_RUN_DEFAULT);
	}
	if (runtime->shard.wheel)
		timer_wheel_destroy(runtime->shard.wheel);
	free(runtime);
}
