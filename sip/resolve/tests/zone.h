/* SPDX-License-Identifier: BSD-3-Clause */
/* A name server in the process, for tests: its zone is text, its answers come at once or when the
 * test says so. */
#ifndef SIP_RESOLVE_TESTS_ZONE_H
#define SIP_RESOLVE_TESTS_ZONE_H

#include "sip/resolve/dns.h"

#define ZONE_WAITING_MAX 64

struct zone_question {
	char name[DNS_NAME_MAX];
	enum dns_type type;
	dns_done *done; /* NULL: cancelled */
	void *arg;
};

struct zone {
	struct sip_dns dns;
	/* Lines: "name TTL TYPE data": A and AAAA an address, SRV "priority weight port target",
	 * NAPTR "order preference service replacement". TTL of a name that is not there: 60. */
	const char *text;
	bool later;  /* answers wait for zone_answer() */
	bool silent; /* every question fails with -EAGAIN */
	unsigned asked;
	struct zone_question waiting[ZONE_WAITING_MAX];
	unsigned waiting_count;
};

void zone_init(struct zone *zone, const char *text);
/* Answers all that wait, and what is asked meanwhile not. */
void zone_answer(struct zone *zone);

#endif
