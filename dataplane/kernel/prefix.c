/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses with a prefix length. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/kernel/netlink.h"

int netlink_prefix_parse(const char *text, struct dp_address *address, unsigned *length)
{
	struct dp_address parsed = { 0 };
	const char *slash = strchr(text, '/');
	char ip[INET6_ADDRSTRLEN], *end;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned long bits, most;

	if (n >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, text, n);
	ip[n] = '\0';
	if (inet_pton(AF_INET, ip, parsed.ip) == 1)
		parsed.family = DP_FAMILY_IPV4;
	else if (inet_pton(AF_INET6, ip, parsed.ip) == 1)
		parsed.family = DP_FAMILY_IPV6;
	else
		return -EINVAL;
	bits = most = parsed.family == DP_FAMILY_IPV4 ? 32 : 128;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > most)
			return -EINVAL;
	}
	*address = parsed;
	*length = (unsigned)bits;
	return 0;
}

bool netlink_prefix_holds(const struct dp_address *prefix, unsigned length,
			  const struct dp_address *address)
{
	unsigned bytes = length / 8, bits = length % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (prefix->family != address->family || memcmp(prefix->ip, address->ip, bytes) != 0)
		return false;
	return bits == 0 || ((prefix->ip[bytes] ^ address->ip[bytes]) & mask) == 0;
}
