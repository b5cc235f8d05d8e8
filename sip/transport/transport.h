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

#include <netinet/in.h>
#include <sys/socket.h>

#include "sip/base/slice.h"

enum sip_transport_kind { SIP_UDP, SIP_TCP, SIP_TLS, SIP_WS, SIP_WSS };

/* A remote party and the local socket it is reached through. Copied by value. */
struct sip_path {
	struct sockaddr_storage remote;
	uint8_t kind;     /* enum sip_transport_kind */
	uint8_t listener; /* index of the local listener */
	uint16_t reserved;
	uint32_t connection; /* streams: which one; 0: any */
};

struct sip_transport;
typedef struct uv_loop_s uv_loop_t;

struct sip_listener_config {
	enum sip_transport_kind kind;
	struct sockaddr_storage address;
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
		       uint64_t listeners, const struct sockaddr *remote, struct sip_path *path);
/* Local address of a listener, for Via and Contact: "198.18.0.10:5060" or "[2001:2::10]:5060". */
const char *sip_transport_host(const struct sip_transport *transport, unsigned listener);
void sip_transport_stats(const struct sip_transport *transport, struct sip_transport_stats *stats);

/* sockaddr helpers: text without port; port in host order; equality of address and port. */
#define SIP_ADDRESS_TEXT 64
const char *sip_sockaddr_ip(const struct sockaddr_storage *address, char text[SIP_ADDRESS_TEXT]);
uint16_t sip_sockaddr_port(const struct sockaddr_storage *address);
bool sip_sockaddr_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b);
/* From an IP in text (no name, brackets allowed); 0 or -EINVAL. */
int sip_sockaddr_parse(struct slice ip, uint16_t port, struct sockaddr_storage *address);

#endif
