/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/update.h"

#include <errno.h>

#include "controlplane/registrar/registrar.h"
#include "sip/dialog/dialog.h"

static int refuse(struct refusal *refusal, unsigned status, const char *reason)
{
	*refusal = (struct refusal){ status, reason };
	return -EINVAL;
}

/* --- reading the request -------------------------------------------------------------------------- */

/* delta-seconds; what is malformed counts as 3600 (RFC 3261 §20.19), what is too large as the
 * most there is. */
static uint32_t read_expires(struct slice text)
{
	uint32_t seconds;
	int error = slice_to_u32(text, UINT32_MAX, &seconds);

	return error == -ERANGE ? UINT32_MAX : error ? 3600 : seconds;
}

/* qvalue: "0" or "1" with up to three digits behind the point (RFC 3261 §25.1). */
static int read_q(struct slice text, float *q)
{
	static const float weight[] = { 0, .1f, .01f, .001f };

	if (text.n < 1 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1'))
		return -EBADMSG;
	*q = text.p[0] == '1';
	if (text.n > 1 && text.p[1] != '.')
		return -EBADMSG;
	for (size_t i = 2; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || (text.p[0] == '1' && text.p[i] != '0'))
			return -EBADMSG;
		*q += (float)(text.p[i] - '0') * weight[i - 1];
	}
	return 0;
}

/* RFC 3261 §10.3 step 7: the parameter, else the header, else our default. */
static uint32_t contact_expires(const struct sip_addr *contact, struct slice header,
				const struct config_sip *sip)
{
	uint32_t seconds = sip->registration_default_s;
	struct slice value;

	if (sip_param_get(contact->params, "expires", &value))
		seconds = read_expires(value);
	else if (header.p)
		seconds = read_expires(header);
	return seconds > sip->registration_max_s ? sip->registration_max_s : seconds;
}

static int read_contact(const struct sip_addr *contact, struct slice expires_header,
			const struct config_sip *sip, struct update_request *update,
			struct refusal *refusal)
{
	struct slice value;
	float q = 1;
	uint32_t expires_s = contact_expires(contact, expires_header, sip);

	if (contact->uri.scheme != SIP_SCHEME_SIP && contact->uri.scheme != SIP_SCHEME_SIPS)
		return refuse(refusal, 400, "Contact Is No SIP URI");
	if (contact->uri.text.n >= REGISTRAR_URI_MAX)
		return refuse(refusal, 400, "Contact Too Long");
	if (sip_param_get(contact->params, "q", &value) && read_q(value, &q))
		return refuse(refusal, 400, "Bad q of Contact");
	if (expires_s > 0 && expires_s < sip->registration_min_s)
		return refuse(refusal, 423, NULL);
	if (update->count == UPDATE_CONTACTS_MAX)
		return refuse(refusal, 403, "Too Many Contacts");
	update->contacts[update->count].uri = contact->uri;
	update->contacts[update->count].q = q;
	update->contacts[update->count].expires_s = expires_s;
	update->count++;
	return 0;
}

static int read_contacts(const struct sip_msg *request, const struct config_sip *sip,
			 struct update_request *update, struct refusal *refusal)
{
	struct slice expires = sip_msg_value(request, SIP_H_EXPIRES);

	for (const struct sip_header *h = sip_msg_header(request, SIP_H_CONTACT); h;
	     h = sip_msg_next(request, h)) {
		struct slice rest = h->value;
		struct sip_addr contact;
		int error;

		while ((error = sip_addr_next(&rest, &contact)) == 0) {
			/* "*" stands alone, with Expires: 0 (step 6) */
			if (update->star || (contact.star && update->count > 0))
				return refuse(refusal, 400, "Contact * Beside Others");
			if (contact.star)
				update->star = true;
			else if (read_contact(&contact, expires, sip, update, refusal))
				return -EINVAL;
		}
		if (error != -ENOENT)
			return refuse(refusal, 400, "Bad Contact");
	}
	if (update->star && (!expires.p || read_expires(expires) != 0))
		return refuse(refusal, 400, "Contact * Without Expires 0");
	return 0;
}

int update_read(const struct sip_msg *request, const struct sip_path *from,
		const struct config_sip *sip, struct update_request *update,
		struct refusal *refusal)
{
	struct sip_cseq cseq;

