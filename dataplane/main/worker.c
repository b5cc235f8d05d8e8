/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/nodes/graph.h"

/* Adaptive: who finds less than a burst sleeps so long. A kernel interface costs a system call a
 * burst and waking up costs as much again, so packets that come together are cheaper than those that
 * come one by one, and looking in vain costs the most. */
#define NAP_NS       1000000L
#define JOIN_LOOK_NS 1000000u

struct worker {
	struct graph *graph;
	unsigned lcore;
	enum worker_idle idle;
	struct dp_worker_stats *stats;
	_Atomic bool stop;
};

int worker_create(const struct worker_config *config, struct worker **worker)
{
	struct worker *w =
		rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, config->socket);
	int error;

	if (!w)
		return -ENOMEM;
	w->lcore = config->lcore;
	w->idle = config->idle;
	w->stats = config->stats;
	w->stats->lcore = config->lcore;
	w->stats->cpu = (uint32_t)rte_lcore_to_cpu_id((int)config->lcore);
	w->stats->socket = (uint32_t)config->socket;
	w->stats->state = DP_WORKER_STOPPED;
	error = graph_create(config, &w->graph);
	if (error) {
		rte_free(w);
		return error;
	}
	*worker = w;
	return 0;
}

/* Read by others at any time. */
static void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static void set_state(struct worker *w, enum dp_worker_state state)
{
	__atomic_store_n(&w->stats->state, state, __ATOMIC_RELAXED);
}

/* Asleep a worker holds no flow, so grace periods do not wait for it. */
static void sleep_for(struct worker *w, long ns)
{
	struct timespec t = { .tv_nsec = ns };

	set_state(w, DP_WORKER_ASLEEP);
	urcu_qsbr_thread_offline();
	nanosleep(&t, NULL);
	urcu_qsbr_thread_online();
	set_state(w, DP_WORKER_RUNNING);
}

void worker_suspend(struct worker *w)
{
	atomic_store(&worker_presence(w)->suspended, true);
}

void worker_resume(struct worker *w)
{
	atomic_store(&worker_presence(w)->suspended, false);
}

struct presence *worker_presence(struct worker *w)
{
	return &graph_context(w->graph)->presence;
}

int worker_add_queue(struct worker *w, const struct worker_queue *queue)
{
	struct worker_config *c = &graph_context(w->graph)->config;

	for (unsigned i = 0; i < c->rx_count; i++)
		if (c->rx[i].lease == queue->lease)
			return 0;
	if (c->rx_count == WORKER_QUEUES_MAX)
		return -ENOSPC;
	c->rx[c->rx_count] = *queue;
	/* the worker reads the count first */
	__atomic_store_n(&c->rx_count, c->rx_count + 1, __ATOMIC_RELEASE);
	return 0;
}

/* What it did last before this is over: whoever sees it knows that it holds no packet. */
static void beat(struct worker *w, uint64_t now)
{
	__atomic_store_n(&w->stats->heartbeat_tsc, now, __ATOMIC_RELEASE);
}

static void walk_until_stopped(struct worker *w)
{
	struct graph_context *c = graph_context(w->graph);
	struct dp_worker_stats *s = w->stats;
	uint64_t before = rte_rdtsc();

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		uint64_t handled = c->received + c->injected + c->taken, now;

		if (unlikely(is_suspended(&c->presence))) {
			sleep_for(w, NAP_NS);
			before = rte_rdtsc();
			beat(w, before);
			continue;
		}
		graph_walk(w->graph);
		urcu_qsbr_quiescent_state();
		count(&s->walks, 1);
		__atomic_store_n(&s->packets, c->received, __ATOMIC_RELAXED);
		handled = c->received + c->injected + c->taken - handled;
		now = rte_rdtsc();
		if (handled > 0) {
			count(&s->busy_cycles, now - before);
		} else {
			count(&s->empty_walks, 1);
			count(&s->idle_cycles, now - before);
		}
		if (w->idle == WORKER_IDLE_ADAPTIVE) {
			before = now;
			if (handled < WORKER_BURST)
				sleep_for(w, NAP_NS);
			now = rte_rdtsc();
			count(&s->idle_cycles, now - before);
		}
		beat(w, now);
		before = now;
	}
}

static int run(void *arg)
{
	struct worker *w = arg;

	urcu_qsbr_register_thread();
	set_state(w, DP_WORKER_RUNNING);
	walk_until_stopped(w);
	set_state(w, DP_WORKER_STOPPED);
	urcu_qsbr_unregister_thread();
	return 0;
}

int worker_start(struct worker *w)
{
	atomic_store(&w->stop, false);
	return rte_eal_remote_launch(run, w, w->lcore);
}

void worker_stop(struct worker *w)
{
	atomic_store(&w->stop, true);
}

int worker_join(struct worker *w, uint64_t deadline)
{
	const struct timespec pause = { .tv_nsec = JOIN_LOOK_NS };

	while (rte_eal_get_lcore_state(w->lcore) == RUNNING) {
		if (rte_rdtsc() > deadline)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	rte_eal_wait_lcore(w->lcore); /* it reads what the worker returned */
	return 0;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	graph_destroy(w->graph);
	rte_free(w);
}
