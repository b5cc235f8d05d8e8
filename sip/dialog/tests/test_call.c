/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls between two user agents, from INVITE to BYE and all the ways to end before. */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/dialog/tests/party.h"

static struct table t;

static void set_up(void)
{
	table_open(&t);
}

static void tear_down(void)
{
	table_close(&t);
}

TestSuite(call, .init = set_up, .fini = tear_down);

static struct leg *alice(void)
{
	return party_leg(&t.alice);
}

static struct leg *bob(void)
{
	return party_leg(&t.bob);
}

static enum sip_invite_state state(const struct leg *leg)
{
	return leg->invite != NULL ? sip_invite_get_state(leg->invite) : SIP_INVITE_TERMINATED;
}

static void run(uint64_t ms)
{
	network_run(t.net, ms);
}

Test(call, goes_from_invite_to_bye)
{
	party_call(&t.alice, t.bob.node, "offer");
	cr_expect_eq(state(alice()), SIP_INVITE_CALLING);
	run(2);
	cr_expect_eq(state(bob()), SIP_INVITE_INCOMING);
	cr_expect_str_eq(bob()->body, "offer");
	party_respond(bob(), 180, "");
	run(2);
	cr_expect_eq(state(alice()), SIP_INVITE_EARLY);
	cr_expect_eq(state(bob()), SIP_INVITE_EARLY);
	cr_expect_eq(alice()->progress, 1);
	party_respond(bob(), 183, "early");
	run(2);
	cr_expect_str_eq(alice()->body, "early");
	cr_expect_eq(sip_invite_respond(bob()->invite, 99, NULL, SLICE_NONE, SLICE_NONE), -EINVAL);
	party_respond(bob(), 200, "answer");
	cr_expect_eq(state(bob()), SIP_INVITE_ACCEPTED);
	cr_expect_eq(sip_invite_respond(bob()->invite, 200, NULL, SLICE_NONE, SLICE_NONE), -EINVAL);
	run(2);
	cr_expect_eq(state(alice()), SIP_INVITE_CONFIRMED);
	cr_expect_eq(state(bob()), SIP_INVITE_CONFIRMED);
	cr_expect_eq(alice()->answered, 1);
	cr_expect_str_eq(alice()->body, "answer");
	cr_expect_eq(bob()->acked, 1);
	cr_expect_eq(sent(&t.alice, "ACK sip:bob@192.0.2.2:5060 SIP/2.0"), 1);

	cr_expect(slice_equal(sip_invite_local_tag(alice()->invite),
			      sip_invite_remote_tag(bob()->invite)));
	cr_expect(slice_equal(sip_invite_remote_tag(alice()->invite),
			      sip_invite_local_tag(bob()->invite)));
	cr_expect(slice_equal(sip_invite_call_id(alice()->invite),
			      sip_invite_call_id(bob()->invite)));
	cr_expect(
		slice_equal(sip_invite_local_uri(alice()->invite), SLICE("sip:alice@tandem.lab")));
	cr_expect(slice_equal(sip_invite_remote_uri(bob()->invite), SLICE("sip:alice@tandem.lab")));
	cr_expect(slice_starts_nocase(sip_invite_call_id(alice()->invite), SLICE("t7")));
	cr_expect(slice_starts_nocase(sip_invite_local_tag(bob()->invite), SLICE("t7")));

	sip_invite_end(bob()->invite, 0, SLICE("Reason: Q.850;cause=16\r\n"));
	cr_expect_eq(state(bob()), SIP_INVITE_TERMINATING);
	run(3);
	cr_expect(packet_has(sent_nth(&t.bob, "BYE sip:alice@192.0.2.1:5060 SIP/2.0", 0),
			     "Reason: Q.850;cause=16\r\n"));
	cr_expect_eq(alice()->ended, 1);
	cr_expect_eq(alice()->how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(bob()->ended, 1);
	cr_expect_eq(bob()->how, SIP_END_BYE_SENT);
	cr_expect_eq(bob()->status, 200);
	run(60000);
	cr_expect_eq(sent(&t.alice, "ACK "), 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 1);
}

Test(call, delayed_offer_is_answered_in_the_ack)
{
	party_call(&t.alice, t.bob.node, "");
	run(2);
	cr_expect_str_eq(bob()->body, "");
	party_respond(bob(), 200, "bobs-offer");
	run(5);
	cr_expect_str_eq(alice()->body, "bobs-offer");
	cr_expect_eq(sent(&t.alice, "ACK "), 0);
	cr_expect_eq(party_reinvite(alice(), "x"), -EBUSY);
	cr_expect_eq(sip_invite_answer(alice()->invite, NULL, SLICE("alices-answer")), 0);
	cr_expect_eq(sip_invite_answer(alice()->invite, NULL, SLICE("again")), -EINVAL);
	run(2);
	cr_expect_str_eq(bob()->body, "alices-answer");
	cr_expect_eq(state(bob()), SIP_INVITE_CONFIRMED);
}

Test(call, busy_is_a_rejection_on_both_sides)
{
	t.bob.answer = 486;
	party_call(&t.alice, t.bob.node, "offer");
	run(5);
	cr_expect_eq(alice()->how, SIP_END_REJECTED);
	cr_expect_eq(alice()->status, 486);
	cr_expect_eq(bob()->how, SIP_END_REJECTED);
	cr_expect_eq(bob()->status, 486);
	cr_expect_eq(sent(&t.alice, "ACK "), 1);
}

Test(call, end_of_an_incoming_call_refuses_it)
{
	party_call(&t.alice, t.bob.node, "offer");
	run(2);
	sip_invite_end(bob()->invite, 603, SLICE("Reason: SIP;cause=603\r\n"));
	cr_expect_eq(bob()->how, SIP_END_REJECTED);
	run(5);
	cr_expect_eq(alice()->status, 603);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 603", 0), "Reason: SIP;cause=603"));
}

Test(call, nobody_takes_it_is_500)
{
	t.bob.take = false;
	party_call(&t.alice, t.bob.node, "offer");
	run(5);
	cr_expect_eq(alice()->status, 500);
}

Test(call, silence_is_a_timeout)
{
	party_call(&t.alice, t.peer, "offer");
	run(32000);
	cr_expect_eq(alice()->how, SIP_END_TIMEOUT);
	cr_expect_eq(alice()->status, 408);
}

Test(call, ringing_is_told_again_each_minute)
{
	t.bob.ring = 180;
	party_call(&t.alice, t.bob.node, "offer");
	run(130000);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 180"), 3);
	cr_expect_eq(network_when(t.net, t.bob.node, "SIP/2.0 180", 1), 60001);
	party_respond(bob(), 486, "");
	run(130000);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 180"), 3);
}

Test(call, end_of_a_call_whose_offer_was_not_answered)
{
	party_call(&t.alice, t.bob.node, "");
	run(2);
	cr_expect_eq(sip_invite_answer(alice()->invite, NULL, SLICE("too early")), -EINVAL);
	party_respond(bob(), 180, "");
	run(2);
	cr_expect_eq(sip_invite_answer(alice()->invite, NULL, SLICE("too early")), -EINVAL);
	party_respond(bob(), 200, "bobs-offer");
	run(2);
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	run(5);
	cr_expect_eq(sent(&t.alice, "ACK "), 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200 OK"), 2, "for INVITE and BYE");
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
}

Test(call, cancel_while_ringing)
{
	t.bob.ring = 180;
	party_call(&t.alice, t.bob.node, "offer");
	run(5);
	sip_invite_cancel(alice()->invite, SLICE_NONE);
	cr_expect_eq(state(alice()), SIP_INVITE_TERMINATING);
	run(5);
	cr_expect_eq(alice()->how, SIP_END_CANCELLED);
	cr_expect_eq(alice()->status, 487);
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 1, "for the CANCEL");
	cr_expect_eq(sent(&t.bob, "SIP/2.0 487"), 1);
	cr_expect_eq(sent(&t.alice, "ACK "), 1);
}

Test(call, cancel_before_any_response_waits_for_one)
{
	party_call(&t.alice, t.bob.node, "offer");
	sip_invite_cancel(alice()->invite, SLICE_NONE);
	run(150);
	cr_expect_eq(sent(&t.alice, "CANCEL "), 0);
	run(100); /* 100 Trying after 200 ms */
	cr_expect_eq(sent(&t.alice, "CANCEL "), 1);
	cr_expect_eq(alice()->how, SIP_END_CANCELLED);
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
}

Test(call, cancel_that_meets_the_200_ends_by_bye)
{
	t.bob.ring = 180;
	party_call(&t.alice, t.bob.node, "offer");
	run(5);
	party_respond(bob(), 200, "answer");
	sip_invite_cancel(alice()->invite, SLICE("Reason: SIP;cause=200\r\n"));
	run(10);
	cr_expect_eq(sent(&t.alice, "ACK "), 1);
	cr_expect_eq(sent(&t.alice, "BYE "), 1);
	cr_expect(packet_has(sent_nth(&t.alice, "BYE ", 0), "Reason: SIP;cause=200"));
	cr_expect_eq(sent(&t.bob, "SIP/2.0 487"), 0);
	cr_expect_eq(alice()->answered, 0);
	cr_expect_eq(alice()->how, SIP_END_BYE_SENT);
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(bob()->acked, 1);
}

static bool lose_acks(void *arg, const struct packet *packet)
{
	unsigned *count = arg;

	if (strncmp(packet->data, "ACK ", 4) != 0 || *count == 0)
		return false;
	--*count;
	return true;
}

Test(call, answer_is_repeated_and_acknowledged_again_when_the_ack_is_lost)
{
	unsigned lost = 2;

	t.net->drop = lose_acks;
	t.net->drop_arg = &lost;
	t.bob.answer = 200;
	party_call(&t.alice, t.bob.node, "offer");
	run(20000);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 3);
	cr_expect_eq(network_when(t.net, t.bob.node, "SIP/2.0 200", 1), 501);
	cr_expect_eq(network_when(t.net, t.bob.node, "SIP/2.0 200", 2), 1501);
	cr_expect_eq(sent(&t.alice, "ACK "), 3);
	cr_expect_eq(alice()->answered, 1);
	cr_expect_eq(bob()->acked, 1);
	cr_expect_eq(state(bob()), SIP_INVITE_CONFIRMED);
}

