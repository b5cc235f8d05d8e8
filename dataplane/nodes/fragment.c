/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fragment: cuts what relay sends and what is larger than the MTU of its way out, and sends the
 * pieces (RFC 791 §3.2, RFC 8200 §4.5). Each piece is a buffer of its own, so that any driver takes
 * it. It sends by itself: more pieces than a walk has packets would not fit the stream of tx.
 */
#include <rte_ethdev.h>
#include <rte_ip.h>

#include "dataplane/nodes/graph.h"
#include "dataplane/nodes/observe.h"

enum { TO_DROP, EDGES };

#define PIECES_MAX 32u

/* A packet in pieces. */
struct cut {
	const struct rte_mbuf *m;
	uint16_t headers; /* Ethernet and IP, as they lie in m */
	uint16_t extra;   /* bytes of a fragment header: IPv6 */
	uint16_t unit;    /* payload of each piece but the last, a multiple of 8 */
	uint16_t payload; /* to be cut */
	uint16_t count;   /* pieces */
	uint32_t id;
};

/* False: there is no way to cut it. */
static bool measure(struct graph_context *c, const struct rte_mbuf *m, struct cut *cut)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len);
	uint16_t extra = ip[0] >> 4 == 6 ? sizeof(struct rte_ipv6_fragment_ext) : 0;
	uint16_t room = (uint16_t)(m->l3_len + extra);

	*cut = (struct cut){ .m = m,
			     .headers = (uint16_t)(m->l2_len + m->l3_len),
			     .extra = extra,
			     .id = c->fragment_id++ };
	if (m->tso_segsz < room + 8 || !c->config.pool)
		return false;
	cut->unit = (uint16_t)((m->tso_segsz - room) & ~7);
	cut->payload = (uint16_t)(m->data_len - cut->headers);
	cut->count = (uint16_t)((cut->payload + cut->unit - 1) / cut->unit);
	return cut->count <= PIECES_MAX;
}

static void finish_ipv4(const struct cut *cut, struct rte_ipv4_hdr *ip, uint16_t offset,
			uint16_t size, bool last)
{
	ip->total_length = rte_cpu_to_be_16((uint16_t)(cut->m->l3_len + size));
	ip->packet_id = rte_cpu_to_be_16((uint16_t)cut->id);
	ip->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(offset / 8 | (last ? 0 : RTE_IPV4_HDR_MF_FLAG)));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void finish_ipv6(const struct cut *cut, struct rte_ipv6_hdr *ip, uint16_t offset,
			uint16_t size, bool last)
{
	struct rte_ipv6_fragment_ext *fragment = (struct rte_ipv6_fragment_ext *)(ip + 1);

	*fragment = (struct rte_ipv6_fragment_ext){
		.next_header = ip->proto,
		.frag_data = rte_cpu_to_be_16(RTE_IPV6_SET_FRAG_DATA(offset, last ? 0 : 1)),
		.id = rte_cpu_to_be_32(cut->id),
	};
	ip->proto = IPPROTO_FRAGMENT;
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(sizeof(*fragment) + size));
}

static bool write_piece(const struct cut *cut, struct rte_mbuf *piece, uint16_t offset)
{
	const uint8_t *from = rte_pktmbuf_mtod(cut->m, const uint8_t *);
	uint16_t left = (uint16_t)(cut->payload - offset), size = RTE_MIN(left, cut->unit);
	uint8_t *to =
		(uint8_t *)rte_pktmbuf_append(piece, (uint16_t)(cut->headers + cut->extra + size));
	bool last = size == left;

	if (!to)
		return false;
	memcpy(to, from, cut->headers);
	memcpy(to + cut->headers + cut->extra, from + cut->headers + offset, size);
	if (cut->extra)
		finish_ipv6(cut, (struct rte_ipv6_hdr *)(to + cut->m->l2_len), offset, size, last);
	else
		finish_ipv4(cut, (struct rte_ipv4_hdr *)(to + cut->m->l2_len), offset, size, last);
	piece->port = cut->m->port;
	return true;
}

/* A port computes the checksum of what it sends, and that would be a piece. */
static void complete_checksum(struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, m->l2_len);
	struct rte_udp_hdr *udp =
		rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, m->l2_len + m->l3_len);

	if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != RTE_MBUF_F_TX_UDP_CKSUM)
		return;
	udp->dgram_cksum = 0;
	if (ip->vtc_flow & rte_cpu_to_be_32(2u << 28)) /* version 6, not 4 */
		udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
}

static bool cut(struct graph_context *c, struct rte_mbuf *m, enum dp_drop_reason *reason)
{
	struct rte_mbuf *pieces[PIECES_MAX];
	struct cut how;

	*reason = DP_DROP_TOO_BIG;
	if (!measure(c, m, &how))
		return false;
	*reason = DP_DROP_NO_BUFFER;
	if (rte_pktmbuf_alloc_bulk(c->config.pool, pieces, how.count) != 0)
		return false;
	complete_checksum(m);
	for (uint16_t i = 0; i < how.count; i++) {
		observe_piece(c, m, pieces[i], i == 0);
		if (write_piece(&how, pieces[i], (uint16_t)(i * how.unit)))
			continue;
		rte_pktmbuf_free_bulk(pieces, how.count);
		return false;
	}
	observe_packets(c, OBSERVE_TX, (void **)pieces, how.count, NULL);
	graph_transmit(c, m->port, (void **)pieces, how.count);
	rte_pktmbuf_free(m);
	return true;
}

static uint16_t fragment_process(struct rte_graph *graph, struct rte_node *node, void **objs,
				 uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		enum dp_drop_reason reason;

		if (cut(c, objs[i], &reason))
			continue;
		set_drop(objs[i], reason);
		rte_node_enqueue_x1(graph, node, TO_DROP, objs[i]);
	}
	node_count(c, NODE_FRAGMENT, n, began);
	return n;
}

static struct rte_node_register fragment_node = {
	.name = "tandem-fragment",
	.process = fragment_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_DROP] = "tandem-drop" },
};
RTE_NODE_REGISTER(fragment_node);
