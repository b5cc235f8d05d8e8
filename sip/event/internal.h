/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sip/event share. */
#ifndef SIP_EVENT_INTERNAL_H
#define SIP_EVENT_INTERNAL_H

#include "sip/base/hash_index.h"
#include "sip/event/event.h"

#define BODY_MAX    16384 /* of a state, and of a publication */
#define HEADERS_MAX 1024  /* lines of a request or response of ours */
#define EVENT_MAX   128   /* value of an Event header, with its id */

struct sip_events {
	struct sip_events_config config;
	struct sip_events_stats stats;
	struct sip_subscription *subscriptions; /* newest first */
	struct sip_subscriber *subscribers;
	struct hash_index publications;   /* by entity tag */
	struct hash_index resources;      /* the same by package and resource */
	struct hash_index watched;        /* subscriptions by package and resource */
	struct publication *first, *last; /* the same in order of age */
	char *allow;
	char body[BODY_MAX];
};

static inline uint64_t events_now(const struct sip_events *events)
{
	return timer_wheel_now(events->config.wheel);
}

/* Of a package and a resource. */
static inline uint64_t events_hash(const struct sip_event_package *package, const char *resource)
{
	return hash_index_mix(slice_hash(slice_of(package->name)), slice_hash(slice_of(resource)));
}

const struct sip_event_package *events_package(const struct sip_events *events, struct slice name);
/* A response in the dialog, or to a request outside any; lines may be NULL. */
void events_reply(struct sip_events *events, struct sip_dialog *dialog,
		  struct sip_transaction *server, unsigned status, const char *lines);
/* 489 with what is known (RFC 6665 §8.3.2). */
void events_reply_bad_event(struct sip_events *events, struct sip_dialog *dialog,
			    struct sip_transaction *server);
/*
 * Seconds that a request gets: its Expires, the default without one, never more than the most.
 * False: too brief, or malformed; it was answered then (RFC 6665 §4.2.1.1, RFC 3903 §6).
 */
bool events_expires(struct sip_events *events, struct sip_dialog *dialog,
		    struct sip_transaction *server, const struct sip_msg *request,
		    const struct sip_event_package *package, uint32_t *seconds);
/* Is a type of the list in what is accepted ("" accepts all)? The first that is, or NULL. */
const char *events_type(const char *types, const struct sip_msg *request, char *type, size_t size);

/* notifier.c */
struct subscription_start {
	const struct sip_event_package *package;
	struct slice event; /* as NOTIFYs tell it */
	uint32_t expires;
	unsigned status; /* 200: active, 202: pending */
	bool accepted;   /* a REFER: 202, and no Expires */
};
void notifier_subscribe(struct sip_events *events, struct sip_dialog *dialog,
			struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from);
/* Makes one, with a dialog if there is none; it is answered with notifier_begin(). */
int notifier_create(struct sip_events *events, struct sip_dialog *dialog, struct sip_msg *request,
		    const struct sip_path *from, const struct subscription_start *start,
		    struct sip_subscription **sub);
void notifier_begin(struct sip_subscription *sub, struct sip_transaction *server,
		    const struct subscription_start *start);
void notifier_abandon(struct sip_subscription *sub);
/* NULL: of any package. */
unsigned notifier_count(const struct sip_dialog *dialog, const struct sip_event_package *package);

/* subscriber.c */
void subscriber_abandon(struct sip_subscriber *sub);

/* refer.c */
extern const struct sip_event_package refer_package;
void refer_receive(struct sip_events *events, struct sip_dialog *dialog,
		   struct sip_transaction *server, struct sip_msg *request,
		   const struct sip_path *from);

/* publication.c */
void publication_receive(struct sip_events *events, struct sip_transaction *server,
			 struct sip_msg *request, const struct sip_path *from);
void publications_abandon(struct sip_events *events);

#endif
