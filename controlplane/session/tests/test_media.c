/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>

#include "controlplane/main/shard.h"
#include "controlplane/session/media.h"
#include "controlplane/session/tests/fake_dataplane.h"

static struct shard shard;

static struct told {
	int ready, ready_status, lost, latched, timeouts;
	struct dp_address source;
	struct media_context *destroy; /* in `ready` */
} told;

static void on_ready(void *arg, int status)
{
	struct told *t = arg;

	t->ready++;
	t->ready_status = status;
	if (t->destroy)
		media_context_destroy(t->destroy);
	t->destroy = NULL;
}

static void on_latched(void *arg, const struct dp_address *source)
{
	((struct told *)arg)->latched++;
	((struct told *)arg)->source = *source;
}

static void on_timeout(void *arg, uint32_t silent_ms)
{
	(void)silent_ms;
	((struct told *)arg)->timeouts++;
}

static void on_lost(void *arg, int status)
{
	(void)status;
	((struct told *)arg)->lost++;
}

static const struct media_termination_user user = {
	.ready = on_ready, .latched = on_latched, .timeout = on_timeout, .lost = on_lost
};

static const struct media_termination_config plain = {
	.local = { .family = DP_FAMILY_IPV4 },
	.settings = { .source_rule = DP_SOURCE_LEARN, .clock_rate = 8000 },
};

static void attach(void)
{
	media_attached(shard.media, fake_client(), fake_channel(), 1);
}

static void setup(void)
{
	told = (struct told){ 0 };
	shard = (struct shard){ .count = 1 };
	shard.wheel = timer_wheel_create(0);
	fake_start();
	cr_assert_eq(media_create(&shard, &shard.media), 0);
	media_adopt(shard.media);
	attach();
}

static void teardown(void)
{
	media_destroy(shard.media);
	timer_wheel_destroy(shard.wheel);
	fake_stop();
}

TestSuite(media, .init = setup, .fini = teardown);

/* Carries out all commands until nothing moves. */
static void settle(void)
{
	do
		media_receive(shard.media);
	while (fake_run(FAKE_MAX) > 0);
	media_receive(shard.media);
}

static void expect_residue(unsigned contexts, unsigned terminations)
{
	struct media_stats stats;

	media_stats(shard.media, &stats);
	cr_assert_eq(stats.contexts, contexts);
	cr_assert_eq(stats.terminations, terminations);
	cr_assert_eq(stats.in_flight, 0);
	cr_assert_eq(stats.waiting, 0);
	cr_assert_eq(fake_contexts(), contexts);
	cr_assert_eq(fake_terminations(), terminations);
}

static struct media_context *call_up(uint64_t label, struct media_termination *t[2])
{
	struct media_context *c;

	cr_assert_eq(media_context_create(shard.media, label, &c), 0);
	cr_assert_eq(media_termination_create(c, &plain, &user, &told, &t[0]), 0);
	cr_assert_eq(media_termination_create(c, &plain, &user, &told, &t[1]), 0);
	return c;
}

Test(media, a_context_comes_up_with_its_addresses_and_goes_without_residue)
{
	struct media_termination *t[2];
	struct media_context *c = call_up(7, t);

	settle();
	cr_assert_eq(told.ready, 2);
	cr_assert_eq(told.ready_status, 0);
	cr_assert_eq(media_termination_local(t[0])->port, 16384);
	cr_assert_eq(media_termination_local(t[1])->port, 16386);
	cr_assert(!dp_handle_is_none(media_context_handle(c)));
	expect_residue(1, 2);

	media_context_destroy(c);
	settle();
	expect_residue(0, 0);
}

/* given a call with both its parties, then all of it is asked for before anything is answered */
Test(media, a_context_and_its_terminations_are_asked_for_at_once)
{
	struct media_termination *t[2], *other[2];
	struct media_context *c = call_up(7, t), *d = call_up(8, other);

	cr_assert_eq(fake->sent[DP_COMMAND_CONTEXT_ADD], 2);
	cr_assert_eq(fake->sent[DP_COMMAND_TERMINATION_ADD], 4);
	settle();
	cr_assert_eq(told.ready, 4);
	cr_assert_eq(media_termination_local(t[1])->port, 16386);
	cr_assert_eq(media_termination_local(other[0])->port, 16388);
	for (unsigned i = 0; i < 2; i++) {
		const struct dp_termination_record *r =
			&fake->terminations[media_termination_handle(other[i]).index];

		cr_assert(dp_handle_equal(r->context, media_context_handle(d)));
	}
	media_context_destroy(c);
	media_context_destroy(d);
	settle();
	expect_residue(0, 0);
}

