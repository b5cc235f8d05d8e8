/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/dialog/tests/party.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void keep(struct leg *leg, struct sip_dialog *dialog, const struct sip_msg *msg,
		 enum sip_offer_role role)
{
	leg->body[0] = '\0';
	leg->dialog = dialog;
	leg->role = role;
	if (msg != NULL)
		slice_copy(msg->body, leg->body, sizeof(leg->body));
}

static void on_progress(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	struct leg *leg = arg;

	leg->progress++;
	leg->status = response->status;
	keep(leg, dialog, response, role);
}

static void on_answered(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	struct leg *leg = arg;

	leg->answered++;
	leg->status = response->status;
	keep(leg, dialog, response, role);
}

static void on_early_ended(void *arg, struct sip_dialog *dialog, unsigned status)
{
	struct leg *leg = arg;

	leg->early_ended++;
	leg->status = status;
	if (leg->dialog == dialog)
		leg->dialog = NULL;
}

static void on_acked(void *arg, struct sip_msg *ack, enum sip_offer_role role)
{
	struct leg *leg = arg;

	leg->acked++;
	keep(leg, leg->dialog, ack, role);
}

static void on_pracked(void *arg, struct sip_msg *prack, enum sip_offer_role role)
{
	struct leg *leg = arg;

	leg->pracked++;
	keep(leg, leg->dialog, prack, role);
}

static void on_reoffered(void *arg, struct sip_dialog *dialog, struct sip_msg *request,
			 enum sip_offer_role role)
{
	struct leg *leg = arg;

	leg->reoffered++;
	keep(leg, dialog, request, role);
	if (!leg->party->accept_offers)
		return;
	if (role == SIP_BODY_OFFER)
		cr_assert_eq(sip_invite_answer(leg->invite, dialog, SLICE("answer")), 0);
	else
		party_respond(leg, 200, "offer-back");
}

static void on_reanswered(void *arg, struct sip_dialog *dialog, unsigned status,
			  struct sip_msg *response, enum sip_offer_role role)
{
	struct leg *leg = arg;

	leg->reanswered++;
	leg->status = status;
	keep(leg, dialog, response, role);
}

static void on_request_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
			      struct sip_msg *request)
{
	struct leg *leg = arg;

	leg->requests++;
	keep(leg, dialog, request, SIP_BODY_NONE);
	leg->request = server;
	if (leg->party->answer_requests)
		sip_transaction_reply(server, 200, NULL, SLICE_NONE, NULL);
}

static void on_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	struct leg *leg = arg;

	(void)msg;
	cr_expect_eq(leg->ended, 0, "told twice of the end");
	leg->ended++;
	leg->how = how;
	leg->status = status;
	leg->invite = NULL;
}

static const struct sip_invite_user invite_user = {
	.progress = on_progress,
	.answered = on_answered,
	.early_ended = on_early_ended,
	.acked = on_acked,
	.pracked = on_pracked,
	.reoffered = on_reoffered,
	.reanswered = on_reanswered,
	.request = on_request_inside,
	.ended = on_ended,
};

const struct sip_invite_user *party_user(void)
{
	return &invite_user;
}

static struct leg *new_leg(struct party *party)
{
	struct leg *leg = &party->legs[party->leg_count++];

	cr_assert_leq(party->leg_count, LEGS);
	memset(leg, 0, sizeof(*leg));
	leg->party = party;
	return leg;
}

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	struct party *party = arg;
	struct leg *leg;

	(void)from;
	if (!party->take)
		return;
	leg = new_leg(party);
	leg->invite = invite;
	keep(leg, sip_invite_dialog(invite), request, SIP_BODY_NONE);
	sip_invite_set_user(invite, &invite_user, leg);
	if (party->ring != 0)
		party_respond(leg, party->ring, "");
	if (party->answer != 0)
		party_respond(leg, party->answer, party->answer < 300 ? "answer" : "");
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	struct party *party = arg;

	(void)request;
	(void)from;
	party->requests++;
	sip_transaction_reply(server, 200, NULL, SLICE_NONE, NULL);
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	sip_ua_receive(arg, data, size, from);
}

uint64_t party_wall_ms = UINT64_C(1700000000500);

static uint64_t wall_ms(void)
{
	return party_wall_ms;
}

static void create_ua(struct party *party)
{
	struct sip_ua_config config = {
		.transactions = {
			.wheel = party->net->wheel,
			.timers = sip_timers_default,
			.send = network_send,
			.via_host = network_host,
			.transactions_max = 10000,
			.token = "b7",
		},
		.user = { .invite = on_invite,
			  .request = on_request,
			  .inside = party->inside,
			  .arg = party },
		.options = party->options,
		.methods = 1u << SIP_INFO | 1u << SIP_MESSAGE,
		.product = "Tandem-test",
		.contact_host = network_host,
		.session = party->session,
		.invites_max = 200,
		.token = "t7",
		.wall_ms = wall_ms,
	};

	config.transactions.send_arg = party->node;
	config.contact_arg = party->node;
	cr_assert_eq(sip_ua_create(&config, &party->ua), 0);
	party->node->receive = receive;
	party->node->arg = party->ua;
}

void party_open(struct party *party, struct network *net, const char *ip)
{
	memset(party, 0, sizeof(*party));
	party->net = net;
	party->take = true;
	party->node = network_node(net, ip, 5060);
	create_ua(party);
}

