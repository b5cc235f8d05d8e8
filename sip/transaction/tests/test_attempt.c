/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests with several targets: who is tried, when, and what the user hears of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "sip/resolve/tests/zone.h"
#include "sip/transaction/internal.h"
#include "sip/transaction/tests/bench.h"

enum { A, B, C, PEERS };

static const char zone_text[] = "_sip._udp.trunk.test 60 SRV 1 0 5060 a.test\n"
				"_sip._udp.trunk.test 60 SRV 2 0 5060 b.test\n"
				"_sip._udp.trunk.test 60 SRV 3 0 5060 c.test\n"
				"a.test 60 A 192.0.2.11\n"
				"b.test 60 A 192.0.2.12\n"
				"c.test 60 A 192.0.2.13\n";

/* A peer: what it says to a request, by method. */
struct peer {
	struct network_node *node;
	unsigned invite, other; /* status, 0: silence */
	const char *headers;
	unsigned seen;
};

static struct zone zone;
static struct network *net;
static struct network_node *us;
static struct sip_resolver *resolver;
static struct sip_transactions *layer;
static struct peer peers[PEERS];
static bool has_tcp;
static unsigned responses, failures, terminated, late, lines;
static unsigned status;
static enum sip_failure failure;

static void peer_receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct peer *peer = arg;
	struct sip_parse_error error;
	struct sip_msg *request = NULL;
	struct slice message;
	struct sip_build b;
	char buffer[4096];
	unsigned answer;

	if (sip_msg_parse(data, size, &sip_limits_default, &request, &error) != 0)
		return;
	answer = request->method == SIP_INVITE ? peer->invite : peer->other;
	peer->seen++;
	if (request->method != SIP_ACK && answer != 0) {
		sip_build_init(&b, buffer, sizeof(buffer));
		sip_build_response(&b, request, answer, sip_reason_text(answer), SLICE("p1"), false,
				   "192.0.2.1", 5060);
		sip_build_lines(&b, slice_of(peer->headers));
		cr_assert_eq(sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message), 0);
		network_send(peer->node, from, message.p, message.n);
	}
	sip_msg_unref(request);
}

static void us_receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	(void)arg;
	sip_transactions_receive(layer, data, size, from);
}

static int path_of(void *arg, enum sip_transport_kind kind, uint64_t listeners,
		   const struct sip_address *remote, struct sip_path *path)
{
	(void)arg;
	(void)listeners;
	if (remote->family != AF_INET || (kind != SIP_UDP && !(kind == SIP_TCP && has_tcp)))
		return -ENETUNREACH;
	*path = (struct sip_path){ .remote = *remote, .kind = (uint8_t)kind };
	return 0;
}

static void on_late(void *arg, struct sip_msg *response, const struct sip_path *path)
{
	(void)arg;
	(void)response;
	(void)path;
	late++;
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	(void)arg;
	(void)server;
	(void)request;
	(void)from;
	(void)cancelled;
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	(void)arg;
	(void)client;
	responses++;
	status = response->status;
}

static void on_failed(void *arg, struct sip_transaction *t, enum sip_failure why)
{
	(void)arg;
	(void)t;
	failures++;
	failure = why;
}

static void on_terminated(void *arg, struct sip_transaction *t)
{
	(void)arg;
	(void)t;
	terminated++;
}

static const struct sip_transaction_user user = { on_response, on_failed, on_terminated };

static void set_up(void)
{
	static const char *const ips[PEERS] = { "192.0.2.11", "192.0.2.12", "192.0.2.13" };
	struct sip_resolver_config names = { .dead_s = 60 };
	struct sip_transactions_config config = {
		.timers = sip_timers_default,
		.tu = { .request = on_request, .late_success = on_late },
		.send = network_send,
		.via_host = network_host,
		.path = path_of,
		.transactions_max = 100,
		.attempt_ms = 4000,
		.datagram_max = 1300,
		.token = "n1",
	};

	zone_init(&zone, zone_text);
	net = network_create(1);
	us = network_node(net, "192.0.2.1", 5060);
	us->receive = us_receive;
	for (unsigned i = 0; i < PEERS; i++) {
		peers[i] = (struct peer){ .node = network_node(net, ips[i], 5060) };
		peers[i].node->receive = peer_receive;
		peers[i].node->arg = &peers[i];
	}
	names.wheel = net->wheel;
	names.dns = &zone.dns;
	cr_assert_eq(sip_resolver_create(&names, &resolver), 0);
	config.wheel = net->wheel;
	config.send_arg = us;
	config.resolver = resolver;
	cr_assert_eq(sip_transactions_create(&config, &layer), 0);
}

