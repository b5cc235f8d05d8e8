/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/messages.h"

#include <errno.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/main/alias.h"
#include "controlplane/main/dispatch.h"
#include "controlplane/main/guard.h"
#include "controlplane/registrar/registrar.h"
#include "sip/base/log.h"

#define WITH_LOAD_MAX 8192u /* larger responses do not tell our load */

/* A message on its way to another shard. */
struct passed {
	struct sip_path path;
	unsigned shard; /* where it comes from */
	uint8_t answer; /* enum guard_answer */
	uint64_t since_us;
	size_t size;
	char data[];
};

/* What belongs to calls that are there has a quarter more room. Taken back by release(). */
static bool reserve(struct runtime *to, const char *data, size_t size)
{
	const uint32_t max = RUNTIME_HANDED_OVER_MAX;
	const uint32_t waiting =
		atomic_fetch_add_explicit(&to->handed_over_waiting, 1, memory_order_relaxed);

	return waiting < max ||
	       (waiting < max + max / 4 && !dispatch_is_new((struct slice){ data, size }));
}

static void release(struct runtime *to)
{
	atomic_fetch_sub_explicit(&to->handed_over_waiting, 1, memory_order_relaxed);
}

static int pass(const struct runtime *from, struct runtime *to,
		void (*fn)(struct shard *shard, void *arg), const struct sip_path *path,
		enum guard_answer answer, const char *data, size_t size)
{
	struct passed *message = NULL;

	if (reserve(to, data, size))
		message = malloc(sizeof(*message) + size);
	if (message) {
		*message = (struct passed){ .path = *path,
					    .shard = from->shard.index,
					    .answer = (uint8_t)answer,
					    .since_us = guard_now_us(),
					    .size = size };
		memcpy(message->data, data, size);
		if (shard_post(&to->shard, fn, message) == 0)
			return 0;
		free(message);
	}
	release(to);
	atomic_fetch_add_explicit(&to->shed, 1, memory_order_relaxed);
	return -ENOBUFS;
}

/* --- for whoever looks --- */

void messages_trace(struct runtime *runtime, const struct sip_path *path, bool out,
		    uint64_t time_ns, const char *data, size_t size)
{
	struct trace_record record = { .time_ns = time_ns,
				       .remote = path->remote,
				       .size = (uint32_t)size,
				       .kind = TRACE_MESSAGE,
				       .transport = path->kind,
				       .out = out };

	if (!tap_is_on(&runtime->tap))
		return;
	record.local = sip_transport_local(runtime->shard.transport, path->listener);
	tap_put(&runtime->tap, &record, data);
}

/* --- in --- */

static void receive_passed(struct shard *shard, void *arg)
{
	struct passed *message = arg;

	release((struct runtime *)shard);
	sip_gate_waited(shard->gate, guard_now_us() - message->since_us);
	if (shard->ua && guard_is_proven(shard, (enum guard_answer)message->answer, message->data,
					 message->size, &message->path))
		sip_ua_receive(shard->ua, message->data, message->size, &message->path);
	free(message);
}

static void on_receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct runtime *runtime = arg, *to;
	struct shard *shard = &runtime->shard;
	unsigned owner = dispatch_owner((struct slice){ data, size }, shard->count);
	const enum guard_answer answer = guard_lets_in(runtime, owner, data, size, from);
	const bool here = owner == shard->index;

	if (answer == GUARD_NO || (here && !guard_is_proven(shard, answer, data, size, from)))
		return;
	alias_look(runtime, data, size, from);
	messages_trace(runtime, from, false, sip_transport_arrived_ns(shard->transport), data,
		       size);
	if (here) {
		sip_ua_receive(shard->ua, data, size, from);
		return;
	}
	to = runtime->shared->shards[owner];
	atomic_fetch_add_explicit(&to->handed_over, 1, memory_order_relaxed);
	pass(runtime, to, receive_passed, from, answer, data, size);
}

/* --- lost connections --- */

struct loss {
	struct sip_path path;
};

static void lose(struct shard *shard, const struct sip_path *path)
{
	if (shard->ua)
		sip_transactions_flow_failed(sip_ua_transactions(shard->ua), path);
}

static void lose_passed(struct shard *shard, void *arg)
{
	struct loss *loss = arg;

	lose(shard, &loss->path);
	free(loss);
}

static void tell_loss(struct runtime *to, const struct sip_path *path)
{
	struct loss *loss = malloc(sizeof(*loss));

	if (!loss)
		return;
	loss->path = *path;
	if (shard_post(&to->shard, lose_passed, loss))
		free(loss);
}

