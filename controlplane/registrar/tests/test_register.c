/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTER in, response out (RFC 3261 §10.3). */
#include "controlplane/registrar/tests/world.h"

TestSuite(registrar, .init = world_open, .fini = world_close);

#define PHONE     "Contact: <sip:alice@198.18.0.101:5060>\r\n"
#define PHONE_URI "sip:alice@198.18.0.101:5060"

/* --- who may ---------------------------------------------------------------------------------------- */

Test(registrar, challenges_with_each_algorithm)
{
	cr_expect_eq(send_parts(&(struct parts){ "sip:tandem.lab", "sip:alice@tandem.lab", NULL,
						 NULL, "c", 1, PHONE }),
		     401);
	cr_expect(answer_has("WWW-Authenticate: Digest"));
	cr_expect(answer_has("algorithm=SHA-256"));
	cr_expect(answer_has("algorithm=MD5"));
	cr_expect(answer_has("Server: Tandem\r\n"));
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "");
}

static unsigned as(const char *username, const char *password, const char *to)
{
	static unsigned cseq;

	return send_parts(&(struct parts){ "sip:tandem.lab", to, username, password, "c", ++cseq,
					   "Contact: <sip:x@198.18.0.101>\r\n" });
}

Test(registrar, knows_who_may_register_what)
{
	cr_expect_eq(as("alice", "alice-secret", "sip:alice@tandem.lab"), 200);
	cr_expect_eq(as("alice@tandem.lab", "alice-secret", "sip:alice@tandem.lab"), 200);
	cr_expect_eq(as("alice", "bob-secret", "sip:alice@tandem.lab"), 401);
	cr_expect_eq(as("mallory", "alice-secret", "sip:alice@tandem.lab"), 401);
	cr_expect_eq(as("alice", "alice-secret", "sip:bob@tandem.lab"), 403);
	cr_expect_eq(as("alice", "alice-secret", "sip:nobody@tandem.lab"), 404);
	cr_expect_eq(as("alice", "alice-secret", "sip:alice@elsewhere.lab"), 404);
	cr_expect_eq(as("alice", "alice-secret", "sip:tandem.lab"), 400);
	cr_expect_str_eq(contacts_of("bob@tandem.lab"), "");
}

Test(registrar, each_domain_is_a_realm)
{
	cr_expect_eq(as("dave", "dave-secret", "sip:dave@other.lab"), 200);
	cr_expect_eq(as("dave", "dave-secret", "sip:dave@tandem.lab"), 401);
	cr_expect(answer_has("realm=\"tandem.lab\""), "%s", world.answer);
	cr_expect_str_eq(contacts_of("dave@other.lab"), "sip:x@198.18.0.101 1800 1\n");
}

Test(registrar, a_name_that_two_domains_have_is_two_users)
{
	cr_expect_eq(as("twin", "one-secret", "sip:twin@tandem.lab"), 200);
	cr_expect_eq(as("twin", "one-secret", "sip:twin@other.lab"), 401);
	cr_expect_eq(as("twin", "two-secret", "sip:twin@other.lab"), 200);
	cr_expect_eq(as("twin@other.lab", "two-secret", "sip:twin@other.lab"), 200);
	cr_expect_eq(as("twin@tandem.lab", "one-secret", "sip:twin@other.lab"), 401);
}

Test(registrar, proves_itself_where_that_is_wanted)
{
	cr_expect_eq(as("alice", "alice-secret", "sip:alice@tandem.lab"), 200);
	cr_expect_not(answer_has("Authentication-Info"));
	world.config.sip.authentication_info = true;
	cr_expect_eq(as("alice", "alice-secret", "sip:alice@tandem.lab"), 200);
	cr_expect(answer_has("Authentication-Info: qop=auth, rspauth=\""), "%s", world.answer);
}

