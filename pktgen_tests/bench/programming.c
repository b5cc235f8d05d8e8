/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs a running dataplane as a control plane would, at the rate that it takes, and prints a
 * JSON line for each figure:
 *
 *   programming --socket RUN_DIR/dataplane.sock [--calls N] [--rounds N] [--remote IP]
 *
 * A round puts all calls in, four commands each (CONTEXT_ADD, two TERMINATION_ADD,
 * TERMINATION_MODIFY), and takes them out again. Then they are put in once more, the client goes
 * without a word, and a new one reads the directory back and claims what it finds. The dataplane
 * must have media ports for two terminations a call (terminations_max as well); it may have other
 * clients, calls and media meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/client/client.h"
#include "pktgen_tests/bench/program.h"

#define LABELS     (UINT64_C(0x70726f67) << 32) /* those of our calls */
#define WAIT_MS    10000
#define BATCH      256u
#define IN_FLIGHT  4000u /* below the ring of commands */
#define QUEUE      16384u
#define REMOTE_IPS 64u
#define ROUNDS_MAX 1000u

struct call {
	dp_handle_t context, second;
	uint32_t terminations; /* replies that came */
};

struct bench {
	const char *socket;
	struct dp_client *client;
	struct dp_client_channel *channel;
	uint32_t calls, rounds, remote; /* remote: host order */
	struct call *call;
	/* commands that wait for room: a ring */
	struct dp_command *queue;
	uint32_t head, waiting, in_flight;
	uint64_t commands;
	uint32_t done; /* calls that are where they should be */
};

static void attach(struct bench *b)
{
	char why[256] = "";

	if (dp_client_open(b->socket, "programming", 1, WAIT_MS, &b->client, why, sizeof(why)) != 0)
		die("%s", why);
	b->channel = dp_client_channel(b->client, 0);
}

static struct dp_command *put(struct bench *b, enum dp_command_type type, uint32_t call)
{
	struct dp_command *c = &b->queue[(b->head + b->waiting) % QUEUE];

	if (b->waiting == QUEUE)
		die("more commands wait than there is room for");
	b->waiting++;
	*c = (struct dp_command){ .type = (uint16_t)type, .cookie = call };
	return c;
}

static struct dp_termination_settings settings_of(const struct bench *b, uint32_t call,
						  uint32_t side)
{
	uint32_t stream = 2 * call + side, ip = htonl(b->remote + stream % REMOTE_IPS);
	struct dp_termination_settings s = {
		.remote = { .port = (uint16_t)(10000 + 2 * (stream / REMOTE_IPS % 20000)),
			    .family = DP_FAMILY_IPV4 },
		.direction = DP_DIRECTION_SENDRECV,
		.source_rule = DP_SOURCE_LEARN,
		.telephone_event = 101,
		.clock_rate = 8000,
		.codec = DP_CODEC_PCMU,
	};

	memcpy(s.remote.ip, &ip, 4);
	return s;
}

static void put_termination(struct bench *b, uint32_t call, uint32_t side)
{
	struct dp_cmd_termination_add *add =
		&put(b, DP_COMMAND_TERMINATION_ADD, call)->termination_add;

	*add = (struct dp_cmd_termination_add){ .context = b->call[call].context,
						.local.family = DP_FAMILY_IPV4,
						.side = (uint8_t)side,
						.realm = DP_REALM_ANY,
						.settings = settings_of(b, call, side) };
	if (side == 1) /* the callee's answer comes later */
		memset(&add->settings.remote, 0, sizeof(add->settings.remote));
}

static void put_answer(struct bench *b, uint32_t call)
{
	put(b, DP_COMMAND_TERMINATION_MODIFY, call)->termination_modify =
		(struct dp_cmd_termination_modify){ .termination = b->call[call].second,
						    .mask = DP_SET_REMOTE,
						    .settings = settings_of(b, call, 1) };
}

/* What comes next for the call. */
static void on_reply(struct bench *b, const struct dp_event *e)
{
	uint32_t i = (uint32_t)e->cookie;

	if (e->reply.status)
		die("%s: %s", dp_command_name(e->reply.command_type), strerror(-e->reply.status));
	switch (e->reply.command_type) {
	case DP_COMMAND_CONTEXT_ADD:
		b->call[i] = (struct call){ .context = e->reply.handle };
		put_termination(b, i, 0);
		put_termination(b, i, 1);
		break;
	case DP_COMMAND_TERMINATION_ADD:
		b->call[i].second = e->reply.handle;
		if (++b->call[i].terminations == 2)
			put_answer(b, i);
		break;
	default:
		b->done++;
	}
}

