/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to name servers and their answers, as the resolver needs them (RFC 1035, 2782, 3403). */
#ifndef SIP_RESOLVE_DNS_H
#define SIP_RESOLVE_DNS_H

#include "sip/base/address.h"

#define DNS_NAME_MAX    256 /* with terminator */
#define DNS_RECORDS_MAX 64u /* of one answer; more are left out */

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

struct dns_record {
	uint16_t type;              /* enum dns_type */
	uint16_t priority;          /* SRV; of NAPTR the order */
	uint16_t weight;            /* SRV; of NAPTR the preference */
	uint16_t port;              /* SRV */
	uint8_t service;            /* NAPTR: enum sip_transport_kind, for what it is good */
	bool sips;                  /* NAPTR: SIPS+… */
	struct sip_address address; /* A, AAAA: port 0 */
	char name[DNS_NAME_MAX];    /* SRV target, NAPTR replacement; lower case; "" is "." */
};

struct dns_answer {
	uint32_t ttl_s; /* of the shortest; of none: how long that holds (RFC 2308) */
	unsigned count; /* 0: there is no such name, or nothing of that type */
	struct dns_record records[DNS_RECORDS_MAX];
};

/*
 * Reads a reply: the records of `type`, those that are no use for SIP left out (NAPTR other than
 * flag "s" with a SIP service). 0 (count 0 for NXDOMAIN and an empty answer), -EAGAIN: the server
 * has failed or refused, -EBADMSG.
 */
int dns_answer_read(const unsigned char *reply, size_t size, enum dns_type type,
		    struct dns_answer *answer);

/* answer NULL: error says why: -EAGAIN (no answer), -EBADMSG. */
typedef void dns_done(void *arg, int error, const struct dns_answer *answer);

/* Who is asked. */
struct sip_dns {
	/* `done` is called once, at once or later, unless `cancel` came before. */
	void (*ask)(struct sip_dns *dns, const char *name, enum dns_type type, dns_done *done,
		    void *arg);
	/* All questions with this arg. */
	void (*cancel)(struct sip_dns *dns, void *arg);
};

#endif
