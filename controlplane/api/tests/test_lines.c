/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/api/lines.h"

/* As much as there is room for; false: there was not enough. */
static bool put(struct lines *lines, const char *text, size_t n)
{
	while (n > 0) {
		size_t room, step;
		char *to = lines_room(lines, &room);

		if (!to)
			return false;
		step = n < room ? n : room;
		memcpy(to, text, step);
		lines_filled(lines, step);
		text += step;
		n -= step;
	}
	return true;
}

static bool put_text(struct lines *lines, const char *text)
{
	return put(lines, text, strlen(text));
}

Test(lines, are_cut_at_line_ends)
{
	struct lines lines;
	size_t size;

	lines_init(&lines, 100);
	cr_assert_null(lines_take(&lines, &size));
	put_text(&lines, "one\ntwo\r\n\nthr");
	cr_assert_str_eq(lines_take(&lines, &size), "one");
	cr_assert_str_eq(lines_take(&lines, &size), "two");
	cr_assert_eq(size, 3);
	cr_assert_str_eq(lines_take(&lines, &size), "");
	cr_assert_null(lines_take(&lines, &size));
	put_text(&lines, "ee\n");
	cr_assert_str_eq(lines_take(&lines, &size), "three");
	cr_assert_null(lines_take(&lines, &size));
	lines_free(&lines);
}

Test(lines, zeros_are_counted)
{
	struct lines lines;
	size_t size;

	lines_init(&lines, 100);
	put(&lines, "a\0b\n", 4);
	cr_assert_not_null(lines_take(&lines, &size));
	cr_assert_eq(size, 3);
	lines_free(&lines);
}

Test(lines, a_line_beyond_the_limit_has_no_room)
{
	char text[4096];
	struct lines lines;
	size_t size;

	memset(text, 'x', sizeof(text));
	lines_init(&lines, sizeof(text));
	cr_assert(put(&lines, text, sizeof(text)));
	cr_assert_null(lines_take(&lines, &size));
	cr_assert_not(put(&lines, text, 1));
	lines_clear(&lines);
	cr_assert(put_text(&lines, "ok\n"));
	cr_assert_str_eq(lines_take(&lines, &size), "ok");
	lines_free(&lines);
}

Test(lines, come_out_the_same_however_they_come_in)
{
	char text[3000], *line;
	size_t size, cut;
	unsigned state = 7, round;

	for (round = 0; round < 200; round++) {
		struct lines lines;
		size_t out = 0, in = 0;

		lines_init(&lines, sizeof(text));
		for (size_t i = 0; i < sizeof(text); i++) {
			state = state * 1664525 + 1013904223;
			text[i] = state >> 28 == 0 ? '\n' : 'a' + (state >> 20) % 26;
		}
		text[sizeof(text) - 1] = '\n';
		while (in < sizeof(text)) {
			state = state * 1664525 + 1013904223;
			cut = 1 + (state >> 16) % 700;
			if (cut > sizeof(text) - in)
				cut = sizeof(text) - in;
			cr_assert(put(&lines, text + in, cut));
			in += cut;
			while ((line = lines_take(&lines, &size))) {
				cr_assert_eq(memcmp(line, text + out, size), 0);
				cr_assert_eq(text[out + size], '\n');
				out += size + 1;
			}
		}
		cr_assert_eq(out, sizeof(text));
		lines_free(&lines);
	}
}
