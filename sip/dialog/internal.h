/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the user agent core share.
 *
 *   ua.c             the agent: which dialog a message belongs to, what is answered outside dialogs
 *   capability.c     what is understood: Supported, Require, Allow, Accept
 *   remote.c, nat.c  how the other side is reached: target, route set, next hop
 *   origin.c         our half of dialogs, and requests outside them
 *   dialog.c         dialogs, their requests and responses
 *   offer.c          offers and answers as a table
 *   invite_table.c   the states of an INVITE usage
 *   invite.c         its life, its end, what both roles share
 *   invite_part.c    its part in each of its dialogs
 *   invite_uac.c     calls that we make
 *   invite_uas.c     calls that we take
 *   invite_modify.c  later offers that come: re-INVITE and UPDATE
 *   invite_offer.c   later offers of ours
 *   invite_prack.c   reliable provisional responses, both ways
 *   session_timer.c  session timers as rules
 *   invite_timer.c   the session timer of an INVITE
 *   invite_replaces.c  dialogs that other requests name
 *   save.c           a confirmed dialog as text
 */
#ifndef SIP_DIALOG_INTERNAL_H
#define SIP_DIALOG_INTERNAL_H

#include "sip/auth/client.h"
#include "sip/base/hash_index.h"
#include "sip/dialog/dialog.h"
#include "sip/dialog/session_timer.h"

#define TAG_RANDOM   16
#define TAG_TEXT     (sizeof(((struct sip_ua_config *)NULL)->token) + TAG_RANDOM)
#define CALL_ID_TEXT 64u
#define CONTACT_MAX  512u
#define SDP_TYPE     SLICE("application/sdp")
#define MAX_FORWARDS 70u /* RFC 3261 §8.1.1.6 */

struct sip_ua {
	struct sip_ua_config config;
	struct sip_transactions *transactions;
	struct hash_index dialogs; /* by dialog_hash() */
	struct hash_index origins; /* those that want requests from unknown dialogs */
	struct sip_invite *all;
	uint32_t invites;
	char *product;
	const struct sip_limits *limits;
	uint32_t methods, options; /* ours and those of the config */
	char *allow, *supported, *accept;
	char *scratch; /* a message while it is built */
	size_t scratch_size;
};

/* RFC 3261 §12.1: remote target and route set, and the path to the next hop. */
struct remote {
	char *target; /* URI */
	char *routes; /* name-addrs in the order of the Route header, each with its NUL */
	size_t routes_size;
	unsigned route_count;
	struct sip_path path; /* where the other side was met */
	bool natted;          /* it does not know its own address: path is the way to it */
};

/* All texts are in `text`. */
struct sip_origin {
	struct hash_node node;
	struct sip_ua *ua;
	unsigned refs;
	uint32_t cseq; /* of our last request outside a dialog */
	const char *call_id, *local_tag;
	const char *local, *remote; /* name-addrs without tag */
	char *contact;              /* ours, name-addr; of the way that the last request went */
	const char *next_hop;       /* URI that says where requests go; "": path */
	uint64_t listeners;         /* for it */
	bool alone;                 /* nobody will hold it: its contact stays as it is */
	const char *request_uri;    /* the target until a Contact is known */
	struct slice local_uri, remote_uri;
	struct sip_path path;                /* of the first request */
	struct sip_credentials *credentials; /* for challenges to our requests; NULL: none */
	sip_origin_request *request;
	void *arg;
	char text[];
};

struct sip_dialog {
	struct hash_node node;
	struct sip_origin *origin;
	struct sip_usage *usages;
	unsigned refs; /* one for each usage, and for who holds it */
	struct remote remote;
	uint32_t local_cseq, remote_cseq;
	bool remote_cseq_known;
	uint32_t allows, supports; /* bits: what the other side said last */
	char remote_tag[];         /* "" if there is none (RFC 2543) */
};

