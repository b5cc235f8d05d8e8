/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Later offers of ours, by re-INVITE (RFC 3261 §14.1) or UPDATE (RFC 3311 §5.1).
 *
 * One at a time. One that is due before the ACK for our 2xx waits for that. When it is refused
 * with 491 it is made again after the time of RFC 3261 §14.1, which the two sides take from ranges
 * that do not overlap.
 */
#include <errno.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/dialog/internal.h"

#define GLARES_MAX 5u

static const struct sip_transaction_user modify_user;

/* --- may it be made now? --- */

/* 0, or why not; -EINPROGRESS: the ACK for our 2xx is all that is missing. No INVITE of ours may
 * come before it (RFC 3261 §14.1), but it is on its way, so an offer can wait for it. */
static int obstacle(const struct invite_part *part, enum sip_method method)
{
	const struct sip_invite *invite = part->invite;
	const bool by_invite = method == SIP_INVITE;
	const enum sip_invite_state earlier = by_invite ? SIP_INVITE_ACCEPTED : SIP_INVITE_EARLY;

	if (invite->state != SIP_INVITE_CONFIRMED && invite->state != earlier)
		return -EINVAL;
	if (by_invite && (invite->server != NULL || invite->ack_due))
		return -EBUSY;
	if (invite->modify.pending || invite->modify.after_ack ||
	    timer_is_set(&invite->modify.glare) || part->asked != NULL)
		return -EBUSY;
	if (!sip_offer_may_offer(&part->offer, by_invite ? SIP_IN_INVITE : SIP_IN_UPDATE))
		return -EBUSY;
	return by_invite && invite->ack_awaited ? -EINPROGRESS : 0;
}

static int choose(const struct invite_part *part, enum sip_offer_by by, struct slice sdp,
		  enum sip_method *method)
{
	const bool update = sip_dialog_allows(part->usage.dialog, SIP_UPDATE) && sdp.n > 0;

	if (by == SIP_BY_UPDATE && !update)
		return -EOPNOTSUPP;
	*method = by == SIP_BY_REINVITE || !update ? SIP_INVITE : SIP_UPDATE;
	return 0;
}

/* --- made --- */

static int start(struct sip_invite *invite)
{
	struct modify *m = &invite->modify;
	const struct sip_offer before = m->part->offer;
	char lines[SESSION_LINES] = "";
	struct sip_request request = {
		.method = (enum sip_method)m->method,
		.type = m->sdp_size > 0 ? SDP_TYPE : SLICE_NONE,
		.body = { m->sdp, m->sdp_size },
	};
	int rc;

	if (invite->state == SIP_INVITE_CONFIRMED)
		session_ask(invite, lines, SESSION_LINES);
	request.headers = slice_of(lines);
	if (m->client != NULL)
		sip_transaction_set_user(m->client, &ua_overtaken_user, invite->ua);
	m->client = NULL;
	invite_sends(m->part, m->method == SIP_INVITE ? SIP_IN_INVITE : SIP_IN_UPDATE,
		     request.body);
	rc = sip_dialog_send(m->part->usage.dialog, &request, &modify_user, invite, &m->client);
	if (rc == 0)
		m->pending = true;
	else
		m->part->offer = before;
	return rc;
}

static int prepare(struct sip_invite *invite, struct invite_part *part, struct slice sdp,
		   enum sip_method method, enum sip_offer_by by, bool quiet)
{
	struct modify *m = &invite->modify;
	int rc = obstacle(part, method);
	char *copy;

	if (rc != 0 && rc != -EINPROGRESS)
		return rc;
	copy = text_dup(sdp);
	if (copy == NULL)
		return -ENOMEM;
	free(m->sdp);
	m->sdp = copy;
	m->sdp_size = sdp.n;
	m->part = part;
	m->method = (uint8_t)method;
	m->by = (uint8_t)by;
	m->quiet = quiet;
	m->glares = 0;
	m->after_ack = rc == -EINPROGRESS;
	return m->after_ack ? 0 : start(invite);
}

