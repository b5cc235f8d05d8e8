/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of the statistics area as JSON: segment.c, segment_calls.c. */
#ifndef CONTROLPLANE_CLI_VALUES_H
#define CONTROLPLANE_CLI_VALUES_H

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/client/client.h"

static inline uint64_t read64(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static inline json_t *ratio(uint64_t of, uint64_t by)
{
	return by ? json_real((double)of / (double)by) : json_null();
}

/* Text of fixed size, perhaps without a terminator. */
static inline json_t *text_of(const char *text, size_t size)
{
	json_t *value = json_stringn(text, strnlen(text, size));

	return value ? value : json_string("?");
}

static inline json_t *handle(dp_handle_t h)
{
	char text[24];

	if (dp_handle_is_none(h))
		return json_null();
	snprintf(text, sizeof(text), "%" PRIu32 ".%" PRIu32, h.index, h.generation);
	return json_string(text);
}

static inline json_t *call_id(uint64_t label)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, label);
	return json_string(text);
}

/* The IP alone, without brackets. */
static inline json_t *ip_of(const struct dp_address *address)
{
	char text[DP_ADDRESS_TEXT], *ip = text, *end;

	if (address->family == DP_FAMILY_NONE)
		return json_null();
	dp_address_format(address, text);
	end = strrchr(text, ':');
	if (end)
		*end = '\0';
	if (ip[0] == '[' && (end = strchr(ip, ']'))) {
		*end = '\0';
		ip++;
	}
	return json_string(ip);
}

static inline json_t *port_of(const struct dp_address *address)
{
	return address->family == DP_FAMILY_NONE ? json_null() : number(address->port);
}

static inline json_t *known_number(bool known, double value)
{
	return known ? json_real(value) : json_null();
}

#endif
