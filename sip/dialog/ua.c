/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/format.h"
#include "sip/base/random.h"
#include "sip/dialog/internal.h"

#define SCRATCH_SPARE 1024u

/* --- identifiers --- */

void ua_mint(const struct sip_ua *ua, char *text, size_t size)
{
	size_t n = (size_t)format_print(text, size, "%s", ua->config.token);

	if (n + TAG_RANDOM < size)
		random_token(text + n, TAG_RANDOM);
}

void sip_ua_new_call_id(struct sip_ua *ua, char *dst, size_t size)
{
	const size_t random = 24;
	size_t n = (size_t)format_print(dst, size, "%s", ua->config.token);

	if (n + 1 < size)
		random_token(dst + n, n + random < size ? random : size - n - 1);
}

/* --- requests outside dialogs (RFC 3261 §8.2) --- */

static bool requires_too_much(const struct sip_ua *ua, struct sip_transaction *server,
			      const struct sip_msg *request, struct slice tag)
{
	char unsupported[256];

	if (!capability_lacks(ua, request, unsupported, sizeof(unsupported)))
		return false;
	sip_transaction_reply(server, 420, NULL, tag, unsupported);
	return true;
}

static unsigned uri_status(const struct sip_msg *request)
{
	struct sip_uri uri;

	if (sip_uri_parse(request->request_uri, &uri) != 0)
		return 400;
	return uri.scheme == SIP_SCHEME_OTHER ? 416 : 0;
}

/* RFC 3261 §17.2.3: clients of RFC 2543 are told by their branch. They need neither a From tag nor a
 * Contact: then what is said in the dialog goes to the URI in From, the way that the INVITE came. */
static bool is_of_rfc2543(const struct sip_msg *request)
{
	return !slice_starts_nocase(request->via.branch, SLICE("z9hG4bK")) &&
	       request->from_tag.n == 0;
}

static bool has_contact(const struct sip_msg *request)
{
	struct sip_addr contact;

	if (sip_msg_header(request, SIP_H_CONTACT) == NULL)
		return is_of_rfc2543(request);
	return sip_msg_contact(request, &contact) == 0 && !contact.star;
}

/* The same call is asked for over a new connection: the one that nobody hears is given up. */
static void give_up_replaced(const struct sip_transaction *server)
{
	struct sip_transaction *replaced = sip_transaction_replaced(server);
	struct sip_invite *invite =
		replaced != NULL ? sip_transaction_user_arg(replaced, &invite_server_user) : NULL;

	if (invite != NULL)
		uas_receive_cancel(invite, replaced, NULL);
}

static void receive_outside(struct sip_ua *ua, struct sip_transaction *server,
			    struct sip_msg *request, const struct sip_path *from)
{
	const struct sip_ua_user *user = &ua->config.user;
	unsigned status = uri_status(request);

	if (status == 0 && sip_transaction_is_merged(server))
		status = 482;
	if (status == 0 && request->method == SIP_INVITE && !has_contact(request))
		status = 400;
	if (status == 0 && (request->method == SIP_BYE || request->method == SIP_PRACK ||
			    request->method == SIP_UPDATE))
		status = 481;
	if (status != 0)
		sip_transaction_reply(server, status, NULL, SLICE_NONE, NULL);
	else if (requires_too_much(ua, server, request, SLICE_NONE))
		return;
	else if (request->method == SIP_INVITE) {
		give_up_replaced(server);
		uas_receive_invite(ua, server, request, from);
	} else
		user->request(user->arg, server, request, from);
}

/* --- requests in dialogs (RFC 3261 §12.2.2) --- */

/* Nobody uses the dialog for this. */
static unsigned unused_status(const struct sip_ua *ua, const struct sip_msg *request)
{
	switch (request->method) {
	case SIP_INVITE:
	case SIP_BYE:
	case SIP_PRACK:
	case SIP_UPDATE:
	case SIP_NOTIFY:
		return 481;
	case SIP_OPTIONS:
		return 200;
	case SIP_UNKNOWN_METHOD:
		return 501;
	default:
		return ua->methods >> request->method & 1u ? 481 : 405;
	}
}

static void receive_inside(struct sip_dialog *dialog, struct sip_transaction *server,
			   struct sip_msg *request, const struct sip_path *from)
{
	struct sip_ua *ua = dialog->origin->ua;
	const struct sip_ua_user *user = &ua->config.user;
	const struct slice tag = slice_of(dialog->origin->local_tag);

