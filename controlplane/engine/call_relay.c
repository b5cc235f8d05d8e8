/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests in a call that are about neither its media nor its end (INFO of RFC 6086 and of the old
 * kind, MESSAGE): they go to the other side, and its response comes back. Headers cross by the table
 * in headers.c; bodies if their type and size may (calls.message_types), and without the address of
 * who sends them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/body.h"
#include "controlplane/engine/call.h"
#include "controlplane/engine/headers.h"

#define RELAYS_MAX 16u
#define PASSED     (1u << SIP_INFO | 1u << SIP_MESSAGE)

struct relay {
	struct relay *next, **prev;
	struct call *call;
	struct session *from;
	const struct sip_dialog *to; /* as it was: nobody knows whether it is still there */
	struct sip_transaction *server, *client; /* while they live */
};

static void drop(struct relay *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	if (r->server)
		sip_transaction_set_user(r->server, NULL, NULL);
	if (r->client)
		sip_transaction_set_user(r->client, NULL, NULL);
	r->call->relay_count--;
	free(r);
}

void call_drop_relays(struct call *call)
{
	while (call->relays)
		drop(call->relays);
}

static void respond(struct session *s, struct sip_transaction *server, unsigned status,
		    struct slice headers, struct slice type, struct slice body)
{
	sip_dialog_respond(sip_invite_dialog(s->invite), server, status, NULL, headers, type, body);
}

static void refuse(struct session *s, struct sip_transaction *server, unsigned status)
{
	respond(s, server, status, SLICE_NONE, SLICE_NONE, SLICE_NONE);
}

/* The body of a message from that side, without its address. *copy: to be freed. */
static struct slice body_of(struct call *call, const struct session *from,
			    const struct sip_msg *msg, char **copy)
{
	*copy = msg->body.n > 0 ? malloc(msg->body.n) : NULL;
	if (!*copy)
		return SLICE_NONE;
	memcpy(*copy, msg->body.p, msg->body.n);
	if (body_mask(*copy, msg->body.n, &sip_invite_path(from->invite)->remote) > 0)
		call->engine->stats.bodies_masked++;
	return (struct slice){ *copy, msg->body.n };
}

static size_t put_headers(const struct call *call, const struct sip_msg *msg,
			  char buffer[HEADERS_MAX])
{
	const struct headers_way way = { .carrier = HEADERS_IN_MESSAGE,
					 .domain = call->engine->shard->config->sip.domains[0] };
	struct sip_build b;

	sip_build_init(&b, buffer, HEADERS_MAX);
	headers_across(&way, msg, &b);
	return b.used;
}

static const struct session *other_side(const struct call *call, const struct session *from)
{
	return from != call->caller ? call->caller : call->callee ? call->callee : call->early;
}

static struct sip_dialog *dialog_to(const struct call *call, const struct session *from)
{
	const struct session *to = other_side(call, from);

	if (!session_is_alive(to))
		return NULL;
	return to->heard ? to->heard : sip_invite_dialog(to->invite);
}

/* --- the response comes back --- */

static void answer(struct relay *r, unsigned status, const struct sip_msg *response)
{
	const struct config_calls *config = &r->call->engine->shard->config->calls;
	struct slice type = SLICE_NONE, body = SLICE_NONE;
	const struct session *to = other_side(r->call, r->from);
	char headers[HEADERS_MAX], *copy = NULL;
	size_t n = response ? put_headers(r->call, response, headers) : 0;

	/* A challenge is for us, and we have nothing more to say to it. */
	if (status == 401 || status == 407)
		status = 403;
	if (response && session_is_alive(to) && body_status(config, response) == 0) {
		type = sip_msg_value(response, SIP_H_CONTENT_TYPE);
		body = body_of(r->call, to, response, &copy);
	}
	if (r->server && session_is_alive(r->from))
		respond(r->from, r->server, status, (struct slice){ headers, n }, type, body);
	free(copy);
	drop(r);
}

static const struct sip_transaction_user client_user;

static bool is_sent_again(struct relay *r, const struct sip_msg *response)
{
	struct sip_dialog *to = dialog_to(r->call, r->from);

	return to && to == r->to && r->client && !call_is_over(r->call) &&
	       sip_dialog_challenged(to, &r->client, response, &client_user, r);
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	(void)client;
	if (response->status >= 200 && !is_sent_again(arg, response))
		answer(arg, response->status, response);
}

static void on_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	(void)client;
	answer(arg, why == SIP_FAILURE_TIMEOUT ? 408 : 503, NULL);
}

static void on_client_gone(void *arg, struct sip_transaction *client)
{
	struct relay *r = arg;

	(void)client;
	r->client = NULL;
}

static const struct sip_transaction_user client_user = {
	.response = on_response,
	.failed = on_failed,
	.terminated = on_client_gone,
};

static void on_server_gone(void *arg, struct sip_transaction *server)
{
	struct relay *r = arg;

	(void)server;
	r->server = NULL;
}

static const struct sip_transaction_user server_user = { .terminated = on_server_gone };

/* --- the request goes --- */

static struct relay *create(struct call *call, struct session *from, struct sip_transaction *server)
{
	struct relay *r = call->relay_count < RELAYS_MAX ? calloc(1, sizeof(*r)) : NULL;

	if (!r)
		return NULL;
	*r = (struct relay){ .call = call, .from = from, .server = server, .prev = &call->relays };
	r->next = call->relays;
	if (r->next)
		r->next->prev = &r->next;
	call->relays = r;
	call->relay_count++;
	sip_transaction_set_user(server, &server_user, r);
	return r;
}

static bool refuses_body(struct call *call, struct session *from, struct sip_transaction *server,
			 const struct sip_msg *request)
{
	const struct config_calls *config = &call->engine->shard->config->calls;
	const unsigned status = body_status(config, request);

	if (status == 0)
		return false;
	call->engine->stats.bodies_refused++;
	refuse(from, server, status);
	return true;
}

void call_relay(void *arg, struct session *from, struct sip_transaction *server,
		struct sip_msg *request)
{
	struct call *call = arg;
	struct sip_dialog *to = dialog_to(call, from);
	struct sip_request passed = { .method = request->method,
				      .type = sip_msg_value(request, SIP_H_CONTENT_TYPE) };
	char headers[HEADERS_MAX], *copy;
	struct relay *r;

	if (!(PASSED & 1u << request->method)) {
		refuse(from, server, 405);
		return;
	}
	if (refuses_body(call, from, server, request))
		return;
	r = to && !call_is_over(call) ? create(call, from, server) : NULL;
	if (!r) {
		refuse(from, server, 480);
		return;
	}
	r->to = to;
	passed.headers = (struct slice){ headers, put_headers(call, request, headers) };
	passed.body = body_of(call, from, request, &copy);
	if (sip_dialog_send(to, &passed, &client_user, r, &r->client)) {
		refuse(from, server, 503);
		drop(r);
	}
	free(copy);
}
