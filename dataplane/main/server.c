/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/server.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/main/channel.h"
#include "sip/base/log.h"

#define CONNECTIONS_MAX    64u
#define COMMANDS_PER_TURN  256u  /* of one channel, before the others have theirs */
#define REQUEST_TIMEOUT_MS 2000u /* from the connection to the request */

enum source { SOURCE_LISTENER, SOURCE_CONNECTION, SOURCE_DOORBELL };

struct connection {
	int fd; /* -1: free */
	bool attached;
	uint32_t operator_id; /* his number; 0: none */
	uint32_t first_channel, channels;
	uint64_t since_ms; /* 0: server_tick() has not seen it yet */
	pid_t pid;         /* as the kernel says */
	char name[32];
};

struct server {
	struct server_config config;
	char path[108];
	int listener;
	int epoll;
	bool bound;
	uint32_t operators; /* that there were */
	struct connection connections[CONNECTIONS_MAX];
	struct channel channels[DP_CHANNELS_MAX];
};

/* Doorbells are edge-triggered and never read: a client can make its end a blocking one. */
static int watch(struct server *s, int fd, enum source source, uint32_t index)
{
	struct epoll_event e = {
		.events = source == SOURCE_DOORBELL ? EPOLLIN | EPOLLET : EPOLLIN,
		.data.u64 = (uint64_t)source << 32 | index,
	};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

/* Is somebody listening there? A socket file outlives a process that was killed. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return false;
	alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN;
	close(fd);
	return alive;
}

static int listen_at(struct server *s, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	strcpy(s->path, path);
	if (is_alive(&address))
		return -EADDRINUSE;
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0)
		return -errno;
	if (bind(s->listener, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -errno;
	s->bound = true;
	/* Nobody can connect before listen(). */
	if (chmod(path, 0660) != 0 || listen(s->listener, 16) != 0)
		return -errno;
	return watch(s, s->listener, SOURCE_LISTENER, 0);
}

int server_create(const struct server_config *config, struct server **server)
{
	struct server *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->config = *config;
	s->listener = -1;
	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	for (uint32_t i = 0; i < DP_CHANNELS_MAX; i++)
		channel_init(&s->channels[i], config->segment, i);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	error = s->epoll < 0 ? -errno : listen_at(s, config->socket_path);
	if (error) {
		server_destroy(s);
		return error;
	}
	*server = s;
	return 0;
}

static void channel_gone(struct server *s, struct channel *c)
{
	if (c->state == CHANNEL_FREE)
		return;
	/* The client may hold the doorbell still, so closing it here does not unwatch it. */
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->command_doorbell, NULL);
	channel_close(c);
	s->config.gone(s->config.arg, c->index);
}

static void connection_close(struct server *s, struct connection *c)
{
	if (c->operator_id)
		s->config.operator_gone(s->config.operator_arg, c->operator_id);
	for (uint32_t i = 0; i < c->channels; i++)
		channel_gone(s, &s->channels[c->first_channel + i]);
	close(c->fd);
	*c = (struct connection){ .fd = -1 };
}

void server_destroy(struct server *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
		if (s->connections[i].fd >= 0)
			connection_close(s, &s->connections[i]);
	}
	if (s->listener >= 0)
		close(s->listener);
	if (s->bound)
		unlink(s->path);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s);
}

int server_fd(const struct server *s)
{
	return s->epoll;
}

static void accept_all(struct server *s)
{
	for (;;) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct connection *c = NULL;
		struct ucred peer = { 0 };
		socklen_t size = sizeof(peer);

		if (fd < 0)
			return;
		for (uint32_t i = 0; i < CONNECTIONS_MAX && !c; i++) {
			if (s->connections[i].fd < 0)
				c = &s->connections[i];
		}
		if (!c || watch(s, fd, SOURCE_CONNECTION, (uint32_t)(c - s->connections)) != 0) {
			LOG_WARN("segment", 0, "too many clients: one was sent away");
			close(fd);
			continue;
		}
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
		*c = (struct connection){ .fd = fd, .pid = peer.pid };
	}
}

/* First of `count` channels in a row that are free, or -EBUSY. */
static int find_channels(const struct server *s, uint32_t count)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < DP_CHANNELS_MAX; i++) {
		run = s->channels[i].state == CHANNEL_FREE ? run + 1 : 0;
		if (run == count)
			return (int)(i + 1 - count);
	}
	return -EBUSY;
}

static int open_channels(struct server *s, struct connection *c, uint32_t count)
{
	int first = find_channels(s, count);

	if (first < 0)
		return first;
	c->first_channel = (uint32_t)first;
	if (s->config.coming)
		s->config.coming(s->config.arg);
	for (uint32_t i = c->first_channel; i < c->first_channel + count; i++) {
		int error = channel_open(&s->channels[i], s->config.segment);

		if (error)
			return error;
		c->channels++;
		error = watch(s, s->channels[i].command_doorbell, SOURCE_DOORBELL, i);
		if (error)
			return error;
	}
	return 0;
}

