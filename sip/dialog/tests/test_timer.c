/* SPDX-License-Identifier: BSD-3-Clause */
/* Session timers (RFC 4028): the rules as tables, then calls that keep to them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/dialog/tests/party.h"

/* --- the rules --- */

#define OPEN REFRESHER_OPEN
#define UAC  REFRESHER_UAC
#define UAS  REFRESHER_UAS

Test(timer_rules, what_is_answered)
{
	static const struct {
		struct sip_session_config config;
		struct session_said request;
		struct session_terms now, answer;
		unsigned status;
	} rows[] = {
		/* nobody asks */
		{ { 0, 0 }, { false, 0, 0, OPEN }, { 0, OPEN }, { 0, OPEN }, 0 },
		{ { 0, 0 }, { true, 0, 0, OPEN }, { 0, OPEN }, { 0, OPEN }, 0 },
		/* table 2: who refreshes */
		{ { 1800, 90 }, { false, 0, 0, OPEN }, { 0, OPEN }, { 1800, UAS }, 0 },
		{ { 1800, 90 }, { true, 0, 0, OPEN }, { 0, OPEN }, { 1800, UAC }, 0 },
		{ { 1800, 90 }, { true, 1800, 0, UAC }, { 0, OPEN }, { 1800, UAC }, 0 },
		{ { 1800, 90 }, { true, 1800, 0, UAS }, { 0, OPEN }, { 1800, UAS }, 0 },
		{ { 1800, 90 }, { false, 1800, 0, OPEN }, { 0, OPEN }, { 1800, UAS }, 0 },
		/* who did so far goes on */
		{ { 1800, 90 }, { true, 1800, 0, OPEN }, { 1800, UAS }, { 1800, UAS }, 0 },
		{ { 1800, 90 }, { true, 0, 0, OPEN }, { 1800, UAS }, { 1800, UAS }, 0 },
		/* how long: never more than asked, never less than either side takes */
		{ { 1800, 90 }, { true, 600, 0, OPEN }, { 0, OPEN }, { 600, UAC }, 0 },
		{ { 300, 90 }, { true, 600, 0, OPEN }, { 0, OPEN }, { 300, UAC }, 0 },
		{ { 300, 90 }, { true, 600, 400, OPEN }, { 0, OPEN }, { 400, UAC }, 0 },
		{ { 300, 90 }, { true, 0, 400, OPEN }, { 0, OPEN }, { 400, UAC }, 0 },
		{ { 0, 0 }, { true, 600, 0, UAS }, { 0, OPEN }, { 600, UAS }, 0 },
		/* too short: refused, unless its sender does not know what that means */
		{ { 1800, 120 }, { true, 100, 0, OPEN }, { 0, OPEN }, { 0, OPEN }, 422 },
		{ { 1800, 0 }, { true, 89, 0, OPEN }, { 0, OPEN }, { 0, OPEN }, 422 },
		{ { 1800, 0 }, { true, 90, 0, OPEN }, { 0, OPEN }, { 90, UAC }, 0 },
		{ { 1800, 120 }, { false, 100, 0, OPEN }, { 0, OPEN }, { 100, UAS }, 0 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session_terms is;

		cr_expect_eq(session_timer_judge(&rows[i].config, &rows[i].request), rows[i].status,
			     "row %u", i);
		if (rows[i].status != 0)
			continue;
		is = session_timer_answer(&rows[i].config, &rows[i].request, &rows[i].now);
		cr_expect_eq(is.interval, rows[i].answer.interval, "row %u: %u", i, is.interval);
		cr_expect_eq(is.refresher, rows[i].answer.refresher, "row %u", i);
	}
}

Test(timer_rules, what_is_made_of_an_answer)
{
	static const struct {
		struct session_said response;
		struct session_terms asked, agreed;
	} rows[] = {
		{ { false, 0, 0, OPEN }, { 0, OPEN }, { 0, OPEN } },
		{ { true, 0, 0, OPEN }, { 1800, UAC }, { 0, OPEN } },
		{ { true, 900, 0, UAC }, { 0, OPEN }, { 900, UAC } },
		{ { true, 900, 0, UAS }, { 1800, UAC }, { 900, UAS } },
		{ { true, 900, 0, OPEN }, { 1800, UAS }, { 900, UAS } },
		{ { true, 900, 0, OPEN }, { 0, OPEN }, { 900, UAC } },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session_terms is = session_timer_agree(&rows[i].response, &rows[i].asked);

		cr_expect_eq(is.interval, rows[i].agreed.interval, "row %u", i);
		cr_expect_eq(is.refresher, rows[i].agreed.refresher, "row %u", i);
	}
}

Test(timer_rules, times)
{
	cr_expect_eq(session_timer_refresh_ms(1800), 900000);
	cr_expect_eq(session_timer_give_up_ms(1800), 1768000);
	cr_expect_eq(session_timer_give_up_ms(90), 60000);
	cr_expect_eq(session_timer_refresh_ms(30), 15000);
	cr_expect_eq(session_timer_refresh_ms(1), 10000, "not twice a second");
}

Test(timer_rules, headers)
{
	static const struct {
		const char *lines;
		struct session_said said;
	} rows[] = {
		{ "", { false, 0, 0, OPEN } },
		{ "Supported: timer\r\n", { true, 0, 0, OPEN } },
		{ "k: 100rel,TIMER\r\nx: 90;refresher=UAS\r\n", { true, 90, 0, UAS } },
		{ "Require: timer\r\nSession-Expires: 1800 ; a=b;refresher=uac\r\nMin-SE: 120;x\r\n",
		  { true, 1800, 120, UAC } },
		{ "Session-Expires: 99999999\r\n", { false, SESSION_TIMER_MOST_S, 0, OPEN } },
		{ "Session-Expires: -1\r\nMin-SE: x\r\n", { false, 0, 0, OPEN } },
		{ "Session-Expires: 90;refresher=both\r\n", { false, 90, 0, OPEN } },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_parse_error error;
		struct session_said is;
		struct sip_msg *msg;
		char text[1024];
		int n = snprintf(text, sizeof(text),
				 "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
				 "From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n"
				 "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\n%s\r\n",
				 rows[i].lines);

		cr_assert_eq(sip_msg_parse(text, (size_t)n, NULL, &msg, &error), 0, "row %u", i);
		session_timer_read(msg, &is);
		cr_expect_eq(is.supported, rows[i].said.supported, "row %u", i);
		cr_expect_eq(is.expires, rows[i].said.expires, "row %u: %u", i, is.expires);
		cr_expect_eq(is.min_se, rows[i].said.min_se, "row %u: %u", i, is.min_se);
		cr_expect_eq(is.refresher, rows[i].said.refresher, "row %u", i);
		sip_msg_unref(msg);
	}
}

/* --- calls --- */

static struct table t;

static void set_up(void)
{
	table_open(&t);
}

static void tear_down(void)
{
	table_close(&t);
}

TestSuite(timer, .init = set_up, .fini = tear_down);

static struct leg *alice(void)
{
	return party_leg(&t.alice);
}

static struct leg *bob(void)
{
	return party_leg(&t.bob);
}

static void run_s(uint64_t s)
{
	network_run(t.net, s * 1000);
}

static void wants(struct party *party, uint32_t expires_s, uint32_t min_s)
{
	party->session = (struct sip_session_config){ expires_s, min_s };
	party_restart(party);
}

#define EXPIRES_UAC "Session-Expires: 200;refresher=uac\r\nRequire: timer\r\n"
#define EXPIRES_UAS "Session-Expires: 200;refresher=uas\r\n"
#define UPDATES     "Allow: INVITE, ACK, BYE, UPDATE\r\n"

/* alice calls the peer, whose 200 has these lines. */
static void call_peer(const char *lines)
{
	char extra[512];

	party_call(&t.alice, t.peer, "offer");
	network_run(t.net, 1);
	snprintf(extra, sizeof(extra), "Contact: <sip:p@192.0.2.3>\r\n%s", lines);
	peer_answers_with(&t, &t.alice, "INVITE ", 0, 200, "p", extra, "answer");
	cr_assert_eq(sip_invite_get_state(alice()->invite), SIP_INVITE_CONFIRMED);
}

static unsigned said(const char *begins)
{
	return sent(&t.alice, begins);
}

Test(timer, call_is_refreshed_as_long_as_it_lasts)
{
	wants(&t.alice, 200, 90);
	table_connect(&t);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 0), "Session-Expires: 200\r\n"));
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 200", 0),
			     "Session-Expires: 200;refresher=uac"
			     "\r\nRequire: timer\r\n"));
	run_s(1050);
	cr_expect_eq(said("UPDATE "), 10);
	cr_expect_eq(said("INVITE "), 1);
	cr_expect(packet_has(sent_nth(&t.alice, "UPDATE ", 0),
			     "Session-Expires: 200;refresher=uac\r\n"));
	cr_expect_eq(alice()->ended + bob()->ended, 0);
	cr_expect_eq(alice()->reanswered + bob()->reoffered, 0, "nobody is bothered");
	/* the one who refreshes dies */
	t.alice.node->receive = NULL;
	party_restart(&t.alice);
	t.alice.node->receive = NULL;
	run_s(170);
	cr_expect_eq(bob()->ended, 1);
	cr_expect_eq(bob()->how, SIP_END_TIMEOUT);
	cr_expect_gt(sent(&t.bob, "BYE "), 0);
}

