/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/address.h"

#include <arpa/inet.h>
#include <errno.h>

#include "sip/base/decimal.h"

static size_t ip_size(const struct sip_address *address)
{
	return address->family == AF_INET6 ? 16 : 4;
}

const char *sip_address_ip(const struct sip_address *address, char text[SIP_ADDRESS_TEXT])
{
	if (address->family == AF_INET)
		text[ipv4_write(text, address->ip)] = '\0';
	else if (address->family == 0 ||
		 inet_ntop(address->family, address->ip, text, SIP_ADDRESS_TEXT) == NULL)
		text[0] = '\0';
	return text;
}

const char *sip_address_text(const struct sip_address *address, char text[SIP_ADDRESS_TEXT])
{
	char *p = text;

	if (address->family == AF_INET6)
		*p++ = '[';
	sip_address_ip(address, p);
	p += strlen(p);
	if (address->family == AF_INET6)
		*p++ = ']';
	*p++ = ':';
	p[decimal_write(p, address->port)] = '\0';
	return text;
}

int sip_address_parse(struct slice ip, uint16_t port, struct sip_address *address)
{
	char text[SIP_ADDRESS_TEXT];

	memset(address, 0, sizeof(*address));
	if (ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = (struct slice){ ip.p + 1, ip.n - 2 };
	if (ip.n == 0 || ip.n >= sizeof(text) || memchr(ip.p, '\0', ip.n) != NULL)
		return -EINVAL;
	memcpy(text, ip.p, ip.n);
	text[ip.n] = '\0';
	if (ipv4_read(ip.p, ip.n, address->ip))
		address->family = AF_INET;
	else if (inet_pton(AF_INET6, text, address->ip) == 1)
		address->family = AF_INET6;
	else
		return -EINVAL;
	address->port = port;
	return 0;
}

bool sip_address_equal(const struct sip_address *a, const struct sip_address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool sip_address_same_host(const struct sip_address *a, const struct sip_address *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

uint64_t sip_address_hash(const struct sip_address *address)
{
	return slice_hash((struct slice){ (const char *)address, sizeof(*address) });
}

uint64_t sip_address_host_hash(const struct sip_address *address)
{
	return slice_hash((struct slice){ (const char *)address->ip, ip_size(address) });
}

static bool is_private_v4(const uint8_t *ip)
{
	static const struct {
		uint32_t net, mask;
	} nets[] = {
		{ 0x0a000000, 0xff000000 }, { 0xac100000, 0xfff00000 }, { 0xc0a80000, 0xffff0000 },
		{ 0x64400000, 0xffc00000 }, { 0xa9fe0000, 0xffff0000 }, { 0x7f000000, 0xff000000 },
	};
	uint32_t v4 = (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];

	for (unsigned i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if ((v4 & nets[i].mask) == nets[i].net)
			return true;
	return false;
}

bool sip_address_is_private(const struct sip_address *address)
{
	struct in6_addr v6;

	if (address->family == AF_INET)
		return is_private_v4(address->ip);
	memcpy(&v6, address->ip, sizeof(v6));
	return address->family == AF_INET6 &&
	       ((v6.s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(&v6) ||
		IN6_IS_ADDR_LOOPBACK(&v6));
}

void sip_address_from(const struct sockaddr *from, struct sip_address *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

	memset(address, 0, sizeof(*address));
	if (from->sa_family == AF_INET) {
		address->family = AF_INET;
		address->port = ntohs(v4->sin_port);
		memcpy(address->ip, &v4->sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		address->family = AF_INET6;
		address->port = ntohs(v6->sin6_port);
		address->scope = v6->sin6_scope_id;
		memcpy(address->ip, &v6->sin6_addr, 16);
	}
}

socklen_t sip_address_to(const struct sip_address *address, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	if (address->family == AF_INET6) {
		*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					     .sin6_port = htons(address->port),
					     .sin6_scope_id = address->scope };
		memcpy(&v6->sin6_addr, address->ip, 16);
		return sizeof(*v6);
	}
	*v4 = (struct sockaddr_in){ .sin_family = address->family,
				    .sin_port = htons(address->port) };
	memcpy(&v4->sin_addr, address->ip, 4);
	return sizeof(*v4);
}
