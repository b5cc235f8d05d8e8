/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to sip/transport. */
#ifndef SIP_TRANSPORT_INTERNAL_H
#define SIP_TRANSPORT_INTERNAL_H

#include "sip/transport/udp.h"

struct sip_transport {
	uv_loop_t *loop;
	void (*receive)(void *arg, const char *data, size_t size, const struct sip_path *from);
	void *arg;
	size_t message_max;
	struct sip_transport_stats stats;
	struct udp_buffers buffers;
	void (*closed)(void *arg);
	void *closed_arg;
	unsigned closing; /* handles that the loop still holds */
	unsigned count;
	struct udp_socket sockets[]; /* listener by listener */
};

#endif
