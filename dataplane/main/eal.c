/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/eal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_pci.h>

#include "sip/base/log.h"

#define HUGE_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define ARGS_MAX  (24 + 2 * DP_PORTS_MAX)

enum device_kind eal_device_kind(const char *device)
{
	struct rte_pci_addr address;

	if (rte_pci_addr_parse(device, &address) == 0)
		return DEVICE_PCI;
	if (strncmp(device, "net_", 4) == 0 || strchr(device, ',') || strchr(device, '='))
		return DEVICE_DEVARGS;
	return DEVICE_INTERFACE;
}

static unsigned usable_cpus(unsigned cpus[CPU_SETSIZE])
{
	cpu_set_t set;
	unsigned count = 0;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &set))
			cpus[count++] = i;
	}
	return count;
}

static bool contains(const unsigned *list, unsigned count, unsigned value)
{
	for (unsigned i = 0; i < count; i++) {
		if (list[i] == value)
			return true;
	}
	return false;
}

/* lcore ids are the CPUs' numbers where those are all different, so that counters speak of CPUs. */
static void name_lcores(struct eal_plan *plan)
{
	for (unsigned i = 0; i < plan->workers; i++) {
		unsigned id = plan->worker_cpus[i];

		while (id >= RTE_MAX_LCORE || contains(plan->worker_lcores, i, id))
			id = (id + 1) % RTE_MAX_LCORE;
		plan->worker_lcores[i] = id;
	}
	plan->main_lcore = 0;
	while (contains(plan->worker_lcores, plan->workers, plan->main_lcore))
		plan->main_lcore++;
}

int eal_plan(const struct config_dataplane *config, struct eal_plan *plan, char *error,
	     size_t error_size)
{
	unsigned cpus[CPU_SETSIZE], count = usable_cpus(cpus);

	*plan = (struct eal_plan){
		.workers = config->cores_count ? config->cores_count : config->workers,
	};
	if (count == 0 || plan->workers == 0 || plan->workers > DP_WORKERS_MAX) {
		snprintf(error, error_size, "%u workers: there can be 1 to %u", plan->workers,
			 DP_WORKERS_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; i < plan->workers; i++) {
		if (config->cores_count == 0) {
			unsigned back = (plan->workers - 1 - i) % count;

			plan->worker_cpus[i] = cpus[count - 1 - back];
			continue;
		}
		plan->worker_cpus[i] = config->cores[i];
		if (!contains(cpus, count, config->cores[i])) {
			snprintf(error, error_size, "core %u does not exist or is not ours to use",
				 config->cores[i]);
			return -EINVAL;
		}
	}
	name_lcores(plan);
	return 0;
}

static unsigned long free_huge_mb(void)
{
	FILE *f = fopen(HUGE_FREE, "re");
	unsigned long pages = 0;

	if (f) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	return pages * 2;
}

void eal_choose_memory(const struct config_dataplane *config, struct eal_plan *plan)
{
	unsigned long mb = free_huge_mb();

	plan->hugepages = config->hugepages && mb >= config->memory_mb;
	if (config->hugepages && !plan->hugepages)
		LOG_WARN("dataplane", 0,
			 "running without hugepages: %lu MB of %u MB are free; slower, fine for "
			 "trying out (deploy/setup reserves them)",
			 mb, config->memory_mb);
}

/* "1@1,2@2,0@(0,3)": the main thread has what the workers leave, or all if they leave nothing. */
static void write_lcores(const struct eal_plan *plan, char *text, size_t size)
{
	unsigned cpus[CPU_SETSIZE], count = usable_cpus(cpus);
	size_t n = 0;
	bool alone = false;

	for (unsigned i = 0; i < plan->workers; i++)
		n += (size_t)snprintf(text + n, size - n, "%u@%u,", plan->worker_lcores[i],
				      plan->worker_cpus[i]);
	n += (size_t)snprintf(text + n, size - n, "%u@(", plan->main_lcore);
	for (unsigned i = 0; i < count && n < size; i++) {
		if (contains(plan->worker_cpus, plan->workers, cpus[i]))
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%u", alone ? "," : "", cpus[i]);
		alone = true;
	}
	for (unsigned i = 0; i < count && n < size && !alone; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%u", i ? "," : "", cpus[i]);
	if (n < size)
		snprintf(text + n, size - n, ")");
}

/* What DPDK has to say becomes lines of our own log. */
static ssize_t write_log(void *cookie, const char *text, size_t size)
{
	size_t end = size;

	(void)cookie;
	while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
		end--;
	if (end > 0) {
		enum log_level level = rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR
					       ? LOG_LEVEL_WARN
					       : LOG_LEVEL_DEBUG;

		log_write(NULL, level, "dpdk", 0, "%.*s", (int)end, text);
	}
	return (ssize_t)size;
}

static void redirect_log(void)
{
	const cookie_io_functions_t io = { .write = write_log };
	FILE *stream = fopencookie(NULL, "w", io);

	if (!stream)
		return;
	setvbuf(stream, NULL, _IOLBF, 0);
	rte_openlog_stream(stream);
}

int eal_start(const struct config_dataplane *config, const struct eal_plan *plan)
{
	char lcores[2048], main_lcore[16], memory[16];
	char *args[ARGS_MAX] = { "tandem-dataplane",
				 "--no-telemetry",
				 "--file-prefix",
				 "tandem",
				 "--lcores",
				 lcores,
				 "--main-lcore",
				 main_lcore,
				 "-m",
				 memory,
				 "--log-level",
				 "warning" };
	int count = 12;
	bool pci = false;

	snprintf(main_lcore, sizeof(main_lcore), "%u", plan->main_lcore);
	snprintf(memory, sizeof(memory), "%u", config->memory_mb);
	write_lcores(plan, lcores, sizeof(lcores));
	/* Both leave no files behind; DPDK does not take them together. */
	args[count++] = plan->hugepages ? "--in-memory" : "--no-shconf";
	if (!plan->hugepages)
		args[count++] = "--no-huge";
	for (unsigned i = 0; i < config->ports_count && i < DP_PORTS_MAX; i++) {
		if (eal_device_kind(config->ports[i].device) != DEVICE_PCI)
			continue;
		args[count++] = "-a";
		args[count++] = (char *)(uintptr_t)config->ports[i].device;
		pci = true;
	}
	if (!pci)
		args[count++] = "--no-pci";
	redirect_log();
	LOG_DEBUG("dataplane", 0, "lcores %s, %s MB", lcores, memory);
	if (rte_eal_init(count, args) < 0) {
		LOG_ERROR("dataplane", 0, "DPDK does not start: %s", rte_strerror(rte_errno));
		return -rte_errno;
	}
	return 0;
}

int eal_worker_socket(const struct eal_plan *plan, unsigned worker)
{
	return (int)rte_lcore_to_socket_id(plan->worker_lcores[worker]);
}
