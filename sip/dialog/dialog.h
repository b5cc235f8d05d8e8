/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dialogs and INVITE sessions (RFC 3261 §12–§15), the user agent core on top of transactions.
 *
 *   sip_ua       one per shard: dispatches requests to dialogs or to its user
 *   sip_invite   an INVITE usage: the dialog with its offer/answer exchanges, from the first
 *                INVITE to the BYE. It retransmits 2xx until ACK, acknowledges 2xx again, answers
 *                CANCEL, checks CSeq, answers 481/491/500 where the RFC says so, keeps the route
 *                set and the remote target. It knows SDP only as a body to carry.
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

#include "sip/transaction/transaction.h"

struct sip_ua;
struct sip_invite;

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

/* What a user of one invite is told. All optional but `ended`. status: of the response. */
struct sip_invite_user {
	/* UAC: provisional response above 100; body: SDP or empty. */
	void (*progress)(void *arg, unsigned status, struct sip_msg *response);
	/* UAC: 2xx. If the INVITE had an offer, the body is the answer and ACK was sent already;
	 * if it had none the body is the offer: call sip_invite_ack() with the answer. */
	void (*answered)(void *arg, struct sip_msg *response);
	/* The ACK of our 2xx, to the first INVITE or a later one; body: the answer, if the offer
	 * was ours. */
	void (*acked)(void *arg, struct sip_msg *ack);
	/* A re-INVITE or UPDATE came. Answer it with sip_invite_respond(), which gives -EINVAL once
	 * the other side has cancelled it. Glare and order were checked. */
	void (*reinvite)(void *arg, struct sip_msg *request);
	/* Outcome of our re-INVITE: 2xx or a failure status (408 for silence). */
	void (*reinvited)(void *arg, unsigned status, struct sip_msg *response);
	/* Any other request in the dialog (INFO, MESSAGE, …): answer with sip_transaction_reply(). */
	void (*request)(void *arg, struct sip_transaction *server, struct sip_msg *request);
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
	void *arg;
};

struct sip_ua_config {
	struct sip_transactions_config transactions; /* its tu is filled in by the ua */
	struct sip_ua_user user;
	const char *product; /* User-Agent and Server */
	/* Contact URI's host:port on the path's listener */
	const char *(*contact_host)(void *arg, const struct sip_path *path);
	void *contact_arg;
	uint32_t invites_max; /* above: 503 */
	char token[16];       /* begins each tag and Call-ID we mint: holds node and shard */
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
	struct sip_path to; /* where the INVITE goes */
	struct slice request_uri;
	struct slice from;          /* name-addr without tag: "\"Alice\" <sip:alice@tandem.lab>" */
	struct slice to_header;     /* name-addr without tag */
	struct slice contact_user;  /* user part of our Contact */
	struct slice extra_headers; /* complete lines with CRLF, or empty */
	struct slice sdp;           /* empty: delayed offer */
	uint32_t max_forwards;      /* what remains */
};
int sip_invite_start(struct sip_ua *ua, const struct sip_invite_start *start,
		     const struct sip_invite_user *user, void *arg, struct sip_invite **invite);
/* Sends CANCEL; `ended` follows (also when the 200 won the race: ACK and BYE are sent then). */
void sip_invite_cancel(struct sip_invite *invite, struct slice extra_headers);
/* Delayed offer: the ACK with the answer. */
int sip_invite_ack(struct sip_invite *invite, struct slice sdp);

/* --- UAS --- */
void sip_invite_set_user(struct sip_invite *invite, const struct sip_invite_user *user, void *arg);
/*
 * Responds to the INVITE (or to the re-INVITE or UPDATE that is pending). 1xx and 2xx with SDP or
 * without; 3xx–6xx ends a first INVITE (`ended` is called) or refuses a re-INVITE.
 * extra_headers: complete lines, may be empty.
 */
int sip_invite_respond(struct sip_invite *invite, unsigned status, const char *reason,
		       struct slice sdp, struct slice extra_headers);

/* --- both --- */
/* -EBUSY while another offer is pending in either direction (RFC 3261 §14.1), -EINVAL if it is not
 * Confirmed. One that meets the other side's offer (491) is made again by itself. */
int sip_invite_reinvite(struct sip_invite *invite, struct slice sdp);
/* Ends it however it must be: CANCEL, 4xx (status, for a UAS not yet accepted), or BYE (a UAS that
 * waits for its ACK: after the ACK, RFC 3261 §15). `ended` follows, maybe at once. */
void sip_invite_end(struct sip_invite *invite, unsigned status, struct slice extra_headers);

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

/*
 * Where later requests to a Contact of this request go: to the address in it; or to where the
 * request came from, if that is on the other side of a NAT (its Via or its Contact does not name
 * the address that it came from) or if the Contact names no address.
 */
void sip_contact_path(const struct sip_msg *request, const struct sip_path *from,
		      const struct sip_uri *contact, struct sip_path *path);

#endif
