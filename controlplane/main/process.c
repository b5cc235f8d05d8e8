/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/process.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "config/run_dir.h"
#include "controlplane/api/api.h"
#include "controlplane/events/bus.h"
#include "controlplane/main/guard.h"
#include "controlplane/main/certificates.h"
#include "controlplane/main/descriptors.h"
#include "controlplane/main/keepalives.h"
#include "controlplane/main/link.h"
#include "controlplane/main/mailbox.h"
#include "controlplane/main/messages.h"
#include "controlplane/main/registrations.h"
#include "controlplane/monitor/monitor.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/store/store.h"
#include "sip/base/log.h"
#include "sip/base/random.h"
#include "sip/resolve/resolve.h"

#define DIGEST_NONCES_MIN 65536u
#define WHY_SIZE          512
#define SAY_AGAIN_MS      5000u
#define HEAP_STEP         (4 << 20) /* bytes that the heap grows by */
#define CLOSE_MS          5000u     /* for sockets and the link; nothing of it waits for a peer */

static int fail(char *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(char *why, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, WHY_SIZE, format, args);
	va_end(args);
	return error;
}

/* --- run directory, lock --- */

static int start_run_dir(struct process *process, char *why)
{
	const char *path = process->config->run_dir;
	int error = process->lock = run_dir_take(path, "controlplane");

	if (error == -EWOULDBLOCK)
		return fail(why, error, "%s: another tandem-controlplane is running there", path);
	return error < 0 ? fail(why, error, "%s: %s", path, strerror(-error)) : 0;
}

static void stop_run_dir(struct process *process)
{
	run_dir_release(process->config->run_dir, "controlplane", process->lock);
}

/* --- loop, with the timer for waiting and the mailbox --- */

