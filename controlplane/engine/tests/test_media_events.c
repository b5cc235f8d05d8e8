/* SPDX-License-Identifier: BSD-3-Clause */
/* What the dataplane says of a call's media: on the bus, at the call, in its CDR. */
#include <criterion/criterion.h>
#include <string.h>

#include "controlplane/engine/tests/world.h"
#include "controlplane/events/bus.h"

static struct event_bus *bus;
static struct event last;
static unsigned count;

static void deliver(void *arg, const struct event *event)
{
	(void)arg;
	last = *event;
	count++;
}

/* A bridged call, and a subscriber to one type. */
static void setup(void)
{
	world_start();
	cr_assert_eq(event_bus_create(NULL, &bus), 0);
	world->shard.events = bus;
	world_bridged_call();
	count = 0;
}

static void teardown(void)
{
	event_bus_drain(bus);
	world_stop();
	event_bus_destroy(bus);
}

TestSuite(media_events, .init = setup, .fini = teardown);

static dp_handle_t handle_of(unsigned side)
{
	for (uint32_t i = 0; i < FAKE_MAX; i++) {
		if (fake->terminations[i].generation && fake->terminations[i].side == side)
			return (dp_handle_t){ i, fake->terminations[i].generation };
	}
	return DP_HANDLE_NONE;
}

static void subscribe(enum event_type type)
{
	const struct event_filter filter = { .types = UINT64_C(1) << type };
	struct event_subscriber *subscriber;

	event_bus_drain(bus);
	cr_assert_eq(event_subscribe(bus, &filter, deliver, NULL, &subscriber), 0);
}

static void happen(struct dp_event event, unsigned side)
{
	fake_event(&event, handle_of(side));
	world_run(1);
	event_bus_drain(bus);
}

static json_t *show_call(void)
{
	json_t *rows = json_array(), *row;

	engine_show_calls(world->shard.engine, rows);
	row = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return row;
}

static void expect_shown(const char *caller, const char *callee)
{
	json_t *row = show_call();

	cr_expect_str_eq(json_string_value(json_object_get(row, "caller_quality")), caller);
	cr_expect_str_eq(json_string_value(json_object_get(row, "callee_quality")), callee);
	json_decref(row);
}

Test(media_events, foreign_packets_raise_an_event_with_the_calls_id)
{
	struct dp_event event = { .type = DP_EVENT_FOREIGN, .foreign = { .packets = 17 } };

	dp_address_parse("198.18.0.200", 6000, &event.foreign.source);
	subscribe(EVENT_MEDIA_FOREIGN);
	happen(event, 1);
	cr_assert_eq(count, 1);
	cr_expect_eq(last.call, world->shard.engine->calls->id);
	cr_expect_str_eq(last.fields[2], "198.18.0.200:6000");
	cr_expect_str_eq(last.fields[3], "17");
	cr_expect_eq(event_type_info(EVENT_MEDIA_FOREIGN)->priority, EVENT_HIGH);
}

Test(media_events, media_that_comes_back_and_media_in_a_circle_are_told)
{
	subscribe(EVENT_MEDIA_RESUMED);
	happen((struct dp_event){ .type = DP_EVENT_MEDIA_RESUMED }, 0);
	cr_expect_eq(count, 1);
	subscribe(EVENT_MEDIA_LOOP);
	happen((struct dp_event){ .type = DP_EVENT_LOOP, .loop = { .ssrc = 0xabc } }, 0);
	cr_expect_eq(count, 2);
	cr_expect_str_eq(last.fields[2], "00000abc");
	cr_expect_eq(last.call, world->shard.engine->calls->id);
}

/* given a good call, when loss crosses its threshold, then the call shows it until it is over */
Test(media_events, bad_quality_is_at_the_call_until_it_is_good_again)
{
	struct dp_event event = { .type = DP_EVENT_QUALITY,
				  .quality = { .metric = DP_QUALITY_LOSS,
					       .raised = 1,
					       .value = 725,
					       .threshold = 500,
					       .mos = 312 } };

	expect_shown("good", "good");
	subscribe(EVENT_MEDIA_QUALITY);
	happen(event, 1);
	cr_assert_eq(count, 1);
	cr_expect_eq(last.call, world->shard.engine->calls->id);
	cr_expect_str_eq(last.fields[1], "loss_percent");
	cr_expect_str_eq(last.fields[2], "raised");
	cr_expect_str_eq(last.fields[3], "7.25");
	cr_expect_str_eq(last.fields[4], "5.00");
	cr_expect_str_eq(last.fields[5], "3.12");
	expect_shown("good", "loss");
	event.quality.metric = DP_QUALITY_MOS;
	happen(event, 1);
	expect_shown("good", "mos loss");
	event.quality.raised = 0;
	happen(event, 1);
	cr_expect_str_eq(last.fields[2], "cleared");
	expect_shown("good", "loss");
	event.quality.metric = DP_QUALITY_LOSS;
	happen(event, 1);
	expect_shown("good", "good");
}

