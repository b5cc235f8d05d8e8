/* SPDX-License-Identifier: BSD-3-Clause */
/* Start-up as a ladder of steps, and the same ladder down again. */
#include "dataplane/main/startup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ring_elem.h>

#include "config/run_dir.h"
#include "dataplane/client/client.h"
#include "dataplane/main/commands.h"
#include "dataplane/main/observer.h"
#include "dataplane/main/operator.h"
#include "dataplane/main/taps.h"
#include "dataplane/nodes/reassemble.h"
#include "sip/base/log.h"

#define PUNT_RING     2048u
#define INJECT_RING   1024u
#define NOTICE_RING   4096u
#define HANDOVER_RING 1024u

static int run_dir_up(struct dataplane *dp)
{
	int lock = run_dir_take(dp->config->run_dir, "dataplane");

	if (lock == -EWOULDBLOCK)
		LOG_ERROR("dataplane", 0, "another dataplane runs in %s", dp->config->run_dir);
	dp->lock = lock;
	if (lock < 0)
		return lock;
	/* Where DPDK looks first; else each process would leave a directory behind in /var/run. */
	setenv("RUNTIME_DIRECTORY", dp->config->run_dir, 1);
	return 0;
}

static void run_dir_down(struct dataplane *dp)
{
	static const char *const of_dpdk[] = { "dpdk/tandem", "dpdk" };
	char name[300];

	for (size_t i = 0; i < sizeof(of_dpdk) / sizeof(of_dpdk[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", dp->config->run_dir, of_dpdk[i]);
		remove(name);
	}
	run_dir_release(dp->config->run_dir, "dataplane", dp->lock);
}

static int signals_up(struct dataplane *dp)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL); /* inherited by all threads: only the manager reads */
	signal(SIGPIPE, SIG_IGN);           /* a capture's pipe that nobody reads any more */
	signal(SIGXFSZ, SIG_IGN);           /* a capture larger than files may be */
	dp->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return dp->signals < 0 ? -errno : 0;
}

static void signals_down(struct dataplane *dp)
{
	close(dp->signals);
}

static int eal_up(struct dataplane *dp)
{
	eal_choose_memory(&dp->config->dataplane, &dp->plan);
	return eal_start(&dp->config->dataplane, &dp->plan);
}

static void eal_down(struct dataplane *dp)
{
	(void)dp;
	rte_eal_cleanup();
}

static void ports_down(struct dataplane *dp)
{
	ports_close(&dp->ports);
}

static void ports_left(struct dataplane *dp)
{
	ports_leave(&dp->ports);
}

static int ports_up(struct dataplane *dp)
{
	const struct config_dataplane *config = &dp->config->dataplane;
	const struct ports_use use = {
		.workers = dp->plan.workers,
		.buffers = config->ports_count * (PUNT_RING + INJECT_RING) +
			   dp->plan.workers * (HANDOVER_RING + REASSEMBLY_BUFFERS),
		.socket = eal_worker_socket(&dp->plan, 0),
	};
	int error = ports_open(&dp->ports, config, dp->config->run_dir, &use);

	if (!error)
		error = ports_start(&dp->ports);
	if (error)
		ports_down(dp);
	return error;
}

static int segment_up(struct dataplane *dp)
{
	const struct config_dataplane *config = &dp->config->dataplane;
	const struct segment_config c = {
		.ports = dp->ports.count,
		.workers = dp->plan.workers,
		.nodes = worker_node_count(),
		.pools = config->media_count,
		.realms = config->realms_count,
		.terminations_max = config->terminations_max,
		.tsc_hz = rte_get_tsc_hz(),
		.hugepages = dp->plan.hugepages,
	};
	int error;

	if (config->media_count > DP_POOLS_MAX || config->realms_count > DP_REALMS_MAX)
		return -EINVAL;
	error = segment_create(&c, &dp->segment);
	if (error)
		return error;
	for (unsigned i = 0; i < dp->ports.count; i++) {
		const struct port *port = &dp->ports.port[i];
		struct dp_port_stats *stats = &dp->segment.ports[i];

		snprintf(stats->name, sizeof(stats->name), "%s", port->config->name);
		snprintf(stats->device, sizeof(stats->device), "%s", port->config->device);
		snprintf(stats->driver, sizeof(stats->driver), "%s", port->driver);
		memcpy(stats->mac, port->mac, sizeof(stats->mac));
	}
	return 0;
}

