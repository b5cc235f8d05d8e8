/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "controlplane/main/descriptors.h"

static struct config_listener listeners[] = { { .transport = "udp" }, { .transport = "tls" } };

static struct config config_of(unsigned listener_count)
{
	struct config config = { .controlplane = { .shards = 2 } };

	config.sip.listeners = listeners;
	config.sip.listeners_count = listener_count;
	config.sip.connections.max = 100000;
	return config;
}

Test(descriptors, connections_count_where_there_can_be_any)
{
	const struct config udp = config_of(1), both = config_of(2);

	cr_expect_leq(descriptors_needed(&udp), 2000);
	cr_expect_geq(descriptors_needed(&both), 100000 + 4);
	cr_expect_leq(descriptors_needed(&both), 102000);
}

/* In a process of its own, as all tests are. */
Test(descriptors, the_limit_is_raised_as_far_as_it_may_be)
{
	struct rlimit limit;
	rlim_t hard;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	hard = limit.rlim_max;
	cr_assert_geq(hard, 256);
	limit.rlim_cur = 200;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(descriptors_raise(256), hard, "the soft one to the hard one");
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(limit.rlim_cur, hard);

	/* A lower hard limit is raised where the process may, and kept where it may not. */
	limit.rlim_cur = limit.rlim_max = 250;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	const uint64_t now = descriptors_raise(256);

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(limit.rlim_cur, now);
	cr_expect(now == 256 || now == 250);
	/* More than the system allows any process is not asked for. */
	cr_expect_neq(descriptors_raise(UINT64_MAX), 0);
}
