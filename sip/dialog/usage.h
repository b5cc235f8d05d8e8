/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dialogs carry usages (RFC 5057): the INVITE (dialog.h) is one, a subscription (RFC 6665), the
 * one that a REFER makes (RFC 3515) are others. Who adds a usage hears of the requests in its
 * dialog and sends its own there; the dialog is gone when its last usage is.
 *
 *   sip_origin   our half of dialogs to come: Call-ID, our tag, From, To, Contact, CSeq. A request
 *                that may be answered by several (SUBSCRIBE, REFER, INVITE) has one; so has one of
 *                a series with one Call-ID (REGISTER, PUBLISH). All dialogs made from it share it.
 *   sip_dialog   both halves: RFC 3261 §12
 *   sip_usage    embedded in what uses a dialog
 *
 * All in the shard's thread. Functions return 0 or -errno.
 */
#ifndef SIP_DIALOG_USAGE_H
#define SIP_DIALOG_USAGE_H

#include "sip/transaction/transaction.h"

struct sip_ua;
struct sip_credentials; /* sip/auth/client.h */
struct sip_dialog;
struct sip_origin;
struct sip_usage;

/* --- what is understood: one table for Supported, Require and Allow --- */

/* id, option tag, the core does it by itself (else who uses the core says so in its config) */
#define SIP_OPTIONS_TABLE(X)                 \
	X(100REL, "100rel", true)            \
	X(TIMER, "timer", true)              \
	X(EARLY_ENDED, "199", true)          \
	X(REPLACES, "replaces", false)       \
	X(JOIN, "join", false)               \
	X(TARGET_DIALOG, "tdialog", false)   \
	X(NO_REFER_SUB, "norefersub", false) \
	X(PATH, "path", false)               \
	X(OUTBOUND, "outbound", false)       \
	X(GRUU, "gruu", false)

enum sip_option {
#define X(id, tag, core) SIP_OPTION_##id,
	SIP_OPTIONS_TABLE(X)
#undef X
		SIP_OPTION_COUNT
};

/* "INVITE, ACK, …" and "100rel, timer, …" of this agent; for responses that users make. */
const char *sip_ua_allow(const struct sip_ua *ua);
const char *sip_ua_supported(const struct sip_ua *ua);
const char *sip_ua_accept(const struct sip_ua *ua);
/* Does the other side say so (Supported or Require; Allow)? Of a message. */
bool sip_msg_supports(const struct sip_msg *msg, enum sip_option option);
bool sip_msg_requires(const struct sip_msg *msg, enum sip_option option);
bool sip_msg_allows(const struct sip_msg *msg, enum sip_method method);

/* --- requests outside dialogs --- */

struct sip_origin_start {
	struct sip_path to;    /* where the request goes */
	struct slice next_hop; /* URI of where it goes (RFC 3263), `to` is a guess then; or empty */
	uint64_t listeners;    /* that may be used for next_hop */
	struct slice request_uri;
	struct slice from;                   /* name-addr without tag */
	struct slice to_header;              /* name-addr without tag */
	struct slice contact_user;           /* user part of our Contact */
	struct slice call_id;                /* empty: a new one */
	uint32_t cseq;                       /* of the last request, 0: none yet */
	struct sip_credentials *credentials; /* put into its requests; NULL: none */
};
int sip_origin_create(struct sip_ua *ua, const struct sip_origin_start *start,
		      struct sip_origin **origin);
void sip_origin_ref(struct sip_origin *origin);
void sip_origin_unref(struct sip_origin *origin);
/*
 * A request to our tag of which there is no dialog yet: the NOTIFY that comes before, or instead
 * of, the 2xx of its SUBSCRIBE (RFC 6665 §4.4.1), or from another fork. Make a dialog of it with
 * sip_dialog_create_uac() and answer it with sip_dialog_respond(), or answer the transaction.
 * Without this it gets 481. The origin must live, or be set to NULL again.
 */
typedef void sip_origin_request(void *arg, struct sip_origin *origin,
				struct sip_transaction *server, struct sip_msg *request,
				const struct sip_path *from);
void sip_origin_on_request(struct sip_origin *origin, sip_origin_request *request, void *arg);
struct slice sip_origin_call_id(const struct sip_origin *origin);
struct slice sip_origin_local_tag(const struct sip_origin *origin);
uint32_t sip_origin_cseq(const struct sip_origin *origin);
const char *sip_origin_contact(const struct sip_origin *origin); /* name-addr of ours */

struct sip_request {
	enum sip_method method;
	struct slice headers; /* complete lines with CRLF, or empty */
	struct slice type;    /* of the body */
	struct slice body;
	uint32_t max_forwards; /* 0: 70 */
	bool contact;          /* with our Contact: SUBSCRIBE, REFER, REGISTER of ours */
};
/* The next request of an origin: To without a tag, CSeq one higher. client may be NULL. */
int sip_origin_send(struct sip_origin *origin, const struct sip_request *request,
		    const struct sip_transaction_user *user, void *arg,
		    struct sip_transaction **client);