Test(timer, refresh_without_update_repeats_the_last_description)
{
	wants(&t.alice, 200, 90);
	call_peer(EXPIRES_UAC);
	run_s(100);
	cr_expect_eq(said("INVITE "), 2);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 1), "offer"));
	peer_answers_with(&t, &t.alice, "INVITE ", 1, 200, "", EXPIRES_UAC, "answer");
	cr_expect_eq(said("ACK "), 2);
	cr_expect_eq(alice()->reanswered, 0);
	/* what is agreed later is what is repeated; what is refused is not */
	cr_expect_eq(party_reinvite(alice(), "hold"), 0);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 2),
			     "Session-Expires: 200;refresher=uac\r\n"));
	peer_answers_with(&t, &t.alice, "INVITE ", 2, 200, "", EXPIRES_UAC, "held");
	cr_expect_eq(party_reinvite(alice(), "video"), 0);
	peer_answers(&t, &t.alice, "INVITE ", 3, 488, "", "");
	run_s(100);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 4), "hold"));
	peer_answers_with(&t, &t.alice, "INVITE ", 4, 200, "", EXPIRES_UAC, "held");
}

Test(timer, one_that_nobody_refreshes_ends)
{
	wants(&t.alice, 200, 90);
	call_peer(EXPIRES_UAS);
	run_s(167);
	cr_expect_eq(alice()->ended, 0);
	run_s(2);
	cr_expect_eq(alice()->ended, 1);
	cr_expect_gt(said("BYE "), 0);
	cr_expect_eq(said("UPDATE ") + said("INVITE "), 1);
}

