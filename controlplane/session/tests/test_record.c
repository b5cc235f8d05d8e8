/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "controlplane/session/record.h"
#include "dataplane/client/client.h"

static char buffer[512];

static void write_all(void)
{
	struct dp_address v4, v6, none = { 0 };
	struct record_writer w;

	dp_address_parse("198.18.0.20", 16384, &v4);
	dp_address_parse("2001:2::20", 65534, &v6);
	record_begin(&w, buffer, sizeof(buffer));
	record_put_text(&w, "a\tb\nc\\d");
	record_put_text(&w, "");
	record_put_number(&w, UINT64_MAX);
	record_put_number(&w, 0);
	record_put_address(&w, &v4);
	record_put_address(&w, &v6);
	record_put_address(&w, &none);
	cr_assert_not(w.overflow);
}

/* Reads what write_all() wrote; true: all of it was there and right. */
static bool read_all(const char *text)
{
	struct dp_address v4, v6, none;
	struct record_reader r;
	char a[32], b[32];
	uint64_t most, least;

	record_open(&r, text);
	record_text(&r, a, sizeof(a));
	record_text(&r, b, sizeof(b));
	most = record_number(&r, UINT64_MAX);
	least = record_number(&r, 0);
	record_address(&r, &v4);
	record_address(&r, &v6);
	record_address(&r, &none);
	return !r.broken && strcmp(a, "a\tb\nc\\d") == 0 && b[0] == '\0' && most == UINT64_MAX &&
	       least == 0 && v4.family == DP_FAMILY_IPV4 && v4.port == 16384 &&
	       v6.family == DP_FAMILY_IPV6 && v6.port == 65534 && none.family == DP_FAMILY_NONE;
}

Test(record, what_is_written_comes_back)
{
	write_all();
	cr_expect_null(strchr(buffer, '\n'), "a record is a line");
	cr_assert(read_all(buffer));
}

Test(record, a_record_that_ends_anywhere_is_broken)
{
	size_t size;

	write_all();
	size = strlen(buffer);
	for (size_t n = 0; n < size; n++) {
		char cut[sizeof(buffer)];

		memcpy(cut, buffer, n);
		cut[n] = '\0';
		cr_assert_not(read_all(cut), "%zu of %zu bytes", n, size);
	}
}

Test(record, a_record_that_does_not_fit_says_so)
{
	struct record_writer w;
	char small[8];

	record_begin(&w, small, sizeof(small));
	record_put_text(&w, "123456");
	cr_expect_not(w.overflow);
	record_put_number(&w, 1);
	cr_expect(w.overflow);
}

Test(record, what_is_no_number_or_address_or_too_large_is_broken)
{
	static const char *const numbers[] = { "x\t", "\t", "-1\t", "256\t",
					       "99999999999999999999\t" };
	static const char *const addresses[] = { "198.18.0.20\t", "198.18.0.20:65536\t",
						 ":1\t",          "[2001:2::20:1\t",
						 "\\x\t",         "\t" };
	struct dp_address address;
	struct record_reader r;
	char text[4];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		record_open(&r, numbers[i]);
		record_number(&r, 255);
		cr_expect(r.broken, "%s", numbers[i]);
	}
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		record_open(&r, addresses[i]);
		record_address(&r, &address);
		cr_expect(r.broken, "%s", addresses[i]);
	}
	record_open(&r, "long\t");
	cr_expect_str_eq(record_text(&r, text, sizeof(text)), "");
	cr_expect(r.broken);
}
