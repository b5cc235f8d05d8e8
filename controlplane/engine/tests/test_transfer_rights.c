/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may transfer a call, and in whose name (RFC 3515 §5, RFC 3891 §5). */
#include <stdio.h>
#include <string.h>

#include "controlplane/engine/tests/transfer.h"

TestSuite(transfer_rights, .init = transfer_set_up, .fini = world_stop);

Test(transfer_rights, without_a_password_nobody_transfers)
{
	struct sip_credentials *password = bob()->credentials;

	bob()->credentials = NULL;
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, true);
	cr_expect_eq(bob()->over_status, 407);
	cr_expect_null(alice()->invite);
	bob()->credentials = password;
	expect_as_before();
}

/* What others are told of a caller is one thing, and who may act in his name another. */
Test(transfer_rights, who_withholds_his_name_is_not_just_anybody)
{
	phone_call_with(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"),
			"Privacy: id\r\n");
	world_run(50);
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	cr_assert(oldest()->withheld);
	sip_invite_set_credentials(alice()->invite, bob()->credentials);
	phone_refer(ALICE, "<sip:carrol@tandem.lab>", true);
	cr_expect_eq(alice()->over_status, 403);
	cr_expect_eq(sent("SIP/2.0 202"), 0);
	sip_invite_set_credentials(alice()->invite, alice()->credentials);
	phone_refer(ALICE, "<sip:carrol@tandem.lab>", true);
	cr_expect_eq(sent("SIP/2.0 202"), 1);
	phone_bye(BOB);
	world_run(100);
	world_expect_nothing_left();
}

/* RFC 3891 */
static void alice_replaces_bob(void)
{
	const struct sip_invite *invite = bob()->invite;
	char header[256];

	snprintf(header, sizeof(header), "Replaces: %.*s;to-tag=%.*s;from-tag=%.*s\r\n",
		 SLICE_FMT(sip_invite_call_id(invite)), SLICE_FMT(sip_invite_remote_tag(invite)),
		 SLICE_FMT(sip_invite_local_tag(invite)));
	phone_call_with(ALICE, "sip:bob@tandem.lab", phone_sdp(ALICE, 6000, "8 101", "sendrecv"),
			header);
	world_run(50);
}

Test(transfer_rights, who_has_replaced_a_leg_is_who_may_transfer)
{
	world_bridged_call();
	alice_replaces_bob();
	carrier_agrees();
	cr_assert(alice()->answered);
	cr_expect(bob()->ended);
	cr_expect_str_eq(newest()->to, "alice@tandem.lab");
	phone_refer(ALICE, "<sip:bob@tandem.lab>", true);
	cr_expect_eq(sent("SIP/2.0 202"), 1);
	cr_assert_not_null(bob()->invite);
	cr_expect(world_says(world->tandem, bob()->node, "Referred-By: <sip:alice@tandem.lab>"));
	phone_respond(BOB, 486, NULL);
	world_run(50);
	phone_bye(ALICE);
	world_run(50);
	world_expect_nothing_left();
}

Test(transfer_rights, a_trunk_transfers_only_where_all_may)
{
	world_bridged_call();
	phone_refer(CARRIER, TO_ALICE, true);
	cr_expect_eq(carrier()->over_status, 403);
	world->config.calls.transfer = "all";
	phone_refer(CARRIER, TO_ALICE, true);
	cr_expect_eq(carrier()->frag, 100);
	cr_assert_not_null(alice()->invite);
	phone_respond(ALICE, 603, NULL);
	world_run(20);
	expect_as_before();
}

Test(transfer_rights, where_nobody_may_nobody_does)
{
	world->config.calls.transfer = "off";
	world_bridged_call();
	phone_refer(BOB, TO_ALICE, true);
	cr_expect_eq(bob()->over_status, 403);
	expect_as_before();
}

Test(transfer_rights, one_at_a_time)
{
	refer_to_alice();
	phone_refer(BOB, "<sip:carrol@tandem.lab>", true);
	cr_expect_eq(bob()->over_status, 491);
	phone_respond(ALICE, 486, NULL);
	world_run(20);
	expect_as_before();
}

static bool is_cancel(void *arg, const struct packet *packet)
{
	(void)arg;
	return packet->size > 7 && memcmp(packet->data, "CANCEL ", 7) == 0;
}

/* Both of bob's phones ring; the one that did not answer has not heard of that yet. */
Test(transfer_rights, a_phone_that_has_not_answered_has_no_part_in_the_call)
{
	world->contacts = 2;
	phone_call(CARRIER, "sip:bob@tandem.lab", phone_sdp(CARRIER, 4000, "0 8 101", "sendrecv"));
	world_run(20);
	phone_respond(BOB2, 180, NULL);
	world_run(20);
	world->net->drop = is_cancel;
	phone_respond(BOB, 200, phone_sdp(BOB, 5000, "8 101", "sendrecv"));
	world_run(50);
	world->contacts = 1;
	phone_refer(BOB2, TO_ALICE, true);
	cr_expect_eq(second()->over_status, 403);
	cr_expect_null(alice()->invite);
	world->net->drop = NULL;
	world_run(1000);
	expect_as_before();
}

Test(transfer_rights, only_calls_are_asked_for)
{
	world_bridged_call();
	phone_refer(BOB, "<sip:alice@tandem.lab;method=BYE>", true);
	cr_expect_eq(bob()->over_status, 603);
	expect_as_before();
}

/* alice's and bob's phones send whoever calls to one another. */
Test(transfer_rights, a_party_is_not_sent_round_for_ever)
{
	unsigned at = BOB;

	world_bridged_call();
	for (unsigned i = 0; i < 10; i++) {
		const unsigned to = at == BOB ? ALICE : BOB;

		world->phones[to].invite = NULL;
		phone_refer(at, to == BOB ? "<sip:bob@tandem.lab>" : TO_ALICE, true);
		cr_assert_not_null(world->phones[to].invite, "%u", i);
		phone_respond(to, 200, phone_sdp(to, 6000, "8 101", "sendrecv"));
		world_run(20);
		carrier_agrees();
		at = to;
	}
	world->phones[at].frag = 0;
	phone_refer(at, TO_ALICE, true);
	world_run(20);
	cr_expect_eq(world->phones[at].frag, 482);
	cr_expect_eq(engine_call_count(world->shard.engine), 1);
	phone_bye(at);
	world_run(50);
	world_expect_nothing_left();
}

Test(transfer_rights, who_was_called_by_a_gruu_is_its_user)
{
	const struct call call = { .to = "bob@tandem.lab;gr=urn:uuid:1",
				   .answered_by = "",
				   .from = "a@tandem.lab" };
	struct caller bobs = { 0 };
	const struct session leg = { 0 };

	call_leg(&call, &leg, &bobs);
	cr_expect_str_eq(bobs.aor, "bob@tandem.lab");
}
