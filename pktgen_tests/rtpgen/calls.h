/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that somebody else has made room for: calls in a file, or a target that reflects. */
#ifndef PKTGEN_TESTS_RTPGEN_CALLS_H
#define PKTGEN_TESTS_RTPGEN_CALLS_H

#include "pktgen_tests/rtpgen/options.h"
#include "pktgen_tests/rtpgen/stream.h"

/* A_LOCAL is where A sends to, A_REMOTE is A's own address. */
struct call_line {
	struct stream_end a, b;
};

/* "A_LOCAL A_REMOTE B_LOCAL B_REMOTE", each IP:PORT. 0, or -EINVAL. */
int calls_parse_line(const char *line, struct call_line *call);

/* How many streams a file holds; empty lines and such with # at the beginning do not count.
 * 0: told on standard error. */
uint32_t calls_count(const char *path);
int calls_make_streams(const char *path, struct streams *streams, const uint8_t mac[6]);

int target_make_streams(const struct options *o, struct streams *streams, const uint8_t mac[6]);

#endif
