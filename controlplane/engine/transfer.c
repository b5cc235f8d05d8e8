/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transfer (RFC 5589): a party of an answered call goes to somebody else. The other side of the
 * call wants it (refer.c), or an operator.
 *
 *   transferor           `from`             party             `to`              target
 *      │── REFER ─────────▶ │                 │                │── INVITE ───────▶ │
 *      │ ◀── 202, NOTIFY ── │                 │                │ ◀───── 180, 200 ──│
 *      │                    │── re-INVITE: what the target has said, and a seat in `to` ▶ party
 *      │                    │ ◀──────── 200 ──│                │                   │
 *      │ ◀── NOTIFY, BYE ───│                 └── goes over ──▶│── if it differs ─▶ │
 *
 * Blind: `to` is a new call, which has no caller until the party arrives. Attended: `to` is there,
 * and the party takes the place of the transferor's leg in it; the transfer begins in WAITING.
 *
 * The party is in `from` until it has agreed, and stays there if anything fails. The transferor, and
 * its leg in `to`, may hang up at any time: the calls go on without them until it is over.
 *
 *   DIALING ── answered ──▶ WAITING ── offered ──▶ MOVING ── agreed ──▶ TELLING ──▶ OVER
 *      │                       │                     └─ target lost, or silence ─▶ RETURNING ──▶ OVER
 *      └─ refused, lost, gone ─┴──▶ OVER
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "controlplane/engine/transfer.h"
#include "controlplane/engine/trunk.h"
#include "controlplane/events/events.h"
#include "controlplane/monitor/tap.h"
#include "controlplane/session/session_internal.h"
#include "sip/base/log.h"
#include "sip/event/event.h"

#define TRIES_MAX 10u /* while somebody is in the midst of another exchange */
#define AGAIN_MS  500u
#define ANSWER_MS 40000u /* longer than a transaction that hears nothing */

/* --- life --- */

void transfer_release(struct transfer *t)
{
	if (--t->refs > 0)
		return;
	timer_cancel(t->engine->shard->wheel, &t->timer);
	errand_drop(t->errand);
	free(t);
}

/* Under the hands of who holds it. */
static void let_go_of_from(struct transfer *t)
{
	if (!t->from)
		return;
	t->from->away = NULL;
	t->from = NULL;
	t->refs--;
}

static void let_go_of_to(struct transfer *t)
{
	if (!t->to)
		return;
	/* A seat that nobody came to; where the bridge is gone, it went with that. */
	if (t->spare && t->to->bridge && !t->there->session)
		bridge_give_up(t->there, "unused");
	t->there = NULL;
	t->to->here = NULL;
	t->to = NULL;
	t->refs--;
}

void transfer_let_go(struct transfer *t)
{
	timer_cancel(t->engine->shard->wheel, &t->timer);
	let_go_of_from(t);
	let_go_of_to(t);
}

void transfer_tell(struct transfer *t, unsigned status, const char *state)
{
	char to[17], code[12];

	if (status == t->told)
		return;
	t->told = status;
	snprintf(to, sizeof(to), "%016" PRIx64, t->to_id);
	snprintf(code, sizeof(code), "%u", status);
	event_publish(t->engine->shard->events, EVENT_CALL_TRANSFER, t->from_id, 0, state, to,
		      code);
	/* The subscription has begun with 100 by itself. */
	if (t->sub && status > 100)
		sip_refer_progress(t->sub, status, NULL);
}

/* The outcome is known. */
static void conclude(struct transfer *t, unsigned status, const char *state)
{
	struct errand *errand = t->errand;

	t->errand = NULL;
	transfer_tell(t, status, state);
	if (errand && t->from && t->from->guest)
		errand_return(errand, t->from, status);
	else
		errand_drop(errand);
}

/* --- who is who --- */

void call_leg(const struct call *call, const struct session *s, struct caller *caller)
{
	const bool is_caller = s == call->caller;
	char *domain;

	*caller =
		(struct caller){ .trunk = is_caller ? call->trunk_in : call->trunk_out,
				 .anonymous = is_caller ? call->withheld : call->callee_withheld };
	snprintf(caller->aor, sizeof(caller->aor), "%s",
		 is_caller ? call->from : call_callee(call));
	/* who was called by the GRUU of a phone (RFC 5627) is the user of that phone */
	domain = strrchr(caller->aor, '@');
	if (domain)
		domain[strcspn(domain, ";")] = '\0';
}

