/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * relay: look-up, checks, counters, rewrite and next hop in one pass. What arrives for a
 * termination leaves as sent by its peer's address to the peer's remote end.
 *
 * Per RTP packet it touches, beside the packet, the first line of the flow and the first line of
 * the termination's counters. Both are fetched ahead.
 */
#include "dataplane/nodes/observe.h"
#include "dataplane/nodes/passage.h"
#include "dataplane/nodes/rate.h"
#include "dataplane/nodes/rewrite.h"
#include "dataplane/nodes/rtcp.h"
#include "dataplane/nodes/rtp.h"
#include "dataplane/nodes/source.h"

#define AHEAD 12u

/* Two packets further apart than this are a gap in the media. */
#define GAP_MS 60u

enum { TO_TX, TO_DROP, TO_GIVE, TO_END, TO_FRAGMENT, EDGES };

static bool is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static __rte_noinline uint8_t drop(struct passage *p, enum dp_drop_reason reason)
{
	set_drop(p->m, reason);
	p->counters->dropped++;
	return TO_DROP;
}

/* It was taken, and goes no further. */
static __rte_noinline uint8_t stop(struct passage *p, enum dp_drop_reason reason)
{
	if (!p->rtcp)
		p->counters->not_forwarded++;
	return drop(p, reason);
}

static __rte_noinline uint8_t reject(struct passage *p, enum source_verdict verdict)
{
	if (verdict == SOURCE_UNPROVEN)
		return drop(p, DP_DROP_UNPROVEN_SOURCE);
	p->counters->foreign++;
	if (is_power_of_two(p->counters->foreign))
		passage_notice(p, FLOW_NOTICE_FOREIGN, p->rtcp);
	return drop(p, DP_DROP_FOREIGN_SOURCE);
}

/* What is wrong with it is said of our own source only; a stranger's is a stranger's. */
static __rte_noinline uint8_t refuse(struct passage *p, enum dp_drop_reason reason)
{
	if (source_look(p) == SOURCE_FOREIGN)
		return reject(p, SOURCE_FOREIGN);
	return drop(p, reason);
}

static __rte_noinline uint8_t end_loop(struct passage *p)
{
	if (source_look(p) == SOURCE_OURS && is_power_of_two(++p->counters->looped))
		passage_notice(p, FLOW_NOTICE_LOOP, p->rtcp);
	return refuse(p, DP_DROP_LOOP);
}

static __rte_noinline uint8_t limit(struct passage *p)
{
	p->counters->rate_limited++;
	return drop(p, DP_DROP_RATE);
}

static __rte_noinline uint8_t not_ready(struct passage *p, const struct nexthop *nexthop)
{
	struct nexthop *hop = (struct nexthop *)(uintptr_t)nexthop;

	if (!hop)
		return stop(p, DP_DROP_NO_REMOTE);
	atomic_store_explicit(&hop->wanted, 1, memory_order_relaxed);
	return stop(p, DP_DROP_NO_NEIGHBOUR);
}

/* What fragment needs to know (graph.h). */
static __rte_noinline uint8_t to_fragment(const struct passage *p, const struct nexthop *hop)
{
	p->m->tx_offload = 0;
	p->m->l2_len = sizeof(struct rte_ether_hdr) + hop->tags_size;
	p->m->l3_len = p->flow->flags & FLOW_IPV6 ? sizeof(struct rte_ipv6_hdr)
						  : sizeof(struct rte_ipv4_hdr);
	p->m->tso_segsz = __atomic_load_n(&hop->mtu, __ATOMIC_RELAXED);
	return TO_FRAGMENT;
}

static inline uint8_t send_on(struct passage *p, const struct way_out *w)
{
	const struct nexthop *hop = w->hop;

	if (unlikely(!hop ||
		     atomic_load_explicit(&hop->state, memory_order_acquire) != NEXTHOP_REACHABLE))
		return not_ready(p, hop);
	if (unlikely(!rewrite(p, w)))
		return stop(p, DP_DROP_NO_BUFFER);
	if (unlikely(p->m->data_len > sizeof(struct rte_ether_hdr) + hop->tags_size + hop->mtu))
		return to_fragment(p, hop);
	return TO_TX;
}

