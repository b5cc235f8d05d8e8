/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a call goes to: a branch for each place where the callee may be. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/call.h"
#include "controlplane/engine/trunk.h"
#include "controlplane/registrar/registrar.h"
#include "sip/base/format.h"

/* Escapes what a user part may not have as it stands (RFC 3261 §25.1). */
void call_escape_user(const char *user, char *out, size_t size)
{
	char *end = out + size - 4;

	for (; *user && out < end; user++) {
		unsigned char c = (unsigned char)*user;

		if (isalnum(c) || strchr("-_.!~*'()&=+$,;?/", c))
			*out++ = (char)c;
		else
			out += sprintf(out, "%%%02X", c);
	}
	*out = '\0';
}

static void write_to_user(struct call *call, const char *callee)
{
	char text[1200], user[3 * ROUTE_AOR_MAX + 4], aor[ROUTE_AOR_MAX];
	char *at;

	format_print(aor, sizeof(aor), "%s", callee);
	at = strrchr(aor, '@');
	if (at)
		*at = '\0';
	call_escape_user(aor, user, sizeof(user));
	format_print(text, sizeof(text), "<sip:%s@%s>", user, at ? at + 1 : "invalid");
	call->to_header = call_string(call, text);
}

/* RFC 5630 §5.3: who is called by sips is not called over anything else. */
static unsigned keep_secure(struct registrar_contact *contacts, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (sip_transport_is_secure(contacts[i].path.kind))
			contacts[kept++] = contacts[i];
	return kept;
}

/* Those of the highest q are the first to ring (RFC 3261 §16.6). */
static int branches_to_user(struct call *call, const struct route *route)
{
	struct registrar_contact *contacts = calloc(CALL_BRANCHES_MAX, sizeof(*contacts));
	int error = 0;
	unsigned n;

	if (!contacts)
		return -ENOMEM;
	n = registrar_lookup(call->engine->shard->registrar, route->aor, contacts,
			     CALL_BRANCHES_MAX);
	if (n > 0 && call->secure) {
		n = keep_secure(contacts, n);
		error = n == 0 ? -EPROTONOSUPPORT : 0;
	}
	if (call_make_branches(call, n)) {
		free(contacts);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < n && !error; i++) {
		call->branches[i].q = (unsigned)lroundf(contacts[i].q * 1000);
		error = call_aim_at(call, &call->branches[i], &contacts[i]);
	}
	free(contacts);
	write_to_user(call, route->aor);
	return error ? error : n ? 0 : -ENOENT;
}

/* RFC 3263: the layers below find out where that is. */
static int aim_at_uri(struct call *call, struct branch *b, const struct config_trunk *trunk,
		      const char *number, const char **to_header)
{
	const struct shard *shard = call->engine->shard;
	const char *host = strchr(trunk->uri, ':') + 1;
	const uint64_t listeners = route_listeners(shard->config, trunk->realm);
	char uri[ROUTE_AOR_MAX + 260], to[ROUTE_AOR_MAX + 264];
	struct sip_path path;

	if (trunk_guess_path(shard, listeners, &path))
		return -ENETUNREACH;
	format_print(uri, sizeof(uri), "%.*s%s@%s", (int)(host - trunk->uri), trunk->uri, number,
		     host);
	format_print(to, sizeof(to), "<%s>", uri);
	*b = (struct branch){ .session = b->session,
			      .to = path,
			      .next_hop = trunk->uri,
			      .listeners = listeners,
			      .uri = call_string(call, uri) };
	*to_header = call_string(call, to);
	return 0;
}

static bool is_secure(const struct config_trunk *trunk)
{
	struct slice transport;
	struct sip_uri uri;

	return trunk->uri && sip_uri_parse(slice_of(trunk->uri), &uri) == 0 &&
	       (uri.scheme == SIP_SCHEME_SIPS ||
		(sip_param_get(uri.params, "transport", &transport) &&
		 slice_equal_nocase(transport, SLICE("tls"))));
}

int call_aim_at_trunk(struct call *call, struct branch *b, const struct route *route,
		      const char **to_header)
{
	struct shard *shard = call->engine->shard;
	const struct config_trunk *trunk = &shard->config->trunks[route->trunk];
	struct sip_path path;

	if (call->secure && !is_secure(trunk))
		return -EPROTONOSUPPORT;
	if (trunk->uri)
		return aim_at_uri(call, b, trunk, route->number, to_header);
	for (unsigned i = 0; i < trunk->addresses_count; i++) {
		const char *address = trunk->addresses[i];
		const char *format = strchr(address, ':') ? "sip:%s@[%s]:%u" : "sip:%s@%s:%u";
		struct sip_address remote;
		char uri[ROUTE_AOR_MAX + 128], to[ROUTE_AOR_MAX + 160];

		if (sip_address_parse(slice_of(address), trunk->port, &remote) ||
		    sip_transport_path(shard->transport, SIP_UDP,
				       route_listeners(shard->config, trunk->realm), &remote,
				       &path))
			continue;
		format_print(uri, sizeof(uri), format, route->number, address, trunk->port);
		format_print(to, sizeof(to), "<%s>", uri);
		*b = (struct branch){ .session = b->session,
				      .to = path,
				      .uri = call_string(call, uri) };
		*to_header = call_string(call, to);
		return 0;
	}
	return -ENETUNREACH;
}

bool call_take_trunk(struct call *call, int trunk)
{
	if (!limits_take_trunk(call->engine->shard->config, trunk, call->emergency))
		return false;
	call->trunk_out = trunk;
	call->engine->trunk_calls[trunk]++;
	return true;
}

int call_find_branches(struct call *call, const struct route *route)
{
	if (route->kind == ROUTE_USER)
		return branches_to_user(call, route);
	if (!call_take_trunk(call, (int)route->trunk))
		return -EBUSY;
	if (call_make_branches(call, 1))
		return -ENOMEM;
	return call_aim_at_trunk(call, &call->branches[0], route, &call->to_header);
}
