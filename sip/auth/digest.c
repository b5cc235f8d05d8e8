/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/auth/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "sip/auth/internal.h"
#include "sip/base/random.h"
#include "sip/message/chars.h"

/* A nonce may seem to be made a little in the future when the clock is set back. */
#define CLOCK_SLACK_S 5

struct digest_server {
	struct digest_options options;
	EVP_MAC_CTX *mac;
	struct replay *replay;
	unsigned char decoy[DIGEST_BYTES_MAX]; /* HA1 of users that do not exist */
};

/* --- set up ---------------------------------------------------------------------------------- */

static EVP_MAC_CTX *create_mac(const uint8_t key[32])
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	if (context != NULL && EVP_MAC_init(context, key, 32, params) != 1) {
		EVP_MAC_CTX_free(context);
		context = NULL;
	}
	EVP_MAC_free(mac);
	return context;
}

static int check_algorithms(const struct digest_options *options)
{
	unsigned char hash[DIGEST_BYTES_MAX];
	unsigned seen = 0;

	if (options->algorithm_count == 0 || options->algorithm_count > DIGEST_ALGORITHMS)
		return -EINVAL;
	for (unsigned i = 0; i < options->algorithm_count; i++) {
		enum digest_algorithm which = options->algorithms[i];

		if (which >= DIGEST_ALGORITHMS || (seen & 1u << which) != 0)
			return -EINVAL;
		if (!digest_hash(which, &(struct slice){ "", 0 }, 1, hash))
			return -ENOTSUP;
		seen |= 1u << which;
	}
	return 0;
}

int digest_server_create(const struct digest_options *options, struct digest_server **result)
{
	struct digest_server *server;
	int rc = check_algorithms(options);

	*result = NULL;
	if (rc != 0)
		return rc;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->options = *options;
	server->mac = create_mac(options->key);
	server->replay = replay_get(options->key, options->nonces_max);
	if (server->mac == NULL || server->replay == NULL) {
		digest_server_destroy(server);
		return -ENOMEM;
	}
	random_bytes(server->decoy, sizeof(server->decoy));
	*result = server;
	return 0;
}

void digest_server_destroy(struct digest_server *server)
{
	if (server == NULL)
		return;
	replay_put(server->replay);
	EVP_MAC_CTX_free(server->mac);
	OPENSSL_cleanse(server, sizeof(*server));
	free(server);
}

/* --- credentials ------------------------------------------------------------------------------ */

static bool is_offered(const struct digest_server *server, enum digest_algorithm which)
{
	for (unsigned i = 0; i < server->options.algorithm_count; i++)
		if (server->options.algorithms[i] == which)
			return true;
	return false;
}

/* The first Digest credentials for the realm with an algorithm that we offer. */
static enum digest_verdict find_credentials(const struct digest_server *server,
					    const struct sip_msg *request,
					    const struct digest_ask *ask, struct digest_params *c,
					    enum digest_algorithm *which)
{
	enum sip_header_id id = ask->proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION;

	for (const struct sip_header *h = sip_msg_header(request, id); h != NULL;
	     h = sip_msg_next(request, h)) {
		struct slice rest = h->value;

		if (!digest_scheme_take(&rest))
			continue;
		if (!digest_params_read(rest, c))
			return DIGEST_MALFORMED;
		if (slice_equal(c->realm, ask->realm) &&
		    digest_algorithm_parse(c->algorithm, which) && is_offered(server, *which))
			return DIGEST_OK;
	}
	return DIGEST_MISSING;
}

/* RFC 3261 §22.4: without qop there is neither cnonce nor nc, and the nonce counts as used once. */
static bool read_qop(const struct digest_params *c, enum digest_algorithm which,
		     enum digest_qop *qop, uint32_t *count)
{
	*qop = DIGEST_QOP_NONE;
	*count = 1;
	if (c->qop.p == NULL)
		return which == DIGEST_MD5;
	*qop = slice_equal_nocase(c->qop, SLICE("auth-int")) ? DIGEST_QOP_AUTH_INT
							     : DIGEST_QOP_AUTH;
	return (*qop == DIGEST_QOP_AUTH_INT || slice_equal_nocase(c->qop, SLICE("auth"))) &&
	       c->cnonce.n > 0 && digest_count_read(c->nc, count);
}

