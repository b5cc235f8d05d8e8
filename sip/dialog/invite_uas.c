/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

/* --- the INVITE comes --- */

static void server_terminated(void *arg, struct sip_transaction *server)
{
	struct sip_invite *invite = arg;

	if (invite->server == server)
		invite->server = NULL;
	if (invite->accepted == server)
		invite->accepted = NULL;
}

const struct sip_transaction_user invite_server_user = { .terminated = server_terminated };

/* RFC 3261 §12.1.1 */
static int set_dialog(struct sip_invite *invite, const struct sip_msg *request,
		      const struct sip_path *from)
{
	struct sip_dialog *dialog;
	int rc = sip_dialog_create_uas(invite->ua, request, from, &dialog);

	if (rc != 0)
		return rc;
	invite->part = invite_add_part(invite, dialog);
	if (invite->part == NULL) {
		sip_dialog_drop(dialog);
		return -ENOMEM;
	}
	invite->origin = dialog->origin;
	sip_origin_ref(invite->origin);
	invite_body(invite->part, request, SIP_IN_INVITE);
	return 0;
}

void uas_receive_invite(struct sip_ua *ua, struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from)
{
	struct sip_invite *invite, *replaced, *joined;
	const unsigned status = replaces_judge(ua, request, &replaced, &joined);
	char line[SESSION_LINES];
	int rc;

	if (status != 0) {
		sip_transaction_reply(server, status, NULL, SLICE_NONE, NULL);
		return;
	}
	if (session_refuses(ua, request, line, sizeof(line))) {
		sip_transaction_reply(server, 422, NULL, SLICE_NONE, line);
		return;
	}
	if (ua->invites >= ua->config.invites_max) {
		sip_transaction_reply(server, 503, NULL, SLICE_NONE, "Retry-After: 5\r\n");
		return;
	}
	invite = invite_create(ua, false);
	if (invite == NULL) {
		sip_transaction_reply(server, 500, NULL, SLICE_NONE, NULL);
		return;
	}
	rc = set_dialog(invite, request, from);
	if (rc != 0) {
		invite_abandon(invite);
		sip_transaction_reply(server, rc == -EINVAL ? 400 : 500, NULL, SLICE_NONE, NULL);
		return;
	}
	invite->server = server;
	sip_transaction_set_user(server, &invite_server_user, invite);
	invite->replaced = replaced;
	invite->joined = joined;
	if (replaced != NULL)
		invite_hold(replaced);
	if (joined != NULL)
		invite_hold(joined);
	invite_hold(invite);
	ua->config.user.invite(ua->config.user.arg, invite, request, from);
	if (invite->user == NULL && invite->state != SIP_INVITE_TERMINATED)
		sip_invite_end(invite, 500, SLICE_NONE);
	invite_release(invite);
}

/* --- the user answers --- */

/* A response to an INVITE. */
struct answer {
	unsigned status;
	const char *reason;
	struct slice sdp, headers;
	bool reliably; /* if it is provisional, and may be */
};

/* RFC 3262 §3; §5: an offer in a provisional response is one in a reliable one. */
static bool is_reliable(const struct sip_invite *invite, const struct answer *a)
{
	const struct sip_msg *request = sip_transaction_request(invite->server);
	const bool offers = a->sdp.n > 0 && invite->part->offer.due == SIP_DUE_US;

	if (a->status <= 100 || a->status >= 200)
		return false;
	return sip_msg_requires(request, SIP_OPTION_100REL) ||
	       (sip_msg_supports(request, SIP_OPTION_100REL) && (a->reliably || offers));
}

static int build(struct sip_invite *invite, const struct answer *a, struct slice sdp, bool reliable,
		 struct slice *message)
{
	char own[SESSION_LINES] = "";

	if (a->status / 100 == 2)
		session_answer(invite, sip_transaction_request(invite->server), own, sizeof(own));
	else if (reliable)
		snprintf(own, sizeof(own), "Require: 100rel\r\nRSeq: %u\r\n",
			 reliable_next(invite));
	return dialog_build_response(invite_dialog(invite), invite->server, a->status, a->reason,
				     slice_of(own), a->headers, sdp.n > 0 ? SDP_TYPE : SLICE_NONE,
				     sdp, message);
}

