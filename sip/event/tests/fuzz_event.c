/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drives an agent with a package in all its roles: the input is a script of datagrams, of what the
 * users do, and of time that passes. Nothing may break, and when all timers had their time nothing
 * may be left. One agent lives through many scripts.
 *
 * The script: a byte tells the step. Below 0x80 a datagram follows, up to the next 0xff: $b, $c, $f,
 * $t and $e become the branch, Call-ID, From tag, To tag and entity tag of what the agent sent last.
 */
#include <stdio.h>

#include "sip/base/tests/fuzz.h"
#include "sip/event/event.h"

static struct {
	struct timer_wheel *wheel;
	uint64_t now;
	struct sip_ua *ua;
	struct sip_events *events;
	struct sip_subscription *sub, *refer;
	struct sip_subscriber *subscriber;
	unsigned subs, refers, subscribers;
	char branch[80], call_id[80], from_tag[80], to_tag[80], etag[80];
} world;

/* What follows a text up to one of the ends, if it is there. */
static void keep(const char *data, size_t size, const char *begins, const char *ends, char *dst)
{
	const char *p = memmem(data, size, begins, strlen(begins));
	size_t n = 0;

	if (p == NULL)
		return;
	p += strlen(begins);
	while (p + n < data + size && n < 79 && strchr(ends, p[n]) == NULL)
		n++;
	memcpy(dst, p, n);
	dst[n] = '\0';
}

static void keep_tag(const char *data, size_t size, const char *header, char *dst)
{
	char line[80] = "";
	const char *tag;

	keep(data, size, header, "\r", line);
	tag = strstr(line, ";tag=");
	if (tag != NULL)
		snprintf(dst, 80, "%s", tag + 5);
}

static int send_nowhere(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	(void)arg;
	(void)to;
	keep(data, size, "branch=", ";\r", world.branch);
	keep(data, size, "Call-ID: ", "\r", world.call_id);
	keep(data, size, "SIP-ETag: ", "\r", world.etag);
	keep_tag(data, size, "From: ", world.from_tag);
	keep_tag(data, size, "To: ", world.to_tag);
	return size % 97 == 0 ? -1 : 0; /* some fail */
}

static const char *host(void *arg, const struct sip_path *path)
{
	(void)arg;
	(void)path;
	return "192.0.2.1:5060";
}

/* --- users ---------------------------------------------------------------------------------------- */

static unsigned on_subscribe(void *arg, struct sip_subscription *sub, struct sip_msg *request,
			     const struct sip_path *from)
{
	static const unsigned answers[] = { 200, 202, 200, 403 };
	const unsigned status = answers[request->body.n % 4];

	(void)arg;
	(void)from;
	if (status < 300) {
		world.sub = sub;
		world.subs++;
	}
	return status;
}

static size_t on_state(void *arg, struct sip_subscription *sub, const char **type, char *body,
		       size_t size)
{
	(void)arg;
	(void)type;
	return (size_t)snprintf(body, size, "%s", sip_subscription_resource(sub));
}

static void on_ended(void *arg, struct sip_subscription *sub)
{
	(void)arg;
	world.subs--;
	if (world.sub == sub)
		world.sub = NULL;
}

static unsigned on_publish(void *arg, struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	(void)request;
	(void)from;
	return 200;
}

static void on_refer_ended(void *arg)
{
	(void)arg;
	world.refers--;
	world.refer = NULL;
}

static unsigned on_refer(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
			 struct sip_msg *request, const struct sip_path *from)
{
	struct sip_subscription *sub;

	(void)arg;
	(void)dialog;
	(void)from;
	if (request->body.n % 3 == 2)
		return 603;
	if (sip_refer_accept(refer, on_refer_ended, NULL, &sub) != 0)
		return 500;
	if (sub != NULL) {
		world.refer = sub;
		world.refers++;
	}
	return 202;
}

static void on_over(void *arg, struct sip_subscriber *sub, unsigned status, struct sip_msg *msg)
{
	(void)arg;
	(void)status;
	(void)msg;
	world.subscribers--;
	if (world.subscriber == sub)
		world.subscriber = NULL;
}

static const struct sip_subscriber_user subscriber_user = { .ended = on_over };

static const struct sip_event_package packages[] = { { .name = "weather",
						       .types = "text/plain",
						       .expires = 600,
						       .expires_min = 60,
						       .expires_max = 3600,
						       .subscribe = on_subscribe,
						       .state = on_state,
						       .ended = on_ended,
						       .publish = on_publish } };

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from)
{
	(void)arg;
	if (!sip_events_request(world.events, NULL, server, request, from))
		sip_transaction_reply(server, 405, NULL, SLICE_NONE, NULL);
}

static bool on_inside(void *arg, struct sip_dialog *dialog, struct sip_transaction *server,
		      struct sip_msg *request, const struct sip_path *from)
{
	(void)arg;
	return sip_events_request(world.events, dialog, server, request, from);
}

static void on_invite(void *arg, struct sip_invite *invite, struct sip_msg *request,
		      const struct sip_path *from)
{
	(void)arg;
	(void)request;
	(void)from;
	sip_invite_respond(invite, 486, NULL, SLICE_NONE, SLICE_NONE);
}

/* --- steps ---------------------------------------------------------------------------------------- */

static const struct sip_path peer = {
	.remote = { .family = 4, .port = 5060, .ip = { 192, 0, 2, 2 } }, .kind = SIP_UDP
};

