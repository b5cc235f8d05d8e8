/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RTCP of our own, for the terminations whose RTCP ends here (DP_TERMINATION_RTCP_OWN): a compound
 * packet each 2 to 6 seconds, and a BYE when one ends. What they say is read from the counters;
 * the buffers go to the worker of the way out by its inject ring.
 *
 *   due[]  one time per termination, the only thing that a round over all of them reads
 *     └─▶ reporters[]  what was said last, and as whom
 *
 * Manager thread only.
 */
#ifndef DATAPLANE_MAIN_REPORTS_H
#define DATAPLANE_MAIN_REPORTS_H

#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/flow/flow.h"

#define REPORT_INTERVAL_MS 5000u /* RFC 3550 §6.2, before it is made random */

struct reports;

struct reports_config {
	struct flow_table *flows; /* outlives the reports */
	uint32_t terminations_max;
	struct rte_mempool *pool;
	struct rte_ring *inject[DP_PORTS_MAX]; /* by port id, multi-producer */
};

/* 0 or -ENOMEM. Terminations that begin from now on are reported to. */
int reports_create(const struct reports_config *config, struct reports **reports);
void reports_destroy(struct reports *reports);

/* Each few milliseconds. now_ms: clock_ms. */
void reports_tick(struct reports *reports, uint64_t now_ms);

#endif
