/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sip/stun/stun.h"
#include "sip/transport/internal.h"

#define EVENTS_MAX 64
#define IN_MIN     65536u /* bytes read from a stream at a time */

const struct sip_transport_limits sip_transport_limits_default = {
	.opening_max = 4096,
	.opening_ms = 10000,
	.idle_ms = 4000000,
	.sending_ms = 20000,
	.queue_max = 1 << 20,
};

void transport_notice(struct sip_transport *transport, enum sip_transport_notice what,
		      const struct sip_path *path, const char *why)
{
	if (transport->config.notice != NULL)
		transport->config.notice(transport->config.arg, what, path, why);
}

static int buffers_create(struct udp_buffers *b, size_t message_max)
{
	b->in_size = message_max < UDP_DATAGRAM ? message_max + 1 : UDP_DATAGRAM;
	b->in = malloc(UDP_BURST * b->in_size);
	b->out = malloc(UDP_OUT_ROOM);
	if (b->in == NULL || b->out == NULL)
		return -ENOMEM;
	udp_prepare(b);
	return 0;
}

/* --- the end --- */

static void transport_free(struct sip_transport *transport)
{
	while (transport->out_free != NULL) {
		struct out_buffer *next = transport->out_free->next;

		free(transport->out_free);
		transport->out_free = next;
	}
	for (unsigned i = 0; i < transport->count; i++)
		free(transport->listeners[i].udp);
	flow_table_free(&transport->flows);
	tls_forget_sessions(transport);
	free(transport->in);
	free(transport->buffers.in);
	free(transport->buffers.out);
	free(transport);
}

static void finish_close(struct sip_transport *transport)
{
	if (transport->closed != NULL)
		transport->closed(transport->closed_arg);
	transport_free(transport);
}

static void handle_closed(struct sip_transport *transport)
{
	if (--transport->closing == 0)
		finish_close(transport);
}

static void on_udp_closed(uv_handle_t *handle)
{
	handle_closed(((struct udp_socket *)handle->data)->transport);
}

static void on_epoll_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void close_connections(struct sip_transport *transport)
{
	for (uint32_t i = 1; i < transport->flows.size; i++) {
		struct connection *c = transport->flows.slots[i];

		if (c == NULL)
			continue;
		connection_hold(c);
		if (c->state == CONNECTION_OPEN && c->out != NULL)
			stream_write(c);
		connection_drop(c);
		connection_release(c);
	}
	stream_flush_all(transport); /* lets go of those that stood on the list */
}

static void close_streams(struct sip_transport *transport)
{
	if (transport->epoll < 0)
		return;
	close_connections(transport);
	if (transport->spare >= 0)
		close(transport->spare);
	uv_poll_stop(&transport->poll);
	close(transport->epoll);
	transport->epoll = -1;
	transport->closing++;
	uv_close((uv_handle_t *)&transport->poll, on_epoll_closed);
}

void sip_transport_close(struct sip_transport *transport, void (*closed)(void *arg), void *arg)
{
	transport->closed = closed;
	transport->closed_arg = arg;
	transport->closing = 1; /* this call's */
	/* Nobody is told of what ends now. */
	transport->config.flow_failed = NULL;
	udp_flush(transport);
	close_streams(transport);
	for (unsigned i = 0; i < transport->count; i++) {
		struct listener *listener = &transport->listeners[i];

		if (listener->udp == NULL) {
			close(listener->fd);
			continue;
		}
		udp_stop(listener->udp);
		transport->closing++;
		uv_close((uv_handle_t *)&listener->udp->poll, on_udp_closed);
	}
	handle_closed(transport);
}

/* --- the beginning --- */

static void on_streams(uv_poll_t *poll, int status, int events)
{
	struct sip_transport *transport = poll->data;
	struct epoll_event ready[EVENTS_MAX];
	int n;

	(void)status;
	(void)events;
	n = epoll_wait(transport->epoll, ready, EVENTS_MAX, 0);
	/* A handler may close the set. */
	for (int i = 0; i < n && transport->epoll >= 0; i++) {
		const uint64_t data = ready[i].data.u64;

		if ((uint32_t)data == 0)
			tcp_accept(transport, (unsigned)(data >> 32));
		else
			connection_on_event(transport, data, ready[i].events);
	}
}

