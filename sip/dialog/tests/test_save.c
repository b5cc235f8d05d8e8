/* SPDX-License-Identifier: BSD-3-Clause */
/* A confirmed dialog survives its process. */
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

TestSuite(save, .init = set_up, .fini = tear_down);

static struct sip_invite_user heard;
static unsigned ended;
static enum sip_end ended_how;
static unsigned reinvites;
static struct sip_invite *restored;

static void on_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	(void)arg;
	(void)status;
	(void)msg;
	ended++;
	ended_how = how;
}

static void on_reoffered(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			 enum sip_offer_role role)
{
	(void)arg;
	(void)dialog;
	(void)request;
	(void)role;
	reinvites++;
	sip_invite_respond(restored, 200, NULL, SLICE("answer"), SLICE_NONE);
}

/* The process of a party dies and comes back with what it had written down. */
static void restart(struct party *party, char *text, size_t size)
{
	cr_assert_eq(sip_invite_save(party_leg(party)->invite, text, size), 0);
	party_restart(party);
	heard = (struct sip_invite_user){ .ended = on_ended, .reoffered = on_reoffered };
	cr_assert_eq(sip_invite_restore(party->ua, text, &heard, NULL, &restored), 0);
	cr_expect_eq(sip_invite_get_state(restored), SIP_INVITE_CONFIRMED);
}

Test(save, text_of_a_restored_dialog_is_the_same_but_for_cseq)
{
	char text[2048], again[2048];
	struct sip_invite *copy;

	table_connect(&t);
	cr_assert_eq(sip_invite_save(party_leg(&t.alice)->invite, text, sizeof(text)), 0);
	cr_expect_null(strchr(text, '\n'));
	cr_expect_not_null(strstr(text, " local-cseq=1 "));
	heard = (struct sip_invite_user){ .ended = on_ended };
	cr_assert_eq(sip_invite_restore(t.bob.ua, text, &heard, NULL, &copy), 0);
	cr_assert_eq(sip_invite_save(copy, again, sizeof(again)), 0);
	char *cseq = strstr(again, " local-cseq=101 ");

	cr_assert_not_null(cseq);
	memmove(cseq + 13, cseq + 15, strlen(cseq + 15) + 1);
	cr_expect_str_eq(text, again);
	cr_expect(sip_invite_is_uac(copy));
	cr_expect(slice_equal(sip_invite_local_uri(copy), SLICE("sip:alice@tandem.lab")));
	sip_invite_end(copy, 0, SLICE_NONE);
}

Test(save, only_confirmed_dialogs_that_fit_are_saved)
{
	char text[2048], small[64];

	t.bob.ring = 180;
	party_call(&t.alice, t.bob.node, "offer");
	network_run(t.net, 5);
	cr_expect_eq(sip_invite_save(party_leg(&t.bob)->invite, text, sizeof(text)), -EINVAL);
	party_respond(party_leg(&t.bob), 200, "answer");
	network_run(t.net, 5);
	cr_expect_eq(sip_invite_save(party_leg(&t.bob)->invite, small, sizeof(small)), -ENOSPC);
	cr_expect_str_empty(small);
	cr_expect_eq(sip_invite_save(party_leg(&t.bob)->invite, text, sizeof(text)), 0);
}

