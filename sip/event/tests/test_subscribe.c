/* SPDX-License-Identifier: BSD-3-Clause */
/* SUBSCRIBE and NOTIFY, both roles (RFC 6665). */
#include "sip/event/tests/world.h"

TestSuite(subscribe, .init = world_open, .fini = world_close);

#define alice (&world->alice)
#define bob   (&world->bob)

Test(subscribe, state_is_told_at_once_and_when_it_changes)
{
	const struct packet *request, *notify;

	subscribe("weather", 600);
	request = sent_nth(alice, "SUBSCRIBE ", 0);
	cr_expect(packet_has(request, "Event: weather\r\n"));
	cr_expect(packet_has(request, "Expires: 600\r\n"));
	cr_expect(packet_has(request, "Contact: <sip:alice@192.0.2.1:5060>"));
	cr_expect(packet_has(sent_nth(bob, "SIP/2.0 200", 0), "Expires: 600\r\n"));
	notify = sent_nth(bob, "NOTIFY ", 0);
	cr_expect(packet_has(notify, "Subscription-State: active;expires=600\r\n"));
	cr_expect(packet_has(notify, "Content-Type: text/plain\r\n"));
	cr_expect_eq(alice->notified, 1);
	cr_expect_eq(alice->substate, SIP_SUB_ACTIVE);
	cr_expect_str_eq(alice->body, "sunny");

	snprintf(bob->state, sizeof(bob->state), "rain");
	sip_subscription_changed(bob->sub);
	world_run(5);
	cr_expect_str_eq(alice->body, "rain");
	sip_subscriber_stop(alice->subscriber);
	world_run(10);
	cr_expect_eq(alice->over_status, 200);
	cr_expect_eq(bob->ended, 1);
	cr_expect(packet_has(sent_nth(bob, "NOTIFY ", 2),
			     "Subscription-State: terminated;reason=timeout\r\n"));
}

Test(subscribe, changes_do_not_overtake_one_another)
{
	subscribe("weather", 600);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(bob->state, sizeof(bob->state), "%u", i);
		sip_events_changed(bob->events, "weather", "sip:paris@192.0.2.2");
	}
	sip_events_changed(bob->events, "weather", "sip:rome@192.0.2.2");
	world_run(10);
	cr_expect_eq(sent(bob, "NOTIFY "), 3, "the first, the one on its way, and the last state");
	cr_expect_str_eq(alice->body, "9");
}

Test(subscribe, it_is_refreshed_before_it_expires)
{
	subscribe("weather", 600);
	world_run(539000);
	cr_expect_eq(sent(alice, "SUBSCRIBE "), 1);
	world_run(2000);
	cr_expect_eq(sent(alice, "SUBSCRIBE "), 2);
	world_run(500000);
	cr_expect_eq(alice->over, 0);
	cr_expect_eq(sent(bob, "NOTIFY "), 2);
}

Test(subscribe, one_that_is_not_refreshed_is_told_of_its_end)
{
	subscribe("weather", 60);
	world->net->loss = 100;
	world_run(59000);
	world->net->loss = 0;
	world_run(40000);
	cr_expect_eq(bob->ended, 1);
	cr_expect_eq(alice->over, 1);
}

Test(subscribe, what_is_asked_is_bounded)
{
	subscribe("weather", 99999);
	cr_expect(packet_has(sent_nth(bob, "SIP/2.0 200", 0), "Expires: 3600\r\n"));
}

Test(subscribe, too_brief_is_423_and_asked_again)
{
	subscribe("weather", 30);
	cr_expect(packet_has(sent_nth(bob, "SIP/2.0 423", 0), "Min-Expires: 60\r\n"));
	cr_expect(packet_has(sent_nth(alice, "SUBSCRIBE ", 1), "Expires: 60\r\n"));
	cr_expect_eq(alice->substate, SIP_SUB_ACTIVE);
}

