/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that we program into the dataplane ourselves, media only, and what it counted of them.
 * Main thread. Errors are told on standard error.
 */
#ifndef PKTGEN_TESTS_RTPGEN_PROGRAM_H
#define PKTGEN_TESTS_RTPGEN_PROGRAM_H

#include <stdbool.h>

#include "pktgen_tests/rtpgen/options.h"
#include "pktgen_tests/rtpgen/stream.h"

struct program;

/* Attaches to the dataplane of a run directory. 0 or -errno. */
int program_open(const char *run_dir, struct program **program);
/* Sets up streams / 2 calls and makes the streams of them. mac: ours. */
int program_add_calls(struct program *p, const struct options *o, struct streams *streams,
		      const uint8_t mac[6]);
/* Removes them again. */
int program_remove_calls(struct program *p);
void program_close(struct program *p);

/* The dataplane is there still; takes its events off. */
bool program_is_alive(struct program *p);

/* Sums over all streams in a run. */
struct program_counts {
	uint64_t packets, lost, duplicate, reordered, late;
	uint64_t dropped;       /* not taken, or taken and not sent on */
	uint64_t disagree;      /* streams whose counts are not those of the wire */
	uint64_t lost_way_back; /* sent on by the dataplane, and never received */
	bool agree;
	bool late_compared;
};

/* What the dataplane counts from now on. While nothing is under way. */
void program_mark(struct program *p);
/*
 * Since the mark, against what was put on the wire. Of each stream must agree: packets taken
 * (with those that were not, because their source had not proved itself: all that were sent),
 * lost, duplicate, reordered; and packets sent on must be those received, unless some were lost on
 * the way back, which is not for the dataplane to know. Late is compared where it is known to be
 * none (none_late): the dataplane holds packets to the clock of their time stamps, which only
 * --ptime 20 keeps, and on a machine that others use not even that.
 */
void program_compare(struct program *p, const struct streams *streams, bool none_late,
		     struct program_counts *counts);

#endif
