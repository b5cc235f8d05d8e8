/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of transfers share. The carrier talks to bob, who sends it to alice; attended, alice
 * and bob's second phone talk already.
 */
#ifndef CONTROLPLANE_ENGINE_TESTS_TRANSFER_H
#define CONTROLPLANE_ENGINE_TESTS_TRANSFER_H

#include <criterion/criterion.h>

#include "controlplane/engine/tests/world.h"

static inline void transfer_set_up(void)
{
	world_start();
	world->alice_is_there = true;
}

#define TO_ALICE "<sip:alice@tandem.lab>"

static inline struct phone *carrier(void)
{
	return &world->phones[CARRIER];
}

static inline struct phone *bob(void)
{
	return &world->phones[BOB];
}

static inline struct phone *alice(void)
{
	return &world->phones[ALICE];
}

static inline struct phone *second(void)
{
	return &world->phones[BOB2];
}

static inline unsigned sent(const char *begin)
{
	return network_count(world->net, world->tandem, begin);
}

/* The call that the party has come to; the other one has been let go, or not yet. */
static inline struct call *newest(void)
{
	return world->shard.engine->calls;
}

static inline struct call *oldest(void)
{
	struct call *call = world->shard.engine->calls;

	while (call && call->next)
		call = call->next;
	return call;
}

static inline void refer_to_alice(void)
{
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, true);
	cr_assert_not_null(alice()->invite, "alice is called");
}

static inline void alice_answers(void)
{
	phone_respond(ALICE, 200, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(20);
}

static inline void carrier_agrees(void)
{
	cr_assert(carrier()->reinvited);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(50);
}

/* The carrier talks to alice, and then no more. */
static inline void expect_together(void)
{
	struct call *call = newest();

	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(call->state, CALL_ANSWERED);
	cr_expect_eq(call->caller->remote.rtp.port, 4100);
	cr_expect_eq(call->callee->remote.rtp.port, 6000);
	cr_expect_eq(world_call_termination(call->id, 0).remote.port, 4100);
	cr_expect_eq(world_call_termination(call->id, 1).remote.port, 6000);
	cr_expect_eq(world_call_termination(call->id, 0).direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(world_call_termination(call->id, 1).direction, DP_DIRECTION_SENDRECV);
	phone_bye(ALICE);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

/* The carrier and bob talk as before, and then no more. */
static inline void expect_as_before(void)
{
	world_run(300);
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(oldest()->state, CALL_ANSWERED);
	cr_expect_null(oldest()->away);
	cr_expect_not(carrier()->ended);
	cr_expect_not(bob()->ended);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	phone_bye(BOB);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

#endif
