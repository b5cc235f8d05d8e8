/* SPDX-License-Identifier: BSD-3-Clause */
/* From an INVITE that was let in to the bridge that waits for its addresses, or to a refusal. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/trunk.h"
#include "controlplane/engine/headers.h"
#include "controlplane/events/events.h"
#include "sip/base/format.h"
#include "sip/base/log.h"
#include "sip/dialog/alg.h"
#include "sip/message/headers.h"

#define MAX_FORWARDS_DEFAULT 70 /* RFC 3261 §8.1.1.6 */
/* RFC 5630 §6 */
#define NOT_SECURE "Warning: 380 tandem \"SIPS Not Allowed\"\r\n"

const char *call_path_text(struct call *call, const struct sip_path *path)
{
	char ip[SIP_ADDRESS_TEXT], text[SIP_ADDRESS_TEXT + 8];

	sip_address_ip(&path->remote, ip);
	format_print(text, sizeof(text), strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip,
		     path->remote.port);
	return call_string(call, text);
}

static void refuse(struct call *call, unsigned status, const char *reason, const char *headers)
{
	struct call_cause cause = {
		.status = status, .reason = reason, .ended_by = "system", .headers = headers
	};

	LOG_INFO("call", call->id, "%s -> %s refused: %u %s", call->from, call->to, status, reason);
	call_event(call, CALL_ON_REFUSED, &cause);
}

void call_no_media_cause(struct call *call, int status, struct call_cause *cause)
{
	char headers[64];

	format_print(headers, sizeof(headers), "Retry-After: %u\r\n",
		     call->engine->shard->config->calls.dataplane_retry_after_s);
	*cause = (struct call_cause){ .status = status == -EAFNOSUPPORT ? 488 : 503,
				      .reason = "dataplane",
				      .ended_by = "system",
				      .headers = call_string(call, headers) };
}

static void refuse_without_media(struct call *call, int error)
{
	struct call_cause cause;

	call_no_media_cause(call, error, &cause);
	refuse(call, cause.status, cause.reason, cause.headers);
}

/* The From of outbound legs: the name the caller gave, and who we know it is. */
static void write_from(struct call *call, const struct caller *caller)
{
	char text[1200], user[3 * ROUTE_AOR_MAX + 4], aor[ROUTE_AOR_MAX];
	char *at;

	format_print(aor, sizeof(aor), "%s", caller->aor);
	if (call->withheld) {
		call->from_header = HEADERS_ANONYMOUS;
		call->contact_user = "anonymous";
		return;
	}
	at = strrchr(aor, '@');
	if (at)
		*at = '\0';
	if (caller->trunk >= 0) /* as it stood in a URI: escaped already */
		format_print(user, sizeof(user), "%s", aor);
	else
		call_escape_user(aor, user, sizeof(user));
	if (caller->display[0])
		format_print(text, sizeof(text), "\"%s\" <sip:%s@%s>", caller->display, user,
			     at ? at + 1 : "invalid");
	else
		format_print(text, sizeof(text), "<sip:%s@%s>", user, at ? at + 1 : "invalid");
	call->from_header = call_string(call, text);
	call->contact_user = call_string(call, user);
}

/* --- media --- */

static bool has_family(const struct config *config, uint8_t realm, uint8_t family)
{
	for (unsigned i = 0; i < config->dataplane.media_count; i++) {
		const struct config_media *media = &config->dataplane.media[i];
		bool ipv6 = strchr(media->address, ':') != NULL;

		if (realm != DP_REALM_ANY && config_realm_index(config, media->realm) != realm)
			continue;
		if ((family == DP_FAMILY_IPV6) == ipv6)
			return true;
	}
	return false;
}

static uint8_t family_of(const struct sip_path *path)
{
	return path->remote.family == AF_INET6 ? DP_FAMILY_IPV6 : DP_FAMILY_IPV4;
}

