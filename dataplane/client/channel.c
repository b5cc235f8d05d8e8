/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands out, events in. All ring code here is inline in DPDK's headers: no library, no EAL. */
#include "dataplane/client/channel.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_ring_elem.h>

static const struct {
	const char *name;
	size_t size;
} commands[DP_COMMAND_TYPES] = {
#define X(id, body) [DP_COMMAND_##id] = { #id, sizeof(((struct dp_command *)0)->body) },
	DP_COMMANDS(X)
#undef X
};

size_t dp_command_size(enum dp_command_type type)
{
	return (unsigned)type < DP_COMMAND_TYPES ? commands[type].size : 0;
}

const char *dp_command_name(enum dp_command_type type)
{
	if ((unsigned)type >= DP_COMMAND_TYPES || !commands[type].name)
		return "UNKNOWN";
	return commands[type].name;
}

static void ring_doorbell(int fd)
{
	const uint64_t one = 1;
	/* The only failure is EAGAIN, when the count is at its limit: it is readable then. */
	ssize_t written = write(fd, &one, sizeof(one));

	(void)written;
}

static void clear_doorbell(int fd)
{
	char rings[64];
	ssize_t got = recv(fd, rings, sizeof(rings), MSG_DONTWAIT);

	(void)got;
}

static bool server_waits(const struct dp_client_channel *c)
{
	atomic_thread_fence(memory_order_seq_cst);
	return __atomic_load_n(&c->shared->server.waiting, __ATOMIC_RELAXED) != 0;
}

void dp_channel_reset(struct dp_client_channel *c)
{
	c->commands->prod.head = c->commands->prod.tail;
	c->events->cons.tail = c->events->prod.tail;
	c->events->cons.head = c->events->cons.tail;
	c->epoch = c->shared->client.epoch + 1;
	if (c->epoch == 0)
		c->epoch = 1;
	c->sequence = 0;
	c->armed = false;
	__atomic_store_n(&c->shared->client.waiting, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&c->shared->client.epoch, c->epoch, __ATOMIC_RELEASE);
}

int dp_channel_fd(const struct dp_client_channel *channel)
{
	return channel->event_doorbell;
}

static int put_batch(struct dp_client_channel *c, struct dp_command *batch, unsigned count)
{
	unsigned n, sent;

	for (n = 0; n < count; n++) {
		size_t size = dp_command_size(batch[n].type & ~DP_COMMAND_QUIET);

		if (size == 0)
			break;
		batch[n].size = (uint16_t)size;
		batch[n].epoch = c->epoch;
		batch[n].sequence = c->sequence + 1 + n;
	}
	if (n == 0)
		return count == 0 ? 0 : -EINVAL;
	sent = rte_ring_sp_enqueue_burst_elem(c->commands, batch, sizeof(*batch), n, NULL);
	c->sequence += sent;
	return (int)sent;
}

void dp_channel_ring(struct dp_client_channel *c)
{
	if (server_waits(c))
		ring_doorbell(c->command_doorbell);
}

int dp_channel_put(struct dp_client_channel *c, struct dp_command *command)
{
	int put = put_batch(c, command, 1);

	if (put < 0)
		return put;
	return put == 1 ? 0 : -EAGAIN;
}

int dp_channel_send_batch(struct dp_client_channel *c, struct dp_command *batch, unsigned count)
{
	int sent = put_batch(c, batch, count);

	if (sent > 0)
		dp_channel_ring(c);
	return sent;
}

int dp_channel_send(struct dp_client_channel *c, struct dp_command *command)
{
	int error = dp_channel_put(c, command);

	if (!error)
		dp_channel_ring(c);
	return error;
}

static unsigned take(struct dp_client_channel *c, struct dp_event *events, unsigned count)
{
	for (;;) {
		unsigned got = rte_ring_sc_dequeue_burst_elem(c->events, events, sizeof(*events),
							      count, NULL);
		unsigned kept = 0;

		for (unsigned i = 0; i < got; i++) {
			if (events[i].epoch == c->epoch)
				events[kept++] = events[i];
		}
		if (kept > 0 || got == 0)
			return kept;
	}
}

unsigned dp_channel_take(struct dp_client_channel *c, struct dp_event *events, unsigned count)
{
	unsigned got = count > 0 ? take(c, events, count) : 0;

	if (got > 0 && !rte_ring_empty(c->commands) && server_waits(c))
		ring_doorbell(c->command_doorbell);
	return got;
}

unsigned dp_channel_receive(struct dp_client_channel *c, struct dp_event *events, unsigned count)
{
	unsigned got;

	if (count == 0)
		return 0;
	got = take(c, events, count);
	if (got == 0) {
		/* Order matters: clear, say that we wait, look once more. */
		clear_doorbell(c->event_doorbell);
		if (!c->armed) {
			c->armed = true;
			__atomic_store_n(&c->shared->client.waiting, 1, __ATOMIC_RELAXED);
		}
		atomic_thread_fence(memory_order_seq_cst);
		got = take(c, events, count);
	}
	if (got > 0 && c->armed) {
		c->armed = false;
		__atomic_store_n(&c->shared->client.waiting, 0, __ATOMIC_RELAXED);
	}
	/* The server stops taking commands while it has no room for replies: now there is some. */
	if (got > 0 && !rte_ring_empty(c->commands) && server_waits(c))
		ring_doorbell(c->command_doorbell);
	return got;
}
