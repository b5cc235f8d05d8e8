/* SPDX-License-Identifier: BSD-3-Clause */
/* What a user agent makes of requests of a peer that the test plays: inside and outside dialogs. */
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

TestSuite(ua, .init = set_up, .fini = tear_down);

static struct leg *bob(void)
{
	return party_leg(&t.bob);
}

/* The peer's requests to bob. extra: header lines. */
static void outside(const char *method, const char *uri, const char *branch, const char *extra)
{
	peer_says(&t, &t.bob,
		  "%s %s SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%s;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 %s\n%s\n",
		  method, uri, branch, method, extra);
}

static void inside(const char *method, unsigned cseq, const char *extra)
{
	peer_says(&t, &t.bob,
		  "%s sip:bob@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKin%u%s;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: %u %s\n%s\n",
		  method, cseq, method, SLICE_FMT(sip_invite_local_tag(bob()->invite)), cseq,
		  method, extra);
}

#define CONTACT "Contact: <sip:p@192.0.2.3>\n"

static void call_bob(const char *extra)
{
	t.bob.answer = 200;
	outside("INVITE", "sip:bob@192.0.2.2", "1", extra);
	inside("ACK", 1, "");
	cr_assert_eq(sip_invite_get_state(bob()->invite), SIP_INVITE_CONFIRMED);
}

static unsigned got(const char *begins)
{
	return sent(&t.bob, begins);
}

Test(ua, invite_without_contact_is_400)
{
	outside("INVITE", "sip:bob@h", "1", "");
	cr_expect_gt(got("SIP/2.0 400"), 0);
	network_run(t.net, 40000); /* the same again in time would be merged */
	outside("INVITE", "sip:bob@h", "2", "Contact: *\n");
	cr_expect_eq(network_when(t.net, t.bob.node, "SIP/2.0 400", got("SIP/2.0 400") - 1), 40002);
	cr_expect_eq(t.bob.leg_count, 0);
}

Test(ua, unknown_scheme_is_416_and_known_ones_reach_the_user)
{
	outside("INVITE", "mailto:bob@h", "1", CONTACT);
	cr_expect_eq(got("SIP/2.0 416"), 1);
	t.bob.answer = 486;
	outside("INVITE", "tel:+15551234", "2", CONTACT);
	cr_expect_eq(t.bob.leg_count, 1);
}

Test(ua, required_extension_is_420_and_named)
{
	outside("INVITE", "sip:bob@h", "1", CONTACT "Require: 100rel, foo\nRequire: bar\n");
	cr_expect_eq(got("SIP/2.0 420"), 1);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 420", 0), "Unsupported: foo, bar\r\n"));
	cr_expect_eq(t.bob.leg_count, 0);
	t.bob.answer = 486;
	outside("INVITE", "sip:bob@h", "2", CONTACT "Require: ,100rel\n");
	cr_expect_eq(t.bob.leg_count, 1, "100rel is understood, and an empty element is none");
}

Test(ua, requests_with_an_unknown_tag_are_481)
{
	static const char *const methods[] = { "INVITE", "BYE", "INFO", "OPTIONS", "UPDATE" };

	for (unsigned i = 0; i < 5; i++)
		peer_says(&t, &t.bob,
			  "%s sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%u\n"
			  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=no\nCall-ID: c\n"
			  "CSeq: 1 %s\n" CONTACT "\n",
			  methods[i], i, methods[i]);
	cr_expect_eq(got("SIP/2.0 481"), 5);
	outside("CANCEL", "sip:bob@h", "9", "");
	outside("BYE", "sip:bob@h", "9", "");
	cr_expect_eq(got("SIP/2.0 481"), 7);
	peer_says(&t, &t.bob,
		  "ACK sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKa\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=no\nCall-ID: c\nCSeq: 1 ACK\n\n");
	cr_expect_eq(got("SIP/2.0 "), 7, "an ACK is never answered");
}

Test(ua, merged_request_is_482)
{
	outside("INVITE", "sip:bob@h", "1", CONTACT);
	outside("INVITE", "sip:bob@h", "2", CONTACT);
	cr_expect_eq(got("SIP/2.0 482"), 1);
	cr_expect_eq(t.bob.leg_count, 1);
}

