/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP messages: zero-copy parse with a header index (RFC 3261 §7, §25).
 *
 * sip_msg_parse() finds the start line, where each header begins and ends, and the body; nothing
 * is copied but the datagram itself, nothing is looked at twice. What every message must have is
 * parsed while it is checked, and kept: msg->via, from, to, cseq and so on. Other values are parsed
 * when somebody asks (typed.h, headers.h). A message is immutable and reference counted; its slices
 * live as long as it.
 *
 * Messages lie in blocks of a pool of the thread: none is allocated when as many have been released.
 *
 * Threads: a message may be passed between threads; the count is atomic, and the block goes to the
 * pool of the thread that releases it last.
 */
#ifndef SIP_MESSAGE_MESSAGE_H
#define SIP_MESSAGE_MESSAGE_H

#include "sip/base/limits.h"
#include "sip/message/types.h"

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
#define SIP_HEADERS(X)                                             \
	X(ACCEPT, "Accept", 0)                                     \
	X(ACCEPT_CONTACT, "Accept-Contact", 'a')                   \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0)                   \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0)                   \
	X(ACCEPT_RESOURCE_PRIORITY, "Accept-Resource-Priority", 0) \
	X(ALERT_INFO, "Alert-Info", 0)                             \
	X(ALLOW, "Allow", 0)                                       \
	X(ALLOW_EVENTS, "Allow-Events", 'u')                       \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0)           \
	X(AUTHORIZATION, "Authorization", 0)                       \
	X(CALL_ID, "Call-ID", 'i')                                 \
	X(CALL_INFO, "Call-Info", 0)                               \
	X(CONTACT, "Contact", 'm')                                 \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0)           \
	X(CONTENT_ENCODING, "Content-Encoding", 'e')               \
	X(CONTENT_ID, "Content-ID", 0)                             \
	X(CONTENT_LANGUAGE, "Content-Language", 0)                 \
	X(CONTENT_LENGTH, "Content-Length", 'l')                   \
	X(CONTENT_TYPE, "Content-Type", 'c')                       \
	X(CSEQ, "CSeq", 0)                                         \
	X(DATE, "Date", 0)                                         \
	X(DIVERSION, "Diversion", 0)                               \
	X(ERROR_INFO, "Error-Info", 0)                             \
	X(EVENT, "Event", 'o')                                     \
	X(EXPIRES, "Expires", 0)                                   \
	X(FEATURE_CAPS, "Feature-Caps", 0)                         \
	X(FLOW_TIMER, "Flow-Timer", 0)                             \
	X(FROM, "From", 'f')                                       \
	X(GEOLOCATION, "Geolocation", 0)                           \
	X(HISTORY_INFO, "History-Info", 0)                         \
	X(IDENTITY, "Identity", 'y')                               \
	X(IN_REPLY_TO, "In-Reply-To", 0)                           \
	X(INFO_PACKAGE, "Info-Package", 0)                         \
	X(JOIN, "Join", 0)                                         \
	X(MAX_BREADTH, "Max-Breadth", 0)                           \
	X(MAX_FORWARDS, "Max-Forwards", 0)                         \
	X(MIME_VERSION, "MIME-Version", 0)                         \
	X(MIN_EXPIRES, "Min-Expires", 0)                           \
	X(MIN_SE, "Min-SE", 0)                                     \
	X(ORGANIZATION, "Organization", 0)                         \
	X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0)       \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0)           \
	X(P_ASSOCIATED_URI, "P-Associated-URI", 0)                 \
	X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0)               \
	X(P_CHARGING_VECTOR, "P-Charging-Vector", 0)               \
	X(P_EARLY_MEDIA, "P-Early-Media", 0)                       \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0)         \
	X(PATH, "Path", 0)                                         \
	X(PRIORITY, "Priority", 0)                                 \
	X(PRIVACY, "Privacy", 0)                                   \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0)             \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0)           \
	X(PROXY_REQUIRE, "Proxy-Require", 0)                       \
	X(RACK, "RAck", 0)                                         \
	X(REASON, "Reason", 0)                                     \
	X(RECORD_ROUTE, "Record-Route", 0)                         \
	X(RECV_INFO, "Recv-Info", 0)                               \
	X(REFER_SUB, "Refer-Sub", 0)                               \
	X(REFER_TO, "Refer-To", 'r')                               \
	X(REFERRED_BY, "Referred-By", 'b')                         \
	X(REJECT_CONTACT, "Reject-Contact", 'j')                   \
	X(REPLACES, "Replaces", 0)                                 \
	X(REPLY_TO, "Reply-To", 0)                                 \
	X(REQUEST_DISPOSITION, "Request-Disposition", 'd')         \
	X(REQUIRE, "Require", 0)                                   \
	X(RESOURCE_PRIORITY, "Resource-Priority", 0)               \
	X(RETRY_AFTER, "Retry-After", 0)                           \
	X(ROUTE, "Route", 0)                                       \
	X(RSEQ, "RSeq", 0)                                         \
	X(SERVER, "Server", 0)                                     \
	X(SERVICE_ROUTE, "Service-Route", 0)                       \
	X(SESSION_EXPIRES, "Session-Expires", 'x')                 \
	X(SIP_ETAG, "SIP-ETag", 0)                                 \
	X(SIP_IF_MATCH, "SIP-If-Match", 0)                         \
	X(SUBJECT, "Subject", 's')                                 \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0)             \
	X(SUPPORTED, "Supported", 'k')                             \
	X(SUPPRESS_IF_MATCH, "Suppress-If-Match", 0)               \
	X(TARGET_DIALOG, "Target-Dialog", 0)                       \
	X(TIMESTAMP, "Timestamp", 0)                               \
	X(TO, "To", 't')                                           \
	X(UNSUPPORTED, "Unsupported", 0)                           \
	X(USER_AGENT, "User-Agent", 0)                             \
	X(USER_TO_USER, "User-to-User", 0)                         \
	X(VIA, "Via", 'v')                                         \
	X(WARNING, "Warning", 0)                                   \
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
	uint8_t pool; /* size of the block, pool.c */
	bool is_request;
	uint8_t method; /* enum sip_method; of a response: that of its CSeq */
	uint16_t status;
	struct slice method_text; /* of a response: from CSeq */
	struct slice request_uri;
	struct slice reason;
	struct slice raw; /* the whole message; line ends of folds are spaces */
	struct slice body;
	struct sip_header *headers;    /* headers[1 .. header_count] */
	uint8_t header_count;          /* limits.headers is below 256 */
	uint8_t first[SIP_HEADER_IDS]; /* index of the first header of an id, 0: none */
	uint8_t last[SIP_HEADER_IDS];

	/* Parsed while the message was checked, so valid in all that sip_msg_parse() finds right. In
	 * one that it returns for an answer alone, what was malformed or absent is empty; after
	 * sip_msg_index() all are. */
	struct sip_uri uri; /* of a request */
	struct sip_via via; /* the topmost value */
	struct sip_addr from, to;
	struct slice from_tag, to_tag; /* p is NULL: no tag */
	struct slice call_id;
	struct sip_cseq cseq;
	int16_t max_forwards; /* -1: none */
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
 * are errors. Empty lines before the message are skipped (RFC 3261 §7.5). limits NULL: those of the process.
 * 0, or -EBADMSG with error filled in, *msg NULL unless the message is good enough to be answered
 * (a request that is no ACK, with a usable Via, From, To, Call-ID and CSeq: then a message is
 * returned as well, for building the response; what makes no line is left out of it), or -ENOMEM.
 */