enum invite_event {
	/* from the network */
	INVITE_EVENT_PROVISIONAL,
	INVITE_EVENT_SUCCESS,
	INVITE_EVENT_FAILURE,
	INVITE_EVENT_CANCEL,
	INVITE_EVENT_ACK,
	INVITE_EVENT_BYE,
	INVITE_EVENT_BYE_DONE, /* final response to our BYE, or none */
	/* from the user, for the first INVITE */
	INVITE_EVENT_RESPOND_1XX,
	INVITE_EVENT_RESPOND_2XX,
	INVITE_EVENT_RESPOND_FAILURE,
	INVITE_EVENT_END,
	/* of time and transport */
	INVITE_EVENT_SILENCE, /* no answer to our INVITE */
	INVITE_EVENT_UNSENT,
	INVITE_EVENT_NO_ACK,
	INVITE_EVENT_NO_PRACK,
	INVITE_EVENT_EXPIRED, /* the session timer */
	INVITE_EVENT_LOST,    /* the other side does not know the dialog any more, or is gone */
	INVITE_EVENTS
};

/* What came with an event. */
struct invite_step {
	unsigned status;
	struct sip_msg *msg;
	struct slice headers;
};

struct invite_transition {
	uint8_t next; /* enum sip_invite_state */
	void (*action)(struct sip_invite *invite, const struct invite_step *step);
};
typedef const struct invite_transition invite_table[SIP_INVITE_STATES][INVITE_EVENTS];
extern invite_table invite_uac_table, invite_uas_table;

/* The INVITE's usage of one dialog; while it is early a UAC has one for each fork that answered. */
struct invite_part {
	struct sip_usage usage;
	struct sip_invite *invite;
	struct invite_part *next;
	struct sip_offer offer;
	/* reliable provisional responses of theirs: the last one taken, of which INVITE, and how many */
	uint32_t rseq, rseq_cseq, reliables;
	bool prack_due;                /* it has an offer and waits for the answer */
	struct sip_transaction *asked; /* UPDATE or PRACK with an offer that waits for our answer */
};

/* A response that is ready to be sent. */
struct held {
	char *text;
	size_t size;
	uint16_t status;
	bool reliable, has_sdp;
};

/* The reliable provisional response of ours that is on its way (RFC 3262 §3), and what has to wait
 * for its PRACK: the next one, and a 2xx behind it. */
struct reliable {
	uint32_t rseq, cseq; /* of the last one, and of its INVITE */
	bool waiting, has_sdp;
	bool owed; /* a final response has left before its PRACK, which may still come */
	uint32_t interval;
	struct timer again, give_up;
	struct held next, final;
};

/* A later offer of ours, in re-INVITE or UPDATE. One at a time. */
struct modify {
	struct sip_transaction *client; /* while it lives */
	struct invite_part *part;       /* in which dialog; NULL: no offer is under way */
	bool pending;                   /* no final response yet */
	bool after_ack;                 /* waits for the ACK for our 2xx */
	uint8_t method, by;             /* enum sip_method, enum sip_offer_by */
	bool quiet;                     /* a refresh of ours: the user has not asked for it */
	struct timer glare;             /* until the next try after 491 */
	unsigned glares;
	char *sdp; /* kept for that */
	size_t sdp_size;
};

/* The session timer (RFC 4028). */
struct session {
	uint32_t interval; /* s; 0: off */
	uint32_t min_se;   /* s: the most that a 422 has asked for */
	bool ours;         /* we refresh */
	bool refreshing;   /* a refresh is on its way */
	uint64_t since;    /* when it was agreed, ms of the wheel */
	struct timer timer;
	struct sip_transaction *client; /* the UPDATE that refreshes */
	char *sdp;                      /* our last description, for a re-INVITE that refreshes */
	size_t sdp_size;
};

/* What the first INVITE said, to say it again: after 422, 401, 407. */
struct kept {
	uint32_t max_forwards;
	size_t headers_size, sdp_size;
	char text[]; /* headers, description */
};

struct sip_invite {
	struct sip_ua *ua;
	struct sip_invite *next, **prev; /* all of the agent */
	const struct sip_invite_user *user;
	void *arg;
	unsigned refs; /* one of its own until the end, one for each caller up the stack */
	uint8_t state; /* enum sip_invite_state */
	bool uac;
	struct sip_origin *origin;
	struct invite_part *parts;
	struct invite_part *part; /* the one that counts; NULL: none yet */
	unsigned part_count;

