/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"

#define INDEX_BEGIN 1024u

int sip_transactions_create(const struct sip_transactions_config *config,
			    struct sip_transactions **layer)
{
	struct sip_transactions *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->config = *config;
	if (l->config.limits == NULL)
		l->config.limits = &sip_limits_default;
	l->config.token[sizeof(l->config.token) - 1] = '\0';
	l->tag_key = random_u64();
	l->scratch_size = (size_t)l->config.limits->message + SCRATCH_SPARE;
	l->scratch = malloc(l->scratch_size);
	l->transactions.size = sizeof(struct sip_transaction);
	l->source_pool.size = sizeof(struct source);
	l->attempt_pool.size = sizeof(struct attempts);
	text_pool_init(&l->texts);
	l->remembered_end = &l->remembered;
	if (l->scratch == NULL || hash_index_init(&l->clients, INDEX_BEGIN) != 0 ||
	    hash_index_init(&l->servers, INDEX_BEGIN) != 0 ||
	    hash_index_init(&l->merges, INDEX_BEGIN) != 0 ||
	    hash_index_init(&l->remotes, INDEX_BEGIN) != 0 ||
	    hash_index_init(&l->sources, INDEX_BEGIN) != 0) {
		sip_transactions_destroy(l);
		return -ENOMEM;
	}
	*layer = l;
	return 0;
}

void sip_transactions_destroy(struct sip_transactions *layer)
{
	if (layer == NULL)
		return;
	while (layer->all != NULL)
		transaction_free(layer->all);
	while (layer->remembered != NULL)
		transaction_free(layer->remembered);
	hash_index_free(&layer->clients);
	hash_index_free(&layer->servers);
	hash_index_free(&layer->merges);
	hash_index_free(&layer->remotes);
	hash_index_free(&layer->sources);
	pool_free(&layer->transactions);
	pool_free(&layer->source_pool);
	pool_free(&layer->attempt_pool);
	text_pool_free(&layer->texts);
	free(layer->scratch);
	free(layer);
}

void sip_transactions_stats(const struct sip_transactions *layer,
			    struct sip_transactions_stats *stats)
{
	*stats = layer->stats;
}

int layer_send(struct sip_transactions *layer, const struct sip_path *to, struct slice message)
{
	return layer->config.send(layer->config.send_arg, to, message.p, message.n);
}

/* 13 digits of base 32 for 64 bits. */
static void write_hash(uint64_t hash, char *text)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	for (unsigned i = 0; i < 13; i++, hash >>= 5)
		text[i] = digits[hash & 31];
	text[13] = '\0';
}

void layer_tag(const struct sip_transactions *layer, uint64_t key_hash, char tag[TAG_TEXT])
{
	const size_t n = strlen(layer->config.token);

	memcpy(tag, layer->config.token, n);
	write_hash(hash_index_mix(key_hash, layer->tag_key), tag + n);
}

void layer_mint_branch(const struct sip_transactions *layer, char branch[BRANCH_TEXT])
{
	const size_t n = strlen(layer->config.token);

	memcpy(branch, BRANCH_COOKIE, sizeof(BRANCH_COOKIE));
	memcpy(branch + sizeof(BRANCH_COOKIE) - 1, layer->config.token, n);
	random_token(branch + sizeof(BRANCH_COOKIE) - 1 + n, RANDOM_TEXT - 1);
}

#define VIA_OC ";rport;oc;oc-algo=\"loss\"\r\n" /* RFC 7339 §4.1 */

size_t layer_via(const struct sip_transactions *layer, const struct sip_path *to,
		 const char *branch, char *dst, size_t size)
{
	static const char *const begins[] = {
		[SIP_UDP] = "Via: SIP/2.0/UDP ", [SIP_TCP] = "Via: SIP/2.0/TCP ",
		[SIP_TLS] = "Via: SIP/2.0/TLS ", [SIP_WS] = "Via: SIP/2.0/WS ",
		[SIP_WSS] = "Via: SIP/2.0/WSS ",
	};
	const char *const parts[] = { to->kind <= SIP_WSS ? begins[to->kind] : "",
				      layer->config.via_host(layer->config.send_arg, to),
				      ";branch=",
				      branch,
				      layer->config.alias && to->kind == SIP_TLS ? ";alias" : "",
				      layer->config.may_start != NULL ? VIA_OC : ";rport\r\n" };
	size_t used = 0;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const size_t n = strlen(parts[i]);

		if (to->kind > SIP_WSS || n > size - used)
			return 0;
		memcpy(dst + used, parts[i], n);
		used += n;
	}
	return used;
}

