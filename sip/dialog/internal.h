/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the user agent core share.
 *
 *   ua.c             the agent: which dialog a message belongs to, what is answered outside dialogs
 *   remote.c         how the other side is reached: target, route set, next hop
 *   dialog.c         dialogs, their requests and responses
 *   invite_table.c   the states of an INVITE usage
 *   invite.c         its life, its end, what both roles share
 *   invite_uac.c     calls that we make
 *   invite_uas.c     calls that we take
 *   invite_modify.c  re-INVITE and UPDATE, both ways
 *   save.c           a confirmed dialog as text
 */
#ifndef SIP_DIALOG_INTERNAL_H
#define SIP_DIALOG_INTERNAL_H

#include "sip/base/hash_index.h"
#include "sip/dialog/dialog.h"

#define TAG_RANDOM  16
#define TAG_TEXT    (sizeof(((struct sip_ua_config *)NULL)->token) + TAG_RANDOM)
#define ROUTES_MAX  32u
#define ALLOW       "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, MESSAGE"
#define SDP_TYPE    SLICE("application/sdp")
#define CONTACT_MAX 512u

struct sip_ua {
	struct sip_ua_config config;
	struct sip_transactions *transactions;
	struct hash_index dialogs; /* by dialog_hash() */
	struct sip_invite *all;
	uint32_t invites;
	char *product;
	char *scratch; /* a message while it is built */
	size_t scratch_size;
};

/* RFC 3261 §12.1: remote target and route set, and the path to the next hop. */
struct remote {
	char *target;  /* URI */
	char **routes; /* name-addrs in the order of the Route header */
	unsigned route_count;
	struct sip_path path; /* where the other side was met */
	bool natted;          /* it does not know its own address: path is the way to it */
};

struct sip_dialog {
	struct hash_node node;
	struct sip_dialog *next; /* of the same invite */
	struct sip_invite *invite;
	char *remote_tag; /* "" if there is none (RFC 2543) */
	struct remote remote;
	bool remote_cseq_known;
	uint32_t remote_cseq;
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
	INVITE_EVENT_LOST, /* the other side does not know the dialog any more, or is gone */
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

struct sip_invite {
	struct sip_ua *ua;
	struct sip_invite *next, **prev; /* all of the agent */
	const struct sip_invite_user *user;
	void *arg;
	unsigned refs; /* one of its own until the end, one for each caller up the stack */
	uint8_t state; /* enum sip_invite_state */
	bool uac;

	char *call_id, *local_tag;
	char *local, *remote; /* name-addrs without tag */
	struct slice local_uri, remote_uri;
	char *contact; /* ours, name-addr */
	uint32_t local_cseq;
	struct sip_path path;       /* the first INVITE's */
	struct sip_dialog *dialogs; /* UAC: one for each fork that has answered */
	struct sip_dialog *dialog;  /* the one that counts; NULL: none yet */

	/* UAC */
	struct sip_transaction *client; /* the first INVITE, while it lives */
	char *request_uri;              /* the target until a Contact is known */
	bool answer_due;                /* a 2xx with an offer waits for sip_invite_ack() */
	char *ack;                      /* of the last 2xx, without Via */
	size_t ack_size;
	uint32_t ack_cseq; /* of the INVITE to which `ack` belongs, or which waits for one */
	struct sip_path ack_path;

	/* UAS */
	struct sip_transaction *server;   /* INVITE or UPDATE that waits for our final response */
	struct sip_transaction *accepted; /* INVITE whose 2xx waits for its ACK, while it lives */
	bool ack_awaited;
	uint32_t accepted_cseq, repeat_interval;
	struct timer repeat, no_ack; /* repeat: of the 1xx or the 2xx that was sent last */
	struct sip_pending pending;  /* other requests that the user has to answer */

	/* our re-INVITE */
	struct sip_transaction *modify; /* while it lives */
	bool modifying;                 /* no final response yet */
	bool modify_offers;
	struct timer glare; /* until the next try after 491 */
	unsigned glares;
	char *offer; /* its body, kept for that */
	size_t offer_size;

