/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of rtpgen. */
#ifndef PKTGEN_TESTS_RTPGEN_OPTIONS_H
#define PKTGEN_TESTS_RTPGEN_OPTIONS_H

#include "pktgen_tests/rtpgen/address.h"
#include "pktgen_tests/rtpgen/impair.h"
#include "pktgen_tests/rtpgen/neighbour.h"

#define OPTIONS_CORES_MAX 3u

enum options_source {
	SOURCE_NONE,
	SOURCE_DATAPLANE, /* calls programmed by ourselves */
	SOURCE_TARGET,    /* something that sends all back */
	SOURCE_CALLS,     /* calls that somebody else has set up */
};

struct options {
	const char *port;
	unsigned core[OPTIONS_CORES_MAX]; /* main, then workers */
	unsigned cores;                   /* 0: not pinned */
	bool hugepages;
	unsigned memory_mb;
	const char *file_prefix;

	struct address_range address[NEIGHBOUR_RANGES]; /* of side a, of side b */
	unsigned addresses;
	uint8_t gateway_mac[6];
	bool gateway_known;

	uint32_t streams;
	enum options_source source;
	const char *run_dir;
	uint8_t realm_a, realm_b;
	uint8_t source_rule; /* enum dp_source_rule */
	struct dp_address target;
	uint16_t target_port_last;
	const char *calls_file;

	double ptime_ms;
	double rate; /* packets a second of all streams; 0: as ptime says */
	bool rate_max;
	double duration_s;
	unsigned payload, payload_type;
	bool random_order;
	struct impair_plan plan;

	bool search;
	double trial_s, resolution_percent, max_rate, loss_tolerance_percent;
	bool latency_points;
	unsigned retries;

	const char *json; /* path, "-": standard output, NULL: none */
	bool quiet;
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

enum options_result options_parse(int argc, char **argv, struct options *o, char *why,
				  size_t why_size);
const char *options_help(void);

#endif
