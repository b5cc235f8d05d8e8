/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reassemble: fragments for media addresses. What has become whole enters the graph again at
 * classify, in one buffer. Fragments that never become whole are dropped as such: those of a
 * datagram that is not complete in time, overlaps (RFC 5722 for IPv6; IPv4 the same), comes in too
 * many pieces, or is larger than a jumbo frame.
 */
#include "dataplane/nodes/reassemble.h"

#include <errno.h>

#include <rte_ip.h>
#include <rte_ip_frag.h>
#include <rte_malloc.h>

#include "dataplane/nodes/observe.h"

enum { TO_CLASSIFY, EDGES };

#define BUCKETS        64u
#define BUCKET_ENTRIES 8u

struct reassembly {
	struct rte_ip_frag_tbl *table;
	uint32_t expired_ms; /* when the table was gone through last */
	struct rte_ip_frag_death_row dead;
};

int reassembly_create(int socket, struct reassembly **reassembly)
{
	const uint64_t cycles = rte_get_tsc_hz() / 1000 * REASSEMBLY_MS;
	struct reassembly *r = rte_zmalloc_socket("reassembly", sizeof(*r), 0, socket);

	if (!r)
		return -ENOMEM;
	r->table = rte_ip_frag_table_create(BUCKETS, BUCKET_ENTRIES, REASSEMBLY_DATAGRAMS, cycles,
					    socket);
	if (!r->table) {
		rte_free(r);
		return -ENOMEM;
	}
	*reassembly = r;
	return 0;
}

void reassembly_destroy(struct reassembly *r)
{
	if (!r)
		return;
	rte_ip_frag_table_destroy(r->table);
	rte_free(r);
}

/* What was put together already counts as the fragments that it came in. */
static void drop(struct graph_context *c, struct rte_mbuf **packets, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		set_drop(packets[i], DP_DROP_FRAGMENT);
		c->drops[DP_DROP_FRAGMENT] += packets[i]->nb_segs;
	}
	observe_packets(c, OBSERVE_DROP, (void **)packets, (uint16_t)n, NULL);
	rte_pktmbuf_free_bulk(packets, n);
}

/* A call of the library may leave a few datagrams there, and it holds no more than some. */
static void bury(struct graph_context *c)
{
	struct rte_ip_frag_death_row *dead = &c->reassembly->dead;

	if (likely(dead->cnt == 0))
		return;
	drop(c, dead->row, dead->cnt);
	dead->cnt = 0;
}

void reassembly_expire(struct graph_context *c)
{
	struct reassembly *r = c->reassembly;

	if (!r || r->expired_ms == c->now_ms)
		return;
	r->expired_ms = c->now_ms;
	rte_ip_frag_table_del_expired_entries(r->table, &r->dead, rte_rdtsc());
	bury(c);
}

/* The datagram as a chain of its fragments, or NULL: there is more to come, or it is dead. */
static struct rte_mbuf *collect(struct reassembly *r, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod_offset(m, uint8_t *, m->l2_len);

	if (p[0] >> 4 == 4)
		return rte_ipv4_frag_reassemble_packet(r->table, &r->dead, m, rte_rdtsc(),
						       (struct rte_ipv4_hdr *)p);
	m->l3_len = sizeof(struct rte_ipv6_hdr) + sizeof(struct rte_ipv6_fragment_ext);
	return rte_ipv6_frag_reassemble_packet(
		r->table, &r->dead, m, rte_rdtsc(), (struct rte_ipv6_hdr *)p,
		(struct rte_ipv6_fragment_ext *)(p + sizeof(struct rte_ipv6_hdr)));
}

/* Into one buffer, with all that travels with a packet from its port. */
static struct rte_mbuf *copy(const struct graph_context *c, struct rte_mbuf *chain)
{
	struct rte_mbuf *m = c->config.datagrams ? rte_pktmbuf_alloc(c->config.datagrams) : NULL;
	uint8_t *to;

	if (!m)
		return NULL;
	if (rte_pktmbuf_tailroom(m) < chain->pkt_len) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	to = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)chain->pkt_len);
	for (const struct rte_mbuf *s = chain; s; s = s->next) {
		memcpy(to, rte_pktmbuf_mtod(s, void *), s->data_len);
		to += s->data_len;
	}
	m->port = chain->port;
	m->vlan_tci = chain->vlan_tci;
	m->vlan_tci_outer = chain->vlan_tci_outer;
	m->ol_flags |= chain->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED |
					  RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED);
	return m;
}

/* NULL: it is too large, or there is no buffer; dropped. */
static struct rte_mbuf *straighten(struct graph_context *c, struct rte_mbuf *chain)
{
	struct rte_mbuf *m;

	/* What the checksums of the fragments were worth, the datagram's is not. */
	chain->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	if (rte_pktmbuf_linearize(chain) == 0)
		return chain;
	m = copy(c, chain);
	if (m)
		rte_pktmbuf_free(chain);
	else
		drop(c, &chain, 1);
	return m;
}

/* The library knows the checksum of an IPv4 header to be the port's affair. */
static void complete_header(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, m->l2_len);

	if (ip->version_ihl >> 4 != 4)
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
	m->ol_flags &= ~RTE_MBUF_F_TX_IP_CKSUM;
}

/* The only fragment of its datagram is taken by itself, whatever else has its identification
 * (RFC 6946 §4): without the fragment header it is a packet like others. */
static bool unwrap_atomic(struct rte_mbuf *m)
{
	const uint16_t size = sizeof(struct rte_ipv6_fragment_ext);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, m->l2_len);
	const struct rte_ipv6_fragment_ext *fragment =
		(const struct rte_ipv6_fragment_ext *)(ip + 1);
	uint8_t *start = rte_pktmbuf_mtod(m, uint8_t *);

	if (*(const uint8_t *)ip >> 4 != 6 ||
	    (fragment->frag_data & rte_cpu_to_be_16(0xfff8 | RTE_IPV6_EHDR_MF_MASK)) != 0)
		return false;
	ip->proto = fragment->next_header;
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->payload_len) - size));
	memmove(start + size, start, m->l2_len + sizeof(*ip));
	rte_pktmbuf_adj(m, size);
	return true;
}

static uint16_t reassemble_process(struct rte_graph *graph, struct rte_node *node, void **objs,
				   uint16_t n)
{
	struct graph_context *c = node_context(node);
	uint64_t began = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = objs[i];

		if (!c->reassembly) {
			drop(c, &m, 1);
			continue;
		}
		if (unwrap_atomic(m)) {
			rte_node_enqueue_x1(graph, node, TO_CLASSIFY, m);
			continue;
		}
		m = collect(c->reassembly, m);
		bury(c);
		if (!m)
			continue;
		complete_header(m);
		m = straighten(c, m);
		if (m)
			rte_node_enqueue_x1(graph, node, TO_CLASSIFY, m);
	}
	node_count(c, NODE_REASSEMBLE, n, began);
	return n;
}

static struct rte_node_register reassemble_node = {
	.name = "tandem-reassemble",
	.process = reassemble_process,
	.nb_edges = EDGES,
	.next_nodes = { [TO_CLASSIFY] = "tandem-classify" },
};
RTE_NODE_REGISTER(reassemble_node);
