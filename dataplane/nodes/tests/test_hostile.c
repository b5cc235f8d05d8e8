/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that nobody should send. Each lies right before a page that must not be touched, so a
 * single byte read behind its end ends the test, in every build. What the worker does not drop goes
 * through the kernel thread's checksums as well.
 */
#include <criterion/criterion.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/kernel/checksum.h"
#include "dataplane/nodes/tests/fixture.h"

#define ROUNDS   6000u
#define TOGETHER 32u /* packets in one walk */
#define ROOM     4096u
#define LONGEST  1600u

static uint8_t *rooms[TOGETHER]; /* each ends at a page without rights */
static struct rte_mbuf_ext_shared_info shared[TOGETHER];
static uint64_t seed = 88172645463325252u;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % sides;
}

static void not_freed(void *memory, void *arg)
{
	(void)memory;
	(void)arg;
}

static void set_up(void)
{
	set_up_workers(1);
	for (unsigned i = 0; i < TOGETHER; i++) {
		rooms[i] = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		cr_assert_neq(rooms[i], MAP_FAILED);
		cr_assert_eq(mprotect(rooms[i] + ROOM, ROOM, PROT_NONE), 0);
	}
}

TestSuite(hostile, .init = set_up, .fini = tear_down, .timeout = 120);

/* The bytes with nothing behind them. */
static struct rte_mbuf *at_the_edge(unsigned i, const uint8_t *bytes, uint16_t size)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	cr_assert_not_null(m);
	shared[i] = (struct rte_mbuf_ext_shared_info){ .free_cb = not_freed };
	rte_mbuf_ext_refcnt_set(&shared[i], 1);
	rte_pktmbuf_attach_extbuf(m, rooms[i], 0, ROOM, &shared[i]);
	memcpy(rooms[i] + ROOM - size, bytes, size);
	m->data_off = (uint16_t)(ROOM - size);
	m->data_len = size;
	m->pkt_len = size;
	return m;
}

/* A packet of the call, or of none, that is right in all. */
static uint16_t make_valid(uint8_t *bytes)
{
	static const struct {
		uint8_t size;
		uint8_t bytes[44];
	} payloads[] = {
		{ 12, { 0x80, 0 } },
		{ 32, { 0x90, 0, [14] = 0, [15] = 3 } }, /* extension */
		{ 40, { 0xa0, 0, [39] = 8 } },           /* padding */
		{ 28, { 0x8f, 0 } },                     /* more sources than there is room for */
		{ 28, { 0x80, 200, 0, 6 } },
		{ 44, { 0x81, 201, 0, 7, [32] = 0x80, 203, 0, 2 } },
		/* reports about one source, two that are not there, and extended blocks */
		{ 32, { 0x81, 201, 0, 7, [8] = 1, 2, 3, 4, [24] = 1, 1, 1, 1 } },
		{ 32, { 0x83, 201, 0, 7 } },
		{ 44, { 0x80, 207, 0, 10, [8] = 7, 0, 0, 8 } },
		{ 44, { 0x80, 207, 0, 10, [8] = 4, 0, 0, 2, [20] = 7, 0, 0xff, 8 } },
		{ 4, { 0x80, 0 } },
		{ 20, { 0, 1 } }, /* STUN */
		{ 0, { 0 } },
	};
	unsigned which = dice(sizeof(payloads) / sizeof(payloads[0]));
	unsigned to = dice(2);
	struct dp_address target = local[to];
	struct rte_mbuf *m;
	uint16_t size;

	target.port = (uint16_t)(target.port + (dice(3) == 0));
	if (dice(16) == 0)
		target.port = (uint16_t)dice(65536);
	m = udp_packet(to ? ipv6(102, 4000) : ipv4(101, 4000), target, payloads[which].bytes,
		       payloads[which].size);
	size = m->data_len;
	memcpy(bytes, rte_pktmbuf_mtod(m, uint8_t *), size);
	rte_pktmbuf_free(m);
	return size;
}

/* Right in all but its source, and it can be told by its SSRC wherever it turns up. */
static const uint8_t strangers_mark[4] = { 0xba, 0xdb, 0xad, 0x11 };

static struct rte_mbuf *strangers_packet(unsigned i)
{
	uint8_t payload[28] = { 0x80, 0 }, bytes[LONGEST];
	unsigned to = dice(2), rtcp_port = dice(2);
	struct dp_address target = local[to], from = to ? ipv6(66, 4000) : ipv4(66, 4000);
	struct rte_mbuf *m;
	uint16_t size;

	if (rtcp_port)
		memcpy(payload, (uint8_t[]){ 0x80, 200, 0, 6 }, 4);
	memcpy(payload + 8, strangers_mark, sizeof(strangers_mark));
	target.port = (uint16_t)(target.port + rtcp_port);
	m = udp_packet(from, target, payload, sizeof(payload));
	size = m->data_len;
	memcpy(bytes, rte_pktmbuf_mtod(m, uint8_t *), size);
	rte_pktmbuf_free(m);
	return at_the_edge(i, bytes, size);
}

static uint16_t with_vlan(uint8_t *bytes, uint16_t size)
{
	static const uint8_t types[][2] = { { 0x81, 0 }, { 0x88, 0xa8 }, { 0x91, 0 } };

	memmove(bytes + 16, bytes + 12, size - 12u);
	memcpy(bytes + 12, types[dice(8) ? dice(2) : 2], 2);
	bytes[14] = (uint8_t)(dice(2) ? 0xe0 : dice(256));
	bytes[15] = (uint8_t)(dice(2) ? 0 : dice(256));
	return (uint16_t)(size + 4);
}

