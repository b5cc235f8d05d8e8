/* SPDX-License-Identifier: BSD-3-Clause */
/* Dialogs that other requests name: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (4538). */
#include "sip/dialog/internal.h"
#include "sip/message/headers.h"

enum named { REPLACES, JOIN };

/* RFC 3891 §3, RFC 3911 §4: what an INVITE gets whose dialog is in this state; 0: it may.
 * [0]: we were called, [1]: we call. An early dialog is replaced only by who could cancel it. */
static const uint16_t verdicts[2][SIP_INVITE_STATES][2] = {
	[REPLACES] = {
		[SIP_INVITE_CALLING] = { 481, 481 },
		[SIP_INVITE_INCOMING] = { 481, 481 },
		[SIP_INVITE_EARLY] = { 481, 0 },
		[SIP_INVITE_ACCEPTED] = { 0, 0 },
		[SIP_INVITE_CONFIRMED] = { 0, 0 },
		[SIP_INVITE_TERMINATING] = { 603, 603 },
		[SIP_INVITE_TERMINATED] = { 603, 603 },
	},
	[JOIN] = {
		[SIP_INVITE_CALLING] = { 481, 481 },
		[SIP_INVITE_INCOMING] = { 481, 481 },
		[SIP_INVITE_EARLY] = { 481, 481 },
		[SIP_INVITE_ACCEPTED] = { 0, 0 },
		[SIP_INVITE_CONFIRMED] = { 0, 0 },
		[SIP_INVITE_TERMINATING] = { 603, 603 },
		[SIP_INVITE_TERMINATED] = { 603, 603 },
	},
};

static struct sip_invite *find(const struct sip_ua *ua, const struct sip_dialog_id *id)
{
	struct sip_dialog *dialog = sip_ua_find(ua, id->call_id, id->local_tag, id->remote_tag);

	return dialog != NULL ? sip_dialog_invite(dialog) : NULL;
}

static unsigned judge(const struct sip_ua *ua, enum named named, struct slice value,
		      struct sip_invite **target)
{
	struct sip_dialog_id id;
	struct sip_invite *invite;
	unsigned status;

	if (sip_replaces_parse(value, &id) != 0)
		return 400;
	invite = find(ua, &id);
	if (invite == NULL)
		return 481;
	status = verdicts[named][invite->state][invite->uac];
	if (status == 0 && id.early_only && invite->state >= SIP_INVITE_ACCEPTED)
		status = 486;
	if (status == 0)
		*target = invite;
	return status;
}

unsigned replaces_judge(const struct sip_ua *ua, const struct sip_msg *request,
			struct sip_invite **replaced, struct sip_invite **joined)
{
	const struct sip_header *replaces = sip_msg_header(request, SIP_H_REPLACES);
	const struct sip_header *join = sip_msg_header(request, SIP_H_JOIN);

	*replaced = NULL;
	*joined = NULL;
	/* What is not understood and not required is left alone. */
	if ((ua->options >> SIP_OPTION_REPLACES & 1u) == 0)
		replaces = NULL;
	if ((ua->options >> SIP_OPTION_JOIN & 1u) == 0)
		join = NULL;
	if ((replaces != NULL && (join != NULL || sip_msg_next(request, replaces) != NULL)) ||
	    (join != NULL && sip_msg_next(request, join) != NULL))
		return 400;
	if (replaces != NULL)
		return judge(ua, REPLACES, replaces->value, replaced);
	return join != NULL ? judge(ua, JOIN, join->value, joined) : 0;
}

static struct sip_invite *alive(struct sip_invite *invite)
{
	return invite != NULL && invite->state != SIP_INVITE_TERMINATED ? invite : NULL;
}

struct sip_invite *sip_invite_replaces(const struct sip_invite *invite)
{
	return alive(invite->replaced);
}

struct sip_invite *sip_invite_joins(const struct sip_invite *invite)
{
	return alive(invite->joined);
}

struct sip_dialog *sip_ua_target_dialog(const struct sip_ua *ua, const struct sip_msg *request)
{
	struct sip_dialog_id id;

	if (sip_target_dialog_parse(sip_msg_value(request, SIP_H_TARGET_DIALOG), &id) != 0)
		return NULL;
	return sip_ua_find(ua, id.call_id, id.local_tag, id.remote_tag);
}
