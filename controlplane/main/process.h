/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process: what it starts, in order of dependence, and ends in exact reverse.
 *
 *   run directory ─ store ─ main mailbox ─ events ─ registrar ─ shards ─ control socket ─
 *   threads of the shards ─ link to the dataplane ─ signals ─ expiry of registrations
 *
 * A shard reads its calls from the record before it opens its listeners, so the first SIP message
 * finds them. READY is told to systemd when all shards listen.
 *
 * SIGHUP reads the certificates again. SIGTERM and SIGINT drain: no new calls, live calls are ended, their CDRs are written, also of
 * those whose phones do not confirm it in time.
 */
#ifndef CONTROLPLANE_MAIN_PROCESS_H
#define CONTROLPLANE_MAIN_PROCESS_H

#include <jansson.h>

#include "controlplane/main/runtime.h"

#define PROCESS_DRAIN_MS 5000u

struct api;
struct certificates;
struct link;
struct mailbox;
struct monitor;

struct process {
	const struct config *config;
	uv_loop_t loop;
	int lock;          /* of the run directory */
	uv_timer_t tick;   /* keeps waiting for a condition from sleeping for ever */
	uv_timer_t second; /* expiry of registrations */
	uv_signal_t terminate, interrupt, hang_up;
	struct certificates *certificates; /* NULL: none */
	struct runtime_shared shared;
	struct link *link;
	struct monitor *monitor;
	struct api *api;
	uint64_t started_ms; /* CLOCK_MONOTONIC */
	uint64_t said_ms;    /* last word about the addresses that are waited for */
	uint64_t shed_told; /* messages between shards that had no room, as far as they were told */
	bool listening;     /* all shards */
	bool failed;        /* a shard cannot open its listeners */
	bool draining;
	unsigned asked_to_end; /* signals */
};

/* Runs until it is told to end. 0, or -errno when something could not be started. */
int process_run(struct process *process, const struct config *config);

/* --- the parts, for one another --- */

/* describe.c: for the API. arg: the process. */
void process_describe(void *arg, json_t *controlplane);
void process_count(void *arg, json_t *rows);

/* drain.c: ends the calls, or gives up after a while. */
void process_drain(struct process *process);
/* Runs the loop until done(process) or the time has passed; false: it has passed. */
bool process_wait(struct process *process, bool (*done)(struct process *process), uint64_t ms);

#endif