/* For the response to one: true: it was a challenge, and the request is on its way again in another
 * transaction, which takes the place of *client. */
bool sip_origin_challenged(struct sip_origin *origin, struct sip_transaction **client,
			   const struct sip_msg *response, const struct sip_transaction_user *user,
			   void *arg);
/* One that stands alone: OPTIONS, MESSAGE. */
int sip_ua_send(struct sip_ua *ua, const struct sip_origin_start *start,
		const struct sip_request *request, const struct sip_transaction_user *user,
		void *arg, struct sip_transaction **client);

/* --- dialogs --- */

struct sip_usage_type {
	const char *name;
	uint32_t methods; /* bits (1u << SIP_NOTIFY) that it takes */
	/* A request; its CSeq and what it requires were checked. False: it is another usage's; the
	 * next one is asked. True: it is answered, or will be. */
	bool (*request)(struct sip_usage *usage, struct sip_transaction *server,
			struct sip_msg *request, const struct sip_path *from);
	/* The other side does not know the dialog any more (RFC 5057 §5): remove the usage. */
	void (*dialog_ended)(struct sip_usage *usage, unsigned status, struct sip_msg *msg);
};

/* The newest is asked first. dialog is NULL after sip_usage_remove(). */
struct sip_usage {
	const struct sip_usage_type *type;
	struct sip_dialog *dialog;
	struct sip_usage *next, **prev;
};
void sip_usage_add(struct sip_dialog *dialog, struct sip_usage *usage,
		   const struct sip_usage_type *type);
/* The dialog is freed with its last usage, unless somebody holds it. */
void sip_usage_remove(struct sip_usage *usage);
struct sip_usage *sip_dialog_usage(const struct sip_dialog *dialog,
				   const struct sip_usage_type *type);

/* From a request outside dialogs that is about to be accepted: our tag is new. -EINVAL: its
 * Contact, From or Record-Route is malformed. A dialog that is not used: sip_dialog_drop(). */
int sip_dialog_create_uas(struct sip_ua *ua, const struct sip_msg *request,
			  const struct sip_path *from, struct sip_dialog **dialog);
/* From a response to a request of the origin, or from a request of the other side to our tag. The
 * one that is there already, if it is (then *dialog has usages). */
int sip_dialog_create_uac(struct sip_origin *origin, const struct sip_msg *msg,
			  const struct sip_path *path, struct sip_dialog **dialog);
/* Frees one without usages; else does nothing. */
void sip_dialog_drop(struct sip_dialog *dialog);
/* RFC 3891, RFC 3911, RFC 4538: NULL: there is none. */
struct sip_dialog *sip_ua_find(const struct sip_ua *ua, struct slice call_id,
			       struct slice local_tag, struct slice remote_tag);
/* The dialog that a request names in Target-Dialog. */
struct sip_dialog *sip_ua_target_dialog(const struct sip_ua *ua, const struct sip_msg *request);

/* A request in it. Target refreshes have our Contact, and what is understood. */
int sip_dialog_send(struct sip_dialog *dialog, const struct sip_request *request,
		    const struct sip_transaction_user *user, void *arg,
		    struct sip_transaction **client);
/* As sip_origin_challenged(), for the response to one. */
bool sip_dialog_challenged(struct sip_dialog *dialog, struct sip_transaction **client,
			   const struct sip_msg *response, const struct sip_transaction_user *user,
			   void *arg);
/* A response with our tag, Contact and what is understood, where they belong. */
int sip_dialog_respond(struct sip_dialog *dialog, struct sip_transaction *server, unsigned status,
		       const char *reason, struct slice headers, struct slice type,
		       struct slice body);
/* After a 2xx to a target refresh of either side: SUBSCRIBE, NOTIFY, REFER. */
void sip_dialog_refresh(struct sip_dialog *dialog, const struct sip_msg *msg,
			const struct sip_path *from);

/* What a failure of a request in a dialog means for it (RFC 5057 §5.1). 408: silence. */
enum sip_scope { SIP_SCOPE_REQUEST, SIP_SCOPE_USAGE, SIP_SCOPE_DIALOG };
enum sip_scope sip_status_scope(unsigned status);
/* Tells all usages that the dialog is gone. */
void sip_dialog_lost(struct sip_dialog *dialog, unsigned status, struct sip_msg *msg);

struct sip_ua *sip_dialog_ua(const struct sip_dialog *dialog);
struct slice sip_dialog_call_id(const struct sip_dialog *dialog);
struct slice sip_dialog_local_tag(const struct sip_dialog *dialog);
struct slice sip_dialog_remote_tag(const struct sip_dialog *dialog);
struct slice sip_dialog_local_uri(const struct sip_dialog *dialog);
struct slice sip_dialog_remote_uri(const struct sip_dialog *dialog);
struct slice sip_dialog_remote_target(const struct sip_dialog *dialog);
const struct sip_path *sip_dialog_path(const struct sip_dialog *dialog);
bool sip_dialog_allows(const struct sip_dialog *dialog, enum sip_method method);
bool sip_dialog_supports(const struct sip_dialog *dialog, enum sip_option option);

#endif
