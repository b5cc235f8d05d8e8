/* SPDX-License-Identifier: BSD-3-Clause */
/* The name servers by c-ares, on a libuv loop. The loop's thread. */
#ifndef SIP_RESOLVE_CARES_H
#define SIP_RESOLVE_CARES_H

#include "sip/resolve/dns.h"

typedef struct uv_loop_s uv_loop_t;

struct sip_cares_config {
	uv_loop_t *loop;
	const char *const *servers; /* "198.18.0.53", "[2001:2::53]:5353"; none: the system's */
	unsigned server_count;
	unsigned timeout_ms; /* of the first try */
	unsigned tries;      /* of each server */
};

/* why: text that says what is wrong with the servers. */
int sip_cares_create(const struct sip_cares_config *config, struct sip_dns **dns, char *why,
		     size_t why_size);
/* What was asked gets no answer. Its handles leave the loop when that runs. */
void sip_cares_destroy(struct sip_dns *dns);

#endif
