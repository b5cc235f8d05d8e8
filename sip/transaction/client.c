/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <errno.h>

static const unsigned max_forwards = 70; /* RFC 3261 §8.1.1.6 */

bool method_of(struct slice message, struct slice *text, enum sip_method *method)
{
	struct slice line = slice_split(&message, '\n');
	const struct slice version = SLICE(" SIP/2.0\r");

	if (line.n <= version.n || memcmp(line.p + line.n - version.n, version.p, version.n) != 0)
		return false;
	*text = slice_split(&line, ' ');
	*method = sip_method_of(*text);
	return text->n > 0 && line.n > version.n;
}

uint64_t path_hash(const struct sip_path *path)
{
	return hash_index_mix(sip_address_hash(&path->remote), path->kind);
}

bool over_client_limit(const struct sip_transactions *layer, enum sip_method method)
{
	return method == SIP_INVITE &&
	       layer->stats.clients_unfinished + layer->stats.servers_unfinished >=
		       layer->config.transactions_max;
}

bool client_is_held(const struct sip_transactions *layer, const struct sip_path *to,
		    struct slice request)
{
	const struct sip_transactions_config *config = &layer->config;

	return config->may_start != NULL && !config->may_start(config->send_arg, to, request);
}

int assemble(struct sip_transactions *layer, const struct sip_path *to, struct slice first,
	     struct slice lines, struct slice rest, const char *branch, struct kept *whole,
	     uint32_t *rest_at)
{
	char via[VIA_TEXT];
	const size_t n = layer_via(layer, to, branch, via, sizeof(via));
	const size_t size = first.n + n + lines.n + rest.n;
	char *p;

	if (n == 0 || size - n > layer->config.limits->message)
		return -EINVAL;
	p = text_pool_take(&layer->texts, size);
	if (p == NULL)
		return -ENOMEM;
	*whole = (struct kept){ p, (uint32_t)size };
	*rest_at = (uint32_t)(size - rest.n);
	memcpy(p, first.p, first.n);
	memcpy(p + first.n, via, n);
	if (lines.n > 0)
		memcpy(p + first.n + n, lines.p, lines.n);
	memcpy(p + *rest_at, rest.p, rest.n);
	return 0;
}

void client_set(struct sip_transaction *t, const struct sip_path *to, struct slice branch,
		const struct kept *whole)
{
	struct sip_transactions *layer = t->layer;
	enum sip_method method;
	struct slice text;

	kept_drop(layer, &t->sent);
	t->sent = *whole;
	method_of((struct slice){ whole->p, whole->n }, &text, &method);
	t->path = *to;
	t->reliable = to->kind != SIP_UDP;
	t->resent = false;
	hash_index_remove(&layer->clients, &t->node);
	hash_index_remove(&layer->remotes, &t->second);
	hash_index_insert(&layer->clients, &t->node, client_hash(branch, t->method, text));
	hash_index_insert(&layer->remotes, &t->second, path_hash(to));
}

static int start(struct sip_transaction *t)
{
	int rc;

	transaction_step_quiet(t, EVENT_START, NULL);
	rc = t->send_error;
	if (rc == 0)
		t->layer->stats.requests_out[t->method]++;
	else
		transaction_free(t);
	return rc;
}

/* In the tables, and not sent yet. `whole` is the transaction's then. */
static int create(struct sip_transactions *layer, const struct sip_path *to, enum sip_method method,
		  struct slice branch, struct kept *whole, struct sip_transaction **client)
{
	struct sip_transaction *t = transaction_new(
		layer, method == SIP_INVITE ? MACHINE_INVITE_CLIENT : MACHINE_CLIENT, to);

	if (t == NULL) {
		kept_drop(layer, whole);
		return -ENOMEM;
	}
	t->method = method;
	client_set(t, to, branch, whole);
	*client = t;
	return 0;
}

int sip_transaction_start(struct sip_transactions *layer, const struct sip_path *to,
			  struct slice message, const struct sip_transaction_user *user, void *arg,
			  struct sip_transaction **client)
{
	struct slice text, rest = message;
	const struct slice first = { message.p, slice_split(&rest, '\n').n + 1 };
	struct sip_transaction *t = NULL;
	char branch[BRANCH_TEXT];
	enum sip_method method;
	struct kept whole;
	uint32_t rest_at;
	int rc;

