/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands to the dataplane and events from it, as they lie in the rings.
 *
 * A command gets exactly one reply, an event of type DP_EVENT_REPLY that carries the command's
 * cookie and sequence. Commands of one channel are carried out in order. The dataplane checks
 * each field: what is wrong with a command comes back as a negative errno in the reply's status.
 *
 *   -EINVAL     a field is out of range, or size does not fit type
 *   -ESTALE     a handle names nothing that exists (any more)
 *   -ENOSPC     tables are full;  -EADDRINUSE  the port asked for is taken
 *   -EADDRNOTAVAIL  no such media address or no free port
 *   -ELOOP      media would be sent to the termination that it comes from, or to one of its context
 *   -ENOSYS     unknown type
 *   -EPROTO     epoch or sequence is not what comes next (the command was not carried out)
 */
#ifndef DATAPLANE_API_COMMANDS_H
#define DATAPLANE_API_COMMANDS_H

#include "dataplane/api/types.h"

/* name, body field of struct dp_command: from this table come the enum, the names and the sizes. */
#define DP_COMMANDS(X)                            \
	X(SYNC, sync)                             \
	X(CONTEXT_ADD, context_add)               \
	X(CONTEXT_CLAIM, context_claim)           \
	X(CONTEXT_REMOVE, context_remove)         \
	X(TERMINATION_ADD, termination_add)       \
	X(TERMINATION_MODIFY, termination_modify) \
	X(TERMINATION_REMOVE, termination_remove) \
	X(TOPOLOGY, topology)

enum dp_command_type {
	DP_COMMAND_NONE = 0,
#define X(name, body) DP_COMMAND_##name,
	DP_COMMANDS(X)
#undef X
		DP_COMMAND_TYPES
};

/* First command of each epoch, sequence 1. Anything else before it is refused with -EPROTO. */
struct dp_cmd_sync {
	uint64_t reserved;
};

/* Reply: handle of the context. label: whatever names the call for the client; 0 is not allowed. */
struct dp_cmd_context_add {
	uint64_t label;
};

/* The channel that claims a context gets the events of it and its terminations from now on. */
struct dp_cmd_context_claim {
	dp_handle_t context;
};

/* Removes its terminations as well. */
struct dp_cmd_context_remove {
	dp_handle_t context;
};

/* Bits of the flags field of a termination. */
enum {
	DP_TERMINATION_RTCP_MUX = 1u << 0, /* RTCP arrives and leaves on the RTP port (RFC 5761) */
	/* Tandem is the end point of its RTCP: reports of the remote end go no further, and it gets
	 * reports of our own (RFC 3550 §6). Else RTCP is relayed. */
	DP_TERMINATION_RTCP_OWN = 1u << 1,
	DP_TERMINATION_FLAGS = (1u << 2) - 1,
};

/*
 * What a termination is told, at its birth and later. In TERMINATION_MODIFY only the fields named
 * in mask (DP_SET_*) are looked at, in TERMINATION_ADD all of them.
 */
struct dp_termination_settings {
	struct dp_address remote;      /* RTP destination; family NONE: not known yet */
	struct dp_address remote_rtcp; /* family NONE: remote with port + 1 (RFC 3550 §11) */
	uint8_t direction;             /* enum dp_direction */
	uint8_t source_rule;           /* enum dp_source_rule */
	uint8_t payload_type;          /* the negotiated audio format, 0..127; 255: unknown */
	uint8_t telephone_event;       /* payload type of RFC 4733 events, 255: none */
	uint32_t clock_rate;           /* Hz of the RTP time stamps, for jitter; 1000..192000 */
	uint32_t media_timeout_ms;     /* event after so long without RTP; 0: never */
	uint32_t flags;                /* DP_TERMINATION_* */
	uint32_t packet_rate_max; /* a second, of RTP and of RTCP each, 16..1000000; 0: no limit */
	uint8_t codec;            /* enum dp_codec */
	uint8_t reserved[3];
};
static_assert(sizeof(struct dp_termination_settings) == 64, "crosses processes");

enum {
	DP_SET_REMOTE = 1u << 0, /* remote and remote_rtcp; opens the latch again */
	DP_SET_DIRECTION = 1u << 1,
	DP_SET_SOURCE_RULE = 1u << 2,
	DP_SET_FORMAT = 1u << 3, /* payload_type, telephone_event, clock_rate, codec */
	DP_SET_TIMEOUT = 1u << 4,
	DP_SET_FLAGS = 1u << 5,
	DP_SET_RATE = 1u << 6,
	DP_SET_ALL = (1u << 7) - 1,
};

/*
 * context: DP_HANDLE_ADDED for the one that this channel's latest CONTEXT_ADD made, so that a
 * context and its terminations can be asked for at once; -ESTALE if that made none, or was of an
 * earlier epoch.
 * Reply: handle, and the local address with the RTP port (even; RTCP is the next one).
 * local.family chooses IPv4 or IPv6; an all-zero ip lets the dataplane choose among the media
 * addresses of the realm (of all realms: DP_REALM_ANY), port 0 lets it choose the port. A restarted dataplane is told both, so that the
 * phones need no new offer. side: 0 caller, 1 callee; only for people who read counters.
 */
struct dp_cmd_termination_add {
	dp_handle_t context;
	struct dp_address local;
	uint8_t side;
	uint8_t realm; /* index, or DP_REALM_ANY */
	uint8_t reserved[2];
	struct dp_termination_settings settings;
};

struct dp_cmd_termination_modify {
	dp_handle_t termination;
	uint32_t mask; /* DP_SET_* */
	uint32_t reserved;
	struct dp_termination_settings settings;
};