const char *transfer_side_of(const struct call *call, const struct session *s)
{
	return !s ? "system" : s == call->caller ? "caller" : "callee";
}

/* The one in `to` that the party will talk to. */
static struct session *target_of(const struct transfer *t)
{
	return t->leaving ? call_other_side(t->to, t->leaving) : t->to->callee;
}

/* --- steps --- */

static bool is_quiet(const struct call *call)
{
	return call->exchange.state == EXCHANGE_IDLE && !call->joining;
}

/* What the party is offered. A direction that answered another one's hold says nothing any more. */
static struct description offer_of(const struct session *target)
{
	struct description offer = description_without_address(&target->remote);

	if (!target->answer_is_ours)
		offer.direction = SDP_SENDRECV;
	return offer;
}

static void on_again(struct timer *timer)
{
	transfer_step((struct transfer *)((char *)timer - offsetof(struct transfer, timer)),
		      TRANSFER_ON_AGAIN, 0);
}

static int offer_seat(struct transfer *t)
{
	const struct description offer = offer_of(target_of(t));
	struct seat *before = t->party->seat;
	int error;

	t->party->seat = t->there;
	error = session_reoffer(t->party, &offer, SIP_BY_REINVITE);
	if (error) {
		t->party->seat = before;
		return error;
	}
	t->before = before;
	t->state = TRANSFER_MOVING;
	timer_set(t->engine->shard->wheel, &t->timer, ANSWER_MS, on_again);
	return 0;
}

static int leave_with_leg(struct transfer *t)
{
	int error;

	if (t->party->reoffering || t->party->offer_state != OFFER_COMPLETE)
		return -EBUSY;
	t->refs++;
	error = errand_leave(t->errand, t);
	if (error) {
		t->refs--;
		return error;
	}
	t->errand = NULL;
	t->state = TRANSFER_ABROAD;
	return 0;
}

static void offer_place(struct transfer *t, unsigned status)
{
	int error = -EBUSY;

	(void)status;
	if (is_quiet(t->from) && (!t->to || is_quiet(t->to)))
		error = t->to ? offer_seat(t) : leave_with_leg(t);
	if (!error)
		return;
	if (error == -EBUSY && t->tries++ < TRIES_MAX) {
		timer_set(t->engine->shard->wheel, &t->timer, AGAIN_MS, on_again);
		return;
	}
	LOG_WARN("call", t->from_id, "its party cannot be transferred: %s", strerror(-error));
	transfer_step(t, TRANSFER_ON_REFUSED, error == -EBUSY ? 491 : 500);
}

/* What is left of both calls after it has come to nothing. */
static void fail(struct transfer *t, unsigned status)
{
	struct call *from = t->from, *to = t->to;
	const bool blind = !t->leaving;

	LOG_INFO("call", t->from_id, "transfer failed: %u", status);
	conclude(t, status, "failed");
	transfer_let_go(t);
	if (blind || t->leaving_left)
		call_hang_up(to, status, "transfer-failed", "system");
	if (t->transferor_left)
		call_hang_up(from, status, "transfer-failed", "system");
}

/* It does not have the seat that it was offered. */
static void stand_up(struct transfer *t)
{
	if (t->there && t->party->seat == t->there)
		t->party->seat = t->before;
}

/* The seat that it was offered is no more; what it answers to that is awaited. */
static void take_back(struct transfer *t, unsigned status)
{
	stand_up(t);
	t->status = status;
	let_go_of_to(t);
	timer_set(t->engine->shard->wheel, &t->timer, ANSWER_MS, on_again);
}

/* An INVITE that is answered by 100 has no timer (RFC 3261 §17.1.1.2). Who says no more than that is
 * waited for as long as there is somebody for it to come back to. */
static bool is_waited_for(struct transfer *t)
{
	if (!t->transferor_left && !t->from->guest)
		return true;
	call_hang_up(t->from, 408, "transfer-failed", "system");
	return false;
}

