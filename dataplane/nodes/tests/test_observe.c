/* SPDX-License-Identifier: BSD-3-Clause */
/* What captures and traces see of packets on their way through the graph. */
#include <criterion/criterion.h>

#include <rte_ethdev.h>
#include <rte_pcapng.h>

#include "dataplane/nodes/tests/fixture.h"

#define CALL 1u /* label of a_call() */

static struct observe_plan plan;
static unsigned copies_at_start;

static void prepare(unsigned workers, unsigned copies)
{
	set_up_workers(workers);
	cr_assert_eq(observe_init(), 0);
	for (unsigned i = 0; i < workers; i++) {
		char name[16];

		snprintf(name, sizeof(name), "copies%u", i);
		observe.copies[i] =
			rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		snprintf(name, sizeof(name), "records%u", i);
		observe.records[i] =
			rte_ring_create_elem(name, sizeof(struct dp_trace_record), 256,
					     SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		cr_assert(observe.copies[i] && observe.records[i]);
	}
	plan.pool = rte_pktmbuf_pool_create("copies", copies, 0, sizeof(struct observe_copy),
					    (uint16_t)rte_pcapng_mbuf_size(2048), SOCKET_ID_ANY);
	cr_assert_not_null(plan.pool);
	copies_at_start = rte_mempool_avail_count(plan.pool);
}

static void set_up(void)
{
	prepare(1, 1023);
}

static void set_up_two(void)
{
	prepare(2, 1023);
}

static void set_up_poor(void)
{
	prepare(1, 3);
}

static void finish(void)
{
	cr_assert_eq(rte_mempool_avail_count(plan.pool), copies_at_start, "a copy was leaked");
	tear_down();
}

TestSuite(observe, .init = set_up, .fini = finish, .timeout = 30);
TestSuite(observe_workers, .init = set_up_two, .fini = finish, .timeout = 30);
TestSuite(observe_poor, .init = set_up_poor, .fini = finish, .timeout = 30);

static void look(void)
{
	atomic_store(&observe.plan, &plan);
}

static void capture(unsigned place, uint64_t label, uint16_t port)
{
	plan.captures[place] = (struct observe_capture){
		.id = place + 10, .snap_length = UINT32_MAX, .label = label, .port = port
	};
	plan.any_call |= label == 0;
	flow_observe(table, place, label);
	look();
}

static void trace(uint64_t label, uint16_t port, uint32_t packets)
{
	plan.trace =
		(struct observe_trace){ .id = 7, .packets = packets, .label = label, .port = port };
	plan.any_call = true;
	flow_observe(table, OBSERVE_TRACE_WATCH, label);
	look();
}

struct seen {
	struct observe_copy info;
	uint64_t tsc;   /* of the block */
	uint16_t flags; /* likewise: 1 in, 2 out */
	uint32_t size;  /* of the frame */
	uint8_t frame[64];
};

/* The next copy of a worker. */
static bool next_copy(unsigned worker, struct seen *seen)
{
	struct rte_mbuf *m;
	const uint8_t *block;
	uint32_t captured, half[2];

	if (rte_ring_dequeue(observe.copies[worker], (void **)&m) != 0)
		return false;
	memset(seen, 0, sizeof(*seen));
	memcpy(&seen->info, rte_mbuf_to_priv(m), sizeof(seen->info));
	block = rte_pktmbuf_mtod(m, const uint8_t *);
	memcpy(half, block + 12, 8);
	seen->tsc = (uint64_t)half[0] << 32 | half[1];
	memcpy(&captured, block + 20, 4);
	memcpy(&seen->size, block + 24, 4);
	memcpy(seen->frame, block + 28, captured < 64 ? captured : 64);
	memcpy(&seen->flags, block + 28 + RTE_ALIGN(captured, 4) + 4, 2);
	rte_pktmbuf_free(m);
	return true;
}

static void expect_copy(unsigned worker, unsigned place, unsigned flags, unsigned drop)
{
	struct seen seen;

	cr_assert(next_copy(worker, &seen), "a copy of place %u", place);
	cr_assert_eq(seen.info.capture, place + 10);
	cr_assert_eq(seen.info.place, place);
	cr_assert_eq(seen.flags, flags);
	cr_assert_eq(seen.info.drop, drop);
	cr_assert_lt(rte_rdtsc() - seen.tsc, 60 * rte_get_tsc_hz(), "the block's time");
}

static void expect_none(unsigned worker)
{
	struct seen seen;

	cr_assert_not(next_copy(worker, &seen), "a copy too many");
}

enum { IN = 1, OUT = 2 };

/* A media port that belongs to no call. */
static struct dp_address nobodys(void)
{
	struct dp_address a = ipv4(20, 20000);

	while (a.port == local[0].port || a.port == local[1].port)
		a.port = (uint16_t)(a.port + 2);
	return a;
}

Test(observe, nothing_is_copied_while_nobody_looks)
{
	a_call(DP_SOURCE_LEARN);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	cr_assert_null(graph_context(graph)->observing);
	expect_none(0);
}

Test(observe, a_call_is_seen_as_it_came_and_as_it_left)
{
	struct seen seen;

	a_call(DP_SOURCE_LEARN);
	capture(3, CALL, DP_PORT_ANY);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	cr_assert(next_copy(0, &seen));
	cr_assert_eq(seen.flags, IN);
	cr_assert_eq(seen.size, 14 + 28 + sizeof(rtp));
	cr_assert_eq(seen.frame[29], 101, "source as it came");
	cr_assert(next_copy(0, &seen));
	cr_assert_eq(seen.flags, OUT);
	cr_assert_eq(seen.frame[29], 20, "source as it left");
	cr_assert_eq(seen.frame[33], 102);
	expect_none(0);
}

Test(observe, a_packet_that_is_dropped_is_seen_once_and_says_why)
{
	a_call(DP_SOURCE_STRICT);
	capture(0, CALL, DP_PORT_ANY);
	cr_assert_null(send_rtp(ipv4(66, 4000), 0));
	expect_copy(0, 0, IN, DP_DROP_FOREIGN_SOURCE + 1);
	expect_none(0);
}

Test(observe, other_calls_are_not_seen)
{
	dp_handle_t other;

	a_call(DP_SOURCE_LEARN);
	cr_assert_eq(flow_context_add(table, 0, 2, &other), 0);
	capture(0, 2, DP_PORT_ANY);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	expect_none(0);
	/* a termination that comes later is of the call as well */
	add_termination(other, 0, ipv4(103, 4000), DP_SOURCE_LEARN);
	cr_assert_null(send_rtp(ipv4(103, 4000), 0));
	expect_copy(0, 0, IN, DP_DROP_NO_PEER + 1);
	expect_none(0);
}

Test(observe, a_port_has_all_its_packets)
{
	a_call(DP_SOURCE_LEARN);
	capture(1, 0, 0);
	capture(2, 0, 5); /* another one */
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	expect_copy(0, 1, IN, 0);
	expect_copy(0, 1, OUT, 0);
	cr_assert_null(walk(udp_packet(ipv4(101, 4000), ipv4(10, 5060), rtp, 12))); /* punted */
	expect_copy(0, 1, IN, 0);
	cr_assert_null(walk(udp_packet(ipv4(101, 4000), nobodys(), rtp, 12)));
	expect_copy(0, 1, IN, DP_DROP_NO_FLOW + 1);
	expect_none(0);
	{
		void *m;

		cr_assert_eq(rte_ring_dequeue(punt, &m), 0);
		rte_pktmbuf_free(m);
	}
}

Test(observe, call_and_port_are_both_asked_for)
{
	a_call(DP_SOURCE_LEARN);
	capture(0, CALL, 5);
	capture(1, CALL, 0);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	expect_copy(0, 1, IN, 0);
	expect_copy(0, 1, OUT, 0);
	expect_none(0);
}

Test(observe, each_capture_of_a_dropped_packet_says_why)
{
	a_call(DP_SOURCE_STRICT);
	capture(0, CALL, DP_PORT_ANY);
	capture(1, 0, 0);
	capture(2, 0, DP_PORT_ANY);
	cr_assert_null(send_rtp(ipv4(66, 4000), 0));
	expect_copy(0, 1, IN, DP_DROP_FOREIGN_SOURCE + 1);
	expect_copy(0, 2, IN, DP_DROP_FOREIGN_SOURCE + 1);
	expect_copy(0, 0, IN, DP_DROP_FOREIGN_SOURCE + 1);
	expect_none(0);
}

Test(observe, snap_length_cuts_what_is_kept_and_not_what_is_said)
{
	struct rte_mbuf *m;
	const uint8_t *block;
	uint32_t captured, size;

	a_call(DP_SOURCE_LEARN);
	capture(0, CALL, DP_PORT_ANY);
	plan.captures[0].snap_length = 60;
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	cr_assert_eq(rte_ring_dequeue(observe.copies[0], (void **)&m), 0);
	block = rte_pktmbuf_mtod(m, const uint8_t *);
	memcpy(&captured, block + 20, 4);
	memcpy(&size, block + 24, 4);
	cr_assert_eq(captured, 60);
	cr_assert_eq(size, 14 + 28 + sizeof(rtp));
	rte_pktmbuf_free(m);
	expect_copy(0, 0, OUT, 0);
}

Test(observe_poor, where_there_is_no_buffer_the_packet_goes_on)
{
	a_call(DP_SOURCE_LEARN);
	capture(0, CALL, DP_PORT_ANY);
	capture(1, CALL, DP_PORT_ANY);
	for (int i = 0; i < 5; i++) {
		struct rte_mbuf *m = send_rtp(ipv4(101, 4000), 0);

		cr_assert_not_null(m);
		rte_pktmbuf_free(m);
	}
	cr_assert_eq(stats.observe_lost, 17, "of 20 copies 3 have room");
	cr_assert_eq(atomic_load(&observe.lost[0]) + atomic_load(&observe.lost[1]), 17);
	for (unsigned i = 0; i < 3; i++)
		expect_copy(0, i % 2, i < 2 ? IN : OUT, 0);
	expect_none(0);
}

static void expect_record(unsigned worker, uint32_t packet, const char *node, uint16_t port)
{
	struct dp_trace_record r;

	cr_assert_eq(rte_ring_dequeue_elem(observe.records[worker], &r, sizeof(r)), 0, "%s", node);
	cr_assert_str_eq(r.node, node);
	cr_assert_eq(r.packet, packet);
	cr_assert_eq(r.port, port, "%s: port %u", node, r.port);
	cr_assert_eq(r.worker, worker);
	cr_assert_eq(r.trace, 7);
}

Test(observe, a_trace_of_a_call_shows_where_its_packets_were)
{
	a_call(DP_SOURCE_STRICT);
	trace(CALL, DP_PORT_ANY, 2);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	expect_record(0, 1, "rx", 0);
	expect_record(0, 1, "relay", 0);
	expect_record(0, 1, "tx", 0);
	cr_assert_null(walk(udp_packet(ipv4(1, 1), nobodys(), rtp, 12))); /* no call's */
	cr_assert_null(send_rtp(ipv4(66, 4000), 1));
	expect_record(0, 2, "rx", 0);
	expect_record(0, 2, "relay", 0);
	expect_record(0, 2, "drop", 0);
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0)); /* the third of two */
	cr_assert(rte_ring_empty(observe.records[0]));
}