Test(timer, none_without_an_agreement)
{
	wants(&t.alice, 200, 90);
	call_peer("");
	run_s(4000);
	cr_expect_eq(alice()->ended, 0);
	cr_expect_eq(said("UPDATE ") + said("INVITE "), 1);
}

static void peer_update(unsigned cseq, const char *lines)
{
	peer_says(&t, &t.alice,
		  "UPDATE sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKu%u\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:a@h>;tag=%.*s\nCall-ID: %.*s\nCSeq: %u UPDATE\n"
		  "Contact: <sip:p@192.0.2.3>\n%s\n",
		  cseq, SLICE_FMT(sip_invite_local_tag(alice()->invite)),
		  SLICE_FMT(sip_invite_call_id(alice()->invite)), cseq, lines);
}

Test(timer, refresh_of_the_other_side_counts)
{
	wants(&t.alice, 200, 90);
	call_peer(EXPIRES_UAS);
	run_s(160);
	peer_update(1, "Supported: timer\nSession-Expires: 200;refresher=uac\n");
	cr_expect(packet_has(sent_nth(&t.alice, "SIP/2.0 200", 0),
			     "Session-Expires: 200;refresher=uac\r\nRequire: timer\r\n"));
	run_s(160);
	cr_expect_eq(alice()->ended, 0);
	/* one that is too short is none */
	peer_update(2, "Supported: timer\nSession-Expires: 50;refresher=uac\n");
	cr_expect(packet_has(sent_nth(&t.alice, "SIP/2.0 422", 0), "Min-SE: 90\r\n"));
	run_s(10);
	cr_expect_eq(alice()->ended, 1);
}

Test(timer, role_can_change)
{
	wants(&t.alice, 200, 90);
	call_peer(EXPIRES_UAS UPDATES);
	run_s(50);
	peer_update(1, "Supported: timer\nSession-Expires: 200;refresher=uas\n");
	run_s(100);
	cr_expect_eq(said("UPDATE "), 1);
	peer_answers(&t, &t.alice, "UPDATE ", 0, 200, "", EXPIRES_UAS);
	run_s(169);
	cr_expect_eq(alice()->ended, 1, "theirs again, and they did not");
}

Test(timer, too_short_a_session_is_asked_for_again)
{
	wants(&t.alice, 100, 90);
	wants(&t.bob, 0, 400);
	table_connect(&t);
	cr_expect_eq(sent(&t.bob, "SIP/2.0 422"), 1);
	cr_expect_eq(said("INVITE "), 2);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 1), "CSeq: 2 INVITE\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 1),
			     "Session-Expires: 400\r\nMin-SE: 400\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 1), "offer"));
	cr_expect_eq(t.bob.leg_count, 1);
	cr_expect_eq(alice()->ended, 0);
	run_s(201);
	cr_expect_eq(said("UPDATE "), 1);
}

Test(timer, refusal_that_asks_for_no_more_is_the_end)
{
	wants(&t.alice, 200, 90);
	party_call(&t.alice, t.peer, "offer");
	network_run(t.net, 1);
	peer_answers(&t, &t.alice, "INVITE ", 0, 180, "one", "");
	peer_answers(&t, &t.alice, "INVITE ", 0, 422, "x", "Min-SE: 300\r\n");
	cr_expect_eq(said("INVITE "), 2);
	cr_expect_eq(alice()->early_ended, 1);
	peer_answers(&t, &t.alice, "INVITE ", 1, 422, "x", "Min-SE: 300\r\n");
	cr_expect_eq(said("INVITE "), 2);
	cr_expect_eq(alice()->ended, 1);
	cr_expect_eq(alice()->status, 422);
}