struct dp_cmd_termination_remove {
	dp_handle_t termination;
};

/* Terminations of one context start out bothway with each other. */
struct dp_cmd_topology {
	dp_handle_t context;
	dp_handle_t a;
	dp_handle_t b;
	uint8_t topology; /* enum dp_topology */
	uint8_t reserved[7];
};

/* Bit of a command's type: its reply is not worth waking anybody up, and no doorbell is rung for it
 * alone. Who sends such commands looks for the replies when he is awake. */
#define DP_COMMAND_QUIET 0x8000u

struct dp_command {
	uint16_t type;     /* enum dp_command_type, DP_COMMAND_QUIET */
	uint16_t size;     /* bytes of the body that are in use */
	uint32_t epoch;    /* of the channel, set by the client library */
	uint64_t sequence; /* 1 for SYNC, then one more each time; set by the client library */
	uint64_t cookie;   /* comes back in the reply, never looked at */
	union {
		struct dp_cmd_sync sync;
		struct dp_cmd_context_add context_add;
		struct dp_cmd_context_claim context_claim;
		struct dp_cmd_context_remove context_remove;
		struct dp_cmd_termination_add termination_add;
		struct dp_cmd_termination_modify termination_modify;
		struct dp_cmd_termination_remove termination_remove;
		struct dp_cmd_topology topology;
		uint8_t raw[104];
	};
};
static_assert(sizeof(struct dp_command) == 128, "ring element");

#define DP_EVENTS(X)                    \
	X(REPLY, reply)                 \
	X(MEDIA_TIMEOUT, media_timeout) \
	X(MEDIA_RESUMED, media_resumed) \
	X(LATCHED, latched)             \
	X(FOREIGN, foreign)             \
	X(LOOP, loop)                   \
	X(QUALITY, quality)             \
	X(WORKER, worker)

enum dp_event_type {
	DP_EVENT_NONE = 0,
#define X(name, body) DP_EVENT_##name,
	DP_EVENTS(X)
#undef X
		DP_EVENT_TYPES
};

struct dp_ev_reply {
	uint64_t command_sequence;
	int32_t status; /* 0 or -errno */
	uint16_t command_type;
	uint16_t reserved;
	dp_handle_t handle;      /* what an ADD made */
	struct dp_address local; /* of a new termination */
};

/* No RTP was taken from the remote end for media_timeout_ms. Sent once until RTP comes again. */
struct dp_ev_media_timeout {
	dp_handle_t termination;
	dp_handle_t context;
	uint64_t label;
	uint32_t silent_ms;
	uint32_t reserved;
};

/* After a DP_EVENT_MEDIA_TIMEOUT: RTP came again. */
struct dp_ev_media_resumed {
	dp_handle_t termination;
	dp_handle_t context;
	uint64_t label;
};

/*
 * Packets from somebody else came to the termination's port (RTP bleed): none of them went
 * anywhere. Sent at the first one, then at most each 10 s for a termination.
 */
struct dp_ev_foreign {
	dp_handle_t termination;
	dp_handle_t context;
	uint64_t label;
	uint64_t packets;         /* foreign ones so far */
	struct dp_address source; /* of one of them */
	uint32_t reserved;
};

/*
 * Media goes in a circle: packets whose TTL is used up, or the same SSRC from two sides of the
 * context (RFC 3550 §8.2). Once for a termination until its SSRC changes.
 */
struct dp_ev_loop {
	dp_handle_t termination;
	dp_handle_t context;
	uint64_t label;
	uint32_t ssrc;
	uint32_t reserved;
};

/* What a threshold of the configuration is set for. */
enum dp_quality_metric {
	DP_QUALITY_MOS,    /* hundredths; below the threshold is bad */
	DP_QUALITY_LOSS,   /* hundredths of a per cent, packets that came too late included */
	DP_QUALITY_JITTER, /* microseconds */
	DP_QUALITY_METRICS,
};

/* A figure of the last interval crossed its threshold, or has come back. */
struct dp_ev_quality {
	dp_handle_t termination;
	dp_handle_t context;
	uint64_t label;
	uint8_t metric; /* enum dp_quality_metric */
	uint8_t raised; /* 1: crossed; 0: good again */
	uint8_t reserved[2];
	uint32_t value, threshold; /* units as the metric says */
	uint32_t mos;              /* hundredths; with loss and jitter the whole picture */
	uint32_t loss, jitter;
	uint32_t reserved2;
};

/* A worker stopped answering, or is back. To all channels. */
struct dp_ev_worker {
	uint32_t worker;
	uint32_t state; /* enum dp_worker_state: DP_WORKER_HUNG or DP_WORKER_RUNNING */
	uint32_t flows; /* that another worker has taken over */
	uint32_t reserved;
};

/* The termination now takes media from here, and sends there. */
struct dp_ev_latched {
	dp_handle_t termination;
	dp_handle_t context;
	uint64_t label;
	struct dp_address source;
};

struct dp_event {
	uint16_t type; /* enum dp_event_type */
	uint16_t size;
	uint32_t epoch;    /* of the client that the event is for; a client drops those of others */
	uint64_t sequence; /* of the events of this channel, one more each time: a gap is a loss */
	uint64_t cookie;   /* of the command, in replies; else 0 */
	union {
		struct dp_ev_reply reply;
		struct dp_ev_media_timeout media_timeout;
		struct dp_ev_media_resumed media_resumed;
		struct dp_ev_latched latched;
		struct dp_ev_foreign foreign;
		struct dp_ev_loop loop;
		struct dp_ev_quality quality;
		struct dp_ev_worker worker;
		uint8_t raw[104];
	};
};
static_assert(sizeof(struct dp_event) == 128, "ring element");

#endif
