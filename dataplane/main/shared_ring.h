/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dataplane's side of a ring that a client may scribble over at any time.
 *
 * The memory is an rte_ring (single producer, single consumer), and clients use it as one. The
 * dataplane uses neither its size, its mask nor its own index from there: it keeps them here, so
 * that nothing can change between a check and its use. From the shared memory it takes one number,
 * the index of the other side, and one element at a time, by copy.
 */
#ifndef DATAPLANE_MAIN_SHARED_RING_H
#define DATAPLANE_MAIN_SHARED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rte_ring;

struct shared_ring {
	struct rte_ring *ring;
	uint8_t *elements;
	size_t element_size;
	uint32_t size; /* a power of two */
	uint32_t mask;
	uint32_t capacity;
	uint32_t index; /* ours: the next to take, or to put */
};

/* Makes the ring anew, empty. Nobody else may use it now. 0 or -errno. */
int shared_ring_init(struct shared_ring *r, void *memory, unsigned size, size_t element_size);

/* The header is as it was made: false means that a client wrote where it must not. */
bool shared_ring_intact(const struct shared_ring *r);

/* As consumer: elements that wait; -EBADMSG if the producer's index cannot be. */
int shared_ring_count(const struct shared_ring *r);
/* Copies the one that is i behind the first; i must be below the count. */
void shared_ring_peek(const struct shared_ring *r, uint32_t i, void *element);
/* Gives n back to the producer. */
void shared_ring_release(struct shared_ring *r, uint32_t n);

/* As producer: free places; -EBADMSG if the consumer's index cannot be. */
int shared_ring_room(const struct shared_ring *r);
/* Writes the one that is i behind the last, not yet visible; i must be below the room. */
void shared_ring_put(const struct shared_ring *r, uint32_t i, const void *element);
/* Makes n visible to the consumer. */
void shared_ring_publish(struct shared_ring *r, uint32_t n);

#endif
