/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser: one pass over a private copy of the datagram. The message, its index of headers and
 * the copy are one block:
 *
 *   struct sip_msg | headers[0 .. lines] | the datagram | PADDING zeros
 *
 * The zeros let the scanner read whole words, and stop it at the end. Control characters in the
 * header and the line ends of folded lines become spaces in the copy, so that no value of a
 * message, good or bad, holds any.
 *
 * The first error decides the verdict. Parsing goes on after it, because a request that says who
 * sent it deserves an answer.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "sip/message/chars.h"
#include "sip/message/internal.h"

#define PADDING 16

const struct sip_limits sip_limits_default = {
	.message = 65535,
	.headers = 128,
	.header_value = 8192,
	.uri = 1024,
	.params = 64,
};

struct parser {
	struct sip_msg *msg;
	const struct sip_limits *limits;
	struct sip_parse_error *error;
	bool failed;
	char *start, *p, *end;
	const char *data_start; /* of the datagram, in the copy */
};

static void fail(struct parser *parser, unsigned status, const char *at, const char *what)
{
	if (parser->failed)
		return;
	parser->failed = true;
	parser->error->status = (uint16_t)status;
	parser->error->offset = (uint32_t)(at - parser->data_start);
	parser->error->what = what;
}

/* --- scanning ------------------------------------------------------------------------------ */

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* The first control character at or behind p; the padding holds one. */
static inline char *find_control(char *p)
{
	for (;; p += 8) {
		uint64_t word, del, found;

		memcpy(&word, p, 8);
		del = word ^ ONES * 0x7f;
		found = ((word - ONES * 0x20) & ~word) | ((del - ONES) & ~del);
		found &= HIGHS;
		if (found != 0)
			return p + (__builtin_ctzll(found) >> 3);
	}
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "find_control() counts from the low end");

typedef uint8_t bytes16 __attribute__((vector_size(16)));

/* Line feeds in the data: an upper limit for the number of headers. */
static size_t count_lines(const char *p, size_t n)
{
	size_t count = 0;

	while (n >= 16) {
		bytes16 sums = { 0 };

		for (unsigned i = 0; i < 255 && n >= 16; i++, p += 16, n -= 16) {
			bytes16 bytes;

			memcpy(&bytes, p, 16);
			sums -= (bytes16)(bytes == '\n'); /* all bits where it is true: -1 */
		}
		for (unsigned i = 0; i < 16; i++)
			count += sums[i];
	}
	while (n-- > 0)
		count += *p++ == '\n';
	return count;
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

		p = find_control(p);
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

static void check_request_uri(struct parser *parser)
{
	struct slice text = parser->msg->request_uri;
	struct sip_uri uri;

	if (text.n > parser->limits->uri)
		fail(parser, 414, text.p, "Request-URI too long");
	else if (sip_uri_parse(text, &uri) != 0)
		fail(parser, 400, text.p, "Request-URI malformed");
	else if (uri.scheme == SIP_SCHEME_OTHER)
		fail(parser, 416, text.p, "Request-URI of an unsupported scheme");
	else if (uri.headers.p != NULL)
		/* RFC 3261 §19.1.1, table 1 */
		fail(parser, 400, uri.headers.p, "Request-URI with header fields");
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
	check_request_uri(parser);
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

static void add_header(struct parser *parser, struct slice name, struct slice value)
{
	struct sip_msg *msg = parser->msg;
	unsigned index = ++msg->header_count;
	enum sip_header_id id = sip_header_of(name);
	struct sip_header *header = &msg->headers[index];

	header->id = (uint16_t)id;
	header->next = 0;
	header->name = name;
	header->value = value;
	if (msg->first[id] == 0)
		msg->first[id] = (uint16_t)index;
	else
		msg->headers[msg->last[id]].next = (uint16_t)index;
	msg->last[id] = (uint16_t)index;
}

static void parse_header(struct parser *parser)
{
	char *line = parser->p, *p = line, *end, *value_end;
	struct slice name;

	while (char_is(*p, CHAR_TOKEN))
		p++;
	name = (struct slice){ line, (size_t)(p - line) };
	p = skip_blank(p, parser->end);
	if (name.n == 0 || *p != ':') {
		fail(parser, 400, p, "header line without a name and a colon");
		scan_line(parser, true, &end);
		return;
	}
	parser->p = p + 1;
	scan_line(parser, true, &end);
	p = skip_blank(p + 1, end);
	value_end = trim_blank(p, end);
	if (value_end - p > parser->limits->header_value) {
		fail(parser, 513, p, "header too long");
		return;
	}
	add_header(parser, name, (struct slice){ p, (size_t)(value_end - p) });
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

/* --- what every message must have ------------------------------------------------------------- */

static bool call_id_valid(struct slice value)
{
	return all_are(value, CHAR_VISIBLE);
}

static bool addr_valid(struct slice value)
{
	struct sip_addr addr;

	return sip_addr_parse(value, &addr) == 0 && !addr.star;
}

/* RFC 3261 §20.22: 0 to 255 */
static bool max_forwards_valid(struct slice value)
{
	uint32_t number;

	return slice_to_u32(value, 255, &number) == 0;
}

static bool cseq_valid(struct slice value)
{
	struct sip_cseq cseq;

	return sip_cseq_parse(value, &cseq) == 0;
}

static const struct rule {
	enum sip_header_id id;
	bool required;
	bool (*valid)(struct slice value);
	const char *missing, *malformed, *repeated;
} rules[] = {
#define RULE(id, name, required, valid)                                                   \
	{                                                                                 \
		id, required, valid, name " missing", name " malformed", name " repeated" \
	}
	RULE(SIP_H_FROM, "From", true, addr_valid),
	RULE(SIP_H_TO, "To", true, addr_valid),
	RULE(SIP_H_CALL_ID, "Call-ID", true, call_id_valid),
	RULE(SIP_H_CSEQ, "CSeq", true, cseq_valid),
	RULE(SIP_H_MAX_FORWARDS, "Max-Forwards", false, max_forwards_valid),
	RULE(SIP_H_CONTENT_LENGTH, "Content-Length", false, NULL),
	RULE(SIP_H_CONTENT_TYPE, "Content-Type", false, NULL),
#undef RULE
};

static void check_rule(struct parser *parser, const struct rule *rule)
{
	const struct sip_msg *msg = parser->msg;
	const struct sip_header *header = sip_msg_header(msg, rule->id);

	if (header == NULL) {
		if (rule->required)
			fail(parser, 0, parser->p, rule->missing);
		return;
	}
	if (rule->valid != NULL && !rule->valid(header->value))
		fail(parser, 400, header->value.p, rule->malformed);
	if (header->next != 0)
		fail(parser, 400, sip_msg_next(msg, header)->name.p, rule->repeated);
}

static void check_via(struct parser *parser)
{
	struct slice value = sip_msg_value(parser->msg, SIP_H_VIA);
	struct sip_via via;

	if (value.p == NULL)
		fail(parser, 0, parser->p, "Via missing");
	else if (sip_via_next(&value, &via) != 0 ||
		 !sip_params_valid(via.params.text, parser->limits->params))
		fail(parser, 400, via.text.p, "Via malformed");
}

static void check_method(struct parser *parser)
{
	struct sip_msg *msg = parser->msg;
	struct sip_cseq cseq;

	if (sip_msg_cseq(msg, &cseq) != 0)
		return;
	if (!msg->is_request) {
		msg->method_text = cseq.method;
		msg->method = (uint8_t)sip_method_of(cseq.method);
	} else if (!slice_equal(cseq.method, msg->method_text)) {
		fail(parser, 400, cseq.method.p, "CSeq of another method");
	}
}

static void check_headers(struct parser *parser)
{
	check_via(parser);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		check_rule(parser, &rules[i]);
	check_method(parser);
}

/* A response can be made of it and finds its way back. An ACK gets none. */
static bool is_answerable(const struct sip_msg *msg)
{
	struct sip_via via;

	if (!msg->is_request || msg->method == SIP_ACK || sip_msg_top_via(msg, &via) != 0)
		return false;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].required && sip_msg_value(msg, rules[i].id).n == 0)
			return false;
	}
	return true;
}

