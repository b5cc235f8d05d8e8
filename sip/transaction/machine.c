/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/internal.h"

#include <assert.h>
#include <errno.h>

#define TRYING_MS  200u   /* RFC 3261 §17.2.1 */
#define TIMER_D_MS 32000u /* RFC 3261 table 4: more than 32 s over UDP */

#define SUCCESSES_MAX 64u /* of one INVITE: some forks, each repeated until its ACK */

static machine_table *const machines[MACHINE_KINDS] = {
	[MACHINE_INVITE_CLIENT] = &transaction_invite_client,
	[MACHINE_CLIENT] = &transaction_client,
	[MACHINE_INVITE_SERVER] = &transaction_invite_server,
	[MACHINE_SERVER] = &transaction_server,
};

const struct sip_timers sip_timers_default = { .t1 = 500, .t2 = 4000, .t4 = 5000 };

static const char *const state_texts[TRANSACTION_STATES] = {
	[STATE_NONE] = "None",           [STATE_CALLING] = "Calling",
	[STATE_TRYING] = "Trying",       [STATE_PROCEEDING] = "Proceeding",
	[STATE_ACCEPTED] = "Accepted",   [STATE_COMPLETED] = "Completed",
	[STATE_CONFIRMED] = "Confirmed", [STATE_TERMINATED] = "Terminated",
};

/* RFC 3261 table 4, RFC 6026 §8.11 (L, M): which of the two timers, how long, and what remains of
 * it on a transport that does not lose. */
enum reliable_rule { RELIABLE_SAME, RELIABLE_ZERO, RELIABLE_NEVER };
enum timer_unit { UNIT_MS, UNIT_T1, UNIT_T4 };

struct timer_rule {
	bool resends;
	uint8_t reliable; /* enum reliable_rule */
	uint8_t unit;     /* enum timer_unit */
	uint32_t count;
};

#define RULE(action) [(action)-ACTION_TIMER_A]
static const struct timer_rule timer_rules[] = {
	RULE(ACTION_TIMER_A) = { true, RELIABLE_NEVER, UNIT_T1, 1 },
	RULE(ACTION_TIMER_B) = { false, RELIABLE_SAME, UNIT_T1, 64 },
	RULE(ACTION_TIMER_D) = { false, RELIABLE_ZERO, UNIT_MS, TIMER_D_MS },
	RULE(ACTION_TIMER_E) = { true, RELIABLE_NEVER, UNIT_T1, 1 },
	RULE(ACTION_TIMER_F) = { false, RELIABLE_SAME, UNIT_T1, 64 },
	RULE(ACTION_TIMER_G) = { true, RELIABLE_NEVER, UNIT_T1, 1 },
	RULE(ACTION_TIMER_H) = { false, RELIABLE_SAME, UNIT_T1, 64 },
	RULE(ACTION_TIMER_I) = { false, RELIABLE_ZERO, UNIT_T4, 1 },
	RULE(ACTION_TIMER_J) = { false, RELIABLE_ZERO, UNIT_T1, 64 },
	RULE(ACTION_TIMER_K) = { false, RELIABLE_ZERO, UNIT_T4, 1 },
	RULE(ACTION_TIMER_L) = { false, RELIABLE_SAME, UNIT_T1, 64 },
	RULE(ACTION_TIMER_M) = { false, RELIABLE_SAME, UNIT_T1, 64 },
	RULE(ACTION_TIMER_TRYING) = { true, RELIABLE_SAME, UNIT_MS, TRYING_MS },
};
static_assert(ACTION_TIMER_TRYING - ACTION_TIMER_A == EVENT_TIMER_TRYING - EVENT_TIMER_A,
	      "actions that start timers stand in the order of their events");

static void resend_fired(struct timer *timer)
{
	struct sip_transaction *t =
		(struct sip_transaction *)((char *)timer -
					   offsetof(struct sip_transaction, resend));

	layer_settle(t->layer);
	transaction_step(t, t->resend_event, NULL);
}

static void life_fired(struct timer *timer)
{
	struct sip_transaction *t =
		(struct sip_transaction *)((char *)timer - offsetof(struct sip_transaction, life));

	layer_settle(t->layer);
	if (t->state == STATE_TERMINATED)
		transaction_free(t);
	else
		transaction_step(t, t->life_event, NULL);
}