static void take_replies(struct bench *b, bool wait)
{
	static struct dp_event events[BATCH];
	struct pollfd fd = { .fd = dp_channel_fd(b->channel), .events = POLLIN };
	unsigned n;

	while ((n = dp_channel_receive(b->channel, events, BATCH)) == 0) {
		if (!wait)
			return;
		if (poll(&fd, 1, WAIT_MS) == 0)
			die("no reply for %d ms", WAIT_MS);
	}
	for (unsigned i = 0; i < n; i++) {
		if (events[i].type != DP_EVENT_REPLY)
			continue;
		b->in_flight--;
		on_reply(b, &events[i]);
	}
}

static void send_some(struct bench *b)
{
	uint32_t n = b->waiting < BATCH ? b->waiting : BATCH;
	int sent;

	if (n > QUEUE - b->head)
		n = QUEUE - b->head;
	if (n > IN_FLIGHT - b->in_flight)
		n = IN_FLIGHT - b->in_flight;
	sent = dp_channel_send_batch(b->channel, &b->queue[b->head], n);
	if (sent < 0)
		die("a batch was refused: %s", strerror(-sent));
	b->head = (b->head + (uint32_t)sent) % QUEUE;
	b->waiting -= (uint32_t)sent;
	b->in_flight += (uint32_t)sent;
	b->commands += (uint32_t)sent;
}

/* Begins each call with `begin`, and goes on until all are done. Returns commands a second. */
static double run(struct bench *b, void (*begin)(struct bench *b, uint32_t call), uint32_t calls)
{
	uint64_t before = b->commands;
	double started = now_s();
	uint32_t begun = 0;

	b->done = 0;
	while (b->done < calls) {
		/* A reply may ask for two more commands. */
		while (begun < calls && b->waiting < BATCH)
			begin(b, begun++);
		if (b->waiting > 0 && b->in_flight < IN_FLIGHT)
			send_some(b);
		take_replies(b, b->waiting == 0 || b->in_flight == IN_FLIGHT);
	}
	return (double)(b->commands - before) / (now_s() - started);
}

static void begin_call(struct bench *b, uint32_t call)
{
	put(b, DP_COMMAND_CONTEXT_ADD, call)->context_add.label = LABELS + call;
}

static void end_call(struct bench *b, uint32_t call)
{
	put(b, DP_COMMAND_CONTEXT_REMOVE, call)->context_remove.context = b->call[call].context;
}

static void claim(struct bench *b, uint32_t call)
{
	put(b, DP_COMMAND_CONTEXT_CLAIM, call)->context_claim.context = b->call[call].context;
}

/* Bytes in memory of the dataplane's process, pages of its hugepages included. */
static double resident_mb(const struct bench *b)
{
	char path[64], line[256];
	double kb = 0, value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/smaps_rollup", dp_client_stats(b->client)->pid);
	file = fopen(path, "r");
	if (!file)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Rss: %lf", &value) == 1 ||
		    sscanf(line, "Private_Hugetlb: %lf", &value) == 1 ||
		    sscanf(line, "Shared_Hugetlb: %lf", &value) == 1)
			kb += value;
	fclose(file);
	return kb / 1024;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool is_met(double value, const char *sign, double limit)
{
	if (strcmp(sign, "<") == 0)
		return value < limit;
	return strcmp(sign, "<=") == 0 ? value <= limit : value >= limit;
}

/* Highest less lowest, as a part of the median. values: in order. */
static void print_spread(const double *values, unsigned n)
{
	double middle = values[n / 2];

	if (n < 2 || middle == 0)
		printf("\"spread\": null, ");
	else
		printf("\"spread\": %.4g, ", (values[n - 1] - values[0]) / fabs(middle));
}

/* The line of docs/load-testing.md. Sorts the values. goal: "value >= 5", or NULL. */
static void print_figure(const char *name, double *values, unsigned n, const char *unit,
			 const char *goal, const char *note)
{
	char sign[3];
	double limit;

	qsort(values, n, sizeof(*values), compare);
	printf("{\"figure\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"against\": null, "
	       "\"against_value\": null, \"ratio\": null, ",
	       name, values[n / 2], unit);
	if (goal && sscanf(goal, "value %2[<>=] %lf", sign, &limit) == 2)
		printf("\"goal\": \"%s\", \"ok\": %s, ", goal,
		       is_met(values[n / 2], sign, limit) ? "true" : "false");
	else
		printf("\"goal\": null, \"ok\": null, ");
	printf("\"runs\": %u, ", n);
	print_spread(values, n);
	printf("\"note\": \"%s\"}\n", note);
	fflush(stdout);
}

