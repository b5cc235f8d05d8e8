/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet on its way through relay: what its checks, its counting and its rewrite share. */
#ifndef DATAPLANE_NODES_PASSAGE_H
#define DATAPLANE_NODES_PASSAGE_H

#include <rte_udp.h>

#include "dataplane/nodes/graph.h"

struct passage {
	struct graph_context *context;
	struct rte_mbuf *m;
	const struct flow *flow;
	struct dp_termination_counters *counters;
	const uint8_t *ip; /* its headers as it came; gone when it is rewritten */
	const struct rte_udp_hdr *udp;
	const uint8_t *payload;
	uint16_t size; /* of the payload */
	uint8_t ttl;   /* or hop limit */
	bool v6, rtcp;
};

/* Posts a notice about the flow; false if the ring is full. */
bool passage_notice(const struct passage *p, enum flow_notice_kind kind, bool rtcp);

#endif
