/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "pktgen_tests/rtpgen/histogram.h"

static struct histogram h, other;

Test(histogram, an_empty_one_says_zero)
{
	cr_assert_eq(histogram_percentile(&h, 50), 0);
	cr_assert_eq(histogram_percentile(&h, 100), 0);
}

Test(histogram, small_values_are_exact)
{
	for (uint64_t v = 1; v <= 50; v++)
		histogram_add(&h, v);
	cr_assert_eq(h.min, 1);
	cr_assert_eq(h.max, 50);
	cr_assert_eq(histogram_percentile(&h, 50), 25);
	cr_assert_eq(histogram_percentile(&h, 2), 1);
	cr_assert_eq(histogram_percentile(&h, 100), 50);
}

Test(histogram, buckets_are_in_order_and_none_is_left_out)
{
	unsigned before = 0;

	for (uint64_t v = 0; v < 1 << 20; v++) {
		unsigned b = histogram_bucket(v);

		cr_assert(b == before || b == before + 1, "%lu", v);
		before = b;
	}
	cr_assert_lt(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS);
}

Test(histogram, each_value_is_known_to_a_thirtysecond)
{
	for (uint64_t v = 1; v < UINT64_MAX / 3; v = v * 3 / 2 + 1) {
		uint64_t p;

		histogram_clear(&h);
		histogram_add(&h, v);
		histogram_add(&h, UINT64_MAX);
		p = histogram_percentile(&h, 50);
		cr_assert_geq(p, v);
		cr_assert_leq(p - v, v / 32, "%lu is said to be %lu", v, p);
	}
}

Test(histogram, the_tail_is_found)
{
	for (int i = 0; i < 999; i++)
		histogram_add(&h, 10);
	histogram_add(&h, 1000000);
	cr_assert_eq(histogram_percentile(&h, 99.9), 10);
	cr_assert_eq(histogram_percentile(&h, 99.95), 1000000);
}

Test(histogram, two_make_one)
{
	histogram_merge(&h, &other);
	cr_assert_eq(h.total, 0);
	histogram_add(&other, 5);
	histogram_merge(&h, &other);
	cr_assert_eq(h.min, 5);
	histogram_clear(&other);
	histogram_add(&other, 3);
	histogram_add(&other, 900);
	histogram_merge(&h, &other);
	cr_assert_eq(h.total, 3);
	cr_assert_eq(h.min, 3);
	cr_assert_eq(h.max, 900);
	cr_assert_eq(histogram_percentile(&h, 60), 5);
}