	/* UAC */
	struct sip_transaction *client; /* the first INVITE, while it lives */
	struct kept *kept;              /* until it has its final response */
	struct sip_offer first;         /* what it said: each fork goes on from there */
	bool ack_due;                   /* a 2xx with an offer waits for the answer */
	char *ack;                      /* of the last 2xx, without Via */
	size_t ack_size;
	uint32_t ack_cseq; /* of the INVITE to which `ack` belongs, or which waits for one */

	/* UAS */
	struct sip_transaction *server;   /* INVITE that waits for our final response */
	struct sip_transaction *accepted; /* INVITE whose 2xx waits for its ACK, while it lives */
	bool ack_awaited;
	uint32_t accepted_cseq, repeat_interval;
	struct timer repeat, no_ack; /* repeat: of the 1xx or the 2xx that was sent last */
	struct reliable reliable;
	struct sip_invite *replaced, *joined; /* what its INVITE names; held */
	struct sip_pending pending;           /* other requests that the user has to answer */

	struct modify modify;
	struct session session;

	/* our BYE */
	struct sip_transaction *bye;
	bool bye_sent;
	char *end_headers; /* for the BYE that follows an ACK or a lost race */
	size_t end_headers_size;
};

/* --- remote.c --- */
/* From the Contact and the Record-Routes of a message that sets a dialog up. reversed: we are UAC.
 * natted as remote_is_hidden() says.
 * fallback: the target if there is no Contact. 0, -ENOMEM, -EINVAL (Record-Route is malformed). */
int remote_init(struct remote *remote, const struct sip_msg *msg, bool reversed,
		struct slice fallback, const struct sip_path *path);
/* For one that must be reached however broken what it says is: without Record-Routes then. */
int remote_init_somehow(struct remote *remote, const struct sip_msg *msg, struct slice fallback,
			const struct sip_path *path);
int remote_add_route(struct remote *remote, struct slice route, bool front);
/* The nth, from 0; NULL: there is none. */
const char *remote_route(const struct remote *remote, unsigned n);
void remote_free(struct remote *remote);
/* Target refresh (RFC 3261 §12.2.1.2, §12.2.2). from: of a request, where it came from; NULL for a
 * response. */
void remote_refresh(struct remote *remote, const struct sip_msg *msg, const struct sip_path *from);
/* Did the request pass a NAT that its sender does not know of? */
bool remote_is_natted(const struct sip_msg *request, const struct sip_path *from);
/* Is its Contact an address of a private network, and it came from a public one? */
bool remote_is_hidden(const struct sip_msg *msg, const struct sip_path *from);
/* Sends it to the address in a URI, if that is one that the path's listener can send to. nat.c */
void path_aim(struct sip_path *path, const struct sip_uri *uri);
void remote_next_hop(const struct remote *remote, struct sip_path *path);
/* The same with the name that is to be resolved, if the next hop has one. */
void remote_destination(const struct remote *remote, struct sip_destination *to);
/* An ACK, wherever that leads. */
void remote_send_ack(const struct remote *remote, struct sip_transactions *layer,
		     struct slice message);
/* Request line, Max-Forwards, Route (RFC 3261 §12.2.1.1). */
void remote_begin(const struct remote *remote, struct sip_build *b, const char *method,
		  uint32_t max_forwards);

/* --- capability.c --- */
/* Makes the texts of the agent. */
int capability_init(struct sip_ua *ua);
void capability_free(struct sip_ua *ua);
/* Allow, Supported, Accept, as they belong in a request (status 0) or response. */
void capability_put(const struct sip_ua *ua, struct sip_build *b, enum sip_method method,
		    unsigned status);
/* Is something required that is not understood? line: "Unsupported: …\r\n" then. */
bool capability_lacks(const struct sip_ua *ua, const struct sip_msg *request, char *line,
		      size_t size);
/* Bits of what the message says; 0 if it does not. */
uint32_t capability_allows(const struct sip_msg *msg);
uint32_t capability_supports(const struct sip_msg *msg);