static int reserve_seats(struct call *call, const struct sip_path *from)
{
	const struct config *config = call->engine->shard->config;
	uint8_t caller = call->offer.rtp.family ? call->offer.rtp.family : family_of(from);
	uint8_t callee = family_of(&call->branches[0].to);
	uint8_t from_realm = route_realm(config, from->listener);
	uint8_t to_realm = route_realm(config, call->branches[0].to.listener);
	int error;

	if (!has_family(config, from_realm, caller))
		return -EAFNOSUPPORT;
	if (!has_family(config, to_realm, callee))
		callee = callee == DP_FAMILY_IPV6 ? DP_FAMILY_IPV4 : DP_FAMILY_IPV6;
	error = bridge_create(call->engine->shard, call->id, false, &call_bridge_user, call,
			      &call->bridge);
	if (!error)
		error = bridge_reserve(call->bridge, 0, from_realm, caller, &call->caller_seat);
	if (!error)
		error = bridge_reserve(call->bridge, 1, to_realm, callee, &call->callee_seat);
	return error;
}

/* --- the steps --- */

static bool check_limits(struct call *call, const struct caller *caller)
{
	struct engine *e = call->engine;
	const struct config *config = e->shard->config;
	char retry[64];

	format_print(retry, sizeof(retry), "Retry-After: %u\r\n",
		     config->calls.dataplane_retry_after_s);
	/* Others may be full, or away: an emergency is taken as long as somebody is here. */
	if (atomic_load(&e->shard->draining) && !call->emergency) {
		refuse(call, 503, "draining", retry);
		return false;
	}
	call->counted = limits_take_call(config, call->emergency);
	if (!call->counted) {
		refuse(call, 503, "calls-max", retry);
		return false;
	}
	if (caller->trunk >= 0) {
		/* Who is referred has a place there already. */
		if (!limits_take_trunk(config, caller->trunk, call->emergency || !call->caller)) {
			refuse(call, 503, "trunk-calls-max", retry);
			return false;
		}
		call->trunk_in = caller->trunk;
		e->trunk_calls[caller->trunk]++;
		if (call->caller)
			sip_invite_set_credentials(call->caller->invite,
						   trunks_credentials(e->trunks, caller->trunk));
	}
	return true;
}

/* What wants TLS on each hop has to come over it. */
static bool check_security(struct call *call, struct slice uri, const struct sip_path *from)
{
	call->secure = !call->emergency && slice_starts_nocase(uri, SLICE("sips:"));
	if (!call->secure || sip_transport_is_secure(from->kind))
		return true;
	refuse(call, 403, "not-secure", NULL);
	return false;
}

static bool check_hops(struct call *call, const struct sip_msg *request)
{
	uint32_t hops = MAX_FORWARDS_DEFAULT;
	int error = sip_msg_number(request, SIP_H_MAX_FORWARDS, &hops);

	if (error && error != -ENOENT)
		hops = MAX_FORWARDS_DEFAULT;
	if (hops == 0) {
		refuse(call, 483, "loop", NULL);
		return false;
	}
	call->max_forwards = hops - 1 < 255 ? hops - 1 : 255;
	return true;
}

/* NA4: no phone writes its public address in one place and its private one in another. */
static void note_gateway(struct call *call, const struct sip_msg *request,
			 const struct sip_path *from)
{
	char agent[128];

	if (!(sip_nat_signs(request, from) & SIP_NAT_ALG))
		return;
	call->engine->stats.rewritten++;
	format_print(agent, sizeof(agent), "%.*s",
		     SLICE_FMT(sip_msg_value(request, SIP_H_USER_AGENT)));
	LOG_INFO("call", call->id, "a gateway rewrites a part of what %s sends",
		 call->caller_address);
	event_publish(call->engine->shard->events, EVENT_NAT_ALG, call->id, 0, call->from,
		      call->caller_address, agent);
}

/* It came back to us for somebody whom we have sent it to before. */
static bool check_loop(struct call *call, const struct sip_msg *request)
{
	if (!headers_is_loop(request, call->to))
		return true;
	refuse(call, 482, "loop", NULL);
	return false;
}

/* Who calls, from us who have asked for a password (RFC 3325 §5). */
static void put_own_identity(const struct call *call, const struct caller *caller,
			     struct sip_build *b)
{
	char user[3 * ROUTE_AOR_MAX + 4], aor[ROUTE_AOR_MAX];
	char *at;

