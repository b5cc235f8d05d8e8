/* SPDX-License-Identifier: BSD-3-Clause */
/* Port pairs: each once, in no order that can be guessed, the freed ones late. */
#include <errno.h>

#include <criterion/criterion.h>

#include "dataplane/flow/pool.h"

#define FIRST 20000u
#define PAIRS 1000u

static struct port_pool pool;

static void set_up(void)
{
	const struct flow_pool config = { .port_first = FIRST, .port_last = FIRST + 2 * PAIRS - 1 };

	cr_assert_eq(port_pool_init(&pool, &config), 0);
}

static void tear_down(void)
{
	port_pool_destroy(&pool);
}

TestSuite(pool, .init = set_up, .fini = tear_down, .timeout = 30);

static uint16_t take(void)
{
	uint16_t port;

	cr_assert_eq(port_pool_take(&pool, &port), 0);
	cr_assert(port >= FIRST && port < FIRST + 2 * PAIRS && port % 2 == 0);
	return port;
}

Test(pool, each_pair_is_given_out_once_until_none_is_left)
{
	bool seen[PAIRS] = { false };
	uint16_t port;

	for (unsigned i = 0; i < PAIRS; i++) {
		port = take();
		cr_assert_not(seen[(port - FIRST) / 2]);
		seen[(port - FIRST) / 2] = true;
	}
	cr_assert_eq(port_pool_take(&pool, &port), -EADDRNOTAVAIL);
}

/* Were they in order, each would be the last one's neighbour; at random that is 2 of 1000. */
Test(pool, the_next_one_is_no_neighbour_of_the_last)
{
	unsigned neighbours = 0;
	uint16_t before = take();

	for (unsigned i = 1; i < PAIRS; i++) {
		uint16_t port = take();

		neighbours += port == before + 2 || port + 2 == before;
		before = port;
	}
	cr_assert_lt(neighbours, 50);
}

/* Calls come and go one at a time: the pair of an ended one stays away for half of the others. */
Test(pool, a_freed_pair_rests_while_others_are_ready)
{
	uint16_t freed = take();

	port_pool_give(&pool, freed);
	for (unsigned i = 0; i < PAIRS / 2 - 1; i++) {
		uint16_t port = take();

		cr_assert_neq(port, freed);
		port_pool_give(&pool, port);
	}
}

Test(pool, a_freed_pair_is_the_last_when_nothing_else_is_freed)
{
	uint16_t freed = take();

	port_pool_give(&pool, freed);
	for (unsigned i = 0; i < PAIRS - 1; i++)
		cr_assert_neq(take(), freed);
	cr_assert_eq(take(), freed);
}

Test(pool, any_pair_can_be_asked_for_ready_or_resting)
{
	uint16_t freed = take(), port;

	port_pool_give(&pool, freed);
	cr_assert_eq(port_pool_take_exact(&pool, freed), 0);
	cr_assert_eq(port_pool_take_exact(&pool, freed), -EADDRINUSE);
	cr_assert_eq(port_pool_take_exact(&pool, FIRST + 1), -EADDRNOTAVAIL);
	cr_assert_eq(port_pool_take_exact(&pool, FIRST - 2), -EADDRNOTAVAIL);
	cr_assert_eq(port_pool_take_exact(&pool, FIRST + 2 * PAIRS), -EADDRNOTAVAIL);
	for (unsigned i = 0; i < PAIRS; i++) {
		port = (uint16_t)(FIRST + 2 * i);
		cr_assert_eq(port_pool_take_exact(&pool, port), port == freed ? -EADDRINUSE : 0);
	}
	cr_assert_eq(port_pool_take(&pool, &port), -EADDRNOTAVAIL);
}
