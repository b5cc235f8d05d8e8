/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who polls a receive queue: one worker, and another only when the first is out of it for sure.
 *
 *   manager                                 worker
 *   owner := nobody                         polling := this lease
 *   barrier in all threads (membarrier)     (order of the program)
 *   does anyone poll this lease?            is it mine still?
 *     yes: later again                        no: polling := none, next queue
 *     no:  owner := another worker            yes: rx_burst, then polling := none
 *
 * So a worker pays two plain stores to its own memory for a queue, and one that was stopped at any
 * point finds on its next step that the queue is another's. Only a worker that is stopped inside
 * the driver keeps its queue: what the driver was about to do there nobody can know.
 */
#ifndef DATAPLANE_MAIN_LEASE_H
#define DATAPLANE_MAIN_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_NOBODY UINT32_MAX

struct lease {
	_Atomic uint32_t owner; /* index of a worker. Writer: the manager */
} __attribute__((aligned(64)));

/* Where a worker is. Its line is its own, but for `suspended`. */
struct presence {
	_Atomic(const struct lease *) polling; /* writer: the worker */
	/* Writer: the manager. Its flows and queues are others' now: it begins no walk, and hands over
	 * what it has left of one. */
	_Atomic bool suspended;
} __attribute__((aligned(64)));

/* Worker. NULL: a queue that never changes hands. */
static inline bool lease_enter(struct presence *p, const struct lease *lease, uint32_t worker)
{
	if (!lease)
		return true;
	if (atomic_load_explicit(&lease->owner, memory_order_relaxed) != worker)
		return false;
	atomic_store_explicit(&p->polling, lease, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&lease->owner, memory_order_acquire) == worker)
		return true;
	atomic_store_explicit(&p->polling, NULL, memory_order_relaxed);
	return false;
}

static inline void lease_leave(struct presence *p)
{
	atomic_store_explicit(&p->polling, NULL, memory_order_release);
}

static inline bool is_suspended(const struct presence *p)
{
	return atomic_load_explicit(&p->suspended, memory_order_acquire);
}

/* Manager, once, before any lease moves. 0, or -errno: this kernel has no membarrier(2). */
int lease_prepare(void);
/* Manager. workers: all that may poll it. -EBUSY: one is inside; nobody else gets it meanwhile. */
int lease_move(struct lease *lease, uint32_t to, struct presence *const *workers, unsigned count);

#endif
