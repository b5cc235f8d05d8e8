/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record of a call in the store: a line of fields, in the order in which they are written and
 * read, each followed by a TAB. Nothing is allocated and nothing searched for, because a restart
 * reads a hundred thousand of them while phones wait.
 *
 * In texts TAB, LF and the backslash are written \t, \n and \\. An address is "ip:port", "-" if
 * there is none. Who writes a field more, or other ones, raises RECORD_VERSION.
 */
#ifndef CONTROLPLANE_SESSION_RECORD_H
#define CONTROLPLANE_SESSION_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/api/types.h"

#define RECORD_VERSION 5u /* 1 was JSON, 2 knew three codecs, 3 no transfers, 4 no forwarding */
#define RECORD_MAX     65536u

struct record_writer {
	char *p, *end;
	bool overflow;
};
void record_begin(struct record_writer *w, char *buffer, size_t size);
void record_put_text(struct record_writer *w, const char *text);
void record_put_number(struct record_writer *w, uint64_t number);
void record_put_address(struct record_writer *w, const struct dp_address *address);

struct record_reader {
	const char *next;
	bool broken; /* a field was missing or no such thing: what was read since is worth nothing */
};
void record_open(struct record_reader *r, const char *text);
/* Into the buffer, which it returns; "" if the record is broken. */
const char *record_text(struct record_reader *r, char *buffer, size_t size);
uint64_t record_number(struct record_reader *r, uint64_t max);
void record_address(struct record_reader *r, struct dp_address *address);

#endif
