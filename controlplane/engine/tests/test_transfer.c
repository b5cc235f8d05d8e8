/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transfers (RFC 3515, RFC 5589). The carrier talks to bob, who sends it to alice; attended, alice
 * and bob's second phone talk already.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/engine/tests/world.h"

static void set_up(void)
{
	world_start();
	world->alice_is_there = true;
}

TestSuite(transfer, .init = set_up, .fini = world_stop);

#define TO_ALICE "<sip:alice@tandem.lab>"

static struct phone *carrier(void)
{
	return &world->phones[CARRIER];
}

static struct phone *bob(void)
{
	return &world->phones[BOB];
}

static struct phone *alice(void)
{
	return &world->phones[ALICE];
}

static struct phone *second(void)
{
	return &world->phones[BOB2];
}

static unsigned sent(const char *begin)
{
	return network_count(world->net, world->tandem, begin);
}

/* The call that the party has come to; the other one has been let go, or not yet. */
static struct call *newest(void)
{
	return world->shard.engine->calls;
}

static struct call *oldest(void)
{
	struct call *call = world->shard.engine->calls;

	while (call && call->next)
		call = call->next;
	return call;
}

static void refer_to_alice(void)
{
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, true);
	cr_assert_not_null(alice()->invite, "alice is called");
}

