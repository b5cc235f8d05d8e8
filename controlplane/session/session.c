/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a session: its states, and what its dialog tells it. */
#include "controlplane/monitor/tap.h"
#include "controlplane/session/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/events.h"
#include "controlplane/main/shard.h"
#include "controlplane/session/bridge.h"
#include "controlplane/session/session_internal.h"
#include "controlplane/session/session_table.h"
#include "sip/base/format.h"
#include "sip/base/log.h"
#include "sip/base/random.h"

const char *session_id_text(const struct session *s, char text[SESSION_ID_TEXT])
{
	format_print(text, SESSION_ID_TEXT, "%016" PRIx64, s->id);
	return text;
}

struct session *session_create_restored(struct shard *shard, uint64_t call, bool outbound,
					const struct session_user *user, void *arg)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->call = call;
	s->shard = shard;
	s->outbound = outbound;
	s->user = user;
	s->arg = arg;
	return s;
}

struct session *session_create(struct shard *shard, uint64_t call, bool outbound,
			       const struct session_user *user, void *arg)
{
	struct session *s = session_create_restored(shard, call, outbound, user, arg);
	char id[SESSION_ID_TEXT];

	if (!s)
		return NULL;
	s->id = shard_new_call_id(shard);
	/* RFC 8866 §5.2: a number that nobody else has; 63 bits, some parsers are signed. */
	s->sdp_id = random_u64() >> 2 | 1;
	s->sdp_version = s->sdp_id;
	event_publish(shard->events, EVENT_SESSION_CREATED, call, 0, session_id_text(s, id),
		      outbound ? "outbound" : "inbound");
	return s;
}

static char *slice_dup(struct slice s)
{
	char *copy = malloc(s.n + 1);

	if (!copy)
		return NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

void session_keep_names(struct session *s)
{
	free(s->local_uri);
	free(s->remote_uri);
	s->local_uri = slice_dup(sip_invite_local_uri(s->invite));
	s->remote_uri = slice_dup(sip_invite_remote_uri(s->invite));
	tap_call(s->shard->tap, s->call, sip_invite_call_id(s->invite));
}

void session_free(struct session *s)
{
	if (!s)
		return;
	session_forget_earlies(s);
	free(s->offer_text);
	description_clear(&s->remote);
	description_clear(&s->local);
	description_clear(&s->offered);
	description_clear(&s->sdp_last);
	free(s->local_uri);
	free(s->remote_uri);
	free(s);
}

bool session_is_alive(const struct session *s)
{
	return s && s->invite;
}

bool session_event(struct session *s, enum session_event event)
{
	int next = session_next_state(s->state, event);
	char id[SESSION_ID_TEXT];
	unsigned old = s->state;

	if (next < 0) {
		LOG_WARN("session", s->call, "session %016" PRIx64 ": event %d in state %s refused",
			 s->id, event, session_state_text(old));
		return false;
	}
	if ((unsigned)next == old)
		return true;
	s->state = (uint8_t)next;
	LOG_DEBUG("session", s->call, "session %016" PRIx64 ": %s -> %s", s->id,
		  session_state_text(old), session_state_text(s->state));
	event_publish(s->shard->events, EVENT_SESSION_STATE, s->call, 0, session_id_text(s, id),
		      session_state_text(old), session_state_text(s->state));
	return true;
}

void session_take(struct session *s, struct sip_invite *invite)
{
	s->invite = invite;
	sip_invite_set_user(invite, &session_invite_user, s);
	session_keep_names(s);
}

struct session *session_of_invite(const struct sip_invite *invite)
{
	return sip_invite_user_arg(invite, &session_invite_user);
}

int session_dial(struct session *s, struct sip_invite_start *start, const struct description *offer)
{
	char text[SESSION_SDP_MAX];
	struct description ours;
	int error;

	start->sdp = SLICE_NONE;
	if (offer) {
		int n;

		ours = description_without_address(offer);
		n = session_write(s, &ours, false, text, sizeof(text));
		if (n < 0)
			return n;
		start->sdp = (struct slice){ text, (size_t)n };
	}
	error = sip_invite_start(s->shard->ua, start, &session_invite_user, s, &s->invite);
	if (error) {
		s->invite = NULL;
		session_event(s, SESSION_ON_ENDED);
		return error;
	}
	if (offer) {
		session_offer_event(s, OFFER_ON_SEND);
		description_set(&s->offered, &ours);
	}
	session_keep_names(s);
	session_event(s, SESSION_ON_DIAL);
	return 0;
}

void session_end(struct session *s, unsigned status, struct slice extra_headers)
{
	bool unheard;

	if (!s->invite || s->state == SESSION_TERMINATING)
		return;
	unheard = s->outbound && sip_invite_get_state(s->invite) == SIP_INVITE_CALLING;
	session_event(s, SESSION_ON_END);
	sip_invite_end(s->invite, status, extra_headers);
	/* A CANCEL must wait for a first response (RFC 3261 §9.1), which a phone that is gone will
	 * never give. The dialog goes on for that by itself; the call has nothing to wait for. */
	if (unheard && s->invite)
		session_let_go(s);
}
