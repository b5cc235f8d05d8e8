/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SDP is read line by line. What the session says (c=, direction) is the start value of each
 * media line after it. Unknown lines and attributes are passed over; known ones that are broken
 * end it with their line's number.
 */
#include "sip/sdp/sdp.h"

#include <arpa/inet.h>
#include <errno.h>

#include "sip/sdp/internal.h"

#define TEXT_MAX 65536

struct parser {
	struct sdp *sdp;
	struct sdp_media *media;    /* the current one; NULL: still in the session's part */
	struct sdp_address session; /* of the session's c= */
	enum sdp_direction direction;
	bool have_origin;
	bool rtcp_inherits; /* a=rtcp of the current media line has a port alone */
	const char *what;   /* is wrong */
};

static int broken(struct parser *parser, const char *what)
{
	parser->what = what;
	return -EBADMSG;
}

/* Fields of a line are separated by one space; more are taken as one. */
static struct slice take_field(struct slice *rest)
{
	struct slice field;

	do
		field = slice_split(rest, ' ');
	while (field.n == 0 && rest->p != NULL);
	return field;
}

/* RFC 8866 §9: token */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]", c) != NULL)
			return false;
	}
	return s.n > 0;
}

static bool is_host(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((unsigned)(c | 0x20) - 'a' > 25 && (unsigned)c - '0' > 9 && c != '.' &&
		    c != '-' && c != '_')
			return false;
	}
	return s.n > 0;
}

static int to_u64(struct slice s, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return -EBADMSG;
	}
	return s.n > 0 ? 0 : -EBADMSG;
}

/* "IN IP4 198.18.0.101"; the port is left alone. */
static int parse_address(struct slice text, struct sdp_address *address)
{
	struct slice net = take_field(&text), type = take_field(&text), host = take_field(&text);
	char copy[INET6_ADDRSTRLEN];
	bool ip4, ip6;

	if (host.n == 0 || text.p != NULL)
		return -EBADMSG;
	address->family = 0;
	memset(address->ip, 0, sizeof(address->ip));
	if (!slice_equal_nocase(net, SLICE("IN")))
		return 0;
	ip4 = slice_equal_nocase(type, SLICE("IP4"));
	ip6 = slice_equal_nocase(type, SLICE("IP6"));
	host = slice_split(&host, '/'); /* of multicast: TTL and number of addresses */
	if (slice_copy(host, copy, sizeof(copy)) == 0) {
		if (ip4 && inet_pton(AF_INET, copy, address->ip) == 1)
			address->family = 4;
		else if (ip6 && inet_pton(AF_INET6, copy, address->ip) == 1)
			address->family = 6;
	}
	return address->family != 0 || is_host(host) ? 0 : -EBADMSG;
}

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address> */
static int parse_origin(struct parser *parser, struct slice value)
{
	struct sdp_address address = { 0 };

	if (parser->have_origin)
		return broken(parser, "o= repeated");
	parser->have_origin = true;
	if (take_field(&value).n == 0 ||
	    to_u64(take_field(&value), &parser->sdp->session_id) != 0 ||
	    to_u64(take_field(&value), &parser->sdp->session_version) != 0 || value.p == NULL ||
	    parse_address(value, &address) != 0)
		return broken(parser, "o= malformed");
	return 0;
}

static int parse_connection(struct parser *parser, struct slice value)
{
	struct sdp_address *to = parser->media != NULL ? &parser->media->rtp : &parser->session;

	return parse_address(value, to) == 0 ? 0 : broken(parser, "c= malformed");
}

/* --- m= -------------------------------------------------------------------------------------- */

static void add_format(struct sdp_media *media, uint8_t payload_type)
{
	struct sdp_format *format;

	for (unsigned i = 0; i < media->format_count; i++) {
		if (media->formats[i].payload_type == payload_type)
			return;
	}
	/* What does not fit is not offered as far as we are concerned. */
	if (media->format_count == SDP_FORMATS_MAX)
		return;
	format = &media->formats[media->format_count++];
	*format = sdp_static_format(payload_type);
}

/* Payload types where there is RTP; otherwise tokens, which are only kept as text. */
static int parse_formats(struct parser *parser, struct slice rest)
{
	struct sdp_media *media = parser->media;
	bool rtp = slice_starts_nocase(media->protocol, SLICE("RTP/")) ||
		   slice_starts_nocase(media->protocol, SLICE("UDP/TLS/RTP/"));
	uint32_t type;

	media->formats_text = slice_trim(rest);
	rest = media->formats_text;
	do {
		struct slice field = take_field(&rest);

		if (!is_token(field))
			return broken(parser, "m= without formats");
		if (!rtp)
			continue;
		if (slice_to_u32(field, 127, &type) != 0)
			return broken(parser, "m= with a broken payload type");
		add_format(media, (uint8_t)type);
	} while (rest.p != NULL);
	return 0;
}

