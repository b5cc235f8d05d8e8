/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

#define RING_AGAIN_MS 60000u

static const char *const state_texts[SIP_INVITE_STATES] = {
	[SIP_INVITE_CALLING] = "Calling",       [SIP_INVITE_INCOMING] = "Incoming",
	[SIP_INVITE_EARLY] = "Early",           [SIP_INVITE_ACCEPTED] = "Accepted",
	[SIP_INVITE_CONFIRMED] = "Confirmed",   [SIP_INVITE_TERMINATING] = "Terminating",
	[SIP_INVITE_TERMINATED] = "Terminated",
};

const char *sip_invite_state_text(enum sip_invite_state state)
{
	return state < SIP_INVITE_STATES ? state_texts[state] : "Unknown";
}

/* --- life --- */

struct sip_invite *invite_create(struct sip_ua *ua, bool uac, const struct sip_path *path)
{
	struct sip_invite *invite = calloc(1, sizeof(*invite));
	char tag[TAG_TEXT];

	if (invite == NULL)
		return NULL;
	ua_mint(ua, tag, sizeof(tag));
	invite->local_tag = text_dup(slice_of(tag));
	if (invite->local_tag == NULL) {
		free(invite);
		return NULL;
	}
	invite->ua = ua;
	invite->uac = uac;
	invite->state = uac ? SIP_INVITE_CALLING : SIP_INVITE_INCOMING;
	invite->path = *path;
	invite->refs = 1;
	invite->next = ua->all;
	invite->prev = &ua->all;
	if (invite->next != NULL)
		invite->next->prev = &invite->next;
	ua->all = invite;
	ua->invites++;
	return invite;
}

static void invite_free(struct sip_invite *invite)
{
	while (invite->dialogs != NULL)
		dialog_destroy(invite->dialogs);
	free(invite->call_id);
	free(invite->local_tag);
	free(invite->local);
	free(invite->remote);
	free(invite->contact);
	free(invite->request_uri);
	free(invite->ack);
	free(invite->offer);
	free(invite->end_headers);
	free(invite);
}

void invite_hold(struct sip_invite *invite)
{
	invite->refs++;
}

void invite_release(struct sip_invite *invite)
{
	if (--invite->refs == 0)
		invite_free(invite);
}

static struct slice uri_of(const char *name_addr)
{
	struct sip_addr addr;

	return sip_addr_parse(slice_of(name_addr), &addr) == 0 ? addr.uri.text : SLICE_NONE;
}

int invite_set_parties(struct sip_invite *invite, const struct sip_addr *local,
		       const struct sip_addr *remote)
{
	invite->local = name_addr_dup(local);
	invite->remote = name_addr_dup(remote);
	if (invite->local == NULL || invite->remote == NULL)
		return -ENOMEM;
	invite->local_uri = uri_of(invite->local);
	invite->remote_uri = uri_of(invite->remote);
	return 0;
}

