/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/transport/internal.h"

static int buffers_create(struct udp_buffers *b, size_t message_max)
{
	b->in_size = message_max < UDP_DATAGRAM ? message_max + 1 : UDP_DATAGRAM;
	b->out_size = message_max;
	b->in = malloc(UDP_BURST * b->in_size);
	b->out = malloc(UDP_BURST * b->out_size);
	return b->in != NULL && b->out != NULL ? 0 : -ENOMEM;
}

static void transport_free(struct sip_transport *transport)
{
	free(transport->buffers.in);
	free(transport->buffers.out);
	free(transport);
}

static void handle_closed(uv_handle_t *handle)
{
	struct udp_socket *s = handle->data;
	struct sip_transport *transport = s->transport;

	if (--transport->closing > 0)
		return;
	if (transport->closed != NULL)
		transport->closed(transport->closed_arg);
	transport_free(transport);
}

void sip_transport_close(struct sip_transport *transport, void (*closed)(void *arg), void *arg)
{
	transport->closed = closed;
	transport->closed_arg = arg;
	transport->closing = transport->count;
	if (transport->count == 0) {
		if (closed != NULL)
			closed(arg);
		transport_free(transport);
		return;
	}
	for (unsigned i = 0; i < transport->count; i++) {
		struct udp_socket *s = &transport->sockets[i];

		uv_poll_stop(&s->poll);
		close(s->fd);
		s->fd = -1;
		uv_close((uv_handle_t *)&s->poll, handle_closed);
	}
}

static int listener_open(struct sip_transport *transport, const struct sip_listener_config *config,
			 char *why, size_t why_size)
{
	struct udp_socket *s = &transport->sockets[transport->count];
	int rc;

	if (config->kind != SIP_UDP) {
		snprintf(why, why_size, "listener %u: only UDP is there", transport->count);
		return -EPROTONOSUPPORT;
	}
	s->transport = transport;
	s->index = (uint8_t)transport->count;
	rc = udp_open(s, &config->address, why, why_size);
	if (rc != 0)
		return rc;
	rc = udp_start(s, transport->loop);
	if (rc != 0) {
		snprintf(why, why_size, "udp %s: event loop: %s", s->host, uv_strerror(rc));
		close(s->fd);
		return rc;
	}
	transport->count++;
	return 0;
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
	t = calloc(1, sizeof(*t) + config->listener_count * sizeof(t->sockets[0]));
	if (t == NULL)
		goto no_memory;
	t->loop = config->loop;
	t->receive = config->receive;
	t->arg = config->arg;
	t->message_max = config->message_max < UDP_DATAGRAM ? config->message_max : UDP_DATAGRAM;
	if (buffers_create(&t->buffers, t->message_max) != 0) {
		transport_free(t);
		goto no_memory;
	}
	for (unsigned i = 0; i < config->listener_count; i++) {
		rc = listener_open(t, &config->listeners[i], why, why_size);
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

int sip_transport_send(struct sip_transport *transport, const struct sip_path *to, const char *data,
		       size_t size)
{
	if (size == 0 || size > transport->message_max) {
		transport->stats.dropped_size++;
		return -EMSGSIZE;
	}
	if (to->kind != SIP_UDP || to->listener >= transport->count)
		return -ENETUNREACH;
	return udp_send(&transport->sockets[to->listener], &to->remote, data, size);
}

int sip_transport_path(const struct sip_transport *transport, enum sip_transport_kind kind,
		       uint64_t listeners, const struct sip_address *remote, struct sip_path *path)
{
	if (kind != SIP_UDP)
		return -ENETUNREACH;
	for (unsigned i = 0; i < transport->count; i++) {
		if (i < 64 && !(listeners & UINT64_C(1) << i))
			continue;
		if (transport->sockets[i].local.family != remote->family)
			continue;
		memset(path, 0, sizeof(*path));
		path->remote = *remote;
		path->kind = kind;
		path->listener = (uint8_t)i;
		return 0;
	}
	return -ENETUNREACH;
}

const char *sip_transport_host(const struct sip_transport *transport, unsigned listener)
{
	return listener < transport->count ? transport->sockets[listener].host : "";
}

void sip_transport_stats(const struct sip_transport *transport, struct sip_transport_stats *stats)
{
	*stats = transport->stats;
}
