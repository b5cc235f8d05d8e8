/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the INVITE to the answer.
 *
 *   caller            call                                     branches
 *     │── INVITE ──▶ │ bridge with two seats on the dataplane      │
 *     │              │── INVITE with the callee's seat ──────────▶ │ to the contacts of a q at once
 *     │ ◀── 180 ──── │ ◀──────────────────────────────── 180 ───── │
 *     │ ◀── 183 ──── │ ◀── first 183 with SDP takes the seat ───── │
 *     │ ◀── 200 ──── │ ◀── first 200 takes the seat ────────────── │ the others are cancelled
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/outcome.h"
#include "controlplane/engine/trunk.h"
#include "sip/base/log.h"

#define ANSWERED_ELSEWHERE   "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"
#define MEDIA_TIMEOUT_REASON "Reason: SIP;cause=408;text=\"Media timeout\"\r\n"

static struct branch *branch_of(struct call *call, const struct session *s)
{
	for (unsigned i = 0; i < call->branch_count; i++) {
		if (call->branches[i].session == s)
			return &call->branches[i];
	}
	return NULL;
}

static void refused(struct call *call)
{
	unsigned status = call->best_status ? call->best_status : 503;
	struct call_cause cause = { .status = outcome_towards_caller(status),
				    .reason = outcome_reason(status),
				    .ended_by = "callee",
				    .headers = call->best_headers };

	call_event(call, CALL_ON_REFUSED, &cause);
}

/* --- actions --- */

/* RFC 3327 §5.2: the way that a REGISTER came is the way to the phone. */
static int dial(struct call *call, const struct branch *b, struct sip_invite_start *start)
{
	struct slice headers = start->extra_headers;
	char *routed = NULL;
	int error;

	if (b->route && asprintf(&routed, "Route: %s\r\n%.*s", b->route, SLICE_FMT(headers)) < 0)
		return -ENOMEM;
	if (routed)
		start->extra_headers = slice_of(routed);
	error = session_dial(b->session, start, call->asking ? NULL : &call->offer);
	free(routed);
	return error;
}

int call_dial_branch(struct call *call, struct branch *b)
{
	struct sip_invite_start start = {
		.to = b->to,
		.next_hop = slice_of(b->next_hop),
		.listeners = b->listeners,
		.request_uri = slice_of(b->uri),
		.from = slice_of(call->from_header),
		.to_header = slice_of(call->to_header),
		.contact_user = slice_of(call->contact_user),
		.max_forwards = call->max_forwards,
		.extra_headers = slice_of(call->invite_headers),
		.credentials = trunks_credentials(call->engine->trunks, call->trunk_out),
	};
	int error;

	if (b->session && !call_keep_other(call, b->session))
		return -ENOMEM;
	b->session = session_create(call->engine->shard, call->id, true, &call_session_user, call);
	if (!b->session)
		return -ENOMEM;
	b->session->seat = call->callee_seat;
	error = dial(call, b, &start);
	if (!error && call->asking)
		call_exchange_ask(call, b->session);
	return error;
}

/* A branch has come to nothing. s: see branch_failed() */
static void close_branch(struct call *call, struct branch *b, struct session *s,
			 const struct sip_msg *msg, unsigned status)
{
	char headers[HEADERS_MAX];

	b->status = status;
	call->branches_open--;
	if (call->early == s) {
		call->early = NULL;
		bridge_remove(call->callee_seat, "refused");
		s->seat = NULL;
	}
	if (outcome_better(status, call->best_status)) {
		call->best_status = status;
		call->best_headers =
			call_string(call, call_headers(call, s, msg, HEADERS_IN_RESPONSE, headers));
	}
}

static bool dial_or_note(struct call *call, struct branch *b)
{
	int error = call_dial_branch(call, b);

	while (error && call_take_next_flow(call, b, 503))
		error = call_dial_branch(call, b);
	if (!error)
		return true;
	LOG_WARN("call", call->id, "%s cannot be dialed: %s", b->uri, strerror(-error));
	b->status = 503;
	if (outcome_better(b->status, call->best_status))
		call->best_status = b->status;
	return false;
}

