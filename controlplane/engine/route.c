/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/route.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/engine/rule.h"
#include "controlplane/session/media.h"
#include "sip/base/format.h"

static void refuse(struct route *route, unsigned status, const char *reason)
{
	route->kind = ROUTE_REFUSE;
	route->status = status;
	route->reason = reason;
}

/* Characters that a telephone number or an extension may have in a user part (RFC 3966 §3 and
 * what people use); nothing that would need escapes in the URI we write. */
static bool is_number(const char *user)
{
	return *user && user[strspn(user, "0123456789+*#-.()")] == '\0' && strlen(user) <= 64;
}

/* Visual separators say nothing (RFC 3966 §5.1.1). */
static void strip_separators(const char *user, char *number)
{
	for (; *user; user++) {
		if (!strchr("-.()", *user))
			*number++ = *user;
	}
	*number = '\0';
}

/* The longest prefix wins. -1: none. */
static int find_trunk(const struct config *config, const char *number)
{
	size_t best_length = 0;
	int best = -1;

	for (unsigned i = 0; i < config->trunks_count; i++) {
		const char *prefix = config->trunks[i].prefix;
		size_t length = prefix ? strlen(prefix) : 0;

		if (length > best_length && strncmp(number, prefix, length) == 0) {
			best = (int)i;
			best_length = length;
		}
	}
	return best;
}

static void to_trunk(const struct config *config, const struct route_request *request,
		     const char *user, struct route *route)
{
	char number[ROUTE_AOR_MAX];
	const struct config_trunk *trunk;
	size_t skip;
	int index;

	if (!is_number(user)) {
		refuse(route, 404, "not-found");
		return;
	}
	strip_separators(user, number);
	index = find_trunk(config, number);
	if (index < 0) {
		refuse(route, 404, "not-found");
		return;
	}
	if (index == request->from_trunk) {
		refuse(route, 482, "loop");
		return;
	}
	trunk = &config->trunks[index];
	skip = trunk->strip_prefix ? strlen(trunk->prefix) : 0;
	if (number[skip] == '\0') {
		refuse(route, 484, "not-found");
		return;
	}
	route->kind = ROUTE_TRUNK;
	route->trunk = (unsigned)index;
	/* '#' is the one of the characters above that a SIP URI cannot have (RFC 3261 §25.1). */
	for (char *out = route->number, *in = number + skip; *in; in++) {
		if (*in == '#')
			out = stpcpy(out, "%23");
		else
			*out++ = *in;
		*out = '\0';
	}
}

/* --- emergency calls (RFC 5031, and numbers of the configuration) --- */

static bool is_emergency_number(const struct config *config, const char *user)
{
	const struct config_guard *guard = &config->sip.guard;

	for (unsigned i = 0; i < guard->emergency_count; i++) {
		if (strcmp(guard->emergency[i], user) == 0)
			return true;
	}
	return false;
}

/* The first number that there is; services are asked for by it where only numbers are known. */
static const char *emergency_number(const struct config *config)
{
	const struct config_guard *guard = &config->sip.guard;

	for (unsigned i = 0; i < guard->emergency_count; i++) {
		if (is_number(guard->emergency[i]))
			return guard->emergency[i];
	}
	return "112";
}

/* false: no peer is there for emergencies, so it is a number as any. */
static bool to_emergency(const struct config *config, const struct route_request *request,
			 const char *number, struct route *route)
{
	for (unsigned i = 0; i < config->trunks_count; i++) {
		if (!config->trunks[i].emergency || (int)i == request->from_trunk)
			continue;
		route->kind = ROUTE_TRUNK;
		route->trunk = i;
		snprintf(route->number, sizeof(route->number), "%s", number);
		return true;
	}
	return false;
}

static void service_route(const struct config *config, const struct route_request *request,
			  struct route *route)
{
	const char *number = emergency_number(config);

	route->emergency = true;
	snprintf(route->aor, sizeof(route->aor), "%.64s@%.127s", number, config->sip.domains[0]);
	if (!to_emergency(config, request, number, route))
		to_trunk(config, request, number, route);
}

/* The host is one of ours by name, or an address that we listen on. */
static bool is_listener(const struct config *config, struct slice host)
{
	for (unsigned i = 0; i < config->sip.listeners_count; i++) {
		if (slice_equal_nocase(host, slice_of(config->sip.listeners[i].address)))
			return true;
	}
	return false;
}

