/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

int remote_add_route(struct remote *remote, struct slice route, bool front)
{
	const size_t size = remote->routes_size;
	char *routes;

	if (remote->route_count >= sip_limits.routes)
		return -EINVAL;
	routes = realloc(remote->routes, size + route.n + 1);
	if (routes == NULL)
		return -ENOMEM;
	remote->routes = routes;
	if (front && size > 0)
		memmove(routes + route.n + 1, routes, size);
	else
		routes += size;
	memcpy(routes, route.p, route.n);
	routes[route.n] = '\0';
	remote->routes_size = size + route.n + 1;
	remote->route_count++;
	return 0;
}

const char *remote_route(const struct remote *remote, unsigned n)
{
	const char *route = remote->routes;

	if (n >= remote->route_count)
		return NULL;
	while (n-- > 0)
		route += strlen(route) + 1;
	return route;
}

static int add_addr(struct remote *remote, const struct sip_addr *addr, bool front)
{
	const struct slice params = addr->params.text;
	char *route = NULL;
	int n, rc;

	n = asprintf(&route, "<%.*s>%s%.*s", SLICE_FMT(addr->uri.text), params.n > 0 ? ";" : "",
		     SLICE_FMT(params));
	if (n < 0)
		return -ENOMEM;
	rc = remote_add_route(remote, (struct slice){ route, (size_t)n }, front);
	free(route);
	return rc;
}

static int routes_of(struct remote *remote, const struct sip_msg *msg, bool reversed)
{
	const struct sip_header *h = sip_msg_header(msg, SIP_H_RECORD_ROUTE);

	for (; h != NULL; h = sip_msg_next(msg, h)) {
		struct slice rest = h->value;
		struct sip_addr addr;
		int rc;

		while ((rc = sip_addr_next(&rest, &addr)) == 0) {
			rc = add_addr(remote, &addr, reversed);
			if (rc != 0)
				return rc;
		}
		if (rc != -ENOENT)
			return -EINVAL;
	}
	return 0;
}

static int begin(struct remote *remote, const struct sip_msg *msg, struct slice fallback,
		 const struct sip_path *path)
{
	struct sip_addr contact;

	memset(remote, 0, sizeof(*remote));
	remote->path = *path;
	remote->natted = remote_is_hidden(msg, path);
	if (sip_msg_contact(msg, &contact) == 0 && !contact.star)
		fallback = contact.uri.text;
	remote->target = text_dup(fallback);
	return remote->target == NULL ? -ENOMEM : 0;
}

int remote_init(struct remote *remote, const struct sip_msg *msg, bool reversed,
		struct slice fallback, const struct sip_path *path)
{
	int rc = begin(remote, msg, fallback, path);

	if (rc == 0)
		rc = routes_of(remote, msg, reversed);
	if (rc != 0)
		remote_free(remote);
	return rc;
}

int remote_init_somehow(struct remote *remote, const struct sip_msg *msg, struct slice fallback,
			const struct sip_path *path)
{
	int rc = remote_init(remote, msg, true, fallback, path);

	return rc == -EINVAL ? begin(remote, msg, fallback, path) : rc;
}

void remote_free(struct remote *remote)
{
	free(remote->routes);
	free(remote->target);
	remote->routes = NULL;
	remote->routes_size = 0;
	remote->route_count = 0;
	remote->target = NULL;
}

void remote_refresh(struct remote *remote, const struct sip_msg *msg, const struct sip_path *from)
{
	struct sip_addr contact;
	char *target;

	if (from != NULL) {
		remote->path = *from;
		remote->natted = remote_is_natted(msg, from) || remote_is_hidden(msg, from);
	}
	if (sip_msg_contact(msg, &contact) != 0 || contact.star)
		return;
	target = text_dup(contact.uri.text);
	if (target == NULL)
		return;
	free(remote->target);
	remote->target = target;
}

static struct slice uri_of_route(const char *route)
{
	struct sip_addr addr;

	return sip_addr_parse(slice_of(route), &addr) == 0 ? addr.uri.text : SLICE_NONE;
}

static struct slice next_hop_of(const struct remote *remote)
{
	return remote->route_count > 0 ? uri_of_route(remote->routes) : slice_of(remote->target);
}

/* What is no address goes where the dialog was set up. Behind a NAT that is the connection, and no
 * other: the port may be somebody else's when it is gone, or after a restart. */
void remote_next_hop(const struct remote *remote, struct sip_path *path)
{
	struct sip_uri uri;

	*path = remote->path;
	if (remote->natted && path->kind != SIP_UDP)
		path->flags |= SIP_PATH_FLOW_ONLY;
	else if (!remote->natted && sip_uri_parse(next_hop_of(remote), &uri) == 0)
		path_aim(path, &uri);
}

/* A name is asked for, and what has no address goes where the dialog was set up. Over a connection
 * that is there requests go as well: whoever is at its other end. */
void remote_destination(const struct remote *remote, struct sip_destination *to)
{
	const struct slice text = next_hop_of(remote);
	struct sip_address address;
	struct sip_uri uri;

	memset(to, 0, sizeof(*to));
	remote_next_hop(remote, &to->path);
	if (remote->natted || to->path.kind != SIP_UDP || to->path.listener >= 64 ||
	    sip_uri_parse(text, &uri) != 0 || uri.scheme != SIP_SCHEME_SIP ||
	    sip_address_parse(uri.host, 0, &address) == 0)
		return;
	to->uri = text;
	to->listeners = UINT64_C(1) << to->path.listener;
}

void remote_send_ack(const struct remote *remote, struct sip_transactions *layer,
		     struct slice message)
{
	struct sip_destination to;

	remote_destination(remote, &to);
	if (to.uri.n > 0)
		sip_transactions_send_to(layer, &to, message);
	else
		sip_transactions_send(layer, &to.path, message);
}

static bool is_loose(const char *route)
{
	struct slice value;
	struct sip_addr addr;

	return sip_addr_parse(slice_of(route), &addr) == 0 &&
	       sip_param_get(addr.uri.params, "lr", &value);
}

/* Headers have no place in a Request-URI (RFC 3261 §12.2.1.1). */
static struct slice without_headers(struct slice uri)
{
	return slice_split(&uri, '?');
}

/* RFC 3261 §12.2.1.1: a strict router wants itself in the Request-URI, and the target last. */
void remote_begin(const struct remote *remote, struct sip_build *b, const char *method,
		  uint32_t max_forwards)
{
	const bool strict = remote->route_count > 0 && !is_loose(remote->routes);
	struct slice uri = strict ? uri_of_route(remote->routes) : slice_of(remote->target);

	sip_build_request_line(b, slice_of(method), without_headers(uri));
	sip_build_header(b, SIP_H_MAX_FORWARDS, "%u",
			 max_forwards != 0 ? max_forwards : MAX_FORWARDS);
	for (unsigned i = strict ? 1 : 0; i < remote->route_count; i++)
		sip_build_header(b, SIP_H_ROUTE, "%s", remote_route(remote, i));
	if (strict)
		sip_build_header(b, SIP_H_ROUTE, "<%s>", remote->target);
}
