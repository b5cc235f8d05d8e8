/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept of transactions, how long, and who may have how many. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/transaction/internal.h"
#include "sip/transaction/tests/bench.h"

static struct bench bench;

static void tear_down(void)
{
	bench_close(&bench);
}

static void set_up(void)
{
	bench_open(&bench, 4);
}

TestSuite(memory, .init = set_up, .fini = tear_down);

static unsigned sent(const char *begins)
{
	return network_count(bench.net, bench.us, begins);
}

static void request(const char *method, unsigned number)
{
	char branch[32];

	snprintf(branch, sizeof(branch), "z9hG4bKm%u", number);
	peer_request(&bench, method, branch);
}

Test(memory, what_is_finished_counts_no_more)
{
	bench.reply = 200;
	for (unsigned i = 0; i < 20; i++)
		request("OPTIONS", i);
	cr_expect_eq(sent("SIP/2.0 200"), 20, "four at a time are allowed");
	cr_expect_eq(bench_stats(&bench).servers, 20);
	cr_expect_eq(bench_stats(&bench).servers_unfinished, 0);
	request("OPTIONS", 3);
	cr_expect_eq(sent("SIP/2.0 200"), 21, "and is still known");
	cr_expect_eq(bench.requests, 20);
}

Test(memory, request_is_let_go_after_the_final_response)
{
	struct sip_transaction *t;

	request("INVITE", 1);
	t = bench.server;
	sip_transaction_reply(t, 200, NULL, SLICE_NONE, NULL);
	cr_expect_not_null(sip_transaction_request(t), "whoever answered may look at it");
	request("OPTIONS", 2);
	cr_expect_null(sip_transaction_request(t));
	cr_expect_eq(sip_transaction_repeat(t), 0, "the response is there until it has its ACK");
	sip_transaction_detach(t);
	cr_expect_null(t->stored.p);
	request("INVITE", 1);
	cr_expect_eq(bench.requests, 2, "and the INVITE is known for 64*T1 all the same");
}

Test(memory, ours_keeps_nothing_of_its_request_after_a_2xx)
{
	struct sip_transaction *t = our_request(&bench, "INVITE");

	peer_answer(&bench, "INVITE", 0, 200, "b1");
	request("OPTIONS", 1);
	cr_expect_null(t->sent.p);
	peer_answer(&bench, "INVITE", 0, 200, "b2");
	cr_expect_eq(bench.responses, 2, "that of another fork");
}

Test(memory, ack_of_a_failure_stays_until_timer_d)
{
	struct sip_transaction *t = our_request(&bench, "INVITE");

	peer_answer(&bench, "INVITE", 0, 486, "b1");
	request("OPTIONS", 1);
	cr_expect_null(t->sent.p);
	peer_answer(&bench, "INVITE", 0, 486, "b1");
	cr_expect_eq(sent("ACK"), 2);
}

Test(memory, oldest_is_forgotten_first, .init = NULL)
{
	bench_open_limited(&bench, 4, 0, 3);
	bench.reply = 200;
	for (unsigned i = 0; i < 5; i++)
		request("OPTIONS", i);
	network_run(bench.net, 1);
	cr_expect_eq(bench_stats(&bench).servers, 3);
	cr_expect_eq(bench_stats(&bench).forgotten, 2);
	request("OPTIONS", 2);
	cr_expect_eq(bench.requests, 5);
	request("OPTIONS", 1);
	cr_expect_eq(bench.requests, 6, "it was forgotten");
}

Test(memory, accepted_calls_are_not_forgotten, .init = NULL)
{
	struct sip_transaction *call;

	bench_open_limited(&bench, 4, 0, 1);
	request("INVITE", 1);
	call = bench.server;
	sip_transaction_reply(call, 200, NULL, SLICE_NONE, NULL);
	bench.reply = 200;
	for (unsigned i = 2; i < 6; i++)
		request("OPTIONS", i);
	cr_expect_eq(sip_transaction_repeat(call), 0);
}

