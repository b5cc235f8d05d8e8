/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of a stream cut into lines, within a limit. What comes is never trusted: a line that is
 * too long is an error once, and nothing of the stream is read after it.
 */
#ifndef CONTROLPLANE_API_LINES_H
#define CONTROLPLANE_API_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* data: | taken | waiting … searched … | room | */
struct lines {
	char *data;
	size_t size, limit;
	size_t start;    /* what stands before it was taken */
	size_t end;      /* of what waits */
	size_t searched; /* no line end between start and here */
};

void lines_init(struct lines *lines, size_t limit);
void lines_free(struct lines *lines);
/* Forgets what waits. */
void lines_clear(struct lines *lines);

/* Room for what will be read: at least one byte, at most what the limit leaves. NULL: -ENOMEM, or
 * the line is longer than the limit. */
char *lines_room(struct lines *lines, size_t *size);
/* So many bytes were put there. */
void lines_filled(struct lines *lines, size_t n);

/* Takes the next whole line, without CR and LF, NUL-terminated; valid until the next lines_room().
 * NULL: there is none. size: its bytes, NULs of the sender included. */
char *lines_take(struct lines *lines, size_t *size);

#endif