/* given a bad call, when the control plane is killed, then the next life knows that it is bad */
Test(media_events, bad_quality_outlives_the_control_plane)
{
	fake->terminations[handle_of(0).index].alarms = 1u << DP_QUALITY_JITTER;
	world_kill_controlplane();
	expect_shown("jitter", "good");
}

Test(media_events, a_worker_that_does_not_answer_is_told_once)
{
	struct dp_event event = { .type = DP_EVENT_WORKER,
				  .worker = { 3, DP_WORKER_HUNG, 500, 0 } };

	subscribe(EVENT_DATAPLANE_WORKER);
	fake_raw_event(&event);
	world->shard.index = 1;
	world_run(1);
	event_bus_drain(bus);
	cr_expect_eq(count, 0, "the first shard tells it");
	world->shard.index = 0;
	fake_raw_event(&event);
	world_run(1);
	event_bus_drain(bus);
	cr_assert_eq(count, 1);
	cr_expect_str_eq(last.fields[0], "3");
	cr_expect_str_eq(last.fields[1], "hung");
	cr_expect_str_eq(last.fields[2], "500");
	cr_expect_eq(event_type_info(EVENT_DATAPLANE_WORKER)->priority, EVENT_CRITICAL);
}

/* --- what the CDR says --- */

/* So many came, and so many did not, one at a time. */
static void count_packets(unsigned side, uint32_t packets, uint32_t lost)
{
	struct dp_termination_counters *c = &fake->counters[handle_of(side).index];

	*c = (struct dp_termination_counters){
		.packets = packets,
		.bytes = (uint64_t)packets * 172,
		.window = ~UINT64_C(0),
		.base_sequence = 1,
		.highest_sequence = packets + lost,
		.lost = lost,
		.latch = DP_LATCH_LOCKED,
		.longest_gap_ms = 40,
		.rtt_us = 30000,
		.jitter = 16 * 80, /* 10 ms at 8 kHz */
	};
}

Test(media_events, the_cdr_has_the_loss_and_what_it_did_to_the_speech)
{
	struct dp_event event = { .type = DP_EVENT_QUALITY,
				  .quality = { .metric = DP_QUALITY_LOSS, .raised = 1 } };

	count_packets(0, 900, 100);
	count_packets(1, 1000, 0);
	happen(event, 0);
	phone_bye(CARRIER);
	world_run(50);
	cr_assert_eq(world->cdrs, 1);
	cr_expect_eq(world->cdr.caller.packets, 900);
	cr_expect_eq(world->cdr.caller.expected, 1000);
	cr_expect_eq(world->cdr.caller.lost, 100);
	cr_expect_eq(world->cdr.caller.longest_gap_ms, 40);
	cr_expect_eq(world->cdr.caller.rtt_us, 30000);
	cr_expect_eq(world->cdr.caller.jitter_us, 10000);
	cr_expect_eq(world->cdr.caller.alarms, 1);
	cr_expect_lt(world->cdr.caller.mos, 380);
	cr_expect_gt(world->cdr.callee.mos, 430);
	cr_expect_gt(world->cdr.callee.r_factor, 850);
	cr_expect_eq(world->cdr.callee.lost, 0);
	cr_expect_eq(world->cdr.callee.alarms, 0);
}

Test(media_events, a_side_that_was_never_heard_has_no_mos)
{
	phone_bye(CARRIER);
	world_run(50);
	cr_expect_eq(world->cdr.caller.mos, 0);
	cr_expect_eq(world->cdr.caller.packets, 0);
}

/* given two lives of the dataplane, then the CDR has what both counted */
Test(media_events, the_cdr_sums_up_over_restarts_of_the_dataplane)
{
	count_packets(0, 900, 100);
	media_detached(world->shard.media);
	fake_restart();
	media_attached(world->shard.media, fake_client(), fake_channel(), 2);
	world_run(20);
	count_packets(0, 1000, 0);
	phone_bye(CARRIER);
	world_run(50);
	cr_expect_eq(world->cdr.caller.packets, 1900);
	cr_expect_eq(world->cdr.caller.expected, 2000);
	cr_expect_eq(world->cdr.caller.lost, 100);
}

Test(media_events, packets_are_counted_over_the_wrap_of_the_dataplanes_counter)
{
	const uint64_t half_an_hour = UINT64_C(31) * 60 * 1000;

	world->config.calls.media_timeout_s = 0;
	count_packets(0, UINT32_MAX - 9, 0);
	timer_wheel_advance(world->net->wheel, timer_wheel_now(world->net->wheel) + half_an_hour);
	count_packets(0, 10, 0);
	phone_bye(CARRIER);
	world_run(50);
	cr_expect_eq(world->cdr.caller.packets, (UINT64_C(1) << 32) + 10);
}
