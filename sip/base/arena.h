/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An arena holds what lives and dies together (a message, a dialog, a call). Allocation is a
 * pointer bump; nothing is freed but all at once. One thread at a time.
 */
#ifndef SIP_BASE_ARENA_H
#define SIP_BASE_ARENA_H

#include "sip/base/slice.h"

struct arena;

/* first: bytes of the first block, which lies behind the arena itself. limit: bytes in all. */
struct arena *arena_create(size_t first, size_t limit);
void arena_destroy(struct arena *arena);
/* Empties the arena and keeps its first block. */
void arena_reset(struct arena *arena);

/* Aligned for any type. NULL when the limit is reached or memory is out. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_calloc(struct arena *arena, size_t size);

/* Copies; p is NULL when there was no memory (and s.n > 0). Result is NUL-terminated. */
struct slice arena_slice(struct arena *arena, struct slice s);

#endif
