/* SPDX-License-Identifier: BSD-3-Clause */
/* IP fragments on their way in, and packets that are larger than the MTU on their way out. */
#include <criterion/criterion.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/nodes/reassemble.h"
#include "dataplane/nodes/tests/fixture.h"

#define LARGE  3000u /* bytes of RTP */
#define L4     (LARGE + 8)
#define PIECES 64u

static uint8_t datagram[65536]; /* UDP */

static void fill(struct dp_address from, struct dp_address to, uint16_t size)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)datagram;

	for (unsigned i = 0; i < sizeof(datagram); i++)
		datagram[i] = (uint8_t)(i * 7 + i / 256);
	*udp = (struct rte_udp_hdr){ .src_port = rte_cpu_to_be_16(from.port),
				     .dst_port = rte_cpu_to_be_16(to.port),
				     .dgram_len = rte_cpu_to_be_16(size) };
	memcpy(udp + 1, rtp, 12);
}

static void set_up(void)
{
	set_up_workers(1);
}

TestSuite(fragments, .init = set_up, .fini = tear_down, .timeout = 60);

/* Bytes offset to offset + size of the datagram, as its own fragment. */
static struct rte_mbuf *piece(struct dp_address from, struct dp_address to, uint16_t id,
			      uint16_t offset, uint16_t size, bool more)
{
	struct rte_mbuf *m = udp_packet(from, to, "", 0);
	uint8_t *p;

	m->port = 0;
	if (from.family == DP_FAMILY_IPV4) {
		struct rte_ipv4_hdr *ip;

		rte_pktmbuf_trim(m, 8);
		p = (uint8_t *)rte_pktmbuf_append(m, size);
		ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
		ip->total_length = rte_cpu_to_be_16((uint16_t)(20 + size));
		ip->packet_id = rte_cpu_to_be_16(id);
		ip->fragment_offset =
			rte_cpu_to_be_16((uint16_t)(offset / 8 | (more ? 0x2000 : 0)));
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, 14);
		struct rte_ipv6_fragment_ext *f = (struct rte_ipv6_fragment_ext *)(ip + 1);

		p = (uint8_t *)rte_pktmbuf_append(m, size); /* the header takes UDP's 8 bytes */
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(8 + size));
		ip->proto = IPPROTO_FRAGMENT;
		*f = (struct rte_ipv6_fragment_ext){
			.next_header = IPPROTO_UDP,
			.frag_data = rte_cpu_to_be_16((uint16_t)(offset | (more ? 1 : 0))),
			.id = rte_cpu_to_be_32(id),
		};
	}
	memcpy(p, datagram + offset, size);
	return m;
}

static void put(struct rte_mbuf *m)
{
	cr_assert_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
}

/* Walks, and gives what left. */
static unsigned walk_all(struct rte_mbuf *out[PIECES])
{
	graph_walk(graph);
	return rte_eth_rx_burst(0, 0, out, PIECES);
}

static uint16_t ip_size(const struct rte_mbuf *m)
{
	return (uint16_t)(m->pkt_len - RTE_ETHER_HDR_LEN);
}

/* Puts the pieces together again, whatever their order, and frees them; the UDP datagram lies in
 * `to`. Each fits the MTU. */
