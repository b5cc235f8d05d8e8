/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that writes where it must not hurts nobody but itself. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

TestSuite(hostile, .init = open_and_start, .fini = close_it, .timeout = 60);

static void ring(struct dp_client_channel *c)
{
	cr_assert(eq(long, write(c->command_doorbell, &(uint64_t){ 1 }, 8), 8));
}

static void expect_closed(struct dp_client *client, const char *what)
{
	struct pollfd p = { .fd = dp_client_fd(client), .events = POLLIN };
	char byte;

	cr_expect(poll(&p, 1, 5000) == 1, "%s", what);
	cr_expect(recv(p.fd, &byte, 1, MSG_DONTWAIT) == 0, "%s", what);
}

static void expect_served(struct dp_client_channel *c)
{
	struct dp_command command = { .type = DP_COMMAND_CONTEXT_REMOVE };
	struct dp_event event;

	cr_assert(eq(int, dp_channel_send(c, &command), 0));
	fixture_receive(c, &event);
	cr_expect(eq(int, event.reply.command_type, DP_COMMAND_CONTEXT_REMOVE));
}

static void break_size(struct dp_client_channel *c)
{
	c->commands->size = 1u << 30;
}

static void break_mask(struct dp_client_channel *c)
{
	c->events->mask = UINT32_MAX;
}

static void break_capacity(struct dp_client_channel *c)
{
	c->commands->capacity = UINT32_MAX;
}

static void break_producer(struct dp_client_channel *c)
{
	c->commands->prod.tail += DP_COMMAND_RING_SIZE;
}

static void break_consumer(struct dp_client_channel *c)
{
	c->events->cons.tail += 1;
}

static void break_sync_type(struct dp_client_channel *c)
{
	c->commands->cons.sync_type = RTE_RING_SYNC_MT_HTS;
}

Test(hostile, a_broken_ring_closes_its_client_and_no_other)
{
	const struct {
		const char *what;
		void (*spoil)(struct dp_client_channel *c);
	} table[] = {
		{ "size", break_size },
		{ "mask", break_mask },
		{ "capacity", break_capacity },
		{ "producer's index", break_producer },
		{ "consumer's index", break_consumer },
		{ "kind of ring", break_sync_type },
	};
	struct dp_client *good = fixture_client(&f, 1);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct dp_client *bad = fixture_client(&f, 1), *next;

		table[i].spoil(dp_client_channel(bad, 0));
		ring(dp_client_channel(bad, 0));
		expect_closed(bad, table[i].what);
		expect_served(dp_client_channel(good, 0));
		/* The channel is as good as new for whoever comes next. */
		next = fixture_client(&f, 1);
		expect_served(dp_client_channel(next, 0));
		dp_client_close(next);
		dp_client_close(bad);
	}
	dp_client_close(good);
}

Test(hostile, offsets_in_the_shared_header_are_not_believed)
{
	struct dp_client *client = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(client, 0);

	c->shared->command_ring_offset = UINT64_MAX - 63;
	c->shared->event_ring_offset = 1;
	c->shared->server.epoch = 12345;
	expect_served(c);
	dp_client_close(client);
	client = fixture_client(&f, 1);
	expect_served(dp_client_channel(client, 0));
	dp_client_close(client);
}

Test(hostile, an_epoch_of_another_does_not_lock_out_the_next)
{
	struct dp_client *client = fixture_client(&f, 1);

	dp_client_channel(client, 0)->shared->client.epoch = UINT32_MAX;
	dp_client_close(client);
	client = fixture_client(&f, 1);
	expect_served(dp_client_channel(client, 0));
	dp_client_close(client);
}

Test(hostile, a_doorbell_made_to_block_does_not_stop_the_server)
{
	struct dp_client *good = fixture_client(&f, 1), *bad = fixture_client(&f, 1);
	struct dp_client_channel *c = dp_client_channel(bad, 0);
	struct dp_command command = { .type = DP_COMMAND_CONTEXT_REMOVE };
	struct dp_event event;

	fcntl(c->command_doorbell, F_SETFL, 0);
	fcntl(c->event_doorbell, F_SETFL, 0);
	/* Rung so often without being heard that its buffer is full. */
	for (int i = 0; i < 3000; i++) {
		c->shared->client.waiting = 1;
		cr_assert(eq(int, dp_channel_send(c, &command), 0));
		while (rte_ring_empty(c->events))
			sched_yield();
		cr_assert(eq(
			u32,
			rte_ring_sc_dequeue_burst_elem(c->events, &event, sizeof(event), 1, NULL),
			1));
	}
	expect_served(dp_client_channel(good, 0));
	dp_client_close(bad);
	dp_client_close(good);
}

Test(hostile, noise_all_over_the_rings_is_survived)
{
	struct dp_client *good = fixture_client(&f, 1);
	unsigned seed = 1;

	for (int round = 0; round < 100; round++) {
		struct dp_client *bad = fixture_client(&f, 1);
		struct dp_client_channel *c = dp_client_channel(bad, 0);
		struct rte_ring *target = round % 2 ? c->commands : c->events;
		uint8_t *bytes = (uint8_t *)target;

		/* Headers, indices and elements, while the server looks. */
		for (int i = 0; i < 300; i++) {
			int span = i % 3 ? (int)sizeof(*target) : 65536;

			bytes[rand_r(&seed) % span] = (uint8_t)rand_r(&seed);
			if (i % 20 == 0)
				ring(c);
		}
		expect_served(dp_client_channel(good, 0));
		dp_client_close(bad);
	}
	dp_client_close(good);
}
