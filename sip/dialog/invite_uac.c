/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

static const struct sip_transaction_user uac_user;

/* --- the first INVITE --- */

static int set_identity(struct sip_invite *invite, const struct sip_invite_start *start)
{
	struct sip_addr local, remote;
	char call_id[64];
	int rc;

	if (sip_addr_parse(start->from, &local) != 0 ||
	    sip_addr_parse(start->to_header, &remote) != 0)
		return -EINVAL;
	rc = invite_set_parties(invite, &local, &remote);
	if (rc == 0)
		rc = invite_set_contact(invite, start->contact_user);
	if (rc != 0)
		return rc;
	sip_ua_new_call_id(invite->ua, call_id, sizeof(call_id));
	invite->call_id = text_dup(slice_of(call_id));
	invite->request_uri = text_dup(start->request_uri);
	return invite->call_id != NULL && invite->request_uri != NULL ? 0 : -ENOMEM;
}

static int build_invite(struct sip_invite *invite, const struct sip_invite_start *start,
			struct slice *message)
{
	struct sip_build b;

	invite->local_cseq = 1;
	sip_build_init(&b, invite->ua->scratch, invite->ua->scratch_size);
	sip_build_request_line(&b, SLICE("INVITE"), start->request_uri);
	sip_build_header(&b, SIP_H_MAX_FORWARDS, "%u", start->max_forwards);
	sip_build_header(&b, SIP_H_FROM, "%s;tag=%s", invite->local, invite->local_tag);
	sip_build_header(&b, SIP_H_TO, "%s", invite->remote);
	sip_build_header(&b, SIP_H_CALL_ID, "%s", invite->call_id);
	sip_build_header(&b, SIP_H_CSEQ, "%u INVITE", invite->local_cseq);
	sip_build_header(&b, SIP_H_CONTACT, "%s", invite->contact);
	sip_build_header(&b, SIP_H_ALLOW, ALLOW);
	sip_build_header(&b, SIP_H_USER_AGENT, "%s", invite->ua->product);
	sip_build_lines(&b, start->extra_headers);
	return sip_build_finish(&b, start->sdp.n > 0 ? SDP_TYPE : SLICE_NONE, start->sdp, message);
}

int sip_invite_start(struct sip_ua *ua, const struct sip_invite_start *start,
		     const struct sip_invite_user *user, void *arg, struct sip_invite **invite)
{
	struct sip_invite *i;
	struct slice message;
	int rc;

	if (ua->invites >= ua->config.invites_max)
		return -EBUSY;
	i = invite_create(ua, true, &start->to);
	if (i == NULL)
		return -ENOMEM;
	rc = set_identity(i, start);
	if (rc == 0)
		rc = build_invite(i, start, &message);
	if (rc == 0)
		rc = sip_transaction_start(ua->transactions, &start->to, message, &uac_user, i,
					   &i->client);
	if (rc != 0) {
		invite_abandon(i);
		return rc;
	}
	i->answer_due = start->sdp.n == 0;
	i->user = user;
	i->arg = arg;
	*invite = i;
	return 0;
}

/* --- its responses --- */

/* The dialog that a response belongs to, made if it is new. NULL: without To tag, or no memory. */
static struct sip_dialog *take_dialog(struct sip_invite *invite, const struct sip_msg *response)
{
	struct sip_dialog *dialog;
	struct sip_addr to;
	struct slice tag;

	if (sip_msg_to(response, &to) != 0)
		return NULL;
	tag = sip_addr_tag(&to);
	if (tag.n == 0 && response->status < 200)
		return NULL;
	dialog = dialog_of_tag(invite, tag);
	if (dialog != NULL)
		return dialog;
	dialog = dialog_create(invite, tag);
	if (dialog != NULL && remote_init(&dialog->remote, response, true,
					  slice_of(invite->request_uri), &invite->path) != 0) {
		dialog_destroy(dialog);
		return NULL;
	}
	return dialog;
}

/* RFC 3261 §13.2.2.4: the 2xx says which route set and target count; other early dialogs end. */
static int confirm(struct sip_invite *invite, const struct sip_msg *response)
{
	struct sip_dialog *dialog = take_dialog(invite, response);
	struct remote remote;

	if (dialog == NULL || remote_init(&remote, response, true, slice_of(dialog->remote.target),
					  &invite->path) != 0)
		return -ENOMEM;
	remote_free(&dialog->remote);
	dialog->remote = remote;
	invite->dialog = dialog;
	for (struct sip_dialog *d = invite->dialogs, *next; d != NULL; d = next) {
		next = d->next;
		if (d != dialog)
			dialog_destroy(d);
	}
	return 0;
}