int invite_set_contact(struct sip_invite *invite, struct slice user)
{
	static const char *const params[] = {
		[SIP_UDP] = "",
		[SIP_TCP] = ";transport=tcp",
		[SIP_TLS] = ";transport=tls",
		[SIP_WS] = ";transport=ws",
		[SIP_WSS] = ";transport=ws",
	};
	const struct sip_ua_config *config = &invite->ua->config;
	const struct sip_path *path = &invite->path;

	if (asprintf(&invite->contact, "<sip:%.*s%s%s%s>", SLICE_FMT(user), user.n > 0 ? "@" : "",
		     config->contact_host(config->contact_arg, path),
		     path->kind <= SIP_WSS ? params[path->kind] : "") < 0) {
		invite->contact = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* --- states --- */

static const struct invite_transition *row(const struct sip_invite *invite, enum invite_event event)
{
	return invite->uac ? &invite_uac_table[invite->state][event]
			   : &invite_uas_table[invite->state][event];
}

bool invite_can(const struct sip_invite *invite, enum invite_event event)
{
	return row(invite, event)->action != NULL;
}

int invite_step(struct sip_invite *invite, enum invite_event event, const struct invite_step *step)
{
	static const struct invite_step nothing = { 0 };
	const struct invite_transition *transition = row(invite, event);

	if (transition->action == NULL)
		return -EINVAL;
	invite_hold(invite);
	invite->state = transition->next;
	transition->action(invite, step != NULL ? step : &nothing);
	invite_release(invite);
	return 0;
}

/* --- the end --- */

/* Late 2xx of other forks, or after the end, come to an INVITE transaction whose invite is gone. */
static void orphan_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_ua *ua = arg;

	if (response->status >= 200 && response->status < 300)
		refuse_success(ua, response, sip_transaction_path(client));
}

const struct sip_transaction_user invite_orphan_user = { .response = orphan_response };

static void orphan(struct sip_invite *invite, struct sip_transaction **client)
{
	if (*client == NULL)
		return;
	sip_transaction_set_user(*client, &invite_orphan_user, invite->ua);
	/* No effect on one that has its final response. */
	sip_transaction_cancel(*client, SLICE_NONE);
	*client = NULL;
}

static void detach(struct sip_transaction **t)
{
	if (*t != NULL)
		sip_transaction_detach(*t);
	*t = NULL;
}

/* RFC 3261 §15.1.2: what the other side still waits for in this dialog gets 487. */
static void answer_pending(struct sip_invite *invite)
{
	const struct slice tag = slice_of(invite->local_tag);

	if (invite->server != NULL) {
		struct sip_transaction *server = invite->server;

		detach(&invite->server);
		sip_transaction_reply(server, 487, NULL, tag, NULL);
	}
	while (invite->pending.first != NULL) {
		struct sip_transaction *server = invite->pending.first;

		sip_transaction_track(server, NULL);
		sip_transaction_reply(server, 487, NULL, tag, NULL);
	}
}

/* The transactions go on by themselves; `quiet` ones without a user that would send for them. */
static void let_go(struct sip_invite *invite, bool quiet)
{
	struct timer_wheel *wheel = invite->ua->config.transactions.wheel;

	invite->state = SIP_INVITE_TERMINATED;
	invite_stop_awaiting(invite);
	timer_cancel(wheel, &invite->glare);
	if (quiet) {
		detach(&invite->server);
		while (invite->pending.first != NULL)
			sip_transaction_track(invite->pending.first, NULL);
		detach(&invite->client);
		detach(&invite->modify);
	}
	answer_pending(invite);
	orphan(invite, &invite->client);
	orphan(invite, &invite->modify);
	detach(&invite->bye);
	invite->user = NULL;
	for (struct sip_dialog *d = invite->dialogs; d != NULL; d = d->next)
		hash_index_remove(&invite->ua->dialogs, &d->node);
	*invite->prev = invite->next;
	if (invite->next != NULL)
		invite->next->prev = invite->prev;
	invite->ua->invites--;
}

void invite_abandon(struct sip_invite *invite)
{
	let_go(invite, true);
	invite_release(invite);
}

/* The last release frees: in `ended` the user may still ask for tags and URIs. */
void invite_finish(struct sip_invite *invite, enum sip_end how, unsigned status,
		   struct sip_msg *msg)
{
	const struct sip_invite_user *user = invite->user;

	let_go(invite, false);
	if (user != NULL)
		user->ended(invite->arg, how, status, msg);
	invite_release(invite);
}

void sip_invite_end(struct sip_invite *invite, unsigned status, struct slice extra_headers)
{
	struct invite_step step = { .status = status >= 300 ? status : 480,
				    .headers = extra_headers };

	invite_step(invite, INVITE_EVENT_END, &step);
}

/* --- BYE --- */

static void bye_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;
	struct invite_step step = { .status = response->status, .msg = response };

	(void)client;
	if (response->status >= 200)
		invite_step(invite, INVITE_EVENT_BYE_DONE, &step);
}

