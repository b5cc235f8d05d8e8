/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/channel.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

void channel_init(struct channel *c, const struct segment *segment, uint32_t index)
{
	*c = (struct channel){
		.index = index,
		.shared = &segment->channels[index],
		.stats = segment->stats,
		.command_doorbell = -1,
		.event_doorbell = -1,
		.event_doorbell_far = -1,
	};
}

static void close_doorbells(struct channel *c)
{
	int *fds[] = { &c->command_doorbell, &c->event_doorbell, &c->event_doorbell_far };

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int channel_open(struct channel *c, const struct segment *segment)
{
	struct dp_channel *shared = c->shared;
	int pair[2], error;

	error = shared_ring_init(&c->commands, segment_command_ring(segment, c->index),
				 DP_COMMAND_RING_SIZE, sizeof(struct dp_command));
	if (!error)
		error = shared_ring_init(&c->events, segment_event_ring(segment, c->index),
					 DP_EVENT_RING_SIZE, sizeof(struct dp_event));
	if (error)
		return error;
	c->command_doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->command_doorbell < 0)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		error = -errno;
		close_doorbells(c);
		return error;
	}
	c->event_doorbell = pair[0];
	c->event_doorbell_far = pair[1];
	shared->command_ring_offset =
		(uint64_t)((uint8_t *)c->commands.ring - (uint8_t *)segment->channel_area);
	shared->event_ring_offset =
		(uint64_t)((uint8_t *)c->events.ring - (uint8_t *)segment->channel_area);
	shared->client.epoch = c->epoch;
	shared->client.waiting = 0;
	shared->server.epoch = c->epoch;
	shared->server.refused = c->refused;
	shared->server.waiting = 1;
	c->armed = true;
	c->sequence = 0;
	c->event_sequence = 0;
	c->added = DP_HANDLE_NONE;
	c->pending = 0;
	c->urgent = false;
	c->state = CHANNEL_OPENED;
	return 0;
}

void channel_handed_out(struct channel *c)
{
	close(c->event_doorbell_far);
	c->event_doorbell_far = -1;
}

void channel_close(struct channel *c)
{
	close_doorbells(c);
	c->state = CHANNEL_FREE;
}

static int fail(struct channel *c)
{
	c->state = CHANNEL_FAILED;
	return -EBADMSG;
}

