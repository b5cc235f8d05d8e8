/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digest access authentication as a server: RFC 3261 §22, RFC 7616, RFC 8760.
 *
 * Nonces are stateless: time and a random part under an HMAC of a key that is made at start, so
 * any shard can check any nonce. What is kept is only which counts (nc) of a live nonce were
 * seen, to refuse replays; a nonce whose counts had to be forgotten is stale from then on. A nonce
 * that is none of ours, or too old, is found out before anything is hashed over.
 *
 * One instance per shard and thread; its key is shared by copying the options, and instances of
 * the same key share the memory of what was seen (under a lock), so that no request passes twice.
 * It serves any number of realms: a nonce is good in the one that it was made for.
 *
 * Credentials without qop (RFC 2069, as RFC 3261 §22.4 allows) pass with MD5 only, once a nonce.
 */
#ifndef SIP_AUTH_DIGEST_H
#define SIP_AUTH_DIGEST_H

#include "sip/auth/algorithm.h"
#include "sip/base/address.h"
#include "sip/message/build.h"
#include "sip/message/typed.h"

#define DIGEST_USER_MAX 128

struct digest_options {
	enum digest_algorithm algorithms[DIGEST_ALGORITHMS]; /* in order of preference */
	unsigned algorithm_count;
	bool auth_int;  /* offered beside auth; digests over bodies, which a NAT's helper mangles */
	bool user_hash; /* offered: names may come hashed (RFC 7616 §3.4.4) */
	unsigned nonce_lifetime_s;
	/* User-Agents, by how they begin, that fail on any challenge but MD5 instead of passing it
	 * over as RFC 8760 §2.4 says: they get the MD5 challenge alone. Not copied. */
	const char *const *md5_only_agents;
	unsigned md5_only_agent_count;
	uint32_t nonces_max; /* whose counts are remembered, by all of a key; 0: 65536 */
	uint8_t key[32];
};

struct digest_server;
/* -EINVAL: no algorithm, or one twice; -ENOTSUP: not in libcrypto; -ENOMEM */
int digest_server_create(const struct digest_options *options, struct digest_server **server);
void digest_server_destroy(struct digest_server *server);

/* Whoever knows the users. */
struct digest_users {
	/* digest_ha1() of a user as the credentials name it; false: there is none. */
	bool (*find)(void *arg, const char *user, struct slice realm,
		     enum digest_algorithm algorithm, unsigned char ha1[DIGEST_BYTES_MAX]);
	/* The user whose H(user ":" realm) this is, in hexadecimal of small letters. NULL, or
	 * false: nobody's. */
	bool (*unhash)(void *arg, const char *hash, struct slice realm,
		       enum digest_algorithm algorithm, char user[DIGEST_USER_MAX]);
	void *arg;
};

/* What is asked of a request. */
struct digest_ask {
	struct slice realm; /* visible characters without quotes and backslashes */
	bool proxy;         /* Proxy-Authorization and 407 instead of Authorization and 401 */
	uint64_t now_s;     /* UNIX time */
	/* Where the request comes from; NULL: nonces are good from anywhere. They are good from there
	 * alone if nothing has proven that it does, or who was given one could be wrong with it in
	 * another's name, by forging the source of a datagram, until the other is banned. */
	const struct sip_address *source;
	bool proven; /* by a handshake */
};

enum digest_verdict {
	DIGEST_OK,
	DIGEST_MISSING,   /* no credentials that we asked for (realm, algorithm): challenge */
	DIGEST_STALE,     /* the nonce is old or none of ours, or the count was seen: stale=true */
	DIGEST_WRONG,     /* wrong password or unknown user: challenge again or 403 */
	DIGEST_MALFORMED, /* 400 */
};

struct digest_result {
	enum digest_verdict verdict;
	char username[DIGEST_USER_MAX]; /* of the credentials, also when wrong; "" if none */
	/* If DIGEST_OK, for digest_info(): what was proved, in slices of the request. */
	struct digest_parts proof;
	unsigned char ha1[DIGEST_BYTES_MAX];
	bool renew; /* more than half of the nonce's life is over */
};

/* Checks the request's credentials. Unknown users cost the same time as known ones. */
void digest_check(struct digest_server *server, const struct sip_msg *request,
		  const struct digest_ask *ask, const struct digest_users *users,
		  struct digest_result *result);

/* What can be said without a password and without noting anything: MISSING, STALE, MALFORMED; OK:
 * digest_check() will tell. */
enum digest_verdict digest_look(struct digest_server *server, const struct sip_msg *request,
				const struct digest_ask *ask);

/* Appends the challenges for a request (one header per algorithm) to its 401 or 407. */
void digest_challenge(struct digest_server *server, const struct sip_msg *request,
		      const struct digest_ask *ask, bool stale, struct sip_build *response);

/* Appends Authentication-Info (RFC 7616 §3.5) to the response with `body` to a request that
 * passed: our own proof of the password, and the next nonce when this one grows old. */
void digest_info(struct digest_server *server, const struct digest_ask *ask,
		 const struct digest_result *result, struct slice body, struct sip_build *response);

#endif