static void on_no_answer(struct timer *timer);

/* Until those that ring have had their time, or the call has. */
static void wait_for_answer(struct call *call)
{
	const struct config_calls *config = &call->engine->shard->config->calls;
	struct timer_wheel *wheel = call->engine->shard->wheel;
	const uint64_t now_ms = timer_wheel_now(wheel);
	uint64_t wait_ms = call->ring_until_ms > now_ms ? call->ring_until_ms - now_ms : 0;

	if (call->branches_begun < call->branch_count &&
	    wait_ms > config->fork_next_s * UINT64_C(1000))
		wait_ms = config->fork_next_s * UINT64_C(1000);
	timer_set(wheel, &call->timer, wait_ms, on_no_answer);
}

/* RFC 3261 §16.6: when nobody is left who may answer, those of the next lower q are called, together.
 * false: there is nobody left to call, either. */
static bool dial_next(struct call *call)
{
	struct branch *const end = call->branches + call->branch_count;

	while (call->branches_open == 0 && call->branches_begun < call->branch_count) {
		struct branch *b = &call->branches[call->branches_begun];
		const unsigned q = b->q;
		unsigned dialed = 0;

		for (; b < end && b->q == q; b++, call->branches_begun++)
			dialed += dial_or_note(call, b);
		call->branches_open = dialed;
		if (dialed)
			wait_for_answer(call);
	}
	return call->branches_open > 0;
}

/* Those who ring have had their time (RFC 3261 §16.8). */
static void give_up_open(struct call *call, unsigned status)
{
	for (unsigned i = 0; i < call->branches_begun; i++) {
		struct branch *b = &call->branches[i];

		if (b->status)
			continue;
		close_branch(call, b, b->session, NULL, status);
		session_end(b->session, 0, SLICE_NONE);
	}
}

static void on_no_answer(struct timer *timer)
{
	struct call *call = (struct call *)((char *)timer - offsetof(struct call, timer));
	struct call_cause cause = { .status = call->rang ? 480 : 408,
				    .reason = call->rang ? "no-answer" : "timeout",
				    .ended_by = "system" };

	if (timer_wheel_now(call->engine->shard->wheel) >= call->ring_until_ms) {
		call_event(call, CALL_ON_NO_ANSWER, &cause);
		return;
	}
	LOG_INFO("call", call->id, "no answer, on to contacts of a lower q");
	give_up_open(call, cause.status);
	if (!dial_next(call))
		refused(call);
}

void call_dial(struct call *call, const struct call_cause *cause)
{
	const struct shard *shard = call->engine->shard;

	(void)cause;
	if (call->caller)
		bridge_add(call->caller_seat, call->caller);
	call->ring_until_ms = timer_wheel_now(shard->wheel) +
			      shard->config->calls.ring_timeout_s * UINT64_C(1000);
	if (!dial_next(call))
		refused(call);
}

static void note_ringing(struct call *call)
{
	call->rang = true;
	if (!call->ringing_ms)
		call->ringing_ms = shard_wall_ms();
}

/* A response of the callee as the caller gets it. It is a reliable one (RFC 3262) if the callee's
 * was; whether the caller knows how is the session's to see. */
static struct session_response response_of(const struct call *call, const struct call_cause *cause,
					   char headers[HEADERS_MAX])
{
	return (struct session_response){
		.status = cause->status,
		.reliable = cause->msg && sip_msg_requires(cause->msg, SIP_OPTION_100REL),
		.headers = slice_of(call_headers(call, cause->session, cause->msg,
						 HEADERS_IN_RESPONSE, headers)),
	};
}

void call_pass_progress(struct call *call, const struct call_cause *cause)
{
	char headers[HEADERS_MAX];
	struct session_response r;
	int error;

	note_ringing(call);
	if (!call->caller) {
		transfer_progress(call, cause->status);
		return;
	}
	r = response_of(call, cause, headers);
	error = session_progress(call->caller, &r);
	if (error)
		LOG_WARN("call", call->id, "%u cannot be passed on: %s", cause->status,
			 strerror(-error));
}

