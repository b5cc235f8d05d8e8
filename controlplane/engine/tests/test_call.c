/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls from the first INVITE to the CDR, between scripted phones. */
#include <criterion/criterion.h>
#include <errno.h>

#include "controlplane/engine/tests/world.h"

TestSuite(call, .init = world_start, .fini = world_stop);

#define OFFER  phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv")
#define ANSWER phone_sdp(BOB, 5000, "8 101", "sendrecv")

static struct phone *carrier(void)
{
	return &world->phones[CARRIER];
}

static struct phone *bob(void)
{
	return &world->phones[BOB];
}

static void call_bob(void)
{
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(20);
}

static void expect_cdr(unsigned cause, const char *reason, const char *ended_by)
{
	cr_expect_eq(world->cdrs, 1, "%u CDRs", world->cdrs);
	cr_expect_eq(world->cdr.cause, cause, "cause %u", world->cdr.cause);
	cr_expect_str_eq(world->cdr_reason, reason);
	cr_expect_str_eq(world->cdr_ended_by, ended_by);
}

Test(call, a_call_is_set_up_bridged_and_ended_by_the_caller)
{
	struct dp_termination_record a, b;
	struct dp_address remote;

	world_bridged_call();
	cr_expect_eq(carrier()->progress, 180);
	a = world_termination(0);
	b = world_termination(1);
	dp_address_parse("198.18.0.104", 4000, &remote);
	cr_expect(dp_address_equal(&a.remote, &remote));
	dp_address_parse("198.18.0.102", 5000, &remote);
	cr_expect(dp_address_equal(&b.remote, &remote));
	cr_expect_eq(a.direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(b.direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(a.payload_type, 8);
	cr_expect_eq(b.telephone_event, 101);
	cr_expect_eq(a.media_timeout_ms, 60000);
	cr_expect_not_null(world->record, "on record once acknowledged");

	phone_bye(CARRIER);
	world_run(50);
	cr_expect_eq(bob()->how, SIP_END_BYE_RECEIVED);
	expect_cdr(200, "normal", "caller");
	cr_expect_str_eq(world->cdr_codec, "PCMA");
	cr_expect_gt(world->cdr.answered_ms, 0);
	cr_expect_gt(world->cdr.ringing_ms, 0);
	world_expect_nothing_left();
}

Test(call, the_callee_ends_it)
{
	world_bridged_call();
	phone_bye(BOB);
	world_run(50);
	cr_expect_eq(carrier()->how, SIP_END_BYE_RECEIVED);
	expect_cdr(200, "normal", "callee");
	world_expect_nothing_left();
}

Test(call, neither_side_sees_an_address_of_the_other)
{
	call_bob();
	cr_expect_null(strstr(bob()->sdp, "198.18.0.104"));
	cr_expect_not_null(strstr(bob()->sdp, "198.18.0.20"));
	cr_expect_not_null(strstr(bob()->sdp, "RTP/AVP 0 8 101"));
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	cr_expect_null(strstr(carrier()->sdp, "198.18.0.102"));
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 8 101"));
	cr_expect_null(network_nth(world->net, world->tandem, "INVITE ", 1));
	cr_expect_not(packet_has(network_nth(world->net, world->tandem, "INVITE ", 0),
				 "carrier.example"));
	cr_expect(packet_has(network_nth(world->net, world->tandem, "INVITE ", 0),
			     "Max-Forwards: 69"));
}

Test(call, early_media_is_bridged_before_the_answer)
{
	call_bob();
	phone_respond(BOB, 183, ANSWER);
	world_run(20);
	cr_expect_eq(carrier()->progress, 183);
	cr_expect_not_null(strstr(carrier()->sdp, "198.18.0.20"));
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	cr_expect_eq(world_termination(1).media_timeout_ms, 0);
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	cr_expect(carrier()->answered);
	cr_expect_eq(world_termination(1).media_timeout_ms, 60000);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(call, a_caller_that_gives_up_cancels_the_callee)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(20);
	sip_invite_cancel(carrier()->invite, SLICE_NONE);
	world_run(50);
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
	cr_expect_eq(carrier()->final, 487);
	expect_cdr(487, "cancelled", "caller");
	world_expect_nothing_left();
}

static void expect_refusal_is_passed(unsigned status, unsigned passed, const char *reason)
{
	call_bob();
	phone_respond(BOB, status, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, passed);
	expect_cdr(passed, reason, "callee");
	world_expect_nothing_left();
}

Test(call, busy_is_passed_on)
{
	expect_refusal_is_passed(486, 486, "busy");
}

Test(call, a_decline_is_passed_on)
{
	expect_refusal_is_passed(603, 603, "rejected");
}

Test(call, a_redirection_is_not_passed_on)
{
	expect_refusal_is_passed(302, 480, "unavailable");
}

static void expect_refused_at_once(const char *to, const char *sdp, unsigned status,
				   const char *reason)
{
	phone_call(CARRIER, to, sdp);
	world_run(50);
	cr_expect_eq(carrier()->final, status, "%u", carrier()->final);
	expect_cdr(status, reason, "system");
	cr_expect_eq(network_count(world->net, world->tandem, "INVITE "), 0);
	world_expect_nothing_left();
}

Test(call, an_unknown_user_gets_404)
{
	expect_refused_at_once("sip:nobody@tandem.lab", OFFER, 404, "not-found");
}

Test(call, a_user_without_a_phone_gets_480)
{
	expect_refused_at_once("sip:carrol@tandem.lab", OFFER, 480, "unavailable");
}

Test(call, a_foreign_domain_is_refused)
{
	expect_refused_at_once("sip:bob@elsewhere.example", OFFER, 403, "foreign-domain");
}

Test(call, a_broken_offer_is_400)
{
	expect_refused_at_once("sip:bob@tandem.lab", "v=0\r\nm=nonsense\r\n", 400, "malformed");
}

Test(call, without_a_dataplane_503_says_when_to_try_again)
{
	media_detached(world->shard.media);
	expect_refused_at_once("sip:bob@tandem.lab", OFFER, 503, "dataplane");
	cr_expect_not_null(strstr(carrier()->headers, "Retry-After: 5"));
}

Test(call, a_dataplane_without_ports_is_503)
{
	fake->fail_type = DP_COMMAND_TERMINATION_ADD;
	fake->fail_status = -EADDRNOTAVAIL;
	expect_refused_at_once("sip:bob@tandem.lab", OFFER, 503, "dataplane");
}

Test(call, when_draining_nobody_is_let_in)
{
	atomic_store(&world->shard.draining, true);
	expect_refused_at_once("sip:bob@tandem.lab", OFFER, 503, "draining");
}

Test(call, the_limit_of_calls_is_kept)
{
	world->config.calls.calls_max = 1;
	world_bridged_call();
	{
		struct phone first = *carrier();

		memset(&carrier()->final, 0, sizeof(carrier()->final));
		carrier()->answered = false;
		phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
		world_run(50);
		cr_expect_eq(carrier()->final, 503);
		sip_invite_set_user(first.invite, NULL, NULL);
	}
}

Test(call, a_stranger_is_refused_and_a_user_is_challenged)
{
	struct sip_credentials *password = world->phones[ALICE].credentials;

	world->phones[ALICE].credentials = NULL;
	phone_call(ALICE, "sip:bob@tandem.lab", OFFER);
	world_run(50);
	cr_expect_eq(world->phones[ALICE].final, 407);
	cr_expect_not_null(strstr(world->phones[ALICE].headers, "Proxy-Authenticate: Digest"));
	cr_expect_eq(world->cdrs, 0);
	world->phones[ALICE].credentials = password;
	world_expect_nothing_left();
}

Test(call, nobody_answers)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(21000);
	cr_expect_eq(carrier()->final, 480);
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
	expect_cdr(480, "no-answer", "system");
	world_expect_nothing_left();
}

Test(call, a_phone_that_is_gone_gives_408)
{
	world->config.calls.ring_timeout_s = 180;
	bob()->node->receive = NULL;
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(40000);
	cr_expect_eq(carrier()->final, 408);
	world_expect_nothing_left();
}

Test(call, a_call_to_a_phone_that_is_gone_ends_when_it_is_given_up)
{
	bob()->node->receive = NULL;
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(20500);
	cr_expect_eq(carrier()->final, 408);
	expect_cdr(408, "timeout", "system");
	world_expect_nothing_left();
}

Test(call, all_phones_ring_and_the_first_to_answer_gets_the_call)
{
	world->contacts = 2;
	call_bob();
	phone_respond(BOB, 180, NULL);
	phone_respond(BOB2, 180, NULL);
	world_run(20);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 6000, "0 101", "sendrecv"));
	world_run(50);
	cr_expect(carrier()->answered);
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
	cr_expect_not_null(network_nth(world->net, world->tandem, "CANCEL ", 0));
	cr_expect_eq(world_termination(1).remote.port, 6000);
	phone_bye(BOB2);
	world_run(50);
	expect_cdr(200, "normal", "callee");
	world_expect_nothing_left();
}