/* given contexts of two calls asked for in turn, then a termination that comes when another context
 * was asked for meanwhile waits for its own one's handle */
Test(media, a_termination_goes_to_its_own_context_and_not_to_the_latest)
{
	struct media_context *c, *d;
	struct media_termination *t;

	cr_assert_eq(media_context_create(shard.media, 7, &c), 0);
	cr_assert_eq(media_context_create(shard.media, 8, &d), 0);
	cr_assert_eq(media_termination_create(c, &plain, &user, &told, &t), 0);
	cr_assert_eq(fake->sent[DP_COMMAND_TERMINATION_ADD], 0);
	settle();
	cr_assert_eq(told.ready, 1);
	cr_assert(dp_handle_equal(fake->terminations[media_termination_handle(t).index].context,
				  media_context_handle(c)));
	media_context_destroy(c);
	media_context_destroy(d);
	settle();
	expect_residue(0, 0);
}

/* given a call whose commands are under way, when it ends after any number of them, then nothing
 * is left anywhere */
Test(media, a_call_that_ends_at_any_moment_of_its_set_up_leaves_nothing)
{
	for (unsigned steps = 0; steps < 6; steps++) {
		struct media_termination *t[2];
		struct media_context *c = call_up(7, t);

		for (unsigned i = 0; i < steps; i++) {
			fake_run(1);
			media_receive(shard.media);
		}
		media_context_destroy(c);
		settle();
		expect_residue(0, 0);
	}
}

Test(media, a_context_may_be_destroyed_by_the_callback_that_says_it_is_ready)
{
	struct media_termination *t[2];

	told.destroy = call_up(7, t);
	settle();
	expect_residue(0, 0);
}

Test(media, a_termination_can_leave_alone)
{
	struct media_termination *t[2];
	struct media_context *c = call_up(7, t);

	settle();
	media_termination_destroy(t[1]);
	settle();
	expect_residue(1, 1);
	media_context_destroy(c);
	settle();
	expect_residue(0, 0);
}

Test(media, a_refused_termination_tells_its_user_and_leaves_nothing)
{
	struct media_termination *t[2];
	struct media_context *c;

	fake->fail_type = DP_COMMAND_TERMINATION_ADD;
	fake->fail_status = -EADDRNOTAVAIL;
	c = call_up(7, t);
	settle();
	cr_assert_eq(told.ready, 2);
	media_context_destroy(c);
	settle();
	expect_residue(0, 0);
}

Test(media, a_refused_context_tells_all_its_users)
{
	struct media_termination *t[2];
	struct media_context *c;

	fake->fail_type = DP_COMMAND_CONTEXT_ADD;
	fake->fail_status = -ENOSPC;
	c = call_up(7, t);
	settle();
	cr_assert_eq(told.ready, 2);
	cr_assert_eq(told.ready_status, -ENOSPC);
	media_context_destroy(c);
	settle();
	expect_residue(0, 0);
}

Test(media, a_full_ring_is_waited_for)
{
	struct media_context *c[50];

	fake->ring_size = 3;
	for (unsigned i = 0; i < 50; i++) {
		struct media_termination *t[2];

		c[i] = call_up(i + 1, t);
	}
	settle();
	cr_assert_eq(told.ready, 100);
	expect_residue(50, 100);
	for (unsigned i = 0; i < 50; i++)
		media_context_destroy(c[i]);
	settle();
	expect_residue(0, 0);
}

Test(media, only_what_changed_is_sent_and_the_same_remote_keeps_its_latch)
{
	struct dp_termination_settings settings;
	struct media_termination *t[2];
	unsigned before;

	call_up(7, t);
	settle();
	settings = *media_termination_settings(t[0]);
	dp_address_parse("198.18.0.101", 4000, &settings.remote);
	settings.direction = DP_DIRECTION_SENDRECV;
	media_termination_modify(t[0], &settings);
	cr_assert_eq(fake->commands[0].termination_modify.mask, DP_SET_REMOTE | DP_SET_DIRECTION);
	settle();

	before = fake->sent[DP_COMMAND_TERMINATION_MODIFY];
	media_termination_modify(t[0], &settings);
	cr_assert_eq(fake->sent[DP_COMMAND_TERMINATION_MODIFY], before);
	settings.direction = DP_DIRECTION_RECVONLY;
	media_termination_modify(t[0], &settings);
	cr_assert_eq(fake->commands[0].termination_modify.mask, DP_SET_DIRECTION);
}

