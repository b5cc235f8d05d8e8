/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers and answers of a session (RFC 3264): text of the far end in, text of ours out. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/main/shard.h"
#include "controlplane/session/bridge.h"
#include "controlplane/session/session_internal.h"
#include "controlplane/session/session_table.h"
#include "sip/base/log.h"

#define OFFER_TEXT_MAX 65536u

bool session_offer_event(struct session *s, enum offer_event event)
{
	int next = offer_next_state(s->offer_state, event, s->was_complete);

	if (next < 0) {
		LOG_WARN("session", s->call,
			 "session %016" PRIx64 ": offer/answer event %d in state %s refused", s->id,
			 event, offer_state_text(s->offer_state));
		return false;
	}
	switch (event) {
	case OFFER_ON_SEND:
	case OFFER_ON_RECEIVE:
		s->was_complete = s->offer_state == OFFER_COMPLETE;
		break;
	case OFFER_ON_ANSWER_SENT:
		if (s->offer_state == OFFER_OFFER_RECEIVED)
			description_set(&s->remote, &s->offered);
		s->answer_is_ours = true;
		break;
	case OFFER_ON_ANSWER_RECEIVED:
		if (s->offer_state == OFFER_OFFER_SENT)
			description_set(&s->local, &s->offered);
		s->answer_is_ours = false;
		break;
	default:
		session_forget_offer(s);
	}
	s->offer_state = (uint8_t)next;
	return true;
}

void session_forget_offer(struct session *s)
{
	free(s->offer_text);
	s->offer_text = NULL;
	s->offer_size = 0;
}

/* The text is kept: its answer has as many media lines in the same order (RFC 3264 §6). */
int session_receive_offer(struct session *s, struct slice body)
{
	struct description d;
	struct sdp sdp;
	unsigned line;
	char *copy;
	int error;

	if (body.n == 0)
		return -ENODATA;
	if (body.n > OFFER_TEXT_MAX)
		return -EBADMSG;
	if (offer_next_state(s->offer_state, OFFER_ON_RECEIVE, s->was_complete) < 0)
		return -EBUSY;
	error = description_parse(body, &sdp, &d, &line);
	if (error)
		return error;
	copy = malloc(body.n);
	if (!copy) {
		description_clear(&d);
		return -ENOMEM;
	}
	memcpy(copy, body.p, body.n);
	session_forget_offer(s);
	s->offer_text = copy;
	s->offer_size = body.n;
	description_set(&s->offered, &d);
	description_clear(&d);
	session_offer_event(s, OFFER_ON_RECEIVE);
	return 0;
}

int session_receive_answer(struct session *s, struct slice body)
{
	struct description d;
	const struct description *offer =
		s->offer_state == OFFER_OFFER_SENT ? &s->offered : &s->local;
	struct sdp sdp;
	unsigned line;
	int error;

	if (offer_next_state(s->offer_state, OFFER_ON_ANSWER_RECEIVED, s->was_complete) < 0)
		return -EPROTO;
	error = description_parse(body, &sdp, &d, &line);
	if (error)
		return error;
	if (!description_overlap(offer, &d)) {
		description_clear(&d);
		return -ENOTSUP;
	}
	/* What may flow is what both want (RFC 3264 §6.1), whatever the answer claims. */
	d.direction &= description_reverse(offer->direction);
	session_offer_event(s, OFFER_ON_ANSWER_RECEIVED);
	description_set(&s->remote, &d);
	description_clear(&d);
	return 0;
}

int session_write(struct session *s, const struct description *what, bool answer, char *buffer,
		  size_t size)
{
	struct sdp_format formats[SDP_FORMATS_MAX];
	const struct dp_address *local;
	struct sdp_audio audio;
	struct sdp offer;
	struct sdp_error error;
	int line = 0;

	if (!s->seat || !media_termination_is_ready(s->seat->termination))
		return -ENOTCONN;
	local = media_termination_local(s->seat->termination);
	if (answer) {
		if (!s->offer_text ||
		    sdp_parse((struct slice){ s->offer_text, s->offer_size }, &offer, &error))
			return -EBADMSG;
		line = sdp_find_audio(&offer);
		if (line < 0)
			return -EBADMSG;
	}
	/* RFC 3264 §8: the version goes up when, and only when, the description changed. */
	if (!description_same(what, &s->sdp_last) ||
	    !dp_address_equal(local, &s->sdp_last_address)) {
		s->sdp_version++;
		description_set(&s->sdp_last, what);
		s->sdp_last_address = *local;
	}
	description_to_audio(what, local, formats, &audio);
	return sdp_write(buffer, size, answer ? &offer : NULL, (unsigned)line, &audio, s->sdp_id,
			 s->sdp_version);
}

/* Text of ours for what the other leg said, by the table. Bytes, or an error. */
static int compose(struct session *s, const struct description *ours, bool is_offer, char *text)
{
	if (offer_next_state(s->offer_state, is_offer ? OFFER_ON_SEND : OFFER_ON_ANSWER_SENT,
			     s->was_complete) < 0)
		return -EPROTO;
	return session_write(s, ours, !is_offer, text, SESSION_SDP_MAX);
}

/* It has left. */
static void note_sent(struct session *s, const struct description *ours, bool is_offer)
{
	session_offer_event(s, is_offer ? OFFER_ON_SEND : OFFER_ON_ANSWER_SENT);
	description_set(is_offer ? &s->offered : &s->local, ours);
}

/* A provisional response with a description is a reliable one for who knows how (RFC 3262): its
 * answer stands then. reliable: told whether it was sent so. */
