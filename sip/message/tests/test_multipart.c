/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/message/multipart.h"
#include "sip/message/tests/support.h"

#define MIXED "Content-Type: multipart/mixed;boundary=\"b 1\"\r\n\r\n"

/* How a walk ends, and what it met: "type|disposition|body" of each part and a line end. */
static int walk(const char *text, char *met, size_t size)
{
	struct sip_msg *msg = parse(text);
	struct sip_body_walk w;
	struct sip_part part;
	size_t n = 0;
	int rc = sip_body_first(msg, &w, &part);

	for (met[0] = '\0'; rc == 0; rc = sip_body_next(&w, &part))
		n += (size_t)snprintf(met + n, size - n, "%.*s|%.*s%s|%.*s\n",
				      SLICE_FMT(part.type.subtype), SLICE_FMT(part.disposition),
				      part.optional ? "?" : "", SLICE_FMT(part.body));
	sip_msg_unref(msg);
	return rc;
}

Test(multipart, bodies)
{
	static const struct {
		const char *name, *text;
		int rc;
		const char *met;
	} rows[] = {
		{ "no body", INVITE REQUIRED "\r\n", -ENOENT, "" },
		{ "a single one",
		  INVITE REQUIRED "Content-Type: application/sdp\r\n"
				  "Content-Disposition: session;handling=optional\r\n\r\nv=0",
		  -ENOENT, "sdp|session?|v=0\n" },
		{ "two parts, preamble and epilogue",
		  INVITE REQUIRED MIXED "before\r\n--b 1\r\nContent-Type: application/sdp\r\n"
					"Content-Disposition:\r\n session\r\n\r\nv=0\r\n"
					"\r\n--b 1 \t\r\n\r\n--b\r\n--b 12\r\n--b 1--\r\nafter",
		  -ENOENT, "sdp|session|v=0\r\n\nplain||--b\r\n--b 12\n" },
		{ "an empty part", INVITE REQUIRED MIXED "--b 1\r\n--b 1--", -ENOENT, "plain||\n" },
		{ "nested",
		  INVITE REQUIRED MIXED "--b 1\r\nContent-Type: multipart/alternative;boundary=c"
					"\r\n\r\n--c\r\n\r\none\r\n--c\r\nContent-Type: text/html"
					"\r\n\r\ntwo\r\n--c--\r\n--b 1\r\n\r\nthree\r\n--b 1--\r\n",
		  -ENOENT, "plain||one\nhtml||two\nplain||three\n" },
		{ "no end", INVITE REQUIRED MIXED "--b 1\r\n\r\none\r\n--b 1", -EBADMSG, "" },
		{ "no beginning", INVITE REQUIRED MIXED "one", -EBADMSG, "" },
		{ "no boundary",
		  INVITE REQUIRED "Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx\r\n----\r\n",
		  -EBADMSG, "" },
		{ "line feed alone", INVITE REQUIRED MIXED "--b 1\n\none\n--b 1--\n", -EBADMSG,
		  "" },
		{ "no header of a part", INVITE REQUIRED MIXED "--b 1\r\none\r\n--b 1--\r\n",
		  -EBADMSG, "" },
	};
	char met[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(walk(rows[i].text, met, sizeof(met)), rows[i].rc, "%s", rows[i].name);
		cr_expect_str_eq(met, rows[i].met, "%s: %s", rows[i].name, met);
	}
}

Test(multipart, nesting_and_parts_have_limits)
{
	static char text[8192], met[8192];
	size_t n = (size_t)snprintf(text, sizeof(text),
				    INVITE REQUIRED "Content-Type: multipart/mixed;boundary=b0"
						    "\r\n\r\n");

	for (unsigned depth = 0; depth < 4; depth++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "--b%u\r\nContent-Type: multipart/mixed;boundary=b%u\r\n\r\n",
				      depth, depth + 1);
	for (int depth = 4; depth >= 0; depth--)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s\r\n--b%d--\r\n",
				      depth == 4 ? "--b4\r\n\r\nx" : "", depth);
	cr_expect_eq(walk(text, met, sizeof(met)), -E2BIG);

	n = (size_t)snprintf(text, sizeof(text), INVITE REQUIRED MIXED);
	for (unsigned i = 0; i <= sip_limits.parts; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "--b 1\r\n\r\nx\r\n");
	snprintf(text + n, sizeof(text) - n, "--b 1--\r\n");
	cr_expect_eq(walk(text, met, sizeof(met)), -E2BIG);
}

Test(multipart, the_first_part_of_a_type_is_found)
{
	struct sip_msg *msg =
		parse(INVITE REQUIRED MIXED "--b 1\r\n\r\nhello\r\n--b 1\r\nContent-Type: "
					    "Application/SDP\r\nContent-ID: <1@h>\r\n"
					    "Content-Transfer-Encoding: binary\r\n\r\nv=0\r\n"
					    "\r\n--b 1--\r\n");
	struct sip_part part;

	cr_assert_eq(sip_body_find(msg, SLICE("application/sdp"), &part), 0);
	cr_expect_slice(part.body, "v=0\r\n");
	cr_expect_slice(part.id, "1@h");
	cr_expect_slice(part.encoding, "binary");
	cr_expect_eq(sip_body_find(msg, SLICE("application/isup"), &part), -ENOENT);
	sip_msg_unref(msg);
}
