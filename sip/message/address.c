/* SPDX-License-Identifier: BSD-3-Clause */
/* name-addr and addr-spec with parameters (RFC 3261 §20.10, §25.1), and Via (§20.42). */
#include <errno.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"

/*
 * An unquoted display name is taken as it comes, but for what could be read as something else:
 * many phones send more there than the tokens of the grammar.
 */
static struct slice take_display(struct slice *rest)
{
	struct slice piece = { rest->p, 0 };

	while (rest->n > 0 && (char_is(rest->p[0], CHAR_DISPLAY) || char_is_space(rest->p[0]))) {
		rest->p++;
		rest->n--;
		piece.n++;
	}
	return slice_trim(piece);
}

static int parse_params(struct slice rest, const struct sip_limits *limits, struct sip_addr *addr,
			struct slice *tag)
{
	skip_space(&rest);
	if (rest.n == 0)
		return 0;
	if (!take_char(&rest, ';'))
		return -EBADMSG;
	addr->params.text = rest;
	return sip_params_valid(rest, limits->params, tag) ? 0 : -EBADMSG;
}

/* From the "<" on. */
static int parse_name_addr(struct slice rest, const struct sip_limits *limits,
			   struct sip_addr *addr, struct slice *tag)
{
	struct slice uri;

	rest.p++;
	rest.n--;
	uri = slice_split(&rest, '>');
	if (rest.p == NULL || uri_parse_within(uri, limits, &addr->uri) != 0)
		return -EBADMSG;
	return parse_params(rest, limits, addr, tag);
}

/* Without angle brackets all parameters are the header's, and neither "?" nor "," may be in the
 * URI (RFC 3261 §20). */
static int parse_addr_spec(struct slice text, const struct sip_limits *limits,
			   struct sip_addr *addr, struct slice *tag)
{
	struct slice rest = text, uri = slice_split(&rest, ';');

	uri = slice_trim(uri);
	if (uri.n == 0 || memchr(uri.p, '?', uri.n) != NULL || memchr(uri.p, ',', uri.n) != NULL ||
	    uri_parse_within(uri, limits, &addr->uri) != 0)
		return -EBADMSG;
	if (rest.p == NULL)
		return 0;
	addr->params.text = rest;
	return sip_params_valid(rest, limits->params, tag) ? 0 : -EBADMSG;
}

int addr_parse_within(struct slice value, const struct sip_limits *limits, struct sip_addr *addr,
		      struct slice *tag)
{
	struct slice rest = slice_trim(value);

	*addr = (struct sip_addr){ 0 };
	if (tag != NULL)
		*tag = SLICE_NONE;
	if (rest.n == 1 && rest.p[0] == '*') {
		addr->star = true;
		return 0;
	}
	if (rest.n > 0 && rest.p[0] == '"') {
		if (!take_quoted(&rest, &addr->display))
			return -EBADMSG;
		skip_space(&rest);
	} else {
		addr->display = take_display(&rest);
	}
	if (rest.n > 0 && rest.p[0] == '<')
		return parse_name_addr(rest, limits, addr, tag);
	/* What looked like a name was the URI. */
	*addr = (struct sip_addr){ 0 };
	return parse_addr_spec(value, limits, addr, tag);
}

int sip_addr_parse(struct slice value, struct sip_addr *addr)
{
	return addr_parse_within(value, &sip_limits, addr, NULL);
}

int sip_addr_next(struct slice *rest, struct sip_addr *addr)
{
	if (rest->p == NULL)
		return -ENOENT;
	return sip_addr_parse(sip_list_take(rest), addr);
}

struct slice sip_addr_tag(const struct sip_addr *addr)
{
	struct slice tag;

	sip_param_get(addr->params, "tag", &tag);
	return tag;
}

/* --- Via ------------------------------------------------------------------------------------- */

/* "SIP/2.0/UDP", with white space around the slashes if somebody likes it. */
static int parse_protocol(struct slice *rest, struct sip_via *via)
{
	for (unsigned part = 0; part < 3; part++) {
		skip_space(rest);
		via->transport = take_while(rest, CHAR_TOKEN);
		if (via->transport.n == 0)
			return -EBADMSG;
		if (part == 2)
			break;
		skip_space(rest);
		if (!take_char(rest, '/'))
			return -EBADMSG;
	}
	if (rest->n == 0 || !char_is_space(rest->p[0]))
		return -EBADMSG;
	skip_space(rest);
	return 0;
}

static int parse_sent_by(struct slice *rest, struct sip_via *via)
{
	uint32_t port;

	if (take_char(rest, '[')) {
		via->host = take_while(rest, CHAR_IPV6);
		if (!take_char(rest, ']') || !sip_ipv6_valid(via->host))
			return -EBADMSG;
	} else {
		via->host = take_while(rest, CHAR_HOST);
	}
	if (via->host.n == 0)
		return -EBADMSG;
	skip_space(rest);
	if (take_char(rest, ':')) {
		skip_space(rest);
		if (slice_to_u32(take_while(rest, CHAR_HEX), UINT16_MAX, &port) != 0 || port == 0)
			return -EBADMSG;
		via->port = (uint16_t)port;
		skip_space(rest);
	}
	return 0;
}

static void take_known_param(struct slice name, struct slice value, struct sip_via *via)
{
	uint32_t port;

	if (slice_equal_nocase(name, SLICE("branch"))) {
		if (via->branch.p == NULL)
			via->branch = value;
	} else if (slice_equal_nocase(name, SLICE("rport"))) {
		via->rport = true;
		if (slice_to_u32(value, UINT16_MAX, &port) == 0)
			via->rport_port = (uint16_t)port;
	} else if (slice_equal_nocase(name, SLICE("received"))) {
		if (via->received.p == NULL)
			via->received = value;
	}
}

static int take_params(struct sip_via *via, const struct sip_limits *limits)
{
	struct slice text = via->params.text, name, value;
	unsigned count = 0;
	int rc;

	while ((rc = sip_param_take(&text, ';', &name, &value)) > 0) {
		if (++count > limits->params)
			return -EBADMSG;
		take_known_param(name, value, via);
	}
	return count > 0 ? rc : -EBADMSG;
}

static void take_what_params_there_are(struct sip_via *via)
{
	struct sip_params rest = via->params;
	struct slice name, value;

	while (sip_param_next(&rest, &name, &value))
		take_known_param(name, value, via);
}

int via_parse(struct slice text, const struct sip_limits *limits, bool strict, struct sip_via *via)
{
	*via = (struct sip_via){ .text = slice_trim(text) };
	text = via->text;
	if (parse_protocol(&text, via) != 0 || parse_sent_by(&text, via) != 0)
		return -EBADMSG;
	if (!take_char(&text, ';'))
		return text.n == 0 ? 0 : -EBADMSG;
	via->params.text = text;
	if (strict)
		return take_params(via, limits);
	take_what_params_there_are(via);
	return 0;
}

int sip_via_next(struct slice *rest, struct sip_via *via)
{
	if (rest->p == NULL) {
		*via = (struct sip_via){ 0 };
		return -ENOENT;
	}
	return via_parse(sip_list_take(rest), &sip_limits, false, via);
}

int sip_msg_top_via(const struct sip_msg *msg, struct sip_via *via)
{
	struct slice value = sip_msg_value(msg, SIP_H_VIA);
	int rc;

	if (msg->via.host.p != NULL) {
		*via = msg->via;
		return 0;
	}
	rc = sip_via_next(&value, via);
	return rc == -ENOENT ? -EBADMSG : rc;
}
