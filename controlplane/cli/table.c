/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows for people. What is shown may come from the network: nothing in it reaches the terminal as
 * a control character. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/cli/cli.h"

#define CELL        160
#define COLUMNS_MAX 32

void json_print(FILE *out, const json_t *value)
{
	json_dumpf(value, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fputc('\n', out);
	fflush(out);
}

static void format_seconds(double seconds, char text[CELL])
{
	unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;

	if (s >= 3600)
		snprintf(text, CELL, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(text, CELL, "%lu:%02lu", s / 60, s % 60);
}

/* RFC 3339 in UTC, shown in local time, without the date if it is of today. */
static void format_time(const char *rfc3339, char text[CELL])
{
	struct tm tm = { 0 }, local, today;
	time_t then, now = time(NULL);

	if (!strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm)) {
		snprintf(text, CELL, "%s", rfc3339);
		return;
	}
	then = timegm(&tm);
	localtime_r(&then, &local);
	localtime_r(&now, &today);
	strftime(text, CELL,
		 local.tm_yday == today.tm_yday && local.tm_year == today.tm_year
			 ? "%H:%M:%S"
			 : "%Y-%m-%d %H:%M:%S",
		 &local);
}

static void format_value(const json_t *value, enum field_kind kind, char text[CELL])
{
	const char *string = json_string_value(value);

	if (kind == FIELD_SECONDS && json_is_number(value))
		format_seconds(json_number_value(value), text);
	else if (kind == FIELD_TIME && string)
		format_time(string, text);
	else if (kind == FIELD_BYTES && json_is_number(value))
		snprintf(text, CELL, "%.1f", json_number_value(value) / 1e6);
	else if (json_is_integer(value))
		snprintf(text, CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(text, CELL, "%.1f", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(text, CELL, "%s", json_is_true(value) ? "yes" : "no");
	else if (string && string[0])
		snprintf(text, CELL, "%s", string);
	else
		snprintf(text, CELL, "-");
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		/* C1 controls are 0xc2 and one of 0x80 to 0x9f in UTF-8. */
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			c[0] = c[1] = '?';
	}
}

/* The cell of a column, with the port that stands behind an address. */
static void format_cell(const struct field *field, const json_t *row, char text[CELL])
{
	const json_t *port = NULL;
	char address[CELL];

	format_value(json_object_get(row, field->name), field->kind, text);
	if (field[1].name && field[1].kind == FIELD_PORT && field[1].heading[0])
		port = json_object_get(row, field[1].name);
	if (!json_is_integer(port) || strcmp(text, "-") == 0)
		return;
	memcpy(address, text, CELL);
	snprintf(text, CELL, strchr(address, ':') ? "[%.100s]:%d" : "%.100s:%d", address,
		 (int)json_integer_value(port));
}

/* Columns on the screen: characters, not bytes. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(FILE *out, const char *text, int width, bool right, bool last)
{
	int space = width - width_of(text);

	if (right)
		fprintf(out, "%*s%s", space, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : space, "");
	fputs(last ? "\n" : "  ", out);
}

static unsigned choose_columns(const struct field *fields, const struct field *columns[COLUMNS_MAX])
{
	unsigned n = 0;

	for (const struct field *f = fields; f->name && n < COLUMNS_MAX; f++) {
		if (f->heading[0] && f->kind != FIELD_PORT)
			columns[n++] = f;
	}
	return n;
}

static bool is_right(const struct field *field)
{
	return field->kind == FIELD_NUMBER || field->kind == FIELD_SECONDS ||
	       field->kind == FIELD_BYTES;
}

void table_print(FILE *out, const struct field *fields, const json_t *rows, const char *name)
{
	const struct field *columns[COLUMNS_MAX];
	unsigned n = choose_columns(fields, columns);
	int width[COLUMNS_MAX];
	char text[CELL];
	const json_t *row;
	size_t i;

	if (json_array_size(rows) == 0) {
		fprintf(out, "no %s\n", name);
		return;
	}
	for (unsigned c = 0; c < n; c++)
		width[c] = width_of(columns[c]->heading);
	json_array_foreach(rows, i, row)
	{
		for (unsigned c = 0; c < n; c++) {
			format_cell(columns[c], row, text);
			if (width_of(text) > width[c])
				width[c] = width_of(text);
		}
	}
	for (unsigned c = 0; c < n; c++)
		print_cell(out, columns[c]->heading, width[c], is_right(columns[c]), c + 1 == n);
	json_array_foreach(rows, i, row)
	{
		for (unsigned c = 0; c < n; c++) {
			format_cell(columns[c], row, text);
			print_cell(out, text, width[c], is_right(columns[c]), c + 1 == n);
		}
	}
}

void table_print_object(FILE *out, const struct field *fields, const json_t *object,
			const char *indent)
{
	int width = 0;
	char text[CELL];

	for (const struct field *f = fields; f->name; f++) {
		if (json_object_get(object, f->name) && width_of(f->heading) > width)
			width = width_of(f->heading);
	}
	for (const struct field *f = fields; f->name; f++) {
		const json_t *value = json_object_get(object, f->name);

		if (!value || json_is_null(value))
			continue;
		format_value(value, f->kind, text);
		fprintf(out, "%s%-*s  %s\n", indent, width, f->heading, text);
	}
}
