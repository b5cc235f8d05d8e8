/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/tests/support.h"

static char buffer[4096];

static struct sip_build start(size_t size)
{
	struct sip_build b;

	memset(buffer, '#', sizeof(buffer));
	sip_build_init(&b, buffer, size);
	return b;
}

Test(build, request)
{
	struct sip_build b = start(sizeof(buffer));
	struct slice message;

	sip_build_request_line(&b, SLICE("INVITE"), SLICE("sip:bob@example.com"));
	sip_build_header_slice(&b, SIP_H_CALL_ID, SLICE("abc"));
	sip_build_header(&b, SIP_H_CSEQ, "%u %s", 7u, "INVITE");
	cr_assert_eq(sip_build_finish(&b, SLICE("application/sdp"), SLICE("v=0\r\n"), &message), 0);
	cr_expect_slice(message, "INVITE sip:bob@example.com SIP/2.0\r\n"
				 "Call-ID: abc\r\n"
				 "CSeq: 7 INVITE\r\n"
				 "Content-Type: application/sdp\r\n"
				 "Content-Length: 5\r\n"
				 "\r\n"
				 "v=0\r\n");
}

static int build_small(size_t size, struct slice *message)
{
	struct sip_build b = start(size);

	sip_build_status_line(&b, 200, "OK");
	sip_build_header(&b, SIP_H_SERVER, "%s", "Tandem");
	sip_build_header_slice(&b, SIP_H_SUBJECT, SLICE("x"));
	return sip_build_finish(&b, SLICE_NONE, SLICE("body"), message);
}

Test(build, what_does_not_fit_fails_at_the_end_and_stays_in_the_buffer)
{
	struct slice message;
	size_t needed;

	cr_assert_eq(build_small(sizeof(buffer), &message), 0);
	needed = message.n;
	cr_expect_eq(needed, strlen("SIP/2.0 200 OK\r\nServer: Tandem\r\nSubject: x\r\n"
				    "Content-Length: 4\r\n\r\nbody"));
	cr_expect_eq(build_small(needed, &message), 0);
	for (size_t size = 0; size < needed; size++) {
		cr_expect_eq(build_small(size, &message), -ENOSPC);
		cr_expect_eq(buffer[size], '#');
	}
}

Test(build, no_value_starts_a_header_of_its_own)
{
	struct sip_build b = start(sizeof(buffer));
	struct slice message;

	sip_build_request_line(&b, SLICE("BYE"), SLICE("sip:a\r\nX: 1"));
	sip_build_header(&b, SIP_H_SUBJECT, "%s", "a\r\nEvil: 1");
	sip_build_header_slice(&b, SIP_H_REASON, SLICE("a\nEvil: 1"));
	sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message);
	cr_expect_slice(message, "BYE sip:a  X: 1 SIP/2.0\r\n"
				 "Subject: a  Evil: 1\r\n"
				 "Reason: a Evil: 1\r\n"
				 "Content-Length: 0\r\n\r\n");
}

Test(build, copies_are_complete_unfolded_and_in_full_form)
{
	struct sip_msg *msg = parse(INVITE REQUIRED "k: a\r\nSupported:\r\n b\r\nX-a: 1\r\n\r\n");
	struct sip_build b = start(sizeof(buffer));

	sip_build_copy(&b, msg, SIP_H_SUPPORTED);
	sip_build_copy(&b, msg, SIP_H_ROUTE);
	sip_build_copy(&b, msg, SIP_H_OTHER);
	cr_expect_slice(((struct slice){ buffer, b.used }),
			"Supported: a\r\nSupported: b\r\nX-a: 1\r\n");
	sip_msg_unref(msg);
}

static struct slice respond(const char *request, unsigned status, struct slice tag, const char *ip)
{
	struct sip_msg *msg = parse(request);
	struct sip_build b = start(sizeof(buffer));
	struct slice message;

