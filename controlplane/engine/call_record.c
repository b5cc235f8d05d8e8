/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls on record: what a restarted control plane needs to end an answered call properly, and
 * to make its media again if the dataplane has lost it too. JSON, with a version.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/session/session_internal.h"
#include "controlplane/store/store.h"
#include "sip/base/log.h"

#define RECORD_VERSION  1
#define RECORD_LATER_MS 1000

/* Names, not numbers: the next life may have another configuration, and other tables. */
static const char *realm_name(const struct seat *seat)
{
	const struct config_dataplane *d = &seat->bridge->shard->config->dataplane;

	return seat->realm < d->realms_count ? d->realms[seat->realm].name : "";
}

static json_t *seat_save(const struct seat *seat)
{
	const struct dp_termination_settings *s = media_termination_settings(seat->termination);

	return json_pack(
		"{s:i,s:s,s:s,s:o,s:o,s:o,s:o,s:i,s:i,s:i,s:i,s:I,s:I,s:I}", "side",
		(int)seat->side, "realm", realm_name(seat), "codec", dp_codec_name(s->codec),
		"local", address_save(media_termination_local(seat->termination)), "latched",
		address_save(media_termination_latched(seat->termination)), "remote",
		address_save(&s->remote), "remote_rtcp", address_save(&s->remote_rtcp), "direction",
		(int)s->direction, "source_rule", (int)s->source_rule, "payload_type",
		(int)s->payload_type, "telephone_event", (int)s->telephone_event, "clock_rate",
		(json_int_t)s->clock_rate, "media_timeout_ms", (json_int_t)s->media_timeout_ms,
		"flags", (json_int_t)s->flags);
}

