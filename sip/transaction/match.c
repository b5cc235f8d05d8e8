/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#define container(node, member) \
	((struct sip_transaction *)((char *)(node)-offsetof(struct sip_transaction, member)))

void request_key_of(const struct sip_msg *msg, struct request_key *key)
{
	key->via = &msg->via;
	key->cookie = slice_starts_nocase(msg->via.branch, SLICE(BRANCH_COOKIE));
	key->method = msg->method == SIP_ACK ? SIP_INVITE : msg->method;
	key->method_text = msg->method == SIP_UNKNOWN_METHOD ? msg->method_text : SLICE_NONE;
	key->cseq = msg->cseq.number;
	key->uri = msg->request_uri;
	key->call_id = msg->call_id;
	key->from_tag = msg->from_tag;
	key->to_tag = msg->to_tag;
}

/* RFC 3261 §17.2.3: branch, sent-by and method; for a branch of RFC 2543 what that RFC compares, To
 * tags aside: those depend on what the message is. A transaction keeps no more of its key than this:
 * two keys of one hash would be taken for one, but nobody outside knows how to find them, and by
 * chance they do not meet. */
uint64_t request_key_hash(const struct request_key *key)
{
	uint64_t hash = hash_index_mix(slice_hash(key->method_text), key->method);

	if (key->cookie) {
		hash = hash_index_mix(hash, slice_hash_nocase(key->via->branch));
		hash = hash_index_mix(hash, slice_hash_nocase(key->via->host));
		return hash_index_mix(hash, key->via->port);
	}
	hash = hash_index_mix(hash, slice_hash(key->call_id));
	hash = hash_index_mix(hash, slice_hash_nocase(key->from_tag));
	hash = hash_index_mix(hash, slice_hash(key->via->text));
	hash = hash_index_mix(hash, slice_hash(key->uri));
	return hash_index_mix(hash, key->cseq);
}

static bool key_equal(const struct sip_transaction *t, const struct request_key *key)
{
	return t->method == key->method && t->cookie == key->cookie;
}

/* To tag of the last response that the transaction has sent. */
static bool response_has_tag(const struct sip_transaction *t, struct slice tag)
{
	const struct sip_limits *limits = t->layer->config.limits;
	struct sip_parse_error error;
	struct sip_msg *response = NULL;
	bool equal = false;

	if (t->stored.p != NULL &&
	    sip_msg_parse(t->stored.p, t->stored.n, limits, &response, &error) == 0)
		equal = slice_equal_nocase(response->to_tag, tag);
	if (response != NULL)
		sip_msg_unref(response);
	return equal;
}

static bool to_tag_fits(const struct sip_transaction *t, const struct sip_msg *msg,
			const struct request_key *key)
{
	if (key->cookie)
		return true;
	if (msg->method == SIP_ACK)
		return response_has_tag(t, key->to_tag);
	return t->to_tag_hash == slice_hash_nocase(key->to_tag);
}

struct sip_transaction *match_server(const struct sip_transactions *layer,
				     const struct sip_msg *msg, const struct request_key *key)
{
	struct hash_node *node = hash_index_first(&layer->servers, request_key_hash(key));

	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_transaction *t = container(node, node);

		if (key_equal(t, key) && to_tag_fits(t, msg, key))
			return t;
	}
	return NULL;
}

/* RFC 3261 §9.2: as if the CANCEL were the INVITE. Other methods cannot be cancelled. */
struct sip_transaction *match_cancelled(const struct sip_transactions *layer,
					const struct request_key *cancel)
{
	struct request_key key = *cancel;
	struct hash_node *node;

	key.method = SIP_INVITE;
	node = hash_index_first(&layer->servers, request_key_hash(&key));
	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_transaction *t = container(node, node);

		if (key_equal(t, &key))
			return t;
	}
	return NULL;
}

uint64_t client_hash(struct slice branch, uint8_t method, struct slice method_text)
{
	uint64_t hash = hash_index_mix(slice_hash_nocase(branch), method);

	return method == SIP_UNKNOWN_METHOD ? hash_index_mix(hash, slice_hash(method_text)) : hash;
}

/* RFC 3261 §17.1.3 */
struct sip_transaction *match_client(const struct sip_transactions *layer,
				     const struct sip_msg *response)
{
	const uint64_t hash =
		client_hash(response->via.branch, response->method, response->method_text);
	struct hash_node *node = hash_index_first(&layer->clients, hash);

	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_transaction *t = container(node, node);

		if (t->method == response->method)
			return t;
	}
	return NULL;
}

uint64_t merge_hash(const struct request_key *key)
{
	uint64_t hash = hash_index_mix(slice_hash(key->call_id), key->cseq);

	hash = hash_index_mix(hash, slice_hash(key->method_text));
	return hash_index_mix(hash, slice_hash_nocase(key->from_tag));
}

/* Nobody hears its responses any more. What has been accepted is another matter: that call is made. */
static bool is_lost(const struct sip_transaction *t)
{
	if (t->path.flow.index == 0 || t->state > STATE_PROCEEDING)
		return false;
	for (unsigned i = 0; i < LOST_FLOWS; i++)
		if (sip_flow_equal(t->layer->lost[i], t->path.flow))
			return true;
	return false;
}

/* The other one of the same request that is lost, or is not. */
static struct sip_transaction *twin_of(const struct sip_transaction *server, bool lost)
{
	struct hash_node *node;

	if (server->second.prev == NULL)
		return NULL;
	node = hash_index_first(&server->layer->merges, server->second.hash);
	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_transaction *t = container(node, second);

		if (t != server && t->method == server->method && is_lost(t) == lost)
			return t;
	}
	return NULL;
}

bool sip_transaction_is_merged(const struct sip_transaction *server)
{
	return twin_of(server, false) != NULL;
}

struct sip_transaction *sip_transaction_replaced(const struct sip_transaction *server)
{
	return twin_of(server, true);
}
