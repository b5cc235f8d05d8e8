/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Subscriptions of ours (RFC 6665 §4.1), and what a REFER of ours makes (RFC 3515 §2.4.4):
 *
 *   WAITING ── NOTIFY ──▶ ACTIVE (refreshed) ── stopped ──▶ ENDING
 *      └──────── refused, silence, NOTIFY "terminated" ───────┴──▶ gone
 */
#include "sip/event/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum state { WAITING, ACTIVE, ENDING, STATES };
enum event { ON_ACCEPTED, ON_REFUSED, ON_NOTIFIED, ON_TERMINATED, ON_DUE, ON_STOPPED, EVENTS };
enum action { IGNORE, AWAIT, KEEP, LOSE, RENEW, LEAVE, LEAVE_LATE, END };

struct sip_subscriber {
	struct sip_usage usage; /* first: found by it */
	struct sip_events *events;
	struct sip_subscriber *next, **prev;
	struct sip_origin *origin; /* NULL: a REFER in somebody's dialog */
	enum state state;
	bool refer, left; /* left: we said that it ends */
	uint32_t refer_cseq;
	struct timer timer; /* until a NOTIFY must come, or a refresh goes out */
	uint64_t expires_ms;
	uint32_t expires; /* seconds that we ask for */
	struct sip_transaction *client;
	const struct sip_subscriber_user *user;
	void *arg;
	unsigned status; /* how it ends */
	struct sip_msg *msg;
	char event[EVENT_MAX], accept[256], *headers;
};

static const struct {
	uint8_t action, next;
} table[STATES][EVENTS] = {
	[WAITING] = {
		[ON_ACCEPTED] = { AWAIT, WAITING },
		[ON_REFUSED] = { END, ENDING },
		[ON_NOTIFIED] = { KEEP, ACTIVE },
		[ON_TERMINATED] = { END, ENDING },
		[ON_DUE] = { END, ENDING },
		[ON_STOPPED] = { LEAVE, ENDING },
	},
	[ACTIVE] = {
		[ON_ACCEPTED] = { KEEP, ACTIVE },
		[ON_REFUSED] = { LOSE, ACTIVE },
		[ON_NOTIFIED] = { KEEP, ACTIVE },
		[ON_TERMINATED] = { END, ENDING },
		[ON_DUE] = { RENEW, ACTIVE },
		[ON_STOPPED] = { LEAVE, ENDING },
	},
	[ENDING] = {
		[ON_ACCEPTED] = { LEAVE_LATE, ENDING },
		[ON_REFUSED] = { END, ENDING },
		[ON_NOTIFIED] = { LEAVE_LATE, ENDING },
		[ON_TERMINATED] = { END, ENDING },
		[ON_DUE] = { END, ENDING },
		[ON_STOPPED] = { IGNORE, ENDING },
	},
};

static void step(struct sip_subscriber *sub, enum event event);

static void remove_it(struct sip_subscriber *sub)
{
	struct sip_events *events = sub->events;

	events->stats.subscribers--;
	*sub->prev = sub->next;
	if (sub->next != NULL)
		sub->next->prev = sub->prev;
	timer_cancel(events->config.wheel, &sub->timer);
	if (sub->client != NULL)
		sip_transaction_detach(sub->client);
	if (sub->origin != NULL) {
		sip_origin_on_request(sub->origin, NULL, NULL);
		sip_origin_unref(sub->origin);
	}
	sip_usage_remove(&sub->usage);
	free(sub->headers);
	free(sub);
}

void subscriber_abandon(struct sip_subscriber *sub)
{
	remove_it(sub);
}

static void end(struct sip_subscriber *sub)
{
	if (sub->user->ended != NULL)
		sub->user->ended(sub->arg, sub, sub->status, sub->msg);
	remove_it(sub);
}

/* --- what is sent ------------------------------------------------------------------------------- */

static void on_timer(struct timer *timer)
{
	struct sip_subscriber *sub =
		(struct sip_subscriber *)((char *)timer - offsetof(struct sip_subscriber, timer));

	sub->status = 408;
	sub->msg = NULL;
	step(sub, ON_DUE);
}

static void await(struct sip_subscriber *sub)
{
	/* RFC 6665 §4.1.2.4, timer N */
	timer_set(sub->events->config.wheel, &sub->timer,
		  64 * (uint64_t)sub->events->config.timers.t1, on_timer);
}

/* A refresh goes out when nine tenths of the time are over; a REFER's subscription is not
 * refreshed, it just ends. */