	/* our BYE */
	struct sip_transaction *bye;
	bool bye_sent;
	char *end_headers; /* for the BYE that follows an ACK or a lost race */
	size_t end_headers_size;
};

/* --- remote.c --- */
/* From the Contact and the Record-Routes of a message that sets a dialog up. reversed: we are UAC.
 * natted as remote_is_hidden() says.
 * fallback: the target if there is no Contact. 0, -ENOMEM, -EINVAL (too many routes). */
int remote_init(struct remote *remote, const struct sip_msg *msg, bool reversed,
		struct slice fallback, const struct sip_path *path);
void remote_free(struct remote *remote);
/* Target refresh (RFC 3261 §12.2.1.2, §12.2.2). */
void remote_refresh(struct remote *remote, const struct sip_msg *msg);
/* Did the request pass a NAT that its sender does not know of? */
bool remote_is_natted(const struct sip_msg *request, const struct sip_path *from);
/* Is its Contact an address of a private network, and it came from a public one? */
bool remote_is_hidden(const struct sip_msg *msg, const struct sip_path *from);
/* Sends it to the address in a URI, if that is one that the path's listener can send to. nat.c */
void path_aim(struct sip_path *path, const struct sip_uri *uri);
void remote_next_hop(const struct remote *remote, struct sip_path *path);
/* Request line, Max-Forwards, Route (RFC 3261 §12.2.1.1). */
void remote_begin(const struct remote *remote, struct sip_build *b, const char *method);

/* --- dialog.c --- */
char *text_dup(struct slice s);
/* "\"name\" <uri>" of a From or To, without its parameters. */
char *name_addr_dup(const struct sip_addr *addr);
struct sip_dialog *dialog_create(struct sip_invite *invite, struct slice remote_tag);
void dialog_destroy(struct sip_dialog *dialog);
struct sip_dialog *dialog_of_tag(const struct sip_invite *invite, struct slice remote_tag);
/* The dialog of a request: To tag ours, From tag theirs. */
struct sip_dialog *dialog_of_request(const struct sip_ua *ua, const struct sip_msg *request);
/* Of a response: From tag ours, To tag theirs. */
struct sip_dialog *dialog_of_response(const struct sip_ua *ua, const struct sip_msg *response);
/* RFC 3261 §12.2.2; false: out of order. */
bool dialog_take_cseq(struct sip_dialog *dialog, const struct sip_msg *request);
void dialog_begin(const struct sip_dialog *dialog, struct sip_build *b, const char *method,
		  uint32_t cseq);
int dialog_request(struct sip_dialog *dialog, const char *method, struct slice headers,
		   struct slice sdp, const struct sip_transaction_user *user, void *arg,
		   struct sip_transaction **client);
/* ACK and BYE for a 2xx that nobody wants: of another fork, or after the end. */
void refuse_success(struct sip_ua *ua, const struct sip_msg *response, const struct sip_path *path);

/* --- ua.c --- */
void ua_mint(const struct sip_ua *ua, char *text, size_t size);

/* --- invite.c --- */
struct sip_invite *invite_create(struct sip_ua *ua, bool uac, const struct sip_path *path);
int invite_set_parties(struct sip_invite *invite, const struct sip_addr *local,
		       const struct sip_addr *remote);
int invite_set_contact(struct sip_invite *invite, struct slice user);
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

/* --- invite_uas.c --- */
void uas_receive_invite(struct sip_ua *ua, struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from);
void uas_receive_cancel(struct sip_invite *invite, struct sip_transaction *cancelled,
			struct sip_msg *cancel);
extern const struct sip_transaction_user invite_server_user; /* arg: sip_invite */

/* --- invite_modify.c --- */
void modify_receive(struct sip_invite *invite, struct sip_transaction *server,
		    struct sip_msg *request);
void modify_retry(struct timer *timer);

/* --- actions of the table: both, invite_uac.c, invite_uas.c --- */
#define INVITE_ACTION(name) void name(struct sip_invite *invite, const struct invite_step *step)
INVITE_ACTION(act_nothing);
INVITE_ACTION(act_send_bye);
INVITE_ACTION(act_bye_received);
INVITE_ACTION(act_bye_done);
INVITE_ACTION(act_lost);
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
INVITE_ACTION(act_given_up);
INVITE_ACTION(act_bye_after_ack);
INVITE_ACTION(act_end_after_ack);

#endif
