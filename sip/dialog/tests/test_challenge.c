/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of ours that the other side challenges (RFC 3261 §22.2, §22.3). */
#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/auth/client.h"
#include "sip/dialog/tests/party.h"

#define PROXY(nonce, more)                                                 \
	"Proxy-Authenticate: Digest realm=\"carrier.lab\", nonce=\"" nonce \
	"\", algorithm=SHA-256, "                                          \
	"qop=\"auth\"" more "\r\n"
#define PEER "Contact: <sip:peer@192.0.2.3>\r\n"

static const struct sip_account account = { .username = "tandem", .password = "secret" };
static struct table t;

static void set_up(void)
{
	table_open(&t);
	cr_assert_eq(sip_credentials_create(&account, 1, &t.alice.credentials), 0);
	party_call(&t.alice, t.peer, "offer");
}

static void tear_down(void)
{
	struct sip_credentials *credentials = t.alice.credentials;

	table_close(&t);
	sip_credentials_destroy(credentials);
}

TestSuite(challenge, .init = set_up, .fini = tear_down);

static void answer(const char *begins, unsigned nth, unsigned status, const char *extra)
{
	peer_answers(&t, &t.alice, begins, nth, status, "peer", extra);
}

static bool request_has(const char *begins, unsigned nth, const char *text)
{
	return packet_has(sent_nth(&t.alice, begins, nth), text);
}

static void connect_call(void)
{
	answer("INVITE ", 0, 407, PROXY("n1", ""));
	answer("INVITE ", 1, 200, PEER);
	cr_assert_eq(party_leg(&t.alice)->answered, 1);
}

Test(challenge, the_invite_is_sent_again_and_the_user_hears_nothing_of_it)
{
	struct leg *leg = party_leg(&t.alice);

	answer("INVITE ", 0, 407, PROXY("n1", ""));
	cr_expect_eq(sent(&t.alice, "ACK "), 1, "the refusal has its ACK");
	cr_assert_eq(sent(&t.alice, "INVITE "), 2);
	cr_expect(request_has("INVITE ", 1, "CSeq: 2 INVITE\r\n"));
	cr_expect(request_has("INVITE ", 1,
			      "Proxy-Authorization: Digest username=\"tandem\", "
			      "realm=\"carrier.lab\", nonce=\"n1\", "
			      "uri=\"sip:bob@tandem.lab\""));
	cr_expect(request_has("INVITE ", 1, "\r\n\r\noffer"));
	cr_expect_eq(leg->progress + leg->ended, 0);
	answer("INVITE ", 1, 200, PEER);
	cr_expect_eq(leg->answered, 1);
	cr_expect(request_has("ACK sip:peer@", 0, "CSeq: 2 ACK\r\n"));
}

Test(challenge, a_wrong_password_ends_it)
{
	answer("INVITE ", 0, 407, PROXY("n1", ""));
	answer("INVITE ", 1, 407, PROXY("n2", ""));
	cr_expect_eq(sent(&t.alice, "INVITE "), 2);
	cr_expect_eq(party_leg(&t.alice)->ended, 1);
	cr_expect_eq(party_leg(&t.alice)->status, 407);
}

Test(challenge, an_old_nonce_is_renewed_once)
{
	answer("INVITE ", 0, 407, PROXY("n1", ""));
	answer("INVITE ", 1, 407, PROXY("n2", ", stale=true"));
	cr_assert_eq(sent(&t.alice, "INVITE "), 3);
	cr_expect(request_has("INVITE ", 2, "nonce=\"n2\""));
	cr_expect(request_has("INVITE ", 2, "CSeq: 3 INVITE\r\n"));
	answer("INVITE ", 2, 407, PROXY("n3", ", stale=true"));
	cr_expect_eq(sent(&t.alice, "INVITE "), 3);
	cr_expect_eq(party_leg(&t.alice)->ended, 1);
}