/* The ring for copies is made with the first capture. */
Test(observe, a_trace_needs_no_capture)
{
	struct rte_ring *copies = observe.copies[0];

	a_call(DP_SOURCE_STRICT);
	trace(CALL, DP_PORT_ANY, 1);
	observe.copies[0] = NULL;
	rte_pktmbuf_free(send_rtp(ipv4(101, 4000), 0));
	observe.copies[0] = copies;
	expect_record(0, 1, "rx", 0);
	expect_record(0, 1, "relay", 0);
	expect_record(0, 1, "tx", 0);
}

Test(observe, a_trace_of_a_port_begins_at_rx)
{
	trace(0, 0, 1);
	cr_assert_null(walk(udp_packet(ipv4(1, 1), nobodys(), rtp, 12)));
	expect_record(0, 1, "rx", 0);
	expect_record(0, 1, "relay", 0);
	expect_record(0, 1, "drop", 0);
	cr_assert(rte_ring_empty(observe.records[0]));
}

Test(observe, the_pieces_of_a_packet_are_of_its_call)
{
	struct rte_mbuf *pieces[4];
	uint16_t more;

	hop.mtu = 120; /* 180 bytes of UDP leave in two pieces */
	a_call(DP_SOURCE_STRICT);
	capture(0, CALL, DP_PORT_ANY);
	trace(CALL, DP_PORT_ANY, 1);
	pieces[0] = send_rtp(ipv4(101, 4000), 0);
	cr_assert_not_null(pieces[0]);
	more = rte_eth_rx_burst(0, 0, pieces + 1, 3);
	cr_assert_eq(more, 1);
	rte_pktmbuf_free_bulk(pieces, more + 1u);
	expect_copy(0, 0, IN, 0);
	expect_copy(0, 0, OUT, 0);
	expect_copy(0, 0, OUT, 0);
	expect_none(0);
	expect_record(0, 1, "rx", 0);
	expect_record(0, 1, "relay", 0);
	expect_record(0, 1, "tx", 0);
	cr_assert(rte_ring_empty(observe.records[0]));
}

