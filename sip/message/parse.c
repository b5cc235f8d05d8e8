/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser: one pass over a private copy of the datagram. The message, its index of headers and
 * the copy are one block:
 *
 *   struct sip_msg | the datagram | SCAN_PADDING zeros | headers[0 ..]
 *
 * The zeros let the scanner read sixteen bytes at a time, and stop it at the end. Control characters
 * in the header and the line ends of folded lines become spaces in the copy, so that no value of a
 * message, good or bad, holds any.
 *
 * The first error decides the verdict. Parsing goes on after it, because a request that says who
 * sent it deserves an answer.
 */
#include <errno.h>
#include <stddef.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"
#include "sip/message/pool.h"
#include "sip/message/scan.h"

struct parser {
	struct sip_msg *msg;
	const struct sip_limits *limits;
	struct checker checker;
	char *start, *p, *end;
	unsigned room; /* of headers[], with the unused one at 0 */
	bool full;     /* there are more of them than that */
};

static void fail(struct parser *parser, unsigned status, const char *at, const char *what)
{
	msg_fail(&parser->checker, status, at, what);
}

/* --- lines --------------------------------------------------------------------------------- */

/* Is p within a quoted string of the text that begins at `from`? */
static bool is_quoted(const char *from, const char *p)
{
	bool quoted = false;

	for (; from < p; from++) {
		if (quoted && *from == '\\')
			from++;
		else if (*from == '"')
			quoted = !quoted;
	}
	return quoted && from == p;
}

/*
 * Moves behind the end of the line; *line_end is where its text ends. fold: lines that begin with
 * white space go on with this one.
 */
static void scan_line(struct parser *parser, bool fold, char **line_end)
{
	char *p = parser->p;

	for (;;) {
		size_t length = 1;

		p = scan_control(p);
		if (p >= parser->end) {
			fail(parser, 400, parser->end, "end of the header missing");
			*line_end = parser->p = parser->end;
			return;
		}
		if (*p == '\t') {
			p++;
			continue;
		}
		if (*p == '\r' && p[1] == '\n' && p + 1 < parser->end) {
			length = 2;
		} else if (*p == '\n') {
			fail(parser, 400, p, "line feed without carriage return in the header");
		} else {
			/* RFC 3261 §25.1, quoted-pair: it may be escaped. It becomes a space even so. */
			if (!fold || p == parser->p || p[-1] != '\\' ||
			    !is_quoted(parser->p, p - 1))
				fail(parser, 400, p, "control character in the header");
			*p++ = ' ';
			continue;
		}
		if (fold && p + length < parser->end && (p[length] == ' ' || p[length] == '\t')) {
			memset(p, ' ', length);
			p += length;
			continue;
		}
		*line_end = p;
		parser->p = p + length;
		return;
	}
}

