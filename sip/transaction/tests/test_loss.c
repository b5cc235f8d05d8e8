/* SPDX-License-Identifier: BSD-3-Clause */
/* Two layers over a network that loses, doubles and reorders: all transactions complete. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/transaction/tests/bench.h"

enum { CALLS = 200 };

struct side {
	struct network_node *node;
	struct sip_transactions *layer;
	unsigned requests, finals[CALLS], failures, acks;
};

struct call {
	struct side *side;
	unsigned index;
};

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	struct side *side = arg;

	(void)from;
	(void)cancelled;
	side->requests++;
	if (request->method == SIP_INVITE)
		sip_transaction_reply(server, 180, NULL, SLICE_NONE, NULL);
	sip_transaction_reply(server, request->method == SIP_INVITE ? 486 : 200, NULL, SLICE_NONE,
			      NULL);
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct call *call = arg;

	(void)client;
	if (response->status >= 200)
		call->side->finals[call->index]++;
}

static void on_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct call *call = arg;

	(void)client;
	(void)why;
	call->side->failures++;
}

static const struct sip_transaction_user user = { .response = on_response, .failed = on_failed };

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct side *side = arg;

	sip_transactions_receive(side->layer, data, size, from);
}

static void side_open(struct side *side, struct network *net, const char *ip)
{
	struct sip_transactions_config config = {
		.wheel = net->wheel,
		.timers = sip_timers_default,
		.tu = { .request = on_request, .arg = side },
		.send = network_send,
		.via_host = network_host,
		.transactions_max = 10000,
	};

	memset(side, 0, sizeof(*side));
	side->node = network_node(net, ip, 5060);
	side->node->receive = receive;
	side->node->arg = side;
	config.send_arg = side->node;
	cr_assert_eq(sip_transactions_create(&config, &side->layer), 0);
}

static void start(struct side *side, const struct side *other, const char *method,
		  struct call *call)
{
	struct sip_path to = network_path(other->node);
	char text[512];
	int n = snprintf(
		text, sizeof(text),
		"%s sip:b@h SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=%u\r\n"
		"To: <sip:b@h>\r\nCall-ID: %s%u\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, call->index, method, call->index, method);

	cr_assert_eq(sip_transaction_start(side->layer, &to, (struct slice){ text, (size_t)n },
					   &user, call, NULL),
		     0);
}

static void run(const char *method, uint64_t seed)
{
	struct network *net = network_create(seed);
	struct side a, b;
	struct call calls[CALLS];
	struct sip_transactions_stats stats;

	net->loss = 20;
	net->duplicate = 20;
	net->delay_max = 300;
	side_open(&a, net, "192.0.2.1");
	side_open(&b, net, "192.0.2.2");
	for (unsigned i = 0; i < CALLS; i++) {
		calls[i] = (struct call){ &a, i };
		start(&a, &b, method, &calls[i]);
		network_run(net, 10);
	}
	network_run(net, 200000);
	cr_expect_eq(b.requests, CALLS, "%s seed %lu: %u", method, seed, b.requests);
	for (unsigned i = 0; i < CALLS; i++)
		cr_expect_eq(a.finals[i], 1, "%s seed %lu call %u: %u", method, seed, i,
			     a.finals[i]);
	cr_expect_eq(a.failures + b.failures, 0);
	sip_transactions_stats(a.layer, &stats);
	cr_expect_eq(stats.clients, 0);
	sip_transactions_stats(b.layer, &stats);
	cr_expect_eq(stats.servers, 0);
	sip_transactions_destroy(a.layer);
	sip_transactions_destroy(b.layer);
	network_destroy(net);
}

Test(loss, refused_invites_complete)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		run("INVITE", seed);
}

Test(loss, other_requests_complete)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		run("OPTIONS", seed);
}
