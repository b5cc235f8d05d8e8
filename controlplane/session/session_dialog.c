/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the dialog of a session tells it, in words of the call.
 *
 * A forking proxy may stand behind an INVITE of ours: then several early dialogs speak, each with
 * a description of its own (RFC 3261 §12.1.2). The one that spoke last is heard; what the others
 * said is kept, because the one that answers may have said it before, in a provisional response.
 */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/main/shard.h"
#include "controlplane/session/session_internal.h"
#include "controlplane/session/session_table.h"

#define EARLIES_MAX 12u

/* --- early dialogs that are not heard now --- */

struct early {
	struct early *next;
	struct sip_dialog *dialog;
	struct description remote;
};

static void early_drop(struct early **at)
{
	struct early *early = *at;

	*at = early->next;
	description_clear(&early->remote);
	free(early);
}

static struct early **early_of(struct session *s, const struct sip_dialog *dialog)
{
	struct early **at = &s->earlies;

	while (*at && (*at)->dialog != dialog)
		at = &(*at)->next;
	return at;
}

void session_forget_earlies(struct session *s)
{
	while (s->earlies)
		early_drop(&s->earlies);
}

/* What the one that was heard until now has said. More than EARLIES_MAX are not remembered. */
static void keep_heard(struct session *s)
{
	unsigned count = 0;
	struct early *early;

	for (early = s->earlies; early; early = early->next)
		count++;
	early = count < EARLIES_MAX ? calloc(1, sizeof(*early)) : NULL;
	if (!early)
		return;
	early->dialog = s->heard;
	description_set(&early->remote, &s->remote);
	early->next = s->earlies;
	s->earlies = early;
}

static void hear(struct session *s, struct sip_dialog *dialog)
{
	struct early **before = early_of(s, dialog);

	if (*before)
		early_drop(before);
	if (s->heard && s->heard != dialog)
		keep_heard(s);
	s->heard = dialog;
}

/* The one that answered said all there is to say before. */
static void recall(struct session *s, struct sip_dialog *dialog)
{
	struct early **early = early_of(s, dialog);

	if (*early)
		description_set(&s->remote, &(*early)->remote);
}

/* --- descriptions that come --- */

static bool is_answer(enum sip_offer_role role)
{
	return role == SIP_BODY_ANSWER || role == SIP_BODY_PREVIEW;
}

/* 0, or what is wrong with it. */
static int take(struct session *s, struct sip_dialog *dialog, const struct sip_msg *msg,
		enum sip_offer_role role, enum session_sdp *sdp)
{
	int error = 0;

	*sdp = SESSION_SDP_NONE;
	if (role == SIP_BODY_OFFER) {
		error = session_receive_offer(s, sip_msg_sdp(msg));
		if (!error)
			*sdp = SESSION_SDP_OFFER;
	} else if (is_answer(role)) {
		if (s->outbound && s->heard != dialog && s->state < SESSION_CONNECTED)
			hear(s, dialog);
		error = session_receive_answer(s, sip_msg_sdp(msg));
		if (!error)
			*sdp = SESSION_SDP_ANSWER;
	}
	return error;
}

static void on_progress(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	struct session *s = arg;
	enum session_sdp sdp;
	int error;

	if (s->state == SESSION_TERMINATING)
		return;
	error = take(s, dialog, response, role, &sdp);
	/* The PRACK that it waits for would have to have an answer: there is no way on. */
	if (error && role == SIP_BODY_OFFER) {
		session_end(s, 488, SLICE_NONE);
		return;
	}
	if (sdp == SESSION_SDP_OFFER)
		s->heard = dialog;
	if (sdp != SESSION_SDP_NONE)
		session_event(s, SESSION_ON_EARLY_MEDIA);
	else if (response->status == 180)
		session_event(s, SESSION_ON_RING);
	s->user->progress(s->arg, s, response, sdp);
}

static void on_answered(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	struct session *s = arg;
	enum session_sdp sdp;
	int error = take(s, dialog, response, role, &sdp);

	/* A 200 that crossed our CANCEL: the dialog sends BYE by itself. */
	if (s->state == SESSION_TERMINATING)
		return;
	if (sdp == SESSION_SDP_NONE && !error) {
		recall(s, dialog);
		if (s->offer_state == OFFER_OFFER_SENT)
			error = -ENODATA;
	}
	s->heard = dialog;
	session_forget_earlies(s);
	session_event(s, SESSION_ON_CONNECT);
	s->user->answered(s->arg, s, response, sdp, error);
}