	format_print(aor, sizeof(aor), "%s", call->from);
	at = strrchr(aor, '@');
	if (!at)
		return;
	*at = '\0';
	call_escape_user(aor, user, sizeof(user));
	if (caller->display[0] && !caller->anonymous)
		sip_build_header(b, SIP_H_P_ASSERTED_IDENTITY, "\"%s\" <sip:%s@%s>",
				 caller->display, user, at + 1);
	else
		sip_build_header(b, SIP_H_P_ASSERTED_IDENTITY, "<sip:%s@%s>", user, at + 1);
}

/* So that nobody on the way takes it for a call as any (RFC 3261 §20.26, RFC 7135). Who is believed
 * may have said so before. */
static void put_emergency(const struct sip_msg *request, bool believed, struct sip_build *b)
{
	if (!believed || !sip_msg_header(request, SIP_H_PRIORITY))
		sip_build_header(b, SIP_H_PRIORITY, "emergency");
	if (!believed || !sip_msg_header(request, SIP_H_RESOURCE_PRIORITY))
		sip_build_header(b, SIP_H_RESOURCE_PRIORITY, "esnet.0");
}

/* All branches of a call go to the same callee, so they get the same headers. request: whose
 * headers cross; NULL: nobody's. more: complete lines. */
static void write_headers(struct call *call, const struct caller *caller,
			  const struct sip_msg *request, const char *more)
{
	const struct headers_way way = {
		.carrier = HEADERS_IN_INVITE,
		.domain = call->engine->shard->config->sip.domains[0],
		.from_trusted = call_trusts(call, call->trunk_in),
		.to_trusted = call_trusts(call, call->trunk_out),
		.withheld = call->withheld,
		.emergency = call->emergency,
	};
	char buffer[HEADERS_MAX];
	struct sip_build b;

	sip_build_init(&b, buffer, sizeof(buffer) - 1);
	headers_put_loop(request, call->to, &b);
	if (call->emergency)
		put_emergency(request, request && way.from_trusted, &b);
	if (call->trunk_in < 0 && way.to_trusted)
		put_own_identity(call, caller, &b);
	if (request)
		call->engine->stats.headers_removed += headers_across(&way, request, &b);
	sip_build_lines(&b, slice_of(more));
	buffer[b.used] = '\0';
	call->invite_headers = call_string(call, buffer);
}

/* AU6 */
static void deny(struct call *call, const char *rule)
{
	call->engine->stats.denied++;
	LOG_WARN("call", call->id, "%s may not call %s (rule %s)", call->from, call->to,
		 rule[0] ? rule : "without a name");
	event_publish(call->engine->shard->events, EVENT_SECURITY_DENIED, call->id, 0, call->from,
		      call->to, rule);
}

static bool find_way(struct call *call, const struct route *route)
{
	int error;

	if (route->kind == ROUTE_REFUSE) {
		if (route->rule)
			deny(call, route->rule);
		refuse(call, route->status, route->reason, NULL);
		return false;
	}
	error = call_find_branches(call, route);
	if (error == -EBUSY)
		refuse(call, 503, "trunk-calls-max", NULL);
	else if (error == -ENOENT) /* expired since it was asked */
		refuse(call, 480, "unavailable", NULL);
	else if (error == -EPROTONOSUPPORT)
		refuse(call, 480, "not-secure", NOT_SECURE);
	else if (error)
		refuse(call, error == -ENOMEM ? 500 : 503, "unavailable", NULL);
	return !error;
}

