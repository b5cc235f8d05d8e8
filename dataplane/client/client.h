/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library that attaches to the dataplane's segment. No EAL, no hugepages, no privileges
 * beyond the socket's.
 *
 * A client is opened and closed by one thread. Each of its channels may be used by one thread of
 * its own. When the dataplane dies, dp_client_fd() reads end of file: close the client and open a
 * new one; the statistics of the dead one can be read until the close. Commands whose reply had
 * not been received at the close may or may not have been carried out.
 */
#ifndef DATAPLANE_CLIENT_CLIENT_H
#define DATAPLANE_CLIENT_CLIENT_H

#include <stddef.h>

#include "dataplane/api/commands.h"
#include "dataplane/api/counters.h"
#include "dataplane/api/segment.h"

struct dp_client;
struct dp_client_channel;

/*
 * Attaches as a client with so many channels (1..DP_CHANNELS_MAX), or as an observer (channels 0).
 * Each channel has started its epoch and sent SYNC, whose reply is consumed here.
 * Never blocks longer than timeout_ms. why (optional): text for a log or a terminal.
 * -ENOENT/-ECONNREFUSED: no dataplane; -EPROTO: other layout version; -EBUSY: no channels left;
 * -ETIMEDOUT.
 */
int dp_client_open(const char *socket_path, const char *name, unsigned channels, int timeout_ms,
		   struct dp_client **client, char *why, size_t why_size);
void dp_client_close(struct dp_client *client);

/* Becomes readable (end of file) when the dataplane is gone. Nothing else is to be read from it. */
int dp_client_fd(const struct dp_client *client);
uint64_t dp_client_boot_id(const struct dp_client *client);
const struct dp_stats_header *dp_client_stats(const struct dp_client *client);

/* index: 0 .. channels - 1 of this client. */
struct dp_client_channel *dp_client_channel(struct dp_client *client, unsigned index);

/* Readable when events wait; drain with dp_channel_receive() until it returns 0. */
int dp_channel_fd(const struct dp_client_channel *channel);

/*
 * Sends a command: type, cookie and body are the caller's, the rest is filled in.
 * -EAGAIN: the ring is full, try again when events were received (back-pressure).
 */
int dp_channel_send(struct dp_client_channel *channel, struct dp_command *command);

/*
 * The same without waking anybody up: dp_channel_ring() does, once for all that were put. Commands
 * that are put may be carried out before it.
 */
int dp_channel_put(struct dp_client_channel *channel, struct dp_command *command);
void dp_channel_ring(struct dp_client_channel *channel);

/*
 * The same for many at once, with one doorbell: as many as there is room for, in order. Returns how
 * many were sent, from the first on (0: the ring is full), or -EINVAL: the first one's type is
 * unknown. One of unknown type further on ends the batch before it.
 */
int dp_channel_send_batch(struct dp_client_channel *channel, struct dp_command *commands,
			  unsigned count);

/* Bytes of the body of a type; 0 for an unknown type. */
size_t dp_command_size(enum dp_command_type type);
const char *dp_command_name(enum dp_command_type type);

/* Receives up to count events. Returns 0 when there are none, and then the doorbell is armed. */
unsigned dp_channel_receive(struct dp_client_channel *channel, struct dp_event *events,
			    unsigned count);
/* What is there, without a look at the doorbell: for replies to quiet commands. */
unsigned dp_channel_take(struct dp_client_channel *channel, struct dp_event *events,
			 unsigned count);

/* Statistics: the sections, with their index checked. NULL when out of range. */
const struct dp_port_stats *dp_stats_port(const struct dp_stats_header *stats, unsigned port);
const struct dp_worker_stats *dp_stats_worker(const struct dp_stats_header *stats, unsigned worker);
const struct dp_node_stats *dp_stats_node(const struct dp_stats_header *stats, unsigned worker,
					  unsigned node);
const struct dp_pool_stats *dp_stats_pool(const struct dp_stats_header *stats, unsigned pool);
const struct dp_realm_stats *dp_stats_realm(const struct dp_stats_header *stats, unsigned realm);

/* Consistent copies; false: the index is free, out of range, or was being rewritten all the time. */
bool dp_stats_context(const struct dp_stats_header *stats, uint32_t index,
		      struct dp_context_record *copy);
bool dp_stats_termination(const struct dp_stats_header *stats, uint32_t index,
			  struct dp_termination_record *copy);
const struct dp_termination_counters *dp_stats_counters(const struct dp_stats_header *stats,
							uint32_t index);

/* Text of an address, "198.18.0.20:16384" or "[2001:2::20]:16384"; "-" for family NONE. */
#define DP_ADDRESS_TEXT 64
const char *dp_address_format(const struct dp_address *address, char text[DP_ADDRESS_TEXT]);
/* The reverse, for an IP without port. 0 or -EINVAL. */
int dp_address_parse(const char *ip, uint16_t port, struct dp_address *address);
bool dp_address_equal(const struct dp_address *a, const struct dp_address *b);

#endif
