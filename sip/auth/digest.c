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

#define DIGEST_SIZE_MAX 32
#define DIGEST_TEXT_MAX (2 * DIGEST_SIZE_MAX)
/* A nonce may seem to be made a little in the future when the clock is set back. */
#define CLOCK_SLACK_S 5

static const struct algorithm {
	const char *name;  /* of the algorithm parameter, RFC 8760 §2.1 */
	const char *fetch; /* libcrypto's name */
	unsigned size;     /* bytes */
} algorithms[DIGEST_ALGORITHMS] = {
	[DIGEST_MD5] = { "MD5", "MD5", 16 },
	[DIGEST_SHA256] = { "SHA-256", "SHA256", 32 },
};

struct digest_server {
	struct digest_options options;
	char *realm;
	EVP_MD *md[DIGEST_ALGORITHMS];
	EVP_MD_CTX *context;
	EVP_MAC_CTX *mac;
	struct replay *replay;
	char decoy[32]; /* password of users that do not exist */
};

/* --- set up ---------------------------------------------------------------------------------- */

static bool realm_valid(struct slice realm)
{
	for (size_t i = 0; i < realm.n; i++) {
		unsigned char c = (unsigned char)realm.p[i];

		if (c < ' ' || c == 0x7f || c == '"' || c == '\\')
			return false;
	}
	return realm.n > 0;
}

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

static int fetch_algorithms(struct digest_server *server)
{
	const struct digest_options *options = &server->options;

	if (options->algorithm_count == 0 || options->algorithm_count > DIGEST_ALGORITHMS)
		return -EINVAL;
	for (unsigned i = 0; i < options->algorithm_count; i++) {
		unsigned which = options->algorithms[i];

		if (which >= DIGEST_ALGORITHMS || server->md[which] != NULL)
			return -EINVAL;
		server->md[which] = EVP_MD_fetch(NULL, algorithms[which].fetch, NULL);
		if (server->md[which] == NULL)
			return -ENOTSUP;
	}
	return 0;
}

int digest_server_create(const struct digest_options *options, struct digest_server **result)
{
	struct digest_server *server;
	int rc = -ENOMEM;

	*result = NULL;
	if (!realm_valid(options->realm))
		return -EINVAL;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return -ENOMEM;
	server->options = *options;
	server->realm = strndup(options->realm.p, options->realm.n);
	server->options.realm = slice_of(server->realm);
	server->context = EVP_MD_CTX_new();
	server->mac = create_mac(options->key);
	server->replay = replay_get(options->key, options->nonces_max);
	if (server->realm == NULL || server->context == NULL || server->mac == NULL ||
	    server->replay == NULL)
		goto fail;
	random_token(server->decoy, sizeof(server->decoy) - 1);
	rc = fetch_algorithms(server);
	if (rc != 0)
		goto fail;
	*result = server;
	return 0;

fail:
	digest_server_destroy(server);
	return rc;
}

void digest_server_destroy(struct digest_server *server)
{
	if (server == NULL)
		return;
	replay_put(server->replay);
	EVP_MAC_CTX_free(server->mac);
	EVP_MD_CTX_free(server->context);
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++)
		EVP_MD_free(server->md[i]);
	free(server->realm);
	OPENSSL_cleanse(server, sizeof(*server));
	free(server);
}

/* --- credentials ------------------------------------------------------------------------------ */

struct credentials {
	struct slice username, realm, nonce, uri, response, algorithm, qop, cnonce, nc;
	enum digest_algorithm which;
	uint32_t count;
};

/* The parameters of RFC 7616 §3.4; others are passed over. false: broken, or one twice. */
static bool read_params(struct slice text, struct credentials *c)
{
	const struct {
		const char *name;
		struct slice *to;
	} known[] = {
		{ "username", &c->username },
		{ "realm", &c->realm },
		{ "nonce", &c->nonce },
		{ "uri", &c->uri },
		{ "response", &c->response },
		{ "algorithm", &c->algorithm },
		{ "qop", &c->qop },
		{ "cnonce", &c->cnonce },
		{ "nc", &c->nc },
	};
	struct slice name, value;
	int rc;

	*c = (struct credentials){ 0 };
	while ((rc = sip_param_take(&text, ',', &name, &value)) > 0) {
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (!slice_equal_nocase(name, slice_of(known[i].name)))
				continue;
			if (known[i].to->p != NULL || value.p == NULL)
				return false;
			*known[i].to = value;
		}
	}
	return rc == 0;
}