static int answer(struct server *s, struct connection *c, int status)
{
	const struct segment *segment = s->config.segment;
	struct dp_attach_reply reply = {
		.magic = DP_SEGMENT_MAGIC,
		.layout_version = DP_LAYOUT_VERSION,
		.status = status,
		.pid = (uint32_t)getpid(),
	};
	int fds[2 + 2 * DP_CHANNELS_MAX], count = 0;
	union {
		char buffer[CMSG_SPACE(sizeof(fds))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { .iov_base = &reply, .iov_len = sizeof(reply) };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	if (status == 0) {
		struct cmsghdr *cmsg;

		reply.boot_id = segment->boot_id;
		reply.statistics_size = segment->statistics_size;
		fds[count++] = segment->statistics_fd;
		if (c->channels > 0) {
			reply.channel_area_size = segment->channel_size;
			reply.first_channel = c->first_channel;
			reply.channels = c->channels;
			fds[count++] = segment->channel_fd;
		}
		for (uint32_t i = 0; i < c->channels; i++) {
			fds[count++] = s->channels[c->first_channel + i].command_doorbell;
			fds[count++] = s->channels[c->first_channel + i].event_doorbell_far;
		}
		message.msg_control = control.buffer;
		message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, (size_t)count * sizeof(int));
	}
	if (sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

static int check_request(const struct server *s, const struct dp_attach_request *r, size_t size)
{
	/* The version stands where it always will, so the rest is looked at only if it fits. */
	if (size < offsetof(struct dp_attach_request, role) || r->magic != DP_SEGMENT_MAGIC)
		return -EINVAL;
	if (r->layout_version != DP_LAYOUT_VERSION)
		return -EPROTO;
	if (size != sizeof(*r))
		return -EINVAL;
	if (r->role == DP_ROLE_OBSERVER || (r->role == DP_ROLE_OPERATOR && s->config.operation))
		return r->channels == 0 ? 0 : -EINVAL;
	if (r->role != DP_ROLE_CLIENT || r->channels == 0 || r->channels > DP_CHANNELS_MAX)
		return -EINVAL;
	return 0;
}

static void attach(struct server *s, struct connection *c, const struct dp_attach_request *request,
		   size_t size)
{
	int status = check_request(s, request, size), error;

	if (size == sizeof(*request)) {
		for (size_t i = 0; i + 1 < sizeof(c->name) && request->name[i]; i++)
			c->name[i] =
				isgraph((unsigned char)request->name[i]) ? request->name[i] : '?';
	}
	if (status == 0 && request->channels > 0)
		status = open_channels(s, c, request->channels);
	error = answer(s, c, status);
	if (status == -EPROTO)
		LOG_WARN("segment", 0,
			 "client %s (pid %d) refused: it has layout version %u, this dataplane %u",
			 c->name, (int)c->pid, request->layout_version, DP_LAYOUT_VERSION);
	else if (status || error)
		LOG_WARN("segment", 0, "client %s (pid %d) refused: %s", c->name, (int)c->pid,
			 strerror(status ? -status : -error));
	if (status || error) {
		connection_close(s, c);
		return;
	}
	c->attached = true;
	if (request->role == DP_ROLE_OPERATOR)
		c->operator_id = ++s->operators;
	for (uint32_t i = 0; i < c->channels; i++)
		channel_handed_out(&s->channels[c->first_channel + i]);
	if (c->channels > 0)
		LOG_INFO("segment", 0, "client %s (pid %d) attached, channels %u to %u", c->name,
			 (int)c->pid, c->first_channel, c->first_channel + c->channels - 1);
	else
		LOG_DEBUG("segment", 0, "%s %s (pid %d) attached",
			  c->operator_id ? "operator" : "observer", c->name, (int)c->pid);
}

/* Takes all descriptors that came: the only one, or -1; -EINVAL (all closed) if there are more. */
static int take_descriptor(struct msghdr *message, int *fd)
{
	bool more = message->msg_flags & MSG_CTRUNC;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (*fd < 0) {
				*fd = one;
				continue;
			}
			more = true;
			close(one);
		}
	}
	if (!more)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -EINVAL;
}

/* Bytes of his message, 0: he is gone. -EAGAIN; -EINVAL: more descriptors than one. */
static ssize_t receive_operation(struct connection *c, struct dp_operation *operation, int *fd)
{
	union {
		char buffer[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { .iov_base = operation, .iov_len = sizeof(*operation) };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = control.buffer,
				  .msg_controllen = sizeof(control.buffer) };
	ssize_t n = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return take_descriptor(&message, fd) == 0 ? n : -EINVAL;
}

static void operator_readable(struct server *s, struct connection *c)
{
	struct dp_operation operation;
	struct dp_operation_reply reply = { .magic = DP_SEGMENT_MAGIC };
	int fd = -1;
	ssize_t n = receive_operation(c, &operation, &fd);

	if (n == -EAGAIN)
		return;
	if (n == (ssize_t)sizeof(operation) && operation.magic == DP_SEGMENT_MAGIC) {
		reply.status = s->config.operation(s->config.operator_arg, c->operator_id,
						   &operation, fd, &reply);
		if (send(c->fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    (ssize_t)sizeof(reply))
			return;
		LOG_WARN("segment", 0, "operator %s (pid %d) does not read: closed", c->name,
			 (int)c->pid);
	} else {
		if (fd >= 0)
			close(fd);
		if (n != 0 && n != -ECONNRESET)
			LOG_WARN("segment", 0, "operator %s (pid %d) sent no operation: closed",
				 c->name, (int)c->pid);
	}
	connection_close(s, c);
}

static void connection_readable(struct server *s, struct connection *c)
{
	struct dp_attach_request request = { 0 };
	ssize_t n;

	if (c->fd < 0)
		return;
	if (c->operator_id) {
		operator_readable(s, c);
		return;
	}
	n = recv(c->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && !c->attached) {
		attach(s, c, &request, (size_t)n);
		return;
	}
	if (n > 0)
		LOG_WARN("segment", 0, "client %s (pid %d) speaks out of turn: closed", c->name,
			 (int)c->pid);
	else if (c->channels > 0)
		LOG_INFO("segment", 0, "client %s (pid %d) is gone", c->name, (int)c->pid);
	connection_close(s, c);
}

void server_handle_sockets(struct server *s)
{
	struct epoll_event events[32];
	int n = epoll_wait(s->epoll, events, 32, 0);

	for (int i = 0; i < n; i++) {
		uint32_t index = (uint32_t)events[i].data.u64;

		switch ((enum source)(events[i].data.u64 >> 32)) {
		case SOURCE_LISTENER:
			accept_all(s);
			break;
		case SOURCE_CONNECTION:
			connection_readable(s, &s->connections[index]);
			break;
		case SOURCE_DOORBELL:
			break; /* server_run() looks at all channels */
		}
	}
}

static struct connection *owner_of(struct server *s, uint32_t channel)
{
	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd >= 0 && channel - c->first_channel < c->channels)
			return c;
	}
	return NULL;
}

/* Closing the connection is how the client learns of it. */
static void channel_broken(struct server *s, uint32_t channel)
{
	struct connection *c = owner_of(s, channel);

	if (!c)
		return;
	LOG_ERROR("segment", 0, "client %s (pid %d) broke the rings of channel %u: closed", c->name,
		  (int)c->pid, channel);
	connection_close(s, c);
}

bool server_run(struct server *s)
{
	bool more = false;

	for (uint32_t i = 0; i < DP_CHANNELS_MAX; i++) {
		int done = channel_run(&s->channels[i], COMMANDS_PER_TURN, s->config.command,
				       s->config.arg);

		if (done < 0 || s->channels[i].state == CHANNEL_FAILED)
			channel_broken(s, i);
		else if (done > 0)
			more = true;
	}
	return more;
}

bool server_arm(struct server *s)
{
	bool work = false;

	for (uint32_t i = 0; i < DP_CHANNELS_MAX; i++)
		work |= channel_arm(&s->channels[i]);
	return work;
}

void server_tick(struct server *s, uint64_t now_ms)
{
	for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd < 0 || c->attached)
			continue;
		if (c->since_ms == 0)
			c->since_ms = now_ms;
		else if (now_ms - c->since_ms > REQUEST_TIMEOUT_MS)
			connection_close(s, c);
	}
}

