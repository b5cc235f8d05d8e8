/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

static const unsigned max_forwards = 70; /* RFC 3261 §8.1.1.6 */

static int route_add(struct remote *remote, const struct sip_addr *addr)
{
	const struct slice params = addr->params.text;
	char *route = NULL;

	if (remote->route_count == ROUTES_MAX)
		return -EINVAL;
	if (asprintf(&route, "<%.*s>%s%.*s", SLICE_FMT(addr->uri.text), params.n > 0 ? ";" : "",
		     SLICE_FMT(params)) < 0)
		return -ENOMEM;
	remote->routes[remote->route_count++] = route;
	return 0;
}

static void reverse(struct remote *remote)
{
	for (unsigned i = 0, j = remote->route_count; i + 1 < j; i++) {
		char *route = remote->routes[i];

		remote->routes[i] = remote->routes[--j];
		remote->routes[j] = route;
	}
}

static int routes_of(struct remote *remote, const struct sip_msg *msg)
{
	const struct sip_header *h = sip_msg_header(msg, SIP_H_RECORD_ROUTE);

	if (h == NULL)
		return 0;
	remote->routes = calloc(ROUTES_MAX, sizeof(*remote->routes));
	if (remote->routes == NULL)
		return -ENOMEM;
	for (; h != NULL; h = sip_msg_next(msg, h)) {
		struct slice rest = h->value;
		struct sip_addr addr;
		int rc;

		while ((rc = sip_addr_next(&rest, &addr)) == 0) {
			rc = route_add(remote, &addr);
			if (rc != 0)
				return rc;
		}
		if (rc != -ENOENT)
			return -EINVAL;
	}
	return 0;
}

int remote_init(struct remote *remote, const struct sip_msg *msg, bool reversed,
		struct slice fallback, const struct sip_path *path)
{
	struct sip_addr contact;
	int rc;

	memset(remote, 0, sizeof(*remote));
	remote->path = *path;
	remote->natted = remote_is_hidden(msg, path);
	if (sip_msg_contact(msg, &contact) == 0 && !contact.star)
		fallback = contact.uri.text;
	remote->target = text_dup(fallback);
	rc = remote->target == NULL ? -ENOMEM : routes_of(remote, msg);
	if (rc != 0)
		remote_free(remote);
	else if (reversed)
		reverse(remote);
	return rc;
}

void remote_free(struct remote *remote)
{
	for (unsigned i = 0; i < remote->route_count; i++)
		free(remote->routes[i]);
	free(remote->routes);
	free(remote->target);
	remote->routes = NULL;
	remote->route_count = 0;
	remote->target = NULL;
}

void remote_refresh(struct remote *remote, const struct sip_msg *msg)
{
	struct sip_addr contact;
	char *target;

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

/* Names are not resolved here: what is no address goes where the dialog was set up. */
void remote_next_hop(const struct remote *remote, struct sip_path *path)
{
	struct slice text = remote->route_count > 0 ? uri_of_route(remote->routes[0])
						    : slice_of(remote->target);
	struct sip_uri uri;

	*path = remote->path;
	if (!remote->natted && sip_uri_parse(text, &uri) == 0)
		path_aim(path, &uri);
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
void remote_begin(const struct remote *remote, struct sip_build *b, const char *method)
{
	const bool strict = remote->route_count > 0 && !is_loose(remote->routes[0]);
	struct slice uri = strict ? uri_of_route(remote->routes[0]) : slice_of(remote->target);

	sip_build_request_line(b, slice_of(method), without_headers(uri));
	sip_build_header(b, SIP_H_MAX_FORWARDS, "%u", max_forwards);
	for (unsigned i = strict ? 1 : 0; i < remote->route_count; i++)
		sip_build_header(b, SIP_H_ROUTE, "%s", remote->routes[i]);
	if (strict)
		sip_build_header(b, SIP_H_ROUTE, "<%s>", remote->target);
}