static uint32_t cseq_of(const struct sip_msg *msg)
{
	struct sip_cseq cseq = { 0 };

	sip_msg_cseq(msg, &cseq);
	return cseq.number;
}

INVITE_ACTION(act_progress)
{
	struct sip_dialog *dialog = take_dialog(invite, step->msg);

	if (dialog != NULL)
		invite->dialog = dialog;
	if (invite->user != NULL && invite->user->progress != NULL)
		invite->user->progress(invite->arg, step->status, step->msg);
}

INVITE_ACTION(act_answered)
{
	if (confirm(invite, step->msg) != 0) {
		refuse_success(invite->ua, step->msg, &invite->path);
		invite_finish(invite, SIP_END_TRANSPORT, 500, step->msg);
		return;
	}
	invite->ack_cseq = cseq_of(step->msg);
	if (!invite->answer_due)
		invite_send_ack(invite, invite->ack_cseq, SLICE_NONE);
	if (invite->user != NULL && invite->user->answered != NULL)
		invite->user->answered(invite->arg, step->msg);
}

/* The same 2xx again, or that of another fork. */
INVITE_ACTION(act_answered_again)
{
	struct sip_addr to;

	if (sip_msg_to(step->msg, &to) != 0)
		return;
	if (dialog_of_tag(invite, sip_addr_tag(&to)) == invite->dialog)
		invite_ack_again(invite, step->msg);
	else
		refuse_success(invite->ua, step->msg, &invite->path);
}

/* The 2xx was faster than our CANCEL, or comes again while our BYE is on its way. */
INVITE_ACTION(act_answered_late)
{
	const struct slice headers = { invite->end_headers, invite->end_headers_size };

	if (invite->bye_sent || confirm(invite, step->msg) != 0) {
		act_answered_again(invite, step);
		return;
	}
	invite_send_ack(invite, cseq_of(step->msg), SLICE_NONE);
	invite_send_bye(invite, headers, true);
}

INVITE_ACTION(act_rejected)
{
	invite_finish(invite, SIP_END_REJECTED, step->status, step->msg);
}

INVITE_ACTION(act_cancel)
{
	invite->end_headers = text_dup(step->headers);
	invite->end_headers_size = invite->end_headers != NULL ? step->headers.n : 0;
	if (sip_transaction_cancel(invite->client, step->headers) != 0)
		sip_transaction_cancel(invite->client, SLICE_NONE);
}

INVITE_ACTION(act_cancelled)
{
	invite_finish(invite, SIP_END_CANCELLED, step->status, step->msg);
}

INVITE_ACTION(act_silence)
{
	invite_finish(invite, SIP_END_TIMEOUT, step->status, step->msg);
}

INVITE_ACTION(act_unsent)
{
	invite_finish(invite, SIP_END_TRANSPORT, step->status, step->msg);
}

static void uac_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;
	struct invite_step step = { .status = response->status, .msg = response };

	(void)client;
	if (response->status == 100)
		return;
	invite_step(invite,
		    response->status < 200   ? INVITE_EVENT_PROVISIONAL
		    : response->status < 300 ? INVITE_EVENT_SUCCESS
					     : INVITE_EVENT_FAILURE,
		    &step);
}

static void uac_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_invite *invite = arg;
	const bool silence = why == SIP_FAILURE_TIMEOUT;
	struct invite_step step = { .status = silence ? 408 : 503 };

	(void)client;
	invite_step(invite, silence ? INVITE_EVENT_SILENCE : INVITE_EVENT_UNSENT, &step);
}

static void uac_terminated(void *arg, struct sip_transaction *client)
{
	struct sip_invite *invite = arg;

	(void)client;
	invite->client = NULL;
	/* Cancelled, and its 2xx could not be taken: no BYE will end it. */
	if (!invite->bye_sent && invite->state == SIP_INVITE_TERMINATING)
		invite_step(invite, INVITE_EVENT_SILENCE, NULL);
}

static const struct sip_transaction_user uac_user = {
	.response = uac_response,
	.failed = uac_failed,
	.terminated = uac_terminated,
};

void sip_invite_cancel(struct sip_invite *invite, struct slice extra_headers)
{
	if (invite->uac && invite->state <= SIP_INVITE_EARLY)
		sip_invite_end(invite, 0, extra_headers);
}