/* What may not stand in it is left out; a failure leaves what was agreed before. *held: it waits. */
static int respond(struct sip_invite *invite, const struct answer *a, bool *held)
{
	struct invite_part *part = invite->part;
	const struct sip_offer before = part->offer;
	const bool reliable = is_reliable(invite, a);
	const enum sip_offer_carrier carrier = a->status >= 200 ? SIP_IN_2XX
					       : reliable       ? SIP_IN_RELIABLE_1XX
								: SIP_IN_1XX;
	struct slice sdp = a->sdp, message;
	int rc;

	*held = reliable_holds(invite, a->status);
	if (a->status >= 300)
		sip_offer_rollback(&part->offer);
	else if (invite_sends(part, carrier, sdp) == SIP_BODY_FORBIDDEN)
		sdp = SLICE_NONE;
	rc = build(invite, a, sdp, reliable, &message);
	if (rc == 0 && *held)
		rc = reliable_hold(invite, message, a->status, reliable, sdp.n > 0);
	else if (rc == 0)
		rc = sip_transaction_respond(invite->server, message);
	if (rc != 0)
		part->offer = before;
	else if (reliable && !*held)
		reliable_sent(invite, sdp.n > 0);
	return rc;
}

static enum invite_event event_of(unsigned status)
{
	return status < 200   ? INVITE_EVENT_RESPOND_1XX
	       : status < 300 ? INVITE_EVENT_RESPOND_2XX
			      : INVITE_EVENT_RESPOND_FAILURE;
}

/* What remains to be done for it. */
void uas_answered(struct sip_invite *invite, unsigned status)
{
	struct sip_transaction *server = invite->server;
	struct sip_dialog *dialog = invite_dialog(invite);

	invite->server = NULL;
	reliable_stop(invite);
	timer_cancel(invite->ua->config.transactions.wheel, &invite->repeat);
	if (status >= 300) {
		sip_transaction_detach(server);
		return;
	}
	sip_dialog_refresh(dialog, sip_transaction_request(server), sip_transaction_path(server));
	session_answered(invite, sip_transaction_request(server));
	invite->accepted = server;
	invite_await_ack(invite);
}

static int respond_to_invite(struct sip_invite *invite, const struct answer *a)
{
	const bool first = !invite->uac && invite->state <= SIP_INVITE_EARLY;
	struct invite_step step = { .status = a->status };
	bool held;
	int rc;

	if (first && !invite_can(invite, event_of(a->status)))
		return -EINVAL;
	rc = respond(invite, a, &held);
	if (rc != 0 || a->status == 100)
		return rc;
	if (a->status >= 200 && !held)
		uas_answered(invite, a->status);
	else if (a->status < 200)
		invite_keep_ringing(invite);
	if (first)
		invite_step(invite, event_of(a->status), &step);
	return 0;
}

int sip_invite_respond(struct sip_invite *invite, unsigned status, const char *reason,
		       struct slice sdp, struct slice extra_headers)
{
	const struct answer a = { status, reason, sdp, extra_headers, false };

	if (status < 100 || status > 699)
		return -EINVAL;
	if (invite->server == NULL && invite->part != NULL && invite->part->asked != NULL)
		return asked_respond(invite->part, status, reason, sdp, extra_headers);
	/* 2xx was said, and waits for a PRACK. */
	if (invite->server == NULL || invite->reliable.final.text != NULL)
		return -EINVAL;
	if (status == 199 &&
	    !sip_msg_supports(sip_transaction_request(invite->server), SIP_OPTION_EARLY_ENDED))
		return -EOPNOTSUPP;
	return respond_to_invite(invite, &a);
}

int sip_invite_respond_reliably(struct sip_invite *invite, unsigned status, const char *reason,
				struct slice sdp, struct slice extra_headers)
{
	const struct answer a = { status, reason, sdp, extra_headers, true };

	if (invite->server == NULL || status <= 100 || status >= 200)
		return -EINVAL;
	if (!sip_msg_supports(sip_transaction_request(invite->server), SIP_OPTION_100REL))
		return -EOPNOTSUPP;
	return respond_to_invite(invite, &a);
}

/* --- later offers of theirs --- */

/* The answer that the ACK of a 2xx was waiting for. */
static int answer_in_ack(struct invite_part *part, struct slice sdp)
{
	struct sip_invite *invite = part->invite;
	int rc;

	if (part != invite->part || invite->state != SIP_INVITE_CONFIRMED)
		return -EINVAL;
	rc = invite_send_ack(invite, invite->ack_cseq, sdp);
	if (rc != 0)
		return rc;
	invite->ack_due = false;
	invite_sends(part, SIP_IN_ACK, sdp);
	return 0;
}

