/* SPDX-License-Identifier: BSD-3-Clause */
/* Reliable provisional responses (RFC 3262): of both roles, each against a peer played by hand,
 * then one against the other over a bad network. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

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

TestSuite(prack, .init = set_up, .fini = tear_down);

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

/* --- as the one who is called: bob, by the peer --- */

static void invite(const char *headers, const char *body)
{
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 7 INVITE\n"
		  "Contact: <sip:p@192.0.2.3>\n%sContent-Length: %zu\n\n%s",
		  headers, strlen(body), body);
}

static uint32_t rseq(unsigned nth)
{
	struct sip_msg *response = network_parse(t.net, t.bob.node, "SIP/2.0 18", nth);
	uint32_t number = 0;

	cr_assert_not_null(response);
	sip_msg_number(response, SIP_H_RSEQ, &number);
	sip_msg_unref(response);
	return number;
}

static void prack(unsigned cseq, uint32_t number, const char *of, const char *body)
{
	peer_says(&t, &t.bob,
		  "PRACK sip:bob@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKp%u;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: %u PRACK\n"
		  "RAck: %u %s\nContent-Length: %zu\n\n%s",
		  cseq, SLICE_FMT(sip_invite_local_tag(bob()->invite)), cseq, number, of,
		  strlen(body), body);
}

static void ack(void)
{
	peer_says(&t, &t.bob,
		  "ACK sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKa\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: 7 ACK\n\n",
		  SLICE_FMT(sip_invite_local_tag(bob()->invite)));
}

static unsigned got(const char *begins)
{
	return sent(&t.bob, begins);
}

#define REQUIRES "Require: 100rel\n"
#define SUPPORTS "Supported: timer, 100rel\n"

Test(prack, is_used_as_the_caller_and_the_callee_want)
{
	static const struct {
		const char *headers, *sdp;
		bool reliably, is;
		int rc;
	} cases[] = {
		{ "", "x", false, false, 0 },      { "", "x", true, false, -EOPNOTSUPP },
		{ SUPPORTS, "", false, false, 0 }, { SUPPORTS, "x", false, false, 0 },
		{ SUPPORTS, "", true, true, 0 },   { SUPPORTS, "x", true, true, 0 },
		{ REQUIRES, "", false, true, 0 },  { REQUIRES, "x", false, true, 0 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct slice sdp = slice_of(cases[i].sdp);
		int rc;

		table_close(&t);
		table_open(&t);
		invite(cases[i].headers, "offer");
		rc = (cases[i].reliably ? sip_invite_respond_reliably : sip_invite_respond)(
			bob()->invite, 183, NULL, sdp, SLICE_NONE);
		cr_expect_eq(rc, cases[i].rc, "%u", i);
		cr_expect_eq(got("SIP/2.0 183"), rc == 0, "%u", i);
		if (rc == 0)
			cr_expect_eq(packet_has(sent_nth(&t.bob, "SIP/2.0 183", 0),
						"Require: 100rel\r\n"),
				     cases[i].is, "%u", i);
	}
}

Test(prack, response_is_repeated_at_doubling_intervals_until_it)
{
	static const uint64_t when[] = { 1, 501, 1501, 3501, 7501 };

	invite(REQUIRES, "offer");
	party_respond(bob(), 180, "");
	run(9000);
	cr_expect_eq(got("SIP/2.0 180"), 5);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(network_when(t.net, t.bob.node, "SIP/2.0 180", i), when[i], "%u", i);
	cr_expect_eq(rseq(0), rseq(4));
	prack(8, rseq(0), "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 200"), 1);
	cr_expect_eq(bob()->pracked, 1);
	run(30000);
	cr_expect_eq(got("SIP/2.0 180"), 5);
	run(30000);
	cr_expect_eq(got("SIP/2.0 180"), 6, "each minute, for the proxies");
}

Test(prack, none_for_64_t1_refuses_the_call)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 180, "");
	run(31990);
	cr_expect_eq(bob()->ended, 0);
	run(20);
	cr_expect_eq(got("SIP/2.0 504"), 1);
	cr_expect_eq(bob()->ended, 1);
	cr_expect_eq(bob()->how, SIP_END_TIMEOUT);
	cr_expect_eq(bob()->status, 504);
}

