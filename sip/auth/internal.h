/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of sip/auth share.
 *
 *   digest.c    credentials and challenges
 *   nonce.c     makes and checks nonces
 *   replay.c    which counts of which nonces were seen
 */
#ifndef SIP_AUTH_INTERNAL_H
#define SIP_AUTH_INTERNAL_H

#include <openssl/evp.h>

#include "sip/base/slice.h"

/* --- nonce.c --- */
struct nonce {
	uint64_t created_s; /* UNIX time */
	uint64_t id;        /* random */
};

/* Hexadecimal: time, id, and the first half of an HMAC-SHA-256 of both and the realm. */
#define NONCE_TEXT (2 * (8 + 8 + 16))

/* mac: an HMAC context that was initialised with key and digest. */
int nonce_make(EVP_MAC_CTX *mac, struct slice realm, uint64_t now_s, char text[NONCE_TEXT + 1]);
/* false: it is none of ours. */
bool nonce_read(EVP_MAC_CTX *mac, struct slice realm, struct slice text, struct nonce *nonce);

/* --- replay.c --- */
struct replay;

/* The memory of this key: the one that exists, or a new one for nonces_max nonces. */
struct replay *replay_get(const uint8_t key[32], uint32_t nonces_max);
void replay_put(struct replay *replay);
/* Notes a use of a nonce. false: this count was seen, is too old, or nobody knows any more. */
bool replay_note(struct replay *replay, const struct nonce *nonce, uint32_t count);

#endif
