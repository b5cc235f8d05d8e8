/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dataplane in the test's own process: it stands in for dataplane/client/{channel,client}.c
 * (linked before the library), carries out commands on a small table, and keeps the directory of
 * the statistics area as the real one does. Replies wait until fake_run(), so a test can act
 * between a command and its reply.
 */
#ifndef CONTROLPLANE_SESSION_TESTS_FAKE_DATAPLANE_H
#define CONTROLPLANE_SESSION_TESTS_FAKE_DATAPLANE_H

#include "dataplane/client/client.h"

#define FAKE_MAX 4096u

struct fake_dataplane {
	struct dp_stats_header *stats;
	struct dp_context_record *contexts;
	struct dp_termination_record *terminations;
	struct dp_termination_counters *counters;
	struct dp_command commands[FAKE_MAX]; /* sent, not carried out yet */
	unsigned command_count, ring_size;    /* more than ring_size: -EAGAIN */
	struct dp_event events[2 * FAKE_MAX];
	unsigned event_first, event_count;
	uint32_t generation;
	uint16_t next_port;
	int fail_type, fail_status;      /* the next command of this type is answered so */
	unsigned sent[DP_COMMAND_TYPES]; /* counts by type */
	dp_handle_t added;               /* DP_HANDLE_ADDED */
	bool attached;
};

extern struct fake_dataplane *fake;

void fake_start(void);
void fake_stop(void);
/* Everything it held is gone, and it starts anew. */
void fake_restart(void);
/* Its client died: nobody owns the contexts. */
void fake_client_died(void);
/* Carries out at most `budget` commands; their replies can be received. Returns how many. */
unsigned fake_run(unsigned budget);
struct dp_client *fake_client(void);
struct dp_client_channel *fake_channel(void);
uint32_t fake_contexts(void);
uint32_t fake_terminations(void);
/* RTP from an address comes to a termination: it latches, is counted, and told. */
void fake_latch(dp_handle_t termination, const char *ip, uint16_t port, uint64_t packets);
/* An event about a termination: its body without the handle, which is filled in. */
void fake_event(struct dp_event *event, dp_handle_t termination);
void fake_raw_event(const struct dp_event *event);
void fake_timeout(dp_handle_t termination, uint32_t silent_ms);

#endif
