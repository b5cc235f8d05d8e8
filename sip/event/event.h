/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Events: SUBSCRIBE and NOTIFY (RFC 6665) for any package, in both roles; PUBLISH (RFC 3903); REFER
 * with its implicit subscription (RFC 3515, 3892, 4488). INFO and MESSAGE: info.h.
 *
 * What is known of packages stands in one table that the user hands over. The machinery keeps
 * dialogs, expiry, refreshes, entity tags and the order of NOTIFYs; what a package's state is, and
 * who may see it, its owner says.
 *
 *   sip_subscription   a notifier's: somebody subscribed with us, or referred us
 *   sip_subscriber     ours with somebody else, or of a REFER of ours
 *   compositor         what others published: publication.c
 *
 * One NOTIFY of a subscription is on its way at a time. What changes meanwhile is told afterwards,
 * once, as it is then: nothing is queued.
 *
 * All in the shard's thread. Functions return 0 or -errno.
 */
#ifndef SIP_EVENT_EVENT_H
#define SIP_EVENT_EVENT_H

#include "sip/dialog/dialog.h"
#include "sip/dialog/usage.h"
#include "sip/message/headers.h"

struct sip_events; /* all of a shard */
struct sip_subscription;
struct sip_subscriber;

/* --- packages --- */

struct sip_event_package {
	const char *name;
	const char *types; /* of its NOTIFYs, preferred first: "application/pidf+xml, text/plain" */
	/* seconds; one that asks for less than the least, and for less than an hour, gets 423 */
	uint32_t expires, expires_min, expires_max;

	/* Notifier. NULL: nobody can subscribe here, 489.
	 * A new SUBSCRIBE: 200 grants it, 202 leaves it pending until sip_subscription_approve(),
	 * 300 and above refuses it (then `ended` is not called). */
	unsigned (*subscribe)(void *arg, struct sip_subscription *sub, struct sip_msg *request,
			      const struct sip_path *from);
	/* The state as it is now, into body; *type: one of types that the subscriber accepts. Returns
	 * its bytes. Not called while the subscription is pending: its NOTIFYs tell nothing. */
	size_t (*state)(void *arg, struct sip_subscription *sub, const char **type, char *body,
			size_t size);
	void (*ended)(void *arg, struct sip_subscription *sub);

	/* Event state (PUBLISH). NULL: nothing can be published, 489. May this be published? 200, or
	 * the status to refuse with. */
	unsigned (*publish)(void *arg, struct sip_msg *request, const struct sip_path *from);
	/* What is published for the resource is other than before. */
	void (*published)(void *arg, const char *resource);
	const char *published_types; /* "application/pidf+xml"; NULL: as types */
	void *arg;
};

struct sip_refer;
struct sip_events_config {
	struct sip_ua *ua;
	struct timer_wheel *wheel;
	struct sip_timers timers;
	const struct sip_event_package *packages;
	unsigned packages_count;
	uint32_t subscriptions_max; /* of both roles; above: 503 */
	uint32_t publications_max;  /* above: 503 */
	uint32_t watchers_max; /* of one name (sip_subscription_set_resource()); 0: any number */
	/* A REFER. To take it: sip_refer_accept(), at once. Or the status to refuse with, 300 and
	 * above. 0: it was answered. NULL: none is taken, 405. dialog NULL: outside any. */
	unsigned (*refer)(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
			  struct sip_msg *request, const struct sip_path *from);
	void *arg;
};

struct sip_events_stats {
	uint32_t subscriptions, subscribers, publications; /* alive */
	uint64_t notifies_out, notifies_in;
	uint64_t refused; /* for the limits */
	uint64_t expired; /* subscriptions and publications that were not refreshed */
};

int sip_events_create(const struct sip_events_config *config, struct sip_events **events);
/* With all that lives in it; nobody is told. Before its sip_ua. */
void sip_events_destroy(struct sip_events *events);
void sip_events_stats(const struct sip_events *events, struct sip_events_stats *stats);
/* "presence, dialog" of those that can be subscribed to; empty: none. */
const char *sip_events_allow(const struct sip_events *events);

/* From sip_ua_user.request (dialog NULL) and .inside: SUBSCRIBE, PUBLISH, REFER, and a NOTIFY that
 * belongs to nothing. False: it is another method, nothing was done. */
bool sip_events_request(struct sip_events *events, struct sip_dialog *dialog,
			struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from);

/* --- notifier --- */

const char *sip_subscription_resource(const struct sip_subscription *sub); /* Request-URI */
/* Another name for it, of those that mean the same: sip_events_changed() goes by it. -EBUSY: there are
 * enough of that name; -ENOMEM */
