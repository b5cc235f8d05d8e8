/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/format.h"
#include "sip/dialog/internal.h"

#define BIT(method) (1u << SIP_##method)

static const uint32_t own_methods =
	BIT(INVITE) | BIT(ACK) | BIT(BYE) | BIT(CANCEL) | BIT(OPTIONS) | BIT(PRACK) | BIT(UPDATE);

static const struct option {
	struct slice tag;
	bool core;
} options[SIP_OPTION_COUNT] = {
#define X(id, tag, core) [SIP_OPTION_##id] = { { tag, sizeof(tag) - 1 }, core },
	SIP_OPTIONS_TABLE(X)
#undef X
};

enum { ALLOW = 1, SUPPORTED = 2, ACCEPT = 4 };

/* RFC 3261 table 2; RFC 3311 §4 wants Allow in what may come before an UPDATE. class 0: requests.
 * method UNKNOWN: of any. */
static const struct {
	uint8_t method;
	uint16_t status; /* 1 and 2 stand for their class */
	uint8_t what;
} placement[] = {
	{ SIP_INVITE, 0, ALLOW | SUPPORTED },
	{ SIP_INVITE, 1, ALLOW },
	{ SIP_INVITE, 2, ALLOW | SUPPORTED },
	{ SIP_UPDATE, 0, ALLOW | SUPPORTED },
	{ SIP_UPDATE, 2, ALLOW | SUPPORTED },
	{ SIP_OPTIONS, 0, ALLOW | SUPPORTED | ACCEPT },
	{ SIP_OPTIONS, 2, ALLOW | SUPPORTED | ACCEPT },
	{ SIP_PRACK, 0, SUPPORTED },
	{ SIP_SUBSCRIBE, 0, ALLOW | SUPPORTED },
	{ SIP_SUBSCRIBE, 2, ALLOW | SUPPORTED },
	{ SIP_NOTIFY, 0, ALLOW | SUPPORTED },
	{ SIP_REFER, 0, ALLOW | SUPPORTED },
	{ SIP_REFER, 2, ALLOW | SUPPORTED },
	{ SIP_REGISTER, 0, ALLOW | SUPPORTED },
	{ SIP_MESSAGE, 0, ALLOW },
	{ SIP_PUBLISH, 0, SUPPORTED },
	{ SIP_UNKNOWN_METHOD, 405, ALLOW },
	{ SIP_UNKNOWN_METHOD, 415, ACCEPT },
	{ SIP_UNKNOWN_METHOD, 420, SUPPORTED },
};

void capability_put(const struct sip_ua *ua, struct sip_build *b, enum sip_method method,
		    unsigned status)
{
	const unsigned place = status >= 300 ? status : status / 100;
	unsigned what = 0;

	for (unsigned i = 0; i < sizeof(placement) / sizeof(placement[0]); i++) {
		if (placement[i].status == place &&
		    (placement[i].method == method || placement[i].method == SIP_UNKNOWN_METHOD))
			what |= placement[i].what;
	}
	if (what & ALLOW)
		sip_build_header(b, SIP_H_ALLOW, "%s", ua->allow);
	if (what & SUPPORTED)
		sip_build_header(b, SIP_H_SUPPORTED, "%s", ua->supported);
	if (what & ACCEPT)
		sip_build_header(b, SIP_H_ACCEPT, "%s", ua->accept);
}

/* --- the texts --- */

static void append(char *text, size_t size, const char *word)
{
	const size_t n = strlen(text);

	format_print(text + n, size - n, "%s%s", n > 0 ? ", " : "", word);
}

