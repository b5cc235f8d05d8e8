/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller against a server that is simulated: one thread, a socket with room, a clock. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sip/guard/load.h"

#define SOCKET  4000u /* messages that wait at most */
#define TARGET  25u   /* ms */
#define CLASSES SIP_CLASSES
#define ENDS    65536u

struct server {
	struct sip_load load;
	uint64_t now_us;
	struct {
		uint64_t came_us;
		enum sip_class class;
	} queue[SOCKET];
	unsigned first, count;
	uint32_t cost_us, refusal_us;
	double rates[CLASSES]; /* offered a second */
	double due[CLASSES];   /* what has come and is not a whole one yet */
	uint64_t offered[CLASSES], done[CLASSES];
	uint64_t waits_us, handled, longest_us;
	/* A call that was let in is ended after talk_us; that costs, too, and is never shed. */
	uint64_t talk_us, end_us, ends_us[ENDS];
	unsigned first_end, last_end;
};

static struct server *server(uint32_t cost_us, uint32_t refusal_us)
{
	struct server *s = calloc(1, sizeof(*s));

	s->now_us = 1000000;
	s->cost_us = cost_us;
	s->refusal_us = refusal_us;
	sip_load_init(&s->load, TARGET, s->now_us);
	return s;
}

static void arrive(struct server *s, uint64_t us)
{
	for (unsigned class = 0; class < CLASSES; class ++) {
		s->due[class] += s->rates[class] * (double)us / 1e6;
		for (; s->due[class] >= 1; s->due[class] -= 1) {
			s->offered[class]++;
			if (s->count == SOCKET)
				continue;
			s->queue[(s->first + s->count) % SOCKET].came_us = s->now_us;
			s->queue[(s->first + s->count++) % SOCKET].class = (enum sip_class) class;
		}
	}
}

static void queue_ends(struct server *s)
{
	while (s->first_end != s->last_end && s->ends_us[s->first_end % ENDS] <= s->now_us) {
		s->first_end++;
		s->due[SIP_CLASS_DIALOG] += 1;
	}
}

static void pass(struct server *s, uint64_t us)
{
	s->now_us += us;
	queue_ends(s);
	arrive(s, us);
}

/* A turn: at most 128 messages, as the transport does it, or a millisecond of sleep. */
static void turn(struct server *s)
{
	const uint64_t began_us = s->now_us;

	if (s->count == 0) {
		pass(s, 1000);
		sip_load_turn(&s->load, 0, s->now_us);
		return;
	}
	for (unsigned i = 0; i < 128 && s->count > 0; i++) {
		const enum sip_class class = s->queue[s->first].class;
		const uint64_t wait_us = s->now_us - s->queue[s->first].came_us;

		s->first = (s->first + 1) % SOCKET;
		s->count--;
		sip_load_wait(&s->load, wait_us);
		s->waits_us += wait_us;
		s->handled++;
		s->longest_us = wait_us > s->longest_us ? wait_us : s->longest_us;
		if (sip_load_admit(&s->load, class, sip_load_share(&s->load, class))) {
			s->done[class]++;
			if (class == SIP_CLASS_CALL && s->talk_us > 0)
				s->ends_us[s->last_end++ % ENDS] = s->now_us + s->talk_us;
			pass(s, class == SIP_CLASS_DIALOG ? s->end_us : s->cost_us);
		} else {
			pass(s, s->refusal_us);
		}
	}
	sip_load_turn(&s->load, s->now_us - began_us, s->now_us);
}

static void run(struct server *s, double seconds)
{
	const uint64_t end_us = s->now_us + (uint64_t)(seconds * 1e6);

	memset(s->offered, 0, sizeof(s->offered));
	memset(s->done, 0, sizeof(s->done));
	s->waits_us = s->handled = s->longest_us = 0;
	while (s->now_us < end_us)
		turn(s);
}

/* capacity a second, times of it that are offered, cost of a refusal in parts of a call's, mean
 * wait at most: with 200 a second a turn of the loop alone takes that long */
static const struct {
	uint32_t capacity;
	double times;
	unsigned refusal_part, wait_ms;
} loads[] = {
	{ 200, 3, 50, 4 * TARGET },    { 2000, 1.2, 50, 2 * TARGET }, { 2000, 3, 50, 2 * TARGET },
	{ 2000, 10, 100, 2 * TARGET }, { 5000, 3, 30, 2 * TARGET },
};