static void on_early_ended(void *arg, struct sip_dialog *dialog, unsigned status)
{
	struct session *s = arg;
	struct early **early = early_of(s, dialog);

	(void)status;
	if (*early)
		early_drop(early);
	if (s->heard == dialog && s->state < SESSION_CONNECTED)
		s->heard = NULL;
	if (s->asked == dialog)
		s->asked = NULL;
}

/* An offer of ours stood in a response, its answer stands in what acknowledges that. */
static void take_late_answer(struct session *s, const struct sip_msg *msg, enum sip_offer_role role,
			     bool last)
{
	enum session_sdp sdp;
	int error;

	if (s->offer_state != OFFER_OFFER_SENT || s->reoffering ||
	    (role != SIP_BODY_ANSWER && !last))
		return;
	error = take(s, s->heard, msg, role, &sdp);
	if (!error && sdp == SESSION_SDP_NONE)
		error = -ENODATA;
	if (error)
		session_offer_event(s, OFFER_ON_ROLLBACK);
	s->user->agreed(s->arg, s, error);
}

static void on_acked(void *arg, struct sip_msg *ack, enum sip_offer_role role)
{
	struct session *s = arg;

	take_late_answer(s, ack, role, true);
	if (session_is_alive(s))
		s->user->acked(s->arg, s);
}

static void on_pracked(void *arg, struct sip_msg *prack, enum sip_offer_role role)
{
	take_late_answer(arg, prack, role, false);
}

static unsigned refusal_of(int error)
{
	return error == -EBUSY ? 491 : error == -ENOTSUP ? 488 : error == -ENOMEM ? 500 : 400;
}

static void on_reoffered(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			 enum sip_offer_role role)
{
	struct session *s = arg;
	enum session_sdp sdp;
	int error;

	/* Of a fork that is not heard: it may ask again when it is (RFC 3311 §5.2). */
	if (s->heard && dialog != s->heard && s->state < SESSION_CONNECTED) {
		sip_invite_refuse(s->invite, dialog, 504, SLICE_NONE);
		return;
	}
	error = take(s, dialog, request, role, &sdp);
	if (error) {
		sip_invite_refuse(s->invite, dialog, refusal_of(error), SLICE_NONE);
		return;
	}
	s->asked = dialog;
	s->user->reoffered(s->arg, s, sdp == SESSION_SDP_OFFER,
			   request->method == SIP_INVITE ? SIP_BY_REINVITE : SIP_BY_BEST);
}

static void on_reanswered(void *arg, struct sip_dialog *dialog, unsigned status,
			  struct sip_msg *response, enum sip_offer_role role)
{
	struct session *s = arg;
	enum session_sdp sdp = SESSION_SDP_NONE;
	int error = 0;

	s->reoffering = false;
	if (status >= 200 && status < 300 && response)
		error = take(s, dialog, response, role, &sdp);
	if (s->offer_state == OFFER_OFFER_SENT) {
		session_offer_event(s, OFFER_ON_ROLLBACK);
		if (!error && status < 300)
			error = -ENODATA;
	}
	s->user->reanswered(s->arg, s, status, sdp, error);
}

static void on_request(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		       struct sip_msg *request)
{
	struct session *s = arg;

	(void)dialog;
	s->user->request(s->arg, s, server, request);
}

static void on_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	struct session *s = arg;
	char id[SESSION_ID_TEXT];
	static const char *const reasons[] = {
		[SIP_END_BYE_RECEIVED] = "bye-received", [SIP_END_BYE_SENT] = "bye-sent",
		[SIP_END_CANCELLED] = "cancelled",       [SIP_END_REJECTED] = "rejected",
		[SIP_END_TIMEOUT] = "timeout",           [SIP_END_TRANSPORT] = "transport",
	};

	if (s->taken)
		shard_leave_dialog(sip_invite_call_id(s->invite));
	s->invite = NULL;
	s->heard = s->asked = NULL;
	session_forget_offer(s);
	session_forget_earlies(s);
	session_event(s, SESSION_ON_ENDED);
	event_publish(s->shard->events, EVENT_SESSION_TERMINATED, s->call, 0,
		      session_id_text(s, id), reasons[how]);
	s->user->ended(s->arg, s, how, status, msg);
}

void session_let_go(struct session *s)
{
	sip_invite_set_user(s->invite, NULL, NULL);
	on_ended(s, SIP_END_CANCELLED, 487, NULL);
}

const struct sip_invite_user session_invite_user = {
	.progress = on_progress,
	.answered = on_answered,
	.early_ended = on_early_ended,
	.acked = on_acked,
	.pracked = on_pracked,
	.reoffered = on_reoffered,
	.reanswered = on_reanswered,
	.request = on_request,
	.ended = on_ended,
};
