/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A notifier's subscriptions (RFC 6665 §4.2), as one table:
 *
 *   PENDING ──approved──▶ ACTIVE ──┐
 *      └──────────────────────────┴─ unsubscribed, expired, ended ─▶ ENDING ─ answered ─▶ gone
 */
#include "sip/event/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_A_DIALOG_MAX 8u /* as nobody needs, and somebody might make to be told much */

enum state { PENDING, ACTIVE, ENDING, STATES };

enum event {
	ON_REFRESH,
	ON_UNSUBSCRIBE,
	ON_APPROVED,
	ON_CHANGED,
	ON_ENDED,   /* by its package */
	ON_EXPIRED, /* nobody refreshed it */
	ON_NOTIFIED,
	ON_FAILED, /* its NOTIFY was refused, or not answered */
	EVENTS,
};

struct sip_subscription {
	struct sip_usage usage; /* first: found by it */
	struct sip_events *events;
	struct sip_subscription *next, **prev;
	struct hash_node by_resource;
	const struct sip_event_package *package;
	enum state state;
	struct timer timer; /* expiry */
	uint64_t expires_ms;
	struct sip_transaction *client; /* its NOTIFY that is not answered */
	bool again;                     /* there is more to tell than it does */
	bool last;                      /* it is the last one */
	const char *reason;
	uint32_t retry_after;
	void *context;
	char *resource, *subscriber;
	char event[EVENT_MAX], type[64];
};

static void step(struct sip_subscription *sub, enum event event);

/* --- NOTIFY ------------------------------------------------------------------------------------- */

static const struct sip_transaction_user notify_user;

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_subscription *sub = arg;
	const unsigned status = response->status;

	if (status < 200 ||
	    sip_dialog_challenged(sub->usage.dialog, &sub->client, response, &notify_user, sub))
		return;
	sip_transaction_detach(client);
	sub->client = NULL;
	if (status < 300) {
		sip_dialog_refresh(sub->usage.dialog, response, sip_dialog_path(sub->usage.dialog));
		step(sub, ON_NOTIFIED);
	} else if (sip_status_scope(status) == SIP_SCOPE_DIALOG) {
		sip_dialog_lost(sub->usage.dialog, status, response);
	} else {
		step(sub, ON_FAILED);
	}
}

static void on_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_subscription *sub = arg;

	(void)why;
	sip_transaction_detach(client);
	sub->client = NULL;
	step(sub, ON_FAILED);
}

static const struct sip_transaction_user notify_user = { .response = on_response,
							 .failed = on_failed };

/* "active;expires=59" and so on (RFC 6665 §4.1.3) */
static void state_text(const struct sip_subscription *sub, char *text, size_t size)
{
	const uint64_t now = events_now(sub->events);
	const uint64_t left = sub->expires_ms > now ? (sub->expires_ms - now + 999) / 1000 : 0;
	char after[32] = "";

	if (sub->state != ENDING) {
		snprintf(text, size, "%s;expires=%llu", sub->state == ACTIVE ? "active" : "pending",
			 (unsigned long long)left);
		return;
	}
	if (sub->retry_after > 0)
		snprintf(after, sizeof(after), ";retry-after=%u", sub->retry_after);
	snprintf(text, size, "terminated;reason=%s%s", sub->reason, after);
}

/* A subscription that was never granted tells nothing, nor does its end. */
static struct slice body_of(struct sip_subscription *sub, const char **type)
{
	char *body = sub->events->body;
	size_t n = 0;

	*type = sub->type;
	if (sub->state != PENDING && sub->package->state != NULL &&
	    (sub->reason == NULL || strcmp(sub->reason, "rejected") != 0))
		n = sub->package->state(sub->package->arg, sub, type, body, BODY_MAX);
	return n > 0 && n <= BODY_MAX ? (struct slice){ body, n } : SLICE_NONE;
}

static int send_notify(struct sip_subscription *sub)
{
	char headers[HEADERS_MAX], state[96];
	const char *type;
	struct sip_request request = { .method = SIP_NOTIFY, .contact = true };
	int rc;

	sub->again = false;
	sub->last = sub->state == ENDING;
	request.body = body_of(sub, &type);
	if (request.body.n > 0)
		request.type = slice_of(type);
	state_text(sub, state, sizeof(state));
	snprintf(headers, sizeof(headers), "Event: %s\r\nSubscription-State: %s\r\n", sub->event,
		 state);
	request.headers = slice_of(headers);
	rc = sip_dialog_send(sub->usage.dialog, &request, &notify_user, sub, &sub->client);
	if (rc == 0)
		sub->events->stats.notifies_out++;
	else
		sub->client = NULL;
	return rc;
}