/* The first fork with early media is the one that is heard; the others just ring. */
void call_bridge_early(struct call *call, const struct call_cause *cause)
{
	char headers[HEADERS_MAX];
	struct session_response r = response_of(call, cause, headers);
	struct session *s = cause->session;
	int error;

	if (!call->caller || call->delayed_offer || (call->early && call->early != s)) {
		call_pass_progress(call, cause);
		return;
	}
	note_ringing(call);
	call->early = s;
	bridge_add(call->callee_seat, s);
	r.sdp = &s->remote;
	error = session_progress(call->caller, &r);
	if (error)
		LOG_WARN("call", call->id, "early media cannot be passed on: %s", strerror(-error));
	else
		bridge_update(call->bridge, 0);
}

/* The callee was asked for an offer and makes it before it answers. A caller that does not know
 * reliable responses cannot be shown it yet; then we take what is offered, and the caller is asked
 * when the callee has answered. */
void call_pass_offer(struct call *call, const struct call_cause *cause)
{
	char headers[HEADERS_MAX];
	struct session_response r = response_of(call, cause, headers);
	struct session *s = cause->session;
	int error;

	note_ringing(call);
	call->early = s;
	bridge_add(call->callee_seat, s);
	r.sdp = &s->offered;
	r.is_offer = true;
	error = session_progress(call->caller, &r);
	if (!error) {
		call_exchange_returned(call, s);
		return;
	}
	call_exchange_end(call);
	call_pass_progress(call, cause);
	error = session_give_answer(s, &s->offered);
	if (error)
		LOG_WARN("call", call->id, "an early offer cannot be answered: %s",
			 strerror(-error));
}

/* What the caller is told: the callee's answer, its offer if the caller asked for one, or as an
 * offer what was agreed with the callee without the caller. */
static int accept_caller(struct call *call, const struct call_cause *cause)
{
	char headers[HEADERS_MAX];
	struct session *s = cause->session;
	struct session_response r = {
		.status = 200,
		.sdp = cause->is_offer ? &s->offered : &s->remote,
		.is_offer = call->delayed_offer && call->caller->offer_state == OFFER_INITIAL,
		.headers =
			slice_of(call_headers(call, s, cause->msg, HEADERS_IN_RESPONSE, headers)),
	};

	/* Its own offer of an earlier response waits for the PRACK, and so does this one. */
	if (call->delayed_offer && !r.is_offer)
		r.sdp = NULL;
	return session_accept(call->caller, &r);
}

void call_answer(struct call *call, const struct call_cause *cause)
{
	struct session *s = cause->session;
	const struct branch *b = branch_of(call, s);
	int error;

	timer_cancel(call->engine->shard->wheel, &call->timer);
	call->callee = s;
	call->branches_begun = call->branch_count; /* nobody else is called */
	if (b && b->aor)
		call->answered_by = b->aor;
	call->answered_ms = shard_wall_ms();
	for (unsigned i = 0; i < call->branch_count; i++) {
		struct session *other = call->branches[i].session;

		if (other && other != s)
			session_end(other, 0, SLICE(ANSWERED_ELSEWHERE));
	}
	bridge_add(call->callee_seat, s);
	call->callee_address = call_path_text(call, sip_invite_path(s->invite));
	if (!call->caller) {
		transfer_target_ready(call);
		return;
	}
	error = accept_caller(call, cause);
	if (error) {
		struct call_cause failed = { .status = error == -EPROTO ? 488 : 500,
					     .reason = "failed",
					     .ended_by = "system" };

		LOG_ERROR("call", call->id, "the answer cannot be passed on: %s", strerror(-error));
		call_event(call, CALL_ON_REFUSED, &failed);
		return;
	}
	if (cause->is_offer)
		call_exchange_returned(call, s);
	else if (call->caller->offer_state == OFFER_COMPLETE)
		call_apply_media(call);
}

