/* SPDX-License-Identifier: BSD-3-Clause */
/* Intervals, thresholds, strangers and circles: which events there are, and which there are not. */
#include <stdlib.h>

#include <criterion/criterion.h>

#include <urcu/urcu-qsbr.h>

#include "dataplane/flow/flow.h"

#define MAX      64u
#define INTERVAL 5000u
#define SHORT    1000u
#define EVENTS   16u

static struct flow_table *table;
static struct dp_context_record contexts[MAX];
static struct dp_termination_record records[MAX];
static struct dp_termination_counters *counters;
static struct dp_pool_stats pools[1];
static struct dp_realm_stats realm_stats[1];
static struct dp_event events[EVENTS];
static unsigned seen;
static uint64_t now;
static dp_handle_t context, side[2];

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return NULL;
}

static void note(void *arg, uint32_t owner, struct dp_event *event)
{
	(void)arg;
	cr_assert_eq(owner, 3);
	cr_assert_lt(seen, EVENTS);
	events[seen++] = *event;
}

static const struct flow_reports reports = { note, NULL };

static void add(unsigned i)
{
	struct dp_cmd_termination_add a = { .context = context,
					    .local = { .family = DP_FAMILY_IPV4 },
					    .realm = DP_REALM_ANY,
					    .settings = { .direction = DP_DIRECTION_SENDRECV,
							  .telephone_event = 255,
							  .codec = DP_CODEC_PCMU,
							  .clock_rate = 8000 } };
	struct dp_address local;

	cr_assert_eq(flow_termination_add(table, &a, &side[i], &local), 0);
	counters[side[i].index].window = UINT64_MAX;
}

static void set_up_with(uint32_t interval_ms)
{
	static const struct flow_realm realm;
	const struct flow_pool pool = {
		.address = { .ip = { 198, 18, 0, 20 }, .family = DP_FAMILY_IPV4 },
		.port_first = 20000,
		.port_last = 20007,
	};
	struct flow_table_config config = {
		.pools = &pool,
		.pool_count = 1,
		.realms = &realm,
		.realm_count = 1,
		.realm_stats = realm_stats,
		.terminations_max = MAX,
		.workers = 1,
		.contexts = contexts,
		.terminations = records,
		.pool_stats = pools,
		.resolve = resolve,
		.thresholds = { .interval_ms = interval_ms,
				.limit = { [DP_QUALITY_MOS] = 360,
					   [DP_QUALITY_LOSS] = 500,
					   [DP_QUALITY_JITTER] = 50000 } },
	};

	config.counters = counters = aligned_alloc(64, MAX * sizeof(*counters));
	memset(counters, 0, MAX * sizeof(*counters));
	cr_assert_eq(flow_table_create(&config, &table), 0);
	seen = 0;
	now = 100;
	cr_assert_eq(flow_context_add(table, 3, 77, &context), 0);
	add(0);
	add(1);
}

static void set_up(void)
{
	set_up_with(INTERVAL);
}

static void set_up_each_second(void)
{
	set_up_with(SHORT);
}

static void tear_down(void)
{
	flow_table_destroy(table);
	free(counters);
}

TestSuite(quality, .init = set_up, .fini = tear_down);

/* Until each termination was judged once. */
static void pass(uint32_t interval_ms)
{
	for (uint64_t end = now + interval_ms; now < end; now += 5)
		flow_check_quality(table, now, &reports);
}

static void interval(void)
{
	pass(INTERVAL);
}

/* So many were sent in the interval, of which some were lost. */
static void speak(unsigned i, uint32_t sent, uint32_t lost)
{
	struct dp_termination_counters *c = &counters[side[i].index];

	if (c->packets == 0) {
		c->base_sequence = 1000;
		c->highest_sequence = 999;
		c->ssrc = 0x1111 * (i + 1);
	}
	c->packets += sent - lost;
	c->bytes += 172ull * (sent - lost);
	c->highest_sequence += sent;
	c->lost += lost;
	c->c14 += lost;
}

static void speak_for(unsigned intervals, uint32_t lost)
{
	while (intervals-- > 0) {
		speak(0, 250, lost);
		interval();
	}
}

static void speak_short(unsigned intervals, uint32_t sent, uint32_t lost)
{
	while (intervals-- > 0) {
		speak(0, sent, lost);
		pass(SHORT);
	}
}

static const struct dp_event *only_event(enum dp_event_type type)
{
	cr_assert_eq(seen, 1, "%u events", seen);
	cr_assert_eq(events[0].type, type);
	seen = 0;
	return &events[0];
}

