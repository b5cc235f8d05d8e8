/* SPDX-License-Identifier: BSD-3-Clause */
/* REFER and what it makes (RFC 3515, RFC 3892, RFC 4488). */
#include "sip/auth/client.h"
#include "sip/event/tests/world.h"

TestSuite(refer, .init = world_open, .fini = world_close);

#define alice (&world->alice)
#define bob   (&world->bob)

static void send_refer(const struct sip_refer_start *start)
{
	cr_assert_eq(sip_refer_send(alice->events, dialog_of(alice), start, &subscriber_user, alice,
				    &alice->subscriber),
		     0);
	world_run(10);
}

Test(refer, in_a_call_its_progress_is_told)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>"),
					       .referred_by = SLICE("<sip:alice@tandem.lab>") };

	connect_call();
	send_refer(&start);
	cr_expect_str_eq(bob->refer_to, "sip:carol@tandem.lab");
	cr_expect_str_eq(bob->referred_by, "sip:alice@tandem.lab");
	cr_expect(packet_has(sent_nth(bob, "SIP/2.0 202", 0), "Contact: "));
	cr_expect(packet_has(sent_nth(bob, "NOTIFY ", 0), "Event: refer\r\n"));
	cr_expect(packet_has(sent_nth(bob, "NOTIFY ", 0), "Content-Type: message/sipfrag"));
	cr_expect_str_eq(alice->body, "SIP/2.0 100 Trying\r\n");
	cr_expect_eq(alice->substate, SIP_SUB_ACTIVE);

	sip_refer_progress(bob->refer, 180, NULL);
	world_run(10);
	cr_expect_str_eq(alice->body, "SIP/2.0 180 Ringing\r\n");
	sip_refer_progress(bob->refer, 200, NULL);
	world_run(10);
	cr_expect_str_eq(alice->body, "SIP/2.0 200 OK\r\n");
	cr_expect_eq(alice->substate, SIP_SUB_TERMINATED);
	cr_expect_str_eq(alice->reason, "noresource");
	cr_expect_eq(alice->over_status, 200);
	cr_expect_eq(bob->refer_ended, 1);
	cr_expect_eq(sip_invite_get_state(alice->invite), SIP_INVITE_CONFIRMED,
		     "the call is another usage of the dialog");
}

Test(refer, the_outcome_is_told_last_even_if_it_is_at_once)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>") };

	connect_call();
	cr_assert_eq(sip_refer_send(alice->events, dialog_of(alice), &start, &subscriber_user,
				    alice, &alice->subscriber),
		     0);
	while (bob->refer == NULL)
		world_run(1);
	sip_refer_progress(bob->refer, 486, NULL);
	world_run(10);
	cr_expect_eq(alice->notified, 2);
	cr_expect_str_eq(alice->body, "SIP/2.0 486 Busy Here\r\n");
	cr_expect_eq(bob->refer_ended, 1);
}

Test(refer, with_a_dialog_to_replace)
{
	const struct sip_refer_start start = {
		.refer_to = SLICE("<sip:carol@h?Replaces=12%40h%3Bto-tag%3Da%3Bfrom-tag%3Db>")
	};

	connect_call();
	send_refer(&start);
	cr_expect_str_eq(bob->replaces, "12@h");
	sip_refer_progress(bob->refer, 200, NULL);
}

Test(refer, nobody_wants_to_know)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>"),
					       .no_subscription = true };

	connect_call();
	send_refer(&start);
	cr_expect(packet_has(sent_nth(alice, "REFER ", 0), "Refer-Sub: false\r\n"));
	cr_expect(packet_has(sent_nth(bob, "SIP/2.0 200", 1), "Refer-Sub: false\r\n"));
	cr_expect_null(bob->refer);
	cr_expect_eq(sent(bob, "NOTIFY "), 0);
	cr_expect_eq(alice->over_status, 200);
}

Test(refer, outside_a_call)
{
	const struct sip_refer_start start = { .refer_to = SLICE("sip:carol@tandem.lab") };
	const struct sip_origin_start to = { .to = network_path(bob->node),
					     .request_uri = SLICE("sip:bob@192.0.2.2"),
					     .from = SLICE("<sip:alice@tandem.lab>"),
					     .to_header = SLICE("<sip:bob@tandem.lab>"),
					     .contact_user = SLICE("alice") };

	cr_assert_eq(sip_refer_send_outside(alice->events, &to, &start, &subscriber_user, alice,
					    &alice->subscriber),
		     0);
	world_run(10);
	cr_expect_str_eq(alice->body, "SIP/2.0 100 Trying\r\n");
	sip_refer_progress(bob->refer, 603, "No");
	world_run(10);
	cr_expect_str_eq(alice->body, "SIP/2.0 603 No\r\n");
	cr_expect_eq(alice->over_status, 200);
}

Test(refer, several_in_a_dialog_are_told_apart)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>") };
	struct sip_subscription *first;

	connect_call();
	send_refer(&start);
	first = bob->refer;
	send_refer(&start);
	cr_expect(packet_has(sent_nth(bob, "NOTIFY ", 1), "Event: refer;id="));
	sip_refer_progress(bob->refer, 200, NULL);
	world_run(10);
	sip_refer_progress(first, 200, NULL);
	world_run(10);
	cr_expect_eq(bob->refer_ended, 2);
	cr_expect_eq(alice->over, 2);
}