Test(load, above_its_capacity_a_server_does_what_it_can)
{
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		const uint32_t cost = 1000000 / loads[i].capacity;
		struct server *s = server(cost, cost / loads[i].refusal_part);
		double refused, possible;

		s->rates[SIP_CLASS_CALL] = loads[i].capacity * loads[i].times;
		run(s, 3);
		run(s, 10);
		/* What is left when each refusal is paid for. */
		refused = (double)(s->offered[SIP_CLASS_CALL] - s->done[SIP_CLASS_CALL]);
		possible = 10 * loads[i].capacity - refused / loads[i].refusal_part;
		cr_expect_gt((double)s->done[SIP_CLASS_CALL], 0.95 * possible,
			     "%u a second, %.1f times: %lu of %.0f", loads[i].capacity,
			     loads[i].times, s->done[SIP_CLASS_CALL], possible);
		cr_expect_lt((double)s->waits_us / (double)s->handled, 1000.0 * loads[i].wait_ms,
			     "%u a second, %.1f times: wait %.1f ms", loads[i].capacity,
			     loads[i].times, (double)s->waits_us / (double)s->handled / 1000);
		free(s);
	}
}

/* What is let in comes back a second later, and costs four times as much then. */
Test(load, short_calls_do_not_make_it_swing)
{
	struct server *s = server(100, 10);
	const double capacity = 1e6 / (100 + 400);

	s->talk_us = 1000000;
	s->end_us = 400;
	s->rates[SIP_CLASS_CALL] = 3 * capacity;
	run(s, 2);
	run(s, 10);
	cr_expect_gt((double)s->done[SIP_CLASS_CALL], 0.9 * 10 * capacity, "%.2f of the capacity",
		     (double)s->done[SIP_CLASS_CALL] / 10 / capacity);
	free(s);
}

Test(load, below_its_capacity_nothing_is_shed)
{
	struct server *s = server(500, 10);

	s->rates[SIP_CLASS_CALL] = 1800;
	run(s, 10);
	cr_assert_eq(s->load.engagements, 0);
	cr_assert_eq(s->done[SIP_CLASS_CALL] + s->count, s->offered[SIP_CLASS_CALL]);
	free(s);
}

Test(load, a_stall_is_no_overload)
{
	struct server *s = server(500, 10);

	s->rates[SIP_CLASS_CALL] = 1000;
	run(s, 1);
	pass(s, 60000); /* something else had the processor */
	run(s, 5);
	cr_assert_eq(s->load.engagements, 0);
	free(s);
}

Test(load, who_matters_less_gives_way_first)
{
	struct server *s = server(500, 10);

	s->rates[SIP_CLASS_EMERGENCY] = 20;
	s->end_us = 250;
	s->rates[SIP_CLASS_DIALOG] = 200;
	s->rates[SIP_CLASS_CALL] = 1000;
	s->rates[SIP_CLASS_REGISTER] = 1000;
	s->rates[SIP_CLASS_OTHER] = 500;
	run(s, 5);
	run(s, 10);
	cr_expect_geq(s->done[SIP_CLASS_EMERGENCY] + 2, s->offered[SIP_CLASS_EMERGENCY]);
	cr_expect_geq(s->done[SIP_CLASS_DIALOG] + 20, s->offered[SIP_CLASS_DIALOG]);
	cr_expect_gt((double)s->done[SIP_CLASS_CALL], 0.97 * (double)s->offered[SIP_CLASS_CALL]);
	cr_expect_lt((double)s->done[SIP_CLASS_OTHER], 0.05 * (double)s->offered[SIP_CLASS_OTHER]);
	cr_expect_gt((double)s->done[SIP_CLASS_REGISTER],
		     0.5 * (double)s->offered[SIP_CLASS_REGISTER]);
	cr_expect_lt((double)s->done[SIP_CLASS_REGISTER],
		     0.95 * (double)s->offered[SIP_CLASS_REGISTER]);
	free(s);
}

Test(load, when_it_is_over_all_are_let_in_again)
{
	struct server *s = server(500, 10);

	s->rates[SIP_CLASS_CALL] = 8000;
	run(s, 5);
	cr_assert(s->load.engaged);
	cr_assert_lt(sip_load_share(&s->load, SIP_CLASS_CALL), 0.5);
	s->rates[SIP_CLASS_CALL] = 100;
	run(s, 5);
	cr_assert_not(s->load.engaged);
	cr_assert_eq(sip_load_share(&s->load, SIP_CLASS_CALL), 1);
	cr_assert_eq(s->load.engagements, 1);
	free(s);
}

Test(load, a_loop_that_slept_through_the_end_of_it_refuses_nobody)
{
	struct server *s = server(500, 10);

	s->rates[SIP_CLASS_CALL] = 8000;
	run(s, 5);
	cr_assert(s->load.engaged);
	sip_load_turn(&s->load, 0, s->now_us + 60000000);
	cr_assert_eq(sip_load_share(&s->load, SIP_CLASS_CALL), 1);
	free(s);
}
