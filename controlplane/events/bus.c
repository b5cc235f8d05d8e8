/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/events/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#define PROBES 8u   /* events of the pool that a publisher tries */
#define BATCH  256u /* events taken from the lanes together */

static const struct event_type_info types[EVENT_TYPES] = {
#define FIELDS(...) (sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *))
#define X(id, text, level, ...)                              \
	[EVENT_##id] = { .name = text,                       \
			 .priority = EVENT_##level,          \
			 .field_count = FIELDS(__VA_ARGS__), \
			 .fields = { __VA_ARGS__ } },
	EVENTS(X)
#undef X
#undef FIELDS
};

static const char *const priority_names[EVENT_PRIORITIES] = {
	[EVENT_CRITICAL] = "critical",
	[EVENT_HIGH] = "high",
	[EVENT_NORMAL] = "normal",
	[EVENT_LOW] = "low",
};

/* How many may wait before an event of this priority is shed. */
static const uint32_t room[EVENT_PRIORITIES] = {
	[EVENT_CRITICAL] = EVENT_POOL,
	[EVENT_HIGH] = EVENT_POOL - EVENT_POOL / 8,
	[EVENT_NORMAL] = EVENT_POOL - EVENT_POOL / 4,
	[EVENT_LOW] = EVENT_POOL / 2,
};

struct slot {
	struct event event;
	struct slot *_Atomic next; /* in its lane */
	atomic_bool busy;
	bool allocated; /* beyond the pool */
};

/* Many push at the newest end, one takes at the oldest. The stub keeps it from being empty. */
struct lane {
	_Alignas(64) struct slot *_Atomic newest;
	_Alignas(64) struct slot *oldest;
	struct slot stub;
};

struct event_subscriber {
	struct event_subscriber *next;
	struct event_filter filter;
	void (*deliver)(void *arg, const struct event *event);
	void *arg;
	bool gone;
};

struct event_bus {
	struct slot *pool;
	struct lane lanes[EVENT_PRIORITIES];
	_Alignas(64) atomic_uint_least64_t sequence;
	_Alignas(64) atomic_uint cursor; /* where the next publisher looks for a free event */
	_Alignas(64) atomic_uint waiting;
	_Alignas(64) atomic_uint_least64_t wanted; /* 1 << enum event_type: somebody subscribes */
	atomic_uint_least64_t published[EVENT_TYPES];
	atomic_uint_least64_t shed[EVENT_PRIORITIES];
	atomic_uint_least64_t beyond_pool, lost;
	_Alignas(64) uint64_t delivered;
	struct event_subscriber *subscribers;
	bool delivering, forget; /* forget: some of them are gone */
	uv_async_t *async;
};

const struct event_type_info *event_type_info(enum event_type type)
{
	return &types[type];
}

const char *event_priority_name(enum event_priority priority)
{
	return priority_names[priority];
}

