/* SPDX-License-Identifier: BSD-3-Clause */
/* How a call ends: everybody is told, the media goes, the CDR is written, the memory is freed. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/events/events.h"
#include "controlplane/store/store.h"
#include "sip/base/log.h"

static void judge(const struct seat *seat, const struct media_counters *counters,
		  uint64_t round_trip_us, struct cdr_media *media)
{
	struct dp_quality q;

	media_termination_judge(seat->termination, counters, round_trip_us, &q);
	media->packets = counters->packets;
	media->lost = q.lost;
	media->expected = q.expected;
	media->late = q.late;
	media->rtt_us = counters->rtt_us;
	if (!counters->packets)
		return;
	media->mos = (uint64_t)lround(q.mos * 100);
	media->r_factor = (uint64_t)lround(q.r * 10);
	media->jitter_us = (uint64_t)lround(q.jitter_ms * 1000);
	media->longest_gap_ms = q.longest_gap_ms;
	media->burst_density = (uint64_t)lround(q.burst_density * 10000);
}

static void keep_media_facts(struct call *call)
{
	struct media_counters caller = { 0 }, callee = { 0 };
	uint64_t round_trip_us;

	if (call->caller_seat)
		media_termination_counters(call->caller_seat->termination, &caller);
	if (call->callee_seat)
		media_termination_counters(call->callee_seat->termination, &callee);
	/* What both hear is as old as both ways together. */
	round_trip_us = (uint64_t)caller.rtt_us + callee.rtt_us;
	if (call->caller_seat)
		judge(call->caller_seat, &caller, round_trip_us, &call->caller_media);
	if (call->callee_seat)
		judge(call->callee_seat, &callee, round_trip_us, &call->callee_media);
	if (call->callee)
		call->codec = call_string(call, session_codec(call->callee));
}

/* Everything of the call on the dataplane goes with its bridge. */
static void leave_bridge(struct call *call)
{
	if (!call->bridge)
		return;
	bridge_destroy(call->bridge, call->reason);
	call->bridge = NULL;
	call->caller_seat = call->callee_seat = NULL;
	if (call->caller)
		call->caller->seat = NULL;
	for (unsigned i = 0; i < call->branch_count; i++) {
		if (call->branches[i].session)
			call->branches[i].session->seat = NULL;
	}
}

/* The same without a word to the dataplane. */
static void leave_bridge_alone(struct call *call)
{
	if (call->bridge)
		bridge_forget(call->bridge);
	call->bridge = NULL;
}

void call_hang_up(struct call *call, unsigned status, const char *reason, const char *ended_by)
{
	const struct call_cause cause = { .status = status,
					  .reason = reason,
					  .ended_by = ended_by };

	if (call && !call_is_over(call))
		call_event(call, CALL_ON_HANGUP, &cause);
}

static void end_leg(struct call *call, struct session *s, struct slice headers)
{
	if (s && !transfer_keeps(call, s))
		session_end(s, call->cause, headers);
}

void call_end(struct call *call, const struct call_cause *cause)
{
	struct slice headers = cause->headers ? slice_of(cause->headers) : SLICE_NONE;

	call->cause = cause->status;
	call->reason = cause->reason ? cause->reason : "failed";
	call->ended_by = cause->ended_by ? cause->ended_by : "system";
	call->ended_ms = shard_wall_ms();
	timer_cancel(call->engine->shard->wheel, &call->timer);
	transfer_call_ended(call, cause->status);
	keep_media_facts(call);
	leave_bridge(call);

	call_exchange_stop(call);
	end_leg(call, call->caller, headers);
	for (unsigned i = 0; i < call->branch_count; i++)
		end_leg(call, call->branches[i].session, headers);
	for (struct other *o = call->others; o; o = o->next)
		end_leg(call, o->session, headers);
	call_check_empty(call);
}

static const char *trunk_name(const struct call *call, int trunk)
{
	return trunk >= 0 ? call->engine->shard->config->trunks[trunk].name : "";
}