Test(save, restored_callee_answers_reinvite_and_bye)
{
	char text[2048];

	table_connect(&t);
	restart(&t.bob, text, sizeof(text));
	party_reinvite(party_leg(&t.alice), "offer");
	network_run(t.net, 10);
	cr_expect_eq(reinvites, 1);
	cr_expect_eq(party_leg(&t.alice)->status, 200);
	sip_invite_end(party_leg(&t.alice)->invite, 0, SLICE_NONE);
	network_run(t.net, 10);
	cr_expect_eq(ended, 1);
	cr_expect_eq(ended_how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(party_leg(&t.alice)->how, SIP_END_BYE_SENT);
}

Test(save, restored_caller_ends_the_call)
{
	char text[2048];

	table_connect(&t);
	party_reinvite(party_leg(&t.bob), "refused");
	network_run(t.net, 5);
	party_respond(party_leg(&t.alice), 488, "");
	network_run(t.net, 5);
	restart(&t.alice, text, sizeof(text));
	sip_invite_end(restored, 0, SLICE_NONE);
	network_run(t.net, 10);
	cr_expect_eq(party_leg(&t.bob)->how, SIP_END_BYE_RECEIVED);
}

Test(save, routes_and_odd_characters_survive)
{
	char text[2048];

	t.bob.answer = 200;
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK1;rport\n"
		  "From: \"A, \\\"B\\\" =%%41\" <sip:p%%20q@h;x=y>;tag=p%%1\nTo: <sip:bob@h>\n"
		  "Call-ID: c%%<1>@[x]\nCSeq: 5 INVITE\nContact: <sip:p@192.0.2.3;a=b&c>\n"
		  "Record-Route: <sip:192.0.2.3;lr>, \"x,y\" <sip:z.example;lr>;q=1\n\n");
	peer_says(&t, &t.bob,
		  "ACK sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK2\n"
		  "From: <sip:p@h>;tag=p%%1\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c%%<1>@[x]\n"
		  "CSeq: 5 ACK\n\n",
		  SLICE_FMT(sip_invite_local_tag(party_leg(&t.bob)->invite)));
	restart(&t.bob, text, sizeof(text));
	sip_invite_end(restored, 0, SLICE_NONE);
	const struct packet *bye = sent_nth(&t.bob, "BYE ", 0);

	cr_expect(packet_has(bye, "BYE sip:p@192.0.2.3;a=b&c SIP/2.0\r\n"), "%s", bye->data);
	cr_expect(
		packet_has(bye, "Route: <sip:192.0.2.3;lr>\r\nRoute: <sip:z.example;lr>;q=1\r\n"));
	cr_expect(packet_has(bye, "To: \"A, \\\"B\\\" =%41\" <sip:p%20q@h;x=y>;tag=p%1\r\n"));
	cr_expect(packet_has(bye, "Call-ID: c%<1>@[x]\r\n"));
	cr_expect(packet_has(bye, "CSeq: 101 BYE\r\n"));
}

Test(save, way_through_a_nat_survives)
{
	char text[2048];

	t.bob.answer = 200;
	peer_says(&t, &t.bob,
		  "INVITE sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.5;branch=z9hG4bK1;rport\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>\nCall-ID: c\nCSeq: 5 INVITE\n"
		  "Contact: <sip:p@198.51.100.5>\n\n");
	peer_says(&t, &t.bob,
		  "ACK sip:bob@h SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.5;branch=z9hG4bK2\n"
		  "From: <sip:p@h>;tag=p\nTo: <sip:bob@h>;tag=%.*s\nCall-ID: c\nCSeq: 5 ACK\n\n",
		  SLICE_FMT(sip_invite_local_tag(party_leg(&t.bob)->invite)));
	restart(&t.bob, text, sizeof(text));
	sip_invite_end(restored, 0, SLICE_NONE);
	cr_expect_eq(sent_nth(&t.bob, "BYE sip:p@198.51.100.5 ", 0)->to, t.peer);
}

Test(save, malformed_text_is_refused)
{
	struct sip_invite *invite;
	char text[2048], damaged[2048];

	table_connect(&t);
	cr_assert_eq(sip_invite_save(party_leg(&t.bob)->invite, text, sizeof(text)), 0);
	heard = (struct sip_invite_user){ .ended = on_ended };
	cr_expect_eq(sip_invite_restore(t.bob.ua, "", &heard, NULL, &invite), -EINVAL);
	cr_expect_eq(sip_invite_restore(t.bob.ua, "v=2", &heard, NULL, &invite), -EINVAL);
	/* without any one of its fields */
	for (const char *p = text; p != NULL; p = strchr(p + 1, ' ')) {
		const char *end = strchr(p + 1, ' ');

		if (strncmp(p, " remote-cseq=", 13) == 0 || strncmp(p, " update=", 8) == 0)
			continue; /* may be unknown */
		snprintf(damaged, sizeof(damaged), "%.*s%s", (int)(p - text), text, end ? end : "");
		cr_expect_eq(sip_invite_restore(t.bob.ua, damaged, &heard, NULL, &invite), -EINVAL,
			     "%s", damaged);
	}
	memcpy(damaged, text, sizeof(damaged));
	char *call_id = strstr(damaged, "call-id=");

	memcpy(call_id + 8, "%zz", 3);
	cr_expect_eq(sip_invite_restore(t.bob.ua, damaged, &heard, NULL, &invite), -EINVAL);
}
