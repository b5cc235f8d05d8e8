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

uint32_t cseq_of(const struct sip_msg *msg)
{
	struct sip_cseq cseq = { 0 };

	sip_msg_cseq(msg, &cseq);
	return cseq.number;
}

/* --- life --- */

static uint64_t dialog_hash(struct slice call_id, struct slice local, struct slice remote)
{
	uint64_t hash = hash_index_mix(slice_hash(call_id), slice_hash_nocase(local));

	return hash_index_mix(hash, slice_hash_nocase(remote));
}

struct sip_dialog *dialog_create(struct sip_origin *origin, struct slice remote_tag)
{
	struct sip_dialog *dialog = calloc(1, sizeof(*dialog) + remote_tag.n + 1);

	if (dialog == NULL)
		return NULL;
	if (remote_tag.n > 0)
		memcpy(dialog->remote_tag, remote_tag.p, remote_tag.n);
	sip_origin_ref(origin);
	dialog->origin = origin;
	dialog->local_cseq = origin->cseq;
	hash_index_insert(
		&origin->ua->dialogs, &dialog->node,
		dialog_hash(slice_of(origin->call_id), slice_of(origin->local_tag), remote_tag));
	return dialog;
}

void dialog_hold(struct sip_dialog *dialog)
{
	dialog->refs++;
}

static void destroy(struct sip_dialog *dialog)
{
	hash_index_remove(&dialog->origin->ua->dialogs, &dialog->node);
	remote_free(&dialog->remote);
	sip_origin_unref(dialog->origin);
	free(dialog);
}

void dialog_release(struct sip_dialog *dialog)
{
	if (--dialog->refs == 0)
		destroy(dialog);
}

void sip_dialog_drop(struct sip_dialog *dialog)
{
	if (dialog->refs == 0)
		destroy(dialog);
}

void sip_usage_add(struct sip_dialog *dialog, struct sip_usage *usage,
		   const struct sip_usage_type *type)
{
	usage->type = type;
	usage->dialog = dialog;
	usage->next = dialog->usages;
	usage->prev = &dialog->usages;
	if (usage->next != NULL)
		usage->next->prev = &usage->next;
	dialog->usages = usage;
	dialog->refs++;
}

void dialog_unlink(struct sip_usage *usage)
{
	if (usage->prev == NULL)
		return;
	*usage->prev = usage->next;
	if (usage->next != NULL)
		usage->next->prev = usage->prev;
	usage->next = NULL;
	usage->prev = NULL;
	if (usage->dialog->usages == NULL)
		hash_index_remove(&usage->dialog->origin->ua->dialogs, &usage->dialog->node);
}

void sip_usage_remove(struct sip_usage *usage)
{
	struct sip_dialog *dialog = usage->dialog;

	if (dialog == NULL)
		return;
	dialog_unlink(usage);
	usage->dialog = NULL;
	dialog_release(dialog);
}

struct sip_usage *sip_dialog_usage(const struct sip_dialog *dialog,
				   const struct sip_usage_type *type)
{
	struct sip_usage *usage = dialog->usages;

	while (usage != NULL && usage->type != type)
		usage = usage->next;
	return usage;
}

void sip_dialog_lost(struct sip_dialog *dialog, unsigned status, struct sip_msg *msg)
{
	dialog_hold(dialog);
	while (dialog->usages != NULL) {
		struct sip_usage *usage = dialog->usages;

		usage->type->dialog_ended(usage, status, msg);
		if (dialog->usages == usage)
			sip_usage_remove(usage);
	}
	dialog_release(dialog);
}

/* --- which one --- */

struct sip_dialog *sip_ua_find(const struct sip_ua *ua, struct slice call_id,
			       struct slice local_tag, struct slice remote_tag)
{
	struct hash_node *node =
		hash_index_first(&ua->dialogs, dialog_hash(call_id, local_tag, remote_tag));

