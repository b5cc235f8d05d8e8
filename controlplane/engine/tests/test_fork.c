/* SPDX-License-Identifier: BSD-3-Clause */
/* A user with several phones is called on them in the order of their q (RFC 3261 §16.6). */
#include <criterion/criterion.h>

#include "controlplane/engine/tests/world.h"

TestSuite(fork, .init = world_start, .fini = world_stop);

#define OFFER phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv")

static struct phone *carrier(void)
{
	return &world->phones[CARRIER];
}

static bool is_called(unsigned phone)
{
	return world->phones[phone].invite != NULL;
}

/* Bob's first phone has the higher q. */
static void call_bob(void)
{
	world->contacts = 2;
	world->q[0] = .9f;
	world->q[1] = .5f;
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(20);
	cr_assert(is_called(BOB));
	cr_assert_not(is_called(BOB2));
}

static void expect_second_answers(void)
{
	phone_respond(BOB2, 180, NULL);
	world_run(20);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 6000, "0 101", "sendrecv"));
	world_run(50);
	cr_expect(carrier()->answered);
	cr_expect_eq(world_termination(1).remote.port, 6000);
	phone_bye(CARRIER);
	world_run(50);
	cr_expect_eq(world->cdrs, 1);
	cr_expect_eq(world->cdr.cause, 200);
	world_expect_nothing_left();
}

Test(fork, a_lower_q_rings_when_the_higher_has_refused)
{
	call_bob();
	phone_respond(BOB, 486, NULL);
	world_run(20);
	cr_expect_eq(carrier()->final, 0, "the caller hears nothing of it");
	cr_assert(is_called(BOB2));
	expect_second_answers();
}

Test(fork, a_lower_q_never_rings_when_the_higher_answers)
{
	call_bob();
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "0 101", "sendrecv"));
	world_run(10000);
	cr_expect(carrier()->answered);
	cr_expect_not(is_called(BOB2));
	phone_bye(CARRIER);
	world_run(50);
	world_expect_nothing_left();
}

Test(fork, the_same_q_rings_together)
{
	world->contacts = 2;
	world->q[0] = world->q[1] = .3f;
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(20);
	cr_assert(is_called(BOB) && is_called(BOB2));
	phone_respond(BOB, 180, NULL);
	world_run(10000);
	cr_expect_eq(network_count(world->net, world->tandem, "CANCEL "), 0, "both ring on");
	cr_expect_eq(carrier()->final, 0);
	world_run(11000);
	cr_expect_eq(carrier()->final, 480);
	world_expect_nothing_left();
}

Test(fork, who_does_not_answer_in_time_is_given_up_for_a_lower_q)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(4900);
	cr_expect_not(is_called(BOB2));
	world_run(200);
	cr_assert(is_called(BOB2));
	cr_expect_eq(world->phones[BOB].how, SIP_END_CANCELLED);
	expect_second_answers();
}

Test(fork, who_is_silent_is_given_up_as_well)
{
	world->phones[BOB].node->receive = NULL;
	world->contacts = 2;
	world->q[0] = 1;
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(5100);
	cr_assert(is_called(BOB2));
	expect_second_answers();
}

Test(fork, early_media_of_who_is_given_up_makes_room)
{
	call_bob();
	phone_respond(BOB, 183, phone_sdp(BOB, 5000, "0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	world_run(5100);
	cr_assert(is_called(BOB2));
	phone_respond(BOB2, 183, phone_sdp(BOB2, 6000, "0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(world_termination(1).remote.port, 6000);
	expect_second_answers();
}

Test(fork, an_answer_that_crosses_its_cancel_is_ended)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(4900);
	world->net->delay_min = world->net->delay_max = 20;
	for (int ms = 0; ms < 200 && !network_count(world->net, world->tandem, "CANCEL "); ms++)
		world_run(1);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "0 101", "sendrecv"));
	world->net->delay_min = world->net->delay_max = 0;
	world_run(50);
	cr_expect_eq(world->phones[BOB].how, SIP_END_BYE_RECEIVED);
	cr_expect_not(carrier()->answered);
	cr_assert(is_called(BOB2));
	expect_second_answers();
}

Test(fork, a_decline_for_all_is_final)
{
	call_bob();
	phone_respond(BOB, 603, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, 603);
	cr_expect_not(is_called(BOB2));
	world_expect_nothing_left();
}

Test(fork, the_best_refusal_of_all_groups_counts)
{
	call_bob();
	phone_respond(BOB, 486, NULL);
	world_run(20);
	phone_respond(BOB2, 404, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, 486);
	world_expect_nothing_left();
}

Test(fork, a_caller_that_gives_up_ends_what_rings_and_what_waits)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(20);
	sip_invite_cancel(carrier()->invite, SLICE_NONE);
	world_run(6000);
	cr_expect_eq(carrier()->final, 487);
	cr_expect_eq(world->phones[BOB].how, SIP_END_CANCELLED);
	cr_expect_not(is_called(BOB2));
	world_expect_nothing_left();
}

Test(fork, a_caller_that_gives_up_between_groups_ends_the_later_one)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(5100);
	cr_assert(is_called(BOB2));
	sip_invite_cancel(carrier()->invite, SLICE_NONE);
	world_run(100);
	cr_expect_eq(carrier()->final, 487);
	cr_expect_eq(world->phones[BOB].how, SIP_END_CANCELLED);
	cr_expect_eq(world->phones[BOB2].how, SIP_END_CANCELLED);
	cr_expect_eq(world->cdrs, 1);
	world_expect_nothing_left();
}

Test(fork, all_groups_together_have_the_time_of_a_call)
{
	world->config.calls.ring_timeout_s = 7;
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(5100);
	cr_assert(is_called(BOB2));
	cr_expect_eq(carrier()->final, 0);
	world_run(2000);
	cr_expect_eq(carrier()->final, 480);
	cr_expect_eq(world->phones[BOB2].how, SIP_END_CANCELLED);
	world_expect_nothing_left();
}

Test(fork, a_lower_q_is_not_called_when_the_call_has_no_time_left)
{
	world->config.calls.ring_timeout_s = 5;
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(5100);
	cr_expect_eq(carrier()->final, 480);
	cr_expect_not(is_called(BOB2));
	world_expect_nothing_left();
}
