/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <criterion/criterion.h>

#include "pktgen_tests/rtpgen/impair.h"
#include "pktgen_tests/rtpgen/schedule.h"

static struct impair_plan plan;
static char why[256];

static void given(const char *text)
{
	cr_assert_eq(impair_parse(text, &plan, why, sizeof(why)), 0, "%s", why);
}

Test(impair, a_plan_is_read)
{
	given("loss=1%,duplicate=0.5%,reorder=0.25,jitter=10ms,seed=42");
	cr_assert(plan.active);
	cr_assert_eq(plan.loss, 42949673);
	cr_assert_eq(plan.duplicate, 21474836);
	cr_assert_eq(plan.reorder, UINT64_C(1) << 30);
	cr_assert_eq(plan.jitter_us, 10000);
	cr_assert_eq(plan.seed, 42);
	given("seed=7");
	cr_assert_not(plan.active);
}

Test(impair, what_is_no_plan_is_refused_and_named)
{
	const char *const bad[] = { "",          "loss",     "loss=",    "loss=101%",
				    "loss=-1%",  "loss=1ms", "jitter=5", "jitter=2000ms",
				    "latency=1", "seed=x",   "loss=1%,", "loss=nan",
				    "seed=1x",   "loss=1%%", "jitter=1s" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		cr_expect_eq(impair_parse(bad[i], &plan, why, sizeof(why)), -EINVAL, "%s", bad[i]);
		cr_expect_neq(why[0], '\0');
	}
}

Test(impair, the_same_happens_to_the_same_packet)
{
	struct impair_plan again;

	given("loss=5%,duplicate=5%,reorder=5%,jitter=3ms,seed=9");
	again = plan;
	for (uint32_t i = 0; i < 5000; i++) {
		struct impair_decision a = impair_decide(&plan, i % 7, i);
		struct impair_decision b = impair_decide(&again, i % 7, i);

		cr_assert(a.fate == b.fate && a.twice == b.twice && a.hold == b.hold &&
			  a.delay_us == b.delay_us);
	}
}

static unsigned lost_alike(uint64_t seed, uint32_t stream)
{
	unsigned alike = 0;

	for (uint32_t i = IMPAIR_OPENING; i < 2000; i++) {
		struct impair_plan p = plan;
		bool one = impair_decide(&p, 1, i).fate == IMPAIR_LOSE;

		p.seed = seed;
		alike += one && impair_decide(&p, stream, i).fate == IMPAIR_LOSE;
	}
	return alike;
}

Test(impair, another_seed_or_stream_is_another_story)
{
	given("loss=10%,seed=1");
	cr_assert_gt(lost_alike(1, 1), 150);
	cr_assert_lt(lost_alike(2, 1), 60);
	cr_assert_lt(lost_alike(1, 2), 60);
}

Test(impair, shares_are_what_was_asked_for)
{
	unsigned lost = 0, twice = 0, held = 0, delayed = 0, n = 400000;

	given("loss=1%,duplicate=0.5%,reorder=2%,jitter=10ms,seed=3");
	for (unsigned i = 0; i < n; i++) {
		struct impair_decision d = impair_decide(&plan, i % 100, IMPAIR_OPENING + i / 100);

		lost += d.fate == IMPAIR_LOSE;
		held += d.fate == IMPAIR_HOLD_BACK;
		delayed += d.fate == IMPAIR_DELAY;
		twice += d.twice;
		cr_assert(d.fate != IMPAIR_HOLD_BACK || (d.hold >= 1 && d.hold <= IMPAIR_HOLD));
		cr_assert(d.fate != IMPAIR_DELAY || (d.delay_us >= 1 && d.delay_us <= 10000));
		cr_assert(d.fate != IMPAIR_LOSE || !d.twice);
	}
	cr_assert(lost > n / 100 * 9 / 10 && lost < n / 100 * 11 / 10, "%u lost", lost);
	cr_assert(twice > n / 200 * 9 / 10 && twice < n / 200 * 11 / 10, "%u twice", twice);
	cr_assert(held > n / 50 * 9 / 10 && held < n / 50 * 11 / 10, "%u held", held);
	cr_assert_eq(lost + held + delayed, n);
}

