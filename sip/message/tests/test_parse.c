/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/sanitizer.h"
#include "sip/message/tests/support.h"

/* The verdict on a message: 0 taken, 1 dropped silently, else the status it is answered with. */
static unsigned verdict_of(const char *data, size_t size, const struct sip_limits *limits,
			   struct sip_parse_error *error)
{
	struct sip_msg *msg;
	unsigned verdict;
	int rc = sip_msg_parse(data, size, limits, &msg, error);

	if (rc == 0) {
		verdict = 0;
	} else {
		cr_assert_eq(rc, -EBADMSG);
		cr_assert_not_null(error->what);
		cr_assert_leq(error->offset, size);
		cr_assert_eq(msg == NULL, error->status == 0, "what is dropped is no message");
		verdict = msg == NULL ? 1 : error->status;
	}
	sip_msg_unref(msg);
	return verdict;
}

static unsigned verdict(const char *text)
{
	struct sip_parse_error error;

	return verdict_of(text, strlen(text), NULL, &error);
}

Test(parse, request)
{
	static const char text[] = INVITE REQUIRED "Max-Forwards: 70\r\n"
						   "X-Unknown: yes\r\n"
						   "Content-Length: 4\r\n"
						   "\r\n"
						   "body";
	struct sip_msg *msg = parse(text);

	cr_expect(msg->is_request);
	cr_expect_eq(msg->method, SIP_INVITE);
	cr_expect_slice(msg->method_text, "INVITE");
	cr_expect_slice(msg->request_uri, "sip:bob@example.com");
	cr_expect_slice(msg->body, "body");
	cr_expect_slice(msg->raw, text);
	cr_expect_eq(msg->header_count, 8);
	cr_expect_slice(sip_msg_value(msg, SIP_H_CALL_ID), "3848276298220188511@192.0.2.1");
	cr_expect_slice(sip_msg_header_named(msg, SLICE("x-UNKNOWN"))->value, "yes");
	cr_expect_slice(sip_msg_header_named(msg, SLICE("I"))->name, "Call-ID");
	cr_expect_null(sip_msg_header_named(msg, SLICE("X-Absent")));
	cr_expect_null(sip_msg_header(msg, SIP_H_ROUTE));
	cr_expect_null(sip_msg_value(msg, SIP_H_ROUTE).p);
	sip_msg_unref(msg);
}

Test(parse, response)
{
	struct sip_msg *msg = parse("SIP/2.0 486 Busy Here\r\n" REQUIRED "\r\n");

	cr_expect_not(msg->is_request);
	cr_expect_eq(msg->status, 486);
	cr_expect_slice(msg->reason, "Busy Here");
	cr_expect_eq(msg->method, SIP_INVITE, "of CSeq");
	cr_expect_slice(msg->method_text, "INVITE");
	sip_msg_unref(msg);
}

Test(parse, the_message_is_a_copy)
{
	char text[] = INVITE REQUIRED "\r\n";
	struct sip_msg *msg = parse(text);

	memset(text, 'x', sizeof(text));
	cr_expect_slice(msg->request_uri, "sip:bob@example.com");
	sip_msg_ref(msg);
	sip_msg_unref(msg);
	cr_expect_slice(msg->method_text, "INVITE");
	sip_msg_unref(msg);
}

/* What the undefined-behaviour sanitizer minds: a slice of nothing points nowhere. */
Test(parse, nothing_is_no_message)
{
	struct sip_parse_error error;
	struct sip_msg *msg;

	cr_expect_eq(sip_msg_parse(NULL, 0, NULL, &msg, &error), -EBADMSG);
	cr_expect_null(msg);
	cr_expect_eq(sip_msg_index(NULL, 0, NULL, &msg, &error), -EBADMSG);
	cr_expect_null(msg);
}

