/* SPDX-License-Identifier: BSD-3-Clause */
/* Transport addresses as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dataplane/client/client.h"

static size_t ip_size(uint8_t family)
{
	return family == DP_FAMILY_IPV6 ? 16 : family == DP_FAMILY_IPV4 ? 4 : 0;
}

/* Digits of a small number, from p on; behind them. */
static char *put_number(char *p, unsigned number)
{
	char digits[8], *first = digits + sizeof(digits);

	do {
		*--first = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	memcpy(p, first, (size_t)(digits + sizeof(digits) - first));
	return p + (digits + sizeof(digits) - first);
}

/* By hand, for a call on record has a dozen of them, and printf and inet_ntop() are slow. */
static char *put_ipv4(char *p, const uint8_t *ip)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = put_number(p, ip[i]);
	}
	return p;
}

const char *dp_address_format(const struct dp_address *address, char text[DP_ADDRESS_TEXT])
{
	char *p = text;

	switch (address->family) {
	case DP_FAMILY_IPV4:
		p = put_ipv4(p, address->ip);
		break;
	case DP_FAMILY_IPV6:
		*p++ = '[';
		inet_ntop(AF_INET6, address->ip, p, INET6_ADDRSTRLEN);
		p += strlen(p);
		*p++ = ']';
		break;
	default:
		return strcpy(text, "-");
	}
	*p++ = ':';
	*put_number(p, address->port) = '\0';
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
