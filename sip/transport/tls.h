/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS of a process: certificates, whom to trust, names of peers. Shared by the transports of all
 * shards. Certificates may be read again at any time: new connections get the new ones, those that
 * are there live on with theirs. The process has to ignore SIGPIPE: OpenSSL writes without saying that
 * it does not want one.
 */
#ifndef SIP_TRANSPORT_TLS_H
#define SIP_TRANSPORT_TLS_H

#include "sip/base/slice.h"

struct sip_tls;

enum sip_tls_verify { SIP_TLS_VERIFY_NONE, SIP_TLS_VERIFY_OPTIONAL, SIP_TLS_VERIFY_REQUIRED };

/* Files in PEM. */
struct sip_tls_certificate {
	const char *certificate; /* with the chain behind it */
	const char *private_key;
};

/* Kept by reference: outlives the sip_tls. */
struct sip_tls_config {
	/* The first is shown to who names no server (SNI), or one that none is for. */
	const struct sip_tls_certificate *certificates;
	unsigned certificate_count;
	const char *ca;                    /* who vouches for peers; NULL: the system's */
	enum sip_tls_verify verify_client; /* of connections that we take */
	bool verify_server;                /* of those that we make: chain and domain (RFC 5922) */
	bool tls13_only;                   /* else 1.2 as well */
};

/* Reads all files. why: text that names the one that is wrong. -EINVAL, -ENOMEM. */
int sip_tls_create(const struct sip_tls_config *config, struct sip_tls **tls, char *why,
		   size_t why_size);
void sip_tls_destroy(struct sip_tls *tls);
/* Any thread. What cannot be read changes nothing. */
int sip_tls_reload(struct sip_tls *tls, char *why, size_t why_size);

/*
 * The number of the domain that a peer has to prove to be, for sip_path.name: the same for the same
 * name, whatever its case, as long as it is remembered. 0: it is no name. Any thread.
 * Those that nobody has asked for longest are forgotten for others, and a number never means
 * another name: nobody can prove to be a forgotten one, so the connection fails.
 */
#define SIP_TLS_NAMES 4096u /* about so many are remembered */
uint32_t sip_tls_name(struct sip_tls *tls, struct slice domain);

#endif
