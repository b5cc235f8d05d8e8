/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending. Streams take turns in their order; how many turns are due says the clock. What the port
 * does not take waits here and is offered again before anything else.
 */
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "pktgen_tests/rtpgen/generator.h"

#define STAGED    512u
#define AHEAD     12u
#define GIVE_UP_S 1u
#define RTP_AT    (RTE_PKTMBUF_HEADROOM + RTE_ETHER_HDR_LEN + 28) /* with IPv4 and UDP */
#define PER_TURN  (2u * (IMPAIR_HOLD + 1)) /* packets that one turn can make */

enum stage {
	STAGE_IDLE,
	STAGE_TURNS,   /* the streams' packets, for as long as the run lasts */
	STAGE_DRAIN,   /* what is held back and delayed */
	STAGE_CLOSING, /* last packets of each stream, without impairments */
	STAGE_FLUSH,   /* what waits for the port */
};

struct sending {
	struct generator *g;
	enum stage stage;
	uint64_t began;   /* ticks */
	uint64_t turns;   /* taken in this run */
	uint64_t to_come; /* in closing */
	double rate;      /* packets a tick in closing; 0: no pace */
	uint64_t closing_began, closing_turns;
	uint64_t flush_until;
	uint32_t position; /* in the order of streams */
	uint32_t head, tail;
	struct rte_mbuf *staged[STAGED];
};

struct sending *sending_create(struct generator *g)
{
	struct sending *s = calloc(1, sizeof(*s));

	if (s)
		s->g = g;
	return s;
}

void sending_destroy(struct sending *s)
{
	if (s)
		rte_pktmbuf_free_bulk(s->staged + s->head, s->tail - s->head);
	free(s);
}

/* RTP begins at the same place of each buffer, whatever is in front of it: the pattern behind it
 * was put there once. */
static void write_packet(struct generator *g, struct rte_mbuf *m, uint32_t stream,
			 uint64_t sequence, uint64_t tsc)
{
	const struct packet_sender *sender = &g->streams.sender[stream];
	const struct packet_template *t = &g->streams.hop[sender->hop].template;

	m->data_off = (uint16_t)(RTP_AT - t->header_size);
	m->data_len = packet_build(rte_pktmbuf_mtod(m, uint8_t *), t, &g->streams.format, sender,
				   g->streams.departure, stream, sequence, tsc);
	m->pkt_len = m->data_len;
}

