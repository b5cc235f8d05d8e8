/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/hash_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENT_FIRST ((size_t)64)
#define CHAINS_BEGIN  ((size_t)1024)
#define CHAINS_MAX    (SEGMENT_FIRST << (HASH_INDEX_SEGMENTS - 1))

/* Segment 0 has chains 0 to 63, segment s those from 64 * 2^(s-1) on. */
static unsigned segment_of(size_t chain)
{
	const size_t block = chain / SEGMENT_FIRST;

	return block == 0 ? 0 : (unsigned)(64 - __builtin_clzl(block));
}

static size_t segment_begin(unsigned segment)
{
	return segment == 0 ? 0 : SEGMENT_FIRST << (segment - 1);
}

static size_t segment_size(unsigned segment)
{
	return segment == 0 ? SEGMENT_FIRST : segment_begin(segment);
}

static struct hash_node **chain_at(const struct hash_index *index, size_t chain)
{
	const unsigned segment = segment_of(chain);

	return &index->segments[segment][chain - segment_begin(segment)];
}

/* Linear hashing: chains beyond the power of two hold half of what their lower twin held. */
static struct hash_node **chain_of(const struct hash_index *index, uint64_t hash)
{
	size_t chain = hash & (2 * index->mask + 1);

	return chain_at(index, chain < index->chains ? chain : hash & index->mask);
}

static int add_segment(struct hash_index *index, unsigned segment)
{
	index->segments[segment] = calloc(segment_size(segment), sizeof(struct hash_node *));
	return index->segments[segment] != NULL ? 0 : -ENOMEM;
}

int hash_index_init(struct hash_index *index, size_t expected)
{
	size_t chains = SEGMENT_FIRST;

	memset(index, 0, sizeof(*index));
	while (chains < expected && chains < CHAINS_BEGIN)
		chains *= 2;
	for (unsigned s = 0; s <= segment_of(chains - 1); s++) {
		if (add_segment(index, s) != 0) {
			hash_index_free(index);
			return -ENOMEM;
		}
	}
	index->chains = chains;
	index->mask = chains - 1;
	return 0;
}

void hash_index_free(struct hash_index *index)
{
	for (unsigned s = 0; s < HASH_INDEX_SEGMENTS; s++) {
		free(index->segments[s]);
		index->segments[s] = NULL;
	}
	index->chains = 0;
}

static void link_node(struct hash_node **chain, struct hash_node *node)
{
	node->prev = chain;
	node->next = *chain;
	if (node->next != NULL)
		node->next->prev = &node->next;
	*chain = node;
}

static void unlink_node(struct hash_node *node)
{
	*node->prev = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
}

/* One chain more. Without memory for it the others grow longer. */
static void grow(struct hash_index *index)
{
	const size_t fresh = index->chains, wide = 2 * index->mask + 1;
	struct hash_node **to, *next;

	if (fresh == CHAINS_MAX ||
	    (index->segments[segment_of(fresh)] == NULL && add_segment(index, segment_of(fresh))))
		return;
	to = chain_at(index, fresh);
	for (struct hash_node *node = *chain_at(index, fresh & index->mask); node; node = next) {
		next = node->next;
		if ((node->hash & wide) != fresh)
			continue;
		unlink_node(node);
		link_node(to, node);
	}
	index->chains++;
	if (index->chains > wide)
		index->mask = wide;
}

void hash_index_insert(struct hash_index *index, struct hash_node *node, uint64_t hash)
{
	if (index->count >= index->chains)
		grow(index);
	node->hash = hash;
	link_node(chain_of(index, hash), node);
	index->count++;
}

void hash_index_remove(struct hash_index *index, struct hash_node *node)
{
	if (node->prev == NULL)
		return;
	unlink_node(node);
	node->next = NULL;
	node->prev = NULL;
	index->count--;
}

static struct hash_node *with_hash(struct hash_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct hash_node *hash_index_first(const struct hash_index *index, uint64_t hash)
{
	return with_hash(*chain_of(index, hash), hash);
}

struct hash_node *hash_index_next(const struct hash_node *node)
{
	return with_hash(node->next, node->hash);
}