static int start_streams(struct sip_transport *transport, char *why, size_t why_size)
{
	int rc;

	transport->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (transport->epoll < 0) {
		snprintf(why, why_size, "epoll: %s", strerror(errno));
		return -errno;
	}
	rc = uv_poll_init(transport->config.loop, &transport->poll, transport->epoll);
	if (rc == 0) {
		transport->poll.data = transport;
		rc = uv_poll_start(&transport->poll, UV_READABLE, on_streams);
	}
	if (rc != 0) {
		snprintf(why, why_size, "event loop: %s", uv_strerror(rc));
		close(transport->epoll);
		transport->epoll = -1;
		return rc;
	}
	transport->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

/* An event of a listener has its number where that of a connection has the generation. */
static int open_stream(struct sip_transport *transport, struct listener *listener,
		       const struct sip_address *address, char *why, size_t why_size)
{
	struct epoll_event event = { .events = EPOLLIN };
	int rc = transport->epoll >= 0 ? 0 : start_streams(transport, why, why_size);

	if (rc == 0)
		rc = tcp_listen(address, &listener->local, &listener->fd, why, why_size);
	if (rc != 0)
		return rc;
	event.data.u64 = (uint64_t)(listener - transport->listeners) << 32;
	if (epoll_ctl(transport->epoll, EPOLL_CTL_ADD, listener->fd, &event) == 0)
		return 0;
	rc = -errno;
	snprintf(why, why_size, "epoll: %s", strerror(-rc));
	close(listener->fd);
	return rc;
}

static int open_udp(struct sip_transport *transport, struct listener *listener,
		    const struct sip_address *address, char *why, size_t why_size)
{
	struct udp_socket *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->transport = transport;
	s->index = (uint8_t)(listener - transport->listeners);
	s->host = listener->host;
	rc = udp_open(s, address, &listener->local, why, why_size);
	if (rc != 0) {
		free(s);
		return rc;
	}
	rc = udp_start(s, transport->config.loop);
	if (rc != 0) {
		snprintf(why, why_size, "udp: event loop: %s", uv_strerror(rc));
		close(s->fd);
		free(s);
		return rc;
	}
	listener->udp = s;
	return 0;
}

static bool needs_tls(enum sip_transport_kind kind)
{
	return kind == SIP_TLS || kind == SIP_WSS;
}

static int open_listener(struct sip_transport *transport, const struct sip_listener_config *config,
			 char *why, size_t why_size)
{
	struct listener *listener = &transport->listeners[transport->count];
	int rc;

	listener->kind = (uint8_t)config->kind;
	listener->fd = -1;
	if (config->kind == SIP_UDP) {
		rc = open_udp(transport, listener, &config->address, why, why_size);
	} else if (needs_tls(config->kind) && transport->config.tls == NULL) {
		snprintf(why, why_size, "listener %u: %s without a certificate", transport->count,
			 sip_transport_name(config->kind));
		rc = -EPROTONOSUPPORT;
	} else {
		rc = open_stream(transport, listener, &config->address, why, why_size);
	}
	if (rc != 0)
		return rc;
	sip_address_text(&listener->local, listener->host);
	transport->count++;
	return 0;
}

static int prepare(struct sip_transport *t, const struct sip_transport_config *config)
{
	t->config = *config;
	t->limits = config->limits != NULL ? *config->limits : sip_transport_limits_default;
	t->message_max = config->message_max < UDP_DATAGRAM ? config->message_max : UDP_DATAGRAM;
	t->epoll = t->spare = -1;
	t->flush_end = &t->flush_first;
	t->in_size = t->message_max > IN_MIN ? t->message_max : IN_MIN;
	t->in = malloc(t->in_size);
	if (t->in == NULL || flow_table_init(&t->flows) != 0)
		return -ENOMEM;
	return buffers_create(&t->buffers, t->message_max);
}

int sip_transport_create(const struct sip_transport_config *config,
			 struct sip_transport **transport, char *why, size_t why_size)
{
	struct sip_transport *t;
	int rc;

	if (config->listener_count > UINT8_MAX) {
		snprintf(why, why_size, "%u listeners: %u at most", config->listener_count,
			 UINT8_MAX);
		return -EINVAL;
	}
	t = calloc(1, sizeof(*t) + config->listener_count * sizeof(t->listeners[0]));
	if (t == NULL)
		goto no_memory;
	if (prepare(t, config) != 0) {
		transport_free(t);
		goto no_memory;
	}
	for (unsigned i = 0; i < config->listener_count; i++) {
		rc = open_listener(t, &config->listeners[i], why, why_size);
		if (rc != 0) {
			sip_transport_close(t, NULL, NULL);
			return rc;
		}
	}
	*transport = t;
	return 0;
no_memory:
	snprintf(why, why_size, "out of memory");
	return -ENOMEM;
}

/* --- sending --- */

/* In place of the one that to->flow names, if it names one. */
static int replace(struct sip_transport *transport, const struct sip_path *to,
		   struct connection **found)
{
	int rc;

	*found = NULL;
	if ((to->flags & SIP_PATH_FLOW_ONLY) != 0)
		return -ENOTCONN;
	*found = flow_to(transport, to->kind, &to->remote, to->name);
	if (*found != NULL)
		return 0;
	if (to->kind != SIP_TCP && to->kind != SIP_TLS)
		return -ENOTCONN;
	rc = connection_make(transport, to, found);
	if (rc == 0)
		(*found)->instead_of = to->flow;
	return rc;
}

/* Where no connection of ours leads there, one of theirs may (RFC 5923). */
static void aim_at_alias(const struct sip_transport *transport, struct sip_path *to)
{
	const bool elsewhere = to->flow.index != 0 && to->flow.shard != transport->config.shard;

	if (transport->config.aliases != NULL && !elsewhere &&
	    (to->flags & SIP_PATH_FLOW_ONLY) == 0 && flow_find(transport, to->flow) == NULL &&
	    flow_to(transport, to->kind, &to->remote, to->name) == NULL)
		alias_find(transport, to, &to->flow);
}

static int send_stream(struct sip_transport *transport, uint32_t shards, struct sip_path *to,
		       const char *data, size_t size)
{
	struct connection *c;
	int rc = 0;

	aim_at_alias(transport, to);
	if (to->flow.index != 0 && to->flow.shard != transport->config.shard) {
		if (transport->config.send_elsewhere == NULL)
			return -ENOTCONN;
		transport->stats.sent_elsewhere++;
		return transport->config.send_elsewhere(transport->config.arg, to, data, size);
	}
	c = flow_find(transport, to->flow);
	if (c == NULL)
		rc = replace(transport, to, &c);
	if (rc != 0)
		return rc;
	rc = is_ws(c) ? ws_queue(c, data, size) : stream_queue(c, data, size);
	if (rc == -ENOBUFS)
		transport_notice(transport, SIP_NOTICE_OVERFULL, to, "more waits for it than may");
	if (rc != 0)
		return rc;
	to->flow = c->flow;
	c->known_as = to->remote;
	c->shards |= (uint16_t)shards;
	c->sent++;
	transport->stats.sent++;
	transport->stats.sent_bytes += size;
	return 0;
}

static int send_checked(struct sip_transport *transport, uint32_t shards, struct sip_path *to,
			const char *data, size_t size)
{
	const struct listener *listener = &transport->listeners[to->listener];

	if (size == 0 || size > transport->message_max) {
		transport->stats.dropped_size++;
		return -EMSGSIZE;
	}
	if (to->listener >= transport->count || listener->kind != to->kind)
		return -ENETUNREACH;
	if (to->kind == SIP_UDP)
		return udp_send(listener->udp, &to->remote, data, size);
	return send_stream(transport, shards, to, data, size);
}

int sip_transport_send(struct sip_transport *transport, struct sip_path *to, const char *data,
		       size_t size)
{
	return send_checked(transport, 0, to, data, size);
}

int sip_transport_send_for(struct sip_transport *transport, unsigned shard, struct sip_path *to,
			   const char *data, size_t size)
{
	return send_checked(transport, 1u << shard, to, data, size);
}

void sip_transport_flush(struct sip_transport *transport)
{
	/* Who is told of a failure may send again, by another way. */
	while (transport->flush_first != NULL || transport->buffers.out_count > 0) {
		stream_flush_all(transport);
		udp_flush(transport);
	}
}

int sip_transport_ping(struct sip_transport *transport, const struct sip_path *to)
{
	static const char crlfs[] = "\r\n\r\n";
	struct connection *c;
	int rc;

	if (to->listener >= transport->count || transport->listeners[to->listener].kind != to->kind)
		return -ENETUNREACH;
	if (to->kind == SIP_UDP) {
		rc = udp_send(transport->listeners[to->listener].udp, &to->remote, crlfs,
			      sizeof(crlfs) - 1);
	} else {
		c = flow_find(transport, to->flow);
		rc = c == NULL ? -ENOTCONN : is_ws(c) ? ws_ping(c) : stream_ping(c);
	}
	transport->stats.keepalives_sent += rc == 0;
	return rc;
}

int sip_transport_ping_stun(struct sip_transport *transport, const struct sip_path *to,
			    const char id[12])
{
	char request[STUN_MAX];
	size_t size;
	int rc;

	if (to->listener >= transport->count || to->kind != SIP_UDP ||
	    transport->listeners[to->listener].kind != SIP_UDP)
		return -ENETUNREACH;
	size = stun_request(id, request);
	rc = udp_send(transport->listeners[to->listener].udp, &to->remote, request, size);
	transport->stats.keepalives_sent += rc == 0;
	return rc;
}

/* --- what there is --- */

bool sip_transport_is_open(const struct sip_transport *transport, struct sip_flow flow)
{
	const struct connection *c = flow_find(transport, flow);

	return c != NULL && c->state == CONNECTION_OPEN;
}

int sip_transport_path(const struct sip_transport *transport, enum sip_transport_kind kind,
		       uint64_t listeners, const struct sip_address *remote, struct sip_path *path)
{
	for (unsigned i = 0; i < transport->count; i++) {
		const struct listener *listener = &transport->listeners[i];

		if (i < 64 && !(listeners & UINT64_C(1) << i))
			continue;
		if (listener->kind != kind || listener->local.family != remote->family)
			continue;
		memset(path, 0, sizeof(*path));
		path->remote = *remote;
		path->kind = (uint8_t)kind;
		path->listener = (uint8_t)i;
		return 0;
	}
	return -ENETUNREACH;
}

const char *sip_transport_host(const struct sip_transport *transport, unsigned listener)
{
	return listener < transport->count ? transport->listeners[listener].host : "";
}

struct sip_address sip_transport_local(const struct sip_transport *transport, unsigned listener)
{
	const struct sip_address none = { .family = 0 };

	return listener < transport->count ? transport->listeners[listener].local : none;
}

uint64_t sip_transport_arrived_ns(const struct sip_transport *transport)
{
	return transport->arrived_ns;
}

void sip_transport_stats(const struct sip_transport *transport, struct sip_transport_stats *stats)
{
	*stats = transport->stats;
}

void sip_transport_each(const struct sip_transport *transport,
			void (*each)(void *arg, const struct sip_flow_info *info), void *arg)
{
	static const char *const states[] = {
		[CONNECTION_CONNECTING] = "connecting",
		[CONNECTION_SHAKING] = "handshake",
		[CONNECTION_OPEN] = "open",
	};

	for (uint32_t i = 1; i < transport->flows.size; i++) {
		const struct connection *c = transport->flows.slots[i];
		struct sip_flow_info info;

		if (c == NULL)
			continue;
		info = (struct sip_flow_info){
			.path = connection_path(c),
			.state = states[c->state],
			.inbound = c->inbound,
			.age_ms = transport_now(transport) - c->made_ms,
			.idle_ms = transport_now(transport) - c->heard_ms,
			.received = c->received,
			.sent = c->sent,
			.waiting = c->out_bytes,
		};
		each(arg, &info);
	}
}
