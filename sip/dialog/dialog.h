/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * INVITE sessions (RFC 3261 §13–§15), the user agent core on top of transactions. Start here.
 *
 *   sip_ua       one per shard: dispatches requests to dialogs or to its user
 *   sip_dialog   usage.h: what the two sides share (RFC 3261 §12), for an INVITE and for others
 *   sip_invite   the INVITE's usage of its dialogs, of several while forks ring, from the first
 *                INVITE to the BYE. It retransmits 2xx until ACK, acknowledges 2xx again, answers
 *                CANCEL, has reliable provisional responses (RFC 3262), UPDATE (RFC 3311) and
 *                session timers (RFC 4028). It knows SDP only as a body to carry, and by offer.h
 *                what it is.
 *
 * States (table in dialog/invite_table.c):
 *   UAC: Calling → Proceeding → Early → Confirmed → Terminated
 *   UAS: Incoming → Early → Accepted (2xx sent, no ACK yet) → Confirmed → Terminated
 *
 * All in one thread, that of the shard. An invite is freed after `ended` returns; nobody keeps a
 * pointer beyond it.
 */
#ifndef SIP_DIALOG_DIALOG_H
#define SIP_DIALOG_DIALOG_H

#include "sip/dialog/offer.h"
#include "sip/dialog/session_timer.h"
#include "sip/dialog/usage.h"

struct sip_ua;
struct sip_invite;
struct sip_credentials; /* sip/auth/client.h */

enum sip_invite_state {
	SIP_INVITE_CALLING,  /* UAC: no response but 100 yet */
	SIP_INVITE_INCOMING, /* UAS: nothing sent but 100 */
	SIP_INVITE_EARLY,    /* 101–199 */
	SIP_INVITE_ACCEPTED, /* UAS: 2xx sent, waits for ACK */
	SIP_INVITE_CONFIRMED,
	SIP_INVITE_TERMINATING, /* BYE or CANCEL sent, waits for its end */
	SIP_INVITE_TERMINATED,
	SIP_INVITE_STATES
};
const char *sip_invite_state_text(enum sip_invite_state state);

enum sip_end {
	SIP_END_BYE_RECEIVED,
	SIP_END_BYE_SENT,
	SIP_END_CANCELLED, /* UAS: the caller gave up; UAC: our CANCEL worked (487) */
	SIP_END_REJECTED,  /* UAC: final response 3xx–6xx, UAS: we sent one */
	SIP_END_TIMEOUT, /* no answer to our INVITE (408), no ACK to our 2xx, no answer in dialog */
	SIP_END_TRANSPORT,
};

/*
 * What a user of one invite is told. All optional but `ended`. dialog: in which one, NULL while
 * there is none (a provisional response without To tag); role: what the description in it is
 * (offer.h; sip_msg_sdp() has it).
 */
struct sip_invite_user {
	/* UAC: a provisional response above 100, each once and in order if it is a reliable one
	 * (RFC 3262 §4). One with an offer wants sip_invite_answer(), which is what its PRACK
	 * waits for. */
	void (*progress)(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			 enum sip_offer_role role);
	/* UAC: 2xx. The ACK was sent, unless it has an offer: sip_invite_answer(). */
	void (*answered)(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			 enum sip_offer_role role);
	/* UAC: an early dialog is over, another goes on: 199, or another one answered. */
	void (*early_ended)(void *arg, struct sip_dialog *dialog, unsigned status);
	/* The ACK of our 2xx, to the first INVITE or a later one. role ANSWER: to our offer. */
	void (*acked)(void *arg, struct sip_msg *ack, enum sip_offer_role role);
	/* UAS: the PRACK of our reliable provisional response. role ANSWER: to our offer. One with
	 * an offer is told of by `reoffered`. */
	void (*pracked)(void *arg, struct sip_msg *prack, enum sip_offer_role role);
	/* A later offer, in re-INVITE, UPDATE or PRACK; in an early dialog too. Glare and order
	 * were checked. role OFFER: sip_invite_answer() or sip_invite_refuse(). NONE: a re-INVITE
	 * that asks for our offer: sip_invite_respond(). Both give -EINVAL once the other side has
	 * cancelled it. Without this it gets 488. */
	void (*reoffered)(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			  enum sip_offer_role role);
	/* What became of sip_invite_offer(): 2xx or a failure status (408 for silence). */
	void (*reanswered)(void *arg, struct sip_dialog *dialog, unsigned status,
			   struct sip_msg *response, enum sip_offer_role role);
	/* Any other request in the dialog (INFO, MESSAGE, …): answer with sip_transaction_reply()
	 * or sip_dialog_respond(). */
	void (*request)(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
			struct sip_msg *request);
	/* The last call. status: final status or that of the reason; msg: what ended it, or NULL. */
	void (*ended)(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg);
};

