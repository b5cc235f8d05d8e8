/* SPDX-License-Identifier: BSD-3-Clause */
/* VLAN tags of frames, put on, taken off, and put back where a driver took them. */
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_mbuf.h>

#include "dataplane/kernel/tags.h"

static uint8_t buffer[256];
static struct rte_mbuf m;

/* An IPv4 frame behind these tags, in hexadecimal pairs of protocol and id. */
static void frame(const uint16_t *tags, unsigned count)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint8_t *p = buffer + 64;

	m = (struct rte_mbuf){ .buf_addr = buffer, .data_off = 64, .buf_len = sizeof(buffer) };
	m.refcnt = 1;
	m.nb_segs = 1;
	memcpy(p, addresses, 12);
	p += 12;
	for (unsigned i = 0; i < count; i++) {
		*p++ = (uint8_t)(tags[i] >> 8);
		*p++ = (uint8_t)tags[i];
	}
	memcpy(p, "\x08\x00payload", 9);
	m.data_len = (uint16_t)(p + 9 - (buffer + 64));
	m.pkt_len = m.data_len;
}

static void expect_frame(const uint16_t *tags, unsigned count)
{
	uint8_t got[256];
	uint16_t length = m.data_len;

	cr_assert(eq(u32, m.pkt_len, length));
	memcpy(got, rte_pktmbuf_mtod(&m, uint8_t *), length);
	frame(tags, count);
	cr_assert(eq(int, m.data_len, length));
	cr_expect(eq(int, memcmp(got, buffer + 64, length), 0));
}

static void expect_tags(uint16_t vlan, uint16_t outer, int size)
{
	struct tags tags;

	tags_read(&m, &tags);
	cr_expect(eq(int, tags.vlan, vlan));
	cr_expect(eq(int, tags.outer_vlan, outer));
	cr_expect(eq(int, tags.size, size));
}

static const uint16_t one[] = { 0x8100, 100 }, two[] = { 0x88a8, 300, 0x8100, 200 };

Test(tags, are_read_without_their_priority)
{
	const uint16_t urgent[] = { 0x8100, 0xe000 | 100 }, old[] = { 0x8100, 3, 0x8100, 4 };
	const uint16_t service[] = { 0x88a8, 300 };

	frame(NULL, 0);
	expect_tags(0, 0, 0);
	frame(one, 2);
	expect_tags(100, 0, 4);
	frame(urgent, 2);
	expect_tags(100, 0, 4);
	frame(two, 4);
	expect_tags(200, 300, 8);
	frame(old, 4);
	expect_tags(4, 3, 8);
	frame(service, 2); /* nobody's: it goes to the kernel as it is */
	expect_tags(0, 0, 0);
	frame(one, 2);
	m.data_len = m.pkt_len = 15; /* cut off within the tag */
	expect_tags(0, 0, 0);
}

Test(tags, go_on_and_come_off)
{
	frame(NULL, 0);
	cr_expect(tags_insert(&m, 200, 300));
	expect_frame(two, 4);
	tags_remove(&m, 8);
	expect_frame(NULL, 0);
	cr_expect(tags_insert(&m, 100, 0));
	expect_frame(one, 2);
	cr_expect(tags_insert(&m, 0, 0));
	expect_frame(one, 2);
}

Test(tags, that_a_driver_took_off_come_back)
{
	frame(NULL, 0);
	m.ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m.vlan_tci = 100;
	cr_expect(tags_restore(&m));
	cr_expect(eq(int, (int)(m.ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED), 0));
	expect_frame(one, 2);

	frame(two + 2, 2); /* the inner one is in the frame still */
	m.ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m.vlan_tci = 300;
	cr_expect(tags_restore(&m));
	expect_frame(two, 4);

	frame(NULL, 0);
	m.ol_flags = RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ_STRIPPED;
	m.vlan_tci = 200;
	m.vlan_tci_outer = 300;
	cr_expect(tags_restore(&m));
	expect_frame(two, 4);
}

Test(tags, need_room_and_a_buffer_of_their_own)
{
	frame(NULL, 0);
	m.refcnt = 2;
	cr_expect(not(tags_insert(&m, 100, 0)));
	frame(NULL, 0);
	m.data_len = 13;
	cr_expect(not(tags_insert(&m, 100, 0)));
	frame(NULL, 0);
	cr_expect(tags_restore(&m)); /* nothing to do */
	expect_frame(NULL, 0);
}