/* --- origin.c --- */
struct origin_parts {
	struct slice call_id, local_tag;
	const struct sip_addr *local, *remote;
	struct slice contact, request_uri, next_hop;
};
int origin_create(struct sip_ua *ua, const struct origin_parts *parts, const struct sip_path *path,
		  struct sip_origin **origin);
/* "<sip:user@host>" on the path's listener. sips: as one of TLS on each hop, where the path is. */
int origin_contact(const struct sip_ua *ua, struct slice user, bool sips,
		   const struct sip_path *path, char *text, size_t size);
/* Request line to CSeq and what is understood, of a request outside a dialog. */
void origin_begin(const struct sip_origin *origin, struct sip_build *b, enum sip_method method,
		  uint32_t max_forwards);
struct sip_origin *origin_of_request(const struct sip_ua *ua, const struct sip_msg *request);

/* --- challenge.c --- */
/* Appends to a request what is known of challenges from before. host: where it goes; NULL: where the
 * credentials are for. */
void challenge_foresee(const struct sip_origin *origin, const struct sip_address *host,
		       struct slice body, struct sip_build *b);
/* true: it was a challenge, and the request is on its way again, in another transaction, which
 * takes the place of *client. cseq: of the last request of the dialog, or of the origin. */
bool challenge_answer(struct sip_origin *origin, uint32_t *cseq, struct sip_transaction **client,
		      const struct sip_msg *response, const struct sip_transaction_user *user,
		      void *arg);

/* --- dialog.c --- */
char *text_dup(struct slice s);
struct sip_dialog *dialog_create(struct sip_origin *origin, struct slice remote_tag);
void dialog_hold(struct sip_dialog *dialog);
void dialog_release(struct sip_dialog *dialog);
/* Takes a usage off; its reference stays, for who may still ask for tags. */
void dialog_unlink(struct sip_usage *usage);
/* The dialog of a request: To tag ours, From tag theirs. */
struct sip_dialog *dialog_of_request(const struct sip_ua *ua, const struct sip_msg *request);
/* Of a response: From tag ours, To tag theirs. */
struct sip_dialog *dialog_of_response(const struct sip_ua *ua, const struct sip_msg *response);
struct sip_dialog *dialog_of_tag(const struct sip_origin *origin, struct slice remote_tag);
/* RFC 3261 §12.2.2; false: out of order. */
bool dialog_take_cseq(struct sip_dialog *dialog, const struct sip_msg *request);
/* Keeps what it says of Allow and Supported. */
void dialog_learn(struct sip_dialog *dialog, const struct sip_msg *msg);
/* What sip_dialog_respond() sends. own: header lines of the core. */
int dialog_build_response(const struct sip_dialog *dialog, const struct sip_transaction *server,
			  unsigned status, const char *reason, struct slice own,
			  struct slice headers, struct slice type, struct slice body,
			  struct slice *message);
void dialog_begin(const struct sip_dialog *dialog, struct sip_build *b, const char *method,
		  uint32_t cseq, uint32_t max_forwards);
/* ACK and BYE for a 2xx that nobody wants: of another fork, or after the end. */
void refuse_success(struct sip_ua *ua, const struct sip_msg *response, const struct sip_path *path);
uint32_t cseq_of(const struct sip_msg *msg);

/* --- ua.c --- */
void ua_mint(const struct sip_ua *ua, char *text, size_t size);

/* --- invite.c --- */
struct sip_invite *invite_create(struct sip_ua *ua, bool uac);
void invite_hold(struct sip_invite *invite);
void invite_release(struct sip_invite *invite);
bool invite_can(const struct sip_invite *invite, enum invite_event event);
/* Next state and action; the action comes last, as it may call the user. -EINVAL: no such row. */
int invite_step(struct sip_invite *invite, enum invite_event event, const struct invite_step *step);
/* Lets go of all transactions and timers and tells the user. */
void invite_finish(struct sip_invite *invite, enum sip_end how, unsigned status,
		   struct sip_msg *msg);
