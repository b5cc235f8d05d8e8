/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of methods, headers and reasons: from the tables in message.h to numbers and back. */
#include "sip/message/message.h"

#include <assert.h>

static const struct slice method_names[SIP_METHOD_COUNT] = {
#define X(id, text) [SIP_##id] = { text, sizeof(text) - 1 },
	SIP_METHODS(X)
#undef X
};

/* Methods are case-sensitive (RFC 3261 §7.1). */
enum sip_method sip_method_of(struct slice text)
{
	for (unsigned i = 1; i < SIP_METHOD_COUNT; i++) {
		if (slice_equal(method_names[i], text))
			return (enum sip_method)i;
	}
	return SIP_UNKNOWN_METHOD;
}

const char *sip_method_text(enum sip_method method)
{
	return (unsigned)method < SIP_METHOD_COUNT && method != SIP_UNKNOWN_METHOD
		       ? method_names[method].p
		       : "UNKNOWN";
}

static const struct slice header_names[SIP_HEADER_IDS] = {
#define X(id, name, compact) [SIP_H_##id] = { name, sizeof(name) - 1 },
	SIP_HEADERS(X)
#undef X
};

static const char compact_forms[SIP_HEADER_IDS] = {
#define X(id, name, compact) [SIP_H_##id] = (compact),
	SIP_HEADERS(X)
#undef X
};

/*
 * Names hash into a table that is sparse enough for a look-up to end at the first or second entry.
 * It is filled before main() and only read afterwards.
 */
#define TABLE_BITS 9
#define TABLE_SIZE (1u << TABLE_BITS)
static uint8_t table[TABLE_SIZE]; /* enum sip_header_id, 0: empty */
static uint8_t compact_table[32]; /* by letter */

static_assert(SIP_HEADER_IDS < 256, "ids do not fit the table");
static_assert(SIP_HEADER_IDS * 4 < TABLE_SIZE, "table is too full");

/* Of the first and last eight bytes. Bit 5 is set in all, so that case does not matter. */
static inline unsigned name_hash(struct slice name)
{
	uint64_t first = 0, last = 0;

	if (name.n >= 8) {
		memcpy(&first, name.p, 8);
		memcpy(&last, name.p + name.n - 8, 8);
	} else if (name.n >= 4) {
		memcpy(&first, name.p, 4);
		memcpy(&last, name.p + name.n - 4, 4);
	} else {
		for (size_t i = 0; i < name.n; i++)
			first = first << 8 | (unsigned char)name.p[i];
	}
	first |= 0x2020202020202020u;
	last |= 0x2020202020202020u;
	first ^= last << 31 | last >> 33;
	return (unsigned)(first * 0x9e3779b97f4a7c15u >> (64 - TABLE_BITS));
}

__attribute__((constructor)) static void fill_tables(void)
{
	for (unsigned id = 1; id < SIP_HEADER_IDS; id++) {
		unsigned at = name_hash(header_names[id]);

		while (table[at] != 0)
			at = (at + 1) % TABLE_SIZE;
		table[at] = (uint8_t)id;
		if (compact_forms[id] != 0)
			compact_table[compact_forms[id] & 31] = (uint8_t)id;
	}
}

enum sip_header_id sip_header_of(struct slice name)
{
	if (name.n == 1) {
		unsigned letter = (unsigned char)name.p[0] | 0x20u;

		return letter - 'a' < 26u ? compact_table[letter & 31] : SIP_H_OTHER;
	}
	for (unsigned at = name_hash(name); table[at] != 0; at = (at + 1) % TABLE_SIZE) {
		if (slice_equal_nocase(header_names[table[at]], name))
			return table[at];
	}
	return SIP_H_OTHER;
}

const char *sip_header_text(enum sip_header_id id)
{
	return (unsigned)id < SIP_HEADER_IDS && id != SIP_H_OTHER ? header_names[id].p : "";
}

/* RFC 3261 §21 and the registry "Response Codes" of the SIP parameters. */
#define REASONS(X)                                        \
	X(100, "Trying")                                  \
	X(180, "Ringing")                                 \
	X(181, "Call Is Being Forwarded")                 \
	X(182, "Queued")                                  \
	X(183, "Session Progress")                        \
	X(199, "Early Dialog Terminated")                 \
	X(200, "OK")                                      \
	X(202, "Accepted")                                \
	X(204, "No Notification")                         \
	X(300, "Multiple Choices")                        \
	X(301, "Moved Permanently")                       \
	X(302, "Moved Temporarily")                       \
	X(305, "Use Proxy")                               \
	X(380, "Alternative Service")                     \
	X(400, "Bad Request")                             \
	X(401, "Unauthorized")                            \
	X(402, "Payment Required")                        \
	X(403, "Forbidden")                               \
	X(404, "Not Found")                               \
	X(405, "Method Not Allowed")                      \
	X(406, "Not Acceptable")                          \
	X(407, "Proxy Authentication Required")           \
	X(408, "Request Timeout")                         \
	X(410, "Gone")                                    \
	X(412, "Conditional Request Failed")              \
	X(413, "Request Entity Too Large")                \
	X(414, "Request-URI Too Long")                    \
	X(415, "Unsupported Media Type")                  \
	X(416, "Unsupported URI Scheme")                  \
	X(417, "Unknown Resource-Priority")               \
	X(420, "Bad Extension")                           \
	X(421, "Extension Required")                      \
	X(422, "Session Interval Too Small")              \
	X(423, "Interval Too Brief")                      \
	X(424, "Bad Location Information")                \
	X(425, "Bad Alert Message")                       \
	X(428, "Use Identity Header")                     \
	X(429, "Provide Referrer Identity")               \
	X(430, "Flow Failed")                             \
	X(433, "Anonymity Disallowed")                    \
	X(436, "Bad Identity Info")                       \
	X(437, "Unsupported Credential")                  \
	X(438, "Invalid Identity Header")                 \
	X(439, "First Hop Lacks Outbound Support")        \
	X(440, "Max-Breadth Exceeded")                    \
	X(469, "Bad Info Package")                        \
	X(470, "Consent Needed")                          \
	X(480, "Temporarily Unavailable")                 \
	X(481, "Call/Transaction Does Not Exist")         \
	X(482, "Loop Detected")                           \
	X(483, "Too Many Hops")                           \
	X(484, "Address Incomplete")                      \
	X(485, "Ambiguous")                               \
	X(486, "Busy Here")                               \
	X(487, "Request Terminated")                      \
	X(488, "Not Acceptable Here")                     \
	X(489, "Bad Event")                               \
	X(491, "Request Pending")                         \
	X(493, "Undecipherable")                          \
	X(494, "Security Agreement Required")             \
	X(500, "Server Internal Error")                   \
	X(501, "Not Implemented")                         \
	X(502, "Bad Gateway")                             \
	X(503, "Service Unavailable")                     \
	X(504, "Server Time-out")                         \
	X(505, "Version Not Supported")                   \
	X(513, "Message Too Large")                       \
	X(555, "Push Notification Service Not Supported") \
	X(580, "Precondition Failure")                    \
	X(600, "Busy Everywhere")                         \
	X(603, "Decline")                                 \
	X(604, "Does Not Exist Anywhere")                 \
	X(606, "Not Acceptable")                          \
	X(607, "Unwanted")                                \
	X(608, "Rejected")

const char *sip_reason_text(unsigned status)
{
	switch (status) {
#define X(code, text) \
	case code:    \
		return text;
		REASONS(X)
#undef X
	default:
		return "Unknown";
	}
}
