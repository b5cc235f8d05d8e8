/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's side of the event bus: making it, subscribing, counting.
 *
 *   publisher (any thread)                                  main thread
 *     take a free event of the pool ──▶ lane of its priority ──▶ subscribers ──▶ back to the pool
 *
 * Publishing is a bounded number of atomic operations, without a loop that could be made to spin:
 * a free event is claimed by one exchange on it, and hung into its lane by one exchange (Vyukov's
 * queue of many producers and one consumer).
 */
#ifndef CONTROLPLANE_EVENTS_BUS_H
#define CONTROLPLANE_EVENTS_BUS_H

#include <assert.h>
#include <stddef.h>

#include "controlplane/events/events.h"

#define EVENT_TEXT 96    /* bytes of a field, with its terminator */
#define EVENT_POOL 8192u /* events that can wait */

typedef struct uv_loop_s uv_loop_t;

/* As a subscriber sees it, until its callback returns. */
struct event {
	/* 1, 2, 3… over all types that anybody subscribes to; the order of publishing */
	uint64_t sequence;
	uint64_t cause;   /* sequence, 0: none */
	uint64_t call;    /* id, 0: not about a call */
	uint64_t time_ms; /* wall clock */
	enum event_type type;
	char fields[EVENT_FIELDS_MAX][EVENT_TEXT];
};

struct event_type_info {
	const char *name;
	enum event_priority priority;
	unsigned field_count;
	const char *fields[EVENT_FIELDS_MAX];
};
const struct event_type_info *event_type_info(enum event_type type);
const char *event_priority_name(enum event_priority priority);

/* loop NULL (tests): event_bus_drain() is called by hand. */
int event_bus_create(uv_loop_t *loop, struct event_bus **bus);
/* Delivers what waits and closes. Nobody publishes any more. The memory goes when the loop lets
 * go of it. */
void event_bus_destroy(struct event_bus *bus);

/* Filter of a subscriber: zero takes everything. */
struct event_filter {
	uint64_t types; /* bits 1 << enum event_type; 0: all */
	uint64_t call;  /* only of this call; 0: of all and of none */
};
static_assert(EVENT_TYPES <= 64, "types is a bit mask");

struct event_subscriber;
int event_subscribe(struct event_bus *bus, const struct event_filter *filter,
		    void (*deliver)(void *arg, const struct event *event), void *arg,
		    struct event_subscriber **subscriber);
/* Also in a delivery. */
void event_unsubscribe(struct event_bus *bus, struct event_subscriber *subscriber);

/* Delivers what waits: the highest lanes first, what is taken together in order of sequence.
 * Returns how many. */
unsigned event_bus_drain(struct event_bus *bus);

struct event_bus_stats {
	uint64_t published[EVENT_TYPES]; /* whether somebody subscribes or not */
	uint64_t shed[EVENT_PRIORITIES]; /* the pool had no room for them */
	uint64_t beyond_pool;            /* critical ones that were allocated because it was full */
	uint64_t lost;                   /* critical ones for which there was no memory at all */
	uint64_t delivered;              /* to each subscriber */
	uint32_t waiting;
};
void event_bus_stats(struct event_bus *bus, struct event_bus_stats *stats);

#endif