static void bye_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_invite *invite = arg;
	struct invite_step step = { .status = why == SIP_FAILURE_TIMEOUT ? 408 : 503 };

	(void)client;
	invite_step(invite, INVITE_EVENT_BYE_DONE, &step);
}

static void bye_terminated(void *arg, struct sip_transaction *client)
{
	struct sip_invite *invite = arg;

	(void)client;
	invite->bye = NULL;
}

static const struct sip_transaction_user bye_user = {
	.response = bye_response,
	.failed = bye_failed,
	.terminated = bye_terminated,
};

/* wait: the end of the invite is that of the BYE. */
void invite_send_bye(struct sip_invite *invite, struct slice headers, bool wait)
{
	struct invite_step step = { .status = 503 };
	int rc = -EINVAL;

	if (invite->bye_sent)
		return;
	invite->bye_sent = true;
	if (invite->dialog != NULL)
		rc = dialog_request(invite->dialog, "BYE", headers, SLICE_NONE,
				    wait ? &bye_user : NULL, invite, &invite->bye);
	if (!wait)
		invite->bye = NULL;
	else if (rc != 0)
		invite_step(invite, INVITE_EVENT_BYE_DONE, &step);
}

/* --- 2xx sent: repeated until ACK (RFC 3261 §13.3.1.4) --- */

static struct timer_wheel *wheel_of(const struct sip_invite *invite)
{
	return invite->ua->config.transactions.wheel;
}

static void repeat_fired(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer - offsetof(struct sip_invite, repeat));
	const struct sip_timers *timers = &invite->ua->config.transactions.timers;

	if (invite->accepted == NULL)
		return;
	sip_transaction_repeat(invite->accepted);
	invite->repeat_interval *= 2;
	if (invite->repeat_interval > timers->t2)
		invite->repeat_interval = timers->t2;
	timer_set(wheel_of(invite), &invite->repeat, invite->repeat_interval, repeat_fired);
}

static void no_ack_fired(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer - offsetof(struct sip_invite, no_ack));
	struct invite_step step = { .status = 408 };

	invite_step(invite, INVITE_EVENT_NO_ACK, &step);
}

void invite_await_ack(struct sip_invite *invite)
{
	const struct sip_timers *timers = &invite->ua->config.transactions.timers;
	struct sip_cseq cseq = { 0 };

	sip_msg_cseq(sip_transaction_request(invite->accepted), &cseq);
	invite->accepted_cseq = cseq.number;
	invite->ack_awaited = true;
	invite->repeat_interval = timers->t1;
	timer_set(wheel_of(invite), &invite->repeat, timers->t1, repeat_fired);
	timer_set(wheel_of(invite), &invite->no_ack, 64 * (uint64_t)timers->t1, no_ack_fired);
}

/* RFC 3261 §13.3.1.1: so that proxies on the way do not give up. */
static void ringing_fired(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer - offsetof(struct sip_invite, repeat));

	if (invite->server == NULL || sip_transaction_repeat(invite->server) != 0)
		return;
	timer_set(wheel_of(invite), &invite->repeat, RING_AGAIN_MS, ringing_fired);
}

void invite_keep_ringing(struct sip_invite *invite)
{
	timer_set(wheel_of(invite), &invite->repeat, RING_AGAIN_MS, ringing_fired);
}

void invite_stop_awaiting(struct sip_invite *invite)
{
	invite->ack_awaited = false;
	timer_cancel(wheel_of(invite), &invite->repeat);
	timer_cancel(wheel_of(invite), &invite->no_ack);
	detach(&invite->accepted);
}

/* --- 2xx received: ACK (RFC 3261 §13.2.2.4) --- */

