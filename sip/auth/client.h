/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digest access authentication as a client: RFC 3261 §22.2 and §22.3, RFC 7616, RFC 8760.
 *
 * A struct sip_credentials is what we are known by at one peer (a trunk): its accounts, one a
 * realm, and the challenges met there. It is used so, by whatever sends requests:
 *
 *   struct sip_challenge_try try = { 0 };              one per request, kept with it
 *   sip_credentials_write(c, &request, &build);        headers for challenges known already:
 *                                                      their nonces serve again, with the next nc
 *   … a 401 or 407 comes …
 *   if (sip_credentials_take(c, response, &address, &try) == 0)
 *           send it again, CSeq one higher, with what sip_credentials_write() gives now
 *   else    the response stands: it is the outcome
 *
 * `try` is why a wrong password does not go round in circles: a realm is answered once a request,
 * and once more if the server says that nothing but the nonce was wrong.
 *
 * An answer is something to try passwords on. So it goes to hosts alone that the credentials are for
 * (sip_credentials_bind()): a peer whose Contact leads elsewhere does not have us answer there.
 *
 * One thread, that of the shard.
 */
#ifndef SIP_AUTH_CLIENT_H
#define SIP_AUTH_CLIENT_H

#include "sip/auth/algorithm.h"
#include "sip/base/address.h"
#include "sip/message/build.h"
#include "sip/message/message.h"

#define SIP_CREDENTIALS_REALMS 8  /* challenges remembered; a proxy chain has one or two */
#define SIP_CREDENTIALS_HOSTS  32 /* that are known; the one known for longest gives way */

struct sip_account {
	const char *realm; /* NULL: any */
	const char *username, *password;
	unsigned algorithms; /* bits (1u << DIGEST_SHA256) that are answered; 0: all */
};

struct sip_credentials;
/* The accounts are not copied: they must outlive it. The first that fits a realm is used. */
int sip_credentials_create(const struct sip_account *accounts, unsigned count,
			   struct sip_credentials **credentials);
void sip_credentials_destroy(struct sip_credentials *credentials);
/* They are for this host, whatever its port. */
void sip_credentials_bind(struct sip_credentials *credentials, const struct sip_address *host);

struct sip_challenge_try {
	uint8_t answered; /* bit n: challenge n of the credentials was answered for this request */
	uint8_t again;    /* and a stale one once more */
};

/*
 * Takes the challenges of a 401 or 407 to what went to a host (NULL: one that they are for). 0: with
 * what sip_credentials_write() now gives the request may be sent again. Of several challenges of a
 * realm the one with the strongest algorithm counts, wherever it stands: whoever is on the way could
 * change their order (RFC 8760 §4). -EPERM: they are not for that host. -EACCES: our credentials were
 * refused. -ENOENT: no account for a realm. -ENOTSUP: no algorithm or qop that we know, or may
 * answer. -EBADMSG: a challenge is broken or there is none.
 */
int sip_credentials_take(struct sip_credentials *credentials, const struct sip_msg *response,
			 const struct sip_address *host, struct sip_challenge_try *attempt);

struct sip_authorized_request {
	struct slice method, uri /* the Request-URI */, body;
	const struct sip_address *host; /* where it goes; NULL: to one that they are for */
};
/* Appends Authorization and Proxy-Authorization for each challenge that is known; none: nothing. */
void sip_credentials_write(struct sip_credentials *credentials,
			   const struct sip_authorized_request *request, struct sip_build *build);
/* The same into a buffer, as lines with CRLF: their length, or -ENOSPC. */
int sip_credentials_lines(struct sip_credentials *credentials,
			  const struct sip_authorized_request *request, char *lines, size_t size);

/* Of a 2xx to a request that carried ours: the next nonce, if it names one (RFC 7616 §3.5). */
void sip_credentials_note(struct sip_credentials *credentials, const struct sip_msg *response);

#endif