Test(call, a_phone_is_called_over_its_next_flow_when_the_first_is_broken)
{
	world->flows = true;
	call_bob();
	phone_respond(BOB, 430, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, 0, "the caller hears nothing of it");
	cr_expect_eq(world->flows_lost, 1u << 2);
	phone_respond(BOB2, 180, NULL);
	world_run(20);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 6000, "0 101", "sendrecv"));
	world_run(50);
	cr_expect(carrier()->answered);
	cr_expect_eq(world_termination(1).remote.port, 6000);
	phone_bye(CARRIER);
	world_run(50);
	expect_cdr(200, "normal", "caller");
	world_expect_nothing_left();
}

Test(call, when_all_flows_of_a_phone_are_broken_it_is_not_there)
{
	world->flows = true;
	world->config.calls.ring_timeout_s = 180;
	bob()->node->receive = NULL;
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(33000);
	cr_expect_eq(carrier()->final, 0);
	cr_expect_eq(world->flows_lost, 0, "silence is no proof");
	phone_respond(BOB2, 430, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, 480);
	cr_expect_eq(world->flows_lost, 1u << 1);
	world_expect_nothing_left();
}

Test(call, the_best_refusal_of_all_phones_counts)
{
	world->contacts = 2;
	call_bob();
	phone_respond(BOB, 486, NULL);
	world_run(20);
	cr_expect_eq(carrier()->final, 0, "one still rings");
	phone_respond(BOB2, 480, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, 486);
	world_expect_nothing_left();
}

