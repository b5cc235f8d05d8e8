/* SPDX-License-Identifier: BSD-3-Clause */
/* Which core is whose, and what kind of thing a port is. */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dataplane/main/eal.h"

/* The cores that this process may use, as the plan will see them. */
static unsigned cpus[CPU_SETSIZE], cpu_count;

static void find_cpus(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	cpu_count = 0;
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &set))
			cpus[cpu_count++] = i;
	}
}

TestSuite(eal, .init = find_cpus);

Test(eal, workers_have_the_last_cores_by_default)
{
	struct config_dataplane config = { .workers = 1 };
	struct eal_plan plan;
	char error[128];

	cr_assert(eq(int, eal_plan(&config, &plan, error, sizeof(error)), 0));
	cr_expect(eq(u32, plan.worker_cpus[0], cpus[cpu_count - 1]));
	cr_expect(plan.main_lcore != plan.worker_lcores[0]);
}

Test(eal, more_threads_than_cores_share_them)
{
	struct config_dataplane config = { .workers = cpu_count + 2 };
	struct eal_plan plan;
	char error[128];

	if (config.workers > DP_WORKERS_MAX)
		cr_skip_test("too many cores to run out of them");
	cr_assert(eq(int, eal_plan(&config, &plan, error, sizeof(error)), 0));
	for (unsigned i = 0; i < plan.workers; i++) {
		for (unsigned j = 0; j < i; j++)
			cr_expect(plan.worker_lcores[i] != plan.worker_lcores[j]);
		cr_expect(plan.worker_lcores[i] != plan.main_lcore);
	}
}

Test(eal, cores_of_the_configuration_are_obeyed_or_refused)
{
	unsigned first = cpus[0], wrong = CPU_SETSIZE - 1;
	struct config_dataplane config = { .workers = 5, .cores = &first, .cores_count = 1 };
	struct eal_plan plan;
	char error[128];

	cr_assert(eq(int, eal_plan(&config, &plan, error, sizeof(error)), 0));
	cr_expect(eq(u32, plan.workers, 1));
	cr_expect(eq(u32, plan.worker_cpus[0], first));
	config.cores = &wrong;
	cr_expect(eq(int, eal_plan(&config, &plan, error, sizeof(error)), -EINVAL));
	cr_expect(strstr(error, "1023") != NULL);
	config = (struct config_dataplane){ .workers = 0 };
	cr_expect(eq(int, eal_plan(&config, &plan, error, sizeof(error)), -EINVAL));
}

Test(eal, devices_are_told_apart_by_their_names)
{
	cr_expect(eq(int, eal_device_kind("0000:3b:00.1"), DEVICE_PCI));
	cr_expect(eq(int, eal_device_kind("3b:00.1"), DEVICE_PCI));
	cr_expect(eq(int, eal_device_kind("net_memif0,role=client"), DEVICE_DEVARGS));
	cr_expect(eq(int, eal_device_kind("net_null0"), DEVICE_DEVARGS));
	cr_expect(eq(int, eal_device_kind("eth0"), DEVICE_INTERFACE));
	cr_expect(eq(int, eal_device_kind("enp3s0f1"), DEVICE_INTERFACE));
}