int sip_invite_offer(struct sip_invite *invite, struct sip_dialog *dialog, struct slice sdp,
		     enum sip_offer_by by)
{
	struct invite_part *part = invite_part_of(invite, dialog);
	enum sip_method method;
	int rc;

	if (part == NULL)
		return -EINVAL;
	rc = choose(part, by, sdp, &method);
	return rc != 0 ? rc : prepare(invite, part, sdp, method, by, false);
}

int modify_refresh(struct sip_invite *invite, struct slice sdp)
{
	return prepare(invite, invite->part, sdp, SIP_INVITE, SIP_BY_REINVITE, true);
}

/* --- what becomes of it --- */

static void tell(struct sip_invite *invite, unsigned status, struct sip_msg *response,
		 enum sip_offer_role role)
{
	if (!invite->modify.quiet && invite->user != NULL && invite->user->reanswered != NULL)
		invite->user->reanswered(invite->arg, invite->modify.part->usage.dialog, status,
					 response, role);
}

/* RFC 3261 §14.1, in steps of 10 ms: the owner of the Call-ID 2.1 to 4 s, the other 0 to 2 s. */
static void wait_for_retry(struct sip_invite *invite)
{
	const uint64_t delay =
		invite->uac ? 2100 + random_u64() % 191 * 10 : random_u64() % 201 * 10;

	timer_set(invite->ua->config.transactions.wheel, &invite->modify.glare, delay,
		  modify_retry);
}

static void try_now(struct sip_invite *invite)
{
	struct modify *m = &invite->modify;
	int rc = obstacle(m->part, (enum sip_method)m->method);

	m->after_ack = rc == -EINPROGRESS;
	if (rc == -EBUSY)
		wait_for_retry(invite);
	if (rc != 0)
		return;
	invite_hold(invite);
	if (start(invite) != 0)
		tell(invite, 503, NULL, SIP_BODY_NONE);
	invite_release(invite);
}

void modify_retry(struct timer *timer)
{
	try_now((struct sip_invite *)((char *)timer - offsetof(struct sip_invite, modify.glare)));
}

void modify_acked(struct sip_invite *invite)
{
	if (!invite->modify.after_ack)
		return;
	invite->modify.after_ack = false;
	try_now(invite);
}

static void succeeded(struct sip_invite *invite, struct sip_msg *response)
{
	struct modify *m = &invite->modify;
	const bool by_invite = m->method == SIP_INVITE;
	enum sip_offer_role role =
		invite_body(m->part, response, by_invite ? SIP_IN_2XX : SIP_IN_UPDATE_2XX);

	sip_dialog_refresh(m->part->usage.dialog, response, NULL);
	session_keep_sdp(invite, (struct slice){ m->sdp, m->sdp_size });
	if (invite->state == SIP_INVITE_CONFIRMED)
		session_agreed(invite, response);
	if (by_invite) {
		invite->ack_cseq = cseq_of(response);
		invite->ack_due = role == SIP_BODY_OFFER && invite->state == SIP_INVITE_CONFIRMED;
		if (!invite->ack_due)
			invite_send_ack(invite, invite->ack_cseq, SLICE_NONE);
	}
	tell(invite, response->status, response, role);
}

/* RFC 3261 §12.2.1.2, RFC 5057 §5.1: some answers say that the dialog is no more. */
static void failed(struct sip_invite *invite, unsigned status, struct sip_msg *response)
{
	struct sip_dialog *dialog = invite->modify.part->usage.dialog;

	sip_offer_rollback(&invite->modify.part->offer);
	if (invite->modify.quiet) {
		session_refreshed(invite, status, response);
		return;
	}
	dialog_hold(dialog);
	tell(invite, status, response, SIP_BODY_NONE);
	/* The user may have ended it. */
	if (invite->modify.part == NULL || invite->state == SIP_INVITE_TERMINATED)
		status = 0;
	if (status == 408 || status == 481)
		invite_part_lost(invite->modify.part, status, response);
	else if (sip_status_scope(status) == SIP_SCOPE_DIALOG)
		sip_dialog_lost(dialog, status, response);
	dialog_release(dialog);
}

