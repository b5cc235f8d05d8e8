/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/trunk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "controlplane/engine/route.h"
#include "controlplane/events/events.h"
#include "sip/auth/client.h"
#include "sip/base/log.h"
#include "sip/dialog/usage.h"

#define BEGIN_MS          100u /* until the sockets are there */
#define AGAIN_MIN_S       10u
#define AGAIN_MAX_S       300u
#define MIN_EXPIRES_MAX_S 86400u
#define LEAVE_MS          2000u

enum state {
	STATE_UP,
	STATE_WAITING,
	STATE_REGISTERING,
	STATE_REGISTERED,
	STATE_REFUSED,
	STATE_LEAVING,
	STATE_LEFT
};

static const char *const states[] = { [STATE_UP] = "up",
				      [STATE_WAITING] = "waiting",
				      [STATE_REGISTERING] = "registering",
				      [STATE_REGISTERED] = "registered",
				      [STATE_REFUSED] = "refused",
				      [STATE_LEAVING] = "leaving",
				      [STATE_LEFT] = "unregistered" };

struct trunk {
	struct shard *shard;
	const struct config_trunk *config;
	struct sip_account account;
	struct sip_credentials *credentials; /* NULL: none */
	/* registration */
	enum state state;
	struct sip_origin *origin; /* all REGISTERs are of one Call-ID (RFC 3261 §10.2.4) */
	struct sip_transaction *client;
	struct timer timer;
	uint32_t expires_s, again_s;
	uint32_t asked_s; /* Expires of the last REGISTER */
	bool too_brief;   /* 423 was heard once */
};

struct trunks {
	unsigned count;
	struct trunk list[];
};

static void set_state(struct trunk *t, enum state state, unsigned status)
{
	char text[12];

	/* A refresh is no news, nor is that we are on our way out. */
	if (state == t->state || (state == STATE_REGISTERING &&
				  (t->state == STATE_REGISTERED || t->state == STATE_LEAVING)))
		return;
	t->state = state;
	snprintf(text, sizeof(text), "%u", status);
	LOG_INFO("trunk", 0, "%s: %s (%u)", t->config->name, states[state], status);
	event_publish(t->shard->events, EVENT_TRUNK_STATE, 0, 0, t->config->name, states[state],
		      text);
}

/* --- registration --- */

static void on_time(struct timer *timer);

static void again_in(struct trunk *t, uint64_t seconds)
{
	timer_set(t->shard->wheel, &t->timer, seconds * 1000, on_time);
}

static void refused(struct trunk *t, unsigned status)
{
	set_state(t, STATE_REFUSED, status);
	again_in(t, t->again_s);
	t->again_s = t->again_s * 2 < AGAIN_MAX_S ? t->again_s * 2 : AGAIN_MAX_S;
}

/* RFC 3261 §10.2.4: what the registrar gave, of our Contact or of all. */
static uint32_t granted(const struct trunk *t, const struct sip_msg *response)
{
	struct sip_addr contact;
	struct slice value;
	uint32_t seconds = t->expires_s;

	sip_msg_number(response, SIP_H_EXPIRES, &seconds);
	if (sip_msg_contact(response, &contact) == 0 &&
	    sip_param_get(contact.params, "expires", &value))
		slice_to_u32(value, UINT32_MAX, &seconds);
	return seconds > 0 && seconds <= t->expires_s ? seconds : t->expires_s;
}

static const struct sip_transaction_user register_user;
static void send_register(struct trunk *t, uint32_t expires_s);

/* What was under way is answered, whatever it says. */
static void go_on_leaving(struct trunk *t, unsigned status)
{
	if (t->asked_s > 0) {
		send_register(t, 0);
		return;
	}
	timer_cancel(t->shard->wheel, &t->timer);
	set_state(t, STATE_LEFT, status);
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct trunk *t = arg;
	uint32_t least;

	(void)client;
	if (response->status < 200 ||
	    sip_origin_challenged(t->origin, &t->client, response, &register_user, t))
		return;
	if (t->state == STATE_LEAVING) {
		go_on_leaving(t, response->status);
	} else if (response->status < 300) {
		uint32_t seconds = granted(t, response);

		t->again_s = AGAIN_MIN_S;
		t->too_brief = false;
		set_state(t, STATE_REGISTERED, response->status);
		again_in(t, seconds > 1 ? seconds / 2 : 1);
	} else if (response->status == 423 && !t->too_brief &&
		   sip_msg_number(response, SIP_H_MIN_EXPIRES, &least) == 0 &&
		   least <= MIN_EXPIRES_MAX_S) {
		t->too_brief = true;
		t->expires_s = least;
		again_in(t, 0);
	} else {
		refused(t, response->status);
	}
}

