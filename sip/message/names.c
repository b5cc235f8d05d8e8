/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of methods, headers and reasons: from the tables in message.h to numbers and back. */
#include "sip/message/internal.h"

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
 * Header names are told by one look: up to 24 bytes of a name make three words, their hash is
 * perfect for the table above, and what lies at it is the name or there is none. The multiplier of
 * the hash is looked for before main(); for these names and this size, one in a few tens does.
 */
#define TABLE_BITS 10
#define TABLE_SIZE (1u << TABLE_BITS)

struct words {
	uint64_t first, middle, last;
};

static struct entry {
	struct words text, letters; /* letters: bit 5 where case does not matter */
	uint32_t n;
} entries[SIP_HEADER_IDS];

static uint8_t table[TABLE_SIZE]; /* enum sip_header_id, 0: empty */
static uint8_t compact_table[32]; /* by letter */
static uint64_t multiplier = 0x9e3779b97f4a7c15u;

#define X(id, name, compact) \
	static_assert(sizeof(name) - 1 >= 2 && sizeof(name) - 1 <= NAME_MAX_KNOWN, name);
SIP_HEADERS(X)
#undef X
static_assert(SIP_HEADER_IDS < 256, "ids do not fit the table");

static inline uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* n is 1 to 24; 24 bytes at p can be read. Words overlap where the name is shorter. */
static inline struct words words_of(const char *p, size_t n)
{
	if (n < 8)
		return (struct words){ .first = load8(p) & ~(UINT64_MAX << 8 * n) };
	return (struct words){
		.first = load8(p),
		.middle = n > 16 ? load8(p + 8) : 0,
		.last = load8(p + n - 8),
	};
}

static inline unsigned name_hash(const struct words *w, size_t n)
{
	const uint64_t small = 0x2020202020202020u;
	uint64_t mixed = (w->first | small) ^ ((w->last | small) << 31 | (w->last | small) >> 33);

	return (unsigned)((mixed + n) * multiplier >> (64 - TABLE_BITS));
}

static uint64_t letters_of(uint64_t word)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < 64; i += 8) {
		if ((unsigned)((word >> i | 0x20) & 0xff) - 'a' < 26)
			bits |= (uint64_t)0x20 << i;
	}
	return bits;
}

static void fill_entry(unsigned id)
{
	char padded[NAME_MAX_KNOWN + 8] = { 0 };
	struct entry *entry = &entries[id];

	memcpy(padded, header_names[id].p, header_names[id].n);
	entry->n = (uint32_t)header_names[id].n;
	entry->text = words_of(padded, entry->n);
	entry->letters =
		(struct words){ letters_of(entry->text.first), letters_of(entry->text.middle),
				letters_of(entry->text.last) };
}

static bool fill_table(void)
{
	memset(table, 0, sizeof(table));
	for (unsigned id = 1; id < SIP_HEADER_IDS; id++) {
		uint8_t *at = &table[name_hash(&entries[id].text, entries[id].n)];

		if (*at != 0)
			return false;
		*at = (uint8_t)id;
	}
	return true;
}

__attribute__((constructor)) static void fill_tables(void)
{
	for (unsigned id = 1; id < SIP_HEADER_IDS; id++) {
		fill_entry(id);
		if (compact_forms[id] != 0)
			compact_table[compact_forms[id] & 31] = (uint8_t)id;
	}
	while (!fill_table())
		multiplier = multiplier * 6364136223846793005u + 1442695040888963406u;
}

enum sip_header_id header_name_id(const char *p, size_t n)
{
	const struct entry *entry;
	struct words w;
	unsigned id;

	if (n < 2) {
		const unsigned letter = n == 1 ? (unsigned char)p[0] | 0x20u : 0;

		return letter - 'a' < 26u ? compact_table[letter & 31] : SIP_H_OTHER;
	}
	if (n > NAME_MAX_KNOWN)
		return SIP_H_OTHER;
	w = words_of(p, n);
	id = table[name_hash(&w, n)];
	entry = &entries[id];
	if (entry->n != n || ((w.first ^ entry->text.first) & ~entry->letters.first) != 0 ||
	    ((w.last ^ entry->text.last) & ~entry->letters.last) != 0 ||
	    ((w.middle ^ entry->text.middle) & ~entry->letters.middle) != 0)
		return SIP_H_OTHER;
	return (enum sip_header_id)id;
}

enum sip_header_id sip_header_of(struct slice name)
{
	char padded[NAME_MAX_KNOWN + 8] = { 0 };

	if (name.n == 0 || name.n > NAME_MAX_KNOWN)
		return SIP_H_OTHER;
	memcpy(padded, name.p, name.n);
	return header_name_id(padded, name.n);
}

struct slice header_name_of(enum sip_header_id id)
{
	return header_names[id];
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