static void give_up(struct transfer *t, unsigned status)
{
	struct call *to = t->to;
	const bool alone = !t->leaving || t->leaving_left;

	(void)status;
	LOG_INFO("call", t->from_id, "its party does not answer");
	if (!is_waited_for(t))
		return;
	take_back(t, 408);
	if (alone)
		call_hang_up(to, 408, "transfer-failed", "system");
}

static void wait_on(struct transfer *t, unsigned status)
{
	(void)status;
	if (is_waited_for(t))
		timer_set(t->engine->shard->wheel, &t->timer, ANSWER_MS, on_again);
}

static void put_back(struct transfer *t, unsigned status)
{
	(void)status;
	if (!t->transferor_left && !t->from->guest)
		call_tell_again(t->from, t->party, call_other_side(t->from, t->party));
	fail(t, t->status);
}

/* It was offered a seat there, which it may have taken for its own. */
static void come_back(struct transfer *t, unsigned status)
{
	struct session *other = call_other_side(t->from, t->party);

	if (session_is_alive(t->party) && session_is_alive(other))
		call_tell_again(t->from, t->party, other);
	fail(t, status);
}

static void stay(struct transfer *t, unsigned status)
{
	(void)status;
	fail(t, t->status);
}

static void refused(struct transfer *t, unsigned status)
{
	stand_up(t);
	fail(t, status);
}

static void abandon(struct transfer *t, unsigned status)
{
	struct call *to = t->to;
	const bool blind = !t->leaving;

	(void)status;
	stand_up(t);
	conclude(t, 487, "failed");
	transfer_let_go(t);
	if (blind)
		call_hang_up(to, 487, "cancelled", "caller");
	else if (t->leaving_left)
		call_hang_up(to, 200, "normal", "system");
}

/* --- the party goes over --- */

static void leave(struct call *from, struct session *party, struct seat *seat)
{
	/* its seat in `from` is still the one that it sits on */
	party->seat = seat;
	if (seat)
		bridge_remove(seat, "transferred");
	call_drop_relays(from);
	if (party == from->callee) {
		from->codec = call_string(from, session_codec(party));
		from->callee = NULL;
	}
	if (party == from->early)
		from->early = NULL;
	*call_slot_of(from, party) = NULL;
}

static void take_place(struct transfer *t, const struct caller *party)
{
	struct call *to = t->to;
	struct session *leaving = t->leaving;

	if (leaving) {
		const bool as_caller = leaving == to->caller;
		struct seat **seat = as_caller ? &to->caller_seat : &to->callee_seat;

		if (t->spare) {
			bridge_give_up(*seat, "replaced");
			*seat = t->there;
		}
		call_take_name(to, as_caller, party, t->party);
		t->kept->session = leaving;
		*call_slot_of(to, leaving) = t->party;
		if (!as_caller)
			to->callee = t->party;
		if (to->early == leaving)
			to->early = NULL;
	} else {
		to->caller = t->party;
	}
	t->party->call = to->id;
	t->party->arg = to;
	if (t->party->auth) /* the other call's until now */
		t->party->auth = call_string(to, t->party->auth);
	if (sip_invite_call_id(t->party->invite).n > 0)
		tap_call(to->engine->shard->tap, to->id, sip_invite_call_id(t->party->invite));
	bridge_add(t->there, t->party);
	bridge_relearn(t->there);
}

/* Does the target speak what the party has just said it understands, and in its direction? */
static bool is_told(const struct session *target, const struct session *party)
{
	const struct codec *spoken = description_audio(session_formats(target));
	const struct codec *heard = description_audio(&party->remote);

	return target->local.direction == party->remote.direction && spoken && heard &&
	       spoken->payload_type == heard->payload_type &&
	       strcasecmp(spoken->encoding, heard->encoding) == 0;
}

/* Who has sent the party away is told so before it is let go. */
static void finish_from(struct transfer *t, struct call *from, const char *ended_by)
{
	if (t->sub && !t->transferor_left) {
		t->state = TRANSFER_TELLING;
		call_record_over(from);
	} else {
		let_go_of_from(t);
	}
	call_hang_up(from, 200, "transferred", ended_by);
}

