/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/resolve/internal.h"

#define RETRY_AFTER_MAX_S 3600u /* nobody is left alone for longer */

static uint64_t hash_of(const struct sip_target *target)
{
	return hash_index_mix(sip_address_hash(&target->address), target->kind);
}

static struct bad_target *find(const struct sip_bad_targets *bad, const struct sip_target *target)
{
	struct hash_node *node = hash_index_first(&bad->index, hash_of(target));

	for (; node != NULL; node = hash_index_next(node)) {
		struct bad_target *b =
			(struct bad_target *)((char *)node - offsetof(struct bad_target, node));

		if (b->target.kind == target->kind &&
		    sip_address_equal(&b->target.address, &target->address))
			return b;
	}
	return NULL;
}

static void drop(struct sip_bad_targets *bad, struct bad_target *b)
{
	*b->prev = b->next;
	if (b->next != NULL)
		b->next->prev = b->prev;
	else
		bad->newest = b->prev;
	hash_index_remove(&bad->index, &b->node);
	bad->count--;
	free(b);
}

int sip_bad_targets_create(struct sip_bad_targets **bad)
{
	struct sip_bad_targets *b = calloc(1, sizeof(*b));

	if (b == NULL || hash_index_init(&b->index, 64) != 0) {
		free(b);
		return -ENOMEM;
	}
	pthread_mutex_init(&b->lock, NULL);
	b->newest = &b->oldest;
	*bad = b;
	return 0;
}

void sip_bad_targets_destroy(struct sip_bad_targets *bad)
{
	if (bad == NULL)
		return;
	while (bad->oldest != NULL)
		drop(bad, bad->oldest);
	hash_index_free(&bad->index);
	pthread_mutex_destroy(&bad->lock);
	free(bad);
}

static void add(struct sip_bad_targets *bad, const struct sip_target *target,
		enum sip_target_state state, uint64_t until_ms)
{
	struct bad_target *b;

	if (bad->count == BAD_TARGETS_MAX)
		drop(bad, bad->oldest);
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return;
	b->target = *target;
	b->state = state;
	b->until_ms = until_ms;
	b->prev = bad->newest;
	*bad->newest = b;
	bad->newest = &b->next;
	hash_index_insert(&bad->index, &b->node, hash_of(target));
	bad->count++;
}

void bad_targets_report(struct sip_bad_targets *bad, const struct sip_target *target,
			enum sip_target_state state, unsigned for_s, uint64_t now_ms)
{
	struct bad_target *b;

	if (for_s > RETRY_AFTER_MAX_S)
		for_s = RETRY_AFTER_MAX_S;
	pthread_mutex_lock(&bad->lock);
	b = find(bad, target);
	if (b != NULL)
		drop(bad, b);
	if (for_s > 0)
		add(bad, target, state, now_ms + 1000 * (uint64_t)for_s);
	pthread_mutex_unlock(&bad->lock);
}

enum sip_target_state bad_targets_state(struct sip_bad_targets *bad,
					const struct sip_target *target, uint64_t now_ms)
{
	enum sip_target_state state = SIP_TARGET_OK;
	const struct bad_target *b;

	/* Mostly all are well. */
	if (atomic_load_explicit(&bad->count, memory_order_relaxed) == 0)
		return state;
	pthread_mutex_lock(&bad->lock);
	b = find(bad, target);
	if (b != NULL && now_ms < b->until_ms)
		state = b->state;
	pthread_mutex_unlock(&bad->lock);
	return state;
}
