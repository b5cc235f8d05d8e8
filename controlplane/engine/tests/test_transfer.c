/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers (RFC 3515, RFC 5589): the party goes to somebody who is called for it. */
#include <stdio.h>
#include <string.h>
#include <errno.h>

#include "controlplane/engine/tests/transfer.h"

TestSuite(transfer, .init = transfer_set_up, .fini = world_stop);

/* --- blind --- */

Test(transfer, the_party_comes_to_the_target)
{
	unsigned byes = sent("BYE ");

	refer_to_alice();
	cr_expect_eq(sent("SIP/2.0 407"), 1, "bob proves who he is");
	cr_expect_eq(sent("SIP/2.0 202"), 1);
	cr_expect(packet_has(network_nth(world->net, world->tandem, "SIP/2.0 202", 0),
			     "Contact: <sip:"));
	cr_expect_eq(bob()->frag, 100);
	phone_respond(ALICE, 180, NULL);
	world_run(20);
	cr_expect_eq(bob()->frag, 180);
	cr_expect_not(carrier()->reinvited, "it hears of nothing before alice answers");
	alice_answers();
	cr_expect(alice()->acked);
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 8 101"));
	carrier_agrees();
	cr_expect_eq(bob()->frag, 200);
	cr_expect_eq(bob()->substate, SIP_SUB_TERMINATED);
	cr_expect(bob()->ended);
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(sent("BYE "), byes + 1);
	cr_expect_str_eq(world->cdr_reason, "transferred");
	cr_expect_str_eq(world->cdr_ended_by, "callee");
	cr_expect_not_null(world->record, "of the new call");
	cr_expect_eq(world->record_id, newest()->id);
	cr_expect_str_eq(newest()->from, "+15550100@tandem.lab");
	cr_expect_str_eq(newest()->to, "alice@tandem.lab");
	expect_together();
	cr_expect_eq(world->cdrs, 2);
	cr_expect_str_eq(world->cdr_reason, "normal");
}

Test(transfer, nothing_of_one_is_shown_to_another)
{
	const struct packet *invite;

	refer_to_alice();
	phone_respond(ALICE, 180, NULL);
	world_run(20);
	alice_answers();
	carrier_agrees();
	invite = network_nth(world->net, world->tandem, "INVITE ", 1);
	cr_expect(packet_has(invite, "Referred-By: <sip:bob@tandem.lab>\r\n"));
	cr_expect(packet_has(invite, "From: <sip:+15550100@tandem.lab>"));
	for (unsigned to = 0; to < PHONES; to++) {
		for (unsigned of = 0; of < PHONES; of++) {
			char address[16];

			snprintf(address, sizeof(address), "198.18.0.%u", 101 + of);
			if (of != to)
				cr_expect_not(
					world_says(world->tandem, world->phones[to].node, address),
					"%s to %u", address, to);
		}
		cr_expect_not(world_says(world->tandem, world->phones[to].node, "198.18.0.99"));
	}
	expect_together();
}

/* Many phones hang up as soon as they have the 202. */
Test(transfer, the_transferor_may_hang_up_at_once)
{
	refer_to_alice();
	phone_bye(BOB);
	world_run(50);
	cr_expect(bob()->ended);
	cr_assert_eq(engine_call_count(world->shard.engine), 2);
	cr_expect_not(carrier()->ended);
	phone_respond(ALICE, 180, NULL);
	world_run(20);
	cr_expect_eq(bob()->frag, 180, "told all the same");
	alice_answers();
	carrier_agrees();
	cr_expect_eq(bob()->frag, 200);
	expect_together();
}

Test(transfer, when_the_target_refuses_the_call_goes_on)
{
	refer_to_alice();
	phone_respond(ALICE, 486, NULL);
	world_run(50);
	cr_expect_eq(bob()->frag, 486);
	cr_expect_eq(bob()->substate, SIP_SUB_TERMINATED);
	cr_expect_eq(world->cdr.cause, 486);
	expect_as_before();
}