/* RTCP goes on while a call is held (RFC 3264 §8.4). */
static uint8_t send_rtcp_on(struct passage *p)
{
	const struct flow *f = p->flow;
	struct way_out way = {
		.hop = f->nexthop_rtcp,
		.destination = f->destination_rtcp,
		.source_port = f->source_port,
		.destination_port = f->destination_rtcp_port,
		.header_sum = flow_header_sum(f->flags & FLOW_IPV6, f->dscp, f->source,
					      f->destination_rtcp),
	};
	uint8_t edge;

	if (!(f->flags & FLOW_HAS_PEER))
		return stop(p, DP_DROP_NO_PEER);
	if (!(f->flags & FLOW_PEER_RTCP_MUX))
		way.source_port = rte_cpu_to_be_16(rte_be_to_cpu_16(f->source_port) + 1);
	edge = send_on(p, &way);
	if (edge != TO_DROP)
		p->counters->rtcp_forwarded++;
	return edge;
}

static __rte_noinline uint8_t relay_rtcp(struct passage *p)
{
	const struct flow *f = p->flow;
	const struct dp_termination_counters *all = p->context->flows.counters;
	enum source_verdict verdict;

	p->rtcp = true;
	if (!rtcp_is_valid(p->payload, p->size))
		return refuse(p, DP_DROP_BAD_RTCP);
	verdict = source_judge_rtcp(p);
	if (verdict != SOURCE_OURS)
		return reject(p, verdict);
	if (f->packet_period_us && !rate_admits(&p->counters->rtcp_due_us,
						(uint32_t)p->context->now_us, f->packet_period_us))
		return limit(p);
	p->counters->rtcp_packets++;
	rtcp_read(p->counters, f->peer == FLOW_NO_PEER ? NULL : &all[f->peer], p->payload, p->size,
		  (uint32_t)p->context->now_us);
	return f->flags & (FLOW_RTCP_OWN | FLOW_PEER_RTCP_OWN) ? TO_END : send_rtcp_on(p);
}

/* Silence before the direction was opened is none. */
static __rte_noinline void after_gap(struct passage *p)
{
	struct dp_termination_counters *c = p->counters;
	uint32_t now_ms = p->context->now_ms, gap = now_ms - c->last_packet_ms;
	uint32_t armed = now_ms - p->flow->armed_ms;

	if (c->last_packet_ms == 0 || gap > RATE_FORGET_MS)
		c->rate_due_us = (uint32_t)p->context->now_us;
	if (armed < gap)
		gap = armed;
	if (c->last_packet_ms != 0 && gap > c->longest_gap_ms)
		c->longest_gap_ms = gap;
}

static __rte_noinline uint8_t no_way(struct passage *p)
{
	return stop(p, p->flow->flags & FLOW_HAS_PEER ? DP_DROP_PEER_DIRECTION : DP_DROP_NO_PEER);
}

/* What is not taken must not be learnt from, so the direction is looked at before the source. */
static inline uint8_t relay_rtp(struct passage *p)
{
	struct dp_termination_counters *c = p->counters;
	const struct graph_context *context = p->context;
	const struct flow *f = p->flow;
	const struct rtp_clock clock = {
		.now = rtp_units(context->now_us, f->clock_scale),
		.scale = f->clock_scale,
		.telephone_event = f->telephone_event,
	};
	const struct way_out way = { .hop = f->nexthop,
				     .destination = f->destination,
				     .source_port = f->source_port,
				     .destination_port = f->destination_port,
				     .header_sum = f->header_sum };

	if (unlikely(!(f->flags & FLOW_TAKE)))
		return refuse(p, DP_DROP_DIRECTION);
	if (unlikely(!source_is_locked(p))) {
		enum source_verdict verdict = source_judge_rtp(p);

		if (verdict != SOURCE_OURS)
			return reject(p, verdict);
	}
	if (unlikely(context->now_ms - c->last_packet_ms > GAP_MS))
		after_gap(p);
	if (f->packet_period_us &&
	    unlikely(!rate_admits(&c->rate_due_us, (uint32_t)context->now_us, f->packet_period_us)))
		return limit(p);
	rtp_count(c, p->payload, p->size, &clock);
	c->last_packet_ms = context->now_ms;
	if (unlikely((f->flags & (FLOW_HAS_PEER | FLOW_PEER_SENDS)) !=
		     (FLOW_HAS_PEER | FLOW_PEER_SENDS)))
		return no_way(p);
	return send_on(p, &way);
}

