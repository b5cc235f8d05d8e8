/* SPDX-License-Identifier: BSD-3-Clause */
/* Results, for people and as JSON. */
#ifndef PKTGEN_TESTS_RTPGEN_REPORT_H
#define PKTGEN_TESTS_RTPGEN_REPORT_H

#include <stdio.h>

#include "pktgen_tests/rtpgen/search.h"

/* A table on `out`. search: NULL if there was none. */
void report_table(FILE *out, const struct run_result *r, const struct search_result *search);
void report_json(FILE *out, const struct run_result *r, const struct search_result *search);

#endif
