/* SPDX-License-Identifier: BSD-3-Clause */
/* The call's state machine. What is not in the table is refused and logged. */
#include <inttypes.h>

#include "controlplane/engine/call.h"
#include "controlplane/events/events.h"
#include "sip/base/log.h"

#define GO(fn, to)                                \
	{                                         \
		.action = (fn), .next = CALL_##to \
	}
#define STAY                    \
	{                       \
		.ignored = true \
	}

/* How every state before ENDING ends. */
#define ENDS                                           \
	[CALL_ON_MEDIA_FAILED] = GO(call_end, ENDING), \
	[CALL_ON_CALLER_GONE] = GO(call_end, ENDING), [CALL_ON_HANGUP] = GO(call_end, ENDING)

static const struct call_transition table[CALL_STATE_COUNT][CALL_EVENT_COUNT] = {
	[CALL_ROUTING] = {
		ENDS,
		[CALL_ON_MEDIA_READY] = GO(call_dial, ROUTING),
		[CALL_ON_RINGING] = GO(call_pass_progress, RINGING),
		[CALL_ON_PROGRESS] = GO(call_pass_progress, ROUTING),
		[CALL_ON_EARLY_MEDIA] = GO(call_bridge_early, EARLY),
		[CALL_ON_EARLY_OFFER] = GO(call_pass_offer, EARLY),
		[CALL_ON_ANSWER] = GO(call_answer, ANSWERED),
		[CALL_ON_REFUSED] = GO(call_end, ENDING),
		[CALL_ON_NO_ANSWER] = GO(call_end, ENDING),
	},
	[CALL_RINGING] = {
		ENDS,
		[CALL_ON_RINGING] = STAY,
		[CALL_ON_PROGRESS] = GO(call_pass_progress, RINGING),
		[CALL_ON_EARLY_MEDIA] = GO(call_bridge_early, EARLY),
		[CALL_ON_EARLY_OFFER] = GO(call_pass_offer, EARLY),
		[CALL_ON_ANSWER] = GO(call_answer, ANSWERED),
		[CALL_ON_REFUSED] = GO(call_end, ENDING),
		[CALL_ON_NO_ANSWER] = GO(call_end, ENDING),
	},
	[CALL_EARLY] = {
		ENDS,
		[CALL_ON_RINGING] = GO(call_pass_progress, EARLY),
		[CALL_ON_PROGRESS] = GO(call_pass_progress, EARLY),
		[CALL_ON_EARLY_MEDIA] = GO(call_bridge_early, EARLY),
		[CALL_ON_EARLY_OFFER] = GO(call_pass_offer, EARLY),
		[CALL_ON_ANSWER] = GO(call_answer, ANSWERED),
		[CALL_ON_REFUSED] = GO(call_end, ENDING),
		[CALL_ON_NO_ANSWER] = GO(call_end, ENDING),
	},
	[CALL_ANSWERED] = {
		ENDS,
		[CALL_ON_HOLD] = GO(call_note_hold, HELD),
		[CALL_ON_RESUME] = STAY,
		[CALL_ON_REFUSED] = GO(call_end, ENDING),
		[CALL_ON_CALLEE_GONE] = GO(call_end, ENDING),
		[CALL_ON_MEDIA_SILENT] = GO(call_end, ENDING),
	},
	[CALL_HELD] = {
		ENDS,
		[CALL_ON_HOLD] = STAY,
		[CALL_ON_RESUME] = GO(call_note_hold, ANSWERED),
		[CALL_ON_REFUSED] = GO(call_end, ENDING),
		[CALL_ON_CALLEE_GONE] = GO(call_end, ENDING),
		/* silence was allowed a moment ago: the event crossed the hold */
		[CALL_ON_MEDIA_SILENT] = STAY,
	},
	/* Everybody was told to go: what still comes in crossed that. */
	[CALL_ENDING] = {
		[CALL_ON_MEDIA_READY] = STAY,
		[CALL_ON_MEDIA_FAILED] = STAY,
		[CALL_ON_RINGING] = STAY,
		[CALL_ON_PROGRESS] = STAY,
		[CALL_ON_EARLY_MEDIA] = STAY,
		[CALL_ON_EARLY_OFFER] = STAY,
		[CALL_ON_REFUSED] = STAY,
		[CALL_ON_CALLER_GONE] = STAY,
		[CALL_ON_CALLEE_GONE] = STAY,
		[CALL_ON_NO_ANSWER] = STAY,
		[CALL_ON_MEDIA_SILENT] = STAY,
		[CALL_ON_HANGUP] = STAY,
		[CALL_ON_EMPTY] = GO(call_finish, ENDED),
	},
};

const struct call_transition *call_transition(unsigned state, unsigned event)
{
	return state < CALL_STATE_COUNT && event < CALL_EVENT_COUNT ? &table[state][event] : NULL;
}

const char *call_state_text(unsigned state)
{
	static const char *const names[CALL_STATE_COUNT] = {
#define X(id, name) [CALL_##id] = name,
		CALL_STATES(X)
#undef X
	};

	return state < CALL_STATE_COUNT ? names[state] : "?";
}

const char *call_event_text(unsigned event)
{
	static const char *const names[CALL_EVENT_COUNT] = {
#define X(id, name) [CALL_ON_##id] = name,
		CALL_EVENTS(X)
#undef X
	};

	return event < CALL_EVENT_COUNT ? names[event] : "?";
}

bool call_event(struct call *call, enum call_event event, const struct call_cause *cause)
{
	static const struct call_cause nothing;
	const struct call_transition *t = call_transition(call->state, event);
	unsigned old = call->state;

	if (t->ignored)
		return true;
	if (!t->action) {
		LOG_WARN("call", call->id, "%s in state %s refused", call_event_text(event),
			 call_state_text(old));
		return false;
	}
	if (t->next != old) {
		call->state = t->next;
		LOG_DEBUG("call", call->id, "%s -> %s (%s)", call_state_text(old),
			  call_state_text(call->state), call_event_text(event));
		event_publish(call->engine->shard->events, EVENT_CALL_STATE, call->id, 0,
			      call_state_text(old), call_state_text(call->state));
	}
	t->action(call, cause ? cause : &nothing);
	return true;
}
