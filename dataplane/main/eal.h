/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts DPDK's environment as the configuration wants it, and tells which lcore is whose. */
#ifndef DATAPLANE_MAIN_EAL_H
#define DATAPLANE_MAIN_EAL_H

#include "config/config.h"
#include "dataplane/api/counters.h"

struct eal_plan {
	unsigned main_lcore;
	unsigned worker_lcores[DP_WORKERS_MAX];
	unsigned worker_cpus[DP_WORKERS_MAX];
	unsigned workers;
	bool hugepages;
};

/*
 * Chooses cores: those of the configuration, or the last ones that this process may use. Where
 * there are fewer cores than threads they are shared. 0, or -EINVAL with a line in error.
 */
int eal_plan(const struct config_dataplane *config, struct eal_plan *plan, char *error,
	     size_t error_size);
/* Hugepages where there are enough of them; else logs a warning. */
void eal_choose_memory(const struct config_dataplane *config, struct eal_plan *plan);
/* 0 or -errno; logs why. */
int eal_start(const struct config_dataplane *config, const struct eal_plan *plan);

/* NUMA node of a worker's core. */
int eal_worker_socket(const struct eal_plan *plan, unsigned worker);

/* How a port's device is named. */
enum device_kind { DEVICE_PCI, DEVICE_DEVARGS, DEVICE_INTERFACE };
enum device_kind eal_device_kind(const char *device);

#endif
