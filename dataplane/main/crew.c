/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/main/dataplane.h"
#include "dataplane/main/observer.h"
#include "sip/base/log.h"

#define SILENT_MS  1000u /* then it is said to hang */
#define LOOK_MS    50u   /* counts for at most so much: the manager may have been stopped itself */
#define MEASURE_MS 1000u
#define STOP_S     2u    /* for a walk that is under way */
#define MOVE_BATCH 1024u /* contexts in a tick */

/* Queue q of each port is worker q's; where there are fewer, ports begin in turn. */
static int assign_queues(struct dataplane *dp)
{
	struct crew *crew = &dp->crew;
	size_t size = sizeof(*crew->queues) * DP_PORTS_MAX * DP_WORKERS_MAX;

	crew->queues = aligned_alloc(64, size);
	if (!crew->queues)
		return -ENOMEM;
	memset(crew->queues, 0, size);
	for (unsigned i = 0; i < dp->ports.count; i++) {
		const struct port *port = &dp->ports.port[i];
		unsigned first = port->rx_queues == dp->plan.workers ? 0 : i;

		for (uint16_t q = 0; q < port->rx_queues; q++) {
			struct crew_queue *cq = &crew->queues[crew->queue_count++];

			cq->home = (first + q) % dp->plan.workers;
			cq->queue = (struct worker_queue){ .port = port->id, .queue = q };
			if (crew->movable)
				cq->queue.lease = &cq->lease;
			atomic_init(&cq->lease.owner, cq->home);
		}
	}
	return 0;
}

static void give_queues(const struct dataplane *dp, struct worker_config *c)
{
	for (unsigned i = 0; i < dp->ports.count; i++) {
		const struct port *port = &dp->ports.port[i];

		c->tx_queue[port->id] = (uint16_t)c->index;
		c->punt[port->id] = dp->punt[i];
		c->inject[port->id] = dp->inject[i];
	}
	for (unsigned i = 0; i < dp->crew.queue_count; i++)
		if (dp->crew.queues[i].home == c->index)
			c->rx[c->rx_count++] = dp->crew.queues[i].queue;
}

static int make_workers(struct dataplane *dp)
{
	bool adaptive = strcmp(dp->config->dataplane.idle, "adaptive") == 0;

	for (unsigned i = 0; i < dp->plan.workers; i++) {
		int socket = eal_worker_socket(&dp->plan, i);
		const struct pool_pair *pools = pools_of(&dp->ports.pools, socket);
		struct worker_config c = {
			.index = i,
			.lcore = dp->plan.worker_lcores[i],
			.socket = socket,
			.pool = pools->packets,
			.datagrams = pools->datagrams,
			.idle = adaptive ? WORKER_IDLE_ADAPTIVE : WORKER_IDLE_POLL,
			.flows = dp->flows,
			.notices = dp->notices[i],
			.observe = observer_hooks(dp->observer),
			.handover = dp->plan.workers > 1 ? dp->handover : NULL,
			.clock = dp->segment.stats,
			.stats = &dp->segment.workers[i],
			.nodes = &dp->segment.nodes[(size_t)i * DP_NODES_MAX],
		};
		int error;

		give_queues(dp, &c);
		error = worker_create(&c, &dp->worker[i]);
		if (error)
			return error;
		dp->crew.presence[i] = worker_presence(dp->worker[i]);
		dp->workers++;
	}
	return 0;
}

int crew_up(struct dataplane *dp)
{
	int error = 0;

	dp->crew = (struct crew){ 0 };
	if (dp->plan.workers > 1) {
		error = lease_prepare();
		dp->crew.movable = error == 0;
		if (error)
			LOG_WARN("worker", 0, "no membarrier in this kernel (%s): what hangs stays",
				 strerror(-error));
	}
	error = assign_queues(dp);
	if (!error)
		error = make_workers(dp);
	for (unsigned i = 0; i < dp->workers && !error; i++) {
		error = worker_start(dp->worker[i]);
		LOG_INFO("worker", 0, "worker %u on CPU %u, idle: %s", i, dp->plan.worker_cpus[i],
			 dp->config->dataplane.idle);
	}
	if (error)
		crew_down(dp);
	return error;
}

void crew_down(struct dataplane *dp)
{
	uint64_t deadline = rte_rdtsc() + STOP_S * rte_get_tsc_hz();

	for (unsigned i = 0; i < dp->workers; i++)
		worker_stop(dp->worker[i]);
	for (unsigned i = 0; i < dp->workers; i++) {
		if (worker_join(dp->worker[i], deadline) == 0)
			continue;
		LOG_ERROR("worker", 0, "worker %u does not end: left", i);
		dp->left = true;
	}
	if (dp->left)
		return;
	for (unsigned i = 0; i < dp->workers; i++)
		worker_destroy(dp->worker[i]);
	dp->workers = 0;
	free(dp->crew.queues);
	dp->crew.queues = NULL;
	dp->crew.queue_count = 0;
}

static void set_state(struct dataplane *dp, unsigned i, enum dp_worker_state state)
{
	__atomic_store_n(&dp->segment.workers[i].state, state, __ATOMIC_RELAXED);
}

static unsigned answering(const struct dataplane *dp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < dp->workers; i++)
		n += !dp->crew.member[i].hung;
	return n;
}

