/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs: sip and sips (RFC 3261 §19.1), tel (RFC 3966); of others only where the scheme ends. */
#include <arpa/inet.h>
#include <errno.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"

/* Parameters of a URI are stricter than those of a header: no white space, nothing quoted. */
static bool params_valid(struct slice text, const struct sip_limits *limits)
{
	unsigned count = 0;

	do {
		struct slice value = slice_split(&text, ';');
		struct slice name = slice_split(&value, '=');

		if (++count > limits->params || !all_are_or_escaped(name, CHAR_PARAM))
			return false;
		if (value.p != NULL && !all_are_or_escaped(value, CHAR_PARAM))
			return false;
	} while (text.p != NULL);
	return true;
}

static bool headers_valid(struct slice text, const struct sip_limits *limits)
{
	unsigned count = 0;

	do {
		struct slice value = slice_split(&text, '&');
		struct slice name = slice_split(&value, '=');

		if (++count > limits->params || !all_are_or_escaped(name, CHAR_HEADER))
			return false;
		if (value.p == NULL || (value.n > 0 && !all_are_or_escaped(value, CHAR_HEADER)))
			return false;
	} while (text.p != NULL);
	return true;
}

static bool ipv6_of(struct slice host, struct in6_addr *address)
{
	char text[INET6_ADDRSTRLEN];
	char *extra;

	if (host.n == 0 || memchr(host.p, ':', host.n) == NULL ||
	    slice_copy(host, text, sizeof(text)) != 0)
		return false;
	/* RFC 5118 §4.10: the grammar of RFC 3261 has one colon too many before an IPv4 address, and
	 * what followed it to the letter is still understood. */
	extra = strstr(text, ":::");
	if (extra != NULL)
		memmove(extra, extra + 1, strlen(extra));
	return inet_pton(AF_INET6, text, address) == 1;
}

bool sip_ipv6_valid(struct slice host)
{
	struct in6_addr address;

	return ipv6_of(host, &address);
}

static int parse_host(struct slice *rest, struct sip_uri *uri)
{
	struct slice port;

	if (take_char(rest, '[')) {
		uri->host = take_while(rest, CHAR_IPV6);
		if (!take_char(rest, ']') || !sip_ipv6_valid(uri->host))
			return -EBADMSG;
	} else {
		uri->host = take_while(rest, CHAR_HOST);
	}
	if (uri->host.n == 0)
		return -EBADMSG;
	if (take_char(rest, ':')) {
		uint32_t number;

		port = take_while(rest, CHAR_HEX);
		if (slice_to_u32(port, UINT16_MAX, &number) != 0 || number == 0)
			return -EBADMSG;
		uri->port = (uint16_t)number;
	}
	return 0;
}

static int parse_user(struct slice *rest, struct sip_uri *uri)
{
	const char *at = rest->n > 0 ? memchr(rest->p, '@', rest->n) : NULL;
	struct slice info;

	if (at == NULL)
		return 0;
	info = slice_split(rest, '@');
	uri->user = slice_split(&info, ':');
	uri->password = info;
	if (!all_are_or_escaped(uri->user, CHAR_USER) ||
	    (info.n > 0 && !all_are_or_escaped(info, CHAR_USER)))
		return -EBADMSG;
	return 0;
}

static int parse_sip(struct slice rest, const struct sip_limits *limits, struct sip_uri *uri)
{
	if (parse_user(&rest, uri) != 0 || parse_host(&rest, uri) != 0)
		return -EBADMSG;
	if (take_char(&rest, ';')) {
		uri->params.text = slice_split(&rest, '?');
		uri->headers = rest;
		if (!params_valid(uri->params.text, limits))
			return -EBADMSG;
	} else if (take_char(&rest, '?')) {
		uri->headers = rest;
	} else if (rest.n > 0) {
		return -EBADMSG;
	}
	if (uri->headers.p != NULL && !headers_valid(uri->headers, limits))
		return -EBADMSG;
	return 0;
}

static int parse_tel(struct slice rest, const struct sip_limits *limits, struct sip_uri *uri)
{
	uri->user = take_while(&rest, CHAR_PHONE);
	if (uri->user.n == 0)
		return -EBADMSG;
	if (take_char(&rest, ';')) {
		uri->params.text = rest;
		return params_valid(rest, limits) ? 0 : -EBADMSG;
	}
	return rest.n == 0 ? 0 : -EBADMSG;
}

