/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/hash_index.h"

#include <errno.h>
#include <stdlib.h>

#define CHAINS_MIN ((size_t)64)
#define CHAINS_MAX ((size_t)1 << 20)

int hash_index_init(struct hash_index *index, size_t expected)
{
	size_t chains = CHAINS_MIN;

	while (chains < expected && chains < CHAINS_MAX)
		chains *= 2;
	index->chains = calloc(chains, sizeof(*index->chains));
	if (index->chains == NULL)
		return -ENOMEM;
	index->mask = chains - 1;
	index->count = 0;
	return 0;
}

void hash_index_free(struct hash_index *index)
{
	free(index->chains);
	index->chains = NULL;
}

void hash_index_insert(struct hash_index *index, struct hash_node *node, uint64_t hash)
{
	struct hash_node **chain = &index->chains[hash & index->mask];

	node->hash = hash;
	node->prev = chain;
	node->next = *chain;
	if (node->next != NULL)
		node->next->prev = &node->next;
	*chain = node;
	index->count++;
}

void hash_index_remove(struct hash_index *index, struct hash_node *node)
{
	if (node->prev == NULL)
		return;
	*node->prev = node->next;
	if (node->next != NULL)
		node->next->prev = node->prev;
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
	return with_hash(index->chains[hash & index->mask], hash);
}

struct hash_node *hash_index_next(const struct hash_node *node)
{
	return with_hash(node->next, node->hash);
}
