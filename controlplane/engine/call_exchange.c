/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An exchange: what one side of a call wants of the media goes to the other, and what that says
 * comes back. One at a time; a second one is refused until the first is over (491).
 *
 *   from                     call                      to
 *     │── offer ───────────▶ │ ── offer ─────────────▶ │   re-INVITE, UPDATE, PRACK
 *     │ ◀─────────── answer ─│ ◀───────────── answer ──│   or a refusal
 *
 *     │── re-INVITE ───────▶ │ ── re-INVITE ─────────▶ │   without a description
 *     │ ◀──────────── offer ─│ ◀────────────── offer ──│   in the 200 (now `to` is who offers)
 *     │── answer in ACK ───▶ │ ── answer in ACK ─────▶ │
 *
 * The first INVITE without a description begins in ASKED. Until an exchange is over, and when it
 * is refused, the media stays as it was.
 */
#include <errno.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "sip/base/log.h"

/* What came with an event. */
struct step {
	struct session *session;
	enum sip_offer_by by;
	unsigned status; /* of a refusal */
};

typedef void (*action_t)(struct call *call, const struct step *step);

static void pass_offer(struct call *call, const struct step *step);
static void pass_question(struct call *call, const struct step *step);
static void refuse_glare(struct call *call, const struct step *step);
static void give_answer(struct call *call, const struct step *step);
static void give_offer(struct call *call, const struct step *step);
static void give_refusal(struct call *call, const struct step *step);
static void answer_as_before(struct call *call, const struct step *step);

/* An action that begins something sets `from` and `to` and the next state by itself, as it may
 * come to nothing. */
static const struct {
	action_t action;
	enum exchange_state next;
} table[EXCHANGE_STATE_COUNT][EXCHANGE_EVENT_COUNT] = {
	[EXCHANGE_IDLE] = {
		[EXCHANGE_ON_OFFER] = { pass_offer, EXCHANGE_IDLE },
		[EXCHANGE_ON_QUESTION] = { pass_question, EXCHANGE_IDLE },
	},
	/* `to` has the offer and owes the answer */
	[EXCHANGE_OFFERED] = {
		[EXCHANGE_ON_OFFER] = { refuse_glare, EXCHANGE_OFFERED },
		[EXCHANGE_ON_QUESTION] = { refuse_glare, EXCHANGE_OFFERED },
		[EXCHANGE_ON_ANSWER] = { give_answer, EXCHANGE_IDLE },
		[EXCHANGE_ON_REFUSAL] = { give_refusal, EXCHANGE_IDLE },
	},
	/* the same, and the offer stood in a response, which cannot be refused */
	[EXCHANGE_RETURNED] = {
		[EXCHANGE_ON_OFFER] = { refuse_glare, EXCHANGE_RETURNED },
		[EXCHANGE_ON_QUESTION] = { refuse_glare, EXCHANGE_RETURNED },
		[EXCHANGE_ON_ANSWER] = { give_answer, EXCHANGE_IDLE },
		[EXCHANGE_ON_REFUSAL] = { answer_as_before, EXCHANGE_IDLE },
	},
	/* `to` was asked for an offer */
	[EXCHANGE_ASKED] = {
		[EXCHANGE_ON_OFFER] = { refuse_glare, EXCHANGE_ASKED },
		[EXCHANGE_ON_QUESTION] = { refuse_glare, EXCHANGE_ASKED },
		[EXCHANGE_ON_RETURN] = { give_offer, EXCHANGE_IDLE },
		[EXCHANGE_ON_REFUSAL] = { give_refusal, EXCHANGE_IDLE },
	},
};

static void run(struct call *call, enum exchange_event event, const struct step *step)
{
	struct exchange *x = &call->exchange;
	action_t action = table[x->state][event].action;

	if (!action)
		return;
	x->state = table[x->state][event].next;
	action(call, step);
	if (x->state == EXCHANGE_IDLE)
		x->from = x->to = NULL;
}

/* Before the answer, the callee is whoever is heard. */
static struct session *other_of(const struct call *call, const struct session *s)
{
	if (s != call->caller)
		return s == call->callee || s == call->early ? call->caller : NULL;
	return call->callee ? call->callee : call->early;
}

/* --- media --- */

void call_apply_media(struct call *call)
{
	uint64_t timeout = call->engine->shard->config->calls.media_timeout_s * UINT64_C(1000);

	if (!call->callee) {
		bridge_update(call->bridge, 0);
		return;
	}
	bridge_update(call->bridge, timeout > UINT32_MAX ? UINT32_MAX : (uint32_t)timeout);
	call_event(call, bridge_is_held(call->bridge) ? CALL_ON_HOLD : CALL_ON_RESUME, NULL);
}

