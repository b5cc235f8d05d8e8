/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IP address with a port, in 24 bytes: compared and hashed as they are, with no byte undefined.
 * Half of what a socket address of the system takes, and there are many of them.
 */
#ifndef SIP_BASE_ADDRESS_H
#define SIP_BASE_ADDRESS_H

#include <assert.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sip/base/slice.h"

struct sip_address {
	uint16_t family; /* AF_INET, AF_INET6; 0: none */
	uint16_t port;   /* host order */
	uint32_t scope;  /* of an IPv6 link-local address: interface index; else 0 */
	uint8_t ip[16];  /* network order; IPv4 has the first four, the rest is 0 */
};
static_assert(sizeof(struct sip_address) == 24, "no padding");

#define SIP_ADDRESS_TEXT 64
/* Without port and brackets. "" if it has no family. Returns text. */
const char *sip_address_ip(const struct sip_address *address, char text[SIP_ADDRESS_TEXT]);
/* "198.18.0.10:5060" or "[2001:2::10]:5060". Returns text. */
const char *sip_address_text(const struct sip_address *address, char text[SIP_ADDRESS_TEXT]);
/* From an IP in text (no name, brackets allowed); 0 or -EINVAL. */
int sip_address_parse(struct slice ip, uint16_t port, struct sip_address *address);
/* Of family, address and port; and without the port. */
bool sip_address_equal(const struct sip_address *a, const struct sip_address *b);
bool sip_address_same_host(const struct sip_address *a, const struct sip_address *b);
/* Random key as of slice_hash(). */
uint64_t sip_address_hash(const struct sip_address *address);
uint64_t sip_address_host_hash(const struct sip_address *address);
/* RFC 1918, RFC 6598, link-local and loopback; RFC 4193 and the like of IPv6. */
bool sip_address_is_private(const struct sip_address *address);

/* Of other families than IPv4 and IPv6: family 0. */
void sip_address_from(const struct sockaddr *from, struct sip_address *address);
/* Returns its size. */
socklen_t sip_address_to(const struct sip_address *address, struct sockaddr_storage *to);

#endif
