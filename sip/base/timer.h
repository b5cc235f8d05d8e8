/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timer wheel: hierarchical, 1 ms ticks, O(1) set and cancel, no allocation. The clock is a
 * parameter, so tests move time by hand. One thread per wheel.
 */
#ifndef SIP_BASE_TIMER_H
#define SIP_BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer_wheel;

/* Embedded in what it belongs to; zero-initialised means not set. Private to timer.c. */
struct timer {
	struct timer *next, **prev;
	uint64_t due_ms;
	void (*fire)(struct timer *timer);
};

struct timer_wheel *timer_wheel_create(uint64_t now_ms);
void timer_wheel_destroy(struct timer_wheel *wheel);

/* Fires delay_ms after the wheel's time (0 counts as 1), once. One that is set already is moved. */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms,
	       void (*fire)(struct timer *timer));
/* Harmless on a timer that is not set. */
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);
bool timer_is_set(const struct timer *timer);

/* Moves the clock and fires what is due, in order of time, those of one millisecond in the order in
 * which they were set. Timers may be set, cancelled and freed in it; the wheel's time is then that
 * at which the timer was due. A clock that goes back is ignored. */
void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms);
/* Milliseconds until the next timer may be due (never later than it is), UINT64_MAX: none set. */
uint64_t timer_wheel_next(const struct timer_wheel *wheel);
uint64_t timer_wheel_now(const struct timer_wheel *wheel);

#endif
