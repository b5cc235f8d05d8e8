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

#include <stddef.h>
#include <string.h>

#include "dataplane/api/types.h"

#define DP_PORTS_MAX   16u
#define DP_WORKERS_MAX 32u
#define DP_NODES_MAX   32u
#define DP_POOLS_MAX   64u /* media addresses */
#define DP_REALMS_MAX  16u

/* Why a packet was not forwarded: id, name in the CLI, what it means. */
#define DP_DROPS(X)                                                                                \
	X(NO_BUFFER, "no-buffer", "no packet buffer was free")                                     \
	X(MALFORMED_L2, "malformed-l2", "Ethernet frame too short or of unknown shape")            \
	X(MALFORMED_IP, "malformed-ip", "IP header broken, truncated, or TTL 0")                   \
	X(MALFORMED_UDP, "malformed-udp", "UDP length does not fit the packet")                    \
	X(FRAGMENT, "fragment", "IP fragment of a datagram that never became whole")               \
	X(WRONG_REALM, "wrong-realm", "media address of another port or VLAN than it came by")     \
	X(NO_FLOW, "no-flow", "media port that belongs to no call")                                \
	X(NOT_RTP, "not-rtp", "neither RTP nor RTCP (RFC 7983, RFC 3550 A.1)")                     \
	X(BAD_RTCP, "bad-rtcp", "RTCP that fails the checks of RFC 3550 A.2")                      \
	X(FOREIGN_SOURCE, "foreign-source", "not from the source this call takes media from")      \
	X(UNPROVEN_SOURCE, "unproven-source", "first packets of a source, until it proves itself") \
	X(RATE, "rate", "more packets than the call may send")                                     \
	X(LOOP, "loop", "TTL used up: media goes in a circle")                                     \
	X(DIRECTION, "direction", "held or one-way: nothing is taken from this side")              \
	X(NO_PEER, "no-peer", "the context has no other termination to send to")                   \
	X(PEER_DIRECTION, "peer-direction", "held or one-way: the other side is not sent to")      \
	X(NO_REMOTE, "no-remote", "the other side's address is not known yet")                     \
	X(NO_NEIGHBOUR, "no-neighbour", "next hop has no link-layer address yet")                  \
	X(TOO_BIG, "too-big", "larger than the MTU, and cannot be cut")                            \
	X(PUNT_FULL, "punt-full", "ring towards the kernel is full")                               \
	X(INJECT, "inject", "packet from the kernel could not be sent")                            \
	X(TX_FULL, "tx-full", "transmit queue of the port is full")                                \
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
	uint32_t cpu;
	uint32_t socket;       /* NUMA node */
	uint32_t state;        /* enum dp_worker_state */
	uint32_t flows;        /* that it owns. Writer: the manager */
	uint32_t hangs;        /* how often it stopped answering. Writer: the manager */
	uint64_t walks;        /* rounds over the graph */
	uint64_t empty_walks;  /* without a packet */
	uint64_t packets;      /* received */
	uint64_t busy_cycles;  /* in walks with packets */
	uint64_t idle_cycles;  /* in empty walks and asleep */
	uint64_t latch_lost;   /* notices to the manager that did not fit its ring */
	uint64_t given;        /* packets handed over to the workers that own their flows */
	uint64_t taken;        /* packets that others handed over */
	uint64_t observe_lost; /* copies for captures and traces for which there was no room */
	uint64_t heartbeat_tsc;
	uint64_t drops[DP_DROP_REASONS];
};

/* HUNG is what the manager says of it: see hangs, heartbeat_tsc. */
enum dp_worker_state { DP_WORKER_STOPPED, DP_WORKER_RUNNING, DP_WORKER_ASLEEP, DP_WORKER_HUNG };

/* Per worker and node. Writer: the worker. */
struct dp_node_stats {
	char name[32];
	uint64_t calls, packets, cycles;
};