static void segment_down(struct dataplane *dp)
{
	segment_destroy(&dp->segment);
}

static int flows_up(struct dataplane *dp)
{
	const struct config_dataplane *config = &dp->config->dataplane;
	struct flow_pool pools[DP_POOLS_MAX] = { 0 };
	struct flow_realm realms[DP_REALMS_MAX] = { 0 };
	struct flow_table_config c = {
		.pools = pools,
		.pool_count = config->media_count,
		.terminations_max = config->terminations_max,
		.workers = dp->plan.workers,
		.contexts = dp->segment.contexts,
		.terminations = dp->segment.terminations,
		.counters = dp->segment.counters,
		.realms = realms,
		.realm_count = config->realms_count,
		.realm_stats = dp->segment.realms,
		.pool_stats = dp->segment.pools,
		.thresholds = {
			.interval_ms = config->quality.interval_s * 1000,
			.limit = { [DP_QUALITY_MOS] = config->quality.mos_min,
				   [DP_QUALITY_LOSS] = config->quality.loss_max_percent * 100,
				   [DP_QUALITY_JITTER] = config->quality.jitter_max_ms * 1000 },
		},
		.resolve = nexthop_resolve,
		.resolve_arg = dp->nexthops,
	};

	taps_describe_realms(dp, realms);
	for (unsigned i = 0; i < config->media_count; i++) {
		const struct config_media *media = &config->media[i];
		int error = dp_address_parse(media->address, media->port_first, &pools[i].address);

		if (error)
			return error;
		pools[i].port_first = media->port_first;
		pools[i].port_last = media->port_last;
		pools[i].realm = (uint8_t)config_realm_index(dp->config, media->realm);
	}
	return flow_table_create(&c, &dp->flows);
}

static void flows_down(struct dataplane *dp)
{
	flow_table_destroy(dp->flows);
}

static void rings_down(struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->ports.count; i++) {
		rte_ring_free(dp->punt[i]);
		rte_ring_free(dp->inject[i]);
	}
	for (unsigned i = 0; i < dp->plan.workers; i++)
		rte_ring_free(dp->notices[i]);
	for (unsigned i = 0; i < dp->plan.workers; i++)
		rte_ring_free(dp->handover[i]);
}

static int rings_up(struct dataplane *dp)
{
	const unsigned single = RING_F_SP_ENQ | RING_F_SC_DEQ;
	char name[32];

	for (unsigned i = 0; i < dp->ports.count; i++) {
		int socket = dp->ports.port[i].socket;

		snprintf(name, sizeof(name), "punt%u", i);
		dp->punt[i] = rte_ring_create(name, PUNT_RING, socket, RING_F_SC_DEQ);
		snprintf(name, sizeof(name), "inject%u", i);
		dp->inject[i] = rte_ring_create(name, INJECT_RING, socket, RING_F_SC_DEQ);
		if (!dp->punt[i] || !dp->inject[i])
			goto fail;
	}
	for (unsigned i = 0; i < dp->plan.workers; i++) {
		int socket = eal_worker_socket(&dp->plan, i);

		snprintf(name, sizeof(name), "notices%u", i);
		dp->notices[i] = rte_ring_create_elem(name, sizeof(struct flow_notice), NOTICE_RING,
						      socket, single);
		snprintf(name, sizeof(name), "handover%u", i);
		dp->handover[i] = rte_ring_create(name, HANDOVER_RING, socket, RING_F_SC_DEQ);
		if (!dp->notices[i] || !dp->handover[i])
			goto fail;
	}
	return 0;
fail:
	rings_down(dp);
	return -ENOMEM;
}

static int reports_up(struct dataplane *dp)
{
	struct reports_config c = {
		.flows = dp->flows,
		.terminations_max = dp->config->dataplane.terminations_max,
		.pool = dp->ports.pools.pair[0].packets,
	};

	for (unsigned i = 0; i < dp->ports.count; i++)
		c.inject[dp->ports.port[i].id] = dp->inject[i];
	return reports_create(&c, &dp->reports);
}

static void reports_down(struct dataplane *dp)
{
	reports_destroy(dp->reports);
}

static struct kernel_path kernel_path_of(const struct dataplane *dp, unsigned i)
{
	const struct port *port = &dp->ports.port[i];
	struct kernel_path path = { .taps[0].fd = port->tap.fd,
				    .tap_count = 1 + port->vlan_count,
				    .punt = dp->punt[i],
				    .inject = dp->inject[i],
				    .pool = pools_of(&dp->ports.pools, port->socket)->packets };

