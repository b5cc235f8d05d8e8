/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/pool.h"

#include <stdalign.h>
#include <stdlib.h>

#include "sip/base/sanitizer.h"

/* What is in the pool is nobody's: the sanitizer catches who still looks at it. */
#if ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define HIDE(object, size) __asan_poison_memory_region(object, size)
#define SHOW(object, size) __asan_unpoison_memory_region(object, size)
#else
#define HIDE(object, size) ((void)(object), (void)(size))
#define SHOW(object, size) ((void)(object), (void)(size))
#endif

#define BLOCK_BYTES ((size_t)64 << 10)

struct block {
	alignas(max_align_t) struct block *next;
};

static size_t object_size(const struct pool *pool)
{
	const size_t align = alignof(max_align_t);

	return (pool->size + align - 1) / align * align;
}

static int add_block(struct pool *pool)
{
	const size_t size = object_size(pool);
	const size_t objects = size < BLOCK_BYTES / 8 ? BLOCK_BYTES / size : 8;
	struct block *block = malloc(sizeof(*block) + objects * size);
	char *object;

	if (block == NULL)
		return -1;
	block->next = pool->blocks;
	pool->blocks = block;
	object = (char *)(block + 1);
	for (size_t i = 0; i < objects; i++, object += size) {
		*(void **)object = pool->free;
		pool->free = object;
		HIDE(object, size);
	}
	return 0;
}

void *pool_take(struct pool *pool)
{
	void *object;

	if (pool->free == NULL && add_block(pool) != 0)
		return NULL;
	object = pool->free;
	SHOW(object, object_size(pool));
	pool->free = *(void **)object;
	pool->used++;
	return object;
}

void pool_give(struct pool *pool, void *object)
{
	*(void **)object = pool->free;
	pool->free = object;
	pool->used--;
	HIDE(object, object_size(pool));
}

void pool_free(struct pool *pool)
{
	struct block *block = pool->blocks, *next;

	for (; block != NULL; block = next) {
		next = block->next;
		free(block); /* which forgets what was hidden in it */
	}
	pool->blocks = NULL;
	pool->free = NULL;
	pool->used = 0;
}

/* Messages are mostly of 300 to 1500 bytes: steps that waste a quarter at most there. */
static const size_t class_sizes[TEXT_POOL_CLASSES] = { 256, 384, 512, 768, 1024, 1536, 2048, 4096 };

void text_pool_init(struct text_pool *pool)
{
	*pool = (struct text_pool){ 0 };
	for (unsigned i = 0; i < TEXT_POOL_CLASSES; i++)
		pool->classes[i].size = class_sizes[i];
}

static unsigned class_of(size_t size)
{
	unsigned class = 0;

	while (class < TEXT_POOL_CLASSES && class_sizes[class] < size)
		class ++;
	return class;
}

char *text_pool_take(struct text_pool *pool, size_t size)
{
	const unsigned class = class_of(size);
	char *text = class < TEXT_POOL_CLASSES ? pool_take(&pool->classes[class]) : malloc(size);

	if (text != NULL)
		pool->used += class < TEXT_POOL_CLASSES ? class_sizes[class] : size;
	return text;
}

void text_pool_give(struct text_pool *pool, char *text, size_t size)
{
	const unsigned class = class_of(size);

	if (text == NULL)
		return;
	pool->used -= class < TEXT_POOL_CLASSES ? class_sizes[class] : size;
	if (class < TEXT_POOL_CLASSES)
		pool_give(&pool->classes[class], text);
	else
		free(text);
}

void text_pool_free(struct text_pool *pool)
{
	for (unsigned i = 0; i < TEXT_POOL_CLASSES; i++)
		pool_free(&pool->classes[i]);
}
