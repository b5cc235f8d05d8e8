/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows, terminations and contexts.
 *
 * A termination is one RTP endpoint with a local RTP/RTCP port pair; a context is the
 * terminations that are connected, with a topology between each two of them. A flow is what the
 * workers see of a termination: everything they need to rewrite a packet that arrives on its
 * ports, compiled by the manager.
 *
 *   (local address index, UDP port / 2)
 *        │
 *   slots[]  ──▶ struct flow (1 + 2 lines, read-only, replaced as a whole under RCU)
 *                    │ termination index
 *                    └─▶ struct dp_termination_counters (1 + 3 lines in the statistics area,
 *                        written by the worker that owns the flow)
 *
 * An RTP packet touches the first line of each; the others are for RTCP and rare events.
 * A termination's index is used again only when no worker can still hold a flow of it: its
 * counters then have no other writer.
 *
 * Threads: all functions here belong to the manager thread, except flow_lookup(), which belongs
 * to the workers between two quiescent states.
 */
#ifndef DATAPLANE_FLOW_FLOW_H
#define DATAPLANE_FLOW_FLOW_H

#include <stdatomic.h>
#include <stddef.h>

#include "dataplane/api/commands.h"
#include "dataplane/api/counters.h"

struct nexthop; /* dataplane/kernel/nexthop.h */

enum flow_flags {
	FLOW_IPV6 = 1u << 0,       /* family of the way out */
	FLOW_TAKE = 1u << 1,       /* media is taken from this side (direction) */
	FLOW_HAS_PEER = 1u << 2,   /* the topology sends it to somebody */
	FLOW_PEER_SENDS = 1u << 3, /* that somebody may be sent to (direction) */
	FLOW_LEARN = 1u << 4,      /* not DP_SOURCE_STRICT */
	FLOW_RTCP_MUX = 1u << 5,   /* on this side */
	FLOW_PEER_RTCP_MUX = 1u << 6,
	FLOW_RTCP_OWN = 1u << 7,      /* RTCP from this side ends here */
	FLOW_PEER_RTCP_OWN = 1u << 8, /* RTCP for the other side ends here: it gets our own */
	FLOW_OBSERVED = 1u << 9,      /* a capture or trace wants its packets */
	FLOW_HOST = 1u << 10,         /* DP_SOURCE_HOST: with FLOW_LEARN */
};

/*
 * One direction of a relay: what arrives for the termination leaves with source `local` and
 * destination `remote` of its peer. Addresses and ports in network order.
 */
struct flow {
	uint32_t termination;      /* index: counters and latch */
	uint32_t clock_scale;      /* units of the RTP clock in a µs, times 2^32 */
	uint32_t packet_period_us; /* shortest mean distance of RTP packets; 0: no limit */
	uint16_t flags;            /* FLOW_* */
	uint8_t telephone_event; /* payload type, 255: none; its time stamps say nothing of jitter */
	uint8_t dscp;            /* of what is sent, 0..63 */
	uint16_t source_port;    /* RTP; RTCP is the next */
	uint16_t destination_port;
	uint8_t worker;      /* owner of the counters */
	uint8_t latch_epoch; /* differs from the worker's: the latch starts anew */
	uint16_t header_sum; /* flow_header_sum() of what is sent to destination */
	uint8_t source[16];
	uint8_t destination[16];
	const struct nexthop *nexthop; /* NULL: the remote address is not known */
	/* Second line, for RTCP and the first packet of a latch_epoch. expected: of the signalling,
	 * as bytes comparable; all that is taken when not FLOW_LEARN. */
	struct dp_address expected, expected_rtcp; /* 40 bytes */
	uint8_t destination_rtcp[16];
	const struct nexthop *nexthop_rtcp; /* NULL: not known */
	uint32_t generation;                /* of the termination */
	uint16_t destination_rtcp_port;
	uint16_t observers; /* bit per watch that wants its packets (FLOW_OBSERVED) */
	uint32_t peer;      /* termination that it is sent to, for its counters; FLOW_NO_PEER */
	uint32_t armed_ms;  /* clock_ms, low bits: silence before it was asked for */
};                          /* begins on a cache line */
static_assert(offsetof(struct flow, expected) == 64, "what each packet needs is one line");
static_assert(offsetof(struct flow, generation) < 192, "RTCP and rare events: two more");

#define FLOW_NO_PEER UINT32_MAX

/* Rounded up, so that whole milliseconds are whole units. Hz. */
static inline uint32_t flow_clock_scale(uint32_t clock_rate)
{
	return (uint32_t)((((uint64_t)clock_rate << 32) + 999999) / 1000000);
}

/*
 * The one's complement sum (RFC 1071), not inverted, of what is the same in the headers of all
 * packets to one destination, as words in memory order. IPv4: the header without total length,
 * TTL and checksum, flags DF. IPv6: the pseudo-header without the length (RFC 8200 §8.1).
 */
uint16_t flow_header_sum(bool ipv6, uint8_t dscp, const uint8_t source[16],
			 const uint8_t destination[16]);