/* The packet that worker 1 owns comes to worker 0. */
Test(observe_workers, a_packet_that_changes_the_worker_is_seen_by_both)
{
	struct rte_mbuf *out = NULL;
	unsigned theirs;

	a_call(DP_SOURCE_STRICT);
	theirs = records[side[0].index].worker == 1 ? 0 : 1;
	cr_assert_eq(records[side[theirs].index].worker, 1);
	trace(CALL, DP_PORT_ANY, 1);
	capture(0, CALL, DP_PORT_ANY);
	capture(1, 0, 0);
	cr_assert_null(send_rtp(ipv4((uint8_t)(101 + theirs), 4000), theirs));
	graph_walk(other_graph);
	cr_assert_eq(rte_eth_rx_burst(0, 0, &out, 1), 1);
	rte_pktmbuf_free(out);
	expect_copy(0, 1, IN, 0);
	expect_none(0);
	expect_copy(1, 0, IN, 0);
	expect_copy(1, 1, OUT, 0);
	expect_copy(1, 0, OUT, 0);
	expect_none(1);
	expect_record(1, 1, "rx", 0);
	expect_record(1, 1, "relay", 0);
	expect_record(1, 1, "tx", 0);
}

/* Without a trace or a capture of a port nothing is known of it from rx. */
Test(observe_workers, a_call_alone_is_captured_with_the_port_that_it_came_by)
{
	struct rte_mbuf *m, *out = NULL;
	unsigned theirs;

	a_call(DP_SOURCE_STRICT);
	theirs = records[side[0].index].worker == 1 ? 0 : 1;
	capture(0, CALL, 0);
	cr_assert_null(send_rtp(ipv4((uint8_t)(101 + theirs), 4000), theirs));
	graph_walk(other_graph);
	cr_assert_eq(rte_eth_rx_burst(0, 0, &out, 1), 1);
	rte_pktmbuf_free(out);
	expect_none(0);
	cr_assert_eq(rte_ring_dequeue(observe.copies[1], (void **)&m), 0);
	cr_assert_eq(m->port, 0, "the port, not the worker");
	rte_pktmbuf_free(m);
	expect_copy(1, 0, OUT, 0);
	expect_none(1);
}