Test(timer, refresh_that_is_refused_finds_another_way)
{
	static const struct {
		unsigned status;
		const char *extra;
		const char *then; /* what follows at once, NULL: nothing */
		bool ends;
	} cases[] = {
		{ 405, "", "INVITE ", false },
		{ 501, "", "INVITE ", false },
		{ 422, "Min-SE: 300\r\n", "UPDATE ", false },
		{ 500, "", NULL, false },
		{ 481, "", "BYE ", true },
		{ 404, "", "BYE ", true },
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before;

		table_close(&t);
		table_open(&t);
		wants(&t.alice, 200, 90);
		call_peer(EXPIRES_UAC UPDATES);
		run_s(100);
		before = cases[i].then ? said(cases[i].then) : 0;
		peer_answers(&t, &t.alice, "UPDATE ", 0, cases[i].status, "", cases[i].extra);
		if (cases[i].then != NULL)
			cr_expect_eq(said(cases[i].then), before + 1, "%u", cases[i].status);
		if (cases[i].status == 405 || cases[i].status == 501)
			cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 1), "\r\n\r\noffer"),
				  "%u: nobody would answer what was asked for", cases[i].status);
		cr_expect_eq(alice()->ended, cases[i].ends, "%u", cases[i].status);
		run_s(70);
		cr_expect_eq(alice()->ended, 1, "%u: without a refresh that works it ends",
			     cases[i].status);
	}
}

/* The restart takes 30 s of the 100 until the refresh. */
Test(timer, survives_a_restart)
{
	struct sip_invite *invite;
	char text[2048];

	wants(&t.alice, 200, 90);
	call_peer(EXPIRES_UAC);
	cr_assert_eq(sip_invite_save(alice()->invite, text, sizeof(text)), 0);
	cr_expect_not_null(strstr(text, " update=0 session=200 refresher=1 sdp=offer"), "%s", text);
	cr_expect_not_null(strstr(text, " refreshed=1700000000"), "%s", text);
	party_wall_ms += 30000;
	party_restart(&t.alice);
	cr_assert_eq(sip_invite_restore(t.alice.ua, text, party_user(), alice(), &invite), 0);
	alice()->invite = invite;
	run_s(69);
	cr_expect_eq(said("INVITE "), 1, "not before its time");
	network_run(t.net, 900);
	cr_expect_eq(said("INVITE "), 2);
	cr_expect(packet_has(sent_nth(&t.alice, "INVITE ", 1), "offer"));
	peer_answers_with(&t, &t.alice, "INVITE ", 1, 200, "", EXPIRES_UAS UPDATES, "answer");
	cr_assert_eq(sip_invite_save(alice()->invite, text, sizeof(text)), 0);
	cr_expect_not_null(strstr(text, " update=1 session=200 refresher=0 target="), "%s", text);
	party_restart(&t.alice);
	cr_assert_eq(sip_invite_restore(t.alice.ua, text, party_user(), alice(), &invite), 0);
	alice()->invite = invite;
	run_s(169);
	cr_expect_eq(alice()->ended, 1);
	cr_expect_gt(said("BYE "), 0);
}

/* A record that does not tell, or one that is old. */
Test(timer, whose_last_refresh_is_unknown_is_refreshed_soon_after_a_restart)
{
	struct sip_invite *invite;
	char text[2048], *refreshed;

	wants(&t.alice, 200, 90);
	call_peer(EXPIRES_UAC);
	cr_assert_eq(sip_invite_save(alice()->invite, text, sizeof(text)), 0);
	refreshed = strstr(text, "refreshed=");
	cr_assert_not_null(refreshed);
	refreshed[0] = 'x';
	party_restart(&t.alice);
	cr_assert_eq(sip_invite_restore(t.alice.ua, text, party_user(), alice(), &invite), 0);
	alice()->invite = invite;
	for (unsigned ms = 0; ms <= 50000 && said("INVITE ") < 2; ms += 100)
		network_run(t.net, 100);
	cr_expect_eq(said("INVITE "), 2);
}

Test(timer, refreshes_of_both_kinds_on_a_bad_network)
{
	wants(&t.alice, 200, 90);
	table_connect(&t);
	t.net->loss = 20;
	t.net->duplicate = 20;
	t.net->delay_min = 1;
	t.net->delay_max = 400;
	run_s(20000);
	cr_expect_eq(alice()->ended + bob()->ended, 0);
	cr_expect_geq(said("UPDATE "), 195);
	t.net->loss = 0;
}