static int start_loop(struct process *process, char *why)
{
	int error = uv_loop_init(&process->loop);

	if (error)
		return fail(why, error, "loop: %s", uv_strerror(error));
	uv_timer_init(&process->loop, &process->tick);
	error = mailbox_create(&process->loop, process, &process->shared.main);
	return error ? fail(why, error, "mailbox: %s", uv_strerror(error)) : 0;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void stop_loop(struct process *process)
{
	mailbox_close(process->shared.main);
	uv_run(&process->loop, UV_RUN_NOWAIT);
	while (uv_loop_close(&process->loop) == -EBUSY) {
		uv_walk(&process->loop, close_handle, NULL);
		uv_run(&process->loop, UV_RUN_DEFAULT);
	}
}

/* --- what the shards share --- */

static int start_store(struct process *process, char *why)
{
	return store_open(process->config->controlplane.state_dir, &process->shared.store, why,
			  WHY_SIZE);
}

static void stop_store(struct process *process)
{
	store_flush(process->shared.store);
	store_close(process->shared.store);
}

static int start_events(struct process *process, char *why)
{
	int error = event_bus_create(&process->loop, &process->shared.events);

	return error ? fail(why, error, "event bus: %s", uv_strerror(error)) : 0;
}

static void stop_events(struct process *process)
{
	event_bus_destroy(process->shared.events);
}

static int start_registrar(struct process *process, char *why)
{
	int error = registrar_create(process->config, process->shared.store, process->shared.events,
				     shard_wall_ms, &process->shared.registrar);

	if (!error)
		registrar_set_ping(process->shared.registrar, keepalives_send, &process->shared);
	if (!error)
		registrar_set_changed(process->shared.registrar, registrations_changed,
				      &process->shared);
	return error ? fail(why, error, "registrar: %s", strerror(-error)) : 0;
}

static void stop_registrar(struct process *process)
{
	registrar_destroy(process->shared.registrar);
}

static int start_guard(struct process *process, char *why)
{
	int error = guard_create(&process->shared, why, WHY_SIZE);

	if (!error)
		registrar_set_note(process->shared.registrar, guard_note, &process->shared);
	return error;
}

static void stop_guard(struct process *process)
{
	guard_destroy(&process->shared);
}

/* --- shards --- */

static void plan_digest(struct process *process)
{
	const struct config_sip *sip = &process->config->sip;
	struct digest_options *digest = &process->shared.digest;

	digest->nonce_lifetime_s = sip->nonce_lifetime_s;
	digest->md5_only_agents = sip->md5_only_agents;
	digest->md5_only_agent_count = sip->md5_only_agents_count;
	digest->auth_int = sip->auth_int;
	digest->user_hash = sip->user_hash;
	/* A phone that keeps its nonce does not find it forgotten because of the others. */
	digest->nonces_max = process->config->users_count > DIGEST_NONCES_MIN
				     ? process->config->users_count
				     : DIGEST_NONCES_MIN;
	for (unsigned i = 0; i < sip->digest_count && i < DIGEST_ALGORITHMS; i++)
		digest_algorithm_parse(slice_of(sip->digest[i]),
				       &digest->algorithms[digest->algorithm_count++]);
	random_bytes(digest->key, sizeof(digest->key));
}

static const char *waits_for(const struct process *process)
{
	for (unsigned i = 0; i < process->shared.count; i++) {
		if (runtime_get_state(process->shared.shards[i]) == RUNTIME_WAITING)
			return process->shared.shards[i]->waits_for;
	}
	return NULL;
}

static void ready(struct process *process)
{
	process->listening = true;
	LOG_INFO("main", 0, "ready: %u shards, SIP at %u addresses", process->shared.count,
		 process->shared.listener_count);
	sd_notify(0, "READY=1");
}

static void on_changed(void *owner)
{
	struct process *process = owner;
	unsigned listening = 0;

	for (unsigned i = 0; i < process->shared.count; i++) {
		const struct runtime *runtime = process->shared.shards[i];
		enum runtime_state state = runtime_get_state(runtime);

		listening += state == RUNTIME_LISTENING;
		if (state == RUNTIME_FAILED && !process->failed) {
			LOG_ERROR("main", 0, "SIP cannot be served: %s", runtime->failure);
			process->failed = true;
		}
	}
	if (listening == process->shared.count && !process->listening && !process->draining)
		ready(process);
}

static int start_certificates(struct process *process, char *why)
{
	int error = certificates_create(&process->config->sip.tls, &process->certificates, why,
					WHY_SIZE);

	process->shared.tls = certificates_tls(process->certificates);
	return error;
}

static void stop_certificates(struct process *process)
{
	certificates_destroy(process->certificates);
}

static void stop_shards(struct process *process)
{
	for (unsigned i = process->shared.count; i-- > 0;)
		runtime_destroy(process->shared.shards[i]);
	sip_quota_destroy(process->shared.connections);
	sip_aliases_destroy(process->shared.aliases);
	sip_bad_targets_destroy(process->shared.bad_targets);
	free(process->shared.listeners);
}

static void allow_connections(const struct config *config)
{
	const uint64_t needed = descriptors_needed(config), allowed = descriptors_raise(needed);

	if (allowed < needed)
		LOG_WARN("main", 0,
			 "sip.connections.max is %u, but the system allows %" PRIu64
			 " descriptors (ulimit -n)",
			 config->sip.connections.max, allowed);
}

static int start_shards(struct process *process, char *why)
{
	struct runtime_shared *shared = &process->shared;
	const struct config_connections *connections = &process->config->sip.connections;
	int error;

	/* Before any thread parses. */
	sip_limits = process->config->sip.limits;
	error = runtime_listeners(process->config, &shared->listeners, &shared->listener_count, why,
				  WHY_SIZE);

	if (!error)
		error = sip_quota_create(connections->max, connections->source_max,
					 &shared->connections);
	if (!error)
		error = sip_aliases_create(&shared->aliases);
	if (!error)
		error = sip_bad_targets_create(&shared->bad_targets);
	if (error) {
		sip_quota_destroy(shared->connections);
		sip_aliases_destroy(shared->aliases);
		free(shared->listeners);
		return error;
	}
	allow_connections(process->config);
	plan_digest(process);
	shared->changed = on_changed;
	for (unsigned i = 0; i < shared->count; i++) {
		error = runtime_create(shared, i, &shared->shards[i], why, WHY_SIZE);
		if (error) {
			shared->count = i;
			stop_shards(process);
			return error;
		}
	}
	return 0;
}

static bool sip_is_closed(struct process *process)
{
	for (unsigned i = 0; i < process->shared.count; i++) {
		if (runtime_get_state(process->shared.shards[i]) != RUNTIME_CLOSED)
			return false;
	}
	return true;
}

/* All shards close SIP before the first thread ends: until then they hand messages over. */
static void close_sip(struct process *process)
{
	for (unsigned i = 0; i < process->shared.count; i++)
		runtime_close_sip(process->shared.shards[i]);
	if (!process_wait(process, sip_is_closed, CLOSE_MS))
		LOG_WARN("main", 0, "sockets of SIP are not closed in time");
}

static void stop_threads(struct process *process)
{
	close_sip(process);
	for (unsigned i = process->shared.count; i-- > 0;)
		runtime_stop(process->shared.shards[i]);
}

static int start_threads(struct process *process, char *why)
{
	for (unsigned i = 0; i < process->shared.count; i++) {
		int error = runtime_start(process->shared.shards[i]);

		if (error) {
			stop_threads(process);
			return fail(why, error, "thread of shard %u: %s", i, uv_strerror(error));
		}
	}
	return 0;
}

/* --- who looks at messages --- */

static int start_monitor(struct process *process, char *why)
{
	struct monitor_config config = {
		.loop = &process->loop,
		.tap_count = process->shared.count,
		.config = &process->config->monitor,
	};

	for (unsigned i = 0; i < process->shared.count; i++)
		config.taps[i] = &process->shared.shards[i]->tap;
	return monitor_create(&config, &process->monitor, why, WHY_SIZE);
}

static void stop_monitor(struct process *process)
{
	monitor_destroy(process->monitor);
}

/* --- control socket --- */

static int reload(void *arg)
{
	struct process *process = arg;
	const int users = registrar_reload_users(process->shared.registrar);
	/* Without TLS there are none to read. */
	const int certificates =
		process->shared.tls ? certificates_reload(process->certificates) : 0;

	return users ? users : certificates;
}

static int start_api(struct process *process, char *why)
{
	struct api_config config = {
		.loop = &process->loop,
		.main = process->shared.main,
		.shard_count = process->shared.count,
		.registrar = process->shared.registrar,
		.store = process->shared.store,
		.events = process->shared.events,
		.monitor = process->monitor,
		.describe = process_describe,
		.count = process_count,
		.reload = reload,
		.arg = process,
	};

	for (unsigned i = 0; i < process->shared.count; i++)
		config.shards[i] = &process->shared.shards[i]->shard;
	return api_create(&config, process->config->run_dir, &process->api, why, WHY_SIZE);
}

static bool api_is_done(struct process *process)
{
	return api_is_idle(process->api);
}

static void stop_api(struct process *process)
{
	api_close(process->api);
	process_wait(process, api_is_done, CLOSE_MS);
	api_destroy(process->api);
}

/* --- dataplane --- */

static int start_link(struct process *process, char *why)
{
	int error = link_create(&process->loop, process->config->run_dir, &process->shared,
				&process->link);

	return error ? fail(why, error, "link to the dataplane: %s", strerror(-error)) : 0;
}

static bool link_is_done(struct process *process)
{
	return link_is_closed(process->link);
}

static void stop_link(struct process *process)
{
	link_close(process->link);
	process_wait(process, link_is_done, CLOSE_MS);
	link_destroy(process->link);
	process->link = NULL;
}

/* --- each second; signals --- */

static void tell_shed(struct process *process)
{
	uint64_t shed = 0;
	char count[24];

	for (unsigned i = 0; i < process->shared.count; i++)
		shed += atomic_load_explicit(&process->shared.shards[i]->shed,
					     memory_order_relaxed);
	if (shed == process->shed_told)
		return;
	snprintf(count, sizeof(count), "%" PRIu64, shed - process->shed_told);
	event_publish(process->shared.events, EVENT_SIP_SHED, 0, 0, count);
	process->shed_told = shed;
}

static void on_second(uv_timer_t *timer)
{
	struct process *process = timer->data;
	const char *why = waits_for(process);
	uint64_t now = runtime_now_ms();

	registrar_tick(process->shared.registrar);
	tell_shed(process);
	sip_guard_expire(process->shared.guard, now);
	if (!why || process->draining)
		return;
	if (process->said_ms == 0 || now - process->said_ms >= SAY_AGAIN_MS) {
		LOG_WARN("main", 0, "waiting for an address to appear: %s", why);
		process->said_ms = now;
	}
}

static int start_second(struct process *process, char *why)
{
	(void)why;
	uv_timer_init(&process->loop, &process->second);
	process->second.data = process;
	uv_timer_start(&process->second, on_second, 1000, 1000);
	return 0;
}

static void stop_second(struct process *process)
{
	uv_close((uv_handle_t *)&process->second, NULL);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct process *process = signal->data;

	if (number == SIGHUP) {
		reload(process);
		return;
	}
	LOG_INFO("main", 0, "%s: %s", number == SIGTERM ? "SIGTERM" : "SIGINT",
		 process->asked_to_end ? "ending at once" : "ending the calls");
	process->asked_to_end++;
}

static int start_signals(struct process *process, char *why)
{
	struct {
		uv_signal_t *handle;
		int number;
	} signals[] = { { &process->terminate, SIGTERM },
			{ &process->interrupt, SIGINT },
			{ &process->hang_up, SIGHUP } };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int error = uv_signal_init(&process->loop, signals[i].handle);

		signals[i].handle->data = process;
		if (!error)
			error = uv_signal_start(signals[i].handle, on_signal, signals[i].number);
		if (error)
			return fail(why, error, "signals: %s", uv_strerror(error));
	}
	return 0;
}