static void modify(uint32_t mask, uint8_t direction)
{
	struct dp_cmd_termination_modify m = { .termination = side[0],
					       .mask = mask,
					       .settings = { .direction = direction } };

	cr_assert_eq(flow_termination_modify(table, &m), 0);
}

Test(quality, an_interval_without_loss_is_on_record_and_no_event)
{
	const struct dp_termination_record *r = &records[side[0].index];

	speak_for(1, 0);
	cr_assert_eq(r->interval_mos, 0, "the first one only sets the mark");
	speak_for(3, 0);
	cr_assert_eq(r->interval_mos, 441);
	cr_assert_eq(r->interval_loss, 0);
	cr_assert_eq(r->alarms, 0);
	cr_assert_eq(r->version % 2, 0);
	cr_assert_eq(records[side[1].index].interval_mos, 0, "it said nothing");
	cr_assert_eq(seen, 0);
}

Test(quality, loss_is_told_once_and_again_when_it_is_over)
{
	const struct dp_event *e;

	speak_for(2, 0);
	speak_for(3, 20); /* 8 %, MOS 3.7 */
	e = only_event(DP_EVENT_QUALITY);
	cr_assert_eq(e->quality.metric, DP_QUALITY_LOSS);
	cr_assert_eq(e->quality.raised, 1);
	cr_assert_eq(e->quality.value, 800);
	cr_assert_eq(e->quality.threshold, 500);
	cr_assert_eq(e->quality.loss, 800);
	cr_assert(e->quality.mos > 360 && e->quality.mos < 380);
	cr_assert_eq(e->quality.label, 77);
	cr_assert(dp_handle_equal(e->quality.termination, side[0]));
	cr_assert(dp_handle_equal(e->quality.context, context));
	cr_assert_eq(records[side[0].index].alarms, 1u << DP_QUALITY_LOSS);
	cr_assert_eq(records[side[0].index].interval_loss, 800);

	speak_for(1, 0);
	cr_assert_eq(seen, 0, "one good interval is no proof");
	speak_for(1, 0);
	e = only_event(DP_EVENT_QUALITY);
	cr_assert_eq(e->quality.metric, DP_QUALITY_LOSS);
	cr_assert_eq(e->quality.raised, 0);
	cr_assert_eq(e->quality.value, 0);
	cr_assert_eq(records[side[0].index].alarms, 0);
}

Test(quality, a_bad_interval_between_good_ones_keeps_the_alarm)
{
	speak_for(2, 0);
	speak_for(1, 20);
	only_event(DP_EVENT_QUALITY);
	for (int i = 0; i < 3; i++) {
		speak_for(1, 0);
		speak_for(1, 20);
	}
	cr_assert_eq(seen, 0);
}

Test(quality, each_figure_has_an_alarm_of_its_own)
{
	speak_for(2, 0);
	counters[side[0].index].jitter = 60 * 8 * 16; /* 60 ms */
	speak_for(1, 50);                             /* 20 % */
	cr_assert_eq(seen, 3);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(events[i].quality.metric, i);
		cr_assert_eq(events[i].quality.jitter, 60000);
	}
	cr_assert_eq(events[DP_QUALITY_JITTER].quality.value, 60000);
	cr_assert_eq(records[side[0].index].alarms, 7);
	cr_assert_eq(records[side[0].index].interval_jitter, 60000);
}

/* Too late for the listener is as bad as lost. */
Test(quality, late_packets_count_as_lost)
{
	speak_for(2, 0);
	counters[side[0].index].late += 15;
	speak_for(1, 0);
	cr_assert_eq(only_event(DP_EVENT_QUALITY)->quality.value, 600);
}

Test(quality, nothing_is_judged_while_a_side_is_held_nor_what_was_not_counted_meanwhile)
{
	speak_for(2, 0);
	modify(DP_SET_DIRECTION, DP_DIRECTION_RECVONLY);
	speak_for(2, 200);
	modify(DP_SET_DIRECTION, DP_DIRECTION_SENDRECV);
	speak_for(1, 200); /* the sequence went on all the time */
	cr_assert_eq(seen, 0);
	speak_for(2, 0);
	cr_assert_eq(seen, 0);
	speak_for(1, 20);
	only_event(DP_EVENT_QUALITY);
}