Test(prack, none_refuses_a_call_whose_2xx_waits)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 183, "answer");
	party_respond(bob(), 200, "answer");
	cr_expect_eq(got("SIP/2.0 200"), 0);
	run(33000);
	cr_expect_eq(got("SIP/2.0 200"), 0);
	cr_expect_gt(got("SIP/2.0 504"), 0);
	cr_expect_eq(bob()->how, SIP_END_TIMEOUT);
}

Test(prack, that_acknowledges_something_else_is_481)
{
	invite(REQUIRES, "offer");
	prack(8, 1, "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 481"), 1, "nothing was sent reliably yet");
	party_respond(bob(), 180, "");
	prack(9, rseq(0) + 1, "7 INVITE", "");
	prack(10, rseq(0), "8 INVITE", "");
	prack(11, rseq(0), "7 UPDATE", "");
	prack(12, rseq(0), "", "");
	cr_expect_eq(got("SIP/2.0 481"), 5);
	cr_expect_eq(bob()->pracked, 0);
	prack(13, rseq(0), "7 INVITE", "");
	prack(14, rseq(0), "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 481"), 6, "acknowledged already");
	cr_expect_eq(bob()->pracked, 1);
}

Test(prack, next_response_waits_for_it_and_counts_on)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 180, "");
	party_respond(bob(), 182, "");
	party_respond(bob(), 183, "answer");
	cr_expect_eq(got("SIP/2.0 18"), 1);
	prack(8, rseq(0), "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 182"), 0, "the latest counts");
	cr_expect_eq(got("SIP/2.0 183"), 1);
	cr_expect_eq(rseq(1), rseq(0) + 1);
	run(500);
	cr_expect_eq(got("SIP/2.0 183"), 2);
	party_respond(bob(), 200, "answer");
	cr_expect_eq(got("SIP/2.0 200"), 1, "of the PRACK");
	prack(9, rseq(1), "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 200"), 3, "of the second one, and of the INVITE");
	cr_expect_null(strstr(sent_nth(&t.bob, "SIP/2.0 200", 2)->data, "answer"),
		       "it was given reliably before");
	ack();
	cr_expect_eq(sip_invite_get_state(bob()->invite), SIP_INVITE_CONFIRMED);
}

Test(prack, is_not_waited_for_by_a_failure_or_by_a_2xx_that_has_the_answer)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 180, "");
	party_respond(bob(), 200, "answer");
	cr_expect_eq(got("SIP/2.0 200"), 1);
	ack();
	prack(8, rseq(0), "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 200"), 2, "the 2xx has overtaken it");
	prack(9, rseq(0), "7 INVITE", "");
	cr_expect_eq(got("SIP/2.0 481"), 1, "once");
	run(40000);
	cr_expect_eq(got("SIP/2.0 180"), 1);
	cr_expect_eq(bob()->ended, 0);
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	run(64000);
	invite(REQUIRES, "offer");
	party_respond(bob(), 183, "answer");
	party_respond(bob(), 486, "");
	cr_expect_eq(got("SIP/2.0 486"), 1);
	cr_expect_eq(bob()->ended, 1);
}

Test(prack, offer_in_the_response_is_answered_in_it)
{
	invite(SUPPORTS, "");
	party_respond(bob(), 183, "offer");
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 183", 0), "RSeq: "), "an offer must be");
	party_respond(bob(), 200, "");
	prack(8, rseq(0), "7 INVITE", "answer");
	cr_expect_eq(bob()->pracked, 1);
	cr_expect_eq(bob()->role, SIP_BODY_ANSWER);
	cr_expect_str_eq(bob()->body, "answer");
	cr_expect_eq(got("SIP/2.0 200"), 2);
	ack();
	cr_expect_eq(bob()->acked, 1);
	cr_expect_eq(bob()->role, SIP_BODY_NONE);
}

Test(prack, with_an_offer_is_for_the_user_and_holds_the_2xx)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 183, "answer");
	party_respond(bob(), 200, "");
	prack(8, rseq(0), "7 INVITE", "another");
	cr_expect_eq(bob()->reoffered, 1);
	cr_expect_eq(bob()->role, SIP_BODY_OFFER);
	cr_expect_str_eq(bob()->body, "another");
	cr_expect_eq(got("SIP/2.0 200"), 0);
	cr_expect_eq(sip_invite_answer(bob()->invite, NULL, SLICE("agreed")), 0);
	cr_expect_eq(got("SIP/2.0 200"), 2);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 200", 0), "agreed"));
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 200", 1), "CSeq: 7 INVITE\r\n"));
}