void party_restart(struct party *party)
{
	sip_ua_destroy(party->ua);
	for (unsigned i = 0; i < party->leg_count; i++)
		party->legs[i].invite = NULL;
	create_ua(party);
}

void party_close(struct party *party)
{
	sip_ua_destroy(party->ua);
}

struct leg *party_call(struct party *party, const struct network_node *to, const char *sdp)
{
	struct leg *leg = new_leg(party);
	struct sip_invite_start start = {
		.to = network_path(to),
		.request_uri = SLICE("sip:bob@tandem.lab"),
		.from = SLICE("\"Alice\" <sip:alice@tandem.lab>"),
		.to_header = SLICE("<sip:bob@tandem.lab>"),
		.contact_user = SLICE("alice"),
		.sdp = slice_of(sdp),
		.max_forwards = 69,
		.credentials = party->credentials,
	};

	cr_assert_eq(sip_invite_start(party->ua, &start, &invite_user, leg, &leg->invite), 0);
	return leg;
}

struct leg *party_leg(struct party *party)
{
	cr_assert_gt(party->leg_count, 0, "no call has come");
	return &party->legs[party->leg_count - 1];
}

unsigned party_transactions(const struct party *party)
{
	struct sip_transactions_stats stats;

	sip_transactions_stats(sip_ua_transactions(party->ua), &stats);
	return stats.clients + stats.servers;
}

void party_respond(struct leg *leg, unsigned status, const char *sdp)
{
	int rc = sip_invite_respond(leg->invite, status, NULL, slice_of(sdp), SLICE_NONE);

	cr_assert_eq(rc, 0, "%u: %d", status, rc);
}

int party_reinvite(struct leg *leg, const char *sdp)
{
	return sip_invite_offer(leg->invite, NULL, slice_of(sdp), SIP_BY_REINVITE);
}

void table_open(struct table *table)
{
	table->net = network_create(7);
	party_open(&table->alice, table->net, "192.0.2.1");
	party_open(&table->bob, table->net, "192.0.2.2");
	table->peer = network_node(table->net, "192.0.2.3", 5060);
}

static void end_all(struct party *party)
{
	for (unsigned i = 0; i < party->leg_count; i++)
		if (party->legs[i].invite != NULL)
			sip_invite_end(party->legs[i].invite, 0, SLICE_NONE);
}

/* An assertion that fails in a teardown is printed, and does not count: so this ends the test. */
static void expect_nothing_left(const struct party *party)
{
	if (party_transactions(party) == 0)
		return;
	fprintf(stderr, "%s has %u transactions left\n", party->node->host,
		party_transactions(party));
	abort();
}

void table_close(struct table *table)
{
	end_all(&table->alice);
	end_all(&table->bob);
	network_run(table->net, 300000);
	expect_nothing_left(&table->alice);
	expect_nothing_left(&table->bob);
	if (timer_wheel_next(table->net->wheel) != UINT64_MAX) {
		fprintf(stderr, "a timer of something that is gone is left\n");
		abort();
	}
	party_close(&table->alice);
	party_close(&table->bob);
	network_destroy(table->net);
}

void table_connect(struct table *table)
{
	table->bob.ring = 180;
	table->bob.answer = 200;
	party_call(&table->alice, table->bob.node, "offer");
	network_run(table->net, 10);
	cr_assert_eq(sip_invite_get_state(party_leg(&table->bob)->invite), SIP_INVITE_CONFIRMED);
	cr_assert_eq(sip_invite_get_state(party_leg(&table->alice)->invite), SIP_INVITE_CONFIRMED);
}

unsigned sent(const struct party *party, const char *begins)
{
	return network_count(party->net, party->node, begins);
}

const struct packet *sent_nth(const struct party *party, const char *begins, unsigned nth)
{
	return network_nth(party->net, party->node, begins, nth);
}

void peer_says(struct table *table, struct party *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	network_say(table->peer, to->node, format, args);
	va_end(args);
	network_run(table->net, 1);
}

void peer_answers(struct table *table, struct party *to, const char *begins, unsigned nth,
		  unsigned status, const char *to_tag, const char *extra)
{
	peer_answers_with(table, to, begins, nth, status, to_tag, extra, "");
}

void peer_answers_with(struct table *table, struct party *to, const char *begins, unsigned nth,
		       unsigned status, const char *to_tag, const char *extra, const char *body)
{
	struct sip_msg *request = network_parse(table->net, to->node, begins, nth);
	struct sip_path path = network_path(to->node);
	struct slice message;
	struct sip_build b;
	char buffer[4096];

	cr_assert_not_null(request, "nothing sent that begins with %s", begins);
	sip_build_init(&b, buffer, sizeof(buffer));
	sip_build_response(&b, request, status, sip_reason_text(status), slice_of(to_tag), false,
			   "192.0.2.1", 5060);
	b.used += (size_t)snprintf(b.buffer + b.used, b.size - b.used, "%s", extra);
	cr_assert_eq(sip_build_finish(&b, body[0] != '\0' ? SLICE("application/sdp") : SLICE_NONE,
				      slice_of(body), &message),
		     0);
	sip_msg_unref(request);
	network_send(table->peer, &path, message.p, message.n);
	network_run(table->net, 1);
}
