/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who looks at SIP: a capture file, a HEP collector (Homer), people at tandemctl.
 *
 *   shard ─ tap ─ ring ─┐
 *   shard ─ tap ─ ring ─┴▶ main thread, 20 times a second: in order of time, with the id of the
 *                          call, without secrets ─▶ file, collector, listeners
 *
 * Messages are held back for MONITOR_HOLD_MS, until what call they belong to is known and those of
 * other shards have come. Nothing here makes signalling wait: what is too much is dropped, and
 * counted. All in the main thread.
 */
#ifndef CONTROLPLANE_MONITOR_MONITOR_H
#define CONTROLPLANE_MONITOR_MONITOR_H

#include "config/config.h"
#include "controlplane/monitor/filter.h"
#include "controlplane/monitor/tap.h"

#define MONITOR_HOLD_MS   100u
#define MONITOR_PERIOD_MS 50u

typedef struct uv_loop_s uv_loop_t;

struct monitor;
struct monitor_config {
	uv_loop_t *loop; /* NULL (tests): monitor_run() is called by hand */
	struct tap *taps[16];
	unsigned tap_count;
	const struct config_monitor *config;
};
/* why: text for the log. */
int monitor_create(const struct monitor_config *config, struct monitor **monitor, char *why,
		   size_t why_size);
/* The shards have ended. The memory goes when the loop lets go of it. */
void monitor_destroy(struct monitor *monitor);

struct monitor_listener;
/* secrets: does it get them? The record's data is valid until the callback returns. */
int monitor_listen(struct monitor *monitor, const struct trace_filter *filter, bool secrets,
		   void (*message)(void *arg, const struct trace_record *record, const char *data),
		   void *arg, struct monitor_listener **listener);
/* Also in its callback. */
void monitor_unlisten(struct monitor *monitor, struct monitor_listener *listener);
/* A call that was there before somebody looked. */
void monitor_know(struct monitor *monitor, uint64_t call, struct slice call_id);

/* Passes on what has come before `until_ns`. */
void monitor_run(struct monitor *monitor, uint64_t until_ns);

struct monitor_stats {
	uint64_t messages, dropped; /* dropped: their ring was full */
	uint64_t written, write_errors;
	uint64_t hep_sent, hep_errors;
	uint32_t listeners;
};
void monitor_stats(const struct monitor *monitor, struct monitor_stats *stats);

#endif