/* As far as they have come, and further. */
static void age(uint8_t *bytes)
{
	static const uint8_t ttls[] = { 0, 1, 2, 64, 255 };

	bytes[bytes[12] == 8 ? 22 : 21] = ttls[dice(sizeof(ttls))];
}

static uint16_t with_options(uint8_t *bytes, uint16_t size)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);
	uint16_t room = (uint16_t)(4 * dice(11));

	if (bytes[12] != 8)
		return size;
	memmove(bytes + 34 + room, bytes + 34, size - 34u);
	memset(bytes + 34, 1, room);
	ip->version_ihl = (uint8_t)(0x45 + room / 4);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(size - 14 + room));
	return (uint16_t)(size + room);
}

/* So that what was changed behind it is looked at all the same. */
static void mend_checksum(uint8_t *bytes, uint16_t size)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);

	if (bytes[12] != 8 || size < 34 || rte_ipv4_hdr_len(ip) > size - 14)
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

static uint16_t mutate(uint8_t *bytes, uint16_t size)
{
	for (unsigned n = dice(4); n > 0 && size > 0; n--) {
		switch (dice(6)) {
		case 0:
			bytes[dice(size)] ^= (uint8_t)(1u << dice(8));
			break;
		case 1:
			bytes[dice(size)] = (uint8_t)dice(256);
			break;
		case 2: /* headers sooner than what they carry */
			bytes[dice(size < 60 ? size : 60u)] = dice(2) ? 0xff : 0;
			break;
		case 3:
			size = (uint16_t)dice(size + 1u);
			break;
		case 4: { /* padding of the link, or a jumbo frame */
			uint16_t more = (uint16_t)dice(dice(8) ? 32 : LONGEST - size);

			memset(bytes + size, 0xa5, more);
			size = (uint16_t)(size + more);
			break;
		}
		default:
			break;
		}
	}
	return size;
}

static struct rte_mbuf *hostile_packet(unsigned i)
{
	uint8_t bytes[2 * LONGEST];
	struct rte_mbuf *m;
	uint16_t size;

	if (dice(8) == 0)
		return strangers_packet(i);
	size = make_valid(bytes);
	if (dice(4) == 0)
		age(bytes);
	if (dice(4) == 0)
		size = with_options(bytes, size);
	if (dice(4) == 0) {
		size = mutate(bytes, size);
		mend_checksum(bytes, size);
	} else {
		mend_checksum(bytes, size);
		size = mutate(bytes, size);
	}
	for (unsigned tags = dice(8) ? 0 : dice(4); tags > 0 && size >= 14; tags--)
		size = with_vlan(bytes, size);
	m = at_the_edge(i, bytes, size);
	if (dice(16) == 0) {
		m->ol_flags |=
			RTE_MBUF_F_RX_VLAN_STRIPPED | (dice(2) ? RTE_MBUF_F_RX_QINQ_STRIPPED : 0);
		m->vlan_tci = (uint16_t)(dice(2) ? 0 : dice(65536));
		m->vlan_tci_outer = (uint16_t)(dice(2) ? 0 : dice(65536));
	}
	return m;
}

static uint64_t dropped(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DP_DROP_REASONS; i++)
		sum += stats.drops[i];
	return sum;
}

/* A packet that leaves is one that the network takes. */
static void check_way_out(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(p + 14);
	const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)(p + 14);

	cr_assert_eq(memcmp(p, hop.ether, sizeof(hop.ether)), 0);
	cr_assert_null(memmem(p, m->data_len, strangers_mark, sizeof(strangers_mark)),
		       "a stranger's was sent on");
	if (p[12] == 8) {
		cr_assert_eq(rte_ipv4_cksum(ip), 0);
		cr_assert_eq(rte_be_to_cpu_16(ip->total_length), m->data_len - 14);
	} else {
		cr_assert_eq(rte_be_to_cpu_16(ip6->payload_len), m->data_len - 54);
	}
}

Test(hostile, each_packet_is_forwarded_or_punted_or_dropped_for_a_reason)
{
	const uint64_t patience = rte_rdtsc() + 20 * rte_get_tsc_hz();
	uint64_t sent = 0, forwarded = 0, punted = 0;
	dp_handle_t context;

	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
	add_termination(context, 0, ipv4(101, 4000), DP_SOURCE_LEARN);
	add_termination(context, 1, ipv6(102, 4000), DP_SOURCE_LEARN);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct rte_mbuf *packets[TOGETHER], *m;

		for (unsigned i = 0; i < TOGETHER; i++)
			packets[i] = hostile_packet(i);
		cr_assert_eq(rte_eth_tx_burst(0, 0, packets, TOGETHER), TOGETHER);
		sent += TOGETHER;
		graph_walk(graph);
		while (rte_eth_rx_burst(0, 0, &m, 1) == 1) {
			check_way_out(m);
			forwarded++;
			rte_pktmbuf_free(m);
		}
		while (rte_ring_dequeue(punt, (void **)&m) == 0) {
			checksum_complete(rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
			punted++;
			rte_pktmbuf_free(m);
		}
	}
	/* Fragments wait for the others until their time is up. */
	while (forwarded + punted + dropped() < sent && rte_rdtsc() < patience) {
		header.clock_ms++;
		graph_walk(graph);
	}
	cr_assert_eq(forwarded + punted + dropped(), sent);
	/* All ways were gone, or this says nothing. */
	cr_assert_gt(forwarded, sent / 20);
	cr_assert_gt(punted, sent / 100);
	for (unsigned i = 0; i < DP_DROP_REASONS; i++) {
		bool by_contents = (i >= DP_DROP_MALFORMED_L2 && i <= DP_DROP_FOREIGN_SOURCE) ||
				   i == DP_DROP_LOOP;

		cr_assert(!by_contents || stats.drops[i] > 0, "reason %u was never met", i);
	}
}
