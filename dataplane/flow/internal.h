/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of dataplane/flow share. Manager thread only. */
#ifndef DATAPLANE_FLOW_INTERNAL_H
#define DATAPLANE_FLOW_INTERNAL_H

#include <urcu/urcu-qsbr.h>

#include "dataplane/api/segment.h"
#include "dataplane/client/quality.h"
#include "dataplane/flow/flow.h"
#include "dataplane/flow/pool.h"

#define CONTEXT_TERMINATIONS_MAX 8u
#define NOWHERE                  UINT32_MAX

/* A published flow with what its retirement needs, which lies where the flow's last line has room.
 */
struct flow_box {
	struct flow flow;
	uint32_t frees; /* index of a termination that ended with this flow, NOWHERE: none */
	struct rcu_head rcu;
	struct flow_table *table;
	struct flow_box *next; /* free list */
} __attribute__((aligned(64)));
static_assert(sizeof(struct flow_box) == 192, "memory of a flow");

struct flow_chunk;

struct flow_slab {
	struct flow_box *free;
	struct flow_chunk *chunks;
	uint64_t bytes; /* of all chunks */
	uint64_t limit; /* of bytes */
};

struct termination {
	uint32_t context; /* index, NOWHERE: free */
	uint32_t next_free;
	uint16_t port; /* local RTP port */
	uint16_t pool;
	uint8_t latch_epoch;
	uint8_t position;  /* in its context */
	bool silent;       /* a time-out was reported, until it speaks again */
	uint64_t armed_ms; /* time-outs count from here if nothing was heard since */
	uint64_t heard_ms; /* last_packet_ms of its counters, in full */
	struct dp_termination_settings settings;
	struct dp_address aim, aim_rtcp; /* where it is sent to: remote, or what was latched */
	struct flow_box *box;
};

/* What the rounds over the terminations remember of each (quality.c, alarm.c). */
struct findings {
	struct dp_quality_snapshot last;  /* at the end of the last interval */
	uint64_t judged_ms;               /* when that was; 0: there was none */
	uint8_t good[DP_QUALITY_METRICS]; /* intervals since the alarm's last bad one */
	bool repeats;      /* in the last interval much came again that had come before */
	bool loop_told;    /* of this SSRC */
	bool foreign_told; /* ever */
	bool foreign_due;  /* there is news, and it is too early to tell */
	uint32_t loop_ssrc;
	uint64_t foreign_ms; /* when it was told last */
	struct dp_address foreign_source;
};

struct context {
	uint32_t count;
	uint32_t next_free;
	uint32_t member[CONTEXT_TERMINATIONS_MAX];
	uint8_t hears[CONTEXT_TERMINATIONS_MAX]; /* hears[i] bit j: i hears j */
	uint32_t claim;     /* of its owner: flow_table.claims, as it was then */
	uint32_t traffic;   /* once nobody claims it: packets when it was looked at last */
	uint64_t idle_ms;   /* and since when there was none */
	uint16_t observers; /* that its flows were published with */
	bool condemned;     /* an operator wants it gone; a claim saves it */
};

struct worker_share {
	uint32_t flows;
	uint32_t busy; /* of 1000 */
	bool away;     /* does not answer: it gets no flows */
};

struct flow_table {
	struct flow_lookup lookup;
	struct flow_pool pool_configs[DP_POOLS_MAX];
	struct flow_realm realms[DP_REALMS_MAX];
	unsigned realm_count;
	struct port_pool *pools;
	unsigned pool_count, next_pool;
	uint32_t max, workers;
	uint32_t contexts_used, terminations_used, free_context, free_termination;
	struct context *contexts;
	struct termination *terminations;
	struct findings *findings; /* per termination */
	struct flow_thresholds thresholds;
	uint32_t quality_scan;
	void (*own_rtcp)(void *arg, uint32_t termination, bool begins);
	void *own_rtcp_arg;
	struct dp_context_record *context_records;
	struct dp_termination_record *records;
	struct dp_termination_counters *counters;
	struct dp_pool_stats *pool_stats;
	struct dp_realm_stats *realm_stats;
	const struct nexthop *(*resolve)(void *arg, const struct dp_address *remote, int ifindex);
	void *resolve_arg;
	uint32_t generation;               /* of the next handle */
	uint64_t memory;                   /* of the tables, statistics area included */
	struct worker_share *shares;       /* [workers] */
	uint32_t move_next, to_move;       /* contexts */
	uint32_t resolve_next, to_resolve; /* contexts */
	uint32_t watch_next, to_watch;     /* contexts */
	uint32_t scan;                     /* of flow_check_timeouts */
	uint32_t claims[DP_CHANNELS_MAX];  /* one more each time that the channel's client goes */
	uint32_t owned[DP_CHANNELS_MAX];   /* contexts */
	uint32_t unclaimed;                /* contexts */
	uint64_t reclaimed;
	uint32_t contexts_high; /* indexes that were ever in use */
	uint32_t sweep;         /* where the next one begins */
	uint32_t to_disown;     /* contexts that it has to look at until all records are right */
	uint64_t watched[FLOW_WATCHES]; /* labels, by watch; 0: none */
	bool watches;                   /* there is one */
	uint64_t now_ms;
	struct flow_slab slab;
	struct flow_box *_Atomic returned; /* by the grace-period thread */
	_Atomic uint32_t in_grace;
};

/* Directory records: between these two the version is odd. */
void record_begin(uint32_t *version);
void record_end(uint32_t *version);

/* The channel whose client claims it, or DP_NOBODY. The record may lag behind. */
uint32_t context_owner(const struct flow_table *t, uint32_t index);
/* It is this channel's from now on / nobody counts on it any more. */
void context_own(struct flow_table *t, uint32_t index, uint32_t owner);
void context_release(struct flow_table *t, uint32_t index);

int context_find(const struct flow_table *t, dp_handle_t h, struct context **context);
int termination_find(const struct flow_table *t, dp_handle_t h, struct termination **termination);
uint32_t next_generation(struct flow_table *t);

/* Compiles the flows of all members, because what one is told changes what its peers do, and
 * publishes those that are not what they were. -ENOSPC: memory is out, nothing was changed. */
int context_publish(struct flow_table *t, struct context *context);
/* The first member that hears this one. NULL: nobody. */
const struct termination *listener_of(const struct flow_table *t, const struct context *c,
				      const struct termination *m);
/* How packets leave for the peer. */
void compile_way_out(struct flow_table *t, const struct termination *peer, struct flow *f);
/* Flags of a termination changed, or it begins (before: 0) or ends (after: 0). */
void own_rtcp_turns(struct flow_table *t, uint32_t termination, uint32_t before, uint32_t after);
/* The termination has ended: its flow goes out of the workers' sight. After a grace period both
 * may be used again. */
void flow_retire(struct flow_table *t, struct termination *termination);

/* The channel that claims the context of a termination gets the event. */
void flow_report(const struct flow_table *t, const struct flow_reports *to, uint32_t termination,
		 struct dp_event *event);
/* A media time-out was reported, or is no longer true. */
void termination_set_silent(struct flow_table *t, struct termination *termination, bool silent);
/* What a round over the terminations finds beside quality (alarm.c). */
void alarm_look(struct flow_table *t, uint32_t termination, uint64_t now,
		const struct flow_reports *to);

/* The one that has least to do, of those that answer. */
uint8_t worker_for_flow(const struct flow_table *t);

/* A termination leaves its context. Its context is published again by the caller. */
void termination_release(struct flow_table *t, struct termination *termination);
/* No worker can see it any more: its index may be used again. */
void termination_free(struct flow_table *t, uint32_t index);

#endif