	if (!method_of(message, &text, &method) || method == SIP_ACK)
		return -EINVAL;
	if (over_client_limit(layer, method) || client_is_held(layer, to, message))
		return -EBUSY;
	layer_mint_branch(layer, branch);
	rc = assemble(layer, to, first, SLICE_NONE, rest, branch, &whole, &rest_at);
	if (rc == 0)
		rc = create(layer, to, method, slice_of(branch), &whole, &t);
	if (rc != 0)
		return rc;
	t->via = (uint32_t)first.n;
	t->rest = rest_at;
	t->user = user;
	t->arg = arg;
	rc = start(t);
	if (rc == 0 && client != NULL)
		*client = t;
	return rc;
}

bool sip_transaction_sent(const struct sip_transaction *client, struct slice *first,
			  struct slice *rest)
{
	if (client->sent.n == 0)
		return false;
	*first = (struct slice){ client->sent.p, client->via };
	*rest = (struct slice){ client->sent.p + client->rest, client->sent.n - client->rest };
	return true;
}

uint16_t sip_transaction_mark(const struct sip_transaction *t)
{
	return t->mark;
}

void sip_transaction_set_mark(struct sip_transaction *t, uint16_t mark)
{
	t->mark = mark;
}

static enum transaction_event response_event(unsigned status)
{
	return status < 200 ? EVENT_1XX : status < 300 ? EVENT_2XX : EVENT_FAILURE;
}

void client_receive(struct sip_transaction *t, struct sip_msg *response)
{
	const uint8_t before = t->state;

	if (!transaction_step(t, response_event(response->status), response) ||
	    before == STATE_COMPLETED)
		t->layer->stats.retransmissions_in++;
}

/* What ACK and CANCEL take over from their INVITE (RFC 3261 §9.1, §17.1.1.3): all of it but To,
 * which is that of `to`. Our own message is parsed for this alone: most calls need neither. */
static int build_from_invite(const struct sip_transaction *t, const char *method,
			     const struct sip_msg *to, struct slice lines, struct slice *message)
{
	struct sip_transactions *layer = t->layer;
	struct sip_parse_error error;
	struct sip_msg *invite = NULL;
	struct sip_build b;
	int rc = sip_msg_parse(t->sent.p, t->sent.n, layer->config.limits, &invite, &error);

	if (rc == 0) {
		sip_build_init(&b, layer->scratch, layer->scratch_size);
		sip_build_request_line(&b, slice_of(method), invite->request_uri);
		sip_build_header_slice(&b, SIP_H_VIA, invite->via.text);
		sip_build_header(&b, SIP_H_MAX_FORWARDS, "%u", max_forwards);
		sip_build_copy(&b, invite, SIP_H_ROUTE);
		sip_build_copy(&b, invite, SIP_H_FROM);
		sip_build_copy(&b, to != NULL ? to : invite, SIP_H_TO);
		sip_build_copy(&b, invite, SIP_H_CALL_ID);
		sip_build_header(&b, SIP_H_CSEQ, "%u %s", invite->cseq.number, method);
		sip_build_lines(&b, lines);
		rc = sip_build_finish(&b, SLICE_NONE, SLICE_NONE, message);
	}
	if (invite != NULL)
		sip_msg_unref(invite);
	return rc;
}

/* RFC 3261 §17.1.1.3 */
static int build_ack(struct sip_transaction *t, const struct sip_msg *response)
{
	struct slice message;
	int rc = build_from_invite(t, "ACK", response, SLICE_NONE, &message);

	return rc != 0 ? rc : transaction_store(t, message);
}

void client_send_ack(struct sip_transaction *t, const struct sip_msg *response)
{
	if (t->stored.p == NULL) {
		if (build_ack(t, response) != 0)
			return;
		t->layer->stats.requests_out[SIP_ACK]++;
	} else {
		t->layer->stats.retransmissions_out++;
	}
	t->send_error = layer_send(t->layer, &t->path, (struct slice){ t->stored.p, t->stored.n });
}

/* The branch that we wrote: behind "Via: … ;branch=". */
static struct slice branch_of(const struct sip_transaction *t)
{
	struct slice via = { t->sent.p + t->via, t->rest - t->via };

