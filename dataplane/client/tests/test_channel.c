/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands, replies, events: order, epochs, back-pressure, the death of a client. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_ring_elem.h>

#include "dataplane/client/channel.h"
#include "dataplane/client/tests/fixture.h"

static struct fixture f;

static void open_and_start(void)
{
	fixture_open(&f);
	fixture_start(&f);
}

static void close_it(void)
{
	fixture_close(&f);
}

TestSuite(channel, .init = open_and_start, .fini = close_it, .timeout = 60);

static int add_context(struct dp_client_channel *c, uint64_t label)
{
	struct dp_command command = { .type = DP_COMMAND_CONTEXT_ADD,
				      .cookie = label * 3,
				      .context_add.label = label };

	return dp_channel_send(c, &command);
}

Test(channel, each_command_gets_one_reply_in_order)
{
	struct dp_client *client = fixture_client(&f, 2);
	struct dp_client_channel *c = dp_client_channel(client, 1);
	struct dp_event event;

	for (uint64_t label = 1; label <= 20000; label++) {
		cr_assert(eq(int, add_context(c, label), 0));
		if (label % 100 != 0)
			continue;
		for (uint64_t i = label - 99; i <= label; i++) {
			fixture_receive(c, &event);
			cr_assert(eq(int, event.type, DP_EVENT_REPLY));
			cr_assert(eq(u64, event.cookie, i * 3));
			cr_assert(eq(u64, event.sequence, i + 1));
			cr_assert(eq(u64, event.reply.command_sequence, i + 1));
			cr_assert(eq(int, event.reply.status, 0));
			cr_assert(eq(u32, event.reply.handle.generation, 9));
		}
	}
	cr_expect(eq(u32, dp_channel_receive(c, &event, 1), 0));
	cr_expect(eq(u64, f.out_of_order, 0));
	cr_expect(eq(u64, __atomic_load_n(&f.segment.stats->commands, __ATOMIC_RELAXED),
		     20000 + 2)); /* and two SYNCs */
	dp_client_close(client);
}

Test(channel, a_batch_is_sent_as_far_as_it_fits_and_in_order)
{
	enum { BATCH = 1000, ALL = 20000 };
	static struct dp_command batch[BATCH];
	static struct dp_event events[BATCH];
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	struct pollfd p = { .fd = dp_channel_fd(c), .events = POLLIN };
	uint64_t sent = 0, received = 0;

	while (received < ALL) {
		unsigned n, want = (unsigned)RTE_MIN((uint64_t)BATCH, ALL - sent);
		int put;

		for (unsigned i = 0; i < want; i++)
			batch[i] = (struct dp_command){ .type = DP_COMMAND_CONTEXT_ADD,
							.cookie = sent + i,
							.context_add.label = sent + i + 1 };
		put = dp_channel_send_batch(c, batch, want);
		cr_assert(put >= 0 && put <= (int)want);
		sent += (unsigned)put;
		n = dp_channel_receive(c, events, BATCH);
		for (unsigned i = 0; i < n; i++)
			cr_assert(eq(u64, events[i].cookie, received + i));
		received += n;
		if (n == 0)
			cr_assert(eq(int, poll(&p, 1, 5000), 1));
	}
	cr_expect(eq(u64, f.out_of_order, 0));
	cr_expect(eq(u64, f.commands, ALL));
	dp_client_close(client);
}

Test(channel, a_batch_ends_before_a_type_that_is_unknown_and_at_the_ring)
{
	static struct dp_command batch[DP_COMMAND_RING_SIZE + 10];
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	struct dp_event event;

	for (unsigned i = 0; i < DP_COMMAND_RING_SIZE + 10; i++)
		batch[i] = (struct dp_command){ .type = DP_COMMAND_CONTEXT_ADD,
						.context_add.label = i + 1 };
	batch[2].type = 200;
	cr_expect(eq(int, dp_channel_send_batch(c, batch, 0), 0));
	cr_expect(eq(int, dp_channel_send_batch(c, &batch[2], 4), -EINVAL));
	cr_expect(eq(int, dp_channel_send_batch(c, batch, 4), 2));
	fixture_receive(c, &event);
	fixture_receive(c, &event);
	batch[2].type = DP_COMMAND_CONTEXT_ADD;
	fixture_stop(&f); /* nobody takes them */
	cr_expect(eq(int, dp_channel_send_batch(c, &batch[2], DP_COMMAND_RING_SIZE + 8),
		     DP_COMMAND_RING_SIZE - 1));
	cr_expect(eq(int, dp_channel_send_batch(c, &batch[2], 1), 0));
	dp_client_close(client);
}

