/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "sip/base/pool.h"

Test(pool, gives_again_what_came_back)
{
	enum { MANY = 1000 };
	struct pool pool = { .size = 40 };
	void *objects[MANY], *last;

	for (unsigned i = 0; i < MANY; i++) {
		objects[i] = pool_take(&pool);
		cr_assert_not_null(objects[i]);
		cr_assert_eq((uintptr_t)objects[i] % 16, 0);
		memset(objects[i], (int)i, 40);
	}
	cr_expect_eq(pool.used, MANY);
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_eq(((unsigned char *)objects[i])[39], i & 0xff, "they overlap");
	last = objects[MANY - 1];
	pool_give(&pool, last);
	cr_expect_eq(pool_take(&pool), last);
	pool_free(&pool);
	cr_expect_eq(pool.used, 0);
}

Test(pool, texts_come_in_classes_and_large_ones_too)
{
	static const size_t sizes[] = { 1, 256, 257, 1500, 4096, 4097, 65535 };
	struct text_pool pool;
	char *texts[7];

	text_pool_init(&pool);
	for (unsigned i = 0; i < 7; i++) {
		texts[i] = text_pool_take(&pool, sizes[i]);
		cr_assert_not_null(texts[i]);
		memset(texts[i], 'x', sizes[i]);
	}
	cr_expect_eq(pool.used, 256 + 256 + 384 + 1536 + 4096 + 4097 + 65535);
	for (unsigned i = 0; i < 7; i++)
		text_pool_give(&pool, texts[i], sizes[i]);
	text_pool_give(&pool, NULL, 100);
	cr_expect_eq(pool.used, 0);
	cr_expect_eq(text_pool_take(&pool, 300), texts[2], "the one of that class");
	text_pool_free(&pool);
}
