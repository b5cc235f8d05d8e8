/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/client/tests/fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static int on_command(void *arg, uint32_t channel, const struct dp_command *command,
		      struct dp_ev_reply *reply)
{
	struct fixture *f = arg;

	(void)channel;
	if (command->type == DP_COMMAND_CONTEXT_ADD) {
		if (f->last_label + 1 != command->context_add.label)
			f->out_of_order++;
		f->last_label = command->context_add.label;
	}
	f->commands++;
	if (command->type == DP_COMMAND_TERMINATION_ADD)
		f->asked_for = command->termination_add.context;
	reply->handle = (dp_handle_t){ 7, 9 };
	if (f->send_latched_to) {
		struct dp_event event = { .type = DP_EVENT_LATCHED, .size = sizeof(event.latched) };

		server_send_event(f->server, f->send_latched_to - 1, &event);
	}
	if (command->type == DP_COMMAND_CONTEXT_ADD && command->context_add.label == UINT64_MAX)
		return -ENOSPC;
	return command->type == DP_COMMAND_TOPOLOGY ? -ESTALE : 0;
}

static void on_gone(void *arg, uint32_t channel)
{
	struct fixture *f = arg;

	(void)channel;
	f->gone++;
}

/* Writes a byte to the descriptor, so that one sees that it arrived. */
static int on_operation(void *arg, uint32_t operator_id, const struct dp_operation *operation,
			int fd, struct dp_operation_reply *reply)
{
	struct fixture *f = arg;
	int status = -ENOSYS;

	f->operator_id = operator_id;
	f->operations++;
	reply->count = operation->verb;
	if (fd >= 0) {
		status = write(fd, "x", 1) == 1 ? 0 : -errno;
		close(fd);
	}
	return status;
}

static void on_operator_gone(void *arg, uint32_t operator_id)
{
	struct fixture *f = arg;

	(void)operator_id;
	f->operators_gone++;
}

void fixture_open(struct fixture *f)
{
	const struct segment_config segment = { .ports = 1,
						.workers = 2,
						.nodes = 3,
						.pools = 1,
						.terminations_max = 64,
						.tsc_hz = 1000000000 };
	struct server_config server = {
		.segment = &f->segment,
		.command = on_command,
		.gone = on_gone,
		.arg = f,
		.operation = on_operation,
		.operator_gone = on_operator_gone,
		.operator_arg = f,
	};

	*f = (struct fixture){ .directory = "/tmp/tandem-test-XXXXXX", .stop = -1 };
	cr_assert(mkdtemp(f->directory) != NULL);
	snprintf(f->path, sizeof(f->path), "%s/" DP_SOCKET_NAME, f->directory);
	server.socket_path = f->path;
	cr_assert(eq(int, segment_create(&segment, &f->segment), 0));
	cr_assert(eq(int, server_create(&server, &f->server), 0));
}

void fixture_close(struct fixture *f)
{
	fixture_stop(f);
	server_destroy(f->server);
	segment_destroy(&f->segment);
	cr_assert(eq(int, access(f->path, F_OK), -1));
	rmdir(f->directory);
}

void fixture_turn(struct fixture *f, int wait_ms)
{
	struct pollfd fds[2] = { { .fd = server_fd(f->server), .events = POLLIN },
				 { .fd = f->stop, .events = POLLIN } };
	bool more = server_run(f->server) || server_arm(f->server);

	poll(fds, f->stop >= 0 ? 2 : 1, more ? 0 : wait_ms);
	if (fds[0].revents)
		server_handle_sockets(f->server);
	if (f->stop >= 0 && fds[1].revents)
		f->running = false;
}

static void *serve(void *arg)
{
	struct fixture *f = arg;

	while (f->running)
		fixture_turn(f, -1);
	return NULL;
}

void fixture_start(struct fixture *f)
{
	f->stop = eventfd(0, EFD_CLOEXEC);
	f->running = true;
	cr_assert(eq(int, pthread_create(&f->thread, NULL, serve, f), 0));
}

void fixture_stop(struct fixture *f)
{
	if (f->stop < 0)
		return;
	eventfd_write(f->stop, 1);
	pthread_join(f->thread, NULL);
	close(f->stop);
	f->stop = -1;
}

struct dp_client *fixture_client(struct fixture *f, unsigned channels)
{
	struct dp_client *client = NULL;
	char why[128];
	int error = dp_client_open(f->path, "test", channels, 5000, &client, why, sizeof(why));

	cr_assert(error == 0, "%s", why);
	return client;
}

void fixture_receive(struct dp_client_channel *channel, struct dp_event *event)
{
	while (dp_channel_receive(channel, event, 1) == 0) {
		struct pollfd p = { .fd = dp_channel_fd(channel), .events = POLLIN };

		cr_assert(eq(int, poll(&p, 1, 5000), 1));
	}
}

int fixture_attach(struct fixture *f, const struct dp_attach_request *request, size_t size,
		   struct dp_attach_reply *reply, int *fds, unsigned *fd_count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	union {
		char buffer[CMSG_SPACE(40 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { .iov_base = reply, .iov_len = sizeof(*reply) };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = control.buffer,
				  .msg_controllen = sizeof(control.buffer) };
	struct cmsghdr *c;

	strcpy(address.sun_path, f->path);
	cr_assert(eq(int, connect(fd, (struct sockaddr *)&address, sizeof(address)), 0));
	cr_assert(eq(long, send(fd, request, size, 0), (long)size));
	cr_assert(eq(long, recvmsg(fd, &message, 0), (long)sizeof(*reply)));
	*fd_count = 0;
	c = CMSG_FIRSTHDR(&message);
	if (c) {
		*fd_count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), *fd_count * sizeof(int));
	}
	return fd;
}
