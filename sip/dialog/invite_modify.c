/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Later offers that come: re-INVITE (RFC 3261 §14.2) and UPDATE (RFC 3311 §5.2).
 *
 * What may come when is the table's (offer.c); here is what a transaction that is still open adds:
 * an INVITE that meets one of ours gets 491, one that follows another unanswered one 500.
 */
#include <errno.h>

#include "sip/dialog/internal.h"
#include "sip/message/multipart.h"

/* RFC 3204 §6: a body that is no description can be left alone if its sender says so. */
static bool has_strange_body(const struct sip_msg *request)
{
	struct sip_body_walk walk;
	struct sip_part part;

	return request->body.n > 0 && sip_msg_sdp(request).n == 0 &&
	       (sip_body_first(request, &walk, &part) != 0 || !part.optional);
}

static unsigned invite_status(const struct invite_part *part, const struct sip_msg *request)
{
	const struct sip_invite *invite = part->invite;

	if (invite->server != NULL)
		return 500;
	if (part != invite->part || invite->state < SIP_INVITE_ACCEPTED || invite->ack_due ||
	    invite->ack_awaited || (invite->modify.pending && invite->modify.method == SIP_INVITE))
		return 491;
	return has_strange_body(request) ? 415 : 0;
}

/* Gives it to the user; false: it was refused. */
static bool take(struct invite_part *part, struct sip_transaction *server, struct sip_msg *request,
		 enum sip_offer_carrier carrier, unsigned status, enum sip_offer_role *role)
{
	const struct sip_invite *invite = part->invite;

	if (status == 0)
		*role = sip_offer_body(&part->offer, false, carrier, sip_msg_sdp(request).n > 0,
				       &status);
	if (status == 0 && (invite->user == NULL || invite->user->reoffered == NULL)) {
		sip_offer_rollback(&part->offer);
		status = 488;
	}
	if (status != 0)
		invite_refuse_with(part, server, status);
	return status == 0;
}

static void tell(struct invite_part *part, struct sip_msg *request, enum sip_offer_role role)
{
	struct sip_invite *invite = part->invite;

	invite->user->reoffered(invite->arg, part->usage.dialog, request, role);
}

/* RFC 4028 §9 */
static bool wants_too_short_a_session(struct invite_part *part, struct sip_transaction *server,
				      const struct sip_msg *request)
{
	char line[SESSION_LINES];

	if (!session_refuses(part->invite->ua, request, line, sizeof(line)))
		return false;
	invite_reply(part, server, 422, NULL, SLICE_NONE, slice_of(line));
	return true;
}

void modify_receive(struct invite_part *part, struct sip_transaction *server,
		    struct sip_msg *request)
{
	struct sip_invite *invite = part->invite;
	enum sip_offer_role role;

	if (wants_too_short_a_session(part, server, request) ||
	    !take(part, server, request, SIP_IN_INVITE, invite_status(part, request), &role))
		return;
	invite->server = server;
	sip_transaction_set_user(server, &invite_server_user, invite);
	tell(part, request, role);
}

/* --- UPDATE, and PRACK with an offer --- */

static void asked_terminated(void *arg, struct sip_transaction *server)
{
	struct invite_part *part = arg;

	if (part->asked == server)
		part->asked = NULL;
}

static const struct sip_transaction_user asked_user = { .terminated = asked_terminated };

void asked_receive(struct invite_part *part, struct sip_transaction *server,
		   struct sip_msg *request, enum sip_offer_role role)
{
	part->asked = server;
	sip_transaction_set_user(server, &asked_user, part);
	tell(part, request, role);
}

void update_receive(struct invite_part *part, struct sip_transaction *server,
		    struct sip_msg *request)
{
	unsigned status = part->asked != NULL ? 500 : has_strange_body(request) ? 415 : 0;
	enum sip_offer_role role;

	if (wants_too_short_a_session(part, server, request))
		return;
	/* One without a description changes no session: a target refresh, or a sign of life. */
	if (status == 0 && sip_msg_sdp(request).n == 0) {
		sip_dialog_refresh(part->usage.dialog, request, sip_transaction_path(server));
		invite_reply(part, server, 200, NULL, SLICE_NONE, SLICE_NONE);
	} else if (take(part, server, request, SIP_IN_UPDATE, status, &role)) {
		asked_receive(part, server, request, role);
	}
}

int asked_respond(struct invite_part *part, unsigned status, const char *reason, struct slice sdp,
		  struct slice headers)
{
	struct sip_transaction *server = part->asked;
	struct sip_msg *request = sip_transaction_request(server);
	const struct sip_offer before = part->offer;
	int rc;

	if (status < 200)
		return -EINVAL;
	if (status >= 300)
		sip_offer_rollback(&part->offer);
	else
		invite_sends(part,
			     request->method == SIP_PRACK ? SIP_IN_PRACK_2XX : SIP_IN_UPDATE_2XX,
			     sdp);
	rc = invite_reply(part, server, status, reason, sdp, headers);
	if (rc != 0) {
		part->offer = before;
		return rc;
	}
	if (status < 300 && request->method == SIP_UPDATE)
		sip_dialog_refresh(part->usage.dialog, request, sip_transaction_path(server));
	if (part->asked == server) {
		part->asked = NULL;
		sip_transaction_detach(server);
	}
	reliable_release(part->invite);
	return 0;
}
