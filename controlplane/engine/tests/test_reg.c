/* SPDX-License-Identifier: BSD-3-Clause */
/* Who subscribes to the registrations of a user (RFC 6665, RFC 3680): bob, to his own. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/engine/tests/world.h"

TestSuite(reg, .init = world_start, .fini = world_stop);

static struct phone *bob(void)
{
	return &world->phones[BOB];
}

static void subscribe(const char *uri, const char *event, uint32_t expires)
{
	struct phone *p = bob();
	const struct sip_subscribe subscribe = {
		.start = { .to = network_path(world->tandem),
			   .request_uri = slice_of(uri),
			   .from = SLICE("<sip:bob@tandem.lab>"),
			   .to_header = SLICE("<sip:bob@tandem.lab>"),
			   .contact_user = SLICE("bob"),
			   .credentials = p->credentials },
		.event = slice_of(event),
		.expires = expires,
	};

	cr_assert_eq(
		sip_subscriber_start(p->events, &subscribe, &phone_subscriber, p, &p->subscriber),
		0);
	world_run(20);
}

static unsigned sent(const char *begin)
{
	return network_count(world->net, world->tandem, begin);
}

Test(reg, a_phone_is_told_where_its_user_is)
{
	subscribe("sip:bob@tandem.lab", "reg", 600);
	cr_expect_eq(sent("SIP/2.0 407"), 1);
	cr_assert_eq(bob()->notified, 1);
	cr_expect_eq(bob()->substate, SIP_SUB_ACTIVE);
	cr_expect_not_null(strstr(bob()->body, "version=\"0\" state=\"full\""));
	cr_expect_not_null(strstr(bob()->body, "aor=\"sip:bob@tandem.lab\""));
	cr_expect_not_null(strstr(bob()->body, "<uri>sip:bob@198.18.0.102:5060;line=0</uri>"));
	cr_expect_null(strstr(bob()->body, "198.18.0.103"));
	cr_expect(engine_watches_registrations());

	world->contacts = 2;
	engine_registration_changed(world->shard.engine, "alice@tandem.lab");
	world_run(20);
	cr_expect_eq(bob()->notified, 1, "of somebody else");
	engine_registration_changed(world->shard.engine, "bob@tandem.lab");
	world_run(20);
	cr_assert_eq(bob()->notified, 2);
	cr_expect_not_null(strstr(bob()->body, "version=\"1\""));
	cr_expect_not_null(strstr(bob()->body, "198.18.0.103"));

	world->contacts = 0;
	sip_subscriber_stop(bob()->subscriber);
	world_run(50);
	cr_expect_eq(bob()->over, 1);
	cr_expect(packet_has(network_nth(world->net, world->tandem, "NOTIFY ", 2),
			     "state=\"terminated\">\n</registration>"));
	cr_expect_not(engine_watches_registrations());
}

Test(reg, a_subscription_is_refreshed_and_ends_when_it_is_not)
{
	struct sip_events_stats stats;

	subscribe("sip:bob@tandem.lab", "reg", 100);
	world_run(95000);
	cr_expect_eq(bob()->notified, 2, "told anew after the refresh");
	cr_expect_eq(sent("SIP/2.0 407"), 1, "its dialog is known");
	bob()->node->receive = NULL;
	world_run(200000);
	sip_events_stats(world->shard.engine->events, &stats);
	cr_expect_eq(stats.subscriptions, 0);
	cr_expect_not(engine_watches_registrations());
}

Test(reg, nobody_is_told_of_another)
{
	subscribe("sip:alice@tandem.lab", "reg", 600);
	cr_expect_eq(bob()->over_status, 403);
	subscribe("sip:nobody@tandem.lab", "reg", 600);
	cr_expect_eq(bob()->over_status, 403);
	cr_expect_eq(bob()->notified, 0);
}

/* Each change is told to all of them: somebody's phones are a few. */
Test(reg, not_too_many_are_told_of_a_user)
{
	for (unsigned i = 0; i < 32; i++)
		subscribe("sip:bob@tandem.lab", "reg", 600);
	cr_expect_eq(bob()->notified, 32);
	cr_expect_eq(bob()->over, 0);
	subscribe("sip:bob@tandem.lab", "reg", 600);
	cr_expect_eq(bob()->over, 1);
	cr_expect_eq(bob()->over_status, 503);
}

Test(reg, what_is_no_package_is_489)
{
	subscribe("sip:bob@tandem.lab", "weather", 600);
	cr_expect_eq(bob()->over_status, 489);
	cr_expect(packet_has(network_nth(world->net, world->tandem, "SIP/2.0 489", 0),
			     "Allow-Events: reg\r\n"));
	subscribe("sip:bob@tandem.lab", "refer", 600);
	cr_expect_eq(bob()->over_status, 489);
	subscribe("sip:bob@tandem.lab", "reg", 20);
	cr_expect_eq(sent("SIP/2.0 423"), 1);
}

Test(reg, without_a_password_nobody_is_told)
{
	struct sip_credentials *password = bob()->credentials;

	bob()->credentials = NULL;
	subscribe("sip:bob@tandem.lab", "reg", 600);
	cr_expect_eq(bob()->over_status, 407);
	bob()->credentials = password;
}

static struct sip_transaction *client;
static unsigned status;
static const struct sip_transaction_user in_dialog;

static void on_response(void *arg, struct sip_transaction *t, struct sip_msg *response)
{
	(void)arg;
	(void)t;
	if (!sip_dialog_challenged(sip_invite_dialog(bob()->invite), &client, response, &in_dialog,
				   NULL))
		status = response->status;
}

static const struct sip_transaction_user in_dialog = { .response = on_response };

/* RFC 5057: another usage of the dialog of a call. His phone knows of no such NOTIFY, so it ends. */
Test(reg, in_the_dialog_of_a_call)
{
	const struct sip_request request = { .method = SIP_SUBSCRIBE,
					     .headers = SLICE("Event: reg\r\nExpires: 600\r\n"),
					     .contact = true };

	world_bridged_call();
	cr_assert_eq(sip_dialog_send(sip_invite_dialog(bob()->invite), &request, &in_dialog, NULL,
				     &client),
		     0);
	world_run(50);
	cr_expect_eq(status, 200);
	cr_expect_eq(sent("NOTIFY "), 1);
	cr_expect_eq(sent("SIP/2.0 407"), 1);
	cr_expect_not(engine_watches_registrations(), "it was answered 481");
	cr_expect_not(bob()->ended, "the call is another usage");
	phone_bye(BOB);
	world_run(50);
	world_expect_nothing_left();
}
