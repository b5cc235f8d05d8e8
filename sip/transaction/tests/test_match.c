/* SPDX-License-Identifier: BSD-3-Clause */
/* Which message belongs to which transaction; what is broken; limits. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/transaction/tests/bench.h"

static struct bench bench;

static void set_up(void)
{
	bench_open(&bench, 8);
}

static void tear_down(void)
{
	bench_close(&bench);
}

TestSuite(match, .init = set_up, .fini = tear_down);

static unsigned sent(const char *begins)
{
	return network_count(bench.net, bench.us, begins);
}

struct message {
	const char *method, *uri, *via, *to_tag, *from_tag, *call_id;
	unsigned cseq;
};

static void send_message(const struct message *m)
{
	peer_send(&bench,
		  "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s\nFrom: <sip:a@h>;tag=%s\nTo: <sip:b@h>%s%s\n"
		  "Call-ID: %s\nCSeq: %u %s\nContent-Length: 0\n\n",
		  m->method, m->uri, m->via, m->from_tag, m->to_tag[0] ? ";tag=" : "", m->to_tag,
		  m->call_id, m->cseq, m->method);
}

static void receive_over(const struct sip_path *path, const struct message *m)
{
	char text[1024];
	int n = snprintf(text, sizeof(text),
			 "%s %s SIP/2.0\r\nVia: SIP/2.0/TCP %s\r\nFrom: <sip:a@h>;tag=%s\r\n"
			 "To: <sip:b@h>\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
			 m->method, m->uri, m->via, m->from_tag, m->call_id, m->cseq, m->method);

	sip_transactions_receive(bench.layer, text, (size_t)n, path);
}

static const struct message base = { "INVITE", "sip:b@h", "192.0.2.2:5060;branch=z9hG4bKx", "", "1",
				     "c1",     1 };

Test(match, branch_sent_by_and_method_tell_transactions_apart)
{
	struct message m = base;

	send_message(&m);
	cr_expect_eq(bench.requests, 1);
	m.via = "192.0.2.2:5060;branch=z9hG4bKx;rport"; /* other parameters do not matter */
	m.cseq = 2;                                     /* nor do other headers */
	send_message(&m);
	cr_expect_eq(bench.requests, 1);
	m.via = "192.0.2.2:5062;branch=z9hG4bKx";
	send_message(&m);
	cr_expect_eq(bench.requests, 2);
	m.via = "192.0.2.3:5060;branch=z9hG4bKx";
	send_message(&m);
	cr_expect_eq(bench.requests, 3);
	m.via = "192.0.2.2:5060;branch=z9hG4bKy";
	send_message(&m);
	cr_expect_eq(bench.requests, 4);
	m = base;
	m.method = "OPTIONS";
	send_message(&m);
	cr_expect_eq(bench.requests, 5);
	m.method = "PHANTASY";
	send_message(&m);
	send_message(&m);
	cr_expect_eq(bench.requests, 6, "unknown methods have transactions");
	m.method = "FANTASY";
	send_message(&m);
	cr_expect_eq(bench.requests, 7);
}

Test(match, branch_of_rfc_2543_is_matched_by_all_else)
{
	static const struct message others[] = {
		{ "INVITE", "sip:c@h", "192.0.2.2;branch=7", "", "1", "c1", 1 },
		{ "INVITE", "sip:b@h", "192.0.2.2;branch=8", "", "1", "c1", 1 },
		{ "INVITE", "sip:b@h", "192.0.2.2;branch=7", "", "2", "c1", 1 },
		{ "INVITE", "sip:b@h", "192.0.2.2;branch=7", "", "1", "c2", 1 },
		{ "INVITE", "sip:b@h", "192.0.2.2;branch=7", "", "1", "c1", 2 },
		{ "INVITE", "sip:b@h", "192.0.2.2;branch=7", "9", "1", "c1", 1 },
	};
	struct message m = base;

	m.via = "192.0.2.2;branch=7";
	send_message(&m);
	send_message(&m);
	cr_expect_eq(bench.requests, 1);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		send_message(&others[i]);
		cr_expect_eq(bench.requests, i + 2, "number %u", i);
	}
}

Test(match, ack_of_rfc_2543_needs_the_tag_of_the_response)
{
	struct message m = base;

	m.via = "192.0.2.2";
	send_message(&m);
	sip_transaction_reply(bench.server, 486, NULL, SLICE("mine"), NULL);
	m.method = "ACK";
	m.to_tag = "other";
	send_message(&m);
	cr_expect_str_eq(sip_transaction_state(bench.server), "Completed");
	cr_expect_eq(bench.acks, 1, "somebody else's");
	m.to_tag = "mine";
	send_message(&m);
	cr_expect_str_eq(sip_transaction_state(bench.server), "Confirmed");
}

Test(match, cancel_of_rfc_2543_finds_its_invite)
{
	struct message m = base;
	struct sip_transaction *invite;

	m.via = "192.0.2.2";
	send_message(&m);
	invite = bench.server;
	m.method = "CANCEL";
	send_message(&m);
	cr_expect_eq(bench.cancelled, invite);
}

Test(match, same_request_by_two_ways_is_merged)
{
	struct message m = base;

	send_message(&m);
	cr_expect_not(bench.merged);
	m.via = "192.0.2.9;branch=z9hG4bKother";
	send_message(&m);
	cr_expect(bench.merged);
	m.cseq = 2;
	m.via = "192.0.2.9;branch=z9hG4bKthird";
	send_message(&m);
	cr_expect_not(bench.merged);
	m.cseq = 1;
	m.to_tag = "in-dialog";
	m.via = "192.0.2.9;branch=z9hG4bKfourth";
	send_message(&m);
	cr_expect_not(bench.merged);
}

