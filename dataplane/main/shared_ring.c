/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/shared_ring.h"

#include <errno.h>
#include <string.h>

#include <rte_ring.h>

int shared_ring_init(struct shared_ring *r, void *memory, unsigned size, size_t element_size)
{
	int error = rte_ring_init(memory, "tandem", size, RING_F_SP_ENQ | RING_F_SC_DEQ);

	if (error)
		return error;
	*r = (struct shared_ring){
		.ring = memory,
		.elements = (uint8_t *)memory + sizeof(struct rte_ring),
		.element_size = element_size,
		.size = size,
		.mask = size - 1,
		.capacity = size - 1,
	};
	return 0;
}

bool shared_ring_intact(const struct shared_ring *r)
{
	const struct rte_ring *h = r->ring;

	return h->size == r->size && h->mask == r->mask && h->capacity == r->capacity &&
	       h->prod.sync_type == RTE_RING_SYNC_ST && h->cons.sync_type == RTE_RING_SYNC_ST;
}

int shared_ring_count(const struct shared_ring *r)
{
	uint32_t count = __atomic_load_n(&r->ring->prod.tail, __ATOMIC_ACQUIRE) - r->index;

	return count <= r->capacity ? (int)count : -EBADMSG;
}

void shared_ring_peek(const struct shared_ring *r, uint32_t i, void *element)
{
	memcpy(element, r->elements + ((r->index + i) & r->mask) * r->element_size,
	       r->element_size);
}

void shared_ring_release(struct shared_ring *r, uint32_t n)
{
	r->index += n;
	r->ring->cons.head = r->index;
	__atomic_store_n(&r->ring->cons.tail, r->index, __ATOMIC_RELEASE);
}

int shared_ring_room(const struct shared_ring *r)
{
	uint32_t used = r->index - __atomic_load_n(&r->ring->cons.tail, __ATOMIC_ACQUIRE);

	return used <= r->capacity ? (int)(r->capacity - used) : -EBADMSG;
}

void shared_ring_put(const struct shared_ring *r, uint32_t i, const void *element)
{
	memcpy(r->elements + ((r->index + i) & r->mask) * r->element_size, element,
	       r->element_size);
}

void shared_ring_publish(struct shared_ring *r, uint32_t n)
{
	r->index += n;
	r->ring->prod.head = r->index;
	__atomic_store_n(&r->ring->prod.tail, r->index, __ATOMIC_RELEASE);
}