/* Each of them has NOTIFYs to send, and nobody needs many. */
Test(refer, those_of_a_dialog_are_few)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>") };
	struct sip_subscription *made[8];
	struct sip_events_stats stats;

	connect_call();
	for (unsigned i = 0; i < 8; i++) {
		send_refer(&start);
		made[i] = bob->refer;
	}
	send_refer(&start);
	cr_expect_eq(alice->over_status, 503);
	sip_events_stats(bob->events, &stats);
	cr_expect_eq(stats.subscriptions, 8);
	cr_expect_eq(stats.refused, 1);
	sip_refer_progress(made[0], 200, NULL);
	world_run(10);
	send_refer(&start);
	cr_expect_eq(sent(bob, "SIP/2.0 202"), 9);
	sip_refer_progress(bob->refer, 200, NULL);
	for (unsigned i = 1; i < 8; i++)
		sip_refer_progress(made[i], 200, NULL);
}

Test(refer, refused)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>") };

	bob->refer_status = 403;
	connect_call();
	send_refer(&start);
	cr_expect_eq(alice->over_status, 403);
	cr_expect_eq(sent(bob, "NOTIFY "), 0);
}

/* The password is known to the side that is asked for it, or not. */
static void refer_with_passwords(struct sip_credentials *of_alice, struct sip_credentials *of_bob)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:carol@tandem.lab>") };

	connect_call();
	if (of_alice != NULL)
		sip_credentials_bind(of_alice, &bob->node->address);
	if (of_bob != NULL)
		sip_credentials_bind(of_bob, &alice->node->address);
	sip_invite_set_credentials(alice->invite, of_alice);
	sip_invite_set_credentials(bob->invite, of_bob);
	alice->challenges = 1u << SIP_NOTIFY;
	bob->challenges = 1u << SIP_REFER;
	send_refer(&start);
}

Test(refer, both_sides_answer_challenges)
{
	const struct sip_account account = { .username = "u", .password = "p" };
	struct sip_credentials *credentials[2];

	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(sip_credentials_create(&account, 1, &credentials[i]), 0);
	refer_with_passwords(credentials[0], credentials[1]);
	cr_expect_eq(sent(alice, "REFER "), 2);
	cr_expect_eq(sent(bob, "NOTIFY "), 2);
	cr_expect_str_eq(alice->body, "SIP/2.0 100 Trying\r\n");
	sip_refer_progress(bob->refer, 200, NULL);
	world_run(50);
	cr_expect_eq(sent(bob, "NOTIFY "), 3, "the nonce is known");
	cr_expect_eq(alice->over_status, 200);
	cr_expect_eq(bob->refer_ended, 1);
	alice->challenges = bob->challenges = 0;
	sip_invite_end(alice->invite, 0, SLICE_NONE);
	world_run(100000);
	for (unsigned i = 0; i < 2; i++)
		sip_credentials_destroy(credentials[i]);
}

Test(refer, a_refer_without_a_password_is_refused)
{
	refer_with_passwords(NULL, NULL);
	cr_expect_eq(alice->over_status, 407);
	cr_expect_eq(bob->referred, 0);
}

Test(refer, a_notify_without_a_password_ends_the_subscription)
{
	const struct sip_account account = { .username = "u", .password = "p" };
	struct sip_credentials *credentials;

	cr_assert_eq(sip_credentials_create(&account, 1, &credentials), 0);
	refer_with_passwords(credentials, NULL);
	cr_expect_eq(bob->referred, 1);
	cr_expect_eq(bob->refer_ended, 1);
	alice->challenges = bob->challenges = 0;
	sip_invite_end(alice->invite, 0, SLICE_NONE);
	world_run(400000);
	sip_credentials_destroy(credentials);
}

static void peer_refers(const char *branch, const char *lines)
{
	peer_says("REFER sip:bob@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%s;rport\nFrom: <sip:p@h>;tag=p\n"
		  "To: <sip:bob@h>\nCall-ID: %s\nCSeq: 1 REFER\nContact: <sip:p@192.0.2.3>\n%s\n",
		  branch, branch, lines);
}

Test(refer, malformed_ones_are_400)
{
	static const char *const broken[] = {
		"",
		"Refer-To: <sip:a@h>\nRefer-To: <sip:b@h>\n",
		"Refer-To: <sip:a@h>, <sip:b@h>\n",
		"Refer-To: *\n",
		"Refer-To: <sip:a@h\n",
		"Refer-To: <sip:a@h?Replaces=12%40h>\n",
		"Refer-To: <sip:a@h?Replaces=1%0D%0A>\n",
		"Refer-To: <sip:a@h>\nReferred-By: <\n",
	};

	for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		char branch[4] = { 'r', (char)('0' + i), 0 };

		peer_refers(branch, broken[i]);
		cr_expect_eq(sent(bob, "SIP/2.0 400"), i + 1, "%s", broken[i]);
	}
	cr_expect_eq(bob->referred, 0);
}

Test(refer, nothing_can_be_subscribed_to_by_its_package)
{
	subscribe("refer", 60);
	cr_expect_eq(alice->over_status, 489);
}
