/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a transaction costs, both ends of it: two layers exchange messages through a queue in the
 * process, the clock goes on by a millisecond for every 64 transactions. The floor is the same
 * messages copied through the same queue, without layers.
 *
 *   sip_transactions [-r ROUNDS] [-l CORE]
 *
 * Each figure is a line of JSON: the lowest and the median of the rounds.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "pktgen_tests/bench/program.h"
#include "sip/transaction/transaction.h"

#define ROUNDS_MAX  1000
#define REPEATS     4096 /* transactions in a round */
#define A_TICK      64   /* transactions in a millisecond */
#define QUEUE       64   /* messages on their way */
#define MESSAGE_MAX 2048
#define SETTLE_MS   40000 /* longer than any timer */

struct end {
	struct sip_transactions *layer;
	struct sip_address address;
	const char *host;
};

struct letter {
	struct end *from, *to;
	size_t size;
	char data[MESSAGE_MAX];
};

static struct {
	struct letter letters[QUEUE];
	unsigned first, count;
	uint64_t messages, bytes;
} queue;

static struct end ends[2];
static struct timer_wheel *wheel;
static uint64_t clock_ms, finals;

/* --- the queue --- */

static void put(struct end *from, struct end *to, const char *data, size_t size)
{
	struct letter *letter = &queue.letters[(queue.first + queue.count) % QUEUE];

	if (queue.count == QUEUE || size > MESSAGE_MAX)
		die("the queue is full");
	queue.count++;
	queue.messages++;
	queue.bytes += size;
	letter->from = from;
	letter->to = to;
	letter->size = size;
	memcpy(letter->data, data, size);
}

static int send_letter(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	struct end *from = arg;

	(void)to;
	put(from, from == &ends[0] ? &ends[1] : &ends[0], data, size);
	return 0;
}

static void deliver(void)
{
	while (queue.count > 0) {
		struct letter *letter = &queue.letters[queue.first];
		const struct sip_path from = { .remote = letter->from->address };

		queue.first = (queue.first + 1) % QUEUE;
		queue.count--;
		sip_transactions_receive(letter->to->layer, letter->data, letter->size, &from);
	}
}

/* --- the users --- */

static const char *host_of(void *arg, const struct sip_path *path)
{
	(void)path;
	return ((struct end *)arg)->host;
}

static void on_request(void *arg, struct sip_transaction *server, struct sip_msg *request,
		       const struct sip_path *from, struct sip_transaction *cancelled)
{
	(void)arg;
	(void)from;
	(void)cancelled;
	if (request->method == SIP_INVITE)
		sip_transaction_reply(server, 180, NULL, SLICE_NONE, NULL);
	sip_transaction_reply(server, 200, NULL, SLICE_NONE, NULL);
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	(void)arg;
	(void)client;
	finals += response->status >= 200;
}

static const struct sip_transaction_user user = { .response = on_response };

static void open_end(struct end *end, const char *ip)
{
	const struct sip_transactions_config config = {
		.wheel = wheel,
		.timers = sip_timers_default,
		.tu = { .request = on_request },
		.send = send_letter,
		.send_arg = end,
		.via_host = host_of,
		.transactions_max = 1000000,
		.remembered_max = 1000000,
		.server_name = "bench",
		.token = "t00001",
	};

	end->host = ip;
	if (sip_address_parse(slice_of(ip), 5060, &end->address) != 0 ||
	    sip_transactions_create(&config, &end->layer) != 0)
		die("no layer");
}

static struct slice request(const char *method)
{
	static char text[MESSAGE_MAX];
	int n = snprintf(
		text, sizeof(text),
		"%s sip:+442079460123@198.51.100.2 SIP/2.0\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"Alice Example\" <sip:+442079460999@example.com>;tag=9fxced76sl\r\n"
		"To: <sip:+442079460123@example.net>\r\n"
		"Call-ID: 3848276298220188511\r\n"
		"CSeq: 102 %s\r\n"
		"Contact: <sip:+442079460999@198.51.100.1:5060>\r\n"
		"User-Agent: Example SBC 7.2\r\n"
		"Content-Length: 0\r\n\r\n",
		method, method);