/* A network that media is exchanged with (access, core, …). Writer: the manager. */
struct dp_realm_stats {
	char name[32];
	uint16_t vlan, outer_vlan; /* 0: none */
	uint8_t dscp;
	uint8_t port; /* index of its port */
	uint8_t reserved[2];
	char interface[16]; /* kernel interface: the TAP, or a VLAN on it */
	uint32_t terminations;
	uint32_t reserved2;
};

/* A media address and its ports. Writer: the manager. */
struct dp_pool_stats {
	struct dp_address address; /* port: first of the range */
	uint16_t port_last;
	uint8_t realm; /* index */
	uint8_t reserved;
	uint32_t total; /* RTP/RTCP port pairs */
	uint32_t used;
};

/* Writer: the manager, under version. generation 0: the index is free. */
struct dp_context_record {
	uint32_t version;
	uint32_t generation;
	uint64_t label;
	uint32_t terminations;
	uint32_t owner;        /* channel that gets its events; DP_NOBODY: a leak if it stays so */
	uint64_t unclaimed_ms; /* clock_ms since when nobody claims it, 0: somebody does */
};
#define DP_NOBODY UINT32_MAX

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
	uint8_t realm;
	uint8_t codec; /* enum dp_codec */
	uint32_t clock_rate;
	uint32_t media_timeout_ms;
	uint32_t flags;
	uint32_t packet_rate_max;
	/* Of the last interval that was judged (dataplane.quality.interval_s); units as in
	 * dp_ev_quality. */
	uint16_t interval_mos; /* 0: none yet */
	uint16_t interval_loss;
	uint32_t interval_jitter;
	uint8_t alarms; /* bit per enum dp_quality_metric: threshold crossed */
	uint8_t silent; /* a media time-out was reported */
	uint8_t reserved[2];
};

enum dp_latch {
	DP_LATCH_OPEN = 0,    /* no source yet */
	DP_LATCH_PROVING = 1, /* one was seen, and has to prove itself: nothing of it goes on yet */
	DP_LATCH_LOCKED = 2,  /* this one and no other */
};

/* Which of the marks of a termination's counters count: until they were set they are no source's. */
enum {
	DP_AWAITED_RESTART = 1u << 0, /* bad_sequence */
	DP_AWAITED_RTP = 1u << 1,     /* candidate_sequence, while the latch is PROVING */
	DP_AWAITED_RTCP = 1u << 2,    /* source_rtcp has to prove itself: RTCP of candidate_ssrc */
};

/*
 * Counters of what comes from the remote end of a termination; what is sent to it is what its
 * peer received and forwarded. Counters of 16 and 32 bits wrap. Writer: the worker that owns the flow. The
 * manager sets all to zero before it publishes the first flow.
 *
 * Each RTP packet touches the first line only; the others are for what is rare: losses, a new
 * source, RTCP.
 *
 * A packet is taken when it is valid RTP from the source of this call, and within its rate. What
 * is dropped as foreign, unproven, above the rate or held (DP_DROP_*) is in `dropped` and in no
 * figure of quality. Each packet that is taken is one of these, by its sequence number:
 *
 *   next or ahead   of the highest so far; what it leaves out is missing
 *   reordered       up to 63 behind the highest, and had not come yet
 *   duplicate       up to 63 behind, and had come
 *   too far behind  64..99: `late` and nothing else, nobody knows any more whether it had come
 *   other           of an SSRC, or after a jump of 3000 and more, that has not proved itself
 *
 * so packets = expected - lost + duplicate + other_ssrc + those too far behind, exactly.
 *
 * The figures are about one source, which an SSRC is, or a sequence that began anew (RFC 3550
 * A.1). The first packet starts it. Another one takes over with its second packet in sequence; its
 * first, which was in other_ssrc until then, counts for it. All are forwarded, whatever they are
 * counted as. Packets before the first that was seen count from the lowest of them.
 *
 * A packet is missing until it comes, and lost for good when the highest is 64 ahead of it or the
 * source ends; bursts are counted then. In time, a packet is late if it comes more than
 * DP_PLAYOUT_MS behind the quickest ones (base_transit follows them, and drifts up 125 µs each 64
 * packets against clocks that run slow); 16 late ones in a row, or one of more than 4 s, are a
 * clock that was set, and base_transit begins anew. Telephone events and duplicates are not late.
 */
