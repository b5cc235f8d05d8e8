/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs: neighbours are found, paths are warmed up, packets flow, the last ones come home. Main. */
#ifndef PKTGEN_TESTS_RTPGEN_RUN_H
#define PKTGEN_TESTS_RTPGEN_RUN_H

#include "pktgen_tests/rtpgen/generator.h"
#include "pktgen_tests/rtpgen/options.h"
#include "pktgen_tests/rtpgen/program.h"

struct run_direction {
	const char *name;
	uint64_t sent, received;             /* packets, duplicates included */
	uint64_t lost;                       /* different packets that were sent and did not come */
	uint64_t duplicate, reordered, late; /* as the receiver saw them */
	struct histogram latency;            /* ticks */
};

struct run_result {
	uint32_t streams;
	unsigned directions;
	double duration_s;  /* of sending, with the last round after impairments */
	double offered_pps; /* 0: unpaced */
	double tx_pps, rx_pps;
	uint64_t unexpected, unknown, misdirected, altered, rtcp;
	uint64_t tx_full, given_up, no_buffer;
	uint64_t warm_up; /* packets sent before, which are in no other count */
	struct {
		uint64_t lost, duplicated, held, delayed;
		uint64_t reordered; /* that left behind a later one: what a receiver can see */
	} impaired;
	struct run_direction total, direction[DIRECTIONS_MAX];
	uint64_t tsc_hz;
	bool interrupted;
	bool compared;
	struct program_counts dataplane;
};

/* Set by SIGINT: what goes on comes to its end, and is reported. */
extern bool run_interrupted;

/* MACs of all neighbours, by ARP and ND. -ETIMEDOUT, told on standard error. */
int run_resolve(struct generator *g);
/*
 * Sends packets, which count for nothing, until each path works: one stream for each phone, or,
 * with `all`, each stream (a source that has to be learned). A relay may first have to resolve
 * the phones.
 */
int run_warm_up(struct generator *g, bool all);
/* One run; pps 0: unpaced. program (or NULL) has its counters compared with `compare`. */
int run_once(struct generator *g, double pps, double duration_s, bool quiet,
	     struct program *program, bool compare, struct run_result *result);

#endif
