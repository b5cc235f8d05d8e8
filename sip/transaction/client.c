/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <errno.h>
#include <stdlib.h>

static const unsigned max_forwards = 70; /* RFC 3261 §8.1.1.6 */

static int create(struct sip_transactions *layer, const struct sip_path *to, struct slice whole,
		  struct sip_transaction **client)
{
	struct sip_transaction *t;
	struct sip_parse_error error;
	struct sip_msg *request = NULL;
	int rc = sip_msg_parse(whole.p, whole.n, layer->config.limits, &request, &error);

	if (rc != 0 || !request->is_request || request->method == SIP_ACK) {
		if (request != NULL)
			sip_msg_unref(request);
		return rc == -ENOMEM ? rc : -EINVAL;
	}
	t = transaction_new(
		layer, request->method == SIP_INVITE ? MACHINE_INVITE_CLIENT : MACHINE_CLIENT, to);
	if (t == NULL) {
		sip_msg_unref(request);
		return -ENOMEM;
	}
	t->request = request;
	rc = request_key_of(request, &t->key);
	if (rc != 0) {
		transaction_free(t);
		return -EINVAL;
	}
	hash_index_insert(&layer->clients, &t->node,
			  client_hash(t->key.via.branch, request->method, request->method_text));
	*client = t;
	return 0;
}

static int start(struct sip_transaction *t)
{
	int rc;

	transaction_step_quiet(t, EVENT_START, NULL);
	rc = t->send_error;
	if (rc == 0)
		t->layer->stats.requests_out[t->request->method]++;
	else
		transaction_free(t);
	return rc;
}

static bool is_invite(struct slice message)
{
	return message.n > 7 && memcmp(message.p, "INVITE ", 7) == 0;
}

int sip_transaction_start(struct sip_transactions *layer, const struct sip_path *to,
			  struct slice message, const struct sip_transaction_user *user, void *arg,
			  struct sip_transaction **client)
{
	const struct sip_transactions_stats *stats = &layer->stats;
	struct sip_transaction *t = NULL;
	char branch[BRANCH_TEXT];
	struct slice whole;
	int rc;

	if (is_invite(message) && stats->clients + stats->servers >= layer->config.transactions_max)
		return -EBUSY;
	layer_mint_branch(layer, branch);
	rc = layer_add_via(layer, to, message, branch, &whole);
	if (rc == 0)
		rc = create(layer, to, whole, &t);
	if (rc != 0)
		return rc;
	t->user = user;
	t->arg = arg;
	rc = start(t);
	if (rc == 0 && client != NULL)
		*client = t;
	return rc;
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

static void via_of(const struct sip_transaction *t, struct sip_build *b)
{
	sip_build_header_slice(b, SIP_H_VIA, t->key.via.text);
}

/* What ACK and CANCEL take over from their INVITE, To aside (RFC 3261 §9.1, §17.1.1.3). */
static void build_begin(const struct sip_transaction *t, struct sip_build *b, const char *method)
{
	struct sip_transactions *layer = t->layer;

	sip_build_init(b, layer->scratch, layer->scratch_size);
	sip_build_request_line(b, slice_of(method), t->request->request_uri);
	via_of(t, b);
	sip_build_header(b, SIP_H_MAX_FORWARDS, "%u", max_forwards);
	sip_build_copy(b, t->request, SIP_H_ROUTE);
	sip_build_copy(b, t->request, SIP_H_FROM);
	sip_build_copy(b, t->request, SIP_H_CALL_ID);
	sip_build_header(b, SIP_H_CSEQ, "%u %s", t->key.cseq, method);
}

/* RFC 3261 §17.1.1.3 */
static int build_ack(struct sip_transaction *t, const struct sip_msg *response)
{
	struct slice message;
	struct sip_build b;
	int rc;

	build_begin(t, &b, "ACK");
	sip_build_copy(&b, response, SIP_H_TO);
	rc = sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message);
	return rc != 0 ? rc : transaction_store(t, message);
}

void client_send_ack(struct sip_transaction *t, const struct sip_msg *response)
{
	if (t->stored == NULL) {
		if (build_ack(t, response) != 0)
			return;
		t->layer->stats.requests_out[SIP_ACK]++;
	} else {
		t->layer->stats.retransmissions_out++;
	}
	t->send_error = layer_send(t->layer, &t->path, (struct slice){ t->stored, t->stored_size });
}

/* RFC 3261 §9.1. The CANCEL is a transaction of its own and has no user: what counts is the final
 * response of the INVITE. When none comes, the INVITE is over 64*T1 from here. */
void client_send_cancel(struct sip_transaction *t)
{
	struct sip_transaction *cancel = NULL;
	struct slice message;
	struct sip_build b;

	t->cancel_wanted = false;
	t->cancel_sent = true;
	transaction_start_life(t, EVENT_TIMER_B, 64 * (uint64_t)t->layer->config.timers.t1);
	build_begin(t, &b, "CANCEL");
	sip_build_copy(&b, t->request, SIP_H_TO);
	sip_build_lines(&b, (struct slice){ t->cancel_headers, t->cancel_headers_size });
	if (sip_build_finish(&b, SLICE_NONE, SLICE_NONE, &message) == 0 &&
	    create(t->layer, &t->path, message, &cancel) == 0)
		start(cancel);
}

int sip_transaction_cancel(struct sip_transaction *client, struct slice extra_headers)
{
	if (client->kind != MACHINE_INVITE_CLIENT || client->state > STATE_PROCEEDING)
		return -EINVAL;
	if (client->cancel_wanted || client->cancel_sent)
		return 0;
	if (extra_headers.n > 0) {
		client->cancel_headers = malloc(extra_headers.n);
		if (client->cancel_headers == NULL)
			return -ENOMEM;
		memcpy(client->cancel_headers, extra_headers.p, extra_headers.n);
		client->cancel_headers_size = extra_headers.n;
	}
	if (client->state == STATE_PROCEEDING)
		client_send_cancel(client);
	else
		client->cancel_wanted = true;
	return 0;
}
