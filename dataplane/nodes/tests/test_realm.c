/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports and VLAN tags: which media a realm takes, and what a packet bears when it leaves. */
#include <criterion/criterion.h>

#include <rte_ip.h>

#include "dataplane/nodes/tests/fixture.h"

#define DOT1Q  0x8100u
#define DOT1AD 0x88a8u

static void set_up(uint16_t outer, uint16_t inner)
{
	realm.outer_vlan = outer;
	realm.vlan = inner;
	set_up_workers(1);
	a_call(DP_SOURCE_STRICT);
}

static void untagged(void)
{
	set_up(0, 0);
}

static void tagged(void)
{
	set_up(0, 7);
}

static void twice_tagged(void)
{
	set_up(100, 7);
}

/* The port of the fixture, by which all packets come, is 0. */
static void of_another_port(void)
{
	realm.port = 1;
	set_up(0, 0);
}

static void of_any_port(void)
{
	realm.port = FLOW_PORT_ANY;
	set_up(0, 7);
}

TestSuite(realm_of_another_port, .init = of_another_port, .fini = tear_down, .timeout = 30);
TestSuite(realm_of_any_port, .init = of_any_port, .fini = tear_down, .timeout = 30);
TestSuite(realm_untagged, .init = untagged, .fini = tear_down, .timeout = 30);
TestSuite(realm_tagged, .init = tagged, .fini = tear_down, .timeout = 30);
TestSuite(realm_twice_tagged, .init = twice_tagged, .fini = tear_down, .timeout = 30);

static struct rte_mbuf *media(void)
{
	return udp_packet(ipv4(101, 4000), local[0], rtp, sizeof(rtp));
}

/* Puts a tag in front of those that are there. */
static struct rte_mbuf *with_tag(struct rte_mbuf *m, uint16_t tpid, uint16_t tci)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, 4);

	cr_assert_not_null(p);
	memmove(p, p + 4, 12);
	p[12] = (uint8_t)(tpid >> 8);
	p[13] = (uint8_t)tpid;
	p[14] = (uint8_t)(tci >> 8);
	p[15] = (uint8_t)tci;
	return m;
}

/* As a driver leaves it that takes a tag off (af_packet on veth). */
static struct rte_mbuf *with_stripped(struct rte_mbuf *m, uint16_t tci)
{
	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = tci;
	return m;
}

Test(realm_untagged, takes_what_bears_no_tag_or_one_that_is_no_vlan)
{
	cr_assert_eq(outcome_of(media()), SENT_ON);
	cr_assert_eq(outcome_of(with_tag(media(), DOT1Q, 0xe000)), SENT_ON);
	cr_assert_eq(outcome_of(with_stripped(media(), 0xe000)), SENT_ON);
	cr_assert_eq(outcome_of(with_tag(media(), DOT1Q, 7)), DP_DROP_WRONG_REALM);
	cr_assert_eq(outcome_of(with_stripped(media(), 7)), DP_DROP_WRONG_REALM);
}

/* A neighbour of the other realm knows the address of the call's party, and how to forge it. */
Test(realm_of_another_port, takes_nothing_that_comes_by_this_one)
{
	cr_assert_eq(outcome_of(media()), DP_DROP_WRONG_REALM);
	cr_assert_eq(outcome_of(with_stripped(media(), 0xe000)), DP_DROP_WRONG_REALM);
	cr_assert_eq(counters[side[0].index].packets, 0);
}

Test(realm_of_another_port, leaves_fragments_to_the_kernel)
{
	struct rte_mbuf *m = media(), *punted;
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);

	ip->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	cr_assert_null(walk(m));
	cr_assert_eq(rte_ring_dequeue(punt, (void **)&punted), 0);
	rte_pktmbuf_free(punted);
}

Test(realm_of_any_port, looks_at_the_tags_all_the_same)
{
	cr_assert_eq(outcome_of(with_tag(media(), DOT1Q, 7)), SENT_ON);
	cr_assert_eq(outcome_of(media()), DP_DROP_WRONG_REALM);
}

