/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/auth/algorithm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>

static const struct algorithm {
	const char *name, *fetch;
	unsigned size;
} algorithms[DIGEST_ALGORITHMS] = {
#define X(id, name, fetch, size) [DIGEST_##id] = { name, fetch, size },
	DIGEST_ALGORITHM_TABLE(X)
#undef X
};

/* --- contexts: one per thread and algorithm, so that none is ever set up for another one ------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t leave_key;
static EVP_MD *fetched[DIGEST_ALGORITHMS];
static __thread EVP_MD_CTX *contexts[DIGEST_ALGORITHMS];

static void leave(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++) {
		EVP_MD_CTX_free(contexts[i]);
		contexts[i] = NULL;
	}
}

static void fetch(void)
{
	pthread_key_create(&leave_key, leave);
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++)
		fetched[i] = EVP_MD_fetch(NULL, algorithms[i].fetch, NULL);
}

static EVP_MD_CTX *begin(enum digest_algorithm algorithm)
{
	EVP_MD_CTX *context = contexts[algorithm];

	if (context == NULL) {
		pthread_once(&once, fetch);
		if (fetched[algorithm] == NULL)
			return NULL;
		context = contexts[algorithm] = EVP_MD_CTX_new();
		pthread_setspecific(leave_key, contexts); /* not NULL: leave() runs */
	}
	if (context == NULL || EVP_DigestInit_ex(context, fetched[algorithm], NULL) != 1)
		return NULL;
	return context;
}

/* --- hashes ------------------------------------------------------------------------------------ */

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

unsigned digest_algorithm_size(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].size;
}

bool digest_algorithm_parse(struct slice token, enum digest_algorithm *algorithm)
{
	*algorithm = DIGEST_MD5;
	if (token.p == NULL)
		return true;
	for (unsigned i = 0; i < DIGEST_ALGORITHMS; i++) {
		*algorithm = (enum digest_algorithm)i;
		if (slice_equal_nocase(token, slice_of(algorithms[i].name)))
			return true;
	}
	return false;
}

bool digest_hash(enum digest_algorithm algorithm, const struct slice *parts, unsigned count,
		 unsigned char hash[DIGEST_BYTES_MAX])
{
	EVP_MD_CTX *context = begin(algorithm);
	unsigned char whole[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (context == NULL)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if ((i > 0 && EVP_DigestUpdate(context, ":", 1) != 1) ||
		    EVP_DigestUpdate(context, parts[i].p, parts[i].n) != 1)
			return false;
	}
	if (EVP_DigestFinal_ex(context, whole, &size) != 1 || size != algorithms[algorithm].size)
		return false;
	memcpy(hash, whole, size);
	OPENSSL_cleanse(whole, sizeof(whole));
	return true;
}

void digest_hex(const unsigned char *bytes, unsigned size, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < size; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * size] = '\0';
}

bool digest_hash_hex(enum digest_algorithm algorithm, const struct slice *parts, unsigned count,
		     char hex[DIGEST_HEX_MAX + 1])
{
	unsigned char hash[DIGEST_BYTES_MAX];

	hex[0] = '\0';
	if (!digest_hash(algorithm, parts, count, hash))
		return false;
	digest_hex(hash, algorithms[algorithm].size, hex);
	return true;
}

bool digest_ha1(enum digest_algorithm algorithm, struct slice user, struct slice realm,
		struct slice password, unsigned char ha1[DIGEST_BYTES_MAX])
{
	struct slice parts[] = { user, realm, password };

	return digest_hash(algorithm, parts, 3, ha1);
}

/* RFC 7616 §3.4.1 to §3.4.3; §3.5 for rspauth, whose A2 has no method. */
bool digest_response(const struct digest_parts *parts, char hex[DIGEST_HEX_MAX + 1])
{
	char ha1[DIGEST_HEX_MAX + 1], ha2[DIGEST_HEX_MAX + 1], body[DIGEST_HEX_MAX + 1];
	size_t size = 2 * algorithms[parts->algorithm].size;
	bool whole = parts->qop == DIGEST_QOP_AUTH_INT;
	struct slice a2[] = { parts->method, parts->uri, { body, size } };
	struct slice with_qop[] = { { ha1, size }, parts->nonce,    parts->nc,
				    parts->cnonce, parts->qop_text, { ha2, size } };
	struct slice without[] = { { ha1, size }, parts->nonce, { ha2, size } };
	bool ok;

	digest_hex(parts->ha1, algorithms[parts->algorithm].size, ha1);
	ok = (!whole || digest_hash_hex(parts->algorithm, &parts->body, 1, body)) &&
	     digest_hash_hex(parts->algorithm, a2, whole ? 3 : 2, ha2);
	if (ok && parts->qop != DIGEST_QOP_NONE)
		ok = digest_hash_hex(parts->algorithm, with_qop, 6, hex);
	else if (ok)
		ok = digest_hash_hex(parts->algorithm, without, 3, hex);
	OPENSSL_cleanse(ha1, sizeof(ha1));
	return ok;
}

bool digest_equal(const char *expected, struct slice given)
{
	char lower[DIGEST_HEX_MAX];
	size_t size = strlen(expected);

	if (given.n != size || size > sizeof(lower))
		return false;
	for (size_t i = 0; i < size; i++)
		lower[i] = (char)(given.p[i] >= 'A' && given.p[i] <= 'F' ? given.p[i] | 0x20
									 : given.p[i]);
	return CRYPTO_memcmp(expected, lower, size) == 0;
}