static void tear_down(void)
{
	sip_transactions_destroy(layer);
	sip_resolver_destroy(resolver);
	network_destroy(net);
}

TestSuite(attempt, .init = set_up, .fini = tear_down);

static struct slice request(const char *method, unsigned body)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text),
			 "%s sip:bob@trunk.test SIP/2.0\r\nMax-Forwards: 70\r\n"
			 "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c1\r\nCSeq: 1 %s\r\n"
			 "Content-Length: %u\r\n\r\n%*s",
			 method, method, body, (int)body, "");

	return (struct slice){ text, (size_t)n };
}

static void contact(void *arg, const struct sip_path *path, struct sip_build *b)
{
	(void)arg;
	lines++;
	sip_build_header(b, SIP_H_CONTACT, "<sip:us;transport=%s>", sip_transport_name(path->kind));
}

static int send_body(const char *method, const char *uri, unsigned body,
		     struct sip_transaction **client)
{
	const struct sip_destination to = { .uri = slice_of(uri),
					    .listeners = SIP_LISTENERS_ANY,
					    .lines = contact };

	return sip_transaction_start_to(layer, &to, request(method, body), &user, NULL, client);
}

static struct sip_transaction *send_to(const char *method, const char *uri)
{
	struct sip_transaction *client = NULL;

	cr_assert_eq(send_body(method, uri, 0, &client), 0);
	return client;
}

static unsigned sent(const char *begins)
{
	return network_count(net, us, begins);
}

static struct slice branch_of_nth(unsigned nth)
{
	static char text[2][128];
	const struct packet *packet = network_nth(net, us, "INVITE", nth);
	const char *branch = strstr(packet->data, "branch=");

	snprintf(text[nth & 1], sizeof(text[0]), "%.*s", (int)strcspn(branch, ";\r"), branch);
	return slice_of(text[nth & 1]);
}

Test(attempt, first_target_that_answers_has_it)
{
	peers[A].invite = 180;
	send_to("INVITE", "sip:trunk.test");
	network_run(net, 10);
	cr_expect_eq(status, 180);
	cr_expect_eq(peers[B].seen, 0);
	network_run(net, 100000);
	cr_expect_eq(peers[B].seen, 0, "it rings as long as it likes");
}

Test(attempt, busy_target_is_left_for_the_next)
{
	struct sip_transaction *client;

	peers[A].invite = 503;
	peers[A].headers = "Retry-After: 90 (maintenance)\r\n";
	peers[B].invite = 486;
	client = send_to("INVITE", "sip:trunk.test");
	network_run(net, 10);
	cr_expect_eq(responses, 1, "of the 503 nothing is heard");
	cr_expect_eq(status, 486);
	cr_expect_eq(sent("INVITE"), 2);
	cr_expect_eq(sent("ACK"), 2, "each by its own transaction");
	cr_expect_not(slice_equal(branch_of_nth(0), branch_of_nth(1)));
	cr_expect(
		sip_address_equal(&sip_transaction_path(client)->remote, &peers[B].node->address));
	cr_expect_eq(lines, 2);
	/* Its 503 again gets its ACK again. */
	network_send(peers[A].node, &(struct sip_path){ .remote = us->address },
		     network_nth(net, peers[A].node, "SIP/2.0 503", 0)->data,
		     network_nth(net, peers[A].node, "SIP/2.0 503", 0)->size);
	network_run(net, 10);
	cr_expect_eq(sent("ACK"), 3);
	/* For as long as it said, nobody asks it. */
	peers[A].headers = NULL;
	peers[A].seen = 0;
	send_to("INVITE", "sip:trunk.test");
	network_run(net, 89000);
	cr_expect_eq(peers[A].seen, 0);
	network_run(net, 2000);
	send_to("INVITE", "sip:trunk.test");
	network_run(net, 10);
	cr_expect_gt(peers[A].seen, 0);
}