Test(media, without_a_dataplane_a_new_context_fails_at_once)
{
	struct media_context *c;

	media_detached(shard.media);
	cr_assert_eq(media_context_create(shard.media, 7, &c), -ENOTCONN);
	cr_assert_not(media_is_up(shard.media));
	attach();
}

/* given a dataplane that came back, when a call of this or of another shard still wants its ports
 * back, then nobody is given a port anew */
Test(media, no_new_context_before_all_shards_have_put_their_calls_back)
{
	struct media_termination *t[2];
	struct media_context *c = call_up(7, t), *other;

	settle();
	media_detached(shard.media);
	fake_restart();
	media_expect(2);
	attach();
	cr_assert_eq(media_context_create(shard.media, 8, &other), -ENOTCONN, "its own calls");
	settle();
	cr_assert_eq(media_context_create(shard.media, 8, &other), -ENOTCONN, "the other shard's");
	media_detached(shard.media);
	media_expect(1);
	attach();
	settle();
	cr_assert_eq(media_context_create(shard.media, 8, &other), 0);
	media_context_destroy(other);
	media_context_destroy(c);
	settle();
	expect_residue(0, 0);
}

Test(media, a_reply_that_never_comes_fails_its_callback)
{
	struct media_termination *t[2];
	struct media_context *c = call_up(7, t);

	media_detached(shard.media);
	cr_assert_eq(told.ready, 2);
	cr_assert_eq(told.ready_status, -ENOTCONN);
	media_context_destroy(c);
	fake_restart();
	attach();
	settle();
	expect_residue(0, 0);
}

/* given a call whose phone was latched behind a NAT, when the dataplane restarts, then it gets the
 * same ports and the latched address, and its counters go on */
Test(media, a_restarted_dataplane_gets_the_same_ports_and_the_latched_addresses)
{
	struct dp_termination_settings settings;
	struct media_termination *t[2];
	struct media_counters counters;
	struct media_context *c = call_up(7, t);
	struct dp_termination_record record;
	struct dp_address latched;

	settle();
	settings = *media_termination_settings(t[0]);
	dp_address_parse("10.0.0.1", 4000, &settings.remote);
	settings.direction = DP_DIRECTION_SENDRECV;
	media_termination_modify(t[0], &settings);
	settle();
	fake_latch(media_termination_handle(t[0]), "198.18.0.101", 40000, 123);
	settle();
	cr_assert_eq(told.latched, 1);
	dp_address_parse("198.18.0.101", 40000, &latched);
	cr_assert(dp_address_equal(&told.source, &latched));

	media_detached(shard.media);
	settings.direction = DP_DIRECTION_RECVONLY; /* put on hold meanwhile */
	media_termination_modify(t[0], &settings);
	fake_restart();
	attach();
	settle();
	expect_residue(1, 2);
	cr_assert_eq(told.lost, 0);
	cr_assert_eq(told.ready, 2, "told once");
	dp_stats_termination(fake->stats, media_termination_handle(t[0]).index, &record);
	cr_assert_eq(record.local.port, 16384);
	cr_assert(dp_address_equal(&record.remote, &latched));
	cr_assert_eq(record.direction, DP_DIRECTION_RECVONLY);
	media_termination_counters(t[0], &counters);
	cr_assert_eq(counters.packets, 123);
	fake_latch(media_termination_handle(t[0]), "198.18.0.101", 40000, 7);
	media_termination_counters(t[0], &counters);
	cr_assert_eq(counters.packets, 130);
	media_context_destroy(c);
}

/* given a phone whose host is known, when the dataplane restarts, then it is told the port that
 * was heard, but not of another host, which was heard before the host was known */
