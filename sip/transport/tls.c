/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "sip/transport/tls_internal.h"

#define CERTIFICATES_MAX 64u

struct sip_tls {
	const struct sip_tls_config *config;
	pthread_mutex_t mutex; /* of all below */
	SSL_CTX *server, *client;
	struct tls_names *names;
};

/* The contexts of the other certificates hang on that of the first, and go with it: a connection
 * that is shaking hands while certificates are read again still finds its own. */
struct others {
	unsigned count;
	SSL_CTX *list[CERTIFICATES_MAX];
};

static int others_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void free_others(void *parent, void *data, CRYPTO_EX_DATA *ad, int index, long l, void *p)
{
	struct others *others = data;

	(void)parent, (void)ad, (void)index, (void)l, (void)p;
	if (others == NULL)
		return;
	for (unsigned i = 0; i < others->count; i++)
		SSL_CTX_free(others->list[i]);
	free(others);
}

static void set_up(void)
{
	others_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_others);
}

static int fail(char *why, size_t size, const char *what, const char *file)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, size, "%s%s%s: %s", what, file != NULL ? " " : "", file != NULL ? file : "",
		 reason != NULL ? reason : "failed");
	ERR_clear_error();
	return -EINVAL;
}

static bool is_for(SSL_CTX *context, const char *name)
{
	X509 *certificate = SSL_CTX_get0_certificate(context);
	const struct sip_address none = { 0 };

	return certificate != NULL && identity_matches(certificate, name, &none);
}

/* RFC 6066 §3. Who names a server that we have no certificate for gets the first one. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *first = SSL_get_SSL_CTX(ssl);
	const struct others *others = SSL_CTX_get_ex_data(first, others_index);

	(void)alert, (void)arg;
	if (name == NULL || name[0] == '\0' || others == NULL || is_for(first, name))
		return SSL_TLSEXT_ERR_OK;
	for (unsigned i = 0; i < others->count; i++) {
		if (!is_for(others->list[i], name))
			continue;
		SSL_set_SSL_CTX(ssl, others->list[i]);
		break;
	}
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(const struct sip_tls_config *config, bool server)
{
	static const unsigned char id[] = "tandem";
	SSL_CTX *context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

	if (context == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(context,
				      config->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* A connection that is quiet holds no buffers. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Sessions are taken up again by tickets, which cost us nothing to keep. */
	SSL_CTX_set_session_cache_mode(context,
				       server ? SSL_SESS_CACHE_OFF
					      : SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	if (!server)
		SSL_CTX_sess_set_new_cb(context, tls_on_session);
	SSL_CTX_set_session_id_context(context, id, sizeof(id) - 1);
	SSL_CTX_set_num_tickets(context, 1);
	return context;
}

static int trust(SSL_CTX *context, const struct sip_tls_config *config, bool server, char *why,
		 size_t why_size)
{
	static const int modes[] = {
		[SIP_TLS_VERIFY_NONE] = SSL_VERIFY_NONE,
		[SIP_TLS_VERIFY_OPTIONAL] = SSL_VERIFY_PEER,
		[SIP_TLS_VERIFY_REQUIRED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	};
	STACK_OF(X509_NAME) * names;
	int mode = config->verify_server ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;

	if (server)
		mode = modes[config->verify_client];
	SSL_CTX_set_verify(context, mode, NULL);
	if (mode == SSL_VERIFY_NONE)
		return 0;
	if (config->ca == NULL)
		return SSL_CTX_set_default_verify_paths(context) == 1
			       ? 0
			       : fail(why, why_size, "certificates of the system", NULL);
	if (SSL_CTX_load_verify_locations(context, config->ca, NULL) != 1)
		return fail(why, why_size, "ca", config->ca);
	names = server ? SSL_load_client_CA_file(config->ca) : NULL;
	if (names != NULL)
		SSL_CTX_set_client_CA_list(context, names);
	return 0;
}

static int load(SSL_CTX *context, const struct sip_tls_certificate *from, char *why,
		size_t why_size)
{
	if (SSL_CTX_use_certificate_chain_file(context, from->certificate) != 1)
		return fail(why, why_size, "certificate", from->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, from->private_key, SSL_FILETYPE_PEM) != 1)
		return fail(why, why_size, "private key", from->private_key);
	if (SSL_CTX_check_private_key(context) != 1)
		return fail(why, why_size, "private key of another certificate", from->private_key);
	return 0;
}