void server_send_event(struct server *s, uint32_t channel, struct dp_event *event)
{
	if (channel < DP_CHANNELS_MAX)
		channel_send(&s->channels[channel], event);
}

static struct connection *find_operator(struct server *s, uint32_t operator_id)
{
	for (uint32_t i = 0; operator_id && i < CONNECTIONS_MAX; i++)
		if (s->connections[i].fd >= 0 && s->connections[i].operator_id == operator_id)
			return &s->connections[i];
	return NULL;
}

void server_operator_name(struct server *s, uint32_t operator_id, char text[SERVER_OPERATOR_TEXT])
{
	const struct connection *c = find_operator(s, operator_id);

	if (c)
		snprintf(text, SERVER_OPERATOR_TEXT, "operator %s (pid %d)", c->name, (int)c->pid);
	else
		snprintf(text, SERVER_OPERATOR_TEXT, "an operator");
}

int server_send_operator(struct server *s, uint32_t operator_id, const void *data, size_t size)
{
	struct connection *c = find_operator(s, operator_id);

	if (!c)
		return -ENOTCONN;
	if (send(c->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -ENOTCONN;
}

void server_close_operator(struct server *s, uint32_t operator_id)
{
	struct connection *c = find_operator(s, operator_id);

	if (!c)
		return;
	LOG_WARN("segment", 0, "operator %s (pid %d) does not read: closed", c->name, (int)c->pid);
	connection_close(s, c);
}
