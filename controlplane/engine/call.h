/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call, from its INVITE to its CDR. The table in call_table.c is its documentation:
 *
 *   routing ──▶ ringing ──▶ early ──▶ answered ◀──▶ held
 *      └───────────┴──────────┴──────────┴───────────┴──▶ ending ──▶ ended
 *
 * routing: admitted, waits for its media, then for the callee's first word. ending: everybody was
 * told to go, the media is gone, the dialogs are not over yet. ended: the CDR is written; the
 * memory goes at the next tick, when no callback of it can be on the stack.
 */
#ifndef CONTROLPLANE_ENGINE_CALL_H
#define CONTROLPLANE_ENGINE_CALL_H

#include "controlplane/engine/engine.h"
#include "controlplane/engine/headers.h"
#include "controlplane/engine/route.h"
#include "controlplane/main/shard.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/session/bridge.h"
#include "controlplane/store/store.h"
#include "sip/base/arena.h"
#include "sip/base/hash_index.h"
#include "sip/event/event.h"

#define CALL_BRANCHES_MAX     10u
#define CALL_REDIRECTIONS_MAX 5u

#define CALL_STATES(X)          \
	X(ROUTING, "routing")   \
	X(RINGING, "ringing")   \
	X(EARLY, "early")       \
	X(ANSWERED, "answered") \
	X(HELD, "held")         \
	X(ENDING, "ending")     \
	X(ENDED, "ended")

enum call_state {
#define X(id, name) CALL_##id,
	CALL_STATES(X)
#undef X
		CALL_STATE_COUNT
};
const char *call_state_text(unsigned state);

#define CALL_EVENTS(X)                                                                 \
	X(MEDIA_READY, "media-ready")   /* both seats have their addresses */          \
	X(MEDIA_FAILED, "media-failed") /* … or will never have, or lost them */     \
	X(RINGING, "ringing")           /* the first 180 of a branch */                \
	X(PROGRESS, "progress")         /* any other provisional response */           \
	X(EARLY_MEDIA, "early-media")   /* with the first answer in it */              \
	X(EARLY_OFFER, "early-offer")   /* with the offer that the INVITE asked for */ \
	X(ANSWER, "answer")             /* the first 2xx */                            \
	X(HOLD, "hold")                                                                \
	X(RESUME, "resume")                                                            \
	X(REFUSED, "refused") /* by us, or by all branches */                          \
	X(CALLER_GONE, "caller-gone")                                                  \
	X(CALLEE_GONE, "callee-gone")                                                  \
	X(NO_ANSWER, "no-answer")                                                      \
	X(MEDIA_SILENT, "media-silent")                                                \
	X(HANGUP, "hangup")                                                            \
	X(EMPTY, "empty") /* the last dialog is over */

enum call_event {
#define X(id, name) CALL_ON_##id,
	CALL_EVENTS(X)
#undef X
		CALL_EVENT_COUNT
};

/* What an event brings: how the call is to end, or whom it is about. */
struct call_cause {
	struct session *session;
	unsigned status;      /* for the caller and the CDR */
	const char *reason;   /* for the CDR */
	const char *ended_by; /* caller | callee | system */
	const char *headers;  /* for the final response or the BYE, complete lines, or NULL */
	struct sip_msg *msg;  /* that brought it, or NULL */
	bool is_offer;        /* of an answer: the callee makes the offer */
};

struct caller;
struct relay;
struct transfer;
struct sip_refer;
struct errand;

enum exchange_state {
	EXCHANGE_IDLE,
	EXCHANGE_OFFERED,  /* `to` has an offer of `from` */
	EXCHANGE_RETURNED, /* the same, and it stood in a response of `from` */
	EXCHANGE_ASKED,    /* `to` was asked for an offer by `from` */
	EXCHANGE_STATE_COUNT
};

enum exchange_event {
	EXCHANGE_ON_OFFER,    /* somebody makes one */
	EXCHANGE_ON_QUESTION, /* somebody asks for one */
	EXCHANGE_ON_ANSWER,   /* of `to` */
	EXCHANGE_ON_RETURN,   /* `to` makes the offer that it was asked for */
	EXCHANGE_ON_REFUSAL,  /* of `to`, or no answer where one had to be */
	EXCHANGE_EVENT_COUNT
};