Test(prack, cancel_takes_back_a_2xx_that_waits)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 183, "answer");
	party_respond(bob(), 200, "");
	peer_says(&t, &t.bob,
		  "CANCEL sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 7 CANCEL\n\n");
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
	cr_expect_eq(got("SIP/2.0 487"), 1);
	cr_expect_eq(got("SIP/2.0 200"), 1, "of the CANCEL");
}

Test(prack, end_takes_back_a_2xx_that_waits)
{
	invite(REQUIRES, "offer");
	party_respond(bob(), 183, "answer");
	party_respond(bob(), 200, "");
	sip_invite_end(bob()->invite, 480, SLICE_NONE);
	cr_expect_eq(got("SIP/2.0 480"), 1);
	cr_expect_eq(bob()->ended, 1);
	cr_expect_eq(got("BYE "), 0);
}

/* --- as the one who calls: alice, the peer --- */

static void says(unsigned status, const char *tag, const char *number, const char *body)
{
	char extra[256];

	snprintf(extra, sizeof(extra), "Contact: <sip:%s@192.0.2.3>\r\n%s%s%s", tag,
		 number[0] != '\0' ? "Require: 100rel\r\nRSeq: " : "", number,
		 number[0] != '\0' ? "\r\n" : "");
	peer_answers_with(&t, &t.alice, "INVITE ", 0, status, tag, extra, body);
}

static unsigned alice_sent(const char *begins)
{
	return sent(&t.alice, begins);
}

Test(prack, is_sent_for_each_response_once_and_in_order)
{
	/* what comes, and whether it is taken */
	static const struct {
		const char *tag, *rseq;
		bool taken;
	} steps[] = {
		{ "one", "100", true }, { "one", "100", false }, { "one", "102", false },
		{ "one", "101", true }, { "one", "100", false }, { "one", "102", true },
		{ "two", "5", true },   { "two", "7", false },   { "two", "6", true },
		{ "one", "103", true }, { "two", "0", false },   { "one", "x", false },
		{ "", "200", false },
	};
	unsigned taken = 0;

	party_call(&t.alice, t.peer, "offer");
	run(1);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 0), "100rel"));
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		says(180, steps[i].tag, steps[i].rseq, "");
		taken += steps[i].taken;
		cr_expect_eq(alice()->progress, taken, "%u", i);
		cr_expect_eq(alice_sent("PRACK "), taken, "%u", i);
	}
	cr_expect(packet_has(sent_nth(&t.alice, "PRACK sip:one@192.0.2.3 ", 1),
			     "RAck: 101 1 INVITE\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "PRACK sip:one@", 1), "CSeq: 3 PRACK\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "PRACK sip:two@", 0), "CSeq: 2 PRACK\r\n"),
		  "each dialog counts for itself");
	cr_expect(packet_has(sent_nth(&t.alice, "PRACK sip:two@", 0), ";tag=two\r\n"));
	cr_expect_eq(alice_sent("SIP/2.0"), 0);
}

Test(prack, answer_in_a_reliable_response_stands)
{
	party_call(&t.alice, t.peer, "offer");
	says(183, "one", "", "preview");
	cr_expect_eq(alice()->role, SIP_BODY_PREVIEW);
	cr_expect_eq(sip_invite_offer(alice()->invite, alice()->dialog, SLICE("x"), SIP_BY_UPDATE),
		     -EOPNOTSUPP);
	says(183, "one", "1", "answer");
	cr_expect_eq(alice()->role, SIP_BODY_ANSWER);
	says(200, "one", "", "copy");
	cr_expect_eq(alice()->role, SIP_BODY_PREVIEW);
	cr_expect_eq(alice_sent("ACK "), 1);
}

Test(prack, brings_the_answer_to_an_offer_in_the_response)
{
	party_call(&t.alice, t.peer, "");
	says(183, "one", "1", "their-offer");
	cr_expect_eq(alice()->role, SIP_BODY_OFFER);
	cr_expect_eq(alice_sent("PRACK "), 0);
	says(183, "one", "1", "their-offer");
	cr_expect_eq(alice()->progress, 1);
	cr_expect_eq(sip_invite_answer(alice()->invite, alice()->dialog, SLICE("mine")), 0);
	cr_expect_eq(sip_invite_answer(alice()->invite, alice()->dialog, SLICE("mine")), -EINVAL);
	cr_expect_eq(alice_sent("PRACK "), 1);
	cr_expect(packet_has(sent_nth(&t.alice, "PRACK ", 0), "mine"));
	says(200, "one", "", "");
	cr_expect_eq(alice()->role, SIP_BODY_NONE);
	cr_expect_eq(alice_sent("ACK "), 1);
}

