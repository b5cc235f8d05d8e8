/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts calls into a dataplane and holds them until its standard input ends: for generators that
 * cannot do so themselves (Pktgen-DPDK, veth_load), and to see what calls cost.
 *
 *   hold_calls --socket RUN_DIR/dataplane.sock --calls N --remote IP:FIRST[-LAST]
 *              [--local IP:FIRST-LAST[,…]] [--remote-b …] [--local-b …] [--streams FILE]
 *
 * A call is two terminations, a termination is a stream: stream 2k and stream 2k + 1 hear each
 * other. Streams take the even ports of --local in turn (without it the dataplane chooses), and
 * the even ports of --remote as their far ends; where these are used up the next address goes on,
 * of --remote the IP plus one. With --remote-b callees have ranges of their own, and callers those
 * without -b to themselves. FILE gets a line for each, "REMOTE_IP PORT LOCAL_IP PORT": what to
 * send, and where to.
 *
 * When all calls are up, and when they are gone again, a line of JSON says what that took. Each
 * line of standard input is answered with the dataplane's counters, as a line of JSON; with 0 calls
 * the program is good for nothing else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/client/client.h"
#include "pktgen_tests/bench/program.h"

#define LOCALS_MAX 64u
#define WAIT_MS    5000
#define IN_FLIGHT  1024u /* commands without reply; well below the rings' sizes */

struct range {
	uint32_t ip; /* host order */
	unsigned first, last;
};

/* Where streams have their ports, and their far ends. */
struct side {
	struct range local[LOCALS_MAX], remote;
	unsigned locals;
};

struct holder {
	struct dp_client *client;
	struct dp_client_channel *channel;
	struct side side[2];
	unsigned sides; /* 1: callers and callees are on one */
	uint32_t calls;
	dp_handle_t *contexts;
	unsigned in_flight;
	uint64_t commands;
	FILE *streams;
};

/* IP:FIRST[-LAST] */
static struct range parse_range(const char *text)
{
	struct range range = { .last = 65535 };
	struct in_addr ip;
	char name[64];

	if (sscanf(text, "%63[^:]:%u-%u", name, &range.first, &range.last) < 2 ||
	    inet_pton(AF_INET, name, &ip) != 1 || range.first % 2 || range.first > range.last ||
	    range.last > 65535)
		die("%s is not IP:FIRST[-LAST] with an even first port", text);
	range.ip = ntohl(ip.s_addr);
	return range;
}

static void parse_locals(struct side *side, char *text)
{
	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		if (side->locals == LOCALS_MAX)
			die("more than %u local addresses", LOCALS_MAX);
		side->local[side->locals++] = parse_range(word);
	}
}

static unsigned pairs(const struct range *range)
{
	return (range->last - range->first + 1) / 2;
}

static struct dp_address address_of(uint32_t ip, unsigned port)
{
	struct dp_address address = { .family = DP_FAMILY_IPV4, .port = (uint16_t)port };

	ip = htonl(ip);
	memcpy(address.ip, &ip, 4);
	return address;
}

static struct dp_address local_of(const struct side *side, uint32_t number)
{
	if (side->locals == 0)
		return (struct dp_address){ .family = DP_FAMILY_IPV4 };
	for (unsigned i = 0; i < side->locals; i++) {
		if (number < pairs(&side->local[i]))
			return address_of(side->local[i].ip, side->local[i].first + 2 * number);
		number -= pairs(&side->local[i]);
	}
	die("the local addresses have too few ports, by %u", number + 1);
}

static struct dp_address remote_of(const struct side *side, uint32_t number)
{
	uint32_t per_ip = pairs(&side->remote);

	return address_of(side->remote.ip + number / per_ip,
			  side->remote.first + 2 * (number % per_ip));
}

/* Takes one reply at least; cookies are the number of the call in replies that bring a context. */
static void take_replies(struct holder *h)
{
	struct dp_event events[64];
	struct pollfd fd = { .fd = dp_channel_fd(h->channel), .events = POLLIN };
	unsigned n;

	while ((n = dp_channel_receive(h->channel, events, 64)) == 0) {
		if (poll(&fd, 1, WAIT_MS) == 0)
			die("no reply for %d ms", WAIT_MS);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct dp_ev_reply *reply = &events[i].reply;

		if (events[i].type != DP_EVENT_REPLY)
			continue;
		h->in_flight--;
		if (reply->status)
			die("%s: %s", dp_command_name(reply->command_type),
			    strerror(-reply->status));
		if (reply->command_type == DP_COMMAND_CONTEXT_ADD)
			h->contexts[events[i].cookie] = reply->handle;
	}
}

static void send_command(struct holder *h, struct dp_command *command)
{
	int error;

	while (h->in_flight >= IN_FLIGHT ||
	       (error = dp_channel_send(h->channel, command)) == -EAGAIN)
		take_replies(h);
	if (error)
		die("%s: %s", dp_command_name(command->type), strerror(-error));
	h->in_flight++;
	h->commands++;
}

static void settle(struct holder *h)
{
	while (h->in_flight)
		take_replies(h);
}

static void add_termination(struct holder *h, uint32_t stream)
{
	const struct side *side = &h->side[stream % h->sides];
	uint32_t number = stream / h->sides;
	struct dp_command command = {
		.type = DP_COMMAND_TERMINATION_ADD,
		.termination_add = {
			.context = h->contexts[stream / 2],
			.local = local_of(side, number),
			.side = stream % 2,
			.realm = DP_REALM_ANY,
			.settings = {
				.remote = remote_of(side, number),
				.direction = DP_DIRECTION_SENDRECV,
				.source_rule = DP_SOURCE_STRICT,
				.payload_type = 0,
				.telephone_event = 255,
				.clock_rate = 8000,
				.codec = DP_CODEC_PCMU,
			},
		},
	};
	char local[DP_ADDRESS_TEXT], remote[DP_ADDRESS_TEXT];

	send_command(h, &command);
	if (!h->streams)
		return;
	dp_address_format(&command.termination_add.local, local);
	dp_address_format(&command.termination_add.settings.remote, remote);
	*strrchr(local, ':') = ' ';
	*strrchr(remote, ':') = ' ';
	fprintf(h->streams, "%s %s\n", remote, local);
}

