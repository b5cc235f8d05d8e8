/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests back over connections that the other side has opened: RFC 5923. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "sip/transport/internal.h"
#include "sip/transport/tls_internal.h"

#define SIP_PORT  5060u
#define SIPS_PORT 5061u

struct sip_aliases {
	pthread_mutex_t mutex;
	struct hash_index index;
};

struct alias {
	struct hash_node node; /* by kind and address */
	struct sip_flow flow;
	struct sip_address address; /* that of the connection, with the port that was said */
	uint8_t kind;
	X509 *certificate; /* of TLS */
};

int sip_aliases_create(struct sip_aliases **aliases)
{
	struct sip_aliases *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	if (hash_index_init(&a->index, 0) != 0) {
		free(a);
		return -ENOMEM;
	}
	pthread_mutex_init(&a->mutex, NULL);
	*aliases = a;
	return 0;
}

void sip_aliases_destroy(struct sip_aliases *aliases)
{
	if (aliases == NULL)
		return;
	hash_index_free(&aliases->index);
	pthread_mutex_destroy(&aliases->mutex);
	free(aliases);
}

static uint64_t alias_hash(uint8_t kind, const struct sip_address *address)
{
	return hash_index_mix(sip_address_hash(address), kind);
}

void alias_forget(struct connection *c)
{
	struct sip_aliases *aliases = c->transport->config.aliases;

	if (c->alias == NULL)
		return;
	pthread_mutex_lock(&aliases->mutex);
	hash_index_remove(&aliases->index, &c->alias->node);
	pthread_mutex_unlock(&aliases->mutex);
	X509_free(c->alias->certificate);
	free(c->alias);
	c->alias = NULL;
}

bool alias_address(const struct connection *c, struct sip_address *address)
{
	if (c->alias != NULL)
		*address = c->alias->address;
	return c->alias != NULL;
}

/* An address has to be the one that it comes from; a name may have many. */
static bool is_host_of(const struct connection *c, struct slice host, bool trusted,
		       X509 *certificate)
{
	struct sip_address said;
	char name[TLS_NAME_MAX] = "";

	if (sip_address_parse(host, SIP_PORT, &said) == 0) {
		if (!sip_address_same_host(&said, &c->remote))
			return false;
	} else if (host.n == 0 || slice_copy(host, name, sizeof(name)) != 0) {
		return false;
	}
	if (c->kind != SIP_TLS)
		return trusted;
	return certificate != NULL && identity_matches(certificate, name, &c->remote);
}

static int add(struct connection *c, const struct sip_address *address, X509 *certificate)
{
	struct sip_aliases *aliases = c->transport->config.aliases;
	struct alias *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	a->flow = c->flow;
	a->address = *address;
	a->kind = c->kind;
	a->certificate = certificate;
	alias_forget(c);
	c->alias = a;
	pthread_mutex_lock(&aliases->mutex);
	hash_index_insert(&aliases->index, &a->node, alias_hash(c->kind, address));
	pthread_mutex_unlock(&aliases->mutex);
	c->transport->stats.aliases++;
	return 0;
}

int sip_transport_alias(struct sip_transport *transport, struct sip_flow flow, struct slice host,
			uint16_t port, bool trusted)
{
	struct connection *c = flow_find(transport, flow);
	struct sip_address address;
	X509 *certificate;
	int rc;

	if (transport->config.aliases == NULL)
		return -EOPNOTSUPP;
	if (c == NULL || !c->inbound || (c->kind != SIP_TCP && c->kind != SIP_TLS))
		return -ENOTCONN;
	address = c->remote;
	address.port = port != 0 ? port : c->kind == SIP_TLS ? SIPS_PORT : SIP_PORT;
	certificate = tls_proof(c);
	if (!is_host_of(c, host, trusted, certificate)) {
		transport->stats.refused_aliases++;
		rc = -EACCES;
	} else if (c->alias != NULL && sip_address_equal(&c->alias->address, &address)) {
		rc = -EEXIST; /* each request says so */
	} else {
		rc = add(c, &address, certificate);
	}
	if (rc != 0)
		X509_free(certificate);
	return rc == -EEXIST ? 0 : rc;
}

bool alias_find(const struct sip_transport *transport, const struct sip_path *to,
		struct sip_flow *flow)
{
	struct sip_aliases *aliases = transport->config.aliases;
	struct hash_node *node;
	char domain[TLS_NAME_MAX] = "";
	bool found = false;

	if (aliases == NULL ||
	    (to->kind == SIP_TLS && !tls_name_text(transport->config.tls, to->name, domain)))
		return false;
	pthread_mutex_lock(&aliases->mutex);
	node = hash_index_first(&aliases->index, alias_hash(to->kind, &to->remote));
	for (; node != NULL && !found; node = hash_index_next(node)) {
		const struct alias *a = (const struct alias *)node;

		/* RFC 5923 §8.2: it has to be the domain that is meant. */
		found = a->kind == to->kind && sip_address_equal(&a->address, &to->remote) &&
			(a->kind != SIP_TLS ||
			 identity_matches(a->certificate, domain, &a->address));
		if (found)
			*flow = a->flow;
	}
	pthread_mutex_unlock(&aliases->mutex);
	return found;
}
