/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An INVITE that replaces a leg of an answered call (RFC 3891): the new leg takes the old one's
 * seat, and the other side is told of its media. So an attended transfer reaches its target.
 *
 *   new leg                  call                other leg        replaced leg
 *     │── INVITE, offer ───▶ │ ── offer ──────────▶ │                │
 *     │ ◀──── 200, answer ───│ ◀────────── answer ──│                │
 *     │                      │ ── BYE ─────────────────────────────▶ │
 *
 * One without an offer is given what the other side said, and its answer is told to it (ACK).
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/trunk.h"
#include "sip/base/log.h"

#define OTHERS_MAX 16u

struct other *call_keep_other(struct call *call, struct session *s)
{
	struct other *other = call->others;

	/* Of a transfer that has come to nothing. */
	while (other && other->session)
		other = other->next;
	if (other) {
		other->session = s;
		return other;
	}
	if (call->other_count == OTHERS_MAX)
		return NULL;
	other = arena_calloc(call->arena, sizeof(*other));
	if (!other)
		return NULL;
	other->session = s;
	other->next = call->others;
	call->others = other;
	call->other_count++;
	return other;
}

bool call_is_side(const struct call *call, const struct session *s)
{
	return s && (s == call->caller || s == call->callee);
}

struct session *call_other_side(const struct call *call, const struct session *s)
{
	return s == call->caller ? call->callee : call->caller;
}

struct session **call_slot_of(struct call *call, const struct session *s)
{
	if (call->caller == s)
		return &call->caller;
	for (unsigned i = 0; i < call->branch_count; i++) {
		if (call->branches[i].session == s)
			return &call->branches[i].session;
	}
	return NULL;
}

const char *call_callee(const struct call *call)
{
	return call->answered_by[0] ? call->answered_by : call->to;
}

void call_take_name(struct call *call, bool as_caller, const struct caller *who,
		    const struct session *s)
{
	const char *aor = call_string(call, who->aor);
	const char *address = call_path_text(call, sip_invite_path(s->invite));

	call_move_trunk(call, as_caller ? &call->trunk_in : &call->trunk_out, who->trunk);
	if (as_caller) {
		call->from = aor;
		call->caller_address = address;
		call->withheld = who->anonymous;
	} else {
		call->to = aor;
		call->answered_by = "";
		call->callee_address = address;
		call->callee_withheld = who->anonymous;
	}
}

/* The new leg sits where the old one sat, in the call and at its seat. */
static void take_place(struct call *call, struct session *joining, struct session *leaving)
{
	struct seat *seat = leaving->seat;
	struct session **slot = call_slot_of(call, leaving);

	for (struct other *o = call->others; o; o = o->next) {
		if (o->session == joining)
			o->session = leaving;
	}
	*slot = joining;
	if (call->callee == leaving)
		call->callee = joining;
	call_take_name(call, joining == call->caller, call->joining_as, joining);
	bridge_add(seat, joining);
	bridge_relearn(seat);
	call->joining = call->leaving = NULL;
}

void call_replace_done(struct call *call)
{
	struct session *joining = call->joining, *leaving = call->leaving;
	struct session *other = call_other_side(call, leaving);
	const struct session_response r = { .status = 200,
					    .sdp = &other->remote,
					    .is_offer = joining->offer_state == OFFER_INITIAL };
	int error;

	take_place(call, joining, leaving);
	error = session_accept(joining, &r);
	session_end(leaving, 200, SLICE_NONE);
	if (error) {
		struct call_cause cause = { .status = 500,
					    .reason = "failed",
					    .ended_by = "system" };

		LOG_ERROR("call", call->id, "a leg cannot be replaced: %s", strerror(-error));
		call_event(call, CALL_ON_REFUSED, &cause);
		return;
	}
	LOG_INFO("call", call->id, "the %s was replaced",
		 joining == call->caller ? "caller" : "callee");
	if (!r.is_offer)
		call_apply_media(call);
}

/* The call in which a leg may be replaced now; NULL: none. */
static struct call *call_of(struct sip_invite *replaced, struct session **leaving)
{
	struct session *s = session_of_invite(replaced);
	struct call *call = s ? s->arg : NULL;

