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