Test(parse, keeps_what_it_checked)
{
	struct sip_msg *msg = parse(INVITE "Via: SIP/2.0/TCP h:99;x=\"a,b\";branch=z9hG4bK1;rport, "
					   "SIP/2.0/UDP i\r\n" FROM
					   "To: <sip:bob@example.com>;x;TAG=12\r\n" CALL_ID CSEQ
					   "Max-Forwards: 069\r\n\r\n");

	cr_expect_slice(msg->uri.user, "bob");
	cr_expect_slice(msg->via.transport, "TCP");
	cr_expect_eq(msg->via.port, 99);
	cr_expect_slice(msg->via.branch, "z9hG4bK1");
	cr_expect(msg->via.rport);
	cr_expect_slice(msg->from.uri.user, "alice");
	cr_expect_slice(msg->from_tag, "88sja8x");
	cr_expect_slice(msg->to_tag, "12");
	cr_expect_slice(msg->call_id, "3848276298220188511@192.0.2.1");
	cr_expect_eq(msg->cseq.number, 1);
	cr_expect_slice(msg->cseq.method, "INVITE");
	cr_expect_eq(msg->max_forwards, 69);
	sip_msg_unref(msg);
	msg = parse(INVITE REQUIRED "\r\n");
	cr_expect_null(msg->to_tag.p);
	cr_expect_eq(msg->max_forwards, -1);
	sip_msg_unref(msg);
}

Test(parse, what_is_returned_for_an_answer_keeps_only_what_is_right)
{
	struct sip_parse_error error;
	struct sip_msg *msg;

	cr_assert_eq(sip_msg_parse(INVITE VIA "To: <sip:b\r\n" CSEQ "\r\n",
				   strlen(INVITE VIA "To: <sip:b\r\n" CSEQ "\r\n"), NULL, &msg,
				   &error),
		     -EBADMSG);
	cr_expect_eq(error.status, 400);
	cr_expect_str_eq(error.what, "From missing");
	cr_expect_null(msg->from.uri.text.p);
	cr_expect_null(msg->to.uri.text.p);
	cr_expect_null(msg->call_id.p);
	cr_expect_slice(msg->via.branch, "z9hG4bKtest");
	sip_msg_unref(msg);
}

Test(parse, index_looks_at_lines_alone)
{
	static const char text[] = "INVITE whoever SIP/2.0\r\nFrom: <<\r\nX: 1\r\nl: 2\r\n\r\nab";
	static const char broken[] = "INVITE x SIP/2.0\r\nFrom\r\n\r\n";
	struct sip_parse_error error;
	struct sip_msg *msg;

	cr_assert_eq(sip_msg_index(text, sizeof(text) - 1, NULL, &msg, &error), 0);
	cr_expect_slice(sip_msg_value(msg, SIP_H_FROM), "<<");
	cr_expect_slice(msg->request_uri, "whoever");
	cr_expect_slice(msg->body, "ab");
	cr_expect_eq(msg->header_count, 3);
	sip_msg_unref(msg);
	cr_expect_eq(sip_msg_index(broken, sizeof(broken) - 1, NULL, &msg, &error), -EBADMSG);
	cr_expect_null(msg);
}

Test(parse, allocates_nothing_once_it_is_warm)
{
	static const char text[] = INVITE REQUIRED "\r\n";
	struct sip_msg *kept[8] = { 0 };
	uint64_t before = 0;

	for (unsigned i = 0; i < 1000; i++) {
		sip_msg_unref(kept[i % 8]);
		kept[i % 8] = parse(text);
		if (i == 16)
			before = sip_msg_allocations();
	}
#if !ADDRESS_SANITIZER
	cr_expect_eq(sip_msg_allocations(), before);
#endif
	for (unsigned i = 0; i < 8; i++)
		sip_msg_unref(kept[i]);
}