static void begin(bool refer)
{
	const struct sip_origin_start to_peer = { .to = peer,
						  .request_uri = SLICE("sip:b@192.0.2.2"),
						  .from = SLICE("<sip:a@h>"),
						  .to_header = SLICE("<sip:b@h>") };
	struct sip_subscribe subscribe = { .start = to_peer,
					   .event = SLICE("weather"),
					   .expires = 600 };
	const struct sip_refer_start start = { .refer_to = SLICE("<sip:c@h>") };
	int rc = refer ? sip_refer_send_outside(world.events, &to_peer, &start, &subscriber_user,
						NULL, &world.subscriber)
		       : sip_subscriber_start(world.events, &subscribe, &subscriber_user, NULL,
					      &world.subscriber);

	if (rc == 0)
		world.subscribers++;
}

static void pass(uint64_t ms)
{
	world.now += ms;
	timer_wheel_advance(world.wheel, world.now);
}

static void act(uint8_t step)
{
	switch (step & 0x0f) {
	case 0:
	case 1:
		pass(1000);
		break;
	case 2:
		pass(100000);
		break;
	case 3:
	case 4:
		begin(step & 1);
		break;
	case 5:
		if (world.subscriber != NULL)
			sip_subscriber_stop(world.subscriber);
		break;
	case 6:
		if (world.sub != NULL)
			sip_subscription_changed(world.sub);
		break;
	case 7:
		if (world.sub != NULL)
			sip_subscription_approve(world.sub);
		break;
	case 8:
		if (world.sub != NULL)
			sip_subscription_end(world.sub, "noresource", 5);
		break;
	case 9:
	case 10:
		if (world.refer != NULL)
			sip_refer_progress(world.refer, step & 1 ? 180 : 200, NULL);
		break;
	default:
		sip_events_changed(world.events, "weather", "sip:b@h");
	}
}

static size_t expand(char *dst, size_t size, const uint8_t *data, size_t n)
{
	size_t used = 0;

	for (size_t p = 0; p < n && used + 100 < size; p++) {
		const char *text = NULL;

		if (data[p] == '$' && p + 1 < n)
			text = data[p + 1] == 'b'   ? world.branch
			       : data[p + 1] == 'c' ? world.call_id
			       : data[p + 1] == 'f' ? world.from_tag
			       : data[p + 1] == 't' ? world.to_tag
			       : data[p + 1] == 'e' ? world.etag
						    : NULL;
		if (text == NULL) {
			dst[used++] = (char)data[p];
			continue;
		}
		memcpy(dst + used, text, strlen(text));
		used += strlen(text);
		p++;
	}
	return used;
}

static void open_world(void)
{
	struct sip_ua_config config = {
		.transactions = { .timers = sip_timers_default,
				  .send = send_nowhere,
				  .via_host = host,
				  .transactions_max = 100 },
		.user = { .invite = on_invite, .request = on_request, .inside = on_inside },
		.methods = 1u << SIP_SUBSCRIBE | 1u << SIP_PUBLISH | 1u << SIP_REFER,
		.product = "fuzz",
		.contact_host = host,
		.invites_max = 16,
	};
	struct sip_events_config events = { .timers = sip_timers_default,
					    .packages = packages,
					    .packages_count = 1,
					    .subscriptions_max = 8,
					    .publications_max = 4,
					    .refer = on_refer };

	world.wheel = timer_wheel_create(world.now);
	config.transactions.wheel = events.wheel = world.wheel;
	MUST(sip_ua_create(&config, &world.ua) == 0);
	events.ua = world.ua;
	MUST(sip_events_create(&events, &world.events) == 0);
}

static void empty_world(void)
{
	struct sip_transactions_stats stats;
	struct sip_events_stats left;

	for (unsigned i = 0; i < 100 && timer_wheel_next(world.wheel) != UINT64_MAX; i++)
		pass(50000);
	sip_events_stats(world.events, &left);
	MUST(left.subscriptions == 0 && left.publications == 0);
	/* Ours go on as long as they are refreshed and answered; nobody answers here. */
	MUST(left.subscribers == 0 && world.subscribers == 0);
	MUST(world.subs == 0 && world.refers == 0);
	sip_transactions_stats(sip_ua_transactions(world.ua), &stats);
	MUST(timer_wheel_next(world.wheel) == UINT64_MAX);
	MUST(stats.clients == 0 && stats.servers == 0);
}

static void destroy_world(void)
{
	sip_events_destroy(world.events);
	sip_ua_destroy(world.ua);
	MUST(timer_wheel_next(world.wheel) == UINT64_MAX);
	timer_wheel_destroy(world.wheel);
	memset(&world, 0, sizeof(world));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char datagram[16384];
	const bool last = size % 32 == 0;

	if (world.ua == NULL)
		open_world();
	world.branch[0] = world.call_id[0] = world.from_tag[0] = world.to_tag[0] = '\0';
	world.etag[0] = '\0';
	while (size > 0) {
		const uint8_t step = *data++;
		const uint8_t *end;
		size_t n;

		size--;
		if (step >= 0x80) {
			act(step);
			continue;
		}
		end = memchr(data, 0xff, size);
		n = end != NULL ? (size_t)(end - data) : size;
		sip_ua_receive(world.ua, datagram, expand(datagram, sizeof(datagram), data, n),
			       &peer);
		pass(1);
		n += end != NULL;
		data += n;
		size -= n;
	}
	empty_world();
	if (last)
		destroy_world();
	return 0;
}