/* Tells nobody, neither the user nor the network. */
void invite_abandon(struct sip_invite *invite);
void invite_send_bye(struct sip_invite *invite, struct slice headers, bool wait);
int invite_send_ack(struct sip_invite *invite, uint32_t cseq, struct slice sdp);
/* The 2xx came again: so must the ACK. */
void invite_ack_again(struct sip_invite *invite, const struct sip_msg *response);
/* A 2xx has been sent and is repeated until ACK. */
void invite_await_ack(struct sip_invite *invite);
void invite_stop_awaiting(struct sip_invite *invite);
/* A provisional response has been sent and is repeated each minute. */
void invite_keep_ringing(struct sip_invite *invite);
extern const struct sip_transaction_user invite_orphan_user; /* arg: sip_ua */
/* For a re-INVITE that has its final response, when the next offer is made: its 2xx may come again,
 * as its ACK may be lost. arg: sip_ua. ua.c */
extern const struct sip_transaction_user ua_overtaken_user;

/* --- invite_part.c --- */
/* Lets go of one, if it is there: no more callbacks. */
void transaction_drop(struct sip_transaction **t);
/* Its part in a dialog that has none yet. */
struct invite_part *invite_add_part(struct sip_invite *invite, struct sip_dialog *dialog);
void invite_remove_part(struct invite_part *part);
/* The other side does not know its dialog: it ends, and the invite with the last one. */
void invite_part_lost(struct invite_part *part, unsigned status, struct sip_msg *msg);
/* That of a public dialog; NULL: not of this invite. dialog NULL: the one that counts. */
struct invite_part *invite_part_of(const struct sip_invite *invite,
				   const struct sip_dialog *dialog);
struct sip_dialog *invite_dialog(const struct sip_invite *invite);
extern const struct sip_usage_type invite_usage_type;
/* Keeps the step that its body is, and tells its role; for the user FORBIDDEN is NONE. */
enum sip_offer_role invite_body(struct invite_part *part, const struct sip_msg *msg,
				enum sip_offer_carrier carrier);
/* The same for a description that is about to be sent. */
enum sip_offer_role invite_sends(struct invite_part *part, enum sip_offer_carrier carrier,
				 struct slice sdp);
/* Builds and sends a response with what belongs in it. */
int invite_reply(struct invite_part *part, struct sip_transaction *server, unsigned status,
		 const char *reason, struct slice sdp, struct slice headers);
void invite_refuse_with(struct invite_part *part, struct sip_transaction *server, unsigned status);

/* --- invite_uac.c --- */
/* An early dialog is over, the INVITE goes on. */
void uac_end_early(struct invite_part *part, unsigned status);

/* --- invite_uas.c --- */
void uas_receive_invite(struct sip_ua *ua, struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from);
void uas_receive_cancel(struct sip_invite *invite, struct sip_transaction *cancelled,
			struct sip_msg *cancel);
/* A final response to an INVITE has left. */
void uas_answered(struct sip_invite *invite, unsigned status);
void uas_receive_ack(struct sip_invite *invite, struct sip_msg *ack);
extern const struct sip_transaction_user invite_server_user; /* arg: sip_invite */

/* --- invite_modify.c --- */
void modify_receive(struct invite_part *part, struct sip_transaction *server,
		    struct sip_msg *request);
void update_receive(struct invite_part *part, struct sip_transaction *server,
		    struct sip_msg *request);
/* An offer in a request that is no INVITE goes to the user; the table has let it pass. */
void asked_receive(struct invite_part *part, struct sip_transaction *server,
		   struct sip_msg *request, enum sip_offer_role role);
/* Our final response to it. */
int asked_respond(struct invite_part *part, unsigned status, const char *reason, struct slice sdp,
		  struct slice headers);

/* --- invite_prack.c --- */
/* RSeq of the next one. */
uint32_t reliable_next(struct sip_invite *invite);
void reliable_sent(struct sip_invite *invite, bool has_sdp);
/* Must a response of this status wait? */
bool reliable_holds(const struct sip_invite *invite, unsigned status);
/* It does. A provisional one takes the place of that which waits, if nothing is lost by that. */
int reliable_hold(struct sip_invite *invite, struct slice response, unsigned status, bool reliable,
		  bool has_sdp);