static void flush(struct channel *c)
{
	if (c->pending == 0)
		return;
	shared_ring_publish(&c->events, c->pending);
	c->pending = 0;
	if (!c->urgent)
		return;
	c->urgent = false;
	atomic_thread_fence(memory_order_seq_cst);
	/* No buffer left means that it rang often enough. */
	if (__atomic_load_n(&c->shared->client.waiting, __ATOMIC_RELAXED))
		send(c->event_doorbell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* SYNC starts a new epoch; what follows carries it, and each command the next sequence. */
static bool is_next(struct channel *c, const struct dp_command *command)
{
	if (command->type == DP_COMMAND_SYNC) {
		if (command->sequence != 1 || (int32_t)(command->epoch - c->epoch) <= 0)
			return false;
		c->epoch = command->epoch;
		c->event_sequence = 0;
		c->added = DP_HANDLE_NONE;
		c->state = CHANNEL_SYNCHRONISED;
		__atomic_store_n(&c->shared->server.epoch, c->epoch, __ATOMIC_RELEASE);
	} else if (c->state != CHANNEL_SYNCHRONISED || command->epoch != c->epoch ||
		   command->sequence != c->sequence + 1) {
		return false;
	}
	c->sequence = command->sequence;
	return true;
}

static int carry_out(struct channel *c, struct dp_command *command, channel_command_t call,
		     void *arg, struct dp_ev_reply *reply)
{
	int status;

	if (command->type == DP_COMMAND_SYNC)
		return command->size == sizeof(command->sync) ? 0 : -EINVAL;
	if (command->type == DP_COMMAND_TERMINATION_ADD &&
	    dp_handle_equal(command->termination_add.context, DP_HANDLE_ADDED))
		command->termination_add.context = c->added;
	status = call(arg, c->index, command, reply);
	if (command->type == DP_COMMAND_CONTEXT_ADD)
		c->added = status == 0 ? reply->handle : DP_HANDLE_NONE;
	return status;
}

/* The command is our copy: nobody else writes to it. */
static void execute(struct channel *c, struct dp_command *command, channel_command_t call,
		    void *arg)
{
	bool quiet = command->type & DP_COMMAND_QUIET;
	struct dp_event event = {
		.type = DP_EVENT_REPLY,
		.size = sizeof(event.reply),
		.epoch = command->epoch,
		.cookie = command->cookie,
		.reply = { .command_sequence = command->sequence,
			   .command_type = command->type & ~DP_COMMAND_QUIET },
	};

	command->type &= ~DP_COMMAND_QUIET;

	if (is_next(c, command)) {
		__atomic_store_n(&c->stats->commands, c->stats->commands + 1, __ATOMIC_RELAXED);
		event.reply.status = carry_out(c, command, call, arg, &event.reply);
		event.sequence = ++c->event_sequence;
	} else {
		__atomic_store_n(&c->stats->commands_refused, c->stats->commands_refused + 1,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&c->shared->server.refused, ++c->refused, __ATOMIC_RELAXED);
		event.reply.status = -EPROTO;
		if (command->epoch == c->epoch)
			event.sequence = ++c->event_sequence;
	}
	shared_ring_put(&c->events, c->pending++, &event);
	c->urgent |= !quiet;
}

int channel_run(struct channel *c, uint32_t budget, channel_command_t call, void *arg)
{
	struct dp_command command;
	int waiting, room;
	uint32_t done = 0;

	if (c->state != CHANNEL_OPENED && c->state != CHANNEL_SYNCHRONISED)
		return 0;
	if (!shared_ring_intact(&c->commands) || !shared_ring_intact(&c->events))
		return fail(c);
	waiting = shared_ring_count(&c->commands);
	room = shared_ring_room(&c->events);
	if (waiting < 0 || room < 0)
		return fail(c);
	if (c->armed && waiting > 0 && room > 0) {
		c->armed = false;
		__atomic_store_n(&c->shared->server.waiting, 0, __ATOMIC_RELAXED);
	}
	/* No command without room for its reply; events of others may take some of it meanwhile. */
	c->running = true;
	while (done < budget && done < (uint32_t)waiting && c->pending < (uint32_t)room) {
		shared_ring_peek(&c->commands, done, &command);
		execute(c, &command, call, arg);
		done++;
	}
	c->running = false;
	if (done > 0)
		shared_ring_release(&c->commands, done);
	flush(c);
	return (int)done;
}

bool channel_arm(struct channel *c)
{
	if (c->state != CHANNEL_OPENED && c->state != CHANNEL_SYNCHRONISED)
		return false;
	if (!c->armed) {
		c->armed = true;
		__atomic_store_n(&c->shared->server.waiting, 1, __ATOMIC_RELAXED);
	}
	atomic_thread_fence(memory_order_seq_cst);
	return shared_ring_count(&c->commands) != 0 && shared_ring_room(&c->events) != 0;
}

int channel_send(struct channel *c, struct dp_event *event)
{
	int room;

	if (c->state != CHANNEL_SYNCHRONISED)
		return -ENOTCONN;
	event->epoch = c->epoch;
	event->sequence = ++c->event_sequence;
	event->cookie = 0;
	room = shared_ring_room(&c->events);
	if (room < 0)
		return fail(c);
	/* While a command is carried out, one place is its reply's. */
	if ((uint32_t)room <= c->pending + c->running) {
		__atomic_store_n(&c->stats->events_lost, c->stats->events_lost + 1,
				 __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	shared_ring_put(&c->events, c->pending++, event);
	c->urgent = true;
	return 0;
}