/* RFC 5031 §4: "service:" and labels with dots between them, letters, digits and "-". */
static bool take_service(struct slice rest, struct sip_uri *uri)
{
	struct slice labels;

	if (!slice_starts_nocase(rest, SLICE("service:")))
		return false;
	labels = (struct slice){ rest.p + 8, rest.n - 8 };
	uri->user = labels;
	while (labels.p != NULL) {
		if (!all_are(slice_split(&labels, '.'), CHAR_LABEL))
			return false;
	}
	uri->scheme = SIP_SCHEME_URN_SERVICE;
	return true;
}

static enum sip_scheme scheme_of(struct slice text)
{
	if (slice_equal(text, SLICE("sip")) || slice_equal_nocase(text, SLICE("sip")))
		return SIP_SCHEME_SIP;
	if (slice_equal_nocase(text, SLICE("sips")))
		return SIP_SCHEME_SIPS;
	if (slice_equal_nocase(text, SLICE("tel")))
		return SIP_SCHEME_TEL;
	return SIP_SCHEME_OTHER;
}

int uri_parse_within(struct slice text, const struct sip_limits *limits, struct sip_uri *uri)
{
	struct slice rest = text, scheme;

	*uri = (struct sip_uri){ .text = text };
	if (text.n > limits->uri)
		return -EBADMSG;
	scheme = take_while(&rest, CHAR_SCHEME);
	if (scheme.n == 0 || !char_is(scheme.p[0], CHAR_SCHEME) ||
	    (unsigned)((scheme.p[0] | 0x20) - 'a') > 25 || !take_char(&rest, ':') || rest.n == 0)
		return -EBADMSG;
	uri->scheme = scheme_of(scheme);
	switch (uri->scheme) {
	case SIP_SCHEME_SIP:
	case SIP_SCHEME_SIPS:
		return parse_sip(rest, limits, uri);
	case SIP_SCHEME_TEL:
		return parse_tel(rest, limits, uri);
	case SIP_SCHEME_URN_SERVICE:
	case SIP_SCHEME_OTHER:
		break;
	}
	if (slice_equal_nocase(scheme, SLICE("urn")) && take_service(rest, uri))
		return 0;
	uri->user = SLICE_NONE;
	/* Whatever it is, it must not be taken for several words or for markup. */
	for (size_t i = 0; i < rest.n; i++) {
		if (!char_is(rest.p[i], CHAR_VISIBLE) || rest.p[i] == '<' || rest.p[i] == '>' ||
		    rest.p[i] == '"')
			return -EBADMSG;
	}
	return 0;
}

int sip_uri_parse(struct slice text, struct sip_uri *uri)
{
	return uri_parse_within(text, &sip_limits, uri);
}

int sip_uri_unescape(struct slice s, char *dst, size_t size)
{
	size_t used = 0;

	if (size == 0)
		return -ENOSPC;
	dst[0] = '\0';
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (s.n - i < 3 || !char_is(s.p[i + 1], CHAR_HEX) ||
			    !char_is(s.p[i + 2], CHAR_HEX))
				goto broken;
			c = (char)(char_hex(s.p[i + 1]) << 4 | char_hex(s.p[i + 2]));
			i += 2;
		}
		/* "%00" would cut the text off for whoever reads dst. */
		if (c == '\0')
			goto broken;
		if (used + 1 >= size) {
			dst[0] = '\0';
			return -ENOSPC;
		}
		dst[used++] = c;
	}
	dst[used] = '\0';
	return 0;

broken:
	dst[0] = '\0';
	return -EBADMSG;
}

/* --- comparison, RFC 3261 §19.1.4 ---------------------------------------------------------- */

/* One character, unescaped; reserved ones differ from their escaped form, so they are marked. */
static unsigned take_unit(struct slice *s, bool nocase)
{
	unsigned c = (unsigned char)s->p[0];
	size_t length = 1;

	if (c == '%' && s->n >= 3 && char_is(s->p[1], CHAR_HEX) && char_is(s->p[2], CHAR_HEX)) {
		c = char_hex(s->p[1]) << 4 | char_hex(s->p[2]);
		length = 3;
		if (c != 0 && strchr(";/?:@&=+$,", (int)c) != NULL)
			c |= 0x100;
	}
	s->p += length;
	s->n -= length;
	if (nocase && c - 'A' < 26u)
		c |= 0x20;
	return c;
}

static bool equal_escaped(struct slice a, struct slice b, bool nocase)
{
	while (a.n > 0 && b.n > 0) {
		if (take_unit(&a, nocase) != take_unit(&b, nocase))
			return false;
	}
	return a.n == b.n;
}

static bool equal_part(struct slice a, struct slice b)
{
	return (a.p == NULL) == (b.p == NULL) && equal_escaped(a, b, false);
}

