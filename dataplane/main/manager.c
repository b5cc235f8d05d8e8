/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager thread: one epoll over clients, the kernel's news, signals and a 5 ms clock. It is
 * the only one that changes tables.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ring_elem.h>

#include "dataplane/main/dataplane.h"
#include "dataplane/main/operator.h"
#include "sip/base/log.h"

#define TICK_MS          5u
#define PORTS_EVERY_MS   200u
#define RESOLVE_EVERY_MS 100u
#define RESOLVE_BUDGET   1024u /* contexts in a tick: about a millisecond */
#define OBSERVE_BUDGET   32768u
#define TIMEOUT_SCAN_MS  500u /* each termination is looked at so often */
#define LEAK_ROUND_MS    500u /* each context is looked at so often */
#define NOTICES_BURST    64u
#define NOTICES_PER_TICK 4096u

struct manager {
	struct dataplane *dp;
	struct dp_stats_header *stats;
	struct flow_reports reports;
	int epoll, timer;
	bool stop;
	uint64_t started_ms, now_ms;
	uint64_t ports_ms, resolved_ms;
	uint32_t leaks; /* removed since they were logged last */
	uint64_t leaks_ms;
};

static uint64_t steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void on_routes_changed(void *arg)
{
	struct dataplane *dp = arg;

	dp->routes_changed = true;
	if (dp->nexthops)
		nexthop_forget_routes(dp->nexthops);
}

static void on_neighbour(void *arg, int ifindex, const struct dp_address *address, uint16_t state,
			 const uint8_t mac[6])
{
	struct dataplane *dp = arg;

	if (dp->nexthops)
		nexthop_neighbour_news(dp->nexthops, ifindex, address, state, mac);
}

static void follow_tap(const struct port *port, struct tap *tap, const struct netlink_link *link)
{
	if (tap->fd < 0 || tap->ifindex != link->ifindex)
		return;
	if (!link->exists)
		LOG_ERROR("port", 0, "%s: somebody removed its TAP %s", port->config->name,
			  tap->name);
	else if (tap->up && !link->up)
		LOG_WARN("port", 0, "%s: its TAP %s is set down", port->config->name, tap->name);
	else if (!tap->up && link->up)
		LOG_DEBUG("port", 0, "%s: its TAP %s is up", port->config->name, tap->name);
	tap->up = link->up;
}

static void on_link(void *arg, const struct netlink_link *link)
{
	struct dataplane *dp = arg;

	if (dp->nexthops && nexthop_link_news(dp->nexthops, link))
		on_routes_changed(dp);
	for (unsigned i = 0; i < dp->ports.count; i++) {
		struct port *port = &dp->ports.port[i];

		if (port->interface[0] && port->ifindex == link->ifindex)
			dp->links_changed = true;
		follow_tap(port, &port->tap, link);
		for (unsigned k = 0; k < port->vlan_count; k++)
			follow_tap(port, &port->vlans[k].tap, link);
	}
}

const struct netlink_handlers manager_netlink_handlers = {
	.neighbour = on_neighbour,
	.routes_changed = on_routes_changed,
	.link = on_link,
};

/* Of the flow table. */
static void send_event(void *arg, uint32_t owner, struct dp_event *event)
{
	struct manager *m = arg;

	server_send_event(m->dp->server, owner, event);
}

static void read_notices(struct manager *m, struct rte_ring *ring)
{
	struct flow_notice notices[NOTICES_BURST];
	unsigned n, total = 0;

	do {
		n = rte_ring_sc_dequeue_burst_elem(ring, notices, sizeof(notices[0]), NOTICES_BURST,
						   NULL);
		for (unsigned i = 0; i < n; i++)
			flow_notice(m->dp->flows, &notices[i], &m->reports);
		total += n;
	} while (n > 0 && total < NOTICES_PER_TICK);
}

static void read_ports(struct manager *m)
{
	struct dataplane *dp = m->dp;

	ports_read(&dp->ports, dp->segment.ports);
	for (unsigned i = 0; i < dp->ports.count; i++) {
		struct kernel_path_counters c;

		kernel_thread_counters(dp->kernel, i, &c);
		dp->segment.ports[i].punted = c.punted;
		dp->segment.ports[i].injected = c.injected;
	}
}

/* To all clients. */
static void say_worker(struct dataplane *dp, const struct dp_ev_worker *worker)
{
	for (uint32_t i = 0; i < DP_CHANNELS_MAX; i++) {
		struct dp_event event = { .type = DP_EVENT_WORKER,
					  .size = sizeof(event.worker),
					  .worker = *worker };

		server_send_event(dp->server, i, &event);
	}
}

static void publish_counts(struct manager *m)
{
	__atomic_store_n(&m->stats->contexts, flow_context_count(m->dp->flows), __ATOMIC_RELAXED);
	__atomic_store_n(&m->stats->terminations, flow_termination_count(m->dp->flows),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&m->stats->flow_memory, flow_memory(m->dp->flows), __ATOMIC_RELAXED);
	__atomic_store_n(&m->stats->table_memory, flow_table_memory(m->dp->flows),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&m->stats->unclaimed, flow_unclaimed_count(m->dp->flows),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&m->stats->reclaimed, flow_reclaimed_count(m->dp->flows),
			 __ATOMIC_RELAXED);
}

