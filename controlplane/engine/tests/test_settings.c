/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane is told of a call's terminations: by configuration, and by whose SDP it is. */
#include <criterion/criterion.h>

#include "controlplane/engine/tests/world.h"

TestSuite(settings, .init = world_start, .fini = world_stop);

Test(settings, what_the_configuration_says_of_terminations_is_told_to_the_dataplane)
{
	world->config.calls.packet_rate_max = 200;
	world->config.calls.rtcp = "own";
	world_bridged_call();
	for (unsigned side = 0; side < 2; side++) {
		struct dp_termination_record r = world_termination(side);

		cr_expect_eq(r.codec, DP_CODEC_PCMA);
		cr_expect_eq(r.packet_rate_max, 200);
		cr_expect(r.flags & DP_TERMINATION_RTCP_OWN);
	}
	/* another configuration in the next life holds for calls on record too */
	world->config.calls.packet_rate_max = 300;
	world->config.calls.rtcp = "relay";
	world_kill_controlplane();
	for (unsigned side = 0; side < 2; side++) {
		struct dp_termination_record r = world_termination(side);

		cr_expect_eq(r.codec, DP_CODEC_PCMA);
		cr_expect_eq(r.packet_rate_max, 300);
		cr_expect_not(r.flags & DP_TERMINATION_RTCP_OWN);
	}
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

static void expect_rules(uint8_t caller, uint8_t callee)
{
	cr_expect_eq(world_termination(0).source_rule, caller, "%u",
		     world_termination(0).source_rule);
	cr_expect_eq(world_termination(1).source_rule, callee, "%u",
		     world_termination(1).source_rule);
}

/* The SDP of the second phone names another host than its SIP comes from. */
static void answer_from_behind_a_nat(void)
{
	phone_call(CARRIER, "sip:bob@tandem.lab", phone_sdp(CARRIER, 4000, "8", "sendrecv"));
	world_run(20);
	expect_rules(DP_SOURCE_LEARN, DP_SOURCE_LEARN);
	phone_respond(BOB, 200, phone_sdp(BOB2, 5000, "8", "sendrecv"));
	world_run(20);
}

Test(settings, a_party_without_a_nat_between_is_heard_from_its_host_alone)
{
	answer_from_behind_a_nat();
	expect_rules(DP_SOURCE_HOST, DP_SOURCE_LEARN);
	/* its media goes elsewhere, and comes back, with its offers */
	phone_reinvite(CARRIER, phone_sdp(BOB2, 4000, "8", "sendrecv"));
	world_run(20);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8", "sendrecv"));
	world_run(20);
	expect_rules(DP_SOURCE_LEARN, DP_SOURCE_HOST);
	world_kill_controlplane();
	expect_rules(DP_SOURCE_LEARN, DP_SOURCE_HOST);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(settings, the_configuration_may_ask_for_one_source_rule)
{
	world->config.calls.media_source = "learn";
	world_bridged_call();
	expect_rules(DP_SOURCE_LEARN, DP_SOURCE_LEARN);
	world->config.calls.media_source = "strict";
	world_kill_controlplane();
	expect_rules(DP_SOURCE_STRICT, DP_SOURCE_STRICT);
	world->config.calls.media_source = "auto";
	world_kill_controlplane();
	expect_rules(DP_SOURCE_LEARN, DP_SOURCE_LEARN);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}