static void on_hung(struct dataplane *dp, unsigned i, struct dp_ev_worker *event)
{
	struct dp_worker_stats *stats = &dp->segment.workers[i];
	uint32_t flows = flow_worker_flows(dp->flows, i);
	bool moves = dp->crew.movable && answering(dp) > 0;

	__atomic_store_n(&stats->hangs, stats->hangs + 1, __ATOMIC_RELAXED);
	event->state = DP_WORKER_HUNG;
	event->flows = moves ? flows : 0;
	if (moves)
		LOG_ERROR("worker", 0,
			  "worker %u gives no sign of life: its %u flows go to the others", i,
			  flows);
	else
		LOG_ERROR("worker", 0,
			  "worker %u gives no sign of life, and nobody can take its %u"
			  " flows",
			  i, flows);
	if (!dp->crew.movable)
		return;
	worker_suspend(dp->worker[i]);
	flow_worker_away(dp->flows, i, true);
}

/* Its heartbeat comes at the end of a walk or instead of one: it holds no packet and no flow. */
static void on_back(struct dataplane *dp, unsigned i, struct dp_ev_worker *event)
{
	event->state = DP_WORKER_RUNNING;
	LOG_WARN("worker", 0, "worker %u is back", i);
	set_state(dp, i, DP_WORKER_RUNNING);
	if (!dp->crew.movable)
		return;
	flow_worker_away(dp->flows, i, false);
	worker_resume(dp->worker[i]);
}

static void look_at(struct dataplane *dp, unsigned i, uint32_t passed_ms,
		    void (*say)(struct dataplane *dp, const struct dp_ev_worker *event))
{
	struct crew_member *m = &dp->crew.member[i];
	struct dp_ev_worker event = { .worker = i };
	uint64_t beat = __atomic_load_n(&dp->segment.workers[i].heartbeat_tsc, __ATOMIC_ACQUIRE);
	bool hung;

	m->silent_ms = beat == m->beat && beat != 0 ? m->silent_ms + passed_ms : 0;
	m->beat = beat;
	hung = m->silent_ms >= SILENT_MS;
	if (hung)
		set_state(dp, i, DP_WORKER_HUNG);
	if (hung == m->hung)
		return;
	m->hung = hung;
	if (hung)
		on_hung(dp, i, &event);
	else
		on_back(dp, i, &event);
	say(dp, &event);
}

/* Who is to poll it: its home worker; else who does, or the one that has least to do. */
static uint32_t poller_of(const struct dataplane *dp, const struct crew_queue *q, uint32_t now)
{
	const struct crew_member *m = dp->crew.member;
	uint32_t best = LEASE_NOBODY;

	if (!m[q->home].hung)
		return q->home;
	if (now != LEASE_NOBODY && !m[now].hung)
		return now;
	for (uint32_t i = 0; i < dp->workers; i++)
		if (!m[i].hung &&
		    (best == LEASE_NOBODY || m[i].busy_permille < m[best].busy_permille))
			best = i;
	return best;
}

static void move_queue(struct dataplane *dp, struct crew_queue *q)
{
	uint32_t now = atomic_load_explicit(&q->lease.owner, memory_order_relaxed);
	uint32_t to = poller_of(dp, q, now);
	int error;

	if (to == now || to == LEASE_NOBODY)
		return;
	error = worker_add_queue(dp->worker[to], &q->queue);
	if (error && !q->stuck) {
		LOG_ERROR("worker", 0, "queue %u of port %u: worker %u can poll no more queues",
			  q->queue.queue, q->queue.port, to);
		q->stuck = true;
	}
	if (!error)
		error = lease_move(&q->lease, to, dp->crew.presence, dp->workers);
	if (!error) {
		LOG_INFO("worker", 0, "queue %u of port %u is polled by worker %u", q->queue.queue,
			 q->queue.port, to);
		q->stuck = false;
	} else if (!q->stuck && now == LEASE_NOBODY) {
		/* the second time: the first may have met a worker in passing */
		LOG_ERROR("worker", 0, "queue %u of port %u cannot be moved: %s", q->queue.queue,
			  q->queue.port,
			  error == -EBUSY ? "its worker is inside the driver" : strerror(-error));
		q->stuck = true;
	}
}

static void measure(struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->workers; i++) {
		struct crew_member *m = &dp->crew.member[i];
		const struct dp_worker_stats *s = &dp->segment.workers[i];
		uint64_t busy = __atomic_load_n(&s->busy_cycles, __ATOMIC_RELAXED);
		uint64_t total = busy + __atomic_load_n(&s->idle_cycles, __ATOMIC_RELAXED);

		if (total > m->total)
			m->busy_permille = (uint32_t)((busy - m->busy) * 1000 / (total - m->total));
		m->busy = busy;
		m->total = total;
		flow_worker_busy(dp->flows, i, m->busy_permille);
	}
}

void crew_tick(struct dataplane *dp, uint64_t now_ms,
	       void (*say)(struct dataplane *dp, const struct dp_ev_worker *event))
{
	struct crew *crew = &dp->crew;
	uint64_t passed = now_ms - crew->looked_ms;

	crew->looked_ms = now_ms;
	for (unsigned i = 0; i < dp->workers; i++) {
		look_at(dp, i, passed < LOOK_MS ? (uint32_t)passed : LOOK_MS, say);
		__atomic_store_n(&dp->segment.workers[i].flows, flow_worker_flows(dp->flows, i),
				 __ATOMIC_RELAXED);
	}
	if (now_ms - crew->measured_ms >= MEASURE_MS) {
		crew->measured_ms = now_ms;
		measure(dp);
	}
	if (!crew->movable)
		return;
	for (unsigned i = 0; i < crew->queue_count; i++)
		move_queue(dp, &crew->queues[i]);
	flow_move_some(dp->flows, MOVE_BATCH);
}