/* RFC 3311 §5.1: who cannot answer at once (504), or takes no UPDATE after all, may take the same
 * as a re-INVITE. */
static bool tried_otherwise(struct sip_invite *invite, unsigned status)
{
	struct modify *m = &invite->modify;

	if (m->method != SIP_UPDATE || (status != 504 && status != 405 && status != 501))
		return false;
	if (status != 504)
		m->part->usage.dialog->allows &= ~(1u << SIP_UPDATE);
	sip_offer_rollback(&m->part->offer);
	if (m->by != SIP_BY_BEST || obstacle(m->part, SIP_INVITE) != 0)
		return false;
	m->method = SIP_INVITE;
	return start(invite) == 0;
}

/* RFC 4028 §7.4 */
static bool tried_longer(struct sip_invite *invite, const struct sip_msg *response)
{
	if (!session_too_small(invite, response))
		return false;
	sip_offer_rollback(&invite->modify.part->offer);
	return start(invite) == 0;
}

static bool waits_for_turn(struct sip_invite *invite, unsigned status)
{
	struct modify *m = &invite->modify;

	if (status != 491 || ++m->glares > GLARES_MAX || invite->state >= SIP_INVITE_TERMINATING)
		return false;
	sip_offer_rollback(&m->part->offer);
	wait_for_retry(invite);
	return true;
}

/* Of a re-INVITE: with a description it changes the session before the 2xx does (RFC 6141 §3). */
static void provisional(struct sip_invite *invite, struct sip_msg *response)
{
	struct invite_part *part = invite->modify.part;
	enum sip_offer_role role;

	if (!invite->modify.pending || !reliable_is(response) || !reliable_take(part, response))
		return;
	sip_dialog_refresh(part->usage.dialog, response, NULL);
	invite_hold(invite);
	role = reliable_acknowledge(part, response);
	if (role != SIP_BODY_NONE)
		tell(invite, response->status, response, role);
	invite_release(invite);
}

static void modify_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;

	(void)client;
	if (response->status < 200) {
		provisional(invite, response);
		return;
	}
	if (!invite->modify.pending) {
		if (!invite->ack_due && response->method == SIP_INVITE)
			invite_ack_again(invite, response);
		return;
	}
	if (invite->modify.client != NULL && invite->modify.part != NULL &&
	    challenge_answer(invite->origin, &invite->modify.part->usage.dialog->local_cseq,
			     &invite->modify.client, response, &modify_user, invite))
		return;
	invite->modify.pending = false;
	invite_hold(invite);
	if (response->status < 300)
		succeeded(invite, response);
	else if (!waits_for_turn(invite, response->status) &&
		 !tried_otherwise(invite, response->status) && !tried_longer(invite, response))
		failed(invite, response->status, response);
	invite_release(invite);
}

static void modify_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_invite *invite = arg;

	(void)client;
	if (!invite->modify.pending)
		return;
	invite->modify.pending = false;
	invite_hold(invite);
	failed(invite, why == SIP_FAILURE_TIMEOUT ? 408 : 503, NULL);
	invite_release(invite);
}

static void modify_terminated(void *arg, struct sip_transaction *client)
{
	struct sip_invite *invite = arg;

	if (invite->modify.client == client)
		invite->modify.client = NULL;
}

static const struct sip_transaction_user modify_user = {
	.response = modify_response,
	.failed = modify_failed,
	.terminated = modify_terminated,
};

void modify_drop(struct invite_part *part)
{
	struct modify *m = &part->invite->modify;

	if (m->part != part)
		return;
	if (m->client != NULL)
		sip_transaction_detach(m->client);
	m->client = NULL;
	m->part = NULL;
	m->pending = m->after_ack = false;
	timer_cancel(part->invite->ua->config.transactions.wheel, &m->glare);
}
