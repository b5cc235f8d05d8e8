/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Redirections (RFC 3261 §8.1.3.4). A phone that answers 3xx has its calls forwarded: to users of ours
 * and to numbers, as if it had dialed them itself. So both have to be allowed to call there, the
 * caller and who forwards; to nobody twice in a call, and not more often than CALL_REDIRECTIONS_MAX.
 * Other URIs are not followed: they are of a network that we do not know, and the caller is told
 * 480, as the URIs are none of its business. Nor are those of peers, which route by themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/registrar/registrar.h"
#include "sip/base/log.h"

#define CONTACTS_MAX 8u /* that are looked at */

struct candidate {
	struct slice uri;
	unsigned q; /* thousandths */
};

/* Thousandths (RFC 3261 §25.1: qvalue); what is none comes last. */
static unsigned q_of(struct sip_params params)
{
	struct slice fraction, whole;
	uint32_t units = 0, thousandths = 0;

	if (!sip_param_get(params, "q", &fraction))
		return 1000;
	whole = slice_split(&fraction, '.');
	if (slice_to_u32(whole, 1, &units) != 0 || fraction.n > 3 ||
	    (fraction.n > 0 && slice_to_u32(fraction, 999, &thousandths) != 0))
		return 0;
	for (size_t n = fraction.n; n < 3; n++)
		thousandths *= 10;
	return units > 0 ? 1000 : thousandths;
}

/* The best first; of the same q in their order. */
static unsigned read_contacts(const struct sip_msg *response, struct candidate *list)
{
	const struct sip_header *h = sip_msg_header(response, SIP_H_CONTACT);
	unsigned count = 0;

	for (; h; h = sip_msg_next(response, h)) {
		struct slice rest = h->value;
		struct sip_addr addr;

		while (count < CONTACTS_MAX && sip_addr_next(&rest, &addr) == 0 && !addr.star) {
			const struct candidate one = { addr.uri.text, q_of(addr.params) };
			unsigned i = count++;

			for (; i > 0 && list[i - 1].q < one.q; i--)
				list[i] = list[i - 1];
			list[i] = one;
		}
	}
	return count;
}

/* Both are asked: nobody reaches by another's phone what it may not call. */
static bool may_go(const struct call *call, const struct branch *b, struct slice uri,
		   struct route *route)
{
	const struct config *config = call->engine->shard->config;
	const struct route_request by_callee = { .request_uri = uri,
						 .from_trunk = -1,
						 .from = b->aor ? b->aor : call->to,
						 .realm =
							 route_realm_name(config, b->to.listener) };
	const struct route_request by_caller = { .request_uri = uri,
						 .from_trunk = call->trunk_in,
						 .from = call->from,
						 .realm = call->realm };
	struct route_directory directory;

	engine_directory(call->engine, &directory);
	route_find(config, &directory, &by_callee, route);
	if (route->kind == ROUTE_REFUSE)
		return false;
	route_find(config, &directory, &by_caller, route);
	return route->kind != ROUTE_REFUSE && !route->emergency;
}

static bool is_new(const struct call *call, const char *aor)
{
	for (unsigned i = 0; i < call->redirections; i++)
		if (strcmp(call->redirected[i], aor) == 0)
			return false;
	return strcmp(call->to, aor) != 0;
}

/* The seat on the dataplane is there already, of a family and a realm. */
static bool has_seat(const struct call *call, const struct branch *now, const struct branch *then)
{
	const struct config *config = call->engine->shard->config;

	return now->to.remote.family == then->to.remote.family &&
	       route_realm(config, now->to.listener) == route_realm(config, then->to.listener);
}

static bool aim_at_user(struct call *call, struct branch *b, const struct route *route)
{
	struct registrar_contact *contact = calloc(1, sizeof(*contact));
	bool aimed = contact &&
		     registrar_lookup(call->engine->shard->registrar, route->aor, contact, 1) > 0 &&
		     (!call->secure || sip_transport_is_secure(contact->path.kind)) &&
		     call_aim_at(call, b, contact) == 0;

	free(contact);
	/* Its other flows would be looked for under the AOR that was called. */
	b->flow = (struct registrar_flow){ 0 };
	b->next_hop = NULL;
	return aimed;
}

/* What is withheld, and from whom, was settled for users: a peer gets no more than they would. */
static bool aim_at_trunk(struct call *call, struct branch *b, const struct route *route)
{
	const char *to_header;

	return call->branch_count == 1 && call_aim_at_trunk(call, b, route, &to_header) == 0;
}

static bool aim(struct call *call, struct branch *b, const struct route *route)
{
	struct branch there = *b;

	if (!is_new(call, route->aor) ||
	    !(route->kind == ROUTE_USER ? aim_at_user(call, &there, route)
					: aim_at_trunk(call, &there, route)) ||
	    !has_seat(call, &there, b) ||
	    (route->kind == ROUTE_TRUNK && !call_take_trunk(call, (int)route->trunk)))
		return false;
	*b = there;
	b->aor = call_string(call, route->aor);
	call->redirected[call->redirections++] = b->aor;
	return true;
}

bool call_take_redirection(struct call *call, struct branch *b, unsigned status,
			   const struct sip_msg *response)
{
	struct candidate contacts[CONTACTS_MAX];
	unsigned count;

	if (status < 300 || status > 302 || !response || call->trunk_out >= 0 ||
	    call->redirections == CALL_REDIRECTIONS_MAX)
		return false;
	count = read_contacts(response, contacts);
	for (unsigned i = 0; i < count; i++) {
		struct route route;

		if (!may_go(call, b, contacts[i].uri, &route) || !aim(call, b, &route))
			continue;
		call->engine->stats.redirected++;
		LOG_INFO("call", call->id, "of %s, is redirected to %s (%u)", call->to, route.aor,
			 status);
		return true;
	}
	return false;
}
