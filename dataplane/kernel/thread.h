/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel thread: moves packets between the workers' rings and the TAPs.
 *
 *   worker ─▶ punt ring ─▶ [checksum completed] ─▶ write(TAP)
 *   worker ◀─ inject ring ◀──────────────────────  read(TAP)
 *
 * Workers make no system calls, so nobody wakes it for the punt rings: it looks at them each half
 * millisecond while there is traffic, each millisecond when it is quiet, and without a pause while
 * there is more to do. What comes from a TAP wakes it at once.
 */
#ifndef DATAPLANE_KERNEL_THREAD_H
#define DATAPLANE_KERNEL_THREAD_H

#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/api/counters.h"

struct kernel_path {
	int tap; /* descriptor */
	struct rte_ring *punt;
	struct rte_ring *inject;
	struct rte_mempool *pool; /* of what is injected */
};

/* Writer: the kernel thread. Readers: any, relaxed. Packets. */
struct kernel_path_counters {
	uint64_t punted;
	uint64_t injected;
	uint64_t completed;    /* of the punted, had a partial checksum */
	uint64_t bad_checksum; /* of the punted */
	uint64_t tap_full;     /* not punted: the kernel did not take it */
	uint64_t no_buffer;    /* not injected */
	uint64_t ring_full;    /* not injected */
};

struct kernel_thread;

/* Starts it. paths is copied. 0 or -errno. */
int kernel_thread_start(const struct kernel_path *paths, unsigned count,
			struct kernel_thread **thread);
/* Ends it; what lies in the punt rings is freed. */
void kernel_thread_stop(struct kernel_thread *thread);

void kernel_thread_counters(const struct kernel_thread *thread, unsigned path,
			    struct kernel_path_counters *copy);

#endif