	if (!dialog_take_cseq(dialog, request)) {
		sip_transaction_reply(server, 500, NULL, tag, NULL);
		return;
	}
	/* What ends a call is not refused for what it asks beyond. */
	if (request->method != SIP_BYE && requires_too_much(ua, server, request, tag))
		return;
	for (struct sip_usage *usage = dialog->usages, *next; usage != NULL; usage = next) {
		next = usage->next;
		if (usage->type->methods >> request->method & 1u &&
		    usage->type->request(usage, server, request, from))
			return;
	}
	if (user->inside != NULL && user->inside(user->arg, dialog, server, request, from))
		return;
	sip_dialog_respond(dialog, server, unused_status(ua, request), NULL, SLICE_NONE, SLICE_NONE,
			   SLICE_NONE);
}

/* Of a dialog that we know nothing of yet: a NOTIFY that is faster than its 2xx. */
static void receive_unknown(struct sip_ua *ua, struct sip_transaction *server,
			    struct sip_msg *request, const struct sip_path *from)
{
	struct sip_origin *origin = origin_of_request(ua, request);

	if (origin == NULL) {
		sip_transaction_reply(server, 481, NULL, SLICE_NONE, NULL);
		return;
	}
	if (requires_too_much(ua, server, request, slice_of(origin->local_tag)))
		return;
	sip_origin_ref(origin);
	origin->request(origin->arg, origin, server, request, from);
	sip_origin_unref(origin);
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
			      invite != NULL ? slice_of(invite->origin->local_tag) : SLICE_NONE,
			      NULL);
	if (invite != NULL)
		uas_receive_cancel(invite, cancelled, cancel);
}

static bool on_admit(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	const struct sip_ua_user *user = &((struct sip_ua *)arg)->config.user;

	return user->admit == NULL || user->admit(user->arg, request, from);
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
		receive_unknown(ua, server, request, from);
		return;
	}
	dialog_hold(dialog);
	receive_inside(dialog, server, request, from);
	dialog_release(dialog);
}

static void on_ack(void *arg, struct sip_msg *ack, const struct sip_path *from)
{
	struct sip_dialog *dialog = dialog_of_request(arg, ack);
	struct sip_invite *invite = dialog != NULL ? sip_dialog_invite(dialog) : NULL;

	(void)from;
	if (invite != NULL)
		uas_receive_ack(invite, ack);
}

/* A 2xx again, of an INVITE that is over: its ACK was lost. */
static void acknowledge_again(struct sip_ua *ua, const struct sip_msg *response)
{
	struct sip_dialog *dialog;
	struct sip_invite *invite;

	if (response->method != SIP_INVITE || response->status < 200 || response->status >= 300)
		return;
	dialog = dialog_of_response(ua, response);
	invite = dialog != NULL ? sip_dialog_invite(dialog) : NULL;
	if (invite != NULL)
		invite_ack_again(invite, response);
}

static void on_stray(void *arg, struct sip_msg *response, const struct sip_path *from)
{
	(void)from;
	acknowledge_again(arg, response);
}

static void overtaken_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	(void)client;
	acknowledge_again(arg, response);
}

const struct sip_transaction_user ua_overtaken_user = { .response = overtaken_response };

/* From a target that was given up for another one: the call is made there. */
static void on_late_success(void *arg, struct sip_msg *response, const struct sip_path *path)
{
	refuse_success(arg, response, path);
}

/* --- the agent --- */

int sip_ua_create(const struct sip_ua_config *config, struct sip_ua **ua)
{
	struct sip_transactions_config layer = config->transactions;
	struct sip_ua *u = calloc(1, sizeof(*u));
	int rc = -ENOMEM;

	if (u == NULL)
		return -ENOMEM;
	u->config = *config;
	u->config.token[sizeof(u->config.token) - 1] = '\0';
	u->limits = layer.limits != NULL ? layer.limits : &sip_limits;
	u->scratch_size = (size_t)u->limits->message + SCRATCH_SPARE;
	u->scratch = malloc(u->scratch_size);
	u->product = text_dup(slice_of(config->product));
	if (u->scratch == NULL || u->product == NULL || capability_init(u) != 0 ||
	    hash_index_init(&u->dialogs, config->invites_max) != 0 ||
	    hash_index_init(&u->origins, config->invites_max / 16) != 0)
		goto failed;
	layer.tu = (struct sip_tu){
		.admit = on_admit,
		.request = on_request,
		.ack = on_ack,
		.stray_response = on_stray,
		.late_success = on_late_success,
		.arg = u,
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
	hash_index_free(&ua->origins);
	capability_free(ua);
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
