/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <errno.h>

#define container(node, member) \
	((struct sip_transaction *)((char *)(node)-offsetof(struct sip_transaction, member)))

int request_key_of(const struct sip_msg *msg, struct request_key *key)
{
	struct sip_addr from, to;
	struct sip_cseq cseq;

	if (sip_msg_top_via(msg, &key->via) != 0 || sip_msg_cseq(msg, &cseq) != 0 ||
	    sip_msg_from(msg, &from) != 0 || sip_msg_to(msg, &to) != 0)
		return -EBADMSG;
	key->cookie = slice_starts_nocase(key->via.branch, SLICE(BRANCH_COOKIE));
	key->method = msg->method == SIP_ACK ? SIP_INVITE : msg->method;
	key->method_text = msg->method == SIP_UNKNOWN_METHOD ? msg->method_text : SLICE_NONE;
	key->cseq = cseq.number;
	key->uri = msg->request_uri;
	key->call_id = sip_msg_value(msg, SIP_H_CALL_ID);
	key->from_tag = sip_addr_tag(&from);
	key->to_tag = sip_addr_tag(&to);
	return 0;
}

/* RFC 3261 §17.2.3: branch, sent-by and method; for a branch of RFC 2543 what that RFC compares. */
uint64_t request_key_hash(const struct request_key *key)
{
	uint64_t hash = hash_index_mix(slice_hash(key->method_text), key->method);

	if (key->cookie) {
		hash = hash_index_mix(hash, slice_hash_nocase(key->via.branch));
		hash = hash_index_mix(hash, slice_hash_nocase(key->via.host));
		return hash_index_mix(hash, key->via.port);
	}
	hash = hash_index_mix(hash, slice_hash(key->call_id));
	hash = hash_index_mix(hash, slice_hash_nocase(key->from_tag));
	hash = hash_index_mix(hash, slice_hash(key->via.text));
	return hash_index_mix(hash, key->cseq);
}

/* To tags aside: those of RFC 2543 depend on what the message is. */
static bool key_equal(const struct request_key *a, const struct request_key *b)
{
	if (a->method != b->method || a->cookie != b->cookie ||
	    !slice_equal(a->method_text, b->method_text))
		return false;
	if (a->cookie)
		return slice_equal_nocase(a->via.branch, b->via.branch) &&
		       slice_equal_nocase(a->via.host, b->via.host) && a->via.port == b->via.port;
	return a->cseq == b->cseq && slice_equal(a->call_id, b->call_id) &&
	       slice_equal_nocase(a->from_tag, b->from_tag) &&
	       slice_equal(a->via.text, b->via.text) && slice_equal(a->uri, b->uri);
}

/* To tag of the last response that the transaction has sent. */
static bool response_has_tag(const struct sip_transaction *t, struct slice tag)
{
	const struct sip_limits *limits = t->layer->config.limits;
	struct sip_parse_error error;
	struct sip_msg *response = NULL;
	struct sip_addr to;
	bool equal = false;

	if (t->stored != NULL &&
	    sip_msg_parse(t->stored, t->stored_size, limits, &response, &error) == 0 &&
	    sip_msg_to(response, &to) == 0)
		equal = slice_equal_nocase(sip_addr_tag(&to), tag);
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
	return slice_equal_nocase(t->key.to_tag, key->to_tag);
}

struct sip_transaction *match_server(const struct sip_transactions *layer,
				     const struct sip_msg *msg, const struct request_key *key)
{
	struct hash_node *node = hash_index_first(&layer->servers, request_key_hash(key));

	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_transaction *t = container(node, node);

		if (key_equal(&t->key, key) && to_tag_fits(t, msg, key))
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

		if (key_equal(&t->key, &key))
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
	struct hash_node *node;
	struct sip_via via;

	if (sip_msg_top_via(response, &via) != 0)
		return NULL;
	node = hash_index_first(&layer->clients,
				client_hash(via.branch, response->method, response->method_text));
	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_transaction *t = container(node, node);

		if (slice_equal_nocase(t->key.via.branch, via.branch) &&
		    t->key.method == response->method &&
		    (response->method != SIP_UNKNOWN_METHOD ||
		     slice_equal(t->key.method_text, response->method_text)))
			return t;
	}
	return NULL;
}

uint64_t merge_hash(const struct request_key *key)
{
	uint64_t hash = hash_index_mix(slice_hash(key->call_id), key->cseq);

	return hash_index_mix(hash, slice_hash_nocase(key->from_tag));
}

bool merge_equal(const struct request_key *a, const struct request_key *b)
{
	return a->cseq == b->cseq && a->method == b->method &&
	       slice_equal(a->method_text, b->method_text) && slice_equal(a->call_id, b->call_id) &&
	       slice_equal_nocase(a->from_tag, b->from_tag);
}

/* Some clients answer a challenge with the same CSeq: what was refused is over. A call that was
 * accepted (RFC 6026) is not, and must not be made twice. */
static bool is_refused(const struct sip_transaction *server)
{
	return server->state == STATE_COMPLETED || server->state == STATE_CONFIRMED ||
	       server->state == STATE_TERMINATED;
}

bool sip_transaction_is_merged(const struct sip_transaction *server)
{
	struct hash_node *node;

	if (server->merge.prev == NULL)
		return false;
	node = hash_index_first(&server->layer->merges, server->merge.hash);
	for (; node != NULL; node = hash_index_next(node)) {
		const struct sip_transaction *t = container(node, merge);

		if (t != server && !is_refused(t) && merge_equal(&t->key, &server->key))
			return true;
	}
	return false;
}
