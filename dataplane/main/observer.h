/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The manager's side of captures and traces: which there are, what the workers look for
 * (nodes/observe.h), and when they are over.
 *
 * Manager thread.
 */
#ifndef DATAPLANE_MAIN_OBSERVER_H
#define DATAPLANE_MAIN_OBSERVER_H

#include "dataplane/api/counters.h"
#include "dataplane/api/operator.h"

struct flow_table;
struct observe;
struct observer;

struct observer_config {
	unsigned workers;
	unsigned ports;
	const char *port_names[DP_PORTS_MAX]; /* by index of the configuration */
	uint16_t port_ids[DP_PORTS_MAX];      /* DPDK's, likewise */
	struct flow_table *flows;
};

/* Before the workers. 0 or -errno. */
int observer_create(const struct observer_config *config, struct observer **observer);
/* After the workers. 0; -ETIMEDOUT: a thread was left that uses it and memory of DPDK's, so both
 * must stay until the process ends. */
int observer_destroy(struct observer *observer);
/* Instead, where workers had to be left: writes what captures have, and frees nothing. 0;
 * -ETIMEDOUT. */
int observer_leave(struct observer *observer);
/* What the workers are given. */
struct observe *observer_hooks(struct observer *observer);

struct observer_capture {
	struct dp_packet_filter filter; /* port: index of the configuration */
	uint32_t snap_length, packets_max;
	uint64_t bytes_max;
	uint32_t owner; /* operator that it ends with; 0: nobody */
};

/* fd is the observer's from now on, whatever comes back. -ENOSPC: DP_CAPTURES_MAX run; -ENOMEM;
 * -ENODEV: no such port; or what capture_check_file() says. */
int observer_capture_start(struct observer *o, const struct observer_capture *capture, int fd,
			   uint32_t *id);
/* id 0: all. -ESTALE: there is none. */
int observer_capture_stop(struct observer *o, uint32_t id);
/* Those that run and those that have ended, with their counts. */
unsigned observer_captures(const struct observer *o,
			   struct dp_capture_state states[DP_CAPTURES_MAX]);

/* -EBUSY: there is one; -ENODEV: no such port; -ENOMEM. */
int observer_trace_start(struct observer *o, const struct dp_packet_filter *filter,
			 uint32_t packets, uint32_t owner);
/* Sends what was noted to the trace's owner, `last` at its end. send: 0, -EAGAIN: later; or he is
 * gone. True: he did not read for so long that the trace was ended without a word. */
bool observer_trace_run(struct observer *o, uint64_t now_ms, uint32_t *owner,
			int (*send)(void *arg, uint32_t owner, const void *data, size_t size),
			void *arg);

/* Captures that have ended are not looked for any more. */
void observer_tick(struct observer *o);
void observer_owner_gone(struct observer *o, uint32_t owner);

#endif
