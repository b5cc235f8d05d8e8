/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * relay: look-up, checks, counters, rewrite and next hop in one pass. What arrives for a
 * termination leaves as sent by its peer's address to the peer's remote end.
 *
 * Per RTP packet it touches, beside the packet, the first line of the flow and the first line of
 * the termination's counters. Both are fetched ahead.
 */
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/kernel/nexthop.h"
#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/latch.h"
#include "dataplane/nodes/observe.h"
#include "dataplane/nodes/rtp.h"

#define AHEAD 8u
#define TTL   64u

enum { TO_TX, TO_DROP, TO_GIVE, EDGES };

/* One packet on its way through. */
struct passage {
	struct graph_context *context;
	struct rte_mbuf *m;
	const struct flow *flow;
	struct dp_termination_counters *counters;
	const uint8_t *payload;
	uint16_t size;
	bool rtcp;
};

static uint8_t drop(struct passage *p, enum dp_drop_reason reason)
{
	set_drop(p->m, reason);
	if (p->counters)
		p->counters->dropped++;
	return TO_DROP;
}

static const struct rte_udp_hdr *udp_of(const struct passage *p)
{
	return rte_pktmbuf_mtod_offset(p->m, const struct rte_udp_hdr *,
				       p->m->l2_len + p->m->l3_len);
}

static struct packet_source source_of(const struct passage *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->m->l2_len);
	struct packet_source s = { .port = udp_of(p)->src_port };

	if ((ip[0] >> 4) == 4) {
		s.family = DP_FAMILY_IPV4;
		s.ip = ip + offsetof(struct rte_ipv4_hdr, src_addr);
	} else {
		s.family = DP_FAMILY_IPV6;
		s.ip = ip + offsetof(struct rte_ipv6_hdr, src_addr);
	}
	return s;
}

/*
 * RTCP comes from the address that RTP comes from, on whatever port the NAT gave it. Before there
 * was any RTP (a listener sends only RTCP) it has to be the address of the signalling. Before its
 * answer has arrived a called phone may speak already: then its first packet counts, as with RTP.
 */
static bool rtcp_may_latch(const struct passage *p, const struct packet_source *s)
{
	const struct dp_termination_counters *c = p->counters;

	const struct dp_address *known =
		c->source.family == DP_FAMILY_NONE ? &p->flow->expected : &c->source;

	return known->family == DP_FAMILY_NONE || latch_same_ip(known, s);
}

static void latch(struct passage *p, bool rtcp, const struct packet_source *s)
{
	struct dp_termination_counters *c = p->counters;
	struct flow_notice notice = {
		.termination = p->flow->termination,
		.generation = p->flow->generation,
		.kind = FLOW_NOTICE_LATCHED,
		.rtcp = rtcp,
		.latch_epoch = p->flow->latch_epoch,
		.source = { .family = s->family, .port = rte_be_to_cpu_16(s->port) },
	};

	memcpy(notice.source.ip, s->ip, s->family == DP_FAMILY_IPV4 ? 4 : 16);
	if (rte_ring_mp_enqueue_elem(p->context->config.notices, &notice, sizeof(notice)) != 0) {
		p->context->config.stats->latch_lost++; /* the next packet tries again */
		return;
	}
	if (rtcp) {
		c->source_rtcp = notice.source;
		return;
	}
	latch_set(c, &notice.source);
	c->latch = DP_LATCH_LOCKED;
	if (c->source_rtcp.family != DP_FAMILY_NONE && !latch_same_ip(&c->source_rtcp, s))
		memset(&c->source_rtcp, 0, sizeof(c->source_rtcp));
}

/* RFC 4961 with a lock: the first valid source is taken, and then no other. */
static __rte_noinline bool learn_source(struct passage *p, bool rtcp, const struct packet_source *s)
{
	const struct dp_address *latched = rtcp ? &p->counters->source_rtcp : &p->counters->source;

	if (!(p->flow->flags & FLOW_LEARN) || latched->family != DP_FAMILY_NONE)
		return false;
	if (p->rtcp && !rtcp_may_latch(p, s))
		return false;
	latch(p, rtcp, s);
	return true;
}

static bool source_is_ours(struct passage *p)
{
	struct dp_termination_counters *c = p->counters;
	struct packet_source s = source_of(p);
	bool own_port = p->rtcp && !(p->flow->flags & FLOW_RTCP_MUX);

	if (unlikely(c->latch_epoch != p->flow->latch_epoch))
		latch_restart(c, p->flow);
	if (likely(!own_port && latch_matches(c, &s)))
		return true;
	if (own_port && latch_same_ip(&c->source_rtcp, &s) &&
	    c->source_rtcp.port == rte_be_to_cpu_16(s.port))
		return true;
	return learn_source(p, own_port, &s);
}

