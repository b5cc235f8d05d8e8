/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/reg.h"
#include "controlplane/engine/trunk.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/store/store.h"
#include "sip/base/log.h"
#include "sip/base/random.h"
#include "sip/event/event.h"

#define SUBSCRIPTIONS_MAX 65536
#define PUBLICATIONS_MAX  16384
#define WATCHERS_MAX      32 /* of a user, in a shard: each change is told to all of them */

/* The packages that can be subscribed to (RFC 6665): a row for each. */
static int create_events(struct engine *e)
{
	const struct sip_events_config config = { .ua = e->shard->ua,
						  .wheel = e->shard->wheel,
						  .timers = sip_timers_default,
						  .subscriptions_max = SUBSCRIPTIONS_MAX,
						  .publications_max = PUBLICATIONS_MAX,
						  .watchers_max = WATCHERS_MAX,
						  .packages = e->packages,
						  .packages_count = ENGINE_PACKAGES,
						  .refer = engine_refer,
						  .arg = e };

	e->packages[0] = reg_package(e);
	return sip_events_create(&config, &e->events);
}

int engine_create(struct shard *shard, struct engine **out)
{
	struct engine *e = calloc(1, sizeof(*e));
	unsigned trunks = shard->config->trunks_count;
	int error = -ENOMEM;

	if (!e)
		return error;
	e->shard = shard;
	e->trunk_calls = calloc(trunks ? trunks : 1, sizeof(*e->trunk_calls));
	if (!e->trunk_calls)
		goto fail_engine;
	error = hash_index_init(&e->by_id, shard->config->calls.calls_max);
	if (error)
		goto fail_trunks;
	error = create_events(e);
	if (error)
		goto fail_index;
	error = trunks_create(shard, &e->trunks);
	if (error)
		goto fail_events;
	*out = e;
	return 0;

fail_events:
	sip_events_destroy(e->events);
fail_index:
	hash_index_free(&e->by_id);
fail_trunks:
	free(e->trunk_calls);
fail_engine:
	free(e);
	return error;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	engine_reap(e);
	/* Who could not wait for the end leaves its calls to the store and the dataplane. */
	while (e->calls)
		engine_abandon(e->calls);
	sip_events_destroy(e->events);
	trunks_destroy(e->trunks);
	hash_index_free(&e->by_id);
	free(e->trunk_calls);
	free(e);
}

void engine_on_invite(struct engine *e, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	struct sip_invite *replaced = sip_invite_replaces(invite);
	struct sip_invite *joined = sip_invite_joins(invite);
	struct caller caller;
	struct call *call;

	if (admit(e, invite, request, from, &caller))
		return;
	if (replaced) {
		call_replace(e, invite, request, &caller, replaced);
		return;
	}
	if (joined) {
		call_join(e, invite, &caller, joined);
		return;
	}
	if (call_create(e, shard_new_call_id(e->shard), &call)) {
		sip_invite_respond(invite, 500, NULL, SLICE_NONE, SLICE_NONE);
		return;
	}
	call_start(call, invite, request, from, &caller);
}

static void reply(struct sip_transaction *server, unsigned status, const char *extra)
{
	char tag[17];

	random_token(tag, sizeof(tag) - 1);
	sip_transaction_reply(server, status, NULL, slice_of(tag), extra);
}

/* What is understood, from the agent's one table. */
static void reply_allow(struct engine *e, struct sip_transaction *server, unsigned status)
{
	const struct sip_ua *ua = e->shard->ua;
	char lines[512];

	snprintf(lines, sizeof(lines),
		 "Allow: %s\r\nSupported: %s\r\nAccept: %s\r\nAllow-Events: %s\r\n",
		 sip_ua_allow(ua), sip_ua_supported(ua), sip_ua_accept(ua),
		 sip_events_allow(e->events));
	reply(server, status, lines);
}

/* Requests that make subscriptions, or end them. */
static bool events_request(struct engine *e, struct sip_dialog *dialog,
			   struct sip_transaction *server, struct sip_msg *request,
			   const struct sip_path *from)
{
	struct caller caller;
	bool taken;

	if ((request->method == SIP_REFER || request->method == SIP_SUBSCRIBE) &&
	    !refer_admit(e, dialog, server, request, from, &caller))
		return true;
	e->asking = &caller;
	taken = sip_events_request(e->events, dialog, server, request, from);
	e->asking = NULL;
	return taken;
}

bool engine_on_inside(struct engine *e, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	return events_request(e, dialog, server, request, from);
}

void engine_on_request(struct engine *e, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	switch (request->method) {
	case SIP_REGISTER:
		registrar_handle(e->shard->registrar, e->shard->digest, server, request, from);
		break;
	case SIP_OPTIONS: /* RFC 3261 §11.2 */
		reply_allow(e, server, 200);
		break;
	case SIP_SUBSCRIBE:
	case SIP_NOTIFY:
	case SIP_PUBLISH:
	case SIP_REFER:
		events_request(e, NULL, server, request, from);
		break;
	case SIP_BYE:
	case SIP_UPDATE:
	case SIP_INFO:
	case SIP_PRACK:
		reply(server, 481, "");
		break;
	case SIP_UNKNOWN_METHOD:
		reply_allow(e, server, 501);
		break;
	default:
		reply_allow(e, server, 405);
	}
}

