/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages of RFC 4475 and RFC 5118 with the verdict of the RFC as far as it can be told from the
 * message alone. What a user agent answers to those that are right is in
 * sip/dialog/tests/test_torture.c.
 *
 * They are those of the archives in the RFCs' appendices octet for octet, but for this:
 *   mpart01  its binary part is ours: all octets, and the beginning of the delimiter among them
 *   baddn    and the two of RFC 5118 §4.10 end with the empty line that the archives forgot
 *   RFC 5118 has lines that end with LF; here with CRLF, and Content-Length counts it
 */
#include "sip/message/headers.h"
#include "sip/message/multipart.h"
#include "sip/message/tests/support.h"

#define FOLDER  "sip/message/tests/torture/"
#define DROPPED 1

static const struct vector {
	const char *name, *section;
	unsigned verdict; /* 0: well formed; DROPPED; or the status it is answered with */
	const char *
		malformed; /* a header that only who uses it needs to refuse; NULL: all are right */
} vectors[] = {
	/* RFC 4475 */
	{ "wsinv", "3.1.1.1", 0, NULL },
	{ "intmeth", "3.1.1.2", 0, NULL },
	{ "esc01", "3.1.1.3", 0, NULL },
	{ "escnull", "3.1.1.4", 0, NULL },
	{ "esc02", "3.1.1.5", 0, NULL },
	{ "lwsdisp", "3.1.1.6", 0, NULL },
	{ "longreq", "3.1.1.7", 0, NULL },
	{ "dblreq", "3.1.1.8", 0, NULL },
	{ "semiuri", "3.1.1.9", 0, NULL },
	{ "transports", "3.1.1.10", 0, NULL },
	{ "mpart01", "3.1.1.11", 0, NULL },
	{ "unreason", "3.1.1.12", 0, NULL },
	{ "noreason", "3.1.1.13", 0, NULL },
	{ "badinv01", "3.1.2.1", 400, "Via" },
	{ "clerr", "3.1.2.2", 400, NULL },
	{ "ncl", "3.1.2.3", 400, "Content-Length" },
	{ "scalar02", "3.1.2.4", 400, "CSeq" },
	{ "scalarlg", "3.1.2.5", DROPPED, NULL },
	{ "quotbal", "3.1.2.6", 400, "To" },
	{ "ltgtruri", "3.1.2.7", 400, NULL },
	{ "lwsruri", "3.1.2.8", 400, NULL },
	{ "lwsstart", "3.1.2.9", 400, NULL },
	{ "trws", "3.1.2.10", 400, NULL },
	{ "escruri", "3.1.2.11", 400, NULL },
	{ "baddate", "3.1.2.12", 0, "Date" },
	{ "regbadct", "3.1.2.13", 0, "Contact" },
	{ "badaspec", "3.1.2.14", 400, "To" },
	{ "baddn", "3.1.2.15", 400, "From" },
	{ "badvers", "3.1.2.16", 505, NULL },
	{ "mismatch01", "3.1.2.17", 400, NULL },
	{ "mismatch02", "3.1.2.18", 501, NULL },
	{ "bigcode", "3.1.2.19", DROPPED, NULL },
	{ "badbranch", "3.2.1", 0, NULL },
	{ "insuf", "3.3.1", 400, NULL },
	{ "unkscm", "3.3.2", 416, NULL },
	{ "novelsc", "3.3.3", 416, NULL },
	{ "unksm2", "3.3.4", 0, NULL },
	{ "bext01", "3.3.5", 0, NULL },
	{ "invut", "3.3.6", 0, NULL },
	{ "regaut01", "3.3.7", 0, NULL },
	{ "multi01", "3.3.8", 400, "CSeq" },
	{ "mcl01", "3.3.9", 400, "Content-Length" },
	{ "bcast", "3.3.10", 0, NULL },
	{ "zeromf", "3.3.11", 0, NULL },
	{ "cparam01", "3.3.12", 0, NULL },
	{ "cparam02", "3.3.13", 0, NULL },
	{ "regescrt", "3.3.14", 0, NULL },
	{ "sdp01", "3.3.15", 0, NULL },
	{ "inv2543", "3.4.1", 0, NULL },
	/* RFC 5118 */
	{ "ipv6-good", "4.1", 0, NULL },
	{ "ipv6-bad", "4.2", 400, NULL },
	{ "port-ambiguous", "4.3", 0, NULL },
	{ "port-unambiguous", "4.4", 0, NULL },
	{ "via-received-param-with-delim", "4.5", 0, NULL },
	{ "via-received-param-no-delim", "4.5", 0, NULL },
	{ "ipv6-in-sdp", "4.6", 0, NULL },
	{ "mult-ip-in-header", "4.7", 0, NULL },
	{ "mult-ip-in-sdp", "4.8", 0, NULL },
	{ "ipv4-mapped-ipv6", "4.9", 0, NULL },
	{ "ipv6-bug-abnf-3-colons", "4.10", 0, NULL },
	{ "ipv6-correct-abnf-2-colons", "4.10", 0, NULL },
};

static char data[8192];

static size_t load(const char *name)
{
	char path[128];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), FOLDER "%s.dat", name);
	file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	n = fread(data, 1, sizeof(data), file);
	fclose(file);
	cr_assert(n > 0 && n < sizeof(data));
	return n;
}

