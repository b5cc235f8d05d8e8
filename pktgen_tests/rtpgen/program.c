/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands go out as fast as the ring takes them: a context for each call, and as soon as its
 * handle is there its two terminations. The cookie of a command says which call and what step.
 */
#include "pktgen_tests/rtpgen/program.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/client/client.h"
#include "pktgen_tests/rtpgen/address.h"

#define OPEN_MS         5000
#define REPLY_MS        10000
#define DISAGREE_SHOWN  3u
#define EVENTS          64u
#define COOKIE(c, step) ((uint64_t)(c) << 2 | (step))

enum { STEP_A, STEP_B, STEP_CONTEXT };

struct call {
	dp_handle_t context;
	dp_handle_t termination[2];
	struct stream_end end[2];
};

/* Of one termination, as far as it is compared. */
struct marks {
	uint32_t packets, not_forwarded, dropped, lost, duplicate, reordered, late;
};

struct program {
	struct dp_client *client;
	struct dp_client_channel *channel;
	const struct options *options;
	struct call *call;
	struct marks *mark; /* two a call */
	uint32_t calls;
	uint32_t contexts_sent; /* first calls whose context was asked for, or removed */
	uint32_t *ready; /* calls whose context is there, whose terminations are not asked for */
	uint32_t ready_head, ready_tail;
	uint64_t outstanding;
	int error;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int program_open(const char *run_dir, struct program **out)
{
	struct program *p = calloc(1, sizeof(*p));
	char path[512], why[256];
	int error;

	if (!p)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/%s", run_dir, DP_SOCKET_NAME);
	error = dp_client_open(path, "rtpgen", 1, OPEN_MS, &p->client, why, sizeof(why));
	if (error) {
		fprintf(stderr, "rtpgen: %s\n", why);
		free(p);
		return error;
	}
	p->channel = dp_client_channel(p->client, 0);
	*out = p;
	return 0;
}

static int send_context(struct program *p, uint32_t call)
{
	struct dp_command c = { .type = DP_COMMAND_CONTEXT_ADD,
				.cookie = COOKIE(call, STEP_CONTEXT) };

	c.context_add.label = call + 1;
	return dp_channel_send(p->channel, &c);
}

static int send_termination(struct program *p, uint32_t call, unsigned side)
{
	const struct stream_end *end = &p->call[call].end[side];
	struct dp_command c = { .type = DP_COMMAND_TERMINATION_ADD, .cookie = COOKIE(call, side) };
	struct dp_cmd_termination_add *add = &c.termination_add;

	add->context = p->call[call].context;
	add->local.family = end->phone.family;
	add->side = (uint8_t)side;
	add->realm = side ? p->options->realm_b : p->options->realm_a;
	add->settings = (struct dp_termination_settings){
		.remote = end->phone,
		.direction = DP_DIRECTION_SENDRECV,
		.source_rule = p->options->source_rule,
		.payload_type = (uint8_t)p->options->payload_type,
		.telephone_event = UINT8_MAX,
		.clock_rate = 8000,
		.codec = DP_CODEC_PCMU,
	};
	return dp_channel_send(p->channel, &c);
}

/* Puts in what the ring takes; terminations first, so that few calls are half done. */
static void send_what_fits(struct program *p)
{
	while (p->ready_head < p->ready_tail) {
		uint32_t item = p->ready[p->ready_head];

		if (send_termination(p, item >> 1, item & 1) != 0)
			return;
		p->ready_head++;
		p->outstanding++;
	}
	while (p->contexts_sent < p->calls) {
		if (send_context(p, p->contexts_sent) != 0)
			return;
		p->contexts_sent++;
		p->outstanding++;
	}
}

static void take_reply(struct program *p, const struct dp_event *e)
{
	struct call *call = &p->call[e->cookie >> 2];
	unsigned step = e->cookie & 3;

	p->outstanding--;
	if (e->reply.status != 0) {
		if (!p->error)
			fprintf(stderr, "rtpgen: the dataplane refuses %s: %s\n",
				dp_command_name(e->reply.command_type),
				e->reply.status == -EADDRNOTAVAIL
					? "no free port on any media address"
					: strerror(-e->reply.status));
		p->error = e->reply.status;
		return;
	}
	if (e->reply.command_type == DP_COMMAND_CONTEXT_ADD) {
		call->context = e->reply.handle;
		p->ready[p->ready_tail++] = (uint32_t)(e->cookie >> 2) << 1;
		p->ready[p->ready_tail++] = (uint32_t)(e->cookie >> 2) << 1 | 1;
	} else if (e->reply.command_type == DP_COMMAND_TERMINATION_ADD) {
		call->termination[step] = e->reply.handle;
		call->end[step].local = e->reply.local;
	}
}

/* Takes replies; waits for one at most REPLY_MS. -EPIPE: the dataplane is gone. */
static int take_replies(struct program *p)
{
	uint64_t deadline = now_ms() + REPLY_MS;
	struct dp_event events[EVENTS];

	for (;;) {
		struct pollfd fds[2] = { { .fd = dp_channel_fd(p->channel), .events = POLLIN },
					 { .fd = dp_client_fd(p->client), .events = POLLIN } };
		unsigned count = dp_channel_receive(p->channel, events, EVENTS);
		bool replied = false;

		for (unsigned i = 0; i < count; i++) {
			if (events[i].type != DP_EVENT_REPLY)
				continue;
			take_reply(p, &events[i]);
			replied = true;
		}
		if (replied)
			return 0;
		if (count > 0)
			continue;
		if (now_ms() >= deadline || poll(fds, 2, (int)(deadline - now_ms())) == 0)
			return -ETIMEDOUT;
		if (fds[1].revents)
			return -EPIPE;
	}
}

static int finish(struct program *p)
{
	int error = 0;

	while (p->outstanding > 0 && !error)
		error = take_replies(p);
	if (error)
		fprintf(stderr, "rtpgen: the dataplane does not answer: %s\n", strerror(-error));
	return error;
}

static int choose_phones(struct program *p)
{
	const struct options *o = p->options;
	bool shared = o->addresses < 2;

	for (uint32_t i = 0; i < p->calls; i++) {
		struct call *call = &p->call[i];

		if (!address_range_at(&o->address[0], shared ? 2 * i : i, &call->end[0].phone) ||
		    !address_range_at(&o->address[1], shared ? 2 * i + 1 : i,
				      &call->end[1].phone)) {
			fprintf(stderr, "rtpgen: --address has no room for %u streams\n",
				2 * p->calls);
			return -ENOSPC;
		}
	}
	return 0;
}

static int make_streams(struct program *p, struct streams *streams, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < p->calls; i++) {
		const struct stream_end *end = p->call[i].end;
		int error = streams_set(streams, 2 * i, &end[0], &end[1], mac);

		if (!error)
			error = streams_set(streams, 2 * i + 1, &end[1], &end[0], mac);
		if (error) {
			fprintf(stderr, "rtpgen: more than %u media addresses\n", STREAM_HOPS);
			return error;
		}
	}
	return 0;
}