Test(registrar, serves_its_domains_only)
{
	struct parts parts = {
		"sip:elsewhere.lab", "sip:alice@tandem.lab", "alice", "alice-secret", "c", 1, PHONE
	};

	cr_expect_eq(send_parts(&parts), 404);
	parts.request_uri = "sip:TANDEM.lab;transport=udp";
	cr_expect_eq(send_parts(&parts), 200);
	parts.request_uri = "sip:[2001:2:0::10]";
	parts.to = "sip:%61lice@198.18.0.10:5060;transport=udp";
	parts.cseq = 2;
	cr_expect_eq(send_parts(&parts), 200);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), PHONE_URI " 1800 1\n");
	parts.request_uri = "tel:+123";
	cr_expect_eq(send_parts(&parts), 416);
}

Test(registrar, names_the_extensions_that_it_does_not_have)
{
	cr_expect_eq(send_register("alice", "c", 1, "Require: path, foo\r\nRequire: x\r\n" PHONE),
		     420);
	cr_expect(answer_has("Unsupported: foo, x\r\n"), "%s", world.answer);
	cr_expect_eq(send_register("alice", "c", 1, "Require: ,\r\n" PHONE), 400);
	cr_expect_eq(send_register("alice", "c", 1, "Require: path, gruu, outbound\r\n" PHONE),
		     200);
	cr_expect(answer_has("Supported: path, outbound, gruu\r\n"), "%s", world.answer);
}

Test(registrar, a_listener_for_tests_believes_everybody_and_that_is_told)
{
	struct parts parts = {
		"sip:tandem.lab", "sip:alice@tandem.lab", NULL, NULL, "c", 1, PHONE
	};

	cr_expect_eq(send_parts(&parts), 401);
	world_unauthenticated(true);
	parts.cseq = 2;
	cr_expect_eq(send_parts(&parts), 200);
	cr_expect_not_null(strstr(world.events, "bypassed alice@tandem.lab 198.18.0.101:40000"),
			   "%s", world.events);
	parts.to = "sip:nobody@tandem.lab";
	cr_expect_eq(send_parts(&parts), 404);
	world_unauthenticated(false);
	cr_expect_eq(send_parts(&parts), 401);
}

/* --- contacts come and go --------------------------------------------------------------------------- */

Test(registrar, answers_with_all_contacts_and_the_date)
{
	send_register("alice", "c", 1, PHONE "Expires: 600\r\n");
	world_now_ms += 100000;
	cr_assert_eq(send_register("alice", "d", 1, "Contact: <sip:a@198.18.0.7>;q=0.25\r\n"), 200);
	cr_expect(answer_has("Contact: <" PHONE_URI ">;expires=500;q=1\r\n"), "%s", world.answer);
	cr_expect(answer_has("Contact: <sip:a@198.18.0.7>;expires=1800;q=0.25\r\n"), "%s",
		  world.answer);
	cr_expect(answer_has("Date: Tue, 14 Nov 2023 22:15:00 GMT\r\n"), "%s", world.answer);
	cr_expect(answer_has("To: <sip:alice@tandem.lab>;tag="), "%s", world.answer);
}

Test(registrar, without_contact_it_only_tells)
{
	cr_expect_eq(send_register("alice", "c", 1, ""), 200);
	cr_expect_not(answer_has("Contact:"));
	send_register("alice", "c", 2, PHONE);
	cr_expect_eq(send_register("alice", "c", 3, ""), 200);
	cr_expect(answer_has("Contact: <" PHONE_URI ">;expires=1800"), "%s", world.answer);
}

Test(registrar, takes_several_contacts_in_one_request)
{
	cr_expect_eq(
		send_register("alice", "c", 1,
			      "Contact: <sip:1@198.18.0.1>;q=0.1, <sip:2@198.18.0.2>;expires=70\r\n"
			      "m: \"Three\" <sip:3@198.18.0.3>;q=0.9\r\nExpires: 80\r\n"),
		200);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:2@198.18.0.2 70 1\n"
							  "sip:3@198.18.0.3 80 0.9\n"
							  "sip:1@198.18.0.1 80 0.1\n");
}