Test(parse, compact_forms_white_space_and_case)
{
	struct sip_msg *msg = parse("OPTIONS sip:bob@example.com SIP/2.0\r\n"
				    "v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
				    "f\t :\t <sip:a@example.com>;tag=1  \t\r\n"
				    "tO:<sip:b@example.com>\r\n"
				    "I:x\r\n"
				    "cseq:  7   OPTIONS \r\n"
				    "k:timer\r\n"
				    "l:0\r\n"
				    "\r\n");

	cr_expect_slice(sip_msg_value(msg, SIP_H_VIA), "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa");
	cr_expect_slice(sip_msg_value(msg, SIP_H_FROM), "<sip:a@example.com>;tag=1");
	cr_expect_slice(sip_msg_value(msg, SIP_H_TO), "<sip:b@example.com>");
	cr_expect_slice(sip_msg_value(msg, SIP_H_CALL_ID), "x");
	cr_expect_slice(sip_msg_value(msg, SIP_H_CSEQ), "7   OPTIONS");
	cr_expect_slice(sip_msg_value(msg, SIP_H_SUPPORTED), "timer");
	sip_msg_unref(msg);
}

Test(parse, folded_lines_become_one)
{
	struct sip_msg *msg = parse(INVITE REQUIRED "Subject: one\r\n two\r\n\t\r\n three  \r\n"
						    "Contact:\r\n <sip:a@example.com>\r\n"
						    "\r\n");

	cr_expect_slice(sip_msg_value(msg, SIP_H_SUBJECT), "one   two  \t   three");
	cr_expect_slice(sip_msg_value(msg, SIP_H_CONTACT), "<sip:a@example.com>");
	sip_msg_unref(msg);
}

