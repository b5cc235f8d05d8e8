/* SPDX-License-Identifier: BSD-3-Clause */
/* Server transactions: 100 in time, answers again, ACK, CANCEL. */
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

TestSuite(server, .init = set_up, .fini = tear_down);

static unsigned sent(const char *begins)
{
	return network_count(bench.net, bench.us, begins);
}

static uint64_t when(const char *begins, unsigned nth)
{
	return network_when(bench.net, bench.us, begins, nth);
}

static int reply(unsigned status)
{
	return sip_transaction_reply(bench.server, status, NULL, SLICE_NONE, NULL);
}

Test(server, trying_is_sent_after_200_ms)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	network_run(bench.net, 1000);
	cr_expect_eq(sent("SIP/2.0 100 Trying"), 1);
	cr_expect_eq(when("SIP/2.0 100", 0), 201);
	cr_expect_not(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 100", 0),
				 "sip:bob@192.0.2.1>;tag="));
}

Test(server, no_trying_when_the_user_is_faster)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(180);
	peer_request(&bench, "OPTIONS", "z9hG4bK2");
	network_run(bench.net, 1000);
	cr_expect_eq(sent("SIP/2.0 100"), 0, "not for other methods either");
}

Test(server, request_again_gets_the_last_provisional_response)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	peer_request(&bench, "INVITE", "z9hG4bK1");
	cr_expect_eq(sent("SIP/2.0 "), 0);
	reply(180);
	reply(183);
	peer_request(&bench, "INVITE", "z9hG4bK1");
	cr_expect_eq(sent("SIP/2.0 180"), 1);
	cr_expect_eq(sent("SIP/2.0 183"), 2);
	cr_expect_eq(bench.requests, 1);
	cr_expect_eq(bench_stats(&bench).retransmissions_in, 2);
}

Test(server, failure_is_repeated_until_ack)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(486);
	network_run(bench.net, 4000);
	cr_expect_eq(sent("SIP/2.0 486"), 4);
	cr_expect_eq(when("SIP/2.0 486", 1), 501);
	cr_expect_eq(when("SIP/2.0 486", 2), 1501);
	cr_expect_eq(when("SIP/2.0 486", 3), 3501);
	peer_request(&bench, "ACK", "z9hG4bK1");
	cr_expect_str_eq(sip_transaction_state(bench.server), "Confirmed");
	network_run(bench.net, 4998);
	peer_request(&bench, "ACK", "z9hG4bK1");
	cr_expect_eq(sent("SIP/2.0 486"), 4);
	cr_expect_eq(bench.acks, 0, "the layer's own affair");
	cr_expect_eq(bench.terminated, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
}

Test(server, failure_without_ack_fails_after_64_t1)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(486);
	network_run(bench.net, 31999);
	cr_expect_eq(bench.failures, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.failures, 1);
	cr_expect_eq(bench.terminated, 1);
	cr_expect_eq(sent("SIP/2.0 486"), 11, "at 0 .5 1.5 3.5 7.5 and then every 4 s");
}

Test(server, reliable_failure_is_sent_once)
{
	bench.us->kind = SIP_TCP; /* what comes to us came by TCP */
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(486);
	network_run(bench.net, 20000);
	cr_expect_eq(sent("SIP/2.0 486"), 1);
	peer_request(&bench, "ACK", "z9hG4bK1");
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
}

Test(server, invite_is_absorbed_after_2xx_for_64_t1)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(200);
	peer_request(&bench, "INVITE", "z9hG4bK1");
	cr_expect_eq(bench.requests, 1);
	cr_expect_eq(sent("SIP/2.0 200"), 1);
	cr_expect_eq(sip_transaction_repeat(bench.server), 0);
	cr_expect_eq(sent("SIP/2.0 200"), 2);
	cr_expect_eq(reply(200), -EINVAL, "a second final response");
	cr_expect_eq(reply(486), -EINVAL);
	network_run(bench.net, 31998);
	cr_expect_eq(bench.terminated, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
}

Test(server, ack_of_2xx_reaches_the_user)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(200);
	peer_request(&bench, "ACK", "z9hG4bKfresh");
	cr_expect_eq(bench.acks, 1);
	peer_request(&bench, "ACK", "z9hG4bK1"); /* some keep the branch */
	cr_expect_eq(bench.acks, 2);
	cr_expect_eq(bench.requests, 1);
}

