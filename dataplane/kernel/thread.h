/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel thread: moves packets between the workers' rings and the TAPs.
 *
 *   worker ─▶ punt ring ─▶ [tags off, checksum completed] ─▶ write(TAP of the VLAN)
 *   worker ◀─ inject ring ◀─ [tags on] ◀──────────────────── read(TAP of the VLAN)
 *
 * A port has a TAP for what is untagged, and one for each VLAN that the configuration names. What
 * comes in any other VLAN goes to the first with its tags.
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

struct kernel_tap {
	int fd;
	uint16_t vlan, outer_vlan; /* 0: none */
};

#define KERNEL_PATH_TAPS_MAX (DP_REALMS_MAX + 2) /* untagged, the port's VLAN, each realm's */

/* Of one port. */
struct kernel_path {
	struct kernel_tap taps[KERNEL_PATH_TAPS_MAX]; /* the first: untagged */
	unsigned tap_count;                           /* 1 at least */
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
