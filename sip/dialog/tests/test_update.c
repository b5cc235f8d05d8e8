/* SPDX-License-Identifier: BSD-3-Clause */
/* UPDATE (RFC 3311) both ways, in early dialogs and later, and what it meets there. */
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

TestSuite(update, .init = set_up, .fini = tear_down);

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

/* alice calls bob, who has answered reliably and not picked up. */
static void go_early(void)
{
	party_call(&t.alice, t.bob.node, "offer");
	run(2);
	cr_assert_eq(
		sip_invite_respond_reliably(bob()->invite, 183, NULL, SLICE("early"), SLICE_NONE),
		0);
	run(5);
	cr_assert_eq(alice()->role, SIP_BODY_ANSWER);
	cr_assert_eq(bob()->pracked, 1);
}

static int offer(struct leg *leg, const char *sdp, enum sip_offer_by by)
{
	return sip_invite_offer(leg->invite, NULL, slice_of(sdp), by);
}

Test(update, changes_an_early_dialog_from_either_side)
{
	go_early();
	t.alice.accept_offers = t.bob.accept_offers = true;
	cr_expect_eq(offer(alice(), "second", SIP_BY_REINVITE), -EINVAL);
	cr_expect_eq(offer(alice(), "second", SIP_BY_BEST), 0);
	run(5);
	cr_expect_eq(bob()->reoffered, 1);
	cr_expect_eq(bob()->role, SIP_BODY_OFFER);
	cr_expect_str_eq(bob()->body, "second");
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->role, SIP_BODY_ANSWER);
	cr_expect_eq(offer(bob(), "third", SIP_BY_UPDATE), 0);
	run(5);
	cr_expect_str_eq(alice()->body, "third");
	cr_expect_eq(bob()->reanswered, 1);
	party_respond(bob(), 200, "answer");
	run(5);
	cr_expect_eq(alice()->answered, 1);
	cr_expect_eq(alice()->role, SIP_BODY_NONE);
	cr_expect_eq(sent(&t.alice, "UPDATE ") + sent(&t.bob, "UPDATE "), 2);
	cr_expect(packet_has(sent_nth(&t.alice, "UPDATE ", 0),
			     "Contact: <sip:alice@192.0.2.1:5060>"));
	cr_expect(packet_has(sent_nth(&t.alice, "UPDATE ", 0), "Supported: "));
}

Test(update, waits_for_the_first_answer)
{
	party_call(&t.alice, t.bob.node, "offer");
	run(2);
	cr_expect_eq(offer(alice(), "x", SIP_BY_UPDATE), -EINVAL, "there is no dialog yet");
	party_respond(bob(), 183, "preview");
	run(2);
	cr_expect_eq(offer(alice(), "x", SIP_BY_UPDATE), -EBUSY);
	cr_expect_eq(offer(bob(), "x", SIP_BY_UPDATE), -EBUSY);
}

Test(update, is_preferred_to_a_reinvite_where_it_is_allowed)
{
	t.bob.accept_offers = true;
	table_connect(&t);
	cr_expect_eq(offer(alice(), "hold", SIP_BY_BEST), 0);
	cr_expect_eq(offer(alice(), "again", SIP_BY_BEST), -EBUSY);
	run(5);
	cr_expect_eq(sent(&t.alice, "UPDATE "), 1);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(offer(alice(), "", SIP_BY_BEST), 0, "to be asked takes an INVITE");
	run(5);
	cr_expect_eq(sent(&t.alice, "INVITE "), 2);
	cr_expect_eq(alice()->role, SIP_BODY_OFFER);
	cr_expect_eq(sip_invite_answer(alice()->invite, NULL, SLICE("mine")), 0);
	run(5);
	cr_expect_eq(bob()->role, SIP_BODY_ANSWER);
}

/* The peer has called bob and was answered. */
static void peer_connects(const char *allow)
{
	t.bob.answer = 200;
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n"
		  "Contact: <sip:p@192.0.2.3>\n%sContent-Length: 5\n\noffer",
		  allow);
	peer_says(&t, &t.bob,
		  "ACK sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKa\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: 1 ACK\n\n",
		  SLICE_FMT(sip_invite_local_tag(bob()->invite)));
}

static void inside(const char *method, unsigned cseq, const char *lines, const char *body)
{
	size_t size = strlen(body);

	for (const char *p = body; *p != '\0'; p++)
		size += *p == '\n'; /* as it is sent */
	peer_says(&t, &t.bob,
		  "%s sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKi%u\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: %u %s\n"
		  "Contact: <sip:p@192.0.2.3>\n%sContent-Length: %zu\n\n%s",
		  method, cseq, SLICE_FMT(sip_invite_local_tag(bob()->invite)), cseq, method, lines,
		  size, body);
}

static unsigned got(const char *begins)
{
	return sent(&t.bob, begins);
}

