/* SPDX-License-Identifier: BSD-3-Clause */
/* Who polls a queue, step by step, and with two threads that want it at once. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <criterion/criterion.h>

#include "dataplane/main/lease.h"

#define MOVES 100u

static struct lease lease;
static struct presence presence[2];
static struct presence *const both[2] = { &presence[0], &presence[1] };

static void set_up(void)
{
	cr_assert_eq(lease_prepare(), 0);
}

TestSuite(lease, .init = set_up, .timeout = 60);

Test(lease, who_has_it_enters_and_nobody_else)
{
	cr_assert(lease_enter(&presence[0], &lease, 0));
	lease_leave(&presence[0]);
	cr_assert_not(lease_enter(&presence[1], &lease, 1));
	cr_assert_eq(lease_move(&lease, 1, both, 2), 0);
	cr_assert_not(lease_enter(&presence[0], &lease, 0));
	cr_assert(lease_enter(&presence[1], &lease, 1));
	cr_assert(lease_enter(&presence[0], NULL, 0), "a queue that never changes hands");
}

Test(lease, while_one_is_inside_nobody_else_gets_it)
{
	cr_assert(lease_enter(&presence[0], &lease, 0));
	cr_assert_eq(lease_move(&lease, 1, both, 2), -EBUSY);
	cr_assert_not(lease_enter(&presence[1], &lease, 1));
	lease_leave(&presence[0]);
	cr_assert_not(lease_enter(&presence[0], &lease, 0), "it was asked to go");
	cr_assert_eq(lease_move(&lease, 1, both, 2), 0);
	cr_assert(lease_enter(&presence[1], &lease, 1));
}

static _Atomic bool stop;
static _Atomic unsigned inside;
static _Atomic unsigned polls[2];
static unsigned clashes; /* of a driver: not made for two */

static void *poll_it(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg;

	while (!atomic_load(&stop)) {
		if (!lease_enter(&presence[me], &lease, me))
			continue;
		clashes += atomic_fetch_add_explicit(&inside, 1, memory_order_relaxed) != 0;
		for (volatile int i = 0; i < 200; i++)
			; /* a burst takes its time */
		polls[me]++;
		atomic_fetch_sub_explicit(&inside, 1, memory_order_relaxed);
		lease_leave(&presence[me]);
	}
	return NULL;
}

Test(lease, two_threads_are_never_inside_together)
{
	pthread_t threads[2];

	for (uintptr_t i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, poll_it, (void *)i), 0);
	for (uint32_t i = 1; i <= MOVES; i++) {
		unsigned before = atomic_load(&polls[i & 1]);
		int error;

		while ((error = lease_move(&lease, i & 1, both, 2)) == -EBUSY)
			sched_yield();
		cr_assert_eq(error, 0);
		while (atomic_load(&polls[i & 1]) == before)
			sched_yield();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(clashes, 0);
}