/* The context that a termination's command arrives with, after so many commands before it. */
static dp_handle_t asked_after(struct dp_client_channel *c, struct dp_command *before, unsigned n)
{
	struct dp_command add = { .type = DP_COMMAND_TERMINATION_ADD,
				  .termination_add.context = DP_HANDLE_ADDED };
	struct dp_event event;

	f.asked_for = (dp_handle_t){ 1, 1 };
	for (unsigned i = 0; i < n; i++)
		cr_assert(eq(int, dp_channel_put(c, &before[i]), 0));
	cr_assert(eq(int, dp_channel_put(c, &add), 0));
	dp_channel_ring(c);
	for (unsigned i = 0; i <= n; i++)
		fixture_receive(c, &event);
	return f.asked_for;
}

Test(channel, a_termination_may_name_the_context_that_was_asked_for_before_it)
{
	struct dp_client *client = fixture_client(&f, 2);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	struct dp_command good = { .type = DP_COMMAND_CONTEXT_ADD, .context_add.label = 1 };
	struct dp_command refused = { .type = DP_COMMAND_CONTEXT_ADD,
				      .context_add.label = UINT64_MAX };
	struct dp_command other = { .type = DP_COMMAND_TERMINATION_MODIFY };

	/* none was asked for yet */
	cr_expect(dp_handle_is_none(asked_after(c, NULL, 0)));
	cr_expect(eq(u32, asked_after(c, (struct dp_command[]){ good, other }, 2).generation, 9));
	cr_expect(eq(u32, asked_after(c, NULL, 0).generation, 9));
	/* another channel's is nobody else's */
	cr_expect(dp_handle_is_none(asked_after(dp_client_channel(client, 1), NULL, 0)));
	cr_expect(dp_handle_is_none(asked_after(c, &refused, 1)));
	dp_client_close(client);
}

/* given a client that sleeps, then replies to quiet commands are there when it looks, and the
 * doorbell rings for what is not quiet */
Test(channel, a_quiet_command_wakes_nobody_up)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	struct dp_command quiet = { .type = DP_COMMAND_TERMINATION_MODIFY | DP_COMMAND_QUIET,
				    .cookie = 5 };
	struct pollfd p = { .fd = dp_channel_fd(c), .events = POLLIN };
	struct dp_event event;
	unsigned n = 0;

	cr_assert(eq(u32, dp_channel_receive(c, &event, 1), 0)); /* armed */
	cr_assert(eq(int, dp_channel_send(c, &quiet), 0));
	while ((n = dp_channel_take(c, &event, 1)) == 0)
		sched_yield();
	cr_expect(eq(u64, event.cookie, 5));
	cr_expect(eq(int, event.reply.command_type, DP_COMMAND_TERMINATION_MODIFY));
	cr_expect(eq(int, event.reply.status, 0));
	cr_expect(eq(int, poll(&p, 1, 0), 0), "the doorbell has rung");

	cr_assert(eq(int, dp_channel_send(c, &quiet), 0));
	cr_assert(eq(int, add_context(c, 1), 0));
	cr_expect(eq(int, poll(&p, 1, 5000), 1));
	fixture_receive(c, &event);
	fixture_receive(c, &event);
	cr_expect(eq(int, event.reply.command_type, DP_COMMAND_CONTEXT_ADD));
	dp_client_close(client);
}

Test(channel, status_of_the_command_comes_back)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	struct dp_command command = { .type = DP_COMMAND_TOPOLOGY }, unknown = { .type = 200 };
	struct dp_event event;

	cr_assert(eq(int, dp_channel_send(c, &command), 0));
	fixture_receive(c, &event);
	cr_expect(eq(int, event.reply.status, -ESTALE));
	cr_expect(eq(int, event.reply.command_type, DP_COMMAND_TOPOLOGY));
	cr_expect(eq(int, dp_channel_send(c, &unknown), -EINVAL));
	dp_client_close(client);
}