static void keep(struct sip_subscriber *sub)
{
	const uint64_t now = events_now(sub->events);
	const uint64_t left = sub->expires_ms > now ? sub->expires_ms - now : 0;

	timer_set(sub->events->config.wheel, &sub->timer,
		  sub->refer || sub->client != NULL ? left : left - left / 10, on_timer);
}

static void granted(struct sip_subscriber *sub, uint32_t seconds)
{
	sub->expires_ms = events_now(sub->events) + (uint64_t)seconds * 1000;
}

static void take_response(struct sip_subscriber *sub, struct sip_msg *response,
			  const struct sip_path *path);

static const struct sip_transaction_user request_user;

static bool is_sent_again(struct sip_subscriber *sub, const struct sip_msg *response)
{
	if (sub->usage.dialog != NULL)
		return sip_dialog_challenged(sub->usage.dialog, &sub->client, response,
					     &request_user, sub);
	return sip_origin_challenged(sub->origin, &sub->client, response, &request_user, sub);
}

static void on_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_subscriber *sub = arg;
	const struct sip_path path = *sip_transaction_path(client);

	if (response->status < 200 || is_sent_again(sub, response))
		return;
	sip_transaction_detach(client);
	sub->client = NULL;
	take_response(sub, response, &path);
}

static void on_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_subscriber *sub = arg;

	sip_transaction_detach(client);
	sub->client = NULL;
	sub->status = why == SIP_FAILURE_TIMEOUT ? 408 : 503;
	sub->msg = NULL;
	step(sub, ON_REFUSED);
}

static const struct sip_transaction_user request_user = { .response = on_response,
							  .failed = on_failed };

static int send_subscribe(struct sip_subscriber *sub, uint32_t expires)
{
	char lines[HEADERS_MAX];
	struct sip_request request = { .method = SIP_SUBSCRIBE, .contact = true };
	int n = snprintf(lines, sizeof(lines), "Event: %s\r\nExpires: %u\r\n%s%s%s%s", sub->event,
			 expires, sub->accept[0] != '\0' ? "Accept: " : "", sub->accept,
			 sub->accept[0] != '\0' ? "\r\n" : "",
			 sub->headers != NULL ? sub->headers : "");
	int rc;

	if (n < 0 || (size_t)n >= sizeof(lines))
		return -EINVAL;
	request.headers = slice_of(lines);
	if (sub->usage.dialog != NULL)
		rc = sip_dialog_send(sub->usage.dialog, &request, &request_user, sub, &sub->client);
	else
		rc = sip_origin_send(sub->origin, &request, &request_user, sub, &sub->client);
	if (rc != 0)
		sub->client = NULL;
	return rc;
}

/* Says that it ends, as soon as there is a dialog to say it in. */
static void leave(struct sip_subscriber *sub)
{
	if (!sub->left && sub->client == NULL && sub->usage.dialog != NULL)
		sub->left = send_subscribe(sub, 0) == 0;
	await(sub);
}

static void renew(struct sip_subscriber *sub)
{
	if (sub->refer || events_now(sub->events) >= sub->expires_ms) {
		end(sub);
		return;
	}
	if (sub->client == NULL)
		send_subscribe(sub, sub->expires);
	keep(sub);
}

/* A refresh that was refused: what it means for the subscription (RFC 6665 §4.1.2.3). */
static void lose(struct sip_subscriber *sub)
{
	if (sip_status_scope(sub->status) != SIP_SCOPE_REQUEST)
		end(sub);
	else
		keep(sub);
}

static void step(struct sip_subscriber *sub, enum event event)
{
	const uint8_t action = table[sub->state][event].action;

	sub->state = (enum state)table[sub->state][event].next;
	switch ((enum action)action) {
	case IGNORE:
		break;
	case AWAIT:
		await(sub);
		break;
	case KEEP:
		keep(sub);
		break;
	case LOSE:
		lose(sub);
		break;
	case RENEW:
		renew(sub);
		break;
	case LEAVE:
	case LEAVE_LATE:
		leave(sub);
		break;
	case END:
		end(sub);
		break;
	}
}

/* --- what comes --------------------------------------------------------------------------------- */

static const struct sip_usage_type subscriber_type;

/* The dialog of the first who answers; others are refused (RFC 6665 §4.4.1). */
static bool join_dialog(struct sip_subscriber *sub, const struct sip_msg *msg,
			const struct sip_path *path)
{
	struct sip_dialog *dialog;

	if (sub->usage.dialog != NULL)
		return true;
	if (sip_dialog_create_uac(sub->origin, msg, path, &dialog) != 0)
		return false;
	sip_usage_add(dialog, &sub->usage, &subscriber_type);
	return true;
}

