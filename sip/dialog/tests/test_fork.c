/* SPDX-License-Identifier: BSD-3-Clause */
/* One INVITE, several answers (RFC 3261 §13.2.2.4). */
#include <criterion/criterion.h>
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

TestSuite(fork, .init = set_up, .fini = tear_down);

static struct leg *alice(void)
{
	return party_leg(&t.alice);
}

static void says(unsigned status, const char *tag)
{
	char contact[64];

	snprintf(contact, sizeof(contact), "Contact: <sip:%s@192.0.2.3>\r\n", tag);
	peer_answers(&t, &t.alice, "INVITE ", 0, status, tag, contact);
}

Test(fork, nobody_is_flooded_with_goodbyes)
{
	char tag[16];

	party_call(&t.alice, t.peer, "offer");
	says(200, "one");
	for (unsigned i = 0; i < 500; i++) {
		snprintf(tag, sizeof(tag), "more%u", i);
		says(200, tag);
	}
	cr_expect_gt(sent(&t.alice, "BYE sip:more"), 10);
	cr_expect_lt(sent(&t.alice, "BYE sip:more"), 100);
	cr_expect_eq(sip_invite_get_state(alice()->invite), SIP_INVITE_CONFIRMED);
}

Test(fork, nobody_is_flooded_with_pracks)
{
	char lines[128];

	party_call(&t.alice, t.peer, "offer");
	for (unsigned i = 1; i < 500; i++) {
		snprintf(lines, sizeof(lines),
			 "Contact: <sip:one@192.0.2.3>\r\nRequire: 100rel\r\nRSeq: %u\r\n", i);
		peer_answers(&t, &t.alice, "INVITE ", 0, 180, "one", lines);
	}
	cr_expect_gt(sent(&t.alice, "PRACK "), 10);
	cr_expect_lt(sent(&t.alice, "PRACK "), 150);
	cr_expect_eq(alice()->ended, 0);
}

Test(fork, first_2xx_wins_and_the_others_are_acknowledged_and_ended)
{
	party_call(&t.alice, t.peer, "offer");
	says(180, "one");
	says(183, "two");
	says(180, "three");
	cr_expect_eq(alice()->progress, 3);
	says(200, "two");
	cr_expect_eq(alice()->answered, 1);
	cr_expect(slice_equal(sip_invite_remote_tag(alice()->invite), SLICE("two")));
	cr_expect_eq(sent(&t.alice, "ACK sip:two@192.0.2.3 "), 1);
	says(200, "one");
	cr_expect_eq(alice()->answered, 1);
	cr_expect_eq(sent(&t.alice, "ACK sip:one@192.0.2.3 "), 1);
	cr_expect_eq(sent(&t.alice, "BYE sip:one@192.0.2.3 "), 1);
	cr_expect(packet_has(sent_nth(&t.alice, "ACK sip:one@", 0), "CSeq: 1 ACK\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "BYE sip:one@", 0), "CSeq: 2 BYE\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "BYE sip:one@", 0), ";tag=one\r\n"));
	says(200, "two");
	cr_expect_eq(sent(&t.alice, "ACK sip:two@192.0.2.3 "), 2);
	cr_expect_eq(sent(&t.alice, "BYE sip:two@"), 0);
	says(200, "late");
	cr_expect_eq(sent(&t.alice, "BYE sip:late@"), 1);
	cr_expect_eq(sip_invite_get_state(alice()->invite), SIP_INVITE_CONFIRMED);
}

Test(fork, answer_after_the_end_is_ended_too)
{
	party_call(&t.alice, t.peer, "offer");
	says(180, "one");
	says(200, "one");
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	peer_answers(&t, &t.alice, "BYE ", 0, 200, "", "");
	cr_expect_eq(alice()->ended, 1);
	says(200, "late");
	cr_expect_eq(sent(&t.alice, "ACK sip:late@192.0.2.3 "), 1);
	cr_expect_eq(sent(&t.alice, "BYE sip:late@192.0.2.3 "), 1);
}

Test(fork, early_dialogs_are_over_when_one_has_answered)
{
	party_call(&t.alice, t.peer, "offer");
	says(180, "one");
	says(180, "two");
	says(200, "two");
	peer_says(&t, &t.alice,
		  "OPTIONS sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\n"
		  "From: <sip:b@h>;tag=one\nTo: <sip:a@h>;tag=%.*s\nCall-ID: %.*s\n"
		  "CSeq: 1 OPTIONS\n\n",
		  SLICE_FMT(sip_invite_local_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_call_id(alice()->invite)));
	cr_expect_eq(sent(&t.alice, "SIP/2.0 481"), 1);
}

Test(fork, old_answer_is_not_acknowledged_with_a_new_ack)
{
	party_call(&t.alice, t.peer, "offer");
	says(200, "one");
	party_reinvite(alice(), "again");
	peer_answers(&t, &t.alice, "INVITE ", 1, 200, "", "");
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(sent(&t.alice, "ACK "), 2);
	says(200, "one");
	cr_expect_eq(sent(&t.alice, "ACK "), 2);
	peer_answers(&t, &t.alice, "INVITE ", 1, 200, "", "");
	cr_expect_eq(sent(&t.alice, "ACK "), 3);
}

Test(fork, reinvite_that_is_answered_after_the_end_is_acknowledged)
{
	party_call(&t.alice, t.peer, "offer");
	says(200, "one");
	party_reinvite(alice(), "again");
	peer_answers(&t, &t.alice, "INVITE ", 1, 100, "", "");
	sip_invite_end(alice()->invite, 0, SLICE_NONE);
	peer_answers(&t, &t.alice, "BYE ", 0, 200, "", "");
	cr_expect_eq(alice()->ended, 1);
	cr_expect_eq(sent(&t.alice, "CANCEL "), 1);
	peer_answers(&t, &t.alice, "INVITE ", 1, 200, "", "");
	cr_expect_eq(sent(&t.alice, "ACK "), 2);
}

Test(fork, requests_of_each_early_dialog_find_it)
{
	party_call(&t.alice, t.peer, "offer");
	says(180, "one");
	says(180, "two");
	for (unsigned i = 0; i < 3; i++) {
		static const char *const tags[] = { "one", "two", "three" };

		peer_says(&t, &t.alice,
			  "OPTIONS sip:a@192.0.2.1 SIP/2.0\n"
			  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%u\n"
			  "From: <sip:b@h>;tag=%s\nTo: <sip:a@h>;tag=%.*s\nCall-ID: %.*s\n"
			  "CSeq: 1 OPTIONS\n\n",
			  i, tags[i], SLICE_FMT(sip_invite_local_tag(alice()->invite)),
			  SLICE_FMT(sip_invite_call_id(alice()->invite)));
	}
	cr_expect_eq(sent(&t.alice, "SIP/2.0 200"), 2);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 481"), 1);
}
