/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An intrusive hash table with chains. The owner computes the hash (slice_hash(): its key is
 * random, so nobody outside can aim at one chain) and compares what the candidates hold. It grows
 * a chain at a time as nodes come (linear hashing), so that no insertion stops the thread for
 * long. One thread.
 */
#ifndef SIP_BASE_HASH_INDEX_H
#define SIP_BASE_HASH_INDEX_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in what is found; zero-initialised means in no index. */
struct hash_node {
	struct hash_node *next, **prev;
	uint64_t hash;
};

/* The first segment has 64 chains; each of the others as many as all before it. */
#define HASH_INDEX_SEGMENTS 17

struct hash_index {
	struct hash_node **segments[HASH_INDEX_SEGMENTS];
	size_t chains; /* in use */
	size_t mask;   /* the largest power of two that is not more than chains, less 1 */
	size_t count;  /* nodes */
};

/* 0 or -ENOMEM. It begins with as many chains as nodes are expected, 1024 at most. */
int hash_index_init(struct hash_index *index, size_t expected);
/* Nodes that are still in it are left alone. */
void hash_index_free(struct hash_index *index);

void hash_index_insert(struct hash_index *index, struct hash_node *node, uint64_t hash);
/* Harmless on a node that is in no index. */
void hash_index_remove(struct hash_index *index, struct hash_node *node);

/* The first node of this hash, and the next one after it; NULL: none. */
struct hash_node *hash_index_first(const struct hash_index *index, uint64_t hash);
struct hash_node *hash_index_next(const struct hash_node *node);

/* Folds another part of a key into a hash. */
static inline uint64_t hash_index_mix(uint64_t hash, uint64_t part)
{
	hash ^= part + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
	hash *= 0xff51afd7ed558ccdu;
	return hash ^ (hash >> 33);
}

#endif
