/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/run.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#define RESOLVE_S     5u
#define ASK_EVERY_MS  100u
#define WARM_UP_S     15u
#define WARM_UP_MS    20u /* until a packet that got through must be back */
#define WARM_UP_BURST 2048u
#define QUIET_MS      100u /* nothing is under way any more */
#define DRAIN_S       1u   /* after the last packet that came */
#define DRAIN_MAX_S   10u
#define LOOK_EVERY_US 2000u
#define SAMPLES_MAX   (10 * PACKET_CLOCK_HZ)
#define PACKET_MS     (PACKET_SAMPLES * 1000 / PACKET_CLOCK_HZ)

bool run_interrupted;

static bool interrupted(void)
{
	return __atomic_load_n(&run_interrupted, __ATOMIC_RELAXED);
}

static uint64_t ticks_ms(const struct generator *g, uint64_t ms)
{
	return ms * g->tsc_hz / 1000;
}

static struct dp_address phone_of(const struct streams *s, uint32_t stream)
{
	struct dp_address a = { .family = s->hop[s->sender[stream].hop].address.family };

	if (a.family == DP_FAMILY_IPV4)
		memcpy(a.ip, &s->sender[stream].source, 4);
	else
		memcpy(a.ip, s->departure[stream].source, 16);
	return a;
}

static struct stream_hop *first_unknown(struct streams *s)
{
	for (unsigned i = 0; i < s->hops; i++) {
		if (!__atomic_load_n(&s->hop[i].known, __ATOMIC_ACQUIRE))
			return &s->hop[i];
	}
	return NULL;
}

static void ask_for_all(struct generator *g)
{
	uint8_t frame[NEIGHBOUR_FRAME_MAX];

	for (unsigned i = 0; i < g->streams.hops; i++) {
		struct stream_hop *hop = &g->streams.hop[i];
		struct dp_address phone = phone_of(&g->streams, hop->stream);

		if (__atomic_load_n(&hop->known, __ATOMIC_ACQUIRE))
			continue;
		generator_send_extra(g, frame,
				     neighbour_ask(g->neighbour.mac, &phone, &hop->address, frame));
	}
}

int run_resolve(struct generator *g)
{
	uint64_t end = rte_rdtsc() + RESOLVE_S * g->tsc_hz;
	struct stream_hop *unknown;
	char text[DP_ADDRESS_TEXT];

	while ((unknown = first_unknown(&g->streams)) != NULL) {
		if (rte_rdtsc() > end || interrupted()) {
			fprintf(stderr, "rtpgen: no answer who has %s (--gateway-mac)\n",
				dp_address_format(&unknown->address, text));
			return -ETIMEDOUT;
		}
		ask_for_all(g);
		usleep(ASK_EVERY_MS * 1000);
	}
	return 0;
}

static bool came_back(const struct streams *s, uint32_t stream)
{
	return __atomic_load_n(&s->receiver[stream].checker.received, __ATOMIC_RELAXED) > 0;
}

/* Streams that stand for their path: the first `limit` of them, or all. Returns how many are
 * missing still; those are sent another packet. */
static uint32_t probe_missing(struct generator *g, uint32_t limit)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < limit && !interrupted(); i++) {
		if (came_back(&g->streams, i))
			continue;
		missing++;
		while (!generator_send_probe(g, i) && !interrupted())
			usleep(100);
		if (missing % WARM_UP_BURST == 0)
			usleep(WARM_UP_MS * 1000);
	}
	return missing;
}

/* Until nothing has come for a while. */
static void wait_quiet(const struct generator *g)
{
	uint64_t since = rte_rdtsc(), seen = counter_read(&g->received.packets);

	while (rte_rdtsc() - since < ticks_ms(g, QUIET_MS)) {
		uint64_t now = counter_read(&g->received.packets);

		if (now != seen)
			since = rte_rdtsc();
		seen = now;
		usleep(LOOK_EVERY_US);
	}
}

/* Addresses are given out in turn, so that the first streams have all of them. */
static uint32_t first_streams(const struct generator *g)
{
	uint64_t phones = 0;

	for (unsigned i = 0; i < g->neighbour.ranges; i++)
		phones += g->neighbour.range[i].count;
	phones *= 2;
	return phones < g->streams.count ? (uint32_t)phones : g->streams.count;
}

