/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "controlplane/events/bus.h"
#include "controlplane/main/link.h"
#include "controlplane/main/process.h"
#include "controlplane/monitor/monitor.h"
#include "controlplane/store/store.h"

static const char *state_of(const struct process *process)
{
	if (process->draining || atomic_load(&process->shared.shards[0]->shard.draining))
		return "draining";
	/* Before that, new calls would be refused although there may be a dataplane. */
	return process->listening && process->link && link_was_tried(process->link) ? "up"
										    : "starting";
}

static const char *why_not_up(const struct process *process)
{
	for (unsigned i = 0; i < process->shared.count && !process->listening; i++) {
		const struct runtime *runtime = process->shared.shards[i];

		switch (runtime_get_state(runtime)) {
		case RUNTIME_RESTORING:
			return "calls on record come back";
		case RUNTIME_WAITING:
			return runtime->waits_for;
		default:
			break;
		}
	}
	return NULL;
}

void process_describe(void *arg, json_t *controlplane)
{
	const struct process *process = arg;
	const char *why = why_not_up(process);
	enum link_state link = process->link ? link_get_state(process->link) : LINK_DOWN;

	json_object_set_new(controlplane, "state", json_string(state_of(process)));
	json_object_set_new(controlplane, "why", why ? json_string(why) : json_null());
	json_object_set_new(controlplane, "version", json_string(TANDEM_VERSION));
	json_object_set_new(controlplane, "pid", json_integer(getpid()));
	json_object_set_new(
		controlplane, "uptime_s",
		json_integer((json_int_t)((runtime_now_ms() - process->started_ms) / 1000)));
	json_object_set_new(controlplane, "shards", json_integer(process->shared.count));
	json_object_set_new(controlplane, "link", json_string(link_state_name(link)));
}

static void add(json_t *rows, const char *counter, uint64_t value)
{
	json_array_append_new(
		rows, json_pack("{s:s,s:I}", "counter", counter, "value", (json_int_t)value));
}

void process_count(void *arg, json_t *rows)
{
	const struct process *process = arg;
	struct monitor_stats monitor;
	uint64_t handed_over = 0, shed = 0;

	for (unsigned i = 0; i < process->shared.count; i++) {
		const struct runtime *runtime = process->shared.shards[i];

		handed_over += atomic_load_explicit(&runtime->handed_over, memory_order_relaxed);
		shed += atomic_load_explicit(&runtime->shed, memory_order_relaxed);
	}
	monitor_stats(process->monitor, &monitor);
	add(rows, "trace.listeners", monitor.listeners);
	add(rows, "trace.messages", monitor.messages);
	add(rows, "trace.dropped", monitor.dropped);
	add(rows, "trace.written", monitor.written);
	add(rows, "trace.write_errors", monitor.write_errors);
	add(rows, "trace.hep_sent", monitor.hep_sent);
	add(rows, "trace.hep_errors", monitor.hep_errors);
	add(rows, "shards.handed_over", handed_over);
	add(rows, "shards.shed", shed);
}
