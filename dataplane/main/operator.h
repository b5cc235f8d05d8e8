/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator may ask for (dataplane/api/operator.h), and what he is sent. Manager thread. */
#ifndef DATAPLANE_MAIN_OPERATOR_H
#define DATAPLANE_MAIN_OPERATOR_H

#include "dataplane/api/operator.h"

struct dataplane;

/* For struct server_config; arg: struct dataplane. The fields are checked here. */
int operator_operation(void *arg, uint32_t operator_id, const struct dp_operation *operation,
		       int fd, struct dp_operation_reply *reply);
void operator_gone(void *arg, uint32_t operator_id);

/* Each few milliseconds: sends what a trace has found. now_ms: any steady clock. */
void operator_tick(struct dataplane *dp, uint64_t now_ms);

#endif