/* --- what the sessions say --- */

static void on_progress(void *arg, struct session *s, struct sip_msg *response,
			enum session_sdp sdp)
{
	struct call *call = arg;
	struct call_cause cause = { .session = s, .status = response->status, .msg = response };

	if (call->callee) /* a fork that has not noticed yet */
		return;
	call_event(call,
		   sdp == SESSION_SDP_ANSWER  ? CALL_ON_EARLY_MEDIA
		   : sdp == SESSION_SDP_OFFER ? CALL_ON_EARLY_OFFER
		   : response->status == 180  ? CALL_ON_RINGING
					      : CALL_ON_PROGRESS,
		   &cause);
}

/* s: the session that it failed with, which another one may have taken the place of since. */
static void branch_failed(struct call *call, struct branch *b, struct session *s,
			  const struct sip_msg *msg, unsigned status)
{
	if (!b || b->status)
		return;
	close_branch(call, b, s, msg, status);
	/* RFC 3261 §16.7 step 5: a 6xx speaks for all. */
	if (status >= 600 || !dial_next(call))
		refused(call);
}

static void on_answered(void *arg, struct session *s, struct sip_msg *response,
			enum session_sdp sdp, int error)
{
	struct call *call = arg;
	struct call_cause cause = { .session = s,
				    .msg = response,
				    .is_offer = sdp == SESSION_SDP_OFFER };

	if (call_is_over(call) || call->callee) {
		session_end(s, 0, SLICE_NONE);
		return;
	}
	if (error) {
		LOG_WARN("call", call->id, "the callee's SDP is of no use: %s", strerror(-error));
		session_end(s, 0, SLICE_NONE);
		branch_failed(call, branch_of(call, s), s, NULL, 488);
		return;
	}
	call_event(call, CALL_ON_ANSWER, &cause);
}

/* The caller's answer to the callee's offer, or to one that we have made of what the callee said. */
static void on_agreed(void *arg, struct session *s, int error)
{
	struct call *call = arg;

	if (call_is_over(call))
		return;
	/* In a call that stands, an answer that does not come changes nothing. */
	if (error && !(call->recorded && call_exchange_agreed(call, s, error))) {
		struct call_cause cause = { .status = 488,
					    .reason = "not-acceptable",
					    .ended_by = "system" };

		LOG_WARN("call", call->id, "the answer to an offer is of no use: %s",
			 strerror(-error));
		call_event(call, CALL_ON_REFUSED, &cause);
		return;
	}
	if (!error && !call_exchange_agreed(call, s, 0))
		call_apply_media(call);
}

static void on_acked(void *arg, struct session *s)
{
	struct call *call = arg;

	(void)s;
	if (call_is_over(call) || !call->callee)
		return;
	call_compare_legs(call);
	call_record(call);
}

static void caller_ended(struct call *call, enum sip_end how, const struct sip_msg *msg)
{
	char headers[HEADERS_MAX];
	struct call_cause cause = { .status = 200,
				    .reason = "normal",
				    .ended_by = "caller",
				    .headers = call_headers(call, call->caller, msg, HEADERS_IN_END,
							    headers) };

	if (how == SIP_END_TIMEOUT || how == SIP_END_TRANSPORT) {
		cause.status = 408;
		cause.reason = "timeout";
		cause.ended_by = "system";
	} else if (!call->answered_ms) {
		cause.status = 487;
		cause.reason = "cancelled";
	}
	call_event(call, CALL_ON_CALLER_GONE, &cause);
}

static void callee_ended(struct call *call, enum sip_end how, const struct sip_msg *msg)
{
	char headers[HEADERS_MAX];
	struct call_cause cause = { .status = 200,
				    .reason = "normal",
				    .ended_by = "callee",
				    .headers = call_headers(call, call->callee, msg, HEADERS_IN_END,
							    headers) };

	if (how == SIP_END_TIMEOUT || how == SIP_END_TRANSPORT) {
		cause.status = 408;
		cause.reason = "timeout";
		cause.ended_by = "system";
	}
	call_event(call, CALL_ON_CALLEE_GONE, &cause);
}

