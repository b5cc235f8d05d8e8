/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/resolve/internal.h"

#define TTL_MAX_S      86400u
#define NEGATIVE_MAX_S 900u
#define FAILURE_S      2u    /* servers that do not answer are left alone so long */
#define STALE_S        3600u /* what was known is good so long when they do not (RFC 8767) */

struct cache_name {
	struct hash_node node;
	struct cache_name *next, **prev; /* in the order of use, or of the busy ones */
	struct cache *cache;
	enum dns_type type;
	struct cache_waiter *waiters;
	bool busy;           /* asked about, or its waiters are being told */
	bool asking;         /* a question is out */
	bool returning;      /* and its `ask` has not come back */
	int error;           /* of the last question */
	uint64_t expires_ms; /* of the answer or the error */
	uint64_t useless_ms; /* of the answer when servers fail */
	struct dns_answer *answer;
	char name[];
};

static struct cache_name *find(const struct cache *cache, struct slice name, enum dns_type type,
			       uint64_t hash)
{
	struct hash_node *node = hash_index_first(&cache->names, hash);

	for (; node != NULL; node = hash_index_next(node)) {
		struct cache_name *n =
			(struct cache_name *)((char *)node - offsetof(struct cache_name, node));

		if (n->type == type && slice_equal_nocase(slice_of(n->name), name))
			return n;
	}
	return NULL;
}

static void list_remove(struct cache_name *n)
{
	if (n->prev == NULL)
		return;
	*n->prev = n->next;
	if (n->next != NULL)
		n->next->prev = n->prev;
	else if (!n->busy)
		n->cache->newest = n->prev;
	n->prev = NULL;
}

/* Used now: the last to be dropped. */
static void list_used(struct cache_name *n)
{
	struct cache *cache = n->cache;

	if (n->busy)
		return;
	list_remove(n);
	n->next = NULL;
	n->prev = cache->newest;
	*cache->newest = n;
	cache->newest = &n->next;
}

/* Busy ones are asked about, or told of: they are not dropped. */
static void list_busy(struct cache_name *n, bool busy)
{
	struct cache *cache = n->cache;

	list_remove(n);
	n->busy = busy;
	if (!busy) {
		list_used(n);
		return;
	}
	n->next = cache->busy;
	n->prev = &cache->busy;
	if (n->next != NULL)
		n->next->prev = &n->next;
	cache->busy = n;
}

static void name_free(struct cache_name *n)
{
	list_remove(n);
	hash_index_remove(&n->cache->names, &n->node);
	free(n->answer);
	free(n);
}

int cache_init(struct cache *cache)
{
	cache->busy = NULL;
	cache->oldest = NULL;
	cache->newest = &cache->oldest;
	return hash_index_init(&cache->names, 256);
}

void cache_free(struct cache *cache)
{
	while (cache->busy != NULL) {
		cache->dns->cancel(cache->dns, cache->busy);
		name_free(cache->busy);
	}
	while (cache->oldest != NULL)
		name_free(cache->oldest);
	hash_index_free(&cache->names);
}

static struct cache_name *name_new(struct cache *cache, struct slice name, enum dns_type type,
				   uint64_t hash)
{
	struct cache_name *n;

	while (cache->names.count >= cache->max && cache->oldest != NULL)
		name_free(cache->oldest);
	n = calloc(1, sizeof(*n) + name.n + 1);
	if (n == NULL)
		return NULL;
	n->cache = cache;
	n->type = type;
	memcpy(n->name, name.p, name.n);
	hash_index_insert(&cache->names, &n->node, hash);
	return n;
}

static uint64_t now_ms(const struct cache *cache)
{
	return timer_wheel_now(cache->wheel);
}

/* An answer in the size that it has. */
static struct dns_answer *keep(const struct dns_answer *answer)
{
	const size_t size =
		offsetof(struct dns_answer, records) + answer->count * sizeof(struct dns_record);
	struct dns_answer *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, answer, size);
	return copy;
}

static int take(struct cache_name *n, const struct dns_answer *answer)
{
	struct dns_answer *copy = keep(answer);
	const uint32_t max = answer->count > 0 ? TTL_MAX_S : NEGATIVE_MAX_S;

	if (copy == NULL)
		return -ENOMEM;
	free(n->answer);
	n->answer = copy;
	n->expires_ms =
		now_ms(n->cache) + 1000 * (uint64_t)(answer->ttl_s < max ? answer->ttl_s : max);
	n->useless_ms = n->expires_ms + 1000 * (uint64_t)STALE_S;
	return 0;
}

static void on_answer(void *arg, int error, const struct dns_answer *answer)
{
	struct cache_name *n = arg;
	struct cache *cache = n->cache;
	struct cache_waiter *waiter;

	n->asking = false;
	n->error = error == 0 ? take(n, answer) : error;
	if (n->error != 0) {
		cache->stats->failures++;
		n->expires_ms = now_ms(cache) + 1000 * (uint64_t)FAILURE_S;
		if (n->answer != NULL && now_ms(cache) < n->useless_ms)
			n->error = 0;
	}
	if (!n->returning) {
		while ((waiter = n->waiters) != NULL) {
			cache_leave(waiter);
			waiter->done(waiter, n->error, n->error == 0 ? n->answer : NULL);
		}
	}
	/* A waiter may have asked again what holds for no time at all. */
	if (!n->asking)
		list_busy(n, false);
}

static void wait_for(struct cache_name *n, struct cache_waiter *waiter)
{
	waiter->next = n->waiters;
	waiter->prev = &n->waiters;
	if (waiter->next != NULL)
		waiter->next->prev = &waiter->next;
	n->waiters = waiter;
}

void cache_leave(struct cache_waiter *waiter)
{
	if (waiter->prev == NULL)
		return;
	*waiter->prev = waiter->next;
	if (waiter->next != NULL)
		waiter->next->prev = waiter->prev;
	waiter->prev = NULL;
}

static void ask(struct cache_name *n)
{
	struct cache *cache = n->cache;

	list_busy(n, true);
	n->asking = true;
	n->returning = true;
	cache->stats->questions++;
	cache->dns->ask(cache->dns, n->name, n->type, on_answer, n);
	n->returning = false;
}

int cache_ask(struct cache *cache, const char *name, enum dns_type type,
	      struct cache_waiter *waiter, const struct dns_answer **answer)
{
	const struct slice text = slice_of(name);
	const uint64_t hash = hash_index_mix(slice_hash_nocase(text), type);
	struct cache_name *n = find(cache, text, type, hash);

	waiter->prev = NULL;
	if (n == NULL)
		n = name_new(cache, text, type, hash);
	if (n == NULL)
		return -ENOMEM;
	if (!n->asking && now_ms(cache) >= n->expires_ms)
		ask(n);
	else if (!n->asking)
		cache->stats->cached++;
	if (n->asking) {
		wait_for(n, waiter);
		return -EINPROGRESS;
	}
	list_used(n);
	*answer = n->error == 0 ? n->answer : NULL;
	return n->error;
}
