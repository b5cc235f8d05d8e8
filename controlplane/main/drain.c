/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "controlplane/engine/engine.h"
#include "controlplane/main/mailbox.h"
#include "controlplane/main/process.h"
#include "controlplane/session/media.h"
#include "sip/base/log.h"

#define TICK_MS  20u
#define COUNT_MS 2000u /* a shard that does not say what it has left is not waited for */

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

bool process_wait(struct process *process, bool (*done)(struct process *process), uint64_t ms)
{
	uint64_t end = runtime_now_ms() + ms;
	bool in_time;

	uv_timer_start(&process->tick, on_tick, TICK_MS, TICK_MS);
	while (!(in_time = done(process)) && runtime_now_ms() < end)
		uv_run(&process->loop, UV_RUN_ONCE);
	uv_timer_stop(&process->tick);
	return in_time;
}

/* What all shards have left. Outlives a shard that answers too late. */
struct census {
	unsigned missing; /* shards that have not answered */
	unsigned calls, commands, trunks;
	bool abandoned;
};

struct answer {
	struct census *census;
	unsigned calls, commands, trunks;
};

static void add_answer(void *owner, void *arg)
{
	struct answer *answer = arg;
	struct census *census = answer->census;

	(void)owner;
	census->calls += answer->calls;
	census->commands += answer->commands;
	census->trunks += answer->trunks;
	census->missing--;
	if (census->abandoned && census->missing == 0)
		free(census);
	free(answer);
}

static void count_in_shard(struct shard *shard, void *arg)
{
	struct runtime *runtime = (struct runtime *)shard;
	struct answer *answer = arg;
	struct media_stats media;

	answer->calls = engine_call_count(shard->engine);
	answer->trunks = engine_leaving(shard->engine);
	media_stats(shard->media, &media);
	/* Without a dataplane nobody will ever answer them. */
	if (media_is_up(shard->media))
		answer->commands = media.in_flight + media.waiting;
	mailbox_post(runtime->shared->main, add_answer, answer);
}

static struct census *ask_all(struct process *process)
{
	struct census *census = calloc(1, sizeof(*census));

	for (unsigned i = 0; census && i < process->shared.count; i++) {
		struct answer *answer = calloc(1, sizeof(*answer));

		if (!answer)
			break;
		answer->census = census;
		census->missing++;
		if (shard_post(&process->shared.shards[i]->shard, count_in_shard, answer) != 0) {
			census->missing--;
			free(answer);
		}
	}
	return census;
}

/* True: nothing is left, and all have said so. */
static bool is_empty(struct process *process, unsigned *calls)
{
	struct census *census = ask_all(process);
	uint64_t end = runtime_now_ms() + COUNT_MS;
	bool empty;

	if (!census)
		return false;
	while (census->missing > 0 && runtime_now_ms() < end)
		uv_run(&process->loop, UV_RUN_ONCE);
	empty = census->missing == 0 && census->calls == 0 && census->commands == 0 &&
		census->trunks == 0;
	*calls = census->calls;
	census->abandoned = census->missing > 0;
	if (!census->abandoned)
		free(census);
	return empty;
}

static void hangup_all(struct shard *shard, void *arg)
{
	(void)arg;
	engine_hangup_all(shard->engine);
	engine_leave_trunks(shard->engine);
}

void process_drain(struct process *process)
{
	uint64_t end = runtime_now_ms() + PROCESS_DRAIN_MS;
	unsigned signals = process->asked_to_end, calls = 0;
	bool empty;

	for (unsigned i = 0; i < process->shared.count; i++) {
		struct shard *shard = &process->shared.shards[i]->shard;

		atomic_store(&shard->draining, true);
		shard_post(shard, hangup_all, NULL);
	}
	uv_timer_start(&process->tick, on_tick, TICK_MS, TICK_MS);
	while (!(empty = is_empty(process, &calls)) && runtime_now_ms() < end &&
	       process->asked_to_end == signals)
		uv_run(&process->loop, UV_RUN_ONCE);
	uv_timer_stop(&process->tick);
	if (!empty)
		LOG_WARN("main", 0, "%u calls: their phones have not confirmed the end in time",
			 calls);
}