static int make(const struct sip_tls_config *config, bool server, unsigned certificate,
		SSL_CTX **out, char *why, size_t why_size)
{
	SSL_CTX *context = new_context(config, server);
	int rc;

	if (context == NULL)
		return -ENOMEM;
	rc = trust(context, config, server, why, why_size);
	if (rc == 0 && certificate < config->certificate_count)
		rc = load(context, &config->certificates[certificate], why, why_size);
	if (rc != 0)
		SSL_CTX_free(context);
	else
		*out = context;
	return rc;
}

static int make_server(const struct sip_tls_config *config, SSL_CTX **out, char *why,
		       size_t why_size)
{
	struct others *others = calloc(1, sizeof(*others));
	SSL_CTX *first = NULL;
	int rc = others == NULL ? -ENOMEM : make(config, true, 0, &first, why, why_size);

	if (rc != 0) {
		free(others);
		return rc;
	}
	SSL_CTX_set_ex_data(first, others_index, others);
	SSL_CTX_set_tlsext_servername_callback(first, on_server_name);
	for (unsigned i = 1; i < config->certificate_count && i < CERTIFICATES_MAX; i++) {
		rc = make(config, true, i, &others->list[others->count], why, why_size);
		if (rc != 0) {
			SSL_CTX_free(first);
			return rc;
		}
		others->count++;
	}
	*out = first;
	return 0;
}

int sip_tls_reload(struct sip_tls *tls, char *why, size_t why_size)
{
	SSL_CTX *server = NULL, *client = NULL, *old_server, *old_client;
	int rc = make_server(tls->config, &server, why, why_size);

	if (rc == 0)
		rc = make(tls->config, false, 0, &client, why, why_size);
	if (rc != 0) {
		SSL_CTX_free(server);
		return rc;
	}
	pthread_mutex_lock(&tls->mutex);
	old_server = tls->server;
	old_client = tls->client;
	tls->server = server;
	tls->client = client;
	pthread_mutex_unlock(&tls->mutex);
	SSL_CTX_free(old_server);
	SSL_CTX_free(old_client);
	return 0;
}

int sip_tls_create(const struct sip_tls_config *config, struct sip_tls **tls, char *why,
		   size_t why_size)
{
	struct sip_tls *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return -ENOMEM;
	pthread_once(&once, set_up);
	t->config = config;
	pthread_mutex_init(&t->mutex, NULL);
	t->names = tls_names_create();
	rc = t->names != NULL ? sip_tls_reload(t, why, why_size) : -ENOMEM;
	if (rc != 0)
		sip_tls_destroy(t);
	else
		*tls = t;
	return rc;
}

void sip_tls_destroy(struct sip_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->server);
	SSL_CTX_free(tls->client);
	tls_names_free(tls->names);
	pthread_mutex_destroy(&tls->mutex);
	free(tls);
}

SSL *tls_new(struct sip_tls *tls, bool server)
{
	SSL *ssl;

	pthread_mutex_lock(&tls->mutex);
	ssl = SSL_new(server ? tls->server : tls->client);
	pthread_mutex_unlock(&tls->mutex);
	return ssl;
}

const struct sip_tls_config *tls_config(const struct sip_tls *tls)
{
	return tls->config;
}

uint32_t sip_tls_name(struct sip_tls *tls, struct slice domain)
{
	uint32_t number;

	pthread_mutex_lock(&tls->mutex);
	number = tls_names_number(tls->names, domain);
	pthread_mutex_unlock(&tls->mutex);
	return number;
}

bool tls_name_text(struct sip_tls *tls, uint32_t name, char text[TLS_NAME_MAX])
{
	bool known;

	pthread_mutex_lock(&tls->mutex);
	known = tls_names_text(tls->names, name, text);
	pthread_mutex_unlock(&tls->mutex);
	return known;
}
