/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A user agent of the library alone, over UDP, for peers that are not ours: it serves the event
 * package "weather", takes what is published of it, and says yes to every REFER, whose request it
 * pretends to make.
 *
 *   sip_agent IP PORT        until it gets a signal, or ten minutes are over
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "pktgen_tests/bench/program.h"
#include "sip/event/event.h"

#define LIFE_MS     600000
#define PROGRESS_MS 30

static struct agent {
	int socket;
	char host[64];
	struct timer_wheel *wheel;
	struct sip_ua *ua;
	struct sip_events *events;
} agent;

/* A REFER that is under way. */
struct referred {
	struct timer timer; /* first: found by it */
	struct sip_subscription *sub;
	unsigned status;
};

/* --- weather ------------------------------------------------------------------------------------- */

static unsigned on_subscribe(void *arg, struct sip_subscription *sub, struct sip_msg *request,
			     const struct sip_path *from)
{
	(void)arg;
	(void)sub;
	(void)request;
	(void)from;
	return 200;
}

struct text {
	char *p;
	size_t n, size;
};

static void add_publication(void *arg, const struct sip_publication *publication)
{
	struct text *text = arg;

	if (publication->body.n > text->size - text->n)
		return;
	memcpy(text->p + text->n, publication->body.p, publication->body.n);
	text->n += publication->body.n;
}

static size_t on_state(void *arg, struct sip_subscription *sub, const char **type, char *body,
		       size_t size)
{
	struct text text = { .p = body, .size = size };

	(void)arg;
	(void)type;
	sip_publications_each(agent.events, "weather", sip_subscription_resource(sub),
			      add_publication, &text);
	return text.n;
}

static unsigned on_publish(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	(void)request;
	(void)from;
	return 200;
}

static const struct sip_event_package packages[] = { {
	.name = "weather",
	.types = "text/plain",
	.expires = 600,
	.expires_min = 60,
	.expires_max = 3600,
	.subscribe = on_subscribe,
	.state = on_state,
	.publish = on_publish,
} };

/* --- REFER ----------------------------------------------------------------------------------------- */

static void on_refer_ended(void *arg)
{
	struct referred *referred = arg;

	timer_cancel(agent.wheel, &referred->timer);
	free(referred);
}

static void on_progress(struct timer *timer)
{
	struct referred *referred = (struct referred *)timer;

	referred->status = referred->status == 100 ? 180 : 200;
	if (referred->status < 200)
		timer_set(agent.wheel, timer, PROGRESS_MS, on_progress);
	sip_refer_progress(referred->sub, referred->status, NULL);
}

static unsigned on_refer(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
			 struct sip_msg *request, const struct sip_path *from)
{
	struct referred *referred = calloc(1, sizeof(*referred));

	(void)arg;
	(void)dialog;
	(void)request;
	(void)from;
	if (referred == NULL)
		return 500;
	referred->status = 100;
	if (sip_refer_accept(refer, on_refer_ended, referred, &referred->sub) != 0 ||
	    referred->sub == NULL) {
		free(referred);
		return refer->wants_subscription ? 500 : 200;
	}
	timer_set(agent.wheel, &referred->timer, PROGRESS_MS, on_progress);
	return 202;
}

/* --- the agent --------------------------------------------------------------------------------------- */

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	(void)arg;
	(void)request;
	(void)from;
	sip_invite_respond(invite, 486, NULL, SLICE_NONE, SLICE_NONE);
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	(void)arg;
	if (!sip_events_request(agent.events, NULL, server, request, from))
		sip_transaction_reply(server, 405, NULL, SLICE_NONE, NULL);
}

static bool on_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	return sip_events_request(agent.events, dialog, server, request, from);
}

static int on_send(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	struct sockaddr_storage address;
	const socklen_t length = sip_address_to(&to->remote, &address);

	(void)arg;
	if (sendto(agent.socket, data, size, 0, (struct sockaddr *)&address, length) < 0)
		return -errno;
	return 0;
}

static const char *host(void *arg, const struct sip_path *path)
{
	(void)arg;
	(void)path;
	return agent.host;
}

static void create(void)
{
	const struct sip_ua_config config = {
		.transactions = { .wheel = agent.wheel,
				  .timers = sip_timers_default,
				  .send = on_send,
				  .via_host = host,
				  .transactions_max = 1000 },
		.user = { .invite = on_invite, .request = on_request, .inside = on_inside },
		.methods = 1u << SIP_SUBSCRIBE | 1u << SIP_PUBLISH | 1u << SIP_REFER,
		.product = "sip_agent",
		.contact_host = host,
		.invites_max = 16,
	};
	struct sip_events_config events = { .wheel = agent.wheel,
					    .timers = sip_timers_default,
					    .packages = packages,
					    .packages_count = 1,
					    .subscriptions_max = 100,
					    .publications_max = 100,
					    .refer = on_refer };

	if (sip_ua_create(&config, &agent.ua) != 0)
		die("sip_ua_create");
	events.ua = agent.ua;
	if (sip_events_create(&events, &agent.events) != 0)
		die("sip_events_create");
}

static void open_socket(const char *ip, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
		die("%s", ip);
	agent.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (agent.socket < 0 ||
	    bind(agent.socket, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("bind");
	snprintf(agent.host, sizeof(agent.host), "%s:%u", ip, port);
}

static void receive(void)
{
	static char data[65536];
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	ssize_t n =
		recvfrom(agent.socket, data, sizeof(data), 0, (struct sockaddr *)&address, &size);
	struct sip_path from = { .kind = SIP_UDP };

	if (n <= 0)
		return;
	sip_address_from((struct sockaddr *)&address, &from.remote);
	sip_ua_receive(agent.ua, data, (size_t)n, &from);
}

int main(int argc, char **argv)
{
	uint64_t begin = now_ms();

	if (argc != 3) {
		fprintf(stderr, "usage: sip_agent IP PORT\n");
		return EXIT_FAILURE;
	}
	open_socket(argv[1], (uint16_t)strtoul(argv[2], NULL, 10));
	agent.wheel = timer_wheel_create(begin);
	create();
	while (now_ms() - begin < LIFE_MS) {
		struct pollfd ready = { .fd = agent.socket, .events = POLLIN };

		if (poll(&ready, 1, 5) > 0)
			receive();
		timer_wheel_advance(agent.wheel, now_ms());
	}
	sip_events_destroy(agent.events);
	sip_ua_destroy(agent.ua);
	timer_wheel_destroy(agent.wheel);
	return EXIT_SUCCESS;
}
