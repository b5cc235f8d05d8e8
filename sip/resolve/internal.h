/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the resolver share.
 *
 *   resolve.c   a query: its steps, and the targets that come of it
 *   select.c    the rules of RFC 3263 and RFC 2782, without state
 *   cache.c     what the name servers have said; one question for all who wait for it
 *   target.c    targets that are dead or busy
 *   answer.c    replies of name servers
 *   cares.c     the name servers by c-ares
 */
#ifndef SIP_RESOLVE_INTERNAL_H
#define SIP_RESOLVE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "sip/base/hash_index.h"
#include "sip/resolve/resolve.h"

/* --- select.c --- */

/* What a URI says by itself. */
struct sip_next_hop {
	struct slice host; /* maddr, or the host */
	uint16_t port;     /* 0: none */
	bool sips;
	bool has_kind; /* transport=, or the host is an address */
	uint8_t kind;
	bool is_address;
	struct sip_address address; /* with the port it has, or the transport's */
};
/* 0, -EINVAL (no sip or sips URI, no host), -EPROTONOSUPPORT (sips by UDP, an unknown transport). */
int sip_next_hop_of(const struct sip_uri *uri, struct sip_next_hop *hop);
uint16_t sip_default_port(uint8_t kind);
/* "_sip._udp." and so on. */
const char *sip_srv_prefix(uint8_t kind);
/* NAPTR: by order, then preference. Those of a sip URI that are SIPS too; of a sips URI those alone. */
void sip_naptr_sort(struct dns_record *records, unsigned count);
/* SRV: by priority; within one at random, by weight. random: 0..n-1 at each call. */
void sip_srv_sort(struct dns_record *records, unsigned count, uint32_t (*below)(uint32_t n));

/* --- cache.c --- */

struct cache_waiter {
	struct cache_waiter *next, **prev;
	/* As of dns_done. */
	void (*done)(struct cache_waiter *waiter, int error, const struct dns_answer *answer);
};

struct cache_name;

struct cache {
	struct sip_dns *dns;
	struct timer_wheel *wheel;
	struct hash_index names;
	struct cache_name *oldest, **newest; /* by last use */
	struct cache_name *busy;
	unsigned max;
	struct sip_resolver_stats *stats;
};

int cache_init(struct cache *cache);
void cache_free(struct cache *cache);
/* 0: *answer is set, and stays until the next call. -EINPROGRESS: waiter->done comes later. */
int cache_ask(struct cache *cache, const char *name, enum dns_type type,
	      struct cache_waiter *waiter, const struct dns_answer **answer);
void cache_leave(struct cache_waiter *waiter);

/* --- target.c --- */

struct bad_target {
	struct hash_node node;
	struct bad_target *next, **prev; /* the oldest first */
	struct sip_target target;
	enum sip_target_state state;
	uint64_t until_ms;
};

#define BAD_TARGETS_MAX 1024u

struct sip_bad_targets {
	pthread_mutex_t lock; /* of all below but count, which is read without it */
	struct hash_index index;
	struct bad_target *oldest, **newest;
	_Atomic unsigned count;
};

/* for_s 0: it is in order. */
void bad_targets_report(struct sip_bad_targets *bad, const struct sip_target *target,
			enum sip_target_state state, unsigned for_s, uint64_t now_ms);
enum sip_target_state bad_targets_state(struct sip_bad_targets *bad,
					const struct sip_target *target, uint64_t now_ms);

/* --- resolve.c --- */
struct sip_resolver {
	struct cache cache;
	struct sip_bad_targets *bad, *own_bad; /* own_bad: not shared */
	unsigned dead_s;
	unsigned queries_max;
	struct sip_query *queries; /* that wait */
	struct sip_query *spare;
	struct dns_record scratch[DNS_RECORDS_MAX];
	struct sip_resolver_stats stats;
};

#endif