Test(media, a_restarted_dataplane_hears_of_no_source_that_the_rule_forbids)
{
	static const char *const hosts[] = { "198.18.0.101", "198.18.0.66" };

	for (unsigned i = 0; i < 2; i++) {
		struct media_termination *t[2];
		struct media_context *c = call_up(7, t);
		struct dp_termination_settings settings;
		struct dp_termination_record record;

		settle();
		settings = *media_termination_settings(t[0]);
		dp_address_parse("198.18.0.101", 4000, &settings.remote);
		settings.source_rule = DP_SOURCE_HOST;
		media_termination_modify(t[0], &settings);
		settle();
		fake_latch(media_termination_handle(t[0]), hosts[i], 40000, 123);
		settle();
		media_detached(shard.media);
		fake_restart();
		attach();
		settle();
		dp_stats_termination(fake->stats, media_termination_handle(t[0]).index, &record);
		cr_expect_eq(record.remote.ip[3], 101);
		cr_expect_eq(record.remote.port, i == 0 ? 40000 : 4000);
		media_context_destroy(c);
		settle();
	}
}

Test(media, a_port_that_is_taken_after_the_restart_is_told)
{
	struct media_termination *t[2];
	struct media_context *c = call_up(7, t);

	settle();
	media_detached(shard.media);
	fake_restart();
	fake->fail_type = DP_COMMAND_TERMINATION_ADD;
	fake->fail_status = -EADDRINUSE;
	attach();
	settle();
	cr_assert_eq(told.lost, 1);
	media_context_destroy(c);
	settle();
	expect_residue(0, 0);
}

/* given contexts of an earlier life, when the control plane is back, then those of calls on
 * record are claimed as they are and the others removed */
Test(media, what_is_on_record_is_adopted_and_the_rest_removed)
{
	struct media_termination_config config = plain;
	struct media_termination *old[2], *t;
	struct media_context *c;
	struct media_stats stats;
	unsigned added;

	call_up(7, old);
	settle();
	config.local = *media_termination_local(old[0]);
	call_up(8, old);
	settle();
	fake_latch((dp_handle_t){ 0, fake->terminations[0].generation }, "198.18.0.101", 40000, 5);
	media_destroy(shard.media);
	fake_client_died();
	added = fake->sent[DP_COMMAND_TERMINATION_ADD];

	cr_assert_eq(media_create(&shard, &shard.media), 0);
	attach();
	cr_assert_eq(fake_contexts(), 2, "nothing is touched before the records are read");
	media_context_restore(shard.media, 7, &c);
	media_termination_create(c, &config, &user, &told, &t);
	media_adopt(shard.media);
	settle();

	media_stats(shard.media, &stats);
	cr_assert_eq(stats.adopted, 1);
	cr_assert_eq(stats.removed, 1);
	cr_assert_eq(fake->sent[DP_COMMAND_TERMINATION_ADD], added);
	cr_assert_eq(fake->sent[DP_COMMAND_TERMINATION_MODIFY], 0);
	cr_assert_eq(media_termination_latched(t)->port, 40000);
	cr_assert_eq(fake->contexts[media_context_handle(c).index].owner, 0);
	expect_residue(1, 1); /* the termination that no record has went too */
}

Test(media, contexts_of_other_shards_are_left_alone)
{
	struct media_termination *t[2];
	struct media_context *other = call_up((uint64_t)1 << 56 | 5, t);

	settle();
	(void)other;
	media_destroy(shard.media);
	fake_client_died();
	shard.count = 2;
	cr_assert_eq(media_create(&shard, &shard.media), 0);
	media_adopt(shard.media);
	attach();
	settle();
	cr_assert_eq(fake_contexts(), 1);
}

Test(media, what_its_dying_owner_still_held_is_swept_later)
{
	struct media_termination *t[2];

	call_up(7, t);
	settle();
	media_destroy(shard.media);
	cr_assert_eq(media_create(&shard, &shard.media), 0);
	media_adopt(shard.media);
	attach();
	settle();
	cr_assert_eq(fake_contexts(), 1, "somebody owns it still");
	fake_client_died();
	timer_wheel_advance(shard.wheel, 6000);
	settle();
	cr_assert_eq(fake_contexts(), 0);
}

Test(media, events_of_stale_handles_reach_nobody)
{
	struct media_termination *t[2];
	struct media_context *c = call_up(7, t);
	dp_handle_t stale;

	settle();
	stale = media_termination_handle(t[0]);
	fake_timeout(stale, 1000);
	settle();
	cr_assert_eq(told.timeouts, 1);
	media_context_destroy(c);
	settle();
	call_up(8, t);
	settle();
	fake_timeout(stale, 1000);
	settle();
	cr_assert_eq(told.timeouts, 1);
}
