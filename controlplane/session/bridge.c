/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/session/bridge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/events/events.h"
#include "controlplane/main/shard.h"
#include "controlplane/session/bridge_internal.h"
#include "controlplane/session/session_internal.h"
#include "sip/base/format.h"
#include "sip/base/log.h"

#define PAYLOAD_TYPE_UNKNOWN 255
#define CLOCK_RATE_DEFAULT   8000u
#define CLOCK_RATE_MIN       1000u /* struct dp_termination_settings */
#define CLOCK_RATE_MAX       192000u

const char *handle_text(dp_handle_t handle, char text[HANDLE_TEXT])
{
	if (dp_handle_is_none(handle))
		format_print(text, HANDLE_TEXT, "-");
	else
		format_print(text, HANDLE_TEXT, "%u.%u", handle.index, handle.generation);
	return text;
}

int bridge_create(struct shard *shard, uint64_t call, bool restore, const struct bridge_user *user,
		  void *arg, struct bridge **out)
{
	struct bridge *b = calloc(1, sizeof(*b));
	int error;

	if (!b)
		return -ENOMEM;
	b->shard = shard;
	b->call = call;
	b->user = user;
	b->arg = arg;
	b->done = b->restored = b->announced = restore;
	error = restore ? media_context_restore(shard->media, call, &b->context)
			: media_context_create(shard->media, call, &b->context);
	if (error) {
		free(b);
		return error;
	}
	*out = b;
	return 0;
}

void bridge_destroy(struct bridge *b, const char *reason)
{
	char context[HANDLE_TEXT];

	if (!b)
		return;
	handle_text(media_context_handle(b->context), context);
	for (struct seat *s = b->seats; s; s = s->next)
		bridge_remove(s, reason);
	if (b->announced)
		event_publish(b->shard->events, EVENT_BRIDGE_DESTROYED, b->call, 0, context);
	media_context_destroy(b->context);
	while (b->seats) {
		struct seat *s = b->seats;

		b->seats = s->next;
		free(s);
	}
	free(b);
}

void bridge_forget(struct bridge *b)
{
	while (b->seats) {
		struct seat *s = b->seats;

		b->seats = s->next;
		media_termination_set_user(s->termination, NULL, NULL);
		free(s);
	}
	free(b);
}

/* --- seats --- */

static void on_ready(void *arg, int status)
{
	struct seat *seat = arg;
	struct bridge *b = seat->bridge;

	if (seat->spare)
		b->user->spare(b->arg, status);
	if (b->done)
		return;
	if (status == 0 && --b->waiting > 0)
		return;
	b->done = true;
	b->user->ready(b->arg, status);
}

static void on_lost(void *arg, int status)
{
	struct seat *seat = arg;
	struct bridge *b = seat->bridge;
	char id[SESSION_ID_TEXT];

	if (seat->session)
		event_publish(b->shard->events, EVENT_MEDIA_FAILED, b->call, 0,
			      session_id_text(seat->session, id), "dataplane");
	b->user->lost(b->arg, status);
}

static const struct media_termination_user seat_user = {
	.ready = on_ready,
	.latched = seat_latched,
	.timeout = seat_timeout,
	.resumed = seat_resumed,
	.foreign = seat_foreign,
	.loop = seat_loop,
	.quality = seat_quality,
	.lost = on_lost,
};

/* Nothing between translates addresses: its SIP comes from the host that its SDP names. */
static bool is_where_it_says(const struct session *s)
{
	struct dp_address host;
	char ip[SIP_ADDRESS_TEXT];

	sip_address_ip(&sip_invite_path(s->invite)->remote, ip);
	return dp_address_parse(ip, s->remote.rtp.port, &host) == 0 &&
	       dp_address_equal(&host, &s->remote.rtp);
}

