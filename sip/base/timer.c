/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time at which a timer is due is read as a number to base 64. A timer lies in the level of
 * the highest digit in which its time differs from now, in the slot of that digit:
 *
 *   level 0   the next 64 ms, a slot a millisecond
 *   level 1   the next 4.1 s, a slot 64 ms
 *   level 2   the next 4.4 min, a slot 4.1 s, and so on up to 64 bits
 *
 * When the clock enters a slot of a higher level, its timers move to lower ones. So:
 *   - all that is in a lower level is due before all that is in a higher one;
 *   - occupied slots are always ahead of the clock's own digit, and none wraps around;
 *   - where a timer lies follows from its time and the clock's, and need not be kept;
 *   - timers of one millisecond fire in the order in which they were set.
 */
#include "sip/base/timer.h"

#include <stdlib.h>

#define DIGIT_BITS 6
#define SLOTS      (1u << DIGIT_BITS)
#define LEVELS     11 /* 66 bits */

struct slot {
	struct timer *first;
	struct timer **end; /* where the next one is hung; NULL while it is empty */
};

struct timer_wheel {
	uint64_t now_ms;
	bool advancing;
	uint64_t occupied[LEVELS]; /* a bit a slot */
	struct slot slots[LEVELS][SLOTS];
};

struct place {
	unsigned level, slot;
};

static struct place place_of(const struct timer_wheel *wheel, uint64_t due_ms)
{
	uint64_t differs = due_ms ^ wheel->now_ms;
	struct place place = { 0, 0 };

	if (differs != 0)
		place.level = (63u - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS;
	place.slot = (unsigned)(due_ms >> (place.level * DIGIT_BITS)) & (SLOTS - 1);
	return place;
}

/* When the clock enters a slot that is ahead of it. */
static uint64_t slot_start(const struct timer_wheel *wheel, struct place place)
{
	unsigned low = place.level * DIGIT_BITS, high = low + DIGIT_BITS;
	uint64_t above = high < 64 ? wheel->now_ms >> high << high : 0;

	return above | (uint64_t)place.slot << low;
}

static void insert(struct timer_wheel *wheel, struct timer *timer)
{
	struct place place = place_of(wheel, timer->due_ms);
	struct slot *slot = &wheel->slots[place.level][place.slot];

	if (slot->first == NULL) {
		slot->end = &slot->first;
		wheel->occupied[place.level] |= 1ull << place.slot;
	}
	timer->next = NULL;
	timer->prev = slot->end;
	*slot->end = timer;
	slot->end = &timer->next;
}

static void take_out(struct timer_wheel *wheel, struct timer *timer)
{
	struct place place = place_of(wheel, timer->due_ms);
	struct slot *slot = &wheel->slots[place.level][place.slot];

	*timer->prev = timer->next;
	if (timer->next != NULL)
		timer->next->prev = timer->prev;
	else
		slot->end = timer->prev;
	if (slot->first == NULL)
		wheel->occupied[place.level] &= ~(1ull << place.slot);
	timer->next = NULL;
	timer->prev = NULL;
}

struct timer_wheel *timer_wheel_create(uint64_t now_ms)
{
	struct timer_wheel *wheel = calloc(1, sizeof(*wheel));

	if (wheel != NULL)
		wheel->now_ms = now_ms;
	return wheel;
}

void timer_wheel_destroy(struct timer_wheel *wheel)
{
	free(wheel);
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms,
	       void (*fire)(struct timer *timer))
{
	if (timer_is_set(timer))
		take_out(wheel, timer);
	if (delay_ms == 0)
		delay_ms = 1;
	if (delay_ms > UINT64_MAX - wheel->now_ms)
		delay_ms = UINT64_MAX - wheel->now_ms;
	timer->due_ms = wheel->now_ms + delay_ms;
	timer->fire = fire;
	insert(wheel, timer);
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
	if (timer_is_set(timer))
		take_out(wheel, timer);
}

bool timer_is_set(const struct timer *timer)
{
	return timer->prev != NULL;
}

/* The first occupied slot; false: no timer is set. */
static bool first_slot(const struct timer_wheel *wheel, struct place *place)
{
	for (unsigned level = 0; level < LEVELS; level++) {
		if (wheel->occupied[level] != 0) {
			place->level = level;
			place->slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
			return true;
		}
	}
	return false;
}

/* The clock has entered this slot of a higher level: its timers go to where they lie now. */
static void spread(struct timer_wheel *wheel, struct place place)
{
	struct slot *slot = &wheel->slots[place.level][place.slot];
	struct timer *timer = slot->first;

	slot->first = NULL;
	wheel->occupied[place.level] &= ~(1ull << place.slot);
	while (timer != NULL) {
		struct timer *next = timer->next;

		insert(wheel, timer);
		timer = next;
	}
}

void timer_wheel_advance(struct timer_wheel *wheel, uint64_t now_ms)
{
	struct place place;

	if (wheel->advancing)
		return;
	wheel->advancing = true;
	while (first_slot(wheel, &place)) {
		uint64_t start = slot_start(wheel, place);
		struct timer *timer = wheel->slots[place.level][place.slot].first;

		if (start > now_ms)
			break;
		wheel->now_ms = start;
		if (place.level > 0) {
			spread(wheel, place);
			continue;
		}
		take_out(wheel, timer);
		timer->fire(timer);
	}
	if (wheel->now_ms < now_ms)
		wheel->now_ms = now_ms;
	wheel->advancing = false;
}

uint64_t timer_wheel_next(const struct timer_wheel *wheel)
{
	struct place place;

	if (!first_slot(wheel, &place))
		return UINT64_MAX;
	return slot_start(wheel, place) - wheel->now_ms;
}

uint64_t timer_wheel_now(const struct timer_wheel *wheel)
{
	return wheel->now_ms;
}
