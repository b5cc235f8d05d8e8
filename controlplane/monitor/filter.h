/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a listener wants to see. `from`, `to` and `source` choose calls: who one message of fits is
 * followed in all its messages, on both legs. `call` names one, and `method` picks messages.
 */
#ifndef CONTROLPLANE_MONITOR_FILTER_H
#define CONTROLPLANE_MONITOR_FILTER_H

#include "sip/trace/record.h"

struct sip_msg;

#define FILTER_TEXT    128
#define FILTER_FOLLOWS 1024u /* calls that are followed at a time */

struct trace_filter {
	uint64_t call;                           /* 0: any */
	char from[FILTER_TEXT], to[FILTER_TEXT]; /* user, or user@host; "": any */
	char method[32];                         /* of the request or of its responses */
	struct sip_address source;               /* family 0: any; the port is not looked at */
};

struct trace_follow {
	struct trace_filter filter;
	uint64_t followed[FILTER_FOLLOWS]; /* keys of calls, by hash */
};

/* record->call is known by now; msg NULL: it cannot be read. */
bool trace_follow_wants(struct trace_follow *follow, const struct trace_record *record,
			const struct sip_msg *msg);

#endif