int program_add_calls(struct program *p, const struct options *o, struct streams *streams,
		      const uint8_t mac[6])
{
	int error;

	p->options = o;
	p->calls = streams->count / 2;
	p->call = calloc(p->calls, sizeof(*p->call));
	p->mark = calloc((size_t)p->calls * 2, sizeof(*p->mark));
	p->ready = calloc((size_t)p->calls * 2, sizeof(*p->ready));
	if (!p->call || !p->mark || !p->ready) {
		p->calls = 0;
		return -ENOMEM;
	}
	error = choose_phones(p);
	if (error) {
		p->calls = 0;
		return error;
	}
	do {
		send_what_fits(p);
		error = take_replies(p);
	} while (!error && !p->error &&
		 (p->outstanding > 0 || p->contexts_sent < p->calls ||
		  p->ready_head < p->ready_tail));
	if (p->error)
		finish(p);
	if (error)
		fprintf(stderr, "rtpgen: the dataplane does not answer: %s\n", strerror(-error));
	if (!error)
		error = p->error;
	return error ? error : make_streams(p, streams, mac);
}

int program_remove_calls(struct program *p)
{
	int error = 0;

	p->error = 0;
	for (uint32_t i = 0; i < p->calls && !error;) {
		struct dp_command c = { .type = DP_COMMAND_CONTEXT_REMOVE };

		c.context_remove.context = p->call[i].context;
		if (!dp_handle_is_none(p->call[i].context)) {
			if (dp_channel_send(p->channel, &c) != 0) {
				error = take_replies(p);
				continue;
			}
			p->outstanding++;
		}
		i++;
	}
	p->calls = 0;
	if (!error)
		error = finish(p);
	return error ? error : p->error;
}