static int callee_aor(const struct config *config, const struct route_directory *directory,
		      const struct sip_uri *uri, char aor[ROUTE_AOR_MAX])
{
	struct sip_uri named = *uri;
	int error;

	if (uri->scheme == SIP_SCHEME_TEL || uri->scheme == SIP_SCHEME_URN_SERVICE ||
	    is_listener(config, uri->host)) {
		named.scheme = SIP_SCHEME_SIP;
		named.host = slice_of(config->sip.domains[0]);
		named.port = 0;
	}
	error = directory->aor(directory->arg, &named, aor);
	return error;
}

const char *route_realm_name(const struct config *config, unsigned listener)
{
	return listener < config->sip.listeners_count ? config->sip.listeners[listener].realm
						      : NULL;
}

uint8_t route_realm(const struct config *config, unsigned listener)
{
	const char *name = route_realm_name(config, listener);
	int index = name ? config_realm_index(config, name) : -1;

	return index < 0 ? DP_REALM_ANY : (uint8_t)index;
}

uint64_t route_listeners(const struct config *config, const char *realm)
{
	uint64_t listeners = 0;

	for (unsigned i = 0; i < config->sip.listeners_count && i < 64; i++) {
		const char *name = config->sip.listeners[i].realm;

		if (!realm || !name || strcmp(name, realm) == 0)
			listeners |= UINT64_C(1) << i;
	}
	return listeners;
}

/* A number is asked for as it would be dialed, whatever stands between its digits. */
static void ask_rules(const struct config *config, const struct route_request *request,
		      struct route *route)
{
	char to[ROUTE_AOR_MAX], user[ROUTE_AOR_MAX], number[ROUTE_AOR_MAX];
	const char *at = strrchr(route->aor, '@');
	const struct config_rule *rule;
	struct rule_question question = {
		.from = request->from,
		.trunk_in =
			request->from_trunk >= 0 ? config->trunks[request->from_trunk].name : NULL,
		.realm = request->realm,
		.to = route->aor,
		.trunk_out = route->kind == ROUTE_TRUNK ? config->trunks[route->trunk].name : NULL,
	};

	if (!request->from || route->emergency || route->kind == ROUTE_REFUSE || !at)
		return;
	format_print(user, sizeof(user), "%.*s", (int)(at - route->aor), route->aor);
	if (is_number(user)) {
		strip_separators(user, number);
		format_print(to, sizeof(to), "%.90s%.160s", number, at);
		question.to = to;
	}
	rule = rule_denies(config, &question);
	if (!rule)
		return;
	refuse(route, 403, "denied");
	route->rule = rule->name ? rule->name : "";
}

static void find_route(const struct config *config, const struct route_directory *directory,
		       const struct route_request *request, struct route *route)
{
	char user[ROUTE_AOR_MAX];
	struct sip_uri uri;
	int error;

	*route = (struct route){ 0 };
	if (sip_uri_parse(request->request_uri, &uri)) {
		refuse(route, 400, "malformed");
		return;
	}
	if (sip_uri_is_emergency(&uri)) {
		service_route(config, request, route);
		return;
	}
	if (uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS &&
	    uri.scheme != SIP_SCHEME_TEL) {
		refuse(route, 416, "malformed");
		return;
	}
	error = callee_aor(config, directory, &uri, route->aor);
	if (error == -ENOENT) {
		refuse(route, 403, "foreign-domain");
		return;
	}
	if (error || sip_uri_unescape(uri.user, user, sizeof(user))) {
		refuse(route, error == -ENOSPC ? 414 : 400, "malformed");
		return;
	}
	if (user[0] == '\0') {
		refuse(route, 404, "not-found");
		return;
	}
	route->emergency = is_emergency_number(config, user);
	if (route->emergency && to_emergency(config, request, user, route))
		return;
	if (directory->exists(directory->arg, route->aor)) {
		if (directory->registered(directory->arg, route->aor))
			route->kind = ROUTE_USER;
		else
			refuse(route, 480, "unavailable");
		return;
	}
	to_trunk(config, request, user, route);
}

void route_find(const struct config *config, const struct route_directory *directory,
		const struct route_request *request, struct route *route)
{
	find_route(config, directory, request, route);
	ask_rules(config, request, route);
}
