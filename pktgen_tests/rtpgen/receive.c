/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving: each packet is compared bit by bit, and finds its stream by what it carries. */
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "pktgen_tests/rtpgen/generator.h"

#define AHEAD 4u

static void check(struct generator *g, const struct packet_view *v, uint64_t now)
{
	unsigned direction = g->streams.directions > 1 ? v->stream & 1 : 0;

	switch (streams_take(&g->streams, v)) {
	case STREAM_ALTERED:
		g->received.altered++;
		return;
	case STREAM_MISDIRECTED:
		g->received.misdirected++;
		return;
	case STREAM_TAKEN:
		break;
	}
	g->received.packets++;
	g->received.direction[direction]++;
	g->received.last_tsc = now;
	histogram_add(&g->latency[direction], now > v->tsc ? now - v->tsc : 0);
}

static void answer(struct generator *g, const struct rte_mbuf *m)
{
	uint8_t reply[NEIGHBOUR_FRAME_MAX];
	size_t size = neighbour_answer(&g->neighbour, rte_pktmbuf_mtod(m, const uint8_t *),
				       m->data_len, reply);

	if (size > 0)
		generator_send_extra(g, reply, size);
}

static void sort_out(struct generator *g, const struct rte_mbuf *m, enum packet_kind kind)
{
	switch (kind) {
	case PACKET_OTHER:
		answer(g, m);
		break;
	case PACKET_RTCP:
		g->received.rtcp++;
		break;
	case PACKET_UNKNOWN:
	case PACKET_MARKED:
		g->received.unknown++;
		break;
	}
}

static uint16_t receive_burst(struct generator *g)
{
	struct rte_mbuf *burst[BURST];
	struct packet_view view[BURST];
	uint16_t count = rte_eth_rx_burst(g->port, 0, burst, BURST), marked = 0;
	uint64_t now;

	if (count == 0)
		return 0;
	now = rte_rdtsc();
	for (uint16_t i = 0; i < count; i++) {
		enum packet_kind kind;

		if (i + AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(burst[i + AHEAD], void *));
		kind = packet_look(rte_pktmbuf_mtod(burst[i], const uint8_t *), burst[i]->data_len,
				   &view[marked]);
		if (unlikely(kind != PACKET_MARKED || view[marked].stream >= g->streams.count)) {
			sort_out(g, burst[i], kind);
			continue;
		}
		rte_prefetch0(&g->streams.receiver[view[marked].stream]);
		marked++;
	}
	for (uint16_t i = 0; i < marked; i++)
		check(g, &view[i], now);
	rte_pktmbuf_free_bulk(burst, count);
	return count;
}

bool receiving_round(struct generator *g)
{
	uint16_t count = BURST;
	bool busy = false;

	for (unsigned i = 0; i < RECEIVE_BURSTS && count == BURST; i++) {
		count = receive_burst(g);
		busy |= count > 0;
	}
	return busy;
}
