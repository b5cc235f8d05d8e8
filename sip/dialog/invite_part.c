/* SPDX-License-Identifier: BSD-3-Clause */
/* An INVITE in each of its dialogs: the parts, the requests that come there, bodies and responses. */
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/dialog/internal.h"
#include "sip/message/multipart.h"

/* --- its dialogs --- */

void transaction_drop(struct sip_transaction **t)
{
	if (*t != NULL)
		sip_transaction_detach(*t);
	*t = NULL;
}

struct invite_part *invite_add_part(struct sip_invite *invite, struct sip_dialog *dialog)
{
	struct invite_part *part = calloc(1, sizeof(*part));

	if (part == NULL)
		return NULL;
	part->invite = invite;
	part->offer = invite->first;
	part->next = invite->parts;
	invite->parts = part;
	invite->part_count++;
	sip_usage_add(dialog, &part->usage, &invite_usage_type);
	return part;
}

void invite_remove_part(struct invite_part *part)
{
	struct sip_invite *invite = part->invite;
	struct invite_part **link = &invite->parts;

	while (*link != part)
		link = &(*link)->next;
	*link = part->next;
	invite->part_count--;
	if (invite->part == part)
		invite->part = NULL;
	modify_drop(part);
	transaction_drop(&part->asked);
	sip_usage_remove(&part->usage);
	free(part);
}

static struct invite_part *part_of(const struct sip_dialog *dialog)
{
	return (struct invite_part *)sip_dialog_usage(dialog, &invite_usage_type);
}

struct invite_part *invite_part_of(const struct sip_invite *invite, const struct sip_dialog *dialog)
{
	struct invite_part *part = dialog == NULL ? invite->part : part_of(dialog);

	return part != NULL && part->invite == invite ? part : NULL;
}

struct sip_dialog *invite_dialog(const struct sip_invite *invite)
{
	return invite->part != NULL ? invite->part->usage.dialog : NULL;
}

struct sip_dialog *sip_invite_dialog(const struct sip_invite *invite)
{
	return invite_dialog(invite);
}

struct sip_invite *sip_dialog_invite(const struct sip_dialog *dialog)
{
	const struct invite_part *part = part_of(dialog);

	return part != NULL ? part->invite : NULL;
}

/* --- requests in them --- */

static void receive_bye(struct invite_part *part, struct sip_transaction *server,
			struct sip_msg *bye)
{
	struct sip_invite *invite = part->invite;
	struct invite_step step = { .status = 200, .msg = bye };

	sip_transaction_reply(server, 200, NULL, slice_of(invite->origin->local_tag), NULL);
	/* One of several forks goes; the others ring on. */
	if (invite->uac && invite->state == SIP_INVITE_EARLY && invite->part_count > 1) {
		uac_end_early(part, 487);
		return;
	}
	invite_step(invite, INVITE_EVENT_BYE, &step);
}

static bool receive_other(struct invite_part *part, struct sip_transaction *server,
			  struct sip_msg *request)
{
	struct sip_invite *invite = part->invite;

	if (invite->user == NULL || invite->user->request == NULL)
		return false;
	sip_transaction_track(server, &invite->pending);
	invite->user->request(invite->arg, part->usage.dialog, server, request);
	return true;
}

static bool receive(struct invite_part *part, struct sip_transaction *server,
		    struct sip_msg *request)
{
	if (part->invite->state == SIP_INVITE_TERMINATING) {
		invite_refuse_with(part, server, 481);
		return true;
	}
	switch (request->method) {
	case SIP_INVITE:
		modify_receive(part, server, request);
		return true;
	case SIP_UPDATE:
		update_receive(part, server, request);
		return true;
	case SIP_PRACK:
		prack_receive(part, server, request);
		return true;
	default:
		return receive_other(part, server, request);
	}
}

static bool on_request(struct sip_usage *usage, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from)
{
	struct invite_part *part = (struct invite_part *)usage;
	struct sip_invite *invite = part->invite;
	bool taken = true;

	(void)from;
	invite_hold(invite);
	if (request->method == SIP_BYE)
		receive_bye(part, server, request);
	else
		taken = receive(part, server, request);
	invite_release(invite);
	return taken;
}

