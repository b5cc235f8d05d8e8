/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/nodes/observe.h"

#include <rte_errno.h>
#include <rte_pcapng.h>
#include <rte_ring_elem.h>

#include "dataplane/main/pcapng.h"

#define AHEAD 8u

uint64_t observe_mark_flag;
static int mark_offset;

int observe_init(void)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "tandem_observe",
		.size = sizeof(struct observe_mark),
		.align = _Alignof(struct observe_mark),
	};
	static const struct rte_mbuf_dynflag flag = { .name = "tandem_observe" };
	int bit = rte_mbuf_dynflag_register(&flag);

	if (bit < 0)
		return -rte_errno;
	mark_offset = rte_mbuf_dynfield_register(&field);
	if (mark_offset < 0)
		return -rte_errno;
	observe_mark_flag = UINT64_C(1) << bit;
	return 0;
}

static struct observe_mark *mark_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, mark_offset, struct observe_mark *);
}

/* That of a packet which may have passed rx unseen: nobody looked then, or the kernel sends it. */
static struct observe_mark *have_mark(struct rte_mbuf *m)
{
	struct observe_mark *mark = mark_of(m);

	if (!(m->ol_flags & observe_mark_flag)) {
		*mark = (struct observe_mark){ .rx_port = (uint8_t)m->port };
		m->ol_flags |= observe_mark_flag;
	}
	return mark;
}

static struct observe_copy *copy_info(struct rte_mbuf *copy)
{
	return rte_mbuf_to_priv(copy);
}

/* --- copies --- */

static void lose(struct graph_context *c, unsigned place)
{
	c->config.stats->observe_lost++;
	atomic_fetch_add_explicit(&c->config.observe->lost[place], 1, memory_order_relaxed);
}

/* Marks that point at copies of the walk before are not followed any more. Where nothing but a trace
 * was ever wanted there is no ring. */
static void flush(struct graph_context *c)
{
	unsigned sent = 0;

	if (c->copy_count > 0)
		sent = rte_ring_sp_enqueue_burst(c->config.observe->copies[c->config.index],
						 (void **)c->copies, c->copy_count, NULL);
	for (unsigned i = sent; i < c->copy_count; i++) {
		lose(c, copy_info(c->copies[i])->place);
		rte_pktmbuf_free(c->copies[i]);
	}
	c->copy_count = 0;
	c->walk++;
}

void observe_walk_end(struct graph_context *c)
{
	flush(c);
}

static void copy_packet(struct graph_context *c, struct rte_mbuf *m, struct observe_mark *mark,
			unsigned place, uint64_t tsc, enum rte_pcapng_direction direction)
{
	const struct observe_capture *capture = &c->observing->captures[place];
	uint16_t port = direction == RTE_PCAPNG_DIRECTION_IN ? mark->rx_port : m->port;
	struct rte_mbuf *copy;
	struct observe_copy *info;

	if (c->copy_count == GRAPH_COPIES)
		flush(c);
	copy = rte_pcapng_copy(port, c->config.index, m, c->observing->pool, capture->snap_length,
			       tsc, direction);
	if (!copy) {
		lose(c, place);
		return;
	}
	pcapng_set_tsc(rte_pktmbuf_mtod(copy, uint8_t *), tsc);
	info = copy_info(copy);
	*info = (struct observe_copy){ .capture = capture->id,
				       .previous = mark->walk == c->walk ? mark->copies : 0,
				       .place = (uint8_t)place };
	c->copies[c->copy_count++] = copy;
	mark->copies = (uint16_t)c->copy_count;
	mark->walk = c->walk;
}

static bool port_matches(uint16_t wanted, uint16_t port)
{
	return wanted == DP_PORT_ANY || wanted == port;
}

/* by_call: captures of a call, whose flow is known by now; else those of any call. */
static void copy_for_captures(struct graph_context *c, struct rte_mbuf *m,
			      struct observe_mark *mark, bool by_call, uint64_t tsc,
			      enum rte_pcapng_direction direction)
{
	uint16_t port = direction == RTE_PCAPNG_DIRECTION_IN ? mark->rx_port : m->port;

	for (unsigned i = 0; i < DP_CAPTURES_MAX; i++) {
		const struct observe_capture *capture = &c->observing->captures[i];

		if (capture->id == 0 || (capture->label != 0) != by_call ||
		    (by_call && !(mark->observers & 1u << i)) || !port_matches(capture->port, port))
			continue;
		copy_packet(c, m, mark, i, tsc, direction);
	}
}