Test(registrar, expires_of_contact_then_header_then_default_within_limits)
{
	static const struct {
		const char *headers;
		unsigned status, expires_s;
	} cases[] = {
		{ "Contact: <sip:a@198.18.0.1>\r\n", 200, 1800 },
		{ "Contact: <sip:a@198.18.0.1>\r\nExpires: 100\r\n", 200, 100 },
		{ "Contact: <sip:a@198.18.0.1>;expires=200\r\nExpires: 100\r\n", 200, 200 },
		{ "Contact: <sip:a@198.18.0.1>;expires=60\r\n", 200, 60 },
		{ "Contact: <sip:a@198.18.0.1>;expires=59\r\n", 423, 60 },
		{ "Contact: <sip:a@198.18.0.1>;expires=1\r\n", 423, 60 },
		{ "Contact: <sip:a@198.18.0.1>;expires=99999\r\n", 200, 7200 },
		{ "Contact: <sip:a@198.18.0.1>;expires=99999999999\r\n", 200, 7200 },
		{ "Contact: <sip:a@198.18.0.1>;expires=soon\r\n", 200, 3600 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char expected[64];

		cr_expect_eq(send_register("alice", "c", i + 1, cases[i].headers), cases[i].status,
			     "%s: %.40s", cases[i].headers, world.answer);
		if (cases[i].status == 423)
			cr_expect(answer_has("Min-Expires: 60\r\n"));
		snprintf(expected, sizeof(expected), "sip:a@198.18.0.1 %u 1\n", cases[i].expires_s);
		cr_expect_str_eq(contacts_of("alice@tandem.lab"), expected, "%s", cases[i].headers);
	}
}

Test(registrar, expires_0_removes_one_contact)
{
	send_register("alice", "c", 1, "Contact: <sip:1@198.18.0.1>, <sip:2@198.18.0.2>\r\n");
	cr_expect_eq(send_register("alice", "c", 2, "Contact: <sip:1@198.18.0.1>;expires=0\r\n"),
		     200);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:2@198.18.0.2 1800 1\n");
	cr_expect_eq(send_register("alice", "c", 3, "Contact: <sip:9@198.18.0.9>;expires=0\r\n"),
		     200);
	cr_expect_eq(registrar_count(world.registrar), 1);
}

Test(registrar, star_removes_all_and_only_with_expires_0)
{
	send_register("alice", "c", 1, "Contact: <sip:1@198.18.0.1>\r\n");
	send_register("alice", "d", 1, "Contact: <sip:2@198.18.0.2>\r\n");
	cr_expect_eq(send_register("alice", "c", 2, "Contact: *\r\n"), 400);
	cr_expect_eq(send_register("alice", "c", 2, "Contact: *\r\nExpires: 60\r\n"), 400);
	cr_expect_eq(
		send_register("alice", "c", 2, "Contact: *, <sip:3@198.18.0.3>\r\nExpires: 0\r\n"),
		400);
	cr_expect_eq(
		send_register("alice", "c", 2, "Contact: <sip:3@198.18.0.3>, *\r\nExpires: 0\r\n"),
		400);
	cr_expect_eq(registrar_count(world.registrar), 2);
	cr_expect_eq(send_register("alice", "c", 2, "Contact: *\r\nExpires: 0\r\n"), 200);
	cr_expect_not(answer_has("Contact:"));
	cr_expect_eq(registrar_count(world.registrar), 0);
}

Test(registrar, compares_contacts_by_the_rules_of_uris)
{
	send_register("alice", "c", 1, "Contact: <sip:a@PHONE.lab;transport=udp>\r\n");
	cr_expect_eq(send_register("alice", "c", 2,
				   "Contact: <sip:%61@phone.LAB;Transport=UDP>;expires=70\r\n"),
		     200);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:%61@phone.LAB;Transport=UDP 70 1\n");
	send_register("alice", "c", 3, "Contact: <sip:A@phone.lab;transport=udp>\r\n");
	cr_expect_eq(registrar_count(world.registrar), 2);
}

/* --- order and limits ----------------------------------------------------------------------------- */

Test(registrar, a_stale_cseq_changes_nothing)
{
	send_register("alice", "c", 5, PHONE);
	cr_expect_eq(send_register("alice", "c", 4, PHONE "Expires: 70\r\n"), 500);
	cr_expect(answer_has("CSeq Out Of Order"));
	cr_expect_eq(send_register("alice", "c", 5, PHONE "Expires: 70\r\n"), 500);
	cr_expect_eq(send_register("alice", "c", 5, "Contact: *\r\nExpires: 0\r\n"), 500);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), PHONE_URI " 1800 1\n");
	/* started again, the phone has a new Call-ID and counts from the beginning */
	cr_expect_eq(send_register("alice", "new", 1, PHONE "Expires: 70\r\n"), 200);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), PHONE_URI " 70 1\n");
}

