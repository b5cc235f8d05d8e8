/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sip/dialog/internal.h"

#define SIP_PORT 5060u

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

/* By the Via: what the sender takes for its address is not where the packet came from. */
bool remote_is_natted(const struct sip_msg *request, const struct sip_path *from)
{
	struct sockaddr_storage said, seen = from->remote;
	struct sip_via via;
	uint16_t port;

	if (sip_msg_top_via(request, &via) != 0)
		return true;
	/* Without rport the sender may well listen elsewhere than where it sends from. */
	port = !via.rport ? sip_sockaddr_port(&seen) : via.port != 0 ? via.port : SIP_PORT;
	return sip_sockaddr_parse(via.host, port, &said) != 0 || !sip_sockaddr_equal(&said, &seen);
}

/* RFC 1918, RFC 6598, link-local and loopback; RFC 4193 and the like of IPv6. */
static bool is_private(const struct sockaddr_storage *address)
{
	static const struct {
		uint32_t net, mask;
	} nets[] = {
		{ 0x0a000000, 0xff000000 }, { 0xac100000, 0xfff00000 }, { 0xc0a80000, 0xffff0000 },
		{ 0x64400000, 0xffc00000 }, { 0xa9fe0000, 0xffff0000 }, { 0x7f000000, 0xff000000 },
	};
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
	uint32_t v4;

	if (address->ss_family == AF_INET6)
		return (v6->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(v6) ||
		       IN6_IS_ADDR_LOOPBACK(v6);
	v4 = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
	for (unsigned i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if ((v4 & nets[i].mask) == nets[i].net)
			return true;
	return false;
}

bool remote_is_hidden(const struct sip_msg *msg, const struct sip_path *from)
{
	struct sockaddr_storage address;
	struct sip_addr contact;

	return sip_msg_contact(msg, &contact) == 0 &&
	       sip_sockaddr_parse(contact.uri.host, SIP_PORT, &address) == 0 &&
	       is_private(&address) && !is_private(&from->remote);
}

static bool udp_address(struct slice uri_text, struct sockaddr_storage *address)
{
	struct slice transport;
	struct sip_uri uri;

	if (sip_uri_parse(uri_text, &uri) != 0 || uri.scheme != SIP_SCHEME_SIP)
		return false;
	if (sip_param_get(uri.params, "transport", &transport) &&
	    !slice_equal_nocase(transport, SLICE("udp")))
		return false;
	return sip_sockaddr_parse(uri.host, uri.port != 0 ? uri.port : SIP_PORT, address) == 0;
}

static struct slice uri_of_route(const char *route)
{
	struct sip_addr addr;

	return sip_addr_parse(slice_of(route), &addr) == 0 ? addr.uri.text : SLICE_NONE;
}

/* Names are not resolved here: what is no address goes where the dialog was set up. */
void remote_next_hop(const struct remote *remote, struct sip_path *path)
{
	struct sockaddr_storage address;
	struct slice uri = remote->route_count > 0 ? uri_of_route(remote->routes[0])
						   : slice_of(remote->target);

	*path = remote->path;
	if (remote->natted || path->kind != SIP_UDP || !udp_address(uri, &address))
		return;
	if (address.ss_family == path->remote.ss_family)
		path->remote = address;
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
