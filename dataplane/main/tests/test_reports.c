/* SPDX-License-Identifier: BSD-3-Clause */
/* Who gets RTCP of our own, when, what it says, and where it goes. */
#include <criterion/criterion.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "dataplane/kernel/nexthop.h"
#include "dataplane/main/reports.h"

#define MAX 64u

static struct nexthop hop = { .ether = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1 },
			      .port = 1,
			      .mtu = 1500,
			      .state = NEXTHOP_REACHABLE };
static struct rte_mempool *pool;
static struct rte_ring *inject;
static struct flow_table *table;
static struct reports *reports;
static struct dp_context_record contexts[MAX];
static struct dp_termination_record records[MAX];
static struct dp_termination_counters *counters;
static struct dp_pool_stats pool_stats[2];
static struct dp_realm_stats realm_stats[1];
static dp_handle_t context, side[2];
static struct dp_address local[2];
static uint64_t now;

/* The last packet that was taken from the ring. */
static uint8_t frame[2048];
static unsigned frame_size;
static const uint8_t *ip, *udp, *rtcp;
static size_t rtcp_size;

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return &hop;
}

static struct dp_address ipv4(uint8_t last, uint16_t port)
{
	return (struct dp_address){ .ip = { 198, 18, 0, last },
				    .port = port,
				    .family = DP_FAMILY_IPV4 };
}

static struct dp_address ipv6(uint8_t last, uint16_t port)
{
	return (struct dp_address){ .ip = { 0x20, 1, 0, 2, [15] = last },
				    .port = port,
				    .family = DP_FAMILY_IPV6 };
}