/* A session that is neither caller nor branch: it was replaced, or is to replace one. */
struct other {
	struct other *next;
	struct session *session;
};

struct exchange {
	enum exchange_state state;
	struct session *from, *to; /* NULL when idle */
};

struct branch {
	struct session *session;
	struct sip_path to;
	const char *next_hop; /* URI of where it goes, `to` is a guess then; NULL: to `to` */
	uint64_t listeners;   /* for next_hop */
	const char *uri;
	const char *aor; /* who it was redirected to; NULL: who was called */
	const char
		*route;  /* value of Route in its INVITE: the Path of who registered; NULL: none */
	unsigned q;      /* thousandths; the branches stand in its order, the highest first */
	unsigned status; /* final; 0: still open, or to be dialed */
	struct registrar_flow flow; /* of a phone that has several, its instance NULL else */
	uint32_t tried;             /* of them, bits 1 << reg_id % 32 */
};

struct call {
	struct hash_node node; /* by id */
	struct call *next, **prev;
	struct engine *engine;
	uint64_t id;
	uint8_t state;
	bool delayed_offer; /* the INVITE had no SDP */
	bool asking;  /* … and the callee is asked for the offer, instead of us making one */
	bool counted; /* in the limits */
	bool rang;
	bool recorded; /* in the store's calls in progress */
	bool emergency;
	bool secure;          /* called by a sips URI: TLS on each hop */
	bool withheld;        /* nobody but trusted peers is told who is calling */
	bool callee_withheld; /* the same of the callee, who has come from another call */
	bool guest; /* a leg of another shard's call, on its way (transfer_abroad.c): no CDR */
	uint32_t max_forwards;
	int trunk_in, trunk_out;             /* -1: none */
	struct arena *arena;                 /* strings */
	const char *from, *to;               /* AORs */
	const char *answered_by;             /* AOR of the callee, if it is not `to`; else "" */
	const char *realm;                   /* of the caller's listener, or NULL */
	const char *from_header, *to_header; /* of the outbound legs */
	const char *contact_user;
	const char *invite_headers; /* that cross to the outbound legs, complete lines */
	const char *caller_address, *callee_address;
	struct session *caller;            /* NULL: a party of another call will be (transfer.c) */
	struct session *callee;            /* who answered; NULL until then */
	struct session *early;             /* whose early media is heard */
	struct exchange exchange;          /* call_exchange.c */
	struct session *untold;            /* is told again when its present offer is answered */
	struct session *joining, *leaving; /* a leg that is to replace another (call_replace.c) */
	struct caller *joining_as;         /* who that is; of the arena */
	struct other *others;              /* of the arena */
	unsigned other_count;
	struct transfer *away; /* one of its parties goes to another call (transfer.c) */
	struct transfer *here; /* a party of another call comes */
	uint32_t transfers;    /* in a row, up to this call */
	struct relay *relays;  /* requests that are with the other side */
	unsigned relay_count;
	struct branch *branches; /* of the arena */
	unsigned branch_count;
	unsigned branches_begun; /* the others wait for their turn, of a lower q */
	unsigned branches_open;
	uint64_t ring_until_ms; /* by the shard's wheel: the call is given up */
	const char *redirected[CALL_REDIRECTIONS_MAX]; /* AORs, in their order */
	unsigned redirections;
	unsigned best_status;     /* of the branches that refused */
	const char *best_headers; /* of its response, that cross */
	struct bridge *bridge;
	struct seat *caller_seat, *callee_seat;
	uint64_t started_ms, ringing_ms, answered_ms, ended_ms;
	unsigned cause;
	const char *reason, *ended_by, *codec;
	struct cdr_media caller_media, callee_media;
	struct timer timer;       /* no answer; then: record again; then: free */
	struct description offer; /* what the branches are offered */
};

#define ENGINE_PACKAGES 1u

