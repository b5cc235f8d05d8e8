/* SPDX-License-Identifier: BSD-3-Clause */
/* A session as a part of its call's record, and as a row for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/main/shard.h"
#include "controlplane/session/bridge.h"
#include "controlplane/session/session_internal.h"
#include "dataplane/client/quality.h"
#include "sip/base/log.h"

#define INVITE_TEXT_MAX 16384

static void description_save(const struct description *d, struct record_writer *w)
{
	unsigned count = d->codecs ? d->codecs->count : 0;

	record_put_address(w, &d->rtp);
	record_put_address(w, &d->rtcp);
	record_put_number(w, d->direction);
	record_put_text(w, sdp_protocol_text(d->protocol));
	record_put_number(w, d->ptime);
	record_put_number(w, d->max_ptime);
	record_put_number(w, count);
	for (unsigned i = 0; i < count; i++) {
		const struct codec *c = &d->codecs->codecs[i];

		record_put_text(w, c->encoding);
		record_put_number(w, c->payload_type);
		record_put_number(w, c->clock_rate);
		record_put_number(w, c->channels);
		record_put_text(w, c->fmtp);
	}
}

static uint8_t protocol_named(const char *name)
{
	return strcmp(name, sdp_protocol_text(SDP_RTP_AVPF)) == 0 ? SDP_RTP_AVPF : SDP_RTP_AVP;
}

struct codec_texts {
	char encoding[CODEC_NAME_MAX], fmtp[CODEC_FMTP_MAX];
};

static void codec_restore(struct record_reader *r, struct codec_texts *texts, struct sdp_format *f)
{
	f->encoding = slice_of(record_text(r, texts->encoding, sizeof(texts->encoding)));
	f->payload_type = (uint8_t)record_number(r, 127);
	f->clock_rate = (uint32_t)record_number(r, UINT32_MAX);
	f->channels = (uint8_t)record_number(r, UINT8_MAX);
	f->fmtp = slice_of(record_text(r, texts->fmtp, sizeof(texts->fmtp)));
}

static void description_restore(struct record_reader *r, struct description *d)
{
	struct codec_texts texts[SDP_FORMATS_MAX];
	struct sdp_format formats[SDP_FORMATS_MAX];
	struct description read = { 0 };
	unsigned count;
	char protocol[CODEC_NAME_MAX];

	record_address(r, &read.rtp);
	record_address(r, &read.rtcp);
	read.direction = (uint8_t)record_number(r, 3);
	read.protocol = protocol_named(record_text(r, protocol, sizeof(protocol)));
	read.ptime = (uint16_t)record_number(r, UINT16_MAX);
	read.max_ptime = (uint16_t)record_number(r, UINT16_MAX);
	count = (unsigned)record_number(r, SDP_FORMATS_MAX);
	for (unsigned i = 0; i < count && !r->broken; i++)
		codec_restore(r, &texts[i], &formats[i]);
	if (r->broken)
		return;
	description_set(d, &read);
	/* Nothing was ever said: no audio, no error. */
	if (count > 0 && description_set_formats(d, formats, count))
		r->broken = true;
}

int session_save(const struct session *s, struct record_writer *w)
{
	char text[INVITE_TEXT_MAX];

	if (!s->invite || sip_invite_save(s->invite, text, sizeof(text)) < 0)
		return -EINVAL;
	record_put_number(w, s->id);
	record_put_number(w, s->outbound);
	record_put_number(w, s->answer_is_ours);
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

/* Its dialog is here now; its messages have to come here too. */
static int take_dialog(struct session *s)
{
	const struct shard *shard = s->shard;
	int home = shard_of_token(sip_invite_call_id(s->invite));
	int error = 0;

	if (shard->count <= 1)
		return 0;
	if (home < 0)
		home = shard_of_token(sip_invite_local_tag(s->invite));
	s->taken = home >= 0 && (unsigned)home % shard->count != shard->index;
	if (s->taken)
		error = shard_take_dialog(sip_invite_call_id(s->invite), shard->index);
	else
		shard_leave_dialog(sip_invite_call_id(s->invite));
	return error;
}

int session_hand_over(struct session *s, unsigned shard, struct record_writer *w)
{
	int error = session_save(s, w);

	if (!error && w->overflow)
		error = -ENOSPC;
	if (!error)
		error = shard_take_dialog(sip_invite_call_id(s->invite), shard);
	if (error)
		return error;
	sip_invite_forget(s->invite);
	s->invite = NULL;
	s->heard = s->asked = NULL;
	s->reoffering = s->taken = false;
	session_forget_offer(s);
	session_forget_earlies(s);
	return 0;
}

int session_restore(struct session *s, struct record_reader *r)
{
	char text[INVITE_TEXT_MAX];
	int error;

	s->id = record_number(r, UINT64_MAX);
	s->outbound = record_number(r, 1);
	s->answer_is_ours = record_number(r, 1);
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
	if (take_dialog(s))
		LOG_WARN("session", s->call, "its messages go to another shard");
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
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s%,s:s,s:s,s:s,s:s,s:s,s:o}", "id",
		session_id_text(s, id), "call", call, "direction",
		s->outbound ? "outbound" : "inbound", "state", session_state_text(s->state),
		"local_uri", s->local_uri ? s->local_uri : "", "remote_uri",
		s->remote_uri ? s->remote_uri : "", "remote_address", path, "sip_call_id",
		call_id.p ? call_id.p : "", call_id.n, "sdp_state",
		offer_state_text(s->offer_state), "media_direction",
		session_direction_text(s->media_direction), "codec", session_codec(s), "auth",
		s->auth ? s->auth : "", "termination", termination, "quality", session_quality(s));
}