Test(call, a_decline_for_all_ends_the_others)
{
	world->contacts = 2;
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(20);
	phone_respond(BOB2, 603, NULL);
	world_run(50);
	cr_expect_eq(carrier()->final, 603);
	cr_expect_eq(bob()->how, SIP_END_CANCELLED);
	world_expect_nothing_left();
}

Test(call, the_first_early_media_is_heard_until_somebody_else_answers)
{
	world->contacts = 2;
	call_bob();
	phone_respond(BOB, 183, ANSWER);
	world_run(20);
	phone_respond(BOB2, 183, phone_sdp(BOB2, 6000, "8 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 6000, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(world_termination(1).remote.port, 6000);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(call, an_answer_and_a_cancel_that_cross_leave_nothing)
{
	call_bob();
	phone_respond(BOB, 180, NULL);
	world_run(20);
	sip_invite_cancel(carrier()->invite, SLICE_NONE);
	phone_respond(BOB, 200, ANSWER);
	world_run(100);
	cr_expect(bob()->ended);
	cr_expect_eq(world->cdrs, 1);
	world_expect_nothing_left();
}

Test(call, a_number_goes_to_the_trunk)
{
	world->trust_password = true;
	phone_call(CARRIER, "sip:9123@tandem.lab", OFFER);
	world_run(50);
	cr_expect_eq(carrier()->final, 482, "not back to where it came from");
	world_expect_nothing_left();
}

/* --- changes in a call --- */

Test(call, hold_and_resume_go_through_both_legs)
{
	world_bridged_call();
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendonly"));
	world_run(20);
	cr_assert(bob()->reinvited);
	cr_expect_not_null(strstr(bob()->sdp, "a=sendonly"));
	cr_expect_null(strstr(bob()->sdp, "198.18.0.104"));
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "recvonly"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_not_null(strstr(carrier()->sdp, "a=recvonly"));
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDONLY);
	cr_expect_eq(world_termination(1).direction, DP_DIRECTION_RECVONLY);
	cr_expect_eq(world_termination(0).media_timeout_ms, 0, "silence is allowed on hold");
	cr_expect_eq(world->shard.engine->calls->state, CALL_HELD);

	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4002, "8 101", "sendrecv"));
	world_run(20);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(world_termination(0).remote.port, 4002);
	cr_expect_eq(world_termination(0).media_timeout_ms, 60000);
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	phone_bye(BOB);
	world_expect_nothing_left();
}

