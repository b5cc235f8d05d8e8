/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP sockets of a transport set: bursts in with recvmmsg(2); what is sent in a turn of the loop
 * goes out with one sendmmsg(2) a socket at its end. Private to sip/transport.
 */
#ifndef SIP_TRANSPORT_UDP_H
#define SIP_TRANSPORT_UDP_H

#include <sys/socket.h>
#include <time.h>
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

#define UDP_OUT_MAX  64u
#define UDP_OUT_ROOM (256u << 10) /* bytes of what waits for the end of the turn */

/* A datagram that waits. */
struct udp_out {
	struct udp_socket *socket;
	struct sip_address to;
	uint32_t offset, size;
};

/* What the kernel says of a datagram: its source, and when it came. */
struct udp_in {
	struct sockaddr_storage from;
	struct iovec data;
	union {
		char space[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
};

/* Buffers of the set, shared by its sockets. */
struct udp_buffers {
	char *in;       /* UDP_BURST * in_size, used within one wake-up */
	size_t in_size; /* of one: a byte more than message_max tells the oversize */
	/* What recvmmsg(2) is asked for: set up once, and again what it has written to. */
	struct udp_in about[UDP_BURST];
	struct mmsghdr burst[UDP_BURST];
	char *out; /* UDP_OUT_ROOM */
	uint32_t out_used;
	unsigned out_count;
	struct udp_out waiting[UDP_OUT_MAX];
};

/* The part for receiving, when `in` is there. */
void udp_prepare(struct udp_buffers *buffers);

/* Opens and binds. local: what it is bound to. why: text on failure. */
int udp_open(struct udp_socket *socket, const struct sip_address *address,
	     struct sip_address *local, char *why, size_t why_size);
int udp_start(struct udp_socket *socket, uv_loop_t *loop);
/* The handle has still to be closed. */
void udp_stop(struct udp_socket *socket);
/* It leaves with udp_flush(), or when there is no more room. */
int udp_send(struct udp_socket *socket, const struct sip_address *to, const char *data,
	     size_t size);
/* Sends what waits; flow_failed is called for what the system refuses. */
void udp_flush(struct sip_transport *transport);

#endif