int sip_invite_answer(struct sip_invite *invite, struct sip_dialog *dialog, struct slice sdp)
{
	struct invite_part *part = invite_part_of(invite, dialog);

	if (part == NULL)
		return -EINVAL;
	if (part->asked != NULL)
		return asked_respond(part, 200, NULL, sdp, SLICE_NONE);
	if (part->prack_due)
		return prack_send(part, sdp);
	if (invite->ack_due)
		return answer_in_ack(part, sdp);
	if (invite->server != NULL && invite->state == SIP_INVITE_CONFIRMED)
		return sip_invite_respond(invite, 200, NULL, sdp, SLICE_NONE);
	return -EINVAL;
}

int sip_invite_refuse(struct sip_invite *invite, struct sip_dialog *dialog, unsigned status,
		      struct slice extra_headers)
{
	struct invite_part *part = invite_part_of(invite, dialog);

	if (part == NULL || status < 300 || status > 699)
		return -EINVAL;
	if (part->asked != NULL)
		return asked_respond(part, status, NULL, SLICE_NONE, extra_headers);
	if (invite->server != NULL && invite->state == SIP_INVITE_CONFIRMED)
		return sip_invite_respond(invite, status, NULL, SLICE_NONE, extra_headers);
	return -EINVAL;
}

/* --- actions --- */

/* The response has left; the user asked for it. */
INVITE_ACTION(act_refused)
{
	invite_finish(invite, SIP_END_REJECTED, step->status, NULL);
}

static void refuse(struct sip_invite *invite, const struct invite_step *step)
{
	const struct answer a = { .status = step->status, .headers = step->headers };
	bool held;

	if (invite->server != NULL && respond(invite, &a, &held) == 0)
		uas_answered(invite, step->status);
}

INVITE_ACTION(act_refuse)
{
	refuse(invite, step);
	invite_finish(invite, SIP_END_REJECTED, step->status, NULL);
}

/* RFC 3262 §3: who does not acknowledge a reliable response is not there any more. */
INVITE_ACTION(act_no_prack)
{
	refuse(invite, step);
	invite_finish(invite, SIP_END_TIMEOUT, step->status, NULL);
}

/* CANCEL: the INVITE gets its 487 as whatever is pending at the end does. */
INVITE_ACTION(act_given_up)
{
	invite_finish(invite, SIP_END_CANCELLED, 487, step->msg);
}

/* RFC 3261 §15: no BYE before the ACK has come, or is not expected any more. A 2xx that has not
 * left yet is not sent. */
INVITE_ACTION(act_end_after_ack)
{
	if (invite->server != NULL) {
		act_refuse(invite, step);
		return;
	}
	invite->end_headers = text_dup(step->headers);
	invite->end_headers_size = invite->end_headers != NULL ? step->headers.n : 0;
}

INVITE_ACTION(act_bye_after_ack)
{
	(void)step;
	invite_send_bye(invite, (struct slice){ invite->end_headers, invite->end_headers_size },
			true);
}

/* RFC 3261 §9.2; of a re-INVITE too, whose user learns of it when it tries to answer. */
void uas_receive_cancel(struct sip_invite *invite, struct sip_transaction *cancelled,
			struct sip_msg *cancel)
{
	struct invite_step step = { .status = 487, .msg = cancel };

	if (invite->server != cancelled)
		return;
	if (invite_step(invite, INVITE_EVENT_CANCEL, &step) == 0)
		return;
	invite->server = NULL;
	reliable_stop(invite);
	sip_offer_rollback(&invite->part->offer);
	sip_transaction_detach(cancelled);
	sip_transaction_reply(cancelled, 487, NULL, slice_of(invite->origin->local_tag), NULL);
}

void uas_receive_ack(struct sip_invite *invite, struct sip_msg *ack)
{
	struct invite_step step = { .msg = ack };

	if (!invite->ack_awaited || cseq_of(ack) != invite->accepted_cseq)
		return;
	invite_stop_awaiting(invite);
	invite_hold(invite);
	invite_step(invite, INVITE_EVENT_ACK, &step);
	modify_acked(invite);
	invite_release(invite);
}