void invite_part_lost(struct invite_part *part, unsigned status, struct sip_msg *msg)
{
	struct sip_invite *invite = part->invite;
	struct invite_step step = { .status = status, .msg = msg };

	if (invite->uac && invite->state <= SIP_INVITE_EARLY && invite->part_count > 1)
		uac_end_early(part, status);
	else
		invite_step(invite, INVITE_EVENT_LOST, &step);
}

static void on_dialog_ended(struct sip_usage *usage, unsigned status, struct sip_msg *msg)
{
	invite_part_lost((struct invite_part *)usage, status, msg);
}

#define BIT(method) (1u << SIP_##method)

const struct sip_usage_type invite_usage_type = {
	.name = "invite",
	.methods = ~(BIT(OPTIONS) | BIT(SUBSCRIBE) | BIT(NOTIFY) | BIT(REFER)),
	.request = on_request,
	.dialog_ended = on_dialog_ended,
};

/* --- what both roles share of bodies and responses --- */

struct slice sip_msg_sdp(const struct sip_msg *msg)
{
	struct sip_part part;

	if (msg->body.n == 0)
		return SLICE_NONE;
	/* Some do not say what it is, and it is never anything else. */
	if (sip_msg_header(msg, SIP_H_CONTENT_TYPE) == NULL)
		return msg->body;
	return sip_body_find(msg, SDP_TYPE, &part) == 0 ? part.body : SLICE_NONE;
}

enum sip_offer_role invite_body(struct invite_part *part, const struct sip_msg *msg,
				enum sip_offer_carrier carrier)
{
	unsigned refuse;
	enum sip_offer_role role =
		sip_offer_body(&part->offer, false, carrier, sip_msg_sdp(msg).n > 0, &refuse);

	return role == SIP_BODY_FORBIDDEN ? SIP_BODY_NONE : role;
}

enum sip_offer_role invite_sends(struct invite_part *part, enum sip_offer_carrier carrier,
				 struct slice sdp)
{
	unsigned refuse;
	enum sip_offer_role role = sip_offer_body(&part->offer, true, carrier, sdp.n > 0, &refuse);

	/* An offer in a request counts when it is answered. */
	if (role == SIP_BODY_ANSWER ||
	    (role == SIP_BODY_OFFER && carrier != SIP_IN_INVITE && carrier != SIP_IN_UPDATE))
		session_keep_sdp(part->invite, sdp);
	return role;
}

/* RFC 4028 §9: an UPDATE that is granted is a refresh, but for one before the call is answered. */
int invite_reply(struct invite_part *part, struct sip_transaction *server, unsigned status,
		 const char *reason, struct slice sdp, struct slice headers)
{
	struct sip_invite *invite = part->invite;
	struct sip_msg *request = sip_transaction_request(server);
	const bool refreshes = request->method == SIP_UPDATE && status / 100 == 2 &&
			       invite->state == SIP_INVITE_CONFIRMED;
	char own[SESSION_LINES] = "";
	struct slice message;
	int rc;

	if (refreshes)
		session_answer(invite, request, own, sizeof(own));
	rc = dialog_build_response(part->usage.dialog, server, status, reason, slice_of(own),
				   headers, sdp.n > 0 ? SDP_TYPE : SLICE_NONE, sdp, &message);
	if (rc == 0)
		rc = sip_transaction_respond(server, message);
	if (rc == 0 && refreshes)
		session_answered(invite, request);
	return rc;
}

/* RFC 3261 §14.2, RFC 3311 §5.2: 500 asks to come again after a while. */
void invite_refuse_with(struct invite_part *part, struct sip_transaction *server, unsigned status)
{
	char retry[32] = "";

	if (status == 500)
		snprintf(retry, sizeof(retry), "Retry-After: %u\r\n",
			 (unsigned)(random_u64() % 11));
	invite_reply(part, server, status, NULL, SLICE_NONE, slice_of(retry));
}
