/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/random.h"

int sip_transactions_create(const struct sip_transactions_config *config,
			    struct sip_transactions **layer)
{
	struct sip_transactions *l = calloc(1, sizeof(*l));
	size_t expected = config->transactions_max;

	if (l == NULL)
		return -ENOMEM;
	l->config = *config;
	if (l->config.limits == NULL)
		l->config.limits = &sip_limits_default;
	l->config.token[sizeof(l->config.token) - 1] = '\0';
	l->scratch_size = (size_t)l->config.limits->message + SCRATCH_SPARE;
	l->scratch = malloc(l->scratch_size);
	if (l->scratch == NULL || hash_index_init(&l->clients, expected) != 0 ||
	    hash_index_init(&l->servers, expected) != 0 ||
	    hash_index_init(&l->merges, expected) != 0) {
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
	hash_index_free(&layer->clients);
	hash_index_free(&layer->servers);
	hash_index_free(&layer->merges);
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

static void mint(const struct sip_transactions *layer, char *text, size_t size, const char *prefix)
{
	size_t n = (size_t)snprintf(text, size, "%s%s", prefix, layer->config.token);

	random_token(text + n, RANDOM_TEXT - 1);
}

void layer_mint_tag(const struct sip_transactions *layer, char tag[TAG_TEXT])
{
	mint(layer, tag, TAG_TEXT, "");
}

void layer_mint_branch(const struct sip_transactions *layer, char branch[BRANCH_TEXT])
{
	mint(layer, branch, BRANCH_TEXT, BRANCH_COOKIE);
}

int layer_add_via(struct sip_transactions *layer, const struct sip_path *to, struct slice message,
		  const char *branch, struct slice *whole)
{
	static const char *const transports[] = {
		[SIP_UDP] = "UDP", [SIP_TCP] = "TCP", [SIP_TLS] = "TLS",
		[SIP_WS] = "WS",   [SIP_WSS] = "WSS",
	};
	const char *line_end = message.n > 0 ? memchr(message.p, '\n', message.n) : NULL;
	size_t first, size = layer->scratch_size;
	char *dst = layer->scratch;
	int n;

	if (line_end == NULL || to->kind > SIP_WSS || message.n > layer->config.limits->message)
		return -EINVAL;
	first = (size_t)(line_end + 1 - message.p);
	memcpy(dst, message.p, first);
	n = snprintf(dst + first, size - first, "Via: SIP/2.0/%s %s;branch=%s;rport\r\n",
		     transports[to->kind], layer->config.via_host(layer->config.send_arg, to),
		     branch);
	if (n < 0 || (size_t)n >= size - message.n)
		return -EINVAL;
	memcpy(dst + first + n, message.p + first, message.n - first);
	*whole = (struct slice){ dst, message.n + (size_t)n };
	return 0;
}

int sip_transactions_send(struct sip_transactions *layer, const struct sip_path *to,
			  struct slice message)
{
	struct slice whole, line = message;
	char branch[BRANCH_TEXT];
	int rc;

	layer_mint_branch(layer, branch);
	rc = layer_add_via(layer, to, message, branch, &whole);
	if (rc != 0)
		return rc;
	layer->stats.requests_out[sip_method_of(slice_split(&line, ' '))]++;
	return layer_send(layer, to, whole);
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
	reply_stateless(layer, msg, from, error->status, NULL, warning);
}

void sip_transactions_receive(struct sip_transactions *layer, const char *data, size_t size,
			      const struct sip_path *from)
{
	struct sip_parse_error error = { 0 };
	struct sip_msg *msg = NULL;
	int rc = sip_msg_parse(data, size, layer->config.limits, &msg, &error);

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
	struct sip_via via;
	struct slice rest;

	if (first == NULL)
		return false;
	rest = first->value;
	return sip_msg_next(response, first) != NULL ||
	       (sip_via_next(&rest, &via) == 0 && sip_via_next(&rest, &via) == 0);
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
	if (msg->is_request)
		server_receive(layer, msg, from);
	else
		receive_response(layer, msg, from);
}