/* --- traces --- */

static const char *const station_names[OBSERVE_STATIONS] = {
	[OBSERVE_RX] = "rx",     [OBSERVE_RELAY] = "relay", [OBSERVE_TX] = "tx",
	[OBSERVE_PUNT] = "punt", [OBSERVE_GIVE] = "give",   [OBSERVE_DROP] = "drop",
	[OBSERVE_END] = "end",
};

static void record(struct graph_context *c, struct rte_mbuf *m, struct observe_mark *mark,
		   enum observe_station station, uint64_t tsc, uint32_t termination)
{
	struct dp_trace_record r = {
		.magic = DP_SEGMENT_MAGIC,
		.packet = mark->packet,
		.trace = c->observing->trace.id,
		.worker = (uint8_t)c->config.index,
		.tsc = tsc,
		.port = DP_PORT_ANY,
		.size = (uint16_t)rte_pktmbuf_pkt_len(m),
		.termination = termination,
		.left = station != OBSERVE_RX && station != OBSERVE_RELAY &&
			station != OBSERVE_GIVE,
	};
	struct rte_ring *ring = c->config.observe->records[c->config.index];

	/* the end is always told: the trace waits for it */
	if (mark->stations >= OBSERVE_STATIONS_MAX - 2 && !r.left) {
		c->config.stats->observe_lost++;
		return;
	}
	mark->stations++;
	memcpy(r.node, station_names[station], strlen(station_names[station]));
	if (station == OBSERVE_DROP)
		r.drop = (uint8_t)m->hash.usr;
	if (station == OBSERVE_TX || (station == OBSERVE_DROP && mark->sent))
		r.port = m->port;
	else if (station != OBSERVE_GIVE)
		r.port = mark->rx_port;
	r.head_size = (uint8_t)RTE_MIN(sizeof(r.head), (size_t)rte_pktmbuf_data_len(m));
	memcpy(r.head, rte_pktmbuf_mtod(m, const void *), r.head_size);
	if (rte_ring_sp_enqueue_elem(ring, &r, sizeof(r)) != 0)
		c->config.stats->observe_lost++;
}

/* The next number, if there is one left. */
static bool begin_trace(struct graph_context *c, struct observe_mark *mark)
{
	const struct observe_trace *trace = &c->observing->trace;
	_Atomic uint32_t *traced = &c->config.observe->traced;
	uint32_t number;

	if (atomic_load_explicit(traced, memory_order_relaxed) >= trace->packets)
		return false;
	number = atomic_fetch_add_explicit(traced, 1, memory_order_relaxed) + 1;
	if (number > trace->packets)
		return false;
	mark->packet = (uint16_t)number;
	mark->trace = (uint8_t)trace->id;
	mark->stations = 0;
	return true;
}

static bool is_traced(const struct graph_context *c, const struct observe_mark *mark)
{
	return mark->packet != 0 && c->observing->trace.id != 0 &&
	       mark->trace == (uint8_t)c->observing->trace.id;
}

/* --- stations --- */

static void at_rx(struct graph_context *c, struct rte_mbuf *m, uint64_t tsc)
{
	const struct observe_trace *trace = &c->observing->trace;
	struct observe_mark *mark = mark_of(m);

	*mark = (struct observe_mark){ .rx_tsc = tsc, .rx_port = (uint8_t)m->port };
	m->ol_flags |= observe_mark_flag;
	copy_for_captures(c, m, mark, false, tsc, RTE_PCAPNG_DIRECTION_IN);
	if (trace->id && trace->label == 0 && port_matches(trace->port, m->port) &&
	    begin_trace(c, mark))
		record(c, m, mark, OBSERVE_RX, tsc, UINT32_MAX);
}

/* A packet of another worker's flow is seen there; where it came in is known only here. */
static void at_relay(struct graph_context *c, struct rte_mbuf *m, const struct flow *flow,
		     uint64_t tsc)
{
	const struct observe_trace *trace = &c->observing->trace;
	struct observe_mark *mark;

	if (!c->observing->any_call && !(flow && flow->flags & FLOW_OBSERVED))
		return;
	mark = have_mark(m);
	if (flow && flow->worker != c->config.index && c->config.handover)
		return;
	mark->observers = flow && (flow->flags & FLOW_OBSERVED) ? flow->observers : 0;
	if (mark->observers)
		copy_for_captures(c, m, mark, true, mark->rx_tsc ? mark->rx_tsc : tsc,
				  RTE_PCAPNG_DIRECTION_IN);
	if (trace->label && (mark->observers & 1u << OBSERVE_TRACE_WATCH) && !is_traced(c, mark) &&
	    port_matches(trace->port, mark->rx_port) && begin_trace(c, mark) && mark->rx_tsc)
		record(c, m, mark, OBSERVE_RX, mark->rx_tsc, UINT32_MAX);
	if (is_traced(c, mark))
		record(c, m, mark, OBSERVE_RELAY, tsc, flow ? flow->termination : UINT32_MAX);
}

