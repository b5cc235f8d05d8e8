/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
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

static struct slice request_user(const struct sip_msg *request)
{
	struct sip_uri uri;

	if (sip_uri_parse(request->request_uri, &uri) != 0 || uri.scheme == SIP_SCHEME_TEL)
		return SLICE_NONE;
	return uri.user;
}

/* RFC 3261 §12.1.1 */
static int set_dialog(struct sip_invite *invite, const struct sip_msg *request,
		      const struct sip_path *from)
{
	struct sip_addr remote, local;
	int rc;

	if (sip_msg_from(request, &remote) != 0 || sip_msg_to(request, &local) != 0)
		return -EINVAL;
	rc = invite_set_parties(invite, &local, &remote);
	if (rc == 0)
		rc = invite_set_contact(invite, request_user(request));
	if (rc != 0)
		return rc;
	invite->call_id = text_dup(sip_msg_value(request, SIP_H_CALL_ID));
	if (invite->call_id == NULL)
		return -ENOMEM;
	invite->dialog = dialog_create(invite, sip_addr_tag(&remote));
	if (invite->dialog == NULL)
		return -ENOMEM;
	dialog_take_cseq(invite->dialog, request);
	rc = remote_init(&invite->dialog->remote, request, false, remote.uri.text, from);
	if (remote_is_natted(request, from))
		invite->dialog->remote.natted = true;
	return rc;
}

void uas_receive_invite(struct sip_ua *ua, struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from)
{
	struct sip_invite *invite;
	int rc;

	if (ua->invites >= ua->config.invites_max) {
		sip_transaction_reply(server, 503, NULL, SLICE_NONE, "Retry-After: 5\r\n");
		return;
	}
	invite = invite_create(ua, false, from);
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
	invite_hold(invite);
	ua->config.user.invite(ua->config.user.arg, invite, request, from);
	if (invite->user == NULL && invite->state != SIP_INVITE_TERMINATED)
		sip_invite_end(invite, 500, SLICE_NONE);
	invite_release(invite);
}

/* --- the user answers --- */

static int respond(struct sip_invite *invite, unsigned status, const char *reason, struct slice sdp,
		   struct slice headers)
{
	const struct sip_msg *request = sip_transaction_request(invite->server);
	const struct sip_path *from = sip_transaction_path(invite->server);
	struct sip_ua *ua = invite->ua;
	char ip[SIP_ADDRESS_TEXT];
	struct slice message;
	struct sip_build b;
	int rc;

	sip_build_init(&b, ua->scratch, ua->scratch_size);
	sip_build_response(&b, request, status, reason != NULL ? reason : sip_reason_text(status),
			   status > 100 ? slice_of(invite->local_tag) : SLICE_NONE,
			   status > 100 && status < 300, sip_address_ip(&from->remote, ip),
			   from->remote.port);
	if (status > 100 && status < 300)
		sip_build_header(&b, SIP_H_CONTACT, "%s", invite->contact);
	if (status >= 200 && status < 300)
		sip_build_header(&b, SIP_H_ALLOW, ALLOW);
	sip_build_header(&b, SIP_H_SERVER, "%s", ua->product);
	sip_build_lines(&b, headers);
	rc = sip_build_finish(&b, sdp.n > 0 ? SDP_TYPE : SLICE_NONE, sdp, &message);
	return rc != 0 ? rc : sip_transaction_respond(invite->server, message);
}

static enum invite_event event_of(unsigned status)
{
	return status < 200   ? INVITE_EVENT_RESPOND_1XX
	       : status < 300 ? INVITE_EVENT_RESPOND_2XX
			      : INVITE_EVENT_RESPOND_FAILURE;
}

/* A final response leaves; what remains to be done for it. */
static void answered(struct sip_invite *invite, unsigned status)
{
	struct sip_transaction *server = invite->server;
	const struct sip_msg *request = sip_transaction_request(server);

	invite->server = NULL;
	timer_cancel(invite->ua->config.transactions.wheel, &invite->repeat);
	if (status >= 300) {
		sip_transaction_detach(server);
		return;
	}
	remote_refresh(&invite->dialog->remote, request);
	if (request->method != SIP_INVITE) {
		sip_transaction_detach(server);
		return;
	}
	invite->accepted = server;
	invite_await_ack(invite);
}

int sip_invite_respond(struct sip_invite *invite, unsigned status, const char *reason,
		       struct slice sdp, struct slice extra_headers)
{
	const bool first = !invite->uac && invite->state <= SIP_INVITE_EARLY;
	struct invite_step step = { .status = status };
	int rc;

	if (invite->server == NULL || status < 100 || status > 699 ||
	    (first && !invite_can(invite, event_of(status))))
		return -EINVAL;
	rc = respond(invite, status, reason, sdp, extra_headers);
	if (rc != 0 || status == 100)
		return rc;
	if (status >= 200)
		answered(invite, status);
	else if (sip_transaction_request(invite->server)->method == SIP_INVITE)
		invite_keep_ringing(invite);
	if (first)
		invite_step(invite, event_of(status), &step);
	return 0;
}

/* --- actions --- */

/* The response has left; the user asked for it. */
INVITE_ACTION(act_refused)
{
	invite_finish(invite, SIP_END_REJECTED, step->status, NULL);
}

INVITE_ACTION(act_refuse)
{
	if (invite->server != NULL &&
	    respond(invite, step->status, NULL, SLICE_NONE, step->headers) == 0)
		answered(invite, step->status);
	invite_finish(invite, SIP_END_REJECTED, step->status, NULL);
}

/* CANCEL: the INVITE gets its 487 as whatever is pending at the end does. */
INVITE_ACTION(act_given_up)
{
	invite_finish(invite, SIP_END_CANCELLED, 487, step->msg);
}

/* RFC 3261 §15: no BYE before the ACK has come, or is not expected any more. */
INVITE_ACTION(act_end_after_ack)
{
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
	sip_transaction_detach(cancelled);
	sip_transaction_reply(cancelled, 487, NULL, slice_of(invite->local_tag), NULL);
}
