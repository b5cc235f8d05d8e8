/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SDP is read line by line. What the session says (c=, direction) is the start value of each
 * media line after it. The order of lines within a part is not looked at, as many phones have
 * their own. Unknown lines and attributes are left where they are; known ones that are broken and
 * that a call depends on end it with their line's number.
 */
#include "sip/sdp/sdp.h"

#include <errno.h>

#include "sip/sdp/internal.h"

struct parser {
	struct sdp *sdp;
	struct sdp_media *media; /* the current one; NULL: still in the session's part */
	uint8_t direction;       /* of the session */
	bool have_origin, have_timing;
	bool rtcp_inherits; /* a=rtcp of the current media line has a port alone */
	const char *what;   /* is wrong */
};

static int broken(struct parser *parser, const char *what)
{
	parser->what = what;
	return -EBADMSG;
}

static int parse_version(struct parser *parser, struct slice value)
{
	return slice_equal(value, SLICE("0")) ? 0 : broken(parser, "version not supported");
}

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address> */
static int parse_origin(struct parser *parser, struct slice value)
{
	struct sdp_origin *origin = &parser->sdp->origin;

	if (parser->have_origin || parser->media != NULL)
		return broken(parser, "o= repeated");
	parser->have_origin = true;
	origin->username = sdp_take_field(&value);
	if (origin->username.n == 0 ||
	    sdp_to_u64(sdp_take_field(&value), &origin->session_id) != 0 ||
	    sdp_to_u64(sdp_take_field(&value), &origin->session_version) != 0 || value.p == NULL ||
	    sdp_to_address(value, &origin->address) != 0)
		return broken(parser, "o= malformed");
	return 0;
}

static int parse_name(struct parser *parser, struct slice value)
{
	parser->sdp->name = value;
	return 0;
}

static int parse_connection(struct parser *parser, struct slice value)
{
	struct sdp_address *to =
		parser->media != NULL ? &parser->media->rtp : &parser->sdp->connection;

	return sdp_to_address(value, to) == 0 ? 0 : broken(parser, "c= malformed");
}

/* b=<bwtype>:<bandwidth> */
static int parse_bandwidth(struct parser *parser, struct slice value)
{
	struct slice type = slice_split(&value, ':');
	uint64_t bandwidth;

	if (!sdp_is_token(type) || sdp_to_u64(slice_trim(value), &bandwidth) != 0)
		return broken(parser, "b= malformed");
	return 0;
}

/* t=<start-time> <stop-time> */
static int parse_timing(struct parser *parser, struct slice value)
{
	uint64_t start, stop;

	if (sdp_to_u64(sdp_take_field(&value), &start) != 0 || sdp_to_u64(value, &stop) != 0)
		return broken(parser, "t= malformed");
	if (!parser->have_timing) {
		parser->sdp->start = start;
		parser->sdp->stop = stop;
	}
	parser->have_timing = true;
	return 0;
}

/* k=<method>[:<encryption key>] */
static int parse_key(struct parser *parser, struct slice value)
{
	return sdp_is_token(slice_split(&value, ':')) ? 0 : broken(parser, "k= malformed");
}

/* --- m= -------------------------------------------------------------------------------------- */

static uint8_t protocol_of(struct slice text)
{
	for (uint8_t i = 1; i < SDP_PROTOCOL_COUNT; i++) {
		if (slice_equal_nocase(text, slice_of(sdp_protocol_text(i))))
			return i;
	}
	return SDP_PROTOCOL_OTHER;
}

