/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One UDP socket of a transport set: bursts in with recvmmsg(2), what the burst's handlers send
 * out with one sendmmsg(2) at its end. Private to sip/transport.
 */
#ifndef SIP_TRANSPORT_UDP_H
#define SIP_TRANSPORT_UDP_H

#include <uv.h>

#include "sip/transport/transport.h"

#define UDP_BURST      32u
#define UDP_BURSTS_MAX 4u     /* of one wake-up, so that timers and other sockets get their turn */
#define UDP_DATAGRAM   65535u /* bytes, the largest there is */

struct udp_socket {
	uv_poll_t poll; /* data: this */
	struct sip_transport *transport;
	int fd;
	uint8_t index; /* of the listener */
	uint16_t family;
	const char *host; /* of the listener */
};

/* Buffers of the set, shared by its sockets: they are used within one wake-up only. */
struct udp_buffers {
	char *in;       /* UDP_BURST * (message_max + 1): one byte more tells the oversize */
	size_t in_size; /* of one */
	char *out;      /* UDP_BURST * message_max */
	size_t out_size;
	struct sip_address out_to[UDP_BURST];
	size_t out_length[UDP_BURST];
	unsigned out_count;
	const struct udp_socket *out_socket; /* NULL: no burst, send at once */
};

/* Opens and binds. local: what it is bound to. why: text on failure. */
int udp_open(struct udp_socket *socket, const struct sip_address *address,
	     struct sip_address *local, char *why, size_t why_size);
int udp_start(struct udp_socket *socket, uv_loop_t *loop);
/* The handle has still to be closed. */
void udp_stop(struct udp_socket *socket);
int udp_send(struct udp_socket *socket, const struct sip_address *to, const char *data,
	     size_t size);

#endif
