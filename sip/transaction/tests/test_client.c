/* SPDX-License-Identifier: BSD-3-Clause */
/* Client transactions: when they send again, what they make of answers, CANCEL. */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/transaction/tests/bench.h"

static struct bench bench;

static void set_up(void)
{
	bench_open(&bench, 1000);
}

static void tear_down(void)
{
	bench_close(&bench);
}

TestSuite(client, .init = set_up, .fini = tear_down);

static void expect_sent_at(const char *begins, const uint64_t *times, unsigned count)
{
	cr_expect_eq(network_count(bench.net, bench.us, begins), count, "%s: %u packets", begins,
		     network_count(bench.net, bench.us, begins));
	for (unsigned i = 0; i < count; i++)
		cr_expect_eq(network_when(bench.net, bench.us, begins, i), times[i],
			     "%s number %u at %lu", begins, i,
			     network_when(bench.net, bench.us, begins, i));
}

#define EXPECT_SENT_AT(begins, ...)                               \
	expect_sent_at(begins, (const uint64_t[]){ __VA_ARGS__ }, \
		       sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

Test(client, invite_unanswered_is_sent_seven_times_and_fails_after_64_t1)
{
	our_request(&bench, "INVITE");
	network_run(bench.net, 31999);
	cr_expect_eq(bench.failures, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.failures, 1);
	cr_expect_eq(bench.failure, SIP_FAILURE_TIMEOUT);
	cr_expect_eq(bench.terminated, 1);
	network_run(bench.net, 60000);
	EXPECT_SENT_AT("INVITE ", 0, 500, 1500, 3500, 7500, 15500, 31500);
	cr_expect_eq(bench_stats(&bench).clients, 0);
	cr_expect_eq(bench_stats(&bench).timeouts, 1);
}

/* Anybody can write any source address: what a peer says of itself is of whom was asked. */
Test(client, a_response_is_of_whom_its_request_went_to_and_a_stray_is_of_nobody)
{
	struct network_node *peer = bench.peer;

	our_request(&bench, "INVITE");
	bench.peer = network_node(bench.net, "192.0.2.3", 5060);
	peer_answer(&bench, "INVITE ", 0, 180, "b");
	cr_expect_eq(bench.heard, 1);
	cr_expect(sip_address_equal(&bench.heard_of, &peer->address));
	peer_send(&bench, "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother\n"
			  "From: <sip:alice@192.0.2.1>;tag=f1\nTo: <sip:bob@192.0.2.2>;tag=b\n"
			  "Call-ID: x\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n");
	cr_expect_eq(bench_stats(&bench).strays, 1);
	cr_expect_eq(bench.heard, 1);
}

Test(client, other_request_unanswered_backs_off_to_t2)
{
	our_request(&bench, "OPTIONS");
	network_run(bench.net, 60000);
	EXPECT_SENT_AT("OPTIONS ", 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500,
		       31500);
	cr_expect_eq(bench.failures, 1);
	cr_expect_eq(bench_stats(&bench).clients, 0);
}

Test(client, other_request_in_proceeding_goes_on_every_t2)
{
	our_request(&bench, "OPTIONS");
	network_run(bench.net, 600);
	peer_answer(&bench, "OPTIONS ", 0, 100, "");
	network_run(bench.net, 60000);
	/* timer E was set for 1500 already; from then on T2 */
	EXPECT_SENT_AT("OPTIONS ", 0, 500, 1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500);
	cr_expect_eq(bench.failures, 1);
}

Test(client, nothing_is_sent_again_on_a_reliable_transport)
{
	bench.peer->kind = SIP_TCP;
	our_request(&bench, "INVITE");
	our_request(&bench, "OPTIONS");
	network_run(bench.net, 60000);
	EXPECT_SENT_AT("INVITE ", 0);
	EXPECT_SENT_AT("OPTIONS ", 0);
	cr_expect_eq(bench.failures, 2);
	cr_expect(packet_has(network_nth(bench.net, bench.us, "INVITE ", 0), "Via: SIP/2.0/TCP "));
}

Test(client, reliable_transactions_end_with_their_answer)
{
	bench.peer->kind = SIP_TCP;
	our_request(&bench, "INVITE");
	our_request(&bench, "OPTIONS");
	peer_answer(&bench, "INVITE ", 0, 486, "b");
	peer_answer(&bench, "OPTIONS ", 0, 200, "b");
	network_run(bench.net, 3);
	cr_expect_eq(bench.terminated, 2);
	cr_expect_eq(bench_stats(&bench).clients, 0);
}

Test(client, provisional_stops_the_invite_from_being_sent)
{
	struct sip_transaction *client = our_request(&bench, "INVITE");

	peer_answer(&bench, "INVITE ", 0, 180, "b");
	network_run(bench.net, 200000);
	EXPECT_SENT_AT("INVITE ", 0);
	cr_expect_eq(bench.last_status, 180);
	cr_expect_eq(bench.failures, 0, "a ringing phone may ring");
	cr_expect_str_eq(sip_transaction_state(client), "Proceeding");
}

Test(client, failure_is_acknowledged_by_the_layer)
{
	our_request(&bench, "INVITE");
	peer_answer(&bench, "INVITE ", 0, 486, "busy-tag");
	const struct packet *invite = network_nth(bench.net, bench.us, "INVITE ", 0);
	const struct packet *ack = network_nth(bench.net, bench.us, "ACK ", 0);
	struct sip_msg *a = network_parse(bench.net, bench.us, "ACK ", 0);
	struct sip_msg *i = network_parse(bench.net, bench.us, "INVITE ", 0);

	/* RFC 3261 §17.1.1.3 */
	cr_assert_not_null(a);
	cr_expect(slice_equal(a->request_uri, i->request_uri));
	cr_expect(slice_equal(sip_msg_value(a, SIP_H_VIA), sip_msg_value(i, SIP_H_VIA)));
	cr_expect(slice_equal(sip_msg_value(a, SIP_H_FROM), sip_msg_value(i, SIP_H_FROM)));
	cr_expect(slice_equal(sip_msg_value(a, SIP_H_ROUTE), sip_msg_value(i, SIP_H_ROUTE)));
	cr_expect(packet_has(ack, "CSeq: 7 ACK\r\n"));
	cr_expect(packet_has(ack, ";tag=busy-tag"));
	cr_expect_not(packet_has(invite, ";tag=busy-tag"));
	cr_expect_eq(bench.last_status, 486);
	sip_msg_unref(a);
	sip_msg_unref(i);
}

Test(client, failure_again_gets_the_same_ack_until_timer_d)
{
	our_request(&bench, "INVITE");
	peer_answer(&bench, "INVITE ", 0, 486, "b");
	network_run(bench.net, 31000);
	peer_answer(&bench, "INVITE ", 0, 486, "b");
	cr_expect_eq(bench.responses, 1);
	cr_expect_eq(network_count(bench.net, bench.us, "ACK "), 2);
	cr_expect_str_eq(network_nth(bench.net, bench.us, "ACK ", 0)->data,
			 network_nth(bench.net, bench.us, "ACK ", 1)->data);
	network_run(bench.net, 998);
	cr_expect_eq(bench.terminated, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
	peer_answer(&bench, "INVITE ", 0, 486, "b");
	cr_expect_eq(bench.strays, 1);
}

Test(client, each_2xx_reaches_the_user_until_timer_m)
{
	our_request(&bench, "INVITE");
	peer_answer(&bench, "INVITE ", 0, 200, "one");
	peer_answer(&bench, "INVITE ", 0, 200, "one");
	peer_answer(&bench, "INVITE ", 0, 200, "two");
	cr_expect_eq(bench.responses, 3);
	cr_expect_eq(network_count(bench.net, bench.us, "ACK "), 0);
	/* the first arrived after 1 ms, two more passed since */
	network_run(bench.net, 31997);
	cr_expect_eq(bench.terminated, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
}

Test(client, final_response_again_is_absorbed_until_timer_k)
{
	our_request(&bench, "OPTIONS");
	peer_answer(&bench, "OPTIONS ", 0, 200, "b");
	peer_answer(&bench, "OPTIONS ", 0, 200, "b");
	cr_expect_eq(bench.responses, 1);
	cr_expect_eq(bench_stats(&bench).retransmissions_in, 1);
	network_run(bench.net, 4998);
	cr_expect_eq(bench.terminated, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
}

Test(client, what_cannot_be_sent_is_told_by_start_alone)
{
	struct sip_path to = network_path(bench.peer);
	struct slice message = SLICE("OPTIONS sip:b@h SIP/2.0\r\n"
				     "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
				     "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");

	bench.us->send_error = -ENETUNREACH;
	cr_expect_eq(sip_transaction_start(bench.layer, &to, message, &bench_user, &bench, NULL),
		     -ENETUNREACH);
	cr_expect_eq(bench.failures, 0);
	cr_expect_eq(bench.terminated, 0);
	cr_expect_eq(bench_stats(&bench).clients, 0);
}

Test(client, transport_that_fails_later_fails_the_transaction)
{
	our_request(&bench, "INVITE");
	bench.us->send_error = -ENETUNREACH;
	network_run(bench.net, 500);
	cr_expect_eq(bench.failures, 1);
	cr_expect_eq(bench.failure, SIP_FAILURE_TRANSPORT);
	cr_expect_eq(bench.terminated, 1);
	network_run(bench.net, 1);
	cr_expect_eq(bench_stats(&bench).clients, 0);
}

/* With the same branch, so that who has got it takes it for a retransmission. */
Test(client, a_lost_connection_has_what_waits_sent_once_more)
{
	struct sip_path path;

	bench.peer->kind = SIP_TCP;
	path = network_path(bench.peer);
	our_request(&bench, "INVITE");
	peer_answer(&bench, "INVITE ", 0, 180, "b");
	our_request(&bench, "INVITE");
	our_request(&bench, "OPTIONS");
	sip_transactions_flow_failed(bench.layer, &path);
	cr_expect_eq(bench.failures, 0);
	cr_expect_eq(network_count(bench.net, bench.us, "INVITE "), 3, "the one that rings waits");
	cr_expect_eq(network_count(bench.net, bench.us, "OPTIONS "), 2);
	const struct packet *first = network_nth(bench.net, bench.us, "OPTIONS ", 0);
	const struct packet *again = network_nth(bench.net, bench.us, "OPTIONS ", 1);

	cr_expect_eq(first->size, again->size);
	cr_expect_eq(memcmp(first->data, again->data, first->size), 0);
	peer_answer(&bench, "OPTIONS ", 1, 200, "b");
	cr_expect_eq(bench.last_status, 200);
	sip_transactions_flow_failed(bench.layer, &path);
	cr_expect_eq(bench.failures, 1, "once");
	cr_expect_eq(bench.failure, SIP_FAILURE_TRANSPORT);
	cr_expect_eq(network_count(bench.net, bench.us, "INVITE "), 3);
}

Test(client, what_is_no_request_is_not_started)
{
	struct sip_path to = network_path(bench.peer);
	static const char *const wrong[] = {
		"",
		"nonsense",
		"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"OPTIONS sip:b@h HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"OPTIONS SIP/2.0\r\nContent-Length: 0\r\n\r\n",
		"ACK sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
		"Call-ID: 1\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(sip_transaction_start(bench.layer, &to, slice_of(wrong[i]), NULL, NULL,
						   NULL),
			     -EINVAL, "number %u", i);
	cr_expect_eq(bench_stats(&bench).clients, 0);
}

Test(client, branches_begin_with_cookie_and_token)
{
	our_request(&bench, "OPTIONS");
	our_request(&bench, "OPTIONS");
	cr_expect(packet_has(network_nth(bench.net, bench.us, "OPTIONS ", 0),
			     "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKn1s2"));
	cr_expect_str_neq(network_nth(bench.net, bench.us, "OPTIONS ", 0)->data,
			  network_nth(bench.net, bench.us, "OPTIONS ", 1)->data);
}

Test(client, cancel_waits_for_a_provisional_response)
{
	struct sip_transaction *client = our_request(&bench, "INVITE");

	cr_expect_eq(sip_transaction_cancel(client, SLICE("Reason: SIP;cause=200\r\n")), 0);
	network_run(bench.net, 100);
	cr_expect_eq(network_count(bench.net, bench.us, "CANCEL "), 0);
	peer_answer(&bench, "INVITE ", 0, 100, "");
	cr_assert_eq(network_count(bench.net, bench.us, "CANCEL "), 1);
	const struct packet *cancel = network_nth(bench.net, bench.us, "CANCEL ", 0);
	struct sip_msg *c = network_parse(bench.net, bench.us, "CANCEL ", 0);
	struct sip_msg *i = network_parse(bench.net, bench.us, "INVITE ", 0);

	/* RFC 3261 §9.1 */
	cr_expect(slice_equal(c->request_uri, i->request_uri));
	cr_expect(slice_equal(sip_msg_value(c, SIP_H_VIA), sip_msg_value(i, SIP_H_VIA)));
	cr_expect(slice_equal(sip_msg_value(c, SIP_H_TO), sip_msg_value(i, SIP_H_TO)));
	cr_expect(slice_equal(sip_msg_value(c, SIP_H_FROM), sip_msg_value(i, SIP_H_FROM)));
	cr_expect(slice_equal(sip_msg_value(c, SIP_H_CALL_ID), sip_msg_value(i, SIP_H_CALL_ID)));
	cr_expect(slice_equal(sip_msg_value(c, SIP_H_ROUTE), sip_msg_value(i, SIP_H_ROUTE)));
	cr_expect(packet_has(cancel, "CSeq: 7 CANCEL\r\n"));
	cr_expect(packet_has(cancel, "Reason: SIP;cause=200\r\n"));
	sip_msg_unref(c);
	sip_msg_unref(i);

	peer_answer(&bench, "CANCEL ", 0, 200, "b");
	peer_answer(&bench, "INVITE ", 0, 487, "b");
	cr_expect_eq(bench.last_status, 487);
	cr_expect_eq(network_count(bench.net, bench.us, "ACK "), 1);
	cr_expect_eq(sip_transaction_cancel(client, SLICE_NONE), -EINVAL);
}

Test(client, cancel_that_lost_the_race_is_not_sent)
{
	struct sip_transaction *client = our_request(&bench, "INVITE");

	sip_transaction_cancel(client, SLICE_NONE);
	peer_answer(&bench, "INVITE ", 0, 200, "b");
	network_run(bench.net, 60000);
	cr_expect_eq(network_count(bench.net, bench.us, "CANCEL "), 0);
	cr_expect_eq(bench.last_status, 200);
}

Test(client, cancelled_invite_without_an_end_ends_after_64_t1)
{
	struct sip_transaction *client = our_request(&bench, "INVITE");

	peer_answer(&bench, "INVITE ", 0, 180, "b");
	network_run(bench.net, 99999);
	sip_transaction_cancel(client, SLICE_NONE);
	sip_transaction_cancel(client, SLICE_NONE);
	network_run(bench.net, 31999);
	cr_expect_eq(bench.failures, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.failures, 1);
	cr_expect_eq(bench.failure, SIP_FAILURE_TIMEOUT);
	network_run(bench.net, 5000);
	cr_expect_eq(bench_stats(&bench).clients, 0);
}

Test(client, detached_transaction_goes_on_by_itself)
{
	sip_transaction_detach(our_request(&bench, "INVITE"));
	peer_answer(&bench, "INVITE ", 0, 486, "b");
	cr_expect_eq(bench.responses, 0);
	cr_expect_eq(network_count(bench.net, bench.us, "ACK "), 1);
}

Test(client, response_with_two_vias_or_foreign_branch_is_stray)
{
	our_request(&bench, "OPTIONS");
	peer_send(&bench, "SIP/2.0 200 OK\n"
			  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnobody\n"
			  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>;tag=2\nCall-ID: x\n"
			  "CSeq: 1 OPTIONS\nContent-Length: 0\n\n");
	cr_expect_eq(bench.strays, 1);
	peer_send(&bench, "SIP/2.0 200 OK\n"
			  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnobody, "
			  "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKother\n"
			  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>;tag=2\nCall-ID: x\n"
			  "CSeq: 1 OPTIONS\nContent-Length: 0\n\n");
	cr_expect_eq(bench.strays, 1, "not even told");
	peer_send(&bench, "SIP/2.0 200 OK\n"
			  "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnobody\n"
			  "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKother\n"
			  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>;tag=2\nCall-ID: x\n"
			  "CSeq: 1 OPTIONS\nContent-Length: 0\n\n");
	cr_expect_eq(bench.strays, 1);
	cr_expect_eq(bench.responses, 0);
	cr_expect_eq(bench_stats(&bench).strays, 3);
}