int capability_init(struct sip_ua *ua)
{
	char allow[256] = "", supported[256] = "";

	ua->methods = own_methods | ua->config.methods;
	ua->options = ua->config.options;
	for (unsigned i = 1; i < SIP_METHOD_COUNT; i++)
		if (ua->methods >> i & 1u)
			append(allow, sizeof(allow), sip_method_text((enum sip_method)i));
	for (unsigned i = 0; i < SIP_OPTION_COUNT; i++) {
		if (options[i].core)
			ua->options |= 1u << i;
		if (ua->options >> i & 1u && !(ua->config.unsaid >> i & 1u))
			append(supported, sizeof(supported), options[i].tag.p);
	}
	ua->allow = strdup(allow);
	ua->supported = strdup(supported);
	if (asprintf(&ua->accept, "application/sdp%s%s", ua->config.accept != NULL ? ", " : "",
		     ua->config.accept != NULL ? ua->config.accept : "") < 0)
		ua->accept = NULL;
	return ua->allow != NULL && ua->supported != NULL && ua->accept != NULL ? 0 : -ENOMEM;
}

void capability_free(struct sip_ua *ua)
{
	free(ua->allow);
	free(ua->supported);
	free(ua->accept);
}

const char *sip_ua_allow(const struct sip_ua *ua)
{
	return ua->allow;
}

const char *sip_ua_supported(const struct sip_ua *ua)
{
	return ua->supported;
}

const char *sip_ua_accept(const struct sip_ua *ua)
{
	return ua->accept;
}

/* --- what the other side says --- */

static int option_of(struct slice tag)
{
	for (int i = 0; i < SIP_OPTION_COUNT; i++)
		if (slice_equal_nocase(options[i].tag, tag))
			return i;
	return -1;
}

static uint32_t options_in(const struct sip_msg *msg, enum sip_header_id id)
{
	const struct sip_header *h = sip_msg_header(msg, id);
	uint32_t bits = 0;

	for (; h != NULL; h = sip_msg_next(msg, h)) {
		struct slice rest = h->value;

		while (rest.n > 0) {
			int option = option_of(slice_trim(slice_split(&rest, ',')));

			if (option >= 0)
				bits |= 1u << option;
		}
	}
	return bits;
}

uint32_t capability_supports(const struct sip_msg *msg)
{
	return options_in(msg, SIP_H_SUPPORTED) | options_in(msg, SIP_H_REQUIRE);
}

uint32_t capability_allows(const struct sip_msg *msg)
{
	const struct sip_header *h = sip_msg_header(msg, SIP_H_ALLOW);
	uint32_t bits = 0;

	for (; h != NULL; h = sip_msg_next(msg, h)) {
		struct slice rest = h->value;

		while (rest.n > 0)
			bits |= 1u << sip_method_of(slice_trim(slice_split(&rest, ',')));
	}
	return bits & ~(1u << SIP_UNKNOWN_METHOD);
}

bool sip_msg_supports(const struct sip_msg *msg, enum sip_option option)
{
	return (capability_supports(msg) >> option & 1u) != 0;
}

bool sip_msg_requires(const struct sip_msg *msg, enum sip_option option)
{
	return (options_in(msg, SIP_H_REQUIRE) >> option & 1u) != 0;
}

bool sip_msg_allows(const struct sip_msg *msg, enum sip_method method)
{
	return (capability_allows(msg) >> method & 1u) != 0;
}

/* RFC 3261 §8.2.2.3 */
bool capability_lacks(const struct sip_ua *ua, const struct sip_msg *request, char *line,
		      size_t size)
{
	const struct sip_header *h = sip_msg_header(request, SIP_H_REQUIRE);
	size_t n = (size_t)format_print(line, size, "Unsupported: ");
	const size_t begin = n;
	bool lacks = false;

	for (; h != NULL; h = sip_msg_next(request, h)) {
		struct slice rest = h->value;

		while (rest.n > 0) {
			struct slice tag = slice_trim(slice_split(&rest, ','));
			int option = option_of(tag);

			if (tag.n == 0 || (option >= 0 && ua->options >> option & 1u))
				continue;
			lacks = true;
			/* Tags are short tokens; what is not fits none and need not be told. */
			if (n + tag.n + 5 > size)
				continue;
			n += (size_t)format_print(line + n, size - n, "%s%.*s",
						  n > begin ? ", " : "", SLICE_FMT(tag));
		}
	}
	format_print(line + n, size - n, "\r\n");
	return lacks;
}
