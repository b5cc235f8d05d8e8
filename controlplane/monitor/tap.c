/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/monitor/tap.h"

#include <time.h>

int tap_on(struct tap *tap)
{
	const char *data;
	uint64_t cursor = 0;
	int error = tap->ring ? 0 : trace_ring_create(TAP_RING, &tap->ring);

	/* What came when the last one who looked was leaving. */
	while (!error && trace_ring_next(tap->ring, &cursor, &data))
		;
	if (!error && cursor > 0)
		trace_ring_take(tap->ring, cursor);
	if (!error)
		atomic_store_explicit(&tap->on, true, memory_order_release);
	return error;
}

void tap_off(struct tap *tap)
{
	atomic_store_explicit(&tap->on, false, memory_order_release);
}

void tap_destroy(struct tap *tap)
{
	trace_ring_destroy(tap->ring);
	tap->ring = NULL;
}

void tap_put(struct tap *tap, struct trace_record *record, const char *data)
{
	struct timespec now;

	if (record->time_ns == 0) {
		clock_gettime(CLOCK_REALTIME, &now);
		record->time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	}
	trace_ring_put(tap->ring, record, data);
}