struct dp_termination_counters {
	uint64_t bytes;            /* UDP payload of the packets taken */
	uint64_t window;           /* bit i: the packet with sequence highest - i was received */
	uint32_t packets;          /* taken, duplicates included */
	uint32_t ssrc;             /* of the source that the figures below are about */
	uint32_t highest_sequence; /* extended: cycles in the high half */
	uint32_t transit;          /* of the last packet, RFC 3550 A.8, time stamp units */
	uint32_t base_transit;     /* that play-out would be aligned to: the lowest of late */
	uint32_t jitter;           /* J of A.8 in time stamp units, times 16 */
	uint32_t last_packet_ms;   /* dp_stats_header.clock_ms, low 32 bits; 0: none yet */
	uint32_t rate_due_us;      /* when the next packet is due at the highest rate allowed */
	uint32_t source_key;       /* of source: its IPv4 address as on the wire, or a digest */
	uint16_t source_port;      /* of source, as on the wire */
	uint8_t latch;             /* enum dp_latch */
	uint8_t latch_epoch;       /* of the flow that the latch belongs to */
	uint8_t late_run;          /* late packets in a row */
	uint8_t awaited;           /* DP_AWAITED_* */
	uint16_t looped;           /* of `dropped`, from its own source with the TTL used up */
	uint32_t late; /* after their play-out (DP_PLAYOUT_MS after base_transit), or too far
			* behind. Here because a worker that is itself late sees nothing else */
	/* -- 64 bytes: who sends, and what was not forwarded -- */
	struct dp_address source;      /* latched, or proving itself; family NONE: none yet */
	struct dp_address source_rtcp; /* the same, where RTCP has a port of its own */
	uint32_t not_forwarded;        /* of `packets`, by relay: see dp_counters_forwarded() */
	uint32_t dropped;              /* of any reason and kind, after the flow was found */
	uint32_t foreign;              /* of them, from a source that is not this call's */
	uint32_t rate_limited;         /* of them, above packet_rate_max; RTCP as well */
	uint32_t candidate_ssrc;       /* of what proves itself: `source`, or another SSRC of it */
	uint16_t candidate_sequence;   /* expected next of it, if it came by RTP */
	uint16_t bad_sequence;         /* RFC 3550 A.1: expected next after a jump */
	/* -- 128 bytes: quality, over all SSRCs -- */
	uint32_t base_sequence;   /* extended, of this SSRC */
	uint32_t expected_before; /* of earlier SSRCs */
	uint32_t lost;            /* behind the window for good; dp_counters_lost() has all */
	uint32_t reordered;
	uint32_t duplicate;
	uint32_t rtcp_due_us;    /* as rate_due_us, of RTCP */
	uint32_t longest_gap_ms; /* between two packets, the time it was held left out; above 60 */
	uint32_t ssrc_changes;   /* sources after the first, the same SSRC begun anew included */
	/* Bursts of loss, the Markov counters of RFC 3611 appendix A.2. c_11 is what is left. */
	uint32_t last_loss; /* extended sequence; before the first loss: of the packet before all */
	uint32_t loss_run; /* `lost` of A.2: in the burst that goes on; 1: a single loss in a gap */
	uint32_t c13, c14, c22, c23, c33;
	uint32_t other_ssrc; /* packets of a source that did not prove itself */
	/* -- 192 bytes: RTCP from the remote end -- */
	uint32_t rtcp_packets;     /* valid and from its source; what is meant for us ends here */
	uint32_t rtcp_forwarded;   /* of them */
	uint32_t sr_ntp;           /* middle 32 bits of the last SR's time; 0: none */
	uint32_t sr_us;            /* when it came, µs of the TSC, wrapping */
	uint32_t rtt_us;           /* between us and the remote end; 0: unknown */
	int32_t reported_lost;     /* what it says of what it receives: RR, cumulative */
	uint32_t reported_jitter;  /* time stamp units */
	uint32_t reported_highest; /* extended sequence */
	uint8_t reported_fraction; /* lost, of 256 */
	uint8_t xr_r_factor;       /* RFC 3611 §4.7, 127: unavailable; valid if xr_reports */
	uint8_t xr_mos_lq, xr_mos_cq;          /* tenths, 127: unavailable */
	uint8_t xr_loss_rate, xr_discard_rate; /* of 256 */
	uint8_t xr_burst_density, xr_gap_density;
	uint16_t xr_burst_ms, xr_gap_ms;
	uint16_t xr_round_trip_ms, xr_end_system_ms;
	uint16_t sr_reports, rr_reports, xr_reports;
	/* Reports that we sent to it ourselves (DP_TERMINATION_RTCP_OWN). Writer: the manager. */
	uint16_t own_reports;
	uint32_t own_sr_ntp; /* of the last SR among them, as sr_ntp: its LSR comes back; 0: none */
	uint32_t own_sr_us;  /* when it was sent, clock as sr_us; written before own_sr_ntp */
};
static_assert(sizeof(struct dp_termination_counters) == 256, "four cache lines");
static_assert(offsetof(struct dp_termination_counters, source) == 64, "hot line");
static_assert(offsetof(struct dp_termination_counters, base_sequence) == 128, "quality line");
static_assert(offsetof(struct dp_termination_counters, rtcp_packets) == 192, "RTCP line");

