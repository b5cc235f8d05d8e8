/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP messages: zero-copy parse with a header index (RFC 3261 §7, §25).
 *
 * sip_msg_parse() finds the start line, where each header begins and ends, and the body; nothing
 * is copied but the datagram itself, nothing is looked at twice. Values are parsed when somebody
 * asks (typed.h). A message is immutable and reference counted; its slices live as long as it.
 *
 * Threads: a message may be passed between threads; the count is atomic.
 */
#ifndef SIP_MESSAGE_MESSAGE_H
#define SIP_MESSAGE_MESSAGE_H

#include "sip/base/slice.h"

/* All limits of the parser in one place. */
struct sip_limits {
	uint32_t message;      /* bytes */
	uint16_t headers;      /* header fields */
	uint16_t header_value; /* bytes of one, folded lines counted */
	uint16_t uri;          /* bytes */
	uint16_t params;       /* parameters of one header or URI */
};
extern const struct sip_limits sip_limits_default; /* 65535, 128, 8192, 1024, 64 */

/* method, text */
#define SIP_METHODS(X)            \
	X(INVITE, "INVITE")       \
	X(ACK, "ACK")             \
	X(BYE, "BYE")             \
	X(CANCEL, "CANCEL")       \
	X(REGISTER, "REGISTER")   \
	X(OPTIONS, "OPTIONS")     \
	X(PRACK, "PRACK")         \
	X(UPDATE, "UPDATE")       \
	X(INFO, "INFO")           \
	X(MESSAGE, "MESSAGE")     \
	X(SUBSCRIBE, "SUBSCRIBE") \
	X(NOTIFY, "NOTIFY")       \
	X(PUBLISH, "PUBLISH")     \
	X(REFER, "REFER")

enum sip_method {
	SIP_UNKNOWN_METHOD = 0, /* text in method_text */
#define X(id, text) SIP_##id,
	SIP_METHODS(X)
#undef X
		SIP_METHOD_COUNT
};

/* id, name, compact form or 0 */
#define SIP_HEADERS(X)                                     \
	X(ACCEPT, "Accept", 0)                             \
	X(ACCEPT_CONTACT, "Accept-Contact", 'a')           \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0)           \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0)           \
	X(ALERT_INFO, "Alert-Info", 0)                     \
	X(ALLOW, "Allow", 0)                               \
	X(ALLOW_EVENTS, "Allow-Events", 'u')               \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0)   \
	X(AUTHORIZATION, "Authorization", 0)               \
	X(CALL_ID, "Call-ID", 'i')                         \
	X(CALL_INFO, "Call-Info", 0)                       \
	X(CONTACT, "Contact", 'm')                         \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0)   \
	X(CONTENT_ENCODING, "Content-Encoding", 'e')       \
	X(CONTENT_LANGUAGE, "Content-Language", 0)         \
	X(CONTENT_LENGTH, "Content-Length", 'l')           \
	X(CONTENT_TYPE, "Content-Type", 'c')               \
	X(CSEQ, "CSeq", 0)                                 \
	X(DATE, "Date", 0)                                 \
	X(DIVERSION, "Diversion", 0)                       \
	X(ERROR_INFO, "Error-Info", 0)                     \
	X(EVENT, "Event", 'o')                             \
	X(EXPIRES, "Expires", 0)                           \
	X(FLOW_TIMER, "Flow-Timer", 0)                     \
	X(FROM, "From", 'f')                               \
	X(HISTORY_INFO, "History-Info", 0)                 \
	X(IDENTITY, "Identity", 'y')                       \
	X(IN_REPLY_TO, "In-Reply-To", 0)                   \
	X(JOIN, "Join", 0)                                 \
	X(MAX_FORWARDS, "Max-Forwards", 0)                 \
	X(MIME_VERSION, "MIME-Version", 0)                 \
	X(MIN_EXPIRES, "Min-Expires", 0)                   \
	X(MIN_SE, "Min-SE", 0)                             \
	X(ORGANIZATION, "Organization", 0)                 \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0)   \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0) \
	X(PATH, "Path", 0)                                 \
	X(PRIORITY, "Priority", 0)                         \
	X(PRIVACY, "Privacy", 0)                           \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0)     \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0)   \
	X(PROXY_REQUIRE, "Proxy-Require", 0)               \
	X(RACK, "RAck", 0)                                 \
	X(REASON, "Reason", 0)                             \
	X(RECORD_ROUTE, "Record-Route", 0)                 \
	X(REFER_TO, "Refer-To", 'r')                       \
	X(REFERRED_BY, "Referred-By", 'b')                 \
	X(REJECT_CONTACT, "Reject-Contact", 'j')           \
	X(REPLACES, "Replaces", 0)                         \
	X(REPLY_TO, "Reply-To", 0)                         \
	X(REQUEST_DISPOSITION, "Request-Disposition", 'd') \
	X(REQUIRE, "Require", 0)                           \
	X(RETRY_AFTER, "Retry-After", 0)                   \
	X(ROUTE, "Route", 0)                               \
	X(RSEQ, "RSeq", 0)                                 \
	X(SERVER, "Server", 0)                             \
	X(SERVICE_ROUTE, "Service-Route", 0)               \
	X(SESSION_EXPIRES, "Session-Expires", 'x')         \
	X(SIP_ETAG, "SIP-ETag", 0)                         \
	X(SIP_IF_MATCH, "SIP-If-Match", 0)                 \
	X(SUBJECT, "Subject", 's')                         \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0)     \
	X(SUPPORTED, "Supported", 'k')                     \
	X(TARGET_DIALOG, "Target-Dialog", 0)               \
	X(TIMESTAMP, "Timestamp", 0)                       \
	X(TO, "To", 't')                                   \
	X(UNSUPPORTED, "Unsupported", 0)                   \
	X(USER_AGENT, "User-Agent", 0)                     \
	X(VIA, "Via", 'v')                                 \
	X(WARNING, "Warning", 0)                           \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0)