Test(transfer, when_the_target_refuses_and_the_transferor_is_gone_so_is_the_call)
{
	refer_to_alice();
	phone_bye(BOB);
	world_run(50);
	phone_respond(ALICE, 486, NULL);
	world_run(50);
	cr_expect_eq(bob()->frag, 486);
	cr_expect(carrier()->ended);
	cr_expect_str_eq(world->cdr_reason, "transfer-failed");
	world_expect_nothing_left();
}

Test(transfer, who_cannot_be_called_is_told_of)
{
	world_bridged_call();
	phone_refer(BOB, "<sip:nobody@tandem.lab>", true);
	world_run(50);
	cr_expect_eq(bob()->frag, 404);
	phone_refer(BOB, "<sip:x@elsewhere.example>", true);
	world_run(50);
	cr_expect_eq(bob()->frag, 403);
	expect_as_before();
}

Test(transfer, when_the_party_hangs_up_the_target_rings_no_more)
{
	refer_to_alice();
	phone_respond(ALICE, 180, NULL);
	world_run(20);
	phone_bye(CARRIER);
	world_run(100);
	cr_expect(alice()->ended);
	cr_expect_eq(alice()->how, SIP_END_CANCELLED);
	cr_expect(bob()->ended);
	cr_expect_eq(bob()->frag, 487);
	world_expect_nothing_left();
}

Test(transfer, nobody_answers)
{
	refer_to_alice();
	phone_respond(ALICE, 180, NULL);
	world_run(21000);
	cr_expect(alice()->ended);
	cr_expect_eq(bob()->frag, 480);
	expect_as_before();
}

Test(transfer, when_the_party_does_not_agree_the_call_goes_on)
{
	refer_to_alice();
	alice_answers();
	cr_assert(carrier()->reinvited);
	sip_invite_refuse(carrier()->invite, NULL, 488, SLICE_NONE);
	world_run(50);
	cr_expect(alice()->ended);
	cr_expect_eq(bob()->frag, 488);
	expect_as_before();
}

/* The party has answered for a seat that is no more. */
Test(transfer, when_the_target_hangs_up_meanwhile_the_party_is_told_where_it_was)
{
	refer_to_alice();
	alice_answers();
	cr_assert(carrier()->reinvited);
	phone_bye(ALICE);
	world_run(50);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(bob()->substate, SIP_SUB_TERMINATED);
	cr_assert(carrier()->reinvited, "told again");
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	world_run(50);
	expect_as_before();
}

/* It has said 100, and no more: an INVITE has no timer for that (RFC 3261 §17.1.1.2). */
Test(transfer, a_party_that_does_not_answer_is_not_waited_for)
{
	refer_to_alice();
	alice_answers();
	cr_assert(carrier()->reinvited);
	world_run(45000);
	cr_expect(alice()->ended);
	cr_expect_not(bob()->ended);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(50);
	cr_expect(carrier()->reinvited, "told where it is");
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(bob()->frag, 408);
	expect_as_before();
}

Test(transfer, who_does_not_answer_and_has_nobody_left_is_let_go)
{
	refer_to_alice();
	phone_bye(BOB);
	alice_answers();
	cr_assert(carrier()->reinvited);
	world_run(45000);
	cr_expect(alice()->ended);
	cr_expect(carrier()->ended);
	world_run(1000);
	world_expect_nothing_left();
}