bool generator_send_extra(struct generator *g, const uint8_t *frame, size_t size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g->rx_pool);
	char *data;

	if (!m)
		return false;
	data = rte_pktmbuf_append(m, (uint16_t)size);
	if (data)
		memcpy(data, frame, size);
	if (data && rte_ring_enqueue(g->extra, m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

bool generator_send_probe(struct generator *g, uint32_t stream)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(g->tx_pool);

	if (!m)
		return false;
	write_packet(g, m, stream, g->streams.sender[stream].next, rte_rdtsc());
	if (rte_ring_enqueue(g->extra, m) != 0) {
		rte_pktmbuf_free(m);
		return false;
	}
	g->streams.sender[stream].next++;
	g->probes++;
	return true;
}

static bool send_extra(struct generator *g)
{
	struct rte_mbuf *frames[BURST];
	unsigned count = rte_ring_dequeue_burst(g->extra, (void **)frames, BURST, NULL), sent = 0;
	uint64_t until;

	if (count == 0)
		return false;
	until = rte_rdtsc() + g->tsc_hz / 100;
	while (sent < count && rte_rdtsc() < until)
		sent += rte_eth_tx_burst(g->port, 0, frames + sent, (uint16_t)(count - sent));
	rte_pktmbuf_free_bulk(frames + sent, count - sent);
	return true;
}

/* Offers what is staged. fresh: it was staged just now; what is refused is counted once. */
static void offer(struct sending *s, bool fresh)
{
	uint32_t waiting = s->tail - s->head;
	uint16_t sent;

	if (waiting == 0)
		return;
	sent = rte_eth_tx_burst(s->g->port, 0, s->staged + s->head, (uint16_t)waiting);
	s->head += sent;
	s->g->sent.packets += sent;
	if (fresh)
		s->g->sent.tx_full += waiting - sent;
	if (s->head == s->tail)
		s->head = s->tail = 0;
}

static uint32_t next_stream(struct sending *s)
{
	const struct streams *all = &s->g->streams;
	uint32_t stream = all->order ? all->order[s->position] : s->position;

	if (++s->position == all->count)
		s->position = 0;
	return stream;
}

static uint32_t stream_ahead(const struct sending *s, uint32_t ahead)
{
	const struct streams *all = &s->g->streams;
	uint32_t position = s->position + ahead;

	while (position >= all->count)
		position -= all->count;
	return all->order ? all->order[position] : position;
}

/* The usual way: one packet a turn, in a burst. */
static void take_turns(struct sending *s, unsigned turns, uint64_t now)
{
	struct generator *g = s->g;
	struct rte_mbuf **burst = s->staged + s->tail;
	unsigned near = RTE_MIN(AHEAD, turns);

	if (rte_pktmbuf_alloc_bulk(g->tx_pool, burst, turns) != 0) {
		g->sent.no_buffer++;
		return;
	}
	for (unsigned i = 0; i < near; i++)
		rte_prefetch0(&g->streams.sender[stream_ahead(s, i)]);
	for (unsigned i = 0; i < turns; i++) {
		struct packet_sender *sender;
		uint32_t stream;

		if (i + AHEAD < turns)
			rte_prefetch0(&g->streams.sender[stream_ahead(s, AHEAD)]);
		stream = next_stream(s);
		sender = &g->streams.sender[stream];
		write_packet(g, burst[i], stream, sender->next++, now);
		g->sent.direction[sender->direction]++;
	}
	s->tail += turns;
	s->turns += turns;
}

/* One packet on its way, with impairments: what a receiver should make of it is noted. */
static void stage_packet(struct sending *s, const struct schedule_packet *p, uint64_t now)
{
	struct generator *g = s->g;

	for (int i = 0; i < 1 + p->twice; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(g->tx_pool);

		if (!m) {
			g->sent.no_buffer++;
			return;
		}
		write_packet(g, m, p->stream, p->sequence, now);
		s->staged[s->tail++] = m;
		g->sent.direction[g->streams.sender[p->stream].direction]++;
		g->sent.impaired.duplicated += i > 0;
		if (g->streams.wire)
			checker_count(
				&g->streams.wire_counts[p->stream],
				checker_take(&g->streams.wire[p->stream], (uint32_t)p->sequence));
	}
}

static void release_held(struct sending *s, uint32_t stream, uint64_t sequence, uint64_t now)
{
	struct schedule_packet p;

	while (STAGED - s->tail >= 2 && schedule_next_held(s->g->schedule, stream, sequence, &p))
		stage_packet(s, &p, now);
}

static uint64_t microseconds(const struct sending *s, uint64_t now)
{
	return (uint64_t)((double)(now - s->began) * 1e6 / (double)s->g->tsc_hz);
}

static void take_impaired_turn(struct sending *s, uint64_t now)
{
	struct generator *g = s->g;
	uint32_t stream = next_stream(s);
	struct packet_sender *sender = &g->streams.sender[stream];
	struct schedule_packet p = { .sequence = sender->next++, .stream = stream };
	struct impair_decision d =
		impair_decide(&g->plan, stream, (uint32_t)p.sequence - sender->first);

	p.twice = d.twice;
	s->turns++;
	if (d.fate == IMPAIR_LOSE) {
		g->sent.impaired.lost++;
	} else if (d.fate == IMPAIR_HOLD_BACK &&
		   schedule_hold(g->schedule, &p, p.sequence + d.hold)) {
		g->sent.impaired.held++;
	} else if (d.fate == IMPAIR_DELAY &&
		   schedule_delay(g->schedule, &p, microseconds(s, now), d.delay_us)) {
		g->sent.impaired.delayed++;
	} else {
		stage_packet(s, &p, now);
	}
	release_held(s, stream, p.sequence, now);
}

static void stage_due(struct sending *s, uint64_t now)
{
	struct schedule_packet p;

	while (s->tail < BURST && schedule_next_due(s->g->schedule, microseconds(s, now), &p))
		stage_packet(s, &p, now);
}

/* Turns that the clock allows and the burst has room for. */
static unsigned turns_due(double rate, uint64_t began, uint64_t taken, uint64_t now)
{
	uint64_t due;

	if (rate == 0)
		return BURST;
	due = (uint64_t)((double)(now - began) * rate) + 1;
	return due > taken ? (unsigned)RTE_MIN(due - taken, BURST) : 0;
}

static void begin(struct sending *s, uint64_t now)
{
	s->stage = STAGE_TURNS;
	s->began = now;
	s->turns = 0;
	s->g->sent.began_tsc = s->g->sent.ended_tsc = now;
}

static void note_lag(struct sending *s, uint64_t now)
{
	double rate = s->g->run.packets_per_tick;
	uint64_t lag = rate > 0 ? now - s->began - (uint64_t)((double)s->turns / rate) : 0;

	if ((int64_t)lag > (int64_t)s->g->sent.lag)
		s->g->sent.lag = lag;
}

static void turns_stage(struct sending *s, uint64_t now)
{
	struct generator *g = s->g;
	unsigned due = turns_due(g->run.packets_per_tick, s->began, s->turns, now);

	if (now - s->began >= g->run.duration_ticks || generator_phase(g) == PHASE_STOP) {
		s->stage = STAGE_DRAIN;
		s->position = 0;
		return;
	}
	if (due > 0)
		note_lag(s, now);
	if (!g->plan.active) {
		if (due > 0)
			take_turns(s, due, now);
		return;
	}
	stage_due(s, now);
	for (unsigned i = 0; i < due && s->tail < STAGED - PER_TURN; i++)
		take_impaired_turn(s, now);
}

/* Held packets go stream by stream, delayed ones when their time has come. */
static void drain_stage(struct sending *s, uint64_t now)
{
	struct generator *g = s->g;

	if (g->plan.active) {
		for (; s->position < g->streams.count && s->tail < BURST; s->position++)
			release_held(s, s->position, UINT64_MAX, now);
		stage_due(s, now);
		if (s->position < g->streams.count || schedule_delayed(g->schedule) > 0)
			return;
		s->to_come = (uint64_t)IMPAIR_CLOSING * g->streams.count;
	}
	s->position = 0;
	s->closing_began = now;
	s->closing_turns = 0;
	s->stage = STAGE_CLOSING;
}

static void closing_stage(struct sending *s, uint64_t now)
{
	struct generator *g = s->g;
	unsigned due = turns_due(g->run.packets_per_tick, s->closing_began, s->closing_turns, now);

	for (; due > 0 && s->to_come > 0 && s->tail < BURST; due--) {
		uint32_t stream = next_stream(s);
		struct schedule_packet p = { .sequence = g->streams.sender[stream].next++,
					     .stream = stream };

		stage_packet(s, &p, now);
		s->closing_turns++;
		s->to_come--;
	}
	if (s->to_come > 0)
		return;
	g->sent.ended_tsc = now;
	s->flush_until = now + GIVE_UP_S * g->tsc_hz;
	s->stage = STAGE_FLUSH;
}

static void flush_stage(struct sending *s, uint64_t now)
{
	struct generator *g = s->g;

	if (s->tail > 0 && now < s->flush_until)
		return;
	g->sent.given_up += s->tail - s->head;
	rte_pktmbuf_free_bulk(s->staged + s->head, s->tail - s->head);
	s->head = s->tail = 0;
	s->stage = STAGE_IDLE;
	generator_set_phase(g, PHASE_IDLE);
}

bool sending_round(struct sending *s)
{
	struct generator *g = s->g;
	bool busy = send_extra(g);
	int phase = generator_phase(g);
	uint64_t now = rte_rdtsc();

	if (s->stage == STAGE_IDLE) {
		if (phase != PHASE_RUN && phase != PHASE_STOP)
			return busy;
		begin(s, now);
	}
	offer(s, false);
	if (s->tail > 0 && s->stage != STAGE_FLUSH)
		return true;
	switch (s->stage) {
	case STAGE_TURNS:
		turns_stage(s, now);
		break;
	case STAGE_DRAIN:
		drain_stage(s, now);
		break;
	case STAGE_CLOSING:
		closing_stage(s, now);
		break;
	case STAGE_FLUSH:
		flush_stage(s, now);
		break;
	case STAGE_IDLE:
		break;
	}
	busy |= s->tail > 0;
	if (s->stage != STAGE_FLUSH)
		offer(s, true);
	return busy;
}
