/* SPDX-License-Identifier: BSD-3-Clause */
/* A call from INVITE to BYE with a re-INVITE, with each allocation of both agents refused in its
 * turn: it may fail, and then all of it ends. */
#include <criterion/criterion.h>

#include "sip/base/tests/starve.h"
#include "sip/dialog/dialog.h"
#include "sip/transaction/tests/network.h"

static struct sip_ua *agents[2];
static struct sip_invite *invites[2];

static void on_answered(void *arg, struct sip_dialog *dialog, struct sip_msg *response,
			enum sip_offer_role role)
{
	(void)arg;
	(void)dialog;
	(void)response;
	(void)role;
}

static void on_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	(void)how;
	(void)status;
	(void)msg;
	*(struct sip_invite **)arg = NULL;
}

static const struct sip_invite_user user = { .answered = on_answered, .ended = on_ended };

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	struct sip_invite **slot = arg;

	(void)request;
	(void)from;
	*slot = invite;
	sip_invite_set_user(invite, &user, slot);
	sip_invite_respond(invite, 180, NULL, SLICE_NONE, SLICE_NONE);
	if (*slot != NULL)
		sip_invite_respond(invite, 200, NULL, SLICE("v=0\r\n"), SLICE_NONE);
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	(void)arg;
	(void)request;
	(void)from;
	sip_transaction_reply(server, 200, NULL, SLICE_NONE, NULL);
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	struct sip_ua **agent = arg;

	if (*agent != NULL)
		sip_ua_receive(*agent, data, size, from);
}

static void open_agent(unsigned which, struct network_node *node)
{
	struct sip_ua_config config = {
		.transactions = { .wheel = node->net->wheel,
				  .timers = sip_timers_default,
				  .send = network_send,
				  .send_arg = node,
				  .via_host = network_host,
				  .transactions_max = 100,
				  .token = "a" },
		.user = { .invite = on_invite, .request = on_request, .arg = &invites[which] },
		.product = "starving",
		.contact_host = network_host,
		.contact_arg = node,
		.invites_max = 10,
		.token = "a",
	};

	invites[which] = NULL;
	if (sip_ua_create(&config, &agents[which]) != 0)
		agents[which] = NULL;
	node->receive = receive;
	node->arg = &agents[which];
}

static void scenario(void)
{
	struct sip_invite_start start = {
		.request_uri = SLICE("sip:b@192.0.2.2"),
		.from = SLICE("<sip:a@192.0.2.1>"),
		.to_header = SLICE("<sip:b@192.0.2.2>"),
		.sdp = SLICE("v=0\r\n"),
		.max_forwards = 70,
	};
	struct network_node *a, *b;
	struct network *net;

	starve_hold();
	net = network_create(1);
	a = network_node(net, "192.0.2.1", 5060);
	b = network_node(net, "192.0.2.2", 5060);
	starve_release();
	open_agent(0, a);
	open_agent(1, b);
	start.to = network_path(b);
	if (agents[0] != NULL &&
	    sip_invite_start(agents[0], &start, &user, &invites[0], &invites[0]) == 0) {
		network_run(net, 1000);
		if (invites[0] != NULL)
			sip_invite_end(invites[0], 0, SLICE("Reason: x\r\n"));
		network_run(net, 140000);
	}
	for (unsigned i = 0; i < 2; i++)
		sip_ua_destroy(agents[i]);
	starve_hold();
	network_destroy(net);
	starve_release();
}

Test(starve, calls_do_without)
{
	const unsigned runs = starve(scenario, 5000);

	cr_expect(!starve_works() || runs > 20, "%u runs", runs);
}