Test(update, is_not_sent_to_who_does_not_allow_it)
{
	peer_connects("");
	cr_expect_eq(offer(bob(), "x", SIP_BY_UPDATE), -EOPNOTSUPP);
	cr_expect_eq(offer(bob(), "x", SIP_BY_BEST), 0);
	cr_expect_eq(got("INVITE "), 1);
}

/* What one that comes meets: our side first does this. */
Test(update, meets_what_is_open)
{
	static const struct {
		const char *what;
		const char *ours;   /* method of an offer of ours that is open, or NULL */
		const char *theirs; /* method of an open offer of theirs, or NULL */
		const char *method, *body;
		unsigned status;
	} cases[] = {
		{ "nothing", NULL, NULL, "UPDATE", "x", 0 },
		{ "nothing", NULL, NULL, "INVITE", "x", 0 },
		{ "our UPDATE", "UPDATE", NULL, "UPDATE", "x", 491 },
		{ "our UPDATE", "UPDATE", NULL, "INVITE", "x", 491 },
		{ "our UPDATE", "UPDATE", NULL, "INVITE", "", 491 },
		{ "our UPDATE", "UPDATE", NULL, "UPDATE", "", 200 },
		{ "our INVITE", "INVITE", NULL, "UPDATE", "x", 491 },
		{ "our INVITE", "INVITE", NULL, "INVITE", "x", 491 },
		{ "our INVITE", "INVITE", NULL, "UPDATE", "", 200 },
		{ "their UPDATE", NULL, "UPDATE", "UPDATE", "x", 500 },
		{ "their UPDATE", NULL, "UPDATE", "UPDATE", "", 500 },
		{ "their UPDATE", NULL, "UPDATE", "INVITE", "x", 500 },
		{ "their INVITE", NULL, "INVITE", "UPDATE", "x", 500 },
		{ "their INVITE", NULL, "INVITE", "INVITE", "x", 500 },
		{ "their INVITE", NULL, "INVITE", "UPDATE", "", 200 },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char begins[16];
		unsigned before, reoffered;

		table_close(&t);
		table_open(&t);
		peer_connects("Allow: INVITE, UPDATE\n");
		if (cases[i].ours != NULL)
			cr_assert_eq(
				offer(bob(), "ours",
				      cases[i].ours[0] == 'U' ? SIP_BY_UPDATE : SIP_BY_REINVITE),
				0);
		if (cases[i].theirs != NULL)
			inside(cases[i].theirs, 2, "", "theirs");
		reoffered = bob()->reoffered;
		snprintf(begins, sizeof(begins), "SIP/2.0 %u", cases[i].status);
		before = got(begins);
		inside(cases[i].method, 3, "", cases[i].body);
		cr_expect_eq(bob()->reoffered - reoffered, cases[i].status == 0, "%s meets %s",
			     cases[i].method, cases[i].what);
		if (cases[i].status != 0)
			cr_expect_eq(got(begins), before + 1, "%s \"%s\" meets %s", cases[i].method,
				     cases[i].body, cases[i].what);
		if (cases[i].status == 500)
			cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 500", 0), "Retry-After: "));
	}
}

Test(update, that_cross_are_made_again_in_turn)
{
	t.alice.accept_offers = t.bob.accept_offers = true;
	table_connect(&t);
	cr_expect_eq(offer(alice(), "a", SIP_BY_UPDATE), 0);
	cr_expect_eq(offer(bob(), "b", SIP_BY_UPDATE), 0);
	run(5);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 491"), 1);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 491"), 1);
	cr_expect_eq(alice()->reanswered + bob()->reanswered, 0);
	run(2010);
	cr_expect_eq(bob()->reanswered, 1);
	run(2100);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_eq(alice()->status, 200);
	cr_expect_eq(bob()->status, 200);
	cr_expect_eq(sent(&t.alice, "UPDATE ") + sent(&t.bob, "UPDATE "), 4);
}

Test(update, that_needs_a_person_becomes_a_reinvite)
{
	table_connect(&t);
	cr_expect_eq(offer(alice(), "video", SIP_BY_BEST), 0);
	run(2);
	cr_expect_eq(sip_invite_refuse(bob()->invite, NULL, 504, SLICE_NONE), 0);
	run(3);
	cr_expect_eq(alice()->reanswered, 0);
	cr_expect_eq(sent(&t.alice, "INVITE "), 2);
	cr_expect_str_eq(bob()->body, "video");
	cr_expect_eq(sip_invite_answer(bob()->invite, NULL, SLICE("yes")), 0);
	run(5);
	cr_expect_eq(alice()->reanswered, 1);
	cr_expect_str_eq(alice()->body, "yes");
}

