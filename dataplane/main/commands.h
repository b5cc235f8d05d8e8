/* SPDX-License-Identifier: BSD-3-Clause */
/* From a command of a client to the flow table. Manager thread. */
#ifndef DATAPLANE_MAIN_COMMANDS_H
#define DATAPLANE_MAIN_COMMANDS_H

#include "dataplane/api/commands.h"

struct flow_table;

/*
 * Carries out any command but SYNC. table: struct flow_table. Returns the status of the reply:
 * -ENOSYS for an unknown type, -EINVAL if size is not that of the type, or what the table says.
 */
int commands_execute(void *table, uint32_t channel, const struct dp_command *command,
		     struct dp_ev_reply *reply);

#endif