/* By calls.media_source. s: whose SDP is known; NULL: nobody's yet, or not who wrote it. */
static uint8_t source_rule(const struct config_calls *calls, const struct session *s,
			   uint8_t before)
{
	if (calls->media_source && strcmp(calls->media_source, "strict") == 0)
		return DP_SOURCE_STRICT;
	if (calls->media_source && strcmp(calls->media_source, "learn") == 0)
		return DP_SOURCE_LEARN;
	if (!s || !s->invite)
		return before == DP_SOURCE_STRICT ? DP_SOURCE_LEARN : before;
	return is_where_it_says(s) ? DP_SOURCE_HOST : DP_SOURCE_LEARN;
}

/* What the configuration says of the terminations of calls. */
static void configure(const struct config_calls *calls, struct dp_termination_settings *settings)
{
	settings->packet_rate_max = calls->packet_rate_max;
	settings->source_rule = source_rule(calls, NULL, settings->source_rule);
	settings->flags &= ~(uint32_t)DP_TERMINATION_RTCP_OWN;
	if (calls->rtcp && strcmp(calls->rtcp, "own") == 0)
		settings->flags |= DP_TERMINATION_RTCP_OWN;
}

int bridge_reserve_restored(struct bridge *b, const struct media_termination_config *wanted,
			    struct seat **out)
{
	struct seat *seat = calloc(1, sizeof(*seat)), **last = &b->seats;
	struct media_termination_config config = *wanted;
	int error;

	if (!seat)
		return -ENOMEM;
	configure(&b->shard->config->calls, &config.settings);
	seat->bridge = b;
	seat->side = config.side;
	seat->realm = config.realm;
	error = media_termination_create(b->context, &config, &seat_user, seat, &seat->termination);
	if (error) {
		free(seat);
		return error;
	}
	while (*last)
		last = &(*last)->next;
	*last = seat;
	*out = seat;
	return 0;
}

static int reserve(struct bridge *b, uint8_t side, uint8_t realm, uint8_t family,
		   struct seat **seat)
{
	struct media_termination_config config = {
		.side = side,
		.realm = realm,
		.local = { .family = family },
		.settings = { .direction = DP_DIRECTION_INACTIVE,
			      .source_rule = DP_SOURCE_LEARN,
			      .payload_type = PAYLOAD_TYPE_UNKNOWN,
			      .telephone_event = PAYLOAD_TYPE_UNKNOWN,
			      .clock_rate = CLOCK_RATE_DEFAULT },
	};

	return bridge_reserve_restored(b, &config, seat);
}

int bridge_reserve(struct bridge *b, uint8_t side, uint8_t realm, uint8_t family,
		   struct seat **seat)
{
	b->waiting++;
	return reserve(b, side, realm, family, seat);
}

int bridge_reserve_spare(struct bridge *b, uint8_t side, uint8_t realm, uint8_t family,
			 struct seat **seat)
{
	int error = reserve(b, side, realm, family, seat);

	if (!error)
		(*seat)->spare = true;
	return error;
}

void bridge_give_up(struct seat *seat, const char *reason)
{
	struct seat **link = &seat->bridge->seats;

	bridge_remove(seat, reason);
	media_termination_destroy(seat->termination);
	while (*link != seat)
		link = &(*link)->next;
	*link = seat->next;
	free(seat);
}

void bridge_add(struct seat *seat, struct session *session)
{
	struct bridge *b = seat->bridge;
	char id[SESSION_ID_TEXT], context[HANDLE_TEXT];

	if (seat->session == session)
		return;
	if (seat->session)
		bridge_remove(seat, "replaced");
	seat->session = session;
	session->seat = seat;
	b->sessions++;
	if (b->restored)
		return;
	handle_text(media_context_handle(b->context), context);
	if (!b->announced)
		event_publish(b->shard->events, EVENT_BRIDGE_CREATED, b->call, 0, context);
	b->announced = true;
	event_publish(b->shard->events, EVENT_BRIDGE_PARTICIPANT_ADDED, b->call, 0, context,
		      session_id_text(session, id));
}