Test(prack, of_a_reinvite_counts_anew)
{
	party_call(&t.alice, t.peer, "offer");
	says(183, "one", "50", "answer");
	says(200, "one", "", "");
	cr_expect_eq(party_reinvite(alice(), "again"), 0);
	peer_answers_with(&t, &t.alice, "INVITE ", 1, 183, "",
			  "Contact: <sip:moved@192.0.2.3>\r\nRequire: 100rel\r\nRSeq: 9\r\n",
			  "new");
	cr_expect_eq(alice_sent("PRACK sip:moved@192.0.2.3 "), 1, "RFC 6141 §4.6");
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->status, 183);
	cr_expect_eq(alice()->role, SIP_BODY_ANSWER);
	peer_answers(&t, &t.alice, "INVITE ", 1, 200, "", "");
	cr_expect_eq(alice()->reanswered, 2);
	cr_expect_eq(alice()->role, SIP_BODY_NONE);
}

Test(prack, fork_that_is_over_is_told_and_the_other_goes_on)
{
	party_call(&t.alice, t.peer, "offer");
	says(180, "one", "", "");
	says(180, "two", "", "");
	says(199, "two", "4", "");
	cr_expect_eq(alice()->early_ended, 1);
	cr_expect_eq(alice_sent("PRACK sip:two@"), 1);
	says(199, "two", "4", "");
	says(199, "never", "", "");
	cr_expect_eq(alice()->early_ended, 1);
	cr_expect_eq(alice()->progress, 2);
	cr_expect(slice_equal(sip_invite_remote_tag(alice()->invite), SLICE("one")));
	says(200, "two", "", "answer");
	cr_expect_eq(alice()->answered, 1, "it may answer all the same");
	cr_expect_eq(alice()->early_ended, 2);
}

Test(prack, early_dialog_ended_is_said_to_who_understands_it)
{
	invite("", "offer");
	party_respond(bob(), 180, "");
	cr_expect_eq(sip_invite_respond(bob()->invite, 199, NULL, SLICE_NONE, SLICE_NONE),
		     -EOPNOTSUPP);
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	run(64000);
	invite("Supported: 199\n", "offer");
	party_respond(bob(), 180, "");
	party_respond(bob(), 199, "");
	cr_expect_eq(got("SIP/2.0 199"), 1);
}

Test(prack, early_dialogs_are_not_more_than_the_limit)
{
	party_call(&t.alice, t.peer, "offer");
	for (unsigned i = 0; i < 40; i++) {
		char tag[8];

		snprintf(tag, sizeof(tag), "f%u", i);
		says(180, tag, "1", "");
	}
	cr_expect_eq(alice_sent("PRACK "), sip_limits_default.early_dialogs);
	says(200, "f39", "", "answer");
	cr_expect_eq(alice()->answered, 1, "who answers is always taken");
	cr_expect_eq(alice()->early_ended, sip_limits_default.early_dialogs);
}

/* --- one against the other --- */

Test(prack, call_is_made_whatever_the_network_does)
{
	t.net->loss = 20;
	t.net->duplicate = 20;
	t.net->delay_min = 1;
	t.net->delay_max = 300;
	for (unsigned i = 0; i < 60; i++) {
		struct leg *b;

		party_call(&t.alice, t.bob.node, "offer");
		run(6000);
		cr_assert_eq(t.bob.leg_count, i + 1);
		b = bob();
		cr_assert_eq(
			sip_invite_respond_reliably(b->invite, 180, NULL, SLICE_NONE, SLICE_NONE),
			0);
		cr_assert_eq(sip_invite_respond_reliably(b->invite, 183, NULL, SLICE("answer"),
							 SLICE_NONE),
			     0);
		party_respond(b, 200, "answer");
		run(64000);
		cr_assert_not_null(b->invite, "call %u", i);
		cr_expect_eq(alice()->answered, 1, "call %u", i);
		cr_expect_eq(alice()->progress, 2, "call %u", i);
		cr_expect_eq(b->pracked, 2, "call %u", i);
		cr_expect_eq(b->acked, 1, "call %u", i);
		sip_invite_end(alice()->invite, 0, SLICE_NONE);
		run(64000);
		cr_expect_eq(b->ended, 1, "call %u", i);
	}
	t.net->loss = 0;
}
