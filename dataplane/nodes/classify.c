/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * classify: Ethernet, VLAN tags, IP and UDP as far as needed to tell media from the rest. Media
 * goes to relay with its slot; what is not for a media port goes to the kernel.
 *
 * The headers of what is punted are not judged here: the kernel does that.
 */
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/nodes/graph.h"

/* Distances of prefetches, in packets (pktgen_tests/bench/relay_cycles.c). */
#define AHEAD           24u
#define FLOW_BEHIND     20u
#define COUNTERS_BEHIND 40u

enum { TO_RELAY, TO_PUNT, TO_DROP, TO_REASSEMBLE, EDGES };

/* A frame with what was found out about it so far. */
struct frame {
	const struct graph_context *context;
	struct rte_mbuf *m;
	const uint8_t *start;
	uint16_t size;    /* of the frame */
	uint16_t l2, l3;  /* of these headers */
	uint32_t arrival; /* address_arrival() */
};

static uint8_t drop(struct rte_mbuf *m, enum dp_drop_reason reason)
{
	set_drop(m, reason);
	return TO_DROP;
}

/* The UDP header lies at l2 + l3; `size` bytes of IP payload are there. */
static inline uint8_t classify_udp(const struct frame *f, const struct media_address *to,
				   uint16_t size)
{
	const uint16_t headers = (uint16_t)(f->l2 + f->l3);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(f->start + headers);
	uint16_t port, length;
	uint32_t slot;

	if (unlikely(size < sizeof(*udp)))
		return drop(f->m, DP_DROP_MALFORMED_UDP);
	port = rte_be_to_cpu_16(udp->dst_port);
	if (port < to->port_first || port > to->port_last)
		return TO_PUNT;
	if (unlikely(!address_takes(to, f->arrival)))
		return drop(f->m, DP_DROP_WRONG_REALM);
	length = rte_be_to_cpu_16(udp->dgram_len);
	/* Port 0 is no source: nothing could be sent there. */
	if (unlikely(length < sizeof(*udp) || length > size || udp->src_port == 0))
		return drop(f->m, DP_DROP_MALFORMED_UDP);
	/* Short frames are padded by the link; what is behind UDP is not ours. */
	f->m->data_len = (uint16_t)(headers + length);
	f->m->pkt_len = f->m->data_len;
	slot = to->first_slot + port / 2;
	set_media(f->m, slot, f->l2, f->l3);
	rte_prefetch0(&f->context->flows.slots[slot]);
	return TO_RELAY;
}

/* Whose realm is another may still be talking to the kernel, which then sees what it is. */
static __rte_noinline uint8_t take_fragment(const struct frame *f, const struct media_address *to)
{
	if (!address_takes(to, f->arrival))
		return TO_PUNT;
	f->m->l2_len = f->l2;
	f->m->l3_len = f->l3;
	return TO_REASSEMBLE;
}

