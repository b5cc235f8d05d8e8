/* SPDX-License-Identifier: BSD-3-Clause */
/* Birth and death of calls, and how they are found. */
#include "controlplane/engine/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_FIRST 768 /* strings and a branch of most calls */
#define ARENA_LIMIT (64 * 1024)

int call_create(struct engine *e, uint64_t id, struct call **out)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;
	call->arena = arena_create(ARENA_FIRST, ARENA_LIMIT);
	if (!call->arena) {
		free(call);
		return -ENOMEM;
	}
	call->engine = e;
	call->id = id;
	call->trunk_in = call->trunk_out = -1;
	call->invite_headers = "";
	call->from = call->to = call->caller_address = call->callee_address = "";
	call->reason = call->ended_by = call->codec = call->answered_by = "";
	call->started_ms = shard_wall_ms();
	hash_index_insert(&e->by_id, &call->node, hash_index_mix(0, id));
	call->next = e->calls;
	if (call->next)
		call->next->prev = &call->next;
	call->prev = &e->calls;
	e->calls = call;
	e->count++;
	*out = call;
	return 0;
}

int call_make_branches(struct call *call, unsigned count)
{
	call->branches = arena_calloc(call->arena, count * sizeof(*call->branches));
	call->branch_count = call->branches ? count : 0;
	return call->branches || !count ? 0 : -ENOMEM;
}

const char *call_string(struct call *call, const char *text)
{
	struct slice copy = arena_slice(call->arena, slice_of(text));

	return copy.p ? copy.p : "";
}

struct call *call_find(const struct engine *e, uint64_t id)
{
	uint64_t hash = hash_index_mix(0, id);

	for (struct hash_node *n = hash_index_first(&e->by_id, hash); n; n = hash_index_next(n)) {
		struct call *call = (struct call *)((char *)n - offsetof(struct call, node));

		if (call->id == id)
			return call;
	}
	return NULL;
}

bool call_is_over(const struct call *call)
{
	return call->state == CALL_ENDING || call->state == CALL_ENDED;
}

void call_check_empty(struct call *call)
{
	if (call->state != CALL_ENDING || session_is_alive(call->caller))
		return;
	for (unsigned i = 0; i < call->branch_count; i++) {
		if (session_is_alive(call->branches[i].session))
			return;
	}
	for (const struct other *o = call->others; o; o = o->next) {
		if (session_is_alive(o->session))
			return;
	}
	call_event(call, CALL_ON_EMPTY, NULL);
}