static int respond(struct session *s, const struct session_response *r, struct slice sdp,
		   bool *reliable)
{
	int error = -EOPNOTSUPP;

	*reliable = false;
	if (r->status < 200 && (r->reliable || sdp.n > 0))
		error = sip_invite_respond_reliably(s->invite, r->status, NULL, sdp, r->headers);
	if (error == 0)
		*reliable = true;
	else if (error == -EOPNOTSUPP && !(r->status < 200 && r->sdp && r->is_offer))
		error = sip_invite_respond(s->invite, r->status, NULL, sdp, r->headers);
	return error;
}

static int respond_with(struct session *s, const struct session_response *r)
{
	struct description ours = description_without_address(r->sdp);
	char text[SESSION_SDP_MAX];
	bool reliable;
	int n, error;

	/* Its answer was acknowledged, or will be: no other is possible (RFC 3262 §5). */
	if (s->settled && !r->is_offer) {
		struct session_response bare = *r;

		bare.sdp = NULL;
		return respond(s, &bare, SLICE_NONE, &reliable);
	}
	n = compose(s, &ours, r->is_offer, text);
	if (n < 0)
		return n;
	error = respond(s, r, (struct slice){ text, (size_t)n }, &reliable);
	if (error)
		return error;
	note_sent(s, &ours, r->is_offer);
	s->settled = reliable;
	return 0;
}

int session_progress(struct session *s, const struct session_response *r)
{
	bool reliable;
	int error;

	if (!s->invite)
		return -ENOTCONN;
	error = r->sdp ? respond_with(s, r) : respond(s, r, SLICE_NONE, &reliable);
	if (error)
		return error;
	if (r->sdp)
		session_event(s, SESSION_ON_EARLY_MEDIA);
	else if (r->status == 180)
		session_event(s, SESSION_ON_RING);
	return 0;
}

int session_accept(struct session *s, const struct session_response *r)
{
	bool reliable;
	int error;

	if (!s->invite)
		return -ENOTCONN;
	error = r->sdp ? respond_with(s, r) : respond(s, r, SLICE_NONE, &reliable);
	if (error)
		return error;
	session_forget_offer(s);
	session_event(s, SESSION_ON_CONNECT);
	return 0;
}

/* Before the answer there may be several dialogs; an offer goes to the one that is heard. */
static struct sip_dialog *dialog_of(const struct session *s)
{
	return s->outbound && s->state < SESSION_CONNECTED ? s->heard : NULL;
}

int session_reoffer(struct session *s, const struct description *offer, enum sip_offer_by by)
{
	struct description ours = description_without_address(offer);
	char text[SESSION_SDP_MAX];
	int n, error;

	if (!s->invite)
		return -ENOTCONN;
	if (s->reoffering || s->offer_state != OFFER_COMPLETE)
		return -EBUSY;
	n = compose(s, &ours, true, text);
	if (n < 0)
		return n;
	error = sip_invite_offer(s->invite, dialog_of(s), (struct slice){ text, (size_t)n },
				 s->state < SESSION_CONNECTED ? SIP_BY_UPDATE : by);
	if (error)
		return error;
	s->reoffering = true;
	note_sent(s, &ours, true);
	return 0;
}

int session_ask_offer(struct session *s)
{
	int error;

	if (!s->invite)
		return -ENOTCONN;
	if (s->reoffering || s->offer_state != OFFER_COMPLETE)
		return -EBUSY;
	error = sip_invite_offer(s->invite, NULL, SLICE_NONE, SIP_BY_REINVITE);
	if (!error)
		s->reoffering = true;
	return error;
}

int session_give_answer(struct session *s, const struct description *answer)
{
	struct description ours = description_without_address(answer);
	char text[SESSION_SDP_MAX];
	int n, error;

	if (!s->invite)
		return -ENOTCONN;
	n = compose(s, &ours, false, text);
	if (n < 0)
		return n;
	error = sip_invite_answer(s->invite, s->asked ? s->asked : dialog_of(s),
				  (struct slice){ text, (size_t)n });
	if (error)
		return error;
	note_sent(s, &ours, false);
	session_forget_offer(s);
	s->asked = NULL;
	return 0;
}

int session_give_offer(struct session *s, const struct description *offer)
{
	const struct session_response r = { .status = 200, .sdp = offer, .is_offer = true };

	s->asked = NULL;
	return s->invite ? respond_with(s, &r) : -ENOTCONN;
}

int session_refuse(struct session *s, unsigned status, struct slice extra_headers)
{
	struct sip_dialog *dialog = s->asked;

	if (s->offer_state == OFFER_OFFER_RECEIVED)
		session_offer_event(s, OFFER_ON_ROLLBACK);
	s->asked = NULL;
	if (!s->invite)
		return -ENOTCONN;
	return sip_invite_refuse(s->invite, dialog, status, extra_headers);
}

void session_set_direction(struct session *s, uint8_t direction)
{
	bool held = direction != SDP_SENDRECV;
	bool was_held = s->state == SESSION_HELD;
	char id[SESSION_ID_TEXT];

	s->media_direction = direction;
	if (s->state != SESSION_CONNECTED && s->state != SESSION_HELD)
		return;
	session_event(s, held ? SESSION_ON_HOLD : SESSION_ON_RESUME);
	if (held && !was_held)
		event_publish(s->shard->events, EVENT_SESSION_HELD, s->call, 0,
			      session_id_text(s, id), session_direction_text(direction));
}

const struct description *session_formats(const struct session *s)
{
	return s->answer_is_ours ? &s->local : &s->remote;
}

const char *session_codec(const struct session *s)
{
	const struct codec *codec = description_audio(session_formats(s));

	return codec ? codec->encoding : "";
}