static void alice_answers(void)
{
	phone_respond(ALICE, 200, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(20);
}

static void carrier_agrees(void)
{
	cr_assert(carrier()->reinvited);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(50);
}

/* The carrier talks to alice, and then no more. */
static void expect_together(void)
{
	struct call *call = newest();

	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(call->state, CALL_ANSWERED);
	cr_expect_eq(call->caller->remote.rtp.port, 4100);
	cr_expect_eq(call->callee->remote.rtp.port, 6000);
	cr_expect_eq(world_call_termination(call->id, 0).remote.port, 4100);
	cr_expect_eq(world_call_termination(call->id, 1).remote.port, 6000);
	cr_expect_eq(world_call_termination(call->id, 0).direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(world_call_termination(call->id, 1).direction, DP_DIRECTION_SENDRECV);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

/* The carrier and bob talk as before, and then no more. */
static void expect_as_before(void)
{
	world_run(300);
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(oldest()->state, CALL_ANSWERED);
	cr_expect_null(oldest()->away);
	cr_expect_not(carrier()->ended);
	cr_expect_not(bob()->ended);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	phone_bye(BOB);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

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

/* --- who may --- */

Test(transfer, without_a_password_nobody_transfers)
{
	struct sip_credentials *password = bob()->credentials;

	bob()->credentials = NULL;
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, true);
	cr_expect_eq(bob()->over_status, 407);
	cr_expect_null(alice()->invite);
	bob()->credentials = password;
	expect_as_before();
}

/* What others are told of a caller is one thing, and who may act in his name another. */
Test(transfer, who_withholds_his_name_is_not_just_anybody)
{
	phone_call_with(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"),
			"Privacy: id\r\n");
	world_run(50);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	cr_assert(oldest()->withheld);
	sip_invite_set_credentials(alice()->invite, bob()->credentials);
	phone_refer(ALICE, "<sip:carrol@tandem.lab>", true);
	cr_expect_eq(alice()->over_status, 403);
	cr_expect_eq(sent("SIP/2.0 202"), 0);
	sip_invite_set_credentials(alice()->invite, alice()->credentials);
	phone_refer(ALICE, "<sip:carrol@tandem.lab>", true);
	cr_expect_eq(sent("SIP/2.0 202"), 1);
	phone_bye(BOB);
	world_run(100);
	world_expect_nothing_left();
}

/* RFC 3891 */
static void alice_replaces_bob(void)
{
	const struct sip_invite *invite = bob()->invite;
	char header[256];

	snprintf(header, sizeof(header), "Replaces: %.*s;to-tag=%.*s;from-tag=%.*s\r\n",
		 SLICE_FMT(sip_invite_call_id(invite)), SLICE_FMT(sip_invite_remote_tag(invite)),
		 SLICE_FMT(sip_invite_local_tag(invite)));
	phone_call_with(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"),
			header);
	world_run(50);
}

Test(transfer, who_has_replaced_a_leg_is_who_may_transfer)
{
	world_bridged_call();
	alice_replaces_bob();
	carrier_agrees();
	cr_assert(alice()->answered);
	cr_expect(bob()->ended);
	cr_expect_str_eq(newest()->to, "alice@tandem.lab");
	phone_refer(ALICE, "<sip:bob@tandem.lab>", true);
	cr_expect_eq(sent("SIP/2.0 202"), 1);
	cr_assert_not_null(bob()->invite);
	cr_expect(world_says(world->tandem, bob()->node, "Referred-By: <sip:alice@tandem.lab>"));
	phone_respond(BOB, 486, NULL);
	world_run(50);
	phone_bye(ALICE);
	world_run(50);
	world_expect_nothing_left();
}

Test(transfer, a_trunk_transfers_only_where_all_may)
{
	world_bridged_call();
	phone_refer(CARRIER, TO_ALICE, true);
	cr_expect_eq(carrier()->over_status, 403);
	world->config.calls.transfer = "all";
	phone_refer(CARRIER, TO_ALICE, true);
	cr_expect_eq(carrier()->frag, 100);
	cr_assert_not_null(alice()->invite);
	phone_respond(ALICE, 603, NULL);
	world_run(20);
	expect_as_before();
}

Test(transfer, where_nobody_may_nobody_does)
{
	world->config.calls.transfer = "off";
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, true);
	cr_expect_eq(bob()->over_status, 403);
	expect_as_before();
}

Test(transfer, one_at_a_time)
{
	refer_to_alice();
	phone_refer(BOB, "<sip:carrol@tandem.lab>", true);
	cr_expect_eq(bob()->over_status, 491);
	phone_respond(ALICE, 486, NULL);
	world_run(20);
	expect_as_before();
}

static bool is_cancel(void *arg, const struct packet *packet)
{
	(void)arg;
	return packet->size > 7 && memcmp(packet->data, "CANCEL ", 7) == 0;
}

/* Both of bob's phones ring; the one that did not answer has not heard of that yet. */
Test(transfer, a_phone_that_has_not_answered_has_no_part_in_the_call)
{
	world->contacts = 2;
	phone_call(CARRIER, "sip:bob@tandem.lab", phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv"));
	world_run(20);
	phone_respond(BOB2, 180, NULL);
	world_run(20);
	world->net->drop = is_cancel;
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	world->contacts = 1;
	phone_refer(BOB2, TO_ALICE, true);
	cr_expect_eq(second()->over_status, 403);
	cr_expect_null(alice()->invite);
	world->net->drop = NULL;
	world_run(1000);
	expect_as_before();
}

Test(transfer, only_calls_are_asked_for)
{
	world_bridged_call();
	phone_refer(BOB, "<sip:alice@tandem.lab;method=BYE>", true);
	cr_expect_eq(bob()->over_status, 603);
	expect_as_before();
}

/* alice's and bob's phones send whoever calls to one another. */
Test(transfer, a_party_is_not_sent_round_for_ever)
{
	unsigned at = BOB;

	world_bridged_call();
	for (unsigned i = 0; i < 10; i++) {
		const unsigned to = at == BOB ? ALICE : BOB;

		world->phones[to].invite = NULL;
		phone_refer(at, to == BOB ? "<sip:bob@tandem.lab>" : TO_ALICE, true);
		cr_assert_not_null(world->phones[to].invite, "%u", i);
		phone_respond(to, 200, phone_sdp(to, 6000, "8 101", "sendrecv"));
		world_run(20);
		carrier_agrees();
		at = to;
	}
	world->phones[at].frag = 0;
	phone_refer(at, TO_ALICE, true);
	world_run(20);
	cr_expect_eq(world->phones[at].frag, 482);
	cr_expect_eq(engine_call_count(world->shard.engine), 1);
	phone_bye(at);
	world_run(50);
	world_expect_nothing_left();
}

Test(transfer, who_was_called_by_a_gruu_is_its_user)
{
	const struct call call = { .to = "bob@tandem.lab;gr=urn:uuid:1",
				   .answered_by = "",
				   .from = "a@tandem.lab" };
	struct caller bobs = { 0 };
	const struct session leg = { 0 };

	call_leg(&call, &leg, &bobs);
	cr_expect_str_eq(bobs.aor, "bob@tandem.lab");
}

/* --- attended --- */

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

Test(transfer, the_party_takes_the_place_of_the_transferor)
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

Test(transfer, a_name_that_was_withheld_stays_so_in_the_place_of_a_callee)
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

Test(transfer, what_has_come_to_nothing_leaves_nothing_in_the_other_call)
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

Test(transfer, the_target_is_told_of_other_formats)
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

Test(transfer, the_transferor_may_hang_up_both)
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

Test(transfer, who_is_not_joined_is_where_it_was)
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

Test(transfer, a_dialog_that_is_not_there_cannot_be_joined)
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

Test(transfer, the_party_has_a_seat_in_its_own_network)
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

Test(transfer, a_seat_that_nobody_takes_is_given_up)
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

Test(transfer, the_other_call_may_end_while_a_seat_is_made)
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
