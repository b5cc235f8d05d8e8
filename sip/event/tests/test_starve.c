/* SPDX-License-Identifier: BSD-3-Clause */
/* A subscription and a REFER from beginning to end, with each allocation of both agents refused in
 * its turn: they may fail, and then all of it ends. */
#include <stdlib.h>

#include "sip/base/tests/starve.h"
#include "sip/event/tests/world.h"

static struct actor {
	struct network_node *node;
	struct sip_ua *ua;
	struct sip_events *events;
	struct sip_subscriber *subscriber;
	struct sip_subscription *refer;
} actors[2];

static unsigned on_subscribe(void *arg, struct sip_subscription *sub, struct sip_msg *request,
			     const struct sip_path *from)
{
	(void)arg;
	(void)sub;
	(void)request;
	(void)from;
	return 200;
}

static size_t on_state(void *arg, struct sip_subscription *sub, const char **type, char *body,
		       size_t size)
{
	(void)arg;
	(void)sub;
	(void)type;
	(void)size;
	body[0] = 'x';
	return 1;
}

static const struct sip_event_package packages[] = { { .name = "weather",
						       .types = "text/plain",
						       .expires = 600,
						       .expires_min = 60,
						       .expires_max = 3600,
						       .subscribe = on_subscribe,
						       .state = on_state } };

static void on_refer_ended(void *arg)
{
	((struct actor *)arg)->refer = NULL;
}

static unsigned on_refer(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
			 struct sip_msg *request, const struct sip_path *from)
{
	struct actor *actor = arg;

	(void)dialog;
	(void)request;
	(void)from;
	return sip_refer_accept(refer, on_refer_ended, actor, &actor->refer) == 0 ? 202 : 500;
}

static void on_over(void *arg, struct sip_subscriber *sub, unsigned status, struct sip_msg *msg)
{
	(void)sub;
	(void)status;
	(void)msg;
	((struct actor *)arg)->subscriber = NULL;
}

static const struct sip_subscriber_user user = { .ended = on_over };

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	struct actor *actor = arg;

	if (!sip_events_request(actor->events, NULL, server, request, from))
		sip_transaction_reply(server, 405, NULL, SLICE_NONE, NULL);
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct actor *actor = arg;

	if (actor->events != NULL)
		sip_ua_receive(actor->ua, data, size, from);
}

static void open_actor(struct actor *actor, struct network_node *node)
{
	struct sip_ua_config config = {
		.transactions = { .wheel = node->net->wheel,
				  .timers = sip_timers_default,
				  .send = network_send,
				  .send_arg = node,
				  .via_host = network_host,
				  .transactions_max = 100,
				  .token = "a" },
		.user = { .request = on_request, .arg = actor },
		.methods = 1u << SIP_SUBSCRIBE | 1u << SIP_REFER,
		.product = "starving",
		.contact_host = network_host,
		.contact_arg = node,
		.invites_max = 10,
		.token = "a",
	};
	struct sip_events_config events = { .wheel = node->net->wheel,
					    .timers = sip_timers_default,
					    .packages = packages,
					    .packages_count = 1,
					    .subscriptions_max = 10,
					    .publications_max = 10,
					    .refer = on_refer,
					    .arg = actor };

	*actor = (struct actor){ .node = node };
	if (sip_ua_create(&config, &actor->ua) != 0)
		actor->ua = NULL;
	events.ua = actor->ua;
	if (actor->ua == NULL || sip_events_create(&events, &actor->events) != 0)
		actor->events = NULL;
	node->receive = receive;
	node->arg = actor;
}

static void run_subscription(struct network *net, const struct sip_origin_start *to)
{
	const struct sip_subscribe subscribe = { .start = *to,
						 .event = SLICE("weather"),
						 .accept = SLICE("text/plain"),
						 .expires = 60,
						 .headers = SLICE("Subject: x\r\n") };

	if (sip_subscriber_start(actors[0].events, &subscribe, &user, &actors[0],
				 &actors[0].subscriber) != 0)
		return;
	network_run(net, 1000);
	sip_events_changed(actors[1].events, "weather", "sip:b@192.0.2.2");
	network_run(net, 60000);
	if (actors[0].subscriber != NULL)
		sip_subscriber_stop(actors[0].subscriber);
	network_run(net, 140000);
	if (actors[0].subscriber != NULL)
		abort();
}

static void run_refer(struct network *net, const struct sip_origin_start *to)
{
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:c@h>") };

	if (sip_refer_send_outside(actors[0].events, to, &start, &user, &actors[0],
				   &actors[0].subscriber) != 0)
		return;
	network_run(net, 1000);
	if (actors[1].refer != NULL)
		sip_refer_progress(actors[1].refer, 200, NULL);
	network_run(net, 400000);
	if (actors[0].subscriber != NULL || actors[1].refer != NULL)
		abort();
}

static void scenario(void)
{
	struct sip_origin_start to = { .request_uri = SLICE("sip:b@192.0.2.2"),
				       .from = SLICE("<sip:a@192.0.2.1>"),
				       .to_header = SLICE("<sip:b@192.0.2.2>") };
	struct network *net;

	starve_hold();
	net = network_create(1);
	network_node(net, "192.0.2.1", 5060);
	network_node(net, "192.0.2.2", 5060);
	starve_release();
	for (unsigned i = 0; i < 2; i++)
		open_actor(&actors[i], net->nodes[i]);
	to.to = network_path(net->nodes[1]);
	if (actors[0].events != NULL && actors[1].events != NULL) {
		run_subscription(net, &to);
		run_refer(net, &to);
	}
	for (unsigned i = 0; i < 2; i++) {
		sip_events_destroy(actors[i].events);
		sip_ua_destroy(actors[i].ua);
	}
	starve_hold();
	network_destroy(net);
	starve_release();
}

Test(event_starve, subscriptions_and_referrals_do_without)
{
	const unsigned runs = starve(scenario, 5000);

	cr_expect(!starve_works() || runs > 20, "%u runs", runs);
}
