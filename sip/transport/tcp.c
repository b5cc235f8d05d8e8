/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "sip/transport/internal.h"

#define ACCEPTS_MAX 64 /* of one wake-up, so that others get their turn */
#define BACKLOG     4096

/* Seconds. A peer that vanishes without a word is found out when we send, by what it does not
 * acknowledge (tcp_is_silent()), else by the kernel's keep-alives. TCP_USER_TIMEOUT would do the
 * first, but with it a single keep-alive that is lost ends the connection. */
#define KEEPALIVE_IDLE_S 180
#define KEEPALIVE_S      20
#define KEEPALIVES       4

static int option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* A kernel that lacks one of these serves all the same. */
static void configure(int fd)
{
	option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S);
	option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVES);
}

int tcp_listen(const struct sip_address *address, struct sip_address *local, int *fd, char *why,
	       size_t why_size)
{
	char host[SIP_ADDRESS_TEXT];
	struct sockaddr_storage name;
	socklen_t size = sip_address_to(address, &name);
	const char *step = "socket";
	int rc = 0, s;

	s = socket(address->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s < 0)
		goto failed;
	step = "options";
	if (option(s, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
	    option(s, SOL_SOCKET, SO_REUSEPORT, 1) != 0 ||
	    (address->family == AF_INET6 && option(s, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0))
		goto failed;
	step = "bind";
	if (bind(s, (const struct sockaddr *)&name, size) != 0 ||
	    getsockname(s, (struct sockaddr *)&name, &size) != 0)
		goto failed;
	step = "listen";
	if (listen(s, BACKLOG) != 0)
		goto failed;
	sip_address_from((const struct sockaddr *)&name, local);
	*fd = s;
	return 0;
failed:
	rc = -errno;
	snprintf(why, why_size, "tcp %s: %s: %s", sip_address_text(address, host), step,
		 strerror(-rc));
	if (s >= 0)
		close(s);
	return rc;
}

/* Without a descriptor to accept with, the connection would stay in the queue and wake us again
 * and again: a spare one is given up to take and close it. */
static bool refuse_one(struct sip_transport *transport, int listener)
{
	int fd;

	if (transport->spare >= 0)
		close(transport->spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		transport->stats.refused_connections++;
	}
	transport->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

void tcp_accept(struct sip_transport *transport, unsigned listener)
{
	const int from = transport->listeners[listener].fd;

	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage name;
		socklen_t size = sizeof(name);
		struct sip_address remote;
		int fd = accept4(from, (struct sockaddr *)&name, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE) && refuse_one(transport, from))
			continue;
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return;
		configure(fd);
		sip_address_from((const struct sockaddr *)&name, &remote);
		connection_accept(transport, fd, listener, &remote);
	}
}

int tcp_connect(const struct sip_address *local, const struct sip_address *remote, int *out)
{
	struct sip_address from = *local;
	struct sockaddr_storage name;
	socklen_t size;
	int fd, rc = 0;

	from.port = 0;
	fd = socket(remote->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	configure(fd);
	option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	size = sip_address_to(&from, &name);
	if (bind(fd, (const struct sockaddr *)&name, size) != 0) {
		rc = -errno;
	} else {
		size = sip_address_to(remote, &name);
		if (connect(fd, (const struct sockaddr *)&name, size) != 0 && errno != EINPROGRESS)
			rc = -errno;
	}
	if (rc != 0)
		close(fd);
	else
		*out = fd;
	return rc;
}

int tcp_connected(int fd)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return -errno;
	return -error;
}

/* For how long, at least, what is unacknowledged has been sent again and again: each wait is twice
 * the one before (RFC 6298 §5.5). */
static uint64_t repeated_ms(const struct tcp_info *info)
{
	return (info->tcpi_rto - (info->tcpi_rto >> info->tcpi_backoff)) / 1000;
}

/* The last acknowledgement may be of long before what is waited for was sent. */
bool tcp_info_is_silent(const struct tcp_info *info, uint64_t ms)
{
	return info->tcpi_unacked > 0 && info->tcpi_last_ack_recv >= ms &&
	       repeated_ms(info) >= ms / 2;
}

bool tcp_is_silent(int fd, uint64_t ms, bool *owes)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
		*owes = false;
		return false;
	}
	*owes = info.tcpi_unacked > 0;
	return tcp_info_is_silent(&info, ms);
}

/* --- the carrier --- */

static int shake(struct connection *c)
{
	(void)c;
	return 0;
}

static ssize_t tcp_read(struct connection *c, char *data, size_t size)
{
	ssize_t n;

	do
		n = recv(c->fd, data, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t tcp_write(struct connection *c, const char *data, size_t size)
{
	ssize_t n;

	do
		n = send(c->fd, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	c->want_write = n < 0 && errno == EAGAIN;
	return n < 0 ? -errno : n;
}

static bool tcp_pending(const struct connection *c)
{
	(void)c;
	return false;
}

static void tcp_close(struct connection *c)
{
	(void)c;
}

const struct connection_carrier tcp_carrier = { shake, tcp_read, tcp_write, tcp_pending,
						tcp_close };
