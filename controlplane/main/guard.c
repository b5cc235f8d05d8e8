/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/guard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/engine/engine.h"
#include "controlplane/events/events.h"
#include "controlplane/main/messages.h"
#include "sip/base/log.h"
#include "sip/guard/guard.h"

#define REFUSAL_MAX 8192u
#define EVENT_WORD  96u

struct guard_options {
	const char **peers; /* the addresses of all trunks; texts of the configuration */
	unsigned peer_count;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t guard_now_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

/* --- what it tells --- */

static void tell_flood(struct event_bus *events, const char *source, const char *what)
{
	LOG_WARN("guard", 0, "%s: above its limit (%s)", source, what);
	event_publish(events, EVENT_SECURITY_FLOOD, 0, 0, source, what);
}

static void tell_ban(struct event_bus *events, const char *source, const char *what,
		     uint32_t seconds)
{
	char text[16];

	LOG_WARN("guard", 0, "%s: banned for %u s: %s", source, seconds, what);
	snprintf(text, sizeof(text), "%u", seconds);
	event_publish(events, EVENT_SECURITY_BAN, 0, 0, source, what, text);
}

static void tell_load(struct event_bus *events, const struct sip_guard_report *report)
{
	const bool begins = report->action == SIP_GUARD_TELL_OVERLOAD;
	char wait[16], busy[16];

	LOG_WARN("guard", 0,
		 begins ? "overload: messages wait for %u ms, the shard is %u %% busy"
			: "the overload is over: wait %u ms, %u %% busy",
		 report->wait_ms, report->busy_percent);
	snprintf(wait, sizeof(wait), "%u", report->wait_ms);
	snprintf(busy, sizeof(busy), "%u", report->busy_percent);
	event_publish(events, begins ? EVENT_OVERLOAD_STARTED : EVENT_OVERLOAD_ENDED, 0, 0, wait,
		      busy);
}

/* In the thread of any shard, or the main one. */
static void on_tell(void *arg, const struct sip_guard_report *report)
{
	struct event_bus *events = ((struct runtime_shared *)arg)->events;
	char source[SIP_ADDRESS_TEXT], what[EVENT_WORD];

	sip_address_ip(&report->source, source);
	snprintf(what, sizeof(what), "%.*s", SLICE_FMT(report->what));
	switch (report->action) {
	case SIP_GUARD_TELL_SCANNER:
		LOG_WARN("guard", 0, "%s: scanner: %s", source, what);
		event_publish(events, EVENT_SECURITY_SCANNER, 0, 0, source, what);
		break;
	case SIP_GUARD_TELL_FLOOD:
		tell_flood(events, source, what);
		break;
	case SIP_GUARD_TELL_PASSWORDS:
		LOG_WARN("guard", 0, "%s: guesses passwords, of \"%s\" last", source, what);
		event_publish(events, EVENT_SECURITY_BRUTE_FORCE, 0, 0, source, what);
		break;
	case SIP_GUARD_TELL_BAN:
		tell_ban(events, source, what, report->seconds);
		break;
	case SIP_GUARD_TELL_UNBAN:
		LOG_INFO("guard", 0, "%s: banned no more: %s", source, what);
		event_publish(events, EVENT_SECURITY_UNBAN, 0, 0, source, what);
		break;
	case SIP_GUARD_TELL_OVERLOAD:
	case SIP_GUARD_TELL_CALM:
		tell_load(events, report);
		break;
	}
}

/* --- life --- */

static int list_peers(const struct config *config, struct guard_options *options)
{
	unsigned count = 0;

	for (unsigned i = 0; i < config->trunks_count; i++)
		count += config->trunks[i].addresses_count;
	options->peers = calloc(count + 1, sizeof(*options->peers));
	if (options->peers == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < config->trunks_count; i++)
		for (unsigned k = 0; k < config->trunks[i].addresses_count; k++)
			options->peers[options->peer_count++] = config->trunks[i].addresses[k];
	return 0;
}

int guard_create(struct runtime_shared *shared, char *why, size_t why_size)
{
	const struct config_guard *c = &shared->config->sip.guard;
	struct guard_options *options = calloc(1, sizeof(*options));
	struct sip_guard_config config = {
		.sources = c->sources,
		.messages_per_s = c->messages_per_s,
		.requests_per_s = c->requests_per_s,
		.connections_per_s = c->connections_per_s,
		.keepalives_per_s = c->keepalives_per_s,
		.ban_after = c->ban_after,
		.ban_window_s = c->ban_window_s,
		.ban_s = c->ban_s,
		.ban_max_s = c->ban_max_s,
		.wait_target_ms = c->wait_target_ms,
		.stale_ms = c->stale_ms,
		.scanners = { c->scanners, c->scanners_count },
		.emergency = { c->emergency, c->emergency_count },
		.trusted = { c->trusted, c->trusted_count },
		.tell = on_tell,
		.arg = shared,
	};
	int error = options != NULL ? list_peers(shared->config, options) : -ENOMEM;

	shared->guard_options = options;
	if (!error) {
		config.peers = (struct sip_guard_list){ options->peers, options->peer_count };
		error = sip_guard_create(&config, &shared->guard);
	}
	if (error) {
		snprintf(why, why_size, "guard: %s", strerror(-error));
		guard_destroy(shared);
	}
	return error;
}

void guard_destroy(struct runtime_shared *shared)
{
	sip_guard_destroy(shared->guard);
	if (shared->guard_options != NULL)
		free(shared->guard_options->peers);
	free(shared->guard_options);
	shared->guard = NULL;
	shared->guard_options = NULL;
}

int guard_create_gate(struct runtime *runtime)
{
	runtime->shard.guard = runtime->shared->guard;
	return sip_gate_create(runtime->shared->guard, guard_now_us(), &runtime->shard.gate);
}

void guard_note(void *arg, const struct sip_address *source, enum sip_note note, struct slice user)
{
	const struct runtime_shared *shared = arg;

	sip_guard_note(shared->guard, source, note, user, runtime_now_ms());
}

/* --- messages --- */

/* The clock may be set meanwhile: such a wait is none. */
static uint64_t wait_us(const struct runtime *runtime)
{
	const uint64_t arrived = sip_transport_arrived_ns(runtime->shard.transport);
	const uint64_t now = arrived > 0 ? clock_ns(CLOCK_REALTIME) : 0;

	return now > arrived && now - arrived < 60u * 1000000000u ? (now - arrived) / 1000 : 0;
}

static void refuse(struct runtime *runtime, const struct sip_arrival *arrival,
		   const struct sip_glance *glance, const struct sip_path *from, uint64_t now_ms)
{
	char response[REFUSAL_MAX];
	struct sip_path to = *from;
	size_t size = sip_gate_refusal(runtime->shard.gate, arrival, glance, now_ms, response,
				       sizeof(response), &to.remote);

	if (size == 0)
		return;
	messages_trace(runtime, from, false, sip_transport_arrived_ns(runtime->shard.transport),
		       arrival->data, arrival->size);
	messages_send(runtime, &to, response, size);
}

enum guard_answer guard_lets_in(struct runtime *runtime, unsigned owner, const char *data,
				size_t size, const struct sip_path *from)
{
	const struct sip_arrival arrival = {
		.source = &from->remote,
		.data = data,
		.size = size,
		.wait_us = wait_us(runtime),
		.reliable = from->kind != SIP_UDP,
		.owner = runtime->shared->shards[owner]->shard.gate,
	};
	const uint64_t now_ms = timer_wheel_now(runtime->shard.wheel);
	struct sip_glance glance;

	switch (sip_gate_receive(runtime->shard.gate, &arrival, now_ms, &glance)) {
	case SIP_PASS:
		return GUARD_YES;
	case SIP_CALLS_ONLY:
		return GUARD_CALLS_ONLY;
	case SIP_PROVEN_ONLY:
		return GUARD_PROVEN_ONLY;
	case SIP_REFUSE:
		refuse(runtime, &arrival, &glance, from, now_ms);
		return GUARD_NO;
	case SIP_DROP:
		break;
	}
	return GUARD_NO;
}

static bool is_of_call(struct shard *shard, const char *data, size_t size)
{
	struct sip_glance glance;
	struct slice from;

	sip_glance((struct slice){ data, size }, &glance);
	from = sip_glance_tag(glance.from);
	if (!(glance.is_request ? sip_ua_find(shard->ua, glance.call_id, glance.to_tag, from)
				: sip_ua_find(shard->ua, glance.call_id, from, glance.to_tag)))
		return false;
	sip_gate_in_call(shard->gate);
	return true;
}

static bool has_our_nonce(struct shard *shard, const char *data, size_t size,
			  const struct sip_path *from)
{
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;
	bool proven = sip_msg_parse(data, size, &shard->config->sip.limits, &msg, &error) == 0 &&
		      engine_is_proven(shard->engine, msg, from) &&
		      sip_gate_proven(shard->gate, &from->remote, timer_wheel_now(shard->wheel));

	if (msg)
		sip_msg_unref(msg);
	return proven;
}

bool guard_is_proven(struct shard *shard, enum guard_answer answer, const char *data, size_t size,
		     const struct sip_path *from)
{
	switch (answer) {
	case GUARD_CALLS_ONLY:
		return is_of_call(shard, data, size);
	case GUARD_PROVEN_ONLY:
		return has_our_nonce(shard, data, size, from);
	default:
		return answer == GUARD_YES;
	}
}

bool guard_welcomes(void *arg, const struct sip_address *source)
{
	struct runtime *runtime = arg;

	return sip_gate_connection(runtime->shard.gate, source,
				   timer_wheel_now(runtime->shard.wheel));
}

bool guard_answers(void *arg, const struct sip_address *source)
{
	struct runtime *runtime = arg;

	return sip_gate_keepalive(runtime->shard.gate, source,
				  timer_wheel_now(runtime->shard.wheel));
}

bool guard_spares(void *arg, const struct sip_address *source)
{
	struct runtime *runtime = arg;

	return sip_gate_spares(runtime->shard.gate, source, SIP_GUARD_TRANSACTIONS,
			       timer_wheel_now(runtime->shard.wheel));
}

bool guard_may_start(void *arg, const struct sip_path *to, struct slice request)
{
	struct runtime *runtime = arg;
	struct sip_gate *gate = runtime->shard.gate;
	const uint64_t now_ms = timer_wheel_now(runtime->shard.wheel);
	struct sip_glance glance;

	if (!sip_gate_has_oc(gate, &to->remote, now_ms))
		return true;
	sip_glance(request, &glance);
	return sip_gate_may_send(gate, &to->remote, sip_gate_class(gate, &glance), now_ms);
}

void guard_heard(void *arg, const struct sip_path *to, const struct sip_msg *response)
{
	struct runtime *runtime = arg;

	sip_gate_oc_received(runtime->shard.gate, &to->remote, &response->via,
			     timer_wheel_now(runtime->shard.wheel));
}

size_t guard_tell_load(struct runtime *runtime, const char *data, size_t size, char *buffer,
		       size_t room)
{
	return sip_gate_oc_response(runtime->shard.gate, (struct slice){ data, size },
				    timer_wheel_now(runtime->shard.wheel), buffer, room);
}
