/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/udp.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "sip/base/log.h"
#include "sip/stun/stun.h"
#include "sip/transport/internal.h"

#define SOCKET_BUFFER (4 << 20) /* bytes asked for; the kernel may give less */
#define ERRORS_MAX    64u       /* of the network, read at a time */

static int option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

static int configure(int fd, int family)
{
	int rc = option(fd, SOL_SOCKET, SO_REUSEPORT, 1);

	if (rc == 0 && family == AF_INET6)
		rc = option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	/* A smaller buffer than asked for is no reason to stay down. */
	option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	/* How long a message has waited tells how loaded we are. */
	option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	return rc;
}

int udp_open(struct udp_socket *s, const struct sip_address *address, struct sip_address *local,
	     char *why, size_t why_size)
{
	char host[SIP_ADDRESS_TEXT];
	struct sockaddr_storage name;
	socklen_t size = sip_address_to(address, &name);
	const char *step = "socket";
	int rc = 0;

	s->family = address->family;
	s->fd = socket(address->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		rc = -errno;
		goto failed;
	}
	step = "options";
	rc = configure(s->fd, address->family);
	if (rc != 0)
		goto failed;
	step = "bind";
	if (bind(s->fd, (const struct sockaddr *)&name, size) != 0 ||
	    getsockname(s->fd, (struct sockaddr *)&name, &size) != 0) {
		rc = -errno;
		goto failed;
	}
	sip_address_from((const struct sockaddr *)&name, local);
	return 0;
failed:
	snprintf(why, why_size, "udp %s: %s: %s", sip_address_text(address, host), step,
		 strerror(-rc));
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return rc;
}

/* What keeps a NAT open and wants no answer; some send zeros. */
static bool is_keepalive(const char *data, size_t size)
{
	size_t i = 0;

	while (i < size && (data[i] == '\r' || data[i] == '\n' || data[i] == '\0'))
		i++;
	return i == size;
}

/* What answers to a keep-alive of ours. true: it was that. */
static bool take_stun_answer(struct udp_socket *s, const struct sip_path *from,
			     struct slice datagram)
{
	const struct sip_transport_config *config = &s->transport->config;
	struct stun_message message;

	if (config->stun_answered == NULL || stun_parse(datagram, &message) != 0 ||
	    message.class != STUN_SUCCESS)
		return false;
	s->transport->stats.dropped_keepalive++;
	config->stun_answered(config->arg, from, message.id.p);
	return true;
}

/* RFC 5626 §4.4.2: a phone that gets no answer takes its flow for dead. */
static void answer_stun(struct udp_socket *s, const struct sip_address *to, struct slice datagram)
{
	const struct sip_transport_config *config = &s->transport->config;
	char answer[STUN_MAX];
	const size_t size = config->keepalive == NULL || config->keepalive(config->arg, to)
				    ? stun_answer(datagram, to, answer)
				    : 0;

	if (size == 0)
		s->transport->stats.dropped_keepalive++;
	else if (udp_send(s, to, answer, size) == 0)
		s->transport->stats.keepalives_answered++;
}

static void deliver(struct udp_socket *s, const char *data, size_t size, bool cut,
		    const struct sockaddr_storage *from)
{
	struct sip_transport *transport = s->transport;
	struct sip_path path = { .kind = SIP_UDP, .listener = s->index };

	sip_address_from((const struct sockaddr *)from, &path.remote);
	if (size == 0 || cut || size > transport->message_max || path.remote.port == 0) {
		transport->stats.dropped_size++;
		return;
	}
	if (stun_is((struct slice){ data, size })) {
		if (!take_stun_answer(s, &path, (struct slice){ data, size }))
			answer_stun(s, &path.remote, (struct slice){ data, size });
		return;
	}
	if (is_keepalive(data, size)) {
		transport->stats.dropped_keepalive++;
		return;
	}
	transport->stats.received++;
	transport->stats.received_bytes += size;
	transport->config.receive(transport->config.arg, data, size, &path);
}

/* CLOCK_REALTIME in ns when the kernel got it; 0: it does not say. */
static uint64_t arrival_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		struct timespec at;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(c), sizeof(at));
		return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
	}
	return 0;
}

static void prepare(struct udp_buffers *b, unsigned i)
{
	struct udp_in *about = &b->about[i];

	b->burst[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &about->from,
						     .msg_namelen = sizeof(about->from),
						     .msg_iov = &about->data,
						     .msg_iovlen = 1,
						     .msg_control = &about->control,
						     .msg_controllen = sizeof(about->control) } };
}

void udp_prepare(struct udp_buffers *b)
{
	for (unsigned i = 0; i < UDP_BURST; i++) {
		b->about[i].data = (struct iovec){ b->in + i * b->in_size, b->in_size };
		prepare(b, i);
	}
}

/* Returns how many came; below UDP_BURST the socket is empty. */
static unsigned receive_burst(struct udp_socket *s)
{
	struct udp_buffers *b = &s->transport->buffers;
	const int n = recvmmsg(s->fd, b->burst, UDP_BURST, MSG_DONTWAIT, NULL);

	/* A handler may close the set: what is left of the burst is lost then, as if on the wire. */
	for (int i = 0; i < n; i++) {
		struct msghdr *header = &b->burst[i].msg_hdr;

		if (s->fd >= 0) {
			s->transport->arrived_ns = arrival_of(header);
			deliver(s, b->about[i].data.iov_base, b->burst[i].msg_len,
				(header->msg_flags & MSG_TRUNC) != 0, &b->about[i].from);
		}
		prepare(b, (unsigned)i);
	}
	s->transport->arrived_ns = 0;
	return n > 0 ? (unsigned)n : 0;
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* An error of the network, of one datagram. libuv takes it for the end of the socket and looks at it
 * no more; it goes on once what the system keeps of it has been read. */
static void go_on(struct udp_socket *s)
{
	struct msghdr none = { 0 };
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	for (unsigned i = 0; i < ERRORS_MAX; i++)
		if (recvmsg(s->fd, &none, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
	s->transport->stats.receive_errors++;
	LOG_DEBUG("sip", 0, "udp %s: %s", s->host, strerror(error));
	uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *s = poll->data;

	(void)events;
	if (status != 0)
		go_on(s);
	for (unsigned i = 0; i < UDP_BURSTS_MAX && s->fd >= 0; i++)
		if (receive_burst(s) < UDP_BURST)
			break;
}

int udp_start(struct udp_socket *s, uv_loop_t *loop)
{
	int rc = uv_poll_init(loop, &s->poll, s->fd);

	if (rc != 0)
		return rc;
	s->poll.data = s;
	return uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

void udp_stop(struct udp_socket *s)
{
	uv_poll_stop(&s->poll);
	close(s->fd);
	s->fd = -1;
}