void call_note_hold(struct call *call, const struct call_cause *cause)
{
	(void)cause;
	LOG_INFO("call", call->id, "%s", call->state == CALL_HELD ? "on hold" : "resumed");
}

/* The other side is told again what this side stands for: what it was told has come to nothing. */
void call_tell_again(struct call *call, struct session *to, const struct session *about)
{
	int error = session_reoffer(to, &about->remote, SIP_BY_BEST);

	if (error == -EBUSY)
		call->untold = to;
	if (error)
		LOG_WARN("call", call->id,
			 "the other side keeps a description that is not true any more: %s",
			 strerror(-error));
}

/* Who made the offer that it has just answered is gone; the other side is what it was. */
static void restore_view(struct call *call, struct session *to)
{
	struct session *about = call_other_side(call, to);

	if (session_is_alive(to) && session_is_alive(about))
		call_tell_again(call, to, about);
}

/* The same, and it has made the offer that it was asked for, which has to be answered. */
static void answer_alone(struct call *call, struct session *to)
{
	const struct session *about = call_other_side(call, to);

	if (about && session_give_answer(to, &about->remote))
		LOG_WARN("call", call->id, "an offer stays without its answer");
}

/* Was `to` told what `about` says now? */
static bool is_told(const struct session *to, const struct session *about)
{
	return to->local.direction == about->remote.direction &&
	       description_overlap(&to->local, &about->remote);
}

void call_compare_legs(struct call *call)
{
	struct session *a = call->caller, *b = call->callee;

	if (call->exchange.state != EXCHANGE_IDLE || !b || !session_is_alive(a) ||
	    !session_is_alive(b) || a->offer_state != OFFER_COMPLETE ||
	    b->offer_state != OFFER_COMPLETE)
		return;
	if (!is_told(b, a))
		call_tell_again(call, b, a);
	else if (!is_told(a, b))
		call_tell_again(call, a, b);
}

/* --- actions --- */

static bool can_exchange(const struct call *call, const struct session *other)
{
	return (call->state == CALL_ANSWERED || call->state == CALL_HELD ||
		call->state == CALL_EARLY) &&
	       other && session_is_alive(other);
}

static void begin(struct call *call, enum exchange_state state, struct session *from,
		  struct session *to)
{
	call->exchange = (struct exchange){ .state = state, .from = from, .to = to };
}

/* The other side takes no UPDATE, and before its answer there is nothing else to ask it with. What it
 * said before is an answer all the same, if there is a format in both: the media ends with us. It is
 * told when the call stands (call_compare_legs()). */
static bool answer_for(struct call *call, struct session *from, const struct session *to)
{
	if (!description_overlap(&from->offered, &to->remote) ||
	    session_give_answer(from, &to->remote))
		return false;
	call_apply_media(call);
	return true;
}

static void pass_offer(struct call *call, const struct step *step)
{
	struct session *from = step->session, *to = other_of(call, from);
	int error = can_exchange(call, to) ? session_reoffer(to, &from->offered, step->by) : -EBUSY;

	if (!error)
		begin(call, EXCHANGE_OFFERED, from, to);
	else if (call->state == CALL_EARLY && error == -EOPNOTSUPP && answer_for(call, from, to))
		return;
	else if (call->state == CALL_EARLY && error != -EBUSY)
		/* RFC 3311 §5.2: it cannot be asked now */
		session_refuse(from, 504, SLICE_NONE);
	else
		session_refuse(from, error == -EBUSY ? 491 : 500, SLICE_NONE);
}

static void pass_question(struct call *call, const struct step *step)
{
	struct session *from = step->session, *to = other_of(call, from);
	int error = can_exchange(call, to) ? session_ask_offer(to) : -EBUSY;

	if (!error)
		begin(call, EXCHANGE_ASKED, from, to);
	else
		session_refuse(from, error == -EBUSY ? 491 : 500, SLICE_NONE);
}

static void refuse_glare(struct call *call, const struct step *step)
{
	(void)call;
	session_refuse(step->session, 491, SLICE_NONE);
}

static void give_answer(struct call *call, const struct step *step)
{
	struct session *from = call->exchange.from, *to = call->exchange.to;

	(void)step;
	if (from == call->joining) {
		call_replace_done(call);
		call_record(call);
		return;
	}
	if (!session_is_alive(from)) {
		restore_view(call, to);
		return;
	}
	if (session_give_answer(from, &to->remote)) {
		/* it has cancelled its offer meanwhile */
		session_refuse(from, 487, SLICE_NONE);
		call_tell_again(call, to, from);
		return;
	}
	call_apply_media(call);
	call_record(call);
}

