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

struct sip_invite *invite_create(struct sip_ua *ua, bool uac)
{
	struct sip_invite *invite = calloc(1, sizeof(*invite));

	if (invite == NULL)
		return NULL;
	invite->ua = ua;
	invite->uac = uac;
	invite->state = uac ? SIP_INVITE_CALLING : SIP_INVITE_INCOMING;
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
	if (invite->replaced != NULL)
		invite_release(invite->replaced);
	if (invite->joined != NULL)
		invite_release(invite->joined);
	while (invite->parts != NULL)
		invite_remove_part(invite->parts);
	sip_origin_unref(invite->origin);
	free(invite->ack);
	free(invite->modify.sdp);
	free(invite->session.sdp);
	free(invite->kept);
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

	if (response->method == SIP_INVITE && response->status >= 200 && response->status < 300)
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

/* RFC 3261 §15.1.2: what the other side still waits for in this dialog gets 487. */
static void answer_pending(struct sip_invite *invite)
{
	const struct slice tag =
		invite->origin != NULL ? slice_of(invite->origin->local_tag) : SLICE_NONE;

	if (invite->server != NULL) {
		struct sip_transaction *server = invite->server;

		transaction_drop(&invite->server);
		sip_transaction_reply(server, 487, NULL, tag, NULL);
	}
	for (struct invite_part *part = invite->parts; part != NULL; part = part->next) {
		struct sip_transaction *server = part->asked;

		if (server == NULL)
			continue;
		transaction_drop(&part->asked);
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
	reliable_stop(invite);
	session_stop(invite);
	timer_cancel(wheel, &invite->modify.glare);
	if (quiet) {
		transaction_drop(&invite->server);
		for (struct invite_part *part = invite->parts; part != NULL; part = part->next)
			transaction_drop(&part->asked);
		while (invite->pending.first != NULL)
			sip_transaction_track(invite->pending.first, NULL);
		transaction_drop(&invite->client);
		transaction_drop(&invite->modify.client);
	}
	answer_pending(invite);
	orphan(invite, &invite->client);
	orphan(invite, &invite->modify.client);
	transaction_drop(&invite->bye);
	invite->user = NULL;
	for (struct invite_part *part = invite->parts; part != NULL; part = part->next)
		dialog_unlink(&part->usage);
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

static const struct sip_transaction_user bye_user;

static void bye_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;
	struct invite_step step = { .status = response->status, .msg = response };

	(void)client;
	if (invite->bye != NULL && invite->part != NULL &&
	    challenge_answer(invite->origin, &invite_dialog(invite)->local_cseq, &invite->bye,
			     response, &bye_user, invite))
		return;
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

	if (invite->bye == client)
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
	const struct sip_request bye = { .method = SIP_BYE, .headers = headers };
	struct invite_step step = { .status = 503 };
	int rc = -EINVAL;

	if (invite->bye_sent)
		return;
	invite->bye_sent = true;
	if (invite->part != NULL)
		rc = sip_dialog_send(invite_dialog(invite), &bye, wait ? &bye_user : NULL, invite,
				     &invite->bye);
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

	invite->accepted_cseq = cseq_of(sip_transaction_request(invite->accepted));
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
	transaction_drop(&invite->accepted);
}

/* --- 2xx received: ACK (RFC 3261 §13.2.2.4) --- */

int invite_send_ack(struct sip_invite *invite, uint32_t cseq, struct slice sdp)
{
	struct slice message;
	struct sip_build b;
	char *copy;
	int rc;

	dialog_begin(invite_dialog(invite), &b, "ACK", cseq, 0);
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
	/* One that cannot be sent is as good as lost: the 2xx will come again. */
	remote_send_ack(&invite_dialog(invite)->remote, invite->ua->transactions, message);
	return 0;
}

void invite_ack_again(struct sip_invite *invite, const struct sip_msg *response)
{
	if (invite->ack == NULL || cseq_of(response) != invite->ack_cseq)
		return;
	remote_send_ack(&invite_dialog(invite)->remote, invite->ua->transactions,
			(struct slice){ invite->ack, invite->ack_size });
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
	if (invite->ack_due)
		invite_send_ack(invite, invite->ack_cseq, SLICE_NONE);
	invite->ack_due = false;
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

/* There is nobody to say goodbye to. */
INVITE_ACTION(act_gone)
{
	invite_finish(invite, SIP_END_TIMEOUT, step->status, step->msg);
}

INVITE_ACTION(act_acked)
{
	const enum sip_offer_role role = invite_body(invite->part, step->msg, SIP_IN_ACK);

	if (invite->user != NULL && invite->user->acked != NULL)
		invite->user->acked(invite->arg, step->msg, role);
}

/* --- what others may ask --- */

void *sip_invite_user_arg(const struct sip_invite *invite, const struct sip_invite_user *user)
{
	return invite->user == user ? invite->arg : NULL;
}

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
	return slice_of(invite->origin->call_id);
}

struct slice sip_invite_local_tag(const struct sip_invite *invite)
{
	return slice_of(invite->origin->local_tag);
}

struct slice sip_invite_remote_tag(const struct sip_invite *invite)
{
	return invite->part != NULL ? slice_of(invite_dialog(invite)->remote_tag) : SLICE_NONE;
}

struct slice sip_invite_local_uri(const struct sip_invite *invite)
{
	return invite->origin->local_uri;
}

struct slice sip_invite_remote_uri(const struct sip_invite *invite)
{
	return invite->origin->remote_uri;
}

const struct sip_path *sip_invite_path(const struct sip_invite *invite)
{
	return invite->part != NULL ? &invite_dialog(invite)->remote.path : &invite->origin->path;
}
