/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a peer knows its own address, and so, where requests to it go: to the address that it
 * names, or to where its message came from. Names are not resolved here: what is no address goes
 * where the message came from.
 */
#include "sip/dialog/internal.h"

#define SIP_PORT  5060u
#define SIPS_PORT 5061u

/* Of a URI that is reached as the path goes: the same transport (RFC 3263 §4.1, without DNS). */
static bool same_transport(const struct sip_path *path, const struct sip_uri *uri)
{
	struct slice transport;

	if (path->kind > SIP_TLS)
		return false;
	if (!sip_param_get(uri->params, "transport", &transport))
		return path->kind == (uri->scheme == SIP_SCHEME_SIPS ? SIP_TLS : SIP_UDP);
	if (uri->scheme == SIP_SCHEME_SIPS)
		return path->kind == SIP_TLS;
	return slice_equal_nocase(transport, slice_of(sip_transport_name(path->kind)));
}

/* A connection to the same host is kept as long as it lives; the address is where the next one
 * goes. To another host, it is not the way. */
void path_aim(struct sip_path *path, const struct sip_uri *uri)
{
	const uint16_t usual = path->kind == SIP_TLS ? SIPS_PORT : SIP_PORT;
	struct sip_address address;

	if ((uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS) ||
	    !same_transport(path, uri) ||
	    sip_address_parse(uri->host, uri->port != 0 ? uri->port : usual, &address) != 0 ||
	    address.family != path->remote.family)
		return;
	if (!sip_address_same_host(&address, &path->remote))
		path->flow = (struct sip_flow){ 0 };
	path->remote = address;
}

/* By the Via: what the sender takes for its address is not where the packet came from. */
bool remote_is_natted(const struct sip_msg *request, const struct sip_path *from)
{
	struct sip_address said, seen = from->remote;
	struct sip_via via;
	uint16_t port;

	if (sip_msg_top_via(request, &via) != 0)
		return true;
	/* A connection comes from any port. */
	if (from->kind != SIP_UDP)
		return sip_address_parse(via.host, 0, &said) != 0 ||
		       !sip_address_same_host(&said, &seen);
	/* Without rport the sender may well listen elsewhere than where it sends from. */
	port = !via.rport ? seen.port : via.port != 0 ? via.port : SIP_PORT;
	return sip_address_parse(via.host, port, &said) != 0 || !sip_address_equal(&said, &seen);
}

static bool is_hidden(const struct sip_uri *contact, const struct sip_path *from)
{
	struct sip_address address;

	return sip_address_parse(contact->host, SIP_PORT, &address) == 0 &&
	       sip_address_is_private(&address) && !sip_address_is_private(&from->remote);
}

bool remote_is_hidden(const struct sip_msg *msg, const struct sip_path *from)
{
	struct sip_addr contact;

	return sip_msg_contact(msg, &contact) == 0 && is_hidden(&contact.uri, from);
}

void sip_contact_path(const struct sip_msg *request, const struct sip_path *from,
		      const struct sip_uri *contact, struct sip_path *path)
{
	*path = *from;
	if (!remote_is_natted(request, from) && !is_hidden(contact, from))
		path_aim(path, contact);
	else if (path->kind != SIP_UDP) /* nobody can connect to where it connects from */
		path->flags |= SIP_PATH_FLOW_ONLY;
}
