/* SPDX-License-Identifier: BSD-3-Clause */
/* Which call a Call-ID belongs to: a call has one for each of its legs. Of fixed size; the least
 * recently used ones are forgotten. */
#ifndef CONTROLPLANE_MONITOR_CALLS_H
#define CONTROLPLANE_MONITOR_CALLS_H

#include "sip/base/slice.h"

struct calls;
int calls_create(struct calls **calls);
void calls_destroy(struct calls *calls);
void calls_learn(struct calls *calls, struct slice call_id, uint64_t call);
/* 0: not known. */
uint64_t calls_find(struct calls *calls, struct slice call_id);

#endif