void transaction_start_life(struct sip_transaction *t, enum transaction_event event,
			    uint64_t delay_ms)
{
	t->life_event = event;
	timer_set(t->layer->config.wheel, &t->life, delay_ms, life_fired);
}

void transaction_start_timer(struct sip_transaction *t, enum transaction_action action)
{
	const struct timer_rule *rule = &timer_rules[action - ACTION_TIMER_A];
	const struct sip_timers *timers = &t->layer->config.timers;
	enum transaction_event event = EVENT_TIMER_A + (action - ACTION_TIMER_A);
	uint32_t unit = rule->unit == UNIT_T1 ? timers->t1 : rule->unit == UNIT_T4 ? timers->t4 : 1;
	uint32_t delay = unit * rule->count;

	if (t->reliable && rule->reliable == RELIABLE_NEVER)
		return;
	if (t->reliable && rule->reliable == RELIABLE_ZERO)
		delay = 0;
	if (!rule->resends) {
		transaction_start_life(t, event, delay);
		return;
	}
	t->interval = delay;
	t->resend_event = event;
	timer_set(t->layer->config.wheel, &t->resend, delay, resend_fired);
}

static void resend_after(struct sip_transaction *t, uint32_t interval)
{
	t->interval = interval;
	timer_set(t->layer->config.wheel, &t->resend, interval, resend_fired);
}

static void stop_timers(struct sip_transaction *t)
{
	timer_cancel(t->layer->config.wheel, &t->resend);
	timer_cancel(t->layer->config.wheel, &t->life);
}

static void send_kept(struct sip_transaction *t, const struct sip_path *to,
		      const struct kept *message, bool again)
{
	if (message->n == 0)
		return;
	if (again)
		t->layer->stats.retransmissions_out++;
	t->send_error = layer_send(t->layer, to, (struct slice){ message->p, message->n });
}

/* Each 2xx has its user send something: to another fork an ACK, and a BYE that is repeated. Whoever
 * is called must not have us flood the address in its Contact. */
static bool is_flood(struct sip_transaction *t, const struct sip_msg *msg)
{
	if (t->kind != MACHINE_INVITE_CLIENT || msg->status / 100 != 2)
		return false;
	if (t->successes == SUCCESSES_MAX) {
		t->layer->stats.strays++;
		return true;
	}
	t->successes++;
	return false;
}

static void pass(struct sip_transaction *t, struct sip_msg *msg)
{
	const struct sip_tu *tu = &t->layer->config.tu;

	if (t->kind == MACHINE_INVITE_SERVER) {
		if (tu->ack != NULL)
			tu->ack(tu->arg, msg, &t->path);
	} else if (is_flood(t, msg)) {
		return;
	} else if (t->kind <= MACHINE_CLIENT && t->attempts != NULL && attempts_response(t, msg)) {
		return;
	} else if (t->user != NULL && t->user->response != NULL) {
		t->user->response(t->arg, t, msg);
	}
}

static void tell(struct sip_transaction *t, enum sip_failure why)
{
	if (why == SIP_FAILURE_TIMEOUT)
		t->layer->stats.timeouts++;
	if (t->attempts != NULL && attempts_failed(t))
		return;
	if (t->user != NULL && t->user->failed != NULL)
		t->user->failed(t->arg, t, why);
}

static void run(struct sip_transaction *t, enum transaction_action action,
		enum transaction_event event, struct sip_msg *msg)
{
	const uint32_t t2 = t->layer->config.timers.t2;
	const bool again = event != EVENT_START && event != EVENT_SEND_1XX &&
			   event != EVENT_SEND_2XX && event != EVENT_SEND_FAILURE;
	struct sip_path reply;

	switch (action) {
	case ACTION_SEND_REQUEST:
		send_kept(t, &t->path, &t->sent, again);
		break;
	case ACTION_SEND_RESPONSE:
		reply = t->path;
		reply.remote.port = t->reply_port;
		send_kept(t, &reply, &t->stored, again);
		break;
	case ACTION_SEND_100:
		server_send_100(t);
		break;
	case ACTION_SEND_ACK:
		client_send_ack(t, msg);
		break;
	case ACTION_SEND_CANCEL:
		if (t->cancel_wanted)
			client_send_cancel(t);
		break;
	case ACTION_PASS:
		pass(t, msg);
		break;
	case ACTION_TELL_TIMEOUT:
		tell(t, SIP_FAILURE_TIMEOUT);
		break;
	case ACTION_TELL_UNSENT:
		tell(t, SIP_FAILURE_TRANSPORT);
		break;
	case ACTION_STOP_TIMERS:
		stop_timers(t);
		break;
	case ACTION_DOUBLE:
		resend_after(t, t->interval * 2);
		break;
	case ACTION_DOUBLE_TO_T2:
		resend_after(t, t->interval * 2 < t2 ? t->interval * 2 : t2);
		break;
	case ACTION_AGAIN_AFTER_T2:
		resend_after(t, t2);
		break;
	default:
		transaction_start_timer(t, action);
		break;
	}
}