/* Payload types where there is RTP; otherwise tokens. */
static int check_formats(struct parser *parser)
{
	struct slice rest = parser->media->formats;
	bool rtp = sdp_protocol_is_rtp(parser->media->protocol);
	uint32_t type;

	do {
		struct slice field = sdp_take_field(&rest);

		if (!sdp_is_token(field))
			return broken(parser, "m= without formats");
		if (rtp && slice_to_u32(field, 127, &type) != 0)
			return broken(parser, "m= with a broken payload type");
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

static int parse_ports(struct parser *parser, struct slice text)
{
	struct slice first = slice_split(&text, '/');
	uint32_t port, count = 1;

	if (slice_to_u32(first, UINT16_MAX, &port) != 0 ||
	    (text.p != NULL && slice_to_u32(text, UINT16_MAX, &count) != 0))
		return broken(parser, "m= with a broken port");
	parser->media->rtp.port = (uint16_t)port;
	parser->media->port_count = (uint16_t)count;
	return 0;
}

/* m=<media> <port>["/"<number>] <proto> <fmt> ... */
static int parse_media(struct parser *parser, struct slice value)
{
	struct sdp *sdp = parser->sdp;
	struct slice ports, rest;

	end_media(parser);
	if (sdp->media_count == SDP_MEDIA_MAX)
		return broken(parser, "too many m= lines");
	parser->media = &sdp->media[sdp->media_count++];
	*parser->media =
		(struct sdp_media){ .rtp = sdp->connection, .direction = parser->direction };
	parser->media->type = sdp_take_field(&value);
	ports = sdp_take_field(&value);
	rest = parser->media->protocol_text = sdp_take_field(&value);
	if (!sdp_is_token(parser->media->type))
		return broken(parser, "m= malformed");
	if (parse_ports(parser, ports) != 0)
		return -EBADMSG;
	do {
		if (!sdp_is_token(slice_split(&rest, '/')))
			return broken(parser, "m= with a broken protocol");
	} while (rest.p != NULL);
	parser->media->protocol = protocol_of(parser->media->protocol_text);
	parser->media->formats = slice_trim(value);
	return check_formats(parser);
}

/* --- a= -------------------------------------------------------------------------------------- */

static int take_rtpmap(struct parser *parser, struct slice value)
{
	struct sdp_rtpmap map;

	if (parser->media == NULL || sdp_rtpmap_parse(value, &map) == 0)
		return 0;
	return broken(parser, "a=rtpmap malformed");
}

/* The format is a payload type only where there is RTP. */
static int take_fmtp(struct parser *parser, struct slice value)
{
	struct slice format, parameters;
	uint32_t type;

	if (parser->media == NULL || !sdp_protocol_is_rtp(parser->media->protocol))
		return 0;
	if (sdp_fmtp_parse(value, &format, &parameters) != 0 ||
	    slice_to_u32(format, 127, &type) != 0)
		return broken(parser, "a=fmtp malformed");
	return 0;
}

static int take_ptime(struct parser *parser, struct slice value)
{
	uint16_t ms;

	if (sdp_to_ms(value, &ms) != 0)
		return broken(parser, "a=ptime malformed");
	if (parser->media != NULL)
		parser->media->ptime = ms;
	return 0;
}

static int take_max_ptime(struct parser *parser, struct slice value)
{
	uint16_t ms;

	if (sdp_to_ms(value, &ms) != 0)
		return broken(parser, "a=maxptime malformed");
	if (parser->media != NULL)
		parser->media->max_ptime = ms;
	return 0;
}

/* a=rtcp:<port> [<nettype> <addrtype> <address>] (RFC 3605) */
static int take_rtcp(struct parser *parser, struct slice value)
{
	struct sdp_address address = { 0 };
	uint32_t port;

	if (parser->media == NULL)
		return 0;
	value = slice_trim(value);
	if (slice_to_u32(sdp_take_field(&value), UINT16_MAX, &port) != 0 ||
	    (value.p != NULL && sdp_to_address(value, &address) != 0))
		return broken(parser, "a=rtcp malformed");
	address.port = (uint16_t)port;
	parser->rtcp_inherits = value.p == NULL;
	parser->media->rtcp = address;
	return 0;
}

static int take_mid(struct parser *parser, struct slice value)
{
	if (!sdp_is_token(slice_trim(value)))
		return broken(parser, "a=mid malformed");
	if (parser->media != NULL)
		parser->media->mid = slice_trim(value);
	return 0;
}

static int set_direction(struct parser *parser, enum sdp_direction direction)
{
	if (parser->media != NULL)
		parser->media->direction = (uint8_t)direction;
	else
		parser->direction = (uint8_t)direction;
	return 0;
}

static int take_flag(struct parser *parser, enum sdp_attribute_id id)
{
	switch (id) {
	case SDP_A_SENDRECV:
		return set_direction(parser, SDP_SENDRECV);
	case SDP_A_SENDONLY:
		return set_direction(parser, SDP_SENDONLY);
	case SDP_A_RECVONLY:
		return set_direction(parser, SDP_RECVONLY);
	case SDP_A_INACTIVE:
		return set_direction(parser, SDP_INACTIVE);
	case SDP_A_RTCP_MUX:
		if (parser->media != NULL)
			parser->media->rtcp_mux = true;
		return 0;
	case SDP_A_BUNDLE_ONLY:
		if (parser->media != NULL)
			parser->media->bundle_only = true;
		return 0;
	default:
		return 0;
	}
}

static int parse_attribute(struct parser *parser, struct slice value)
{
	struct sdp_attribute a = sdp_attribute_of(value);

	if (!sdp_is_token(a.name))
		return broken(parser, "a= malformed");
	if (a.value.p == NULL)
		return take_flag(parser, a.id);
	switch (a.id) {
	case SDP_A_RTPMAP:
		return take_rtpmap(parser, a.value);
	case SDP_A_FMTP:
		return take_fmtp(parser, a.value);
	case SDP_A_PTIME:
		return take_ptime(parser, a.value);
	case SDP_A_MAXPTIME:
		return take_max_ptime(parser, a.value);
	case SDP_A_RTCP:
		return take_rtcp(parser, a.value);
	case SDP_A_MID:
		return take_mid(parser, a.value);
	default:
		return 0;
	}
}

/* --- lines ---------------------------------------------------------------------------------- */

/* By the letter; what is not here (i, u, e, p, r, z, and what nobody knows) is free text to us. */
static int (*const line_parsers[26])(struct parser *parser, struct slice value) = {
	['v' - 'a'] = parse_version,   ['o' - 'a'] = parse_origin,
	['s' - 'a'] = parse_name,      ['c' - 'a'] = parse_connection,
	['b' - 'a'] = parse_bandwidth, ['t' - 'a'] = parse_timing,
	['k' - 'a'] = parse_key,       ['m' - 'a'] = parse_media,
	['a' - 'a'] = parse_attribute,
};

static int parse_line(struct parser *parser, struct slice line, uint32_t number)
{
	struct slice value;
	unsigned letter;

	if (line.n < 2 || line.p[1] != '=' || (unsigned)(unsigned char)line.p[0] - 'a' > 25)
		return broken(parser, "not a line of SDP");
	if (line.n > SDP_LINE_MAX || number > SDP_LINES_MAX)
		return broken(parser, "too long");
	if (memchr(line.p, '\0', line.n) != NULL || memchr(line.p, '\r', line.n) != NULL)
		return broken(parser, "control character");
	value = (struct slice){ line.p + 2, line.n - 2 };
	if ((line.p[0] == 'v') != (number == 1))
		return broken(parser, "v= not first, and once");
	letter = (unsigned)line.p[0] - 'a';
	if (line_parsers[letter] == NULL)
		return 0;
	return line_parsers[letter](parser, line.p[0] == 'a' ? value : slice_trim(value));
}

/* Each line of a part makes the part longer, from behind its m= on. */
static void extend_part(struct parser *parser, const char *begin, const char *end)
{
	struct slice *part = parser->media != NULL ? &parser->media->lines : &parser->sdp->lines;

	if (*begin == 'm')
		return;
	if (part->p == NULL)
		part->p = begin;
	part->n = (size_t)(end - part->p);
}

int sdp_parse(struct slice text, struct sdp *sdp, struct sdp_error *error)
{
	struct parser parser = { .sdp = sdp, .direction = SDP_SENDRECV };
	uint32_t number = 0;
	int rc = 0;

	/* The media lines are set up as they come: most of the structure stays untouched. */
	memset(sdp, 0, offsetof(struct sdp, media));
	if (text.n > SDP_TEXT_MAX)
		rc = broken(&parser, "too long");
	/* Empty lines at the end do no harm. */
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (rc == 0 && text.n == 0)
		rc = broken(&parser, "empty");
	while (rc == 0 && text.p != NULL) {
		const char *begin = text.p, *end = text.p + text.n;
		struct slice line = sdp_take_line(&text);

		rc = parse_line(&parser, line, ++number);
		if (rc == 0)
			extend_part(&parser, begin, text.p != NULL ? text.p : end);
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

/* --- lines that few ask for ------------------------------------------------------------------ */

bool sdp_line_next(struct slice *lines, char *type, struct slice *value)
{
	while (lines->p != NULL && lines->n > 0) {
		struct slice line = sdp_take_line(lines);

		if (line.n < 2 || line.p[1] != '=')
			continue;
		*type = line.p[0];
		*value = (struct slice){ line.p + 2, line.n - 2 };
		return true;
	}
	return false;
}

bool sdp_bandwidth(struct slice lines, struct slice type, uint32_t *value)
{
	struct slice line;
	char letter;

	while (sdp_line_next(&lines, &letter, &line)) {
		line = slice_trim(line);
		if (letter == 'b' && slice_equal_nocase(slice_split(&line, ':'), type))
			return slice_to_u32(slice_trim(line), UINT32_MAX, value) == 0;
	}
	return false;
}

bool sdp_key(struct slice lines, struct slice *method, struct slice *key)
{
	struct slice line;
	char letter;

	while (sdp_line_next(&lines, &letter, &line)) {
		if (letter != 'k')
			continue;
		*key = slice_trim(line);
		*method = slice_split(key, ':');
		return true;
	}
	return false;
}
