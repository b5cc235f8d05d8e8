/* SPDX-License-Identifier: BSD-3-Clause */
/* Attended transfers (RFC 5589 §7): the party joins a call that is there. */
#include <stdio.h>
#include <string.h>

#include "controlplane/engine/tests/transfer.h"

TestSuite(transfer_attended, .init = transfer_set_up, .fini = world_stop);

static void consult_alice(const char *formats, const char *answered)
{
	world->contacts_from = 1;
	phone_call(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, formats, "sendrecv"));
	world_run(50);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 7000, answered, "sendrecv"));
	world_run(20);
	cr_assert(alice()->answered);
	cr_assert_eq(engine_call_count(world->shard.engine), 2);
}

static void consult(const char *formats, const char *answered)
{
	world_bridged_call();
	consult_alice(formats, answered);
}

Test(transfer_attended, the_party_takes_the_place_of_the_transferor)
{
	struct call *call;
	uint64_t first;

	consult("8 101", "8 101");
	call = newest();
	first = oldest()->id;
	phone_refer(BOB, phone_replaces(BOB2), true);
	cr_expect_eq(bob()->frag, 100);
	cr_expect_eq(sent("INVITE "), 3, "nobody is called");
	carrier_agrees();
	cr_expect_eq(bob()->frag, 200);
	cr_expect(bob()->ended);
	cr_expect(second()->ended);
	cr_expect_eq(second()->how, SIP_END_BYE_RECEIVED);
	cr_expect_not(alice()->reinvited, "she knows all already");
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(newest(), call);
	cr_expect_eq(world->cdr.call, first);
	cr_expect_str_eq(call->from, "alice@tandem.lab");
	cr_expect_str_eq(call->to, "+15550100@tandem.lab");
	cr_expect_eq(call->trunk_out, 0);
	cr_expect_eq(world->shard.engine->trunk_calls[0], 1);
	cr_expect_eq(world_call_termination(call->id, 0).remote.port, 6000);
	cr_expect_eq(world_call_termination(call->id, 1).remote.port, 4100);
	phone_bye(CARRIER);
	world_run(50);
	cr_expect(alice()->ended);
	world_expect_nothing_left();
}

