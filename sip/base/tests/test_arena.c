/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdalign.h>

#include "sip/base/arena.h"

Test(arena, allocations_are_aligned_and_apart)
{
	struct arena *arena = arena_create(64, 1 << 20);
	char *all[200];

	for (unsigned i = 0; i < 200; i++) {
		all[i] = arena_alloc(arena, i);
		cr_assert_not_null(all[i]);
		cr_assert_eq((uintptr_t)all[i] % alignof(max_align_t), 0);
		memset(all[i], (int)i, i);
	}
	for (unsigned i = 0; i < 200; i++) {
		for (unsigned k = 0; k < i; k++)
			cr_assert_eq(all[i][k], (char)i);
	}
	arena_destroy(arena);
}

Test(arena, the_limit_holds)
{
	struct arena *arena = arena_create(128, 4096);
	size_t given = 0;

	while (arena_alloc(arena, 16) != NULL)
		given += 16;
	cr_expect_leq(given, 4096);
	cr_expect_geq(given, 4096 - 128);
	cr_expect_null(arena_alloc(arena, SIZE_MAX));
	cr_expect_null(arena_alloc(arena, 4097));
	cr_expect_null(arena_slice(arena, SLICE("does not fit any more")).p);
	arena_destroy(arena);
}

Test(arena, reset_gives_all_back)
{
	struct arena *arena = arena_create(128, 1024);

	for (unsigned round = 0; round < 100; round++) {
		cr_assert_not_null(arena_alloc(arena, 800), "round %u", round);
		arena_reset(arena);
	}
	arena_destroy(arena);
}

Test(arena, slices_are_copied_and_terminated)
{
	struct arena *arena = arena_create(64, 1024);
	char text[] = "call";
	struct slice copy = arena_slice(arena, slice_of(text));

	text[0] = 'b';
	cr_expect_str_eq(copy.p, "call");
	cr_expect_eq(copy.n, 4);
	cr_expect_str_eq(arena_slice(arena, SLICE_NONE).p, "");
	arena_destroy(arena);
}

Test(arena, calloc_clears)
{
	struct arena *arena = arena_create(256, 1024);
	unsigned char *p = arena_alloc(arena, 200);

	memset(p, 0xff, 200);
	arena_reset(arena);
	p = arena_calloc(arena, 200);
	for (unsigned i = 0; i < 200; i++)
		cr_assert_eq(p[i], 0);
	arena_destroy(arena);
}