static void set_up(void)
{
	char *args[] = { "test",     "--no-huge",      "--no-shconf",   "-m", "64",
			 "--no-pci", "--no-telemetry", "--log-level=1", "-l", "0" };
	const struct flow_pool pools[2] = {
		{ .address = ipv4(20, 0), .port_first = 20000, .port_last = 20127 },
		{ .address = ipv6(20, 0), .port_first = 20000, .port_last = 20127 },
	};
	static const struct flow_realm realm = { .dscp = 46 };
	struct flow_table_config config = { .pools = pools,
					    .pool_count = 2,
					    .realms = &realm,
					    .realm_count = 1,
					    .realm_stats = realm_stats,
					    .terminations_max = MAX,
					    .workers = 1,
					    .contexts = contexts,
					    .terminations = records,
					    .pool_stats = pool_stats,
					    .resolve = resolve };
	struct reports_config r = { .terminations_max = MAX };

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
	pool = rte_pktmbuf_pool_create("p", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	inject = rte_ring_create("inject", 128, SOCKET_ID_ANY, RING_F_SC_DEQ);
	config.counters = counters = rte_zmalloc("c", MAX * sizeof(*counters), 64);
	cr_assert(pool && inject && counters);
	cr_assert_eq(flow_table_create(&config, &table), 0);
	r.flows = table;
	r.pool = pool;
	r.inject[1] = inject;
	cr_assert_eq(reports_create(&r, &reports), 0);
	now = 1;
	reports_tick(reports, now);
	cr_assert_eq(flow_context_add(table, 0, 1, &context), 0);
}

static void tear_down(void)
{
	cr_assert_eq(rte_ring_count(inject), 0);
	cr_assert_eq(rte_mempool_avail_count(pool), 255, "a buffer was leaked");
	reports_destroy(reports);
	flow_table_destroy(table);
}

TestSuite(reports, .init = set_up, .fini = tear_down, .timeout = 60);

static void add(unsigned i, struct dp_address remote, uint32_t flags)
{
	struct dp_cmd_termination_add a = { .context = context,
					    .local = { .family = remote.family },
					    .realm = DP_REALM_ANY,
					    .settings = { .remote = remote,
							  .direction = DP_DIRECTION_SENDRECV,
							  .telephone_event = 255,
							  .codec = DP_CODEC_PCMU,
							  .flags = flags,
							  .clock_rate = 8000 } };

	cr_assert_eq(flow_termination_add(table, &a, &side[i], &local[i]), 0);
}

static uint32_t word(const uint8_t *p, unsigned index)
{
	p += 4 * index;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t half(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool take(void)
{
	struct rte_mbuf *m;

	if (rte_ring_sc_dequeue(inject, (void **)&m) != 0)
		return false;
	cr_assert_eq(m->port, 1);
	cr_assert_eq(m->data_len, m->pkt_len);
	frame_size = m->data_len;
	memcpy(frame, rte_pktmbuf_mtod(m, void *), frame_size);
	rte_pktmbuf_free(m);
	ip = frame + 14 + hop.tags_size;
	udp = ip + ((ip[0] >> 4) == 4 ? 20 : 40);
	rtcp = udp + 8;
	rtcp_size = frame_size - (size_t)(rtcp - frame);
	cr_assert_eq(half(udp + 4), rtcp_size + 8);
	return true;
}

/* Time passes until there is a report; ms that it took, 0: none within so many. */
static uint64_t next_report(uint64_t within_ms)
{
	for (uint64_t start = now; now - start < within_ms;) {
		now += 5;
		reports_tick(reports, now);
		if (take())
			return now - start;
	}
	return 0;
}

/* The part of the compound of that type, NULL: there is none. */
static const uint8_t *part(uint8_t type)
{
	for (size_t at = 0; at + 4 <= rtcp_size; at += 4u * (half(rtcp + at + 2) + 1u))
		if (rtcp[at + 1] == type)
			return rtcp + at;
	return NULL;
}

/* 50 packets of 160 octets, of which some are lost. */
static void speak(unsigned i, uint32_t lost)
{
	struct dp_termination_counters *c = &counters[side[i].index];

	if (c->packets == 0) {
		c->window = UINT64_MAX;
		c->base_sequence = 60000;
		c->highest_sequence = 59999;
		c->ssrc = 0x11110000 + i;
	}
	c->packets += 50 - lost;
	c->bytes += (50 - lost) * 172;
	c->highest_sequence += 50;
	c->lost += lost;
}

Test(reports, only_ends_of_rtcp_get_reports_of_ours)
{
	add(0, ipv4(101, 4000), 0);
	add(1, ipv4(102, 4000), 0);
	cr_assert_eq(next_report(20000), 0);
}

Test(reports, they_come_at_random_between_half_and_one_and_a_half_of_the_interval)
{
	uint64_t first, least = UINT64_MAX, most = 0, sum = 0;
	const unsigned n = 400;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	first = next_report(20000);
	cr_assert(first >= 1000 && first <= 3300, "the first after %lu ms", (unsigned long)first);
	for (unsigned i = 0; i < n; i++) {
		uint64_t ms = next_report(20000);

		least = RTE_MIN(least, ms);
		most = RTE_MAX(most, ms);
		sum += ms;
	}
	cr_assert(least >= 2000 && least < 2400, "%lu", (unsigned long)least);
	cr_assert(most <= 6300 && most > 5700, "%lu", (unsigned long)most);
	cr_assert(sum / n > 3800 && sum / n < 4450, "%lu", (unsigned long)(sum / n));
	cr_assert_eq(counters[side[0].index].own_reports, n + 1);
}

Test(reports, they_leave_as_relayed_rtcp_would)
{
	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	cr_assert(next_report(5000));
	cr_assert_eq(memcmp(frame, hop.ether, 12), 0);
	cr_assert_eq(half(frame + 12), 0x0800);
	cr_assert_eq(ip[1], 46 << 2);
	cr_assert_eq(ip[8], 64);
	cr_assert_eq(rte_raw_cksum(ip, 20), 0xffff, "IP checksum");
	cr_assert_eq(word(ip, 3), 0xc6120014u);
	cr_assert_eq(word(ip, 4), 0xc6120065u);
	cr_assert_eq(half(udp), local[0].port + 1);
	cr_assert_eq(half(udp + 2), 4001);
}

Test(reports, with_rtcp_mux_they_leave_on_the_port_of_rtp)
{
	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN | DP_TERMINATION_RTCP_MUX);
	add(1, ipv4(102, 4000), 0);
	cr_assert(next_report(5000));
	cr_assert_eq(half(udp), local[0].port);
	cr_assert_eq(half(udp + 2), 4000);
}

Test(reports, ipv6_with_its_checksum_and_tags_of_the_vlan)
{
	hop.tags_size = 4;
	memcpy(hop.tags, "\x81\x00\x00\x64", 4);
	add(0, ipv6(101, 4000), DP_TERMINATION_RTCP_OWN);
	cr_assert(next_report(5000));
	cr_assert_eq(word(frame + 12, 0), 0x81000064u);
	cr_assert_eq(half(frame + 16), 0x86dd);
	cr_assert_eq(ip[7], 64);
	cr_assert_eq(rte_ipv6_udptcp_cksum_verify((const struct rte_ipv6_hdr *)ip, udp), 0);
	cr_assert_eq(half(udp + 2), 4001);
}

Test(reports, who_is_not_sent_to_and_says_nothing_gets_an_empty_rr)
{
	uint32_t ssrc;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	add(1, ipv4(102, 4000), 0);
	cr_assert(next_report(5000));
	cr_assert_eq(word(rtcp, 0), 0x80c90001u);
	ssrc = word(rtcp, 1);
	cr_assert_neq(ssrc, 0);
	cr_assert_eq(part(202)[8], 1, "CNAME");
	cr_assert_null(part(207));
	cr_assert(next_report(10000));
	cr_assert_eq(word(rtcp, 1), ssrc, "it stays the same");
}

Test(reports, a_block_says_what_was_heard_since_the_last_one)
{
	const uint8_t *block;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	speak(0, 0);
	cr_assert(next_report(5000));
	block = rtcp + 8;
	cr_assert_eq(word(rtcp, 0), 0x81c90007u);
	cr_assert_eq(word(block, 0), 0x11110000u);
	cr_assert_eq(word(block, 1), 0);
	cr_assert_eq(word(block, 2), 60049u);
	cr_assert_eq(word(block, 4), 0, "no SR came");
	cr_assert_eq(word(block, 5), 0);

	speak(0, 25);
	counters[side[0].index].jitter = 33 * 16 + 5;
	cr_assert(next_report(10000));
	cr_assert_eq(word(block, 1), 128u << 24 | 25);
	cr_assert_eq(word(block, 2), 60099u);
	cr_assert_eq(word(block, 3), 33u);

	speak(0, 0);
	counters[side[0].index].duplicate += 2;
	counters[side[0].index].packets += 2;
	cr_assert(next_report(10000));
	cr_assert_eq(word(block, 1), 23, "duplicates are received, RFC 3550 A.3");

	cr_assert(next_report(10000));
	cr_assert_eq(word(rtcp, 0), 0x80c90001u, "silence is not reported");
}

Test(reports, a_new_ssrc_has_losses_of_its_own)
{
	struct dp_termination_counters *c;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	speak(0, 10);
	cr_assert(next_report(5000));
	c = &counters[side[0].index];
	c->expected_before = dp_counters_expected(c);
	c->ssrc_changes = 1;
	c->ssrc = 0x22220000;
	c->base_sequence = 500;
	c->highest_sequence = 499;
	speak(0, 3);
	cr_assert(next_report(10000));
	cr_assert_eq(word(rtcp + 8, 0), 0x22220000u);
	cr_assert_eq(word(rtcp + 8, 1) & 0xffffff, 3);
}

Test(reports, the_last_sr_of_the_other_end_comes_back)
{
	struct dp_termination_counters *c;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	speak(0, 0);
	c = &counters[side[0].index];
	c->sr_ntp = 0xaabbccdd;
	c->sr_us = (uint32_t)((double)rte_rdtsc() * 1e6 / (double)rte_get_tsc_hz()) - 250000;
	cr_assert(next_report(5000));
	cr_assert_eq(word(rtcp + 8, 4), 0xaabbccddu);
	cr_assert(word(rtcp + 8, 5) >= 0x4000 && word(rtcp + 8, 5) < 0x6000,
		  "a quarter of a second");
}

Test(reports, who_is_sent_media_gets_sender_reports_of_its_ssrc)
{
	const uint8_t *info;
	uint32_t rtp[2], seconds[2], packets;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	add(1, ipv4(102, 4000), 0);
	speak(1, 0);
	counters[side[1].index].transit = 12345;
	cr_assert(next_report(5000));
	info = rtcp + 8;
	cr_assert_eq(word(rtcp, 0), 0x80c80006u);
	cr_assert_eq(word(rtcp, 1), 0x11110001u);
	seconds[0] = word(info, 0);
	cr_assert(seconds[0] - 2208988800u - (uint32_t)time(NULL) + 2 < 4, "NTP time");
	rtp[0] = word(info, 2);
	cr_assert_eq(word(info, 3), 50);
	cr_assert_eq(word(info, 4), 50 * 160);
	cr_assert_eq(word(part(202), 1), 0x11110001u, "its name is under that SSRC");
	cr_assert_eq(counters[side[0].index].own_sr_ntp,
		     (word(info, 0) & 0xffff) << 16 | word(info, 1) >> 16);

	speak(1, 0);
	counters[side[1].index].not_forwarded = 10;
	cr_assert(next_report(10000));
	packets = word(info, 3);
	cr_assert_eq(packets, 90);
	cr_assert_eq(word(info, 4), 90 * 160);
	rtp[1] = word(info, 2);
	cr_assert(rtp[1] - rtp[0] < 8000, "its clock goes on with time, not with reports");

	cr_assert(next_report(10000));
	cr_assert_eq(rtcp[1], 200, "it was a sender in the interval before");
	cr_assert(next_report(10000));
	cr_assert_eq(rtcp[1], 201, "and now it is none");
	cr_assert_neq(word(rtcp, 1), 0x11110001u);
}

Test(reports, what_is_heard_has_voip_metrics)
{
	const uint8_t *xr;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	speak(0, 5);
	counters[side[0].index].c14 = 5;
	counters[side[0].index].rtt_us = 48000;
	cr_assert(next_report(5000));
	xr = part(207);
	cr_assert(xr);
	cr_assert_eq(word(xr, 3), 0x11110000u);
	cr_assert_eq(xr[16], 25, "10 % of 256");
	cr_assert_eq(half(xr + 24), 48);
	cr_assert(xr[35] > 30 && xr[35] < 44, "MOS-CQ");
}

Test(reports, an_ssrc_of_ours_is_not_theirs)
{
	uint32_t ssrc;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	cr_assert(next_report(5000));
	ssrc = word(rtcp, 1);
	speak(0, 0);
	counters[side[0].index].ssrc = ssrc;
	cr_assert(next_report(10000));
	cr_assert_neq(word(rtcp, 1), ssrc);
}

Test(reports, who_was_reported_to_is_said_good_bye_to)
{
	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	add(1, ipv4(102, 4000), DP_TERMINATION_RTCP_OWN);
	speak(1, 0);
	while (counters[side[0].index].own_reports == 0 || counters[side[1].index].own_reports == 0)
		cr_assert(next_report(5000));
	cr_assert_eq(flow_context_remove(table, context), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert(take());
		cr_assert(part(203));
		cr_assert_eq(word(part(203), 1), word(rtcp, 1));
		if (word(ip, 4) == 0xc6120065u)
			cr_assert_eq(word(part(203), 1), 0x11110001u, "the SSRC that it knew");
	}
	cr_assert_not(take());
	cr_assert_eq(next_report(20000), 0);
}

Test(reports, who_was_never_reported_to_hears_no_good_bye)
{
	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	cr_assert_eq(flow_termination_remove(table, side[0]), 0);
	cr_assert_not(take());
}

Test(reports, they_begin_and_end_with_the_flag)
{
	struct dp_cmd_termination_modify m = { .mask = DP_SET_FLAGS };

	add(0, ipv4(101, 4000), 0);
	m.termination = side[0];
	m.settings.flags = DP_TERMINATION_RTCP_OWN;
	cr_assert_eq(flow_termination_modify(table, &m), 0);
	cr_assert(next_report(5000));
	m.settings.flags = 0;
	cr_assert_eq(flow_termination_modify(table, &m), 0);
	cr_assert(take());
	cr_assert(part(203));
	cr_assert_eq(next_report(20000), 0);
}

Test(reports, an_end_that_is_not_known_or_not_reachable_gets_none)
{
	struct dp_address nowhere = { .family = DP_FAMILY_NONE };
	struct dp_cmd_termination_modify m = { .mask = DP_SET_REMOTE };

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	m.termination = side[0];
	m.settings.remote = nowhere;
	cr_assert_eq(flow_termination_modify(table, &m), 0);
	cr_assert_eq(next_report(20000), 0);
	m.settings.remote = ipv4(101, 4000);
	cr_assert_eq(flow_termination_modify(table, &m), 0);
	atomic_store(&hop.state, NEXTHOP_UNREACHABLE);
	cr_assert_eq(next_report(20000), 0);
	cr_assert_eq(atomic_load(&hop.wanted), 1, "the manager asks for its link-layer address");
	atomic_store(&hop.state, NEXTHOP_REACHABLE);
	cr_assert(next_report(10000));
}

Test(reports, a_full_ring_costs_a_report_and_no_buffer)
{
	void *filler = pool;

	add(0, ipv4(101, 4000), DP_TERMINATION_RTCP_OWN);
	while (rte_ring_mp_enqueue(inject, filler) == 0)
		;
	for (uint64_t end = now + 20000; now < end; now += 5)
		reports_tick(reports, now);
	cr_assert_eq(rte_mempool_avail_count(pool), 255);
	while (rte_ring_sc_dequeue(inject, &filler) == 0)
		;
	cr_assert_eq(counters[side[0].index].own_reports, 0);
	cr_assert(next_report(10000));
}
