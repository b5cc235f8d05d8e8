/* SPDX-License-Identifier: BSD-3-Clause */
/* The side of TLS that connections use; private to sip/transport. */
#ifndef SIP_TRANSPORT_TLS_INTERNAL_H
#define SIP_TRANSPORT_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "sip/base/address.h"
#include "sip/transport/tls.h"

#define TLS_NAME_MAX 256

/* Of one connection; NULL: no memory. */
SSL *tls_new(struct sip_tls *tls, bool server);
const struct sip_tls_config *tls_config(const struct sip_tls *tls);
/* "" for 0. false: it is forgotten. */
bool tls_name_text(struct sip_tls *tls, uint32_t name, char text[TLS_NAME_MAX]);

/* --- tls_name.c --- */
struct tls_names;
struct tls_names *tls_names_create(void);
void tls_names_free(struct tls_names *names);
/* As sip_tls_name() and tls_name_text(); one thread at a time. */
uint32_t tls_names_number(struct tls_names *names, struct slice domain);
bool tls_names_text(const struct tls_names *names, uint32_t number, char text[TLS_NAME_MAX]);

/* --- tls_carrier.c --- */
int tls_on_session(SSL *ssl, SSL_SESSION *session);

/* --- identity.c --- */
/* Does the certificate speak for the domain (RFC 5922 §7.1, §7.2: no wildcards)? Without a domain:
 * for the address. */
bool identity_matches(X509 *certificate, const char *domain, const struct sip_address *address);

#endif