	slice_split(&via, '=');
	return slice_split(&via, ';');
}

/* RFC 3261 §9.1. The CANCEL is a transaction of its own and has no user: what counts is the final
 * response of the INVITE. When none comes, the INVITE is over 64*T1 from here. */
void client_send_cancel(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;
	const struct slice lines = { t->cancel_headers.p, t->cancel_headers.n };
	struct sip_transaction *cancel = NULL;
	struct kept sent = { 0 };
	struct slice message;

	t->cancel_wanted = false;
	t->cancel_sent = true;
	transaction_start_life(t, EVENT_TIMER_B, 64 * (uint64_t)layer->config.timers.t1);
	if (build_from_invite(t, "CANCEL", NULL, lines, &message) == 0 &&
	    kept_set(layer, &sent, message) == 0 &&
	    create(layer, &t->path, SIP_CANCEL, branch_of(t), &sent, &cancel) == 0)
		start(cancel);
}

int sip_transaction_cancel(struct sip_transaction *client, struct slice extra_headers)
{
	if (client->kind != MACHINE_INVITE_CLIENT || client->state > STATE_PROCEEDING)
		return -EINVAL;
	if (client->cancel_wanted || client->cancel_sent)
		return 0;
	if (extra_headers.n > 0 &&
	    kept_set(client->layer, &client->cancel_headers, extra_headers) != 0)
		return -ENOMEM;
	if (client->state == STATE_PROCEEDING)
		client_send_cancel(client);
	else
		client->cancel_wanted = true;
	if (client->state == STATE_NONE)
		attempts_cancel(client);
	return 0;
}

/* A flow of one path: that one, and what had none when it was sent to the same address. */
static bool went_by(const struct sip_transaction *t, const struct sip_path *path)
{
	const struct sip_flow *a = &t->path.flow, *b = &path->flow;

	return t->path.kind == path->kind && sip_address_equal(&t->path.remote, &path->remote) &&
	       (a->index == 0 || b->index == 0 ||
		(a->index == b->index && a->generation == b->generation && a->shard == b->shard));
}

/*
 * What was pending goes once more, over a new connection: as it was, with its branch, so that who has
 * got it already takes it for a retransmission. Who can be reached over that connection alone
 * (behind a NAT, in a browser) is not reached any more. A phone that rings says how that ends.
 */
static bool goes_again(struct sip_transaction *t)
{
	struct sip_path path = t->path;

	const bool waits = t->kind == MACHINE_CLIENT ||
			   (t->kind == MACHINE_INVITE_CLIENT && t->state == STATE_CALLING);

	if (!waits || t->resent || t->sent.n == 0 ||
	    (t->path.kind != SIP_TCP && t->path.kind != SIP_TLS) ||
	    (t->path.flags & SIP_PATH_FLOW_ONLY) != 0)
		return false;
	t->resent = true;
	path.flow = (struct sip_flow){ 0 };
	if (layer_send(t->layer, &path, (struct slice){ t->sent.p, t->sent.n }) != 0)
		return false;
	t->path.flow = path.flow;
	t->layer->stats.retransmissions_out++;
	return true;
}

void sip_transactions_flow_failed(struct sip_transactions *layer, const struct sip_path *path)
{
	const uint64_t hash = path_hash(path);
	struct sip_transaction *list = NULL, *t;

	layer_settle(layer);
	if (path->flow.index != 0)
		layer->lost[layer->lost_next++ % LOST_FLOWS] = path->flow;
	/* Users start others meanwhile, so first all are found: what ends now is not freed before
	 * the next tick. A client stands on no list of pending ones. */
	for (struct hash_node *node = hash_index_first(&layer->remotes, hash); node != NULL;
	     node = hash_index_next(node)) {
		t = (struct sip_transaction *)((char *)node -
					       offsetof(struct sip_transaction, second));
		if (!went_by(t, path))
			continue;
		t->pending_next = list;
		list = t;
	}
	while ((t = list) != NULL) {
		list = t->pending_next;
		t->pending_next = NULL;
		if (!t->finished && !goes_again(t))
			transaction_step(t, EVENT_UNSENT, NULL);
	}
}
