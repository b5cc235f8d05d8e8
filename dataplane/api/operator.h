/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator asks of the dataplane over dataplane.sock: captures, traces, leaks. Rings are
 * for programs that make calls; this is for people, so it needs no channel and works while the
 * control plane is away.
 *
 *   tandemctl                                     dataplane
 *     │  dp_attach_request, role OPERATOR             │
 *     ├──────────────────────────────────────────────▶│
 *     │  dp_attach_reply                              │
 *     │◀──────────────────────────────────────────────┤
 *     │  struct dp_operation [+ descriptor of a file] │
 *     ├──────────────────────────────────────────────▶│
 *     │  struct dp_operation_reply                    │
 *     │◀──────────────────────────────────────────────┤
 *     │  struct dp_trace_record … (TRACE only, until `last`)
 *
 * A capture's file is opened by who asks for it, with his rights, and its descriptor handed over:
 * an ordinary file or a pipe, open for writing. The capture goes on without him, unless
 * DP_CAPTURE_TIED. A trace ends with his connection.
 *
 * CAPTURE_STOP answers at once; the file is complete when its state is ENDED. Captures that have
 * ended stay in the list until their place is needed.
 */
#ifndef DATAPLANE_API_OPERATOR_H
#define DATAPLANE_API_OPERATOR_H

#include "dataplane/api/segment.h"

#define DP_CAPTURES_MAX 8u

enum dp_operation_verb {
	DP_OPERATION_CAPTURE_START = 1, /* with a descriptor open for writing */
	DP_OPERATION_CAPTURE_STOP,
	DP_OPERATION_CAPTURE_STATUS,
	DP_OPERATION_TRACE,
	DP_OPERATION_RECLAIM,
};

#define DP_PORT_ANY UINT16_MAX

/* Which packets. All conditions hold at once; label 0 and DP_PORT_ANY: any. */
struct dp_packet_filter {
	uint64_t label; /* of a context: its call */
	uint16_t port;  /* index of the dataplane's port */
	uint8_t reserved[6];
};

enum {
	DP_CAPTURE_TIED = 1u << 0, /* ends with the connection that asked for it */
};

#define DP_TRACE_PACKETS_MAX 1000u

/*
 * Media of the last 2 s protects a context; if it was named, the answer is -EBUSY. -EPERM: a live
 * client claims it.
 */
enum {
	DP_RECLAIM_FORCE = 1u << 0, /* whether media flows or not */
};

/* unclaimed_s of all: dataplane.reclaim_after_s, or an hour where that is 0; of one: any time. */
#define DP_RECLAIM_DEFAULT UINT32_MAX

struct dp_operation {
	uint64_t magic; /* DP_SEGMENT_MAGIC */
	uint32_t verb;
	uint32_t reserved;
	union {
		struct {
			struct dp_packet_filter filter;
			uint32_t
				snap_length; /* bytes kept of a packet; 0: as many as it can, 2048 */
			uint32_t packets_max; /* then it stops by itself; 0: none */
			uint64_t bytes_max;   /* of the file, which it never passes; 0: none */
			uint32_t flags;       /* DP_CAPTURE_* */
			uint32_t reserved;
		} capture_start;
		struct {
			uint32_t capture; /* id, or 0: all */
		} capture_stop;
		struct {
			struct dp_packet_filter filter;
			uint32_t packets; /* 1..DP_TRACE_PACKETS_MAX */
		} trace;
		struct {
			dp_handle_t context;  /* the zero handle: all that nobody claims */
			uint32_t unclaimed_s; /* and that are silent, for so long at least */
			uint32_t flags;       /* DP_RECLAIM_* */
		} reclaim;
		uint8_t raw[48];
	};
};
static_assert(sizeof(struct dp_operation) == 64, "crosses processes");

enum dp_capture_phase {
	DP_CAPTURE_RUNS,
	DP_CAPTURE_CLOSING, /* it takes no more, and writes what it has */
	DP_CAPTURE_ENDED,   /* its file is closed */
};

struct dp_capture_state {
	uint32_t id; /* 1 up */
	uint32_t snap_length;
	struct dp_packet_filter filter;
	uint64_t packets, bytes; /* written */
	uint64_t lost;           /* for which there was no room */
	int32_t error;  /* why it stopped by itself: -errno of the file; -EDQUOT: a limit */
	uint32_t phase; /* enum dp_capture_phase */
};

struct dp_operation_reply {
	uint64_t magic;
	int32_t status; /* 0 or -errno */
	uint32_t count; /* captures below, or contexts reclaimed */
	struct dp_capture_state capture[DP_CAPTURES_MAX];
};
static_assert(sizeof(struct dp_operation_reply) == 16 + DP_CAPTURES_MAX * 56, "crosses processes");

/* One station of a traced packet. A packet has at most 16; what did not fit is in observe_lost. */
struct dp_trace_record {
	uint64_t magic;
	uint32_t packet; /* 1 up; 0 and last: the trace is over */
	uint8_t last;
	uint8_t worker;
	uint8_t drop; /* enum dp_drop_reason, if node is "drop" */
	uint8_t left; /* the packet ends here: it is sent, the kernel's, or dropped */
	uint64_t tsc; /* when it came to the node */
	char node[16];
	uint16_t port;        /* in or out, where the node knows it; DP_PORT_ANY */
	uint16_t size;        /* bytes of the frame */
	uint32_t termination; /* index; UINT32_MAX: not known (yet) */
	uint32_t trace;       /* number of the trace, one more each time */
	uint8_t head_size;
	uint8_t reserved[3];
	uint8_t head[96]; /* the frame's beginning, as it is there */
};
static_assert(sizeof(struct dp_trace_record) == 152, "crosses processes");

#endif
