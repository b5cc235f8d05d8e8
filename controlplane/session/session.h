/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session is one leg of a call: a SIP dialog, its offer/answer state, and the seat in a bridge
 * where its media ends.
 *
 * It writes and reads the SDP of its leg. Nobody above sees text: descriptions go from one leg to
 * the other, and each leg's SDP is written anew with our origin, our address and port, and the
 * payload types of the other leg (a relay does not renumber them).
 *
 * All in the shard's thread.
 */
#ifndef CONTROLPLANE_SESSION_SESSION_H
#define CONTROLPLANE_SESSION_SESSION_H

#include <jansson.h>

#include "controlplane/session/description.h"
#include "controlplane/session/record.h"
#include "sip/dialog/dialog.h"

struct shard;
struct seat;
struct session;

/* id, name */
#define SESSION_STATES(X)               \
	X(INITIALIZING, "initializing") \
	X(DIALING, "dialing")           \
	X(RINGING, "ringing")           \
	X(EARLY, "early")               \
	X(CONNECTED, "connected")       \
	X(HELD, "held")                 \
	X(TERMINATING, "terminating")   \
	X(TERMINATED, "terminated")

enum session_state {
#define X(id, name) SESSION_##id,
	SESSION_STATES(X)
#undef X
		SESSION_STATE_COUNT
};

enum session_event {
	SESSION_ON_DIAL,
	SESSION_ON_RING,
	SESSION_ON_EARLY_MEDIA,
	SESSION_ON_CONNECT,
	SESSION_ON_HOLD,
	SESSION_ON_RESUME,
	SESSION_ON_END,   /* BYE, CANCEL or a refusal is under way */
	SESSION_ON_ENDED, /* the dialog is gone */
	SESSION_EVENT_COUNT
};

/* Offer/answer, RFC 3264. */
#define OFFER_STATES(X)                     \
	X(INITIAL, "initial")               \
	X(OFFER_SENT, "offer-sent")         \
	X(OFFER_RECEIVED, "offer-received") \
	X(COMPLETE, "complete")

enum offer_state {
#define X(id, name) OFFER_##id,
	OFFER_STATES(X)
#undef X
		OFFER_STATE_COUNT
};
/* Short names of the table's first column. */
enum offer_event {
	OFFER_ON_SEND,
	OFFER_ON_RECEIVE,
	OFFER_ON_ANSWER_SENT,
	OFFER_ON_ANSWER_RECEIVED,
	OFFER_ON_ROLLBACK, /* refused: what was agreed before stands */
	OFFER_EVENT_COUNT
};

/* What a message brought. */
enum session_sdp {
	SESSION_SDP_NONE,
	SESSION_SDP_ANSWER, /* s->remote has it */
	SESSION_SDP_OFFER, /* s->offered has it; session_give_answer() or session_refuse() is due */
};

/* What a session tells the call. In `ended` the invite is gone; the session itself lives until
 * session_free(). error: what is wrong with a description, 0: nothing, -ENODATA: it should be
 * there. All required. */
struct session_user {
	/* Outbound: a provisional response above 100. */
	void (*progress)(void *arg, struct session *s, struct sip_msg *response,
			 enum session_sdp sdp);
	/* Outbound: 2xx. */
	void (*answered)(void *arg, struct session *s, struct sip_msg *response,
			 enum session_sdp sdp, int error);
	/* The answer to an offer of ours that stood in a response came, in ACK or PRACK; or the
	 * ACK came without it. */
	void (*agreed)(void *arg, struct session *s, int error);
	/* The ACK to our 2xx, after `agreed`. */
	void (*acked)(void *arg, struct session *s);
	/* It wants other media: s->offered has it (has_offer), or it asks us for an offer. by: how
	 * the other side had best be asked the same. */
	void (*reoffered)(void *arg, struct session *s, bool has_offer, enum sip_offer_by by);
	/* What became of session_reoffer() or session_ask_offer(): status of the response */
	void (*reanswered)(void *arg, struct session *s, unsigned status, enum session_sdp sdp,
			   int error);
	/* INFO, MESSAGE and the like, to be answered. */
	void (*request)(void *arg, struct session *s, struct sip_transaction *server,
			struct sip_msg *request);
	void (*ended)(void *arg, struct session *s, enum sip_end how, unsigned status,
		      struct sip_msg *msg);
	/* The remote end of its seat latched to a source. */
	void (*media_latched)(void *arg, struct session *s);
	/* Its remote end has been silent for too long. */
	void (*media_silent)(void *arg, struct session *s, uint32_t silent_ms);
	/* A threshold was crossed by what comes from it, or is kept again:
	 * media_termination_alarms() of its seat has all. */
	void (*media_quality)(void *arg, struct session *s, bool raised);
};

#define SESSION_ADDRESS_TEXT 64