/* A packet that comes so much later than the quickest ones is late: what a fixed jitter buffer of
 * a common phone would throw away. */
#define DP_PLAYOUT_MS 60u

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
	uint32_t ports, workers, nodes, pools, realms;
	uint32_t contexts_max, terminations_max;
	uint32_t contexts, terminations; /* in use */
	uint32_t unclaimed;              /* contexts that nobody claims */
	uint64_t reclaimed;              /* of them, removed after their grace time or by hand */
	uint64_t flow_memory;            /* bytes for flows, now */
	uint64_t table_memory;           /* bytes for terminations, contexts, ports and counters */
	uint64_t commands, commands_refused, events_lost;
	uint64_t port_offset;        /* struct dp_port_stats [ports] */
	uint64_t worker_offset;      /* struct dp_worker_stats [workers] */
	uint64_t node_offset;        /* struct dp_node_stats [workers][DP_NODES_MAX] */
	uint64_t pool_offset;        /* struct dp_pool_stats [pools] */
	uint64_t realm_offset;       /* struct dp_realm_stats [realms] */
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

/* Packets of this SSRC and those before it that should have come: RFC 3550 A.3. */
static inline uint32_t dp_counters_expected(const struct dp_termination_counters *c)
{
	return c->packets ? c->expected_before + c->highest_sequence - c->base_sequence + 1 : 0;
}

/* Of them, those that did not: A.3 without its duplicates. Gaps that may still close count. */
static inline uint32_t dp_counters_lost(const struct dp_termination_counters *c)
{
	return c->packets ? c->lost + (uint32_t)__builtin_popcountll(~c->window) : 0;
}

/*
 * RTP packets that relay sent on. Of them, those for which the transmit queue of the port or, in
 * pieces, the fragment node had no room are in `drops` of the worker alone: what belongs to whom
 * is forgotten there, and to remember it would cost each packet. For the remote end, and in the
 * reports to it, they are lost on the way.
 */
static inline uint32_t dp_counters_forwarded(const struct dp_termination_counters *c)
{
	/* In this order: the worker goes on counting, and takes a packet before it stops it. */
	uint32_t not_forwarded = __atomic_load_n(&c->not_forwarded, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&c->packets, __ATOMIC_RELAXED) - not_forwarded;
}

#endif