struct engine {
	struct shard *shard;
	struct hash_index by_id;
	struct call *calls;
	struct call *dead;     /* ended, to be freed at the next tick */
	unsigned count;        /* not ended */
	unsigned *trunk_calls; /* by index of config->trunks */
	struct trunks *trunks;
	struct timer reaper;
	struct sip_events *events; /* subscriptions and publications */
	struct sip_event_package packages[ENGINE_PACKAGES];
	const struct caller *asking; /* who sends the request that sip_events looks at; else NULL */
	struct engine_stats stats;
};

/* --- call_table.c --- */
typedef void (*call_action_t)(struct call *call, const struct call_cause *cause);
struct call_transition {
	call_action_t action; /* NULL: not allowed */
	uint8_t next;         /* enum call_state */
	bool ignored;         /* allowed, and nothing is to be done */
};
const struct call_transition *call_transition(unsigned state, unsigned event);
const char *call_event_text(unsigned event);

/* Runs the table: the state changes first, then the action runs. False: refused and logged. */
bool call_event(struct call *call, enum call_event event, const struct call_cause *cause);

/* --- call.c: birth and death --- */
int call_create(struct engine *engine, uint64_t id, struct call **call);
/* Room for so many branches, zeroed. -ENOMEM */
int call_make_branches(struct call *call, unsigned count);
const char *call_string(struct call *call, const char *text);
struct call *call_find(const struct engine *engine, uint64_t id);
/* Sends EMPTY when nobody is left of a call that is ending. */
void call_check_empty(struct call *call);
bool call_is_over(const struct call *call); /* ending or ended */

/* --- call_start.c: an INVITE that was let in --- */
void call_start(struct call *call, struct sip_invite *invite, struct sip_msg *request,
		const struct sip_path *from, const struct caller *caller);
/* "198.18.0.101:5060", kept with the call */
const char *call_path_text(struct call *call, const struct sip_path *path);
/* The same for a party of another call that was referred; it comes when the callee has answered. */
struct referral {
	const struct session *party;
	const struct caller *caller; /* who that is */
	struct slice target;         /* URI */
	const struct caller *by;     /* who wants it; NULL: an operator */
	const char *realm;           /* by whose listener it was asked for; NULL: not known */
	const char *headers;         /* for the INVITE, complete lines */
};
void call_start_referred(struct call *call, const struct referral *referral);
/* How a call ends whose media cannot be had. */
void call_no_media_cause(struct call *call, int status, struct call_cause *cause);

/* --- call_branches.c --- */
/* Makes the branches, and takes the trunk's place. -ENOENT: nobody is there; -EBUSY: the trunk has no
 * place left; -EPROTONOSUPPORT: it is not reached over TLS, which sips wants; -ENETUNREACH, -ENOMEM */
int call_find_branches(struct call *call, const struct route *route);
/* A place among the trunk's calls; false: there is none left. */
bool call_take_trunk(struct call *call, int trunk);
/* The same errors. */
int call_aim_at_trunk(struct call *call, struct branch *b, const struct route *route,
		      const char **to_header);
/* Escapes what a user part may not have as it stands (RFC 3261 §25.1). */
void call_escape_user(const char *user, char *out, size_t size);

/* --- call_flow.c: actions until the answer --- */
void call_dial(struct call *call, const struct call_cause *cause);
/* Makes the session of a branch, and calls. 0 or -errno: nothing was sent. */
int call_dial_branch(struct call *call, struct branch *b);
void call_pass_progress(struct call *call, const struct call_cause *cause);
void call_bridge_early(struct call *call, const struct call_cause *cause);
void call_pass_offer(struct call *call, const struct call_cause *cause);
void call_answer(struct call *call, const struct call_cause *cause);
extern const struct session_user call_session_user;
extern const struct bridge_user call_bridge_user;

/* --- call_contacts.c: registered contacts, and the flows of a phone --- */
int call_aim_at(struct call *call, struct branch *b, struct registrar_contact *contact);
/* RFC 5626 §5.3: the flow that a branch was to go through is broken (430, or nobody is there). true:
 * the branch leads over another flow of the phone now, and is to be dialed. */
bool call_take_next_flow(struct call *call, struct branch *b, unsigned status);

