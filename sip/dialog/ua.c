/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/dialog/internal.h"

#define SCRATCH_SPARE 1024u

/* --- identifiers --- */

void ua_mint(const struct sip_ua *ua, char *text, size_t size)
{
	size_t n = (size_t)snprintf(text, size, "%s", ua->config.token);

	if (n + TAG_RANDOM < size)
		random_token(text + n, TAG_RANDOM);
}

void sip_ua_new_call_id(struct sip_ua *ua, char *dst, size_t size)
{
	const size_t random = 24;
	size_t n = (size_t)snprintf(dst, size, "%s", ua->config.token);

	if (n + 1 < size)
		random_token(dst + n, n + random < size ? random : size - n - 1);
}

/* --- requests outside dialogs (RFC 3261 §8.2) --- */

/* No extension is supported yet, so each option tag that is required is an unknown one. */
static bool requires_too_much(struct sip_transaction *server, const struct sip_msg *request)
{
	const struct sip_header *h = sip_msg_header(request, SIP_H_REQUIRE);
	char unsupported[256];
	size_t n;

	if (h == NULL || request->method == SIP_CANCEL)
		return false;
	n = (size_t)snprintf(unsupported, sizeof(unsupported), "Unsupported: ");
	for (; h != NULL; h = sip_msg_next(request, h)) {
		struct slice rest = h->value;

		while (rest.n > 0) {
			struct slice tag = slice_trim(slice_split(&rest, ','));

			/* Tags are short tokens; what is not fits none and need not be told. */
			if (tag.n == 0 || n + tag.n + 5 > sizeof(unsupported) ||
			    memchr(tag.p, '\n', tag.n) != NULL ||
			    memchr(tag.p, '\r', tag.n) != NULL)
				continue;
			n += (size_t)snprintf(unsupported + n, sizeof(unsupported) - n, "%s%.*s",
					      unsupported[n - 1] == ' ' ? "" : ", ",
					      SLICE_FMT(tag));
		}
	}
	snprintf(unsupported + n, sizeof(unsupported) - n, "\r\n");
	sip_transaction_reply(server, 420, NULL, SLICE_NONE, unsupported);
	return true;
}

static unsigned uri_status(const struct sip_msg *request)
{
	struct sip_uri uri;

	if (sip_uri_parse(request->request_uri, &uri) != 0)
		return 400;
	return uri.scheme == SIP_SCHEME_OTHER ? 416 : 0;
}

static void receive_outside(struct sip_ua *ua, struct sip_transaction *server,
			    struct sip_msg *request, const struct sip_path *from)
{
	const struct sip_ua_user *user = &ua->config.user;
	struct sip_addr contact;
	unsigned status = uri_status(request);

	if (status == 0 && sip_transaction_is_merged(server))
		status = 482;
	if (status == 0 && request->method == SIP_INVITE &&
	    (sip_msg_contact(request, &contact) != 0 || contact.star))
		status = 400;
	if (status == 0 && (request->method == SIP_BYE || request->method == SIP_PRACK ||
			    request->method == SIP_UPDATE))
		status = 481;
	if (status != 0)
		sip_transaction_reply(server, status, NULL, SLICE_NONE, NULL);
	else if (requires_too_much(server, request))
		return;
	else if (request->method == SIP_INVITE)
		uas_receive_invite(ua, server, request, from);
	else
		user->request(user->arg, server, request, from);
}

/* --- requests in dialogs (RFC 3261 §12.2.2) --- */

static void reply(struct sip_invite *invite, struct sip_transaction *server, unsigned status,
		  const char *extra)
{
	sip_transaction_reply(server, status, NULL, slice_of(invite->local_tag), extra);
}

static void receive_bye(struct sip_invite *invite, struct sip_transaction *server,
			struct sip_msg *bye)
{
	struct invite_step step = { .status = 200, .msg = bye };

	reply(invite, server, 200, NULL);
	invite_step(invite, INVITE_EVENT_BYE, &step);
}

/* One without a body changes no session: a target refresh, or a sign of life. */
static void receive_update(struct sip_dialog *dialog, struct sip_transaction *server,
			   struct sip_msg *update)
{
	struct sip_invite *invite = dialog->invite;
	char contact[CONTACT_MAX];
	int n;

	if (update->body.n > 0) {
		modify_receive(invite, server, update);
		return;
	}
	remote_refresh(&dialog->remote, update);
	n = snprintf(contact, sizeof(contact), "Contact: %s\r\n", invite->contact);
	reply(invite, server, 200, n > 0 && (size_t)n < sizeof(contact) ? contact : NULL);
}

static void receive_other(struct sip_invite *invite, struct sip_transaction *server,
			  struct sip_msg *request)
{
	if (invite->user == NULL || invite->user->request == NULL) {
		reply(invite, server, 405, "Allow: " ALLOW "\r\n");
		return;
	}
	sip_transaction_track(server, &invite->pending);
	invite->user->request(invite->arg, server, request);
}

static void receive_inside(struct sip_dialog *dialog, struct sip_transaction *server,
			   struct sip_msg *request, const struct sip_path *from)
{
	struct sip_invite *invite = dialog->invite;

