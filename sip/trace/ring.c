/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ALIGN 8u
#define SKIP  UINT64_MAX /* for a length: the rest, up to the end, is empty */

struct trace_ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the writer: bytes since the beginning */
	_Atomic uint64_t dropped;
	_Alignas(64) _Atomic uint64_t tail; /* written by the reader */
	_Alignas(64) size_t size;
	uint8_t bytes[];
};

int trace_ring_create(size_t size, struct trace_ring **ring)
{
	struct trace_ring *r = aligned_alloc(64, sizeof(*r) + size);

	if (r == NULL)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->size = size;
	*ring = r;
	return 0;
}

void trace_ring_destroy(struct trace_ring *ring)
{
	free(ring);
}

static uint64_t length_of(size_t data)
{
	return (sizeof(uint64_t) + sizeof(struct trace_record) + data + ALIGN - 1) / ALIGN * ALIGN;
}

static uint8_t *at(struct trace_ring *ring, uint64_t position)
{
	return ring->bytes + (position & (ring->size - 1));
}

static void put_length(struct trace_ring *ring, uint64_t position, uint64_t length)
{
	memcpy(at(ring, position), &length, sizeof(length));
}

void trace_ring_put(struct trace_ring *ring, const struct trace_record *record, const char *data)
{
	const uint64_t length = length_of(record->size);
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	const uint64_t to_end = ring->size - (head & (ring->size - 1));
	const uint64_t skipped = length > to_end ? to_end : 0;
	uint8_t *to;

	if (length > ring->size || head + skipped + length - tail > ring->size) {
		atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
		return;
	}
	if (skipped > 0)
		put_length(ring, head, SKIP);
	head += skipped;
	put_length(ring, head, length);
	to = at(ring, head) + sizeof(uint64_t);
	memcpy(to, record, sizeof(*record));
	memcpy(to + sizeof(*record), data, record->size);
	atomic_store_explicit(&ring->head, head + length, memory_order_release);
}

/* The cursor is a position plus 1, so that 0 is the beginning. */
const struct trace_record *trace_ring_next(struct trace_ring *ring, uint64_t *cursor,
					   const char **data)
{
	const uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t position = *cursor > 0 ? *cursor - 1 : atomic_load(&ring->tail), length;
	const struct trace_record *record;

	if (position == head)
		return NULL;
	memcpy(&length, at(ring, position), sizeof(length));
	if (length == SKIP) {
		position += ring->size - (position & (ring->size - 1));
		memcpy(&length, at(ring, position), sizeof(length));
	}
	record = (const struct trace_record *)(at(ring, position) + sizeof(uint64_t));
	*data = (const char *)(record + 1);
	*cursor = position + length + 1;
	return record;
}

void trace_ring_take(struct trace_ring *ring, uint64_t cursor)
{
	if (cursor > 0)
		atomic_store_explicit(&ring->tail, cursor - 1, memory_order_release);
}

uint64_t trace_ring_dropped(const struct trace_ring *ring)
{
	return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}