Test(challenge, what_follows_in_the_dialog_carries_credentials_at_once)
{
	connect_call();
	cr_assert_eq(party_reinvite(party_leg(&t.alice), "again"), 0);
	cr_assert_eq(sent(&t.alice, "INVITE sip:peer@"), 1);
	cr_expect(request_has("INVITE sip:peer@", 0, "CSeq: 3 INVITE\r\n"));
	cr_expect(request_has("INVITE sip:peer@", 0, "nonce=\"n1\""));
	cr_expect(request_has("INVITE sip:peer@", 0, "nc=00000002"));
	cr_expect(request_has("INVITE sip:peer@", 0, "uri=\"sip:peer@192.0.2.3\""));
	/* it has forgotten that nonce */
	answer("INVITE sip:peer@", 0, 407, PROXY("n2", ""));
	cr_assert_eq(sent(&t.alice, "INVITE sip:peer@"), 2);
	cr_expect(request_has("INVITE sip:peer@", 1, "CSeq: 4 INVITE\r\n"));
	cr_expect(request_has("INVITE sip:peer@", 1, "\r\n\r\nagain"));
	peer_answers_with(&t, &t.alice, "INVITE sip:peer@", 1, 200, "peer", PEER, "answer");
	cr_expect_eq(party_leg(&t.alice)->reanswered, 1);
	cr_expect_eq(party_leg(&t.alice)->status, 200);
	sip_invite_end(party_leg(&t.alice)->invite, 200, SLICE_NONE);
	network_run(t.net, 1);
	cr_expect(request_has("BYE ", 0, "CSeq: 5 BYE\r\n"));
	cr_expect(request_has("BYE ", 0, "nonce=\"n2\""));
	answer("BYE ", 0, 407, PROXY("n3", ", stale=true"));
	cr_assert_eq(sent(&t.alice, "BYE "), 2);
	cr_expect(request_has("BYE ", 1, "nonce=\"n3\""));
	cr_expect_eq(party_leg(&t.alice)->ended, 0);
	answer("BYE ", 1, 200, "");
	cr_expect_eq(party_leg(&t.alice)->ended, 1);
}

/* A carrier whose nonces do not live as long as a call would end each. */
Test(challenge, a_refresh_of_the_session_is_sent_again)
{
	t.alice.session = (struct sip_session_config){ 200, 90 };
	party_restart(&t.alice);
	party_call(&t.alice, t.peer, "offer");
	network_run(t.net, 1);
	answer("INVITE ", 1, 407, PROXY("n1", ""));
	peer_answers_with(&t, &t.alice, "INVITE ", 2, 200, "peer",
			  PEER "Allow: INVITE, ACK, BYE, UPDATE\r\n"
			       "Session-Expires: 200;refresher=uac\r\nRequire: timer\r\n",
			  "answer");
	network_run(t.net, 100000);
	cr_assert_eq(sent(&t.alice, "UPDATE "), 1);
	cr_expect(request_has("UPDATE ", 0, "nonce=\"n1\""));
	answer("UPDATE ", 0, 407, PROXY("n2", ", stale=true"));
	cr_assert_eq(sent(&t.alice, "UPDATE "), 2);
	cr_expect(request_has("UPDATE ", 1, "nonce=\"n2\""));
	answer("UPDATE ", 1, 200, "Session-Expires: 200;refresher=uac\r\n" PEER);
	network_run(t.net, 99000);
	cr_expect_eq(party_leg(&t.alice)->ended, 0);
}

static struct sip_transaction *info;
static unsigned info_status;

static void on_info_response(void *arg, struct sip_transaction *client, struct sip_msg *response);
static const struct sip_transaction_user info_user = { .response = on_info_response };

static void on_info_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	(void)client;
	if (!sip_dialog_challenged(arg, &info, response, &info_user, arg))
		info_status = response->status;
}

Test(challenge, so_is_what_a_user_sends_in_the_dialog)
{
	struct sip_request request = { .method = SIP_INFO,
				       .type = SLICE("application/dtmf-relay"),
				       .body = SLICE("Signal=5") };
	struct sip_dialog *dialog;

	connect_call();
	dialog = sip_invite_dialog(party_leg(&t.alice)->invite);
	cr_assert_eq(sip_dialog_send(dialog, &request, &info_user, dialog, &info), 0);
	answer("INFO ", 0, 407, PROXY("n2", ", stale=true"));
	cr_assert_eq(sent(&t.alice, "INFO "), 2);
	cr_expect(request_has("INFO ", 1, "nonce=\"n2\""));
	cr_expect(request_has("INFO ", 1, "\r\n\r\nSignal=5"));
	cr_expect_eq(info_status, 0);
	answer("INFO ", 1, 200, "");
	cr_expect_eq(info_status, 200);
}

Test(challenge, a_cancel_goes_for_the_invite_that_is_open)
{
	answer("INVITE ", 0, 407, PROXY("n1", ""));
	answer("INVITE ", 1, 180, PEER);
	sip_invite_cancel(party_leg(&t.alice)->invite, SLICE_NONE);
	network_run(t.net, 1);
	cr_expect(request_has("CANCEL ", 0, "CSeq: 2 CANCEL\r\n"));
	answer("INVITE ", 1, 487, "");
	cr_expect_eq(party_leg(&t.alice)->ended, 1);
}
