/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/udp.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "sip/base/log.h"
#include "sip/transport/internal.h"

#define SOCKET_BUFFER (4 << 20) /* bytes asked for; the kernel may give less */

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

static void count_sent(struct sip_transport *transport, size_t size)
{
	transport->stats.sent++;
	transport->stats.sent_bytes += size;
}

static void flush(struct udp_socket *s)
{
	struct udp_buffers *b = &s->transport->buffers;
	struct mmsghdr out[UDP_BURST];
	struct iovec parts[UDP_BURST];
	struct sockaddr_storage to[UDP_BURST];
	unsigned done = 0;

	memset(out, 0, sizeof(out));
	for (unsigned i = 0; i < b->out_count; i++) {
		parts[i].iov_base = b->out + i * b->out_size;
		parts[i].iov_len = b->out_length[i];
		out[i].msg_hdr.msg_name = &to[i];
		out[i].msg_hdr.msg_namelen = sip_address_to(&b->out_to[i], &to[i]);
		out[i].msg_hdr.msg_iov = &parts[i];
		out[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < b->out_count) {
		int n = sendmmsg(s->fd, out + done, b->out_count - done, 0);

		if (n <= 0) { /* the first of the rest is the one that failed: go on behind it */
			if (n < 0 && errno == EINTR)
				continue;
			s->transport->stats.send_errors++;
			done++;
			continue;
		}
		for (int i = 0; i < n; i++)
			count_sent(s->transport, b->out_length[done + (unsigned)i]);
		done += (unsigned)n;
	}
	b->out_count = 0;
}

static int send_now(struct udp_socket *s, const struct sip_address *to, const char *data,
		    size_t size)
{
	struct sockaddr_storage name;
	socklen_t name_size = sip_address_to(to, &name);
	ssize_t n;

	do
		n = sendto(s->fd, data, size, 0, (const struct sockaddr *)&name, name_size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		s->transport->stats.send_errors++;
		/* A full buffer is loss, and retransmission is there for that. */
		return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
	}
	count_sent(s->transport, size);
	return 0;
}

int udp_send(struct udp_socket *s, const struct sip_address *to, const char *data, size_t size)
{
	struct udp_buffers *b = &s->transport->buffers;

	if (s->fd < 0)
		return -ENOTCONN;
	if (to->family != s->family)
		return -EAFNOSUPPORT;
	if (b->out_socket != s)
		return send_now(s, to, data, size);
	if (b->out_count == UDP_BURST)
		flush(s);
	memcpy(b->out + b->out_count * b->out_size, data, size);
	b->out_length[b->out_count] = size;
	b->out_to[b->out_count++] = *to;
	return 0;
}

/* RFC 5626 §4.4: CRLFs and STUN keep a NAT open. STUN begins with two zero bits and has the magic
 * cookie of RFC 8489 §5; no SIP message begins with a byte below 32. */
static bool is_keepalive(const char *data, size_t size)
{
	size_t i = 0;

	if ((unsigned char)data[0] < 4 && size >= 20)
		return true;
	while (i < size && (data[i] == '\r' || data[i] == '\n' || data[i] == '\0'))
		i++;
	return i == size;
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

/* Returns how many came; below UDP_BURST the socket is empty. */
static unsigned receive_burst(struct udp_socket *s)
{
	struct udp_buffers *b = &s->transport->buffers;
	struct sockaddr_storage from[UDP_BURST];
	struct mmsghdr in[UDP_BURST];
	struct iovec parts[UDP_BURST];
	union {
		char space[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control[UDP_BURST];
	int n;

	memset(in, 0, sizeof(in));
	for (unsigned i = 0; i < UDP_BURST; i++) {
		parts[i] = (struct iovec){ b->in + i * b->in_size, b->in_size };
		in[i].msg_hdr.msg_name = &from[i];
		in[i].msg_hdr.msg_namelen = sizeof(from[i]);
		in[i].msg_hdr.msg_iov = &parts[i];
		in[i].msg_hdr.msg_iovlen = 1;
		in[i].msg_hdr.msg_control = &control[i];
		in[i].msg_hdr.msg_controllen = sizeof(control[i]);
	}
	n = recvmmsg(s->fd, in, UDP_BURST, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	b->out_socket = s;
	/* A handler may close the set: what is left of the burst is lost then, as if on the wire. */
	for (int i = 0; i < n && s->fd >= 0; i++) {
		s->transport->arrived_ns = arrival_of(&in[i].msg_hdr);
		deliver(s, parts[i].iov_base, in[i].msg_len,
			(in[i].msg_hdr.msg_flags & MSG_TRUNC) != 0, &from[i]);
	}
	s->transport->arrived_ns = 0;
	b->out_socket = NULL;
	if (s->fd >= 0)
		flush(s);
	return (unsigned)n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *s = poll->data;

	(void)events;
	if (status != 0) {
		LOG_WARN("sip", 0, "udp %s: %s", s->host, uv_strerror(status));
		return;
	}
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
