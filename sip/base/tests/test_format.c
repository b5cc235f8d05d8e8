/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sip/base/format.h"

/* Whatever is asked for and whatever room there is, it is what snprintf() writes. */
#define SAME(...)                                                                                 \
	do {                                                                                      \
		for (size_t size_ = 0; size_ <= sizeof(ours); size_++) {                          \
			memset(ours, '#', sizeof(ours));                                          \
			memset(theirs, '#', sizeof(theirs));                                      \
			cr_assert_eq(format_print(ours, size_, __VA_ARGS__),                      \
				     snprintf(theirs, size_, __VA_ARGS__), #__VA_ARGS__);         \
			cr_assert_eq(memcmp(ours, theirs, sizeof(ours)), 0, "%zu: " #__VA_ARGS__, \
				     size_);                                                      \
		}                                                                                 \
	} while (0)

Test(format, it_writes_what_snprintf_writes)
{
	char ours[48], theirs[48];

	SAME("plain");
	SAME("%s", "");
	SAME("<%s>;tag=%.*s", "sip:alice@192.0.2.1", 3, "abcdef");
	SAME("%.*s|%.*s|%.*s", 0, "abc", 10, "abc", -1, "abc");
	SAME("m=audio %u RTP/AVP%s %u%%", 5004u, "", UINT_MAX);
	SAME("%d %d %d", 0, INT_MIN, INT_MAX);
	SAME("o=- %" PRIu64 " %" PRIu32, UINT64_MAX, UINT32_MAX);
	SAME("[%016" PRIx64 "] %016" PRIx64, UINT64_C(0x0123456789abcdef), UINT64_C(7));
	SAME("%.120s@%.3s|%.0s|%.s", "short", "cut off", "none", "none");
	SAME("left to others: %08x %5u %-4s| %c %s", 0xbeefu, 7u, "x", 'c', "after it");
}

Test(format, a_piece_needs_no_terminator)
{
	const char piece[3] = { 'a', 'b', 'c' };
	char text[8];

	cr_assert_eq(format_print(text, sizeof(text), "%.*s", 3, piece), 3);
	cr_assert_str_eq(text, "abc");
}
