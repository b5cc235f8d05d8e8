/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process as a whole: what start-up makes (main.c) and the manager keeps going (manager.c).
 */
#ifndef DATAPLANE_MAIN_DATAPLANE_H
#define DATAPLANE_MAIN_DATAPLANE_H

#include "config/config.h"
#include "dataplane/flow/flow.h"
#include "dataplane/kernel/netlink.h"
#include "dataplane/kernel/nexthop_table.h"
#include "dataplane/kernel/thread.h"
#include "dataplane/main/crew.h"
#include "dataplane/main/eal.h"
#include "dataplane/main/ports.h"
#include "dataplane/main/reports.h"
#include "dataplane/main/segment.h"
#include "dataplane/main/server.h"
#include "dataplane/main/worker.h"

struct observer;

struct dataplane {
	struct config *config;
	struct eal_plan plan;
	int lock;    /* of the run directory */
	int signals; /* signalfd: SIGTERM, SIGINT */

	struct ports ports;
	struct segment segment;
	struct netlink *netlink;
	const struct tap *realm_tap[DP_REALMS_MAX];
	struct nexthop_table *nexthops;
	struct flow_table *flows;
	struct rte_ring *punt[DP_PORTS_MAX];   /* by index of the configuration */
	struct rte_ring *inject[DP_PORTS_MAX]; /* by index of the configuration */
	struct kernel_thread *kernel;
	unsigned workers; /* that were created */
	struct worker *worker[DP_WORKERS_MAX];
	struct crew crew;
	struct rte_ring *notices[DP_WORKERS_MAX];
	struct rte_ring *handover[DP_WORKERS_MAX];
	struct reports *reports;
	struct observer *observer;
	struct server *server;

	/* A thread that does not end was left while all is taken down: what it may use stays, and the
	 * process ends without it. */
	bool left;
	bool routes_changed; /* since the flows were resolved last */
	bool links_changed;  /* since the ports were looked at last */
};

/* Netlink's news, from start-up on. arg: struct dataplane. */
extern const struct netlink_handlers manager_netlink_handlers;

/* Serves clients and keeps time until a signal ends it. 0 or -errno. */
int manager_run(struct dataplane *dp);

#endif