Test(subscribe, expires_zero_fetches_once)
{
	subscribe("weather", 0);
	world_run(10);
	cr_expect_eq(sent(bob, "NOTIFY "), 1);
	cr_expect_str_eq(alice->body, "sunny");
	cr_expect_eq(alice->substate, SIP_SUB_TERMINATED);
	cr_expect_eq(alice->over_status, 200);
	cr_expect_eq(bob->ended, 1);
}

Test(subscribe, unknown_packages_are_489_with_the_known_ones)
{
	static const char *const events[] = { "unknown", "secret", "Weather" };

	for (unsigned i = 0; i < 3; i++) {
		subscribe(events[i], 600);
		world_run(5);
		cr_expect_eq(alice->over_status, 489, "%s", events[i]);
		cr_expect(packet_has(sent_nth(bob, "SIP/2.0 489", i), "Allow-Events: weather\r\n"));
	}
	cr_expect_eq(bob->subscribed, 0);
}

static void peer_subscribes(const char *branch, const char *lines)
{
	peer_says("SUBSCRIBE sip:paris@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%s;rport\nFrom: <sip:p@h>;tag=p\n"
		  "To: <sip:paris@h>\nCall-ID: %s\nCSeq: 1 SUBSCRIBE\n"
		  "Contact: <sip:p@192.0.2.3>\n%s\n",
		  branch, branch, lines);
}

Test(subscribe, what_is_malformed_or_not_acceptable)
{
	peer_subscribes("1", "");
	cr_expect_eq(sent(bob, "SIP/2.0 489"), 1, "no Event");
	peer_subscribes("2", "Event: weather\nAccept: image/png\n");
	cr_expect_eq(sent(bob, "SIP/2.0 406"), 1);
	peer_subscribes("3", "Event: weather\nExpires: x\n");
	cr_expect_eq(sent(bob, "SIP/2.0 400"), 1);
	bob->grant = 403;
	peer_subscribes("4", "Event: weather\n");
	cr_expect_eq(sent(bob, "SIP/2.0 403"), 1);
	cr_expect_eq(sent(bob, "NOTIFY "), 0);
	cr_expect_eq(bob->ended, 0);
}

Test(subscribe, there_is_a_limit)
{
	struct sip_events_stats stats;

	for (unsigned i = 0; i < 14; i++) {
		char branch[4] = { 'l', (char)('a' + i), 0 };

		peer_subscribes(branch, "Event: weather\nExpires: 60\n");
	}
	cr_expect_eq(sent(bob, "SIP/2.0 200"), 12);
	cr_expect_eq(sent(bob, "SIP/2.0 503"), 2);
	sip_events_stats(bob->events, &stats);
	cr_expect_eq(stats.refused, 2);
	cr_expect_eq(stats.subscriptions, 12);
	/* The peer answers no NOTIFY: all are given up. */
	world_run(40000);
	cr_expect_eq(bob->ended, 12);
}

Test(subscribe, pending_tells_nothing_until_it_is_approved)
{
	bob->grant = 202;
	subscribe("weather", 600);
	cr_expect_eq(alice->substate, SIP_SUB_PENDING);
	cr_expect_str_eq(alice->body, "");
	sip_subscription_changed(bob->sub);
	world_run(5);
	cr_expect_eq(alice->notified, 1);
	sip_subscription_approve(bob->sub);
	world_run(5);
	cr_expect_eq(alice->substate, SIP_SUB_ACTIVE);
	cr_expect_str_eq(alice->body, "sunny");
}

Test(subscribe, rejected_tells_why_and_nothing_else)
{
	bob->grant = 202;
	subscribe("weather", 600);
	sip_subscription_end(bob->sub, "rejected", 0);
	world_run(10);
	cr_expect_eq(alice->substate, SIP_SUB_TERMINATED);
	cr_expect_str_eq(alice->reason, "rejected");
	cr_expect_str_eq(alice->body, "");
	cr_expect_eq(alice->over_status, 200);
}

/* RFC 6665 §4.4.1: the NOTIFY may come before the 2xx, which may be lost for a while. */
static bool drop_first_200(void *arg, const struct packet *packet)
{
	unsigned *count = arg;

	return packet->from == bob->node && packet->size > 12 &&
	       memcmp(packet->data, "SIP/2.0 200", 11) == 0 && (*count)++ == 0;
}