static void at_tx(struct graph_context *c, struct rte_mbuf *m, uint64_t tsc)
{
	struct observe_mark *mark = have_mark(m);

	mark->copies = 0; /* what happens from here on happens to what leaves */
	mark->sent = 1;
	copy_for_captures(c, m, mark, false, tsc, RTE_PCAPNG_DIRECTION_OUT);
	if (mark->observers)
		copy_for_captures(c, m, mark, true, tsc, RTE_PCAPNG_DIRECTION_OUT);
	if (is_traced(c, mark))
		record(c, m, mark, OBSERVE_TX, tsc, UINT32_MAX);
}

/* The copies of this walk say why. Those of an earlier one are gone: it is copied once more. */
static void at_drop(struct graph_context *c, struct rte_mbuf *m, uint64_t tsc)
{
	struct observe_mark *mark = have_mark(m);
	uint8_t drop = (uint8_t)(m->hash.usr + 1);

	if (mark->copies == 0 || mark->walk != c->walk) {
		enum rte_pcapng_direction direction =
			mark->sent ? RTE_PCAPNG_DIRECTION_OUT : RTE_PCAPNG_DIRECTION_IN;

		mark->copies = 0;
		copy_for_captures(c, m, mark, false, tsc, direction);
		if (mark->observers)
			copy_for_captures(c, m, mark, true, tsc, direction);
	}
	for (uint16_t i = mark->copies; i != 0; i = copy_info(c->copies[i - 1])->previous)
		copy_info(c->copies[i - 1])->drop = drop;
	if (is_traced(c, mark))
		record(c, m, mark, OBSERVE_DROP, tsc, UINT32_MAX);
}

static void at_end(struct graph_context *c, struct rte_mbuf *m, enum observe_station station,
		   uint64_t tsc)
{
	struct observe_mark *mark = have_mark(m);

	mark->copies = 0; /* a walk of another worker may bear the same number */
	if (is_traced(c, mark))
		record(c, m, mark, station, tsc, UINT32_MAX);
}

void observe_burst(struct graph_context *c, enum observe_station station, void **packets,
		   uint16_t count, const struct flow *const *flows)
{
	struct rte_mbuf **m = (struct rte_mbuf **)packets;
	const bool any_call = c->observing->any_call;
	uint64_t tsc = rte_rdtsc();

	if (station == OBSERVE_RX && !any_call)
		return;
	for (uint16_t i = 0; i < count; i++) {
		if (flows && i + AHEAD < count)
			rte_prefetch0(flows[i + AHEAD]);
		if (!any_call && station != OBSERVE_RELAY && !(m[i]->ol_flags & observe_mark_flag))
			continue;
		switch (station) {
		case OBSERVE_RX:
			at_rx(c, m[i], tsc);
			break;
		case OBSERVE_RELAY:
			at_relay(c, m[i], flows[i], tsc);
			break;
		case OBSERVE_TX:
			at_tx(c, m[i], tsc);
			break;
		case OBSERVE_DROP:
			at_drop(c, m[i], tsc);
			break;
		default:
			at_end(c, m[i], station, tsc);
		}
	}
}

void observe_piece(const struct graph_context *c, const struct rte_mbuf *whole,
		   struct rte_mbuf *piece, bool first)
{
	struct observe_mark *mark = mark_of(piece);

	if (!c->observing || !(whole->ol_flags & observe_mark_flag))
		return;
	*mark = *RTE_MBUF_DYNFIELD(whole, mark_offset, const struct observe_mark *);
	if (!first)
		mark->packet = 0;
	piece->ol_flags |= observe_mark_flag;
}

void observe_dropped(struct graph_context *c, void **packets, uint16_t count,
		     enum dp_drop_reason reason)
{
	struct rte_mbuf **m = (struct rte_mbuf **)packets;

	if (likely(!c->observing))
		return;
	for (uint16_t i = 0; i < count; i++)
		set_drop(m[i], reason);
	observe_burst(c, OBSERVE_DROP, packets, count, NULL);
}