static void count(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- lanes --- */

static void lane_init(struct lane *lane)
{
	atomic_init(&lane->stub.next, NULL);
	atomic_init(&lane->newest, &lane->stub);
	lane->oldest = &lane->stub;
}

static void lane_push(struct lane *lane, struct slot *slot)
{
	struct slot *before;

	atomic_store_explicit(&slot->next, NULL, memory_order_relaxed);
	before = atomic_exchange_explicit(&lane->newest, slot, memory_order_acq_rel);
	atomic_store_explicit(&before->next, slot, memory_order_release);
}

/* NULL: empty, or a publisher is in the middle of a push; it will wake us again. */
static struct slot *lane_take(struct lane *lane)
{
	struct slot *slot = lane->oldest;
	struct slot *next = atomic_load_explicit(&slot->next, memory_order_acquire);

	if (slot == &lane->stub) {
		if (!next)
			return NULL;
		lane->oldest = slot = next;
		next = atomic_load_explicit(&slot->next, memory_order_acquire);
	}
	if (!next) {
		if (atomic_load_explicit(&lane->newest, memory_order_acquire) != slot)
			return NULL;
		lane_push(lane, &lane->stub);
		next = atomic_load_explicit(&slot->next, memory_order_acquire);
		if (!next)
			return NULL;
	}
	lane->oldest = next;
	return slot;
}

/* --- pool --- */

static struct slot *claim(struct event_bus *bus)
{
	unsigned start = atomic_fetch_add_explicit(&bus->cursor, 1, memory_order_relaxed);

	for (unsigned i = 0; i < PROBES; i++) {
		/* A stride of its own for each try: neighbours are likely taken together. */
		struct slot *slot =
			&bus->pool[(start + i * (EVENT_POOL / PROBES + 1)) % EVENT_POOL];

		if (!atomic_exchange_explicit(&slot->busy, true, memory_order_acquire))
			return slot;
	}
	return NULL;
}

static struct slot *claim_or_shed(struct event_bus *bus, enum event_priority priority)
{
	struct slot *slot = NULL;

	if (atomic_fetch_add_explicit(&bus->waiting, 1, memory_order_relaxed) < room[priority])
		slot = claim(bus);
	if (slot)
		return slot;
	if (priority == EVENT_CRITICAL) {
		slot = calloc(1, sizeof(*slot));
		count(slot ? &bus->beyond_pool : &bus->lost);
		if (slot) {
			slot->allocated = true;
			return slot;
		}
	}
	atomic_fetch_sub_explicit(&bus->waiting, 1, memory_order_relaxed);
	count(&bus->shed[priority]);
	return NULL;
}

static void give_back(struct event_bus *bus, struct slot *slot)
{
	atomic_fetch_sub_explicit(&bus->waiting, 1, memory_order_relaxed);
	if (slot->allocated)
		free(slot);
	else
		atomic_store_explicit(&slot->busy, false, memory_order_release);
}

/* --- publishing --- */

static uint64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool event_is_wanted(struct event_bus *bus, enum event_type type)
{
	if (!bus || (unsigned)type >= EVENT_TYPES)
		return false;
	count(&bus->published[type]);
	return atomic_load_explicit(&bus->wanted, memory_order_relaxed) & UINT64_C(1) << type;
}

uint64_t event_put(struct event_bus *bus, enum event_type type, uint64_t call, uint64_t cause, ...)
{
	const struct event_type_info *info = &types[type];
	struct slot *slot;
	uint64_t sequence;
	va_list fields;

	/* A shed event leaves a gap in the sequence: who reads along sees that something is missing. */
	sequence = atomic_fetch_add_explicit(&bus->sequence, 1, memory_order_relaxed) + 1;
	slot = claim_or_shed(bus, info->priority);
	if (!slot)
		return sequence;
	slot->event.sequence = sequence;
	slot->event.cause = cause;
	slot->event.call = call;
	slot->event.time_ms = wall_ms();
	slot->event.type = type;
	va_start(fields, cause);
	for (unsigned i = 0; i < info->field_count; i++) {
		const char *text = va_arg(fields, const char *);

		snprintf(slot->event.fields[i], EVENT_TEXT, "%s", text ? text : "");
	}
	va_end(fields);
	lane_push(&bus->lanes[info->priority], slot);
	if (bus->async)
		uv_async_send(bus->async);
	return sequence;
}

/* --- delivery --- */

static int by_sequence(const void *a, const void *b)
{
	const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;

	return x->event.sequence < y->event.sequence ? -1 : 1;
}

static bool wanted(const struct event_filter *filter, const struct event *event)
{
	if (filter->types && !(filter->types & UINT64_C(1) << event->type))
		return false;
	return !filter->call || filter->call == event->call;
}

static void gather_wanted(struct event_bus *bus)
{
	uint64_t wanted = 0;

	for (const struct event_subscriber *s = bus->subscribers; s; s = s->next)
		wanted |= s->filter.types ? s->filter.types : UINT64_MAX;
	atomic_store_explicit(&bus->wanted, wanted, memory_order_relaxed);
}

static void forget_gone(struct event_bus *bus)
{
	struct event_subscriber **link = &bus->subscribers;

	if (!bus->forget)
		return;
	bus->forget = false;
	while (*link) {
		struct event_subscriber *subscriber = *link;

		if (!subscriber->gone) {
			link = &subscriber->next;
			continue;
		}
		*link = subscriber->next;
		free(subscriber);
	}
	gather_wanted(bus);
}

static void deliver(struct event_bus *bus, const struct event *event)
{
	for (struct event_subscriber *s = bus->subscribers; s; s = s->next) {
		if (s->gone || !wanted(&s->filter, event))
			continue;
		s->deliver(s->arg, event);
		bus->delivered++;
	}
}

static unsigned take_batch(struct event_bus *bus, struct slot *batch[BATCH])
{
	unsigned n = 0;

	for (unsigned priority = 0; priority < EVENT_PRIORITIES; priority++) {
		struct slot *slot;

		while (n < BATCH && (slot = lane_take(&bus->lanes[priority])))
			batch[n++] = slot;
	}
	qsort(batch, n, sizeof(*batch), by_sequence);
	return n;
}

unsigned event_bus_drain(struct event_bus *bus)
{
	struct slot *batch[BATCH];
	unsigned n, total = 0;

	if (bus->delivering)
		return 0;
	bus->delivering = true;
	while ((n = take_batch(bus, batch)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			deliver(bus, &batch[i]->event);
			give_back(bus, batch[i]);
		}
		total += n;
	}
	bus->delivering = false;
	forget_gone(bus);
	return total;
}

int event_subscribe(struct event_bus *bus, const struct event_filter *filter,
		    void (*fn)(void *arg, const struct event *event), void *arg,
		    struct event_subscriber **out)
{
	struct event_subscriber *subscriber = calloc(1, sizeof(*subscriber));

	if (!subscriber)
		return -ENOMEM;
	if (filter)
		subscriber->filter = *filter;
	subscriber->deliver = fn;
	subscriber->arg = arg;
	subscriber->next = bus->subscribers;
	bus->subscribers = subscriber;
	gather_wanted(bus);
	*out = subscriber;
	return 0;
}

void event_unsubscribe(struct event_bus *bus, struct event_subscriber *subscriber)
{
	if (!subscriber)
		return;
	subscriber->gone = bus->forget = true;
	if (!bus->delivering)
		forget_gone(bus);
}

void event_bus_stats(struct event_bus *bus, struct event_bus_stats *stats)
{
	*stats = (struct event_bus_stats){
		.beyond_pool = atomic_load_explicit(&bus->beyond_pool, memory_order_relaxed),
		.lost = atomic_load_explicit(&bus->lost, memory_order_relaxed),
		.delivered = bus->delivered,
		.waiting = atomic_load_explicit(&bus->waiting, memory_order_relaxed),
	};
	for (unsigned i = 0; i < EVENT_TYPES; i++)
		stats->published[i] =
			atomic_load_explicit(&bus->published[i], memory_order_relaxed);
	for (unsigned i = 0; i < EVENT_PRIORITIES; i++)
		stats->shed[i] = atomic_load_explicit(&bus->shed[i], memory_order_relaxed);
}

/* --- life --- */

static void on_async(uv_async_t *async)
{
	event_bus_drain(async->data);
}

int event_bus_create(uv_loop_t *loop, struct event_bus **out)
{
	struct event_bus *bus = aligned_alloc(64, (sizeof(*bus) + 63) / 64 * 64);
	int error = -ENOMEM;

	if (!bus)
		return -ENOMEM;
	memset(bus, 0, sizeof(*bus));
	for (unsigned i = 0; i < EVENT_PRIORITIES; i++)
		lane_init(&bus->lanes[i]);
	bus->pool = calloc(EVENT_POOL, sizeof(*bus->pool));
	if (!bus->pool)
		goto free_bus;
	if (loop) {
		bus->async = calloc(1, sizeof(*bus->async));
		if (!bus->async)
			goto free_pool;
		error = uv_async_init(loop, bus->async, on_async);
		if (error)
			goto free_async;
		bus->async->data = bus;
	}
	*out = bus;
	return 0;

free_async:
	free(bus->async);
free_pool:
	free(bus->pool);
free_bus:
	free(bus);
	return error;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void event_bus_destroy(struct event_bus *bus)
{
	if (!bus)
		return;
	event_bus_drain(bus);
	for (struct event_subscriber *s = bus->subscribers; s; s = s->next)
		s->gone = bus->forget = true;
	forget_gone(bus);
	if (bus->async)
		uv_close((uv_handle_t *)bus->async, on_closed);
	free(bus->pool);
	free(bus);
}