Test(subscribe, a_notify_that_is_faster_than_the_answer)
{
	unsigned count = 0;

	world->net->drop = drop_first_200;
	world->net->drop_arg = &count;
	subscribe("weather", 600);
	cr_expect_eq(alice->notified, 1);
	world_run(1000);
	cr_expect_eq(sent(alice, "SUBSCRIBE "), 2, "retransmitted");
	sip_subscription_changed(bob->sub);
	world_run(5);
	cr_expect_eq(alice->notified, 2);
	cr_expect_eq(bob->subscribed, 1);
}

Test(subscribe, nobody_is_there)
{
	world->net->loss = 100;
	subscribe("weather", 600);
	world_run(40000);
	cr_expect_eq(alice->over_status, 408);
}

static bool drop_notifies(void *arg, const struct packet *packet)
{
	(void)arg;
	return packet->size > 7 && memcmp(packet->data, "NOTIFY ", 7) == 0;
}

/* RFC 6665 §4.1.2.4 */
Test(subscribe, an_answer_without_a_notify_is_none)
{
	world->net->drop = drop_notifies;
	subscribe("weather", 600);
	world_run(31000);
	cr_expect_eq(alice->over, 0);
	world_run(2000);
	cr_expect_eq(alice->over_status, 408);
	cr_expect_eq(sent(bob, "SIP/2.0 200"), 1);
}

/* The subscriber is gone: what it says to a NOTIFY ends the subscription. */
Test(subscribe, a_notify_that_is_481_ends_it)
{
	subscribe("weather", 600);
	sip_events_destroy(alice->events);
	cr_assert_eq(sip_events_create(&(struct sip_events_config){ .ua = alice->ua,
								    .wheel = world->net->wheel,
								    .timers = sip_timers_default },
				       &alice->events),
		     0);
	alice->subscriber = NULL;
	sip_subscription_changed(bob->sub);
	world_run(10);
	cr_expect_eq(sent(alice, "SIP/2.0 481"), 1);
	cr_expect_eq(bob->ended, 1);
}

/* Of none a timer or a notice goes off behind the end. */
Test(subscribe, subscribers_end_with_their_agent_however_many_they_are)
{
	subscribe("weather", 600);
	subscribe("weather", 600);
	sip_events_destroy(alice->events);
	cr_assert_eq(sip_events_create(&(struct sip_events_config){ .ua = alice->ua,
								    .wheel = world->net->wheel,
								    .timers = sip_timers_default },
				       &alice->events),
		     0);
	alice->subscriber = NULL;
	world_run(1000000);
	cr_expect_eq(sent(alice, "SUBSCRIBE "), 2, "nobody refreshes");
	cr_expect_eq(alice->over, 0);
}

Test(subscribe, two_packages_of_a_dialog_are_told_apart_by_their_ids)
{
	struct sip_request request = { .method = SIP_SUBSCRIBE, .contact = true };

	subscribe("weather;id=1", 600);
	request.headers = SLICE("Event: weather;id=2\r\nExpires: 600\r\n");
	cr_assert_eq(sip_dialog_send(sip_subscriber_dialog(alice->subscriber), &request, NULL, NULL,
				     NULL),
		     0);
	world_run(10);
	cr_expect_eq(bob->subscribed, 2, "another subscription in the same dialog");
	cr_expect(packet_has(sent_nth(bob, "NOTIFY ", 1), "Event: weather;id=2\r\n"));
	cr_expect_eq(sent(alice, "SIP/2.0 481"), 1, "which alice's library did not ask for");
}

Test(subscribe, a_stray_notify_is_481)
{
	peer_says("NOTIFY sip:bob@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKn;rport\nFrom: <sip:p@h>;tag=p\n"
		  "To: <sip:b@h>\nCall-ID: n\nCSeq: 1 NOTIFY\nContact: <sip:p@192.0.2.3>\n"
		  "Event: weather\nSubscription-State: active\n\n");
	cr_expect_eq(sent(bob, "SIP/2.0 481"), 1);
}
