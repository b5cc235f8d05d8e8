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

static void redirect_from(unsigned phone, const char *contacts)
{
	char headers[256];

	snprintf(headers, sizeof(headers), "Contact: %s\r\n", contacts);
	cr_assert_eq(sip_invite_respond(world->phones[phone].invite, 302, NULL, SLICE_NONE,
					slice_of(headers)),
		     0);
	world_run(50);
}

static void redirect(const char *contacts)
{
	redirect_from(BOB, contacts);
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

/* alice has answered for bob: she may do with her leg what he may not. */
Test(redirect, the_leg_is_of_who_has_answered)
{
	world->alice_is_there = true;
	call_bob();
	redirect("<sip:alice@tandem.lab>");
	phone_respond(ALICE, 200, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(20);
	for (unsigned life = 0; life < 2; life++) {
		struct caller leg;

		call_leg(world->shard.engine->calls, world->shard.engine->calls->callee, &leg);
		cr_expect_str_eq(leg.aor, "alice@tandem.lab");
		phone_refer(ALICE, "<sip:carrol@tandem.lab>", true);
		cr_expect_eq(world->phones[ALICE].frag, 480);
		world->phones[ALICE].frag = 0;
		if (life == 0)
			world_kill_controlplane();
	}
	phone_bye(CARRIER);
	world_run(50);
	cr_expect_str_eq(world->cdr_to, "bob@tandem.lab", "who was called");
	world_expect_nothing_left();
}

Test(redirect, each_who_forwards_is_asked_for_himself)
{
	static struct config_rule rules[] = { { .from = "bob", .to = "9*", .action = "deny" } };
	struct sip_invite *calls;

	world->alice_is_there = true;
	world->config.rules = rules;
	world->config.rules_count = 1;
	call_bob_as_alice();
	calls = world->phones[ALICE].invite;
	redirect("<sip:alice@tandem.lab>");
	cr_assert_neq(world->phones[ALICE].invite, calls);
	redirect_from(ALICE, "<sip:9001@tandem.lab>");
	cr_expect_eq(network_count(world->net, world->tandem, "INVITE sip:9001@"), 1,
		     "she may, and it is not he who sends her call there");
	phone_respond(CARRIER, 486, NULL);
	world_run(50);
	world_expect_nothing_left();
}

/* Nothing resolves names here, so nothing can be sent. */
Test(redirect, where_it_cannot_be_dialed_the_caller_is_told_at_once)
{
	static struct config_trunk trunk;

	trunk = world->config.trunks[0];
	trunk.uri = "sip:carrier.example";
	world->config.trunks = &trunk;
	call_bob_as_alice();
	redirect("<sip:9001@tandem.lab>");
	cr_expect_eq(world->phones[ALICE].final, 480);
	world_run(50);
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