Test(transfer_attended, a_name_that_was_withheld_stays_so_in_the_place_of_a_callee)
{
	phone_call_with(CARRIER, "sip:bob@tandem.lab",
			phone_sdp(CARRIER, 4000, "8 101", "sendrecv"), "Privacy: id\r\n");
	world_run(50);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	consult_alice("8 101", "8 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	carrier_agrees();
	second()->invite = NULL;
	phone_refer(ALICE, "<sip:bob@tandem.lab>", true);
	cr_assert_not_null(second()->invite);
	cr_expect_not(world_says(world->tandem, second()->node, "+15550100"));
	phone_respond(BOB2, 486, NULL);
	world_run(50);
	phone_bye(ALICE);
	world_run(50);
	world_expect_nothing_left();
}

Test(transfer_attended, what_has_come_to_nothing_leaves_nothing_in_the_other_call)
{
	consult("8 101", "8 101");
	for (unsigned i = 0; i < 20; i++) {
		phone_refer(BOB, phone_replaces(BOB2), true);
		cr_assert(carrier()->reinvited, "%u", i);
		carrier()->reinvited = false;
		sip_invite_refuse(carrier()->invite, NULL, 488, SLICE_NONE);
		world_run(50);
	}
	phone_refer(BOB, phone_replaces(BOB2), true);
	carrier_agrees();
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(newest()->callee->remote.rtp.port, 4100);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

/* alice is told of the hold of somebody who is gone when she answers. */
Test(transfer_attended, a_hold_on_the_way_does_not_outlive_who_wanted_it)
{
	consult("8 101", "8 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	cr_assert(carrier()->reinvited);
	phone_reinvite(BOB2, phone_sdp(BOB2, 7000, "8 101", "sendonly"));
	world_run(20);
	cr_assert(alice()->reinvited);
	carrier_agrees();
	phone_answer(ALICE, phone_sdp(ALICE, 6000, "8 101", "recvonly"));
	world_run(50);
	cr_assert(alice()->reinvited);
	phone_answer(ALICE, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(newest()->state, CALL_ANSWERED);
	cr_expect_eq(world_call_termination(newest()->id, 0).direction, DP_DIRECTION_SENDRECV);
	/* and all goes on as ever */
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendonly"));
	world_run(20);
	cr_assert(alice()->reinvited);
	phone_answer(ALICE, phone_sdp(ALICE, 6000, "8 101", "recvonly"));
	world_run(50);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_eq(newest()->state, CALL_HELD);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

/* alice makes the offer that somebody has asked her for who is gone: she is owed an answer. */
Test(transfer_attended, an_offer_that_nobody_waits_for_is_answered)
{
	consult("8 101", "8 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	cr_assert(carrier()->reinvited);
	phone_reinvite(BOB2, NULL);
	world_run(20);
	cr_assert(alice()->reinvited);
	alice()->acked = false;
	carrier_agrees();
	phone_respond(ALICE, 200, phone_sdp(ALICE, 6002, "8 101", "sendrecv"));
	world_run(50);
	cr_expect(alice()->acked);
	cr_expect_eq(alice()->role, SIP_BODY_ANSWER);
	cr_expect_eq(world_call_termination(newest()->id, 0).remote.port, 6002);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer_attended, the_target_is_told_of_other_formats)
{
	consult("8 0 101", "0 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 8 0 101"));
	carrier_agrees();
	cr_assert(alice()->reinvited);
	cr_expect_not_null(strstr(alice()->sdp, "RTP/AVP 8 101"));
	phone_answer(ALICE, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(world_call_termination(newest()->id, 0).payload_type, 8);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer_attended, the_transferor_may_hang_up_both)
{
	consult("8 101", "8 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	phone_bye(BOB);
	phone_bye(BOB2);
	world_run(50);
	cr_expect_not(alice()->ended);
	cr_expect_not(carrier()->ended);
	carrier_agrees();
	cr_expect_eq(world_call_termination(newest()->id, 1).remote.port, 4100);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer_attended, who_is_not_joined_is_where_it_was)
{
	consult("8 101", "8 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	cr_assert(carrier()->reinvited);
	sip_invite_refuse(carrier()->invite, NULL, 488, SLICE_NONE);
	world_run(50);
	cr_expect_eq(bob()->frag, 488);
	cr_expect_eq(engine_call_count(world->shard.engine), 2);
	cr_expect_not(second()->ended);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(second()->ended);
	expect_as_before();
}

Test(transfer_attended, a_dialog_that_is_not_there_cannot_be_joined)
{
	world_bridged_call();
	phone_refer(BOB, "<sip:x@tandem.lab?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>", true);
	world_run(20);
	cr_expect_eq(bob()->frag, 481);
	phone_refer(BOB, phone_replaces(BOB), true);
	cr_expect_eq(bob()->over_status, 491, "its own call");
	expect_as_before();
}

/* The carrier is of another network than bob and alice: his seat is of no use to it. */
static void consult_across_networks(void)
{
	world_two_realms();
	consult("8 101", "8 101");
	phone_refer(BOB, phone_replaces(BOB2), true);
	world_run(20);
}

Test(transfer_attended, the_party_has_a_seat_in_its_own_network)
{
	struct call *call;

	consult_across_networks();
	call = newest();
	cr_assert(carrier()->reinvited);
	cr_expect_eq(fake_terminations(), 5, "a spare seat");
	carrier_agrees();
	cr_expect_eq(bob()->frag, 200);
	cr_expect(second()->ended);
	cr_expect_eq(fake_terminations(), 2);
	cr_expect_eq(world_call_termination(call->id, 0).realm, 0);
	cr_expect_eq(world_call_termination(call->id, 1).realm, 1);
	cr_expect_eq(world_call_termination(call->id, 1).remote.port, 4100);
	cr_expect_eq(world_call_termination(call->id, 1).direction, DP_DIRECTION_SENDRECV);
	world_kill_controlplane();
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer_attended, a_seat_that_nobody_takes_is_given_up)
{
	consult_across_networks();
	sip_invite_refuse(carrier()->invite, NULL, 488, SLICE_NONE);
	world_run(50);
	cr_expect_eq(bob()->frag, 488);
	cr_expect_eq(fake_terminations(), 4);
	phone_bye(ALICE);
	world_run(50);
	expect_as_before();
}

Test(transfer_attended, the_other_call_may_end_while_a_seat_is_made)
{
	consult_across_networks();
	phone_bye(ALICE);
	world_run(50);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	world_run(50);
	if (carrier()->reinvited)
		phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	expect_as_before();
}