Test(call, answer_without_ack_ends_by_bye_after_64_t1)
{
	unsigned lost = 1000;

	t.net->drop = lose_acks;
	t.net->drop_arg = &lost;
	t.bob.answer = 200;
	party_call(&t.alice, t.bob.node, "offer");
	run(32000);
	cr_expect_eq(bob()->ended, 0);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 11, "at 0 .5 1.5 3.5 7.5 and then every 4 s");
	run(1);
	cr_expect_eq(bob()->how, SIP_END_TIMEOUT);
	cr_expect_eq(bob()->status, 408);
	cr_expect_eq(sent(&t.bob, "BYE "), 1);
	run(5);
	cr_expect_eq(alice()->how, SIP_END_BYE_RECEIVED);
}

Test(call, end_between_answer_and_ack_waits_for_the_ack)
{
	party_call(&t.alice, t.bob.node, "offer");
	run(2);
	party_respond(bob(), 200, "answer");
	sip_invite_end(bob()->invite, 0, SLICE("Reason: SIP;cause=1\r\n"));
	cr_expect_eq(sent(&t.bob, "BYE "), 0);
	run(5);
	cr_expect(packet_has(sent_nth(&t.bob, "BYE ", 0), "Reason: SIP;cause=1"));
	cr_expect_eq(bob()->how, SIP_END_BYE_SENT);
	cr_expect_eq(alice()->how, SIP_END_BYE_RECEIVED);
}

