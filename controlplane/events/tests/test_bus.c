/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/events/bus.h"

struct seen {
	unsigned count;
	struct event last;
	uint64_t before; /* sequence of the one before the last */
	bool disorder;
};

static void see(void *arg, const struct event *event)
{
	struct seen *seen = arg;

	seen->disorder |= seen->count > 0 && event->sequence <= seen->last.sequence;
	seen->before = seen->last.sequence;
	seen->last = *event;
	seen->count++;
}

struct fixture {
	struct event_bus *bus;
	struct event_subscriber *subscriber;
	struct seen seen;
};

static void begin(struct fixture *f, const struct event_filter *filter)
{
	*f = (struct fixture){ 0 };
	cr_assert_eq(event_bus_create(NULL, &f->bus), 0);
	cr_assert_eq(event_subscribe(f->bus, filter, see, &f->seen, &f->subscriber), 0);
}

static void end(struct fixture *f)
{
	event_bus_destroy(f->bus);
}

Test(bus, an_event_arrives_as_it_was_published)
{
	struct fixture f;

	begin(&f, NULL);
	cr_assert_eq(event_publish(f.bus, EVENT_CALL_STATE, 7, 0, "Routing", "Ringing"), 1);
	cr_assert_eq(event_publish(f.bus, EVENT_CALL_ENDED, 7, 1, "normal", NULL), 2);
	cr_assert_eq(f.seen.count, 0);
	cr_assert_eq(event_bus_drain(f.bus), 2);
	cr_assert_eq(f.seen.count, 2);
	cr_assert_eq(f.seen.last.type, EVENT_CALL_ENDED);
	cr_assert_eq(f.seen.last.call, 7);
	cr_assert_eq(f.seen.last.cause, 1);
	cr_assert_eq(f.seen.last.sequence, 2);
	cr_assert_str_eq(f.seen.last.fields[0], "normal");
	cr_assert_str_eq(f.seen.last.fields[1], "");
	cr_assert_gt(f.seen.last.time_ms, 0);
	end(&f);
}

Test(bus, without_a_bus_publishing_does_nothing)
{
	cr_assert_eq(event_publish(NULL, EVENT_CALL_ENDED, 1, 0, "normal", "caller"), 0);
}

static const char *work_out(unsigned *times)
{
	++*times;
	return "text";
}

Test(bus, what_nobody_wants_is_counted_and_not_worked_out)
{
	const struct event_filter filter = { .types = 1ull << EVENT_CALL_ENDED };
	struct event_bus_stats stats;
	unsigned times = 0;
	struct fixture f;

	begin(&f, &filter);
	cr_assert_eq(event_publish(f.bus, EVENT_CALL_STATE, 1, 0, work_out(&times), "b"), 0);
	cr_assert_eq(times, 0);
	cr_assert_eq(event_publish(f.bus, EVENT_CALL_ENDED, 1, 0, work_out(&times), "b"), 1);
	cr_assert_eq(times, 1);
	event_unsubscribe(f.bus, f.subscriber);
	cr_assert_eq(event_publish(f.bus, EVENT_CALL_ENDED, 1, 0, work_out(&times), "b"), 0);
	cr_assert_eq(times, 1);
	event_bus_stats(f.bus, &stats);
	cr_assert_eq(stats.published[EVENT_CALL_STATE], 1);
	cr_assert_eq(stats.published[EVENT_CALL_ENDED], 2);
	cr_assert_eq(event_bus_drain(f.bus), 1);
	cr_assert_eq(f.seen.count, 0);
	end(&f);
}

