/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of headers that not every message has, parsed when asked for. Each sip_X_parse() takes one
 * value (of a list: one element, see sip_msg_each()) and returns 0 or -EBADMSG; each sip_msg_X()
 * takes the first field of the header, or returns -ENOENT. All results are slices into the value.
 */
#ifndef SIP_MESSAGE_HEADERS_H
#define SIP_MESSAGE_HEADERS_H

#include <time.h>

#include "sip/message/typed.h"

/* What many headers are made of: a token or a media type, and parameters. */
struct sip_item {
	struct slice name;
	struct sip_params params;
};
/* Content-Disposition, Content-Encoding, Info-Package, Allow-Events… */
int sip_item_parse(struct slice value, struct sip_item *item);
/* "type/subtype" with optional white space around the slash, as Content-Type has it; "*" is let pass
 * for both, as Accept has it. */
struct sip_media_type {
	struct slice type, subtype;
	struct sip_params params;
};
int sip_media_type_parse(struct slice value, struct sip_media_type *type);
bool sip_media_type_is(const struct sip_media_type *type, struct slice name);
/* q of an element of Accept and its like (RFC 3261 §20.1), in thousandths; 1000 if there is none. */
unsigned sip_params_q(struct sip_params params);
/* Is a body of this type acceptable to who sent the message (§20.1)? Without Accept only
 * application/sdp is; with an empty one nothing. */
bool sip_accepts(const struct sip_msg *msg, struct slice type);

/* RAck, RFC 3262 §7.2 */
struct sip_rack {
	uint32_t rseq, cseq;
	struct slice method;
};
int sip_rack_parse(struct slice value, struct sip_rack *rack);

/* Session-Expires and Min-SE, RFC 4028 §4, §5; seconds */
enum sip_refresher { SIP_REFRESHER_NONE, SIP_REFRESHER_UAC, SIP_REFRESHER_UAS };
struct sip_session_expires {
	uint32_t delta;
	enum sip_refresher refresher;
};
int sip_session_expires_parse(struct slice value, struct sip_session_expires *expires);

/* Replaces (RFC 3891 §6.1), Join (RFC 3911 §7.1), Target-Dialog (RFC 4538 §7): the tags as the
 * receiver sees them. Replaces and Join have its own as to-tag; Target-Dialog tells both by name. */
struct sip_dialog_id {
	struct slice call_id, local_tag, remote_tag;
	bool early_only;
};
int sip_replaces_parse(struct slice value, struct sip_dialog_id *id);
int sip_target_dialog_parse(struct slice value, struct sip_dialog_id *id);

/* Refer-To, RFC 3515 §2.1: the URI may have headers and a method. Referred-By, RFC 3892 §3 */
struct sip_referred_by {
	struct sip_addr addr;
	struct slice cid;
};
int sip_referred_by_parse(struct slice value, struct sip_referred_by *by);
/* Headers within a URI: takes the next one, escaped as it stands; false at the end. */
bool sip_uri_header_next(struct slice *headers, struct slice *name, struct slice *value);
/* One of them, unescaped, with a terminator; -ENOENT, -ENOSPC, -EBADMSG. Control characters are
 * refused: a value must not start a header of its own. */
int sip_uri_header_get(const struct sip_uri *uri, const char *name, char *dst, size_t size);

/* Event, RFC 6665 §8.2.1. package: with its templates, "presence.winfo" */
struct sip_event {
	struct slice package, id;
	struct sip_params params;
};
int sip_event_parse(struct slice value, struct sip_event *event);
bool sip_event_equal(const struct sip_event *a, const struct sip_event *b);

/* Subscription-State, RFC 6665 §4.1.3, §8.2.3; seconds */
enum sip_substate { SIP_SUB_OTHER, SIP_SUB_PENDING, SIP_SUB_ACTIVE, SIP_SUB_TERMINATED };
struct sip_subscription_state {
	enum sip_substate state;
	struct slice reason;
	uint32_t expires, retry_after;
	bool has_expires, has_retry_after;
};
int sip_subscription_state_parse(struct slice value, struct sip_subscription_state *state);