	return (struct slice){ text, (size_t)n };
}

/* --- figures --- */

static void tick(uint64_t ms)
{
	clock_ms += ms;
	timer_wheel_advance(wheel, clock_ms);
	deliver();
}

/* One round: nanoseconds a transaction. */
static uint64_t transactions(const char *method)
{
	const struct sip_path to = { .remote = ends[1].address };
	const struct slice message = request(method);
	const uint64_t begin = now_ns(), before = finals;

	for (unsigned i = 0; i < REPEATS; i++) {
		if (sip_transaction_start(ends[0].layer, &to, message, &user, NULL, NULL) != 0)
			die("not started");
		deliver();
		if (i % A_TICK == 0)
			tick(1);
	}
	if (finals - before < REPEATS)
		die("a transaction has no final response");
	return (now_ns() - begin) / REPEATS;
}

/* What of it is the queue: as many bytes in as many messages. */
static uint64_t copies(uint64_t messages, uint64_t bytes)
{
	static char data[MESSAGE_MAX];
	const uint64_t begin = now_ns(), size = bytes / messages;

	for (uint64_t i = 0; i < messages; i++) {
		put(&ends[0], &ends[1], data, size);
		memcpy(data, queue.letters[queue.first].data, size);
		queue.first = (queue.first + 1) % QUEUE;
		queue.count--;
	}
	return (now_ns() - begin) / REPEATS;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void print(const char *figure, uint64_t *values, unsigned rounds, uint64_t floor_ns)
{
	qsort(values, rounds, sizeof(*values), by_value);
	printf("{\"figure\":\"%s\",\"value\":%" PRIu64 ",\"unit\":\"ns\",\"median\":%" PRIu64
	       ",\"floor\":%" PRIu64 ",\"rounds\":%u}\n",
	       figure, values[0], values[rounds / 2], floor_ns, rounds);
}

static void measure(const char *figure, const char *method, unsigned rounds)
{
	static uint64_t values[ROUNDS_MAX];
	uint64_t floor_ns = UINT64_MAX;

	transactions(method); /* what it needs is there after this */
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t messages = queue.messages, bytes = queue.bytes, ns;

		values[i] = transactions(method);
		ns = copies(queue.messages - messages, queue.bytes - bytes);
		floor_ns = ns < floor_ns ? ns : floor_ns;
		tick(SETTLE_MS);
	}
	print(figure, values, rounds, floor_ns);
}

/* What is kept of a finished one, at both ends, until its last timer. */
static void measure_memory(void)
{
	const uint64_t before = mallinfo2().uordblks;
	const unsigned many = 16;
	uint64_t after;

	for (unsigned i = 0; i < many; i++)
		transactions("INVITE");
	after = mallinfo2().uordblks;
	printf("{\"figure\":\"sip_transaction_bytes\",\"value\":%" PRIu64
	       ",\"unit\":\"bytes\",\"note\":\"accepted INVITE, both ends\"}\n",
	       (after - before) / (many * REPEATS));
	tick(SETTLE_MS);
	for (unsigned i = 0; i < many; i++)
		transactions("INVITE");
	printf("{\"figure\":\"sip_transaction_allocated_again\",\"value\":%" PRIu64
	       ",\"unit\":\"bytes\",\"note\":\"the same load once more\"}\n",
	       (uint64_t)mallinfo2().uordblks - after);
	tick(SETTLE_MS);
}

int main(int argc, char **argv)
{
	const unsigned rounds = take_rounds(argc, argv, ROUNDS_MAX);

	wheel = timer_wheel_create(0);
	open_end(&ends[0], "198.51.100.1");
	open_end(&ends[1], "198.51.100.2");
	measure("sip_transaction_ns", "OPTIONS", rounds);
	measure("sip_invite_transaction_ns", "INVITE", rounds);
	measure_memory();
	sip_transactions_destroy(ends[0].layer);
	sip_transactions_destroy(ends[1].layer);
	timer_wheel_destroy(wheel);
	return EXIT_SUCCESS;
}
