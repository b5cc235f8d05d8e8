/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the af_packet driver of DPDK 22.11 does not tell: how many frames found its ring full. The
 * kernel counts them per socket, and the driver keeps its sockets to itself, so they are looked for
 * among the descriptors of the process.
 */
#ifndef DATAPLANE_KERNEL_PACKET_SOCKET_H
#define DATAPLANE_KERNEL_PACKET_SOCKET_H

#include <stdint.h>

#define PACKET_SOCKETS_MAX 32u

/* They are the driver's: to be asked until the port is stopped, and not to be closed. */
struct packet_sockets {
	unsigned count;
	int fd[PACKET_SOCKETS_MAX];
};

/* Those of this process that are bound to the interface. */
void packet_sockets_find(int ifindex, struct packet_sockets *sockets);
/* Frames that did not fit, since this was asked last. */
uint64_t packet_sockets_missed(const struct packet_sockets *sockets);

#endif