/* RFC 6665 §4.1.2.1: longer, if that is all it takes. */
static bool try_longer(struct sip_subscriber *sub, const struct sip_msg *response)
{
	uint32_t least;

	if (response->status != 423 || sub->left || sub->refer ||
	    sip_msg_number(response, SIP_H_MIN_EXPIRES, &least) != 0 || least <= sub->expires)
		return false;
	sub->expires = least;
	return send_subscribe(sub, least) == 0;
}

static void take_response(struct sip_subscriber *sub, struct sip_msg *response,
			  const struct sip_path *path)
{
	struct slice no_sub = sip_msg_value(response, SIP_H_REFER_SUB);
	uint32_t seconds;

	sub->status = response->status;
	sub->msg = response;
	if (response->status >= 300) {
		if (!try_longer(sub, response))
			step(sub, ON_REFUSED);
		return;
	}
	if (sub->refer) {
		sub->refer_cseq = response->cseq.number;
		if (slice_equal_nocase(slice_trim(slice_split(&no_sub, ';')), SLICE("false"))) {
			end(sub);
			return;
		}
	}
	if (!join_dialog(sub, response, path)) {
		sub->status = 500;
		step(sub, ON_REFUSED);
		return;
	}
	if (!sub->refer)
		granted(sub, sip_msg_number(response, SIP_H_EXPIRES, &seconds) == 0 ? seconds
										    : sub->expires);
	step(sub, ON_ACCEPTED);
}

static bool is_mine(const struct sip_subscriber *sub, const struct sip_msg *notify)
{
	struct sip_event theirs, ours;
	uint32_t id;

	if (sip_msg_event(notify, &theirs) != 0 ||
	    sip_event_parse(slice_of(sub->event), &ours) != 0)
		return false;
	if (!sub->refer)
		return sip_event_equal(&theirs, &ours);
	return slice_equal(theirs.package, ours.package) &&
	       (theirs.id.p == NULL || sub->refer_cseq == 0 ||
		(slice_to_u32(theirs.id, UINT32_MAX, &id) == 0 && id == sub->refer_cseq));
}

static void take_notify(struct sip_subscriber *sub, struct sip_transaction *server,
			struct sip_msg *notify, const struct sip_path *from)
{
	struct sip_subscription_state state;

	if (sip_msg_subscription_state(notify, &state) != 0) {
		events_reply(sub->events, sub->usage.dialog, server, 400, NULL);
		return;
	}
	sub->events->stats.notifies_in++;
	sip_dialog_refresh(sub->usage.dialog, notify, from);
	events_reply(sub->events, sub->usage.dialog, server, 200, NULL);
	if (state.has_expires)
		granted(sub, state.expires);
	sub->status = 200;
	sub->msg = notify;
	if (sub->user->notify != NULL && sub->state != ENDING)
		sub->user->notify(sub->arg, sub, &state, notify);
	step(sub, state.state == SIP_SUB_TERMINATED ? ON_TERMINATED : ON_NOTIFIED);
}

static bool on_request(struct sip_usage *usage, struct sip_transaction *server,
		       struct sip_msg *request, const struct sip_path *from)
{
	struct sip_subscriber *sub = (struct sip_subscriber *)usage;

	if (!is_mine(sub, request))
		return false;
	take_notify(sub, server, request, from);
	return true;
}

static void on_dialog_ended(struct sip_usage *usage, unsigned status, struct sip_msg *msg)
{
	struct sip_subscriber *sub = (struct sip_subscriber *)usage;

	sub->status = status;
	sub->msg = msg;
	end(sub);
}

static const struct sip_usage_type subscriber_type = {
	.name = "subscriber",
	.methods = 1u << SIP_NOTIFY,
	.request = on_request,
	.dialog_ended = on_dialog_ended,
};

/* A NOTIFY that is faster than the 2xx, or of another fork. */
static void on_early_request(void *arg, struct sip_origin *origin, struct sip_transaction *server,
			     struct sip_msg *request, const struct sip_path *from)
{
	struct sip_subscriber *sub = arg;

	(void)origin;
	if (request->method != SIP_NOTIFY || sub->usage.dialog != NULL) {
		events_reply(sub->events, NULL, server, 481, NULL);
		return;
	}
	if (!is_mine(sub, request)) {
		events_reply_bad_event(sub->events, NULL, server);
		return;
	}
	if (!join_dialog(sub, request, from))
		events_reply(sub->events, NULL, server, 400, NULL);
	else
		take_notify(sub, server, request, from);
}

/* --- beginning ---------------------------------------------------------------------------------- */

