/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/event/tests/world.h"

#include <stdarg.h>
#include <stdlib.h>

struct world *world;

/* --- the package "weather" ---------------------------------------------------------------------- */

static unsigned on_subscribe(void *arg, struct sip_subscription *sub, struct sip_msg *request,
			     const struct sip_path *from)
{
	struct agent *agent = arg;

	(void)request;
	(void)from;
	agent->subscribed++;
	if (agent->grant < 300)
		agent->sub = sub;
	return agent->grant;
}

static size_t on_state(void *arg, struct sip_subscription *sub, const char **type, char *body,
		       size_t size)
{
	struct agent *agent = arg;

	(void)sub;
	(void)type;
	return (size_t)snprintf(body, size, "%s", agent->state);
}

static void on_ended(void *arg, struct sip_subscription *sub)
{
	struct agent *agent = arg;

	agent->ended++;
	if (agent->sub == sub)
		agent->sub = NULL;
}

static unsigned on_publish(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	(void)from;
	return slice_equal(request->uri.user, SLICE("forbidden")) ? 403 : 200;
}

static void on_published(void *arg, const char *resource)
{
	(void)resource;
	((struct agent *)arg)->published++;
}

/* --- referred ------------------------------------------------------------------------------------- */

static void on_refer_ended(void *arg)
{
	struct agent *agent = arg;

	agent->refer_ended++;
	agent->refer = NULL;
}

static unsigned on_refer(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
			 struct sip_msg *request, const struct sip_path *from)
{
	struct agent *agent = arg;

	(void)dialog;
	(void)request;
	(void)from;
	agent->referred++;
	slice_copy(refer->to.uri.text, agent->refer_to, sizeof(agent->refer_to));
	slice_copy(refer->by.addr.uri.text, agent->referred_by, sizeof(agent->referred_by));
	agent->replaces[0] = '\0';
	if (refer->replaces)
		slice_copy(refer->replaced.call_id, agent->replaces, sizeof(agent->replaces));
	if (agent->refer_status != 0)
		return agent->refer_status;
	return sip_refer_accept(refer, on_refer_ended, agent, &agent->refer) == 0 ? 202 : 503;
}

/* --- the subscriber ------------------------------------------------------------------------------- */

static void on_notify(void *arg, struct sip_subscriber *sub,
		      const struct sip_subscription_state *state, struct sip_msg *notify)
{
	struct agent *agent = arg;

	(void)sub;
	agent->notified++;
	agent->substate = state->state;
	slice_copy(notify->body, agent->body, sizeof(agent->body));
	slice_copy(state->reason, agent->reason, sizeof(agent->reason));
}

static void on_over(void *arg, struct sip_subscriber *sub, unsigned status, struct sip_msg *msg)
{
	struct agent *agent = arg;

	(void)sub;
	(void)msg;
	agent->over++;
	agent->over_status = status;
	agent->subscriber = NULL;
}

const struct sip_subscriber_user subscriber_user = { .notify = on_notify, .ended = on_over };

/* --- agents --------------------------------------------------------------------------------------- */

static void invite_ended(void *arg, enum sip_end how, unsigned status, struct sip_msg *msg)
{
	(void)how;
	(void)status;
	(void)msg;
	((struct agent *)arg)->invite = NULL;
}

static const struct sip_invite_user invite_user = { .ended = invite_ended };

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	struct agent *agent = arg;

	(void)request;
	(void)from;
	agent->invite = invite;
	sip_invite_set_user(invite, &invite_user, agent);
	sip_invite_respond(invite, 200, NULL, SLICE("answer"), SLICE_NONE);
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	struct agent *agent = arg;

	if (!sip_events_request(agent->events, NULL, server, request, from))
		sip_transaction_reply(server, 405, NULL, SLICE_NONE, NULL);
}

static bool on_admit(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	struct agent *agent = arg;

	if (!(agent->challenges >> request->method & 1u) ||
	    sip_msg_header(request, SIP_H_PROXY_AUTHORIZATION) != NULL)
		return true;
	sip_transactions_reply(
		sip_ua_transactions(agent->ua), request, from, 407, NULL,
		"Proxy-Authenticate: Digest realm=\"h\", nonce=\"1\", qop=\"auth\"\r\n");
	return false;
}

static bool on_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	struct agent *agent = arg;

	return sip_events_request(agent->events, dialog, server, request, from);
}

static void receive(void *arg, const char *data, size_t size, const struct sip_path *from)
{
	sip_ua_receive(arg, data, size, from);
}

static struct sip_event_package packages[2][2];