static json_int_t number(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

static uint8_t realm_named(const struct config *config, const char *name)
{
	int index = name ? config_realm_index(config, name) : -1;

	return index < 0 ? DP_REALM_ANY : (uint8_t)index;
}

static int seat_restore(struct bridge *bridge, const json_t *record, struct seat **seat)
{
	struct media_termination_config config = {
		.side = (uint8_t)number(record, "side"),
		.realm = realm_named(bridge->shard->config,
				     json_string_value(json_object_get(record, "realm"))),
		.settings = { .direction = (uint8_t)number(record, "direction") & 3u,
			      .source_rule = (uint8_t)number(record, "source_rule"),
			      .payload_type = (uint8_t)number(record, "payload_type"),
			      .telephone_event = (uint8_t)number(record, "telephone_event"),
			      .clock_rate = (uint32_t)number(record, "clock_rate"),
			      .media_timeout_ms = (uint32_t)number(record, "media_timeout_ms"),
			      .flags = (uint32_t)number(record, "flags"),
			      .codec = dp_codec_named(
				      json_string_value(json_object_get(record, "codec"))) },
	};

	if (address_restore(json_object_get(record, "local"), &config.local) ||
	    address_restore(json_object_get(record, "latched"), &config.latched) ||
	    address_restore(json_object_get(record, "remote"), &config.settings.remote) ||
	    address_restore(json_object_get(record, "remote_rtcp"), &config.settings.remote_rtcp) ||
	    config.local.port == 0)
		return -EINVAL;
	return bridge_reserve_restored(bridge, &config, seat);
}

static const char *name_of_trunk(const struct call *call, int trunk)
{
	return trunk >= 0 ? call->engine->shard->config->trunks[trunk].name : "";
}

static int trunk_named(const struct config *config, const char *name)
{
	for (unsigned i = 0; name && i < config->trunks_count; i++) {
		if (strcmp(config->trunks[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

void call_record(struct call *call)
{
	struct store_call row = { .id = call->id };
	json_t *record, *caller, *callee;
	char *text = NULL;
	int error = -ENOMEM;

	if (call_is_over(call) || !call->callee || !call->bridge)
		return;
	caller = session_save(call->caller);
	callee = session_save(call->callee);
	record = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:o*,s:o*,s:o,s:o}", "v",
			   RECORD_VERSION, "from", call->from, "to", call->to, "caller_address",
			   call->caller_address, "callee_address", call->callee_address, "trunk_in",
			   name_of_trunk(call, call->trunk_in), "trunk_out",
			   name_of_trunk(call, call->trunk_out), "started_ms",
			   (json_int_t)call->started_ms, "ringing_ms", (json_int_t)call->ringing_ms,
			   "answered_ms", (json_int_t)call->answered_ms, "caller", caller, "callee",
			   callee, "caller_seat", seat_save(call->caller_seat), "callee_seat",
			   seat_save(call->callee_seat));
	if (record && caller && callee)
		text = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	if (text) {
		row.text = text;
		error = store_call_put(call->engine->shard->store, &row);
	}
	if (error)
		LOG_WARN("call", call->id, "not on record: %s", strerror(-error));
	else
		call->recorded = true;
	free(text);
}

static void on_later(struct timer *timer)
{
	call_record((struct call *)((char *)timer - offsetof(struct call, timer)));
}

void call_record_later(struct call *call)
{
	if (call->callee && !timer_is_set(&call->timer))
		timer_set(call->engine->shard->wheel, &call->timer, RECORD_LATER_MS, on_later);
}

static const char *string(struct call *call, const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? call_string(call, text) : "";
}

static void facts_restore(struct call *call, const json_t *record)
{
	const struct config *config = call->engine->shard->config;

	call->from = string(call, record, "from");
	call->to = string(call, record, "to");
	call->caller_address = string(call, record, "caller_address");
	call->callee_address = string(call, record, "callee_address");
	call->started_ms = (uint64_t)number(record, "started_ms");
	call->ringing_ms = (uint64_t)number(record, "ringing_ms");
	call->answered_ms = (uint64_t)number(record, "answered_ms");
	call->trunk_in =
		trunk_named(config, json_string_value(json_object_get(record, "trunk_in")));
	call->trunk_out =
		trunk_named(config, json_string_value(json_object_get(record, "trunk_out")));
	call->counted = limits_take_call(config);
	if (call->trunk_in >= 0) {
		limits_take_trunk(config, call->trunk_in);
		call->engine->trunk_calls[call->trunk_in]++;
	}
	if (call->trunk_out >= 0) {
		limits_take_trunk(config, call->trunk_out);
		call->engine->trunk_calls[call->trunk_out]++;
	}
}

static int legs_restore(struct call *call, const json_t *record)
{
	struct shard *shard = call->engine->shard;
	int error;

	call->caller = session_create(shard, call->id, false, &call_session_user, call);
	call->callee = session_create(shard, call->id, true, &call_session_user, call);
	call->branches[0].session = call->callee;
	call->branch_count = 1;
	if (!call->caller || !call->callee)
		return -ENOMEM;
	error = bridge_create(shard, call->id, true, &call_bridge_user, call, &call->bridge);
	if (!error)
		error = seat_restore(call->bridge, json_object_get(record, "caller_seat"),
				     &call->caller_seat);
	if (!error)
		error = seat_restore(call->bridge, json_object_get(record, "callee_seat"),
				     &call->callee_seat);
	if (!error)
		error = session_restore(call->caller, json_object_get(record, "caller"));
	if (!error)
		error = session_restore(call->callee, json_object_get(record, "callee"));
	if (error)
		return error;
	bridge_add(call->caller_seat, call->caller);
	bridge_add(call->callee_seat, call->callee);
	call->state = bridge_is_held(call->bridge) ? CALL_HELD : CALL_ANSWERED;
	return 0;
}

int call_restore(struct engine *e, uint64_t id, const char *text)
{
	struct call *call;
	json_t *record;
	int error = call_create(e, id, &call);

	if (error)
		return error;
	record = json_loads(text, 0, NULL);
	if (!record || number(record, "v") != RECORD_VERSION) {
		error = -EINVAL;
	} else {
		facts_restore(call, record);
		error = legs_restore(call, record);
	}
	json_decref(record);
	if (error) {
		struct call_cause cause = { .status = 500, .reason = "lost", .ended_by = "system" };

		LOG_ERROR("call", id, "cannot be taken up again: %s", strerror(-error));
		call_event(call, CALL_ON_HANGUP, &cause);
		return error;
	}
	call->recorded = true;
	call_record_later(call); /* with the CSeq that a next restart goes on from */
	LOG_INFO("call", id, "%s -> %s taken up again", call->from, call->to);
	return 0;
}