static void end_media(struct parser *parser)
{
	struct sdp_media *media = parser->media;

	if (media != NULL && parser->rtcp_inherits) {
		media->rtcp.family = media->rtp.family;
		memcpy(media->rtcp.ip, media->rtp.ip, sizeof(media->rtcp.ip));
	}
	parser->rtcp_inherits = false;
}

/* The formats are set up as they come: most of the structure stays untouched. */
static void start_media(struct parser *parser)
{
	struct sdp_media *media = &parser->sdp->media[parser->sdp->media_count++];

	media->rtp = parser->session;
	media->rtcp = (struct sdp_address){ 0 };
	media->direction = parser->direction;
	media->rtcp_mux = false;
	media->ptime = 0;
	media->format_count = 0;
	parser->media = media;
}

/* m=<media> <port>["/"<number>] <proto> <fmt> ... */
static int parse_media(struct parser *parser, struct slice value)
{
	struct slice port, protocol, rest;
	uint32_t number;

	end_media(parser);
	if (parser->sdp->media_count == SDP_MEDIA_MAX)
		return broken(parser, "too many m= lines");
	start_media(parser);
	parser->media->type = take_field(&value);
	port = take_field(&value);
	protocol = take_field(&value);
	parser->media->protocol = protocol;
	if (!is_token(parser->media->type))
		return broken(parser, "m= malformed");
	if (slice_to_u32(slice_split(&port, '/'), UINT16_MAX, &number) != 0 ||
	    (port.p != NULL && slice_to_u32(port, UINT16_MAX, &(uint32_t){ 0 }) != 0))
		return broken(parser, "m= with a broken port");
	parser->media->rtp.port = (uint16_t)number;
	rest = protocol;
	do {
		if (!is_token(slice_split(&rest, '/')))
			return broken(parser, "m= with a broken protocol");
	} while (rest.p != NULL);
	return parse_formats(parser, value);
}

/* --- a= -------------------------------------------------------------------------------------- */

/* Takes the payload type that begins the value. *format is NULL if the m= line has none such. */
static int take_format(struct parser *parser, struct slice *value, struct sdp_format **format)
{
	uint32_t type;

	*format = NULL;
	if (slice_to_u32(take_field(value), 127, &type) != 0 || value->p == NULL)
		return -EBADMSG;
	for (unsigned i = 0; i < parser->media->format_count; i++) {
		if (parser->media->formats[i].payload_type == type)
			*format = &parser->media->formats[i];
	}
	return 0;
}

/* a=rtpmap:<payload type> <encoding name>/<clock rate>[/<channels>] */
static int parse_rtpmap(struct parser *parser, struct slice value)
{
	struct slice name, rate;
	struct sdp_format *format;
	uint32_t clock_rate, channels = 1;

	if (parser->media == NULL)
		return 0;
	if (take_format(parser, &value, &format) != 0)
		return broken(parser, "a=rtpmap malformed");
	value = slice_trim(value);
	name = slice_split(&value, '/');
	rate = slice_split(&value, '/');
	if (!is_token(name) || slice_to_u32(rate, UINT32_MAX, &clock_rate) != 0 ||
	    clock_rate == 0 ||
	    (value.p != NULL && (slice_to_u32(value, UINT8_MAX, &channels) != 0 || channels == 0)))
		return broken(parser, "a=rtpmap malformed");
	if (format == NULL)
		return 0;
	format->encoding = name;
	format->clock_rate = clock_rate;
	format->channels = (uint8_t)channels;
	return 0;
}

/* a=fmtp:<format> <parameters>. The format is a payload type only where there is RTP. */
static int parse_fmtp(struct parser *parser, struct slice value)
{
	struct sdp_format *format;

	if (parser->media == NULL || parser->media->format_count == 0)
		return 0;
	if (take_format(parser, &value, &format) != 0)
		return broken(parser, "a=fmtp malformed");
	if (format != NULL)
		format->fmtp = slice_trim(value);
	return 0;
}

/* Milliseconds, maybe with a fraction, which nobody uses for packets. */
static int parse_ptime(struct parser *parser, struct slice value)
{
	struct slice rest = slice_trim(value), whole = slice_split(&rest, '.');
	uint32_t ms, fraction;

	if (slice_to_u32(whole, UINT16_MAX, &ms) != 0 ||
	    (rest.p != NULL && slice_to_u32(rest, UINT32_MAX, &fraction) == -EINVAL))
		return broken(parser, "a=ptime malformed");
	if (parser->media != NULL)
		parser->media->ptime = (uint16_t)ms;
	return 0;
}