int sip_msg_parse(const char *data, size_t size, const struct sip_limits *limits,
		  struct sip_msg **msg, struct sip_parse_error *error);
/*
 * The index of headers and the body alone, for who wants to look and not to answer: the start line
 * and the lines are checked, no value is. 0, -EBADMSG with *msg NULL, or -ENOMEM.
 */
int sip_msg_index(const char *data, size_t size, const struct sip_limits *limits,
		  struct sip_msg **msg, struct sip_parse_error *error);
struct sip_msg *sip_msg_ref(struct sip_msg *msg);
void sip_msg_unref(struct sip_msg *msg);
/* How many blocks this thread had to allocate because its pool had none. */
uint64_t sip_msg_allocations(void);

/* First header of an id, NULL: none; and the one after it. */
const struct sip_header *sip_msg_header(const struct sip_msg *msg, enum sip_header_id id);
const struct sip_header *sip_msg_next(const struct sip_msg *msg, const struct sip_header *header);
/* Value of the first header of an id, SLICE_NONE: none. */
struct slice sip_msg_value(const struct sip_msg *msg, enum sip_header_id id);
/*
 * The values of a header over all its fields and the commas in them, in order. Begin with a cursor
 * of zeros; false at the end. Empty values (", ,") are skipped. For headers that are lists: not for
 * Date, Subject, credentials and others in which a comma is part of the value.
 */
struct sip_cursor {
	const struct sip_header *header;
	struct slice rest;
};
bool sip_msg_each(const struct sip_msg *msg, enum sip_header_id id, struct sip_cursor *cursor,
		  struct slice *value);
/* A header that is not in the table, by name. */
const struct sip_header *sip_msg_header_named(const struct sip_msg *msg, struct slice name);

enum sip_method sip_method_of(struct slice text);
const char *sip_method_text(enum sip_method method);
enum sip_header_id sip_header_of(struct slice name);
const char *sip_header_text(enum sip_header_id id);
/* "Busy Here" for 486; "Unknown" if it is none of the registered ones. */
const char *sip_reason_text(unsigned status);

#endif