/* --- all of it ------------------------------------------------------------------------------ */

static int create(const char *data, size_t size, struct parser *parser)
{
	size_t headers = count_lines(data, size) + 1;
	struct sip_msg *msg;
	char *copy;

	if (headers > (size_t)parser->limits->headers + 1)
		headers = (size_t)parser->limits->headers + 1;
	msg = malloc(sizeof(*msg) + headers * sizeof(*msg->headers) + size + PADDING);
	if (msg == NULL)
		return -ENOMEM;
	memset(msg, 0, sizeof(*msg));
	msg->refs = 1;
	msg->headers = (struct sip_header *)(msg + 1);
	copy = (char *)(msg->headers + headers);
	if (size > 0)
		memcpy(copy, data, size);
	memset(copy + size, 0, PADDING);
	parser->msg = msg;
	parser->start = parser->p = copy;
	parser->end = copy + size;
	return 0;
}

int sip_msg_parse(const char *data, size_t size, const struct sip_limits *limits,
		  struct sip_msg **msg, struct sip_parse_error *error)
{
	struct parser parser = {
		.limits = limits != NULL ? limits : &sip_limits_default,
		.error = error,
	};
	size_t skipped = 0, whole = size;
	int rc;

	*msg = NULL;
	*error = (struct sip_parse_error){ 0 };
	while (skipped < size && (data[skipped] == '\r' || data[skipped] == '\n'))
		skipped++;
	size -= skipped;
	if (size > parser.limits->message)
		size = parser.limits->message;
	rc = create(data + skipped, size, &parser);
	if (rc != 0)
		return rc;
	parser.data_start = parser.start - skipped;
	if (size + skipped < whole)
		fail(&parser, 513, parser.end, "message too long");

	parse_start_line(&parser);
	parse_headers(&parser);
	parse_body(&parser);
	check_headers(&parser);
	if (!parser.failed) {
		*msg = parser.msg;
		return 0;
	}
	if (error->status != 0 && is_answerable(parser.msg)) {
		*msg = parser.msg;
	} else {
		error->status = 0;
		sip_msg_unref(parser.msg);
	}
	return -EBADMSG;
}
