/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/monitor/calls.h"

#include <errno.h>
#include <stdlib.h>

#define SETS (1u << 14)
#define WAYS 8u

struct entry {
	uint64_t hash; /* of the Call-ID; 0: free */
	uint64_t call;
	uint64_t used;
};

struct calls {
	uint64_t clock;
	struct entry sets[SETS][WAYS];
};

int calls_create(struct calls **calls)
{
	*calls = calloc(1, sizeof(**calls));
	return *calls ? 0 : -ENOMEM;
}

void calls_destroy(struct calls *calls)
{
	free(calls);
}

/* The one with this hash, or the one to give up for it. */
static struct entry *entry_of(struct calls *calls, uint64_t hash)
{
	struct entry *set = calls->sets[hash % SETS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	return oldest;
}

void calls_learn(struct calls *calls, struct slice call_id, uint64_t call)
{
	const uint64_t hash = slice_hash(call_id) | 1;

	*entry_of(calls, hash) = (struct entry){ hash, call, ++calls->clock };
}

uint64_t calls_find(struct calls *calls, struct slice call_id)
{
	const uint64_t hash = slice_hash(call_id) | 1;
	struct entry *entry = entry_of(calls, hash);

	if (entry->hash != hash)
		return 0;
	entry->used = ++calls->clock;
	return entry->call;
}
