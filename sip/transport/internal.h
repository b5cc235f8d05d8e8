/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to sip/transport. */
#ifndef SIP_TRANSPORT_INTERNAL_H
#define SIP_TRANSPORT_INTERNAL_H

#include "sip/transport/connection.h"
#include "sip/transport/udp.h"

struct listener {
	uint8_t kind;
	struct sip_address local;
	char host[SIP_ADDRESS_TEXT]; /* "ip:port", "[ip6]:port" */
	int fd;                      /* of streams */
	struct udp_socket *udp;
};

struct sip_transport {
	struct sip_transport_config config; /* its listeners are not kept */
	struct sip_transport_limits limits;
	size_t message_max;
	struct sip_transport_stats stats;
	uint64_t arrived_ns; /* of the message that is being delivered; 0: not known */
	void (*closed)(void *arg);
	void *closed_arg;
	unsigned closing; /* handles that the loop still holds */

	/* streams */
	struct flow_table flows;
	uv_poll_t poll; /* of epoll; data: this */
	int epoll;      /* -1: no stream listeners */
	int spare;      /* given up for a moment when there are no descriptors left */
	struct tls_session sessions[TLS_SESSIONS];
	char *in; /* what is read, while it is looked at */
	size_t in_size;
	struct connection *flush_first, **flush_end;
	struct out_buffer *out_free;
	unsigned out_free_count;

	struct udp_buffers buffers;
	unsigned count;
	struct listener listeners[];
};

static inline uint64_t transport_now(const struct sip_transport *transport)
{
	return timer_wheel_now(transport->config.wheel);
}

static inline bool is_ws(const struct connection *c)
{
	return c->kind == SIP_WS || c->kind == SIP_WSS;
}

void transport_notice(struct sip_transport *transport, enum sip_transport_notice what,
		      const struct sip_path *path, const char *why);

#endif