Test(update, that_is_refused_leaves_what_was)
{
	table_connect(&t);
	cr_expect_eq(offer(alice(), "video", SIP_BY_UPDATE), 0);
	run(2);
	cr_expect_eq(sip_invite_refuse(bob()->invite, NULL, 488, SLICE_NONE), 0);
	cr_expect_eq(sip_invite_refuse(bob()->invite, NULL, 488, SLICE_NONE), -EINVAL);
	run(2);
	cr_expect_eq(alice()->status, 488);
	cr_expect_eq(alice()->ended, 0);
	t.alice.accept_offers = true;
	cr_expect_eq(offer(bob(), "audio", SIP_BY_UPDATE), 0, "nothing is open");
	run(5);
	cr_expect_eq(bob()->status, 200);
}

/* RFC 5057 §5.1 */
Test(update, that_finds_no_dialog_ends_the_call)
{
	static const struct {
		unsigned status;
		bool ends;
	} cases[] = {
		{ 400, false }, { 403, false }, { 404, true },  { 408, true }, { 410, true },
		{ 415, false }, { 416, true },  { 480, false }, { 481, true }, { 482, true },
		{ 485, true },  { 488, false }, { 500, false }, { 502, true }, { 503, false },
		{ 603, false }, { 604, true },  { 606, false },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		table_close(&t);
		table_open(&t);
		peer_connects("Allow: UPDATE\n");
		cr_assert_eq(offer(bob(), "x", SIP_BY_UPDATE), 0);
		peer_answers(&t, &t.bob, "UPDATE ", 0, cases[i].status, "", "");
		cr_expect_eq(bob()->reanswered, 1);
		cr_expect_eq(bob()->status, cases[i].status);
		cr_expect_eq(bob()->ended, cases[i].ends, "%u", cases[i].status);
	}
}

Test(update, target_moves_when_it_is_accepted_and_not_before)
{
	peer_connects("Allow: UPDATE\n");
	inside("UPDATE", 2, "Contact: <sip:moved@192.0.2.9>\n", "x");
	cr_expect_eq(sip_invite_path(bob()->invite)->remote.ip[3], 3);
	cr_expect_eq(sip_invite_refuse(bob()->invite, NULL, 488, SLICE_NONE), 0);
	cr_expect(slice_equal(sip_dialog_remote_target(sip_invite_dialog(bob()->invite)),
			      SLICE("sip:p@192.0.2.3")));
}

Test(update, strange_body_is_415_unless_it_may_be_left)
{
	peer_connects("");
	inside("UPDATE", 2, "Content-Type: text/plain\n", "hello");
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 415", 0), "Accept: application/sdp"));
	inside("INVITE", 3, "Content-Type: text/plain\n", "hello");
	cr_expect_eq(got("SIP/2.0 415"), 2);
	inside("UPDATE", 4, "Content-Type: text/plain\nContent-Disposition: x;handling=optional\n",
	       "hello");
	cr_expect_eq(got("SIP/2.0 415"), 2);
	inside("UPDATE", 5, "Content-Type: multipart/mixed;boundary=b\n",
	       "--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: application/sdp\n\n"
	       "v=0\n--b--\n");
	cr_expect_eq(bob()->reoffered, 1);
}

static bool is_ack(void *arg, const struct packet *packet)
{
	(void)arg;
	return strncmp(packet->data, "ACK ", 4) == 0;
}

/* The ACK of a re-INVITE is lost, and the next offer is made before its 2xx comes again. */
Test(update, a_2xx_that_comes_again_behind_the_next_offer_is_acknowledged)
{
	t.bob.accept_offers = true;
	table_connect(&t);
	t.net->drop = is_ack;
	cr_assert_eq(offer(alice(), "a", SIP_BY_REINVITE), 0);
	run(100);
	cr_assert_eq(alice()->reanswered, 1);
	cr_assert_eq(offer(alice(), "b", SIP_BY_UPDATE), 0);
	run(100);
	cr_assert_eq(alice()->reanswered, 2);
	t.net->drop = NULL;
	run(60000);
	cr_expect_eq(alice()->ended + bob()->ended, 0);
}

Test(update, offers_survive_a_bad_network)
{
	static const enum sip_offer_by ways[] = { SIP_BY_UPDATE, SIP_BY_REINVITE, SIP_BY_BEST };
	unsigned made[2] = { 0 };

	t.alice.accept_offers = t.bob.accept_offers = true;
	table_connect(&t);
	t.net->loss = 15;
	t.net->duplicate = 20;
	t.net->delay_min = 1;
	t.net->delay_max = 300;
	for (unsigned i = 0; i < 120; i++) {
		made[0] += offer(alice(), "a", ways[i % 3]) == 0;
		made[1] += offer(bob(), "b", ways[(i + 1) % 3]) == 0;
		run(i % 4 == 0 ? 100 : 12000);
	}
	run(60000);
	cr_assert_eq(alice()->ended + bob()->ended, 0);
	cr_expect_gt(made[0] + made[1], 100);
	cr_expect_eq(alice()->reanswered, made[0], "each is told of once");
	cr_expect_eq(bob()->reanswered, made[1]);
	t.net->loss = 0;
}