/* --- the table ----------------------------------------------------------------------------------- */

static void drop(struct sip_subscription *sub)
{
	struct sip_events *events = sub->events;

	if (sub->package->ended != NULL)
		sub->package->ended(sub->package->arg, sub);
	events->stats.subscriptions--;
	hash_index_remove(&events->watched, &sub->by_resource);
	*sub->prev = sub->next;
	if (sub->next != NULL)
		sub->next->prev = sub->prev;
	timer_cancel(events->config.wheel, &sub->timer);
	if (sub->client != NULL)
		sip_transaction_detach(sub->client);
	sip_usage_remove(&sub->usage);
	free(sub->resource);
	free(sub->subscriber);
	free(sub);
}

enum action { IGNORE, TELL, FINISH, NEXT, DROP };

static const struct {
	uint8_t action, next;
} table[STATES][EVENTS] = {
	[PENDING] = {
		[ON_REFRESH] = { TELL, PENDING },
		[ON_UNSUBSCRIBE] = { FINISH, ENDING },
		[ON_APPROVED] = { TELL, ACTIVE },
		[ON_CHANGED] = { IGNORE, PENDING },
		[ON_ENDED] = { FINISH, ENDING },
		[ON_EXPIRED] = { FINISH, ENDING },
		[ON_NOTIFIED] = { NEXT, PENDING },
		[ON_FAILED] = { DROP, ENDING },
	},
	[ACTIVE] = {
		[ON_REFRESH] = { TELL, ACTIVE },
		[ON_UNSUBSCRIBE] = { FINISH, ENDING },
		[ON_APPROVED] = { IGNORE, ACTIVE },
		[ON_CHANGED] = { TELL, ACTIVE },
		[ON_ENDED] = { FINISH, ENDING },
		[ON_EXPIRED] = { FINISH, ENDING },
		[ON_NOTIFIED] = { NEXT, ACTIVE },
		[ON_FAILED] = { DROP, ENDING },
	},
	[ENDING] = {
		[ON_REFRESH] = { IGNORE, ENDING },
		[ON_UNSUBSCRIBE] = { IGNORE, ENDING },
		[ON_APPROVED] = { IGNORE, ENDING },
		[ON_CHANGED] = { IGNORE, ENDING },
		[ON_ENDED] = { IGNORE, ENDING },
		[ON_EXPIRED] = { IGNORE, ENDING },
		[ON_NOTIFIED] = { NEXT, ENDING },
		[ON_FAILED] = { DROP, ENDING },
	},
};

static struct sip_subscription *of_timer(struct timer *timer)
{
	return (struct sip_subscription *)((char *)timer -
					   offsetof(struct sip_subscription, timer));
}

static void on_unsent(struct timer *timer)
{
	step(of_timer(timer), ON_FAILED);
}

/* Now, or behind the one that is on its way (RFC 6665 §4.2.2: they must not overtake). One that
 * cannot be sent ends the subscription, but not under the hands of who wanted to tell. */
static void tell(struct sip_subscription *sub)
{
	if (sub->client != NULL)
		sub->again = true;
	else if (send_notify(sub) != 0)
		timer_set(sub->events->config.wheel, &sub->timer, 1, on_unsent);
}

static void step(struct sip_subscription *sub, enum event event)
{
	const uint8_t action = table[sub->state][event].action;

	sub->state = (enum state)table[sub->state][event].next;
	switch ((enum action)action) {
	case IGNORE:
		return;
	case FINISH:
		timer_cancel(sub->events->config.wheel, &sub->timer);
		tell(sub);
		return;
	case TELL:
		tell(sub);
		return;
	case NEXT:
		if (sub->last)
			drop(sub);
		else if (sub->again)
			tell(sub);
		return;
	case DROP:
		drop(sub);
		return;
	}
}

static void on_expiry(struct timer *timer)
{
	struct sip_subscription *sub = of_timer(timer);

	sub->events->stats.expired++;
	sub->reason = "timeout";
	step(sub, ON_EXPIRED);
}

static void set_expiry(struct sip_subscription *sub, uint32_t seconds)
{
	sub->expires_ms = events_now(sub->events) + (uint64_t)seconds * 1000;
	timer_set(sub->events->config.wheel, &sub->timer, (uint64_t)seconds * 1000, on_expiry);
}

/* --- SUBSCRIBE ------------------------------------------------------------------------------------ */

static bool is_mine(const struct sip_subscription *sub, const struct sip_msg *request)
{
	struct sip_event theirs, ours;

	return sip_msg_event(request, &theirs) == 0 &&
	       sip_event_parse(slice_of(sub->event), &ours) == 0 && sip_event_equal(&theirs, &ours);
}

