/* SPDX-License-Identifier: BSD-3-Clause */
/* What of one side's headers the other side is shown. */
#include <criterion/criterion.h>

#include "controlplane/engine/headers.h"
#include "controlplane/engine/tests/world.h"

TestSuite(across, .init = world_start, .fini = world_stop);

#define OFFER phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv")

static struct sip_msg *message(const char *lines)
{
	struct sip_parse_error error;
	struct sip_msg *msg;
	char text[4096];
	int n = snprintf(
		text, sizeof(text),
		"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		"From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"%s\r\n",
		lines);

	cr_assert_eq(sip_msg_parse(text, (size_t)n, NULL, &msg, &error), 0, "%s", error.what);
	return msg;
}

static unsigned removed; /* by the last one */

static const char *cross(const struct headers_way *way, const char *lines)
{
	static char buffer[HEADERS_MAX];
	struct sip_msg *msg = message(lines);
	struct sip_build b;

	sip_build_init(&b, buffer, sizeof(buffer) - 1);
	removed = headers_across(way, msg, &b);
	cr_assert_not(b.overflow);
	buffer[b.used] = '\0';
	sip_msg_unref(msg);
	return buffer;
}

Test(headers, each_crosses_by_its_rule)
{
	static const struct {
		enum header_carrier carrier;
		const char *in, *out;
	} rows[] = {
		{ HEADERS_IN_INVITE, "Subject: hello\r\n", "Subject: hello\r\n" },
		{ HEADERS_IN_RESPONSE, "Subject: hello\r\n", "" },
		{ HEADERS_IN_INVITE, "Priority: emergency\r\n", "Priority: emergency\r\n" },
		{ HEADERS_IN_INVITE, "Resource-Priority: esnet.1\r\n",
		  "Resource-Priority: esnet.1\r\n" },
		{ HEADERS_IN_RESPONSE, "P-Early-Media: supported\r\n",
		  "P-Early-Media: supported\r\n" },
		{ HEADERS_IN_INVITE, "Alert-Info: <urn:alert:source:external>\r\n",
		  "Alert-Info: <urn:alert:source:external>\r\n" },
		{ HEADERS_IN_INVITE, "Alert-Info: <http://192.0.2.1/ring>\r\n", "" },
		{ HEADERS_IN_INVITE, "Alert-Info: <urn:a:b>, <http://192.0.2.1/ring>\r\n", "" },
		{ HEADERS_IN_END, "Reason: Q.850;cause=16;text=\"at pbx.example\"\r\n",
		  "Reason: Q.850;cause=16\r\n" },
		{ HEADERS_IN_END, "Reason: SIP;cause=200, Q.850;cause=31\r\n",
		  "Reason: SIP;cause=200\r\nReason: Q.850;cause=31\r\n" },
		{ HEADERS_IN_END, "Reason: SIP;text=x\r\n", "" },
		{ HEADERS_IN_RESPONSE, "Retry-After: 30 (at pbx.example);duration=1\r\n",
		  "Retry-After: 30\r\n" },
		{ HEADERS_IN_RESPONSE, "Warning: 399 pbx.example \"no\"\r\n", "" },
		{ HEADERS_IN_RESPONSE, "Server: pbx.example\r\nContact: <sip:a@pbx.example>\r\n",
		  "" },
		{ HEADERS_IN_INVITE, "X-Anything: pbx.example\r\n", "" },
		{ HEADERS_IN_INVITE, "User-to-User: 00FA;encoding=hex\r\n",
		  "User-to-User: 00FA;encoding=hex\r\n" },
		{ HEADERS_IN_MESSAGE, "Info-Package: foo\r\nReason: SIP;cause=1\r\n",
		  "Info-Package: foo\r\n" },
		{ HEADERS_IN_INVITE,
		  "Diversion: \"Bob\" <sip:+1555@pbx.example:5066;user=phone>;reason=no-answer;x=y;"
		  "counter=2\r\n",
		  "Diversion: \"Bob\" <sip:+1555@tandem.lab>;reason=no-answer;counter=2\r\n" },
		{ HEADERS_IN_INVITE, "Diversion: <tel:+1555>;reason=unknown\r\n",
		  "Diversion: <tel:+1555>;reason=unknown\r\n" },
		{ HEADERS_IN_INVITE, "Diversion: <sip:1@pbx.example>;privacy=full\r\n", "" },
		{ HEADERS_IN_INVITE,
		  "History-Info: <sip:bob@pbx.example?Reason=SIP%3Bcause%3D302>;index=1,"
		  "<sip:carol@192.0.2.7>;index=1.1;rc=1;x=y\r\n",
		  "History-Info: <sip:bob@tandem.lab>;index=1\r\n"
		  "History-Info: <sip:carol@tandem.lab>;index=1.1;rc=1\r\n" },
		{ HEADERS_IN_INVITE,
		  "History-Info: <sip:bob@pbx.example?Privacy=history>;index=1\r\n", "" },
	};
	struct headers_way way = { .domain = "tandem.lab", .from_trusted = true };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		way.carrier = rows[i].carrier;
		cr_expect_str_eq(cross(&way, rows[i].in), rows[i].out);
	}
}