Test(transfer, who_goes_while_the_party_does_not_answer_ends_the_call)
{
	refer_to_alice();
	alice_answers();
	world_run(45000);
	phone_bye(BOB);
	world_run(45000);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer, both_may_hang_up_meanwhile)
{
	refer_to_alice();
	alice_answers();
	phone_bye(ALICE);
	phone_bye(BOB);
	world_run(50);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(100);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer, a_hold_of_the_transferor_ends_with_it)
{
	world_bridged_call();
	phone_reinvite(BOB, phone_sdp(BOB, 5000, "8 101", "sendonly"));
	world_run(20);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "recvonly"));
	world_run(20);
	cr_assert_eq(oldest()->state, CALL_HELD);
	phone_refer(BOB, TO_ALICE, true);
	cr_expect_not_null(strstr(alice()->sdp, "a=sendrecv"));
	alice_answers();
	cr_expect_not_null(strstr(carrier()->sdp, "a=sendrecv"));
	carrier_agrees();
	expect_together();
}

/* A re-INVITE of the transferor is with the party when the target answers. */
Test(transfer, it_waits_for_an_exchange_to_end)
{
	refer_to_alice();
	phone_reinvite(BOB, phone_sdp(BOB, 5000, "8 101", "sendonly"));
	world_run(20);
	cr_assert(carrier()->reinvited);
	alice_answers();
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "recvonly"));
	world_run(600);
	cr_expect_not_null(strstr(carrier()->sdp, "a=sendrecv"));
	carrier_agrees();
	expect_together();
}

Test(transfer, an_exchange_that_does_not_end_ends_the_transfer)
{
	refer_to_alice();
	phone_reinvite(BOB, phone_sdp(BOB, 5000, "8 101", "sendonly"));
	world_run(20);
	alice_answers();
	world_run(6000);
	cr_expect(alice()->ended);
	cr_expect_eq(bob()->frag, 491);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "recvonly"));
	world_run(50);
	phone_bye(BOB);
	world_run(50);
	world_expect_nothing_left();
}

/* The party may speak another format with the target than it was offered first. */
Test(transfer, the_target_is_told_what_the_party_speaks)
{
	refer_to_alice();
	phone_respond(ALICE, 200, phone_sdp(ALICE, 6000, "0 8 101", "sendrecv"));
	world_run(20);
	carrier_agrees();
	cr_assert(alice()->reinvited);
	cr_expect_not_null(strstr(alice()->sdp, "RTP/AVP 8 101"));
	phone_answer(ALICE, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(world_call_termination(newest()->id, 1).payload_type, 8);
	expect_together();
}

Test(transfer, nobody_wants_to_know)
{
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, false);
	cr_expect_eq(bob()->over_status, 200);
	alice_answers();
	carrier_agrees();
	cr_expect_eq(bob()->notified, 0);
	cr_expect(bob()->ended);
	expect_together();
}

Test(transfer, who_wants_to_know_no_more_is_told_no_more)
{
	refer_to_alice();
	sip_subscriber_stop(bob()->subscriber);
	world_run(50);
	phone_respond(ALICE, 180, NULL);
	world_run(20);
	cr_expect_neq(bob()->frag, 180);
	alice_answers();
	carrier_agrees();
	cr_expect(bob()->ended);
	expect_together();
}

Test(transfer, an_operator_transfers)
{
	world_bridged_call();
	cr_expect_eq(engine_transfer(world->shard.engine, 1, true, "alice"), -ENOENT);
	cr_assert_eq(engine_transfer(world->shard.engine, oldest()->id, false, "alice"), 0);
	cr_expect_eq(engine_transfer(world->shard.engine, oldest()->id, false, "alice"), -EBUSY);
	world_run(20);
	cr_assert_not_null(alice()->invite);
	cr_expect_not(world_says(world->tandem, alice()->node, "Referred-By"));
	alice_answers();
	carrier_agrees();
	cr_expect(bob()->ended);
	expect_together();
}