/* Sends it, if nothing keeps it any more. */
void reliable_release(struct sip_invite *invite);
void reliable_stop(struct sip_invite *invite);
void prack_receive(struct invite_part *part, struct sip_transaction *server, struct sip_msg *prack);
/* Of theirs: is it one; is it the next one; takes its body and sends the PRACK, or leaves that to
 * sip_invite_answer(). */
bool reliable_is(const struct sip_msg *response);
bool reliable_take(struct invite_part *part, const struct sip_msg *response);
enum sip_offer_role reliable_acknowledge(struct invite_part *part, const struct sip_msg *response);
int prack_send(struct invite_part *part, struct slice sdp);

/* --- invite_replaces.c --- */
/* Status for an INVITE with Replaces or Join that cannot be; 0: it can. *replaced, *joined: what it
 * names, or NULL. */
unsigned replaces_judge(const struct sip_ua *ua, const struct sip_msg *request,
			struct sip_invite **replaced, struct sip_invite **joined);

/* --- invite_timer.c --- */
#define SESSION_LINES 128
/* Header lines of a request of ours, and of our 2xx to one of theirs; "" without a timer. */
void session_ask(const struct sip_invite *invite, char *lines, size_t size);
void session_answer(const struct sip_invite *invite, const struct sip_msg *request, char *lines,
		    size_t size);
/* The request asks for less than we take: 422 with this line. */
bool session_refuses(const struct sip_ua *ua, const struct sip_msg *request, char *line,
		     size_t size);
/* Our 2xx to their request has left; their 2xx to ours came. The timer begins anew. */
void session_answered(struct sip_invite *invite, const struct sip_msg *request);
void session_agreed(struct sip_invite *invite, const struct sip_msg *response);
/* A 422: we asked for too little, and will ask for more. */
bool session_too_small(struct sip_invite *invite, const struct sip_msg *response);
/* What became of a refresh; response may be NULL. */
void session_refreshed(struct sip_invite *invite, unsigned status, struct sip_msg *response);
/* Our description that is agreed now. */
void session_keep_sdp(struct sip_invite *invite, struct slice sdp);
void session_stop(struct sip_invite *invite);
/* For the record, as the other clocks do not outlive a process: seconds since 1970. */
uint32_t session_refreshed_at(const struct sip_invite *invite);
/* refreshed_at: 0: unknown. */
void session_resume(struct sip_invite *invite, uint32_t interval, bool ours, uint32_t refreshed_at);

/* --- invite_offer.c --- */
/* A re-INVITE with the last description, of which the user hears nothing. */
int modify_refresh(struct sip_invite *invite, struct slice sdp);
void modify_retry(struct timer *timer);
/* The ACK for our 2xx has come: an offer that waited for it is made. */
void modify_acked(struct sip_invite *invite);
/* The part goes: so does the offer in it. */
void modify_drop(struct invite_part *part);

/* --- actions of the table: both, invite_uac.c, invite_uas.c --- */
#define INVITE_ACTION(name) void name(struct sip_invite *invite, const struct invite_step *step)
INVITE_ACTION(act_nothing);
INVITE_ACTION(act_send_bye);
INVITE_ACTION(act_bye_received);
INVITE_ACTION(act_bye_done);
INVITE_ACTION(act_lost);
INVITE_ACTION(act_gone);
INVITE_ACTION(act_acked);
INVITE_ACTION(act_progress);
INVITE_ACTION(act_answered);
INVITE_ACTION(act_answered_again);
INVITE_ACTION(act_answered_late);
INVITE_ACTION(act_rejected);
INVITE_ACTION(act_cancel);
INVITE_ACTION(act_cancelled);
INVITE_ACTION(act_silence);
INVITE_ACTION(act_unsent);
INVITE_ACTION(act_refuse);
INVITE_ACTION(act_refused);
INVITE_ACTION(act_no_prack);
INVITE_ACTION(act_given_up);
INVITE_ACTION(act_bye_after_ack);
INVITE_ACTION(act_end_after_ack);

#endif