	sip_build_response(&b, msg, status, sip_reason_text(status), tag, true, ip, 4711);
	cr_assert_eq(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message), 0);
	sip_msg_unref(msg);
	return message;
}

Test(response, copies_what_rfc_3261_says)
{
	static const char request[] =
		INVITE "Via: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2\r\n"
		       "v: SIP/2.0/UDP c;branch=3\r\n"
		       "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n" FROM TO CALL_ID CSEQ
		       "Timestamp: 54\r\nContact: <sip:x@y>\r\n\r\n";

	cr_expect_slice(respond(request, 180, SLICE("t1"), NULL),
			"SIP/2.0 180 Ringing\r\n"
			"Via: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2\r\n"
			"Via: SIP/2.0/UDP c;branch=3\r\n"
			"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
			"From: <sip:alice@example.com>;tag=88sja8x\r\n"
			"To: <sip:bob@example.com>;tag=t1\r\n" CALL_ID CSEQ
			"Content-Length: 0\r\n\r\n");
	cr_expect_slice(respond(request, 100, SLICE_NONE, NULL),
			"SIP/2.0 100 Trying\r\n"
			"Via: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2\r\n"
			"Via: SIP/2.0/UDP c;branch=3\r\n"
			"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
			"From: <sip:alice@example.com>;tag=88sja8x\r\n"
			"To: <sip:bob@example.com>\r\n" CALL_ID CSEQ
			"Timestamp: 54\r\nContent-Length: 0\r\n\r\n");
	cr_expect_slice(respond(request, 486, SLICE("t1"), NULL),
			"SIP/2.0 486 Busy Here\r\n"
			"Via: SIP/2.0/UDP a;branch=1, SIP/2.0/UDP b;branch=2\r\n"
			"Via: SIP/2.0/UDP c;branch=3\r\n"
			"From: <sip:alice@example.com>;tag=88sja8x\r\n"
			"To: <sip:bob@example.com>;tag=t1\r\n" CALL_ID CSEQ
			"Content-Length: 0\r\n\r\n");
}

Test(response, keeps_the_tag_that_is_there)
{
	struct slice message = respond("BYE sip:b@h SIP/2.0\r\n" VIA FROM
				       "To: <sip:b@h>;tag=old\r\n" CALL_ID "CSeq: 2 BYE\r\n\r\n",
				       200, SLICE("new"), NULL);

	cr_expect_not_null(memmem(message.p, message.n, "tag=old\r\n", 9));
	cr_expect_null(memmem(message.p, message.n, "new", 3));
}

