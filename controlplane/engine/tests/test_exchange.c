/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers and answers from one leg to the other, in whatever message they travel. */
#include <criterion/criterion.h>
#include <errno.h>

#include "controlplane/engine/tests/world.h"

TestSuite(exchange, .init = world_start, .fini = world_stop);

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

static void call_bob(const char *sdp)
{
	phone_call(CARRIER, "sip:bob@tandem.lab", sdp);
	world_run(20);
}

static void end(void)
{
	phone_bye(CARRIER);
	world_run(50);
	cr_expect(bob()->ended);
	world_expect_nothing_left();
}

static unsigned sent(const char *begin)
{
	return network_count(world->net, world->tandem, begin);
}

/* --- the offer is asked for --- */

Test(exchange, an_invite_without_an_offer_asks_the_callee_for_one)
{
	call_bob(NULL);
	cr_assert_not_null(bob()->invite);
	cr_expect_str_empty(bob()->sdp, "no offer of ours");
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 0 101", "sendrecv"));
	world_run(20);
	cr_assert(carrier()->answered);
	cr_expect_eq(carrier()->role, SIP_BODY_OFFER);
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 8 0 101"));
	cr_expect_null(strstr(carrier()->sdp, "198.18.0.102"));
	cr_expect_not(bob()->acked, "the ACK waits for the answer");
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	world_run(20);
	cr_expect(bob()->acked);
	cr_expect_eq(bob()->role, SIP_BODY_ANSWER);
	cr_expect_not_null(strstr(bob()->sdp, "RTP/AVP 8 101"));
	cr_expect_null(strstr(bob()->sdp, "198.18.0.104"));
	cr_expect_eq(world_termination(0).remote.port, 4000);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDRECV);
	cr_expect_eq(world_termination(1).media_timeout_ms, 60000);
	cr_expect_not_null(world->record);
	end();
}

Test(exchange, an_ack_without_the_answer_ends_the_call)
{
	call_bob(NULL);
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	sip_invite_answer(carrier()->invite, NULL, SLICE_NONE);
	world_run(100);
	cr_expect(carrier()->ended);
	cr_expect(bob()->ended);
	cr_expect_eq(world->cdr.cause, 488);
	world_expect_nothing_left();
}

Test(exchange, an_early_offer_is_passed_reliably)
{
	call_bob(NULL);
	phone_respond_reliably(BOB, 183, phone_sdp(BOB, 5000, "8 0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(carrier()->progress, 183);
	cr_expect_eq(carrier()->role, SIP_BODY_OFFER);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(bob()->pracked, 1);
	cr_expect_not_null(strstr(bob()->sdp, "RTP/AVP 0 101"));
	cr_expect_eq(world_termination(0).remote.port, 4000);
	cr_expect_eq(world_termination(1).remote.port, 5000, "early media");
	phone_respond(BOB, 200, NULL);
	world_run(20);
	cr_assert(carrier()->answered);
	cr_expect(bob()->acked);
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	end();
}

/* given several phones, when the caller asks for an offer, then we make one: the offers of several
 * cannot all be shown */
Test(exchange, forks_are_offered_what_we_have)
{
	world->contacts = 2;
	call_bob(NULL);
	cr_expect_not_null(strstr(bob()->sdp, "RTP/AVP 8 0 101"));
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	cr_assert(carrier()->answered);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDRECV);
	end();
}

/* The answer in the ACK of such a call is told to the callee, whom we had told another. */
Test(exchange, what_the_caller_answers_late_is_told_to_the_callee)
{
	world->contacts = 2;
	call_bob(NULL);
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "8 101", "sendonly"));
	world_run(20);
	cr_assert(bob()->reinvited);
	cr_expect_not_null(strstr(bob()->sdp, "a=sendonly"));
	phone_answer(BOB, phone_sdp(BOB, 5000, "8 101", "recvonly"));
	world_run(20);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDONLY);
	end();
}