void transaction_terminate(struct sip_transaction *t)
{
	struct sip_transactions *layer = t->layer;

	t->state = STATE_TERMINATED;
	transaction_finish(t);
	stop_timers(t);
	pending_remove(t);
	hash_index_remove(t->kind <= MACHINE_CLIENT ? &layer->clients : &layer->servers, &t->node);
	timer_set(layer->config.wheel, &t->life, 0, life_fired);
	if (t->user != NULL && t->user->terminated != NULL)
		t->user->terminated(t->arg, t);
	t->user = NULL;
}

/* What a state has no use for goes. */
static void slim(struct sip_transaction *t)
{
	if (t->state < STATE_ACCEPTED)
		return;
	transaction_finish(t);
	if (t->state == STATE_ACCEPTED)
		return;
	/* Some clients answer a challenge with the same CSeq: what was refused is over. A call that
	 * was accepted (RFC 6026) is not, and must not be made twice. */
	if (t->kind >= MACHINE_INVITE_SERVER)
		hash_index_remove(&t->layer->merges, &t->second);
	if (t->state == STATE_CONFIRMED)
		kept_drop(t->layer, &t->stored);
	transaction_remember(t);
}

void transaction_fail(struct sip_transaction *t, enum sip_failure why)
{
	attempts_end(t);
	tell(t, why);
	transaction_terminate(t);
}

bool transaction_step_quiet(struct sip_transaction *t, enum transaction_event event,
			    struct sip_msg *msg)
{
	const struct transition *row = &(*machines[t->kind])[t->state][event];

	if (row->next == STATE_NONE)
		return false;
	t->state = row->next;
	for (unsigned i = 0; i < TRANSITION_ACTIONS && row->actions[i] != ACTION_END; i++)
		run(t, row->actions[i], event, msg);
	if (t->state != row->next) /* it goes on with another target */
		return true;
	if (row->next == STATE_TERMINATED)
		transaction_terminate(t);
	else
		slim(t);
	return true;
}

bool transaction_step(struct sip_transaction *t, enum transaction_event event, struct sip_msg *msg)
{
	bool known = transaction_step_quiet(t, event, msg);

	if (t->send_error != 0) {
		t->send_error = 0;
		transaction_step_quiet(t, EVENT_UNSENT, NULL);
	}
	return known;
}

void pending_remove(struct sip_transaction *t)
{
	if (t->pending_prev == NULL)
		return;
	*t->pending_prev = t->pending_next;
	if (t->pending_next != NULL)
		t->pending_next->pending_prev = t->pending_prev;
	t->pending_next = NULL;
	t->pending_prev = NULL;
}

const char *sip_transaction_state(const struct sip_transaction *t)
{
	return state_texts[t->state];
}

void sip_transaction_detach(struct sip_transaction *t)
{
	t->user = NULL;
	t->arg = NULL;
	attempts_detach(t);
	/* A 2xx that has its ACK: nobody will have it repeated. */
	if (t->kind == MACHINE_INVITE_SERVER && t->state == STATE_ACCEPTED) {
		kept_drop(t->layer, &t->stored);
		transaction_remember(t);
	}
}

void sip_transaction_set_user(struct sip_transaction *t, const struct sip_transaction_user *user,
			      void *arg)
{
	if (t->user != user)
		attempts_detach(t);
	t->user = user;
	t->arg = arg;
}

void *sip_transaction_user_arg(const struct sip_transaction *t,
			       const struct sip_transaction_user *user)
{
	return t->user == user ? t->arg : NULL;
}

struct sip_msg *sip_transaction_request(const struct sip_transaction *t)
{
	return t->request;
}

const struct sip_path *sip_transaction_path(const struct sip_transaction *t)
{
	return &t->path;
}