static bool is_offered(const struct digest_server *server, struct credentials *c)
{
	for (unsigned i = 0; i < server->options.algorithm_count; i++) {
		c->which = server->options.algorithms[i];
		/* RFC 7616 §3.3: MD5 if there is none. */
		if (slice_equal_nocase(c->algorithm.p != NULL ? c->algorithm : SLICE("MD5"),
				       slice_of(algorithms[c->which].name)))
			return true;
	}
	return false;
}

/* The first Digest credentials for our realm with an algorithm that we offer. */
static enum digest_verdict find_credentials(const struct digest_server *server,
					    const struct sip_msg *request, bool proxy,
					    struct credentials *c)
{
	enum sip_header_id id = proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION;

	for (const struct sip_header *h = sip_msg_header(request, id); h != NULL;
	     h = sip_msg_next(request, h)) {
		struct slice rest = h->value, scheme = take_while(&rest, CHAR_TOKEN);

		if (!slice_equal_nocase(scheme, SLICE("Digest")))
			continue;
		if (rest.n == 0 || !char_is_space(rest.p[0]) || !read_params(rest, c))
			return DIGEST_MALFORMED;
		if (slice_equal(c->realm, server->options.realm) && is_offered(server, c))
			return DIGEST_OK;
	}
	return DIGEST_MISSING;
}

/* nc: eight hexadecimal digits, counted from 1. */
static bool read_count(struct slice text, uint32_t *count)
{
	*count = 0;
	if (text.n != 8 || !all_are(text, CHAR_HEX))
		return false;
	for (unsigned i = 0; i < 8; i++)
		*count = *count << 4 | char_hex(text.p[i]);
	return *count > 0;
}

/* RFC 3261 §22.4: without qop there is neither cnonce nor nc, and the nonce counts as used once. */
static bool read_qop(struct credentials *c)
{
	if (c->qop.p == NULL) {
		c->count = 1;
		return c->which == DIGEST_MD5;
	}
	return slice_equal_nocase(c->qop, SLICE("auth")) && c->cnonce.n > 0 &&
	       read_count(c->nc, &c->count);
}

/* Quoted pairs are undone. false: empty, or too long. */
static bool read_username(struct slice text, char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
		if (used + 1 >= size) {
			to[0] = '\0';
			return false;
		}
		to[used++] = text.p[i];
	}
	to[used] = '\0';
	return used > 0;
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

/* --- the digest ------------------------------------------------------------------------------- */