Test(impair, all_can_be_lost_but_the_first_packets)
{
	given("loss=100%");
	for (uint32_t i = 0; i < IMPAIR_OPENING; i++)
		cr_assert_eq(impair_decide(&plan, 5, i).fate, IMPAIR_SEND);
	for (uint32_t i = IMPAIR_OPENING; i < 1000; i++)
		cr_assert_eq(impair_decide(&plan, 5, i).fate, IMPAIR_LOSE);
}

static struct schedule *schedule;

static void make_schedule(void)
{
	schedule = schedule_create(4);
	cr_assert_not_null(schedule);
}

static void end_schedule(void)
{
	schedule_destroy(schedule);
}

TestSuite(schedule, .init = make_schedule, .fini = end_schedule);

Test(schedule, what_is_held_goes_behind_its_packet_and_of_its_stream)
{
	struct schedule_packet p = { .sequence = 10, .stream = 2, .twice = true }, out;

	cr_assert(schedule_hold(schedule, &p, 13));
	cr_assert_not(schedule_next_held(schedule, 2, 12, &out));
	cr_assert_not(schedule_next_held(schedule, 1, 13, &out));
	cr_assert(schedule_next_held(schedule, 2, 13, &out));
	cr_assert(out.sequence == 10 && out.stream == 2 && out.twice);
	cr_assert_not(schedule_next_held(schedule, 2, 99, &out));
}

Test(schedule, several_are_held_of_one_stream)
{
	struct schedule_packet out;

	for (uint64_t i = 0; i < 5; i++)
		cr_assert(schedule_hold(
			schedule, &(struct schedule_packet){ .sequence = i, .stream = 1 }, 20 - i));
	cr_assert(schedule_next_held(schedule, 1, 16, &out));
	cr_assert_eq(out.sequence, 4);
	cr_assert_not(schedule_next_held(schedule, 1, 16, &out));
	for (int i = 0; i < 4; i++)
		cr_assert(schedule_next_held(schedule, 1, UINT64_MAX, &out));
	cr_assert_not(schedule_next_held(schedule, 1, UINT64_MAX, &out));
}

Test(schedule, what_is_delayed_comes_in_its_time)
{
	struct schedule_packet p = { .sequence = 1 }, q = { .sequence = 2 }, out;

	cr_assert(schedule_delay(schedule, &p, 5000, 8000));
	cr_assert(schedule_delay(schedule, &q, 5000, 300));
	cr_assert_eq(schedule_delayed(schedule), 2);
	cr_assert_not(schedule_next_due(schedule, 5299, &out));
	cr_assert(schedule_next_due(schedule, 5400, &out));
	cr_assert_eq(out.sequence, 2);
	cr_assert_not(schedule_next_due(schedule, 12999, &out));
	cr_assert(schedule_next_due(schedule, 13100, &out));
	cr_assert_eq(out.sequence, 1);
	cr_assert_eq(schedule_delayed(schedule), 0);
}

Test(schedule, an_empty_calendar_starts_where_the_clock_is)
{
	struct schedule_packet p = { .sequence = 1 }, out;

	for (uint64_t now = 0; now < UINT64_C(10000000); now += 999983) {
		cr_assert(schedule_delay(schedule, &p, now, 1000000));
		cr_assert_not(schedule_next_due(schedule, now + 999000, &out));
		cr_assert(schedule_next_due(schedule, now + 1000200, &out));
	}
}

Test(schedule, a_full_one_says_so)
{
	struct schedule_packet p = { 0 }, out;
	uint32_t i;

	for (i = 0; schedule_hold(schedule, &p, 1); i++)
		;
	cr_assert_eq(i, SCHEDULE_ITEMS);
	cr_assert_not(schedule_delay(schedule, &p, 0, 100));
	cr_assert(schedule_next_held(schedule, 0, 1, &out));
	cr_assert(schedule_delay(schedule, &p, 0, 100));
}
