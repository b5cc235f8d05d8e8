/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of a connection through TLS: what tcp.c does without. */
#include <errno.h>
#include <openssl/err.h>

#include "sip/transport/internal.h"
#include "sip/transport/tls_internal.h"

/* -EAGAIN with what is waited for, or -EPROTO and what OpenSSL says. */
static int outcome(struct connection *c, int rc, const char **why)
{
	const int error = errno;

	*why = NULL;
	c->want_write = false;
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		c->want_write = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return -EPIPE;
	case SSL_ERROR_SYSCALL:
		c->broken = true;
		return error != 0 ? -error : -ECONNRESET;
	default:
		c->broken = true;
		*why = ERR_reason_error_string(ERR_peek_last_error());
		return -EPROTO;
	}
}

/* A session of an earlier connection to the same peer, for a shorter handshake. */
static struct tls_session *session_of(const struct connection *c)
{
	struct sip_transport *transport = c->transport;
	const uint64_t hash = hash_index_mix(sip_address_hash(&c->remote), c->name);

	return &transport->sessions[hash % TLS_SESSIONS];
}

int tls_on_session(SSL *ssl, SSL_SESSION *session)
{
	struct connection *c = SSL_get_app_data(ssl);
	struct tls_session *kept;

	if (c == NULL || c->inbound)
		return 0;
	kept = session_of(c);
	SSL_SESSION_free(kept->session);
	*kept = (struct tls_session){ c->remote, c->name, session };
	return 1; /* the reference is ours */
}

static void begin_client(struct connection *c)
{
	const struct tls_session *kept = session_of(c);
	char name[TLS_NAME_MAX];

	SSL_set_connect_state(c->ssl);
	tls_name_text(c->transport->config.tls, c->name, name);
	if (name[0] != '\0')
		SSL_set_tlsext_host_name(c->ssl, name);
	if (kept->session != NULL && kept->name == c->name &&
	    sip_address_equal(&kept->remote, &c->remote))
		SSL_set_session(c->ssl, kept->session);
}

static int begin(struct connection *c)
{
	c->ssl = tls_new(c->transport->config.tls, c->inbound);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		return -ENOMEM;
	SSL_set_app_data(c->ssl, c);
	if (c->inbound)
		SSL_set_accept_state(c->ssl);
	else
		begin_client(c);
	return 0;
}

/* RFC 5922 §7.3: who we have connected to. The chain is checked by then. */
static bool is_whom_we_want(const struct connection *c)
{
	struct sip_tls *tls = c->transport->config.tls;
	X509 *certificate;
	char name[TLS_NAME_MAX];
	bool matches;

	if (c->inbound || !tls_config(tls)->verify_server)
		return true;
	certificate = SSL_get1_peer_certificate(c->ssl);
	if (certificate == NULL)
		return false;
	matches = tls_name_text(tls, c->name, name) &&
		  identity_matches(certificate, name, &c->remote);
	X509_free(certificate);
	return matches;
}

static void notice(struct connection *c, const char *why)
{
	const struct sip_path path = connection_path(c);

	c->transport->stats.tls_failed++;
	transport_notice(c->transport, SIP_NOTICE_TLS, &path, why != NULL ? why : "handshake");
}

static int tls_shake(struct connection *c)
{
	const char *why;
	int rc = c->ssl != NULL ? 0 : begin(c);

	if (rc != 0)
		return rc;
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(c->ssl);
	if (rc != 1) {
		rc = outcome(c, rc, &why);
		if (rc != -EAGAIN)
			notice(c, why);
		return rc;
	}
	c->want_write = false;
	if (!is_whom_we_want(c)) {
		notice(c, "the certificate is another's");
		return -EACCES;
	}
	c->transport->stats.tls_handshakes++;
	c->transport->stats.tls_resumed += SSL_session_reused(c->ssl) == 1;
	return 0;
}

/* What waits to be written still waits when there is no more to be read. */
static ssize_t tls_read(struct connection *c, char *data, size_t size)
{
	const bool want_write = c->want_write;
	const char *why;
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_read(c->ssl, data, (int)size);
	if (n > 0)
		return n;
	n = outcome(c, n, &why);
	c->want_write |= want_write;
	return n == -EPIPE ? 0 : n;
}

static ssize_t tls_write(struct connection *c, const char *data, size_t size)
{
	const char *why;
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(c->ssl, data, (int)size);
	if (n > 0)
		return n;
	n = outcome(c, n, &why);
	return n;
}

static bool tls_pending(const struct connection *c)
{
	return c->ssl != NULL && SSL_has_pending(c->ssl) == 1;
}

static void tls_close(struct connection *c)
{
	if (c->ssl == NULL)
		return;
	/* The other side's close is not waited for. */
	if (!c->broken && SSL_is_init_finished(c->ssl))
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	SSL_free(c->ssl);
	c->ssl = NULL;
}

X509 *tls_proof(const struct connection *c)
{
	return c->ssl != NULL && SSL_get_verify_result(c->ssl) == X509_V_OK
		       ? SSL_get1_peer_certificate(c->ssl)
		       : NULL;
}

void tls_forget_sessions(struct sip_transport *transport)
{
	for (unsigned i = 0; i < TLS_SESSIONS; i++)
		SSL_SESSION_free(transport->sessions[i].session);
}

const struct connection_carrier tls_carrier = { tls_shake, tls_read, tls_write, tls_pending,
						tls_close };