enum sip_header_id {
	SIP_H_OTHER = 0,
#define X(id, name, compact) SIP_H_##id,
	SIP_HEADERS(X)
#undef X
		SIP_HEADER_IDS
};

struct sip_header {
	uint16_t id;   /* enum sip_header_id */
	uint16_t next; /* index of the next header of the same id, 0: none (index 0 is not used) */
	struct slice name;
	struct slice value; /* trimmed, without control characters but HTAB; folds are spaces */
};

struct sip_msg {
	uint32_t refs;
	bool is_request;
	uint8_t method; /* enum sip_method; of a response: that of its CSeq */
	uint16_t status;
	struct slice method_text; /* of a response: from CSeq */
	struct slice request_uri;
	struct slice reason;
	struct slice raw; /* the whole message; line ends of folds are spaces */
	struct slice body;
	uint16_t header_count;          /* headers[1 .. header_count] */
	uint16_t first[SIP_HEADER_IDS]; /* index of the first header of an id, 0: none */
	uint16_t last[SIP_HEADER_IDS];
	struct sip_header *headers;
};

struct sip_parse_error {
	uint16_t status;  /* the response that fits: 400, 414, 416, 505, 513; 0: drop silently */
	uint32_t offset;  /* byte in the message */
	const char *what; /* static text that names the header */
};

/*
 * Parses one message from a datagram, copied. Checks the start line, that each header line is
 * one, and for the headers every message must have (Via, From, To, Call-ID, CSeq; Max-Forwards is
 * lenient) that they are there, once where they must be once, and well formed; that CSeq's
 * method is the request's; Content-Length against what is there (a shorter body is cut off at it,
 * RFC 3261 §18.3). Lines end in CRLF: a bare CR or LF and other control characters in the header
 * are errors. Empty lines before the message are skipped (RFC 3261 §7.5). limits NULL: the default.
 * 0, or -EBADMSG with error filled in, *msg NULL unless the message is good enough to be answered
 * (a request that is no ACK, with a usable Via, From, To, Call-ID and CSeq: then a message is
 * returned as well, for building the response; what makes no line is left out of it), or -ENOMEM.
 */
int sip_msg_parse(const char *data, size_t size, const struct sip_limits *limits,
		  struct sip_msg **msg, struct sip_parse_error *error);
struct sip_msg *sip_msg_ref(struct sip_msg *msg);
void sip_msg_unref(struct sip_msg *msg);

/* First header of an id, NULL: none; and the one after it. */
const struct sip_header *sip_msg_header(const struct sip_msg *msg, enum sip_header_id id);
const struct sip_header *sip_msg_next(const struct sip_msg *msg, const struct sip_header *header);
/* Value of the first header of an id, SLICE_NONE: none. */
struct slice sip_msg_value(const struct sip_msg *msg, enum sip_header_id id);
/* A header that is not in the table, by name. */
const struct sip_header *sip_msg_header_named(const struct sip_msg *msg, struct slice name);

enum sip_method sip_method_of(struct slice text);
const char *sip_method_text(enum sip_method method);
enum sip_header_id sip_header_of(struct slice name);
const char *sip_header_text(enum sip_header_id id);
/* "Busy Here" for 486; "Unknown" if it is none of the registered ones. */
const char *sip_reason_text(unsigned status);

#endif