int run_warm_up(struct generator *g, bool all)
{
	uint64_t began = rte_rdtsc(), end = began + WARM_UP_S * g->tsc_hz;
	uint32_t limit = all ? g->streams.count : first_streams(g), missing;

	g->epoch_tsc = began;
	streams_start_run(&g->streams, 0);
	while ((missing = probe_missing(g, limit)) > 0 && !interrupted()) {
		if (rte_rdtsc() > end) {
			fprintf(stderr, "rtpgen: of %u streams tried nothing comes back from %u\n",
				limit, missing);
			return -ETIMEDOUT;
		}
		usleep(WARM_UP_MS * 1000);
	}
	wait_quiet(g);
	return interrupted() ? -EINTR : 0;
}

static uint64_t all_different(const struct generator *g, bool sent)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < g->streams.count; i++)
		sum += sent ? streams_sent(&g->streams, i) : streams_received(&g->streams, i);
	return sum;
}

/* All is back, or nothing has come for a second. */
static void drain(const struct generator *g)
{
	uint64_t wanted = all_different(g, true), began = rte_rdtsc(), since = began;
	uint64_t seen = counter_read(&g->received.packets);

	while (rte_rdtsc() - since < DRAIN_S * g->tsc_hz &&
	       rte_rdtsc() - began < DRAIN_MAX_S * g->tsc_hz) {
		uint64_t now = counter_read(&g->received.packets);

		if (now >= counter_read(&g->sent.packets) && all_different(g, false) >= wanted)
			break;
		if (now != seen)
			since = rte_rdtsc();
		seen = now;
		usleep(LOOK_EVERY_US);
	}
}

static void show_progress(const struct generator *g, uint64_t before[2], double seconds)
{
	uint64_t sent = counter_read(&g->sent.packets);
	uint64_t received = counter_read(&g->received.packets);
	uint64_t unexpected = counter_read(&g->received.unknown) +
			      counter_read(&g->received.altered) +
			      counter_read(&g->received.misdirected);

	fprintf(stderr,
		"sent %lu (%.0f/s)  received %lu (%.0f/s)  lost or under way %ld  unexpected %lu\n",
		sent, (double)(sent - before[0]) / seconds, received,
		(double)(received - before[1]) / seconds, (long)(sent - received), unexpected);
	before[0] = sent;
	before[1] = received;
}

