/* SPDX-License-Identifier: BSD-3-Clause */
/* Ranges of addresses that phones are simulated on, and the set of all that we answer for. */
#ifndef PKTGEN_TESTS_RTPGEN_ADDRESS_H
#define PKTGEN_TESTS_RTPGEN_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/client/client.h"

#define ADDRESS_PORT_FIRST 10000u /* even: of the RTP ports of simulated phones */
#define ADDRESS_PORT_LAST  65534u

/* Hosts of a prefix: without the network and broadcast addresses of IPv4. */
struct address_range {
	struct dp_address first; /* port 0 */
	uint32_t count;          /* at most 65536 are used of a larger prefix */
};

/* "198.18.0.128/25", "2001:2::1000/116"; without a length one host. 0 or -EINVAL. */
int address_range_parse(const char *text, struct address_range *range);

/* The n-th transport address: addresses in turn, then the next even port. False: too many. */
bool address_range_at(const struct address_range *range, uint32_t n, struct dp_address *address);
bool address_range_has(const struct address_range *range, uint8_t family, const uint8_t *ip);
uint32_t address_range_capacity(const struct address_range *range);

/* "192.0.2.1:4000" or "[2001:db8::1]:4000". 0 or -EINVAL. */
int address_parse(const char *text, struct dp_address *address);

static inline size_t address_size(uint8_t family)
{
	return family == DP_FAMILY_IPV4 ? 4 : 16;
}

#endif
