/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shared segment and how a client gets at it.
 *
 *   client                                        dataplane (listens, SOCK_SEQPACKET)
 *     │  struct dp_attach_request                     │
 *     ├──────────────────────────────────────────────▶│  version checked, channels taken
 *     │  struct dp_attach_reply + descriptors         │
 *     │◀──────────────────────────────────────────────┤
 *     │  … the connection stays open; end of file on either side means that the other died …
 *
 * There are two memory objects. The channel area is mapped read-write by clients and holds the
 * rings. The statistics area (counters.h) is handed out as a read-only descriptor. Descriptors
 * come in this order: statistics; and for clients (not observers) the channel area, then for each
 * channel its command doorbell (an eventfd) and its event doorbell (one end of a stream socket
 * pair: the dataplane can write to it without waiting, whatever a client does to its end).
 *
 * Channel area:
 *
 *   struct dp_segment_header
 *   struct dp_channel [channels]           at header.channel_offset
 *   command ring, event ring per channel   at the offsets in the channel
 *
 * The rings are rte_ring, single producer and single consumer, elements by value. Everything in
 * the channel area can be overwritten by a broken client, so the dataplane keeps its own copy of
 * each offset and of each ring's size and mask, and compares before it touches a ring.
 *
 * Doorbells: who finds its ring empty sets its waiting flag, looks once more, and sleeps; who
 * enqueues looks at the flag after the enqueue (both with a full fence between) and rings the
 * doorbell if it was set.
 */
#ifndef DATAPLANE_API_SEGMENT_H
#define DATAPLANE_API_SEGMENT_H

#include "dataplane/api/types.h"

#define DP_SEGMENT_MAGIC  UINT64_C(0x314d45444e4154) /* "TANDEM1" */
#define DP_LAYOUT_VERSION 5u                         /* one more for each change in dataplane/api */

#define DP_CHANNELS_MAX      16u /* shards that can be attached at one time */
#define DP_COMMAND_RING_SIZE 4096u
#define DP_EVENT_RING_SIZE   8192u /* commands in flight all get a reply, and events besides */

#define DP_SOCKET_NAME "dataplane.sock" /* in the run directory */

struct dp_segment_header {
	uint64_t magic;
	uint32_t layout_version;
	uint32_t channels;
	uint64_t size; /* bytes of the channel area */
	uint64_t channel_offset;
	uint64_t boot_id; /* random at each start of the dataplane */
};

struct dp_channel {
	/* Written by the client. */
	struct {
		uint32_t epoch;   /* one more at each attach; commands carry it */
		uint32_t waiting; /* 1: ring the event doorbell */
		uint8_t pad[56];
	} client;
	/* Written by the dataplane. */
	struct {
		uint32_t epoch;   /* the epoch that the last accepted SYNC started */
		uint32_t waiting; /* 1: ring the command doorbell */
		uint32_t refused; /* commands refused with -EPROTO */
		uint8_t pad[52];
	} server;
	/* Written once by the dataplane, before any client is let in. */
	uint64_t command_ring_offset;
	uint64_t event_ring_offset;
	uint8_t pad[48];
};
static_assert(sizeof(struct dp_channel) == 192, "crosses processes");

enum dp_attach_role {
	DP_ROLE_CLIENT = 1,   /* programs the dataplane */
	DP_ROLE_OBSERVER = 2, /* reads counters only */
	DP_ROLE_OPERATOR = 3, /* an observer that may ask for what operator.h lists */
};

struct dp_attach_request {
	uint64_t magic;
	uint32_t layout_version;
	uint32_t role;     /* enum dp_attach_role */
	uint32_t channels; /* how many; 0 for observers */
	uint32_t pid;
	char name[32]; /* for people: "controlplane", "tandemctl" */
};

struct dp_attach_reply {
	uint64_t magic;
	uint32_t layout_version; /* of the dataplane; in a refusal too, so that both can be named */
	int32_t status;          /* 0, -EPROTO (version), -EBUSY (no channels left), -EINVAL */
	uint64_t boot_id;
	uint64_t channel_area_size;
	uint64_t statistics_size;
	uint32_t first_channel;
	uint32_t channels;
	uint32_t pid;
	uint32_t reserved;
};

#endif
