/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Later offers: re-INVITE (RFC 3261 §14) both ways, UPDATE (RFC 3311) as one that comes.
 *
 * One offer at a time. An offer that meets ours is refused with 491, one that follows another
 * unanswered one with 500. When ours is refused with 491 it is made again after the time of §14.1,
 * which the two sides take from ranges that do not overlap.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/dialog/internal.h"

#define GLARES_MAX 5u

static const struct sip_transaction_user modify_user;

/* --- one that comes --- */

static void refuse_unanswered(struct sip_invite *invite, struct sip_transaction *server)
{
	char retry[32];

	snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", (unsigned)(random_u64() % 11));
	sip_transaction_reply(server, 500, NULL, slice_of(invite->local_tag), retry);
}

static bool ours_pending(const struct sip_invite *invite)
{
	return invite->modifying || invite->answer_due || invite->ack_awaited ||
	       (invite->uac && invite->state <= SIP_INVITE_EARLY);
}

void modify_receive(struct sip_invite *invite, struct sip_transaction *server,
		    struct sip_msg *request)
{
	const struct slice tag = slice_of(invite->local_tag);

	if (invite->server != NULL) {
		refuse_unanswered(invite, server);
		return;
	}
	if (ours_pending(invite)) {
		sip_transaction_reply(server, 491, NULL, tag, NULL);
		return;
	}
	if (invite->user == NULL || invite->user->reinvite == NULL) {
		sip_transaction_reply(server, 488, NULL, tag, NULL);
		return;
	}
	invite->server = server;
	sip_transaction_set_user(server, &invite_server_user, invite);
	invite->user->reinvite(invite->arg, request);
}

/* --- one of ours --- */

static int start(struct sip_invite *invite)
{
	const struct slice offer = { invite->offer, invite->offer_size };
	int rc;

	if (invite->modify != NULL)
		sip_transaction_detach(invite->modify);
	invite->modify = NULL;
	rc = dialog_request(invite->dialog, "INVITE", SLICE_NONE, offer, &modify_user, invite,
			    &invite->modify);
	if (rc == 0)
		invite->modifying = true;
	return rc;
}

int sip_invite_reinvite(struct sip_invite *invite, struct slice sdp)
{
	struct timer *glare = &invite->glare;
	char *offer;

	if (invite->state != SIP_INVITE_CONFIRMED)
		return -EINVAL;
	if (invite->server != NULL || ours_pending(invite) || timer_is_set(glare))
		return -EBUSY;
	offer = text_dup(sdp);
	if (offer == NULL)
		return -ENOMEM;
	free(invite->offer);
	invite->offer = offer;
	invite->offer_size = sdp.n;
	invite->glares = 0;
	return start(invite);
}

static void tell(struct sip_invite *invite, unsigned status, struct sip_msg *response)
{
	if (invite->user != NULL && invite->user->reinvited != NULL)
		invite->user->reinvited(invite->arg, status, response);
}

/* RFC 3261 §14.1, in steps of 10 ms: the owner of the Call-ID 2.1 to 4 s, the other 0 to 2 s. */
static void wait_for_retry(struct sip_invite *invite)
{
	const uint64_t delay =
		invite->uac ? 2100 + random_u64() % 191 * 10 : random_u64() % 201 * 10;

	timer_set(invite->ua->config.transactions.wheel, &invite->glare, delay, modify_retry);
}

void modify_retry(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer - offsetof(struct sip_invite, glare));

	if (invite->state != SIP_INVITE_CONFIRMED)
		return;
	if (invite->server != NULL || ours_pending(invite)) {
		wait_for_retry(invite);
		return;
	}
	invite_hold(invite);
	if (start(invite) != 0)
		tell(invite, 503, NULL);
	invite_release(invite);
}

static void succeeded(struct sip_invite *invite, struct sip_msg *response)
{
	struct sip_cseq cseq = { 0 };

	sip_msg_cseq(response, &cseq);
	remote_refresh(&invite->dialog->remote, response);
	invite->ack_cseq = cseq.number;
	invite->answer_due = invite->offer_size == 0;
	if (!invite->answer_due || invite->state != SIP_INVITE_CONFIRMED) {
		invite->answer_due = false;
		invite_send_ack(invite, cseq.number, SLICE_NONE);
	}
	tell(invite, response->status, response);
}

/* RFC 3261 §12.2.1.2: silence and 481 end the dialog. */
static void failed(struct sip_invite *invite, unsigned status, struct sip_msg *response)
{
	struct invite_step step = { .status = status, .msg = response };

	tell(invite, status, response);
	if (status == 408 || status == 481)
		invite_step(invite, INVITE_EVENT_LOST, &step);
}

static void modify_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;

	(void)client;
	if (response->status < 200)
		return;
	if (!invite->modifying) {
		if (!invite->answer_due)
			invite_ack_again(invite, response);
		return;
	}
	invite->modifying = false;
	invite_hold(invite);
	if (response->status < 300)
		succeeded(invite, response);
	else if (response->status == 491 && ++invite->glares <= GLARES_MAX &&
		 invite->state == SIP_INVITE_CONFIRMED)
		wait_for_retry(invite);
	else
		failed(invite, response->status, response);
	invite_release(invite);
}

static void modify_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_invite *invite = arg;

	(void)client;
	if (!invite->modifying)
		return;
	invite->modifying = false;
	invite_hold(invite);
	failed(invite, why == SIP_FAILURE_TIMEOUT ? 408 : 503, NULL);
	invite_release(invite);
}

static void modify_terminated(void *arg, struct sip_transaction *client)
{
	struct sip_invite *invite = arg;

	if (invite->modify == client)
		invite->modify = NULL;
}

static const struct sip_transaction_user modify_user = {
	.response = modify_response,
	.failed = modify_failed,
	.terminated = modify_terminated,
};
