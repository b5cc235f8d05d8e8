/* SPDX-License-Identifier: BSD-3-Clause */
/* A transfer, with each allocation of ours refused in its turn: it may fail, and then the calls that
 * there were can be ended, and all of it is gone. */
#include <criterion/criterion.h>

#include "controlplane/engine/tests/world.h"
#include "sip/base/tests/starve.h"

#define RUNS_MAX 3000u

TestSuite(engine_starve, .timeout = 120);

static void answer_if_asked(unsigned phone, const char *sdp)
{
	struct phone *p = &world->phones[phone];

	if (!p->invite)
		return;
	starve_hold();
	if (p->reinvited) {
		p->reinvited = false;
		sip_invite_answer(p->invite, NULL, slice_of(sdp));
	} else {
		sip_invite_respond(p->invite, 200, NULL, slice_of(sdp), SLICE_NONE);
	}
	starve_release();
}

static void refer(const char *to)
{
	phone_refer(BOB, to, true);
	world_run(700);
}

static void blind(void)
{
	refer("<sip:alice@tandem.lab>");
	answer_if_asked(ALICE, phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(700);
	answer_if_asked(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(700);
}

static void attended(void)
{
	refer(phone_replaces(BOB2));
	answer_if_asked(CARRIER, phone_sdp(CARRIER, 4100, "8 101", "sendrecv"));
	world_run(700);
}

static void consult(void)
{
	world->contacts_from = 1;
	phone_call(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"));
	world_run(50);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 7000, "8 101", "sendrecv"));
	world_run(20);
}

/* How many allocations it has. */
static unsigned run(void (*prepare)(void), void (*transfer)(void), unsigned n)
{
	unsigned seen;

	world_start();
	world->alice_is_there = true;
	world_bridged_call();
	if (prepare)
		prepare();
	starve_begin(n);
	transfer();
	seen = starve_end();
	engine_hangup_all(world->shard.engine);
	world_run(70000);
	world_expect_nothing_left();
	world_stop();
	return seen;
}

Test(engine_starve, a_blind_transfer_does_without)
{
	unsigned n = 1;

	while (run(NULL, blind, n) >= n)
		cr_assert_lt(n++, RUNS_MAX);
	cr_expect(!starve_works() || n > 30, "%u", n);
}

Test(engine_starve, an_attended_transfer_does_without)
{
	unsigned n = 1;

	while (run(consult, attended, n) >= n)
		cr_assert_lt(n++, RUNS_MAX);
	cr_expect(!starve_works() || n > 20, "%u", n);
}
