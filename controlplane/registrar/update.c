/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/update.h"

#include <errno.h>
#include <stdlib.h>

#include "controlplane/registrar/registrar.h"
#include "sip/base/random.h"
#include "sip/dialog/alg.h"
#include "sip/dialog/dialog.h"
#include "sip/message/chars.h"

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
static int read_q(struct slice text, uint16_t *q)
{
	static const uint16_t weight[] = { 0, 100, 10, 1 };

	if (text.n < 1 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1'))
		return -EBADMSG;
	*q = text.p[0] == '1' ? 1000 : 0;
	if (text.n > 1 && text.p[1] != '.')
		return -EBADMSG;
	for (size_t i = 2; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || (text.p[0] == '1' && text.p[i] != '0'))
			return -EBADMSG;
		*q = (uint16_t)(*q + (text.p[i] - '0') * weight[i - 1]);
	}
	return 0;
}

/* RFC 3261 §10.3 step 7: the parameter, else the header, else our default. */
static uint32_t contact_expires_s(const struct sip_addr *contact, struct slice header,
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

/* "<urn:uuid:…>" without its brackets; what is no such thing is nothing. */
static struct slice read_instance(const struct sip_addr *contact)
{
	struct slice value;

	if (!sip_param_get(contact->params, "+sip.instance", &value) || value.n < 3 ||
	    value.p[0] != '<' || value.p[value.n - 1] != '>' || value.n - 2 > UPDATE_INSTANCE_MAX)
		return SLICE_NONE;
	value = (struct slice){ value.p + 1, value.n - 2 };
	return all_are(value, CHAR_VISIBLE) && !memchr(value.p, '@', value.n) ? value : SLICE_NONE;
}

static bool came_directly(const struct sip_msg *request)
{
	struct slice rest = sip_msg_value(request, SIP_H_VIA);
	struct sip_via via;

	return sip_via_next(&rest, &via) == 0 && sip_via_next(&rest, &via) != 0 &&
	       !sip_msg_next(request, sip_msg_header(request, SIP_H_VIA));
}

/* Has the proxy next to the phone, who stands last in the Path, said that it keeps flows? */
static bool edge_keeps_flows(struct slice route)
{
	struct sip_addr edge;
	struct slice value;
	bool keeps = false;

	while (sip_addr_next(&route, &edge) == 0)
		keeps = sip_param_get(edge.uri.params, "ob", &value);
	return keeps;
}

/* RFC 5626 §6. reg_id 0: the phone does not ask for it. */
static int read_outbound(const struct sip_addr *contact, struct update_request *update,
			 struct update_contact *to, struct refusal *refusal)
{
	struct slice value;

	to->reg_id = 0;
	if (!to->instance.p || !sip_param_get(contact->params, "reg-id", &value) ||
	    !sip_msg_has_token(update->request, SIP_H_SUPPORTED, SLICE("outbound")))
		return 0;
	if (slice_to_u32(value, INT32_MAX, &to->reg_id) || to->reg_id == 0)
		return refuse(refusal, 400, "Bad reg-id of Contact");
	if (update->route.p ? !edge_keeps_flows(update->route) : !came_directly(update->request))
		return refuse(refusal, 439, NULL);
	return 0;
}

static int read_contact(const struct sip_addr *contact, struct slice expires_header,
			const struct config_sip *sip, struct update_request *update,
			struct refusal *refusal)
{
	struct update_contact *to;
	struct slice value;

	if (update->count == UPDATE_REQUEST_MAX || update->count >= sip_limits.contacts)
		return refuse(refusal, 403, "Too Many Contacts");
	to = &update->contacts[update->count++];
	to->uri = contact->uri;
	to->q = 1000;
	to->expires_s = contact_expires_s(contact, expires_header, sip);
	to->instance = read_instance(contact);
	if (contact->uri.scheme != SIP_SCHEME_SIP && contact->uri.scheme != SIP_SCHEME_SIPS)
		return refuse(refusal, 400, "Contact Is No SIP URI");
	/* RFC 5630 §3.1: TLS on each hop, the last one too. */
	if (contact->uri.scheme == SIP_SCHEME_SIPS && !sip_transport_is_secure(update->from.kind))
		return refuse(refusal, 403, "Contact Is sips, The Way Is Not");
	if (contact->uri.text.n >= REGISTRAR_URI_MAX)
		return refuse(refusal, 400, "Contact Too Long");
	if (sip_param_get(contact->params, "q", &value) && read_q(value, &to->q))
		return refuse(refusal, 400, "Bad q of Contact");
	if (to->expires_s > 0 && to->expires_s < sip->registration_min_s)
		return refuse(refusal, 423, NULL);
	return read_outbound(contact, update, to, refusal);
}

/* The Path of RFC 3327, topmost first, as it will stand in Route. */
static int read_path(struct update_request *update, struct refusal *refusal)
{
	const struct sip_header *h = sip_msg_header(update->request, SIP_H_PATH);
	struct sip_addr addr;
	struct slice rest;
	size_t used = 0;
	int error;

	update->route = SLICE_NONE;
	for (; h; h = sip_msg_next(update->request, h)) {
		if (used + h->value.n + 2 > UPDATE_ROUTE_MAX)
			return refuse(refusal, 400, "Path Too Long");
		if (used > 0) {
			update->joined[used++] = ',';
			update->joined[used++] = ' ';
		}
		memcpy(update->joined + used, h->value.p, h->value.n);
		used += h->value.n;
	}
	if (used == 0)
		return 0;
	rest = update->route = (struct slice){ update->joined, used };
	while ((error = sip_addr_next(&rest, &addr)) == 0)
		if (addr.star ||
		    (addr.uri.scheme != SIP_SCHEME_SIP && addr.uri.scheme != SIP_SCHEME_SIPS))
			return refuse(refusal, 400, "Bad Path");
	return error == -ENOENT ? 0 : refuse(refusal, 400, "Bad Path");
}

/* RFC 5626 §6: one flow a request. */
static int check_flows(const struct update_request *update, struct refusal *refusal)
{
	unsigned flows = 0;

	for (unsigned i = 0; i < update->count; i++)
		flows += update->contacts[i].reg_id > 0;
	if (flows > 1)
		return refuse(refusal, 400, "More Than One reg-id");
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
	update->from = *from;
	update->gruu = sip_msg_has_token(request, SIP_H_SUPPORTED, SLICE("gruu")) ||
		       sip_msg_has_token(request, SIP_H_REQUIRE, SLICE("gruu"));
	update->path = sip_msg_has_token(request, SIP_H_SUPPORTED, SLICE("path"));
	update->call_id = sip_msg_value(request, SIP_H_CALL_ID);
	update->user_agent = sip_msg_value(request, SIP_H_USER_AGENT);
	if (update->user_agent.n > UPDATE_USER_AGENT_MAX)
		update->user_agent.n = UPDATE_USER_AGENT_MAX;
	if (update->call_id.n > UPDATE_CALL_ID_MAX)
		return refuse(refusal, 400, "Call-ID Too Long");
	if (sip_msg_cseq(request, &cseq))
		return refuse(refusal, 400, "Bad CSeq");
	update->cseq = cseq.number;
	if (read_path(update, refusal) || read_contacts(request, sip, update, refusal))
		return -EINVAL;
	return check_flows(update, refusal);
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

/* Room for all that may come out. */
static int begin(const struct binding *old, unsigned more, struct update_result *result)
{
	unsigned most = (old ? old->count : 0) + more;

	result->count = 0;
	result->entries = result->here;
	if (most > UPDATE_ENTRIES_HERE)
		result->entries = malloc(most * sizeof(*result->entries));
	return result->entries ? 0 : -ENOMEM;
}

void update_free(struct update_result *result)
{
	if (result->entries != result->here)
		free(result->entries);
	result->entries = result->here;
	result->count = 0;
}

static void take_old(const struct binding *old, uint64_t now_ms, struct update_result *result)
{
	for (unsigned i = 0; old && i < old->count; i++) {
		struct update_entry *entry = &result->entries[result->count++];

		entry->contact = old->contacts[i];
		entry->old_uri = old->contacts[i].uri;
		entry->change = entry->contact.expires_ms <= now_ms ? UPDATE_EXPIRED : UPDATE_KEPT;
		entry->in_place = entry->same_way = false;
		/* It was parsed when it came. */
		sip_uri_parse(entry->old_uri, &entry->uri);
	}
}

/* RFC 5626 §6: a flow is known by instance and reg-id, all others by their URI. */
static bool is_same(const struct update_entry *entry, const struct update_contact *contact)
{
	if (contact->reg_id > 0 && entry->contact.reg_id > 0)
		return entry->contact.reg_id == contact->reg_id &&
		       slice_equal(entry->contact.instance, contact->instance);
	return sip_uri_equal(&entry->uri, &contact->uri);
}

static struct update_entry *find_entry(struct update_result *result,
				       const struct update_contact *contact)
{
	for (unsigned i = 0; i < result->count; i++)
		if (result->entries[i].change != UPDATE_EXPIRED &&
		    is_same(&result->entries[i], contact))
			return &result->entries[i];
	return NULL;
}

/* Where requests to the contact go, and what that says of the way. */
static void aim(const struct update_request *update, const struct update_contact *from,
		struct contact *contact)
{
	const struct sip_uri *uri = &from->uri;
	struct sip_address said;
	struct sip_addr edge;
	struct slice route = update->route;

	if (route.p && sip_addr_next(&route, &edge) == 0)
		uri = &edge.uri;
	sip_contact_path(update->request, &update->from, uri, &contact->path);
	contact->flags = (uint16_t)((from->reg_id > 0 ? CONTACT_OUTBOUND : 0) | update->auth);
	if (route.p)
		return; /* the edge knows the way */
	if (from->reg_id > 0 && contact->path.kind != SIP_UDP)
		contact->path.flags |= SIP_PATH_FLOW_ONLY; /* RFC 5626 §5.3 */
	if (sip_address_parse(uri->host, uri->port ? uri->port : 5060, &said) == 0 &&
	    (contact->path.kind == SIP_UDP ? !sip_address_equal(&said, &contact->path.remote)
					   : !sip_address_same_host(&said, &contact->path.remote)))
		contact->flags |= CONTACT_NATTED;
	if (sip_nat_signs(update->request, &update->from) & SIP_NAT_ALG)
		contact->flags |= CONTACT_ALG;
}

static bool same_path(const struct sip_path *a, const struct sip_path *b)
{
	return sip_address_equal(&a->remote, &b->remote) && a->kind == b->kind &&
	       a->listener == b->listener && a->flags == b->flags &&
	       sip_flow_equal(a->flow, b->flow);
}

static bool is_same_way(const struct contact *a, const struct contact *b)
{
	return slice_equal(a->uri, b->uri) && slice_equal(a->route, b->route) &&
	       slice_equal(a->instance, b->instance) && same_path(&a->path, &b->path) &&
	       a->reg_id == b->reg_id && a->epoch == b->epoch && a->q == b->q &&
	       a->flags == b->flags;
}

/* RFC 5627 §5.4: a new Call-ID of the instance ends its temporary GRUUs. */
static uint32_t epoch_of(const struct update_request *update, const struct update_contact *from,
			 const struct update_result *result)
{
	uint32_t epoch;

	if (!from->instance.p)
		return 0;
	for (unsigned i = 0; i < result->count; i++) {
		const struct contact *c = &result->entries[i].contact;

		if (update_is_live(&result->entries[i]) && c->epoch > 0 &&
		    slice_equal(c->instance, from->instance) &&
		    slice_equal(c->call_id, update->call_id))
			return c->epoch;
	}
	do {
		epoch = (uint32_t)random_u64();
	} while (epoch == 0);
	return epoch;
}

static int apply_contact(const struct update_request *update, const struct update_contact *from,
			 uint64_t now_ms, struct update_result *result, struct refusal *refusal)
{
	struct update_entry *entry = find_entry(result, from);
	uint32_t epoch = epoch_of(update, from, result);
	struct contact contact = {
		.uri = from->uri.text,
		.call_id = update->call_id,
		.user_agent = update->user_agent,
		.route = update->route,
		.instance = from->instance,
		.expires_ms = now_ms + from->expires_s * 1000ull,
		.updated_ms = now_ms,
		.cseq = update->cseq,
		.reg_id = from->reg_id,
		.epoch = epoch,
		.q = from->q,
	};

	if (entry && out_of_order(update, entry))
		return refuse(refusal, 500, "CSeq Out Of Order");
	if (from->expires_s == 0) {
		/* One that this request itself brought has never been. */
		if (entry)
			entry->change = entry->old_uri.p ? UPDATE_REMOVED : UPDATE_EXPIRED;
		return 0;
	}
	if (!entry) {
		entry = &result->entries[result->count++];
		*entry = (struct update_entry){ 0 };
	}
	aim(update, from, &contact);
	contact.stored_ms = entry->contact.stored_ms;
	contact.answers = entry->contact.answers;
	entry->same_way = entry->change == UPDATE_KEPT && entry->old_uri.p &&
			  is_same_way(&entry->contact, &contact);
	entry->in_place = entry->same_way && slice_equal(entry->contact.call_id, contact.call_id) &&
			  slice_equal(entry->contact.user_agent, contact.user_agent);
	entry->change = entry->old_uri.p ? UPDATE_REFRESHED : UPDATE_ADDED;
	entry->uri = from->uri;
	entry->contact = contact;
	return 0;
}

int update_apply(const struct update_request *update, const struct binding *old, uint64_t now_ms,
		 unsigned contacts_max, struct update_result *result, struct refusal *refusal)
{
	unsigned live = 0, added = 0;

	*refusal = (struct refusal){ 500, NULL };
	if (begin(old, update->count, result))
		return -ENOMEM;
	take_old(old, now_ms, result);
	for (unsigned i = 0; update->star && i < result->count; i++) {
		if (out_of_order(update, &result->entries[i]))
			return refuse(refusal, 500, "CSeq Out Of Order");
		if (result->entries[i].change == UPDATE_KEPT)
			result->entries[i].change = UPDATE_REMOVED;
	}
	for (unsigned i = 0; i < update->count; i++)
		if (apply_contact(update, &update->contacts[i], now_ms, result, refusal))
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

int update_expire(const struct binding *old, uint64_t now_ms, struct update_result *result)
{
	int error = begin(old, 0, result);

	if (!error)
		take_old(old, now_ms, result);
	return error;
}

bool update_is_in_place(const struct update_result *result)
{
	for (unsigned i = 0; i < result->count; i++)
		if (result->entries[i].change != UPDATE_KEPT && !result->entries[i].in_place)
			return false;
	return true;
}