static __rte_noinline uint8_t no_flow(struct rte_mbuf *m)
{
	set_drop(m, DP_DROP_NO_FLOW);
	return TO_DROP;
}

static inline uint8_t relay(struct graph_context *context, struct rte_mbuf *m,
			    const struct flow *flow)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, media_l2(m));
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + media_l3(m));
	bool v6 = (ip[0] >> 4) == 6, rtcp_port = rte_be_to_cpu_16(udp->dst_port) & 1;
	struct passage p = {
		.context = context,
		.m = m,
		.flow = flow,
		.ip = ip,
		.udp = udp,
		.payload = (const uint8_t *)(udp + 1),
		.size = (uint16_t)(m->data_len - media_l2(m) - media_l3(m) - sizeof(*udp)),
		.ttl = ip[v6 ? offsetof(struct rte_ipv6_hdr, hop_limits)
			     : offsetof(struct rte_ipv4_hdr, time_to_live)],
		.v6 = v6,
	};

	if (unlikely(!flow))
		return no_flow(m);
	p.counters = &context->flows.counters[flow->termination];
	if (unlikely(p.ttl <= 1))
		return end_loop(&p);
	switch (rtp_kind(p.payload, p.size)) {
	case RTP_KIND_RTP:
		if (unlikely(rtcp_port))
			return refuse(&p, DP_DROP_BAD_RTCP);
		if (unlikely(!rtp_is_valid(p.payload, p.size)))
			return refuse(&p, DP_DROP_NOT_RTP);
		return relay_rtp(&p);
	case RTP_KIND_RTCP:
		if (!rtcp_port && !(flow->flags & FLOW_RTCP_MUX))
			return refuse(&p, DP_DROP_NOT_RTP);
		return relay_rtcp(&p);
	default:
		return refuse(&p, DP_DROP_NOT_RTP);
	}
}

/* The counters and the latch of a flow have one writer. A worker that was stopped here finds out
 * that its flows are another's, whatever the flows say that it holds. */
static bool is_ours(const struct graph_context *c, const struct flow *flow)
{
	return !flow || !c->config.handover ||
	       (flow->worker == c->config.index && !is_suspended(&c->presence));
}

static void prefetch_counters(const struct flow_lookup *flows, const struct flow *flow)
{
	if (flow)
		rte_prefetch0(&flows->counters[flow->termination]);
}

static uint16_t relay_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			      uint16_t n)
{
	struct graph_context *c = node_context(node);
	struct rte_mbuf **packets = (struct rte_mbuf **)objs;
	const struct flow *flows[GRAPH_BURST];
	uint8_t edges[GRAPH_BURST], others = 0;
	uint64_t began = rte_rdtsc();

	/* Not all flows at once: that is more than the core fetches side by side, and the counters,
	 * which are found through them, would wait behind the last. */
	for (uint16_t i = 0; i < n; i++) {
		flows[i] = flow_lookup(&c->flows, media_slot(packets[i]));
		if (i < 2 * AHEAD)
			rte_prefetch0(flows[i]);
	}
	observe_packets(c, OBSERVE_RELAY, objs, n, flows);
	for (uint16_t i = 0; i < n && i < AHEAD; i++)
		prefetch_counters(&c->flows, flows[i]);
	for (uint16_t i = 0; i < n; i++) {
		if (i + 2 * AHEAD < n)
			rte_prefetch0(flows[i + 2 * AHEAD]);
		if (i + AHEAD < n)
			prefetch_counters(&c->flows, flows[i + AHEAD]);
		if (likely(is_ours(c, flows[i]))) {
			edges[i] = relay(c, packets[i], flows[i]);
		} else {
			packets[i]->port = flows[i]->worker;
			edges[i] = TO_GIVE;
		}
		others |= edges[i];
	}
	if (likely(others == TO_TX))
		rte_node_next_stream_move(graph, node, TO_TX);
	else
		node_dispatch(graph, node, objs, edges, n);
	node_count(c, NODE_RELAY, n, began);
	return n;
}

static struct rte_node_register relay_node = {
	.name = "tandem-relay",
	.process = relay_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_TX] = "tandem-tx",
			[TO_DROP] = "tandem-drop",
			[TO_GIVE] = "tandem-give",
			[TO_END] = "tandem-end",
			[TO_FRAGMENT] = "tandem-fragment" },
};
RTE_NODE_REGISTER(relay_node);
