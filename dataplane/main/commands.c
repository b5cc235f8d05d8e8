/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/commands.h"

#include <errno.h>

#include "dataplane/client/client.h"
#include "dataplane/flow/flow.h"

static int context_add(struct flow_table *t, uint32_t channel, const struct dp_command *c,
		       struct dp_ev_reply *reply)
{
	return flow_context_add(t, channel, c->context_add.label, &reply->handle);
}

static int context_claim(struct flow_table *t, uint32_t channel, const struct dp_command *c,
			 struct dp_ev_reply *reply)
{
	reply->handle = c->context_claim.context;
	return flow_context_claim(t, channel, c->context_claim.context);
}

static int context_remove(struct flow_table *t, uint32_t channel, const struct dp_command *c,
			  struct dp_ev_reply *reply)
{
	(void)channel;
	reply->handle = c->context_remove.context;
	return flow_context_remove(t, c->context_remove.context);
}

static int termination_add(struct flow_table *t, uint32_t channel, const struct dp_command *c,
			   struct dp_ev_reply *reply)
{
	(void)channel;
	return flow_termination_add(t, &c->termination_add, &reply->handle, &reply->local);
}

static int termination_modify(struct flow_table *t, uint32_t channel, const struct dp_command *c,
			      struct dp_ev_reply *reply)
{
	(void)channel;
	reply->handle = c->termination_modify.termination;
	return flow_termination_modify(t, &c->termination_modify);
}

static int termination_remove(struct flow_table *t, uint32_t channel, const struct dp_command *c,
			      struct dp_ev_reply *reply)
{
	(void)channel;
	reply->handle = c->termination_remove.termination;
	return flow_termination_remove(t, c->termination_remove.termination);
}

static int topology(struct flow_table *t, uint32_t channel, const struct dp_command *c,
		    struct dp_ev_reply *reply)
{
	(void)channel;
	reply->handle = c->topology.context;
	return flow_topology_set(t, &c->topology);
}

/* SYNC is the channel's own (channel.c) and has no entry. */
static int (*const handlers[DP_COMMAND_TYPES])(struct flow_table *t, uint32_t channel,
					       const struct dp_command *c,
					       struct dp_ev_reply *reply) = {
	[DP_COMMAND_CONTEXT_ADD] = context_add,
	[DP_COMMAND_CONTEXT_CLAIM] = context_claim,
	[DP_COMMAND_CONTEXT_REMOVE] = context_remove,
	[DP_COMMAND_TERMINATION_ADD] = termination_add,
	[DP_COMMAND_TERMINATION_MODIFY] = termination_modify,
	[DP_COMMAND_TERMINATION_REMOVE] = termination_remove,
	[DP_COMMAND_TOPOLOGY] = topology,
};

int commands_execute(void *table, uint32_t channel, const struct dp_command *command,
		     struct dp_ev_reply *reply)
{
	if (command->type >= DP_COMMAND_TYPES || !handlers[command->type])
		return -ENOSYS;
	if (command->size != dp_command_size(command->type))
		return -EINVAL;
	return handlers[command->type](table, channel, command, reply);
}
