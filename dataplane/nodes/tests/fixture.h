/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's graph with one port, for tests that put packets in and look at what comes out. The
 * port is a net_ring, which gives back what is sent to it.
 */
#ifndef DATAPLANE_NODES_TESTS_FIXTURE_H
#define DATAPLANE_NODES_TESTS_FIXTURE_H

#include <rte_mbuf.h>

#include "dataplane/kernel/nexthop.h"
#include "dataplane/nodes/observe.h"

#define TERMINATIONS 8u

extern struct nexthop hop;      /* of all remote addresses */
extern struct flow_realm realm; /* of all media addresses; to be changed before set-up */
extern struct dp_stats_header header;
extern struct rte_mempool *pool, *datagrams;
extern struct rte_ring *punt, *inject, *notices;
extern struct rte_ring *handover[2];
extern struct flow_table *table;
extern struct graph *graph, *other_graph; /* of worker 0, of worker 1 if there is one */
extern struct dp_worker_stats stats;      /* of worker 0 */
extern struct observe observe;            /* of both; nobody looks unless a test does */
extern struct dp_termination_record records[TERMINATIONS];
extern struct dp_termination_counters *counters;

/* Of the call that is made with add_termination() or a_call(). */
extern dp_handle_t side[2];
extern struct dp_address local[2];

extern const uint8_t rtp[172], rtcp[28];

/* Media addresses are 198.18.0.20 and 2001:2::20, ports 20000 to 20007. */
void set_up_workers(unsigned workers);
/* Fails if a packet was leaked. */
void tear_down(void);

struct dp_address ipv4(uint8_t last, uint16_t port); /* 198.18.0.last */
struct dp_address ipv6(uint8_t last, uint16_t port); /* 2001:2::last */

void add_termination(dp_handle_t context, unsigned i, struct dp_address remote,
		     enum dp_source_rule rule);
/* A call between 198.18.0.101:4000 and 198.18.0.102:4000. */
dp_handle_t a_call(enum dp_source_rule rule);

struct rte_mbuf *udp_packet(struct dp_address from, struct dp_address to, const void *data,
			    uint16_t size);
/* Puts a packet in (NULL: none) and walks; returns what left by the port, or NULL. */
struct rte_mbuf *walk(struct rte_mbuf *m);
struct rte_mbuf *send_rtp(struct dp_address from, unsigned to);
/* As send_rtp() with this sequence number; -1: nothing left the graph, else the drop reason that
 * was counted. What leaves is freed. */
int send_sequence(struct dp_address from, unsigned to, uint16_t sequence);
#define SENT_ON (-1)
/* The only reason counted in a walk with this packet, or SENT_ON. What leaves is freed. */
int outcome_of(struct rte_mbuf *m);

#endif