static void reply_expires(struct sip_subscription *sub, struct sip_transaction *server,
			  uint32_t seconds)
{
	char line[32];

	snprintf(line, sizeof(line), "Expires: %u\r\n", seconds);
	events_reply(sub->events, sub->usage.dialog, server, 200, line);
}

/* In its dialog: a refresh, or the end (RFC 6665 §4.2.1.1). */
static bool on_request(struct sip_usage *usage, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from)
{
	struct sip_subscription *sub = (struct sip_subscription *)usage;
	uint32_t seconds;

	if (!is_mine(sub, request))
		return false;
	if (sub->state == ENDING) {
		events_reply(sub->events, usage->dialog, server, 481, NULL);
		return true;
	}
	if (!events_expires(sub->events, usage->dialog, server, request, sub->package, &seconds))
		return true;
	sip_dialog_refresh(usage->dialog, request, from);
	reply_expires(sub, server, seconds);
	set_expiry(sub, seconds);
	sub->reason = "timeout";
	step(sub, seconds > 0 ? ON_REFRESH : ON_UNSUBSCRIBE);
	return true;
}

static void on_dialog_ended(struct sip_usage *usage, unsigned status, struct sip_msg *msg)
{
	(void)status;
	(void)msg;
	drop((struct sip_subscription *)usage);
}

static const struct sip_usage_type subscription_type = {
	.name = "subscription",
	.methods = 1u << SIP_SUBSCRIBE,
	.request = on_request,
	.dialog_ended = on_dialog_ended,
};

unsigned notifier_count(const struct sip_dialog *dialog, const struct sip_event_package *package)
{
	unsigned count = 0;

	for (const struct sip_usage *usage = sip_dialog_usage(dialog, &subscription_type);
	     usage != NULL; usage = usage->next)
		count += usage->type == &subscription_type &&
			 (package == NULL ||
			  ((const struct sip_subscription *)usage)->package == package);
	return count;
}

static bool has_room(const struct sip_events *events, const struct sip_dialog *dialog)
{
	return events->stats.subscriptions + events->stats.subscribers <
		       events->config.subscriptions_max &&
	       (dialog == NULL || notifier_count(dialog, NULL) < IN_A_DIALOG_MAX);
}

static int fill(struct sip_subscription *sub, const struct sip_msg *request,
		const struct subscription_start *start)
{
	if (slice_copy(start->event, sub->event, sizeof(sub->event)) != 0)
		return -EINVAL;
	sub->resource = strndup(request->request_uri.p, request->request_uri.n);
	sub->subscriber = strndup(request->from.uri.text.p, request->from.uri.text.n);
	return sub->resource != NULL && sub->subscriber != NULL ? 0 : -ENOMEM;
}

int notifier_create(struct sip_events *events, struct sip_dialog *dialog, struct sip_msg *request,
		    const struct sip_path *from, const struct subscription_start *start,
		    struct sip_subscription **result)
{
	struct sip_subscription *sub;
	int rc;

	if (!has_room(events, dialog)) {
		events->stats.refused++;
		return -EBUSY;
	}
	sub = calloc(1, sizeof(*sub));
	if (sub == NULL)
		return -ENOMEM;
	rc = fill(sub, request, start);
	if (rc == 0 && dialog == NULL)
		rc = sip_dialog_create_uas(events->config.ua, request, from, &dialog);
	if (rc != 0) {
		free(sub->resource);
		free(sub->subscriber);
		free(sub);
		return rc;
	}
	sub->events = events;
	sub->package = start->package;
	sub->reason = "timeout";
	if (events_type(start->package->types, request, sub->type, sizeof(sub->type)) == NULL)
		sub->type[0] = '\0';
	sip_usage_add(dialog, &sub->usage, &subscription_type);
	sub->next = events->subscriptions;
	sub->prev = &events->subscriptions;
	if (sub->next != NULL)
		sub->next->prev = &sub->next;
	events->subscriptions = sub;
	hash_index_insert(&events->watched, &sub->by_resource,
			  events_hash(sub->package, sub->resource));
	events->stats.subscriptions++;
	*result = sub;
	return 0;
}

void notifier_begin(struct sip_subscription *sub, struct sip_transaction *server,
		    const struct subscription_start *start)
{
	sub->state = start->status == 200 ? ACTIVE : PENDING;
	if (start->accepted)
		events_reply(sub->events, sub->usage.dialog, server, 202, NULL);
	else
		reply_expires(sub, server, start->expires);
	set_expiry(sub, start->expires);
	step(sub, start->expires > 0 ? ON_REFRESH : ON_UNSUBSCRIBE);
}