/* Reason, RFC 3326 §2; cause 0: none */
struct sip_reason {
	struct slice protocol, text;
	uint32_t cause;
};
int sip_reason_parse(struct slice value, struct sip_reason *reason);

/* Retry-After, RFC 3261 §20.33; seconds; duration 0: none */
struct sip_retry_after {
	uint32_t delta, duration;
	struct slice comment;
};
int sip_retry_after_parse(struct slice value, struct sip_retry_after *after);

/* Date, RFC 3261 §20.17: of the form of RFC 1123, and GMT only */
int sip_date_parse(struct slice value, time_t *date);

/* History-Info, RFC 7044 §5. The reason stands in the headers of the URI. */
struct sip_history {
	struct sip_addr addr;
	struct slice index;
};
int sip_history_parse(struct slice value, struct sip_history *history);

/* Diversion, RFC 5806 §9 */
struct sip_diversion {
	struct sip_addr addr;
	struct slice reason, privacy, screen;
	uint32_t counter; /* 1 if it is not told */
};
int sip_diversion_parse(struct slice value, struct sip_diversion *diversion);

/* Warning, RFC 3261 §20.43 */
struct sip_warning {
	uint32_t code;
	struct slice agent, text;
};
int sip_warning_parse(struct slice value, struct sip_warning *warning);

/* Timestamp, RFC 3261 §20.38; delay is SLICE_NONE if there is none */
struct sip_timestamp {
	struct slice value, delay;
};
int sip_timestamp_parse(struct slice value, struct sip_timestamp *timestamp);

/* Challenges and credentials: a scheme, and parameters with commas between them (RFC 3261 §25.1). */
struct sip_auth {
	struct slice scheme, params;
};
int sip_auth_parse(struct slice value, struct sip_auth *auth);
/* false: no such one. Quoted strings lose their quotes. */
bool sip_auth_get(const struct sip_auth *auth, const char *name, struct slice *value);

/* Privacy, RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §5: bits */
#define SIP_PRIVACY(X)            \
	X(NONE, 1, "none")        \
	X(HEADER, 2, "header")    \
	X(SESSION, 4, "session")  \
	X(USER, 8, "user")        \
	X(ID, 16, "id")           \
	X(HISTORY, 32, "history") \
	X(CRITICAL, 64, "critical")
enum {
#define X(name, bit, text) SIP_PRIVACY_##name = (bit),
	SIP_PRIVACY(X)
#undef X
};
unsigned sip_msg_privacy(const struct sip_msg *msg);

/* name, header, type: of headers with one value */
#define SIP_SINGLE_VALUES(X)                                                     \
	X(rack, RACK, struct sip_rack)                                           \
	X(session_expires, SESSION_EXPIRES, struct sip_session_expires)          \
	X(replaces, REPLACES, struct sip_dialog_id)                              \
	X(target_dialog, TARGET_DIALOG, struct sip_dialog_id)                    \
	X(referred_by, REFERRED_BY, struct sip_referred_by)                      \
	X(event, EVENT, struct sip_event)                                        \
	X(subscription_state, SUBSCRIPTION_STATE, struct sip_subscription_state) \
	X(retry_after, RETRY_AFTER, struct sip_retry_after)                      \
	X(date, DATE, time_t)                                                    \
	X(timestamp, TIMESTAMP, struct sip_timestamp)
#define X(name, id, type) int sip_msg_##name(const struct sip_msg *msg, type *value);
SIP_SINGLE_VALUES(X)
#undef X
int sip_msg_join(const struct sip_msg *msg, struct sip_dialog_id *value);
int sip_msg_min_se(const struct sip_msg *msg, struct sip_session_expires *value);
int sip_msg_refer_to(const struct sip_msg *msg, struct sip_addr *value);
int sip_msg_content_type(const struct sip_msg *msg, struct sip_media_type *value);

/* Is the value of one field of this header well formed, with all its commas? Headers that are free
 * text, or in no table here, always are. */
bool sip_header_valid(enum sip_header_id id, struct slice value);
/* The first header of a message that is not, or that stands more than once and must not; NULL: all
 * is well. For who answers 400 to what it would not have looked at. */
const struct sip_header *sip_msg_malformed(const struct sip_msg *msg);

#endif