Test(memory, one_source_may_have_so_many, .init = NULL)
{
	struct network_node *other;

	bench_open_limited(&bench, 100, 2, 0);
	other = network_node(bench.net, "192.0.2.3", 5060);
	request("OPTIONS", 1);
	request("OPTIONS", 2);
	request("OPTIONS", 3);
	cr_expect_eq(bench.requests, 2);
	cr_expect_eq(sent("SIP/2.0 503"), 1);
	cr_expect_eq(bench_stats(&bench).refused_source, 1);
	cr_expect_eq(sip_transactions_of_source(bench.layer, &bench.peer->address), 2);
	cr_expect_eq(sip_transactions_of_source(bench.layer, &other->address), 0);
	sip_transaction_reply(bench.server, 200, NULL, SLICE_NONE, NULL);
	cr_expect_eq(sip_transactions_of_source(bench.layer, &bench.peer->address), 1);
	request("OPTIONS", 4);
	cr_expect_eq(bench.requests, 3, "one was answered");
}

Test(memory, stateless_answer_leaves_nothing_and_is_the_same_again)
{
	struct sip_msg *a, *b;

	bench.stateless = 407;
	request("INVITE", 1);
	request("INVITE", 1);
	cr_expect_eq(sent("SIP/2.0 407"), 2);
	cr_expect_eq(bench.requests, 0);
	cr_expect_eq(bench_stats(&bench).servers, 0);
	cr_expect_eq(bench_stats(&bench).refused_stateless, 2);
	a = network_parse(bench.net, bench.us, "SIP/2.0 407", 0);
	b = network_parse(bench.net, bench.us, "SIP/2.0 407", 1);
	cr_expect(slice_equal(sip_msg_value(a, SIP_H_TO), sip_msg_value(b, SIP_H_TO)),
		  "RFC 3261 8.2.7");
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 407", 0), ";tag=n1s2"));
	sip_msg_unref(a);
	sip_msg_unref(b);
	request("ACK", 1);
	cr_expect_eq(bench.acks, 1, "belongs to nothing");
	cr_expect_eq(network_count(bench.net, bench.us, ""), 2);
}

Test(memory, pools_serve_again_what_was_given_back)
{
	size_t texts;

	bench.reply = 200;
	for (unsigned i = 0; i < 50; i++)
		request("OPTIONS", i);
	texts = bench.layer->texts.used;
	cr_expect_eq(bench.layer->transactions.used, 50);
	network_run(bench.net, 33000);
	cr_expect_eq(bench.layer->transactions.used, 0);
	cr_expect_eq(bench.layer->texts.used, 0);
	cr_expect_eq(bench.layer->source_pool.used, 0);
	for (unsigned i = 0; i < 50; i++)
		request("OPTIONS", i);
	cr_expect_eq(bench.layer->texts.used, texts);
}

Test(memory, failed_flow_fails_what_waits_and_not_what_rings, .init = NULL)
{
	struct sip_path path;

	bench_open(&bench, 100);
	path = network_path(bench.peer);
	our_request(&bench, "INVITE");
	peer_answer(&bench, "INVITE", 0, 180, "b1");
	our_request(&bench, "OPTIONS");
	our_request(&bench, "INVITE");
	path.remote.port++;
	sip_transactions_flow_failed(bench.layer, &path);
	cr_expect_eq(bench.failures, 0, "somebody else's");
	path.remote.port--;
	sip_transactions_flow_failed(bench.layer, &path);
	cr_expect_eq(bench.failures, 2);
	cr_expect_eq(bench.failure, SIP_FAILURE_TRANSPORT);
	sip_transactions_flow_failed(bench.layer, &path);
	cr_expect_eq(bench.failures, 2);
	peer_answer(&bench, "INVITE", 0, 200, "b1");
	cr_expect_eq(bench.last_status, 200);
}
