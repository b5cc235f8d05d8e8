/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "sip/base/slice.h"

Test(slice, case_is_ignored_for_ascii_letters_alone)
{
	for (int a = 0; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			/* at the end of a word of eight, and behind it */
			char x[9] = "-------", y[9] = "-------";
			bool letters =
				(a | 0x20) == (b | 0x20) && (a | 0x20) >= 'a' && (a | 0x20) <= 'z';

			x[7] = x[8] = (char)a;
			y[7] = y[8] = (char)b;
			cr_assert_eq(
				slice_equal_nocase((struct slice){ x, 9 }, (struct slice){ y, 9 }),
				a == b || letters, "%d %d", a, b);
		}
	}
}

Test(slice, every_byte_counts_at_every_length)
{
	char x[32], y[32];

	for (size_t n = 0; n <= sizeof(x); n++) {
		memset(x, 'a', sizeof(x));
		memset(y, 'A', sizeof(y));
		cr_assert(slice_equal_nocase((struct slice){ x, n }, (struct slice){ y, n }));
		for (size_t i = 0; i < n; i++) {
			y[i] = 'b';
			cr_assert_not(
				slice_equal_nocase((struct slice){ x, n }, (struct slice){ y, n }));
			y[i] = 'A';
		}
	}
}

Test(slice, equal_looks_at_length_and_bytes)
{
	cr_expect(slice_equal(SLICE("abc"), SLICE("abc")));
	cr_expect_not(slice_equal(SLICE("abc"), SLICE("abC")));
	cr_expect_not(slice_equal(SLICE("abc"), SLICE("ab")));
	cr_expect(slice_equal(SLICE_NONE, SLICE("")));
	cr_expect_not(slice_equal_nocase(SLICE("abc"), SLICE("abcd")));
}

Test(slice, starts_with_prefix)
{
	cr_expect(slice_starts_nocase(SLICE("SIP/2.0 200"), SLICE("sip/2.0")));
	cr_expect_not(slice_starts_nocase(SLICE("SIP"), SLICE("sip/")));
	cr_expect(slice_starts_nocase(SLICE("x"), SLICE_NONE));
}

Test(slice, trim_takes_white_space_from_both_ends)
{
	cr_expect(slice_equal(slice_trim(SLICE(" \t\r\n a b \r\n\t ")), SLICE("a b")));
	cr_expect_eq(slice_trim(SLICE("  ")).n, 0);
	cr_expect_eq(slice_trim(SLICE_NONE).n, 0);
}

Test(slice, numbers_are_digits_within_the_limit)
{
	uint32_t value = 7;

	cr_expect_eq(slice_to_u32(SLICE("4294967295"), UINT32_MAX, &value), 0);
	cr_expect_eq(value, UINT32_MAX);
	cr_expect_eq(slice_to_u32(SLICE("00070"), 70, &value), 0);
	cr_expect_eq(value, 70);
	cr_expect_eq(slice_to_u32(SLICE("4294967296"), UINT32_MAX, &value), -ERANGE);
	cr_expect_eq(slice_to_u32(SLICE("18446744073709551617"), UINT32_MAX, &value), -ERANGE);
	cr_expect_eq(slice_to_u32(SLICE("71"), 70, &value), -ERANGE);
	cr_expect_eq(slice_to_u32(SLICE("999999999999x"), 70, &value), -EINVAL);
	cr_expect_eq(slice_to_u32(SLICE("-1"), 70, &value), -EINVAL);
	cr_expect_eq(slice_to_u32(SLICE(" 1"), 70, &value), -EINVAL);
	cr_expect_eq(slice_to_u32(SLICE_NONE, 70, &value), -EINVAL);
	cr_expect_eq(value, 70, "errors leave the value alone");
}

Test(slice, copy_terminates_or_refuses)
{
	char text[4] = "zzz";

	cr_expect_eq(slice_copy(SLICE("abc"), text, sizeof(text)), 0);
	cr_expect_str_eq(text, "abc");
	cr_expect_eq(slice_copy(SLICE("abcd"), text, sizeof(text)), -ENOSPC);
	cr_expect_str_eq(text, "");
	cr_expect_eq(slice_copy(SLICE_NONE, text, 1), 0);
	cr_expect_eq(slice_copy(SLICE_NONE, text, 0), -ENOSPC);
}

Test(slice, split_gives_the_pieces_and_then_nothing)
{
	struct slice rest = SLICE("a,,b");

	cr_expect(slice_equal(slice_split(&rest, ','), SLICE("a")));
	cr_expect(slice_equal(slice_split(&rest, ','), SLICE("")));
	cr_expect(slice_equal(slice_split(&rest, ','), SLICE("b")));
	cr_expect_null(rest.p);
	rest = SLICE("a,");
	slice_split(&rest, ',');
	cr_expect_not_null(rest.p, "an empty piece is left");
	cr_expect_eq(rest.n, 0);
}

Test(slice, hash_tells_slices_apart)
{
	char text[64];

	/* each length and each byte of it counts */
	memset(text, 'x', sizeof(text));
	for (size_t n = 0; n < sizeof(text); n++) {
		uint64_t h = slice_hash((struct slice){ text, n });

		cr_expect_neq(h, slice_hash((struct slice){ text, n + 1 }));
		for (size_t i = 0; i < n; i++) {
			text[i] = 'y';
			cr_expect_neq(h, slice_hash((struct slice){ text, n }));
			text[i] = 'x';
		}
		cr_expect_eq(h, slice_hash((struct slice){ text, n }));
	}
}

Test(slice, hash_without_case)
{
	cr_expect_eq(slice_hash_nocase(SLICE("Tandem.LAB@[z")),
		     slice_hash_nocase(SLICE("tandem.lab@[Z")));
	cr_expect_neq(slice_hash_nocase(SLICE("abcdefg@")), slice_hash_nocase(SLICE("abcdefg`")));
	cr_expect_neq(slice_hash(SLICE("A")), slice_hash(SLICE("a")));
}
