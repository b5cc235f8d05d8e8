/* SPDX-License-Identifier: BSD-3-Clause */
/* INVITEs that name another dialog: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/dialog/tests/party.h"

static struct table t;

static void set_up(void)
{
	table_open(&t);
	t.bob.options = 1u << SIP_OPTION_REPLACES | 1u << SIP_OPTION_JOIN;
	party_restart(&t.bob);
}

static void tear_down(void)
{
	table_close(&t);
}

TestSuite(replaces, .init = set_up, .fini = tear_down);

enum state { NONE, INCOMING, RINGING, WAITS_FOR_ACK, TALKING, CALLING, CALLING_EARLY, LEAVING };

/* Brings bob into a dialog with the peer that is in this state; its name as the peer would. */
static void bring(enum state state, char *name, size_t size)
{
	struct leg *leg;

	snprintf(name, size, "c;to-tag=none;from-tag=p");
	if (state == NONE)
		return;
	if (state == CALLING || state == CALLING_EARLY) {
		leg = party_call(&t.bob, t.peer, "offer");
		network_run(t.net, 1);
		if (state == CALLING_EARLY)
			peer_answers(&t, &t.bob, "INVITE ", 0, 180, "p", "");
	} else {
		peer_says(&t, &t.bob,
			  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1\n"
			  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 1 INVITE\n"
			  "Contact: <sip:p@192.0.2.3>\n\n");
		leg = party_leg(&t.bob);
		if (state >= RINGING)
			party_respond(leg, 180, "");
		if (state >= WAITS_FOR_ACK)
			party_respond(leg, 200, "");
		if (state >= TALKING)
			peer_says(
				&t, &t.bob,
				"ACK sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKa\n"
				"From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\n"
				"CSeq: 1 ACK\n\n",
				SLICE_FMT(sip_invite_local_tag(leg->invite)));
		if (state == LEAVING)
			sip_invite_end(leg->invite, 0, SLICE_NONE);
	}
	snprintf(name, size, "%.*s;to-tag=%.*s;from-tag=p",
		 SLICE_FMT(sip_invite_call_id(leg->invite)),
		 SLICE_FMT(sip_invite_local_tag(leg->invite)));
}

static void invite(const char *lines)
{
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKnew\n"
		  "From: <sip:new@h>;tag=new\nTo: <sip:bob@h>\nCall-ID: new\nCSeq: 1 INVITE\n"
		  "Contact: <sip:new@192.0.2.3>\n%s\n",
		  lines);
}

Test(replaces, each_state_of_the_dialog_that_is_named)
{
	static const struct {
		enum state state;
		unsigned replaces, early_only, joins; /* status; 0: it reaches the user */
	} rows[] = {
		{ NONE, 481, 481, 481 },      { INCOMING, 481, 481, 481 },
		{ RINGING, 481, 481, 481 },   { WAITS_FOR_ACK, 0, 486, 0 },
		{ TALKING, 0, 486, 0 },       { CALLING, 481, 481, 481 },
		{ CALLING_EARLY, 0, 0, 481 }, { LEAVING, 603, 603, 603 },
	};

	for (unsigned i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned row = i / 3, way = i % 3;
		const unsigned status = way == 0   ? rows[row].replaces
					: way == 1 ? rows[row].early_only
						   : rows[row].joins;
		char name[200], lines[300], begins[16];
		unsigned legs;

		tear_down();
		set_up();
		bring(rows[row].state, name, sizeof(name));
		legs = t.bob.leg_count;
		snprintf(lines, sizeof(lines), "%s: %s%s\n", way == 2 ? "Join" : "Replaces", name,
			 way == 1 ? ";early-only" : "");
		invite(lines);
		snprintf(begins, sizeof(begins), "SIP/2.0 %u", status);
		cr_expect_eq(t.bob.leg_count - legs, status == 0, "state %u, way %u", row, way);
		if (status != 0) {
			cr_expect_gt(sent(&t.bob, begins), 0, "state %u, way %u", row, way);
			continue;
		}
		cr_expect_eq(sip_invite_replaces(party_leg(&t.bob)->invite),
			     way == 2 ? NULL : t.bob.legs[0].invite);
		cr_expect_eq(sip_invite_joins(party_leg(&t.bob)->invite),
			     way == 2 ? t.bob.legs[0].invite : NULL);
	}
}

Test(replaces, accepted_one_takes_the_place)
{
	char name[200], lines[300];

	bring(TALKING, name, sizeof(name));
	snprintf(lines, sizeof(lines), "Replaces: %s\nRequire: replaces\n", name);
	invite(lines);
	party_respond(party_leg(&t.bob), 200, "");
	sip_invite_end(sip_invite_replaces(party_leg(&t.bob)->invite), 0, SLICE_NONE);
	cr_expect_eq(sent(&t.bob, "BYE sip:p@192.0.2.3 "), 1);
	peer_answers(&t, &t.bob, "BYE ", 0, 200, "", "");
	cr_expect_eq(t.bob.legs[0].ended, 1);
	cr_expect_null(sip_invite_replaces(party_leg(&t.bob)->invite), "it is over");
}

Test(replaces, contradictions_are_400)
{
	char name[200], lines[600];

	bring(TALKING, name, sizeof(name));
	snprintf(lines, sizeof(lines), "Replaces: %s\nReplaces: %s\n", name, name);
	invite(lines);
	cr_expect_gt(sent(&t.bob, "SIP/2.0 400"), 0);
	network_run(t.net, 40000);
	snprintf(lines, sizeof(lines), "Replaces: %s\nJoin: %s\n", name, name);
	invite(lines);
	network_run(t.net, 40000);
	invite("Replaces: c;to-tag=x\n");
	cr_expect_eq(t.bob.leg_count, 1);
}

Test(replaces, who_does_not_know_of_it_lets_it_be)
{
	char name[200], lines[300];

	t.bob.options = 0;
	party_restart(&t.bob);
	bring(NONE, name, sizeof(name));
	snprintf(lines, sizeof(lines), "Replaces: %s\n", name);
	invite(lines);
	cr_expect_eq(t.bob.leg_count, 1);
	cr_expect_null(sip_invite_replaces(party_leg(&t.bob)->invite));
	sip_invite_end(party_leg(&t.bob)->invite, 0, SLICE_NONE);
	network_run(t.net, 64000);
	snprintf(lines, sizeof(lines), "Require: replaces\nReplaces: %s\n", name);
	invite(lines);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 420", 0), "Unsupported: replaces\r\n"));
}