Test(attempt, last_503_is_the_answer)
{
	peers[A].invite = peers[B].invite = peers[C].invite = 503;
	send_to("INVITE", "sip:trunk.test");
	network_run(net, 20);
	cr_expect_eq(sent("INVITE"), 3);
	cr_expect_eq(responses, 1);
	cr_expect_eq(status, 503);
	network_run(net, 40000);
	cr_expect_eq(terminated, 1);
	cr_expect_eq(layer->texts.used, 0);
	cr_expect_eq(layer->attempt_pool.used, 0);
}

Test(attempt, silent_target_is_left_after_a_while)
{
	peers[B].invite = 200;
	send_to("INVITE", "sip:trunk.test");
	network_run(net, 3990);
	cr_expect_eq(peers[B].seen, 0);
	network_run(net, 20);
	cr_expect_eq(status, 200);
	cr_expect_eq(failures, 0);
	/* The next request does not wait for it again. */
	peers[A].seen = 0;
	send_to("OPTIONS", "sip:trunk.test");
	network_run(net, 10);
	cr_expect_eq(peers[A].seen, 0);
}

Test(attempt, late_answers_of_one_that_was_left_are_ended)
{
	char response[1024];
	struct sip_msg *invite;

	peers[B].invite = 180;
	send_to("INVITE", "sip:trunk.test");
	network_run(net, 4010);
	cr_expect_eq(status, 180);
	peers[A].invite = 180;
	invite = network_parse(net, us, "INVITE", 0);
	peer_receive(&peers[A], invite->raw.p, invite->raw.n,
		     &(struct sip_path){ .remote = us->address });
	network_run(net, 10);
	cr_expect_eq(sent("CANCEL"), 1);
	cr_expect_eq(responses, 1, "the user hears of the other alone");
	peers[A].invite = 200;
	peer_receive(&peers[A], invite->raw.p, invite->raw.n,
		     &(struct sip_path){ .remote = us->address });
	network_run(net, 10);
	cr_expect_eq(late, 1);
	cr_expect_eq(responses, 1);
	sip_msg_unref(invite);
	(void)response;
}

Test(attempt, all_silent_is_a_timeout)
{
	send_to("OPTIONS", "sip:trunk.test");
	network_run(net, 8000 + 31999);
	cr_expect_eq(failures, 0);
	network_run(net, 10);
	cr_expect_eq(failures, 1);
	cr_expect_eq(failure, SIP_FAILURE_TIMEOUT);
	cr_expect_eq(terminated, 1);
	cr_expect_gt(peers[A].seen, 0);
	cr_expect_gt(peers[C].seen, 0);
}

Test(attempt, failed_flow_goes_to_the_next_target)
{
	struct sip_path path = { .remote = peers[A].node->address };

	peers[B].other = 200;
	send_to("OPTIONS", "sip:trunk.test");
	sip_transactions_flow_failed(layer, &path);
	network_run(net, 10);
	cr_expect_eq(status, 200);
	cr_expect_eq(failures, 0);
}

Test(attempt, what_cannot_be_sent_at_all_is_not_started)
{
	struct sip_transaction *client;

	us->send_error = -ENETUNREACH;
	cr_expect_eq(send_body("INVITE", "sip:trunk.test", 0, &client), -ENETUNREACH);
	cr_expect_eq(send_body("INVITE", "sip:nobody.test", 0, &client), -ENOENT);
	cr_expect_eq(send_body("INVITE", "sips:trunk.test", 0, &client), -EPROTONOSUPPORT);
	cr_expect_eq(layer->stats.clients, 0);
	cr_expect_eq(failures + terminated, 0);
}

Test(attempt, waits_for_the_name_servers)
{
	zone.later = true;
	peers[A].invite = 180;
	send_to("INVITE", "sip:a.test:5060");
	cr_expect_eq(sent("INVITE"), 0);
	zone_answer(&zone);
	network_run(net, 10);
	cr_expect_eq(status, 180);
}

Test(attempt, is_cancelled_while_it_waits)
{
	struct sip_transaction *client;

	zone.later = true;
	client = send_to("INVITE", "sip:a.test:5060");
	cr_expect_eq(sip_transaction_cancel(client, SLICE_NONE), 0);
	cr_expect_eq(failures, 0, "not from within");
	network_run(net, 2);
	cr_expect_eq(failures, 1);
	cr_expect_eq(terminated, 1);
	zone_answer(&zone);
	network_run(net, 10);
	cr_expect_eq(sent(""), 0);
}

