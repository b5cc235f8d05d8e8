/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session timer of an INVITE (RFC 4028): who refreshes does so after half of the time, by an
 * UPDATE without a description if the other side takes it, else by a re-INVITE with the last one,
 * whose version has not changed (§7.4). Without a refresh the call ends before its time is over.
 *
 *             2xx agreed      refresh time       2xx to refresh     end of time
 *   off       → ours/theirs   -                  -                  -
 *   ours      (anew)          send, → sent       -                  BYE
 *   sent      (anew)          -                  → ours/theirs      BYE
 *   theirs    (anew)          -                  -                  BYE
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/base/format.h"
#include "sip/base/random.h"
#include "sip/dialog/internal.h"

#define BUSY_MS 2000u /* until the next try when another exchange is under way */

static const struct sip_transaction_user refresh_user;
static void fired(struct timer *timer);

static struct timer_wheel *wheel_of(const struct sip_invite *invite)
{
	return invite->ua->config.transactions.wheel;
}

/* --- what is agreed --- */

/* Seen from a transaction whose request we sent (ours), or they. */
static struct session_terms terms_of(const struct sip_invite *invite, bool we_ask)
{
	const struct session *s = &invite->session;

	return (struct session_terms){
		s->interval,
		s->interval == 0    ? REFRESHER_OPEN
		: s->ours == we_ask ? REFRESHER_UAC
				    : REFRESHER_UAS,
	};
}

static void arm(struct sip_invite *invite, struct session_terms terms, bool we_asked)
{
	struct session *s = &invite->session;

	s->interval = terms.interval;
	s->ours = (terms.refresher == REFRESHER_UAC) == we_asked;
	s->since = timer_wheel_now(wheel_of(invite));
	s->refreshing = false;
	if (s->interval == 0) {
		session_stop(invite);
		return;
	}
	timer_set(wheel_of(invite), &s->timer,
		  s->ours ? session_timer_refresh_ms(s->interval)
			  : session_timer_give_up_ms(s->interval),
		  fired);
}

/* For an UPDATE no description is needed, but who says that it takes one may refuse it then. */
static void forget_sdp(struct sip_invite *invite)
{
	struct session *s = &invite->session;

	if (s->interval != 0)
		return;
	free(s->sdp);
	s->sdp = NULL;
	s->sdp_size = 0;
}

void session_keep_sdp(struct sip_invite *invite, struct slice sdp)
{
	struct session *s = &invite->session;
	char *copy;

	if (sdp.n == 0)
		return;
	copy = text_dup(sdp);
	if (copy == NULL)
		return;
	free(s->sdp);
	s->sdp = copy;
	s->sdp_size = sdp.n;
}

void session_stop(struct sip_invite *invite)
{
	struct session *s = &invite->session;

	timer_cancel(wheel_of(invite), &s->timer);
	if (s->client != NULL)
		sip_transaction_detach(s->client);
	s->client = NULL;
	s->interval = 0;
	s->refreshing = false;
	forget_sdp(invite);
}

/* --- header lines --- */

static uint32_t min_se_of(const struct sip_invite *invite)
{
	const uint32_t ours = invite->ua->config.session.min_s;

	return invite->session.min_se > ours ? invite->session.min_se : ours;
}

void session_ask(const struct sip_invite *invite, char *lines, size_t size)
{
	static const char *const refreshers[] = { "", ";refresher=uac", ";refresher=uas" };
	const struct session_terms now = terms_of(invite, true);
	const uint32_t min_se = min_se_of(invite);
	uint32_t expires = now.interval != 0 ? now.interval : invite->ua->config.session.expires_s;
	size_t n = 0;

	lines[0] = '\0';
	if (expires == 0)
		return;
	if (expires < min_se)
		expires = min_se;
	n = (size_t)format_print(lines, size, "Session-Expires: %" PRIu32 "%s\r\n", expires,
				 refreshers[now.refresher]);
	if (min_se > SESSION_TIMER_LEAST_S && n < size)
		format_print(lines + n, size - n, "Min-SE: %" PRIu32 "\r\n", min_se);
}