/* The mark of an interval may fall between the end of a hold and the first packet after it. */
Test(quality, an_interval_that_begins_with_the_end_of_a_hold_is_not_judged)
{
	speak_for(2, 0);
	cr_assert_eq(side[0].index, 0, "its turn is at the beginning of a round");
	modify(DP_SET_DIRECTION, DP_DIRECTION_RECVONLY);
	while (now % INTERVAL != 0)
		flow_check_quality(table, now += 5, &reports);
	modify(DP_SET_DIRECTION, DP_DIRECTION_SENDRECV);
	for (unsigned i = 0; i < 40; i++)
		flow_check_quality(table, now += 5, &reports);
	speak_for(1, 200);
	cr_assert_eq(seen, 0);
	speak_for(1, 20);
	only_event(DP_EVENT_QUALITY);
}

Test(quality, a_few_packets_say_nothing)
{
	speak_for(2, 0);
	speak(0, 20, 10);
	interval();
	interval();
	cr_assert_eq(seen, 0);
}

/* What came is little then; what was sent is not. */
Test(quality, a_line_that_loses_nearly_all_is_told)
{
	const struct dp_termination_record *r = &records[side[0].index];

	speak_for(2, 0);
	speak_for(1, 238); /* 95 %, 12 packets come */
	cr_assert_eq(seen, 2, "%u events", seen);
	cr_assert_eq(events[0].quality.metric, DP_QUALITY_MOS);
	cr_assert_eq(events[1].quality.metric, DP_QUALITY_LOSS);
	cr_assert_eq(events[1].quality.raised, 1);
	cr_assert_eq(events[1].quality.value, 9520);
	cr_assert_eq(r->alarms, 1u << DP_QUALITY_MOS | 1u << DP_QUALITY_LOSS);
	cr_assert_eq(r->interval_loss, 9520);
	cr_assert(r->interval_mos > 0 && r->interval_mos < 150, "%u", r->interval_mos);
}

/* At 1 s and 20 ms each interval is enough, with 2 or 3 of 50. */
Test(quality, nearly_all_lost_in_short_intervals_is_told, .init = set_up_each_second)
{
	speak_short(2, 50, 0);
	speak_short(1, 50, 47);
	cr_assert_eq(records[side[0].index].alarms, 1u << DP_QUALITY_MOS | 1u << DP_QUALITY_LOSS);
	cr_assert_eq(records[side[0].index].interval_loss, 9400);
}

/* 60 ms in a packet, judged each second: 17 are sent, one comes or none. */
Test(quality, intervals_are_put_together_until_there_is_enough, .init = set_up_each_second)
{
	const struct dp_termination_record *r = &records[side[0].index];

	speak_short(1, 17, 0);
	speak_short(2, 17, 0);
	cr_assert_eq(r->interval_mos, 441, "two intervals");
	cr_assert_eq(r->alarms, 0);
	speak_short(1, 17, 16);
	cr_assert_eq(seen, 0, "one packet that came is not enough");
	speak_short(1, 17, 16);
	cr_assert_eq(r->alarms, 1u << DP_QUALITY_MOS | 1u << DP_QUALITY_LOSS);
	cr_assert_eq(r->interval_loss, 9412, "of both intervals");
	cr_assert_eq(seen, 2);

	seen = 0;
	speak_short(4, 17, 0);
	cr_assert_eq(r->alarms, 0, "two times two good ones end it");
	cr_assert_eq(seen, 2);
}

Test(quality, intervals_before_a_hold_are_not_put_together_with_those_after_it,
     .init = set_up_each_second)
{
	speak_short(3, 17, 0);
	speak_short(1, 17, 16);
	modify(DP_SET_DIRECTION, DP_DIRECTION_RECVONLY);
	speak_short(1, 17, 16);
	modify(DP_SET_DIRECTION, DP_DIRECTION_SENDRECV);
	speak_short(4, 17, 0);
	cr_assert_eq(seen, 0);
}

/* Of two packets one is many, and no circle. */
Test(quality, the_few_that_come_over_a_bad_line_are_no_loop)
{
	for (int i = 0; i < 4; i++) {
		speak(0, 250, 246);
		speak(1, 250, 246);
		counters[side[1].index].ssrc = counters[side[0].index].ssrc;
		counters[side[0].index].duplicate++;
		counters[side[1].index].duplicate++;
		interval();
	}
	for (unsigned i = 0; i < seen; i++)
		cr_assert_eq(events[i].type, DP_EVENT_QUALITY);
}

