/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sip/base/timer.h"

#define START 1000000007u

struct probe {
	struct timer timer; /* first: fire() casts */
	struct timer_wheel *wheel;
	struct timer *other;
	uint64_t fired_at, delay;
	unsigned fired, order;
};

static unsigned order;

static void fire(struct timer *timer)
{
	struct probe *probe = (struct probe *)timer;

	cr_assert_not(timer_is_set(timer));
	probe->fired++;
	probe->fired_at = timer_wheel_now(probe->wheel);
	probe->order = ++order;
}

static void fire_and_set_again(struct timer *timer)
{
	struct probe *probe = (struct probe *)timer;

	fire(timer);
	timer_set(probe->wheel, timer, probe->delay, fire_and_set_again);
}

static void fire_and_cancel_other(struct timer *timer)
{
	struct probe *probe = (struct probe *)timer;

	fire(timer);
	timer_cancel(probe->wheel, probe->other);
}

static void fire_and_free(struct timer *timer)
{
	fire(timer);
	free(timer);
}

static struct probe probe_on(struct timer_wheel *wheel)
{
	return (struct probe){ .wheel = wheel };
}

Test(timer, fires_once_at_its_time_and_not_before)
{
	static const uint64_t delays[] = { 1,      2,       63,       64,         65,        127,
					   500,    4095,    4096,     4097,       32000,     262143,
					   262145, 3600000, 86400000, 1ull << 40, 1ull << 62 };
	struct timer_wheel *wheel = timer_wheel_create(START);

	for (unsigned i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct probe p = probe_on(wheel);
		uint64_t due = timer_wheel_now(wheel) + delays[i];

		timer_set(wheel, &p.timer, delays[i], fire);
		timer_wheel_advance(wheel, due - 1);
		cr_assert_eq(p.fired, 0, "%lu", delays[i]);
		timer_wheel_advance(wheel, due);
		cr_assert_eq(p.fired, 1, "%lu", delays[i]);
		cr_assert_eq(p.fired_at, due);
		timer_wheel_advance(wheel, due + 100);
		cr_assert_eq(p.fired, 1);
	}
	timer_wheel_destroy(wheel);
}

Test(timer, any_time_and_any_delay)
{
	for (unsigned start = 0; start < 64; start++) {
		for (unsigned delay = 0; delay < 63; delay++) {
			struct timer_wheel *wheel = timer_wheel_create(1ull << start);
			struct probe p = probe_on(wheel);
			uint64_t due = (1ull << start) + (1ull << delay);

			timer_set(wheel, &p.timer, 1ull << delay, fire);
			timer_wheel_advance(wheel, due - 1);
			cr_assert_eq(p.fired, 0, "%u %u", start, delay);
			timer_wheel_advance(wheel, due);
			cr_assert_eq(p.fired, 1, "%u %u", start, delay);
			timer_wheel_destroy(wheel);
		}
	}
}

Test(timer, no_delay_is_one_tick)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe p = probe_on(wheel);

	timer_set(wheel, &p.timer, 0, fire);
	timer_wheel_advance(wheel, START);
	cr_expect_eq(p.fired, 0);
	timer_wheel_advance(wheel, START + 1);
	cr_expect_eq(p.fired, 1);
	timer_wheel_destroy(wheel);
}

Test(timer, one_jump_fires_all_in_order_of_time_then_of_setting)
{
	enum { COUNT = 2000 };
	struct timer_wheel *wheel = timer_wheel_create(START);
	static struct probe probes[COUNT];

	srand(1);
	for (unsigned i = 0; i < COUNT; i++) {
		probes[i] = probe_on(wheel);
		probes[i].delay = (uint64_t)rand() % 5000 + 1;
		timer_set(wheel, &probes[i].timer, probes[i].delay, fire);
	}
	timer_wheel_advance(wheel, START + 100000);
	for (unsigned i = 0; i < COUNT; i++) {
		cr_assert_eq(probes[i].fired, 1);
		cr_assert_eq(probes[i].fired_at, START + probes[i].delay);
		for (unsigned k = 0; k < i; k++) {
			bool before = probes[k].delay <= probes[i].delay;

			cr_assert_eq(probes[k].order < probes[i].order, before);
		}
	}
	timer_wheel_destroy(wheel);
}

Test(timer, timers_of_one_tick_keep_their_order_on_the_way_down)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe early = probe_on(wheel), late = probe_on(wheel);

	timer_set(wheel, &early.timer, 10000, fire);
	timer_wheel_advance(wheel, START + 9990);
	timer_set(wheel, &late.timer, 10, fire);
	timer_wheel_advance(wheel, START + 10000);
	cr_expect_eq(early.order, 1);
	cr_expect_eq(late.order, 2);
	timer_wheel_destroy(wheel);
}

Test(timer, set_again_in_its_callback_sees_time_pass)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe p = probe_on(wheel);

	p.delay = 500;
	timer_set(wheel, &p.timer, p.delay, fire_and_set_again);
	timer_wheel_advance(wheel, START + 32000);
	cr_expect_eq(p.fired, 64);
	cr_expect_eq(p.fired_at, START + 32000);
	timer_cancel(wheel, &p.timer);
	timer_wheel_destroy(wheel);
}