static bool equal_host(struct slice a, struct slice b)
{
	struct in6_addr x, y;

	if (slice_equal_nocase(a, b))
		return true;
	return a.n > 0 && b.n > 0 && ipv6_of(a, &x) && ipv6_of(b, &y) &&
	       memcmp(&x, &y, sizeof(x)) == 0;
}

enum match { MATCH_ABSENT, MATCH_DIFFERS, MATCH_SAME };

/* Takes one off the parameters or headers of a URI and looks for it in those of another. If that
 * has the name more than once, one of them must have the value. */
static enum match take_and_find(struct slice *rest, struct slice other, char separator, bool nocase,
				struct slice *name)
{
	struct slice value = slice_split(rest, separator);
	enum match match = MATCH_ABSENT;

	*name = slice_split(&value, '=');
	while (other.n > 0 && match != MATCH_SAME) {
		struct slice other_value = slice_split(&other, separator);

		if (!equal_escaped(slice_split(&other_value, '='), *name, true))
			continue;
		match = equal_escaped(value, other_value, nocase) ? MATCH_SAME : MATCH_DIFFERS;
	}
	return match;
}

/* A parameter that stands in one URI alone makes the difference. That transport is among them is
 * not in the rules of §19.1.4, but in its examples. */
static bool param_matters(struct slice name)
{
	static const char *const names[] = { "user", "ttl", "method", "maddr", "transport" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (equal_escaped(name, slice_of(names[i]), true))
			return true;
	}
	return false;
}

static bool params_match(struct slice a, struct slice b)
{
	struct slice name;

	while (a.n > 0) {
		enum match match = take_and_find(&a, b, ';', true, &name);

		if (match == MATCH_DIFFERS || (match == MATCH_ABSENT && param_matters(name)))
			return false;
	}
	return true;
}

static bool headers_match(struct slice a, struct slice b)
{
	struct slice name;

	while (a.n > 0) {
		if (take_and_find(&a, b, '&', false, &name) != MATCH_SAME)
			return false;
	}
	return true;
}

/* --- tel, RFC 3966 §4 ------------------------------------------------------------------------ */

/* A phone digit, in lower case, visual separators skipped; 0: the end. */
static char take_digit(struct slice *s)
{
	while (s->n > 0) {
		char c = *s->p++;

		s->n--;
		if (c != '-' && c != '.' && c != '(' && c != ')')
			return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return 0;
}

static bool equal_number(struct slice a, struct slice b)
{
	char x, y;

	do {
		x = take_digit(&a);
		y = take_digit(&b);
	} while (x == y && x != 0);
	return x == y;
}

/* Extensions and the numbers that are contexts are numbers, too. */
static bool equal_tel_param(struct slice name, struct slice a, struct slice b)
{
	if (slice_equal_nocase(name, SLICE("ext")) ||
	    (slice_equal_nocase(name, SLICE("phone-context")) && a.n > 0 && a.p[0] == '+'))
		return equal_number(a, b);
	return equal_escaped(a, b, true);
}

/* Each parameter must be in both, whatever it is. */
static bool tel_params_match(struct slice a, struct slice b)
{
	while (a.n > 0) {
		struct slice value = slice_split(&a, ';'), name = slice_split(&value, '=');
		struct slice other = b;
		bool found = false;

		while (other.n > 0 && !found) {
			struct slice other_value = slice_split(&other, ';');

			found = equal_escaped(slice_split(&other_value, '='), name, true) &&
				equal_tel_param(name, value, other_value);
		}
		if (!found)
			return false;
	}
	return true;
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme == SIP_SCHEME_OTHER)
		return slice_equal(a->text, b->text);
	if (a->scheme == SIP_SCHEME_URN_SERVICE)
		return slice_equal_nocase(a->text, b->text);
	if (a->scheme == SIP_SCHEME_TEL)
		return equal_number(a->user, b->user) &&
		       tel_params_match(a->params.text, b->params.text) &&
		       tel_params_match(b->params.text, a->params.text);
	return equal_part(a->user, b->user) && equal_part(a->password, b->password) &&
	       equal_host(a->host, b->host) && a->port == b->port &&
	       params_match(a->params.text, b->params.text) &&
	       params_match(b->params.text, a->params.text) &&
	       headers_match(a->headers, b->headers) && headers_match(b->headers, a->headers);
}

bool sip_uri_is_emergency(const struct sip_uri *uri)
{
	struct slice labels = uri->user;

	return uri->scheme == SIP_SCHEME_URN_SERVICE &&
	       slice_equal_nocase(slice_split(&labels, '.'), SLICE("sos"));
}
