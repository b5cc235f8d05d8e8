/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

char *text_dup(struct slice s)
{
	char *copy = malloc(s.n + 1);

	if (copy == NULL)
		return NULL;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

char *name_addr_dup(const struct sip_addr *addr)
{
	const struct slice display = addr->display;
	char *text = NULL;

	if (asprintf(&text, "%s%.*s%s<%.*s>", display.n > 0 ? "\"" : "", SLICE_FMT(display),
		     display.n > 0 ? "\" " : "", SLICE_FMT(addr->uri.text)) < 0)
		return NULL;
	/* A folded display name would end the header when it is sent again. */
	for (char *p = text; *p != '\0'; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	return text;
}

static uint64_t dialog_hash(struct slice call_id, struct slice local, struct slice remote)
{
	uint64_t hash = hash_index_mix(slice_hash(call_id), slice_hash_nocase(local));

	return hash_index_mix(hash, slice_hash_nocase(remote));
}

struct sip_dialog *dialog_create(struct sip_invite *invite, struct slice remote_tag)
{
	struct sip_dialog *dialog = calloc(1, sizeof(*dialog));

	if (dialog == NULL)
		return NULL;
	dialog->invite = invite;
	dialog->remote_tag = text_dup(remote_tag);
	if (dialog->remote_tag == NULL) {
		free(dialog);
		return NULL;
	}
	dialog->next = invite->dialogs;
	invite->dialogs = dialog;
	hash_index_insert(
		&invite->ua->dialogs, &dialog->node,
		dialog_hash(slice_of(invite->call_id), slice_of(invite->local_tag), remote_tag));
	return dialog;
}

void dialog_destroy(struct sip_dialog *dialog)
{
	struct sip_invite *invite = dialog->invite;
	struct sip_dialog **link = &invite->dialogs;

	while (*link != dialog)
		link = &(*link)->next;
	*link = dialog->next;
	if (invite->dialog == dialog)
		invite->dialog = NULL;
	hash_index_remove(&invite->ua->dialogs, &dialog->node);
	remote_free(&dialog->remote);
	free(dialog->remote_tag);
	free(dialog);
}

struct sip_dialog *dialog_of_tag(const struct sip_invite *invite, struct slice remote_tag)
{
	struct sip_dialog *dialog = invite->dialogs;

	while (dialog != NULL && !slice_equal_nocase(slice_of(dialog->remote_tag), remote_tag))
		dialog = dialog->next;
	return dialog;
}

static struct sip_dialog *find(const struct sip_ua *ua, struct slice call_id,
			       const struct sip_addr *local, const struct sip_addr *remote)
{
	const struct slice local_tag = sip_addr_tag(local), remote_tag = sip_addr_tag(remote);
	struct hash_node *node =
		hash_index_first(&ua->dialogs, dialog_hash(call_id, local_tag, remote_tag));

	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_dialog *dialog =
			(struct sip_dialog *)((char *)node - offsetof(struct sip_dialog, node));

		if (slice_equal(slice_of(dialog->invite->call_id), call_id) &&
		    slice_equal_nocase(slice_of(dialog->invite->local_tag), local_tag) &&
		    slice_equal_nocase(slice_of(dialog->remote_tag), remote_tag))
			return dialog;
	}
	return NULL;
}

struct sip_dialog *dialog_of_request(const struct sip_ua *ua, const struct sip_msg *request)
{
	struct sip_addr from, to;

	if (sip_msg_from(request, &from) != 0 || sip_msg_to(request, &to) != 0)
		return NULL;
	return find(ua, sip_msg_value(request, SIP_H_CALL_ID), &to, &from);
}

struct sip_dialog *dialog_of_response(const struct sip_ua *ua, const struct sip_msg *response)
{
	struct sip_addr from, to;

	if (sip_msg_from(response, &from) != 0 || sip_msg_to(response, &to) != 0)
		return NULL;
	return find(ua, sip_msg_value(response, SIP_H_CALL_ID), &from, &to);
}

/* Equal numbers are let pass but for INVITE: some user agents do not count, and what is truly a
 * retransmission was absorbed by its transaction. */
bool dialog_take_cseq(struct sip_dialog *dialog, const struct sip_msg *request)
{
	struct sip_cseq cseq;

	if (sip_msg_cseq(request, &cseq) != 0)
		return false;
	if (dialog->remote_cseq_known &&
	    (cseq.number < dialog->remote_cseq ||
	     (cseq.number == dialog->remote_cseq && request->method == SIP_INVITE)))
		return false;
	dialog->remote_cseq = cseq.number;
	dialog->remote_cseq_known = true;
	return true;
}

void dialog_begin(const struct sip_dialog *dialog, struct sip_build *b, const char *method,
		  uint32_t cseq)
{
	const struct sip_invite *invite = dialog->invite;
	const bool tagged = dialog->remote_tag[0] != '\0';

	sip_build_init(b, invite->ua->scratch, invite->ua->scratch_size);
	remote_begin(&dialog->remote, b, method);
	sip_build_header(b, SIP_H_FROM, "%s;tag=%s", invite->local, invite->local_tag);
	sip_build_header(b, SIP_H_TO, "%s%s%s", invite->remote, tagged ? ";tag=" : "",
			 dialog->remote_tag);
	sip_build_header(b, SIP_H_CALL_ID, "%s", invite->call_id);
	sip_build_header(b, SIP_H_CSEQ, "%u %s", cseq, method);
	sip_build_header(b, SIP_H_USER_AGENT, "%s", invite->ua->product);
}

int dialog_request(struct sip_dialog *dialog, const char *method, struct slice headers,
		   struct slice sdp, const struct sip_transaction_user *user, void *arg,
		   struct sip_transaction **client)
{
	struct sip_invite *invite = dialog->invite;
	struct sip_path path;
	struct slice message;
	struct sip_build b;
	int rc;

	dialog_begin(dialog, &b, method, ++invite->local_cseq);
	if (strcmp(method, "INVITE") == 0) {
		sip_build_header(&b, SIP_H_CONTACT, "%s", invite->contact);
		sip_build_header(&b, SIP_H_ALLOW, ALLOW);
	}
	sip_build_lines(&b, headers);
	rc = sip_build_finish(&b, sdp.n > 0 ? SDP_TYPE : SLICE_NONE, sdp, &message);
	if (rc != 0)
		return rc;
	remote_next_hop(&dialog->remote, &path);
	return sip_transaction_start(invite->ua->transactions, &path, message, user, arg, client);
}

static int refusal(struct sip_ua *ua, const struct sip_msg *response, const struct remote *remote,
		   const char *method, uint32_t cseq, struct slice *message)
{
	struct sip_build b;

	sip_build_init(&b, ua->scratch, ua->scratch_size);
	remote_begin(remote, &b, method);
	sip_build_copy(&b, response, SIP_H_FROM);
	sip_build_copy(&b, response, SIP_H_TO);
	sip_build_copy(&b, response, SIP_H_CALL_ID);
	sip_build_header(&b, SIP_H_CSEQ, "%u %s", cseq, method);
	return sip_build_finish(&b, SLICE_NONE, SLICE_NONE, message);
}

/* RFC 3261 §13.2.2.4: each 2xx makes a dialog; one that is not wanted is acknowledged and ended. */
void refuse_success(struct sip_ua *ua, const struct sip_msg *response, const struct sip_path *path)
{
	struct remote remote;
	struct sip_path hop;
	struct sip_addr to;
	struct sip_cseq cseq;
	struct slice message;

	if (sip_msg_to(response, &to) != 0 || sip_msg_cseq(response, &cseq) != 0 ||
	    remote_init(&remote, response, true, to.uri.text, path) != 0)
		return;
	remote_next_hop(&remote, &hop);
	if (refusal(ua, response, &remote, "ACK", cseq.number, &message) == 0)
		sip_transactions_send(ua->transactions, &hop, message);
	if (refusal(ua, response, &remote, "BYE", cseq.number + 1, &message) == 0)
		sip_transaction_start(ua->transactions, &hop, message, NULL, NULL, NULL);
	remote_free(&remote);
}