Test(timer, cancelled_in_another_callback_of_the_same_tick)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe killer = probe_on(wheel), victim = probe_on(wheel), after = probe_on(wheel);

	killer.other = &victim.timer;
	timer_set(wheel, &killer.timer, 100, fire_and_cancel_other);
	timer_set(wheel, &victim.timer, 100, fire);
	timer_set(wheel, &after.timer, 100, fire);
	timer_wheel_advance(wheel, START + 200);
	cr_expect_eq(killer.fired, 1);
	cr_expect_eq(victim.fired, 0);
	cr_expect_eq(after.fired, 1);
	cr_expect_eq(timer_wheel_next(wheel), UINT64_MAX);
	timer_wheel_destroy(wheel);
}

Test(timer, freed_in_its_callback)
{
	struct timer_wheel *wheel = timer_wheel_create(START);

	for (unsigned i = 0; i < 10; i++) {
		struct probe *p = calloc(1, sizeof(*p));

		p->wheel = wheel;
		timer_set(wheel, &p->timer, 5 + i / 2, fire_and_free);
	}
	timer_wheel_advance(wheel, START + 100);
	cr_expect_eq(order, 10);
	timer_wheel_destroy(wheel);
}

Test(timer, moved_by_setting_it_again)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe p = probe_on(wheel);

	timer_set(wheel, &p.timer, 100, fire);
	timer_set(wheel, &p.timer, 50000, fire);
	timer_wheel_advance(wheel, START + 49999);
	cr_expect_eq(p.fired, 0);
	timer_set(wheel, &p.timer, 3, fire);
	timer_wheel_advance(wheel, START + 50002);
	cr_expect_eq(p.fired, 1);
	timer_wheel_destroy(wheel);
}

Test(timer, cancel_is_harmless_and_complete)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe p = probe_on(wheel);

	timer_cancel(wheel, &p.timer);
	timer_set(wheel, &p.timer, 700, fire);
	cr_expect(timer_is_set(&p.timer));
	timer_cancel(wheel, &p.timer);
	timer_cancel(wheel, &p.timer);
	cr_expect_not(timer_is_set(&p.timer));
	timer_wheel_advance(wheel, START + 10000);
	cr_expect_eq(p.fired, 0);
	timer_wheel_destroy(wheel);
}

Test(timer, next_is_never_late_and_leads_there_in_few_steps)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe p = probe_on(wheel);
	unsigned steps = 0;

	cr_expect_eq(timer_wheel_next(wheel), UINT64_MAX);
	timer_set(wheel, &p.timer, 40, fire);
	cr_expect_leq(timer_wheel_next(wheel), 40);
	timer_set(wheel, &p.timer, 3600000, fire);
	while (p.fired == 0) {
		uint64_t wait = timer_wheel_next(wheel);

		cr_assert_leq(timer_wheel_now(wheel) + wait, START + 3600000);
		timer_wheel_advance(wheel, timer_wheel_now(wheel) + wait);
		steps++;
	}
	cr_expect_leq(steps, 11);
	timer_wheel_destroy(wheel);
}

Test(timer, a_clock_that_goes_back_changes_nothing)
{
	struct timer_wheel *wheel = timer_wheel_create(START);
	struct probe p = probe_on(wheel);

	timer_set(wheel, &p.timer, 10, fire);
	timer_wheel_advance(wheel, START - 5000);
	cr_expect_eq(timer_wheel_now(wheel), START);
	timer_wheel_advance(wheel, START + 10);
	cr_expect_eq(p.fired, 1);
	timer_wheel_destroy(wheel);
}

Test(timer, the_end_of_time_is_no_overflow)
{
	struct timer_wheel *wheel = timer_wheel_create(UINT64_MAX - 100);
	struct probe soon = probe_on(wheel), never = probe_on(wheel);

	timer_set(wheel, &soon.timer, 60, fire);
	timer_set(wheel, &never.timer, UINT64_MAX, fire);
	timer_wheel_advance(wheel, UINT64_MAX - 1);
	cr_expect_eq(soon.fired, 1);
	cr_expect_eq(never.fired, 0);
	timer_wheel_advance(wheel, UINT64_MAX);
	cr_expect_eq(never.fired, 1);
	timer_wheel_destroy(wheel);
}

/* Against a list that is searched: random sets, moves, cancellations and steps of the clock. */
Test(timer, agrees_with_a_plain_list)
{
	enum { COUNT = 300 };
	struct timer_wheel *wheel = timer_wheel_create(START);
	static struct probe probes[COUNT];
	static uint64_t due[COUNT]; /* 0: not set */
	uint64_t now = START;

	srand(2);
	for (unsigned i = 0; i < COUNT; i++)
		probes[i] = probe_on(wheel);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % COUNT;
		uint64_t delay = ((uint64_t)rand() + 1) % (1ull << (rand() % 24)) + 1;

		if (rand() % 3 == 0) {
			timer_cancel(wheel, &probes[i].timer);
			due[i] = 0;
		} else {
			timer_set(wheel, &probes[i].timer, delay, fire);
			due[i] = now + delay;
		}
		if (rand() % 4 != 0)
			continue;
		now += (uint64_t)rand() % (1ull << (rand() % 16));
		timer_wheel_advance(wheel, now);
		for (unsigned k = 0; k < COUNT; k++) {
			bool is_due = due[k] != 0 && due[k] <= now;

			cr_assert_eq(probes[k].fired, is_due);
			if (is_due) {
				cr_assert_eq(probes[k].fired_at, due[k]);
				probes[k].fired = 0;
				due[k] = 0;
			}
			cr_assert_eq(timer_is_set(&probes[k].timer), due[k] != 0);
		}
	}
	timer_wheel_destroy(wheel);
}
