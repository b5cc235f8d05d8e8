/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/client/operator.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static int send_operation(int socket, const struct dp_operation *operation, int fd)
{
	union {
		char buffer[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { .iov_base = (void *)(uintptr_t)operation,
			    .iov_len = sizeof(*operation) };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		message.msg_control = control.buffer;
		message.msg_controllen = sizeof(control.buffer);
		c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(*operation))
		return 0;
	return errno == EPIPE ? -ECONNRESET : -errno;
}

static int receive(int socket, int timeout_ms, void *data, size_t size)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };
	int ready = poll(&p, 1, timeout_ms);
	ssize_t n;

	if (ready <= 0)
		return ready == 0 ? -ETIMEDOUT : -errno;
	n = recv(socket, data, size, MSG_TRUNC);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	/* each message of the dataplane begins with the magic */
	return n == (ssize_t)size && *(const uint64_t *)data == DP_SEGMENT_MAGIC ? 0 : -EPROTO;
}

int dp_operator_ask(struct dp_client *client, struct dp_operation *operation, int fd,
		    int timeout_ms, struct dp_operation_reply *reply)
{
	int error;

	operation->magic = DP_SEGMENT_MAGIC;
	error = send_operation(dp_client_fd(client), operation, fd);
	if (!error)
		error = receive(dp_client_fd(client), timeout_ms, reply, sizeof(*reply));
	if (!error && reply->count > DP_CAPTURES_MAX && operation->verb != DP_OPERATION_RECLAIM)
		error = -EPROTO;
	return error ? error : reply->status;
}

int dp_operator_trace(struct dp_client *client, int timeout_ms, struct dp_trace_record *record)
{
	return receive(dp_client_fd(client), timeout_ms, record, sizeof(*record));
}