/* As a client that forgets the rules would. */
static void put_raw(struct dp_client_channel *c, uint16_t type, uint32_t epoch, uint64_t sequence)
{
	struct dp_command command = { .type = type,
				      .size = (uint16_t)dp_command_size(type),
				      .epoch = epoch,
				      .sequence = sequence };

	cr_assert(eq(int, rte_ring_sp_enqueue_elem(c->commands, &command, sizeof(command)), 0));
	cr_assert(eq(long, write(c->command_doorbell, &(uint64_t){ 1 }, 8), 8));
}

Test(channel, what_is_not_next_is_refused)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	const struct {
		uint16_t type;
		int32_t epoch; /* added to the right one */
		uint64_t sequence;
		int status;
	} table[] = {
		{ DP_COMMAND_CONTEXT_ADD, 0, 2, 0 },
		{ DP_COMMAND_CONTEXT_ADD, 0, 2, -EPROTO },  /* again */
		{ DP_COMMAND_CONTEXT_ADD, 0, 4, -EPROTO },  /* a gap */
		{ DP_COMMAND_CONTEXT_ADD, -1, 3, -EPROTO }, /* of an epoch before */
		{ DP_COMMAND_CONTEXT_ADD, 1, 3, -EPROTO },  /* of one that was not started */
		{ DP_COMMAND_SYNC, 0, 1, -EPROTO },         /* the same epoch once more */
		{ DP_COMMAND_SYNC, -1, 1, -EPROTO },
		{ DP_COMMAND_SYNC, 1, 2, -EPROTO }, /* not with 1 */
		{ DP_COMMAND_CONTEXT_ADD, 0, 3, 0 },
		{ DP_COMMAND_SYNC, 1, 1, 0 },
		{ DP_COMMAND_CONTEXT_ADD, 0, 4, -EPROTO },
		{ DP_COMMAND_CONTEXT_ADD, 1, 2, 0 },
	};
	const uint32_t epoch = c->epoch;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dp_event event;
		uint32_t its_epoch = epoch + (uint32_t)table[i].epoch;

		/* Replies carry the epoch of their command: the library drops others. */
		c->epoch = its_epoch;
		put_raw(c, table[i].type, its_epoch, table[i].sequence);
		fixture_receive(c, &event);
		cr_expect(eq(int, event.reply.status, table[i].status), "row %zu", i);
		cr_expect(eq(u64, event.reply.command_sequence, table[i].sequence), "row %zu", i);
	}
	cr_expect(eq(u64, f.commands, 3));
	cr_expect(
		eq(u64, __atomic_load_n(&f.segment.stats->commands_refused, __ATOMIC_RELAXED), 8));
	cr_expect(eq(u32, c->shared->server.refused, 8));
	dp_client_close(client);
}