static void wait_for_end(struct generator *g, bool quiet, struct program *program)
{
	uint64_t shown = rte_rdtsc(), before[2] = { 0, 0 };

	while (generator_phase(g) != PHASE_IDLE) {
		int running = PHASE_RUN;
		uint64_t now;

		usleep(LOOK_EVERY_US);
		now = rte_rdtsc();
		if (interrupted() || (program && !program_is_alive(program)))
			__atomic_compare_exchange_n(&g->phase, &running, PHASE_STOP, false,
						    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
		if (quiet || now - shown < g->tsc_hz)
			continue;
		show_progress(g, before, (double)(now - shown) / (double)g->tsc_hz);
		shown = now;
	}
}

static uint32_t samples_of(const struct generator *g, uint64_t ticks)
{
	return (uint32_t)(uint64_t)((double)ticks * PACKET_CLOCK_HZ / (double)g->tsc_hz);
}

/*
 * Time stamps go at the pace that packets are sent at. At another one each packet would be later,
 * or earlier, than the one before, and a relay would be measured that has nothing but broken
 * streams to carry.
 */
static uint32_t samples_in_packet(const struct generator *g, double pps)
{
	double samples =
		pps > 0 ? g->streams.count * (double)PACKET_CLOCK_HZ / pps : PACKET_SAMPLES;

	return samples < 1 ? 1 : samples > SAMPLES_MAX ? SAMPLES_MAX : (uint32_t)lround(samples);
}

static void clear(struct generator *g, uint64_t now)
{
	memset(&g->sent, 0, sizeof(g->sent));
	memset(&g->received, 0, sizeof(g->received));
	for (unsigned i = 0; i < DIRECTIONS_MAX; i++)
		histogram_clear(&g->latency[i]);
	streams_start_run(&g->streams, samples_of(g, now - g->epoch_tsc));
}

static void add_streams(const struct generator *g, struct run_result *r)
{
	const struct streams *s = &g->streams;

	for (uint32_t i = 0; i < s->count; i++) {
		struct run_direction *d = &r->direction[s->directions > 1 ? i & 1 : 0];
		uint32_t sent = streams_sent(s, i), received = streams_received(s, i);

		d->lost += sent > received ? sent - received : 0;
		d->duplicate += s->received[i].duplicate;
		d->reordered += s->received[i].reordered;
		d->late += s->received[i].late;
		if (s->wire)
			r->impaired.reordered += s->wire_counts[i].reordered;
	}
}

static void add_direction(struct run_direction *total, const struct run_direction *d)
{
	total->sent += d->sent;
	total->received += d->received;
	total->lost += d->lost;
	total->duplicate += d->duplicate;
	total->reordered += d->reordered;
	total->late += d->late;
	histogram_merge(&total->latency, &d->latency);
}

static void collect(const struct generator *g, struct run_result *r)
{
	static const char *const names[] = { "a\u2192b", "b\u2192a" };
	const struct sent_counters *sent = &g->sent;
	const struct received_counters *received = &g->received;

	r->streams = g->streams.count;
	r->directions = g->streams.directions;
	r->tsc_hz = g->tsc_hz;
	for (unsigned i = 0; i < r->directions; i++) {
		struct run_direction *d = &r->direction[i];

		d->name = r->directions > 1 ? names[i] : "there and back";
		d->sent = sent->direction[i];
		d->received = received->direction[i];
		d->latency = g->latency[i];
	}
	add_streams(g, r);
	r->total.name = "total";
	for (unsigned i = 0; i < r->directions; i++)
		add_direction(&r->total, &r->direction[i]);
	r->unknown = received->unknown;
	r->misdirected = received->misdirected;
	r->altered = received->altered;
	r->unexpected = r->unknown + r->misdirected + r->altered;
	r->rtcp = received->rtcp;
	r->tx_full = sent->tx_full;
	r->given_up = sent->given_up;
	r->no_buffer = sent->no_buffer;
	r->warm_up = g->probes;
	r->impaired.lost = sent->impaired.lost;
	r->impaired.duplicated = sent->impaired.duplicated;
	r->impaired.held = sent->impaired.held;
	r->impaired.delayed = sent->impaired.delayed;
	r->duration_s = (double)(sent->ended_tsc - sent->began_tsc) / (double)g->tsc_hz;
	if (r->duration_s > 0) {
		r->tx_pps = (double)r->total.sent / r->duration_s;
		r->rx_pps = (double)r->total.received / r->duration_s;
	}
}

/*
 * No packet can have come to the dataplane DP_PLAYOUT_MS behind the stream's quickest, if we were
 * never so late in sending it and having it back. With other paces time stamps are rounded and run
 * away in time; impairments make packets late, and nobody knows how long those took that are lost.
 */
static bool nothing_was_late(const struct generator *g, const struct run_result *r,
			     uint64_t stamped)
{
	uint64_t spread = g->sent.began_tsc - stamped + ticks_ms(g, PACKET_MS);
	uint64_t ahead = ticks_ms(g, STREAMS_AHEAD_MS), late = g->sent.lag + r->total.latency.max;

	if (g->plan.active || r->offered_pps != g->streams.count * 1000.0 / PACKET_MS ||
	    r->total.lost > 0 || r->interrupted)
		return false;
	late += spread > ahead ? spread - ahead : 0;
	return late < ticks_ms(g, DP_PLAYOUT_MS - 1);
}

int run_once(struct generator *g, double pps, double duration_s, bool quiet,
	     struct program *program, bool compare, struct run_result *result)
{
	uint64_t stamped = rte_rdtsc();

	*result = (struct run_result){ .offered_pps = pps };
	g->streams.format.samples = samples_in_packet(g, pps);
	clear(g, stamped);
	if (program && compare)
		program_mark(program);
	g->run = (struct run_order){
		.packets_per_tick = pps / (double)g->tsc_hz,
		.duration_ticks = (uint64_t)(duration_s * (double)g->tsc_hz),
	};
	generator_set_phase(g, PHASE_RUN);
	wait_for_end(g, quiet, program);
	drain(g);
	if (program && !program_is_alive(program)) {
		fprintf(stderr, "rtpgen: the dataplane is gone\n");
		return -EPIPE;
	}
	collect(g, result);
	result->interrupted = interrupted();
	if (program && compare) {
		program_compare(program, &g->streams, nothing_was_late(g, result, stamped),
				&result->dataplane);
		result->compared = true;
	}
	return 0;
}