static int create(struct sip_events *events, struct slice event,
		  const struct sip_subscriber_user *user, void *arg, struct sip_subscriber **result)
{
	struct sip_subscriber *sub;

	if (events->stats.subscriptions + events->stats.subscribers >=
	    events->config.subscriptions_max) {
		events->stats.refused++;
		return -EBUSY;
	}
	sub = calloc(1, sizeof(*sub));
	if (sub == NULL)
		return -ENOMEM;
	if (slice_copy(event, sub->event, sizeof(sub->event)) != 0) {
		free(sub);
		return -EINVAL;
	}
	sub->events = events;
	sub->user = user;
	sub->arg = arg;
	sub->next = events->subscribers;
	sub->prev = &events->subscribers;
	if (sub->next != NULL)
		sub->next->prev = &sub->next;
	events->subscribers = sub;
	events->stats.subscribers++;
	*result = sub;
	return 0;
}

static int set_origin(struct sip_subscriber *sub, const struct sip_origin_start *start)
{
	int rc = sip_origin_create(sub->events->config.ua, start, &sub->origin);

	if (rc == 0)
		sip_origin_on_request(sub->origin, on_early_request, sub);
	return rc;
}

int sip_subscriber_start(struct sip_events *events, const struct sip_subscribe *subscribe,
			 const struct sip_subscriber_user *user, void *arg,
			 struct sip_subscriber **result)
{
	struct sip_subscriber *sub;
	int rc = create(events, subscribe->event, user, arg, &sub);

	if (rc != 0)
		return rc;
	sub->expires = subscribe->expires;
	rc = slice_copy(subscribe->accept, sub->accept, sizeof(sub->accept));
	if (rc == 0 && subscribe->headers.n > 0) {
		sub->headers = strndup(subscribe->headers.p, subscribe->headers.n);
		rc = sub->headers != NULL ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = set_origin(sub, &subscribe->start);
	if (rc == 0)
		rc = send_subscribe(sub, sub->expires);
	if (rc != 0) {
		remove_it(sub);
		return rc;
	}
	*result = sub;
	return 0;
}

void sip_subscriber_stop(struct sip_subscriber *sub)
{
	step(sub, ON_STOPPED);
}

struct sip_dialog *sip_subscriber_dialog(const struct sip_subscriber *sub)
{
	return sub->usage.dialog;
}

/* --- REFER of ours ------------------------------------------------------------------------------ */

static int send_refer(struct sip_subscriber *sub, const struct sip_refer_start *start)
{
	char lines[HEADERS_MAX * 2];
	struct sip_request request = { .method = SIP_REFER, .contact = true };
	int n = snprintf(
		lines, sizeof(lines), "Refer-To: %.*s\r\n%s%.*s%s%s%.*s",
		SLICE_FMT(start->refer_to), start->referred_by.n > 0 ? "Referred-By: " : "",
		SLICE_FMT(start->referred_by), start->referred_by.n > 0 ? "\r\n" : "",
		start->no_subscription ? "Refer-Sub: false\r\nSupported: norefersub\r\n" : "",
		SLICE_FMT(start->headers));

	if (n < 0 || (size_t)n >= sizeof(lines))
		return -EINVAL;
	request.headers = slice_of(lines);
	if (sub->origin == NULL)
		return sip_dialog_send(sub->usage.dialog, &request, &request_user, sub,
				       &sub->client);
	return sip_origin_send(sub->origin, &request, &request_user, sub, &sub->client);
}

static int begin_refer(struct sip_events *events, struct sip_dialog *dialog,
		       const struct sip_origin_start *to, const struct sip_refer_start *start,
		       const struct sip_subscriber_user *user, void *arg,
		       struct sip_subscriber **result)
{
	struct sip_subscriber *sub;
	int rc = create(events, SLICE("refer"), user, arg, &sub);

	if (rc != 0)
		return rc;
	sub->refer = true;
	if (dialog != NULL)
		sip_usage_add(dialog, &sub->usage, &subscriber_type);
	else
		rc = set_origin(sub, to);
	if (rc == 0)
		rc = send_refer(sub, start);
	if (rc != 0) {
		sub->client = NULL;
		remove_it(sub);
		return rc;
	}
	*result = sub;
	return 0;
}

int sip_refer_send(struct sip_events *events, struct sip_dialog *dialog,
		   const struct sip_refer_start *start, const struct sip_subscriber_user *user,
		   void *arg, struct sip_subscriber **sub)
{
	return begin_refer(events, dialog, NULL, start, user, arg, sub);
}

int sip_refer_send_outside(struct sip_events *events, const struct sip_origin_start *to,
			   const struct sip_refer_start *start,
			   const struct sip_subscriber_user *user, void *arg,
			   struct sip_subscriber **sub)
{
	return begin_refer(events, NULL, to, start, user, arg, sub);
}