Test(attempt, cancel_goes_where_the_invite_went_and_ends_the_search)
{
	struct sip_transaction *client;

	peers[A].invite = 503;
	peers[B].invite = 180;
	client = send_to("INVITE", "sip:trunk.test");
	network_run(net, 10);
	peers[B].seen = 0;
	peers[B].other = 200;
	cr_expect_eq(sip_transaction_cancel(client, SLICE_NONE), 0);
	network_run(net, 10);
	cr_expect_eq(sent("CANCEL"), 1);
	cr_expect_eq(peers[B].seen, 1);
	peers[B].invite = 503;
	network_send(us, &(struct sip_path){ .remote = peers[B].node->address },
		     network_nth(net, us, "INVITE", 1)->data,
		     network_nth(net, us, "INVITE", 1)->size);
	network_run(net, 10);
	cr_expect_eq(status, 503);
	cr_expect_eq(peers[C].seen, 0, "nobody wants it any more");
}

Test(attempt, unknown_name_goes_by_the_path_that_is_known)
{
	struct sip_destination to = { .uri = SLICE("sip:bob@nobody.test"),
				      .listeners = SIP_LISTENERS_ANY };

	to.path = network_path(peers[C].node);
	peers[C].other = 200;
	cr_assert_eq(sip_transaction_start_to(layer, &to, request("BYE", 0), &user, NULL, NULL), 0);
	network_run(net, 10);
	cr_expect_eq(status, 200);
}

Test(attempt, ack_goes_to_the_name_too)
{
	struct sip_destination to = { .uri = SLICE("sip:b.test:5060"),
				      .listeners = SIP_LISTENERS_ANY };

	cr_assert_eq(sip_transactions_send_to(layer, &to, request("ACK", 0)), 0);
	zone.later = true;
	to.uri = SLICE("sip:c.test:5060");
	cr_assert_eq(sip_transactions_send_to(layer, &to, request("ACK", 0)), 0);
	network_run(net, 10);
	cr_expect_eq(peers[B].seen, 1);
	cr_expect_eq(peers[C].seen, 0);
	zone_answer(&zone);
	network_run(net, 10);
	cr_expect_eq(peers[C].seen, 1);
	cr_expect_eq(layer->stats.clients, 0);
	cr_expect_eq(layer->attempt_pool.used, 0);
}

Test(attempt, large_request_goes_by_tcp_where_that_is_open)
{
	struct sip_path tcp = { .remote = peers[A].node->address, .kind = SIP_TCP };
	struct sip_transaction *client;

	has_tcp = true;
	peers[A].other = 200;
	cr_assert_eq(send_body("MESSAGE", "sip:a.test:5060", 900, &client), 0);
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 0), "SIP/2.0/UDP"));
	cr_assert_eq(send_body("MESSAGE", "sip:a.test:5060", 1200, &client), 0);
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 1), "SIP/2.0/TCP"));
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 1), "<sip:us;transport=tcp>"));
	cr_assert_eq(send_body("MESSAGE", "sip:a.test:5060;transport=udp", 1200, &client), 0);
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 2), "SIP/2.0/UDP"), "as it was told");
	network_run(net, 10);
	/* No connection: by UDP after all (18.1.1), and the next one at once. */
	peers[A].other = 0;
	cr_assert_eq(send_body("MESSAGE", "sip:a.test:5060", 1200, &client), 0);
	sip_transactions_flow_failed(layer, &tcp);
	sip_transactions_flow_failed(layer, &tcp);
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 4), "SIP/2.0/TCP"), "once more");
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 5), "SIP/2.0/UDP"));
	cr_assert_eq(send_body("MESSAGE", "sip:a.test:5060", 1200, &client), 0);
	cr_expect(packet_has(network_nth(net, us, "MESSAGE", 6), "SIP/2.0/UDP"));
	has_tcp = false;
}

Test(attempt, nothing_is_left_when_the_layer_ends_in_the_middle)
{
	zone.later = true;
	send_to("INVITE", "sip:a.test:5060");
	zone.later = false;
	send_to("INVITE", "sip:trunk.test");
}
