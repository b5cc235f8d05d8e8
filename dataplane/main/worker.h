/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: a thread on its own lcore that walks its own graph until it is told to stop.
 *
 *   rx ─▶ classify ─▶ relay ─▶ tx
 *              │         └───▶ drop
 *              ├─▶ punt ─▶ (ring) ─▶ kernel thread ─▶ TAP
 *   inject (ring from the kernel thread) ─▶ tx
 *
 * Between the threads there are only rings: punt (many workers to the kernel thread), inject
 * (kernel thread and manager to one worker per port), handover (workers to the worker that owns a flow),
 * notices (worker to manager: latches). A worker passes a quiescent state (liburcu QSBR) once a
 * walk and is offline while it sleeps. Queues may change hands (lease.h).
 */
#ifndef DATAPLANE_MAIN_WORKER_H
#define DATAPLANE_MAIN_WORKER_H

#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/api/counters.h"
#include "dataplane/flow/flow.h"
#include "dataplane/main/lease.h"

#define WORKER_BURST 64u

enum worker_idle {
	WORKER_IDLE_POLL, /* never sleeps: dedicated cores */
	WORKER_IDLE_ADAPTIVE, /* sleeps while there is little to do, 0.25 to 1 ms: small machines, demos, CI */
};

/* With queue 0 of a port goes what the kernel sends out of it. */
struct worker_queue {
	uint16_t port;
	uint16_t queue;
	const struct lease *lease; /* NULL: it is this worker's for good */
};

#define WORKER_QUEUES_MAX 64u /* that one worker polls or ever has */

struct worker_config {
	unsigned index; /* 0 .. workers - 1 */
	unsigned lcore;
	int socket; /* NUMA node of the lcore, where the worker's own memory lies; or SOCKET_ID_ANY */
	enum worker_idle idle;
	struct worker_queue
		rx[WORKER_QUEUES_MAX]; /* that it polls, as long as the lease is its own */
	unsigned rx_count;
	uint16_t tx_queue[DP_PORTS_MAX]; /* its own transmit queue of each port, by port id */
	const struct flow_table *flows;
	struct rte_ring *punt[DP_PORTS_MAX]; /* by port id, multi-producer; NULL: no TAP */
	/* By port id, single consumer: the worker that polls queue 0 of the port. NULL: no TAP. */
	struct rte_ring *inject[DP_PORTS_MAX];
	/* By worker index, multi-producer: packets for the flows of that worker. NULL: there is but
	 * one worker. */
	struct rte_ring *const *handover;
	/* Of its socket: for packets that it makes itself (fragments), and large ones for datagrams
	 * that it puts together. NULL: it does neither. */
	struct rte_mempool *pool, *datagrams;
	struct rte_ring *notices; /* elements: struct flow_notice */
	struct observe *observe;  /* nodes/observe.h; NULL: nobody can look */
	/* in the statistics area */
	const struct dp_stats_header *clock; /* clock_ms */
	struct dp_worker_stats *stats;
	struct dp_node_stats *nodes; /* DP_NODES_MAX of them */
};

struct worker;

/* Makes the graph (not yet running). Manager thread, EAL up. */
int worker_create(const struct worker_config *config, struct worker **worker);
/* Launches it on its lcore. */
int worker_start(struct worker *worker);
/* Asks it to stop. */
void worker_stop(struct worker *worker);
/* Waits until the lcore is free. deadline: TSC. 0; -ETIMEDOUT: it hangs, and whatever it may use
 * must stay until the process ends. */
int worker_join(struct worker *worker, uint64_t deadline);
void worker_destroy(struct worker *worker);

/* Another thread may have its flows and queues: it begins no walk until it is resumed, and goes on
 * to write its heartbeat. Manager thread, as all that follows. */
void worker_suspend(struct worker *worker);
void worker_resume(struct worker *worker);
/* It polls this queue too from the time when the lease is its own. -ENOSPC. */
int worker_add_queue(struct worker *worker, const struct worker_queue *queue);
struct presence *worker_presence(struct worker *worker);

/* How many nodes fill dp_node_stats of a worker. */
unsigned worker_node_count(void);

#endif
