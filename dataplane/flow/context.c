/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "dataplane/flow/internal.h"
#include "dataplane/flow/slab.h"

int context_find(const struct flow_table *t, dp_handle_t h, struct context **context)
{
	if (h.generation == 0 || h.index >= t->max ||
	    t->context_records[h.index].generation != h.generation)
		return -ESTALE;
	*context = &t->contexts[h.index];
	return 0;
}

int flow_context_add(struct flow_table *t, uint32_t owner, uint64_t label, dp_handle_t *handle)
{
	struct dp_context_record *record;
	uint32_t index = t->free_context;

	if (label == 0 || owner >= DP_CHANNELS_MAX)
		return -EINVAL;
	if (index >= t->max)
		return -ENOSPC;
	t->free_context = t->contexts[index].next_free;
	t->contexts[index] = (struct context){ 0 };
	t->contexts_used++;
	if (index >= t->contexts_high)
		t->contexts_high = index + 1;
	context_own(t, index, owner);
	record = &t->context_records[index];
	record_begin(&record->version);
	record->generation = next_generation(t);
	record->label = label;
	record->terminations = 0;
	record->owner = owner;
	record->unclaimed_ms = 0;
	record_end(&record->version);
	*handle = (dp_handle_t){ index, record->generation };
	return 0;
}

int flow_context_claim(struct flow_table *t, uint32_t owner, dp_handle_t handle)
{
	struct dp_context_record *record;
	struct context *context;
	int error = context_find(t, handle, &context);

	if (error)
		return error;
	if (owner >= DP_CHANNELS_MAX)
		return -EINVAL;
	context_release(t, handle.index);
	context_own(t, handle.index, owner);
	record = &t->context_records[handle.index];
	record_begin(&record->version);
	record->owner = owner;
	record->unclaimed_ms = 0;
	record_end(&record->version);
	return 0;
}

int flow_context_remove(struct flow_table *t, dp_handle_t handle)
{
	struct dp_context_record *record;
	struct context *context;
	int error = context_find(t, handle, &context);

	if (error)
		return error;
	record = &t->context_records[handle.index];
	context_release(t, handle.index);
	while (context->count > 0)
		termination_release(t, &t->terminations[context->member[context->count - 1]]);
	record_begin(&record->version);
	record->generation = 0;
	record->label = 0;
	record_end(&record->version);
	context->next_free = t->free_context;
	t->free_context = handle.index;
	t->contexts_used--;
	return 0;
}

static void set_hearing(struct context *c, uint8_t listener, uint8_t speaker, bool hears)
{
	if (hears)
		c->hears[listener] |= (uint8_t)(1u << speaker);
	else
		c->hears[listener] &= (uint8_t) ~(1u << speaker);
}

int flow_topology_set(struct flow_table *t, const struct dp_cmd_topology *topology)
{
	struct termination *a, *b;
	struct context *context;
	int error = context_find(t, topology->context, &context);

	if (error)
		return error;
	error = termination_find(t, topology->a, &a);
	if (!error)
		error = termination_find(t, topology->b, &b);
	if (error)
		return error;
	if (topology->topology > DP_TOPOLOGY_ISOLATE || a == b ||
	    a->context != topology->context.index || b->context != topology->context.index)
		return -EINVAL;
	if (!slab_reserve(&t->slab, context->count))
		return -ENOSPC; /* before anything is changed */
	set_hearing(context, b->position, a->position, topology->topology != DP_TOPOLOGY_ISOLATE);
	set_hearing(context, a->position, b->position, topology->topology == DP_TOPOLOGY_BOTHWAY);
	return context_publish(t, context);
}
