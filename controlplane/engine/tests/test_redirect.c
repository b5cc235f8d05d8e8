/* SPDX-License-Identifier: BSD-3-Clause */
/* Phones that answer 3xx (RFC 3261 §8.1.3.4): whom their calls go to, and whom not. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "controlplane/engine/tests/world.h"

TestSuite(redirect, .init = world_start, .fini = world_stop);

static struct phone *carrier(void)
{
	return &world->phones[CARRIER];
}

static struct phone *bob(void)
{
	return &world->phones[BOB];
}

static void call_bob(void)
{
	phone_call(CARRIER, "sip:bob@tandem.lab", phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv"));
	world_run(20);
	cr_assert_not_null(bob()->invite);
}

static void redirect(const char *contacts)
{
	char headers[256];

	snprintf(headers, sizeof(headers), "Contact: %s\r\n", contacts);
	cr_assert_eq(sip_invite_respond(bob()->invite, 302, NULL, SLICE_NONE, slice_of(headers)),
		     0);
	world_run(50);
}

Test(redirect, a_redirection_to_a_user_is_followed)
{
	world->alice_is_there = true;
	call_bob();
	redirect("<sip:carrol@tandem.lab>;q=0.9, <sip:alice@tandem.lab>;q=0.5");
	cr_assert_not_null(world->phones[ALICE].invite);
	cr_expect(packet_has(network_nth(world->net, world->tandem, "INVITE sip:alice@", 0),
			     "To: <sip:bob@tandem.lab>"));
	phone_respond(ALICE, 200, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(20);
	cr_expect(carrier()->answered);
	cr_expect_eq(world_termination(1).remote.port, 6000);
	cr_expect_eq(engine_get_stats(world->shard.engine)->redirected, 1);
	phone_bye(CARRIER);
	world_run(50);
	world_expect_nothing_left();
}

static void call_bob_as_alice(void)
{
	phone_call(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(50);
	cr_assert_not_null(bob()->invite);
}

Test(redirect, a_redirection_to_a_number_goes_over_its_trunk)
{
	call_bob_as_alice();
	redirect("<tel:+1>, <sip:9001@tandem.lab>");
	cr_assert_eq(network_count(world->net, world->tandem, "INVITE sip:9001@198.18.0.104"), 1);
	phone_respond(CARRIER, 486, NULL);
	world_run(50);
	cr_expect_eq(world->phones[ALICE].final, 486);
	world_expect_nothing_left();
}

static const char *const not_followed[] = {
	"<sip:bob@192.0.2.1>",        /* not ours */
	"<sip:bob@tandem.lab>",       /* itself */
	"<sip:nobody@tandem.lab>",    /* not there */
	"<sip:carrol@tandem.lab>",    /* not registered */
	"<sip:9001@tandem.lab>",      /* where the call came from */
	"<sip:112@tandem.lab>, *, <", /* nonsense */
};

Test(redirect, other_redirections_are_not)
{
	for (size_t i = 0; i < sizeof(not_followed) / sizeof(not_followed[0]); i++) {
		const unsigned invites = network_count(world->net, world->tandem, "INVITE ");

		carrier()->final = 0;
		call_bob();
		redirect(not_followed[i]);
		cr_expect_eq(carrier()->final, 480, "%s: %u", not_followed[i], carrier()->final);
		cr_expect_eq(network_count(world->net, world->tandem, "INVITE "), invites + 1);
	}
	world_expect_nothing_left();
}

Test(redirect, who_may_not_call_there_does_not_get_there_by_a_redirection)
{
	static struct config_rule rules[] = { { .to = "9*", .action = "deny" } };
	static const char *const denied[] = { "alice", "bob" };

	world->config.rules = rules;
	world->config.rules_count = 1;
	for (size_t i = 0; i < 2; i++) {
		rules[0].from = denied[i];
		world->phones[ALICE].final = 0;
		call_bob_as_alice();
		redirect("<sip:9001@tandem.lab>");
		cr_expect_eq(world->phones[ALICE].final, 480, "%s", denied[i]);
		cr_expect_eq(network_count(world->net, world->tandem, "INVITE sip:9001@"), 0);
	}
	world_expect_nothing_left();
}