int invite_send_ack(struct sip_invite *invite, uint32_t cseq, struct slice sdp)
{
	struct slice message;
	struct sip_build b;
	char *copy;
	int rc;

	dialog_begin(invite->dialog, &b, "ACK", cseq);
	rc = sip_build_finish(&b, sdp.n > 0 ? SDP_TYPE : SLICE_NONE, sdp, &message);
	if (rc != 0)
		return rc;
	copy = text_dup(message);
	if (copy == NULL)
		return -ENOMEM;
	free(invite->ack);
	invite->ack = copy;
	invite->ack_size = message.n;
	invite->ack_cseq = cseq;
	remote_next_hop(&invite->dialog->remote, &invite->ack_path);
	/* One that cannot be sent is as good as lost: the 2xx will come again. */
	sip_transactions_send(invite->ua->transactions, &invite->ack_path, message);
	return 0;
}

void invite_ack_again(struct sip_invite *invite, const struct sip_msg *response)
{
	struct sip_cseq cseq;

	if (invite->ack == NULL || sip_msg_cseq(response, &cseq) != 0 ||
	    cseq.number != invite->ack_cseq)
		return;
	sip_transactions_send(invite->ua->transactions, &invite->ack_path,
			      (struct slice){ invite->ack, invite->ack_size });
}

int sip_invite_ack(struct sip_invite *invite, struct slice sdp)
{
	int rc;

	if (!invite->answer_due || invite->state != SIP_INVITE_CONFIRMED)
		return -EINVAL;
	rc = invite_send_ack(invite, invite->ack_cseq, sdp);
	if (rc == 0)
		invite->answer_due = false;
	return rc;
}

/* --- actions of both roles --- */

INVITE_ACTION(act_nothing)
{
	(void)invite;
	(void)step;
}

INVITE_ACTION(act_send_bye)
{
	/* An offer that nobody answers any more; its 2xx wants an ACK all the same. */
	if (invite->answer_due)
		invite_send_ack(invite, invite->ack_cseq, SLICE_NONE);
	invite->answer_due = false;
	invite_send_bye(invite, step->headers, true);
}

INVITE_ACTION(act_bye_received)
{
	invite_finish(invite, invite->bye_sent ? SIP_END_BYE_SENT : SIP_END_BYE_RECEIVED, 200,
		      step->msg);
}

INVITE_ACTION(act_bye_done)
{
	invite_finish(invite, SIP_END_BYE_SENT, step->status, step->msg);
}

INVITE_ACTION(act_lost)
{
	invite_send_bye(invite, SLICE_NONE, false);
	invite_finish(invite, SIP_END_TIMEOUT, step->status, step->msg);
}

INVITE_ACTION(act_acked)
{
	if (invite->user != NULL && invite->user->acked != NULL)
		invite->user->acked(invite->arg, step->msg);
}

/* --- what others may ask --- */

void sip_invite_set_user(struct sip_invite *invite, const struct sip_invite_user *user, void *arg)
{
	invite->user = user;
	invite->arg = arg;
}

enum sip_invite_state sip_invite_get_state(const struct sip_invite *invite)
{
	return invite->state;
}

bool sip_invite_is_uac(const struct sip_invite *invite)
{
	return invite->uac;
}

struct slice sip_invite_call_id(const struct sip_invite *invite)
{
	return slice_of(invite->call_id);
}

struct slice sip_invite_local_tag(const struct sip_invite *invite)
{
	return slice_of(invite->local_tag);
}

struct slice sip_invite_remote_tag(const struct sip_invite *invite)
{
	return invite->dialog != NULL ? slice_of(invite->dialog->remote_tag) : SLICE_NONE;
}

struct slice sip_invite_local_uri(const struct sip_invite *invite)
{
	return invite->local_uri;
}

struct slice sip_invite_remote_uri(const struct sip_invite *invite)
{
	return invite->remote_uri;
}

const struct sip_path *sip_invite_path(const struct sip_invite *invite)
{
	return invite->dialog != NULL ? &invite->dialog->remote.path : &invite->path;
}