static inline char *skip_blank(char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

static inline char *trim_blank(const char *start, char *end)
{
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return end;
}

/* --- the first line ------------------------------------------------------------------------ */

static bool is_version(struct slice s)
{
	return slice_equal_nocase(s, SLICE("SIP/2.0"));
}

/* SIP-Version of another number: "SIP" "/" 1*DIGIT "." 1*DIGIT */
static bool is_other_version(struct slice s)
{
	struct slice number, whole;
	uint32_t value;

	if (!slice_starts_nocase(s, SLICE("SIP/")))
		return false;
	number = (struct slice){ s.p + 4, s.n - 4 };
	whole = slice_split(&number, '.');
	return slice_to_u32(whole, UINT32_MAX, &value) != -EINVAL &&
	       slice_to_u32(number, UINT32_MAX, &value) != -EINVAL;
}

/* Status-Line: SIP-Version SP 3DIGIT SP Reason-Phrase. The second space may be missing when
 * there is no phrase. */
static void parse_status_line(struct parser *parser, char *p, char *end)
{
	struct sip_msg *msg = parser->msg;
	struct slice code;
	uint32_t status;

	p += sizeof("SIP/2.0 ") - 1;
	code = (struct slice){ p, 0 };
	while (code.n < (size_t)(end - p) && p[code.n] != ' ')
		code.n++;
	if (code.n != 3 || slice_to_u32(code, 699, &status) != 0 || status < 100) {
		fail(parser, 0, p, "Status-Code malformed");
		return;
	}
	msg->status = (uint16_t)status;
	p += 3;
	if (p < end)
		p++;
	msg->reason = (struct slice){ p, (size_t)(end - p) };
}

/* Request-Line: Method SP Request-URI SP SIP-Version, and nothing around it. */
static void parse_request_line(struct parser *parser, char *p, char *end)
{
	struct sip_msg *msg = parser->msg;
	char *text_end = trim_blank(p, end), *version = text_end, *uri;
	struct slice rest = { p, (size_t)(text_end - p) };

	msg->is_request = true;
	msg->method_text = take_while(&rest, CHAR_TOKEN);
	msg->method = (uint8_t)sip_method_of(msg->method_text);
	while (version > rest.p && version[-1] != ' ' && version[-1] != '\t')
		version--;
	if (msg->method_text.n == 0 || version == rest.p || rest.p[0] != ' ' ||
	    !slice_starts_nocase((struct slice){ version, (size_t)(text_end - version) },
				 SLICE("SIP/"))) {
		fail(parser, 0, p, "not a SIP message");
		return;
	}
	uri = (char *)rest.p + 1;
	msg->request_uri = slice_trim((struct slice){ uri, (size_t)(version - uri) });
	rest = (struct slice){ version, (size_t)(text_end - version) };
	if (!is_version(rest)) {
		if (is_other_version(rest))
			fail(parser, 505, version, "SIP-Version not supported");
		else
			fail(parser, 400, version, "SIP-Version malformed");
	} else if (text_end != end || msg->request_uri.p != uri ||
		   uri + msg->request_uri.n + 1 != version) {
		fail(parser, 400, uri, "Request-Line with too much white space");
	}
}

static void parse_start_line(struct parser *parser)
{
	char *line = parser->p, *end;
	struct slice text;

	scan_line(parser, false, &end);
	text = (struct slice){ line, (size_t)(end - line) };
	if (slice_starts_nocase(text, SLICE("SIP/2.0 ")))
		parse_status_line(parser, line, end);
	else if (slice_starts_nocase(text, SLICE("SIP/")))
		fail(parser, 0, line, "Status-Line malformed");
	else
		parse_request_line(parser, line, end);
}

/* --- headers ------------------------------------------------------------------------------- */

/* The name up to the colon, which is where *colon points then. Mostly the colon follows at once, and
 * the name is a known one, so that its characters need no look. */
static bool parse_name(char *line, char **colon, struct slice *name, enum sip_header_id *id)
{
	char *p = scan_colon(line);

	if (*p == ':') {
		*name = (struct slice){ line, (size_t)(trim_blank(line, p) - line) };
		*colon = p;
		*id = header_name_id(line, name->n);
		return *id != SIP_H_OTHER || all_are(*name, CHAR_TOKEN);
	}
	/* HTAB before the colon */
	*name = (struct slice){ line, 0 };
	for (p = line; char_is(*p, CHAR_TOKEN); p++)
		name->n++;
	*id = header_name_id(line, name->n);
	while (*p == ' ' || *p == '\t')
		p++;
	*colon = p;
	return name->n > 0 && *p == ':';
}

static void parse_header(struct parser *parser)
{
	char *line = parser->p, *p, *end, *value_end;
	enum sip_header_id id;
	struct slice name;

	if (!parse_name(line, &p, &name, &id)) {
		fail(parser, 400, line, "header line without a name and a colon");
		scan_line(parser, true, &end);
		return;
	}
	parser->p = p + 1;
	scan_line(parser, true, &end);
	p = skip_blank(p + 1, end);
	value_end = trim_blank(p, end);
	if (value_end - p > parser->limits->header_value || name.n > parser->limits->header_name) {
		fail(parser, 513, p, "header too long");
		return;
	}
	msg_add_header(parser->msg, id, name, (struct slice){ p, (size_t)(value_end - p) });
}

/* Up to the empty line. */
static void parse_headers(struct parser *parser)
{
	while (parser->p < parser->end) {
		char *p = parser->p;

		if (p[0] == '\r' && p + 1 < parser->end && p[1] == '\n') {
			parser->p += 2;
			return;
		}
		if (p[0] == '\n') {
			fail(parser, 400, p, "line feed without carriage return in the header");
			parser->p += 1;
			return;
		}
		if (parser->msg->header_count == parser->limits->headers) {
			fail(parser, 513, p, "too many headers");
			parser->p = parser->end;
			return;
		}
		if (parser->msg->header_count + 1u == parser->room) {
			parser->full = true;
			return;
		}
		parse_header(parser);
	}
	fail(parser, 400, parser->end, "empty line after the header missing");
}

static void parse_body(struct parser *parser)
{
	struct sip_msg *msg = parser->msg;
	struct slice length = sip_msg_value(msg, SIP_H_CONTENT_LENGTH);
	size_t have = (size_t)(parser->end - parser->p);
	uint32_t n;
	int rc;

	if (length.p != NULL) {
		rc = slice_to_u32(length, UINT32_MAX, &n);
		if (rc == -EINVAL)
			fail(parser, 400, length.p, "Content-Length malformed");
		else if (rc != 0 || n > have)
			fail(parser, 400, length.p, "Content-Length beyond the end of the message");
		else
			have = n;
	}
	msg->body = (struct slice){ parser->p, have };
	msg->raw = (struct slice){ parser->start, (size_t)(parser->p - parser->start) + have };
}

/* --- all of it ------------------------------------------------------------------------------ */

/* Most messages have fewer headers. */
#define ROOM_USUAL 33

/* Up to and with the body. -EAGAIN: there are more headers than room for them. */
static int index_with(const char *data, size_t size, const struct sip_limits *limits, unsigned room,
		      struct parser *parser, struct sip_parse_error *error)
{
	size_t skipped = 0, whole = size;

	*parser = (struct parser){ .limits = limits, .room = room };
	*error = (struct sip_parse_error){ 0 };
	while (skipped < size && (data[skipped] == '\r' || data[skipped] == '\n'))
		skipped++;
	size -= skipped;
	if (size > limits->message)
		size = limits->message;
	parser->msg = msg_create(data + skipped, size, &parser->room);
	if (parser->msg == NULL)
		return -ENOMEM;
	parser->start = parser->p = (char *)(parser->msg + 1);
	parser->end = parser->start + size;
	parser->checker = (struct checker){ .limits = limits,
					    .error = error,
					    .data_start = parser->start - skipped };
	if (size + skipped < whole)
		fail(parser, 513, parser->end, "message too long");
	parse_start_line(parser);
	parse_headers(parser);
	if (parser->full) {
		sip_msg_unref(parser->msg);
		return -EAGAIN;
	}
	parse_body(parser);
	return 0;
}

static int index_message(const char *data, size_t size, const struct sip_limits *limits,
			 struct parser *parser, struct sip_parse_error *error)
{
	int rc;

	if (limits == NULL)
		limits = &sip_limits;
	rc = index_with(data, size, limits, ROOM_USUAL, parser, error);
	if (rc == -EAGAIN)
		rc = index_with(data, size, limits, limits->headers + 2, parser, error);
	return rc;
}

int sip_msg_index(const char *data, size_t size, const struct sip_limits *limits,
		  struct sip_msg **msg, struct sip_parse_error *error)
{
	struct parser parser;
	int rc = index_message(data, size, limits, &parser, error);

	*msg = NULL;
	if (rc != 0)
		return rc;
	if (parser.checker.failed) {
		sip_msg_unref(parser.msg);
		return -EBADMSG;
	}
	*msg = parser.msg;
	return 0;
}

int sip_msg_parse(const char *data, size_t size, const struct sip_limits *limits,
		  struct sip_msg **msg, struct sip_parse_error *error)
{
	struct parser parser;
	int rc = index_message(data, size, limits, &parser, error);

	*msg = NULL;
	if (rc != 0)
		return rc;
	msg_check(parser.msg, &parser.checker);
	if (!parser.checker.failed) {
		*msg = parser.msg;
		return 0;
	}
	if (error->status != 0 && msg_is_answerable(parser.msg)) {
		*msg = parser.msg;
	} else {
		error->status = 0;
		sip_msg_unref(parser.msg);
	}
	return -EBADMSG;
}