/* RFC 3261 §18.2.1, RFC 3581 §4 */
Test(response, tells_the_source_in_the_topmost_via)
{
	static const struct {
		const char *via, *ip, *result;
	} rows[] = {
		{ "SIP/2.0/UDP 192.0.2.1;branch=1", "192.0.2.1", "SIP/2.0/UDP 192.0.2.1;branch=1" },
		{ "SIP/2.0/UDP 192.0.2.1;branch=1", "10.0.0.1",
		  "SIP/2.0/UDP 192.0.2.1;branch=1;received=10.0.0.1" },
		{ "SIP/2.0/UDP host.example.com:99", "10.0.0.1",
		  "SIP/2.0/UDP host.example.com:99;received=10.0.0.1" },
		{ "SIP/2.0/UDP 192.0.2.1;rport;branch=1", "192.0.2.1",
		  "SIP/2.0/UDP 192.0.2.1;branch=1;received=192.0.2.1;rport=4711" },
		{ "SIP/2.0/UDP 192.0.2.1;rport=1;received=6.6.6.6;x=\"a;b\";y", "10.0.0.1",
		  "SIP/2.0/UDP 192.0.2.1;x=\"a;b\";y;received=10.0.0.1;rport=4711" },
		{ "SIP/2.0/UDP [2001:DB8:0::1]:5060;branch=1", "2001:db8::1",
		  "SIP/2.0/UDP [2001:DB8:0::1]:5060;branch=1" },
		{ "SIP/2.0/UDP a;branch=1,SIP/2.0/UDP b;branch=2", "10.0.0.1",
		  "SIP/2.0/UDP a;branch=1;received=10.0.0.1,SIP/2.0/UDP b;branch=2" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char request[512];
		struct sip_msg *response;

		snprintf(request, sizeof(request), INVITE "Via: %s\r\n" FROM TO CALL_ID CSEQ "\r\n",
			 rows[i].via);
		buffer[respond(request, 200, SLICE("t"), rows[i].ip).n] = '\0';
		response = parse(buffer);
		cr_expect_slice(sip_msg_value(response, SIP_H_VIA), rows[i].result);
		sip_msg_unref(response);
	}
}

Test(response, to_a_request_that_is_broken)
{
	static const char text[] =
		INVITE VIA FROM "To: \"Mr <sip:b@h>\r\n" CALL_ID CSEQ CSEQ "\r\n";
	struct sip_build b = start(sizeof(buffer));
	struct sip_parse_error error;
	struct slice message;
	struct sip_msg *msg;

	cr_assert_eq(sip_msg_parse(text, sizeof(text) - 1, NULL, &msg, &error), -EBADMSG);
	cr_assert_not_null(msg);
	sip_build_response(&b, msg, error.status, "Bad Request", SLICE("t"), false, NULL, 0);
	cr_assert_eq(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message), 0);
	cr_expect_slice(message,
			"SIP/2.0 400 Bad Request\r\n" VIA FROM
			"To: \"Mr <sip:b@h>;tag=t\r\n" CALL_ID CSEQ "Content-Length: 0\r\n\r\n");
	sip_msg_unref(msg);
}

Test(build, headers_in_pieces)
{
	struct sip_build b = start(sizeof(buffer));
	struct slice message;

	sip_build_request_line(&b, SLICE("INVITE"), SLICE("sip:bob@example.com;lr"));
	sip_build_header_u32(&b, SIP_H_MAX_FORWARDS, 70);
	sip_build_begin(&b, SIP_H_TO);
	sip_build_text(&b, SLICE("<sip:b@h>"));
	sip_build_str(&b, ";x=a-text-of-more-than-sixteen\r\n\x7f characters");
	sip_build_u32(&b, UINT32_MAX);
	sip_build_end(&b);
	sip_build_cseq(&b, 0, SLICE("INVITE"));
	sip_build_lines(&b, SLICE("X-Own:  1 \r\nRoute: <sip:p;lr>\r\n"));
	cr_assert_eq(sip_build_finish(&b, SLICE("text/plain"), SLICE("hello"), &message), 0);
	cr_expect_slice(message,
			"INVITE sip:bob@example.com;lr SIP/2.0\r\nMax-Forwards: 70\r\n"
			"To: <sip:b@h>;x=a-text-of-more-than-sixteen    characters4294967295"
			"\r\nCSeq: 0 INVITE\r\nX-Own:  1 \r\nRoute: <sip:p;lr>\r\n"
			"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
}

Test(build, an_answer_to_what_has_neither_from_nor_to)
{
	static const char text[] = INVITE VIA CSEQ "\r\n";
	struct sip_build b = start(sizeof(buffer));
	struct sip_parse_error error;
	struct slice message;
	struct sip_msg *msg;

	cr_assert_eq(sip_msg_parse(text, sizeof(text) - 1, NULL, &msg, &error), -EBADMSG);
	cr_assert_not_null(msg);
	sip_build_response(&b, msg, 400, "Bad Request", SLICE("tag"), false, "192.0.2.1", 5060);
	sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message);
	cr_expect_slice(message,
			"SIP/2.0 400 Bad Request\r\n" VIA CSEQ "Content-Length: 0\r\n\r\n");
	sip_msg_unref(msg);
}
