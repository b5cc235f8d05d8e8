/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a peer knows its own address, and so, where requests to it go: to the address that it
 * names, or to where its message came from. Names are not resolved here: what is no address goes
 * where the message came from.
 */
#include "sip/dialog/internal.h"

#define SIP_PORT 5060u

void path_aim(struct sip_path *path, const struct sip_uri *uri)
{
	struct sockaddr_storage address;
	struct slice transport;

	if (path->kind != SIP_UDP || uri->scheme != SIP_SCHEME_SIP)
		return;
	if (sip_param_get(uri->params, "transport", &transport) &&
	    !slice_equal_nocase(transport, SLICE("udp")))
		return;
	if (sip_sockaddr_parse(uri->host, uri->port != 0 ? uri->port : SIP_PORT, &address) == 0 &&
	    address.ss_family == path->remote.ss_family)
		path->remote = address;
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

static bool is_hidden(const struct sip_uri *contact, const struct sip_path *from)
{
	struct sockaddr_storage address;

	return sip_sockaddr_parse(contact->host, SIP_PORT, &address) == 0 && is_private(&address) &&
	       !is_private(&from->remote);
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
}