int sip_transactions_send(struct sip_transactions *layer, const struct sip_path *to,
			  struct slice message)
{
	const char *end = message.n > 0 ? memchr(message.p, '\n', message.n) : NULL;
	struct slice line = message;
	char branch[BRANCH_TEXT];
	size_t first, via;

	if (end == NULL || message.n > layer->config.limits->message)
		return -EINVAL;
	first = (size_t)(end + 1 - message.p);
	layer_mint_branch(layer, branch);
	memcpy(layer->scratch, message.p, first);
	via = layer_via(layer, to, branch, layer->scratch + first, layer->scratch_size - message.n);
	if (via == 0)
		return -EINVAL;
	memcpy(layer->scratch + first + via, message.p + first, message.n - first);
	layer->stats.requests_out[sip_method_of(slice_split(&line, ' '))]++;
	return layer_send(layer, to, (struct slice){ layer->scratch, message.n + via });
}

/* What is broken is answered where that helps the sender: requests, but no ACK (RFC 3261 §8.2,
 * §17.1.1.3); the text of the parser goes into a Warning. */
static void receive_broken(struct sip_transactions *layer, struct sip_msg *msg,
			   const struct sip_parse_error *error, const struct sip_path *from)
{
	char warning[256];

	layer->stats.parse_errors++;
	if (msg == NULL || !msg->is_request || msg->method == SIP_ACK || error->status < 400)
		return;
	snprintf(warning, sizeof(warning), "Warning: 399 %s \"%s\"\r\n",
		 layer->config.via_host(layer->config.send_arg, from),
		 error->what != NULL ? error->what : "malformed");
	sip_transactions_reply(layer, msg, from, error->status, NULL, warning);
}

void sip_transactions_receive(struct sip_transactions *layer, const char *data, size_t size,
			      const struct sip_path *from)
{
	struct sip_parse_error error = { 0 };
	struct sip_msg *msg = NULL;
	int rc = sip_msg_parse(data, size, layer->config.limits, &msg, &error);

	if (rc == 0 && (from->kind == SIP_TCP || from->kind == SIP_TLS) &&
	    sip_msg_header(msg, SIP_H_CONTENT_LENGTH) == NULL) { /* RFC 3261 §18.3 */
		error = (struct sip_parse_error){ .status = 400, .what = "no Content-Length" };
		rc = -EBADMSG;
	}
	if (rc == 0)
		sip_transactions_receive_msg(layer, msg, from);
	else if (rc == -EBADMSG)
		receive_broken(layer, msg, &error, from);
	if (msg != NULL)
		sip_msg_unref(msg);
}

/* RFC 3261 §8.1.3.3: a response with a second Via was not meant for a user agent. */
static bool has_second_via(const struct sip_msg *response)
{
	const struct sip_header *first = sip_msg_header(response, SIP_H_VIA);

	return first == NULL || sip_msg_next(response, first) != NULL ||
	       first->value.n > response->via.text.n;
}

static void receive_response(struct sip_transactions *layer, struct sip_msg *response,
			     const struct sip_path *from)
{
	const struct sip_tu *tu = &layer->config.tu;
	struct sip_transaction *t;

	if (response->status < 100 || response->status > 699 || has_second_via(response)) {
		layer->stats.strays++;
		return;
	}
	layer->stats.responses_in[response->status / 100]++;
	t = match_client(layer, response);
	if (t != NULL) {
		if (layer->config.heard != NULL)
			layer->config.heard(layer->config.send_arg, &t->path, response);
		client_receive(t, response);
		return;
	}
	layer->stats.strays++;
	if (tu->stray_response != NULL)
		tu->stray_response(tu->arg, response, from);
}

void sip_transactions_receive_msg(struct sip_transactions *layer, struct sip_msg *msg,
				  const struct sip_path *from)
{
	layer_settle(layer);
	if (msg->is_request)
		server_receive(layer, msg, from);
	else
		receive_response(layer, msg, from);
}
