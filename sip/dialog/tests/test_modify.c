/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers in a call: re-INVITE, UPDATE, glare. */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/dialog/tests/party.h"

static struct table t;

static void set_up(void)
{
	table_open(&t);
	table_connect(&t);
}

static void tear_down(void)
{
	table_close(&t);
}

TestSuite(modify, .init = set_up, .fini = tear_down);

static struct leg *alice(void)
{
	return party_leg(&t.alice);
}

static struct leg *bob(void)
{
	return party_leg(&t.bob);
}

static void run(uint64_t ms)
{
	network_run(t.net, ms);
}

Test(modify, reinvite_is_answered_and_acknowledged)
{
	t.bob.accept_offers = true;
	cr_expect_eq(party_reinvite(alice(), "hold"), 0);
	cr_expect_eq(party_reinvite(alice(), "hold"), -EBUSY);
	run(2);
	cr_expect_str_eq(bob()->body, "hold");
	run(5);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->status, 200);
	cr_expect_str_eq(alice()->body, "answer");
	cr_expect_eq(bob()->acked, 2);
	/* and the other way, in the same dialog */
	t.alice.accept_offers = true;
	cr_expect_eq(party_reinvite(bob(), "resume"), 0);
	run(5);
	cr_expect_eq(bob()->reanswered, 1);
	cr_expect_eq(bob()->status, 200);
	cr_expect_eq(alice()->acked, 1);
	run(40000);
	cr_expect_eq(alice()->ended + bob()->ended, 0);
}

Test(modify, refused_reinvite_leaves_the_call)
{
	party_reinvite(alice(), "video");
	run(2);
	cr_expect_eq(party_reinvite(bob(), "x"), -EBUSY);
	party_respond(bob(), 488, "");
	run(5);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->status, 488);
	cr_expect_eq(alice()->ended + bob()->ended, 0);
	cr_expect_eq(party_reinvite(alice(), "x"), 0);
}

Test(modify, reinvite_without_offer_is_answered_in_its_ack)
{
	party_reinvite(alice(), "");
	run(2);
	cr_expect_str_eq(bob()->body, "");
	party_respond(bob(), 200, "bobs-offer");
	run(2);
	cr_expect_str_eq(alice()->body, "bobs-offer");
	sip_invite_answer(alice()->invite, NULL, SLICE("answer-in-ack"));
	run(2);
	cr_expect_str_eq(bob()->body, "answer-in-ack");
}

Test(modify, reinvites_that_cross_get_491_and_are_made_again_in_turn)
{
	t.alice.accept_offers = true;
	t.bob.accept_offers = true;
	party_reinvite(alice(), "a");
	party_reinvite(bob(), "b");
	run(5);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 491"), 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 491"), 1);
	cr_expect_eq(alice()->reanswered + bob()->reanswered, 0, "nobody is bothered");
	run(2010);
	cr_expect_eq(bob()->reanswered, 1, "bob does not own the Call-ID: 0 to 2 s");
	cr_expect_eq(alice()->reanswered, 0);
	run(2100);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->status, 200);
	cr_expect_eq(bob()->status, 200);
}

Test(modify, offer_before_the_ack_waits_for_it)
{
	t.alice.accept_offers = true;
	t.bob.accept_offers = true;
	party_reinvite(alice(), "a");
	run(1);
	cr_assert_eq(sent(&t.bob, "SIP/2.0 200"), 2, "and the ACK is under way");
	cr_expect_eq(party_reinvite(bob(), "b"), 0);
	cr_expect_eq(party_reinvite(bob(), "c"), -EBUSY, "one at a time");
	cr_expect_eq(sent(&t.bob, "INVITE"), 0);
	run(10);
	cr_expect_eq(sent(&t.bob, "INVITE"), 1);
	cr_expect_eq(alice()->status, 200);
	cr_expect_eq(bob()->status, 200);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 491") + sent(&t.alice, "SIP/2.0 491"), 0);
}

Test(modify, offer_that_waits_for_an_ack_ends_with_the_call)
{
	t.bob.accept_offers = true;
	party_reinvite(alice(), "a");
	run(1);
	cr_assert_eq(sent(&t.bob, "SIP/2.0 200"), 2);
	cr_expect_eq(party_reinvite(bob(), "b"), 0);
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	run(40000);
	cr_expect_eq(sent(&t.bob, "INVITE"), 0);
	cr_expect_eq(alice()->ended + bob()->ended, 2);
}

Test(modify, second_offer_before_the_answer_is_500)
{
	static const char reinvite[] =
		"INVITE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%u\n"
		"From: <sip:a@h>;tag=%.*s\nTo: <sip:b@h>;tag=%.*s\nCall-ID: %.*s\n"
		"CSeq: %u INVITE\nContact: <sip:alice@192.0.2.1>\n\n";
	struct slice local = sip_invite_local_tag(alice()->invite);
	struct slice remote = sip_invite_remote_tag(alice()->invite);
	struct slice call_id = sip_invite_call_id(alice()->invite);

	peer_says(&t, &t.bob, reinvite, 1, SLICE_FMT(local), SLICE_FMT(remote), SLICE_FMT(call_id),
		  20);
	cr_expect_eq(bob()->reoffered, 1);
	peer_says(&t, &t.bob, reinvite, 2, SLICE_FMT(local), SLICE_FMT(remote), SLICE_FMT(call_id),
		  21);
	cr_expect_eq(bob()->reoffered, 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 500"), 1);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 500", 0), "Retry-After: "));
	/* and one out of order */
	peer_says(&t, &t.bob, reinvite, 3, SLICE_FMT(local), SLICE_FMT(remote), SLICE_FMT(call_id),
		  19);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 500"), 2);
}