static uint16_t join(struct rte_mbuf *const *out, unsigned n, uint8_t *to, struct rte_ipv6_hdr *v6)
{
	uint16_t total = 0, sum = 0;
	uint32_t id = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod_offset(out[i], const uint8_t *, 14);
		uint16_t offset, size, head = 20;
		uint32_t its;
		bool more;

		cr_assert_leq(ip_size(out[i]), hop.mtu);
		cr_assert_eq(out[i]->nb_segs, 1);
		cr_assert_eq(memcmp(rte_pktmbuf_mtod(out[i], void *), hop.ether, 12), 0);
		if (ip[0] >> 4 == 4) {
			uint16_t field = (uint16_t)(ip[6] << 8 | ip[7]);

			cr_assert_eq(rte_raw_cksum(ip, 20), 0xffff);
			cr_assert_eq(field & 0xc000, 0, "DF in a fragment");
			offset = (uint16_t)((field & 0x1fff) * 8);
			more = field & 0x2000;
			its = (uint32_t)(ip[4] << 8 | ip[5]);
			size = (uint16_t)((ip[2] << 8 | ip[3]) - 20);
		} else {
			const struct rte_ipv6_fragment_ext *f = (const void *)(ip + 40);
			uint16_t field = rte_be_to_cpu_16(f->frag_data);

			cr_assert_eq(ip[6], IPPROTO_FRAGMENT);
			cr_assert_eq(f->next_header, IPPROTO_UDP);
			memcpy(v6, ip, sizeof(*v6));
			offset = field & 0xfff8;
			more = field & 1;
			its = f->id;
			head = 48;
			size = (uint16_t)((ip[4] << 8 | ip[5]) - 8);
		}
		cr_assert(i == 0 || its == id);
		id = its;
		cr_assert_eq(head + size, ip_size(out[i]));
		cr_assert(!more || size % 8 == 0);
		memcpy(to + offset, ip + head, size);
		sum = (uint16_t)(sum + size);
		if (!more)
			total = (uint16_t)(offset + size);
		rte_pktmbuf_free(out[i]);
	}
	cr_assert_eq(sum, total);
	return total;
}

static void expect_dropped(uint64_t fragments)
{
	struct rte_mbuf *out[PIECES];

	cr_assert_eq(walk_all(out), 0);
	cr_assert_eq(stats.drops[DP_DROP_FRAGMENT], fragments);
}

/* Time goes on until the fragments that are left are given up. */
static void expect_expiry(uint64_t fragments)
{
	const uint64_t patience = rte_rdtsc() + 10 * rte_get_tsc_hz();

	while (stats.drops[DP_DROP_FRAGMENT] < fragments && rte_rdtsc() < patience) {
		header.clock_ms++;
		graph_walk(graph);
	}
	cr_assert_eq(stats.drops[DP_DROP_FRAGMENT], fragments);
}

static void ipv6_call(void)
{
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv6(101, 4000), DP_SOURCE_LEARN);
	add_termination(context, 1, ipv6(102, 4000), DP_SOURCE_LEARN);
}

/* In, put together, relayed, and cut again. */
static void relay_large(struct dp_address from)
{
	const unsigned order[] = { 2, 0, 1 };
	struct rte_mbuf *out[PIECES];
	static uint8_t got[65536];
	struct rte_ipv6_hdr v6 = { 0 };
	unsigned n;

	fill(from, local[0], L4);
	for (unsigned i = 0; i < 3; i++) {
		uint16_t offset = (uint16_t)(order[i] * 1400);

		put(piece(from, local[0], 7, offset, (uint16_t)RTE_MIN(1400u, L4 - offset),
			  order[i] != 2));
	}
	n = walk_all(out);
	cr_assert_eq(n, 3);
	cr_assert_eq(counters[side[0].index].packets, 1);
	cr_assert_eq(join(out, n, got, &v6), L4);
	cr_assert_eq(memcmp(got + 8, datagram + 8, LARGE), 0);
	cr_assert_eq(got[0] << 8 | got[1], local[1].port);
	cr_assert_eq(got[2] << 8 | got[3], 4000);
	if (from.family == DP_FAMILY_IPV6) {
		v6.proto = IPPROTO_UDP;
		v6.payload_len = rte_cpu_to_be_16(L4);
		cr_assert_eq(rte_ipv6_udptcp_cksum_verify(&v6, got), 0);
	}
	cr_assert_eq(stats.drops[DP_DROP_FRAGMENT], 0);
}

Test(fragments, of_media_are_put_together_relayed_and_cut_again)
{
	a_call(DP_SOURCE_LEARN);
	relay_large(ipv4(101, 4000));
}

Test(fragments, of_media_over_ipv6_too)
{
	ipv6_call();
	relay_large(ipv6(101, 4000));
}

