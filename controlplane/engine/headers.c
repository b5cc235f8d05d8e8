/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/headers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sip/base/format.h"

#define ADDRESS_MAX 512u
#define VALUES_MAX  16u /* of one header */
#define LOOP_HEADER "X-Loop"
#define LOOP_TOKEN  16u /* hexadecimal digits */
#define LOOP_MAX    8u

enum rule {
	DROP,
	PASS,    /* as it stands: it names nobody's address */
	TRUSTED, /* the same, of those who are believed: it asks for something (RFC 4412, RFC 5009) */
	URGENCY,  /* Priority: anything but emergency, which is for us to say of others */
	NUMBER,   /* the number that it begins with */
	NAMES,    /* values that name something by a URN; a URL is an address of one side */
	CAUSE,    /* Reason: protocol and cause, not the text (RFC 3326) */
	IDENTITY, /* P-Asserted-Identity: if it is believed and may be shown */
	WITHHELD, /* to trusted peers alone */
	RETARGET, /* Diversion, History-Info, of those who are believed: with hosts rewritten */
};

/* header, in an INVITE, in its responses, in BYE and CANCEL, in INFO and MESSAGE */
#define ACROSS(X)                                              \
	X(ALERT_INFO, NAMES, NAMES, DROP, DROP)                \
	X(CALL_INFO, NAMES, NAMES, DROP, NAMES)                \
	X(DIVERSION, RETARGET, DROP, DROP, DROP)               \
	X(HISTORY_INFO, RETARGET, RETARGET, DROP, DROP)        \
	X(P_ASSERTED_IDENTITY, IDENTITY, IDENTITY, DROP, DROP) \
	X(P_EARLY_MEDIA, TRUSTED, TRUSTED, DROP, DROP)         \
	X(PRIORITY, URGENCY, DROP, DROP, DROP)                 \
	X(PRIVACY, WITHHELD, WITHHELD, DROP, DROP)             \
	X(REASON, CAUSE, CAUSE, CAUSE, DROP)                   \
	X(RESOURCE_PRIORITY, TRUSTED, DROP, DROP, DROP)        \
	X(RETRY_AFTER, DROP, NUMBER, DROP, NUMBER)             \
	X(SUBJECT, PASS, DROP, DROP, PASS)                     \
	X(USER_TO_USER, PASS, PASS, PASS, DROP)                \
	X(INFO_PACKAGE, DROP, DROP, DROP, PASS)                \
	X(RECV_INFO, PASS, PASS, DROP, PASS)                   \
	X(CONTENT_DISPOSITION, DROP, DROP, DROP, PASS)

static const struct row {
	enum sip_header_id id;
	enum rule rules[HEADER_CARRIERS];
} rows[] = {
#define X(id, invite, response, end, message)   \
	{ SIP_H_##id,                           \
	  { [HEADERS_IN_INVITE] = (invite),     \
	    [HEADERS_IN_RESPONSE] = (response), \
	    [HEADERS_IN_END] = (end),           \
	    [HEADERS_IN_MESSAGE] = (message) } },
	ACROSS(X)
#undef X
};

/* --- identities --- */

bool headers_is_anonymous(const struct sip_uri *uri)
{
	return slice_equal_nocase(uri->host, SLICE("anonymous.invalid"));
}

static bool has_privacy(const struct sip_msg *request, struct slice wanted)
{
	const struct sip_header *h = sip_msg_header(request, SIP_H_PRIVACY);

	for (; h; h = sip_msg_next(request, h)) {
		struct slice rest = h->value;

		while (rest.p) {
			if (slice_equal_nocase(slice_trim(slice_split(&rest, ';')), wanted))
				return true;
		}
	}
	return false;
}

bool headers_withheld(const struct sip_msg *request)
{
	return has_privacy(request, SLICE("id")) || has_privacy(request, SLICE("user")) ||
	       has_privacy(request, SLICE("header"));
}

/* RFC 3966 §5.1.5: a number that means something only in somebody's network names that network. */
static bool is_global_number(const struct sip_uri *uri)
{
	return uri->user.n > 1 && uri->user.p[0] == '+';
}

