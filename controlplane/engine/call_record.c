/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls on record: what a restarted control plane needs to end an answered call properly, and
 * to make its media again if the dataplane has lost it too (controlplane/session/record.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/trunk.h"
#include "controlplane/session/session_internal.h"
#include "controlplane/store/store.h"
#include "sip/base/log.h"

#define RECORD_LATER_MS 1000
#define NAME_MAX_TEXT   64
#define FACT_MAX        1024

/* Names, not numbers: the next life may have another configuration, and other tables. */
static const char *realm_name(const struct seat *seat)
{
	const struct config_dataplane *d = &seat->bridge->shard->config->dataplane;

	return seat->realm < d->realms_count ? d->realms[seat->realm].name : "";
}

static void seat_save(const struct seat *seat, struct record_writer *w)
{
	const struct dp_termination_settings *s = media_termination_settings(seat->termination);

	record_put_number(w, seat->side);
	record_put_text(w, realm_name(seat));
	record_put_address(w, media_termination_local(seat->termination));
	record_put_address(w, media_termination_latched(seat->termination));
	record_put_address(w, &s->remote);
	record_put_address(w, &s->remote_rtcp);
	record_put_number(w, s->direction);
	record_put_number(w, s->source_rule);
	record_put_text(w, dp_codec_name(s->codec));
	record_put_number(w, s->payload_type);
	record_put_number(w, s->telephone_event);
	record_put_number(w, s->clock_rate);
	record_put_number(w, s->media_timeout_ms);
	record_put_number(w, s->flags);
}

static uint8_t realm_named(const struct config *config, const char *name)
{
	int index = name ? config_realm_index(config, name) : -1;

	return index < 0 ? DP_REALM_ANY : (uint8_t)index;
}

static int seat_restore(struct bridge *bridge, struct record_reader *r, struct seat **seat)
{
	struct media_termination_config config = { .side = (uint8_t)record_number(r, 1) };
	struct dp_termination_settings *s = &config.settings;
	char text[NAME_MAX_TEXT];

	config.realm = realm_named(bridge->shard->config, record_text(r, text, sizeof(text)));
	record_address(r, &config.local);
	record_address(r, &config.latched);
	record_address(r, &s->remote);
	record_address(r, &s->remote_rtcp);
	s->direction = (uint8_t)record_number(r, DP_DIRECTION_SENDRECV);
	s->source_rule = (uint8_t)record_number(r, DP_SOURCE_HOST);
	s->codec = dp_codec_named(record_text(r, text, sizeof(text)));
	s->payload_type = (uint8_t)record_number(r, UINT8_MAX);
	s->telephone_event = (uint8_t)record_number(r, UINT8_MAX);
	s->clock_rate = (uint32_t)record_number(r, UINT32_MAX);
	s->media_timeout_ms = (uint32_t)record_number(r, UINT32_MAX);
	s->flags = (uint32_t)record_number(r, DP_TERMINATION_FLAGS);
	if (r->broken || config.local.port == 0)
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

static void facts_save(const struct call *call, struct record_writer *w)
{
	record_put_number(w, RECORD_VERSION);
	record_put_text(w, call->from);
	record_put_text(w, call->to);
	record_put_text(w, call->caller_address);
	record_put_text(w, call->callee_address);
	record_put_text(w, name_of_trunk(call, call->trunk_in));
	record_put_text(w, name_of_trunk(call, call->trunk_out));
	record_put_number(w, call->started_ms);
	record_put_number(w, call->ringing_ms);
	record_put_number(w, call->answered_ms);
	record_put_text(w, call->answered_by);
	record_put_number(w, call->withheld);
	record_put_number(w, call->callee_withheld);
	record_put_number(w, call->transfers);
}

void call_record(struct call *call)
{
	char text[RECORD_MAX];
	struct store_call row = { .id = call->id, .text = text };
	struct record_writer w;
	int error;

	/* A transfer may have taken a party, or wait for one. */
	if (call_is_over(call) || !session_is_alive(call->caller) ||
	    !session_is_alive(call->callee) || !call->bridge)
		return;
	record_begin(&w, text, sizeof(text));
	facts_save(call, &w);
	seat_save(call->caller_seat, &w);
	seat_save(call->callee_seat, &w);
	error = session_save(call->caller, &w);
	if (!error)
		error = session_save(call->callee, &w);
	if (!error)
		error = w.overflow ? -ENOSPC : store_call_put(call->engine->shard->store, &row);
	if (error)
		LOG_WARN("call", call->id, "not on record: %s", strerror(-error));
	else
		call->recorded = true;
}

void call_record_over(struct call *call)
{
	const struct store_call row = { .id = call->id, .text = "" };

	if (call->recorded && store_call_put(call->engine->shard->store, &row))
		LOG_WARN("call", call->id, "stays on record");
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

static const char *string(struct call *call, struct record_reader *r)
{
	char text[FACT_MAX];

	return call_string(call, record_text(r, text, sizeof(text)));
}

static int facts_restore(struct call *call, struct record_reader *r)
{
	const struct config *config = call->engine->shard->config;
	char name[NAME_MAX_TEXT];

	if (record_number(r, UINT32_MAX) != RECORD_VERSION)
		return -EINVAL;
	call->from = string(call, r);
	call->to = string(call, r);
	call->caller_address = string(call, r);
	call->callee_address = string(call, r);
	call->trunk_in = trunk_named(config, record_text(r, name, sizeof(name)));
	call->trunk_out = trunk_named(config, record_text(r, name, sizeof(name)));
	call->started_ms = record_number(r, UINT64_MAX);
	call->ringing_ms = record_number(r, UINT64_MAX);
	call->answered_ms = record_number(r, UINT64_MAX);
	call->answered_by = string(call, r);
	call->withheld = record_number(r, 1);
	call->callee_withheld = record_number(r, 1);
	call->transfers = (uint32_t)record_number(r, UINT32_MAX);
	call->counted = limits_take_call(config, true);
	if (call->trunk_in >= 0) {
		limits_take_trunk(config, call->trunk_in, true);
		call->engine->trunk_calls[call->trunk_in]++;
	}
	if (call->trunk_out >= 0) {
		limits_take_trunk(config, call->trunk_out, true);
		call->engine->trunk_calls[call->trunk_out]++;
	}
	return r->broken ? -EINVAL : 0;
}

static int legs_restore(struct call *call, struct record_reader *record)
{
	struct shard *shard = call->engine->shard;
	int error;

	call->caller = session_create_restored(shard, call->id, false, &call_session_user, call);
	call->callee = session_create_restored(shard, call->id, true, &call_session_user, call);
	if (call_make_branches(call, 1)) {
		session_free(call->callee);
		call->callee = NULL;
		return -ENOMEM;
	}
	call->branches[0].session = call->callee;
	if (!call->caller || !call->callee)
		return -ENOMEM;
	error = bridge_create(shard, call->id, true, &call_bridge_user, call, &call->bridge);
	if (!error)
		error = seat_restore(call->bridge, record, &call->caller_seat);
	if (!error)
		error = seat_restore(call->bridge, record, &call->callee_seat);
	if (!error)
		error = session_restore(call->caller, record);
	if (!error)
		error = session_restore(call->callee, record);
	if (error)
		return error;
	sip_invite_set_credentials(call->caller->invite,
				   trunks_credentials(call->engine->trunks, call->trunk_in));
	sip_invite_set_credentials(call->callee->invite,
				   trunks_credentials(call->engine->trunks, call->trunk_out));
	bridge_add(call->caller_seat, call->caller);
	bridge_add(call->callee_seat, call->callee);
	call->state = bridge_is_held(call->bridge) ? CALL_HELD : CALL_ANSWERED;
	return 0;
}

int call_restore(struct engine *e, uint64_t id, const char *text)
{
	struct record_reader record;
	struct call *call;
	int error = call_create(e, id, &call);

	if (error)
		return error;
	record_open(&record, text);
	error = facts_restore(call, &record);
	if (!error)
		error = legs_restore(call, &record);
	if (error) {
		struct call_cause cause = { .status = 500, .reason = "lost", .ended_by = "system" };

		LOG_ERROR("call", id, "cannot be taken up again: %s", strerror(-error));
		call_event(call, CALL_ON_HANGUP, &cause);
		return error;
	}
	call->recorded = true;
	LOG_DEBUG("call", id, "%s -> %s taken up again", call->from, call->to);
	return 0;
}
