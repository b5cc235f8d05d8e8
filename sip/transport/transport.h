/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transports carry bytes of messages between sockets and the transaction layer (RFC 3261 §18).
 *
 * One transport set per shard, driven by the shard's libuv loop. UDP sockets are opened with
 * SO_REUSEPORT so that each shard has its own; datagrams are received and sent in batches.
 * Responses go where RFC 3261 §18.2.2 and RFC 3581 say: received/rport.
 */
#ifndef SIP_TRANSPORT_TRANSPORT_H
#define SIP_TRANSPORT_TRANSPORT_H

#include "sip/base/address.h"

enum sip_transport_kind { SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS };

/* A connection. Stale handles are errors, and never somebody else's connection. */
struct sip_flow {
	uint32_t index; /* 0: none */
	uint16_t generation;
	uint16_t shard; /* whose transport holds it */
};

/* A remote party and the local socket it is reached through. Copied by value. */
struct sip_path {
	struct sip_address remote;
	struct sip_flow flow; /* streams: the connection; none: any to this address, or a new one */
	uint8_t kind;         /* enum sip_transport_kind */
	uint8_t listener;     /* index of the local listener */
	uint8_t reserved[6];
};

struct sip_transport;
typedef struct uv_loop_s uv_loop_t;

struct sip_listener_config {
	enum sip_transport_kind kind;
	struct sip_address address;
};

struct sip_transport_stats {
	uint64_t received, sent, received_bytes, sent_bytes;
	uint64_t dropped_size;      /* empty, larger than the limit */
	uint64_t dropped_keepalive; /* CRLF, STUN (RFC 5626 §4.4): not messages */
	uint64_t send_errors;
};

struct sip_transport_config {
	uv_loop_t *loop;
	const struct sip_listener_config *listeners;
	unsigned listener_count;
	size_t message_max; /* bytes */
	/* Called for each datagram or framed message, in the loop's thread. */
	void (*receive)(void *arg, const char *data, size_t size, const struct sip_path *from);
	void *arg;
};

/* Opens and binds all listeners. why: text that names the address that failed; handles of those
 * that had been opened are then closed, and leave when the loop runs. */
int sip_transport_create(const struct sip_transport_config *config,
			 struct sip_transport **transport, char *why, size_t why_size);
/* Closes the sockets; `closed` is called when the loop has let go of them. */
void sip_transport_close(struct sip_transport *transport, void (*closed)(void *arg), void *arg);

/* 0 or -errno (-ENETUNREACH, -EMSGSIZE…). Copies or sends at once: what is sent from `receive`
 * leaves together when the burst has been handled, and errors of that are only counted. */
int sip_transport_send(struct sip_transport *transport, const struct sip_path *to, const char *data,
		       size_t size);
/* Finds a listener of the kind and the family of remote, among those whose bit (1 << index) is set
 * in `listeners`. -ENETUNREACH: none. */
#define SIP_LISTENERS_ANY UINT64_MAX
int sip_transport_path(const struct sip_transport *transport, enum sip_transport_kind kind,
		       uint64_t listeners, const struct sip_address *remote, struct sip_path *path);
/* Local address of a listener, for Via and Contact: "198.18.0.10:5060" or "[2001:2::10]:5060". */
const char *sip_transport_host(const struct sip_transport *transport, unsigned listener);
void sip_transport_stats(const struct sip_transport *transport, struct sip_transport_stats *stats);

#endif