Test(quality, the_next_termination_of_an_index_starts_anew)
{
	uint32_t before = side[0].index;

	speak_for(2, 0);
	speak_for(1, 100);
	cr_assert_geq(seen, 1);
	seen = 0;
	cr_assert_eq(flow_termination_remove(table, side[0]), 0);
	urcu_qsbr_barrier();
	flow_reclaim(table);
	add(0);
	cr_assert_eq(side[0].index, before);
	cr_assert_eq(records[side[0].index].alarms, 0);
	cr_assert_eq(records[side[0].index].interval_mos, 0);
	speak_for(1, 100);
	cr_assert_eq(seen, 0);
}

/* All terminations within one interval, however many there are, and none twice. */
Test(quality, a_round_takes_one_interval)
{
	speak_for(2, 0);
	for (unsigned i = 0; i < 5; i++) {
		uint32_t before = records[side[0].index].version;

		speak_for(1, 0);
		cr_assert_eq(records[side[0].index].version, before + 2, "judged once");
	}
}

static struct flow_notice a_notice(enum flow_notice_kind kind)
{
	return (struct flow_notice){
		.termination = side[0].index,
		.generation = side[0].generation,
		.kind = (uint8_t)kind,
		.source = { .ip = { 198, 18, 0, 66 }, .port = 4444, .family = DP_FAMILY_IPV4 },
	};
}

Test(quality, strangers_are_told_at_once_and_then_each_ten_seconds)
{
	struct flow_notice n = a_notice(FLOW_NOTICE_FOREIGN);
	const struct dp_event *e;

	flow_check_quality(table, now, &reports);
	counters[side[0].index].foreign = 1;
	flow_notice(table, &n, &reports);
	e = only_event(DP_EVENT_FOREIGN);
	cr_assert_eq(e->foreign.packets, 1);
	cr_assert_eq(e->foreign.source.port, 4444);
	cr_assert_eq(e->foreign.label, 77);
	for (uint32_t i = 2; i < 2000; i *= 2) {
		counters[side[0].index].foreign = i;
		flow_notice(table, &n, &reports);
	}
	interval();
	cr_assert_eq(seen, 0);
	counters[side[0].index].foreign = 1500; /* of which no notice came */
	interval();
	interval();
	cr_assert_eq(only_event(DP_EVENT_FOREIGN)->foreign.packets, 1500);
	interval();
	interval();
	interval();
	cr_assert_eq(seen, 0, "nobody came any more");
}

Test(quality, notices_of_terminations_that_are_no_more_are_nothing)
{
	struct flow_notice n = a_notice(FLOW_NOTICE_FOREIGN);

	n.generation++;
	flow_notice(table, &n, &reports);
	n.kind = FLOW_NOTICE_LOOP;
	flow_notice(table, &n, &reports);
	n.termination = UINT32_MAX;
	flow_notice(table, &n, &reports);
	cr_assert_eq(seen, 0);
}

Test(quality, a_loop_is_told_once_for_an_ssrc)
{
	struct flow_notice n = a_notice(FLOW_NOTICE_LOOP);

	speak(0, 1, 0);
	flow_notice(table, &n, &reports);
	cr_assert_eq(only_event(DP_EVENT_LOOP)->loop.ssrc, 0x1111);
	flow_notice(table, &n, &reports);
	cr_assert_eq(seen, 0);
	counters[side[0].index].ssrc = 0x2222;
	flow_notice(table, &n, &reports);
	cr_assert_eq(only_event(DP_EVENT_LOOP)->loop.ssrc, 0x2222);
}

/* Both sides bring SSRC 0x1111; `repeated` of their packets had come before. */
static void speak_the_same(uint32_t repeated_a, uint32_t repeated_b)
{
	speak(0, 250, 0);
	speak(1, 250, 0);
	counters[side[1].index].ssrc = counters[side[0].index].ssrc;
	counters[side[0].index].duplicate += repeated_a;
	counters[side[1].index].duplicate += repeated_b;
	interval();
}

Test(quality, an_echo_is_no_loop)
{
	for (int i = 0; i < 4; i++)
		speak_the_same(0, 0);
	for (int i = 0; i < 4; i++)
		speak_the_same(0, 200); /* a poor network on the way back */
	cr_assert_eq(seen, 0);
}

Test(quality, media_that_goes_round_is_a_loop)
{
	speak_the_same(0, 0);
	for (int i = 0; i < 5; i++)
		speak_the_same(200, 200);
	cr_assert_eq(seen, 2, "one for each side");
	cr_assert_eq(events[0].type, DP_EVENT_LOOP);
	cr_assert_eq(events[1].type, DP_EVENT_LOOP);
	cr_assert_eq(events[1].loop.ssrc, 0x1111);
}