/* All contexts first: a termination needs the handle of its own. */
static void add_calls(struct holder *h)
{
	for (uint32_t i = 0; i < h->calls; i++) {
		struct dp_command command = { .type = DP_COMMAND_CONTEXT_ADD,
					      .cookie = i,
					      .context_add.label = i + 1 };

		send_command(h, &command);
	}
	settle(h);
	for (uint32_t i = 0; i < 2 * h->calls; i++)
		add_termination(h, i);
	settle(h);
}

static void remove_calls(struct holder *h)
{
	for (uint32_t i = 0; i < h->calls; i++) {
		struct dp_command command = { .type = DP_COMMAND_CONTEXT_REMOVE,
					      .context_remove.context = h->contexts[i] };

		send_command(h, &command);
	}
	settle(h);
}

static uint64_t dropped(const struct dp_stats_header *stats, unsigned reason)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < stats->workers; i++)
		sum += dp_stats_worker(stats, i)->drops[reason];
	return sum;
}

static void print_drops(const struct dp_stats_header *stats)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		DP_DROPS(X)
#undef X
	};
	const char *separator = "";

	printf("\"drops\": {");
	for (unsigned i = 0; i < DP_DROP_REASONS; i++) {
		if (dropped(stats, i) == 0)
			continue;
		printf("%s\"%s\": %ju", separator, names[i], dropped(stats, i));
		separator = ", ";
	}
	printf("}");
}

static void print_counters(const struct holder *h)
{
	const struct dp_stats_header *stats = dp_client_stats(h->client);
	uint64_t packets = 0, busy = 0, idle = 0;

	for (unsigned i = 0; i < stats->workers; i++) {
		const struct dp_worker_stats *worker = dp_stats_worker(stats, i);

		packets += worker->packets;
		busy += worker->busy_cycles;
		idle += worker->idle_cycles;
	}
	printf("{\"packets\": %ju, \"busy_cycles\": %ju, \"idle_cycles\": %ju, "
	       "\"terminations\": %u, \"flow_memory\": %ju, \"table_memory\": %ju, ",
	       packets, busy, idle, stats->terminations, stats->flow_memory, stats->table_memory);
	print_drops(stats);
	printf("}\n");
	fflush(stdout);
}

/* Until standard input ends. Events are of no interest, but their ring must not fill up. */
static void hold(struct holder *h)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = dp_channel_fd(h->channel), .events = POLLIN },
				{ .fd = dp_client_fd(h->client), .events = POLLIN } };
	struct dp_event events[64];
	char bytes[64];

	for (;;) {
		while (dp_channel_receive(h->channel, events, 64) > 0)
			;
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		if (fds[0].revents) {
			if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
				return;
			print_counters(h);
		}
		if (fds[2].revents)
			die("the dataplane is gone");
	}
}

static void print_commands(struct holder *h, double seconds)
{
	printf("{\"calls\": %u, \"commands\": %ju, \"seconds\": %.6f}\n", h->calls, h->commands,
	       seconds);
	fflush(stdout);
	h->commands = 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "calls", required_argument, NULL, 'c' },
		{ "local", required_argument, NULL, 'l' },
		{ "remote", required_argument, NULL, 'r' },
		{ "local-b", required_argument, NULL, 'L' },
		{ "remote-b", required_argument, NULL, 'R' },
		{ "streams", required_argument, NULL, 'f' },
		{ 0 },
	};
	struct holder h = { .sides = 1 };
	const char *socket = NULL, *streams = NULL;
	char why[256];
	double start;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			socket = optarg;
			break;
		case 'c':
			h.calls = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'l':
			parse_locals(&h.side[0], optarg);
			break;
		case 'r':
			h.side[0].remote = parse_range(optarg);
			break;
		case 'L':
			parse_locals(&h.side[1], optarg);
			break;
		case 'R':
			h.side[1].remote = parse_range(optarg);
			h.sides = 2;
			break;
		case 'f':
			streams = optarg;
			break;
		default:
			return 2;
		}
	}
	if (!socket || (h.calls > 0 && h.side[0].remote.ip == 0) ||
	    (streams && (h.side[0].locals == 0 || h.side[h.sides - 1].locals == 0)))
		die("needed: --socket PATH --calls N --remote IP:FIRST; with --streams --local");
	h.contexts = calloc(h.calls + 1, sizeof(*h.contexts));
	h.streams = streams ? fopen(streams, "we") : NULL;
	if (!h.contexts || (streams && !h.streams))
		die("%s: %s", streams ? streams : "calls", strerror(errno));
	if (dp_client_open(socket, "hold_calls", 1, WAIT_MS, &h.client, why, sizeof(why)) != 0)
		die("%s", why);
	h.channel = dp_client_channel(h.client, 0);
	start = now_s();
	add_calls(&h);
	start = now_s() - start;
	if (h.streams && fclose(h.streams) != 0)
		die("%s: %s", streams, strerror(errno));
	print_commands(&h, start);
	hold(&h);
	start = now_s();
	remove_calls(&h);
	print_commands(&h, now_s() - start);
	dp_client_close(h.client);
	free(h.contexts);
	return 0;
}
