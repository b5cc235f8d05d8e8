/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX 65536u

static uint32_t last_word(const struct dp_address *a)
{
	const uint8_t *p = a->ip + address_size(a->family) - 4;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void set_last_word(struct dp_address *a, uint32_t value)
{
	uint8_t *p = a->ip + address_size(a->family) - 4;

	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

int address_range_parse(const char *text, struct address_range *range)
{
	char ip[64];
	size_t length = strcspn(text, "/");
	unsigned long prefix, bits;
	uint64_t hosts;
	char *end;

	if (length >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, text, length);
	ip[length] = '\0';
	if (dp_address_parse(ip, 0, &range->first) != 0)
		return -EINVAL;
	bits = 8 * address_size(range->first.family);
	prefix = bits;
	if (text[length] == '/') {
		prefix = strtoul(text + length + 1, &end, 10);
		if (end == text + length + 1 || *end || prefix > bits || prefix == 0)
			return -EINVAL;
	}
	/* Below the first of a block of 65536 nothing is counted, so a carry stays in the last word. */
	hosts = bits - prefix >= 16 ? HOSTS_MAX : UINT64_C(1) << (bits - prefix);
	set_last_word(&range->first, last_word(&range->first) & ~(uint32_t)(hosts - 1));
	if (hosts > 2) {
		set_last_word(&range->first, last_word(&range->first) + 1);
		hosts -= 2;
	}
	range->count = (uint32_t)hosts;
	return 0;
}

uint32_t address_range_capacity(const struct address_range *range)
{
	return range->count * ((ADDRESS_PORT_LAST - ADDRESS_PORT_FIRST) / 2 + 1);
}

bool address_range_at(const struct address_range *range, uint32_t n, struct dp_address *address)
{
	uint32_t port = ADDRESS_PORT_FIRST + 2 * (n / range->count);

	if (port > ADDRESS_PORT_LAST)
		return false;
	*address = range->first;
	set_last_word(address, last_word(address) + n % range->count);
	address->port = (uint16_t)port;
	return true;
}

bool address_range_has(const struct address_range *range, uint8_t family, const uint8_t *ip)
{
	struct dp_address a = { .family = family };
	size_t size = address_size(family);

	if (family != range->first.family || memcmp(ip, range->first.ip, size - 4) != 0)
		return false;
	memcpy(a.ip, ip, size);
	return last_word(&a) - last_word(&range->first) < range->count;
}

int address_parse(const char *text, struct dp_address *address)
{
	const char *colon = strrchr(text, ':'), *start = text, *stop = colon;
	char ip[64], *end;
	unsigned long port;

	if (!colon || colon == text)
		return -EINVAL;
	if (*start == '[') {
		if (colon[-1] != ']')
			return -EINVAL;
		start++;
		stop--;
	}
	if (stop <= start || (size_t)(stop - start) >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, start, (size_t)(stop - start));
	ip[stop - start] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	return dp_address_parse(ip, (uint16_t)port, address);
}