/* a=rtcp:<port> [<nettype> <addrtype> <address>] (RFC 3605) */
static int parse_rtcp(struct parser *parser, struct slice value)
{
	struct sdp_address address = { 0 };
	uint32_t port;

	if (parser->media == NULL)
		return 0;
	value = slice_trim(value);
	if (slice_to_u32(take_field(&value), UINT16_MAX, &port) != 0 ||
	    (value.p != NULL && parse_address(value, &address) != 0))
		return broken(parser, "a=rtcp malformed");
	address.port = (uint16_t)port;
	parser->rtcp_inherits = value.p == NULL;
	parser->media->rtcp = address;
	return 0;
}

static int set_direction(struct parser *parser, enum sdp_direction direction)
{
	if (parser->media != NULL)
		parser->media->direction = direction;
	else
		parser->direction = direction;
	return 0;
}

static int parse_attribute(struct parser *parser, struct slice value)
{
	struct slice name = slice_split(&value, ':');

	if (value.p == NULL) {
		name = slice_trim(name);
		if (slice_equal(name, SLICE("sendrecv")))
			return set_direction(parser, SDP_SENDRECV);
		if (slice_equal(name, SLICE("sendonly")))
			return set_direction(parser, SDP_SENDONLY);
		if (slice_equal(name, SLICE("recvonly")))
			return set_direction(parser, SDP_RECVONLY);
		if (slice_equal(name, SLICE("inactive")))
			return set_direction(parser, SDP_INACTIVE);
		if (slice_equal(name, SLICE("rtcp-mux")) && parser->media != NULL)
			parser->media->rtcp_mux = true;
		return is_token(name) ? 0 : broken(parser, "a= malformed");
	}
	if (slice_equal(name, SLICE("rtpmap")))
		return parse_rtpmap(parser, value);
	if (slice_equal(name, SLICE("fmtp")))
		return parse_fmtp(parser, value);
	if (slice_equal(name, SLICE("ptime")))
		return parse_ptime(parser, value);
	if (slice_equal(name, SLICE("rtcp")))
		return parse_rtcp(parser, value);
	return is_token(name) ? 0 : broken(parser, "a= malformed");
}

/* --- lines ---------------------------------------------------------------------------------- */

static int parse_line(struct parser *parser, struct slice line, uint32_t number)
{
	struct slice value;

	if (line.n < 2 || line.p[1] != '=' || (unsigned)(unsigned char)line.p[0] - 'a' > 25)
		return broken(parser, "not a line of SDP");
	if (memchr(line.p, '\0', line.n) != NULL || memchr(line.p, '\r', line.n) != NULL)
		return broken(parser, "control character");
	value = (struct slice){ line.p + 2, line.n - 2 };
	if ((line.p[0] == 'v') != (number == 1))
		return broken(parser, "v= not first, and once");
	switch (line.p[0]) {
	case 'v':
		return slice_equal(slice_trim(value), SLICE("0"))
			       ? 0
			       : broken(parser, "version not supported");
	case 'o':
		return parse_origin(parser, slice_trim(value));
	case 'c':
		return parse_connection(parser, slice_trim(value));
	case 'm':
		return parse_media(parser, slice_trim(value));
	case 'a':
		return parse_attribute(parser, value);
	default:
		return 0;
	}
}

/* RFC 8866 §5: a line feed alone ends a line as well. */
static struct slice take_line(struct slice *rest)
{
	struct slice line = slice_split(rest, '\n');

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

int sdp_parse(struct slice text, struct sdp *sdp, struct sdp_error *error)
{
	struct parser parser = { .sdp = sdp, .direction = SDP_SENDRECV };
	uint32_t number = 0;
	int rc = 0;

	sdp->session_id = sdp->session_version = 0;
	sdp->media_count = 0;
	if (text.n > TEXT_MAX)
		rc = broken(&parser, "too long");
	/* Empty lines at the end do no harm. */
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (rc == 0 && text.n == 0)
		rc = broken(&parser, "empty");
	while (rc == 0 && text.p != NULL) {
		struct slice line = take_line(&text);

		rc = parse_line(&parser, line, ++number);
	}
	end_media(&parser);
	if (rc == 0 && !parser.have_origin)
		rc = broken(&parser, "o= missing");
	if (rc != 0) {
		sdp->media_count = 0;
		*error = (struct sdp_error){ number, parser.what };
	}
	return rc;
}