struct sip_ua_user {
	/* An INVITE outside any dialog. Take it with sip_invite_set_user() and answer it with
	 * sip_invite_respond(), now or later; or refuse it here with sip_invite_respond() alone:
	 * nobody hears of its end then. One that is neither taken nor refused gets 500. */
	void (*invite)(void *arg, struct sip_invite *invite, struct sip_msg *request,
		       const struct sip_path *from);
	/* REGISTER, OPTIONS and other requests outside dialogs: answer the transaction. */
	void (*request)(void *arg, struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from);
	/* One in a dialog that no usage of it took (SUBSCRIBE, REFER): it may add one. False: it
	 * gets 405 or what else fits. NULL: none is taken. */
	bool (*inside)(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from);
	void *arg;
	/* Before a request, in a dialog or not, gets any state: as of struct sip_tu. NULL: all do. */
	bool (*admit)(void *arg, struct sip_msg *request, const struct sip_path *from);
};

struct sip_ua_config {
	struct sip_transactions_config transactions; /* its tu is filled in by the ua */
	struct sip_ua_user user;
	const char *product; /* User-Agent and Server */
	/* Contact URI's host:port on the path's listener */
	const char *(*contact_host)(void *arg, const struct sip_path *path);
	void *contact_arg;
	uint32_t invites_max;              /* above: 503 */
	struct sip_session_config session; /* RFC 4028 */
	/* What users take beyond what an INVITE needs; goes to Allow, Supported and Accept. */
	uint32_t methods;   /* bits (1u << SIP_INFO) */
	uint32_t options;   /* bits (1u << SIP_OPTION_REPLACES) */
	uint32_t unsaid;    /* those of them that are understood, and not told: what they ask for is
			       refused by its own rules, not by 420 */
	const char *accept; /* body types beside SDP, "text/plain, …"; NULL: none */
	char token[16];     /* begins each tag and Call-ID we mint: holds node and shard */
	/* ms since 1970: when a session was refreshed, in what is saved of it. NULL: nobody knows. */
	uint64_t (*wall_ms)(void);
};

int sip_ua_create(const struct sip_ua_config *config, struct sip_ua **ua);
/* With all that lives in it. Nothing is sent, nobody is told. */
void sip_ua_destroy(struct sip_ua *ua);
struct sip_transactions *sip_ua_transactions(struct sip_ua *ua);
void sip_ua_receive(struct sip_ua *ua, const char *data, size_t size, const struct sip_path *from);

/* Builds a Call-ID as sip_invite_start() would use it: "<token><random>". */
void sip_ua_new_call_id(struct sip_ua *ua, char *dst, size_t size);

/* --- UAC --- */
struct sip_invite_start {
	struct sip_path to;    /* where the INVITE goes */
	struct slice next_hop; /* URI of where it goes (RFC 3263), `to` is a guess then; or empty */
	uint64_t listeners;    /* that may be used for next_hop */
	struct slice request_uri;
	struct slice from;          /* name-addr without tag: "\"Alice\" <sip:alice@tandem.lab>" */
	struct slice to_header;     /* name-addr without tag */
	struct slice contact_user;  /* user part of our Contact */
	struct slice extra_headers; /* complete lines with CRLF, or empty */
	struct slice sdp;           /* empty: delayed offer */
	uint32_t max_forwards;      /* what remains */
	/* Answers challenges to this INVITE and to what follows in its dialog; must outlive it.
	 * NULL: a challenge is a refusal. */
	struct sip_credentials *credentials;
};
int sip_invite_start(struct sip_ua *ua, const struct sip_invite_start *start,
		     const struct sip_invite_user *user, void *arg, struct sip_invite **invite);
/* The same for one that came, or was restored. */
void sip_invite_set_credentials(struct sip_invite *invite, struct sip_credentials *credentials);
/* Sends CANCEL; `ended` follows (also when the 200 won the race: ACK and BYE are sent then). */
void sip_invite_cancel(struct sip_invite *invite, struct slice extra_headers);

/* --- UAS --- */
void sip_invite_set_user(struct sip_invite *invite, const struct sip_invite_user *user, void *arg);
/* The arg of that user; NULL if it has another. */
void *sip_invite_user_arg(const struct sip_invite *invite, const struct sip_invite_user *user);
/*
 * Responds to the INVITE, or to the re-INVITE or UPDATE that is pending. 1xx and 2xx with SDP or
 * without; 3xx–6xx ends a first INVITE (`ended` is called) or refuses a re-INVITE.
 * extra_headers: complete lines, may be empty. A description that must not stand in it, because
 * the answer was given before, is left out. -EOPNOTSUPP: a 199 (RFC 6228) that the caller does
 * not understand.
 */
int sip_invite_respond(struct sip_invite *invite, unsigned status, const char *reason,
		       struct slice sdp, struct slice extra_headers);

