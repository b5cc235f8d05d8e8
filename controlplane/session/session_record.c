/* SPDX-License-Identifier: BSD-3-Clause */
/* A session as a part of its call's record, and as a row for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/main/shard.h"
#include "controlplane/session/bridge.h"
#include "controlplane/session/session_internal.h"
#include "dataplane/client/quality.h"
#include "sip/base/log.h"

#define INVITE_TEXT_MAX 16384
#define CODEC_TEXT      32

static void description_save(const struct description *d, struct record_writer *w)
{
	record_put_address(w, &d->rtp);
	record_put_address(w, &d->rtcp);
	record_put_number(w, d->direction);
	record_put_number(w, d->ptime);
	record_put_number(w, d->codec_count);
	for (unsigned i = 0; i < d->codec_count; i++) {
		record_put_text(w, description_codecs[d->codecs[i].codec].encoding);
		record_put_number(w, d->codecs[i].payload_type);
	}
}

static uint8_t codec_named(struct record_reader *r)
{
	char name[CODEC_TEXT];

	record_text(r, name, sizeof(name));
	for (uint8_t i = 0; i < CODECS; i++) {
		if (strcmp(name, description_codecs[i].encoding) == 0)
			return i;
	}
	r->broken = true;
	return 0;
}

static void description_restore(struct record_reader *r, struct description *d)
{
	*d = (struct description){ 0 };
	record_address(r, &d->rtp);
	record_address(r, &d->rtcp);
	d->direction = (uint8_t)record_number(r, 3);
	d->ptime = (uint16_t)record_number(r, UINT16_MAX);
	d->codec_count = (uint8_t)record_number(r, DESCRIPTION_CODECS_MAX);
	for (unsigned i = 0; i < d->codec_count && !r->broken; i++) {
		d->codecs[i].codec = codec_named(r);
		d->codecs[i].payload_type = (uint8_t)record_number(r, 127);
	}
}

int session_save(const struct session *s, struct record_writer *w)
{
	char text[INVITE_TEXT_MAX];

	if (!s->invite || sip_invite_save(s->invite, text, sizeof(text)) < 0)
		return -EINVAL;
	record_put_number(w, s->id);
	record_put_number(w, s->outbound);
	record_put_number(w, s->media_direction);
	record_put_number(w, s->sdp_id);
	record_put_number(w, s->sdp_version);
	description_save(&s->remote, w);
	description_save(&s->local, w);
	description_save(&s->sdp_last, w);
	record_put_address(w, &s->sdp_last_address);
	record_put_text(w, text);
	return 0;
}

int session_restore(struct session *s, struct record_reader *r)
{
	char text[INVITE_TEXT_MAX];
	int error;

	s->id = record_number(r, UINT64_MAX);
	s->outbound = record_number(r, 1);
	s->media_direction = (uint8_t)record_number(r, 3);
	s->sdp_id = record_number(r, UINT64_MAX);
	s->sdp_version = record_number(r, UINT64_MAX);
	description_restore(r, &s->remote);
	description_restore(r, &s->local);
	description_restore(r, &s->sdp_last);
	record_address(r, &s->sdp_last_address);
	record_text(r, text, sizeof(text));
	if (r->broken)
		return -EINVAL;
	error = sip_invite_restore(s->shard->ua, text, &session_invite_user, s, &s->invite);
	if (error) {
		s->invite = NULL;
		return error;
	}
	session_keep_names(s);
	s->offer_state = OFFER_COMPLETE;
	s->was_complete = true;
	s->state = s->media_direction == SDP_SENDRECV ? SESSION_CONNECTED : SESSION_HELD;
	return 0;
}

json_t *session_quality(const struct session *s)
{
	char text[DP_ALARMS_TEXT];

	if (!s || !s->seat || s->seat->session != s)
		return json_null();
	return json_string(dp_quality_alarms(media_termination_alarms(s->seat->termination), text));
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
		sip_address_ip(&p->remote, address);
		snprintf(path, sizeof(path), strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
			 p->remote.port);
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
