/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * REFER (RFC 3515): who may transfer a call, and what the request asks for. In a call it is of the
 * leg on which it comes; outside, of the one that its Target-Dialog (RFC 4538) names.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/engine/transfer.h"
#include "sip/base/log.h"
#include "sip/event/event.h"
#include "sip/message/headers.h"

/* The call of a dialog, and its leg there. NULL: it is no side of a call. */
static struct call *call_of(const struct sip_dialog *dialog, struct session **leg)
{
	struct sip_invite *invite = dialog ? sip_dialog_invite(dialog) : NULL;
	struct session *s = invite ? session_of_invite(invite) : NULL;
	struct call *call = s ? s->arg : NULL;

	*leg = s;
	return call && call_is_side(call, s) ? call : NULL;
}

/* What a response refuses must not end the dialog (RFC 5057 §5.1): 403 and 481 differ in that. */
bool refer_admit(struct engine *e, struct sip_dialog *dialog, struct sip_transaction *server,
		 struct sip_msg *request, const struct sip_path *from, struct caller *caller)
{
	char lines[ADMISSION_LINES];
	struct session *leg;
	struct call *call = call_of(dialog, &leg);
	unsigned status;

	if (call) {
		call_leg(call, leg, caller);
		status = admission_of_leg(e, request, from, caller, lines);
	} else {
		status = admission_of(e, request, from, caller, lines);
	}
	if (!status)
		return true;
	if (dialog)
		sip_dialog_respond(dialog, server, status, NULL, slice_of(lines), SLICE_NONE,
				   SLICE_NONE);
	else
		sip_transaction_reply(server, status, NULL, SLICE_NONE, lines);
	return false;
}

static bool is_allowed(const struct engine *e, const struct caller *who)
{
	const char *policy = e->shard->config->calls.transfer;

	if (policy && strcmp(policy, "off") == 0)
		return false;
	return who->trunk < 0 || (policy && strcmp(policy, "all") == 0);
}

/* RFC 3515 §2.1: another method may be asked for. */
static bool is_invite(const struct sip_uri *uri)
{
	struct slice method;

	return !sip_param_get(uri->params, "method", &method) ||
	       slice_equal_nocase(method, SLICE("INVITE"));
}

unsigned transfer_find_replaced(struct engine *e, const struct sip_dialog_id *id,
				const struct caller *who, struct transfer_start *start)
{
	struct session *leaving;
	struct call *to = call_of(
		sip_ua_find(e->shard->ua, id->call_id, id->local_tag, id->remote_tag), &leaving);

	if (!to || id->early_only)
		return 481;
	if (!call_may_replace(to, who))
		return 403;
	start->to = to;
	start->leaving = leaving;
	return 0;
}

/* It was asked for rightly, and cannot be: this is told as the outcome. */
static unsigned fail_at_once(const struct sip_refer *refer, unsigned status)
{
	struct sip_subscription *sub;
	int error = sip_refer_accept(refer, NULL, NULL, &sub);

	if (!error && sub)
		sip_refer_progress(sub, status, NULL);
	return !error ? 0 : error == -ENOMEM ? 500 : 503;
}

static unsigned transfer(struct call *call, struct session *transferor,
			 const struct sip_refer *refer, const struct caller *who)
{
	struct slice target = refer->to.uri.text;
	struct transfer_start start = {
		.party = call_other_side(call, transferor),
		.transferor = transferor,
		.target = slice_split(&target, '?'),
	};
	struct transfer *t;
	unsigned status = 0;

	if (refer->replaces)
		start.errand = errand_create(call->engine, &refer->replaced);
	if (refer->replaces && !start.errand)
		status = transfer_find_replaced(call->engine, &refer->replaced, who, &start);
	if (!status)
		status = transfer_check(call, &start);
	if (!status && refer->replaces) {
		start.realm = start.party->seat->realm;
		start.family = media_termination_local(start.party->seat->termination)->family;
	}
	if (!status && transfer_create(call, &start, &t))
		status = 500;
	if (status)
		errand_drop(start.errand);
	if (status == 491 || status == 500)
		return status;
	if (status)
		return fail_at_once(refer, status);
	if (transfer_accept(t, refer))
		return 503;
	transfer_begin(t, &start);
	return 0;
}

unsigned engine_refer(void *arg, struct sip_dialog *dialog, const struct sip_refer *refer,
		      struct sip_msg *request, const struct sip_path *from)
{
	struct engine *e = arg;
	const struct caller *who = e->asking;
	struct session *leg;
	struct call *call =
		call_of(dialog ? dialog : sip_ua_target_dialog(e->shard->ua, request), &leg);
	struct caller of_leg;

	(void)from;
	if (!call)
		return 403;
	call_leg(call, leg, &of_leg);
	if (!is_allowed(e, who) || of_leg.trunk != who->trunk ||
	    (who->trunk < 0 && strcmp(of_leg.aor, who->aor) != 0)) {
		LOG_WARN("call", call->id, "%s may not transfer it", who->aor);
		return 403;
	}
	if (!is_invite(&refer->to.uri))
		return 603;
	return transfer(call, leg, refer, &of_leg);
}

int engine_transfer(struct engine *e, uint64_t call_id, bool callee, const char *target)
{
	struct call *call = call_find(e, call_id);
	const char *domain = e->shard->config->sip.domains[0];
	char uri[2 * ROUTE_AOR_MAX];
	struct transfer_start start;
	struct transfer *t;
	int error;

	if (!call)
		return -ENOENT;
	if (snprintf(uri, sizeof(uri), strchr(target, ':') ? "%s" : "sip:%s@%s", target, domain) >=
	    (int)sizeof(uri))
		return -EINVAL;
	start = (struct transfer_start){ .party = callee ? call->callee : call->caller,
					 .target = slice_of(uri) };
	if (transfer_check(call, &start))
		return -EBUSY;
	error = transfer_create(call, &start, &t);
	if (!error)
		transfer_begin(t, &start);
	return error;
}