static void stop_signals(struct process *process)
{
	uv_close((uv_handle_t *)&process->terminate, NULL);
	uv_close((uv_handle_t *)&process->interrupt, NULL);
	uv_close((uv_handle_t *)&process->hang_up, NULL);
}

/* --- the ladder --- */

static const struct step {
	const char *name;
	int (*start)(struct process *process, char *why);
	void (*stop)(struct process *process);
} steps[] = {
	{ "run directory", start_run_dir, stop_run_dir },
	{ "loop", start_loop, stop_loop },
	{ "store", start_store, stop_store },
	{ "events", start_events, stop_events },
	{ "registrar", start_registrar, stop_registrar },
	{ "signals", start_signals, stop_signals },
	{ "guard", start_guard, stop_guard },
	{ "certificates", start_certificates, stop_certificates },
	{ "shards", start_shards, stop_shards },
	{ "monitor", start_monitor, stop_monitor },
	{ "threads", start_threads, stop_threads },
	{ "dataplane", start_link, stop_link },
	{ "control socket", start_api, stop_api },
	{ "expiry", start_second, stop_second },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void undo(struct process *process, size_t done)
{
	while (done-- > 0) {
		LOG_DEBUG("main", 0, "stopping: %s", steps[done].name);
		steps[done].stop(process);
	}
}

static bool told_to_end(const struct process *process)
{
	return process->asked_to_end > 0 || process->failed;
}

int process_run(struct process *process, const struct config *config)
{
	char why[WHY_SIZE] = "";

	*process = (struct process){
		.config = config,
		.lock = -1,
		.started_ms = runtime_now_ms(),
		.shared = { .config = config, .count = config->controlplane.shards },
	};
	/* A second arena grows page by page, each with a system call: with 100,000 calls to read
	 * back that is a seventh of the time. A single shard has nobody to share the first with. */
	if (config->controlplane.shards == 1)
		mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, HEAP_STEP);
	/* One seed for JSON objects of all threads, before there are any. */
	json_object_seed(0);
	for (size_t i = 0; i < STEPS; i++) {
		int error = steps[i].start(process, why);

		if (!error)
			continue;
		LOG_ERROR("main", 0, "cannot start: %s", why[0] ? why : strerror(-error));
		undo(process, i);
		return error;
	}
	while (!told_to_end(process))
		uv_run(&process->loop, UV_RUN_ONCE);
	process->draining = true;
	sd_notify(0, "STOPPING=1");
	if (!process->failed)
		process_drain(process);
	undo(process, STEPS);
	LOG_INFO("main", 0, "ended");
	return process->failed ? -EIO : 0;
}