void engine_found_peer(struct engine *e, unsigned trunk, const struct sip_address *address)
{
	trunks_found(e->trunks, trunk, address);
}

static void hangup(struct call *call)
{
	struct call_cause cause = { .status = call->answered_ms ? 200 : 480,
				    .reason = "hangup",
				    .ended_by = "system" };

	call_event(call, CALL_ON_HANGUP, &cause);
}

int engine_hangup(struct engine *e, uint64_t call_id)
{
	struct call *call = call_find(e, call_id);

	if (!call)
		return -ENOENT;
	hangup(call);
	return 0;
}

void engine_hangup_all(struct engine *e)
{
	for (struct call *call = e->calls, *next; call; call = next) {
		next = call->next; /* a call that ends takes only itself off the list */
		hangup(call);
	}
}

unsigned engine_call_count(const struct engine *e)
{
	return e->count;
}

const struct engine_stats *engine_get_stats(const struct engine *e)
{
	return &e->stats;
}

void engine_leave_trunks(struct engine *e)
{
	trunks_leave(e->trunks);
}

unsigned engine_leaving(const struct engine *e)
{
	return trunks_leaving(e->trunks);
}

static void restore_row(void *arg, const struct store_call *row)
{
	call_restore(arg, row->id, row->text);
}

void engine_restore(struct engine *e)
{
	uint64_t begin = shard_wall_ms();
	int error =
		store_calls_load(e->shard->store, e->shard->index, e->shard->count, restore_row, e);

	if (error)
		LOG_ERROR("call", 0, "calls on record cannot be read: %s", strerror(-error));
	if (e->count)
		LOG_INFO("call", 0, "%u calls taken up again in %" PRIu64 " ms", e->count,
			 shard_wall_ms() - begin);
	media_adopt(e->shard->media);
}

/* --- for people --- */

static json_t *time_text(uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[40];

	if (!ms)
		return json_null();
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%03uZ", text, (unsigned)(ms % 1000));
}

static json_t *session_ref(const struct session *s)
{
	return s ? json_sprintf("%016" PRIx64, s->id) : json_string("");
}

static json_t *show_call(const struct call *call)
{
	char context[HANDLE_TEXT];
	uint64_t since = call->answered_ms;
	uint64_t now = shard_wall_ms();
	const struct session *callee = call->callee         ? call->callee
				       : call->early        ? call->early
				       : call->branch_count ? call->branches[0].session
							    : NULL;

	handle_text(call->bridge ? media_context_handle(call->bridge->context) : DP_HANDLE_NONE,
		    context);
	return json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:I,s:s,s:o,s:o}", "id",
			 json_sprintf("%016" PRIx64, call->id), "state",
			 call_state_text(call->state), "from", call->from, "to", call->to,
			 "caller_session", session_ref(call->caller), "callee_session",
			 session_ref(callee), "started", time_text(call->started_ms), "answered",
			 time_text(call->answered_ms), "duration_s",
			 (json_int_t)(since && now > since ? (now - since) / 1000 : 0), "context",
			 context, "caller_quality", session_quality(call->caller), "callee_quality",
			 session_quality(callee));
}

void engine_show_calls(struct engine *e, json_t *array)
{
	for (const struct call *call = e->calls; call; call = call->next)
		json_array_append_new(array, show_call(call));
}

void engine_show_sessions(struct engine *e, json_t *array)
{
	for (const struct call *call = e->calls; call; call = call->next) {
		if (session_is_alive(call->caller))
			json_array_append_new(array, session_show(call->caller));
		for (unsigned i = 0; i < call->branch_count; i++) {
			if (session_is_alive(call->branches[i].session))
				json_array_append_new(array,
						      session_show(call->branches[i].session));
		}
	}
}

/* The first shard makes the rows, the others add their calls. */
void engine_show_trunks(struct engine *e, json_t *array)
{
	const struct config *config = e->shard->config;

	for (unsigned i = 0; i < config->trunks_count; i++) {
		const struct config_trunk *trunk = &config->trunks[i];
		json_t *row = json_array_get(array, i);

		if (!row) {
			row = json_pack("{s:s,s:s,s:i,s:s,s:s,s:i}", "name", trunk->name, "address",
					trunk->addresses_count ? trunk->addresses[0] : "", "port",
					(int)trunk->port, "prefix",
					trunk->prefix ? trunk->prefix : "", "state",
					trunks_state(e->trunks, i), "calls", 0);
			json_array_append_new(array, row);
		}
		json_object_set_new(row, "calls",
				    json_integer(json_integer_value(json_object_get(row, "calls")) +
						 e->trunk_calls[i]));
	}
}