/* given a request over a connection that is lost, when its sender sends it again over another one,
 * then it is no merge but takes the place of the first */
Test(match, what_came_over_a_lost_connection_is_replaced)
{
	struct message m = base;
	struct sip_path first = network_path(bench.us), second = first;
	struct sip_transaction *replaced;

	first.kind = second.kind = SIP_TCP;
	first.flow = (struct sip_flow){ .index = 7, .generation = 1 };
	second.flow = (struct sip_flow){ .index = 8, .generation = 1 };
	receive_over(&first, &m);
	replaced = bench.server;
	m.via = "192.0.2.9;branch=z9hG4bKagain";
	receive_over(&second, &m);
	cr_expect(bench.merged, "both connections are there");
	sip_transaction_reply(bench.server, 482, NULL, SLICE("mine"), NULL);
	sip_transactions_flow_failed(bench.layer, &first);
	m.via = "192.0.2.9;branch=z9hG4bKonce-more";
	receive_over(&second, &m);
	cr_expect_not(bench.merged);
	cr_expect_eq(sip_transaction_replaced(bench.server), replaced);
	sip_transaction_reply(replaced, 200, NULL, SLICE("mine"), NULL);
	m.via = "192.0.2.9;branch=z9hG4bKtoo-late";
	receive_over(&second, &m);
	cr_expect(bench.merged, "what was accepted is not made twice");
}

Test(match, what_was_refused_may_come_again_with_the_same_cseq)
{
	struct message m = base;

	m.via = "192.0.2.2;branch=z9hG4bKfirst";
	send_message(&m);
	sip_transaction_reply(bench.server, 407, NULL, SLICE("mine"), NULL);
	m.via = "192.0.2.2;branch=z9hG4bKsecond";
	send_message(&m);
	cr_expect_not(bench.merged, "credentials to a challenge");
	sip_transaction_reply(bench.server, 200, NULL, SLICE("mine"), NULL);
	m.via = "192.0.2.9;branch=z9hG4bKthird";
	send_message(&m);
	cr_expect(bench.merged, "a call that was accepted is not made twice");
}

Test(match, broken_requests_are_answered_without_state)
{
	peer_send(&bench, "OPTIONS sip:b@h SIP/3.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\n"
			  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 OPTIONS\n\n");
	cr_expect_eq(sent("SIP/2.0 505"), 1);
	peer_send(&bench, "OPTIONS sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\n"
			  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 INVITE\n\n");
	cr_expect_eq(sent("SIP/2.0 400"), 1);
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 400", 0), "Warning: 399 "));
	peer_send(&bench, "ACK sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\n"
			  "From: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 INVITE\n\n");
	peer_send(&bench, "SIP/2.0 200 OK\nVia: nonsense\n\n");
	peer_send(&bench, "nonsense\n\n");
	cr_expect_eq(sent("SIP/2.0 "), 2, "neither ACK nor responses are answered");
	cr_expect_eq(bench.requests, 0);
	cr_expect_eq(bench_stats(&bench).parse_errors, 5);
	cr_expect_eq(bench_stats(&bench).servers, 0);
}

Test(match, beyond_the_limit_503_but_for_what_ends_calls)
{
	char branch[32];

	for (unsigned i = 0; i < 8; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK%u", i);
		peer_request(&bench, "OPTIONS", branch);
	}
	cr_expect_eq(bench.requests, 8);
	peer_request(&bench, "OPTIONS", "z9hG4bKmore");
	cr_expect_eq(bench.requests, 8);
	cr_expect_eq(sent("SIP/2.0 503"), 1);
	cr_expect(packet_has(network_nth(bench.net, bench.us, "SIP/2.0 503", 0),
			     "Retry-After: 1\r\n"));
	peer_request(&bench, "OPTIONS", "z9hG4bK3");
	cr_expect_eq(sent("SIP/2.0 503"), 1, "one that is known is no new one");
	peer_request(&bench, "BYE", "z9hG4bKbye1");
	cr_expect_eq(bench.requests, 9);
	peer_request(&bench, "BYE", "z9hG4bKbye2");
	cr_expect_eq(bench.requests, 9);
	cr_expect_eq(bench_stats(&bench).refused_limit, 2);
}

Test(match, no_invite_of_ours_beyond_the_limit)
{
	struct sip_path to = network_path(bench.peer);
	static const char text[] = "INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\n"
				   "To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
				   "Content-Length: 0\r\n\r\n";

	for (unsigned i = 0; i < 8; i++)
		our_request(&bench, "OPTIONS");
	cr_expect_eq(sip_transaction_start(bench.layer, &to, SLICE(text), NULL, NULL, NULL),
		     -EBUSY);
}

Test(match, hundred_thousand_transactions_are_found)
{
	enum { MANY = 100000 };
	struct bench big;
	char branch[32];

	bench_open(&big, MANY + 1);
	for (unsigned i = 0; i < 2 * MANY; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK%u", i % MANY);
		peer_request(&big, "OPTIONS", branch);
	}
	cr_expect_eq(big.requests, MANY);
	cr_expect_eq(bench_stats(&big).retransmissions_in, MANY);
	bench_close(&big);
}