static void on_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	const unsigned status = why == SIP_FAILURE_TIMEOUT ? 408 : 503;
	struct trunk *t = arg;

	(void)client;
	if (t->state == STATE_LEAVING)
		go_on_leaving(t, status);
	else
		refused(t, status);
}

static void on_terminated(void *arg, struct sip_transaction *client)
{
	struct trunk *t = arg;

	if (t->client == client)
		t->client = NULL;
}

static const struct sip_transaction_user register_user = { on_response, on_failed, on_terminated };

int trunk_guess_path(const struct shard *shard, uint64_t listeners, struct sip_path *path)
{
	static const struct sip_address any[] = { { .family = AF_INET }, { .family = AF_INET6 } };

	for (unsigned family = 0; family < 2; family++)
		for (enum sip_transport_kind kind = SIP_UDP; kind < SIP_TRANSPORT_KINDS; kind++)
			if (sip_transport_path(shard->transport, kind, listeners, &any[family],
					       path) == 0)
				return 0;
	return -ENETUNREACH;
}

/* Without a uri, UDP to the first address that a listener has the family of. */
static int find_path(const struct trunk *t, struct sip_path *path, const char **address)
{
	const struct config *config = t->shard->config;

	for (unsigned i = 0; i < t->config->addresses_count; i++) {
		struct sip_address remote;

		*address = t->config->addresses[i];
		if (sip_address_parse(slice_of(*address), t->config->port, &remote) == 0 &&
		    sip_transport_path(t->shard->transport, SIP_UDP,
				       route_listeners(config, t->config->realm), &remote,
				       path) == 0)
			return 0;
	}
	return -ENETUNREACH;
}

/* Where its REGISTERs go, and the host that stands for the peer where it has no domain. */
static int aim(const struct trunk *t, struct sip_origin_start *start, struct slice *host)
{
	const char *uri = t->config->uri, *address;
	struct sip_uri parsed;
	int error;

	if (!t->shard->transport)
		return -ENETUNREACH;
	if (!uri) {
		error = find_path(t, &start->to, &address);
		*host = slice_of(error ? "" : address);
		return error;
	}
	start->next_hop = slice_of(uri);
	start->listeners = route_listeners(t->shard->config, t->config->realm);
	error = sip_uri_parse(start->next_hop, &parsed);
	*host = parsed.host;
	return error ? error : trunk_guess_path(t->shard, start->listeners, &start->to);
}

static int create_origin(struct trunk *t)
{
	const char *scheme =
		t->config->uri && strncasecmp(t->config->uri, "sips:", 5) == 0 ? "sips" : "sip";
	struct sip_origin_start start = { .credentials = t->credentials };
	char domain[280], uri[300], user[400];
	struct slice host;
	int error = aim(t, &start, &host);

	if (error)
		return error;
	if (t->config->domain)
		host = slice_of(t->config->domain);
	snprintf(domain, sizeof(domain), memchr(host.p, ':', host.n) ? "[%.*s]" : "%.*s",
		 SLICE_FMT(host));
	snprintf(uri, sizeof(uri), "%s:%s", scheme, domain);
	snprintf(user, sizeof(user), "<%s:%s@%s>", scheme, t->config->username, domain);
	start.request_uri = slice_of(uri);
	start.from = start.to_header = slice_of(user);
	start.contact_user = slice_of(t->config->username);
	return sip_origin_create(t->shard->ua, &start, &t->origin);
}

static void send_register(struct trunk *t, uint32_t expires_s)
{
	char headers[64];
	struct sip_request request = { .method = SIP_REGISTER, .contact = true };
	int error = 0;

	if (!t->origin)
		error = create_origin(t);
	if (!error) {
		snprintf(headers, sizeof(headers), "Expires: %u\r\n", expires_s);
		request.headers = slice_of(headers);
		t->asked_s = expires_s;
		error = sip_origin_send(t->origin, &request, &register_user, t, &t->client);
	}
	if (error && t->state == STATE_LEAVING)
		set_state(t, STATE_LEFT, 503);
	else if (error == -ENETUNREACH && t->state == STATE_WAITING)
		again_in(t, 1);
	else if (error)
		refused(t, 503);
	else
		set_state(t, STATE_REGISTERING, 0);
}

