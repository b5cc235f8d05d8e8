/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workers together: which polls what, and what becomes of the work of one that stops
 * answering. Manager thread.
 *
 * A worker writes its heartbeat each walk, and asleep at least each millisecond. One whose
 * heartbeat stands still for a second is HUNG: it is suspended, its flows are published anew for
 * those that answer, and its queues get other pollers (lease.h). Once it answers it gets its queues
 * back and takes new flows; the old ones stay where they are.
 *
 * What a hung worker holds on to: packets in its hand-over ring, and fragments that wait for the
 * rest of their datagram; flows and terminations that ended meanwhile, because it may be looking at
 * them (no grace period ends if it is not asleep), so new ones are refused when the tables are full;
 * a queue, if it is inside the driver; a place in a ring, if it was stopped in the few instructions
 * of an enqueue (hand-over, punt, or a packet pool behind its cache): who comes to that ring next
 * waits for it, so those hang too; and a packet
 * that it was counting when it was stopped, which it finishes when it goes on. Where there is but
 * one worker, nothing moves.
 */
#ifndef DATAPLANE_MAIN_CREW_H
#define DATAPLANE_MAIN_CREW_H

#include "dataplane/api/commands.h"
#include "dataplane/main/worker.h"

struct dataplane;

struct crew_queue {
	struct lease lease;
	struct worker_queue queue;
	uint32_t home; /* the worker that polls it when all is well */
	bool stuck;    /* it was logged that its worker is inside the driver */
};

struct crew_member {
	bool hung;
	uint64_t beat;        /* heartbeat when it was looked at last */
	uint32_t silent_ms;   /* since it changed */
	uint64_t busy, total; /* cycles when its share was measured last */
	uint32_t busy_permille;
};

struct crew {
	struct crew_queue *queues;
	unsigned queue_count;
	struct presence *presence[DP_WORKERS_MAX];
	struct crew_member member[DP_WORKERS_MAX];
	uint64_t looked_ms, measured_ms;
	bool movable; /* there are others, and the kernel can tell who is where */
};

/* Makes and starts the workers. Tables, rings and ports are there. 0 or -errno; logs why. */
int crew_up(struct dataplane *dp);
/* Waits for them some seconds. dp->left: one hangs, and nothing was freed. */
void crew_down(struct dataplane *dp);

/* Each few milliseconds. say: tells the clients. */
void crew_tick(struct dataplane *dp, uint64_t now_ms,
	       void (*say)(struct dataplane *dp, const struct dp_ev_worker *event));

#endif
