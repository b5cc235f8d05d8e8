/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reliable provisional responses (RFC 3262) of both roles.
 *
 * As a UAS one is on its way at a time: it is repeated, at intervals that double, until its PRACK
 * has come; what is said meanwhile waits, as a 2xx must (§3). Without a PRACK for 64*T1 the INVITE
 * is refused. As a UAC each is taken once and in order (§4), and acknowledged at once, unless it
 * has an offer, whose answer the PRACK has to bring (§5).
 *
 *   UAS       RESPOND            PRACK                 T1, 2*T1…   64*T1
 *   idle      send → waiting     481                   -           -
 *   waiting   keep it            200, → idle, or       repeat      504
 *                                what was kept is sent
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"
#include "sip/dialog/internal.h"
#include "sip/message/headers.h"

#define RELIABLES_MAX 100u /* of one INVITE in one dialog: each has us send a PRACK */

/* --- ours, sent --- */

static struct timer_wheel *wheel_of(const struct sip_invite *invite)
{
	return invite->ua->config.transactions.wheel;
}

static void again_fired(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer - offsetof(struct sip_invite, reliable.again));

	if (invite->server == NULL)
		return;
	sip_transaction_repeat(invite->server);
	invite->reliable.interval *= 2;
	timer_set(wheel_of(invite), timer, invite->reliable.interval, again_fired);
}

static void give_up_fired(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer -
				      offsetof(struct sip_invite, reliable.give_up));
	struct invite_step step = { .status = 504 };

	reliable_stop(invite);
	invite_hold(invite);
	if (invite_step(invite, INVITE_EVENT_NO_PRACK, &step) != 0 && invite->server != NULL)
		sip_invite_refuse(invite, NULL, 504, SLICE_NONE);
	invite_release(invite);
}

static void drop(struct held *held)
{
	free(held->text);
	*held = (struct held){ 0 };
}

void reliable_stop(struct sip_invite *invite)
{
	struct reliable *r = &invite->reliable;

	r->owed = r->owed || r->waiting;
	r->waiting = false;
	timer_cancel(wheel_of(invite), &r->again);
	timer_cancel(wheel_of(invite), &r->give_up);
	drop(&r->next);
	drop(&r->final);
}

/* RFC 3262 §3: the first number is one of the lower half, at random. */
uint32_t reliable_next(struct sip_invite *invite)
{
	struct reliable *r = &invite->reliable;
	const uint32_t cseq = cseq_of(sip_transaction_request(invite->server));

	if (r->rseq == 0 || r->cseq != cseq) {
		r->rseq = (uint32_t)(random_u64() % INT32_MAX);
		r->cseq = cseq;
	}
	return r->rseq + 1;
}

void reliable_sent(struct sip_invite *invite, bool has_sdp)
{
	struct reliable *r = &invite->reliable;
	const uint32_t t1 = invite->ua->config.transactions.timers.t1;

	r->rseq++;
	r->waiting = true;
	r->owed = false;
	r->has_sdp = has_sdp;
	r->interval = t1;
	timer_set(wheel_of(invite), &r->again, t1, again_fired);
	timer_set(wheel_of(invite), &r->give_up, 64 * (uint64_t)t1, give_up_fired);
}

bool reliable_holds(const struct sip_invite *invite, unsigned status)
{
	const struct reliable *r = &invite->reliable;

	if (!r->waiting || status <= 100 || status >= 300)
		return false;
	return status < 200 || r->has_sdp || r->next.has_sdp;
}

int reliable_hold(struct sip_invite *invite, struct slice response, unsigned status, bool reliable,
		  bool has_sdp)
{
	struct held *held = status < 200 ? &invite->reliable.next : &invite->reliable.final;
	char *copy;

	if (held->has_sdp)
		return 0;
	copy = text_dup(response);
	if (copy == NULL)
		return -ENOMEM;
	drop(held);
	*held = (struct held){ copy, response.n, (uint16_t)status, reliable, has_sdp };
	return 0;
}