	for (unsigned k = 0; k < port->vlan_count; k++)
		path.taps[1 + k] = (struct kernel_tap){ .fd = port->vlans[k].tap.fd,
							.vlan = port->vlans[k].vlan,
							.outer_vlan = port->vlans[k].outer_vlan };
	return path;
}

static int kernel_up(struct dataplane *dp)
{
	struct kernel_path paths[DP_PORTS_MAX];

	static_assert(PORT_VLANS_MAX + 1 <= KERNEL_PATH_TAPS_MAX, "all TAPs of a port");
	for (unsigned i = 0; i < dp->ports.count; i++)
		paths[i] = kernel_path_of(dp, i);
	return kernel_thread_start(paths, dp->ports.count, &dp->kernel);
}

static void kernel_down(struct dataplane *dp)
{
	kernel_thread_stop(dp->kernel);
}

static void client_gone(void *table, uint32_t channel)
{
	flow_owner_gone(table, channel);
}

static void client_coming(void *table)
{
	flow_owner_comes(table);
}

static int server_up(struct dataplane *dp)
{
	char path[256];
	const struct server_config c = {
		.socket_path = path,
		.segment = &dp->segment,
		.command = commands_execute,
		.coming = client_coming,
		.gone = client_gone,
		.arg = dp->flows,
		.operation = operator_operation,
		.operator_gone = operator_gone,
		.operator_arg = dp,
	};
	int error;

	snprintf(path, sizeof(path), "%s/%s", dp->config->run_dir, DP_SOCKET_NAME);
	error = server_create(&c, &dp->server);
	if (error == -EADDRINUSE)
		LOG_ERROR("dataplane", 0, "another dataplane answers at %s", path);
	return error;
}

static void server_down(struct dataplane *dp)
{
	server_destroy(dp->server);
}

static int observer_up(struct dataplane *dp)
{
	struct observer_config c = {
		.workers = dp->plan.workers,
		.ports = dp->ports.count,
		.flows = dp->flows,
	};

	for (unsigned i = 0; i < dp->ports.count; i++) {
		c.port_names[i] = dp->ports.port[i].config->name;
		c.port_ids[i] = dp->ports.port[i].id;
	}
	return observer_create(&c, &dp->observer);
}

static void observer_down(struct dataplane *dp)
{
	dp->left = observer_destroy(dp->observer) != 0;
}

static void observer_left(struct dataplane *dp)
{
	observer_leave(dp->observer);
}

/* leave: instead of down, once a thread was left that may use what down would take away: what the
 * kernel and other processes were told is undone, and the rest goes with the process. */
static const struct step {
	const char *name;
	int (*up)(struct dataplane *dp);
	void (*down)(struct dataplane *dp);
	void (*leave)(struct dataplane *dp);
} steps[] = {
	{ "run directory", run_dir_up, run_dir_down, run_dir_down },
	{ "signals", signals_up, signals_down, NULL },
	{ "DPDK", eal_up, eal_down, NULL },
	{ "ports", ports_up, ports_down, ports_left },
	{ "segment", segment_up, segment_down, NULL },
	{ "kernel interfaces", taps_up, taps_down, NULL },
	{ "flow table", flows_up, flows_down, NULL },
	{ "rings", rings_up, rings_down, NULL },
	{ "reports", reports_up, reports_down, NULL },
	{ "kernel thread", kernel_up, kernel_down, NULL },
	{ "observer", observer_up, observer_down, observer_left },
	{ "workers", crew_up, crew_down, NULL },
	{ "socket", server_up, server_down, server_down },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void undo(struct dataplane *dp, size_t done)
{
	while (done > 0) {
		const struct step *step = &steps[--done];
		void (*undo_step)(struct dataplane *) = dp->left ? step->leave : step->down;

		if (undo_step)
			undo_step(dp);
	}
}

int startup(struct dataplane *dp)
{
	for (size_t i = 0; i < STEPS; i++) {
		int error = steps[i].up(dp);

		if (!error)
			continue;
		LOG_ERROR("dataplane", 0, "start-up failed at %s: %s", steps[i].name,
			  strerror(-error));
		undo(dp, i);
		return error;
	}
	return 0;
}

void startup_undo(struct dataplane *dp)
{
	undo(dp, STEPS);
}