Test(parse, several_fields_of_a_header_keep_their_order)
{
	struct sip_msg *msg = parse(INVITE "v: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK3\r\n" REQUIRED
					   "Via: SIP/2.0/TCP 192.0.2.2\r\n\r\n");
	const struct sip_header *h = sip_msg_header(msg, SIP_H_VIA);

	cr_expect_slice(h->value, "SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK3");
	h = sip_msg_next(msg, h);
	cr_expect_slice(h->value, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKtest");
	h = sip_msg_next(msg, h);
	cr_expect_slice(h->value, "SIP/2.0/TCP 192.0.2.2");
	cr_expect_null(sip_msg_next(msg, h));
	sip_msg_unref(msg);
}

Test(parse, body_ends_at_content_length)
{
	struct sip_msg *msg = parse(INVITE REQUIRED "Content-Length: 3\r\n\r\nabcdef");

	cr_expect_slice(msg->body, "abc");
	cr_expect_eq(msg->raw.p + msg->raw.n, msg->body.p + 3);
	sip_msg_unref(msg);
	msg = parse(INVITE REQUIRED "\r\nabcdef");
	cr_expect_slice(msg->body, "abcdef");
	sip_msg_unref(msg);
}

Test(parse, empty_lines_before_the_message)
{
	struct sip_msg *msg = parse("\r\n\r\n" INVITE REQUIRED "\r\n");

	cr_expect_eq(msg->raw.n, strlen(INVITE REQUIRED "\r\n"));
	sip_msg_unref(msg);
}

struct row {
	const char *name, *text;
	unsigned verdict;
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(verdict(rows[i].text), rows[i].verdict, "%s: %u", rows[i].name,
			     verdict(rows[i].text));
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

Test(parse, lines)
{
	static const struct row rows[] = {
		{ "right", INVITE REQUIRED "\r\n", 0 },
		{ "bare LF", INVITE VIA FROM TO CALL_ID "CSeq: 1 INVITE\n\r\n", 400 },
		{ "all LF",
		  "INVITE sip:b@e.com SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@e.com>\nTo: <sip:b@e.com>\n"
		  "Call-ID: x\nCSeq: 1 INVITE\n\n",
		  400 },
		{ "bare CR", INVITE REQUIRED "Subject: a\rb\r\n\r\n", 400 },
		{ "control character", INVITE REQUIRED "Subject: a\001b\r\n\r\n", 400 },
		{ "delete", INVITE REQUIRED "Subject: a\177b\r\n\r\n", 400 },
		{ "tabs are white space", INVITE REQUIRED "Subject:\ta\tb\r\n\r\n", 0 },
		{ "no empty line", INVITE REQUIRED, 400 },
		{ "no line end", INVITE REQUIRED "Subject: x", 400 },
		{ "no colon", INVITE REQUIRED "Subject\r\n\r\n", 400 },
		{ "no name", INVITE REQUIRED ": x\r\n\r\n", 400 },
		{ "name with space", INVITE REQUIRED "Sub ject: x\r\n\r\n", 400 },
		{ "folded first header", INVITE " x\r\n" REQUIRED "\r\n", 400 },
		{ "empty value", INVITE REQUIRED "Subject:\r\n\r\n", 0 },
		{ "UTF-8", INVITE REQUIRED "Subject: \xc3\xa9\xff\r\n\r\n", 0 },
	};

	CHECK(rows);
}

Test(parse, nul_is_refused)
{
	static const char text[] = INVITE REQUIRED "Subject: a\0b\r\n\r\n";
	struct sip_parse_error error;

	cr_expect_eq(verdict_of(text, sizeof(text) - 1, NULL, &error), 400);
	cr_expect_eq(error.offset, strlen(text));
}

Test(parse, first_line)
{
#define AND REQUIRED "\r\n"
	static const struct row rows[] = {
		{ "two spaces before the URI", "INVITE  sip:b@e.com SIP/2.0\r\n" AND, 400 },
		{ "two spaces behind the URI", "INVITE sip:b@e.com  SIP/2.0\r\n" AND, 400 },
		{ "space at the end", "INVITE sip:b@e.com SIP/2.0 \r\n" AND, 400 },
		{ "space in the URI", "INVITE sip:b@e.com; lr SIP/2.0\r\n" AND, 400 },
		{ "angle brackets", "INVITE <sip:b@e.com> SIP/2.0\r\n" AND, 400 },
		{ "headers in the URI", "INVITE sip:b@e.com?Route=%3Csip:e.com%3E SIP/2.0\r\n" AND,
		  400 },
		{ "version 7", "INVITE sip:b@e.com SIP/7.0\r\n" AND, 505 },
		{ "version 2.01", "INVITE sip:b@e.com SIP/2.01\r\n" AND, 505 },
		{ "no number of a version", "INVITE sip:b@e.com SIP/two\r\n" AND, 400 },
		{ "small version", "INVITE sip:b@e.com sip/2.0\r\n" AND, 0 },
		{ "unknown scheme", "INVITE nobody:knows SIP/2.0\r\n" AND, 416 },
		{ "tel", "INVITE tel:+358-555-1234567 SIP/2.0\r\n" AND, 0 },
		{ "no scheme", "INVITE bob SIP/2.0\r\n" AND, 400 },
		{ "unknown method",
		  "NEWMETHOD sip:b@e.com SIP/2.0\r\n" VIA FROM TO CALL_ID
		  "CSeq: 1 NEWMETHOD\r\n\r\n",
		  0 },
		{ "no method", " sip:b@e.com SIP/2.0\r\n" AND, 1 },
		{ "method that is no token", "INV(ITE sip:b@e.com SIP/2.0\r\n" AND, 1 },
		{ "HTTP", "GET / HTTP/1.1\r\n" AND, 1 },
		{ "no URI", "INVITE SIP/2.0\r\n" AND, 400 },
		{ "no version", "INVITE sip:b@e.com\r\n" AND, 1 },
		{ "nothing", "", 1 },
		{ "white space", "   ", 1 },
		{ "line ends", "\r\n\r\n\r\n", 1 },
		{ "ACK is never answered", "ACK sip:b@e.com SIP/7.0\r\n" AND, 1 },
		{ "response", "SIP/2.0 200 OK\r\n" AND, 0 },
		{ "no phrase", "SIP/2.0 100 \r\n" AND, 0 },
		{ "no phrase nor space", "SIP/2.0 100\r\n" AND, 0 },
		{ "phrase in UTF-8", "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe\r\n" AND, 0 },
		{ "large status", "SIP/2.0 4294967301 better not\r\n" AND, 1 },
		{ "status 700", "SIP/2.0 700 x\r\n" AND, 1 },
		{ "status 099", "SIP/2.0 099 x\r\n" AND, 1 },
		{ "status 20", "SIP/2.0 20 x\r\n" AND, 1 },
		{ "no status", "SIP/2.0 \r\n" AND, 1 },
		{ "response of version 3", "SIP/3.0 200 OK\r\n" AND, 1 },
	};

	CHECK(rows);
#undef AND
}

Test(parse, what_every_message_must_have)
{
	static const struct row rows[] = {
		{ "no Via", INVITE FROM TO CALL_ID CSEQ "\r\n", 1 },
		{ "no From", INVITE VIA TO CALL_ID CSEQ "\r\n", 400 },
		{ "no To", INVITE VIA FROM CALL_ID CSEQ "\r\n", 400 },
		{ "no Call-ID", INVITE VIA FROM TO CSEQ "\r\n", 400 },
		{ "no CSeq", INVITE VIA FROM TO CALL_ID "\r\n", 1 },
		{ "no Via that leads back",
		  INVITE "Via: SIP/2.0/UDP\r\n" FROM TO CALL_ID CSEQ "\r\n", 1 },
		{ "two From", INVITE REQUIRED FROM "\r\n", 400 },
		{ "two To", INVITE REQUIRED TO "\r\n", 400 },
		{ "two Call-ID", INVITE REQUIRED CALL_ID "\r\n", 400 },
		{ "two CSeq", INVITE REQUIRED CSEQ "\r\n", 400 },
		{ "two Max-Forwards", INVITE REQUIRED "Max-Forwards: 5\r\nMax-Forwards: 5\r\n\r\n",
		  400 },
		{ "broken Max-Forwards", INVITE REQUIRED "Max-Forwards: 0x7\r\n\r\n", 400 },
		{ "large Max-Forwards", INVITE REQUIRED "Max-Forwards: 300\r\n\r\n", 400 },
		{ "broken From", INVITE VIA "From: <sip:a\r\n" TO CALL_ID CSEQ "\r\n", 400 },
		{ "From *", INVITE VIA "From: *\r\n" TO CALL_ID CSEQ "\r\n", 400 },
		{ "broken To", INVITE VIA FROM "To: \"Mr <sip:b@e.com>\r\n" CALL_ID CSEQ "\r\n",
		  400 },
		{ "empty Call-ID", INVITE VIA FROM TO "Call-ID:\r\n" CSEQ "\r\n", 400 },
		{ "Call-ID of two words", INVITE VIA FROM TO "Call-ID: a b\r\n" CSEQ "\r\n", 400 },
		{ "CSeq of another method", INVITE VIA FROM TO CALL_ID "CSeq: 1 BYE\r\n\r\n", 400 },
		{ "CSeq in small letters", INVITE VIA FROM TO CALL_ID "CSeq: 1 invite\r\n\r\n",
		  400 },
		{ "CSeq without number", INVITE VIA FROM TO CALL_ID "CSeq: INVITE\r\n\r\n", 400 },
		{ "CSeq without method", INVITE VIA FROM TO CALL_ID "CSeq: 1\r\n\r\n", 400 },
		{ "CSeq beyond 2^31", INVITE VIA FROM TO CALL_ID "CSeq: 2147483648 INVITE\r\n\r\n",
		  400 },
		{ "largest CSeq", INVITE VIA FROM TO CALL_ID "CSeq: 2147483647 INVITE\r\n\r\n", 0 },
		{ "broken response",
		  "SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID "CSeq: INVITE\r\n\r\n", 1 },
	};

	CHECK(rows);
}

Test(parse, content_length)
{
	static const struct row rows[] = {
		{ "exact", INVITE REQUIRED "Content-Length: 2\r\n\r\nab", 0 },
		{ "too large", INVITE REQUIRED "Content-Length: 3\r\n\r\nab", 400 },
		{ "far too large", INVITE REQUIRED "Content-Length: 18446744073709551618\r\n\r\nab",
		  400 },
		{ "negative", INVITE REQUIRED "Content-Length: -2\r\n\r\nab", 400 },
		{ "empty", INVITE REQUIRED "Content-Length:\r\n\r\nab", 400 },
		{ "hexadecimal", INVITE REQUIRED "Content-Length: 0x2\r\n\r\nab", 400 },
		{ "two", INVITE REQUIRED "Content-Length: 2\r\nl: 2\r\n\r\nab", 400 },
		{ "two values", INVITE REQUIRED "Content-Length: 2, 2\r\n\r\nab", 400 },
	};

	CHECK(rows);
}

Test(parse, control_characters_may_be_escaped_within_quotes)
{
	static const struct row rows[] = {
		{ "in a quoted string", INVITE REQUIRED "Contact: \"a\\\001\" <sip:a@h>\r\n\r\n",
		  0 },
		{ "without a backslash", INVITE REQUIRED "Contact: \"a\001\" <sip:a@h>\r\n\r\n",
		  400 },
		{ "behind the string", INVITE REQUIRED "Subject: \"a\" \\\001\r\n\r\n", 400 },
		{ "behind an escaped quote", INVITE REQUIRED "Subject: \"a\\\"\\\001\"\r\n\r\n",
		  0 },
		{ "an escaped backslash", INVITE REQUIRED "Subject: \"a\\\\\001\"\r\n\r\n", 400 },
		{ "a line feed", INVITE REQUIRED "Subject: \"a\\\nb\"\r\n\r\n", 400 },
		{ "a first line", "INVITE \"\\\001\" SIP/2.0\r\n" REQUIRED "\r\n", 400 },
	};

	CHECK(rows);
}

Test(parse, limits)
{
	struct sip_limits limits = sip_limits_default;
	struct sip_parse_error error;
	static char text[70000];
	int n;

	n = snprintf(text, sizeof(text), INVITE REQUIRED "Subject: %0*d\r\n\r\n", 8192, 0);
	cr_expect_eq(verdict_of(text, (size_t)n, NULL, &error), 0);
	n = snprintf(text, sizeof(text), INVITE REQUIRED "Subject: %0*d\r\n\r\n", 8193, 0);
	cr_expect_eq(verdict_of(text, (size_t)n, NULL, &error), 513);

	n = snprintf(text, sizeof(text), INVITE REQUIRED "\r\n%0*d", 65000, 0);
	cr_expect_eq(verdict_of(text, (size_t)n, NULL, &error), 0);
	n = snprintf(text, sizeof(text), INVITE REQUIRED "\r\n%0*d", 66000, 0);
	cr_expect_eq(verdict_of(text, (size_t)n, NULL, &error), 513);

	n = snprintf(text, sizeof(text), "INVITE sip:%0*d@e.com SIP/2.0\r\n" REQUIRED "\r\n", 1030,
		     0);
	cr_expect_eq(verdict_of(text, (size_t)n, NULL, &error), 414);

	limits.headers = 6;
	n = snprintf(text, sizeof(text), INVITE REQUIRED "a1: 1\r\n\r\n");
	cr_expect_eq(verdict_of(text, (size_t)n, &limits, &error), 0);
	n = snprintf(text, sizeof(text), INVITE REQUIRED "a1: 1\r\nb: 1\r\n\r\n");
	cr_expect_eq(verdict_of(text, (size_t)n, &limits, &error), 513);
	cr_expect_str_eq(error.what, "too many headers");

	limits.params = 1;
	n = snprintf(text, sizeof(text),
		     INVITE "Via: SIP/2.0/UDP h;branch=1;x\r\n" FROM TO CALL_ID CSEQ "\r\n");
	cr_expect_eq(verdict_of(text, (size_t)n, &limits, &error), 400);
}

/* The index is as large as there are lines: counted in words, and many to a sum. */
Test(parse, as_many_headers_as_allowed_and_a_body_of_lines)
{
	static char text[70000];
	size_t n = (size_t)snprintf(text, sizeof(text), INVITE REQUIRED);
	struct sip_msg *msg;

	for (unsigned i = 0; i < sip_limits_default.headers - 5u; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X:\r\n");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	msg = parse(text);
	cr_expect_eq(msg->header_count, sip_limits_default.headers);
	sip_msg_unref(msg);
	memset(text + n, '\n', 60000);
	msg = parse(text);
	cr_expect_eq(msg->body.n, 60000);
	sip_msg_unref(msg);
}

Test(parse, errors_name_header_and_offset)
{
	static const char text[] = INVITE VIA FROM TO CALL_ID "CSeq: 1 BYE\r\n\r\n";
	struct sip_parse_error error;

	cr_expect_eq(verdict_of(text, sizeof(text) - 1, NULL, &error), 400);
	cr_expect_str_eq(error.what, "CSeq of another method");
	cr_expect_eq(error.offset, strstr(text, "BYE") - text);

	static const char late[] = "\r\n\r\n" INVITE REQUIRED "Content-Length: x\r\n\r\n";
	cr_expect_eq(verdict_of(late, sizeof(late) - 1, NULL, &error), 400);
	cr_expect_str_eq(error.what, "Content-Length malformed");
	cr_expect_eq(error.offset, strstr(late, "x\r\n\r\n") - late);
}

/* Whatever is cut off or changed: no crash, and nothing that could end a line in any value. */
Test(parse, mutations_leave_no_control_characters)
{
	static const char text[] = INVITE REQUIRED "Subject: a\r\n b\r\nContact: <sip:a@e.com>\r\n"
						   "Content-Length: 4\r\n\r\nbody";
	static const char evil[] = { 0, '\r', '\n', ' ', '"', '<', ':', ';', ',', '\x7f', '\xff' };
	char copy[sizeof(text)];
	struct sip_parse_error error;
	struct sip_msg *msg;

	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		for (size_t e = 0; e <= sizeof(evil); e++) {
			size_t size = e < sizeof(evil) ? sizeof(text) - 1 : at;

			memcpy(copy, text, sizeof(text));
			if (e < sizeof(evil))
				copy[at] = evil[e];
			sip_msg_parse(copy, size, NULL, &msg, &error);
			for (unsigned i = 1; msg != NULL && i <= msg->header_count; i++) {
				struct slice v = msg->headers[i].value;

				for (size_t k = 0; k < v.n; k++)
					cr_assert((unsigned char)v.p[k] >= ' ' || v.p[k] == '\t');
			}
			sip_msg_unref(msg);
		}
	}
}

Test(names, of_headers_and_methods)
{
	for (unsigned id = 1; id < SIP_HEADER_IDS; id++) {
		char text[40];
		const char *name = sip_header_text((enum sip_header_id)id);

		cr_expect_eq(sip_header_of(slice_of(name)), id, "%s", name);
		for (size_t i = 0; i <= strlen(name); i++)
			text[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
		cr_expect_eq(sip_header_of(slice_of(text)), id, "%s", text);
		text[0] = '+';
		cr_expect_eq(sip_header_of(slice_of(text)), SIP_H_OTHER);
	}
	cr_expect_eq(sip_header_of(SLICE("V")), SIP_H_VIA);
	cr_expect_eq(sip_header_of(SLICE("x")), SIP_H_SESSION_EXPIRES);
	cr_expect_eq(sip_header_of(SLICE("z")), SIP_H_OTHER);
	cr_expect_eq(sip_header_of(SLICE("6")), SIP_H_OTHER);
	cr_expect_eq(sip_header_of(SLICE_NONE), SIP_H_OTHER);
	for (unsigned m = 1; m < SIP_METHOD_COUNT; m++)
		cr_expect_eq(sip_method_of(slice_of(sip_method_text((enum sip_method)m))), m);
	cr_expect_eq(sip_method_of(SLICE("invite")), SIP_UNKNOWN_METHOD);
	cr_expect_str_eq(sip_reason_text(486), "Busy Here");
	cr_expect_str_eq(sip_reason_text(299), "Unknown");
}
