/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <errno.h>

#define SIP_PORT  5060u
#define SIPS_PORT 5061u

/* RFC 3261 §18.2.2, RFC 3581 §4: back to the source's address; over UDP to its port if the client
 * asked for that by rport, else to that of Via. Over TCP and TLS the connection of the request is
 * used, and where it is lost another one is opened to the port of Via. maddr is not followed: it
 * would let anybody aim responses at others. */
static uint16_t reply_port(const struct sip_via *via, const struct sip_path *from)
{
	if (from->kind == SIP_WS || from->kind == SIP_WSS || (from->kind == SIP_UDP && via->rport))
		return from->remote.port;
	return via->port != 0 ? via->port : from->kind == SIP_TLS ? SIPS_PORT : SIP_PORT;
}

int reply_build(struct sip_transactions *layer, const struct sip_msg *request,
		const struct sip_path *from, unsigned status, const char *reason,
		struct slice to_tag, const char *extra, struct slice *response)
{
	char ip[SIP_ADDRESS_TEXT];
	struct sip_build b;

	sip_build_init(&b, layer->scratch, layer->scratch_size);
	sip_build_response(&b, request, status, reason != NULL ? reason : sip_reason_text(status),
			   to_tag, false, sip_address_ip(&from->remote, ip), from->remote.port);
	if (layer->config.server_name != NULL)
		sip_build_header(&b, SIP_H_SERVER, "%s", layer->config.server_name);
	sip_build_lines(&b, slice_of(extra));
	return sip_build_finish(&b, SLICE_NONE, SLICE_NONE, response);
}

static void send_stateless(struct sip_transactions *layer, const struct sip_msg *request,
			   const struct request_key *key, const struct sip_path *from,
			   unsigned status, const char *reason, const char *extra)
{
	char tag[TAG_TEXT];
	struct sip_path reply = *from;
	struct slice response;

	reply.remote.port = reply_port(key->via, from);
	layer_tag(layer, request_key_hash(key), tag);
	if (reply_build(layer, request, from, status, reason, slice_of(tag), extra, &response) != 0)
		return;
	layer->stats.responses_out[status / 100]++;
	layer_send(layer, &reply, response);
}

void sip_transactions_reply(struct sip_transactions *layer, const struct sip_msg *request,
			    const struct sip_path *from, unsigned status, const char *reason,
			    const char *extra)
{
	struct request_key key;

	request_key_of(request, &key);
	send_stateless(layer, request, &key, from, status, reason, extra);
}

static bool over_limit(const struct sip_transactions *layer, const struct sip_msg *request)
{
	const struct sip_transactions_stats *stats = &layer->stats;
	const uint64_t max = layer->config.transactions_max;
	const bool ends = request->method == SIP_BYE || request->method == SIP_CANCEL;

	return (uint64_t)stats->clients_unfinished + stats->servers_unfinished >=
	       max + (ends ? max / 8 : 0);
}

static struct sip_transaction *create(struct sip_transactions *layer, struct sip_msg *request,
				      const struct request_key *key, const struct sip_path *from,
				      struct source *source)
{
	struct sip_transaction *t = transaction_new(
		layer, request->method == SIP_INVITE ? MACHINE_INVITE_SERVER : MACHINE_SERVER,
		from);

	if (t == NULL)
		return NULL;
	t->request = sip_msg_ref(request);
	t->source = source;
	t->method = key->method;
	t->cookie = key->cookie;
	t->to_tag_hash = key->cookie ? 0 : slice_hash_nocase(key->to_tag);
	t->reply_port = reply_port(key->via, from);
	hash_index_insert(&layer->servers, &t->node, request_key_hash(key));
	if (key->to_tag.n == 0 && request->method != SIP_CANCEL)
		hash_index_insert(&layer->merges, &t->second, merge_hash(key));
	return t;
}

/* Is there room for one more, and does the TU want it? */
static bool admit(struct sip_transactions *layer, struct sip_msg *request,
		  const struct request_key *key, const struct sip_path *from,
		  struct source **source)
{
	const struct sip_tu *tu = &layer->config.tu;
	int rc;

	if (over_limit(layer, request)) {
		layer->stats.refused_limit++;
		send_stateless(layer, request, key, from, 503, NULL, "Retry-After: 1\r\n");
		return false;
	}
	if (request->method != SIP_CANCEL && tu->admit != NULL &&
	    !tu->admit(tu->arg, request, from)) {
		layer->stats.refused_stateless++;
		return false;
	}
	rc = source_take(layer, &from->remote, source);
	if (rc == -EBUSY) {
		layer->stats.refused_source++;
		send_stateless(layer, request, key, from, 503, NULL, "Retry-After: 1\r\n");
	}
	return rc == 0;
}