	update->star = false;
	update->count = 0;
	update->request = request;
	update->path = *from;
	update->call_id = sip_msg_value(request, SIP_H_CALL_ID);
	update->user_agent = sip_msg_value(request, SIP_H_USER_AGENT);
	if (update->user_agent.n > UPDATE_USER_AGENT_MAX)
		update->user_agent.n = UPDATE_USER_AGENT_MAX;
	if (update->call_id.n > UPDATE_CALL_ID_MAX)
		return refuse(refusal, 400, "Call-ID Too Long");
	if (sip_msg_cseq(request, &cseq))
		return refuse(refusal, 400, "Bad CSeq");
	update->cseq = cseq.number;
	return read_contacts(request, sip, update, refusal);
}

/* --- applying it ---------------------------------------------------------------------------------- */

/*
 * RFC 3261 §10.3: a binding that this Call-ID made yields to a higher CSeq only; another Call-ID
 * (a phone that was started again) always wins. For what is lower the update is aborted; the RFC
 * names 500 for an update that fails, and 500 for a CSeq out of order in a dialog (§12.2.2).
 */
static bool out_of_order(const struct update_request *update, const struct update_entry *entry)
{
	return entry->change == UPDATE_KEPT &&
	       slice_equal(update->call_id, entry->contact.call_id) &&
	       update->cseq <= entry->contact.cseq;
}

static void take_old(const struct binding *old, uint64_t now_ms, struct update_result *result)
{
	for (unsigned i = 0; old && i < old->count; i++) {
		struct update_entry *entry = &result->entries[result->count++];

		entry->contact = old->contacts[i];
		entry->old_uri = old->contacts[i].uri;
		entry->change = entry->contact.expires_ms <= now_ms ? UPDATE_EXPIRED : UPDATE_KEPT;
		/* It was parsed when it came. */
		sip_uri_parse(entry->old_uri, &entry->uri);
	}
}

static struct update_entry *find_entry(struct update_result *result, const struct sip_uri *uri)
{
	for (unsigned i = 0; i < result->count; i++)
		if (result->entries[i].change != UPDATE_EXPIRED &&
		    sip_uri_equal(&result->entries[i].uri, uri))
			return &result->entries[i];
	return NULL;
}

static int apply_contact(const struct update_request *update, unsigned i, uint64_t now_ms,
			 struct update_result *result, struct refusal *refusal)
{
	struct update_entry *entry = find_entry(result, &update->contacts[i].uri);

	if (entry && out_of_order(update, entry))
		return refuse(refusal, 500, "CSeq Out Of Order");
	if (update->contacts[i].expires_s == 0) {
		/* One that this request itself brought has never been. */
		if (entry)
			entry->change = entry->old_uri.p ? UPDATE_REMOVED : UPDATE_EXPIRED;
		return 0;
	}
	if (!entry) {
		entry = &result->entries[result->count++];
		*entry = (struct update_entry){ 0 };
	}
	entry->change = entry->old_uri.p ? UPDATE_REFRESHED : UPDATE_ADDED;
	entry->uri = update->contacts[i].uri;
	entry->contact = (struct contact){
		.uri = update->contacts[i].uri.text,
		.call_id = update->call_id,
		.user_agent = update->user_agent,
		.expires_ms = now_ms + update->contacts[i].expires_s * 1000ull,
		.cseq = update->cseq,
		.q = update->contacts[i].q,
	};
	sip_contact_path(update->request, &update->path, &entry->uri, &entry->contact.path);
	return 0;
}

int update_apply(const struct update_request *update, const struct binding *old, uint64_t now_ms,
		 unsigned contacts_max, struct update_result *result, struct refusal *refusal)
{
	unsigned live = 0, added = 0;

	result->count = 0;
	take_old(old, now_ms, result);
	for (unsigned i = 0; update->star && i < result->count; i++) {
		if (out_of_order(update, &result->entries[i]))
			return refuse(refusal, 500, "CSeq Out Of Order");
		if (result->entries[i].change == UPDATE_KEPT)
			result->entries[i].change = UPDATE_REMOVED;
	}
	for (unsigned i = 0; i < update->count; i++)
		if (apply_contact(update, i, now_ms, result, refusal))
			return -EINVAL;
	for (unsigned i = 0; i < result->count; i++) {
		live += update_is_live(&result->entries[i]);
		added += result->entries[i].change == UPDATE_ADDED;
	}
	/* Who has more from before, the limit having been lowered, may still refresh them. */
	if (added > 0 && live > contacts_max)
		return refuse(refusal, 403, "Too Many Contacts");
	return 0;
}
