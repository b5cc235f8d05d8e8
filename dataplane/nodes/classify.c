/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * classify: Ethernet, IP and UDP as far as needed to tell media from the rest. Media goes to
 * relay with its slot; what is not for a media port goes to the kernel.
 *
 * The headers of what is punted are not judged here: the kernel does that.
 */
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/nodes/graph.h"

enum { TO_RELAY, TO_PUNT, TO_DROP, EDGES };

static uint8_t drop(struct rte_mbuf *m, enum dp_drop_reason reason)
{
	set_drop(m, reason);
	return TO_DROP;
}

static int pool_find(const struct flow_lookup *flows, uint8_t family, const void *ip, size_t size)
{
	for (unsigned i = 0; i < flows->pool_count; i++)
		if (flows->pools[i].address.family == family &&
		    memcmp(flows->pools[i].address.ip, ip, size) == 0)
			return (int)i;
	return -1;
}

/* The UDP header lies at l2_len + l3_len; `size` bytes of IP payload are there. */
static uint8_t classify_udp(const struct flow_lookup *flows, struct rte_mbuf *m, unsigned pool,
			    uint16_t size)
{
	const struct rte_udp_hdr *udp;
	uint16_t port, length, headers = (uint16_t)(m->l2_len + m->l3_len);

	if (size < sizeof(*udp))
		return drop(m, DP_DROP_MALFORMED_UDP);
	udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, headers);
	port = rte_be_to_cpu_16(udp->dst_port);
	if (port < flows->pools[pool].port_first || port > flows->pools[pool].port_last)
		return TO_PUNT;
	length = rte_be_to_cpu_16(udp->dgram_len);
	/* Port 0 is no source: nothing could be sent there. */
	if (length < sizeof(*udp) || length > size || udp->src_port == 0)
		return drop(m, DP_DROP_MALFORMED_UDP);
	/* Short frames are padded by the link; what is behind UDP is not ours. */
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - headers - length));
	m->hash.usr = pool * FLOW_SLOTS_PER_ADDRESS + port / 2;
	rte_prefetch0(&flows->slots[m->hash.usr]);
	return TO_RELAY;
}

static uint8_t classify_ipv4(const struct flow_lookup *flows, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
	uint16_t room = (uint16_t)(m->data_len - m->l2_len), total;
	int pool;

	if (room < sizeof(*ip))
		return drop(m, DP_DROP_MALFORMED_IP);
	pool = pool_find(flows, DP_FAMILY_IPV4, &ip->dst_addr, 4);
	if (pool < 0 || ip->next_proto_id != IPPROTO_UDP)
		return TO_PUNT;
	m->l3_len = rte_ipv4_hdr_len(ip) & 0x3f;
	total = rte_be_to_cpu_16(ip->total_length);
	if ((ip->version_ihl >> 4) != 4 || m->l3_len < sizeof(*ip) || total < m->l3_len ||
	    total > room || ip->time_to_live == 0 ||
	    (rte_raw_cksum(ip, m->l3_len) & 0xffff) != 0xffff)
		return drop(m, DP_DROP_MALFORMED_IP);
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
		return drop(m, DP_DROP_FRAGMENT);
	return classify_udp(flows, m, (unsigned)pool, (uint16_t)(total - m->l3_len));
}

/* Extension headers before UDP are nothing that a phone sends: the kernel has them. */
static uint8_t classify_ipv6(const struct flow_lookup *flows, struct rte_mbuf *m)
{
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, m->l2_len);
	uint16_t room = (uint16_t)(m->data_len - m->l2_len), payload;
	int pool;

	if (room < sizeof(*ip))
		return drop(m, DP_DROP_MALFORMED_IP);
	pool = pool_find(flows, DP_FAMILY_IPV6, ip->dst_addr, 16);
	if (pool < 0 || ip->proto != IPPROTO_UDP)
		return TO_PUNT;
	m->l3_len = sizeof(*ip);
	payload = rte_be_to_cpu_16(ip->payload_len);
	if ((rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6 || payload > room - sizeof(*ip) ||
	    ip->hop_limits == 0)
		return drop(m, DP_DROP_MALFORMED_IP);
	return classify_udp(flows, m, (unsigned)pool, payload);
}

static uint8_t classify(const struct flow_lookup *flows, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	rte_be16_t type;

	if (m->nb_segs != 1 || m->data_len < sizeof(*ether))
		return drop(m, DP_DROP_MALFORMED_L2);
	type = ether->ether_type;
	m->l2_len = sizeof(*ether);
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN)) {
		const struct rte_vlan_hdr *vlan = (const struct rte_vlan_hdr *)(ether + 1);

		if (m->data_len < sizeof(*ether) + sizeof(*vlan))
			return drop(m, DP_DROP_MALFORMED_L2);
		m->l2_len += sizeof(*vlan);
		type = vlan->eth_proto;
	}
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return classify_ipv4(flows, m);
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		return classify_ipv6(flows, m);
	return TO_PUNT;
}

static uint16_t classify_process(struct rte_graph *graph, struct rte_node *node, void **objs,
				 uint16_t n)
{
	struct graph_context *c = node_context(node);
	struct rte_mbuf **packets = (struct rte_mbuf **)objs;
	uint8_t edges[GRAPH_BURST];
	uint64_t began = rte_rdtsc();

	for (uint16_t i = 0; i < n && i < 8; i++)
		rte_prefetch0(rte_pktmbuf_mtod(packets[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + 8 < n)
			rte_prefetch0(rte_pktmbuf_mtod(packets[i + 8], void *));
		edges[i] = classify(&c->flows, packets[i]);
	}
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
			[TO_DROP] = "tandem-drop" },
};
RTE_NODE_REGISTER(classify_node);
