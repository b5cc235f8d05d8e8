/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tap of a shard: where its messages branch off to whoever looks. One branch while nobody
 * does; else a copy into a ring, which drops and counts when it is not emptied in time.
 *
 * on, off and empty: the main thread. message and call: the shard's.
 */
#ifndef CONTROLPLANE_MONITOR_TAP_H
#define CONTROLPLANE_MONITOR_TAP_H

#include <stdatomic.h>

#include "sip/base/slice.h"
#include "sip/trace/ring.h"

#define TAP_RING (4u << 20) /* bytes: a tenth of a second of 4,000 calls a second, twice */

struct tap {
	_Atomic bool on;
	struct trace_ring *ring; /* NULL until somebody has looked; written before `on` */
};

/* -ENOMEM */
int tap_on(struct tap *tap);
void tap_off(struct tap *tap);
void tap_destroy(struct tap *tap);

static inline bool tap_is_on(const struct tap *tap)
{
	return tap != NULL && atomic_load_explicit(&tap->on, memory_order_acquire);
}

/* time_ns 0: now. */
void tap_put(struct tap *tap, struct trace_record *record, const char *data);

/* From now on messages with this Call-ID are those of the call. */
static inline void tap_call(struct tap *tap, uint64_t call, struct slice call_id)
{
	struct trace_record record = { .call = call,
				       .size = (uint32_t)call_id.n,
				       .kind = TRACE_CALL };

	if (tap_is_on(tap))
		tap_put(tap, &record, call_id.p);
}

#endif