/*
 * What was digested is the uri of the credentials. It should be the Request-URI (RFC 7616 §3.4.6),
 * but clients put the address of their proxy there, or leave parameters out, and always have:
 * comparing would lock them out. It guards nothing here: a nonce count, or a nonce without one, is
 * taken once, so credentials cannot be carried to another request.
 */
static bool uri_is_usable(struct slice text)
{
	struct sip_uri uri;

	return sip_uri_parse(text, &uri) == 0 && uri.scheme != SIP_SCHEME_OTHER;
}

static bool read_proof(const struct sip_msg *request, const struct digest_params *c,
		       enum digest_algorithm which, struct digest_parts *proof, uint32_t *count)
{
	*proof = (struct digest_parts){
		.algorithm = which,
		.method = request->method_text,
		.uri = c->uri,
		.nonce = c->nonce,
		.nc = c->nc,
		.cnonce = c->cnonce,
		.qop_text = c->qop,
		.body = request->body,
	};
	return read_qop(c, which, &proof->qop, count) && c->nonce.n > 0 &&
	       c->response.n == 2 * digest_algorithm_size(which) &&
	       all_are(c->response, CHAR_HEX) && uri_is_usable(c->uri);
}

/* --- checking --------------------------------------------------------------------------------- */

static bool nonce_is_fresh(const struct digest_server *server, const struct nonce *nonce,
			   uint64_t now_s)
{
	return nonce->created_s <= now_s + CLOCK_SLACK_S &&
	       now_s <= nonce->created_s + server->options.nonce_lifetime_s;
}

/* The name behind a hashed one takes its place in the result. */
static bool unhash(const struct digest_ask *ask, const struct digest_users *users,
		   enum digest_algorithm which, char name[DIGEST_USER_MAX])
{
	char hash[DIGEST_USER_MAX];

	if (users->unhash == NULL || strlen(name) != 2 * digest_algorithm_size(which))
		return false;
	for (size_t i = 0; i <= strlen(name); i++)
		hash[i] = (char)(name[i] >= 'A' && name[i] <= 'F' ? name[i] | 0x20 : name[i]);
	return users->unhash(users->arg, hash, ask->realm, which, name);
}

static bool response_is_right(struct digest_server *server, const struct digest_ask *ask,
			      const struct digest_users *users, const struct digest_params *c,
			      struct digest_result *result)
{
	char expected[DIGEST_HEX_MAX + 1];
	bool known = true;

	if (slice_equal_nocase(c->userhash, SLICE("true")))
		known = unhash(ask, users, result->proof.algorithm, result->username);
	known = known && users->find(users->arg, result->username, ask->realm,
				     result->proof.algorithm, result->ha1);
	/* Somebody who does not exist costs the same. */
	if (!known)
		memcpy(result->ha1, server->decoy, sizeof(result->ha1));
	result->proof.ha1 = result->ha1;
	if (!digest_response(&result->proof, expected))
		return false;
	return digest_equal(expected, c->response) & known;
}

static bool nonce_is_ours(struct digest_server *server, const struct digest_ask *ask,
			  struct slice text, struct nonce *nonce)
{
	return nonce_read(server->mac, ask, text, nonce) &&
	       nonce_is_fresh(server, nonce, ask->now_s);
}

enum digest_verdict digest_look(struct digest_server *server, const struct sip_msg *request,
				const struct digest_ask *ask)
{
	enum digest_algorithm which;
	struct digest_params c;
	struct nonce nonce;
	const enum digest_verdict verdict = find_credentials(server, request, ask, &c, &which);

	if (verdict != DIGEST_OK)
		return verdict;
	return nonce_is_ours(server, ask, c.nonce, &nonce) ? DIGEST_OK : DIGEST_STALE;
}