#define FLOW_SLOTS_PER_ADDRESS 32768u /* UDP port / 2 */

struct flow_table;

/* A network that media is exchanged with, by configuration. */
struct flow_realm {
	int ifindex; /* kernel interface that routes of this realm go out of; 0: any */
	uint16_t vlan, outer_vlan; /* tags that its media arrives with; 0: none */
	uint8_t dscp;
	uint8_t port; /* DPDK's id of the one that its media arrives by; FLOW_PORT_ANY */
};
#define FLOW_PORT_ANY UINT8_MAX

/* One media address with its range of RTP ports (even first, odd last), by configuration. */
struct flow_pool {
	struct dp_address address;
	uint16_t port_first, port_last;
	uint8_t realm; /* index */
};

/* What is too bad in an interval, units as in struct dp_ev_quality; 0: not watched. */
struct flow_thresholds {
	uint32_t interval_ms; /* 0: nothing is judged */
	uint32_t limit[DP_QUALITY_METRICS];
};

struct flow_table_config {
	const struct flow_pool *pools;
	unsigned pool_count; /* 1..DP_POOLS_MAX */
	const struct flow_realm *realms;
	unsigned realm_count;      /* 1..DP_REALMS_MAX */
	uint32_t terminations_max; /* contexts_max is the same */
	unsigned workers;
	/* memory in the statistics area, zeroed, of terminations_max (contexts), pool_count entries */
	struct dp_context_record *contexts;
	struct dp_termination_record *terminations;
	struct dp_termination_counters *counters;
	struct dp_pool_stats *pool_stats;
	struct dp_realm_stats *realm_stats; /* of realm_count */
	struct flow_thresholds thresholds;
	/* finds the way to an address, out of an interface (0: any); never fails, may be unresolved
	 * yet (dataplane/kernel) */
	const struct nexthop *(*resolve)(void *arg, const struct dp_address *remote, int ifindex);
	void *resolve_arg;
};

int flow_table_create(const struct flow_table_config *config, struct flow_table **table);
void flow_table_destroy(struct flow_table *table);

/* Index of a local media address, for classify: -1 if it is none. ip in network order. */
int flow_pool_find(const struct flow_table *table, uint8_t family, const void *ip);

/* The commands; errors as in dataplane/api/commands.h. owner: channel. */
int flow_context_add(struct flow_table *t, uint32_t owner, uint64_t label, dp_handle_t *context);
int flow_context_claim(struct flow_table *t, uint32_t owner, dp_handle_t context);
int flow_context_remove(struct flow_table *t, dp_handle_t context);
int flow_termination_add(struct flow_table *t, const struct dp_cmd_termination_add *add,
			 dp_handle_t *termination, struct dp_address *local);
int flow_termination_modify(struct flow_table *t, const struct dp_cmd_termination_modify *modify);
int flow_termination_remove(struct flow_table *t, dp_handle_t termination);
int flow_topology_set(struct flow_table *t, const struct dp_cmd_topology *topology);

/*
 * The client of a channel is gone: its contexts live on, claimed by nobody. What events are for is
 * right at once; the records follow within the next sweeps, or before another client is let in
 * (flow_owner_comes()). owner: below DP_CHANNELS_MAX.
 */
void flow_owner_gone(struct flow_table *t, uint32_t owner);
void flow_owner_comes(struct flow_table *t);

/*
 * Looks at some contexts from where the last call stopped and removes those that nobody claims
 * and that have taken no packet for grace_ms (0: they stay), counted from the later of both; and
 * those that were given up by hand. budget: contexts to look at; a removal counts for many.
 * Returns how many it removed. now_ms: clock_ms.
 */
uint32_t flow_sweep(struct flow_table *t, uint64_t now_ms, uint64_t grace_ms, uint32_t budget);

/*
 * Gives up contexts by hand: one, or with the zero handle all, that nobody has claimed and that
 * have been silent for min_age_ms. Media of the last 2 s protects in any case. force: neither
 * silence nor media counts. Some are removed at once, the others in the next sweeps, unless they
 * are claimed before. count: how many. -ESTALE; -EPERM: a live client claims it; -EBUSY: it is
 * this one that has media.
 */
int flow_reclaim_unclaimed(struct flow_table *t, dp_handle_t context, uint32_t min_age_ms,
			   bool force, uint32_t *count);
uint32_t flow_unclaimed_count(const struct flow_table *t); /* contexts */
uint64_t flow_reclaimed_count(const struct flow_table *t); /* contexts, by sweep or by hand */
uint32_t flow_context_count(const struct flow_table *t);
uint32_t flow_termination_count(const struct flow_table *t);

/* What a worker tells the manager, by ring. A notice that finds the ring full is lost. */
enum flow_notice_kind {
	FLOW_NOTICE_LATCHED, /* a source proved itself and is locked */
	FLOW_NOTICE_FOREIGN, /* packets of somebody else: the first, then each power of two */
	FLOW_NOTICE_LOOP, /* media whose TTL is used up: the first, then each power of two drops */
};