/* Room for exactly the headers that leave: Ethernet, IP, UDP. */
static uint8_t *make_room(struct rte_mbuf *m, uint16_t headers)
{
	int extra = m->l2_len + m->l3_len + (int)sizeof(struct rte_udp_hdr) - headers;

	if (extra >= 0)
		return (uint8_t *)rte_pktmbuf_adj(m, (uint16_t)extra);
	return (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)-extra);
}

/* Of the header that write_ipv4() makes, from its values: reading them back so soon would wait for
 * the stores. One's complement sums do not mind words of two sizes (RFC 1071 §2). */
static rte_be16_t ipv4_checksum(uint32_t source, uint32_t destination, uint8_t tos,
				rte_be16_t total_length)
{
	uint64_t sum = (uint64_t)source + destination + total_length;

	sum += rte_cpu_to_be_16((uint16_t)(RTE_IPV4_VHL_DEF << 8 | tos));
	sum += RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	sum += RTE_BE16(TTL << 8 | IPPROTO_UDP);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (rte_be16_t)~sum;
}

static void write_ipv4(const struct passage *p, struct rte_ipv4_hdr *ip, uint16_t udp_length)
{
	const struct flow *f = p->flow;
	uint8_t tos = (uint8_t)(f->dscp << 2);
	rte_be16_t total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + udp_length));
	uint32_t source, destination;

	memcpy(&source, f->source, sizeof(source));
	memcpy(&destination, p->rtcp ? f->destination_rtcp : f->destination, sizeof(destination));
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = tos,
		.total_length = total_length,
		/* atomic datagram: id may be anything (RFC 6864 §4.1) */
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = TTL,
		.next_proto_id = IPPROTO_UDP,
		.hdr_checksum = ipv4_checksum(source, destination, tos, total_length),
		.src_addr = source,
		.dst_addr = destination,
	};
}

static void write_ipv6(const struct passage *p, struct rte_ipv6_hdr *ip, uint16_t udp_length)
{
	const struct flow *f = p->flow;

	*ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)f->dscp << 22),
		.payload_len = rte_cpu_to_be_16(udp_length),
		.proto = IPPROTO_UDP,
		.hop_limits = TTL,
	};
	memcpy(ip->src_addr, f->source, 16);
	memcpy(ip->dst_addr, p->rtcp ? f->destination_rtcp : f->destination, 16);
}

static void write_udp(const struct passage *p, struct rte_udp_hdr *udp, uint16_t length)
{
	const struct flow *f = p->flow;
	bool own_port = p->rtcp && !(f->flags & FLOW_PEER_RTCP_MUX);

	udp->src_port =
		own_port ? rte_cpu_to_be_16(rte_be_to_cpu_16(f->source_port) + 1) : f->source_port;
	udp->dst_port = p->rtcp ? f->destination_rtcp_port : f->destination_port;
	udp->dgram_len = rte_cpu_to_be_16(length);
	udp->dgram_cksum = 0;
}

/* IPv4 may leave the UDP checksum out; IPv6 may not (RFC 8200 §8.1). A partial one that came in
 * is never carried on. */
static bool rewrite(struct passage *p, const struct nexthop *hop)
{
	const struct flow *f = p->flow;
	bool v6 = f->flags & FLOW_IPV6;
	uint16_t ip_size = v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint16_t headers =
		(uint16_t)(sizeof(struct rte_ether_hdr) + ip_size + sizeof(struct rte_udp_hdr));
	uint16_t udp_length = (uint16_t)(p->size + sizeof(struct rte_udp_hdr));
	uint8_t *start = make_room(p->m, headers), *ip;
	struct rte_udp_hdr *udp;
	rte_be16_t type = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);

	if (!start)
		return false;
	nexthop_write_ether(hop, start);
	memcpy(start + offsetof(struct rte_ether_hdr, ether_type), &type, sizeof(type));
	ip = start + sizeof(struct rte_ether_hdr);
	udp = (struct rte_udp_hdr *)(ip + ip_size);
	write_udp(p, udp, udp_length);
	if (v6) {
		write_ipv6(p, (struct rte_ipv6_hdr *)ip, udp_length);
		udp->dgram_cksum = rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)ip, udp);
	} else {
		write_ipv4(p, (struct rte_ipv4_hdr *)ip, udp_length);
	}
	/* who owns the buffer is no affair of the packet's */
	p->m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | observe_mark_flag;
	p->m->port = hop->port;
	return true;
}

static bool nexthop_is_ready(const struct nexthop *nexthop)
{
	struct nexthop *hop = (struct nexthop *)(uintptr_t)nexthop;

	if (likely(atomic_load_explicit(&hop->state, memory_order_acquire) == NEXTHOP_REACHABLE))
		return true;
	atomic_store_explicit(&hop->wanted, 1, memory_order_relaxed);
	return false;
}

