/* SPDX-License-Identifier: BSD-3-Clause */
/* Dialogs with other usages than an INVITE (RFC 5057), and requests outside dialogs: a subscription
 * in its simplest form, whose other side the test plays. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/dialog/tests/party.h"

static struct table t;

struct subscription {
	struct sip_usage usage;
	unsigned notified, ended, status;
	bool mine; /* takes what comes */
};

static struct subscription sub[2];
static struct sip_origin *origin;
static struct sip_transaction *subscribing;
static unsigned answered, failed;

static void set_up(void)
{
	memset(sub, 0, sizeof(sub));
	answered = failed = 0;
	origin = NULL;
	table_open(&t);
}

static void tear_down(void)
{
	for (unsigned i = 0; i < 2; i++)
		sip_usage_remove(&sub[i].usage);
	sip_origin_unref(origin);
	table_close(&t);
}

TestSuite(usage, .init = set_up, .fini = tear_down);

static bool on_notify(struct sip_usage *usage, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	struct subscription *s = (struct subscription *)usage;

	(void)request;
	(void)from;
	if (!s->mine)
		return false;
	s->notified++;
	sip_dialog_respond(usage->dialog, server, 200, NULL, SLICE_NONE, SLICE_NONE, SLICE_NONE);
	return true;
}

static void on_ended(struct sip_usage *usage, unsigned status, struct sip_msg *msg)
{
	struct subscription *s = (struct subscription *)usage;

	(void)msg;
	s->ended++;
	s->status = status;
	sip_usage_remove(usage);
}

static const struct sip_usage_type type = {
	.name = "test", .methods = 1u << SIP_NOTIFY, .request = on_notify, .dialog_ended = on_ended
};

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_dialog *dialog;

	(void)arg;
	answered = response->status;
	if (response->status >= 200 && response->status < 300 && origin != NULL &&
	    sip_dialog_create_uac(origin, response, sip_transaction_path(client), &dialog) == 0 &&
	    sip_dialog_usage(dialog, &type) == NULL) {
		sub[0].mine = true;
		sip_usage_add(dialog, &sub[0].usage, &type);
	}
}

static void on_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	(void)arg;
	(void)client;
	(void)why;
	failed++;
}

static const struct sip_transaction_user user = { .response = on_response, .failed = on_failed };

static void on_early_notify(void *arg, struct sip_origin *o, struct sip_transaction *server,
			    struct sip_msg *request, const struct sip_path *from)
{
	struct subscription *s = &sub[sub[0].usage.dialog != NULL];
	struct sip_dialog *dialog;

	cr_expect_eq(arg, &t);
	cr_assert_eq(sip_dialog_create_uac(o, request, from, &dialog), 0);
	s->mine = true;
	s->notified++;
	sip_usage_add(dialog, &s->usage, &type);
	sip_dialog_respond(dialog, server, 200, NULL, SLICE_NONE, SLICE_NONE, SLICE_NONE);
}

static struct sip_origin_start to_peer(void)
{
	return (struct sip_origin_start){
		.to = network_path(t.peer),
		.request_uri = SLICE("sip:p@192.0.2.3"),
		.from = SLICE("<sip:alice@tandem.lab>"),
		.to_header = SLICE("<sip:p@tandem.lab>"),
		.contact_user = SLICE("alice"),
	};
}

static void subscribe(void)
{
	const struct sip_origin_start start = to_peer();
	const struct sip_request request = { .method = SIP_SUBSCRIBE,
					     .headers = SLICE("Event: presence\r\n"),
					     .contact = true };

	cr_assert_eq(sip_origin_create(t.alice.ua, &start, &origin), 0);
	sip_origin_on_request(origin, on_early_notify, &t);
	cr_assert_eq(sip_origin_send(origin, &request, &user, NULL, &subscribing), 0);
	network_run(t.net, 1);
}

