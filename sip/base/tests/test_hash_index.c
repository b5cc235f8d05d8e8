/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "sip/base/hash_index.h"

Test(hash_index, finds_all_of_a_hash_and_no_other)
{
	struct hash_index index;
	struct hash_node nodes[300] = { 0 };
	unsigned found = 0;

	cr_assert_eq(hash_index_init(&index, 10), 0);
	for (unsigned i = 0; i < 300; i++)
		hash_index_insert(&index, &nodes[i], i % 100 * 64); /* one chain */
	for (struct hash_node *n = hash_index_first(&index, 7 * 64); n; n = hash_index_next(n)) {
		cr_assert_eq((n - nodes) % 100, 7);
		found++;
	}
	cr_expect_eq(found, 3);
	cr_expect_eq(index.count, 300);
	hash_index_remove(&index, &nodes[107]);
	hash_index_remove(&index, &nodes[107]);
	cr_expect_eq(index.count, 299);
	found = 0;
	for (struct hash_node *n = hash_index_first(&index, 7 * 64); n; n = hash_index_next(n))
		found += n != &nodes[107];
	cr_expect_eq(found, 2);
	cr_expect_null(hash_index_first(&index, 12345));
	hash_index_free(&index);
}

/* It begins with 64 chains: at every size between, each node is found, and only once. */
Test(hash_index, grows_and_loses_nothing)
{
	enum { MANY = 5000 };
	static struct hash_node nodes[MANY];
	struct hash_index index;
	uint64_t hash = 1;

	cr_assert_eq(hash_index_init(&index, 1), 0);
	cr_expect_eq(index.chains, 64);
	for (unsigned i = 0; i < MANY; i++) {
		hash = hash_index_mix(hash, i);
		hash_index_insert(&index, &nodes[i], hash);
		for (unsigned k = i > 200 ? i - 200 : 0; k <= i; k++)
			cr_assert_eq(hash_index_first(&index, nodes[k].hash), &nodes[k]);
	}
	for (unsigned i = 0; i < MANY; i++) {
		cr_assert_eq(hash_index_first(&index, nodes[i].hash), &nodes[i]);
		cr_assert_null(hash_index_next(&nodes[i]));
	}
	cr_expect_eq(index.chains, MANY);
	for (unsigned i = 0; i < MANY; i++)
		hash_index_remove(&index, &nodes[i]);
	cr_expect_eq(index.count, 0);
	cr_expect_null(hash_index_first(&index, nodes[17].hash));
	hash_index_free(&index);
}

Test(hash_index, ends_empty_after_being_freed_twice)
{
	struct hash_index index = { 0 };

	hash_index_free(&index);
	cr_assert_eq(hash_index_init(&index, 100000), 0);
	cr_expect_eq(index.chains, 1024, "the rest when it is needed");
	hash_index_free(&index);
	hash_index_free(&index);
}
