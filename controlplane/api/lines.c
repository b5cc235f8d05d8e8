/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/lines.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 1024u

void lines_init(struct lines *lines, size_t limit)
{
	*lines = (struct lines){ .limit = limit };
}

void lines_free(struct lines *lines)
{
	free(lines->data);
	lines_init(lines, lines->limit);
}

void lines_clear(struct lines *lines)
{
	lines->start = lines->end = lines->searched = 0;
}

static void move_to_front(struct lines *lines)
{
	if (lines->start == 0)
		return;
	memmove(lines->data, lines->data + lines->start, lines->end - lines->start);
	lines->searched -= lines->start;
	lines->end -= lines->start;
	lines->start = 0;
}

char *lines_room(struct lines *lines, size_t *size)
{
	move_to_front(lines);
	if (lines->end == lines->size) {
		size_t larger = lines->size ? 2 * lines->size : FIRST_SIZE;
		char *data;

		if (larger > lines->limit)
			larger = lines->limit;
		if (larger == lines->size)
			return NULL;
		data = realloc(lines->data, larger);
		if (!data)
			return NULL;
		lines->data = data;
		lines->size = larger;
	}
	*size = lines->size - lines->end;
	return lines->data + lines->end;
}

void lines_filled(struct lines *lines, size_t n)
{
	lines->end += n;
}

char *lines_take(struct lines *lines, size_t *size)
{
	char *line, *end;

	if (lines->searched == lines->end)
		return NULL;
	end = memchr(lines->data + lines->searched, '\n', lines->end - lines->searched);
	if (!end) {
		lines->searched = lines->end;
		return NULL;
	}
	line = lines->data + lines->start;
	lines->start = lines->searched = (size_t)(end - lines->data) + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	*size = (size_t)(end - line);
	return line;
}