/* RFC 3264 §8: same origin, and a version that counts changes and nothing else */
Test(call, the_version_of_our_sdp_goes_up_with_each_change)
{
	unsigned long long version[3];
	unsigned long long id;

	world_bridged_call();
	cr_assert_eq(sscanf(strstr(bob()->sdp, "o="), "o=%*s %llu %llu", &id, &version[0]), 2);
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4002, "0 8 101", "sendrecv"));
	world_run(20);
	sscanf(strstr(bob()->sdp, "o="), "o=%*s %*s %llu", &version[1]);
	cr_expect_eq(version[1], version[0], "its own address is no business of the other side");
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(20);
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4002, "0 8 101", "sendonly"));
	world_run(20);
	sscanf(strstr(bob()->sdp, "o="), "o=%*s %*s %llu", &version[2]);
	cr_expect_eq(version[2], version[1] + 1);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "recvonly"));
	world_run(20);
	phone_bye(BOB);
	world_expect_nothing_left();
}

Test(call, a_refused_change_leaves_everything_as_it_was)
{
	world_bridged_call();
	phone_reinvite(BOB, phone_sdp(BOB, 5002, "8 101", "inactive"));
	world_run(20);
	cr_assert(carrier()->reinvited);
	phone_respond(CARRIER, 488, NULL);
	world_run(20);
	cr_expect_eq(bob()->reanswered, 488);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	cr_expect_eq(world_termination(1).direction, DP_DIRECTION_SENDRECV);
	/* and the next one works */
	phone_reinvite(BOB, phone_sdp(BOB, 5004, "8 101", "sendrecv"));
	world_run(20);
	phone_respond(CARRIER, 200, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(bob()->reanswered, 200);
	cr_expect_eq(world_termination(1).remote.port, 5004);
	phone_bye(BOB);
	world_expect_nothing_left();
}

/* The user agents try again after their random waits (RFC 3261 §14.1), until both came through. */
Test(call, changes_that_cross_are_both_settled_in_the_end)
{
	world_bridged_call();
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendonly"));
	phone_reinvite(BOB, phone_sdp(BOB, 5002, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_gt(network_count(world->net, world->tandem, "SIP/2.0 491"), 0);
	for (unsigned i = 0; i < 200; i++) {
		if (bob()->reinvited)
			phone_respond(BOB, 200, phone_sdp(BOB, 5002, "8 101", "recvonly"));
		if (carrier()->reinvited)
			phone_respond(CARRIER, 200, phone_sdp(CARRIER, 4000, "8 101", "sendonly"));
		world_run(50);
	}
	cr_expect_neq(bob()->reanswered, 0);
	cr_expect_neq(carrier()->reanswered, 0);
	cr_expect_eq(world->shard.engine->calls->exchange.state, EXCHANGE_IDLE);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDONLY);
	phone_bye(BOB);
	world_expect_nothing_left();
}

Test(call, a_bye_during_a_change_ends_both)
{
	world_bridged_call();
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendonly"));
	world_run(20);
	phone_bye(BOB);
	world_run(100);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

/* --- the other ends --- */

Test(call, silence_ends_the_call)
{
	struct call *call;

	world_bridged_call();
	call = world->shard.engine->calls;
	fake_timeout(media_termination_handle(call->callee_seat->termination), 60000);
	world_run(50);
	cr_expect(carrier()->ended);
	cr_expect(bob()->ended);
	expect_cdr(408, "media-timeout", "system");
	world_expect_nothing_left();
}

Test(call, an_operator_hangs_up)
{
	world_bridged_call();
	cr_expect_eq(engine_hangup(world->shard.engine, 1), -ENOENT);
	cr_expect_eq(engine_hangup(world->shard.engine, world->shard.engine->calls->id), 0);
	world_run(50);
	cr_expect(carrier()->ended);
	cr_expect(bob()->ended);
	expect_cdr(200, "hangup", "system");
	world_expect_nothing_left();
}

/* given a call at any moment of its set-up, when an operator hangs up, then nothing is left */
Test(call, a_hangup_at_every_moment_leaves_nothing)
{
	for (unsigned ms = 0; ms < 12; ms++) {
		world->cdrs = 0;
		carrier()->ended = false;
		phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
		world_run(ms);
		if (bob()->invite && ms > 6)
			phone_respond(BOB, ms > 9 ? 200 : 180, ms > 9 ? ANSWER : NULL);
		engine_hangup_all(world->shard.engine);
		world_run(300);
		if (carrier()->invite) /* the INVITE came after the hangup */
			engine_hangup_all(world->shard.engine);
		world_run(300);
		cr_expect(carrier()->ended, "at %u ms", ms);
		world_expect_nothing_left();
	}
}

Test(call, counters_of_both_sides_are_in_the_cdr)
{
	struct call *call;

	world_bridged_call();
	call = world->shard.engine->calls;
	fake_latch(media_termination_handle(call->caller_seat->termination), "198.18.0.104", 4000,
		   11);
	fake_latch(media_termination_handle(call->callee_seat->termination), "198.18.0.102", 5000,
		   22);
	world_run(20);
	phone_bye(CARRIER);
	world_run(50);
	cr_expect_eq(world->cdr.caller.packets, 11);
	cr_expect_eq(world->cdr.callee.packets, 22);
}

/* --- deaths --- */

Test(call, a_restarted_control_plane_takes_its_calls_up_again)
{
	uint64_t id, started;
	unsigned added;

	world_bridged_call();
	world_run(2000);
	id = world->shard.engine->calls->id;
	started = world->shard.engine->calls->started_ms;
	added = fake->sent[DP_COMMAND_TERMINATION_ADD];
	fake_latch((dp_handle_t){ 0, fake->terminations[0].generation }, "198.18.0.104", 4000, 5);

	world_kill_controlplane();
	cr_assert_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(world->shard.engine->calls->id, id);
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	cr_expect_eq(fake->sent[DP_COMMAND_TERMINATION_ADD], added, "the media is as it was");
	cr_expect_eq(fake->sent[DP_COMMAND_TERMINATION_REMOVE], 0);

	phone_bye(BOB);
	world_run(50);
	cr_expect(carrier()->ended);
	cr_expect_eq(carrier()->how, SIP_END_BYE_RECEIVED);
	expect_cdr(200, "normal", "callee");
	cr_expect_eq(world->cdr.started_ms, started);
	cr_expect_eq(world->cdr.caller.packets, 5);
	world_expect_nothing_left();
}

Test(call, a_restarted_control_plane_can_change_the_call)
{
	world_bridged_call();
	world_kill_controlplane();
	phone_reinvite(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendonly"));
	world_run(20);
	cr_assert(bob()->reinvited);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "recvonly"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDONLY);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(call, when_both_processes_died_the_media_is_made_again_with_the_same_ports)
{
	uint16_t port;

	world_bridged_call();
	port = world_termination(0).local.port;
	media_detached(world->shard.media);
	fake_restart();
	world_kill_controlplane();
	cr_expect_eq(world_termination(0).local.port, port);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(call, the_media_of_a_leg_is_in_the_realm_of_its_listener)
{
	world_two_realms();
	world_bridged_call();
	cr_expect_eq(world_termination(0).realm, 1, "the carrier's");
	cr_expect_eq(world_termination(1).realm, 0, "the phone's");
	world_kill_controlplane();
	media_detached(world->shard.media);
	fake_restart();
	media_attached(world->shard.media, fake_client(), fake_channel(), 2);
	world_run(50);
	cr_expect_eq(world_termination(0).realm, 1, "made again after both processes died");
	cr_expect_eq(world_termination(1).realm, 0);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

/* given two realms, when somebody in the access network bears the address of a carrier in the
 * core network, then he is no carrier */
Test(call, a_trunk_is_known_only_in_its_realm)
{
	world_two_realms();
	world->phones[CARRIER].node->listener = 0;
	call_bob();
	cr_expect_eq(carrier()->final, 403);
	world_expect_nothing_left();
}

Test(call, a_trunk_is_called_from_a_listener_of_its_realm)
{
	world_two_realms();
	phone_call(ALICE, "sip:9001@tandem.lab", phone_sdp(ALICE, 4000, "0 8 101", "sendrecv"));
	world_run(20);
	cr_assert_not_null(carrier()->invite);
	cr_expect_eq(world_termination(0).realm, 0);
	cr_expect_eq(world_termination(1).realm, 1);
	phone_bye(ALICE);
	world_expect_nothing_left();
}

Test(call, a_dataplane_restart_does_not_end_calls)
{
	uint16_t port;

	world_bridged_call();
	port = world_termination(1).local.port;
	media_detached(world->shard.media);
	fake_restart();
	world_run(1000);
	media_attached(world->shard.media, fake_client(), fake_channel(), 2);
	world_run(20);
	cr_expect_eq(world_termination(1).local.port, port);
	cr_expect_not(carrier()->ended);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

Test(call, a_call_that_ends_while_the_dataplane_is_away_is_not_made_again)
{
	world_bridged_call();
	media_detached(world->shard.media);
	phone_bye(CARRIER);
	world_run(50);
	fake_restart();
	media_attached(world->shard.media, fake_client(), fake_channel(), 2);
	world_expect_nothing_left();
}

Test(call, a_broken_record_is_dropped_with_a_cdr)
{
	world_bridged_call();
	free(world->record);
	world->record = strdup("2\tfrom\tto\t");
	world_kill_controlplane();
	world_run(20);
	expect_cdr(500, "lost", "system");
	world_expect_nothing_left();
}

/* --- for people, and other requests --- */

Test(call, the_tables_show_the_call_and_its_sessions)
{
	json_t *array = json_array(), *row;

	world_bridged_call();
	engine_show_calls(world->shard.engine, array);
	cr_assert_eq(json_array_size(array), 1);
	row = json_array_get(array, 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "state")), "answered");
	cr_expect_str_eq(json_string_value(json_object_get(row, "to")), "bob@tandem.lab");
	cr_expect_eq(strlen(json_string_value(json_object_get(row, "id"))), 16);
	json_array_clear(array);
	engine_show_sessions(world->shard.engine, array);
	cr_assert_eq(json_array_size(array), 2);
	row = json_array_get(array, 1);
	cr_expect_str_eq(json_string_value(json_object_get(row, "codec")), "PCMA");
	cr_expect_str_eq(json_string_value(json_object_get(row, "sdp_state")), "complete");
	cr_expect_str_eq(json_string_value(json_object_get(row, "remote_address")),
			 "198.18.0.102:5060");
	json_array_clear(array);
	engine_show_trunks(world->shard.engine, array);
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(array, 0), "calls")), 1);
	json_decref(array);
	phone_bye(BOB);
	world_expect_nothing_left();
}

static void expect_status(const char *method, const char *begins)
{
	static unsigned branch;
	unsigned before;
	char text[512];

	snprintf(
		text, sizeof(text),
		"%s sip:tandem.lab SIP/2.0\r\nVia: SIP/2.0/UDP 198.18.0.101:5060;branch=z9hG4bK%u\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:tandem.lab>\r\nCall-ID: x%u\r\nCSeq: 1 %s\r\n"
		"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		method, branch, branch, method);
	branch++;
	before = network_count(world->net, world->tandem, begins);
	network_send_text(world->phones[ALICE].node, world->tandem, text);
	world_run(20);
	cr_expect_eq(network_count(world->net, world->tandem, begins), before + 1, "%s", method);
}

Test(call, requests_outside_dialogs_get_their_answers)
{
	expect_status("OPTIONS", "SIP/2.0 200");
	expect_status("SUBSCRIBE", "SIP/2.0 403");
	expect_status("PUBLISH", "SIP/2.0 489");
	expect_status("REFER", "SIP/2.0 403");
	expect_status("NOTIFY", "SIP/2.0 481");
	expect_status("FROBNICATE", "SIP/2.0 501");
}
