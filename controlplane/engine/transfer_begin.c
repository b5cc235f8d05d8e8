/* SPDX-License-Identifier: BSD-3-Clause */
/* How a transfer begins, and what its calls, its seat and its subscription tell it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/transfer.h"
#include "sip/base/log.h"
#include "sip/event/event.h"

#define IN_A_ROW 10u /* transfers of a party from one to the next */

static bool may_change(const struct call *call)
{
	return (call->state == CALL_ANSWERED || call->state == CALL_HELD) && !call->away &&
	       !call->here && !call->joining && session_is_alive(call->caller) &&
	       session_is_alive(call->callee);
}

/* A seat is of one network and family, and whoever takes it is reached there. */
static bool fits(const struct seat *seat, const struct transfer_start *start)
{
	return seat->realm == start->realm &&
	       media_termination_local(seat->termination)->family == start->family;
}

unsigned transfer_check_place(const struct transfer_start *start)
{
	return may_change(start->to) && start->leaving->seat ? 0 : 491;
}

unsigned transfer_check(const struct call *call, const struct transfer_start *start)
{
	if (!may_change(call) || start->to == call)
		return 491;
	if (call->transfers >= IN_A_ROW)
		return 482;
	if (!start->to)
		return 0;
	return transfer_check_place(start);
}

int transfer_create(struct call *call, const struct transfer_start *start, struct transfer **out)
{
	struct transfer *t = calloc(1, sizeof(*t));
	struct call *to = start->to;

	if (!t)
		return -ENOMEM;
	if (to)
		t->kept = call_keep_other(to, NULL);
	else if (!start->errand &&
		 call_create(call->engine, shard_new_call_id(call->engine->shard), &to))
		to = NULL;
	if ((!to && !start->errand) || (start->to && !t->kept)) {
		free(t);
		return -ENOMEM;
	}
	t->engine = call->engine;
	t->refs = 1;
	t->from = call;
	t->from_id = call->id;
	t->errand = start->errand;
	if (to) {
		t->refs++;
		t->to = to;
		t->to_id = to->id;
		to->here = t;
	}
	t->party = start->party;
	t->transferor = start->transferor;
	t->leaving = start->leaving;
	t->there = start->leaving ? start->leaving->seat : NULL;
	t->state = start->to || start->errand ? TRANSFER_WAITING : TRANSFER_DIALING;
	call->away = t;
	if (to && start->leaving && !fits(t->there, start)) {
		const uint8_t side = t->there->side;
		int error = bridge_reserve_spare(to->bridge, side, start->realm, start->family,
						 &t->there);

		if (error) {
			transfer_call_forgotten(call);
			return error;
		}
		t->spare = true;
	}
	*out = t;
	return 0;
}

static void on_subscription_ended(void *arg)
{
	struct transfer *t = arg;

	t->sub = NULL;
	if (t->state == TRANSFER_TELLING)
		session_end(t->transferor, 200, SLICE_NONE);
	transfer_release(t);
}

bool transfer_keeps(const struct call *call, const struct session *s)
{
	return call->away && call->away->state == TRANSFER_TELLING && s == call->away->transferor;
}

int transfer_accept(struct transfer *t, const struct sip_refer *refer)
{
	struct call *to = t->to;
	int error;

	t->refs++;
	error = sip_refer_accept(refer, on_subscription_ended, t, &t->sub);
	if (!error && t->sub)
		return 0;
	/* nobody wants to know, or can be told */
	if (error) {
		transfer_let_go(t);
		if (!t->leaving)
			call_hang_up(to, 500, "failed", "system");
	}
	transfer_release(t);
	return error;
}

/* Referred-By (RFC 3892) is whom we know, not what was claimed. */
static void write_referred_by(const struct transfer *t, char *line, size_t size)
{
	char user[3 * ROUTE_AOR_MAX + 4];
	struct caller who;
	char *at;

	line[0] = '\0';
	if (!t->transferor)
		return;
	call_leg(t->from, t->transferor, &who);
	at = strrchr(who.aor, '@');
	if (!at || who.anonymous)
		return;
	*at = '\0';
	call_escape_user(who.aor, user, sizeof(user));
	snprintf(line, size, "Referred-By: <sip:%s@%s>\r\n", user, at + 1);
}