static void on_time(struct timer *timer)
{
	struct trunk *t = (struct trunk *)((char *)timer - offsetof(struct trunk, timer));

	if (t->state == STATE_LEAVING)
		set_state(t, STATE_LEFT, 408);
	else
		send_register(t, t->expires_s);
}

static void leave(struct trunk *t)
{
	const bool may_be_there = t->state == STATE_REGISTERED || t->state == STATE_REGISTERING;

	if (t->state == STATE_LEAVING || t->state == STATE_LEFT)
		return;
	timer_cancel(t->shard->wheel, &t->timer);
	if (!may_be_there)
		return;
	set_state(t, STATE_LEAVING, 0);
	timer_set(t->shard->wheel, &t->timer, LEAVE_MS, on_time);
	if (!t->client) /* else when that is answered */
		send_register(t, 0);
}

void trunks_leave(struct trunks *trunks)
{
	for (unsigned i = 0; i < trunks->count; i++)
		leave(&trunks->list[i]);
}

unsigned trunks_leaving(const struct trunks *trunks)
{
	unsigned count = 0;

	for (unsigned i = 0; i < trunks->count; i++)
		count += trunks->list[i].state == STATE_LEAVING;
	return count;
}

/* --- life --- */

static unsigned algorithms_of(const struct config_trunk *config)
{
	enum digest_algorithm one;
	unsigned bits = 0;

	for (unsigned i = 0; i < config->auth_algorithms_count; i++)
		if (digest_algorithm_parse(slice_of(config->auth_algorithms[i]), &one))
			bits |= 1u << one;
	return bits;
}

static int open_credentials(struct trunk *t)
{
	int error = sip_credentials_create(&t->account, 1, &t->credentials);

	for (unsigned i = 0; !error && i < t->config->addresses_count; i++) {
		struct sip_address address;

		if (sip_address_parse(slice_of(t->config->addresses[i]), 0, &address) == 0)
			sip_credentials_bind(t->credentials, &address);
	}
	return error;
}

static int open_trunk(struct trunk *t)
{
	if (!t->config->username)
		return 0;
	t->account = (struct sip_account){ t->config->auth_realm, t->config->username,
					   t->config->password, algorithms_of(t->config) };
	if (t->config->register_s > 0 && t->shard->index == 0) {
		t->state = STATE_WAITING;
		t->expires_s = t->config->register_s;
		t->again_s = AGAIN_MIN_S;
		timer_set(t->shard->wheel, &t->timer, BEGIN_MS, on_time);
	}
	return open_credentials(t);
}

int trunks_create(struct shard *shard, struct trunks **trunks)
{
	const struct config *config = shard->config;
	struct trunks *all = calloc(1, sizeof(*all) + config->trunks_count * sizeof(*all->list));

	*trunks = all;
	if (!all)
		return -ENOMEM;
	for (unsigned i = 0; i < config->trunks_count; i++) {
		all->list[i].shard = shard;
		all->list[i].config = &config->trunks[i];
		all->count = i + 1;
		if (open_trunk(&all->list[i])) {
			trunks_destroy(all);
			*trunks = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

void trunks_destroy(struct trunks *trunks)
{
	if (!trunks)
		return;
	for (unsigned i = 0; i < trunks->count; i++) {
		struct trunk *t = &trunks->list[i];

		timer_cancel(t->shard->wheel, &t->timer);
		if (t->client)
			sip_transaction_detach(t->client);
		sip_origin_unref(t->origin);
		sip_credentials_destroy(t->credentials);
	}
	free(trunks);
}

struct sip_credentials *trunks_credentials(const struct trunks *trunks, int trunk)
{
	return trunk >= 0 && (unsigned)trunk < trunks->count ? trunks->list[trunk].credentials
							     : NULL;
}

void trunks_found(struct trunks *trunks, unsigned trunk, const struct sip_address *address)
{
	if (trunk < trunks->count && trunks->list[trunk].credentials)
		sip_credentials_bind(trunks->list[trunk].credentials, address);
}

const char *trunks_state(const struct trunks *trunks, unsigned trunk)
{
	return states[trunks->list[trunk].state];
}