/* --- call_redirect.c --- */
/* A user has answered 3xx (RFC 3261 §8.1.3.4). true: the branch leads to the first of its contacts
 * that may be called now, and is to be dialed. */
bool call_take_redirection(struct call *call, struct branch *b, unsigned status,
			   const struct sip_msg *response);

/* --- call_exchange.c: offers and answers from one side to the other --- */
void call_reoffered(void *arg, struct session *s, bool has_offer, enum sip_offer_by by);
void call_reanswered(void *arg, struct session *s, unsigned status, enum session_sdp sdp,
		     int error);
/* The answer to what call_exchange_returned() began; false: no exchange waits for it. */
bool call_exchange_agreed(struct call *call, struct session *s, int error);
/* The callee is asked by the first INVITE; it has made its offer; it has come to nothing. */
void call_exchange_ask(struct call *call, struct session *to);
void call_exchange_returned(struct call *call, struct session *offerer);
/* A leg that joins made an offer, and `to` has it. */
void call_exchange_offered(struct call *call, struct session *from, struct session *to);
void call_exchange_end(struct call *call);
/* The call ends, or goes on with somebody else. */
void call_exchange_stop(struct call *call);
/* Each side has been told what the other stands for, or is told now. */
void call_compare_legs(struct call *call);
/* A side is told again what the other stands for. */
void call_tell_again(struct call *call, struct session *to, const struct session *about);
/* The agreed directions and addresses go to the dataplane; hold and resume follow from them. */
void call_apply_media(struct call *call);
void call_note_hold(struct call *call, const struct call_cause *cause);

/* --- call_replace.c: an INVITE with Replaces, of somebody who was let in --- */
void call_replace(struct engine *engine, struct sip_invite *invite, struct sip_msg *request,
		  const struct caller *caller, struct sip_invite *replaced);
/* The same with Join (RFC 3911). */
void call_join(struct engine *engine, struct sip_invite *invite, const struct caller *caller,
	       struct sip_invite *joined);
/* The other side has agreed. */
void call_replace_done(struct call *call);
struct other *call_keep_other(struct call *call, struct session *s);
/* From now on a side of the call is theirs: name, address, trunk. s: their leg. */
void call_take_name(struct call *call, bool as_caller, const struct caller *who,
		    const struct session *s);
/* AOR of who answered. */
const char *call_callee(const struct call *call);
/* Is it one of the two who talk, or of a call that rings, who calls? A branch that has lost is not. */
bool call_is_side(const struct call *call, const struct session *s);
struct session *call_other_side(const struct call *call, const struct session *s);
/* Where a leg stands in its call; NULL: it is neither the caller nor a branch. */
struct session **call_slot_of(struct call *call, const struct session *s);
/* May they replace, or join, a leg of the call? */
bool call_may_replace(const struct call *call, const struct caller *caller);

/* --- transfer.c, transfer_begin.c --- */
/* Who a leg of an answered call is. */
void call_leg(const struct call *call, const struct session *s, struct caller *caller);
struct transfer_start {
	struct session *party;      /* who goes */
	struct session *transferor; /* who wants it, the other side; NULL: an operator does */
	struct slice target;        /* URI; unused if it joins another call */
	struct call *to;            /* that call; NULL: a new one is made */
	struct session *leaving;    /* its leg that the party takes the place of */
	struct errand *errand;      /* … of another shard: this goes there */
	uint8_t realm, family;      /* of the party's seat, if it joins */
};
/* 0, or the status to refuse with. begun: it has begun, and will be told of. */
unsigned transfer_check(const struct call *call, const struct transfer_start *start);
int transfer_create(struct call *call, const struct transfer_start *start, struct transfer **t);
/* A REFER asked for it: accepts that. -errno: the transfer is gone. */
int transfer_accept(struct transfer *t, const struct sip_refer *refer);
void transfer_begin(struct transfer *t, const struct transfer_start *start);
/* What calls tell. */
void transfer_progress(struct call *to, unsigned status);
void transfer_target_ready(struct call *to);
/* Of struct bridge_user; arg: the call that a party comes to. */
void transfer_seat_ready(void *arg, int status);
/* A leg has hung up. true: the call goes on without it until the transfer is over. */
bool transfer_outlives(struct call *call, struct session *s);
/* An exchange is over; true: it was the party's. */
bool transfer_reanswered(struct call *from, const struct session *s, bool success, unsigned status);
/* The call ends, with this status. */
void transfer_call_ended(struct call *call, unsigned status);
/* Does this leg of a call that ends stay until it has been told why? */
bool transfer_keeps(const struct call *call, const struct session *s);
/* The memory of the call goes; nobody is told. */
void transfer_call_forgotten(struct call *call);