Test(server, final_response_is_given_again_until_timer_j)
{
	peer_request(&bench, "OPTIONS", "z9hG4bK1");
	peer_request(&bench, "OPTIONS", "z9hG4bK1");
	cr_expect_eq(sent("SIP/2.0 "), 0, "Trying absorbs");
	reply(200);
	peer_request(&bench, "OPTIONS", "z9hG4bK1");
	peer_request(&bench, "OPTIONS", "z9hG4bK1");
	cr_expect_eq(sent("SIP/2.0 200"), 3);
	cr_expect_eq(bench.requests, 1);
	cr_expect_eq(reply(200), -EINVAL);
	network_run(bench.net, 31997);
	cr_expect_eq(bench.terminated, 0);
	network_run(bench.net, 1);
	cr_expect_eq(bench.terminated, 1);
	network_run(bench.net, 1);
	peer_request(&bench, "OPTIONS", "z9hG4bK1");
	cr_expect_eq(bench.requests, 2);
}

Test(server, cancel_comes_with_what_it_cancels)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	struct sip_transaction *invite = bench.server;

	peer_request(&bench, "CANCEL", "z9hG4bK1");
	cr_expect_eq(bench.requests, 2);
	cr_expect_eq(bench.cancelled, invite);
	cr_expect_neq(bench.server, invite);
	reply(200);
	peer_request(&bench, "CANCEL", "z9hG4bK1");
	cr_expect_eq(bench.requests, 2);
	cr_expect_eq(sent("SIP/2.0 200"), 2);
	peer_request(&bench, "CANCEL", "z9hG4bK2");
	cr_expect_null(bench.cancelled);
}

Test(server, response_goes_to_source_port_only_with_rport)
{
	struct network_node *port_5070 = network_node(bench.net, "192.0.2.2", 5070);

	(void)port_5070;
	bench.reply = 200;
	peer_send(&bench,
		  "OPTIONS sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h.example:5070;branch=z9hG4bK1\n"
		  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 OPTIONS\n\n");
	cr_expect_eq(network_nth(bench.net, bench.us, "SIP/2.0 200", 0)->to->address.port, 5070);
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 200", 0),
			     "received=192.0.2.2"));
	peer_send(&bench,
		  "OPTIONS sip:b@h SIP/2.0\nVia: SIP/2.0/UDP h.example:5070;rport;branch=z9hG4bK2\n"
		  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 OPTIONS\n\n");
	cr_expect_eq(network_nth(bench.net, bench.us, "SIP/2.0 200", 1)->to, bench.peer);
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 200", 1), "rport=5060"));
}

Test(server, unsent_response_leaves_an_invite_and_ends_others)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	bench.us->send_error = -ENETUNREACH;
	reply(200);
	cr_expect_eq(bench.failures, 1);
	cr_expect_eq(bench.failure, SIP_FAILURE_TRANSPORT);
	cr_expect_eq(bench.terminated, 0);
	bench.us->send_error = 0;
	peer_request(&bench, "OPTIONS", "z9hG4bK2");
	bench.us->send_error = -ENETUNREACH;
	reply(200);
	cr_expect_eq(bench.failures, 2);
	cr_expect_eq(bench.terminated, 1);
}

Test(server, tags_of_the_layer_are_one_per_transaction)
{
	peer_request(&bench, "INVITE", "z9hG4bK1");
	reply(180);
	reply(486);
	struct sip_msg *a = network_parse(bench.net, bench.us, "SIP/2.0 180", 0);
	struct sip_msg *b = network_parse(bench.net, bench.us, "SIP/2.0 486", 0);

	cr_expect(slice_equal(sip_msg_value(a, SIP_H_TO), sip_msg_value(b, SIP_H_TO)));
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 486", 0), ";tag=n1s2"));
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 486", 0),
			     "Server: bench\r\n"));
	sip_msg_unref(a);
	sip_msg_unref(b);
}

Test(server, pending_list_loses_what_is_answered_or_over)
{
	struct sip_pending pending = { NULL };
	struct sip_transaction *first;

	peer_request(&bench, "INFO", "z9hG4bK1");
	first = bench.server;
	sip_transaction_track(first, &pending);
	peer_request(&bench, "INFO", "z9hG4bK2");
	sip_transaction_track(bench.server, &pending);
	reply(200);
	cr_expect_eq(pending.first, first);
	sip_transaction_reply(first, 487, NULL, SLICE_NONE, NULL);
	cr_expect_null(pending.first);
}