/* The callee goes to somebody else: its INVITE was ours. */
Test(transfer, the_callee_may_be_the_one_who_goes)
{
	world_bridged_call();
	cr_assert_eq(engine_transfer(world->shard.engine, oldest()->id, true, "alice"), 0);
	world_run(20);
	cr_expect(world_says(world->tandem, alice()->node, "From: <sip:bob@tandem.lab>"));
	alice_answers();
	cr_assert(bob()->reinvited);
	phone_answer(BOB, phone_sdp(BOB, 5100, "8 101", "sendrecv"));
	world_run(50);
	cr_expect(carrier()->ended);
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(world_call_termination(newest()->id, 0).remote.port, 5100);
	phone_bye(BOB);
	world_run(50);
	cr_expect(alice()->ended);
	world_expect_nothing_left();
}

/* --- in the midst of it --- */

static bool is_notify(void *arg, const struct packet *packet)
{
	(void)arg;
	return packet->size > 7 && memcmp(packet->data, "NOTIFY ", 7) == 0;
}

Test(transfer, the_transferor_is_told_before_it_is_let_go)
{
	refer_to_alice();
	alice_answers();
	world->net->drop = is_notify;
	carrier_agrees();
	cr_expect_not(bob()->ended);
	cr_expect_eq(engine_call_count(world->shard.engine), 2);
	world->net->drop = NULL;
	world_run(1000);
	cr_expect_eq(bob()->frag, 200);
	cr_expect(bob()->ended);
	expect_together();
}

Test(transfer, who_cannot_be_told_is_let_go_in_the_end)
{
	refer_to_alice();
	alice_answers();
	world->net->drop = is_notify;
	carrier_agrees();
	world_run(33000);
	cr_expect(bob()->ended);
	expect_together();
}

Test(transfer, a_restart_before_the_transferor_is_told_leaves_the_new_call_alone)
{
	refer_to_alice();
	alice_answers();
	world->net->drop = is_notify;
	carrier_agrees();
	world_kill_controlplane();
	expect_together();
}

Test(transfer, after_a_restart_the_call_is_as_before)
{
	refer_to_alice();
	phone_respond(ALICE, 180, NULL);
	world_run(20);
	world_kill_controlplane();
	cr_expect_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(oldest()->state, CALL_ANSWERED);
	phone_bye(BOB);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(transfer, after_a_restart_the_transferred_call_is_there)
{
	refer_to_alice();
	alice_answers();
	carrier_agrees();
	world_kill_controlplane();
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(newest()->transfers, 1);
	expect_together();
}

Test(transfer, an_operator_may_end_all_meanwhile)
{
	refer_to_alice();
	alice_answers();
	engine_hangup_all(world->shard.engine);
	world_run(100);
	cr_expect(carrier()->ended);
	cr_expect(bob()->ended);
	cr_expect(alice()->ended);
	world_expect_nothing_left();
}

Test(transfer, the_media_may_be_lost_meanwhile)
{
	refer_to_alice();
	alice_answers();
	fake->fail_type = DP_COMMAND_TERMINATION_MODIFY;
	fake->fail_status = -EIO;
	phone_answer(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(100);
	engine_hangup_all(world->shard.engine);
	world_run(100);
	world_expect_nothing_left();
}

/* --- INVITE with Join (RFC 3911) --- */

Test(transfer, a_call_is_not_joined_while_nothing_mixes)
{
	const struct sip_invite *leg;
	char header[256];

	world_bridged_call();
	leg = carrier()->invite;
	snprintf(header, sizeof(header), "Join: %.*s;to-tag=%.*s;from-tag=%.*s\r\n",
		 SLICE_FMT(sip_invite_call_id(leg)), SLICE_FMT(sip_invite_remote_tag(leg)),
		 SLICE_FMT(sip_invite_local_tag(leg)));
	phone_call_with(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"),
			header);
	world_run(50);
	cr_expect_eq(alice()->final, 488);
	phone_call_with(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"),
			"Join: 1;to-tag=2;from-tag=3\r\n");
	world_run(50);
	cr_expect_eq(alice()->final, 481);
	cr_expect_not(world_says(world->tandem, alice()->node, "join"), "not told");
	expect_as_before();
}