static void notify(const char *from_tag, unsigned cseq)
{
	peer_says(&t, &t.alice,
		  "NOTIFY sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%s%u\n"
		  "From: <sip:p@h>;tag=%s\nTo: <sip:a@h>;tag=%.*s\nCall-ID: %.*s\n"
		  "CSeq: %u NOTIFY\nContact: <sip:%s@192.0.2.3>\n\n",
		  from_tag, cseq, from_tag, SLICE_FMT(sip_origin_local_tag(origin)),
		  SLICE_FMT(sip_origin_call_id(origin)), cseq, from_tag);
}

Test(usage, response_makes_the_dialog)
{
	subscribe();
	cr_expect(packet_has(sent_nth(&t.alice, "SUBSCRIBE ", 0), "CSeq: 1 SUBSCRIBE\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "SUBSCRIBE ", 0), "Contact: <sip:alice@192.0.2.1"));
	peer_answers(&t, &t.alice, "SUBSCRIBE ", 0, 200, "one", "Contact: <sip:one@192.0.2.3>\r\n");
	cr_assert_not_null(sub[0].usage.dialog);
	notify("one", 1);
	cr_expect_eq(sub[0].notified, 1);
	const struct sip_request again = { .method = SIP_SUBSCRIBE };

	cr_assert_eq(sip_dialog_send(sub[0].usage.dialog, &again, &user, NULL, NULL), 0);
	network_run(t.net, 1);
	cr_expect(packet_has(sent_nth(&t.alice, "SUBSCRIBE sip:one@192.0.2.3 ", 0),
			     "CSeq: 2 SUBSCRIBE\r\n"));
	peer_answers(&t, &t.alice, "SUBSCRIBE sip:one@", 0, 200, "", "");
}

Test(usage, notify_is_faster_than_the_response_and_forks)
{
	subscribe();
	notify("one", 1);
	notify("two", 1);
	cr_expect_eq(sub[0].notified, 1);
	cr_expect_eq(sub[1].notified, 1);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 200"), 2);
	peer_answers(&t, &t.alice, "SUBSCRIBE ", 0, 200, "one", "Contact: <sip:one@192.0.2.3>\r\n");
	notify("one", 2);
	cr_expect_eq(sub[0].notified, 2, "it is the same dialog");
	sip_usage_remove(&sub[1].usage);
	notify("two", 2);
	cr_expect_eq(sub[1].notified, 2, "made anew");
	sip_origin_on_request(origin, NULL, NULL);
	notify("three", 1);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 481"), 1);
}

Test(usage, newest_is_asked_first_and_who_declines_is_passed)
{
	subscribe();
	peer_answers(&t, &t.alice, "SUBSCRIBE ", 0, 200, "one", "Contact: <sip:one@192.0.2.3>\r\n");
	sip_usage_add(sub[0].usage.dialog, &sub[1].usage, &type);
	notify("one", 1);
	cr_expect_eq(sub[0].notified, 1, "the newer declines");
	sub[1].mine = true;
	notify("one", 2);
	cr_expect_eq(sub[1].notified, 1);
	sip_usage_remove(&sub[0].usage);
	notify("one", 3);
	cr_expect_eq(sub[1].notified, 2, "the dialog lives with its last usage");
	sip_dialog_lost(sub[1].usage.dialog, 404, NULL);
	cr_expect_eq(sub[1].ended, 1);
	cr_expect_eq(sub[1].status, 404);
	sip_origin_on_request(origin, NULL, NULL);
	notify("one", 4);
	cr_expect_eq(sent(&t.alice, "SIP/2.0 481"), 1, "and is gone then");
}

Test(usage, shares_its_dialog_with_a_call)
{
	struct sip_dialog *dialog;

	table_connect(&t);
	dialog = sip_invite_dialog(party_leg(&t.alice)->invite);
	sub[0].mine = true;
	sip_usage_add(dialog, &sub[0].usage, &type);
	cr_expect_eq(sip_ua_find(t.alice.ua, sip_dialog_call_id(dialog),
				 sip_dialog_local_tag(dialog), sip_dialog_remote_tag(dialog)),
		     dialog);
	sip_invite_end(party_leg(&t.alice)->invite, 0, SLICE_NONE);
	network_run(t.net, 10);
	cr_expect_eq(party_leg(&t.alice)->ended, 1);
	cr_expect_eq(sub[0].ended, 0, "the call is over, the subscription is not");
	cr_expect_null(sip_dialog_invite(dialog));
	const struct sip_request info = { .method = SIP_INFO };

	cr_expect_eq(sip_dialog_send(dialog, &info, &user, NULL, NULL), 0);
	network_run(t.net, 5);
	cr_expect_eq(answered, 481);
}

Test(usage, lost_dialog_takes_all_of_them)
{
	table_connect(&t);
	sub[0].mine = true;
	sip_usage_add(sip_invite_dialog(party_leg(&t.alice)->invite), &sub[0].usage, &type);
	sip_dialog_lost(sub[0].usage.dialog, 410, NULL);
	cr_expect_eq(sub[0].ended, 1);
	cr_expect_eq(party_leg(&t.alice)->ended, 1);
	cr_expect_eq(party_leg(&t.alice)->status, 410);
}

/* By the state that the call is in: what is said, and whether it is over. */
Test(usage, lost_dialog_ends_the_call_in_each_state)
{
	static const struct {
		unsigned status; /* bob's last response */
		const char *bob_says, *alice_says;
	} rows[] = { { 180, "SIP/2.0 410", "CANCEL " }, { 200, "BYE ", "BYE " } };

	for (unsigned i = 0; i < 4; i++) {
		struct party *party = i % 2 ? &t.alice : &t.bob;
		const unsigned row = i / 2;

		table_close(&t);
		table_open(&t);
		t.bob.ring = 180;
		t.bob.answer = row == 1 ? 200 : 0;
		party_call(&t.alice, t.bob.node, "offer");
		network_run(t.net, 5);
		sip_dialog_lost(sip_invite_dialog(party_leg(party)->invite), 410, NULL);
		cr_expect_eq(party_leg(party)->ended, 1, "%u", i);
		network_run(t.net, 5);
		cr_expect_gt(sent(party, i % 2 ? rows[row].alice_says : rows[row].bob_says), 0,
			     "%u", i);
		cr_expect_eq(party_leg(party == &t.bob ? &t.alice : &t.bob)->ended, 1, "%u", i);
	}
}

Test(usage, request_outside_dialogs_stands_alone)
{
	const struct sip_origin_start start = to_peer();
	const struct sip_request message = { .method = SIP_MESSAGE,
					     .type = SLICE("text/plain"),
					     .body = SLICE("hello"),
					     .max_forwards = 7 };

	cr_assert_eq(sip_ua_send(t.alice.ua, &start, &message, &user, NULL, NULL), 0);
	network_run(t.net, 1);
	cr_expect(packet_has(sent_nth(&t.alice, "MESSAGE sip:p@192.0.2.3 ", 0), "hello"));
	cr_expect(packet_has(sent_nth(&t.alice, "MESSAGE ", 0), "Max-Forwards: 7\r\n"));
	cr_expect_not(packet_has(sent_nth(&t.alice, "MESSAGE ", 0), "Contact:"));
	peer_answers(&t, &t.alice, "MESSAGE ", 0, 202, "x", "");
	cr_expect_eq(answered, 202);
}

Test(usage, series_keeps_its_call_id_and_counts)
{
	struct sip_origin_start start = to_peer();
	const struct sip_request publish = { .method = SIP_PUBLISH };

	start.call_id = SLICE("series@tandem");
	start.cseq = 41;
	cr_assert_eq(sip_origin_create(t.alice.ua, &start, &origin), 0);
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(sip_origin_send(origin, &publish, &user, NULL, NULL), 0);
	network_run(t.net, 1);
	cr_expect(packet_has(sent_nth(&t.alice, "PUBLISH ", 1), "Call-ID: series@tandem\r\n"));
	cr_expect(packet_has(sent_nth(&t.alice, "PUBLISH ", 1), "CSeq: 43 PUBLISH\r\n"));
	cr_expect_eq(sip_origin_cseq(origin), 43);
	network_run(t.net, 40000);
	cr_expect_eq(failed, 2);
}

/* A notifier: the dialog is made from the request. */
static bool keeps_inside;

static bool on_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	(void)from;
	if (!keeps_inside || request->method != SIP_REFER)
		return false;
	sip_usage_add(dialog, &sub[1].usage, &type);
	sip_dialog_respond(dialog, server, 202, NULL, SLICE("Refer-Sub: true\r\n"), SLICE_NONE,
			   SLICE_NONE);
	return true;
}

Test(usage, is_made_within_a_call_by_the_agents_user)
{
	static const char refer[] =
		"REFER sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKr%u\n"
		"From: <sip:a@h>;tag=%.*s\nTo: <sip:b@h>;tag=%.*s\nCall-ID: %.*s\n"
		"CSeq: %u REFER\nContact: <sip:alice@192.0.2.1>\nRefer-To: <sip:c@h>\n\n";

	t.bob.inside = on_inside;
	party_restart(&t.bob);
	table_connect(&t);
	for (unsigned i = 0; i < 2; i++) {
		struct sip_invite *a = party_leg(&t.alice)->invite;

		keeps_inside = i == 1;
		peer_says(&t, &t.bob, refer, i, SLICE_FMT(sip_invite_local_tag(a)),
			  SLICE_FMT(sip_invite_remote_tag(a)), SLICE_FMT(sip_invite_call_id(a)),
			  20 + i);
	}
	cr_expect_eq(sent(&t.bob, "SIP/2.0 405"), 1);
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 405", 0), "Allow: INVITE, ACK, "));
	cr_expect(packet_has(sent_nth(&t.bob, "SIP/2.0 202", 0), "Contact: <sip:bob@192.0.2.2"));
	cr_expect_eq(sub[1].usage.dialog, sip_invite_dialog(party_leg(&t.bob)->invite));
}

Test(usage, scopes_of_failures)
{
	static const struct {
		unsigned status;
		enum sip_scope scope;
	} rows[] = {
		{ 302, SIP_SCOPE_REQUEST }, { 400, SIP_SCOPE_REQUEST }, { 401, SIP_SCOPE_REQUEST },
		{ 404, SIP_SCOPE_DIALOG },  { 405, SIP_SCOPE_USAGE },   { 408, SIP_SCOPE_USAGE },
		{ 410, SIP_SCOPE_DIALOG },  { 416, SIP_SCOPE_DIALOG },  { 423, SIP_SCOPE_REQUEST },
		{ 480, SIP_SCOPE_USAGE },   { 481, SIP_SCOPE_USAGE },   { 482, SIP_SCOPE_DIALOG },
		{ 483, SIP_SCOPE_DIALOG },  { 484, SIP_SCOPE_DIALOG },  { 485, SIP_SCOPE_DIALOG },
		{ 486, SIP_SCOPE_REQUEST }, { 489, SIP_SCOPE_USAGE },   { 491, SIP_SCOPE_REQUEST },
		{ 500, SIP_SCOPE_REQUEST }, { 501, SIP_SCOPE_USAGE },   { 502, SIP_SCOPE_DIALOG },
		{ 503, SIP_SCOPE_REQUEST }, { 603, SIP_SCOPE_REQUEST }, { 604, SIP_SCOPE_DIALOG },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(sip_status_scope(rows[i].status), rows[i].scope, "%u", rows[i].status);
}
