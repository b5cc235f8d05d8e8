/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of sip/auth share.
 *
 *   algorithm.c    hashes and responses
 *   credentials.c  reads Authorization and WWW-Authenticate
 *   digest.c       the server: checks, challenges
 *   client.c       the client: answers challenges
 *   nonce.c        makes and checks nonces
 *   replay.c       which counts of which nonces were seen
 */
#ifndef SIP_AUTH_INTERNAL_H
#define SIP_AUTH_INTERNAL_H

#include <openssl/evp.h>

#include "sip/auth/algorithm.h"

/* --- credentials.c --- */

/* The parameters of RFC 7616 §3.3 to §3.5, of credentials and challenges alike. Quoted strings are
 * without their quotes, with their escapes. */
struct digest_params {
	struct slice username, username_star, realm, nonce, uri, response, algorithm, qop, cnonce,
		nc, opaque, stale, userhash;
};
/* What follows "Digest". false: broken, or one parameter twice. Others are passed over. */
bool digest_params_read(struct slice text, struct digest_params *params);
/* Takes "Digest" off a header's value; false: another scheme. */
bool digest_scheme_take(struct slice *value);
/* nc: eight hexadecimal digits, counted from 1. */
bool digest_count_read(struct slice text, uint32_t *count);
/* The name in username or username* (RFC 5987), without escapes. false: none, or too long. */
bool digest_user_read(const struct digest_params *params, char *to, size_t size);

/* --- nonce.c --- */
struct nonce {
	uint64_t created_s; /* UNIX time */
	uint64_t id;        /* random */
};

struct digest_ask;

/* Hexadecimal: time, id, and the first half of an HMAC-SHA-256 of both, source and realm. */
#define NONCE_TEXT (2 * (8 + 8 + 16))

/* mac: an HMAC context that was initialised with key and digest. */
int nonce_make(EVP_MAC_CTX *mac, const struct digest_ask *ask, char text[NONCE_TEXT + 1]);
/* false: it is none of ours. */
bool nonce_read(EVP_MAC_CTX *mac, const struct digest_ask *ask, struct slice text,
		struct nonce *nonce);

/* --- replay.c --- */
struct replay;

/* The memory of this key: the one that exists, or a new one for nonces_max nonces. */
struct replay *replay_get(const uint8_t key[32], uint32_t nonces_max);
void replay_put(struct replay *replay);
/* Notes a use of a nonce. false: this count was seen, is too old, or nobody knows any more. */
bool replay_note(struct replay *replay, const struct nonce *nonce, uint32_t count);

#endif
