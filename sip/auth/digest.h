/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digest access authentication as a server: RFC 3261 §22, RFC 7616, RFC 8760.
 *
 * Nonces are stateless: time and a random part under an HMAC of a key that is made at start, so
 * any shard can check any nonce. What is kept is only which counts (nc) of a live nonce were
 * seen, to refuse replays; a nonce whose counts had to be forgotten is stale from then on.
 *
 * One instance per shard and thread; its key is shared by copying the options, and instances of
 * the same key share the memory of what was seen (under a lock), so that no request passes twice.
 *
 * Credentials without qop (RFC 2069, as RFC 3261 §22.4 allows) pass with MD5 only, once a nonce.
 */
#ifndef SIP_AUTH_DIGEST_H
#define SIP_AUTH_DIGEST_H

#include "sip/message/build.h"
#include "sip/message/typed.h"

enum digest_algorithm { DIGEST_MD5, DIGEST_SHA256, DIGEST_ALGORITHMS };

struct digest_options {
	struct slice realm;
	enum digest_algorithm algorithms[DIGEST_ALGORITHMS]; /* in order of preference */
	unsigned algorithm_count;
	unsigned nonce_lifetime_s;
	/* User-Agents, by how they begin, that fail on any challenge but MD5 instead of passing it
	 * over as RFC 8760 §2.4 says: they get the MD5 challenge alone. Not copied. */
	const char *const *md5_only_agents;
	unsigned md5_only_agent_count;
	uint32_t nonces_max; /* whose counts are remembered, by all of a key; 0: 65536 */
	uint8_t key[32];
};

struct digest_server;
/* -EINVAL: no algorithm, or a realm that cannot be quoted; -ENOTSUP: not in libcrypto; -ENOMEM */
int digest_server_create(const struct digest_options *options, struct digest_server **server);
void digest_server_destroy(struct digest_server *server);

enum digest_verdict {
	DIGEST_OK,
	DIGEST_MISSING, /* no credentials that we asked for (realm, algorithm): challenge */
	DIGEST_STALE, /* right, but the nonce is old or the count was seen: challenge, stale=true */
	DIGEST_WRONG, /* wrong password or unknown user: challenge again or 403 */
	DIGEST_MALFORMED, /* 400 */
};

struct digest_result {
	enum digest_verdict verdict;
	char username[128]; /* of the credentials, also when they are wrong; "" if none */
};

/*
 * Checks the request's Authorization (proxy: Proxy-Authorization). password(arg, user, realm)
 * gives the clear-text password or NULL; unknown users cost the same time as known ones.
 * now_s: UNIX time.
 */
void digest_check(struct digest_server *server, const struct sip_msg *request, bool proxy,
		  const char *(*password)(void *arg, const char *user, const char *realm),
		  void *arg, uint64_t now_s, struct digest_result *result);

/* Appends the challenges for a request (one header per algorithm) to its 401 or (proxy) 407. */
void digest_challenge(struct digest_server *server, const struct sip_msg *request,
		      struct sip_build *response, bool proxy, bool stale, uint64_t now_s);

#endif
