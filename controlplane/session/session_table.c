/* SPDX-License-Identifier: BSD-3-Clause */
/* The two state machines of a session as tables: its life, and its offers and answers. */
#include "controlplane/session/session_table.h"

#include "controlplane/session/session.h"

/* A state plus one, so that what is not in the table is 0: not allowed. */
#define TO(state) ((state) + 1u)

static const uint8_t life[SESSION_STATE_COUNT][SESSION_EVENT_COUNT] = {
	[SESSION_INITIALIZING] = {
		[SESSION_ON_DIAL] = TO(SESSION_DIALING),
		[SESSION_ON_RING] = TO(SESSION_RINGING),
		[SESSION_ON_EARLY_MEDIA] = TO(SESSION_EARLY),
		[SESSION_ON_CONNECT] = TO(SESSION_CONNECTED),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
	[SESSION_DIALING] = {
		[SESSION_ON_RING] = TO(SESSION_RINGING),
		[SESSION_ON_EARLY_MEDIA] = TO(SESSION_EARLY),
		[SESSION_ON_CONNECT] = TO(SESSION_CONNECTED),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
	[SESSION_RINGING] = {
		[SESSION_ON_RING] = TO(SESSION_RINGING),
		[SESSION_ON_EARLY_MEDIA] = TO(SESSION_EARLY),
		[SESSION_ON_CONNECT] = TO(SESSION_CONNECTED),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
	[SESSION_EARLY] = {
		[SESSION_ON_RING] = TO(SESSION_EARLY),
		[SESSION_ON_EARLY_MEDIA] = TO(SESSION_EARLY),
		[SESSION_ON_CONNECT] = TO(SESSION_CONNECTED),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
	[SESSION_CONNECTED] = {
		[SESSION_ON_HOLD] = TO(SESSION_HELD),
		[SESSION_ON_RESUME] = TO(SESSION_CONNECTED),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
	[SESSION_HELD] = {
		[SESSION_ON_HOLD] = TO(SESSION_HELD),
		[SESSION_ON_RESUME] = TO(SESSION_CONNECTED),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
	[SESSION_TERMINATING] = {
		/* a response that crossed our CANCEL or BYE changes nothing any more */
		[SESSION_ON_RING] = TO(SESSION_TERMINATING),
		[SESSION_ON_EARLY_MEDIA] = TO(SESSION_TERMINATING),
		[SESSION_ON_END] = TO(SESSION_TERMINATING),
		[SESSION_ON_ENDED] = TO(SESSION_TERMINATED),
	},
};

/*
 * An answer may come, and be given, again: in a 183 and in the 200 (RFC 3261 §13.2.1), and from
 * another fork than the one whose early media was heard. ROLLBACK returns to what was before.
 */
static const uint8_t offers[OFFER_STATE_COUNT][OFFER_EVENT_COUNT] = {
	[OFFER_INITIAL] = {
		[OFFER_ON_SEND] = TO(OFFER_OFFER_SENT),
		[OFFER_ON_RECEIVE] = TO(OFFER_OFFER_RECEIVED),
	},
	[OFFER_OFFER_SENT] = {
		[OFFER_ON_ANSWER_RECEIVED] = TO(OFFER_COMPLETE),
		[OFFER_ON_ROLLBACK] = TO(OFFER_COMPLETE),
	},
	[OFFER_OFFER_RECEIVED] = {
		[OFFER_ON_ANSWER_SENT] = TO(OFFER_COMPLETE),
		[OFFER_ON_ROLLBACK] = TO(OFFER_COMPLETE),
	},
	[OFFER_COMPLETE] = {
		[OFFER_ON_SEND] = TO(OFFER_OFFER_SENT),
		[OFFER_ON_RECEIVE] = TO(OFFER_OFFER_RECEIVED),
		[OFFER_ON_ANSWER_SENT] = TO(OFFER_COMPLETE),
		[OFFER_ON_ANSWER_RECEIVED] = TO(OFFER_COMPLETE),
	},
};

int session_next_state(unsigned state, unsigned event)
{
	return state < SESSION_STATE_COUNT && event < SESSION_EVENT_COUNT
		       ? (int)life[state][event] - 1
		       : -1;
}

int offer_next_state(unsigned state, unsigned event, bool was_complete)
{
	int next = state < OFFER_STATE_COUNT && event < OFFER_EVENT_COUNT
			   ? (int)offers[state][event] - 1
			   : -1;

	if (next >= 0 && event == OFFER_ON_ROLLBACK && !was_complete)
		next = OFFER_INITIAL;
	return next;
}

const char *session_state_text(unsigned state)
{
	static const char *const names[SESSION_STATE_COUNT] = {
#define X(id, name) [SESSION_##id] = name,
		SESSION_STATES(X)
#undef X
	};

	return state < SESSION_STATE_COUNT ? names[state] : "?";
}

const char *offer_state_text(unsigned state)
{
	static const char *const names[OFFER_STATE_COUNT] = {
#define X(id, name) [OFFER_##id] = name,
		OFFER_STATES(X)
#undef X
	};

	return state < OFFER_STATE_COUNT ? names[state] : "?";
}

const char *session_direction_text(unsigned direction)
{
	static const char *const names[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

	return names[direction & 3u];
}