/* RFC 6946: also while fragments of another datagram with the same identification wait. */
Test(fragments, that_are_alone_in_their_ipv6_datagram_are_relayed_at_once)
{
	struct rte_mbuf *out[PIECES];

	ipv6_call();
	fill(ipv6(101, 4000), local[0], 180);
	put(piece(ipv6(101, 4000), local[0], 7, 0, 80, true));
	put(piece(ipv6(101, 4000), local[0], 7, 0, 180, false));
	cr_assert_eq(walk_all(out), 1);
	cr_assert_eq(out[0]->pkt_len, 14 + 40 + 180);
	cr_assert_eq(
		memcmp(rte_pktmbuf_mtod_offset(out[0], uint8_t *, 14 + 40 + 8), datagram + 8, 172),
		0);
	cr_assert_eq(counters[side[0].index].packets, 1);
	rte_pktmbuf_free(out[0]);
	expect_expiry(1);
}

Test(fragments, larger_than_a_buffer_of_the_port_become_one_buffer)
{
	struct rte_mbuf *out[PIECES];

	a_call(DP_SOURCE_LEARN);
	hop.mtu = 9216;
	fill(ipv4(101, 4000), local[0], 8 * 1144);
	for (unsigned i = 0; i < 8; i++)
		put(piece(ipv4(101, 4000), local[0], 7, (uint16_t)(i * 1144), 1144, i != 7));
	cr_assert_eq(walk_all(out), 1);
	cr_assert_eq(out[0]->nb_segs, 1);
	cr_assert_eq(out[0]->pkt_len, 14 + 20 + 8 * 1144);
	cr_assert_eq(
		memcmp(rte_pktmbuf_mtod_offset(out[0], uint8_t *, 42), datagram + 8, 8 * 1144 - 8),
		0);
	rte_pktmbuf_free(out[0]);
}

Test(fragments, of_more_than_a_jumbo_frame_are_dropped)
{
	a_call(DP_SOURCE_LEARN);
	fill(ipv4(101, 4000), local[0], 8 * 1400);
	for (unsigned i = 0; i < 8; i++)
		put(piece(ipv4(101, 4000), local[0], 7, (uint16_t)(i * 1400), 1400, i != 7));
	expect_dropped(8);
}

Test(fragments, of_no_media_port_go_to_the_kernel_as_a_whole)
{
	struct dp_address to = ipv4(20, 5060);
	struct rte_mbuf *out[PIECES], *m;

	fill(ipv4(101, 4000), to, L4);
	put(piece(ipv4(101, 4000), to, 7, 0, 1400, true));
	put(piece(ipv4(101, 4000), to, 7, 1400, 1400, true));
	put(piece(ipv4(101, 4000), to, 7, 2800, L4 - 2800, false));
	cr_assert_eq(walk_all(out), 0);
	cr_assert_eq(rte_ring_dequeue(punt, (void **)&m), 0);
	cr_assert_eq(m->nb_segs, 1);
	cr_assert_eq(m->pkt_len, 14 + 20 + L4);
	cr_assert_eq(m->port, 0);
	cr_assert_eq(memcmp(rte_pktmbuf_mtod_offset(m, uint8_t *, 34), datagram, L4), 0);
	cr_assert_eq(rte_raw_cksum(rte_pktmbuf_mtod_offset(m, uint8_t *, 14), 20), 0xffff);
	rte_pktmbuf_free(m);
}

Test(fragments, of_other_addresses_go_to_the_kernel_as_they_are)
{
	struct dp_address to[] = { ipv4(10, 5060), ipv6(10, 5060) };
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 2; i++) {
		struct dp_address from = i ? ipv6(101, 4000) : ipv4(101, 4000);

		fill(from, to[i], L4);
		put(piece(from, to[i], 7, 0, 1400, true));
		graph_walk(graph);
		cr_assert_eq(rte_ring_dequeue(punt, (void **)&m), 0);
		cr_assert_eq(m->pkt_len, 14u + (i ? 48 : 20) + 1400);
		rte_pktmbuf_free(m);
	}
}