/* --- refer.c --- */
/* Of struct sip_events_config. arg: the engine; `asking` has sent it. */
unsigned engine_refer(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
		      struct sip_msg *request, const struct sip_path *from);
/* Whoever sent a request that the event machinery is to see: false: it was answered. */
bool refer_admit(struct engine *engine, struct sip_dialog *dialog, struct sip_transaction *server,
		 struct sip_msg *request, const struct sip_path *from, struct caller *caller);

/* --- call_relay.c: other requests in a call --- */
void call_relay(void *arg, struct session *s, struct sip_transaction *server,
		struct sip_msg *request);
void call_drop_relays(struct call *call);

/* --- call_headers.c --- */
/* Of a message of one side (NULL: none) for the other, in the buffer. */
const char *call_headers(const struct call *call, const struct session *from,
			 const struct sip_msg *msg, enum header_carrier carrier,
			 char buffer[HEADERS_MAX]);
bool call_trusts(const struct call *call, int trunk);

/* --- call_end.c --- */
/* If it is not over. call may be NULL. */
void call_hang_up(struct call *call, unsigned status, const char *reason, const char *ended_by);
/* One of its legs (trunk_in, trunk_out) is of another trunk now, -1: of none. */
void call_move_trunk(struct call *call, int *trunk, int to);
void call_end(struct call *call, const struct call_cause *cause);
void call_finish(struct call *call, const struct call_cause *cause);
/* Frees what has ended, now. */
void engine_reap(struct engine *engine);
/* Forgets a call that goes on without us: on record, with its media on the dataplane. */
void engine_abandon(struct call *call);

/* --- call_record.c --- */
void call_record(struct call *call);
/* It is over, and its last leg is not: another life is not to take it up. */
void call_record_over(struct call *call);
/* Soon, once for many changes. */
void call_record_later(struct call *call);
int call_restore(struct engine *engine, uint64_t id, const char *text);

/* --- limits.c: of the whole process, all shards together --- */
/* Takes a place; false: no place is left. trunk: -1: none */
/* force: of an emergency call, which takes a place even if none is left. */
bool limits_take_call(const struct config *config, bool force);
void limits_release_call(void);
bool limits_take_trunk(const struct config *config, int trunk, bool force);
void limits_release_trunk(int trunk);

/* --- admission.c --- */
/* Who is calling. 0: let in, and the fields are filled in; else the INVITE was answered. */
struct caller {
	int trunk; /* -1: a user */
	char aor[ROUTE_AOR_MAX];
	char user[ROUTE_AOR_MAX]; /* as it stands in the From URI */
	char display[128];
	bool anonymous; /* its From says nobody: who it is comes from its credentials, or its peer */
	char auth[48];  /* how that is known, for people */
};
int admit(struct engine *engine, struct sip_invite *invite, struct sip_msg *request,
	  const struct sip_path *from, struct caller *caller);
/* Of any request outside dialogs. 0: caller is filled in; or the status to refuse with, and lines for
 * that response. */
#define ADMISSION_LINES 2048u
unsigned admission_of(struct engine *engine, const struct sip_msg *request,
		      const struct sip_path *from, struct caller *caller,
		      char lines[ADMISSION_LINES]);
/* The same of one in a dialog, which has to be of who is there. */
unsigned admission_of_leg(struct engine *engine, const struct sip_msg *request,
			  const struct sip_path *from, const struct caller *leg,
			  char lines[ADMISSION_LINES]);
const struct route_directory *engine_directory(struct engine *engine, struct route_directory *d);

#endif
