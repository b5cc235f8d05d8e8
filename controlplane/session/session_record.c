/* SPDX-License-Identifier: BSD-3-Clause */
/* A session as JSON: for the store, and for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/main/shard.h"
#include "controlplane/session/bridge.h"
#include "controlplane/session/session_internal.h"
#include "sip/base/log.h"

#define INVITE_TEXT_MAX 16384

json_t *address_save(const struct dp_address *a)
{
	char text[DP_ADDRESS_TEXT];

	return a->family ? json_string(dp_address_format(a, text)) : json_null();
}

/* "198.18.0.20:16384" or "[2001:2::20]:16384" */
int address_restore(const json_t *record, struct dp_address *a)
{
	char text[DP_ADDRESS_TEXT];
	const char *value = json_string_value(record);
	char *colon, *ip = text;
	uint32_t port;

	*a = (struct dp_address){ 0 };
	if (!value)
		return json_is_null(record) ? 0 : -EINVAL;
	if ((size_t)snprintf(text, sizeof(text), "%s", value) >= sizeof(text))
		return -EINVAL;
	colon = strrchr(text, ':');
	if (!colon || slice_to_u32(slice_of(colon + 1), 65535, &port))
		return -EINVAL;
	*colon = '\0';
	if (*ip == '[' && colon > ip + 1 && colon[-1] == ']') {
		colon[-1] = '\0';
		ip++;
	}
	return dp_address_parse(ip, (uint16_t)port, a);
}

static json_t *description_save(const struct description *d)
{
	json_t *codecs = json_array();

	for (unsigned i = 0; i < d->codec_count; i++)
		json_array_append_new(
			codecs, json_pack("[s,i]", description_codecs[d->codecs[i].codec].encoding,
					  (int)d->codecs[i].payload_type));
	return json_pack("{s:o,s:o,s:i,s:i,s:o}", "rtp", address_save(&d->rtp), "rtcp",
			 address_save(&d->rtcp), "direction", (int)d->direction, "ptime",
			 (int)d->ptime, "codecs", codecs);
}

static int codec_restore(const json_t *pair, struct description *d)
{
	const char *name = json_string_value(json_array_get(pair, 0));
	json_int_t type = json_integer_value(json_array_get(pair, 1));

	if (!name || type < 0 || type > 127 || d->codec_count == DESCRIPTION_CODECS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < CODECS; i++) {
		if (strcmp(name, description_codecs[i].encoding) != 0)
			continue;
		d->codecs[d->codec_count].codec = (uint8_t)i;
		d->codecs[d->codec_count++].payload_type = (uint8_t)type;
		return 0;
	}
	return -EINVAL;
}

static int description_restore(const json_t *record, struct description *d)
{
	json_int_t direction = json_integer_value(json_object_get(record, "direction"));
	json_int_t ptime = json_integer_value(json_object_get(record, "ptime"));
	json_t *pair;
	size_t i;

	*d = (struct description){ 0 };
	if (!json_is_object(record) || direction < 0 || direction > 3 || ptime < 0 ||
	    ptime > UINT16_MAX)
		return -EINVAL;
	d->direction = (uint8_t)direction;
	d->ptime = (uint16_t)ptime;
	json_array_foreach(json_object_get(record, "codecs"), i, pair)
	{
		if (codec_restore(pair, d))
			return -EINVAL;
	}
	if (address_restore(json_object_get(record, "rtp"), &d->rtp))
		return -EINVAL;
	return address_restore(json_object_get(record, "rtcp"), &d->rtcp);
}

json_t *session_save(const struct session *s)
{
	char *text;
	char id[SESSION_ID_TEXT];
	json_t *record = NULL;

	if (!s->invite)
		return NULL;
	text = malloc(INVITE_TEXT_MAX);
	if (!text)
		return NULL;
	if (sip_invite_save(s->invite, text, INVITE_TEXT_MAX) >= 0)
		record = json_pack(
			"{s:s,s:b,s:s,s:i,s:I,s:I,s:o,s:o,s:o,s:o}", "id", session_id_text(s, id),
			"outbound", s->outbound, "dialog", text, "media_direction",
			(int)s->media_direction, "sdp_id", (json_int_t)s->sdp_id, "sdp_version",
			(json_int_t)s->sdp_version, "remote", description_save(&s->remote), "local",
			description_save(&s->local), "sdp_last", description_save(&s->sdp_last),
			"sdp_address", address_save(&s->sdp_last_address));
	free(text);
	return record;
}

int session_restore(struct session *s, const json_t *record)
{
	const char *id = json_string_value(json_object_get(record, "id"));
	const char *dialog = json_string_value(json_object_get(record, "dialog"));
	json_int_t direction = json_integer_value(json_object_get(record, "media_direction"));
	int error;

	if (!id || !dialog || direction < 0 || direction > 3 ||
	    description_restore(json_object_get(record, "remote"), &s->remote) ||
	    description_restore(json_object_get(record, "local"), &s->local) ||
	    description_restore(json_object_get(record, "sdp_last"), &s->sdp_last) ||
	    address_restore(json_object_get(record, "sdp_address"), &s->sdp_last_address))
		return -EINVAL;
	s->id = strtoull(id, NULL, 16);
	s->outbound = json_is_true(json_object_get(record, "outbound"));
	s->sdp_id = (uint64_t)json_integer_value(json_object_get(record, "sdp_id"));
	s->sdp_version = (uint64_t)json_integer_value(json_object_get(record, "sdp_version"));
	error = sip_invite_restore(s->shard->ua, dialog, &session_invite_user, s, &s->invite);
	if (error) {
		s->invite = NULL;
		return error;
	}
	session_keep_names(s);
	s->offer_state = OFFER_COMPLETE;
	s->was_complete = true;
	s->media_direction = (uint8_t)direction;
	s->state = direction == SDP_SENDRECV ? SESSION_CONNECTED : SESSION_HELD;
	return 0;
}

json_t *session_quality(const struct session *s)
{
	char text[QUALITY_TEXT];

	if (!s || !s->seat || s->seat->session != s)
		return json_null();
	return json_string(quality_text(media_termination_alarms(s->seat->termination), text));
}

json_t *session_show(const struct session *s)
{
	char id[SESSION_ID_TEXT], call[SESSION_ID_TEXT], termination[HANDLE_TEXT] = "-";
	char address[SIP_ADDRESS_TEXT] = "", path[SIP_ADDRESS_TEXT + 8] = "";
	struct slice call_id = SLICE_NONE;

	snprintf(call, sizeof(call), "%016" PRIx64, s->call);
	if (s->invite) {
		const struct sip_path *p = sip_invite_path(s->invite);

		call_id = sip_invite_call_id(s->invite);
		sip_sockaddr_ip(&p->remote, address);
		snprintf(path, sizeof(path), strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
			 sip_sockaddr_port(&p->remote));
	}
	if (s->seat && (s->seat->session == s || !s->seat->session))
		handle_text(media_termination_handle(s->seat->termination), termination);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s%,s:s,s:s,s:s,s:s,s:o}", "id",
			 session_id_text(s, id), "call", call, "direction",
			 s->outbound ? "outbound" : "inbound", "state",
			 session_state_text(s->state), "local_uri",
			 s->local_uri ? s->local_uri : "", "remote_uri",
			 s->remote_uri ? s->remote_uri : "", "remote_address", path, "sip_call_id",
			 call_id.p ? call_id.p : "", call_id.n, "sdp_state",
			 offer_state_text(s->offer_state), "media_direction",
			 session_direction_text(s->media_direction), "codec", session_codec(s),
			 "termination", termination, "quality", session_quality(s));
}
