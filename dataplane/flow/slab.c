/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/flow/slab.h"

#include <sys/mman.h>

#define CHUNK_SIZE ((size_t)2 << 20)

struct flow_chunk {
	struct flow_chunk *next;
} __attribute__((aligned(64)));

#define CHUNK_BOXES ((CHUNK_SIZE - sizeof(struct flow_chunk)) / sizeof(struct flow_box))

static void *map(size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
		       0);

	return p == MAP_FAILED ? NULL : p;
}

/* Without reserved hugepages: ordinary memory, aligned so that the kernel may make it huge. */
static void *map_aligned(void)
{
	uint8_t *p = map(2 * CHUNK_SIZE, 0), *chunk;

	if (!p)
		return NULL;
	chunk = (uint8_t *)(((uintptr_t)p + CHUNK_SIZE - 1) & ~(uintptr_t)(CHUNK_SIZE - 1));
	if (chunk > p)
		munmap(p, (size_t)(chunk - p));
	if (chunk < p + CHUNK_SIZE)
		munmap(chunk + CHUNK_SIZE, (size_t)(p + CHUNK_SIZE - chunk));
	madvise(chunk, CHUNK_SIZE, MADV_HUGEPAGE);
	return chunk;
}

static bool grow(struct flow_slab *slab)
{
	struct flow_chunk *chunk = map(CHUNK_SIZE, MAP_HUGETLB);
	struct flow_box *boxes;

	if (!chunk)
		chunk = map_aligned();
	if (!chunk)
		return false;
	chunk->next = slab->chunks;
	slab->chunks = chunk;
	slab->bytes += CHUNK_SIZE;
	boxes = (struct flow_box *)(chunk + 1);
	for (size_t i = CHUNK_BOXES; i-- > 0;)
		slab_put(slab, &boxes[i]);
	return true;
}

struct flow_box *slab_get(struct flow_slab *slab)
{
	struct flow_box *box;

	if (!slab->free && (slab->bytes >= slab->limit || !grow(slab)))
		return NULL;
	box = slab->free;
	slab->free = box->next;
	return box;
}

bool slab_reserve(struct flow_slab *slab, unsigned count)
{
	const struct flow_box *box = slab->free;

	for (; box && count > 0; count--)
		box = box->next;
	return count == 0 || (slab->bytes < slab->limit && grow(slab));
}

void slab_put(struct flow_slab *slab, struct flow_box *box)
{
	box->next = slab->free;
	slab->free = box;
}

void slab_destroy(struct flow_slab *slab)
{
	while (slab->chunks) {
		struct flow_chunk *chunk = slab->chunks;

		slab->chunks = chunk->next;
		munmap(chunk, CHUNK_SIZE);
	}
	slab->free = NULL;
}
