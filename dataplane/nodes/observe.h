/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * observe: copies of packets for captures, notes for traces. The nodes call in here at each
 * station; what they ask first is one word that graph_walk() read (observing), so nobody pays for
 * it while nobody looks.
 *
 *   worker                                    │ others
 *     rx, relay, tx, …  ──▶ pending copies    │
 *     end of the walk   ──▶ ring of copies ───┼─▶ the thread that writes files (main/capture.c)
 *     each station      ──▶ ring of records ──┼─▶ the manager, for the operator's trace
 *
 * A copy waits until the end of its walk, so that what drops the packet can say why on it: a
 * packet is in a capture once as it came and once as it left. A ring that is full, or no buffer,
 * is a copy less, counted in observe_lost and for its capture: the packet itself goes on.
 *
 * What is known of a packet travels with it in a dynamic field of its buffer (struct observe_mark),
 * which is valid where a dynamic flag says so.
 */
#ifndef DATAPLANE_NODES_OBSERVE_H
#define DATAPLANE_NODES_OBSERVE_H

#include <stdatomic.h>

#include <rte_mbuf_dyn.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/api/operator.h"
#include "dataplane/nodes/graph.h"

/* Where a packet is seen. */
enum observe_station {
	OBSERVE_RX,    /* as it came, at its port */
	OBSERVE_RELAY, /* its flow is known, not yet rewritten */
	OBSERVE_TX,    /* as it leaves, at its port */
	OBSERVE_PUNT,
	OBSERVE_GIVE,
	OBSERVE_END,  /* RTCP that was meant for us */
	OBSERVE_DROP, /* hash.usr: the reason */
	OBSERVE_STATIONS,
};

/* The bit of a flow's observers that is the trace's; the captures have those below. */
#define OBSERVE_TRACE_WATCH DP_CAPTURES_MAX

#define OBSERVE_STATIONS_MAX 16u   /* records of a packet */
#define OBSERVE_COPIES_RING  2048u /* of a worker, elements: mbufs */
#define OBSERVE_RECORDS_RING 4096u /* of a worker, elements: struct dp_trace_record */

/* Which packets; port by DPDK's id. */
struct observe_capture {
	uint32_t id;          /* 0: no capture in this place */
	uint32_t snap_length; /* UINT32_MAX: all */
	uint64_t label;       /* 0: any; else flows have the bit of this place */
	uint16_t port;        /* DP_PORT_ANY: any */
};

struct observe_trace {
	uint32_t id; /* 0: none */
	uint32_t packets;
	uint64_t label;
	uint16_t port;
};

/* What is looked for. Read-only, replaced as a whole under RCU. */
struct observe_plan {
	struct rcu_head rcu;
	struct rte_mempool *pool; /* of the copies, with a struct observe_copy in front of each */
	/* All packets count; else only those of flows that are FLOW_OBSERVED, and the others pass
	 * without a mark. */
	bool any_call;
	struct observe_capture captures[DP_CAPTURES_MAX];
	struct observe_trace trace;
};

/* Between the workers and those who collect. */
struct observe {
	const struct observe_plan *_Atomic plan; /* NULL: nobody looks */
	_Atomic uint32_t traced;                 /* packets of the trace that got a number */
	_Atomic uint64_t lost[DP_CAPTURES_MAX];
	struct rte_ring *copies[DP_WORKERS_MAX];  /* single producer, single consumer */
	struct rte_ring *records[DP_WORKERS_MAX]; /* likewise */
};

/* In the private area of a copy's buffer. */
struct observe_copy {
	uint32_t capture;  /* id */
	uint16_t previous; /* 1 + index of the packet's copy before, in the same walk; 0: none */
	uint8_t place;
	uint8_t drop; /* 1 + enum dp_drop_reason; 0: not dropped, as far as is known */
};

/* Travels with a packet while somebody looks. */
struct observe_mark {
	uint64_t rx_tsc;    /* 0: it was not seen at rx */
	uint32_t walk;      /* that `copies` is of */
	uint16_t copies;    /* 1 + index of its latest pending copy; 0: none */
	uint16_t packet;    /* its number in the trace, 0: none */
	uint16_t observers; /* of its flow, from relay on */
	uint8_t trace;      /* low bits of the id of the trace that `packet` is of */
	uint8_t stations;   /* records that it has */
	uint8_t rx_port;
	uint8_t sent; /* it was at tx */
	uint8_t reserved[2];
};
static_assert(sizeof(struct observe_mark) == 24, "room in a buffer is scarce");

/* Set once, by observe_init(); 0 before. Who clears ol_flags on the way keeps this one. */
extern uint64_t observe_mark_flag;

/* Takes room in all buffers. Before the workers start. 0 or -errno. */
int observe_init(void);

/* Only for what observe_packets() calls. */
void observe_burst(struct graph_context *c, enum observe_station station, void **packets,
		   uint16_t count, const struct flow *const *flows);

/* flows: of the packets, at OBSERVE_RELAY; else NULL. */
static inline void observe_packets(struct graph_context *c, enum observe_station station,
				   void **packets, uint16_t count, const struct flow *const *flows)
{
	if (unlikely(c->observing != NULL))
		observe_burst(c, station, packets, count, flows);
}

/* A piece of a packet is of its call. Of its trace the first one is. */
void observe_piece(const struct graph_context *c, const struct rte_mbuf *whole,
		   struct rte_mbuf *piece, bool first);

/* Packets that a node could not pass on, and frees now. */
void observe_dropped(struct graph_context *c, void **packets, uint16_t count,
		     enum dp_drop_reason reason);

/* The walk is over: its copies go to their ring. */
void observe_walk_end(struct graph_context *c);

#endif