Test(call, byes_that_cross_end_both_sides)
{
	table_connect(&t);
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	run(10);
	cr_expect_eq(alice()->how, SIP_END_BYE_SENT);
	cr_expect_eq(bob()->how, SIP_END_BYE_SENT);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 200"), 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 481"), 0);
}

Test(call, bye_without_answer_ends_after_timer_f)
{
	table_connect(&t);
	t.bob.node->receive = NULL;
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	run(31999);
	cr_expect_eq(alice()->ended, 0);
	run(1);
	cr_expect_eq(alice()->how, SIP_END_BYE_SENT);
	cr_expect_eq(alice()->status, 408);
}

Test(call, bye_to_a_ringing_call_is_answered_and_the_invite_refused)
{
	t.bob.ring = 180;
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n"
		  "Contact: <sip:p@192.0.2.3>\n\n");
	peer_says(&t, &t.bob,
		  "BYE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK2\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: 2 BYE\n\n",
		  SLICE_FMT(sip_invite_local_tag(bob()->invite)));
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 487"), 1);
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
}

Test(call, limit_of_invites_is_503)
{
	for (unsigned i = 0; i < 200; i++)
		party_call(&t.alice, t.bob.node, "offer");
	run(5);
	cr_expect_eq(t.bob.leg_count, 200);
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n"
		  "Contact: <sip:p@192.0.2.3>\n\n");
	cr_expect_eq(sent(&t.bob, "SIP/2.0 503"), 1);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 503", 0), "Retry-After: "));
	for (unsigned i = 0; i < 200; i++)
		sip_invite_cancel(t.alice.legs[i].invite, SLICE_NONE);
	run(5000);
	for (unsigned i = 0; i < 200; i++)
		cr_expect_eq(t.bob.legs[i].ended, 1);
}

static void many_calls(unsigned loss, uint64_t seed)
{
	enum { CALLS = 60 };
	const unsigned first = t.alice.leg_count;

	t.net->loss = loss;
	t.net->duplicate = 15;
	t.net->delay_max = 200;
	t.net->random = seed * 2 + 1;
	t.bob.ring = 180;
	t.bob.answer = 200;
	for (unsigned i = 0; i < CALLS; i++) {
		party_call(&t.alice, t.bob.node, "offer");
		run(20);
	}
	run(60000);
	for (unsigned i = first; i < first + CALLS; i++) {
		cr_expect_eq(state(&t.alice.legs[i]), SIP_INVITE_CONFIRMED, "alice %u", i);
		cr_expect_eq(state(&t.bob.legs[i]), SIP_INVITE_CONFIRMED, "bob %u", i);
		cr_expect_eq(t.alice.legs[i].answered, 1);
		cr_expect_eq(t.bob.legs[i].acked, 1);
		if (t.alice.legs[i].invite != NULL)
			sip_invite_end(t.alice.legs[i].invite, 0, SLICE_NONE);
	}
	run(60000);
	for (unsigned i = first; i < first + CALLS; i++) {
		cr_expect_eq(t.alice.legs[i].how, SIP_END_BYE_SENT);
		cr_expect_eq(t.bob.legs[i].ended, 1, "bob %u", i);
	}
	cr_expect_eq(party_transactions(&t.alice) + party_transactions(&t.bob), 0);
}

Test(call, calls_complete_over_a_bad_network)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		many_calls(15, seed);
}