void session_answer(const struct sip_invite *invite, const struct sip_msg *request, char *lines,
		    size_t size)
{
	const struct session_terms now = terms_of(invite, false);
	struct session_said said;
	struct session_terms terms;

	session_timer_read(request, &said);
	terms = session_timer_answer(&invite->ua->config.session, &said, &now);
	lines[0] = '\0';
	if (terms.interval == 0)
		return;
	/* §9: who has to refresh must have understood it. */
	format_print(lines, size, "Session-Expires: %" PRIu32 ";refresher=%s\r\n%s", terms.interval,
		     terms.refresher == REFRESHER_UAC ? "uac" : "uas",
		     terms.refresher == REFRESHER_UAC ? "Require: timer\r\n" : "");
}

bool session_refuses(const struct sip_ua *ua, const struct sip_msg *request, char *line,
		     size_t size)
{
	const uint32_t min = ua->config.session.min_s;
	struct session_said said;

	session_timer_read(request, &said);
	if (session_timer_judge(&ua->config.session, &said) == 0)
		return false;
	format_print(line, size, "Min-SE: %" PRIu32 "\r\n",
		     min > SESSION_TIMER_LEAST_S ? min : SESSION_TIMER_LEAST_S);
	return true;
}

/* --- a 2xx has left, or came --- */

void session_answered(struct sip_invite *invite, const struct sip_msg *request)
{
	const struct session_terms now = terms_of(invite, false);
	struct session_said said;

	session_timer_read(request, &said);
	arm(invite, session_timer_answer(&invite->ua->config.session, &said, &now), false);
	forget_sdp(invite);
}

void session_agreed(struct sip_invite *invite, const struct sip_msg *response)
{
	const struct session_terms asked = terms_of(invite, true);
	struct session_said said;

	session_timer_read(response, &said);
	arm(invite, session_timer_agree(&said, &asked), true);
	forget_sdp(invite);
}

bool session_too_small(struct sip_invite *invite, const struct sip_msg *response)
{
	struct session *s = &invite->session;
	struct session_said said;

	session_timer_read(response, &said);
	/* §7.4: each 422 must ask for more, or we would go on for ever. */
	if (response->status != 422 || said.min_se <= min_se_of(invite))
		return false;
	s->min_se = said.min_se;
	if (s->interval != 0 && s->interval < s->min_se)
		s->interval = s->min_se;
	return true;
}

/* --- the refresh --- */

static int refresh(struct sip_invite *invite)
{
	struct session *s = &invite->session;
	struct sip_dialog *dialog = invite_dialog(invite);
	char lines[SESSION_LINES];
	struct sip_request update = { .method = SIP_UPDATE };

	/* Without a description a re-INVITE would ask for an offer, which nobody would answer. */
	if (!sip_dialog_allows(dialog, SIP_UPDATE))
		return s->sdp == NULL
			       ? -ENOENT
			       : modify_refresh(invite, (struct slice){ s->sdp, s->sdp_size });
	session_ask(invite, lines, sizeof(lines));
	update.headers = slice_of(lines);
	return sip_dialog_send(dialog, &update, &refresh_user, invite, &s->client);
}

/* ms until the session has to be given up */
static uint64_t left(const struct sip_invite *invite)
{
	const struct session *s = &invite->session;
	const uint64_t spent = timer_wheel_now(wheel_of(invite)) - s->since;
	const uint64_t end = session_timer_give_up_ms(s->interval);

	return spent < end ? end - spent : 0;
}

static void try_refresh(struct sip_invite *invite)
{
	struct session *s = &invite->session;
	const int rc = refresh(invite);

	s->refreshing = rc == 0;
	timer_set(wheel_of(invite), &s->timer,
		  rc != 0 && left(invite) > BUSY_MS ? BUSY_MS : left(invite), fired);
}

static void fired(struct timer *timer)
{
	struct sip_invite *invite =
		(struct sip_invite *)((char *)timer - offsetof(struct sip_invite, session.timer));
	struct session *s = &invite->session;
	struct invite_step step = { .status = 408 };

	if (invite->state != SIP_INVITE_CONFIRMED)
		return;
	if (s->ours && !s->refreshing && left(invite) > 0)
		try_refresh(invite);
	else
		invite_step(invite, INVITE_EVENT_EXPIRED, &step);
}

