/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sip/resolve/internal.h"

#define RETRY_AFTER_MAX_S 3600u /* nobody is left alone for longer */

static uint64_t hash_of(const struct sip_target *target)
{
	return hash_index_mix(sip_address_hash(&target->address), target->kind);
}

static struct bad_target *find(const struct bad_targets *bad, const struct sip_target *target)
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

static void drop(struct bad_targets *bad, struct bad_target *b)
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

int bad_targets_init(struct bad_targets *bad)
{
	bad->oldest = NULL;
	bad->newest = &bad->oldest;
	bad->count = 0;
	return hash_index_init(&bad->index, 64);
}

void bad_targets_free(struct bad_targets *bad)
{
	while (bad->oldest != NULL)
		drop(bad, bad->oldest);
	hash_index_free(&bad->index);
}

void bad_targets_report(struct bad_targets *bad, const struct sip_target *target,
			enum sip_target_state state, unsigned retry_after_s)
{
	struct bad_target *b = find(bad, target);
	unsigned for_s = state == SIP_TARGET_DEAD ? bad->dead_s : retry_after_s;

	if (b != NULL)
		drop(bad, b);
	if (state == SIP_TARGET_OK || for_s == 0)
		return;
	if (bad->count == BAD_TARGETS_MAX)
		drop(bad, bad->oldest);
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return;
	if (for_s > RETRY_AFTER_MAX_S)
		for_s = RETRY_AFTER_MAX_S;
	b->target = *target;
	b->state = state;
	b->until_ms = timer_wheel_now(bad->wheel) + 1000 * (uint64_t)for_s;
	b->prev = bad->newest;
	*bad->newest = b;
	bad->newest = &b->next;
	hash_index_insert(&bad->index, &b->node, hash_of(target));
	bad->count++;
}

enum sip_target_state bad_targets_state(const struct bad_targets *bad,
					const struct sip_target *target)
{
	const struct bad_target *b = bad->count > 0 ? find(bad, target) : NULL;

	return b != NULL && timer_wheel_now(bad->wheel) < b->until_ms ? b->state : SIP_TARGET_OK;
}
