/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records on their way from one thread to another: bytes in a ring, one writer, one reader. What
 * does not fit is dropped and counted; the writer never waits.
 *
 *   | length | record | data, up to 8 bytes | length | ... | SKIP | to the start
 */
#ifndef SIP_TRACE_RING_H
#define SIP_TRACE_RING_H

#include "sip/trace/record.h"

struct trace_ring;
/* size: bytes, a power of two. -ENOMEM */
int trace_ring_create(size_t size, struct trace_ring **ring);
void trace_ring_destroy(struct trace_ring *ring);

/* The writer. record->size says how much data there is. */
void trace_ring_put(struct trace_ring *ring, const struct trace_record *record, const char *data);

/* The reader: what was put and not taken when *cursor was 0, one after the other. NULL: no more.
 * It stays in the ring until trace_ring_take() with that cursor. */
const struct trace_record *trace_ring_next(struct trace_ring *ring, uint64_t *cursor,
					   const char **data);
void trace_ring_take(struct trace_ring *ring, uint64_t cursor);
uint64_t trace_ring_dropped(const struct trace_ring *ring);

#endif
