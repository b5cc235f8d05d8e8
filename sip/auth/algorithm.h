/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arithmetic of digest authentication that both roles share: RFC 7616 §3.4, RFC 8760.
 *
 * libcrypto's algorithms are fetched once per process and hashed with contexts that each thread
 * keeps: a fetch costs more than the hash. Any thread.
 */
#ifndef SIP_AUTH_ALGORITHM_H
#define SIP_AUTH_ALGORITHM_H

#include "sip/base/slice.h"

/* The weakest first. id, the token of the algorithm parameter (RFC 8760 §2.1), libcrypto's name,
 * bytes */
#define DIGEST_ALGORITHM_TABLE(X)          \
	X(MD5, "MD5", "MD5", 16)           \
	X(SHA256, "SHA-256", "SHA256", 32) \
	X(SHA512_256, "SHA-512-256", "SHA512-256", 32)

enum digest_algorithm {
#define X(id, ...) DIGEST_##id,
	DIGEST_ALGORITHM_TABLE(X)
#undef X
		DIGEST_ALGORITHMS
};

#define DIGEST_BYTES_MAX 32
#define DIGEST_HEX_MAX   (2 * DIGEST_BYTES_MAX)

const char *digest_algorithm_name(enum digest_algorithm algorithm);
/* Bytes of a hash. */
unsigned digest_algorithm_size(enum digest_algorithm algorithm);
/* By its token, without regard to case; no token at all is MD5 (RFC 7616 §3.3). */
bool digest_algorithm_parse(struct slice token, enum digest_algorithm *algorithm);

/* The hash over the parts with ":" between them. false: libcrypto has it not. */
bool digest_hash(enum digest_algorithm algorithm, const struct slice *parts, unsigned count,
		 unsigned char hash[DIGEST_BYTES_MAX]);
/* The same in hexadecimal, with a terminator. */
bool digest_hash_hex(enum digest_algorithm algorithm, const struct slice *parts, unsigned count,
		     char hex[DIGEST_HEX_MAX + 1]);
void digest_hex(const unsigned char *bytes, unsigned size, char *hex);

/* H(user ":" realm ":" password): all that is needed to prove or to check a password. */
bool digest_ha1(enum digest_algorithm algorithm, struct slice user, struct slice realm,
		struct slice password, unsigned char ha1[DIGEST_BYTES_MAX]);

enum digest_qop {
	DIGEST_QOP_NONE, /* RFC 2069, as RFC 3261 §22.4 still allows */
	DIGEST_QOP_AUTH,
	DIGEST_QOP_AUTH_INT, /* the body is digested too */
};

/* What a response is computed over. method empty: it is rspauth of Authentication-Info. */
struct digest_parts {
	enum digest_algorithm algorithm;
	enum digest_qop qop;
	const unsigned char *ha1;
	struct slice method, uri, nonce, nc, cnonce, qop_text, body; /* qop as it was written */
};
bool digest_response(const struct digest_parts *parts, char hex[DIGEST_HEX_MAX + 1]);

/* Without telling by its time where they differ. Capital A to F of `given` pass. */
bool digest_equal(const char *expected, struct slice given);

#endif