static void arrive(struct transfer *t, unsigned status)
{
	struct call *from = t->from, *to = t->to;
	struct session *party = t->party, *leaving = t->leaving, *target = target_of(t);
	const char *ended_by = transfer_side_of(from, t->transferor);
	struct caller who;

	(void)status;
	call_leg(from, party, &who);
	call_exchange_stop(to);
	leave(from, party, t->before);
	take_place(t, &who);
	to->transfers = from->transfers + 1;
	LOG_INFO("call", from->id, "%s transferred to call %016" PRIx64, who.aor, to->id);
	call_apply_media(to);
	if (!is_told(target, party))
		call_tell_again(to, target, party);
	call_record(to);
	conclude(t, 200, "completed");
	let_go_of_to(t);
	if (leaving)
		session_end(leaving, 200, SLICE_NONE);
	finish_from(t, from, ended_by);
}

/* The same, seen from the shard that it has left. */
static void arrived_abroad(struct transfer *t, unsigned status)
{
	struct call *from = t->from;
	const char *ended_by = transfer_side_of(from, t->transferor);
	struct session *party = t->party;

	(void)status;
	LOG_INFO("call", from->id, "its party is in a call of another shard");
	leave(from, party, party->seat);
	session_free(party);
	conclude(t, 200, "completed");
	finish_from(t, from, ended_by);
}

/* --- the table --- */

static const struct {
	void (*action)(struct transfer *t, unsigned status);
	uint8_t next;
} table[TRANSFER_STATES][TRANSFER_EVENTS] = {
	[TRANSFER_DIALING] = {
		[TRANSFER_ON_READY] = { offer_place, TRANSFER_WAITING },
		[TRANSFER_ON_REFUSED] = { fail, TRANSFER_OVER },
		[TRANSFER_ON_LOST] = { fail, TRANSFER_OVER },
		[TRANSFER_ON_GONE] = { abandon, TRANSFER_OVER },
	},
	[TRANSFER_WAITING] = {
		[TRANSFER_ON_READY] = { offer_place, TRANSFER_WAITING },
		[TRANSFER_ON_AGAIN] = { offer_place, TRANSFER_WAITING },
		[TRANSFER_ON_REFUSED] = { fail, TRANSFER_OVER },
		[TRANSFER_ON_LOST] = { fail, TRANSFER_OVER },
		[TRANSFER_ON_GONE] = { abandon, TRANSFER_OVER },
	},
	[TRANSFER_MOVING] = {
		[TRANSFER_ON_AGREED] = { arrive, TRANSFER_OVER },
		[TRANSFER_ON_REFUSED] = { refused, TRANSFER_OVER },
		[TRANSFER_ON_AGAIN] = { give_up, TRANSFER_RETURNING },
		[TRANSFER_ON_LOST] = { take_back, TRANSFER_RETURNING },
		[TRANSFER_ON_GONE] = { abandon, TRANSFER_OVER },
	},
	[TRANSFER_ABROAD] = {
		[TRANSFER_ON_ARRIVED] = { arrived_abroad, TRANSFER_OVER },
		[TRANSFER_ON_RETURNED] = { come_back, TRANSFER_OVER },
		[TRANSFER_ON_GONE] = { abandon, TRANSFER_OVER },
	},
	[TRANSFER_RETURNING] = {
		[TRANSFER_ON_AGAIN] = { wait_on, TRANSFER_RETURNING },
		[TRANSFER_ON_AGREED] = { put_back, TRANSFER_OVER },
		[TRANSFER_ON_REFUSED] = { stay, TRANSFER_OVER },
		[TRANSFER_ON_GONE] = { abandon, TRANSFER_OVER },
	},
};

void transfer_step(struct transfer *t, enum transfer_event event, unsigned status)
{
	const unsigned state = t->state;

	if (!table[state][event].action)
		return;
	t->refs++;
	timer_cancel(t->engine->shard->wheel, &t->timer);
	t->state = table[state][event].next;
	table[state][event].action(t, status);
	transfer_release(t);
}