void program_close(struct program *p)
{
	if (!p)
		return;
	dp_client_close(p->client);
	free(p->call);
	free(p->mark);
	free(p->ready);
	free(p);
}

bool program_is_alive(struct program *p)
{
	struct pollfd gone = { .fd = dp_client_fd(p->client), .events = POLLIN };
	struct dp_event events[EVENTS];

	while (dp_channel_receive(p->channel, events, EVENTS) > 0)
		;
	return poll(&gone, 1, 0) == 0;
}

static struct marks read_marks(const struct program *p, uint32_t stream)
{
	dp_handle_t t = p->call[stream / 2].termination[stream % 2];
	const struct dp_termination_counters *c =
		dp_stats_counters(dp_client_stats(p->client), t.index);

	if (!c)
		return (struct marks){ 0 };
	return (struct marks){
		.packets = c->packets,
		.not_forwarded = c->not_forwarded,
		.dropped = c->dropped,
		.lost = dp_counters_lost(c),
		.duplicate = c->duplicate,
		.reordered = c->reordered,
		.late = c->late,
	};
}

void program_mark(struct program *p)
{
	for (uint32_t i = 0; i < 2 * p->calls; i++)
		p->mark[i] = read_marks(p, i);
}

static struct marks since_mark(const struct program *p, uint32_t stream)
{
	const struct marks *then = &p->mark[stream];
	struct marks m = read_marks(p, stream);

	m.packets -= then->packets;
	m.not_forwarded -= then->not_forwarded;
	m.dropped -= then->dropped;
	m.lost -= then->lost;
	m.duplicate -= then->duplicate;
	m.reordered -= then->reordered;
	m.late -= then->late;
	return m;
}

/* As a receiver right behind us would count. */
static struct marks on_the_wire(const struct streams *s, uint32_t i)
{
	struct marks m = { .packets = streams_sent(s, i) };

	if (!s->wire)
		return m;
	m.packets += s->wire_counts[i].duplicate;
	m.lost = checker_missing(&s->wire[i], s->sender[i].first);
	m.duplicate = s->wire_counts[i].duplicate;
	m.reordered = s->wire_counts[i].reordered;
	return m;
}

static bool same_order(const struct marks *a, const struct marks *b)
{
	return a->lost == b->lost && a->duplicate == b->duplicate && a->reordered == b->reordered;
}

static void tell(uint32_t stream, const struct marks *there, const struct marks *wire,
		 uint32_t came)
{
	fprintf(stderr,
		"rtpgen: stream %u: sent %u packets, with %u lost, %u duplicate, %u reordered; the "
		"dataplane took %u, with %u, %u, %u, %u late, dropped %u; %u came back\n",
		stream, wire->packets, wire->lost, wire->duplicate, wire->reordered, there->packets,
		there->lost, there->duplicate, there->reordered, there->late, there->dropped, came);
}

void program_compare(struct program *p, const struct streams *s, bool none_late,
		     struct program_counts *counts)
{
	*counts = (struct program_counts){ .late_compared = none_late };
	for (uint32_t i = 0; i < s->count; i++) {
		struct marks there = since_mark(p, i), wire = on_the_wire(s, i);
		uint32_t not_taken = there.dropped - there.not_forwarded;
		uint32_t came = streams_received(s, i) + s->received[i].duplicate;
		uint32_t sent_on = there.packets - there.not_forwarded;

		counts->packets += there.packets;
		counts->lost += there.lost;
		counts->duplicate += there.duplicate;
		counts->reordered += there.reordered;
		counts->late += there.late;
		counts->dropped += there.dropped;
		if (there.packets + not_taken == wire.packets && came <= sent_on &&
		    (not_taken > 0 || same_order(&there, &wire)) &&
		    (!none_late || there.late == 0)) {
			counts->lost_way_back += sent_on - came;
			continue;
		}
		if (counts->disagree++ < DISAGREE_SHOWN)
			tell(i, &there, &wire, came);
	}
	counts->agree = counts->disagree == 0;
}