Test(realm_tagged, takes_its_own_vlan_however_the_tag_comes)
{
	cr_assert_eq(outcome_of(with_tag(media(), DOT1Q, 7)), SENT_ON);
	cr_assert_eq(outcome_of(with_tag(media(), DOT1AD, 0x6007)), SENT_ON);
	cr_assert_eq(outcome_of(with_stripped(media(), 7)), SENT_ON);
	cr_assert_eq(outcome_of(media()), DP_DROP_WRONG_REALM);
	cr_assert_eq(outcome_of(with_tag(media(), DOT1Q, 8)), DP_DROP_WRONG_REALM);
	cr_assert_eq(outcome_of(with_tag(with_tag(media(), DOT1Q, 7), DOT1AD, 100)),
		     DP_DROP_WRONG_REALM);
}

Test(realm_twice_tagged, takes_both_in_their_order)
{
	cr_assert_eq(outcome_of(with_tag(with_tag(media(), DOT1Q, 7), DOT1AD, 100)), SENT_ON);
	cr_assert_eq(outcome_of(with_tag(with_tag(media(), DOT1Q, 7), DOT1Q, 100)), SENT_ON);
	cr_assert_eq(outcome_of(with_stripped(with_tag(media(), DOT1Q, 7), 100)), SENT_ON);
	cr_assert_eq(outcome_of(with_tag(with_tag(media(), DOT1Q, 100), DOT1AD, 7)),
		     DP_DROP_WRONG_REALM);
	cr_assert_eq(outcome_of(with_tag(media(), DOT1Q, 7)), DP_DROP_WRONG_REALM);
}

Test(realm_twice_tagged, a_third_tag_is_the_kernels)
{
	struct rte_mbuf *m = with_tag(with_tag(with_tag(media(), DOT1Q, 1), DOT1Q, 7), DOT1Q, 100);

	cr_assert_null(walk(m));
	cr_assert_eq(rte_ring_dequeue(punt, (void **)&m), 0);
	rte_pktmbuf_free(m);
}

Test(realm_tagged, a_tag_that_ends_with_the_frame_is_malformed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(m, 16), 0, 16);
	rte_pktmbuf_mtod(m, uint8_t *)[12] = 0x81;
	cr_assert_eq(outcome_of(m), DP_DROP_MALFORMED_L2);
}

Test(realm_tagged, packets_leave_with_the_tags_of_their_way_out)
{
	static const uint8_t tags[8] = { 0x88, 0xa8, 0, 100, 0x81, 0, 0, 7 };
	struct rte_mbuf *m;
	const uint8_t *p;

	memcpy(hop.tags, tags, sizeof(tags));
	for (uint8_t size = 0; size <= 8; size += 4) {
		hop.tags_size = size;
		m = walk(with_tag(media(), DOT1Q, 7));
		cr_assert_not_null(m);
		p = rte_pktmbuf_mtod(m, const uint8_t *);
		cr_assert_eq(memcmp(p, hop.ether, 12), 0);
		cr_assert_eq(memcmp(p + 12, tags, size), 0);
		cr_assert_eq(p[12 + size], 0x08);
		cr_assert_eq(p[13 + size], 0);
		cr_assert_eq(rte_ipv4_cksum((const struct rte_ipv4_hdr *)(p + 14 + size)), 0);
		cr_assert_eq(m->data_len, 14u + size + 28 + sizeof(rtp));
		cr_assert_eq(memcmp(p + 42 + size, rtp, sizeof(rtp)), 0);
		rte_pktmbuf_free(m);
	}
}

Test(realm_tagged, without_room_for_its_headers_a_packet_is_dropped)
{
	struct rte_mbuf *m = with_tag(media(), DOT1Q, 7);
	uint16_t size = m->data_len;

	memmove(m->buf_addr, rte_pktmbuf_mtod(m, void *), size);
	m->data_off = 0;
	hop.tags_size = 8;
	cr_assert_eq(outcome_of(m), DP_DROP_NO_BUFFER);
	cr_assert_eq(dp_counters_forwarded(&counters[side[0].index]), 0);
}