Test(exchange, a_reinvite_without_an_offer_asks_the_other_side)
{
	world_bridged_call();
	phone_reinvite(CARRIER, NULL);
	world_run(20);
	cr_assert(bob()->reinvited);
	cr_expect_eq(bob()->role, SIP_BODY_NONE);
	phone_respond(BOB, 200, phone_sdp(BOB, 5010, "8 0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 8 0 101"));
	phone_answer(CARRIER, phone_sdp(CARRIER, 4010, "0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(bob()->role, SIP_BODY_ANSWER);
	cr_expect_not_null(strstr(bob()->sdp, "RTP/AVP 0 101"));
	cr_expect_eq(world_termination(0).remote.port, 4010);
	cr_expect_eq(world_termination(1).remote.port, 5010);
	cr_expect_eq(world->shard.engine->calls->exchange.state, EXCHANGE_IDLE);
	end();
}

Test(exchange, who_refuses_to_offer_is_passed_on)
{
	world_bridged_call();
	phone_reinvite(CARRIER, NULL);
	world_run(20);
	phone_respond(BOB, 488, NULL);
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 488);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	cr_expect_eq(world->shard.engine->calls->exchange.state, EXCHANGE_IDLE);
	end();
}

/* --- PRACK --- */

Test(exchange, an_early_answer_is_reliable_on_both_sides)
{
	call_bob(OFFER);
	phone_respond_reliably(BOB, 183, ANSWER);
	world_run(20);
	cr_expect_eq(bob()->pracked, 1);
	cr_expect_eq(carrier()->role, SIP_BODY_ANSWER, "not a preview");
	cr_expect_eq(sent("PRACK"), 1);
	cr_expect_eq(network_count(world->net, carrier()->node, "PRACK"), 1);
	cr_expect_eq(world_termination(1).remote.port, 5000);
	phone_respond(BOB, 200, NULL);
	world_run(20);
	cr_assert(carrier()->answered);
	cr_expect(bob()->acked);
	end();
}

Test(exchange, a_callee_without_reliable_responses_is_heard_all_the_same)
{
	call_bob(OFFER);
	phone_respond(BOB, 183, ANSWER);
	world_run(20);
	cr_expect_eq(sent("PRACK"), 0);
	cr_expect_eq(carrier()->role, SIP_BODY_ANSWER);
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	cr_assert(carrier()->answered);
	cr_expect_not(bob()->reinvited, "nothing to tell anew");
	end();
}

/* given a caller that was told of one fork's media for good, when another answers with other
 * media, then the caller is told anew */
Test(exchange, another_fork_answers_than_was_heard)
{
	world->contacts = 2;
	call_bob(OFFER);
	phone_respond_reliably(BOB, 183, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(20);
	phone_respond(BOB2, 200, phone_sdp(BOB2, 6000, "0 101", "sendrecv"));
	world_run(50);
	cr_assert(carrier()->answered);
	cr_assert(carrier()->reinvited);
	cr_expect_not_null(strstr(carrier()->sdp, "RTP/AVP 0 101"));
	phone_answer(CARRIER, phone_sdp(CARRIER, 4000, "0 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(world_termination(1).remote.port, 6000);
	cr_expect_eq(world_termination(0).payload_type, 0);
	phone_bye(CARRIER);
	world_expect_nothing_left();
}

/* --- UPDATE --- */

static void early_media(void)
{
	call_bob(OFFER);
	phone_respond_reliably(BOB, 183, ANSWER);
	world_run(20);
	cr_assert_eq(carrier()->role, SIP_BODY_ANSWER);
}

Test(exchange, an_update_before_the_answer_goes_through)
{
	early_media();
	phone_update(CARRIER, phone_sdp(CARRIER, 4002, "8 101", "sendonly"));
	world_run(20);
	cr_assert(bob()->reinvited);
	cr_expect_not_null(strstr(bob()->sdp, "a=sendonly"));
	phone_answer(BOB, phone_sdp(BOB, 5002, "8 101", "recvonly"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_not_null(strstr(carrier()->sdp, "a=recvonly"));
	cr_expect_eq(world_termination(0).remote.port, 4002);
	cr_expect_eq(world_termination(1).remote.port, 5002);
	phone_respond(BOB, 200, NULL);
	world_run(20);
	cr_assert(carrier()->answered);
	end();
}

Test(exchange, an_update_of_the_callee_before_its_answer_goes_through)
{
	early_media();
	phone_update(BOB, phone_sdp(BOB, 5004, "8 101", "sendrecv"));
	world_run(20);
	cr_assert(carrier()->reinvited);
	phone_answer(CARRIER, phone_sdp(CARRIER, 4004, "8 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(bob()->reanswered, 200);
	cr_expect_eq(world_termination(1).remote.port, 5004);
	cr_expect_eq(world_termination(0).remote.port, 4004);
	phone_respond(BOB, 200, NULL);
	world_run(20);
	cr_assert(carrier()->answered);
	end();
}

Test(exchange, an_update_in_a_call_is_an_update_on_the_other_side)
{
	unsigned invites;

	world_bridged_call();
	invites = sent("INVITE ");
	phone_update(CARRIER, phone_sdp(CARRIER, 4002, "8 101", "sendonly"));
	world_run(20);
	cr_assert(bob()->reinvited);
	cr_expect_eq(sent("UPDATE "), 1);
	cr_expect_eq(sent("INVITE "), invites);
	phone_answer(BOB, phone_sdp(BOB, 5000, "8 101", "recvonly"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDONLY);
	cr_expect_eq(world->shard.engine->calls->state, CALL_HELD);
	end();
}

Test(exchange, an_update_that_is_refused_changes_nothing)
{
	world_bridged_call();
	phone_update(CARRIER, phone_sdp(CARRIER, 4002, "8 101", "inactive"));
	world_run(20);
	sip_invite_refuse(bob()->invite, NULL, 488, SLICE_NONE);
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 488);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	end();
}

/* --- hold in the old way (RFC 2543) --- */

Test(exchange, an_address_of_zeros_is_a_hold)
{
	char sdp[512];

	world_bridged_call();
	snprintf(sdp, sizeof(sdp),
		 "v=0\r\no=- 1 2 IN IP4 198.18.0.104\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		 "m=audio 4000 RTP/AVP 8\r\n");
	phone_reinvite(CARRIER, sdp);
	world_run(20);
	cr_expect_not_null(strstr(bob()->sdp, "a=sendonly"),
			   "the other side has it in the new way");
	cr_expect_null(strstr(bob()->sdp, "0.0.0.0"));
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "recvonly"));
	world_run(20);
	cr_expect_eq(world_termination(0).direction, DP_DIRECTION_SENDONLY);
	cr_expect_eq(world_termination(0).remote.port, 4000, "where it is, is not forgotten");
	end();
}

/* --- other requests --- */

Test(exchange, info_and_message_go_through_with_their_answers)
{
	world_bridged_call();
	bob()->reply_status = 202;
	phone_send(CARRIER, SIP_MESSAGE, "hello");
	world_run(20);
	cr_expect_str_eq(bob()->request, "MESSAGE hello");
	cr_expect_eq(carrier()->replied, 202);
	cr_expect_str_eq(carrier()->reply, "heard");
	carrier()->reply_status = 415;
	phone_send(BOB, SIP_INFO, "Signal=5");
	world_run(20);
	cr_expect_str_eq(carrier()->request, "INFO Signal=5");
	cr_expect_eq(bob()->replied, 415);
	end();
}

Test(exchange, a_body_crosses_if_its_type_and_size_may)
{
	char large[66] = "";

	world_bridged_call();
	phone_send_typed(CARRIER, SIP_INFO, "application/sdp", "v=0");
	world_run(20);
	cr_expect_eq(carrier()->replied, 415);
	cr_expect_str_eq(carrier()->accept, "application/sdp, text/plain, application/dtmf-relay");
	memset(large, 'a', sizeof(large) - 1);
	phone_send(BOB, SIP_MESSAGE, large);
	world_run(20);
	cr_expect_eq(bob()->replied, 413);
	cr_expect_eq(sent("INFO") + sent("MESSAGE"), 0);
	cr_expect_eq(engine_get_stats(world->shard.engine)->bodies_refused, 2);
	bob()->reply_status = 200;
	phone_send_typed(CARRIER, SIP_INFO, "Application/DTMF-Relay;a=b", "Signal=5");
	world_run(20);
	cr_expect_str_eq(bob()->request, "INFO Signal=5");
	cr_expect_eq(carrier()->replied, 200);
	end();
}

Test(exchange, a_request_without_its_answer_ends_with_the_call)
{
	world_bridged_call();
	phone_send(CARRIER, SIP_INFO, "x");
	world_run(20);
	cr_expect_str_eq(bob()->request, "INFO x");
	phone_bye(BOB);
	world_run(50);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

Test(exchange, more_requests_than_may_wait_are_refused)
{
	world_bridged_call();
	for (unsigned i = 0; i < 17; i++)
		phone_send(CARRIER, SIP_INFO, "x");
	world_run(20);
	cr_expect_eq(carrier()->replied, 480);
	cr_expect_eq(sent("INFO"), 16);
	end();
}

/* --- what is shown of the other side --- */

static void keep(char secrets[][128], unsigned *count, struct slice s)
{
	snprintf(secrets[(*count)++], 128, "%.*s", SLICE_FMT(s));
}

/* Call-ID and tags of a leg, and where its far end is. */
static unsigned secrets_of(const struct phone *p, char secrets[8][128])
{
	char ip[SIP_ADDRESS_TEXT];
	unsigned count = 0;

	keep(secrets, &count, sip_invite_call_id(p->invite));
	keep(secrets, &count, sip_invite_local_tag(p->invite));
	keep(secrets, &count, sip_invite_remote_tag(p->invite));
	keep(secrets, &count, slice_of(sip_address_ip(&p->node->address, ip)));
	keep(secrets, &count, slice_of(p == carrier() ? "carrier.example" : "bob.example"));
	return count;
}

static void expect_not_shown(char secrets[8][128], unsigned count, const struct phone *to)
{
	for (unsigned i = 0; i < world->net->packet_count; i++) {
		const struct packet *p = &world->net->packets[i];

		if (p->from != world->tandem || p->to != to->node)
			continue;
		for (unsigned k = 0; k < count; k++)
			cr_expect_not(packet_has(p, secrets[k]), "%s is shown:\n%.*s", secrets[k],
				      (int)p->size, p->data);
	}
}

/* given a call with all that may happen in one, when all messages to one side are searched for
 * addresses, host names, Call-ID and tags of the other, then there is none */
Test(exchange, nothing_of_one_side_is_shown_to_the_other)
{
	char theirs[8][128], ours[8][128];
	unsigned their_count, our_count;

	phone_call_with(CARRIER, "sip:bob@tandem.lab", OFFER,
			"Subject: s\r\nDiversion: <sip:1@carrier.example>;reason=deflection\r\n"
			"History-Info: <sip:bob@carrier.example>;index=1\r\n"
			"P-Asserted-Identity: <sip:2@carrier.example>\r\n"
			"Alert-Info: <http://carrier.example/ring>\r\n"
			"Call-Info: <http://198.18.0.104/me.jpg>;purpose=icon\r\n"
			"Organization: carrier.example\r\nX-Own: 198.18.0.104\r\n");
	world_run(20);
	cr_assert_eq(sip_invite_respond(bob()->invite, 180, NULL, SLICE_NONE,
					SLICE("Alert-Info: <http://bob.example/ring>\r\n"
					      "Warning: 399 bob.example \"x\"\r\n"
					      "P-Asserted-Identity: <sip:b@bob.example>\r\n"
					      "X-Own: 198.18.0.102\r\n")),
		     0);
	world_run(20);
	phone_respond_reliably(BOB, 183, ANSWER);
	world_run(20);
	phone_update(CARRIER, phone_sdp(CARRIER, 4002, "8 101", "sendrecv"));
	world_run(20);
	phone_answer(BOB, phone_sdp(BOB, 5002, "8 101", "sendrecv"));
	world_run(20);
	phone_respond(BOB, 200, NULL);
	world_run(20);
	cr_assert(carrier()->answered);
	phone_reinvite(BOB, NULL);
	world_run(20);
	phone_respond(CARRIER, 200, phone_sdp(CARRIER, 4004, "8 101", "sendrecv"));
	world_run(20);
	phone_answer(BOB, phone_sdp(BOB, 5004, "8 101", "sendrecv"));
	world_run(20);
	bob()->reply_status = 200;
	phone_send(CARRIER, SIP_INFO, "I am at 198.18.0.104");
	world_run(20);
	cr_expect_str_eq(bob()->request, "INFO I am at xxxxxxxxxxxx");
	cr_expect_eq(engine_get_stats(world->shard.engine)->bodies_masked, 1);
	their_count = secrets_of(carrier(), theirs);
	our_count = secrets_of(bob(), ours);
	sip_invite_end(carrier()->invite, 0,
		       SLICE("Reason: SIP;cause=200;text=\"carrier.example\"\r\n"));
	world_run(50);
	cr_expect(bob()->ended);
	cr_expect_not_null(strstr(bob()->headers, "Reason: SIP;cause=200\r\n"));
	expect_not_shown(theirs, their_count, bob());
	expect_not_shown(ours, our_count, carrier());
	world_expect_nothing_left();
}

/* --- a forking proxy behind one leg --- */

/* The proxy has sent our INVITE to two, who answer by themselves under tags of their own. */
static void answer_with(const char *tag, unsigned status, const char *headers, const char *sdp)
{
	struct sip_msg *invite = network_parse(world->net, world->tandem, "INVITE ", 0);
	struct sip_addr to;
	char text[2048];

	cr_assert_eq(sip_msg_to(invite, &to), 0);
	snprintf(text, sizeof(text),
		 "SIP/2.0 %u X\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s;tag=%s\r\nCall-ID: %.*s\r\n"
		 "CSeq: %.*s\r\nContact: <sip:%s@%s>\r\n%sContent-Type: application/sdp\r\n"
		 "Content-Length: %zu\r\n\r\n%s",
		 status, SLICE_FMT(sip_msg_value(invite, SIP_H_VIA)),
		 SLICE_FMT(sip_msg_value(invite, SIP_H_FROM)),
		 SLICE_FMT(sip_msg_value(invite, SIP_H_TO)), tag,
		 SLICE_FMT(sip_msg_value(invite, SIP_H_CALL_ID)),
		 SLICE_FMT(sip_msg_value(invite, SIP_H_CSEQ)), tag, bob()->node->host, headers,
		 strlen(sdp), sdp);
	network_send_text(bob()->node, world->tandem, text);
	sip_msg_unref(invite);
	world_run(20);
}

static void answer_as(const char *tag, unsigned status, const char *sdp)
{
	answer_with(tag, status, "", sdp);
}

/* given a callee that knows reliable responses and no UPDATE, when the caller moves its media before
 * the answer, then it is answered, and the callee is not asked */
Test(exchange, an_early_update_is_answered_for_a_callee_that_takes_none)
{
	bob()->node->receive = NULL;
	call_bob(OFFER);
	answer_with("one", 183,
		    "Require: 100rel\r\nRSeq: 1\r\nAllow: INVITE, ACK, BYE, CANCEL, PRACK\r\n",
		    ANSWER);
	cr_assert_eq(carrier()->role, SIP_BODY_ANSWER);
	phone_update(CARRIER, phone_sdp(CARRIER, 4002, "8 101", "sendrecv"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 200);
	cr_expect_eq(world_termination(0).remote.port, 4002);
	cr_expect_eq(sent("UPDATE "), 0);
	phone_update(CARRIER, phone_sdp(CARRIER, 4004, "9", "sendrecv"));
	world_run(20);
	cr_expect_eq(carrier()->reanswered, 504, "there is no format in both");
	cr_expect_eq(world_termination(0).remote.port, 4002);
	engine_hangup_all(world->shard.engine);
	world_run(40000);
	world_expect_nothing_left();
}

Test(exchange, forks_behind_one_leg_are_heard_in_turn_and_told_apart)
{
	bob()->node->receive = NULL;
	call_bob(OFFER);
	answer_as("one", 183, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	cr_expect_eq(world_termination(1).remote.port, 5000);
	answer_as("two", 183, phone_sdp(BOB, 6000, "8 101", "sendrecv"));
	cr_expect_eq(world_termination(1).remote.port, 6000, "who spoke last is heard");
	answer_as("one", 200, "");
	cr_assert(carrier()->answered);
	cr_expect_eq(world_termination(1).remote.port, 5000, "what it had said before counts");
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	engine_hangup_all(world->shard.engine);
	world_run(40000);
	cr_expect(carrier()->ended);
	world_expect_nothing_left();
}

/* --- emergency calls --- */

static void with_a_rescue_service(void)
{
	static const char *numbers[] = { "112" }, *addresses[] = { "198.18.0.101" };
	static struct config_trunk peers[2];

	peers[0] = world->config.trunks[0];
	peers[1] = (struct config_trunk){ .name = "rescue",
					  .addresses = addresses,
					  .addresses_count = 1,
					  .port = 5060,
					  .prefix = "",
					  .calls_max = 1,
					  .emergency = true };
	world->config.trunks = peers;
	world->config.trunks_count = 2;
	world->config.sip.guard.emergency = numbers;
	world->config.sip.guard.emergency_count = 1;
	world->config.calls.calls_max = 1;
	world_kill_controlplane();
}

/* What a user says of it is of no account: it is an emergency, and no more than that. */
Test(exchange, an_emergency_call_goes_over_the_limits_and_is_marked)
{
	const struct packet *invite;

	with_a_rescue_service();
	world_bridged_call();
	phone_call_with(CARRIER, "urn:service:sos", OFFER,
			"Priority: normal\r\nResource-Priority: dsn.flash\r\n");
	world_run(20);
	cr_assert_not_null(world->phones[ALICE].invite);
	invite = network_nth(world->net, world->tandem, "INVITE sip:112@198.18.0.101", 0);
	cr_expect(packet_has(invite, "Priority: emergency\r\nResource-Priority: esnet.0\r\n"));
	cr_expect_not(packet_has(invite, "normal"));
	cr_expect_not(packet_has(invite, "dsn.flash"));
	engine_hangup_all(world->shard.engine);
	world_run(100);
}

Test(exchange, an_emergency_call_is_taken_by_a_process_that_is_to_end)
{
	with_a_rescue_service();
	atomic_store(&world->shard.draining, true);
	phone_call(CARRIER, "urn:service:sos", OFFER);
	world_run(20);
	cr_expect_not_null(world->phones[ALICE].invite);
	engine_hangup_all(world->shard.engine);
	world_run(100);
}

/* --- a gateway on the way --- */

Test(exchange, a_caller_whose_messages_are_rewritten_in_part_is_noted)
{
	/* The Via names the public source, and the Contact is private still. */
	carrier()->contact_host = "10.1.2.3:5060";
	phone_call(CARRIER, "sip:bob@tandem.lab", OFFER);
	world_run(20);
	cr_expect_eq(engine_get_stats(world->shard.engine)->rewritten, 1);
	phone_respond(BOB, 200, ANSWER);
	world_run(20);
	cr_assert(carrier()->answered);
	phone_bye(BOB);
	world_run(50);
	cr_expect(carrier()->ended, "its BYE went to the source");
	world_expect_nothing_left();
}

/* --- a leg is replaced (RFC 3891) --- */

/* The trunk calls from its second line, to take the place of its first. */
static void replace_carrier_by(unsigned phone, const char *sdp)
{
	const struct sip_invite *first = carrier()->invite;
	char header[256];

	snprintf(header, sizeof(header), "Replaces: %.*s;to-tag=%.*s;from-tag=%.*s\r\n",
		 SLICE_FMT(sip_invite_call_id(first)), SLICE_FMT(sip_invite_remote_tag(first)),
		 SLICE_FMT(sip_invite_local_tag(first)));
	world->phones[phone].answered = false;
	phone_call_with(phone, "sip:bob@tandem.lab", sdp, header);
	world_run(20);
}

static struct sip_invite *replace_carrier(const char *sdp)
{
	struct sip_invite *first = carrier()->invite;

	replace_carrier_by(CARRIER, sdp);
	return first;
}

/* Knows the dialog, and is somebody: another peer. */
Test(exchange, a_leg_is_not_replaced_by_who_has_no_part_in_the_call)
{
	world_two_realms();
	world_bridged_call();
	replace_carrier_by(ALICE, phone_sdp(ALICE, 4400, "8 101", "sendrecv"));
	cr_expect_eq(world->phones[ALICE].final, 403);
	cr_expect_not(bob()->reinvited);
	cr_expect_not(carrier()->ended);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	phone_bye(BOB);
	world_run(50);
	world_expect_nothing_left();
}

Test(exchange, a_leg_is_replaced_and_the_other_side_is_told)
{
	world_bridged_call();
	replace_carrier(phone_sdp(CARRIER, 4400, "8 101", "sendrecv"));
	cr_assert(bob()->reinvited);
	cr_expect_not(carrier()->answered);
	phone_answer(BOB, phone_sdp(BOB, 5400, "8 101", "sendrecv"));
	world_run(50);
	cr_assert(carrier()->answered);
	cr_expect(carrier()->ended, "the first line");
	cr_expect_eq(carrier()->how, SIP_END_BYE_RECEIVED);
	cr_expect_eq(world_termination(0).remote.port, 4400);
	cr_expect_eq(world_termination(1).remote.port, 5400);
	cr_expect_eq(engine_call_count(world->shard.engine), 1);
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	phone_bye(BOB);
	world_run(50);
	cr_expect_eq(world->cdrs, 1);
	world_expect_nothing_left();
}

Test(exchange, who_may_not_replace_leaves_the_call_as_it_was)
{
	struct sip_invite *first;

	world_bridged_call();
	first = replace_carrier(phone_sdp(CARRIER, 4400, "8 101", "sendrecv"));
	sip_invite_refuse(bob()->invite, NULL, 488, SLICE_NONE);
	world_run(50);
	cr_expect_eq(carrier()->final, 488);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	cr_expect_eq(world->shard.engine->calls->state, CALL_ANSWERED);
	sip_invite_end(first, 0, SLICE_NONE);
	world_run(50);
	cr_expect(bob()->ended);
	world_expect_nothing_left();
}

Test(exchange, who_would_replace_may_give_up_before)
{
	struct sip_invite *first;

	world_bridged_call();
	first = replace_carrier(phone_sdp(CARRIER, 4400, "8 101", "sendrecv"));
	world_run(300); /* for the 100, without which there is no CANCEL */
	sip_invite_cancel(carrier()->invite, SLICE_NONE);
	world_run(50);
	phone_answer(BOB, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	cr_expect_eq(world_termination(0).remote.port, 4000);
	cr_expect(bob()->reinvited, "told what is true again");
	phone_answer(BOB, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	sip_invite_end(first, 0, SLICE_NONE);
	world_run(50);
	cr_expect(bob()->ended);
	world_expect_nothing_left();
}