	for (; node != NULL; node = hash_index_next(node)) {
		struct sip_dialog *dialog =
			(struct sip_dialog *)((char *)node - offsetof(struct sip_dialog, node));

		if (slice_equal(slice_of(dialog->origin->call_id), call_id) &&
		    slice_equal_nocase(slice_of(dialog->origin->local_tag), local_tag) &&
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
	return sip_ua_find(ua, sip_msg_value(request, SIP_H_CALL_ID), sip_addr_tag(&to),
			   sip_addr_tag(&from));
}

struct sip_dialog *dialog_of_response(const struct sip_ua *ua, const struct sip_msg *response)
{
	struct sip_addr from, to;

	if (sip_msg_from(response, &from) != 0 || sip_msg_to(response, &to) != 0)
		return NULL;
	return sip_ua_find(ua, sip_msg_value(response, SIP_H_CALL_ID), sip_addr_tag(&from),
			   sip_addr_tag(&to));
}

struct sip_dialog *dialog_of_tag(const struct sip_origin *origin, struct slice remote_tag)
{
	return sip_ua_find(origin->ua, slice_of(origin->call_id), slice_of(origin->local_tag),
			   remote_tag);
}

/* --- how they begin (RFC 3261 §12.1) --- */

static struct slice request_user(const struct sip_msg *request)
{
	struct sip_uri uri;

	if (sip_uri_parse(request->request_uri, &uri) != 0 || uri.scheme == SIP_SCHEME_TEL)
		return SLICE_NONE;
	return uri.user;
}

/* RFC 3261 §12.1.1: it was asked for by sips, or what we send goes to a sips URI first. */
static bool wants_sips(const struct sip_msg *request)
{
	struct sip_addr next;
	struct slice rest = sip_msg_value(request, SIP_H_RECORD_ROUTE);

	if (slice_starts_nocase(request->request_uri, SLICE("sips:")))
		return true;
	if (rest.p != NULL)
		return sip_addr_next(&rest, &next) == 0 && next.uri.scheme == SIP_SCHEME_SIPS;
	return sip_msg_contact(request, &next) == 0 && next.uri.scheme == SIP_SCHEME_SIPS;
}

static int origin_of_uas(struct sip_ua *ua, const struct sip_msg *request,
			 const struct sip_path *from, const struct sip_addr *remote,
			 struct sip_origin **origin)
{
	char tag[TAG_TEXT], contact[CONTACT_MAX];
	struct sip_addr local;
	struct origin_parts parts = { .local = &local, .remote = remote };
	struct slice user = request_user(request);

	if (sip_msg_to(request, &local) != 0 ||
	    origin_contact(ua, user, wants_sips(request), from, contact, sizeof(contact)) != 0)
		return -EINVAL;
	ua_mint(ua, tag, sizeof(tag));
	parts.call_id = sip_msg_value(request, SIP_H_CALL_ID);
	parts.local_tag = slice_of(tag);
	parts.contact = slice_of(contact);
	return origin_create(ua, &parts, from, origin);
}

int sip_dialog_create_uas(struct sip_ua *ua, const struct sip_msg *request,
			  const struct sip_path *from, struct sip_dialog **dialog)
{
	struct sip_origin *origin;
	struct sip_addr remote;
	struct sip_dialog *d;
	int rc;

	if (sip_msg_from(request, &remote) != 0)
		return -EINVAL;
	rc = origin_of_uas(ua, request, from, &remote, &origin);
	if (rc != 0)
		return rc;
	d = dialog_create(origin, sip_addr_tag(&remote));
	sip_origin_unref(origin);
	if (d == NULL)
		return -ENOMEM;
	rc = remote_init(&d->remote, request, false, remote.uri.text, from);
	if (rc != 0) {
		sip_dialog_drop(d);
		return rc;
	}
	if (remote_is_natted(request, from))
		d->remote.natted = true;
	dialog_take_cseq(d, request);
	dialog_learn(d, request);
	*dialog = d;
	return 0;
}

int sip_dialog_create_uac(struct sip_origin *origin, const struct sip_msg *msg,
			  const struct sip_path *path, struct sip_dialog **dialog)
{
	struct sip_addr other;
	struct sip_dialog *d;
	int rc;

	if ((msg->is_request ? sip_msg_from(msg, &other) : sip_msg_to(msg, &other)) != 0)
		return -EINVAL;
	d = dialog_of_tag(origin, sip_addr_tag(&other));
	if (d == NULL) {
		d = dialog_create(origin, sip_addr_tag(&other));
		if (d == NULL)
			return -ENOMEM;
		rc = remote_init(&d->remote, msg, !msg->is_request, slice_of(origin->request_uri),
				 path);
		if (rc != 0) {
			sip_dialog_drop(d);
			return rc;
		}
		if (msg->is_request)
			dialog_take_cseq(d, msg);
	}
	dialog_learn(d, msg);
	*dialog = d;
	return 0;
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

void dialog_learn(struct sip_dialog *dialog, const struct sip_msg *msg)
{
	const uint32_t allows = capability_allows(msg);

	if (allows != 0)
		dialog->allows = allows;
	if (sip_msg_header(msg, SIP_H_SUPPORTED) != NULL ||
	    sip_msg_header(msg, SIP_H_REQUIRE) != NULL)
		dialog->supports = capability_supports(msg);
}

void sip_dialog_refresh(struct sip_dialog *dialog, const struct sip_msg *msg,
			const struct sip_path *from)
{
	remote_refresh(&dialog->remote, msg, msg->is_request ? from : NULL);
	dialog_learn(dialog, msg);
}

/* --- requests and responses in it --- */

void dialog_begin(const struct sip_dialog *dialog, struct sip_build *b, const char *method,
		  uint32_t cseq, uint32_t max_forwards)
{
	const struct sip_origin *origin = dialog->origin;
	const bool tagged = dialog->remote_tag[0] != '\0';

	sip_build_init(b, origin->ua->scratch, origin->ua->scratch_size);
	remote_begin(&dialog->remote, b, method, max_forwards);
	sip_build_header(b, SIP_H_FROM, "%s;tag=%s", origin->local, origin->local_tag);
	sip_build_header(b, SIP_H_TO, "%s%s%s", origin->remote, tagged ? ";tag=" : "",
			 dialog->remote_tag);
	sip_build_header(b, SIP_H_CALL_ID, "%s", origin->call_id);
	sip_build_header(b, SIP_H_CSEQ, "%u %s", cseq, method);
	sip_build_header(b, SIP_H_USER_AGENT, "%s", origin->ua->product);
}

/* RFC 3261 §12.2.1.1, RFC 3311 §5.1, RFC 6665 §8.2.1 */
static const uint32_t refreshes = 1u << SIP_INVITE | 1u << SIP_UPDATE | 1u << SIP_SUBSCRIBE |
				  1u << SIP_NOTIFY | 1u << SIP_REFER;

int sip_dialog_send(struct sip_dialog *dialog, const struct sip_request *request,
		    const struct sip_transaction_user *user, void *arg,
		    struct sip_transaction **client)
{
	struct sip_ua *ua = dialog->origin->ua;
	struct sip_destination to;
	struct slice message;
	struct sip_build b;
	int rc;

	dialog_begin(dialog, &b, sip_method_text(request->method), ++dialog->local_cseq,
		     request->max_forwards);
	if (request->contact || refreshes >> request->method & 1u)
		sip_build_header(&b, SIP_H_CONTACT, "%s", dialog->origin->contact);
	capability_put(ua, &b, request->method, 0);
	sip_build_lines(&b, request->headers);
	remote_destination(&dialog->remote, &to);
	if (to.uri.n == 0) /* where a name leads is found out later */
		challenge_foresee(dialog->origin, &to.path.remote, request->body, &b);
	rc = sip_build_finish(&b, request->type, request->body, &message);
	if (rc != 0)
		return rc;
	if (to.uri.n > 0)
		return sip_transaction_start_to(ua->transactions, &to, message, user, arg, client);
	return sip_transaction_start(ua->transactions, &to.path, message, user, arg, client);
}

bool sip_dialog_challenged(struct sip_dialog *dialog, struct sip_transaction **client,
			   const struct sip_msg *response, const struct sip_transaction_user *user,
			   void *arg)
{
	return challenge_answer(dialog->origin, &dialog->local_cseq, client, response, user, arg);
}

int dialog_build_response(const struct sip_dialog *dialog, const struct sip_transaction *server,
			  unsigned status, const char *reason, struct slice own,
			  struct slice headers, struct slice type, struct slice body,
			  struct slice *message)
{
	const struct sip_msg *request = sip_transaction_request(server);
	const struct sip_path *from = sip_transaction_path(server);
	const bool sets_up = status > 100 && status < 300;
	const struct sip_origin *origin = dialog->origin;
	char ip[SIP_ADDRESS_TEXT];
	struct sip_build b;

	sip_build_init(&b, origin->ua->scratch, origin->ua->scratch_size);
	sip_build_response(&b, request, status, reason != NULL ? reason : sip_reason_text(status),
			   status > 100 ? slice_of(origin->local_tag) : SLICE_NONE, sets_up,
			   sip_address_ip(&from->remote, ip), from->remote.port);
	if (sets_up && refreshes >> request->method & 1u)
		sip_build_header(&b, SIP_H_CONTACT, "%s", origin->contact);
	capability_put(origin->ua, &b, request->method, status);
	sip_build_header(&b, SIP_H_SERVER, "%s", origin->ua->product);
	sip_build_lines(&b, own);
	sip_build_lines(&b, headers);
	return sip_build_finish(&b, type, body, message);
}

int sip_dialog_respond(struct sip_dialog *dialog, struct sip_transaction *server, unsigned status,
		       const char *reason, struct slice headers, struct slice type,
		       struct slice body)
{
	struct slice message;
	int rc = dialog_build_response(dialog, server, status, reason, SLICE_NONE, headers, type,
				       body, &message);

	return rc != 0 ? rc : sip_transaction_respond(server, message);
}

/* RFC 5057 §5.1; 408 and 481 are of the usage that asked. */
enum sip_scope sip_status_scope(unsigned status)
{
	static const uint16_t of_dialog[] = { 404, 410, 416, 482, 483, 484, 485, 502, 604 };
	static const uint16_t of_usage[] = { 405, 408, 480, 481, 489, 501 };

	for (unsigned i = 0; i < sizeof(of_dialog) / sizeof(of_dialog[0]); i++)
		if (of_dialog[i] == status)
			return SIP_SCOPE_DIALOG;
	for (unsigned i = 0; i < sizeof(of_usage) / sizeof(of_usage[0]); i++)
		if (of_usage[i] == status)
			return SIP_SCOPE_USAGE;
	return SIP_SCOPE_REQUEST;
}

/* --- a 2xx that nobody wants --- */

static int refusal(struct sip_ua *ua, const struct sip_msg *response, const struct remote *remote,
		   const char *method, uint32_t cseq, struct slice *message)
{
	struct sip_build b;

	sip_build_init(&b, ua->scratch, ua->scratch_size);
	remote_begin(remote, &b, method, 0);
	sip_build_copy(&b, response, SIP_H_FROM);
	sip_build_copy(&b, response, SIP_H_TO);
	sip_build_copy(&b, response, SIP_H_CALL_ID);
	sip_build_header(&b, SIP_H_CSEQ, "%u %s", cseq, method);
	return sip_build_finish(&b, SLICE_NONE, SLICE_NONE, message);
}

/* RFC 3261 §13.2.2.4: each 2xx makes a dialog; one that is not wanted is acknowledged and ended,
 * whatever its Record-Route is like: who has picked up must be told. */
void refuse_success(struct sip_ua *ua, const struct sip_msg *response, const struct sip_path *path)
{
	struct remote remote;
	struct sip_path hop;
	struct sip_addr to;
	struct sip_cseq cseq;
	struct slice message;

	if (sip_msg_to(response, &to) != 0 || sip_msg_cseq(response, &cseq) != 0 ||
	    remote_init_somehow(&remote, response, to.uri.text, path) != 0)
		return;
	remote_next_hop(&remote, &hop);
	if (refusal(ua, response, &remote, "ACK", cseq.number, &message) == 0)
		sip_transactions_send(ua->transactions, &hop, message);
	if (refusal(ua, response, &remote, "BYE", cseq.number + 1, &message) == 0)
		sip_transaction_start(ua->transactions, &hop, message, NULL, NULL, NULL);
	remote_free(&remote);
}

/* --- what others may ask --- */

struct sip_ua *sip_dialog_ua(const struct sip_dialog *dialog)
{
	return dialog->origin->ua;
}

struct slice sip_dialog_call_id(const struct sip_dialog *dialog)
{
	return slice_of(dialog->origin->call_id);
}

struct slice sip_dialog_local_tag(const struct sip_dialog *dialog)
{
	return slice_of(dialog->origin->local_tag);
}

struct slice sip_dialog_remote_tag(const struct sip_dialog *dialog)
{
	return slice_of(dialog->remote_tag);
}

struct slice sip_dialog_local_uri(const struct sip_dialog *dialog)
{
	return dialog->origin->local_uri;
}

struct slice sip_dialog_remote_uri(const struct sip_dialog *dialog)
{
	return dialog->origin->remote_uri;
}

struct slice sip_dialog_remote_target(const struct sip_dialog *dialog)
{
	return slice_of(dialog->remote.target);
}

const struct sip_path *sip_dialog_path(const struct sip_dialog *dialog)
{
	return &dialog->remote.path;
}

bool sip_dialog_allows(const struct sip_dialog *dialog, enum sip_method method)
{
	return (dialog->allows >> method & 1u) != 0;
}

bool sip_dialog_supports(const struct sip_dialog *dialog, enum sip_option option)
{
	return (dialog->supports >> option & 1u) != 0;
}