	if (!dialog_take_cseq(dialog, request)) {
		reply(invite, server, 500, NULL);
		return;
	}
	if (request->method == SIP_BYE) {
		receive_bye(invite, server, request);
		return;
	}
	if (invite->state == SIP_INVITE_TERMINATING) {
		reply(invite, server, 481, NULL);
		return;
	}
	if (requires_too_much(server, request))
		return;
	if (request->method == SIP_INVITE || request->method == SIP_UPDATE) {
		dialog->remote.path = *from;
		dialog->remote.natted =
			remote_is_natted(request, from) || remote_is_hidden(request, from);
	}
	switch (request->method) {
	case SIP_INVITE:
		modify_receive(invite, server, request);
		break;
	case SIP_UPDATE:
		receive_update(dialog, server, request);
		break;
	case SIP_OPTIONS:
		reply(invite, server, 200, "Allow: " ALLOW "\r\nAccept: application/sdp\r\n");
		break;
	case SIP_PRACK: /* nothing of ours is sent reliably (RFC 3262 §3) */
		reply(invite, server, 481, NULL);
		break;
	default:
		receive_other(invite, server, request);
		break;
	}
}

/* --- from the transaction layer --- */

static void receive_cancel(struct sip_transaction *server, struct sip_msg *cancel,
			   struct sip_transaction *cancelled)
{
	struct sip_invite *invite;

	if (cancelled == NULL) {
		sip_transaction_reply(server, 481, NULL, SLICE_NONE, NULL);
		return;
	}
	invite = sip_transaction_user_arg(cancelled, &invite_server_user);
	sip_transaction_reply(server, 200, NULL,
			      invite != NULL ? slice_of(invite->local_tag) : SLICE_NONE, NULL);
	if (invite != NULL)
		uas_receive_cancel(invite, cancelled, cancel);
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	struct sip_ua *ua = arg;
	struct sip_dialog *dialog;
	struct sip_addr to;

	if (request->method == SIP_CANCEL) {
		receive_cancel(server, request, cancelled);
		return;
	}
	if (sip_msg_to(request, &to) != 0 || sip_addr_tag(&to).n == 0) {
		receive_outside(ua, server, request, from);
		return;
	}
	dialog = dialog_of_request(ua, request);
	if (dialog == NULL) {
		sip_transaction_reply(server, 481, NULL, SLICE_NONE, NULL);
		return;
	}
	invite_hold(dialog->invite);
	struct sip_invite *invite = dialog->invite;
	receive_inside(dialog, server, request, from);
	invite_release(invite);
}

static void on_ack(void *arg, struct sip_msg *ack, const struct sip_path *from)
{
	struct sip_dialog *dialog = dialog_of_request(arg, ack);
	struct invite_step step = { .msg = ack };
	struct sip_invite *invite;
	struct sip_cseq cseq;

	(void)from;
	if (dialog == NULL || sip_msg_cseq(ack, &cseq) != 0)
		return;
	invite = dialog->invite;
	if (!invite->ack_awaited || cseq.number != invite->accepted_cseq)
		return;
	invite_stop_awaiting(invite);
	invite_step(invite, INVITE_EVENT_ACK, &step);
}

/* A 2xx again whose transaction is over: its ACK was lost. */
static void on_stray(void *arg, struct sip_msg *response, const struct sip_path *from)
{
	struct sip_dialog *dialog;

	(void)from;
	if (response->method != SIP_INVITE || response->status < 200 || response->status >= 300)
		return;
	dialog = dialog_of_response(arg, response);
	if (dialog != NULL)
		invite_ack_again(dialog->invite, response);
}

/* --- the agent --- */

int sip_ua_create(const struct sip_ua_config *config, struct sip_ua **ua)
{
	struct sip_transactions_config layer = config->transactions;
	struct sip_ua *u = calloc(1, sizeof(*u));
	const struct sip_limits *limits;
	int rc = -ENOMEM;

	if (u == NULL)
		return -ENOMEM;
	u->config = *config;
	u->config.token[sizeof(u->config.token) - 1] = '\0';
	limits = layer.limits != NULL ? layer.limits : &sip_limits_default;
	u->scratch_size = (size_t)limits->message + SCRATCH_SPARE;
	u->scratch = malloc(u->scratch_size);
	u->product = text_dup(slice_of(config->product));
	if (u->scratch == NULL || u->product == NULL ||
	    hash_index_init(&u->dialogs, config->invites_max) != 0)
		goto failed;
	layer.tu = (struct sip_tu){
		.request = on_request, .ack = on_ack, .stray_response = on_stray, .arg = u
	};
	if (layer.server_name == NULL)
		layer.server_name = u->product;
	rc = sip_transactions_create(&layer, &u->transactions);
	if (rc != 0)
		goto failed;
	*ua = u;
	return 0;
failed:
	sip_ua_destroy(u);
	return rc;
}

void sip_ua_destroy(struct sip_ua *ua)
{
	if (ua == NULL)
		return;
	while (ua->all != NULL)
		invite_abandon(ua->all);
	sip_transactions_destroy(ua->transactions);
	hash_index_free(&ua->dialogs);
	free(ua->product);
	free(ua->scratch);
	free(ua);
}

struct sip_transactions *sip_ua_transactions(struct sip_ua *ua)
{
	return ua->transactions;
}

void sip_ua_receive(struct sip_ua *ua, const char *data, size_t size, const struct sip_path *from)
{
	sip_transactions_receive(ua->transactions, data, size, from);
}
