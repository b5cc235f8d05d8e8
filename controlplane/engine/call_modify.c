/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Exchanges in an answered call: a re-INVITE of one side goes to the other with its SDP written
 * anew, and the other's answer comes back. Until then, and when it is refused, the media stays as
 * it was.
 */
#include <errno.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "sip/base/log.h"

static struct session *other_of(const struct call *call, const struct session *s)
{
	return s == call->caller ? call->callee : call->caller;
}

void call_apply_media(struct call *call)
{
	uint64_t timeout = call->engine->shard->config->calls.media_timeout_s * UINT64_C(1000);

	bridge_update(call->bridge, timeout > UINT32_MAX ? UINT32_MAX : (uint32_t)timeout);
	call_event(call, bridge_is_held(call->bridge) ? CALL_ON_HOLD : CALL_ON_RESUME, NULL);
}

void call_note_hold(struct call *call, const struct call_cause *cause)
{
	(void)cause;
	LOG_INFO("call", call->id, "%s", call->state == CALL_HELD ? "on hold" : "resumed");
}

/* A re-INVITE without SDP asks for an offer of ours; its answer comes with the ACK. */
static void offer_anew(struct call *call, struct session *s, const struct session *other)
{
	struct description offer = other->remote;
	int error;

	if (s->remote.direction != SDP_SENDRECV)
		offer.direction = SDP_SENDRECV;
	error = session_reaccept(s, &offer, true);
	if (error) {
		LOG_WARN("call", call->id, "no offer for a re-INVITE without one: %s",
			 strerror(-error));
		session_rerefuse(s, 500, SLICE_NONE);
	}
}

void call_reoffered(void *arg, struct session *s, bool has_offer)
{
	struct call *call = arg;
	struct session *other = other_of(call, s);
	int error;

	if ((call->state != CALL_ANSWERED && call->state != CALL_HELD) || call->modifying ||
	    !session_is_alive(other)) {
		session_rerefuse(s, 491, SLICE_NONE);
		return;
	}
	if (!has_offer) {
		offer_anew(call, s, other);
		return;
	}
	error = session_reoffer(other, &s->offered);
	if (error) {
		session_rerefuse(s, error == -EBUSY ? 491 : 500, SLICE_NONE);
		return;
	}
	call->modifying = s;
}

/* The other side is told again what this side stands for: its own offer came to nothing. */
static void tell_again(struct call *call, struct session *to, const struct session *about)
{
	int error = session_reoffer(to, &about->remote);

	if (error)
		LOG_WARN("call", call->id,
			 "the other side keeps a description that was refused: %s",
			 strerror(-error));
}

void call_acked_reoffer(struct call *call, struct session *s)
{
	struct session *other = other_of(call, s);

	/* Only an answer to offer_anew() can make them differ: all else went through both sides. */
	if (call->modifying || !session_is_alive(other) || other->offer_state != OFFER_COMPLETE ||
	    call->state < CALL_ANSWERED || !call->recorded)
		return;
	if (s->remote.direction != other->local.direction)
		tell_again(call, other, s);
}

void call_reanswered(void *arg, struct session *other, unsigned status, int error)
{
	struct call *call = arg;
	struct session *s = call->modifying;

	if (call_is_over(call))
		return;
	call->modifying = NULL;
	/* Even one that is refused takes a CSeq. */
	call_record_later(call);
	if (status >= 200 && status < 300 && !error) {
		if (s && session_reaccept(s, &other->remote, false)) {
			/* it has cancelled its re-INVITE meanwhile */
			session_rerefuse(s, 487, SLICE_NONE);
			tell_again(call, other, s);
			return;
		}
		call_apply_media(call);
		call_record(call);
		return;
	}
	if (!s)
		return;
	if (error || status < 400 || status == 401 || status == 407)
		status = 488;
	session_rerefuse(s, status, SLICE_NONE);
}
