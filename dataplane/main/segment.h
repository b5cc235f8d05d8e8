/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that clients map: the statistics area (read-only for them) and the channel area
 * (read-write). Both are anonymous files that can neither shrink nor grow, so a client cannot take
 * pages away from under the dataplane.
 *
 * The statistics area, which workers write to, lies on hugepages where there are enough; its file
 * takes no new writers once it is made. The channel area never does: a client may write to it, so
 * it could punch holes, and a hugepage that is missing is a bus error where an ordinary page is
 * only made anew.
 */
#ifndef DATAPLANE_MAIN_SEGMENT_H
#define DATAPLANE_MAIN_SEGMENT_H

#include <stddef.h>

#include "dataplane/api/commands.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/segment.h"

struct segment_config {
	uint32_t ports, workers, nodes, pools, realms;
	uint32_t terminations_max; /* and contexts_max */
	uint64_t tsc_hz;
	bool hugepages; /* use them if they are there */
};

struct segment {
	uint64_t boot_id;
	bool hugepages;

	int statistics_fd; /* read-only, to hand out */
	size_t statistics_size;
	struct dp_stats_header *stats;
	struct dp_port_stats *ports;
	struct dp_worker_stats *workers;
	struct dp_node_stats *nodes; /* [workers][DP_NODES_MAX] */
	struct dp_pool_stats *pools;
	struct dp_realm_stats *realms;
	struct dp_context_record *contexts;
	struct dp_termination_record *terminations;
	struct dp_termination_counters *counters;

	int channel_fd;
	size_t channel_size;
	void *channel_area;
	struct dp_channel *channels; /* [DP_CHANNELS_MAX] */
};

/* Manager thread. 0 or -errno. Needs no EAL. */
int segment_create(const struct segment_config *config, struct segment *segment);
void segment_destroy(struct segment *segment);

/* Where the rings of a channel lie: the dataplane never reads the offsets back. */
void *segment_command_ring(const struct segment *segment, unsigned channel);
void *segment_event_ring(const struct segment *segment, unsigned channel);

#endif