/* By another flow of the same phone, if this one brought nobody; or where it is sent to. */
static bool goes_on(struct call *call, struct branch *b, struct session *s, enum sip_end how,
		    unsigned status, const struct sip_msg *msg)
{
	if (!b || b->status || call->early == s)
		return false;
	if (call_take_redirection(call, b, status, msg))
		return call_dial_branch(call, b) == 0;
	if (how != SIP_END_TIMEOUT && how != SIP_END_TRANSPORT && status != 430)
		return false;
	while (call_take_next_flow(call, b, status))
		if (call_dial_branch(call, b) == 0)
			return true;
	return false;
}

static void on_ended(void *arg, struct session *s, enum sip_end how, unsigned status,
		     struct sip_msg *msg)
{
	struct call *call = arg;
	struct branch *b = branch_of(call, s);

	if (s == call->joining)
		call->joining = call->leaving = NULL;
	if (call_is_over(call)) {
		call_check_empty(call);
	} else if (transfer_outlives(call, s)) {
		return;
	} else if (s == call->caller) {
		caller_ended(call, how, msg);
	} else if (s == call->callee) {
		callee_ended(call, how, msg);
	} else if (!call->callee && goes_on(call, b, s, how, status, msg)) {
		s->seat = NULL;
	} else if (!call->callee) {
		branch_failed(call, b, s, msg,
			      how == SIP_END_TIMEOUT     ? 408
			      : how == SIP_END_TRANSPORT ? 503
			      : status >= 300            ? status
							 : 480);
	} else if (s->offer_state == OFFER_COMPLETE) {
		/* It had media, and may have been heard until now instead of who answered. */
		bridge_relearn(call->callee_seat);
	}
}

static void on_latched(void *arg, struct session *s)
{
	struct call *call = arg;

	(void)s;
	if (call->recorded && !call_is_over(call))
		call_record_later(call);
}

static void on_silent(void *arg, struct session *s, uint32_t silent_ms)
{
	struct call *call = arg;
	struct call_cause cause = { .session = s,
				    .status = 408,
				    .reason = "media-timeout",
				    .ended_by = "system",
				    .headers = MEDIA_TIMEOUT_REASON };

	LOG_INFO("call", call->id, "no media from the %s for %u ms",
		 s == call->caller ? "caller" : "callee", silent_ms);
	if (call->callee)
		call_event(call, CALL_ON_MEDIA_SILENT, &cause);
}

static void on_quality(void *arg, struct session *s, bool raised)
{
	struct call *call = arg;

	if (!raised)
		return;
	if (s == call->caller)
		call->caller_media.alarms++;
	else
		call->callee_media.alarms++;
}

const struct session_user call_session_user = {
	.progress = on_progress,
	.answered = on_answered,
	.agreed = on_agreed,
	.acked = on_acked,
	.reoffered = call_reoffered,
	.reanswered = call_reanswered,
	.request = call_relay,
	.ended = on_ended,
	.media_latched = on_latched,
	.media_silent = on_silent,
	.media_quality = on_quality,
};

/* --- what the bridge says --- */

static void on_media_lost(void *arg, int status)
{
	struct call *call = arg;
	struct call_cause cause;

	LOG_ERROR("call", call->id, "no media: %s", strerror(-status));
	call_no_media_cause(call, status, &cause);
	call_event(call, CALL_ON_MEDIA_FAILED, &cause);
}

static void on_media_ready(void *arg, int status)
{
	if (status)
		on_media_lost(arg, status);
	else
		call_event(arg, CALL_ON_MEDIA_READY, NULL);
}

const struct bridge_user call_bridge_user = {
	.ready = on_media_ready,
	.lost = on_media_lost,
	.spare = transfer_seat_ready,
};
