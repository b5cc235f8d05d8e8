/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "pktgen_tests/rtpgen/checker.h"

static struct checker c;
static struct checker_counts counts;

static void given(uint32_t first)
{
	checker_start(&c, first);
	counts = (struct checker_counts){ 0 };
}

static enum checker_verdict take(uint32_t sequence)
{
	enum checker_verdict v = checker_take(&c, sequence);

	checker_count(&counts, v);
	return v;
}

Test(checker, packets_in_order_are_all_there_is)
{
	given(1000);
	for (uint32_t i = 0; i < 500; i++)
		cr_assert_eq(take(1000 + i), CHECKER_AHEAD);
	cr_assert_eq(c.received, 500);
	cr_assert_eq(checker_missing(&c, 1000), 0);
}

Test(checker, nothing_received_is_nothing_missing)
{
	given(7);
	cr_assert_eq(checker_missing(&c, 7), 0);
}

Test(checker, a_gap_is_missing_until_it_closes)
{
	given(0);
	take(0);
	take(3);
	cr_assert_eq(checker_missing(&c, 0), 2);
	cr_assert_eq(take(1), CHECKER_REORDERED);
	cr_assert_eq(take(2), CHECKER_REORDERED);
	cr_assert_eq(checker_missing(&c, 0), 0);
	cr_assert_eq(counts.reordered, 2);
}

Test(checker, the_first_packet_may_be_missing)
{
	given(10);
	take(11);
	cr_assert_eq(checker_missing(&c, 10), 1);
}

Test(checker, what_comes_twice_is_a_duplicate_wherever_it_lies)
{
	given(0);
	for (uint32_t i = 0; i < 64; i++)
		take(i);
	cr_assert_eq(take(63), CHECKER_DUPLICATE);
	cr_assert_eq(take(0), CHECKER_DUPLICATE);
	cr_assert_eq(c.received, 64);
	cr_assert_eq(counts.duplicate, 2);
}

Test(checker, beyond_the_window_it_is_late_and_nothing_else)
{
	given(0);
	take(0);
	for (uint32_t i = 2; i <= 65; i++)
		take(i);
	cr_assert_eq(take(1), CHECKER_LATE);
	cr_assert_eq(take(2), CHECKER_DUPLICATE);
	cr_assert_eq(counts.late, 1);
	cr_assert_eq(checker_missing(&c, 0), 1);
}

Test(checker, the_last_place_of_the_window_counts)
{
	given(0);
	take(0);
	for (uint32_t i = 2; i <= 64; i++)
		take(i);
	cr_assert_eq(take(1), CHECKER_REORDERED);
}

Test(checker, a_jump_over_the_whole_window_forgets_it)
{
	given(0);
	take(0);
	take(200);
	cr_assert_eq(checker_missing(&c, 0), 199);
	cr_assert_eq(take(137), CHECKER_REORDERED);
	cr_assert_eq(take(136), CHECKER_LATE);
}

Test(checker, sequence_numbers_wrap)
{
	given(UINT32_MAX - 1);
	cr_assert_eq(take(UINT32_MAX - 1), CHECKER_AHEAD);
	cr_assert_eq(take(0), CHECKER_AHEAD);
	cr_assert_eq(take(UINT32_MAX), CHECKER_REORDERED);
	cr_assert_eq(take(0), CHECKER_DUPLICATE);
	cr_assert_eq(checker_missing(&c, UINT32_MAX - 1), 0);
}