	*leaving = s;
	if (!call || (call->state != CALL_ANSWERED && call->state != CALL_HELD) || call->joining ||
	    call->exchange.state != EXCHANGE_IDLE || !call_is_side(call, s) || !s->seat ||
	    call->away || call->here)
		return NULL;
	return call;
}

static void join(struct call *call, struct session *joining, struct session *leaving,
		 const struct sip_msg *request)
{
	struct session *other = call_other_side(call, leaving);
	int error = session_receive_offer(joining, sip_msg_sdp(request));

	call->joining = joining;
	call->leaving = leaving;
	if (error == -ENODATA) {
		call_replace_done(call);
		return;
	}
	if (!error)
		error = session_reoffer(other, &joining->offered, SIP_BY_BEST);
	if (!error) {
		call_exchange_offered(call, joining, other);
		return;
	}
	call->joining = call->leaving = NULL;
	session_end(joining, error == -ENOTSUP ? 488 : error == -EBUSY ? 491 : 400, SLICE_NONE);
}

static bool same_domain(const char *a, const char *b)
{
	const char *x = strrchr(a, '@'), *y = strrchr(b, '@');

	/* a GRUU's parameter may follow */
	return x && y && strcspn(x, ";") == strcspn(y, ";") &&
	       strncasecmp(x, y, strcspn(x, ";")) == 0;
}

/* RFC 3891 §5: to know the dialog is not enough, as whoever can read along on the way does. A peer
 * may replace legs of its own calls, a user those of calls of its domain. */
bool call_may_replace(const struct call *call, const struct caller *caller)
{
	if (caller->trunk >= 0)
		return caller->trunk == call->trunk_in || caller->trunk == call->trunk_out;
	return (call->trunk_in < 0 && same_domain(caller->aor, call->from)) ||
	       (call->trunk_out < 0 && same_domain(caller->aor, call_callee(call)));
}

/* RFC 3911 §4: who could not be mixed with the others is told so; nothing mixes yet. */
void call_join(struct engine *e, struct sip_invite *invite, const struct caller *caller,
	       struct sip_invite *joined)
{
	struct session *s = session_of_invite(joined);
	const struct call *call = s ? s->arg : NULL;
	unsigned status = 488;

	(void)e;
	if (!call || !call_may_replace(call, caller)) {
		LOG_WARN("call", call ? call->id : 0, "%s may not join it", caller->aor);
		status = 403;
	}
	sip_invite_respond(invite, status, NULL, SLICE_NONE, SLICE_NONE);
}

static bool keep_name(struct call *call, const struct caller *caller, const struct sip_msg *request)
{
	if (!call->joining_as)
		call->joining_as = arena_calloc(call->arena, sizeof(*call->joining_as));
	if (!call->joining_as)
		return false;
	*call->joining_as = *caller;
	call->joining_as->anonymous |= headers_withheld(request);
	return true;
}

void call_replace(struct engine *e, struct sip_invite *invite, struct sip_msg *request,
		  const struct caller *caller, struct sip_invite *replaced)
{
	struct session *leaving, *joining;
	struct call *call = call_of(replaced, &leaving);

	if (!call) {
		sip_invite_respond(invite, 491, NULL, SLICE_NONE, SLICE_NONE);
		return;
	}
	if (!call_may_replace(call, caller)) {
		LOG_WARN("call", call->id, "%s may not replace a leg of it", caller->aor);
		sip_invite_respond(invite, 403, NULL, SLICE_NONE, SLICE_NONE);
		return;
	}
	joining = session_create(e->shard, call->id, false, &call_session_user, call);
	if (!joining || !keep_name(call, caller, request) || !call_keep_other(call, joining)) {
		session_free(joining);
		sip_invite_respond(invite, 500, NULL, SLICE_NONE, SLICE_NONE);
		return;
	}
	session_take(joining, invite);
	joining->auth = call_string(call, caller->auth);
	if (caller->trunk >= 0)
		sip_invite_set_credentials(invite, trunks_credentials(e->trunks, caller->trunk));
	join(call, joining, leaving, request);
}
