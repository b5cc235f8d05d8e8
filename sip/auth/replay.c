/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For each nonce in use: the highest count seen and which of the 64 below it, as RFC 4303 §3.4.3
 * does for packets. The table is bounded. When it is full the nonce that was not used for longest
 * is forgotten, and `forgotten_s` says up to when nonces may have been: one that is not in the
 * table and is not younger than that could be a replay, so it does not pass. Only right
 * credentials get here, so outsiders cannot push anything out.
 *
 * The table belongs to a key. Instances of all shards find it in a list and share it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "sip/auth/internal.h"

#define NONCES_DEFAULT 65536u
#define NONCES_LIMIT   (1u << 24)
#define WINDOW         64u

/* Entries are numbers from 1; 0 is the end of a list. Entry 0 is head and tail of the order. */
struct entry {
	struct nonce nonce;
	uint64_t window; /* bit n: count `highest - n` was seen */
	uint32_t highest;
	uint32_t chain;        /* the next one of the same hash */
	uint32_t newer, older; /* by last use */
};

struct replay {
	struct replay *next;
	unsigned refs;
	uint8_t key[32];

	pthread_mutex_t lock;
	uint64_t forgotten_s; /* nonces created later than this are all remembered */
	uint32_t size, used, mask;
	uint32_t *chains;
	struct entry *entries;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct replay *list;

static void destroy(struct replay *replay)
{
	pthread_mutex_destroy(&replay->lock);
	free(replay->chains);
	free(replay->entries);
	free(replay);
}

static struct replay *create(const uint8_t key[32], uint32_t nonces_max)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	uint32_t chains = 64;

	if (replay == NULL)
		return NULL;
	pthread_mutex_init(&replay->lock, NULL);
	if (nonces_max == 0)
		nonces_max = NONCES_DEFAULT;
	if (nonces_max > NONCES_LIMIT)
		nonces_max = NONCES_LIMIT;
	while (chains < nonces_max)
		chains *= 2;
	replay->refs = 1;
	memcpy(replay->key, key, sizeof(replay->key));
	replay->size = nonces_max;
	replay->mask = chains - 1;
	replay->chains = calloc(chains, sizeof(*replay->chains));
	replay->entries = calloc((size_t)nonces_max + 1, sizeof(*replay->entries));
	if (replay->chains == NULL || replay->entries == NULL) {
		destroy(replay);
		return NULL;
	}
	return replay;
}

struct replay *replay_get(const uint8_t key[32], uint32_t nonces_max)
{
	struct replay *replay;

	pthread_mutex_lock(&list_lock);
	for (replay = list; replay != NULL; replay = replay->next) {
		if (memcmp(replay->key, key, sizeof(replay->key)) == 0)
			break;
	}
	if (replay != NULL) {
		replay->refs++;
	} else {
		replay = create(key, nonces_max);
		if (replay != NULL) {
			replay->next = list;
			list = replay;
		}
	}
	pthread_mutex_unlock(&list_lock);
	return replay;
}

void replay_put(struct replay *replay)
{
	bool last;

	if (replay == NULL)
		return;
	pthread_mutex_lock(&list_lock);
	last = --replay->refs == 0;
	if (last) {
		struct replay **link = &list;

		while (*link != replay)
			link = &(*link)->next;
		*link = replay->next;
	}
	pthread_mutex_unlock(&list_lock);
	if (last)
		destroy(replay);
}

/* --- order of use -------------------------------------------------------------------------- */

static void unlink_entry(struct replay *replay, uint32_t index)
{
	struct entry *e = &replay->entries[index];

	replay->entries[e->newer].older = e->older;
	replay->entries[e->older].newer = e->newer;
}

static void link_newest(struct replay *replay, uint32_t index)
{
	struct entry *e = &replay->entries[index], *ends = &replay->entries[0];

	e->newer = 0;
	e->older = ends->older;
	replay->entries[e->older].newer = index;
	ends->older = index;
}

/* --- look-up ------------------------------------------------------------------------------- */

/* The id is random and was signed by us: it is its own hash. */
static uint32_t *chain_of(const struct replay *replay, const struct nonce *nonce)
{
	return &replay->chains[nonce->id & replay->mask];
}

static uint32_t find(const struct replay *replay, const struct nonce *nonce)
{
	uint32_t index = *chain_of(replay, nonce);

	while (index != 0 && (replay->entries[index].nonce.id != nonce->id ||
			      replay->entries[index].nonce.created_s != nonce->created_s))
		index = replay->entries[index].chain;
	return index;
}

static uint32_t forget_oldest(struct replay *replay)
{
	uint32_t index = replay->entries[0].newer;
	struct entry *e = &replay->entries[index];
	uint32_t *link = chain_of(replay, &e->nonce);

	while (*link != index)
		link = &replay->entries[*link].chain;
	*link = e->chain;
	unlink_entry(replay, index);
	if (replay->forgotten_s < e->nonce.created_s)
		replay->forgotten_s = e->nonce.created_s;
	return index;
}

static uint32_t add(struct replay *replay, const struct nonce *nonce)
{
	uint32_t index = replay->used < replay->size ? ++replay->used : forget_oldest(replay);
	struct entry *e = &replay->entries[index];
	uint32_t *chain = chain_of(replay, nonce);

	e->nonce = *nonce;
	e->window = 0;
	e->highest = 0;
	e->chain = *chain;
	*chain = index;
	link_newest(replay, index);
	return index;
}

static bool note_count(struct entry *e, uint32_t count)
{
	uint32_t behind;

	if (count > e->highest) {
		uint32_t ahead = count - e->highest;

		e->window = ahead < WINDOW ? e->window << ahead | 1 : 1;
		e->highest = count;
		return true;
	}
	behind = e->highest - count;
	if (behind >= WINDOW || (e->window >> behind & 1) != 0)
		return false;
	e->window |= 1ull << behind;
	return true;
}

bool replay_note(struct replay *replay, const struct nonce *nonce, uint32_t count)
{
	uint32_t index;
	bool fresh = false;

	pthread_mutex_lock(&replay->lock);
	index = find(replay, nonce);
	if (index == 0 && nonce->created_s > replay->forgotten_s) {
		index = add(replay, nonce);
	} else if (index != 0) {
		unlink_entry(replay, index);
		link_newest(replay, index);
	}
	if (index != 0)
		fresh = note_count(&replay->entries[index], count);
	pthread_mutex_unlock(&replay->lock);
	return fresh;
}