Test(ua, requests_outside_dialogs_reach_the_user)
{
	outside("OPTIONS", "sip:h", "1", "Max-Forwards: 0\n");
	outside("REGISTER", "sip:h", "2", "");
	outside("PHANTASY", "sip:h", "3", "");
	cr_expect_eq(t.bob.requests, 3);
	cr_expect_eq(got("SIP/2.0 200"), 3);
}

Test(ua, requests_in_a_dialog)
{
	t.bob.answer_requests = true;
	call_bob(CONTACT);
	inside("OPTIONS", 2, "");
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 200", 1), "Allow: INVITE"));
	inside("INFO", 3, "");
	cr_expect_eq(bob()->requests, 1);
	inside("MESSAGE", 4, "Require: foo\n");
	cr_expect_eq(got("SIP/2.0 420"), 1);
	inside("PRACK", 5, "");
	cr_expect_eq(got("SIP/2.0 481"), 1);
	inside("INFO", 2, "");
	cr_expect_eq(got("SIP/2.0 500"), 1, "out of order");
	inside("PHANTASY", 6, "");
	cr_expect_eq(bob()->requests, 2);
	cr_expect_eq(bob()->ended, 0);
	inside("BYE", 7, "");
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
}

Test(ua, only_the_ack_of_the_invite_confirms)
{
	t.bob.answer = 200;
	outside("INVITE", "sip:bob@192.0.2.2", "1", CONTACT);
	inside("ACK", 9, "");
	cr_expect_eq(sip_invite_get_state(bob()->invite), SIP_INVITE_ACCEPTED);
	inside("ACK", 1, "");
	cr_expect_eq(sip_invite_get_state(bob()->invite), SIP_INVITE_CONFIRMED);
	inside("ACK", 1, "");
	cr_expect_eq(bob()->acked, 1);
}

Test(ua, cancel_of_an_answered_invite_does_not_touch_a_later_one)
{
	call_bob(CONTACT);
	inside("INVITE", 2, CONTACT);
	outside("CANCEL", "sip:bob@192.0.2.2", "1", "");
	cr_expect_eq(got("SIP/2.0 200"), 2);
	cr_expect_eq(got("SIP/2.0 487"), 0);
	party_respond(bob(), 200, "answer");
	inside("ACK", 2, "");
}

Test(ua, cancel_after_the_answer_changes_nothing)
{
	t.bob.answer = 200;
	outside("INVITE", "sip:bob@192.0.2.2", "1", CONTACT);
	outside("CANCEL", "sip:bob@192.0.2.2", "1", "");
	network_run(t.net, 600);
	cr_expect_eq(got("SIP/2.0 200"), 3, "INVITE, CANCEL, and INVITE again");
	cr_expect_eq(sip_invite_get_state(bob()->invite), SIP_INVITE_ACCEPTED);
	inside("ACK", 1, "");
}

Test(ua, record_routes_are_copied_and_followed_in_order)
{
	call_bob(CONTACT "Record-Route: <sip:192.0.2.3;lr>, <sip:192.0.2.77;lr;x=1>;y=2\n"
			 "Record-Route: <sip:p3.example;lr>\n");
	cr_expect(
		packet_has(sent_nth(&t.bob, "SIP/2.0 200", 0), "Record-Route: <sip:192.0.2.3;lr>"));
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	const struct packet *bye = sent_nth(&t.bob, "BYE sip:p@192.0.2.3 SIP/2.0\r\n", 0);

	cr_assert_not_null(bye);
	cr_expect(packet_has(bye, "Route: <sip:192.0.2.3;lr>\r\n"
				  "Route: <sip:192.0.2.77;lr;x=1>;y=2\r\n"
				  "Route: <sip:p3.example;lr>\r\n"));
	cr_expect_eq(bye->to, t.peer);
}

Test(ua, strict_router_gets_the_request_uri)
{
	call_bob("Contact: <sip:p@192.0.2.88>\n"
		 "Record-Route: <sip:192.0.2.3;transport=udp?x=y>, <sip:192.0.2.77;lr>\n");
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	const struct packet *bye =
		sent_nth(&t.bob, "BYE sip:192.0.2.3;transport=udp SIP/2.0\r\n", 0);

	cr_assert_not_null(bye);
	cr_expect(packet_has(bye, "Max-Forwards: 70\r\nRoute: <sip:192.0.2.77;lr>\r\n"
				  "Route: <sip:p@192.0.2.88>\r\n"));
	cr_expect_eq(bye->to, t.peer);
}