Test(fragments, that_overlap_are_dropped)
{
	a_call(DP_SOURCE_LEARN);
	fill(ipv4(101, 4000), local[0], 2000);
	put(piece(ipv4(101, 4000), local[0], 7, 0, 1200, true));
	put(piece(ipv4(101, 4000), local[0], 7, 1000, 1000, false));
	expect_dropped(2);
	ipv6_call();
	fill(ipv6(101, 4000), local[0], 2000);
	put(piece(ipv6(101, 4000), local[0], 7, 0, 1200, true));
	put(piece(ipv6(101, 4000), local[0], 7, 1000, 1000, false));
	expect_dropped(4);
	/* of the right length all told, but with a hole that the overlap hides */
	put(piece(ipv6(101, 4000), local[0], 8, 0, 800, true));
	put(piece(ipv6(101, 4000), local[0], 8, 400, 400, true));
	put(piece(ipv6(101, 4000), local[0], 8, 1200, 800, false));
	graph_walk(graph);
	cr_assert_eq(counters[side[0].index].packets, 0);
	expect_expiry(7);
}

Test(fragments, that_come_twice_are_dropped_and_nothing_is_taken_twice)
{
	a_call(DP_SOURCE_LEARN);
	fill(ipv4(101, 4000), local[0], 2000);
	put(piece(ipv4(101, 4000), local[0], 7, 0, 1000, true));
	put(piece(ipv4(101, 4000), local[0], 7, 0, 1000, true));
	put(piece(ipv4(101, 4000), local[0], 7, 1000, 1000, false));
	graph_walk(graph);
	cr_assert_eq(counters[side[0].index].packets, 0);
	expect_expiry(3);
}

Test(fragments, that_never_end_are_given_up)
{
	a_call(DP_SOURCE_LEARN);
	fill(ipv4(101, 4000), local[0], 2000);
	put(piece(ipv4(101, 4000), local[0], 7, 0, 1000, true));
	put(piece(ipv4(101, 4000), local[0], 8, 1000, 1000, false));
	expect_dropped(0);
	expect_expiry(2);
}

Test(fragments, that_are_tiny_or_empty_fill_no_table)
{
	a_call(DP_SOURCE_LEARN);
	fill(ipv4(101, 4000), local[0], 2000);
	for (unsigned i = 0; i < 20; i++) /* more pieces than are taken */
		put(piece(ipv4(101, 4000), local[0], 7, (uint16_t)(i * 8), 8, true));
	put(piece(ipv4(101, 4000), local[0], 9, 800, 0, true));
	graph_walk(graph);
	cr_assert_geq(stats.drops[DP_DROP_FRAGMENT], 9);
	expect_expiry(21);
}

Test(fragments, of_more_datagrams_than_there_is_room_for_are_dropped)
{
	const unsigned many = REASSEMBLY_DATAGRAMS + 72;

	a_call(DP_SOURCE_LEARN);
	fill(ipv4(101, 4000), local[0], 2000);
	for (unsigned i = 0; i < many; i++) {
		put(piece(ipv4(101, 4000), local[0], (uint16_t)i, 0, 1000, true));
		graph_walk(graph);
	}
	cr_assert_geq(stats.drops[DP_DROP_FRAGMENT], 72);
	expect_expiry(many);
}

Test(fragments, a_packet_that_fits_is_not_cut)
{
	struct rte_mbuf *m;

	a_call(DP_SOURCE_LEARN);
	hop.mtu = 20 + 8 + sizeof(rtp);
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(m);
	cr_assert_eq(ip_size(m), hop.mtu);
	rte_pktmbuf_free(m);
	hop.mtu--;
	m = send_rtp(ipv4(101, 4000), 0);
	cr_assert_leq(ip_size(m), hop.mtu);
	rte_pktmbuf_free(m);
	rte_eth_rx_burst(0, 0, &m, 1);
	rte_pktmbuf_free(m);
}

Test(fragments, what_cannot_be_cut_is_too_big)
{
	a_call(DP_SOURCE_LEARN);
	hop.mtu = 27; /* not even 8 bytes behind the header */
	cr_assert_null(send_rtp(ipv4(101, 4000), 0));
	cr_assert_eq(stats.drops[DP_DROP_TOO_BIG], 1);
}