Test(bus, long_fields_are_cut)
{
	char uri[4 * EVENT_TEXT];
	struct fixture f;

	begin(&f, NULL);
	memset(uri, 'u', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = '\0';
	event_publish(f.bus, EVENT_REGISTRATION_ADDED, 0, 0, "alice@tandem.lab", uri);
	event_bus_drain(f.bus);
	cr_assert_eq(strlen(f.seen.last.fields[1]), EVENT_TEXT - 1);
	end(&f);
}

Test(bus, filters_choose_by_type_and_call)
{
	const struct event_filter filter = { .types = 1ull << EVENT_CALL_ENDED, .call = 5 };
	struct fixture f;

	begin(&f, &filter);
	event_publish(f.bus, EVENT_CALL_ENDED, 4, 0, "normal", "caller");
	event_publish(f.bus, EVENT_CALL_STATE, 5, 0, "a", "b");
	event_publish(f.bus, EVENT_CALL_ENDED, 5, 0, "normal", "caller");
	event_bus_drain(f.bus);
	cr_assert_eq(f.seen.count, 1);
	cr_assert_eq(f.seen.last.call, 5);
	event_unsubscribe(f.bus, f.subscriber);
	event_publish(f.bus, EVENT_CALL_ENDED, 5, 0, "normal", "caller");
	event_bus_drain(f.bus);
	cr_assert_eq(f.seen.count, 1);
	end(&f);
}

Test(bus, events_of_all_lanes_come_in_the_order_of_publishing)
{
	struct fixture f;

	begin(&f, NULL);
	for (int i = 0; i < 20; i++) {
		event_publish(f.bus, EVENT_MEDIA_LATCHED, 1, 0, "s", "t", "x");
		event_publish(f.bus, EVENT_CALL_STATE, 1, 0, "a", "b");
		event_publish(f.bus, EVENT_SESSION_HELD, 1, 0, "s", "sendonly");
	}
	event_bus_drain(f.bus);
	cr_assert_eq(f.seen.count, 60);
	cr_assert_not(f.seen.disorder);
	end(&f);
}

Test(bus, a_full_bus_sheds_normal_before_high_and_critical_never)
{
	struct event_bus_stats stats;
	struct fixture f;

	begin(&f, NULL);
	for (unsigned i = 0; i < 2 * EVENT_POOL; i++) {
		event_publish(f.bus, EVENT_REGISTRATION_ADDED, 0, 0, "a", "b");
		event_publish(f.bus, EVENT_SESSION_HELD, 1, 0, "s", "sendonly");
	}
	for (unsigned i = 0; i < EVENT_POOL; i++)
		event_publish(f.bus, EVENT_CALL_ENDED, 1, 0, "normal", "caller");
	event_bus_stats(f.bus, &stats);
	cr_assert_gt(stats.shed[EVENT_NORMAL], stats.shed[EVENT_HIGH]);
	cr_assert_gt(stats.shed[EVENT_HIGH], 0);
	cr_assert_eq(stats.shed[EVENT_CRITICAL], 0);
	cr_assert_gt(stats.beyond_pool, 0);
	cr_assert_eq(event_bus_drain(f.bus),
		     5 * EVENT_POOL - stats.shed[EVENT_NORMAL] - stats.shed[EVENT_HIGH]);
	event_bus_stats(f.bus, &stats);
	cr_assert_eq(stats.waiting, 0);
	cr_assert_eq(stats.published[EVENT_CALL_ENDED], EVENT_POOL);
	/* There is room again. */
	event_publish(f.bus, EVENT_REGISTRATION_ADDED, 0, 0, "a", "again");
	cr_assert_eq(event_bus_drain(f.bus), 1);
	end(&f);
}

struct publisher {
	struct event_bus *bus;
	uint64_t call;
	unsigned events;
};

static void *publish_all(void *arg)
{
	struct publisher *p = arg;
	char number[16];

	for (unsigned i = 0; i < p->events; i++) {
		snprintf(number, sizeof(number), "%u", i);
		event_publish(p->bus, EVENT_CALL_STATE, p->call, 0, number, "x");
		event_publish(p->bus, EVENT_MEDIA_LATCHED, p->call, 0, "s", "t", "x");
	}
	return NULL;
}

#define PUBLISHERS 4u
#define EACH       10000u

/* Critical events of a publisher come complete and in its order. */
struct ordered {
	unsigned next[PUBLISHERS + 1], critical, others;
	bool disorder;
};

static void see_ordered(void *arg, const struct event *event)
{
	struct ordered *o = arg;

	if (event->type != EVENT_CALL_STATE) {
		o->others++;
		return;
	}
	o->disorder |= (unsigned)atoi(event->fields[0]) != o->next[event->call]++;
	o->critical++;
}

Test(bus, many_threads_publish_while_one_drains)
{
	struct publisher publishers[PUBLISHERS];
	pthread_t threads[PUBLISHERS];
	struct event_subscriber *subscriber;
	struct event_bus_stats stats;
	struct ordered ordered = { 0 };
	struct event_bus *bus;

	cr_assert_eq(event_bus_create(NULL, &bus), 0);
	event_subscribe(bus, NULL, see_ordered, &ordered, &subscriber);
	for (unsigned i = 0; i < PUBLISHERS; i++) {
		publishers[i] = (struct publisher){ bus, i + 1, EACH };
		pthread_create(&threads[i], NULL, publish_all, &publishers[i]);
	}
	while (ordered.critical < PUBLISHERS * EACH)
		event_bus_drain(bus);
	for (unsigned i = 0; i < PUBLISHERS; i++)
		pthread_join(threads[i], NULL);
	event_bus_drain(bus);
	event_bus_stats(bus, &stats);
	cr_assert_not(ordered.disorder);
	cr_assert_eq(ordered.others + stats.shed[EVENT_NORMAL], PUBLISHERS * EACH);
	cr_assert_eq(stats.shed[EVENT_CRITICAL], 0);
	cr_assert_eq(stats.waiting, 0);
	event_bus_destroy(bus);
}
