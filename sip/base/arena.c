/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define ALIGNMENT alignof(max_align_t)
#define BLOCK_MIN ((size_t)1024)

struct block {
	struct block *next;
	size_t size, used; /* bytes of data */
	alignas(max_align_t) char data[];
};

/* One allocation: the arena, its first block, and that block's data. */
struct arena {
	struct block *blocks; /* the newest first; the last is &first */
	size_t limit, total;  /* bytes of data in all blocks */
	struct block first;
};

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

struct arena *arena_create(size_t first, size_t limit)
{
	struct arena *arena;

	if (first > limit)
		first = limit;
	if (first > SIZE_MAX - sizeof(*arena) - ALIGNMENT)
		return NULL;
	first = aligned(first);
	arena = malloc(sizeof(*arena) + first);
	if (arena == NULL)
		return NULL;
	arena->limit = limit;
	arena->total = first;
	arena->blocks = &arena->first;
	arena->first.next = NULL;
	arena->first.size = first;
	arena->first.used = 0;
	return arena;
}

static void free_blocks(struct arena *arena)
{
	while (arena->blocks != &arena->first) {
		struct block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
}

void arena_destroy(struct arena *arena)
{
	if (arena == NULL)
		return;
	free_blocks(arena);
	free(arena);
}

void arena_reset(struct arena *arena)
{
	free_blocks(arena);
	arena->first.used = 0;
	arena->total = arena->first.size;
}

static struct block *add_block(struct arena *arena, size_t size)
{
	size_t room = arena->limit > arena->total ? arena->limit - arena->total : 0;
	size_t want = arena->blocks->size * 2;
	struct block *block;

	if (size > room)
		return NULL;
	if (want < BLOCK_MIN)
		want = BLOCK_MIN;
	if (want < size)
		want = size;
	if (want > room)
		want = size;
	block = malloc(sizeof(*block) + want);
	if (block == NULL)
		return NULL;
	block->size = want;
	block->used = 0;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->total += want;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct block *block = arena->blocks;
	void *result;

	if (size > arena->limit)
		return NULL;
	size = size > 0 ? aligned(size) : ALIGNMENT;
	if (block->size - block->used < size) {
		block = add_block(arena, size);
		if (block == NULL)
			return NULL;
	}
	result = block->data + block->used;
	block->used += size;
	return result;
}

void *arena_calloc(struct arena *arena, size_t size)
{
	void *result = arena_alloc(arena, size);

	if (result != NULL)
		memset(result, 0, size);
	return result;
}

struct slice arena_slice(struct arena *arena, struct slice s)
{
	char *copy;

	if (s.n >= SIZE_MAX - ALIGNMENT)
		return SLICE_NONE;
	copy = arena_alloc(arena, s.n + 1);
	if (copy == NULL)
		return SLICE_NONE;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return (struct slice){ copy, s.n };
}