Test(registrar, all_of_a_request_or_nothing)
{
	send_register("alice", "c", 5, "Contact: <sip:1@198.18.0.1>\r\n");
	cr_expect_eq(send_register("alice", "c", 5,
				   "Contact: <sip:2@198.18.0.2>, <sip:1@198.18.0.1>\r\n"),
		     500);
	cr_expect_eq(send_register("alice", "c", 6,
				   "Contact: <sip:2@198.18.0.2>, <sip:3@198.18.0.3>;expires=5\r\n"),
		     423);
	cr_expect_eq(send_register("alice", "c", 6, "Contact: <sip:2@198.18.0.2>, <sip:3\r\n"),
		     400);
	cr_expect_str_eq(contacts_of("alice@tandem.lab"), "sip:1@198.18.0.1 1800 1\n");
}

Test(registrar, a_user_has_so_many_contacts_and_no_more)
{
	for (unsigned i = 1; i <= 3; i++)
		cr_expect_eq(send_registerf("alice", "c", i, "Contact: <sip:%u@198.18.0.1>\r\n", i),
			     200);
	cr_expect_eq(send_register("alice", "c", 4, "Contact: <sip:4@198.18.0.1>\r\n"), 403);
	cr_expect(answer_has("Too Many Contacts"));
	cr_expect_eq(send_register("alice", "c", 5, "Contact: <sip:1@198.18.0.1>\r\n"), 200);
	cr_expect_eq(send_register("alice", "c", 6,
				   "Contact: <sip:4@198.18.0.1>, <sip:1@198.18.0.1>;expires=0\r\n"),
		     200);
	cr_expect_eq(registrar_count(world.registrar), 3);
	cr_expect_eq(send_register("bob", "b", 1, "Contact: <sip:1@198.18.0.1>\r\n"), 200);
}

Test(registrar, hostile_contacts_are_refused)
{
	char many[8000] = "Contact: <sip:0@h>;expires=0";
	char long_uri[700];

	for (unsigned i = 1; i < 65; i++)
		sprintf(many + strlen(many), ", <sip:%u@h>;expires=0", i);
	strcat(many, "\r\n");
	cr_expect_eq(send_register("alice", "c", 1, many), 403);

	memset(long_uri, 'a', sizeof(long_uri));
	long_uri[600] = 0;
	cr_expect_eq(send_registerf("alice", "c", 2, "Contact: <sip:%s@h>\r\n", long_uri), 400);
	cr_expect_eq(send_register("alice", "c", 3, "Contact: <tel:+123>\r\n"), 400);
	cr_expect_eq(send_register("alice", "c", 4, "Contact: <sip:a@h>;q=2\r\n"), 400);
	cr_expect_eq(send_register("alice", "c", 5, "Contact: <sip:a@h>;q=0.5555\r\n"), 400);
	cr_expect_eq(send_register("alice", long_uri, 6, PHONE), 400);
	cr_expect_eq(registrar_count(world.registrar), 0);
	cr_expect_eq(send_register("alice", "c", 7, "Contact: <sip:a@h>;q=0.555\r\n"), 200);
}
