/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"

static const struct field fields[] = {
	{ "name", "NAME", FIELD_TEXT, "" },     { "address", "ADDRESS", FIELD_TEXT, "" },
	{ "port", "PORT", FIELD_PORT, "" },     { "hidden", "", FIELD_TEXT, "" },
	{ "count", "COUNT", FIELD_NUMBER, "" }, { "time", "TIME", FIELD_SECONDS, "" },
	{ NULL, NULL, FIELD_TEXT, NULL },
};
static const struct field memory[] = { { "memory", "MEMORY MB", FIELD_BYTES, "" },
				       { NULL, NULL, FIELD_TEXT, NULL } };

static char *print(const char *rows, bool single)
{
	json_t *value = json_loads(rows, 0, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (single)
		table_print_object(out, fields, value, "");
	else
		table_print(out, fields, value, "things");
	fclose(out);
	json_decref(value);
	return text;
}

static void expect(const char *rows, bool single, const char *wanted)
{
	char *text = print(rows, single);

	cr_assert_str_eq(text, wanted, "got:\n%s", text);
	free(text);
}

Test(table, columns_are_as_wide_as_their_widest_cell)
{
	expect("[{\"name\":\"a\",\"address\":\"198.18.0.20\",\"port\":16384,\"count\":5,"
	       "\"time\":65,\"hidden\":\"x\"},"
	       "{\"name\":\"longer\",\"address\":\"2001:2::20\",\"port\":2,\"count\":12345678,"
	       "\"time\":3661.9}]",
	       false,
	       "NAME    ADDRESS               COUNT     TIME\n"
	       "a       198.18.0.20:16384         5     1:05\n"
	       "longer  [2001:2::20]:2     12345678  1:01:01\n");
}

Test(table, what_is_not_known_is_a_dash)
{
	expect("[{\"name\":null,\"address\":null,\"port\":5,\"count\":1.25}]", false,
	       "NAME  ADDRESS  COUNT  TIME\n"
	       "-     -          1.2     -\n");
}

Test(table, no_rows_are_said_to_be_none)
{
	expect("[]", false, "no things\n");
}

Test(table, umlauts_take_one_column_and_controls_reach_no_terminal)
{
	expect("[{\"name\":\"J\xc3\xbcrg\",\"count\":1},{\"name\":\"\\u001b[2J\\u009b\",\"count\":2}]",
	       false,
	       "NAME    ADDRESS  COUNT  TIME\n"
	       "J\xc3\xbcrg    -            1     -\n"
	       "?[2J??  -            2     -\n");
}

Test(table, bytes_are_shown_in_the_unit_of_their_heading)
{
	json_t *rows = json_pack("[{s:i},{s:n}]", "memory", 1234567, "memory");
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	table_print(out, memory, rows, "things");
	fclose(out);
	cr_assert_str_eq(text, "MEMORY MB\n      1.2\n        -\n");
	free(text);
	json_decref(rows);
}

Test(table, an_object_has_a_line_a_field)
{
	expect("{\"name\":\"a\",\"count\":7,\"time\":null}", true,
	       "NAME   a\n"
	       "COUNT  7\n");
}
