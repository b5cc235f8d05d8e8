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
/* "" for 0. */
void tls_name_text(struct sip_tls *tls, uint16_t name, char text[TLS_NAME_MAX]);

/* --- tls_carrier.c --- */
int tls_on_session(SSL *ssl, SSL_SESSION *session);

/* --- identity.c --- */
/* Does the certificate speak for the domain (RFC 5922 §7.1, §7.2: no wildcards)? Without a domain:
 * for the address. */
bool identity_matches(X509 *certificate, const char *domain, const struct sip_address *address);

#endif
