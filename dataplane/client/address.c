/* SPDX-License-Identifier: BSD-3-Clause */
/* Transport addresses as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/client/client.h"

static size_t ip_size(uint8_t family)
{
	return family == DP_FAMILY_IPV6 ? 16 : family == DP_FAMILY_IPV4 ? 4 : 0;
}

const char *dp_address_format(const struct dp_address *address, char text[DP_ADDRESS_TEXT])
{
	char ip[INET6_ADDRSTRLEN];

	switch (address->family) {
	case DP_FAMILY_IPV4:
		inet_ntop(AF_INET, address->ip, ip, sizeof(ip));
		snprintf(text, DP_ADDRESS_TEXT, "%s:%u", ip, address->port);
		break;
	case DP_FAMILY_IPV6:
		inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
		snprintf(text, DP_ADDRESS_TEXT, "[%s]:%u", ip, address->port);
		break;
	default:
		snprintf(text, DP_ADDRESS_TEXT, "-");
		break;
	}
	return text;
}

int dp_address_parse(const char *ip, uint16_t port, struct dp_address *address)
{
	struct dp_address parsed = { .port = port };

	if (inet_pton(AF_INET, ip, parsed.ip) == 1)
		parsed.family = DP_FAMILY_IPV4;
	else if (inet_pton(AF_INET6, ip, parsed.ip) == 1)
		parsed.family = DP_FAMILY_IPV6;
	else
		return -EINVAL;
	*address = parsed;
	return 0;
}

bool dp_address_equal(const struct dp_address *a, const struct dp_address *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == DP_FAMILY_NONE)
		return true;
	return a->port == b->port && memcmp(a->ip, b->ip, ip_size(a->family)) == 0;
}
