/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/quota.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "sip/base/hash_index.h"

struct quota_source {
	struct hash_node node;
	struct sip_address host; /* port 0 */
	uint32_t count;
};

/* Taken and given back once a connection, so one lock does. */
struct sip_quota {
	pthread_mutex_t mutex;
	struct hash_index sources;
	uint32_t connections, connections_max, source_max;
};

int sip_quota_create(uint32_t connections_max, uint32_t source_max, struct sip_quota **quota)
{
	struct sip_quota *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return -ENOMEM;
	if (hash_index_init(&q->sources, connections_max) != 0) {
		free(q);
		return -ENOMEM;
	}
	pthread_mutex_init(&q->mutex, NULL);
	q->connections_max = connections_max;
	q->source_max = source_max;
	*quota = q;
	return 0;
}

void sip_quota_destroy(struct sip_quota *quota)
{
	if (quota == NULL)
		return;
	hash_index_free(&quota->sources);
	pthread_mutex_destroy(&quota->mutex);
	free(quota);
}

/* Who has an IPv6 address has 2^64 of them. */
static struct sip_address host_of(const struct sip_address *remote)
{
	struct sip_address host = *remote;

	host.port = 0;
	if (host.family == AF_INET6)
		memset(host.ip + 8, 0, 8);
	return host;
}

static struct quota_source *find(struct sip_quota *quota, const struct sip_address *host)
{
	const uint64_t hash = sip_address_hash(host);
	struct hash_node *node = hash_index_first(&quota->sources, hash);
	struct quota_source *source;

	for (; node != NULL; node = hash_index_next(node)) {
		source = (struct quota_source *)node;
		if (sip_address_equal(&source->host, host))
			return source;
	}
	source = calloc(1, sizeof(*source));
	if (source == NULL)
		return NULL;
	source->host = *host;
	hash_index_insert(&quota->sources, &source->node, hash);
	return source;
}

static void drop_unused(struct sip_quota *quota, struct quota_source *source)
{
	if (source->count > 0)
		return;
	hash_index_remove(&quota->sources, &source->node);
	free(source);
}

static int enter_source(struct sip_quota *quota, const struct sip_address *remote,
			struct quota_source **source)
{
	const struct sip_address host = host_of(remote);
	struct quota_source *s = find(quota, &host);

	if (s == NULL)
		return -ENOMEM;
	if (s->count >= quota->source_max) {
		drop_unused(quota, s);
		return -EDQUOT;
	}
	s->count++;
	*source = s;
	return 0;
}

int quota_enter(struct sip_quota *quota, const struct sip_address *remote,
		struct quota_source **source)
{
	int rc = 0;

	*source = NULL;
	if (quota == NULL)
		return 0;
	pthread_mutex_lock(&quota->mutex);
	if (quota->connections >= quota->connections_max)
		rc = -EUSERS;
	else if (remote != NULL)
		rc = enter_source(quota, remote, source);
	quota->connections += rc == 0;
	pthread_mutex_unlock(&quota->mutex);
	return rc;
}

void quota_leave(struct sip_quota *quota, struct quota_source *source)
{
	if (quota == NULL)
		return;
	pthread_mutex_lock(&quota->mutex);
	quota->connections--;
	if (source != NULL) {
		source->count--;
		drop_unused(quota, source);
	}
	pthread_mutex_unlock(&quota->mutex);
}
