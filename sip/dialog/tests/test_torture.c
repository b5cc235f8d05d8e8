/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a user agent answers to the messages of RFC 4475 and RFC 5118. Its user declines each INVITE
 * with 486 and says 200 to each other request, so these mean that a message was taken for right.
 * What the parser makes of them is in sip/message/tests/test_torture.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/dialog/tests/party.h"

#define FOLDER  "sip/message/tests/torture/"
#define SILENCE 0

static struct table t;

static void set_up(void)
{
	table_open(&t);
	t.bob.answer = 486;
}

static void tear_down(void)
{
	table_close(&t);
}

TestSuite(ua_torture, .init = set_up, .fini = tear_down);

static const struct vector {
	const char *name, *section;
	unsigned status; /* of the first response */
} vectors[] = {
	/* RFC 4475 */
	{ "wsinv", "3.1.1.1", 481 }, /* well formed, of a dialog that is not there */
	{ "intmeth", "3.1.1.2", 200 },
	{ "esc01", "3.1.1.3", 486 },
	{ "escnull", "3.1.1.4", 200 },
	{ "esc02", "3.1.1.5", 200 },
	{ "lwsdisp", "3.1.1.6", 200 },
	{ "longreq", "3.1.1.7", 486 },
	{ "dblreq", "3.1.1.8", 200 },
	{ "semiuri", "3.1.1.9", 200 },
	{ "transports", "3.1.1.10", 200 },
	{ "mpart01", "3.1.1.11", 200 },
	{ "unreason", "3.1.1.12", SILENCE },
	{ "noreason", "3.1.1.13", SILENCE },
	{ "badinv01", "3.1.2.1", 400 },
	{ "clerr", "3.1.2.2", 400 },
	{ "ncl", "3.1.2.3", 400 },
	{ "scalar02", "3.1.2.4", 400 },
	{ "scalarlg", "3.1.2.5", SILENCE },
	{ "quotbal", "3.1.2.6", 400 },
	{ "ltgtruri", "3.1.2.7", 400 },
	{ "lwsruri", "3.1.2.8", 400 },
	{ "lwsstart", "3.1.2.9", 400 },
	{ "trws", "3.1.2.10", 400 },
	{ "escruri", "3.1.2.11", 400 },
	{ "baddate", "3.1.2.12", 486 },  /* nobody here needs to know the date */
	{ "regbadct", "3.1.2.13", 200 }, /* a registrar answers 400 */
	{ "badaspec", "3.1.2.14", 400 },
	{ "baddn", "3.1.2.15", 400 },
	{ "badvers", "3.1.2.16", 505 },
	{ "mismatch01", "3.1.2.17", 400 },
	{ "mismatch02", "3.1.2.18", 501 },
	{ "bigcode", "3.1.2.19", SILENCE },
	{ "badbranch", "3.2.1", 200 },
	{ "insuf", "3.3.1", 400 },
	{ "unkscm", "3.3.2", 416 },
	{ "novelsc", "3.3.3", 416 },
	{ "unksm2", "3.3.4", 200 }, /* a registrar answers 400 */
	{ "bext01", "3.3.5", 420 },
	{ "invut", "3.3.6", 486 }, /* who makes calls answers 415 */
	{ "regaut01", "3.3.7", 200 },
	{ "multi01", "3.3.8", 400 },
	{ "mcl01", "3.3.9", 400 },
	{ "bcast", "3.3.10", SILENCE }, /* two Via values: it is not for a user agent */
	{ "zeromf", "3.3.11", 200 },
	{ "cparam01", "3.3.12", 200 },
	{ "cparam02", "3.3.13", 200 },
	{ "regescrt", "3.3.14", 200 },
	{ "sdp01", "3.3.15", 486 }, /* who makes calls answers 406 */
	{ "inv2543", "3.4.1", 486 },
	/* RFC 5118 */
	{ "ipv6-good", "4.1", 200 },
	{ "ipv6-bad", "4.2", 400 },
	{ "port-ambiguous", "4.3", 200 },
	{ "port-unambiguous", "4.4", 200 },
	{ "via-received-param-with-delim", "4.5", 481 },
	{ "via-received-param-no-delim", "4.5", 200 },
	{ "ipv6-in-sdp", "4.6", 486 },
	{ "mult-ip-in-header", "4.7", 481 },
	{ "mult-ip-in-sdp", "4.8", 486 },
	{ "ipv4-mapped-ipv6", "4.9", 486 },
	{ "ipv6-bug-abnf-3-colons", "4.10", 200 },
	{ "ipv6-correct-abnf-2-colons", "4.10", 200 },
};

static size_t load(const char *name, char *data, size_t size)
{
	char path[128];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), FOLDER "%s.dat", name);
	file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	n = fread(data, 1, size, file);
	fclose(file);
	cr_assert(n > 0 && n < size);
	return n;
}

/* The first response that bob sends from now on, but 100; 0: none. */
static unsigned answer(const char *data, size_t size)
{
	const struct sip_path path = network_path(t.bob.node);
	const unsigned before = t.net->packet_count;

	cr_assert_eq(network_send(t.peer, &path, data, size), 0);
	network_run(t.net, 1);
	for (unsigned i = before; i < t.net->packet_count; i++) {
		const struct packet *p = &t.net->packets[i];
		unsigned status;

		if (p->from == t.bob.node && sscanf(p->data, "SIP/2.0 %u", &status) == 1 &&
		    status != 100)
			return status;
	}
	return 0;
}

Test(ua_torture, every_message_has_its_answer)
{
	static char data[8192];

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		unsigned status = answer(data, load(v->name, data, sizeof(data)));

		cr_expect_eq(status, v->status, "%s (%s): %u", v->name, v->section, status);
		/* Several have the Call-ID and CSeq of another. */
		network_run(t.net, 60000);
	}
	cr_expect_eq(sizeof(vectors) / sizeof(vectors[0]), 61);
}

Test(ua_torture, what_is_not_understood_is_named)
{
	static char data[8192];

	answer(data, load("bext01", data, sizeof(data)));
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 420", 0),
			     "Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"));
}

#define OLD(method)                                                                           \
	method " sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3\r\n"                 \
	       "From: <sip:old@192.0.2.3>\r\nTo: <sip:bob@192.0.2.2>%s%s\r\nCall-ID: old\r\n" \
	       "CSeq: %u " method "\r\n\r\n"

/* No magic cookie, no From tag, no Contact, no Max-Forwards. */
Test(ua_torture, a_caller_of_rfc_2543_has_its_call_and_ends_it)
{
	struct sip_msg *accepted;
	struct sip_addr to;
	char text[512], tag[64];

	t.bob.answer = 200;
	snprintf(text, sizeof(text), OLD("INVITE"), "", "", 1);
	cr_assert_eq(answer(text, strlen(text)), 200);
	accepted = network_parse(t.net, t.bob.node, "SIP/2.0 200", 0);
	cr_assert_eq(sip_msg_to(accepted, &to), 0);
	slice_copy(sip_addr_tag(&to), tag, sizeof(tag));
	sip_msg_unref(accepted);
	answer(text, strlen(text));
	cr_expect_eq(party_leg(&t.bob)->acked, 0, "a retransmission is the same call");
	snprintf(text, sizeof(text), OLD("ACK"), ";tag=", tag, 1);
	answer(text, strlen(text));
	cr_expect_eq(party_leg(&t.bob)->acked, 1);
	snprintf(text, sizeof(text), OLD("BYE"), ";tag=", tag, 2);
	cr_expect_eq(answer(text, strlen(text)), 200);
	cr_expect_eq(party_leg(&t.bob)->ended, 1);
}