void bridge_remove(struct seat *seat, const char *reason)
{
	struct bridge *b = seat->bridge;
	struct session *s = seat->session;
	char id[SESSION_ID_TEXT], handle[HANDLE_TEXT];

	if (!s)
		return;
	session_id_text(s, id);
	event_publish(b->shard->events, EVENT_MEDIA_STOPPED, b->call, 0, id,
		      handle_text(media_termination_handle(seat->termination), handle), reason);
	event_publish(b->shard->events, EVENT_BRIDGE_PARTICIPANT_REMOVED, b->call, 0,
		      handle_text(media_context_handle(b->context), handle), id, reason);
	seat->session = NULL;
	s->seat = NULL;
	b->sessions--;
}

/* What its far end may send and be sent: what it wants, and what somebody else gives and takes. */
static uint8_t agreed_direction(const struct seat *seat)
{
	uint8_t others = 0;

	for (const struct seat *o = seat->bridge->seats; o; o = o->next) {
		if (o != seat && o->session && o->session->offer_state != OFFER_INITIAL)
			others |= description_reverse(o->session->remote.direction);
	}
	return seat->session->remote.direction & others;
}

/* One that the dataplane would refuse is of no use for its jitter either. */
static uint32_t clock_rate_of(const struct codec *codec)
{
	return codec->clock_rate >= CLOCK_RATE_MIN && codec->clock_rate <= CLOCK_RATE_MAX
		       ? codec->clock_rate
		       : CLOCK_RATE_DEFAULT;
}

static void update_seat(struct seat *seat, uint8_t direction, uint32_t media_timeout_ms)
{
	struct session *s = seat->session;
	struct dp_termination_settings settings = *media_termination_settings(seat->termination);
	const struct codec *audio = description_audio(session_formats(s));
	const struct codec *event = description_event(session_formats(s));
	char id[SESSION_ID_TEXT], handle[HANDLE_TEXT], address[DP_ADDRESS_TEXT];
	bool started = settings.direction != DP_DIRECTION_INACTIVE || settings.remote.family;
	bool changed = settings.direction != direction;

	/* 0.0.0.0 says "do not send", not "forget where I am". */
	if (s->remote.rtp.family) {
		settings.remote = s->remote.rtp;
		settings.remote_rtcp = s->remote.rtcp;
		settings.source_rule =
			source_rule(&s->shard->config->calls, s, settings.source_rule);
	}
	settings.direction = direction;
	settings.media_timeout_ms = media_timeout_ms;
	settings.payload_type = audio ? audio->payload_type : PAYLOAD_TYPE_UNKNOWN;
	settings.telephone_event = event ? event->payload_type : PAYLOAD_TYPE_UNKNOWN;
	settings.codec = audio ? audio->dp_codec : DP_CODEC_UNKNOWN;
	settings.clock_rate = audio ? clock_rate_of(audio) : CLOCK_RATE_DEFAULT;
	media_termination_modify(seat->termination, &settings);
	session_set_direction(s, direction);
	if (!started)
		event_publish(
			s->shard->events, EVENT_MEDIA_STARTED, s->call, 0, session_id_text(s, id),
			handle_text(media_termination_handle(seat->termination), handle),
			dp_address_format(media_termination_local(seat->termination), address));
	else if (changed)
		event_publish(s->shard->events, EVENT_MEDIA_CHANGED, s->call, 0,
			      session_id_text(s, id),
			      handle_text(media_termination_handle(seat->termination), handle),
			      session_direction_text(direction));
}

void bridge_update(struct bridge *b, uint32_t media_timeout_ms)
{
	for (struct seat *s = b->seats; s; s = s->next) {
		uint8_t direction;

		if (!s->session)
			continue;
		direction = agreed_direction(s);
		update_seat(s, direction, direction == SDP_SENDRECV ? media_timeout_ms : 0);
	}
}

void bridge_relearn(struct seat *seat)
{
	media_termination_relearn(seat->termination);
}

bool bridge_is_held(const struct bridge *b)
{
	for (const struct seat *s = b->seats; s; s = s->next) {
		if (s->session && s->session->media_direction != SDP_SENDRECV)
			return true;
	}
	return false;
}