static bool read_offer(struct call *call, const struct sip_msg *request)
{
	int error;

	/* Ours will be a session description whatever comes (RFC 3261 §20.1). */
	if (!sip_accepts(request, SLICE("application/sdp"))) {
		refuse(call, 406, "not-acceptable", NULL);
		return false;
	}
	if (request->body.n > 0 && sip_msg_header(request, SIP_H_CONTENT_TYPE) &&
	    !sip_content_type_is(request, SLICE("application/sdp"))) {
		refuse(call, 415, "not-acceptable", "Accept: application/sdp\r\n");
		return false;
	}
	error = session_receive_offer(call->caller, request->body);
	switch (error) {
	case 0:
		description_set(&call->offer, &call->caller->offered);
		return true;
	case -ENODATA:
		call->delayed_offer = true;
		/* The offers of several callees cannot all be shown to the caller. */
		call->asking = call->branch_count == 1;
		if (!description_default(&call->offer))
			return true;
		refuse(call, 500, "failed", NULL);
		return false;
	case -ENOTSUP:
		refuse(call, 488, "not-acceptable", NULL);
		return false;
	default:
		refuse(call, error == -ENOMEM ? 500 : 400, "malformed", NULL);
		return false;
	}
}

/* Who calls whom: in the log, the CDR and on the outbound legs. */
static void name_parties(struct call *call, const struct caller *caller, const struct route *route,
			 struct slice target)
{
	char to[ROUTE_AOR_MAX];

	format_print(to, sizeof(to), "%.*s", (int)(target.n < 255 ? target.n : 255), target.p);
	call->emergency = route->emergency;
	call->from = call_string(call, caller->aor);
	call->to = route->aor[0] ? call_string(call, route->aor) : call_string(call, to);
	write_from(call, caller);
	LOG_INFO("call", call->id, "%s -> %s from %s", call->from, call->to, call->caller_address);
}

void call_start(struct call *call, struct sip_invite *invite, struct sip_msg *request,
		const struct sip_path *from, const struct caller *caller)
{
	struct engine *e = call->engine;
	struct route_directory directory;
	struct route_request wanted = { .request_uri = request->request_uri,
					.from_trunk = caller->trunk,
					.from = caller->aor,
					.realm = route_realm_name(e->shard->config,
								  from->listener) };
	struct route route;
	int error;

	call->caller = session_create(e->shard, call->id, false, &call_session_user, call);
	if (!call->caller) {
		sip_invite_respond(invite, 500, NULL, SLICE_NONE, SLICE_NONE);
		refuse(call, 500, "failed", NULL);
		return;
	}
	session_take(call->caller, invite);
	call->caller->auth = call_string(call, caller->auth);
	route_find(e->shard->config, engine_directory(e, &directory), &wanted, &route);
	call->caller_address = call_path_text(call, from);
	call->realm = wanted.realm;
	call->withheld = caller->anonymous || headers_withheld(request);
	name_parties(call, caller, &route, request->request_uri);
	note_gateway(call, request, from);

	if (!check_security(call, request->request_uri, from) || !check_limits(call, caller) ||
	    !check_hops(call, request) || !check_loop(call, request) || !find_way(call, &route) ||
	    !read_offer(call, request))
		return;
	write_headers(call, caller, request, "");
	error = reserve_seats(call, from);
	if (error) {
		refuse_without_media(call, error);
		return;
	}
	call->caller->seat = call->caller_seat;
}

void call_start_referred(struct call *call, const struct referral *r)
{
	struct engine *e = call->engine;
	const struct sip_path *path = sip_invite_path(r->party->invite);
	const struct route_request wanted = { .request_uri = r->target,
					      .from_trunk = r->by ? r->by->trunk : -1,
					      .from = r->by ? r->by->aor : NULL,
					      .realm = r->realm };
	struct route_directory directory;
	struct route route;
	int error;

	route_find(e->shard->config, engine_directory(e, &directory), &wanted, &route);
	call->caller_address = call_path_text(call, path);
	call->realm = route_realm_name(e->shard->config, path->listener);
	call->withheld = r->caller->anonymous;
	call->max_forwards = MAX_FORWARDS_DEFAULT;
	name_parties(call, r->caller, &route, r->target);
	/* What it is able to, not what it was told to do in the call that it leaves. */
	description_set(&call->offer, &r->party->remote);
	call->offer.direction = SDP_SENDRECV;
	if (!check_security(call, r->target, path) || !check_limits(call, r->caller) ||
	    !find_way(call, &route))
		return;
	write_headers(call, r->caller, NULL, r->headers);
	error = reserve_seats(call, path);
	if (error)
		refuse_without_media(call, error);
}