Test(ua, uac_takes_the_routes_in_reverse)
{
	party_call(&t.alice, t.peer, "offer");
	peer_answers(&t, &t.alice, "INVITE ", 0, 200, "b",
		     "Contact: <sip:b@192.0.2.99>\r\n"
		     "Record-Route: <sip:p3.example;lr>, <sip:192.0.2.3;lr>\r\n");
	cr_expect(packet_has(sent_nth(&t.alice, "ACK sip:b@192.0.2.99 SIP/2.0\r\n", 0),
			     "Route: <sip:192.0.2.3;lr>\r\nRoute: <sip:p3.example;lr>\r\n"));
	cr_expect_eq(sent_nth(&t.alice, "ACK ", 0)->to, t.peer);
}

Test(ua, contact_is_where_requests_go)
{
	struct network_node *elsewhere = network_node(t.net, "192.0.2.3", 5099);

	call_bob("Contact: <sip:p@192.0.2.3:5099>\n");
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	cr_expect_eq(sent_nth(&t.bob, "BYE ", 0)->to, elsewhere);
}

Test(ua, contact_is_not_believed_behind_a_nat)
{
	t.bob.answer = 200;
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\n"
		  "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKnat;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n"
		  "Contact: <sip:p@10.0.0.5>\n\n");
	inside("ACK", 1, "");
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	cr_expect_eq(sent_nth(&t.bob, "BYE sip:p@10.0.0.5 ", 0)->to, t.peer);
}

Test(ua, private_contact_of_a_public_callee_is_not_believed)
{
	party_call(&t.alice, t.peer, "offer");
	peer_answers(&t, &t.alice, "INVITE ", 0, 200, "b", "Contact: <sip:b@192.168.1.5>\r\n");
	cr_expect_eq(sent_nth(&t.alice, "ACK sip:b@192.168.1.5 ", 0)->to, t.peer);
}

Test(ua, names_and_foreign_transports_go_where_the_dialog_was_set_up)
{
	call_bob("Contact: <sip:p@phone.example>\n");
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	cr_expect_eq(sent_nth(&t.bob, "BYE sip:p@phone.example ", 0)->to, t.peer);
}

Test(ua, reinvite_moves_the_target_when_it_is_accepted)
{
	call_bob(CONTACT);
	inside("INVITE", 2, "Contact: <sip:new@192.0.2.3>\n");
	party_respond(bob(), 488, "");
	inside("ACK", 2, "");
	t.bob.accept_offers = true;
	inside("INVITE", 3, "Contact: <sip:newer@192.0.2.3>\n");
	inside("ACK", 3, "");
	party_reinvite(bob(), "x");
	cr_expect_eq(got("INVITE sip:newer@192.0.2.3 "), 1);
}

Test(ua, early_dialog_refuses_offers)
{
	t.bob.ring = 180;
	outside("INVITE", "sip:bob@192.0.2.2", "1", CONTACT "Content-Length: 0\n");
	peer_says(&t, &t.bob,
		  "UPDATE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKu\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: 2 UPDATE\n"
		  "Content-Length: 5\n\noffer",
		  SLICE_FMT(sip_invite_local_tag(bob()->invite)));
	cr_expect_eq(got("SIP/2.0 500"), 1);
	cr_expect_eq(bob()->reoffered, 0);
}

Test(ua, user_agent_without_from_tag_can_call)
{
	t.bob.answer = 200;
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3\n"
		  "From: <sip:p@h>\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n" CONTACT "\n");
	peer_says(&t, &t.bob,
		  "ACK sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3\n"
		  "From: <sip:p@h>\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: 1 ACK\n\n",
		  SLICE_FMT(sip_invite_local_tag(bob()->invite)));
	cr_expect_eq(sip_invite_get_state(bob()->invite), SIP_INVITE_CONFIRMED);
	sip_invite_end(bob()->invite, 0, SLICE_NONE);
	cr_expect(packet_has(sent_nth(&t.bob, "BYE ", 0), "To: <sip:p@h>\r\n"));
}