/* What was kept goes out. */
void reliable_release(struct sip_invite *invite)
{
	struct reliable *r = &invite->reliable;
	struct held *held = r->next.text != NULL ? &r->next : &r->final, out = *held;

	if (out.text == NULL || r->waiting || invite->server == NULL ||
	    (invite->part != NULL && invite->part->asked != NULL))
		return;
	*held = (struct held){ 0 };
	if (sip_transaction_respond(invite->server, (struct slice){ out.text, out.size }) == 0) {
		if (out.status >= 200)
			uas_answered(invite, out.status);
		else if (out.reliable)
			reliable_sent(invite, out.has_sdp);
	}
	free(out.text);
	/* Behind one that needs no PRACK. */
	if (out.status < 200 && !r->waiting)
		reliable_release(invite);
}

/* RFC 3262 §3: PRACKs of what a 2xx has overtaken are taken too; a 481 would end the call. */
static bool is_awaited(const struct sip_invite *invite, const struct sip_msg *prack)
{
	const struct reliable *r = &invite->reliable;
	struct sip_rack rack;

	return (r->waiting || r->owed) &&
	       sip_rack_parse(sip_msg_value(prack, SIP_H_RACK), &rack) == 0 &&
	       rack.rseq == r->rseq && rack.cseq == r->cseq &&
	       slice_equal(rack.method, SLICE("INVITE"));
}

void prack_receive(struct invite_part *part, struct sip_transaction *server, struct sip_msg *prack)
{
	struct sip_invite *invite = part->invite;
	const struct sip_invite_user *user = invite->user;
	struct reliable *r = &invite->reliable;
	enum sip_offer_role role;
	unsigned refuse;

	if (!is_awaited(invite, prack)) {
		invite_refuse_with(part, server, 481);
		return;
	}
	r->waiting = r->owed = false;
	timer_cancel(wheel_of(invite), &r->again);
	timer_cancel(wheel_of(invite), &r->give_up);
	role = sip_offer_body(&part->offer, false, SIP_IN_PRACK, sip_msg_sdp(prack).n > 0, &refuse);
	if (role == SIP_BODY_OFFER && user != NULL && user->reoffered != NULL) {
		asked_receive(part, server, prack, role);
		return;
	}
	if (role == SIP_BODY_OFFER) {
		sip_offer_rollback(&part->offer);
		refuse = 488;
	}
	invite_refuse_with(part, server, refuse != 0 ? refuse : 200);
	if (refuse == 0 && user != NULL && user->pracked != NULL)
		user->pracked(invite->arg, prack,
			      role == SIP_BODY_FORBIDDEN ? SIP_BODY_NONE : role);
	reliable_release(invite);
}

/* --- theirs, received --- */

bool reliable_is(const struct sip_msg *response)
{
	return response->status > 100 && response->status < 200 &&
	       sip_msg_requires(response, SIP_OPTION_100REL) &&
	       sip_msg_header(response, SIP_H_RSEQ) != NULL;
}

bool reliable_take(struct invite_part *part, const struct sip_msg *response)
{
	const uint32_t cseq = cseq_of(response);
	uint32_t rseq;

	if (sip_msg_number(response, SIP_H_RSEQ, &rseq) != 0 || rseq == 0)
		return false;
	if (part->rseq_cseq != cseq)
		part->reliables = 0;
	else if (rseq != part->rseq + 1 || part->reliables == RELIABLES_MAX)
		return false;
	part->reliables++;
	part->rseq = rseq;
	part->rseq_cseq = cseq;
	return true;
}

int prack_send(struct invite_part *part, struct slice sdp)
{
	char rack[64];
	struct sip_request prack = {
		.method = SIP_PRACK,
		.type = sdp.n > 0 ? SDP_TYPE : SLICE_NONE,
		.body = sdp,
	};
	int n, rc;

	n = snprintf(rack, sizeof(rack), "RAck: %u %u INVITE\r\n", part->rseq, part->rseq_cseq);
	prack.headers = (struct slice){ rack, (size_t)n };
	rc = sip_dialog_send(part->usage.dialog, &prack, NULL, NULL, NULL);
	if (rc != 0)
		return rc;
	part->prack_due = false;
	invite_sends(part, SIP_IN_PRACK, sdp);
	return 0;
}

enum sip_offer_role reliable_acknowledge(struct invite_part *part, const struct sip_msg *response)
{
	enum sip_offer_role role = invite_body(part, response, SIP_IN_RELIABLE_1XX);

	part->prack_due = role == SIP_BODY_OFFER;
	if (!part->prack_due)
		prack_send(part, SLICE_NONE);
	return role;
}
