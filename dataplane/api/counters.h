/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The statistics area: what the dataplane counts and what it holds, for anybody to read.
 *
 * Mapped read-only by clients. Each record has one writer, named beside it. Writers use relaxed
 * stores, readers relaxed loads: 64-bit values are never torn, records may be a packet apart.
 * Directory records (contexts, terminations) are rewritten by the manager under a sequence count:
 * read version, copy, read version again; odd or changed means try again (dp_record_read below).
 *
 * Layout: struct dp_stats_header, then sections at the offsets that it holds. Arrays are indexed
 * by port, worker, or handle index.
 */
#ifndef DATAPLANE_API_COUNTERS_H
#define DATAPLANE_API_COUNTERS_H

#include <string.h>

#include "dataplane/api/types.h"

#define DP_PORTS_MAX   16u
#define DP_WORKERS_MAX 32u
#define DP_NODES_MAX   32u
#define DP_POOLS_MAX   64u /* media addresses */

/* Why a packet was not forwarded: id, name in the CLI, what it means. */
#define DP_DROPS(X)                                                                           \
	X(NO_BUFFER, "no-buffer", "no packet buffer was free")                                \
	X(MALFORMED_L2, "malformed-l2", "Ethernet frame too short or of unknown shape")       \
	X(MALFORMED_IP, "malformed-ip", "IP header broken, truncated, or TTL 0")              \
	X(MALFORMED_UDP, "malformed-udp", "UDP length does not fit the packet")               \
	X(FRAGMENT, "fragment", "IP fragment for a media address")                            \
	X(NO_FLOW, "no-flow", "media port that belongs to no call")                           \
	X(NOT_RTP, "not-rtp", "neither RTP nor RTCP (RFC 7983, RFC 3550 A.1)")                \
	X(BAD_RTCP, "bad-rtcp", "RTCP that fails the checks of RFC 3550 A.2")                 \
	X(FOREIGN_SOURCE, "foreign-source", "not from the source this call takes media from") \
	X(DIRECTION, "direction", "held or one-way: nothing is taken from this side")         \
	X(NO_PEER, "no-peer", "the context has no other termination to send to")              \
	X(PEER_DIRECTION, "peer-direction", "held or one-way: the other side is not sent to") \
	X(NO_REMOTE, "no-remote", "the other side's address is not known yet")                \
	X(NO_NEIGHBOUR, "no-neighbour", "next hop has no link-layer address yet")             \
	X(PUNT_FULL, "punt-full", "ring towards the kernel is full")                          \
	X(INJECT, "inject", "packet from the kernel could not be sent")                       \
	X(TX_FULL, "tx-full", "transmit queue of the port is full")                           \
	X(HANDOVER_FULL, "handover-full", "ring to the worker that owns the flow is full")

enum dp_drop_reason {
#define X(id, name, text) DP_DROP_##id,
	DP_DROPS(X)
#undef X
		DP_DROP_REASONS
};

/* Writer: the manager. */
struct dp_port_stats {
	char name[32];   /* as in the configuration */
	char device[64]; /* interface, PCI address or devargs */
	char driver[32];
	char tap[16]; /* kernel interface of the punt path, empty: none */
	uint8_t mac[6];
	uint8_t link_up;
	uint8_t reserved;
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes; /* as the port's driver counts */
	uint64_t rx_missed, rx_errors, tx_errors;
	uint64_t punted, injected; /* packets to and from the kernel */
};

/* Writer: the worker. */
struct dp_worker_stats {
	uint32_t lcore;
	uint32_t state;       /* enum dp_worker_state */
	uint64_t walks;       /* rounds over the graph */
	uint64_t empty_walks; /* without a packet */
	uint64_t packets;     /* received */
	uint64_t busy_cycles; /* in walks with packets */
	uint64_t idle_cycles; /* in empty walks and asleep */
	uint64_t latch_lost;  /* notices to the manager that did not fit its ring */
	uint64_t heartbeat_tsc;
	uint64_t drops[DP_DROP_REASONS];
};

enum dp_worker_state { DP_WORKER_STOPPED, DP_WORKER_RUNNING, DP_WORKER_ASLEEP };

/* Per worker and node. Writer: the worker. */
struct dp_node_stats {
	char name[32];
	uint64_t calls, packets, cycles;
};

/* A media address and its ports. Writer: the manager. */
struct dp_pool_stats {
	struct dp_address address; /* port: first of the range */
	uint32_t port_last;
	uint32_t total; /* RTP/RTCP port pairs */
	uint32_t used;
};

/* Writer: the manager, under version. generation 0: the index is free. */
struct dp_context_record {
	uint32_t version;
	uint32_t generation;
	uint64_t label;
	uint32_t terminations;
	uint32_t owner; /* channel that gets its events; UINT32_MAX: nobody claims it */
};