/* Refused before it was one: its package is not told of the end. */
static void refuse(struct sip_subscription *sub, struct sip_transaction *server, unsigned status)
{
	static const struct sip_event_package nobody = { .name = "" };

	events_reply(sub->events, sub->usage.dialog, server, status, NULL);
	sub->package = &nobody;
	drop(sub);
}

void notifier_subscribe(struct sip_events *events, struct sip_dialog *dialog,
			struct sip_transaction *server, struct sip_msg *request,
			const struct sip_path *from)
{
	struct subscription_start start = { .event = sip_msg_value(request, SIP_H_EVENT) };
	const struct sip_event_package *package;
	struct sip_subscription *sub;
	struct sip_event event;
	char type[64];
	int rc;

	package =
		sip_msg_event(request, &event) == 0 ? events_package(events, event.package) : NULL;
	if (package == NULL || package->subscribe == NULL) {
		events_reply_bad_event(events, dialog, server);
		return;
	}
	if (events_type(package->types, request, type, sizeof(type)) == NULL) {
		events_reply(events, dialog, server, 406, NULL);
		return;
	}
	start.package = package;
	if (!events_expires(events, dialog, server, request, package, &start.expires))
		return;
	rc = notifier_create(events, dialog, request, from, &start, &sub);
	if (rc != 0) {
		events_reply(events, dialog, server, rc == -EINVAL ? 400 : 503, NULL);
		return;
	}
	start.status = package->subscribe(package->arg, sub, request, from);
	if (start.status >= 300)
		refuse(sub, server, start.status);
	else
		notifier_begin(sub, server, &start);
}

void notifier_abandon(struct sip_subscription *sub)
{
	drop(sub);
}

/* --- for packages ---------------------------------------------------------------------------------- */

const char *sip_subscription_resource(const struct sip_subscription *sub)
{
	return sub->resource;
}

static struct sip_subscription *of_node(struct hash_node *node)
{
	return (struct sip_subscription *)((char *)node -
					   offsetof(struct sip_subscription, by_resource));
}

static unsigned count_watchers(const struct sip_events *events,
			       const struct sip_event_package *package, const char *resource)
{
	struct hash_node *node = hash_index_first(&events->watched, events_hash(package, resource));
	unsigned count = 0;

	for (; node != NULL; node = hash_index_next(node))
		count += of_node(node)->package == package &&
			 strcmp(of_node(node)->resource, resource) == 0;
	return count;
}

int sip_subscription_set_resource(struct sip_subscription *sub, const char *resource)
{
	const uint32_t most = sub->events->config.watchers_max;
	char *copy;

	if (most > 0 && count_watchers(sub->events, sub->package, resource) >= most) {
		sub->events->stats.refused++;
		return -EBUSY;
	}
	copy = strdup(resource);
	if (copy == NULL)
		return -ENOMEM;
	free(sub->resource);
	sub->resource = copy;
	hash_index_remove(&sub->events->watched, &sub->by_resource);
	hash_index_insert(&sub->events->watched, &sub->by_resource,
			  events_hash(sub->package, sub->resource));
	return 0;
}

struct slice sip_subscription_subscriber(const struct sip_subscription *sub)
{
	return slice_of(sub->subscriber);
}

const char *sip_subscription_type(const struct sip_subscription *sub)
{
	return sub->type;
}

void sip_subscription_set_context(struct sip_subscription *sub, void *context)
{
	sub->context = context;
}

void *sip_subscription_context(const struct sip_subscription *sub)
{
	return sub->context;
}

void sip_subscription_approve(struct sip_subscription *sub)
{
	step(sub, ON_APPROVED);
}

void sip_subscription_changed(struct sip_subscription *sub)
{
	step(sub, ON_CHANGED);
}

void sip_subscription_end(struct sip_subscription *sub, const char *reason, uint32_t retry_after)
{
	if (sub->state == ENDING)
		return;
	sub->reason = reason;
	sub->retry_after = retry_after;
	step(sub, ON_ENDED);
}

void sip_events_changed(struct sip_events *events, const char *package, const char *resource)
{
	const struct sip_event_package *wanted = events_package(events, slice_of(package));
	struct hash_node *node, *next;

	if (wanted == NULL)
		return;
	node = hash_index_first(&events->watched, events_hash(wanted, resource));
	for (; node != NULL; node = next) {
		struct sip_subscription *sub = of_node(node);

		next = hash_index_next(node);
		if (sub->package == wanted && strcmp(sub->resource, resource) == 0)
			step(sub, ON_CHANGED);
	}
}