Test(modify, cancelled_reinvite_is_487_and_the_call_stays)
{
	party_reinvite(alice(), "a");
	run(250);
	struct sip_msg *invite = network_parse(t.net, t.alice.node, "INVITE ", 1);
	struct sip_via via;

	cr_assert_eq(sip_msg_top_via(invite, &via), 0);
	peer_says(&t, &t.bob,
		  "CANCEL sip:bob@192.0.2.2 SIP/2.0\nVia: %.*s\nFrom: %.*s\nTo: %.*s\n"
		  "Call-ID: %.*s\nCSeq: 2 CANCEL\n\n",
		  SLICE_FMT(via.text), SLICE_FMT(sip_msg_value(invite, SIP_H_FROM)),
		  SLICE_FMT(sip_msg_value(invite, SIP_H_TO)),
		  SLICE_FMT(sip_msg_value(invite, SIP_H_CALL_ID)));
	sip_msg_unref(invite);
	run(5);
	cr_expect_eq(alice()->status, 487);
	cr_expect_eq(alice()->ended + bob()->ended, 0);
	cr_expect_eq(sip_invite_respond(bob()->invite, 200, NULL, SLICE_NONE, SLICE_NONE), -EINVAL);
}

Test(modify, silence_ends_the_call)
{
	t.bob.node->receive = NULL;
	party_reinvite(alice(), "a");
	run(32000);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->how, SIP_END_TIMEOUT);
	cr_expect_eq(sent(&t.alice, "BYE "), 1);
}

Test(modify, peer_that_forgot_the_dialog_ends_the_call)
{
	t.bob.node->receive = NULL;
	party_reinvite(alice(), "a");
	peer_answers(&t, &t.alice, "INVITE ", 1, 481, "", "");
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->how, SIP_END_TIMEOUT);
	cr_expect_eq(alice()->status, 481);
}

Test(modify, bye_answers_what_is_pending_487)
{
	party_reinvite(alice(), "a");
	run(5);
	peer_says(&t, &t.bob,
		  "INFO sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKinfo\n"
		  "From: <sip:a@h>;tag=%.*s\nTo: <sip:b@h>;tag=%.*s\nCall-ID: %.*s\n"
		  "CSeq: 20 INFO\n\n",
		  SLICE_FMT(sip_invite_local_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_remote_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_call_id(alice()->invite)));
	cr_expect_eq(bob()->requests, 1);
	peer_says(&t, &t.bob,
		  "BYE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye\n"
		  "From: <sip:a@h>;tag=%.*s\nTo: <sip:b@h>;tag=%.*s\nCall-ID: %.*s\n"
		  "CSeq: 21 BYE\n\n",
		  SLICE_FMT(sip_invite_local_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_remote_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_call_id(alice()->invite)));
	run(5);
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 487"), 2);
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	run(10);
	cr_expect_eq(alice()->ended, 1);
}

Test(modify, end_during_a_reinvite)
{
	party_reinvite(alice(), "a");
	run(1);
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	run(10);
	cr_expect_eq(alice()->how, SIP_END_BYE_SENT);
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 487"), 1);
}

static void update(unsigned cseq, const char *body)
{
	peer_says(&t, &t.bob,
		  "UPDATE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP "
		  "192.0.2.3;branch=z9hG4bKu%u\n"
		  "From: <sip:a@h>;tag=%.*s\nTo: <sip:b@h>;tag=%.*s\nCall-ID: %.*s\n"
		  "CSeq: %u UPDATE\nContact: <sip:moved@192.0.2.3>\nContent-Length: %zu\n\n%s",
		  cseq, SLICE_FMT(sip_invite_local_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_remote_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_call_id(alice()->invite)), cseq, strlen(body), body);
}

Test(modify, update_with_an_offer_is_one_for_the_user)
{
	t.bob.accept_offers = true;
	update(20, "offer");
	cr_expect_eq(bob()->reoffered, 1);
	run(5);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 2);
	run(40000);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 200"), 2, "no ACK is waited for");
	cr_expect_eq(bob()->ended, 0);
}

Test(modify, update_without_an_offer_moves_the_target)
{
	update(20, "");
	cr_expect_eq(bob()->reoffered, 0);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 200", 1),
			     "Contact: <sip:bob@192.0.2.2:5060>"));
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	cr_expect_eq(sent(&t.bob, "BYE sip:moved@192.0.2.3 "), 1);
	cr_expect_eq(sent_nth(&t.bob, "BYE ", 0)->to, t.peer);
}