int sip_subscription_set_resource(struct sip_subscription *sub, const char *resource);
struct slice sip_subscription_subscriber(const struct sip_subscription *sub); /* URI of From */
/* The first type of the package that the subscriber accepts; state may tell another. */
const char *sip_subscription_type(const struct sip_subscription *sub);
void sip_subscription_set_context(struct sip_subscription *sub, void *context);
void *sip_subscription_context(const struct sip_subscription *sub);
/* A pending one is granted. */
void sip_subscription_approve(struct sip_subscription *sub);
/* Its state changed: a NOTIFY goes out, now or when the one before was answered. */
void sip_subscription_changed(struct sip_subscription *sub);
/* The last NOTIFY: "rejected", "noresource", "deactivated", "probation", "giveup" (RFC 6665 §4.1.3).
 * retry_after 0: not told. */
void sip_subscription_end(struct sip_subscription *sub, const char *reason, uint32_t retry_after);
/* All that are subscribed to a resource of a package. */
void sip_events_changed(struct sip_events *events, const char *package, const char *resource);

/* --- subscriber --- */

struct sip_subscriber_user {
	/* state: of Subscription-State. The NOTIFY is answered 200 already. */
	void (*notify)(void *arg, struct sip_subscriber *sub,
		       const struct sip_subscription_state *state, struct sip_msg *notify);
	/* Over: status of a response that refused it, 200 after a NOTIFY that said so, 408 when
	 * nothing was heard; the subscriber is gone after this. msg may be NULL. */
	void (*ended)(void *arg, struct sip_subscriber *sub, unsigned status, struct sip_msg *msg);
};

struct sip_subscribe {
	struct sip_origin_start start;
	struct slice event;  /* "presence", "dialog;id=7" */
	struct slice accept; /* "application/pidf+xml" */
	uint32_t expires;    /* 0: fetches once (RFC 6665 §4.4.3) */
	struct slice headers;
};
int sip_subscriber_start(struct sip_events *events, const struct sip_subscribe *subscribe,
			 const struct sip_subscriber_user *user, void *arg,
			 struct sip_subscriber **sub);
/* Unsubscribes; `ended` follows. */
void sip_subscriber_stop(struct sip_subscriber *sub);
struct sip_dialog *sip_subscriber_dialog(const struct sip_subscriber *sub); /* NULL: none yet */

/* --- REFER --- */

struct sip_refer {
	struct sip_addr to;             /* Refer-To, with the headers in its URI */
	struct sip_referred_by by;      /* addr.uri.text.p is NULL: not told */
	bool replaces;                  /* the URI has a Replaces */
	struct sip_dialog_id replaced;  /* slices live as long as the request is looked at */
	bool wants_subscription;        /* no "Refer-Sub: false" */
	struct sip_transaction *server; /* for sip_refer_accept() */
	struct sip_events *events;
	struct sip_msg *request;
	const struct sip_path *from;
	struct sip_dialog *dialog;
	char text[512]; /* of what was escaped */
};
/*
 * Answers 202 and makes the subscription, or 200 without one when none is wanted: then *sub is NULL.
 * The first NOTIFY tells "100 Trying". ended: the subscription is over, whoever ended it.
 */
int sip_refer_accept(const struct sip_refer *refer, void (*ended)(void *arg), void *arg,
		     struct sip_subscription **sub);
/* How the referred request goes: a NOTIFY with "SIP/2.0 <status> <reason>"; 200 and above is the last
 * one. The subscription is gone some time after that. reason NULL: the usual one. */
void sip_refer_progress(struct sip_subscription *sub, unsigned status, const char *reason);

struct sip_refer_start {
	struct slice refer_to;    /* value of the header */
	struct slice referred_by; /* the same; empty: none */
	bool no_subscription;     /* RFC 4488: Refer-Sub: false */
	struct slice headers;     /* complete lines, or empty */
};
/* In a dialog. user: `notify` tells what the other side says of it, see sip_frag_status(); `ended`
 * with 200 also when the other side made no subscription. */
int sip_refer_send(struct sip_events *events, struct sip_dialog *dialog,
		   const struct sip_refer_start *start, const struct sip_subscriber_user *user,
		   void *arg, struct sip_subscriber **sub);
/* Outside any dialog. */
int sip_refer_send_outside(struct sip_events *events, const struct sip_origin_start *to,
			   const struct sip_refer_start *start,
			   const struct sip_subscriber_user *user, void *arg,
			   struct sip_subscriber **sub);
/* The status line of a message/sipfrag (RFC 3420); 0: there is none. */
unsigned sip_frag_status(const struct sip_msg *notify);

/* --- publications --- */

struct sip_publication {
	const char *resource; /* Request-URI */
	const char *etag;
	struct slice type, body;
};
/* Calls back for each of a resource and package, in no order. */
void sip_publications_each(const struct sip_events *events, const char *package,
			   const char *resource,
			   void (*each)(void *arg, const struct sip_publication *publication),
			   void *arg);

#endif