static void open_agent(struct agent *agent, const char *ip, unsigned n)
{
	struct sip_ua_config config = {
		.transactions = { .wheel = world->net->wheel,
				  .timers = sip_timers_default,
				  .send = network_send,
				  .via_host = network_host,
				  .transactions_max = 10000,
				  .token = "b7" },
		.user = { .invite = on_invite,
			  .request = on_request,
			  .inside = on_inside,
			  .admit = on_admit,
			  .arg = agent },
		.methods = 1u << SIP_SUBSCRIBE | 1u << SIP_NOTIFY | 1u << SIP_REFER |
			   1u << SIP_PUBLISH,
		.options = 1u << SIP_OPTION_NO_REFER_SUB,
		.product = "Tandem-test",
		.contact_host = network_host,
		.invites_max = 100,
		.token = "t7",
	};
	struct sip_events_config events = { .wheel = world->net->wheel,
					    .timers = sip_timers_default,
					    .packages = packages[n],
					    .packages_count = 2,
					    .subscriptions_max = 12,
					    .publications_max = 3,
					    .refer = on_refer,
					    .arg = agent };

	packages[n][0] = (struct sip_event_package){ .name = "weather",
						     .types = "text/plain, text/html",
						     .expires = 600,
						     .expires_min = 60,
						     .expires_max = 3600,
						     .subscribe = on_subscribe,
						     .state = on_state,
						     .ended = on_ended,
						     .publish = on_publish,
						     .published = on_published,
						     .arg = agent };
	packages[n][1] = (struct sip_event_package){ .name = "secret", .types = "text/plain" };
	agent->node = network_node(world->net, ip, 5060);
	agent->grant = 200;
	snprintf(agent->state, sizeof(agent->state), "sunny");
	config.transactions.send_arg = agent->node;
	config.contact_arg = agent->node;
	cr_assert_eq(sip_ua_create(&config, &agent->ua), 0);
	events.ua = agent->ua;
	cr_assert_eq(sip_events_create(&events, &agent->events), 0);
	agent->node->receive = receive;
	agent->node->arg = agent->ua;
}

static void close_agent(struct agent *agent)
{
	struct sip_transactions_stats stats;
	struct sip_events_stats left;

	sip_transactions_stats(sip_ua_transactions(agent->ua), &stats);
	sip_events_stats(agent->events, &left);
	/* An assertion that fails in a teardown does not count. */
	if (stats.clients + stats.servers + left.subscriptions + left.subscribers +
		    left.publications >
	    0) {
		fprintf(stderr, "left: %u clients, %u servers, %u %u %u\n", stats.clients,
			stats.servers, left.subscriptions, left.subscribers, left.publications);
		abort();
	}
	sip_events_destroy(agent->events);
	sip_ua_destroy(agent->ua);
}

void world_open(void)
{
	world = calloc(1, sizeof(*world));
	world->net = network_create(7);
	open_agent(&world->alice, "192.0.2.1", 0);
	open_agent(&world->bob, "192.0.2.2", 1);
	world->peer = network_node(world->net, "192.0.2.3", 5060);
}

void world_close(void)
{
	struct agent *agents[] = { &world->alice, &world->bob };

	for (unsigned i = 0; i < 2; i++) {
		if (agents[i]->invite != NULL)
			sip_invite_end(agents[i]->invite, 0, SLICE_NONE);
		if (agents[i]->subscriber != NULL)
			sip_subscriber_stop(agents[i]->subscriber);
	}
	world_run(4000000);
	close_agent(&world->alice);
	close_agent(&world->bob);
	network_destroy(world->net);
	free(world);
}

void world_run(uint64_t ms)
{
	network_run(world->net, ms);
}

static struct sip_origin_start to_bob(void)
{
	return (struct sip_origin_start){
		.to = network_path(world->bob.node),
		.request_uri = SLICE("sip:paris@192.0.2.2"),
		.from = SLICE("<sip:alice@tandem.lab>"),
		.to_header = SLICE("<sip:paris@192.0.2.2>"),
		.contact_user = SLICE("alice"),
	};
}

void subscribe(const char *event, uint32_t expires)
{
	struct sip_subscribe start = { .start = to_bob(),
				       .event = slice_of(event),
				       .accept = SLICE("text/html;q=0.1, text/*"),
				       .expires = expires };

	cr_assert_eq(sip_subscriber_start(world->alice.events, &start, &subscriber_user,
					  &world->alice, &world->alice.subscriber),
		     0);
	world_run(5);
}

void connect_call(void)
{
	struct sip_invite_start start = { .to = network_path(world->bob.node),
					  .request_uri = SLICE("sip:bob@192.0.2.2"),
					  .from = SLICE("<sip:alice@tandem.lab>"),
					  .to_header = SLICE("<sip:bob@tandem.lab>"),
					  .contact_user = SLICE("alice"),
					  .sdp = SLICE("offer"),
					  .max_forwards = 70 };

	cr_assert_eq(sip_invite_start(world->alice.ua, &start, &invite_user, &world->alice,
				      &world->alice.invite),
		     0);
	world_run(10);
	cr_assert_eq(sip_invite_get_state(world->bob.invite), SIP_INVITE_CONFIRMED);
}

struct sip_dialog *dialog_of(const struct agent *agent)
{
	return sip_invite_dialog(agent->invite);
}

void peer_says(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	network_say(world->peer, world->bob.node, format, args);
	va_end(args);
	world_run(1);
}

unsigned sent(const struct agent *agent, const char *begins)
{
	return network_count(world->net, agent->node, begins);
}

const struct packet *sent_nth(const struct agent *agent, const char *begins, unsigned nth)
{
	return network_nth(world->net, agent->node, begins, nth);
}
