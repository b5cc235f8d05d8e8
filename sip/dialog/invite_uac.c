/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

#define HEADERS_MAX 8192u /* of the user's */

static const struct sip_transaction_user uac_user;

/* --- the first INVITE --- */

static int create_origin(struct sip_ua *ua, const struct sip_invite_start *start,
			 struct sip_origin **origin)
{
	const struct sip_origin_start identity = {
		.to = start->to,
		.next_hop = start->next_hop,
		.listeners = start->listeners,
		.request_uri = start->request_uri,
		.from = start->from,
		.to_header = start->to_header,
		.contact_user = start->contact_user,
		.credentials = start->credentials,
	};

	return sip_origin_create(ua, &identity, origin);
}

static int keep(struct sip_invite *invite, const struct sip_invite_start *start)
{
	const struct slice headers = start->extra_headers, sdp = start->sdp;
	struct kept *kept = malloc(sizeof(*kept) + headers.n + sdp.n + 1);

	if (kept == NULL)
		return -ENOMEM;
	kept->max_forwards = start->max_forwards;
	kept->headers_size = headers.n;
	kept->sdp_size = sdp.n;
	if (headers.n > 0)
		memcpy(kept->text, headers.p, headers.n);
	if (sdp.n > 0)
		memcpy(kept->text + headers.n, sdp.p, sdp.n);
	invite->kept = kept;
	return 0;
}

static struct slice kept_sdp(const struct kept *kept)
{
	return (struct slice){ kept->text + kept->headers_size, kept->sdp_size };
}

static void forget_kept(struct sip_invite *invite)
{
	free(invite->kept);
	invite->kept = NULL;
}

/* What is kept, with header lines that go before it. */
static int send_invite(struct sip_invite *invite)
{
	const struct kept *kept = invite->kept;
	char lines[SESSION_LINES + HEADERS_MAX];
	struct sip_request request = {
		.method = SIP_INVITE,
		.body = kept_sdp(kept),
		.type = kept->sdp_size > 0 ? SDP_TYPE : SLICE_NONE,
		.max_forwards = kept->max_forwards,
		.contact = true,
	};
	unsigned refuse;
	size_t n;

	if (kept->headers_size > HEADERS_MAX)
		return -EINVAL;
	session_ask(invite, lines, SESSION_LINES);
	n = strlen(lines);
	memcpy(lines + n, kept->text, kept->headers_size);
	request.headers = (struct slice){ lines, n + kept->headers_size };
	invite->first = (struct sip_offer){ 0 };
	sip_offer_body(&invite->first, true, SIP_IN_INVITE, kept->sdp_size > 0, &refuse);
	return sip_origin_send(invite->origin, &request, &uac_user, invite, &invite->client);
}

int sip_invite_start(struct sip_ua *ua, const struct sip_invite_start *start,
		     const struct sip_invite_user *user, void *arg, struct sip_invite **invite)
{
	struct sip_invite *i;
	int rc;

	if (ua->invites >= ua->config.invites_max)
		return -EBUSY;
	i = invite_create(ua, true);
	if (i == NULL)
		return -ENOMEM;
	rc = create_origin(ua, start, &i->origin);
	if (rc == 0)
		rc = keep(i, start);
	i->user = user;
	i->arg = arg;
	if (rc == 0)
		rc = send_invite(i);
	if (rc != 0) {
		invite_abandon(i);
		return rc;
	}
	*invite = i;
	return 0;
}

/* --- its responses --- */

static struct slice to_tag_of(const struct sip_msg *response)
{
	struct sip_addr to;

	return sip_msg_to(response, &to) == 0 ? sip_addr_tag(&to) : SLICE_NONE;
}

static struct invite_part *known_part(const struct sip_invite *invite,
				      const struct sip_msg *response)
{
	struct sip_dialog *dialog = dialog_of_tag(invite->origin, to_tag_of(response));

	return dialog != NULL ? invite_part_of(invite, dialog) : NULL;
}

/* The part in the dialog that a response belongs to, made if it is new. NULL: it has no To tag, or
 * cannot be kept. */
static struct invite_part *take_part(struct sip_invite *invite, const struct sip_msg *response)
{
	const bool final = response->status >= 200;
	struct invite_part *part = known_part(invite, response);
	struct sip_dialog *dialog;

	if (part != NULL)
		dialog_learn(part->usage.dialog, response);
	if (part != NULL || (!final && to_tag_of(response).n == 0) ||
	    (!final && invite->part_count >= invite->ua->limits->early_dialogs) ||
	    sip_dialog_create_uac(invite->origin, response, &invite->origin->path, &dialog) != 0)
		return part;
	part = invite_add_part(invite, dialog);
	if (part == NULL)
		sip_dialog_drop(dialog);
	return part;
}

