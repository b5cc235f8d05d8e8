/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/guard/internal.h"

struct prefix {
	uint16_t family;
	uint8_t bits;
	uint8_t ip[16];
};

/* Addresses in order, for there may be thousands; prefixes are few. */
struct trust {
	struct prefix *addresses;
	unsigned address_count, prefix_count;
	struct prefix prefixes[SIP_GUARD_LIST_MAX];
};

static int by_value(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct prefix));
}

static unsigned bits_of(uint16_t family)
{
	return family == AF_INET ? 32 : 128;
}

static void from_address(const struct sip_address *address, struct prefix *prefix)
{
	memset(prefix, 0, sizeof(*prefix));
	prefix->family = address->family;
	prefix->bits = (uint8_t)bits_of(address->family);
	memcpy(prefix->ip, address->ip, sizeof(prefix->ip));
}

/* "198.18.0.1", "198.18.0.0/24", "2001:db8::/32" */
static int parse(const char *text, struct prefix *prefix)
{
	struct slice rest = slice_of(text), ip = slice_split(&rest, '/');
	struct sip_address address;
	uint32_t bits;

	if (sip_address_parse(ip, 0, &address) != 0)
		return -EINVAL;
	from_address(&address, prefix);
	if (rest.n == 0)
		return 0;
	if (slice_to_u32(rest, bits_of(address.family), &bits) != 0)
		return -EINVAL;
	prefix->bits = (uint8_t)bits;
	return 0;
}

void trust_destroy(struct trust *trust)
{
	if (trust == NULL)
		return;
	free(trust->addresses);
	free(trust);
}

int trust_create(const struct sip_guard_list *prefixes, const struct sip_guard_list *addresses,
		 struct trust **out)
{
	struct trust *t = calloc(1, sizeof(*t));
	int rc = -EINVAL;

	if (t == NULL)
		return -ENOMEM;
	t->addresses = calloc(addresses->count + 1, sizeof(*t->addresses));
	if (t->addresses == NULL) {
		rc = -ENOMEM;
		goto failed;
	}
	for (unsigned i = 0; i < addresses->count; i++)
		if (parse(addresses->items[i], &t->addresses[t->address_count++]) != 0)
			goto failed;
	if (prefixes->count > SIP_GUARD_LIST_MAX)
		goto failed;
	for (unsigned i = 0; i < prefixes->count; i++)
		if (parse(prefixes->items[i], &t->prefixes[t->prefix_count++]) != 0)
			goto failed;
	qsort(t->addresses, t->address_count, sizeof(*t->addresses), by_value);
	*out = t;
	return 0;
failed:
	trust_destroy(t);
	return rc;
}

static bool covers(const struct prefix *prefix, const struct sip_address *address)
{
	const unsigned bytes = prefix->bits / 8, bits = prefix->bits % 8;
	const uint8_t mask = (uint8_t)(0xff00 >> bits);

	return prefix->family == address->family && memcmp(prefix->ip, address->ip, bytes) == 0 &&
	       (bits == 0 || ((prefix->ip[bytes] ^ address->ip[bytes]) & mask) == 0);
}

bool trust_has(const struct trust *trust, const struct sip_address *address)
{
	struct prefix key;

	for (unsigned i = 0; i < trust->prefix_count; i++)
		if (covers(&trust->prefixes[i], address))
			return true;
	from_address(address, &key);
	return bsearch(&key, trust->addresses, trust->address_count, sizeof(key), by_value) != NULL;
}
