/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests in a call that are about neither its media nor its end (INFO of RFC 6086 and of the old
 * kind, MESSAGE): they go to the other side as they are, but for their headers, and its response
 * comes back.
 */
#include <errno.h>
#include <stdlib.h>

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
		    const char *reason, struct slice headers, const struct sip_msg *msg)
{
	struct slice type = msg ? sip_msg_value(msg, SIP_H_CONTENT_TYPE) : SLICE_NONE;

	sip_dialog_respond(sip_invite_dialog(s->invite), server, status, reason, headers, type,
			   msg ? msg->body : SLICE_NONE);
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

static struct sip_dialog *dialog_to(const struct call *call, const struct session *from)
{
	const struct session *to = from != call->caller ? call->caller
				   : call->callee       ? call->callee
							: call->early;

	if (!session_is_alive(to))
		return NULL;
	return to->heard ? to->heard : sip_invite_dialog(to->invite);
}

/* --- the response comes back --- */

static void answer(struct relay *r, unsigned status, const struct sip_msg *response)
{
	char headers[HEADERS_MAX];
	size_t n = response ? put_headers(r->call, response, headers) : 0;

	/* A challenge is for us, and we have nothing more to say to it. */
	if (status == 401 || status == 407)
		status = 403;
	if (r->server && session_is_alive(r->from))
		respond(r->from, r->server, status, NULL, (struct slice){ headers, n }, response);
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

void call_relay(void *arg, struct session *from, struct sip_transaction *server,
		struct sip_msg *request)
{
	struct call *call = arg;
	struct sip_dialog *to = dialog_to(call, from);
	struct sip_request passed = { .method = request->method,
				      .type = sip_msg_value(request, SIP_H_CONTENT_TYPE),
				      .body = request->body };
	char headers[HEADERS_MAX];
	struct relay *r;

	if (!(PASSED & 1u << request->method)) {
		respond(from, server, 405, NULL, SLICE_NONE, NULL);
		return;
	}
	r = to && !call_is_over(call) ? create(call, from, server) : NULL;
	if (!r) {
		respond(from, server, 480, NULL, SLICE_NONE, NULL);
		return;
	}
	r->to = to;
	passed.headers = (struct slice){ headers, put_headers(call, request, headers) };
	if (sip_dialog_send(to, &passed, &client_user, r, &r->client)) {
		respond(from, server, 503, NULL, SLICE_NONE, NULL);
		drop(r);
	}
}