static bool rings(struct fixture *fixture)
{
	struct pollfd p = { .fd = server_fd(fixture->server), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* Until the server has nothing to do but wait. */
static void serve_all(struct fixture *fixture)
{
	do {
		server_handle_sockets(fixture->server);
		while (server_run(fixture->server))
			;
	} while (server_arm(fixture->server) || rings(fixture));
}

Test(channel, full_rings_are_back_pressure_and_lose_nothing)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	const uint64_t capacity = DP_COMMAND_RING_SIZE - 1 + DP_EVENT_RING_SIZE - 1;
	uint64_t sent = 0, received = 0;
	struct dp_event events[64];

	/* Nobody receives: the event ring fills, then the command ring, then it is said so. */
	fixture_stop(&f); /* from now on by hand */
	while (sent < capacity) {
		if (add_context(c, sent + 1) == 0)
			sent++;
		else
			serve_all(&f);
	}
	serve_all(&f);
	cr_expect(eq(int, add_context(c, sent + 1), -EAGAIN));

	/* The server would sleep now. Room for replies is enough to wake it. */
	while (received < sent) {
		unsigned n = dp_channel_receive(c, events, 64);

		for (unsigned i = 0; i < n; i++)
			cr_assert(eq(u64, events[i].sequence, ++received + 1));
		if (n > 0 && f.commands < sent)
			cr_assert(rings(&f));
		serve_all(&f);
	}
	cr_expect(eq(u64, f.commands, capacity));
	cr_expect(eq(u64, f.out_of_order, 0));
	cr_expect(eq(u64, __atomic_load_n(&f.segment.stats->events_lost, __ATOMIC_RELAXED), 0));
	dp_client_close(client);
}

Test(channel, events_are_lost_before_replies_and_counted)
{
	struct dp_client *client;
	struct dp_client_channel *c;
	uint64_t sent = 0, replies = 0, others = 0, sequence = 1;
	struct dp_event event;

	f.send_latched_to = 1; /* behind each command an event that nobody asked for */
	client = fixture_client(&f, 1);
	c = dp_client_channel(client, 0);
	while (sent < DP_EVENT_RING_SIZE - 200) {
		if (add_context(c, sent + 1) == 0)
			sent++;
	}
	while (replies < sent) {
		fixture_receive(c, &event);
		cr_assert(event.sequence > sequence);
		sequence = event.sequence;
		if (event.type == DP_EVENT_REPLY)
			replies++;
		else
			others++;
	}
	cr_expect(eq(u64, f.commands, sent));
	cr_expect(eq(u64,
		     others + __atomic_load_n(&f.segment.stats->events_lost, __ATOMIC_RELAXED) +
			     dp_channel_receive(c, &event, 1),
		     sent));
	dp_client_close(client);
}

Test(channel, an_event_for_nobody_is_dropped)
{
	struct dp_client *client;
	struct dp_client_channel *c;
	struct dp_event event;

	f.send_latched_to = 9; /* a channel that is free */
	client = fixture_client(&f, 1);
	c = dp_client_channel(client, 0);
	cr_assert(eq(int, add_context(c, 1), 0));
	fixture_receive(c, &event);
	cr_expect(eq(int, event.type, DP_EVENT_REPLY));
	cr_expect(eq(u32, dp_channel_receive(c, &event, 1), 0));
	cr_expect(eq(u64, __atomic_load_n(&f.segment.stats->events_lost, __ATOMIC_RELAXED), 0));
	dp_client_close(client);
}

/* A producer that was killed between head and tail, and events that it never took. */
Test(channel, reset_leaves_nothing_of_a_torn_ring)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);
	const uint32_t before = c->epoch;
	struct dp_command sync = { .type = DP_COMMAND_SYNC };
	struct dp_event event;

	cr_assert(eq(int, add_context(c, 1), 0));
	while (rte_ring_empty(c->events))
		sched_yield();
	c->commands->prod.head += 5;
	c->events->cons.head += 1;
	dp_channel_reset(c);
	cr_expect(eq(u32, c->epoch, before + 1));
	cr_assert(eq(int, dp_channel_send(c, &sync), 0));
	cr_assert(eq(int, add_context(c, 2), 0));
	fixture_receive(c, &event);
	cr_expect(eq(int, event.reply.command_type, DP_COMMAND_SYNC));
	fixture_receive(c, &event);
	cr_expect(eq(u64, event.cookie, 6));
	cr_expect(eq(u64, f.out_of_order, 0));
	cr_expect(
		eq(u64, __atomic_load_n(&f.segment.stats->commands_refused, __ATOMIC_RELAXED), 0));
	dp_client_close(client);
}

/* Sends labels round << 32 | 1, 2, 3 … until it is killed. */
static void send_for_ever(const char *path, uint64_t round)
{
	struct dp_client *client;
	struct dp_client_channel *c;
	struct dp_event events[32];

	if (dp_client_open(path, "victim", 1, 5000, &client, NULL, 0) != 0)
		_exit(1);
	c = dp_client_channel(client, 0);
	for (uint64_t n = 1;; n++) {
		while (add_context(c, round << 32 | n) != 0)
			dp_channel_receive(c, events, 32);
		/* The smallest rooms of the ring are where a torn write would be seen. */
		if (n % 7 == 0)
			dp_channel_receive(c, events, 5);
	}
}

Test(killed, commands_of_a_killed_client_are_never_replayed, .timeout = 120)
{
	struct rte_ring *ring;

	fixture_open(&f);
	ring = segment_command_ring(&f.segment, 0);
	for (uint64_t round = 1; round <= 50; round++) {
		const uint64_t before = f.commands, until = before + 50 + round * 97 % 3000;
		pid_t child;

		f.last_label = round << 32; /* anything of a round before is out of order */
		child = fork();
		if (child == 0)
			send_for_ever(f.path, round);
		while (f.commands < until)
			fixture_turn(&f, 1000);
		/* Some that were never looked at lie in the ring when it dies. */
		while (rte_ring_count(ring) < 1 + round * 61 % 4000)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (f.gone < round)
			server_handle_sockets(f.server);
		cr_assert(eq(u64, f.out_of_order, 0), "round %d", (int)round);
	}
	fixture_close(&f);
}