static void measure_rounds(struct bench *b)
{
	static double set_up[ROUNDS_MAX], tear_down[ROUNDS_MAX], memory[ROUNDS_MAX];
	double grown;
	char note[200];

	for (uint32_t r = 0; r < b->rounds; r++) {
		set_up[r] = run(b, begin_call, b->calls);
		tear_down[r] = run(b, end_call, b->calls);
		memory[r] = resident_mb(b);
	}
	grown = memory[b->rounds - 1] - memory[b->rounds > 2 ? 1 : 0];
	snprintf(note, sizeof(note), "%u calls a round; four commands a call", b->calls);
	print_figure("commands_set_up", set_up, b->rounds, "commands/s", "value >= 200000", note);
	snprintf(note, sizeof(note), "%u calls a round; each takes its two terminations with it",
		 b->calls);
	print_figure("commands_tear_down", tear_down, b->rounds, "commands/s", "value >= 200000",
		     note);
	snprintf(note, sizeof(note),
		 "resident memory after round %u less that after round %u (%.1f MB)", b->rounds,
		 b->rounds > 2 ? 2u : 1u, memory[0]);
	print_figure("programming_growth", &grown, 1, "MB", "value < 4", note);
}

static void measure_memory(struct bench *b, double before)
{
	const struct dp_stats_header *s = dp_client_stats(b->client);
	double accounted = (double)(__atomic_load_n(&s->flow_memory, __ATOMIC_RELAXED) +
				    __atomic_load_n(&s->table_memory, __ATOMIC_RELAXED)) /
			   (1 << 20);
	double grown = resident_mb(b) - before, per_call = accounted * (1 << 20) / b->calls;
	char note[200];

	snprintf(note, sizeof(note),
		 "%u calls; tables of %u terminations; resident memory +%.1f MB", b->calls,
		 s->terminations_max, grown);
	print_figure("programming_memory", &accounted, 1, "MB", "value < 400", note);
	print_figure("programming_memory_per_call", &per_call, 1, "bytes", NULL, note);
}

/* What a control plane does that has just been started. */
static void measure_read_back(struct bench *b)
{
	const struct dp_stats_header *s;
	struct dp_termination_record termination;
	struct dp_context_record context;
	double started, attached, read, seconds;
	uint32_t contexts = 0, terminations = 0;
	char note[200];

	dp_client_close(b->client);
	started = now_s();
	attach(b);
	attached = now_s();
	s = dp_client_stats(b->client);
	for (uint32_t i = 0; i < s->contexts_max; i++) {
		if (!dp_stats_context(s, i, &context) || context.label >> 32 != LABELS >> 32)
			continue;
		if (contexts == b->calls || context.owner != DP_NOBODY)
			die("context %u is not one that was left behind", i);
		b->call[contexts++].context = (dp_handle_t){ i, context.generation };
	}
	for (uint32_t i = 0; i < s->terminations_max; i++)
		terminations += dp_stats_termination(s, i, &termination) &&
				termination.label >> 32 == LABELS >> 32;
	read = now_s();
	if (contexts != b->calls || terminations != 2 * b->calls)
		die("%u contexts and %u terminations read back", contexts, terminations);
	run(b, claim, b->calls);
	seconds = now_s() - started;
	snprintf(note, sizeof(note), "%u calls: attach %.3f s, directory %.3f s, claims %.3f s",
		 b->calls, attached - started, read - attached, started + seconds - read);
	print_figure("read_back", &seconds, 1, "s", "value < 2", note);
}

static void parse(struct bench *b, int argc, char **argv)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
						 { "calls", required_argument, NULL, 'c' },
						 { "rounds", required_argument, NULL, 'r' },
						 { "remote", required_argument, NULL, 'd' },
						 { 0 } };
	struct in_addr remote;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			b->socket = optarg;
			break;
		case 'c':
			b->calls = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			b->rounds = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'd':
			if (inet_pton(AF_INET, optarg, &remote) != 1)
				die("%s is no IPv4 address", optarg);
			b->remote = ntohl(remote.s_addr);
			break;
		default:
			exit(2);
		}
	}
	if (!b->socket || b->calls == 0 || b->rounds == 0 || b->rounds > ROUNDS_MAX)
		die("--socket PATH [--calls 1..] [--rounds 1..%u] [--remote IP]", ROUNDS_MAX);
}

int main(int argc, char **argv)
{
	struct bench b = { .calls = 100000, .rounds = 100, .remote = 0xc6120101 }; /* 198.18.1.1 */
	double empty;

	parse(&b, argc, argv);
	b.call = calloc(b.calls, sizeof(*b.call));
	b.queue = calloc(QUEUE, sizeof(*b.queue));
	if (!b.call || !b.queue)
		die("no memory");
	attach(&b);
	empty = resident_mb(&b);
	measure_rounds(&b);
	run(&b, begin_call, b.calls);
	measure_memory(&b, empty);
	measure_read_back(&b);
	run(&b, end_call, b.calls);
	dp_client_close(b.client);
	free(b.call);
	free(b.queue);
	return 0;
}