/* What a user could say of himself, or of others, and what makes a call more than others. */
Test(headers, who_is_not_believed_says_nothing_of_these)
{
	static const char lines[] =
		"P-Asserted-Identity: <sip:boss@x>\r\nDiversion: <sip:1@x>;reason=deflection\r\n"
		"History-Info: <sip:bob@x>;index=1\r\nResource-Priority: dsn.flash\r\n"
		"P-Early-Media: sendrecv\r\nPriority: emergency\r\nSubject: hello\r\n";
	struct headers_way way = { .carrier = HEADERS_IN_INVITE, .domain = "tandem.lab" };

	for (unsigned to_trusted = 0; to_trusted < 2; to_trusted++) {
		way.to_trusted = to_trusted;
		cr_expect_str_eq(cross(&way, lines), "Subject: hello\r\n");
		cr_expect_eq(removed, 6);
		cr_expect_str_eq(cross(&way, "Priority: urgent\r\n"), "Priority: urgent\r\n");
		cr_expect_eq(removed, 0);
	}
	way.emergency = true;
	cr_expect_str_eq(cross(&way, "Priority: non-urgent\r\n"), "", "we say what it is");
}

/* RFC 3325: rows are who asserts, who is told, and whether it is to be withheld */
Test(headers, identities_cross_where_there_is_trust)
{
	static const struct {
		bool from, to, withheld, crosses;
	} rows[] = {
		{ false, false, false, false }, { false, true, false, false },
		{ true, false, false, true },   { true, false, true, false },
		{ true, true, false, true },    { true, true, true, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct headers_way way = { .carrier = HEADERS_IN_INVITE,
					   .domain = "tandem.lab",
					   .from_trusted = rows[i].from,
					   .to_trusted = rows[i].to,
					   .withheld = rows[i].withheld };
		const char *lines =
			cross(&way, "P-Asserted-Identity: \"A\" <sip:+1@pbx.example>, <tel:+1>\r\n"
				    "Privacy: id\r\n");

		cr_expect_eq(strstr(lines, "P-Asserted-Identity: \"A\" <sip:+1@tandem.lab>\r\n"
					   "P-Asserted-Identity: <tel:+1>\r\n") != NULL,
			     rows[i].crosses, "row %zu: %s", i, lines);
		cr_expect_eq(strstr(lines, "Privacy: id") != NULL, rows[i].to, "row %zu", i);
		cr_expect_null(strstr(lines, "pbx.example"));
	}
}

Test(headers, what_does_not_fit_is_left_out_whole)
{
	struct headers_way way = { .carrier = HEADERS_IN_INVITE, .domain = "tandem.lab" };
	struct sip_msg *msg = message("Subject: long enough not to fit\r\nPriority: urgent\r\n");
	char buffer[24];
	struct sip_build b;

	sip_build_init(&b, buffer, sizeof(buffer));
	headers_across(&way, msg, &b);
	cr_expect_eq(b.used, strlen("Priority: urgent\r\n"));
	cr_expect_eq(memcmp(buffer, "Priority: urgent\r\n", b.used), 0);
	sip_msg_unref(msg);
}

Test(headers, a_loop_is_a_target_that_comes_back)
{
	char buffer[512];
	struct sip_msg *msg = message("");
	struct sip_build b;

	cr_expect_not(headers_is_loop(msg, "bob@tandem.lab"));
	sip_build_init(&b, buffer, sizeof(buffer) - 1);
	headers_put_loop(msg, "bob@tandem.lab", &b);
	sip_msg_unref(msg);
	buffer[b.used] = '\0';
	msg = message(buffer);
	cr_expect(headers_is_loop(msg, "BOB@tandem.lab"));
	cr_expect_not(headers_is_loop(msg, "carol@tandem.lab"), "a spiral");
	for (unsigned i = 0; i < 7; i++) {
		char target[16];

		snprintf(target, sizeof(target), "x%u@d", i);
		sip_build_init(&b, buffer, sizeof(buffer) - 1);
		headers_put_loop(msg, target, &b);
		sip_msg_unref(msg);
		buffer[b.used] = '\0';
		msg = message(buffer);
	}
	cr_expect(headers_is_loop(msg, "carol@tandem.lab"), "of too many turns");
	sip_msg_unref(msg);
	msg = message("X-Loop: what others write, 12345\r\n");
	cr_expect_not(headers_is_loop(msg, "carol@tandem.lab"));
	sip_msg_unref(msg);
}

/* --- in a call --- */

static const struct packet *invite_to_callee(void)
{
	return network_nth(world->net, world->tandem, "INVITE ", 0);
}

Test(across, headers_of_the_caller_reach_the_callee_by_the_table)
{
	phone_call_with(CARRIER, "sip:bob@tandem.lab", OFFER,
			"Subject: hello\r\nP-Asserted-Identity: <sip:+1999@carrier.example>\r\n"
			"Organization: carrier.example\r\n");
	world_run(20);
	cr_expect(packet_has(invite_to_callee(), "Subject: hello"));
	cr_expect_not(packet_has(invite_to_callee(), "P-Asserted-Identity"), "not believed");
	cr_expect(packet_has(invite_to_callee(), "sip:+15550100@tandem.lab"));
	cr_expect_not(packet_has(invite_to_callee(), "carrier.example"));
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(across, a_trusted_peer_says_who_calls)
{
	world_trust_carrier();
	phone_call_with(CARRIER, "sip:bob@tandem.lab", OFFER,
			"P-Asserted-Identity: \"Carla\" <sip:+1999@carrier.example>\r\n");
	world_run(20);
	cr_expect(packet_has(invite_to_callee(), "From: \"Carla\" <sip:+1999@tandem.lab>"));
	cr_expect(packet_has(invite_to_callee(),
			     "P-Asserted-Identity: \"Carla\" <sip:+1999@tandem.lab>"));
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(across, a_caller_that_wants_to_be_nobody_is_nobody_to_the_callee)
{
	world_trust_carrier();
	phone_call_with(CARRIER, "sip:bob@tandem.lab", OFFER,
			"P-Asserted-Identity: \"Carla\" <sip:+1999@carrier.example>\r\n"
			"Privacy: id\r\n");
	world_run(20);
	cr_expect(packet_has(invite_to_callee(),
			     "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>"));
	cr_expect_not(packet_has(invite_to_callee(), "1999"));
	cr_expect_not(packet_has(invite_to_callee(), "15550100"));
	cr_expect_not(packet_has(invite_to_callee(), "Carla"));
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(across, what_comes_back_for_the_same_callee_is_a_loop)
{
	struct sip_msg *request = message("");
	char lines[128];
	struct sip_build b;

	sip_build_init(&b, lines, sizeof(lines) - 1);
	headers_put_loop(request, "bob@tandem.lab", &b);
	lines[b.used] = '\0';
	sip_msg_unref(request);
	phone_call_with(CARRIER, "sip:bob@tandem.lab", OFFER, lines);
	world_run(50);
	cr_expect_eq(world->phones[CARRIER].final, 482);
	cr_expect_eq(network_count(world->net, world->tandem, "INVITE "), 0);
	world_expect_nothing_left();
}