static void write_cdr(struct call *call)
{
	struct cdr cdr = {
		.call = call->id,
		.from = call->from,
		.to = call->to,
		.caller_address = call->caller_address,
		.callee_address = call->callee_address,
		.trunk_in = trunk_name(call, call->trunk_in),
		.trunk_out = trunk_name(call, call->trunk_out),
		.started_ms = call->started_ms,
		.ringing_ms = call->ringing_ms,
		.answered_ms = call->answered_ms,
		.ended_ms = call->ended_ms,
		.cause = call->cause,
		.reason = call->reason,
		.ended_by = call->ended_by,
		.codec = call->codec,
		.caller = call->caller_media,
		.callee = call->callee_media,
	};
	int error = store_cdr_put(call->engine->shard->store, &cdr);

	if (error)
		LOG_ERROR("call", call->id, "no CDR: %s", strerror(-error));
}

static void free_call(struct call *call)
{
	call_drop_relays(call);
	description_clear(&call->offer);
	session_free(call->caller);
	for (unsigned i = 0; i < call->branch_count; i++)
		session_free(call->branches[i].session);
	for (struct other *o = call->others; o; o = o->next)
		session_free(o->session);
	arena_destroy(call->arena);
	free(call);
}

void call_move_trunk(struct call *call, int *trunk, int to)
{
	struct engine *e = call->engine;

	if (*trunk >= 0) {
		limits_release_trunk(*trunk);
		e->trunk_calls[*trunk]--;
	}
	*trunk = to;
	if (to >= 0) {
		limits_take_trunk(e->shard->config, to, true);
		e->trunk_calls[to]++;
	}
}

/* Off the lists, and no place taken any more. */
static void let_go(struct call *call)
{
	struct engine *e = call->engine;

	transfer_call_forgotten(call);
	if (call->counted)
		limits_release_call();
	if (call->trunk_in >= 0) {
		limits_release_trunk(call->trunk_in);
		e->trunk_calls[call->trunk_in]--;
	}
	if (call->trunk_out >= 0) {
		limits_release_trunk(call->trunk_out);
		e->trunk_calls[call->trunk_out]--;
	}
	hash_index_remove(&e->by_id, &call->node);
	*call->prev = call->next;
	if (call->next)
		call->next->prev = call->prev;
	e->count--;
}

static void on_reap(struct timer *timer)
{
	struct engine *e = (struct engine *)((char *)timer - offsetof(struct engine, reaper));

	while (e->dead) {
		struct call *call = e->dead;

		e->dead = call->next;
		free_call(call);
	}
}

static void tell_end(struct call *call)
{
	write_cdr(call);
	LOG_INFO("call", call->id,
		 "%s -> %s ended: %s (%u) by %s, %" PRIu64 " + %" PRIu64 " packets", call->from,
		 call->to, call->reason, call->cause, call->ended_by, call->caller_media.packets,
		 call->callee_media.packets);
	event_publish(call->engine->shard->events, EVENT_CALL_ENDED, call->id, 0, call->reason,
		      call->ended_by);
}

void call_finish(struct call *call, const struct call_cause *cause)
{
	struct engine *e = call->engine;

	(void)cause;
	if (!call->guest)
		tell_end(call);
	let_go(call);
	call->next = e->dead;
	e->dead = call;
	timer_set(e->shard->wheel, &e->reaper, 0, on_reap);
}

void engine_reap(struct engine *e)
{
	timer_cancel(e->shard->wheel, &e->reaper);
	on_reap(&e->reaper);
}

void engine_abandon(struct call *call)
{
	timer_cancel(call->engine->shard->wheel, &call->timer);
	/* It has ended, and only its phones have not said so yet. */
	if (call->ended_ms && !call->guest)
		write_cdr(call);
	leave_bridge_alone(call);
	let_go(call);
	free_call(call);
}
