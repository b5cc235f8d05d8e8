/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages between the sockets and the user agents of the shards.
 *
 *   in    a message goes to the shard that owns its dialog, whichever shard's socket it came on
 *   out   over a connection of another shard: that one sends it
 *   lost  a connection: all shards that have sent over it are told
 */
#ifndef CONTROLPLANE_MAIN_MESSAGES_H
#define CONTROLPLANE_MAIN_MESSAGES_H

#include "controlplane/main/runtime.h"

/* Opens the listeners of a shard. As sip_transport_create(). */
int messages_open(struct runtime *runtime, char *why, size_t why_size);
/* For whoever looks at messages (controlplane/monitor). time_ns 0: now. */
void messages_trace(struct runtime *runtime, const struct sip_path *path, bool out,
		    uint64_t time_ns, const char *data, size_t size);
/* For the transaction layer; arg: the runtime. */
int messages_send(void *arg, const struct sip_path *to, const char *data, size_t size);

#endif
