/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and responses, names and several targets, with each allocation refused in its turn. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "sip/base/tests/starve.h"
#include "sip/resolve/tests/zone.h"
#include "sip/transaction/tests/network.h"
#include "sip/transaction/transaction.h"

static struct sip_transactions *layer;

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	(void)arg;
	(void)from;
	(void)cancelled;
	if (request->method == SIP_INVITE)
		sip_transaction_reply(server, 180, NULL, SLICE_NONE, NULL);
	sip_transaction_reply(server, request->method == SIP_INVITE ? 486 : 200, NULL, SLICE_NONE,
			      "Reason: SIP ;cause=486\r\n");
}

static void on_terminated(void *arg, struct sip_transaction *t)
{
	(void)t;
	*(struct sip_transaction **)arg = NULL;
}

static const struct sip_transaction_user user = { .terminated = on_terminated };

static int path_of(void *arg, enum sip_transport_kind kind, uint64_t listeners,
		   const struct sip_address *remote, struct sip_path *path)
{
	(void)arg;
	(void)listeners;
	if (kind != SIP_UDP || remote->family != AF_INET)
		return -1;
	*path = (struct sip_path){ .remote = *remote };
	return 0;
}

static void us_receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	(void)arg;
	sip_transactions_receive(layer, data, size, from);
}

/* A peer that refuses all: the same text with another start line. */
static void peer_receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	const char *rest = memchr(data, '\n', size);
	char text[2048];
	int n;

	if (strncmp(data, "SIP/2.0", 7) == 0 || strncmp(data, "ACK", 3) == 0)
		return;
	n = snprintf(text, sizeof(text), "SIP/2.0 503 Busy\r\nRetry-After: 5\r\n%.*s",
		     (int)(data + size - rest - 1), rest + 1);
	network_send(arg, from, text, (size_t)n);
}

static void from_peer(struct network_node *from, const struct network_node *to, const char *method,
		      const char *branch)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "%s sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK%s\r\n"
		 "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n"
		 "Content-Length: 0\r\n\r\n",
		 method, branch, branch, method);
	network_send_text(from, to, text);
}

static void scenario(void)
{
	static const struct sip_destination by_name = { .uri = { "sip:trunk.test", 14 },
							.listeners = SIP_LISTENERS_ANY };
	static const char invite[] =
		"INVITE sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
	static struct zone zone;
	struct sip_resolver_config names = { .dns = &zone.dns };
	struct sip_transactions_config config = {
		.timers = sip_timers_default,
		.tu = { .request = on_request },
		.send = network_send,
		.via_host = network_host,
		.path = path_of,
		.transactions_max = 100,
		.attempt_ms = 1000,
		.token = "n1",
	};
	struct sip_resolver *resolver = NULL;
	struct sip_transaction *client = NULL;
	struct network_node *us, *peer;
	struct network *net;

	starve_hold();
	zone_init(&zone, "_sip._udp.trunk.test 60 SRV 1 0 5060 a.test\n"
			 "_sip._udp.trunk.test 60 SRV 2 0 5070 a.test\n"
			 "a.test 60 A 192.0.2.2\n");
	net = network_create(1);
	us = network_node(net, "192.0.2.1", 5060);
	peer = network_node(net, "192.0.2.2", 5060);
	us->receive = us_receive;
	peer->receive = peer_receive;
	peer->arg = peer;
	names.wheel = net->wheel;
	config.wheel = net->wheel;
	config.send_arg = us;
	starve_release();

	if (sip_resolver_create(&names, &resolver) == 0) {
		config.resolver = resolver;
		if (sip_transactions_create(&config, &layer) == 0) {
			from_peer(peer, us, "INVITE", "one");
			from_peer(peer, us, "OPTIONS", "two");
			network_run(net, 600);
			sip_transaction_start_to(layer, &by_name, SLICE(invite), &user, &client,
						 &client);
			network_run(net, 3000);
			if (client != NULL)
				sip_transaction_cancel(client, SLICE("Reason: x\r\n"));
			network_run(net, 70000);
			sip_transactions_destroy(layer);
		}
		sip_resolver_destroy(resolver);
	}
	starve_hold();
	network_destroy(net);
	starve_release();
}

Test(starve, transactions_and_names_do_without)
{
	unsigned runs = starve(scenario, 2000);

	cr_expect(!starve_works() || runs > 20, "%u runs", runs);
}
