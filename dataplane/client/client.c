/* SPDX-License-Identifier: BSD-3-Clause */
/* Attaching to the segment: dataplane/api/segment.h draws the conversation. */
#include "dataplane/client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/client/channel.h"
#include "dataplane/client/operator.h"

#define FDS_MAX (2u + 2u * DP_CHANNELS_MAX)

struct dp_client {
	int socket;
	const struct dp_stats_header *stats;
	size_t stats_size;
	void *channel_area;
	size_t channel_area_size;
	uint64_t boot_id;
	unsigned channel_count;
	struct dp_client_channel channels[DP_CHANNELS_MAX];
};

/* What the conversation leaves behind until it is taken over or closed. */
struct attach {
	struct dp_attach_reply reply;
	int fds[FDS_MAX];
	unsigned fd_count;
	uint64_t deadline_ms;
	char *why;
	size_t why_size;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int __attribute__((format(printf, 3, 4)))
fail(struct attach *a, int error, const char *format, ...)
{
	va_list args;

	if (a->why && a->why_size > 0) {
		va_start(args, format);
		vsnprintf(a->why, a->why_size, format, args);
		va_end(args);
	}
	return error;
}

static int wait_readable(int fd, uint64_t deadline_ms)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ms();
		int n = poll(&p, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int connect_to(struct attach *a, const char *path, int timeout_ms, int *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(a, -ENAMETOOLONG, "socket path %s is too long", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(a, -errno, "socket: %s", strerror(errno));
	/* connect() waits while the backlog is full, as long as a send would. */
	if (timeout_ms > 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		*out = fd;
		return 0;
	}
	error = errno == EAGAIN ? ETIMEDOUT : errno;
	close(fd);
	if (error == ENOENT || error == ECONNREFUSED)
		return fail(a, -error, "no dataplane is running at %s", path);
	return fail(a, -error, "%s: %s", path, strerror(error));
}

static void take_descriptors(struct attach *a, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (a->fd_count < FDS_MAX)
				a->fds[a->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

static int converse(struct attach *a, int fd, const char *name, enum dp_attach_role role,
		    unsigned channels)
{
	struct dp_attach_request request = {
		.magic = DP_SEGMENT_MAGIC,
		.layout_version = DP_LAYOUT_VERSION,
		.role = (uint32_t)role,
		.channels = channels,
		.pid = (uint32_t)getpid(),
	};
	union {
		char buffer[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { .iov_base = &a->reply, .iov_len = sizeof(a->reply) };
	struct msghdr message = { .msg_iov = &io,
				  .msg_iovlen = 1,
				  .msg_control = control.buffer,
				  .msg_controllen = sizeof(control.buffer) };
	ssize_t n;
	int error;

	snprintf(request.name, sizeof(request.name), "%s", name);
	if (send(fd, &request, sizeof(request), MSG_NOSIGNAL) != (ssize_t)sizeof(request))
		return fail(a, -errno, "the dataplane does not take the request: %s",
			    strerror(errno));
	error = wait_readable(fd, a->deadline_ms);
	if (error)
		return fail(a, error, "the dataplane does not answer");
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return fail(a, -errno, "the dataplane does not answer: %s", strerror(errno));
	take_descriptors(a, &message);
	if (n == 0)
		return fail(a, -ECONNREFUSED, "the dataplane closed the connection");
	if (n != (ssize_t)sizeof(a->reply) || a->reply.magic != DP_SEGMENT_MAGIC)
		return fail(a, -EPROTO, "what answers is not a dataplane");
	return 0;
}

static int check_reply(struct attach *a, unsigned channels)
{
	const struct dp_attach_reply *r = &a->reply;

	if (r->layout_version != DP_LAYOUT_VERSION || r->status == -EPROTO)
		return fail(a, -EPROTO, "the dataplane has layout version %u, this program %u",
			    r->layout_version, DP_LAYOUT_VERSION);
	if (r->status == -EBUSY)
		return fail(a, -EBUSY, "the dataplane has no %u channels left", channels);
	if (r->status != 0)
		return fail(a, r->status < 0 ? r->status : -EPROTO, "the dataplane refuses: %s",
			    strerror(abs(r->status)));
	if (r->channels != channels || a->fd_count != (channels ? 2 + 2 * channels : 1))
		return fail(a, -EPROTO, "the dataplane gave %u channels and %u descriptors",
			    r->channels, a->fd_count);
	return 0;
}

static int map(int fd, size_t size, int protection, void **area)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (size == 0 || (uint64_t)st.st_size < size)
		return -EPROTO;
	*area = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (*area != MAP_FAILED)
		return 0;
	*area = NULL;
	return -errno;
}

static bool fits(uint64_t offset, uint64_t count, uint64_t size, uint64_t area)
{
	return offset <= area && offset % 8 == 0 && count <= (area - offset) / size;
}

static int map_statistics(struct dp_client *client, struct attach *a)
{
	const struct dp_stats_header *s;
	void *area;
	uint64_t size = a->reply.statistics_size;
	int error = size < sizeof(*s) ? -EPROTO : map(a->fds[0], size, PROT_READ, &area);

	if (error)
		return fail(a, error, "statistics area: %s", strerror(-error));
	client->stats = s = area;
	client->stats_size = size;
	if (s->magic != DP_SEGMENT_MAGIC || s->workers > DP_WORKERS_MAX ||
	    s->nodes > DP_NODES_MAX ||
	    !fits(s->port_offset, s->ports, sizeof(struct dp_port_stats), size) ||
	    !fits(s->worker_offset, s->workers, sizeof(struct dp_worker_stats), size) ||
	    !fits(s->node_offset, (uint64_t)s->workers * DP_NODES_MAX, sizeof(struct dp_node_stats),
		  size) ||
	    !fits(s->pool_offset, s->pools, sizeof(struct dp_pool_stats), size) ||
	    !fits(s->context_offset, s->contexts_max, sizeof(struct dp_context_record), size) ||
	    !fits(s->termination_offset, s->terminations_max, sizeof(struct dp_termination_record),
		  size) ||
	    !fits(s->counters_offset, s->terminations_max, sizeof(struct dp_termination_counters),
		  size))
		return fail(a, -EPROTO, "statistics area has another layout");
	return 0;
}

static int map_channels(struct dp_client *client, struct attach *a)
{
	const struct dp_segment_header *header;
	uint64_t size = a->reply.channel_area_size;
	int error = size < sizeof(*header)
			    ? -EPROTO
			    : map(a->fds[1], size, PROT_READ | PROT_WRITE, &client->channel_area);

	if (error)
		return fail(a, error, "channel area: %s", strerror(-error));
	client->channel_area_size = size;
	header = client->channel_area;
	if (header->magic != DP_SEGMENT_MAGIC || header->channels > DP_CHANNELS_MAX ||
	    a->reply.first_channel >= header->channels ||
	    a->reply.channels > header->channels - a->reply.first_channel ||
	    !fits(header->channel_offset, header->channels, sizeof(struct dp_channel), size))
		return fail(a, -EPROTO, "channel area has another layout");

	for (unsigned i = 0; i < a->reply.channels; i++) {
		struct dp_client_channel *c = &client->channels[i];
		uint8_t *base = client->channel_area;

		c->shared = (struct dp_channel *)(base + header->channel_offset) +
			    a->reply.first_channel + i;
		if (!fits(c->shared->command_ring_offset, 1, sizeof(struct rte_ring), size) ||
		    !fits(c->shared->event_ring_offset, 1, sizeof(struct rte_ring), size))
			return fail(a, -EPROTO, "channel area has another layout");
		c->commands = (struct rte_ring *)(base + c->shared->command_ring_offset);
		c->events = (struct rte_ring *)(base + c->shared->event_ring_offset);
		if (c->commands->size != DP_COMMAND_RING_SIZE ||
		    c->events->size != DP_EVENT_RING_SIZE)
			return fail(a, -EPROTO, "channel %u has other ring sizes", i);
		c->command_doorbell = a->fds[2 + 2 * i];
		c->event_doorbell = a->fds[3 + 2 * i];
		a->fds[2 + 2 * i] = a->fds[3 + 2 * i] = -1;
		client->channel_count = i + 1;
	}
	return 0;
}

static int synchronise(struct dp_client_channel *c, struct attach *a)
{
	struct dp_command sync = { .type = DP_COMMAND_SYNC };
	struct dp_event event;
	int error;

	dp_channel_reset(c);
	error = dp_channel_send(c, &sync);
	if (error)
		return fail(a, error, "SYNC cannot be sent: %s", strerror(-error));
	while (dp_channel_receive(c, &event, 1) == 0) {
		error = wait_readable(c->event_doorbell, a->deadline_ms);
		if (error)
			return fail(a, error, "the dataplane does not answer SYNC");
	}
	if (event.type != DP_EVENT_REPLY || event.reply.command_type != DP_COMMAND_SYNC)
		return fail(a, -EPROTO, "the dataplane answers SYNC with something else");
	if (event.reply.status != 0)
		return fail(a, event.reply.status, "the dataplane refuses SYNC: %s",
			    strerror(-event.reply.status));
	return 0;
}

static int open_as(const char *socket_path, const char *name, enum dp_attach_role role,
		   unsigned channels, int timeout_ms, struct dp_client **out, char *why,
		   size_t why_size)
{
	struct attach a = { .why = why, .why_size = why_size };
	struct dp_client *client;
	int error;

	if (timeout_ms < 0)
		timeout_ms = 0;
	a.deadline_ms = now_ms() + (uint64_t)timeout_ms;
	if (why && why_size)
		why[0] = '\0';
	if (channels > DP_CHANNELS_MAX)
		return fail(&a, -EINVAL, "%u channels are more than %u", channels, DP_CHANNELS_MAX);
	client = calloc(1, sizeof(*client));
	if (!client)
		return fail(&a, -ENOMEM, "no memory");
	client->socket = -1;

	error = connect_to(&a, socket_path, timeout_ms, &client->socket);
	if (!error)
		error = converse(&a, client->socket, name, role, channels);
	if (!error)
		error = check_reply(&a, channels);
	if (!error)
		error = map_statistics(client, &a);
	if (!error && channels)
		error = map_channels(client, &a);
	for (unsigned i = 0; !error && i < channels; i++)
		error = synchronise(&client->channels[i], &a);

	for (unsigned i = 0; i < a.fd_count; i++) {
		if (a.fds[i] >= 0)
			close(a.fds[i]);
	}
	if (error) {
		dp_client_close(client);
		return error;
	}
	client->boot_id = a.reply.boot_id;
	*out = client;
	return 0;
}

int dp_client_open(const char *socket_path, const char *name, unsigned channels, int timeout_ms,
		   struct dp_client **client, char *why, size_t why_size)
{
	return open_as(socket_path, name, channels ? DP_ROLE_CLIENT : DP_ROLE_OBSERVER, channels,
		       timeout_ms, client, why, why_size);
}

int dp_operator_open(const char *socket_path, const char *name, int timeout_ms,
		     struct dp_client **client, char *why, size_t why_size)
{
	return open_as(socket_path, name, DP_ROLE_OPERATOR, 0, timeout_ms, client, why, why_size);
}

void dp_client_close(struct dp_client *client)
{
	if (!client)
		return;
	for (unsigned i = 0; i < client->channel_count; i++) {
		close(client->channels[i].command_doorbell);
		close(client->channels[i].event_doorbell);
	}
	if (client->channel_area)
		munmap(client->channel_area, client->channel_area_size);
	if (client->stats)
		munmap((void *)(uintptr_t)client->stats, client->stats_size);
	if (client->socket >= 0)
		close(client->socket);
	free(client);
}

int dp_client_fd(const struct dp_client *client)
{
	return client->socket;
}

uint64_t dp_client_boot_id(const struct dp_client *client)
{
	return client->boot_id;
}

const struct dp_stats_header *dp_client_stats(const struct dp_client *client)
{
	return client->stats;
}

struct dp_client_channel *dp_client_channel(struct dp_client *client, unsigned index)
{
	return index < client->channel_count ? &client->channels[index] : NULL;
}