struct dp_termination_record {
	uint32_t version;
	uint32_t generation;
	dp_handle_t context;
	uint64_t label; /* of the context */
	struct dp_address local;
	struct dp_address remote;      /* from the signalling */
	struct dp_address remote_rtcp; /* from the signalling, or derived */
	uint8_t side;
	uint8_t direction;
	uint8_t source_rule;
	uint8_t payload_type;
	uint8_t telephone_event;
	uint8_t worker;
	uint8_t reserved[2];
	uint32_t clock_rate;
	uint32_t media_timeout_ms;
	uint32_t flags;
	uint32_t reserved2;
};

/*
 * Counters of what comes from the remote end of a termination. What is sent to it is what its
 * peer received and forwarded. First cache line: touched by each RTP packet. Second: the rest.
 * Writer: the worker that owns the flow. The manager sets all to zero before it publishes the
 * flow. Loss is expected - received of RFC 3550 A.3, jitter is J of A.8 in time-stamp units,
 * scaled by 16.
 */
struct dp_termination_counters {
	uint64_t packets; /* valid RTP taken */
	uint64_t bytes;   /* of their UDP payload */
	uint32_t forwarded;
	uint32_t ssrc;
	uint32_t highest_sequence; /* extended: cycles in the high half */
	uint32_t base_sequence;
	uint32_t expected_before; /* of earlier SSRCs on this flow, summed */
	uint32_t received_before;
	uint32_t jitter;
	uint32_t transit;
	uint32_t last_packet_ms; /* clock of dp_stats_header.clock_ms, low 32 bits; 0: none yet */
	uint32_t received;       /* of this SSRC */
	uint8_t latch_open;      /* 1: the next valid source will be taken */
	uint8_t latch_epoch;     /* of the flow that the latch belongs to */
	uint16_t source_port;    /* of source, as on the wire */
	uint32_t source_key;     /* its IPv4 address as on the wire; a digest of an IPv6 address */
	/* -- 64 bytes -- */
	struct dp_address source; /* latched; family NONE: none yet */
	struct dp_address source_rtcp;
	uint32_t rtcp_packets;
	uint32_t rtcp_forwarded;
	uint32_t dropped;      /* of any reason, after the flow was found */
	uint32_t foreign;      /* of them, from a source that is not this call's */
	uint16_t bad_sequence; /* RFC 3550 A.1 */
	uint16_t reserved[3];
};
static_assert(sizeof(struct dp_termination_counters) == 128, "two cache lines");

struct dp_stats_header {
	uint64_t magic;
	uint32_t layout_version;
	uint32_t pid;
	uint64_t size;
	uint64_t boot_id;
	uint64_t started; /* UNIX time, ms */
	uint64_t
		clock_ms; /* milliseconds since the start, written by the manager at least each 10 ms */
	uint64_t tsc_hz;
	char version[32]; /* of the program */
	uint32_t ports, workers, nodes, pools;
	uint32_t contexts_max, terminations_max;
	uint32_t contexts, terminations; /* in use */
	uint64_t commands, commands_refused, events_lost;
	uint64_t port_offset;        /* struct dp_port_stats [ports] */
	uint64_t worker_offset;      /* struct dp_worker_stats [workers] */
	uint64_t node_offset;        /* struct dp_node_stats [workers][DP_NODES_MAX] */
	uint64_t pool_offset;        /* struct dp_pool_stats [pools] */
	uint64_t context_offset;     /* struct dp_context_record [contexts_max] */
	uint64_t termination_offset; /* struct dp_termination_record [terminations_max] */
	uint64_t counters_offset; /* struct dp_termination_counters [terminations_max], aligned */
};

/* Copies a directory record; false if its writer was in the middle of it each of 100 times. */
static inline bool dp_record_read(void *copy, const void *record, size_t size)
{
	const uint32_t *version = record;

	for (int i = 0; i < 100; i++) {
		uint32_t before = __atomic_load_n(version, __ATOMIC_ACQUIRE);

		if (before & 1)
			continue;
		memcpy(copy, record, size);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(version, __ATOMIC_RELAXED) == before)
			return true;
	}
	return false;
}

/* Packets lost on the way to us, never negative (RFC 3550 A.3 lets duplicates make it so). */
static inline uint64_t dp_counters_lost(const struct dp_termination_counters *c)
{
	uint64_t expected = c->expected_before,
		 received = c->received_before + (uint64_t)c->received;

	if (c->received)
		expected += c->highest_sequence - c->base_sequence + 1u;
	return expected > received ? expected - received : 0;
}

#endif