/* `to` has made the offer that it was asked for. */
static void give_offer(struct call *call, const struct step *step)
{
	struct session *asker = call->exchange.from, *offerer = step->session;
	int error =
		session_is_alive(asker) ? session_give_offer(asker, &offerer->offered) : -ENOTCONN;

	begin(call, EXCHANGE_RETURNED, offerer, asker);
	if (!error)
		return;
	LOG_WARN("call", call->id, "an offer that was asked for cannot be given: %s",
		 strerror(-error));
	session_refuse(asker, 500, SLICE_NONE);
	run(call, EXCHANGE_ON_REFUSAL, step);
}

static void give_refusal(struct call *call, const struct step *step)
{
	unsigned status = step->status;

	if (status < 400 || status == 401 || status == 407)
		status = 488;
	if (call->exchange.from == call->joining && call->joining)
		session_end(call->joining, status, SLICE_NONE);
	else if (session_is_alive(call->exchange.from))
		session_refuse(call->exchange.from, status, SLICE_NONE);
}

/* An offer in a 2xx has to be answered (RFC 3264 §4): nothing changes. */
static void answer_as_before(struct call *call, const struct step *step)
{
	struct session *from = call->exchange.from, *to = call->exchange.to;

	(void)step;
	if (session_is_alive(from) && session_give_answer(from, &to->remote))
		LOG_WARN("call", call->id, "an offer stays without its answer");
}

/* --- what the sessions say --- */

void call_reoffered(void *arg, struct session *s, bool has_offer, enum sip_offer_by by)
{
	struct call *call = arg;
	const struct step step = { .session = s, .by = by };

	if (call_is_over(call))
		session_refuse(s, 487, SLICE_NONE);
	else
		run(call, has_offer ? EXCHANGE_ON_OFFER : EXCHANGE_ON_QUESTION, &step);
}

void call_reanswered(void *arg, struct session *other, unsigned status, enum session_sdp sdp,
		     int error)
{
	struct call *call = arg;
	struct step step = { .session = other, .status = error ? 488 : status };
	bool success = status >= 200 && status < 300 && !error;
	bool untold;

	if (call_is_over(call))
		return;
	if (transfer_reanswered(call, other, success, step.status))
		return;
	/* Even one that is refused takes a CSeq. */
	call_record_later(call);
	untold = call->untold == other;
	if (untold)
		call->untold = NULL;
	if (call->exchange.to != other) {
		/* told again, or who had asked for it is gone */
		const bool asks = success && sdp == SESSION_SDP_OFFER;

		if (asks)
			answer_alone(call, other);
		if (success)
			call_apply_media(call);
		if (untold && !asks)
			restore_view(call, other);
		return;
	}
	run(call,
	    !success                   ? EXCHANGE_ON_REFUSAL
	    : sdp == SESSION_SDP_OFFER ? EXCHANGE_ON_RETURN
				       : EXCHANGE_ON_ANSWER,
	    &step);
}

bool call_exchange_agreed(struct call *call, struct session *s, int error)
{
	const struct step step = { .session = s, .status = 488 };

	if (call->exchange.to != s || call->exchange.state != EXCHANGE_RETURNED)
		return false;
	run(call, error ? EXCHANGE_ON_REFUSAL : EXCHANGE_ON_ANSWER, &step);
	return true;
}

void call_exchange_ask(struct call *call, struct session *to)
{
	begin(call, EXCHANGE_ASKED, call->caller, to);
}

void call_exchange_returned(struct call *call, struct session *offerer)
{
	begin(call, EXCHANGE_RETURNED, offerer, call->caller);
}

void call_exchange_offered(struct call *call, struct session *from, struct session *to)
{
	begin(call, EXCHANGE_OFFERED, from, to);
}

void call_exchange_end(struct call *call)
{
	begin(call, EXCHANGE_IDLE, NULL, NULL);
}

void call_exchange_stop(struct call *call)
{
	struct session *from = call->exchange.from;
	/* What it has been offered by somebody who is gone, it may still accept. */
	struct session *untold = call->exchange.to;
	bool refusable = (call->exchange.state == EXCHANGE_OFFERED && from != call->joining) ||
			 (call->exchange.state == EXCHANGE_ASKED && call->callee);

	call_exchange_end(call);
	call->untold = untold;
	/* RFC 3261 §15.1.2: what is pending is answered before the BYE. */
	if (refusable && session_is_alive(from))
		session_refuse(from, 487, SLICE_NONE);
}