/* It was taken, and goes no further. */
static uint8_t stop(struct passage *p, enum dp_drop_reason reason)
{
	if (!p->rtcp)
		p->counters->not_forwarded++;
	return drop(p, reason);
}

static uint8_t send_on(struct passage *p)
{
	const struct flow *f = p->flow;
	const struct nexthop *hop;

	if (!(f->flags & FLOW_HAS_PEER))
		return stop(p, DP_DROP_NO_PEER);
	/* RTCP goes on while a call is held (RFC 3264 §8.4). */
	if (!p->rtcp && !(f->flags & FLOW_PEER_SENDS))
		return stop(p, DP_DROP_PEER_DIRECTION);
	hop = p->rtcp ? f->nexthop_rtcp : f->nexthop;
	if (!hop)
		return stop(p, DP_DROP_NO_REMOTE);
	if (!nexthop_is_ready(hop))
		return stop(p, DP_DROP_NO_NEIGHBOUR);
	if (!rewrite(p, hop))
		return stop(p, DP_DROP_NO_BUFFER);
	if (p->rtcp)
		p->counters->rtcp_forwarded++;
	return TO_TX;
}

static uint8_t foreign(struct passage *p)
{
	p->counters->foreign++;
	return drop(p, DP_DROP_FOREIGN_SOURCE);
}

static uint8_t relay_rtcp(struct passage *p)
{
	if (!rtcp_is_valid(p->payload, p->size))
		return drop(p, DP_DROP_BAD_RTCP);
	if (!source_is_ours(p))
		return foreign(p);
	p->counters->rtcp_packets++;
	return send_on(p);
}

static uint8_t relay_rtp(struct passage *p)
{
	struct dp_termination_counters *c = p->counters;
	const struct rtp_clock clock = {
		.now = (uint32_t)(p->context->now_us * p->flow->clock_rate / 1000000),
		.rate = p->flow->clock_rate,
		.telephone_event = p->flow->telephone_event,
	};

	if (!rtp_is_valid(p->payload, p->size))
		return drop(p, DP_DROP_NOT_RTP);
	/* before the source: what is not taken must not be learnt from */
	if (!(p->flow->flags & FLOW_TAKE))
		return drop(p, DP_DROP_DIRECTION);
	if (!source_is_ours(p))
		return foreign(p);
	rtp_count(c, p->payload, p->size, &clock);
	c->last_packet_ms = p->context->now_ms;
	return send_on(p);
}

static uint8_t relay(struct graph_context *context, struct rte_mbuf *m, const struct flow *flow)
{
	struct passage p = { .context = context, .m = m, .flow = flow };
	const struct rte_udp_hdr *udp = udp_of(&p);
	bool rtcp_port = rte_be_to_cpu_16(udp->dst_port) & 1;

	if (unlikely(!flow))
		return drop(&p, DP_DROP_NO_FLOW);
	p.counters = &context->flows.counters[flow->termination];
	p.payload = (const uint8_t *)(udp + 1);
	p.size = (uint16_t)(m->data_len - m->l2_len - m->l3_len - sizeof(*udp));
	switch (rtp_kind(p.payload, p.size)) {
	case RTP_KIND_RTP:
		return rtcp_port ? drop(&p, DP_DROP_BAD_RTCP) : relay_rtp(&p);
	case RTP_KIND_RTCP:
		if (!rtcp_port && !(flow->flags & FLOW_RTCP_MUX))
			return drop(&p, DP_DROP_NOT_RTP);
		p.rtcp = true;
		return relay_rtcp(&p);
	default:
		return drop(&p, DP_DROP_NOT_RTP);
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
	const struct dp_termination_counters *c;

	if (!flow)
		return;
	c = &flows->counters[flow->termination];
	rte_prefetch0(c);
}

static uint16_t relay_process(struct rte_graph *graph, struct rte_node *node, void **objs,
			      uint16_t n)
{
	struct graph_context *c = node_context(node);
	struct rte_mbuf **packets = (struct rte_mbuf **)objs;
	const struct flow *flows[GRAPH_BURST];
	uint8_t edges[GRAPH_BURST];
	uint64_t began = rte_rdtsc();

	/* Not all flows at once: that is more than the core fetches side by side, and the counters,
	 * which are found through them, would wait behind the last. */
	for (uint16_t i = 0; i < n; i++) {
		flows[i] = flow_lookup(&c->flows, packets[i]->hash.usr);
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
	}
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
			[TO_GIVE] = "tandem-give" },
};
RTE_NODE_REGISTER(relay_node);