static void set_clock(struct manager *m)
{
	m->now_ms = steady_ms() - m->started_ms + 1; /* 0 means never, for those who note it */
	__atomic_store_n(&m->stats->clock_ms, m->now_ms, __ATOMIC_RELAXED);
}

/* A line for each round that found some, and not for each leak. */
static void sweep_leaks(struct manager *m)
{
	const struct dp_stats_header *s = m->stats;
	uint64_t grace_ms = (uint64_t)m->dp->config->dataplane.reclaim_after_s * 1000;

	m->leaks += flow_sweep(m->dp->flows, m->now_ms, grace_ms,
			       s->contexts_max / (LEAK_ROUND_MS / TICK_MS) + 1024);
	if (m->leaks == 0 || m->now_ms - m->leaks_ms < LEAK_ROUND_MS)
		return;
	LOG_WARN("flow", 0, "%u contexts removed that no client claimed, and that were idle",
		 m->leaks);
	m->leaks = 0;
	m->leaks_ms = m->now_ms;
}

static void tick(struct manager *m)
{
	struct dataplane *dp = m->dp;
	uint32_t scan = m->stats->terminations_max / (TIMEOUT_SCAN_MS / TICK_MS) + 1;
	uint64_t expirations;

	if (read(m->timer, &expirations, sizeof(expirations)) < 0)
		return;
	set_clock(m);
	for (unsigned i = 0; i < dp->workers; i++)
		read_notices(m, dp->notices[i]);
	crew_tick(dp, m->now_ms, say_worker);
	nexthop_table_tick(dp->nexthops, m->now_ms);
	if (dp->routes_changed && m->now_ms - m->resolved_ms >= RESOLVE_EVERY_MS) {
		dp->routes_changed = false;
		m->resolved_ms = m->now_ms;
		flow_resolve_all(dp->flows);
	}
	flow_resolve_some(dp->flows, RESOLVE_BUDGET);
	flow_observe_some(dp->flows, OBSERVE_BUDGET);
	flow_check_timeouts(dp->flows, m->now_ms, scan, &m->reports);
	flow_check_quality(dp->flows, m->now_ms, &m->reports);
	reports_tick(dp->reports, m->now_ms);
	sweep_leaks(m);
	flow_reclaim(dp->flows);
	operator_tick(dp, m->now_ms);
	publish_counts(m);
	if (dp->links_changed || m->now_ms - m->ports_ms >= PORTS_EVERY_MS) {
		dp->links_changed = false;
		m->ports_ms = m->now_ms;
		read_ports(m);
		server_tick(dp->server, m->now_ms);
	}
}

static void on_signal(struct manager *m)
{
	struct signalfd_siginfo info;

	if (read(m->dp->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	LOG_INFO("dataplane", 0, "%s: stopping", strsignal((int)info.ssi_signo));
	m->stop = true;
}

static int watch(struct manager *m, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

static int open_manager(struct manager *m)
{
	const struct itimerspec every = {
		.it_interval.tv_nsec = TICK_MS * 1000000L,
		.it_value.tv_nsec = TICK_MS * 1000000L,
	};
	int error = 0;

	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->epoll < 0 || m->timer < 0 || timerfd_settime(m->timer, 0, &every, NULL) != 0)
		return -errno;
	error = watch(m, m->timer);
	if (!error)
		error = watch(m, m->dp->signals);
	if (!error)
		error = watch(m, netlink_fd(m->dp->netlink));
	if (!error)
		error = watch(m, server_fd(m->dp->server));
	return error;
}

static void dispatch(struct manager *m, int fd)
{
	if (fd == m->timer)
		tick(m);
	else if (fd == m->dp->signals)
		on_signal(m);
	else if (fd == netlink_fd(m->dp->netlink))
		netlink_read(m->dp->netlink);
	else
		server_handle_sockets(m->dp->server);
}

static int loop(struct manager *m)
{
	struct epoll_event events[8];

	while (!m->stop) {
		bool more = server_run(m->dp->server) || server_arm(m->dp->server);
		int n = epoll_wait(m->epoll, events, 8, more ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++)
			dispatch(m, events[i].data.fd);
	}
	return 0;
}

int manager_run(struct dataplane *dp)
{
	struct manager m = {
		.dp = dp,
		.stats = dp->segment.stats,
		.reports = { send_event, &m },
		.epoll = -1,
		.timer = -1,
		.started_ms = steady_ms(),
	};
	int error = open_manager(&m);

	if (!error) {
		set_clock(&m);
		read_ports(&m);
		LOG_INFO("dataplane", 0, "ready");
		error = loop(&m);
	}
	if (error)
		LOG_ERROR("dataplane", 0, "manager: %s", strerror(-error));
	if (m.timer >= 0)
		close(m.timer);
	if (m.epoll >= 0)
		close(m.epoll);
	return error;
}