Test(torture, every_message_has_its_verdict)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		const struct sip_header *malformed;
		struct sip_parse_error error;
		struct sip_msg *msg;
		size_t n = load(v->name);
		int rc = sip_msg_parse(data, n, NULL, &msg, &error);
		unsigned verdict = rc == 0 ? 0 : msg == NULL ? DROPPED : error.status;

		cr_expect_eq(verdict, v->verdict, "%s (%s): %u %s", v->name, v->section, verdict,
			     rc != 0 ? error.what : "");
		if (msg == NULL)
			continue;
		malformed = sip_msg_malformed(msg);
		if (v->malformed == NULL)
			cr_expect_null(malformed, "%s: %.*s", v->name, SLICE_FMT(malformed->name));
		else if (malformed == NULL)
			cr_expect(false, "%s: %s is taken for right", v->name, v->malformed);
		else
			cr_expect_slice(malformed->name, v->malformed);
		sip_msg_unref(msg);
	}
}

/* 49 of RFC 4475, 12 of RFC 5118 */
Test(torture, none_is_missing)
{
	cr_expect_eq(sizeof(vectors) / sizeof(vectors[0]), 61);
}

static struct sip_msg *right(const char *name)
{
	struct sip_parse_error error;
	struct sip_msg *msg;
	size_t n = load(name);

	cr_assert_eq(sip_msg_parse(data, n, NULL, &msg, &error), 0);
	return msg;
}

/* 3.1.1.1: everything that white space, case and folding allow */
Test(torture, wsinv)
{
	struct sip_msg *msg = right("wsinv");
	struct sip_cursor cursor = { 0 };
	struct slice value;
	struct sip_via via;
	struct sip_addr contact;

	cr_expect_slice(msg->to_tag, "1918181833n");
	cr_expect_slice(msg->from_tag, "98asjd8");
	cr_expect_slice(msg->from.display, "J Rosenberg \\\\\\\"");
	cr_expect_eq(msg->cseq.number, 9);
	cr_expect_eq(msg->max_forwards, 68);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const branches[] = { "390skdjuw", "z9hG4bK9ikj8",
							"z9hG4bK30239" };

		cr_assert(sip_msg_each(msg, SIP_H_VIA, &cursor, &value));
		cr_assert_eq(sip_via_next(&value, &via), 0);
		cr_expect_slice(via.branch, branches[i]);
	}
	cr_expect_eq(sip_msg_contact(msg, &contact), 0);
	cr_expect_slice(contact.display, "Quoted string \\\"\\\"");
	cr_expect_slice(sip_msg_header_named(msg, SLICE("newfangledheader"))->value,
			"newfangled value   continued newfangled value");
	cr_expect_eq(sip_msg_value(msg, SIP_H_SUBJECT).n, 0);
	sip_msg_unref(msg);
}

/* 3.1.1.2: control characters that are escaped within quotes are no error, and are no more */
Test(torture, intmeth)
{
	struct sip_msg *msg = right("intmeth");

	cr_expect_eq(msg->method, SIP_UNKNOWN_METHOD);
	cr_expect_slice(msg->to.display, "BEL:\\  NUL:\\  DEL:\\ ");
	cr_expect_slice(msg->uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	cr_expect_slice(msg->uri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
	cr_expect_slice(msg->from_tag, "_token~1'+`*%!-.");
	sip_msg_unref(msg);
}

/* 3.1.1.5: an escape in a method or in the name of a header is none */
Test(torture, esc02)
{
	struct sip_msg *msg = right("esc02");

	cr_expect_eq(msg->method, SIP_UNKNOWN_METHOD);
	cr_expect_slice(sip_msg_next(msg, sip_msg_header(msg, SIP_H_CONTACT))->value,
			"<sip:alias3@host3.example.com>");
	sip_msg_unref(msg);
}

/* 3.1.1.8: what follows the message is not part of it */
Test(torture, dblreq)
{
	struct sip_msg *msg = right("dblreq");

	cr_expect_eq(msg->body.n, 0);
	cr_expect_eq(msg->header_count, 8);
	sip_msg_unref(msg);
}

/* 3.1.1.9: all of it is the user */
Test(torture, semiuri)
{
	struct sip_msg *msg = right("semiuri");

	cr_expect_slice(msg->uri.user, "user;par=u%40example.net");
	cr_expect_slice(msg->uri.host, "example.com");
	cr_expect_not(sip_accepts(msg, SLICE("text/plain")));
	cr_expect(sip_accepts(msg, SLICE("message/sipfrag")));
	sip_msg_unref(msg);
}

/* 3.1.1.11: a part with all octets */
Test(torture, mpart01)
{
	struct sip_msg *msg = right("mpart01");
	struct sip_body_walk walk;
	struct sip_part part;

	cr_assert_eq(sip_body_first(msg, &walk, &part), 0);
	cr_expect_slice(part.body, "Hello");
	cr_assert_eq(sip_body_next(&walk, &part), 0);
	cr_expect_slice(part.type.subtype, "octet-stream");
	cr_expect_eq(part.body.n, 323);
	cr_expect_eq(sip_body_next(&walk, &part), -ENOENT);
	sip_msg_unref(msg);
}

/* RFC 5118 §4.3, §4.4: where the brackets are tells what the port is */
Test(torture, ports_of_ipv6_references)
{
	struct sip_msg *msg = right("port-ambiguous");

	cr_expect_slice(msg->uri.host, "2001:db8::10:5070");
	cr_expect_eq(msg->uri.port, 0);
	sip_msg_unref(msg);
	msg = right("port-unambiguous");
	cr_expect_slice(msg->uri.host, "2001:db8::10");
	cr_expect_eq(msg->uri.port, 5070);
	sip_msg_unref(msg);
	msg = right("via-received-param-no-delim");
	cr_expect_slice(msg->via.received, "2001:db8::9:255");
	sip_msg_unref(msg);
}