void session_refreshed(struct sip_invite *invite, unsigned status, struct sip_msg *response)
{
	struct session *s = &invite->session;
	struct sip_dialog *dialog = invite_dialog(invite);
	struct invite_step step = { .status = status, .msg = response };

	s->refreshing = false;
	if (invite->state != SIP_INVITE_CONFIRMED)
		return;
	if (status < 300) {
		session_agreed(invite, response);
	} else if (response != NULL && session_too_small(invite, response)) {
		try_refresh(invite);
	} else if ((status == 405 || status == 501) && sip_dialog_allows(dialog, SIP_UPDATE)) {
		dialog->allows &= ~(1u << SIP_UPDATE);
		try_refresh(invite);
	} else if (status == 408 || status == 481) {
		invite_step(invite, INVITE_EVENT_LOST, &step);
	} else if (sip_status_scope(status) == SIP_SCOPE_DIALOG) {
		sip_dialog_lost(dialog, status, response);
	} else {
		/* It may go better later; the end of the time stands. */
		timer_set(wheel_of(invite), &s->timer,
			  left(invite) / 2 > BUSY_MS ? left(invite) / 2 : left(invite), fired);
	}
}

static void refresh_response(void *arg, struct sip_transaction *client, struct sip_msg *response)
{
	struct sip_invite *invite = arg;
	struct session *s = &invite->session;

	(void)client;
	if (response->status < 200 ||
	    (s->client != NULL && invite->state == SIP_INVITE_CONFIRMED &&
	     challenge_answer(invite->origin, &invite_dialog(invite)->local_cseq, &s->client,
			      response, &refresh_user, invite)))
		return;
	invite_hold(invite);
	if (response->status < 300)
		sip_dialog_refresh(invite_dialog(invite), response, NULL);
	session_refreshed(invite, response->status, response);
	invite_release(invite);
}

static void refresh_failed(void *arg, struct sip_transaction *client, enum sip_failure why)
{
	struct sip_invite *invite = arg;

	(void)client;
	invite_hold(invite);
	session_refreshed(invite, why == SIP_FAILURE_TIMEOUT ? 408 : 503, NULL);
	invite_release(invite);
}

static void refresh_terminated(void *arg, struct sip_transaction *client)
{
	struct sip_invite *invite = arg;

	if (invite->session.client == client)
		invite->session.client = NULL;
}

static const struct sip_transaction_user refresh_user = {
	.response = refresh_response,
	.failed = refresh_failed,
	.terminated = refresh_terminated,
};

/* --- after a restart --- */

uint32_t session_refreshed_at(const struct sip_invite *invite)
{
	uint64_t (*const wall_ms)(void) = invite->ua->config.wall_ms;
	const uint64_t ago_ms = timer_wheel_now(wheel_of(invite)) - invite->session.since;

	return wall_ms != NULL ? (uint32_t)((wall_ms() - ago_ms) / 1000) : 0;
}

/* Ours is due when it would have been; or, if that is past or nobody knows when it was refreshed
 * last, soon, spread so that not all are at once. */
static uint64_t due_ms(const struct sip_invite *invite, uint32_t interval, uint32_t refreshed_at)
{
	uint64_t (*const wall_ms)(void) = invite->ua->config.wall_ms;
	const uint64_t since = (uint64_t)refreshed_at * 1000;
	const uint64_t now = wall_ms != NULL ? wall_ms() : UINT64_MAX;
	const uint64_t due = session_timer_refresh_ms(interval);
	const uint64_t spent = now > since ? now - since : 0;

	return spent < due ? due - spent : random_u64() % (due / 2 + 1);
}

/* The other side may have refreshed since that was recorded, so it gets all of its time. */
void session_resume(struct sip_invite *invite, uint32_t interval, bool ours, uint32_t refreshed_at)
{
	struct session *s = &invite->session;
	uint64_t delay;

	s->interval = interval;
	s->ours = ours;
	s->since = timer_wheel_now(wheel_of(invite));
	if (interval == 0)
		return;
	delay = ours ? due_ms(invite, interval, refreshed_at) : session_timer_give_up_ms(interval);
	timer_set(wheel_of(invite), &s->timer, delay, fired);
}
