/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The media binding: contexts and terminations of this shard's calls on the dataplane.
 *
 * Requests are sent through the shard's channel and come back by callback, in order; nothing
 * waits. Without a dataplane a request that needs an answer fails at once with -ENOTCONN; what
 * is already up is remembered here and programmed again, with the same ports and the last latched
 * addresses, when a dataplane comes back (another boot_id).
 * After a restart of ours (same boot_id), media_adopt() takes over what is there; what no call on
 * record claims is removed.
 *
 * All in the shard's thread.
 */
#ifndef CONTROLPLANE_SESSION_MEDIA_H
#define CONTROLPLANE_SESSION_MEDIA_H

#include <stdbool.h>

#include "dataplane/client/client.h"

struct shard;
struct media;

int media_create(struct shard *shard, struct media **media);
void media_destroy(struct media *media);

/*
 * The link to the dataplane, run by the main thread, posts these to each shard. channel and stats
 * stay valid until media_detached() has returned. After media_attached() the media reads events
 * from the channel with a uv_poll of the shard's loop.
 */
void media_attached(struct media *media, struct dp_client *client,
		    struct dp_client_channel *channel, uint64_t boot_id);
void media_detached(struct media *media);
bool media_is_up(const struct media *media);

#endif