void uac_end_early(struct invite_part *part, unsigned status)
{
	struct sip_invite *invite = part->invite;

	if (invite->user != NULL && invite->user->early_ended != NULL)
		invite->user->early_ended(invite->arg, part->usage.dialog, status);
	invite_remove_part(part);
	if (invite->part == NULL)
		invite->part = invite->parts;
}

/* RFC 3261 §13.2.2.4: the 2xx says which route set and target count; other early dialogs end. */
static int confirm(struct sip_invite *invite, const struct sip_msg *response)
{
	struct invite_part *part = take_part(invite, response);
	struct sip_dialog *dialog;
	struct remote remote;

	if (part == NULL)
		return -ENOMEM;
	dialog = part->usage.dialog;
	if (remote_init(&remote, response, true, slice_of(dialog->remote.target),
			&invite->origin->path) != 0)
		return -ENOMEM;
	remote_free(&dialog->remote);
	dialog->remote = remote;
	invite->part = part;
	for (struct invite_part *p = invite->parts, *next; p != NULL; p = next) {
		next = p->next;
		if (p != part)
			uac_end_early(p, response->status);
	}
	return 0;
}

/* Each once and in order: one that is not the next is not there (RFC 3262 §4). *role: of its body;
 * the PRACK is sent, if nothing has to be said in it. */
static bool take_provisional(struct invite_part *part, const struct sip_msg *response,
			     enum sip_offer_role *role)
{
	*role = SIP_BODY_NONE;
	if (!reliable_is(response)) {
		if (part != NULL)
			*role = invite_body(part, response, SIP_IN_1XX);
		return true;
	}
	if (part == NULL || !reliable_take(part, response))
		return false;
	*role = reliable_acknowledge(part, response);
	return true;
}

INVITE_ACTION(act_progress)
{
	const bool gone = step->status == 199; /* RFC 6228 */
	struct invite_part *part =
		gone ? known_part(invite, step->msg) : take_part(invite, step->msg);
	enum sip_offer_role role;

	if (!take_provisional(part, step->msg, &role))
		return;
	if (gone) {
		if (part != NULL)
			uac_end_early(part, 199);
		return;
	}
	if (part != NULL)
		invite->part = part;
	if (invite->user != NULL && invite->user->progress != NULL)
		invite->user->progress(invite->arg, part != NULL ? part->usage.dialog : NULL,
				       step->msg, role);
}

INVITE_ACTION(act_answered)
{
	enum sip_offer_role role;

	if (confirm(invite, step->msg) != 0) {
		refuse_success(invite->ua, step->msg, &invite->origin->path);
		invite_finish(invite, SIP_END_TRANSPORT, 500, step->msg);
		return;
	}
	role = invite_body(invite->part, step->msg, SIP_IN_2XX);
	session_keep_sdp(invite, kept_sdp(invite->kept));
	session_agreed(invite, step->msg);
	forget_kept(invite);
	invite->ack_cseq = cseq_of(step->msg);
	invite->ack_due = role == SIP_BODY_OFFER;
	if (!invite->ack_due)
		invite_send_ack(invite, invite->ack_cseq, SLICE_NONE);
	if (invite->user != NULL && invite->user->answered != NULL)
		invite->user->answered(invite->arg, invite_dialog(invite), step->msg, role);
}

/* The same 2xx again, or that of another fork. */
INVITE_ACTION(act_answered_again)
{
	const struct invite_part *part = known_part(invite, step->msg);

	if (part != NULL && part == invite->part)
		invite_ack_again(invite, step->msg);
	else
		refuse_success(invite->ua, step->msg, &invite->origin->path);
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

/* With credentials; or, RFC 4028 §7.4, with a longer session. */
static bool tried_again(struct sip_invite *invite, const struct sip_msg *response)
{
	struct sip_transaction *client = invite->client;

	if (invite->state > SIP_INVITE_EARLY)
		return false;
	if (challenge_answer(invite->origin, &invite->origin->cseq, &invite->client, response,
			     &uac_user, invite))
		return true;
	if (invite->kept == NULL || !session_too_small(invite, response))
		return false;
	while (invite->parts != NULL)
		uac_end_early(invite->parts, response->status);
	if (send_invite(invite) != 0)
		return false;
	sip_transaction_detach(client);
	invite->state = SIP_INVITE_CALLING;
	return true;
}

static void uac_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;
	struct invite_step step = { .status = response->status, .msg = response };

	if (response->status == 100 || client != invite->client ||
	    (response->status >= 200 && tried_again(invite, response)))
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

	if (invite->client != client)
		return;
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
