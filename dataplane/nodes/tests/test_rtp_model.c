/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The figures of rtp_count() against a model that knows what was done to a stream: which packets
 * were lost, held back, sent twice. The model keeps all that came in a list and counts in it; the
 * bursts of loss it makes packet by packet, as RFC 3611 A.2 is written.
 */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "dataplane/flow/flow.h"
#include "dataplane/nodes/rtp.h"

#define LONGEST 4000u

struct arrival {
	uint32_t packet; /* 0 up */
	uint32_t place;  /* it comes with this one */
};

struct model {
	uint32_t packets, lost, reordered, duplicate, expected;
	uint32_t c11, c13, c14, c22, c23, c33;
	bool came[LONGEST];
};

static uint64_t seed = 88172645463325252u;

static uint32_t dice(uint32_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * sides >> 32);
}

static int by_place(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->packet < y->packet ? -1 : x->packet > y->packet;
}

/* Per mille of packets that are lost (and then several in a row), held back, sent twice. */
struct impairment {
	uint32_t loss, burst, reordering, depth, duplication;
};

static size_t impair(struct arrival *list, uint32_t count, const struct impairment *how)
{
	uint32_t losing = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (losing == 0 && dice(1000) < how->loss)
			losing = 1 + dice(how->burst);
		if (losing > 0) {
			losing--;
			continue;
		}
		list[n++] = (struct arrival){ i, i };
		if (dice(1000) < how->reordering)
			list[n - 1].place += 1 + dice(how->depth);
		if (dice(1000) < how->duplication)
			list[n++] = (struct arrival){ i, i + dice(how->depth + 1) };
	}
	qsort(list, n, sizeof(*list), by_place);
	return n;
}

/* RFC 3611 appendix A.2, with its names; but its c13 counts a burst that never was at the first
 * loss of all, and a loss in the first packets would go on with one. */
static void count_bursts(struct model *m, uint32_t first, uint32_t end)
{
	uint32_t pkt = 0, lost = 0;

	for (uint32_t i = first; i < end; i++) {
		if (m->came[i]) {
			pkt++;
			continue;
		}
		if (pkt >= 16 || lost == 0) {
			if (lost == 1)
				m->c14++;
			else if (lost > 1)
				m->c13++;
			lost = 1;
			m->c11 += pkt;
		} else {
			lost++;
			if (pkt == 0) {
				m->c33++;
			} else {
				m->c23++;
				m->c22 += pkt - 1;
			}
		}
		pkt = 0;
	}
}

static void count_in(struct model *m, const struct arrival *list, size_t n)
{
	uint32_t first = UINT32_MAX, last = 0;

	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < n; i++) {
		uint32_t packet = list[i].packet;

		m->packets++;
		if (m->came[packet])
			m->duplicate++;
		else if (i > 0 && packet < last)
			m->reordered++;
		m->came[packet] = true;
		last = packet > last ? packet : last;
		first = packet < first ? packet : first;
	}
	m->expected = last - first + 1;
	for (uint32_t i = first; i <= last; i++)
		m->lost += !m->came[i];
	/* what is still in the window may come yet */
	if (last >= 64)
		count_bursts(m, first, last - 63);
}

static void feed(struct dp_termination_counters *c, uint32_t sequence)
{
	struct rtp_clock clock = { .now = sequence * 160,
				   .scale = flow_clock_scale(8000),
				   .telephone_event = 255 };
	uint8_t p[12] = { 0x80, 0, (uint8_t)(sequence >> 8), (uint8_t)sequence };
	uint32_t timestamp = __builtin_bswap32(sequence * 160);

	memcpy(p + 4, &timestamp, 4);
	rtp_count(c, p, 172, &clock);
}

static void compare(uint32_t count, const struct impairment *how)
{
	static struct arrival list[2 * LONGEST];
	static struct model m;
	struct dp_termination_counters c = { 0 };
	uint32_t start = dice(65536);
	size_t n = impair(list, count, how);

	if (n == 0)
		return;
	count_in(&m, list, n);
	for (size_t i = 0; i < n; i++)
		feed(&c, start + list[i].packet);
	cr_assert_eq(c.packets, m.packets);
	cr_assert_eq(c.bytes, 172ull * m.packets);
	cr_assert_eq(dp_counters_expected(&c), m.expected);
	cr_assert_eq(dp_counters_lost(&c), m.lost, "%u, %u", dp_counters_lost(&c), m.lost);
	cr_assert_eq(c.reordered, m.reordered, "%u, %u", c.reordered, m.reordered);
	cr_assert_eq(c.duplicate, m.duplicate, "%u, %u", c.duplicate, m.duplicate);
	cr_assert_eq(c.late, 0);
	cr_assert_eq(c.other_ssrc + c.ssrc_changes, 0);
	cr_assert_eq(c.c13, m.c13, "%u, %u", c.c13, m.c13);
	cr_assert_eq(c.c14, m.c14, "%u, %u", c.c14, m.c14);
	cr_assert_eq(c.c22, m.c22, "%u, %u", c.c22, m.c22);
	cr_assert_eq(c.c23, m.c23, "%u, %u", c.c23, m.c23);
	cr_assert_eq(c.c33, m.c33, "%u, %u", c.c33, m.c33);
	cr_assert_eq(c.packets, m.expected - m.lost + m.duplicate);
}

Test(rtp_model, each_impairment_alone_and_all_together_are_counted_exactly)
{
	static const struct impairment table[] = {
		{ 0, 1, 0, 1, 0 },         { 10, 1, 0, 1, 0 },        { 300, 1, 0, 1, 0 },
		{ 20, 30, 0, 1, 0 },       { 5, 200, 0, 1, 0 },       { 0, 1, 50, 1, 0 },
		{ 0, 1, 500, 60, 0 },      { 0, 1, 0, 1, 100 },       { 0, 1, 0, 60, 900 },
		{ 20, 1, 20, 3, 20 },      { 50, 5, 200, 40, 100 },   { 300, 20, 300, 60, 300 },
		{ 2, 100, 700, 60, 1000 }, { 900, 60, 900, 60, 900 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (unsigned round = 0; round < 300; round++)
			compare(1 + dice(round % 2 ? LONGEST : 200), &table[i]);
}

Test(rtp_model, what_comes_behind_the_window_is_late_and_nothing_else)
{
	struct dp_termination_counters c = { 0 };

	for (uint32_t i = 0; i < 200; i++)
		if (i != 100)
			feed(&c, i);
	feed(&c, 100); /* 99 behind */
	cr_assert_eq(c.packets, 200);
	cr_assert_eq(dp_counters_lost(&c), 1);
	cr_assert_eq(c.late, 1);
	cr_assert_eq(c.reordered + c.duplicate, 0);
}

/* Whatever was expected when the source began is long past. */
Test(rtp_model, a_replay_of_any_packet_of_long_ago_starts_nothing)
{
	for (uint32_t replayed = 1000; replayed < 1010; replayed++) {
		struct dp_termination_counters c = { 0 };

		for (uint32_t i = 1000; i < 5000; i++)
			feed(&c, i);
		feed(&c, replayed);
		for (uint32_t i = 5000; i < 5100; i++)
			feed(&c, i);
		cr_assert_eq(c.packets, 4101);
		cr_assert_eq(dp_counters_expected(&c), 4100);
		cr_assert_eq(dp_counters_lost(&c), 0);
		cr_assert_eq(c.ssrc_changes, 0);
		cr_assert_eq(c.other_ssrc, 1, "a jump that was seen once");
	}
}