static void receive_ack(struct sip_transactions *layer, struct sip_transaction *t,
			struct sip_msg *ack, const struct sip_path *from)
{
	if (t != NULL)
		transaction_step(t, EVENT_ACK, ack);
	else if (layer->config.tu.ack != NULL)
		layer->config.tu.ack(layer->config.tu.arg, ack, from);
}

void server_receive(struct sip_transactions *layer, struct sip_msg *request,
		    const struct sip_path *from)
{
	struct sip_transaction *t, *cancelled = NULL;
	struct source *source;
	struct request_key key;

	request_key_of(request, &key);
	t = match_server(layer, request, &key);
	layer->stats.requests_in[request->method]++;
	if (request->method == SIP_ACK) {
		receive_ack(layer, t, request, from);
		return;
	}
	if (t != NULL) {
		layer->stats.retransmissions_in++;
		transaction_step(t, EVENT_REQUEST, request);
		return;
	}
	if (!admit(layer, request, &key, from, &source))
		return;
	if (request->method == SIP_CANCEL)
		cancelled = match_cancelled(layer, &key);
	t = create(layer, request, &key, from, source);
	if (t == NULL) {
		source_give(layer, source);
		return;
	}
	transaction_step(t, EVENT_START, NULL);
	layer->config.tu.request(layer->config.tu.arg, t, request, from, cancelled);
}

/* "SIP/2.0 200 …"; 0: it is no response. */
static unsigned status_of(struct slice response)
{
	uint32_t status;

	if (response.n < 12 || memcmp(response.p, "SIP/2.0 ", 8) != 0 ||
	    slice_to_u32((struct slice){ response.p + 8, 3 }, 699, &status) != 0)
		return 0;
	return status;
}

int sip_transaction_respond(struct sip_transaction *server, struct slice response)
{
	const unsigned status = status_of(response);
	enum transaction_event event = status < 200   ? EVENT_SEND_1XX
				       : status < 300 ? EVENT_SEND_2XX
						      : EVENT_SEND_FAILURE;
	int rc;

	if (status < 100 || server->kind < MACHINE_INVITE_SERVER ||
	    server->state > STATE_PROCEEDING)
		return -EINVAL;
	rc = transaction_store(server, response);
	if (rc != 0)
		return rc;
	server->layer->stats.responses_out[status / 100]++;
	if (status >= 200)
		pending_remove(server);
	transaction_step(server, event, NULL);
	return 0;
}

int sip_transaction_repeat(struct sip_transaction *server)
{
	const bool accepted = server->state == STATE_ACCEPTED;

	if (server->kind != MACHINE_INVITE_SERVER || server->stored.p == NULL ||
	    (!accepted && server->state != STATE_PROCEEDING))
		return -EINVAL;
	server->layer->stats.retransmissions_out++;
	transaction_step(server, accepted ? EVENT_SEND_2XX : EVENT_SEND_1XX, NULL);
	return 0;
}

int sip_transaction_reply(struct sip_transaction *server, unsigned status, const char *reason,
			  struct slice to_tag, const char *extra)
{
	char tag[TAG_TEXT];
	struct slice response;
	int rc;

	if (server->kind < MACHINE_INVITE_SERVER || server->finished)
		return -EINVAL;
	if (to_tag.n == 0 && status > 100) {
		layer_tag(server->layer, server->node.hash, tag);
		to_tag = slice_of(tag);
	}
	rc = reply_build(server->layer, server->request, &server->path, status, reason, to_tag,
			 extra, &response);
	return rc != 0 ? rc : sip_transaction_respond(server, response);
}

void server_send_100(struct sip_transaction *t)
{
	struct sip_path reply = t->path;
	struct slice response;

	if (reply_build(t->layer, t->request, &t->path, 100, NULL, SLICE_NONE, NULL, &response) !=
		    0 ||
	    transaction_store(t, response) != 0)
		return;
	t->layer->stats.responses_out[1]++;
	reply.remote.port = t->reply_port;
	t->send_error = layer_send(t->layer, &reply, response);
}

void sip_transaction_track(struct sip_transaction *server, struct sip_pending *list)
{
	pending_remove(server);
	if (list == NULL || server->finished)
		return;
	server->pending_next = list->first;
	server->pending_prev = &list->first;
	if (list->first != NULL)
		list->first->pending_prev = &server->pending_next;
	list->first = server;
}