/* Hash over the parts with ":" between them, in hexadecimal. */
static bool hash(struct digest_server *server, enum digest_algorithm which,
		 const struct slice *parts, unsigned count, char text[DIGEST_TEXT_MAX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = server->context;
	unsigned size = 0;

	if (EVP_DigestInit_ex(context, server->md[which], NULL) != 1)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if ((i > 0 && EVP_DigestUpdate(context, ":", 1) != 1) ||
		    EVP_DigestUpdate(context, parts[i].p, parts[i].n) != 1)
			return false;
	}
	if (EVP_DigestFinal_ex(context, bytes, &size) != 1 || size != algorithms[which].size)
		return false;
	for (unsigned i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

/* RFC 7616 §3.4.1 */
static bool expected_response(struct digest_server *server, const struct credentials *c,
			      const char *user, const char *password, struct slice method,
			      char text[DIGEST_TEXT_MAX])
{
	char ha1[DIGEST_TEXT_MAX], ha2[DIGEST_TEXT_MAX];
	size_t size = 2 * algorithms[c->which].size;
	struct slice a1[] = { slice_of(user), server->options.realm, slice_of(password) };
	struct slice a2[] = { method, c->uri };
	struct slice with_qop[] = {
		{ ha1, size }, c->nonce, c->nc, c->cnonce, c->qop, { ha2, size }
	};
	struct slice without[] = { { ha1, size }, c->nonce, { ha2, size } };
	bool ok = hash(server, c->which, a1, 3, ha1) && hash(server, c->which, a2, 2, ha2);

	if (ok && c->qop.p != NULL)
		ok = hash(server, c->which, with_qop, 6, text);
	else if (ok)
		ok = hash(server, c->which, without, 3, text);
	OPENSSL_cleanse(ha1, sizeof(ha1));
	return ok;
}

static bool response_right(struct digest_server *server, const struct credentials *c,
			   const char *user, const char *password, struct slice method)
{
	char expected[DIGEST_TEXT_MAX], given[DIGEST_TEXT_MAX];
	size_t size = 2 * algorithms[c->which].size;
	bool known = password != NULL;

	/* Somebody who does not exist costs the same. */
	if (!known)
		password = server->decoy;
	if (!expected_response(server, c, user, password, method, expected))
		return false;
	for (size_t i = 0; i < size; i++)
		given[i] = (char)(c->response.p[i] | 0x20); /* capital A to F pass */
	return (CRYPTO_memcmp(expected, given, size) == 0) & known;
}

static bool nonce_fresh(struct digest_server *server, const struct credentials *c, uint64_t now_s)
{
	struct nonce nonce;

	if (!nonce_read(server->mac, server->options.realm, c->nonce, &nonce) ||
	    nonce.created_s > now_s + CLOCK_SLACK_S ||
	    now_s > nonce.created_s + server->options.nonce_lifetime_s)
		return false;
	return replay_note(server->replay, &nonce, c->count);
}

void digest_check(struct digest_server *server, const struct sip_msg *request, bool proxy,
		  const char *(*password)(void *arg, const char *user, const char *realm),
		  void *arg, uint64_t now_s, struct digest_result *result)
{
	struct credentials c;

	result->username[0] = '\0';
	result->verdict = find_credentials(server, request, proxy, &c);
	if (result->verdict != DIGEST_OK)
		return;
	if (!read_username(c.username, result->username, sizeof(result->username)) ||
	    !read_qop(&c) || c.nonce.n == 0 || c.response.n != 2 * algorithms[c.which].size ||
	    !all_are(c.response, CHAR_HEX) || !uri_is_usable(c.uri))
		result->verdict = DIGEST_MALFORMED;
	else if (!response_right(server, &c, result->username,
				 password(arg, result->username, server->realm),
				 request->method_text))
		result->verdict = DIGEST_WRONG;
	else if (!nonce_fresh(server, &c, now_s))
		result->verdict = DIGEST_STALE;
}

static bool is_md5_only(const struct digest_options *options, struct slice agent)
{
	for (unsigned i = 0; i < options->md5_only_agent_count; i++)
		if (slice_starts_nocase(agent, slice_of(options->md5_only_agents[i])))
			return true;
	return false;
}

void digest_challenge(struct digest_server *server, const struct sip_msg *request,
		      struct sip_build *response, bool proxy, bool stale, uint64_t now_s)
{
	bool md5_only = is_md5_only(&server->options, sip_msg_value(request, SIP_H_USER_AGENT));
	enum sip_header_id id = proxy ? SIP_H_PROXY_AUTHENTICATE : SIP_H_WWW_AUTHENTICATE;
	char nonce[NONCE_TEXT + 1];

	if (nonce_make(server->mac, server->options.realm, now_s, nonce) != 0) {
		/* A challenge that nobody could meet is no response at all. */
		response->overflow = true;
		return;
	}
	for (unsigned i = 0; i < server->options.algorithm_count; i++) {
		if (server->options.algorithms[i] != DIGEST_MD5 && md5_only)
			continue;
		sip_build_header(response, id,
				 "Digest realm=\"%s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s",
				 server->realm, nonce,
				 algorithms[server->options.algorithms[i]].name,
				 stale ? ", stale=true" : "");
	}
}