int headers_identity(const struct sip_addr *addr, const char *domain, char *text, size_t size)
{
	struct slice display = addr->display, user = addr->uri.user;
	const char *quote = display.n ? "\"" : "", *space = display.n ? " " : "";
	int n;

	if (user.n == 0)
		return -EBADMSG;
	if (addr->uri.scheme == SIP_SCHEME_TEL) {
		if (!is_global_number(&addr->uri))
			return -EBADMSG;
		n = format_print(text, size, "%s%.*s%s%s<tel:%.*s>", quote, SLICE_FMT(display),
				 quote, space, SLICE_FMT(user));
	} else if (addr->uri.scheme == SIP_SCHEME_SIP || addr->uri.scheme == SIP_SCHEME_SIPS) {
		const char *host = headers_is_anonymous(&addr->uri) ? "anonymous.invalid" : domain;

		n = format_print(text, size, "%s%.*s%s%s<sip:%.*s@%s>", quote, SLICE_FMT(display),
				 quote, space, SLICE_FMT(user), host);
	} else {
		return -EBADMSG;
	}
	return n > 0 && (size_t)n < size ? 0 : -ENOSPC;
}

static void put_identity(const struct headers_way *way, struct slice value, struct sip_build *b)
{
	struct sip_addr addr;
	char text[ADDRESS_MAX];

	/* RFC 3325 §9.1: one sip and one tel URI at most. */
	for (unsigned i = 0; i < 2 && sip_addr_next(&value, &addr) == 0; i++) {
		if (headers_identity(&addr, way->domain, text, sizeof(text)) == 0)
			sip_build_header(b, SIP_H_P_ASSERTED_IDENTITY, "%s", text);
	}
}

/* --- who was called before --- */

static bool is_wanted_param(enum sip_header_id id, struct slice name)
{
	static const char *const diversion[] = { "reason",  "counter", "limit",
						 "privacy", "screen",  "extension" };
	static const char *const history[] = { "index", "rc", "mp", "np" };
	const char *const *names = id == SIP_H_DIVERSION ? diversion : history;
	size_t count = id == SIP_H_DIVERSION ? sizeof(diversion) / sizeof(diversion[0])
					     : sizeof(history) / sizeof(history[0]);

	for (size_t i = 0; i < count; i++) {
		if (slice_equal_nocase(name, slice_of(names[i])))
			return true;
	}
	return false;
}

/* Diversion says so in a parameter, History-Info in a header of its URI (RFC 7044 §10.1.2). */
static bool is_private_entry(const struct sip_addr *addr)
{
	struct slice value;

	if (sip_param_get(addr->params, "privacy", &value) &&
	    !slice_equal_nocase(value, SLICE("off")))
		return true;
	return slice_starts_nocase(addr->uri.headers, SLICE("Privacy=")) ||
	       memmem(addr->uri.headers.p ? addr->uri.headers.p : "", addr->uri.headers.n,
		      "&Privacy=", 9) != NULL;
}

static void put_retargeted(const struct headers_way *way, enum sip_header_id id, struct slice value,
			   struct sip_build *b)
{
	struct sip_addr addr;

	for (unsigned i = 0; i < VALUES_MAX && sip_addr_next(&value, &addr) == 0; i++) {
		struct slice name, parameter;
		char text[ADDRESS_MAX];
		size_t used;

		if ((!way->to_trusted && (way->withheld || is_private_entry(&addr))) ||
		    headers_identity(&addr, way->domain, text, sizeof(text)) != 0)
			continue;
		used = strlen(text);
		while (sip_param_next(&addr.params, &name, &parameter)) {
			int n;

			if (!is_wanted_param(id, name))
				continue;
			n = format_print(text + used, sizeof(text) - used, ";%.*s%s%.*s",
					 SLICE_FMT(name), parameter.p ? "=" : "",
					 SLICE_FMT(parameter));
			if (n < 0 || used + (size_t)n >= sizeof(text))
				break;
			used += (size_t)n;
		}
		text[used] = '\0';
		sip_build_header(b, id, "%s", text);
	}
}

/* --- the others --- */

static bool names_by_urn(struct slice value)
{
	struct slice uri;

	value = slice_trim(value);
	uri = slice_split(&value, '>');
	return slice_starts_nocase(uri, SLICE("<urn:")) && value.p &&
	       memchr(value.p, '<', value.n) == NULL;
}

/* Of each value the protocol, its cause and nothing that somebody has typed. */
static void put_cause(struct slice value, struct sip_build *b)
{
	for (unsigned i = 0; i < VALUES_MAX && value.p; i++) {
		struct slice one = slice_trim(slice_split(&value, ','));
		struct slice protocol = slice_trim(slice_split(&one, ';')), cause;
		struct sip_params params = { one };
		uint32_t number;

		if (sip_param_get(params, "cause", &cause) &&
		    slice_to_u32(cause, 999, &number) == 0 && protocol.n > 0 && protocol.n < 16 &&
		    memchr(protocol.p, '"', protocol.n) == NULL)
			sip_build_header(b, SIP_H_REASON, "%.*s;cause=%" PRIu32,
					 SLICE_FMT(protocol), number);
	}
}