struct session {
	uint64_t id, call;
	struct shard *shard;
	struct sip_invite *invite; /* NULL: not dialed yet, or ended */
	const struct session_user *user;
	void *arg;
	struct seat *seat; /* where its media ends; forks of one call ring from the same one */
	uint8_t state;     /* enum session_state */
	bool outbound;
	bool reoffering;     /* an offer of ours is with session_reoffer() */
	bool taken;          /* its dialog is not where its tags say (shard_take_dialog()) */
	bool settled;        /* inbound: its answer stood in a reliable response, and stands */
	bool was_complete;   /* what OFFER_ON_ROLLBACK returns to */
	bool answer_is_ours; /* of the last exchange: the formats in use are `local`, else `remote` */
	uint8_t offer_state;
	uint8_t media_direction;   /* enum sdp_direction, as agreed, from the view of the far end */
	struct description remote; /* what the far end said last, and both agreed on */
	struct description local;  /* what we said last, and both agreed on */
	struct description offered; /* the open offer, of either side */
	struct sip_dialog *heard;   /* outbound: the early dialog whose description `remote` is */
	struct sip_dialog *asked;   /* in which a later offer of theirs waits */
	struct early *earlies;      /* what others have said */
	char *offer_text; /* the open offer of the far end: its answer repeats its lines */
	size_t offer_size;
	uint64_t sdp_id, sdp_version;
	struct description sdp_last; /* what sdp_version stands for */
	struct dp_address sdp_last_address;
	char *remote_uri, *local_uri; /* for people; kept beyond the dialog */
	const char *auth; /* likewise: how it is known who that is; the call's; or NULL */
};

const char *session_state_text(unsigned state);
const char *offer_state_text(unsigned state);
const char *session_direction_text(unsigned direction); /* "sendrecv"… */

/* call: its id. invite: the one that came (inbound). */
struct session *session_create(struct shard *shard, uint64_t call, bool outbound,
			       const struct session_user *user, void *arg);
/* The same for session_restore(): the bus has been told of it in an earlier life. */
struct session *session_create_restored(struct shard *shard, uint64_t call, bool outbound,
					const struct session_user *user, void *arg);
void session_take(struct session *s, struct sip_invite *invite);
/* NULL: it is no session's. */
struct session *session_of_invite(const struct sip_invite *invite);
/* Its invite must have ended. */
void session_free(struct session *s);
bool session_is_alive(const struct session *s); /* its dialog is not over */

/* Next state by the table; false (and logged) if that is not allowed in this state. */
bool session_event(struct session *s, enum session_event event);

/* --- outbound --- */
/* Dials; start->sdp is filled in here. offer: what the other leg offered; NULL: the callee is to
 * make one. */
int session_dial(struct session *s, struct sip_invite_start *start,
		 const struct description *offer);

/* --- inbound --- */
/* Reads the INVITE's offer into s->offered. -ENODATA: there is none (delayed offer). */
int session_receive_offer(struct session *s, struct slice body);

/* A response to the caller. */
struct session_response {
	unsigned status;               /* 101 to 299 */
	const struct description *sdp; /* NULL: none */
	bool is_offer;                 /* the caller sent none, so it is ours to offer */
	bool reliable;                 /* without SDP too, if the caller knows how (RFC 3262) */
	struct slice headers;          /* complete lines, or empty */
};
/* -EOPNOTSUPP: an offer in a provisional response to who does not know reliable ones. */
int session_progress(struct session *s, const struct session_response *response);
int session_accept(struct session *s, const struct session_response *response);

/* --- both --- */
/* What the other leg offers. -EBUSY: another exchange is under way; -EOPNOTSUPP: before the answer
 * it can be changed by UPDATE alone, which the other side does not take. */
int session_reoffer(struct session *s, const struct description *offer, enum sip_offer_by by);
/* A re-INVITE that asks for an offer. */
int session_ask_offer(struct session *s);
/* The answer to their open offer, whatever carries it. */
int session_give_answer(struct session *s, const struct description *answer);
/* The offer that a re-INVITE without one has asked for. */
int session_give_offer(struct session *s, const struct description *offer);
/* Refuses their open offer, or their asking for one. */
int session_refuse(struct session *s, unsigned status, struct slice extra_headers);
/* CANCEL, BYE or a final response, whatever fits. `ended` may be called before it returns. */
void session_end(struct session *s, unsigned status, struct slice extra_headers);

/* After an exchange: what is agreed goes to the seat. direction: as seen from the far end. */
void session_set_direction(struct session *s, uint8_t direction);
/* The formats in use: those of the answer of the last exchange. */
const struct description *session_formats(const struct session *s);
/* Name of the audio codec in use, "" if none. */
const char *session_codec(const struct session *s);
/* For the store. -EINVAL: it has no dialog that can be saved. */
int session_save(const struct session *s, struct record_writer *record);
/* -EINVAL: the record is broken; else errors of sip_invite_restore(). */
int session_restore(struct session *s, struct record_reader *record);
/* What is bad about its media now ("mos loss"), or "good"; null while it has none. */
json_t *session_quality(const struct session *s);
/* The same for another shard: the dialog goes on there, with session_restore(), and is forgotten
 * here. 0, and the session has none; else all is as before. */
int session_hand_over(struct session *s, unsigned shard, struct record_writer *record);
/* A row for the CLI. */
json_t *session_show(const struct session *s);

#endif