static void on_flow_failed(void *arg, const struct sip_path *path, int error, uint32_t shards)
{
	struct runtime *runtime = arg;
	char text[SIP_ADDRESS_TEXT];

	LOG_DEBUG("sip", 0, "%s %s: %s", sip_transport_name(path->kind),
		  sip_address_text(&path->remote, text), strerror(-error));
	registrar_flow_failed(runtime->shard.registrar, path->flow);
	lose(&runtime->shard, path);
	for (unsigned i = 0; i < runtime->shared->count; i++)
		if (shards & 1u << i)
			tell_loss(runtime->shared->shards[i], path);
}

/* --- out --- */

static void send_passed(struct shard *shard, void *arg)
{
	struct runtime *runtime = (struct runtime *)shard;
	struct passed *message = arg;
	int error = -ENOTCONN;

	release(runtime);
	if (shard->transport)
		error = sip_transport_send_for(shard->transport, message->shard, &message->path,
					       message->data, message->size);
	if (error)
		tell_loss(runtime->shared->shards[message->shard], &message->path);
	free(message);
}

static int send_elsewhere(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	struct runtime *runtime = arg;

	if (to->flow.shard >= runtime->shared->count)
		return -ENOTCONN;
	return pass(runtime, runtime->shared->shards[to->flow.shard], send_passed, to, GUARD_YES,
		    data, size);
}

int messages_send(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	struct runtime *runtime = arg;
	struct sip_path path = *to;
	char buffer[WITH_LOAD_MAX];
	size_t with_load;
	int error;

	if (!runtime->shard.transport)
		return -ENETUNREACH;
	with_load = guard_tell_load(runtime, data, size, buffer, sizeof(buffer));
	if (with_load > 0) {
		data = buffer;
		size = with_load;
	}
	error = sip_transport_send(runtime->shard.transport, &path, data, size);
	if (error >= 0)
		messages_trace(runtime, &path, true, 0, data, size);
	return error;
}

/* --- the sockets --- */

/* Whoever can make us refuse can do so often: some tell the story. */
static bool may_tell(struct runtime *runtime)
{
	uint64_t second = runtime_now_ms() / 1000;

	if (runtime->notices_second != second) {
		runtime->notices_second = second;
		runtime->notices = 0;
	}
	return runtime->notices++ < RUNTIME_NOTICES_MAX;
}

static void on_notice(void *arg, enum sip_transport_notice what, const struct sip_path *path,
		      const char *why)
{
	static const char *const names[] = {
		[SIP_NOTICE_REFUSED] = "refused", [SIP_NOTICE_TIMEOUT] = "timeout",
		[SIP_NOTICE_FRAMING] = "framing", [SIP_NOTICE_OVERFULL] = "overfull",
		[SIP_NOTICE_TLS] = "tls",
	};
	struct runtime *runtime = arg;
	char text[SIP_ADDRESS_TEXT];

	if (may_tell(runtime))
		event_publish(runtime->shard.events, EVENT_SIP_CONNECTION, 0, 0,
			      sip_transport_name(path->kind), sip_address_text(&path->remote, text),
			      names[what], why);
}

static void on_stun_answered(void *arg, const struct sip_path *from, const char id[12])
{
	const struct runtime *runtime = arg;

	registrar_answered_stun(runtime->shard.registrar, id, from);
}

int messages_open(struct runtime *runtime, char *why, size_t why_size)
{
	const struct config_sip *sip = &runtime->shard.config->sip;
	const struct sip_transport_limits limits = {
		.opening_max = sip->connections.opening_max,
		.opening_ms = sip->connections.opening_timeout_s * 1000,
		.idle_ms = sip->connections.idle_timeout_s * 1000,
		.sending_ms = sip->connections.sending_timeout_s * 1000,
		.queue_max = sip->connections.queue_max,
	};
	const struct sip_transport_config config = {
		.loop = &runtime->loop,
		.wheel = runtime->shard.wheel,
		.shard = runtime->shard.index,
		.listeners = runtime->shared->listeners,
		.listener_count = runtime->shared->listener_count,
		.message_max = sip->limits.message,
		.limits = &limits,
		.quota = runtime->shared->connections,
		.aliases = runtime->shared->aliases,
		.tls = runtime->shared->tls,
		.ws_origins = sip->ws_origins,
		.ws_origin_count = sip->ws_origins_count,
		.receive = on_receive,
		.welcome = guard_welcomes,
		.keepalive = guard_answers,
		.flow_failed = on_flow_failed,
		.send_elsewhere = send_elsewhere,
		.stun_answered = on_stun_answered,
		.notice = on_notice,
		.arg = runtime,
	};

	return sip_transport_create(&config, &runtime->shard.transport, why, why_size);
}