static void put_number(enum sip_header_id id, struct slice value, struct sip_build *b)
{
	struct slice rest = value, digits = slice_split(&rest, ';');
	uint32_t number;

	digits = slice_trim(slice_split(&digits, '('));
	if (slice_to_u32(digits, UINT32_MAX, &number) == 0)
		sip_build_header(b, id, "%" PRIu32, number);
}

/* Is it for those alone who are believed? */
static bool asks_for_trust(const struct headers_way *way, enum rule rule, struct slice value)
{
	if (rule == URGENCY)
		return way->emergency || slice_equal_nocase(slice_trim(value), SLICE("emergency"));
	return rule == TRUSTED || rule == IDENTITY || rule == RETARGET;
}

static void put(const struct headers_way *way, const struct row *row, struct slice value,
		struct sip_build *b)
{
	switch (row->rules[way->carrier]) {
	case DROP:
		return;
	case TRUSTED:
	case URGENCY:
	case PASS:
		sip_build_header_slice(b, row->id, value);
		return;
	case NUMBER:
		put_number(row->id, value, b);
		return;
	case NAMES:
		if (names_by_urn(value))
			sip_build_header_slice(b, row->id, value);
		return;
	case CAUSE:
		put_cause(value, b);
		return;
	case IDENTITY:
		if (way->to_trusted || !way->withheld)
			put_identity(way, value, b);
		return;
	case WITHHELD:
		if (way->to_trusted)
			sip_build_header_slice(b, row->id, value);
		return;
	case RETARGET:
		put_retargeted(way, row->id, value, b);
		return;
	}
}

unsigned headers_across(const struct headers_way *way, const struct sip_msg *msg,
			struct sip_build *b)
{
	unsigned removed = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum rule rule = rows[i].rules[way->carrier];
		const struct sip_header *h = sip_msg_header(msg, rows[i].id);

		for (; h; h = sip_msg_next(msg, h)) {
			struct sip_build before = *b;

			if (!way->from_trusted && asks_for_trust(way, rule, h->value)) {
				removed++;
				continue;
			}
			put(way, &rows[i], h->value, b);
			if (b->overflow)
				*b = before;
		}
	}
	return removed;
}

/* --- loops --- */

static void loop_token(const char *target, char token[LOOP_TOKEN + 1])
{
	format_print(token, LOOP_TOKEN + 1, "%016" PRIx64, slice_hash_nocase(slice_of(target)));
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (memchr("0123456789abcdef", s.p[i], 16) == NULL)
			return false;
	}
	return s.n == LOOP_TOKEN;
}

/* Takes the next one that may be ours. */
static bool next_token(struct slice *rest, struct slice *token)
{
	while (rest->p) {
		*token = slice_trim(slice_split(rest, ','));
		if (is_token(*token))
			return true;
	}
	return false;
}

static struct slice loop_value(const struct sip_msg *request)
{
	const struct sip_header *h =
		request ? sip_msg_header_named(request, SLICE(LOOP_HEADER)) : NULL;

	return h ? h->value : SLICE_NONE;
}

bool headers_is_loop(const struct sip_msg *request, const char *target)
{
	struct slice rest = loop_value(request), token;
	char wanted[LOOP_TOKEN + 1];
	unsigned count = 0;

	loop_token(target, wanted);
	while (next_token(&rest, &token)) {
		if (++count >= LOOP_MAX || slice_equal(token, slice_of(wanted)))
			return true;
	}
	return false;
}

void headers_put_loop(const struct sip_msg *request, const char *target, struct sip_build *b)
{
	char text[(LOOP_TOKEN + 2) * (LOOP_MAX + 1) + sizeof(LOOP_HEADER) + 4], own[LOOP_TOKEN + 1];
	struct slice rest = loop_value(request), token;
	size_t used = (size_t)sprintf(text, LOOP_HEADER ": ");

	for (unsigned i = 0; i < LOOP_MAX && next_token(&rest, &token); i++)
		used += (size_t)sprintf(text + used, "%.*s, ", SLICE_FMT(token));
	loop_token(target, own);
	used += (size_t)sprintf(text + used, "%s\r\n", own);
	if (b->overflow || used > b->size - b->used) {
		b->overflow = true;
		return;
	}
	memcpy(b->buffer + b->used, text, used);
	b->used += used;
}