/* Of who asks for it. */
static const char *realm_of(const struct transfer *t)
{
	const struct session *s = t->transferor ? t->transferor : t->party;

	return route_realm_name(t->engine->shard->config, sip_invite_path(s->invite)->listener);
}

void transfer_begin(struct transfer *t, const struct transfer_start *start)
{
	char headers[4 * ROUTE_AOR_MAX];
	struct caller who, by = { .trunk = -1 };
	struct referral referral = { .party = t->party,
				     .caller = &who,
				     .target = start->target,
				     .by = t->transferor ? &by : NULL,
				     .realm = realm_of(t),
				     .headers = headers };

	transfer_tell(t, 100, "initiated");
	LOG_INFO("call", t->from_id, "transfer by the %s, to call %016" PRIx64,
		 transfer_side_of(t->from, t->transferor), t->to_id);
	if (t->spare)
		return; /* until the seat has its address */
	if (start->to || start->errand) {
		transfer_step(t, TRANSFER_ON_READY, 0);
		return;
	}
	call_leg(t->from, t->party, &who);
	if (t->transferor)
		call_leg(t->from, t->transferor, &by);
	write_referred_by(t, headers, sizeof(headers));
	call_start_referred(t->to, &referral);
}

/* --- what the calls tell --- */

void transfer_progress(struct call *to, unsigned status)
{
	if (to->here)
		transfer_tell(to->here, status, "progress");
}

void transfer_target_ready(struct call *to)
{
	struct transfer *t = to->here;

	if (!t)
		return;
	t->there = to->caller_seat;
	transfer_step(t, TRANSFER_ON_READY, 0);
}

void transfer_returned(struct transfer *t, unsigned status, bool with_leg)
{
	if (status < 300) {
		transfer_step(t, TRANSFER_ON_ARRIVED, status);
	} else if (with_leg) {
		transfer_step(t, TRANSFER_ON_RETURNED, status);
	} else {
		/* it has hung up there */
		struct call *from = t->from;

		call_hang_up(from, 200, "normal", transfer_side_of(from, t->party));
	}
}

void transfer_seat_ready(void *arg, int status)
{
	struct call *to = arg;

	if (!to->here || !to->here->spare)
		return;
	if (status)
		LOG_ERROR("call", to->id, "no seat for who comes: %s", strerror(-status));
	transfer_step(to->here, status ? TRANSFER_ON_REFUSED : TRANSFER_ON_READY, status ? 503 : 0);
}

bool transfer_outlives(struct call *call, struct session *s)
{
	struct transfer *t = call->away;

	if (t && s == call_other_side(call, t->party))
		t->transferor_left = true;
	else if ((t = call->here) && t->leaving && s == t->leaving)
		t->leaving_left = true;
	else
		return false;
	if (s->seat) {
		bridge_remove(s->seat, "left");
		call_apply_media(call);
	}
	return true;
}

bool transfer_reanswered(struct call *from, const struct session *s, bool success, unsigned status)
{
	struct transfer *t = from->away;

	if (!t || s != t->party || (t->state != TRANSFER_MOVING && t->state != TRANSFER_RETURNING))
		return false;
	transfer_step(t, success ? TRANSFER_ON_AGREED : TRANSFER_ON_REFUSED,
		      status >= 300 && status != 401 && status != 407 ? status : 488);
	return true;
}

void transfer_call_ended(struct call *call, unsigned status)
{
	if (call->away)
		transfer_step(call->away, TRANSFER_ON_GONE, status);
	if (call->here)
		transfer_step(call->here, TRANSFER_ON_LOST, status);
}

void transfer_call_forgotten(struct call *call)
{
	while (call->away || call->here) {
		struct transfer *t = call->away ? call->away : call->here;

		t->refs++;
		t->state = TRANSFER_OVER;
		transfer_let_go(t);
		transfer_release(t);
	}
}