/* The same, with a provisional response that is sent reliably (RFC 3262); without it one is if the
 * caller requires that, or understands it and there is an offer in it. What follows waits for its
 * PRACK, a 2xx too if it has a description: its answer stands, and the 2xx has none. -EOPNOTSUPP: the caller does not understand it. */
int sip_invite_respond_reliably(struct sip_invite *invite, unsigned status, const char *reason,
				struct slice sdp, struct slice extra_headers);

/* What its INVITE asks to replace (RFC 3891) or to join (RFC 3911); NULL: nothing, or it is over.
 * Only if the options of the config say so; the rules of the RFCs were kept (481, 486, 603), whether
 * the caller may is the user's to know. Who accepts ends the replaced one with sip_invite_end(). */
struct sip_invite *sip_invite_replaces(const struct sip_invite *invite);
struct sip_invite *sip_invite_joins(const struct sip_invite *invite);

/* --- both --- */

/* dialog: of the invite; NULL: the one that counts. */

enum sip_offer_by {
	SIP_BY_BEST,     /* UPDATE if the other side takes it, else re-INVITE */
	SIP_BY_UPDATE,   /* RFC 3311 */
	SIP_BY_REINVITE, /* an empty sdp asks for an offer */
};
/* A later offer of ours; `reanswered` follows. -EBUSY while another exchange is open in either
 * direction (RFC 3261 §14.1, RFC 3311 §5.1), -EINVAL if it is not Confirmed (UPDATE: nor Early),
 * -EOPNOTSUPP: UPDATE is not among what the other side allows. One that meets the other side's
 * offer (491) is made again by itself. */
int sip_invite_offer(struct sip_invite *invite, struct sip_dialog *dialog, struct slice sdp,
		     enum sip_offer_by by);
/* The answer to their open offer, in whatever carries it: the ACK or the PRACK of the response
 * that had it, or a 2xx to re-INVITE, UPDATE or PRACK. Not for the first INVITE's. -EINVAL: no
 * offer is open. */
int sip_invite_answer(struct sip_invite *invite, struct sip_dialog *dialog, struct slice sdp);
/* Refuses re-INVITE, UPDATE or PRACK: 488; 504 if a person would have to be asked (RFC 3311). */
int sip_invite_refuse(struct sip_invite *invite, struct sip_dialog *dialog, unsigned status,
		      struct slice extra_headers);
/* Ends it however it must be: CANCEL, 4xx (status, for a UAS not yet accepted), or BYE (a UAS that
 * waits for its ACK: after the ACK, RFC 3261 §15). `ended` follows, maybe at once. */
void sip_invite_end(struct sip_invite *invite, unsigned status, struct slice extra_headers);

/* The description in a body; empty: there is none. */
struct slice sip_msg_sdp(const struct sip_msg *msg);
/* The one that counts: that answered, or spoke last. NULL: none yet. */
struct sip_dialog *sip_invite_dialog(const struct sip_invite *invite);
/* The invite of a dialog, NULL: it has none. */
struct sip_invite *sip_dialog_invite(const struct sip_dialog *dialog);

enum sip_invite_state sip_invite_get_state(const struct sip_invite *invite);
bool sip_invite_is_uac(const struct sip_invite *invite);
struct slice sip_invite_call_id(const struct sip_invite *invite);
struct slice sip_invite_local_tag(const struct sip_invite *invite);
struct slice sip_invite_remote_tag(const struct sip_invite *invite);
struct slice sip_invite_local_uri(const struct sip_invite *invite);
struct slice sip_invite_remote_uri(const struct sip_invite *invite);
const struct sip_path *sip_invite_path(const struct sip_invite *invite);

/*
 * For a restart: a confirmed dialog as text (one line of key=value with %-escapes, no secrets),
 * and the reverse: the invite is Confirmed and answers BYE and re-INVITE as before. CSeq of ours
 * goes on with a step of 100, beyond what may have been sent since it was written.
 */
int sip_invite_save(const struct sip_invite *invite, char *text, size_t size);
int sip_invite_restore(struct sip_ua *ua, const char *text, const struct sip_invite_user *user,
		       void *arg, struct sip_invite **invite);

/* It goes on elsewhere, from what sip_invite_save() gave: here it is forgotten. Nothing is sent,
 * nobody is told. */
void sip_invite_forget(struct sip_invite *invite);
/* Where a restored one is met, if the connection that it was met over is still there. */
void sip_invite_set_path(struct sip_invite *invite, const struct sip_path *path);

/*
 * Where later requests to a Contact of this request go: to the address in it; or to where the
 * request came from, if that is on the other side of a NAT (its Via or its Contact does not name
 * the address that it came from) or if the Contact names no address.
 */
void sip_contact_path(const struct sip_msg *request, const struct sip_path *from,
		      const struct sip_uri *contact, struct sip_path *path);

#endif