void digest_check(struct digest_server *server, const struct sip_msg *request,
		  const struct digest_ask *ask, const struct digest_users *users,
		  struct digest_result *result)
{
	enum digest_algorithm which = DIGEST_MD5;
	struct digest_params c;
	struct nonce nonce;
	uint32_t count;

	result->username[0] = '\0';
	result->renew = false;
	result->verdict = find_credentials(server, request, ask, &c, &which);
	if (result->verdict != DIGEST_OK)
		return;
	if (!digest_user_read(&c, result->username, sizeof(result->username)) ||
	    !read_proof(request, &c, which, &result->proof, &count)) {
		result->verdict = DIGEST_MALFORMED;
	} else if (!nonce_is_ours(server, ask, c.nonce, &nonce)) {
		/* RFC 7616 §3.3 asks no more of stale than an invalid nonce. So a made-up one
		 * costs one HMAC, and a password can be tried on a nonce of ours alone. */
		result->verdict = DIGEST_STALE;
	} else if (!response_is_right(server, ask, users, &c, result)) {
		result->verdict = DIGEST_WRONG;
	} else if (!replay_note(server->replay, &nonce, count)) {
		result->verdict = DIGEST_STALE;
	} else {
		result->renew = ask->now_s > nonce.created_s + server->options.nonce_lifetime_s / 2;
	}
}

/* --- what we send ----------------------------------------------------------------------------- */

static bool is_md5_only(const struct digest_options *options, struct slice agent)
{
	for (unsigned i = 0; i < options->md5_only_agent_count; i++)
		if (slice_starts_nocase(agent, slice_of(options->md5_only_agents[i])))
			return true;
	return false;
}

void digest_challenge(struct digest_server *server, const struct sip_msg *request,
		      const struct digest_ask *ask, bool stale, struct sip_build *response)
{
	const struct digest_options *options = &server->options;
	bool md5_only = is_md5_only(options, sip_msg_value(request, SIP_H_USER_AGENT));
	enum sip_header_id id = ask->proxy ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE;
	char nonce[NONCE_TEXT + 1];

	if (nonce_make(server->mac, ask, nonce) != 0) {
		/* A challenge that nobody could meet is no response at all. */
		response->overflow = true;
		return;
	}
	for (unsigned i = 0; i < options->algorithm_count; i++) {
		if (options->algorithms[i] != DIGEST_MD5 && md5_only)
			continue;
		sip_build_header(
			response, id,
			"Digest realm=\"%.*s\", nonce=\"%s\", algorithm=%s, qop=\"%s\"%s%s",
			SLICE_FMT(ask->realm), nonce, digest_algorithm_name(options->algorithms[i]),
			options->auth_int ? "auth,auth-int" : "auth",
			options->user_hash ? ", userhash=true" : "", stale ? ", stale=true" : "");
	}
}

void digest_info(struct digest_server *server, const struct digest_ask *ask,
		 const struct digest_result *result, struct slice body, struct sip_build *response)
{
	struct digest_parts proof = result->proof;
	char nonce[NONCE_TEXT + 1] = "", proved[DIGEST_HEX_MAX + 1];

	proof.method = SLICE_NONE;
	proof.body = body;
	proof.ha1 = result->ha1;
	if (proof.qop == DIGEST_QOP_NONE || !digest_response(&proof, proved))
		return;
	if (result->renew && nonce_make(server->mac, ask, nonce) != 0)
		nonce[0] = '\0';
	sip_build_header(response, SIP_H_AUTHENTICATION_INFO,
			 "%s%s%sqop=%.*s, rspauth=\"%s\", cnonce=\"%.*s\", nc=%.*s",
			 nonce[0] != '\0' ? "nextnonce=\"" : "", nonce,
			 nonce[0] != '\0' ? "\", " : "", SLICE_FMT(proof.qop_text), proved,
			 SLICE_FMT(proof.cnonce), SLICE_FMT(proof.nc));
}