/* Of a header that must add up to 0 in one's complement (RFC 1071 §1). */
static inline bool ipv4_adds_up(const uint8_t *ip, unsigned size)
{
	uint64_t sum = 0;
	uint32_t word;

	for (unsigned i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, ip + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ((sum + (sum >> 16)) & 0xffff) == 0xffff;
}

static inline uint8_t classify_ipv4(struct frame *f)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(f->start + f->l2);
	uint16_t room = (uint16_t)(f->size - f->l2), total;
	const struct media_address *to;

	if (unlikely(room < sizeof(*ip)))
		return drop(f->m, DP_DROP_MALFORMED_IP);
	to = address_find(&f->context->addresses, DP_FAMILY_IPV4, (const uint8_t *)&ip->dst_addr);
	if (!to || ip->next_proto_id != IPPROTO_UDP)
		return TO_PUNT;
	total = rte_be_to_cpu_16(ip->total_length);
	f->l3 = (uint16_t)((ip->version_ihl & 0x0f) * 4);
	if (unlikely((ip->version_ihl >> 4) != 4 || f->l3 < sizeof(*ip) || total < f->l3 ||
		     total > room || ip->time_to_live == 0))
		return drop(f->m, DP_DROP_MALFORMED_IP);
	/* the usual length as a constant: the loop is gone then */
	if (unlikely(!(f->l3 == sizeof(*ip) ? ipv4_adds_up((const uint8_t *)ip, sizeof(*ip))
					    : ipv4_adds_up((const uint8_t *)ip, f->l3))))
		return drop(f->m, DP_DROP_MALFORMED_IP);
	if (unlikely(ip->fragment_offset &
		     rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		return take_fragment(f, to);
	return classify_udp(f, to, (uint16_t)(total - f->l3));
}

/* A fragment of UDP; those of anything else are the kernel's, which puts them together itself. */
static bool is_udp_fragment(const struct rte_ipv6_hdr *ip, uint16_t room)
{
	const struct rte_ipv6_fragment_ext *fragment =
		(const struct rte_ipv6_fragment_ext *)(ip + 1);

	return ip->proto == IPPROTO_FRAGMENT && room >= sizeof(*ip) + sizeof(*fragment) &&
	       fragment->next_header == IPPROTO_UDP;
}

/* Other extension headers before UDP are nothing that a phone sends: the kernel has them. */
static inline uint8_t classify_ipv6(struct frame *f)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(f->start + f->l2);
	uint16_t room = (uint16_t)(f->size - f->l2), payload;
	const struct media_address *to;

	if (unlikely(room < sizeof(*ip)))
		return drop(f->m, DP_DROP_MALFORMED_IP);
	to = address_find(&f->context->addresses, DP_FAMILY_IPV6, ip->dst_addr);
	if (!to || (ip->proto != IPPROTO_UDP && !is_udp_fragment(ip, room)))
		return TO_PUNT;
	f->l3 = sizeof(*ip);
	payload = rte_be_to_cpu_16(ip->payload_len);
	if (unlikely((rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6 || payload > room - sizeof(*ip) ||
		     ip->hop_limits == 0))
		return drop(f->m, DP_DROP_MALFORMED_IP);
	if (unlikely(ip->proto != IPPROTO_UDP))
		return take_fragment(f, to);
	return classify_udp(f, to, payload);
}

static bool is_tag(rte_be16_t type)
{
	return type == RTE_BE16(RTE_ETHER_TYPE_VLAN) || type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

/* One tag or two (IEEE 802.1Q clause 9): in the frame, or taken off by the driver, or one each.
 * The type behind them; false: the frame ends before it. */
static __rte_noinline bool take_tags(struct frame *f, rte_be16_t *type)
{
	uint16_t id[3]; /* outer first */
	unsigned count = 0;

	if (f->m->ol_flags & RTE_MBUF_F_RX_QINQ_STRIPPED)
		id[count++] = f->m->vlan_tci_outer;
	if (f->m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		id[count++] = f->m->vlan_tci;
	while (is_tag(*type) && count < 2) {
		if (f->size < f->l2 + sizeof(struct rte_vlan_hdr))
			return false;
		id[count++] = (uint16_t)(f->start[f->l2] << 8 | f->start[f->l2 + 1]);
		memcpy(type, f->start + f->l2 + 2, sizeof(*type));
		f->l2 = (uint16_t)(f->l2 + sizeof(struct rte_vlan_hdr));
	}
	if (count > 0)
		f->arrival = address_arrival(f->m->port, count == 2 ? id[0] : 0, id[count - 1]);
	return true;
}

static inline uint8_t classify(const struct graph_context *c, struct rte_mbuf *m)
{
	struct frame f = { .context = c,
			   .m = m,
			   .start = rte_pktmbuf_mtod(m, const uint8_t *),
			   .size = m->data_len,
			   .l2 = sizeof(struct rte_ether_hdr),
			   .arrival = address_arrival(m->port, 0, 0) };
	rte_be16_t type;

	if (unlikely(m->nb_segs != 1 || f.size < sizeof(struct rte_ether_hdr)))
		return drop(m, DP_DROP_MALFORMED_L2);
	memcpy(&type, f.start + offsetof(struct rte_ether_hdr, ether_type), sizeof(type));
	if (unlikely(is_tag(type) ||
		     (m->ol_flags & (RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED))) &&
	    !take_tags(&f, &type))
		return drop(m, DP_DROP_MALFORMED_L2);
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		return classify_ipv4(&f);
	if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return classify_ipv6(&f);
	return TO_PUNT;
}

/*
 * What relay will need is fetched here, while there is work to do meanwhile: the slot as soon as
 * it is known, the flow that it points to some packets later, and later still the counters that
 * the flow names. The last ones of a burst are left to relay.
 */
static inline void fetch_flow(const struct graph_context *c, const struct rte_mbuf *m)
{
	rte_prefetch0(flow_lookup(&c->flows, media_slot(m)));
}

static inline void fetch_counters(const struct graph_context *c, const struct rte_mbuf *m)
{
	const struct flow *flow = flow_lookup(&c->flows, media_slot(m));

	if (likely(flow != NULL))
		rte_prefetch0(&c->flows.counters[flow->termination]);
}

static uint16_t classify_process(struct rte_graph *graph, struct rte_node *node, void **objs,
				 uint16_t n)
{
	struct graph_context *c = node_context(node);
	struct rte_mbuf **packets = (struct rte_mbuf **)objs;
	uint8_t edges[GRAPH_BURST], others = 0;
	uint64_t began = rte_rdtsc();

	for (uint16_t i = 0; i < n && i < AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(packets[i + AHEAD], void *));
		edges[i] = classify(c, packets[i]);
		others |= edges[i];
		if (i >= FLOW_BEHIND && edges[i - FLOW_BEHIND] == TO_RELAY)
			fetch_flow(c, packets[i - FLOW_BEHIND]);
		if (i >= COUNTERS_BEHIND && edges[i - COUNTERS_BEHIND] == TO_RELAY)
			fetch_counters(c, packets[i - COUNTERS_BEHIND]);
	}
	if (likely(others == TO_RELAY))
		rte_node_next_stream_move(graph, node, TO_RELAY);
	else
		node_dispatch(graph, node, objs, edges, n);
	node_count(c, NODE_CLASSIFY, n, began);
	return n;
}

static struct rte_node_register classify_node = {
	.name = "tandem-classify",
	.process = classify_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_RELAY] = "tandem-relay",
			[TO_PUNT] = "tandem-punt",
			[TO_DROP] = "tandem-drop",
			[TO_REASSEMBLE] = "tandem-reassemble" },
};
RTE_NODE_REGISTER(classify_node);
