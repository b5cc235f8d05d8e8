/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that is used again: objects of one size, and texts of a few sizes. What was given back is
 * kept for the next, so that nothing is asked of malloc once the load has been seen. It never
 * shrinks; what bounds it is what its owner bounds. One thread.
 */
#ifndef SIP_BASE_POOL_H
#define SIP_BASE_POOL_H

#include <stddef.h>

/* Objects of one size, from blocks of many. Zero-initialised but for `size`. */
struct pool {
	size_t size; /* bytes of an object */
	void *free;  /* list, linked through the objects */
	void *blocks;
	size_t used; /* objects that are out */
};

/* Aligned for anything, not zeroed; NULL: no memory. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object);
/* All of it at once, whatever is out. */
void pool_free(struct pool *pool);

/* Texts by size. Above the largest class each is an allocation of its own. */
#define TEXT_POOL_CLASSES 8
struct text_pool {
	struct pool classes[TEXT_POOL_CLASSES];
	size_t used; /* bytes that are out, rounded up to their classes */
};

void text_pool_init(struct text_pool *pool);
char *text_pool_take(struct text_pool *pool, size_t size);
/* size: as it was taken. NULL is ignored. */
void text_pool_give(struct text_pool *pool, char *text, size_t size);
/* Those of the largest class and below; larger ones must have been given back. */
void text_pool_free(struct text_pool *pool);

#endif