struct flow_notice {
	uint32_t termination;
	uint32_t generation;
	uint8_t kind; /* enum flow_notice_kind */
	uint8_t rtcp; /* LATCHED: the RTCP source, else the RTP source */
	uint8_t latch_epoch;
	uint8_t reserved;
	struct dp_address source; /* of the packet */
};

/*
 * FLOW_NOTICE_LATCHED: aims what is sent to that termination at the source.
 * False if the notice is about a termination that is no more, or older than what signalling said.
 */
bool flow_latched(struct flow_table *t, const struct flow_notice *notice, uint32_t *owner,
		  struct dp_ev_latched *event);

/*
 * Watch `watch` (0..FLOW_WATCHES - 1) looks at the packets of the contexts with this label from now
 * on, and of the terminations that they get later; label 0: at none. Flows say so in `observers`.
 * Where there are many contexts, some of them are looked at in flow_observe_some() only: budget
 * contexts at a time, each few milliseconds.
 */
#define FLOW_WATCHES 16u
void flow_observe(struct flow_table *t, unsigned watch, uint64_t label);
void flow_observe_some(struct flow_table *t, uint32_t budget);

/* Routes changed: all flows are to be resolved again, from the next flow_resolve_some() on. */
void flow_resolve_all(struct flow_table *t);
/* Resolves again up to `budget` contexts, and mends what could not be told to the workers because
 * memory was out. Returns how many are left. */
uint32_t flow_resolve_some(struct flow_table *t, uint32_t budget);

/*
 * Workers. busy: the share of the last second in which it had packets, of 1000. One that is away
 * owns flows still, until flow_move_some() has given them to others; while all are away nothing
 * moves. Returns how many contexts are left to look at.
 */
void flow_worker_busy(struct flow_table *t, uint32_t worker, uint32_t permille);
void flow_worker_away(struct flow_table *t, uint32_t worker, bool away);
uint32_t flow_worker_flows(const struct flow_table *t, uint32_t worker);
uint32_t flow_move_some(struct flow_table *t, uint32_t budget);

/* Bytes: of flows, those that wait for their grace period and free ones included; of the tables,
 * with the records and counters in the statistics area. */
uint64_t flow_memory(const struct flow_table *t);
uint64_t flow_table_memory(const struct flow_table *t);

/* Where events go. owner: the channel that claims the context, or DP_NOBODY. */
struct flow_reports {
	void (*event)(void *arg, uint32_t owner, struct dp_event *event);
	void *arg;
};

/* A worker's notice: what it changes is changed, and events are sent. */
void flow_notice(struct flow_table *t, const struct flow_notice *notice,
		 const struct flow_reports *to);

/*
 * Looks at up to `budget` terminations from where the last call stopped, and reports those that
 * have been silent for their media_timeout_ms, and those that speak again. now_ms: clock_ms.
 */
void flow_check_timeouts(struct flow_table *t, uint64_t now_ms, uint32_t budget,
			 const struct flow_reports *to);

/*
 * Judges those terminations whose turn it is: each once in an interval, evenly spread over it, so
 * it is to be called each few milliseconds. Fills interval_* and alarms in their records, reports
 * thresholds that are crossed (once; and again when two intervals in a row were good), media that
 * goes in a circle, and strangers that flow_notice() had to keep back. now_ms: clock_ms.
 */
void flow_check_quality(struct flow_table *t, uint64_t now_ms, const struct flow_reports *to);

/*
 * RTCP of our own, for the terminations that are DP_TERMINATION_RTCP_OWN. turns is called when one
 * begins or ends to be; when it ends it is still what it was, so that it can be said good-bye to.
 */
void flow_on_own_rtcp(struct flow_table *t,
		      void (*turns)(void *arg, uint32_t termination, bool begins), void *arg);

/* Who gets it, and what it is about. */
struct flow_rtcp_end {
	const struct dp_termination_record *record;
	struct dp_termination_counters *counters;   /* own_* are the caller's to write */
	const struct dp_termination_counters *sent; /* of whose media is sent to it; NULL: none */
	/* How RTCP leaves for it, as for that which is relayed; clock_scale is that of `sent`. */
	const struct flow *way;
};

/* False: it has no RTCP of our own. room: for a way that no flow has, until the next call. */
bool flow_own_rtcp(struct flow_table *t, uint32_t termination, struct flow *room,
		   struct flow_rtcp_end *end);

/* Frees what was retired at least one grace period ago. Never waits. */
void flow_reclaim(struct flow_table *t);

/* Workers. slot = pool index * FLOW_SLOTS_PER_ADDRESS + UDP port / 2. */
struct flow_lookup {
	const struct flow *_Atomic *slots;
	struct dp_termination_counters *counters;
	const struct flow_pool *pools;
	unsigned pool_count;
	const struct flow_realm *realms;
};
const struct flow_lookup *flow_table_lookup(const struct flow_table *table);

static inline const struct flow *flow_lookup(const struct flow_lookup *l, uint32_t slot)
{
	return atomic_load_explicit(&l->slots[slot], memory_order_acquire);
}

#endif
