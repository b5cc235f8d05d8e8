/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a request goes: RFC 3263. A URI becomes a list of targets, each an address and a
 * transport, in the order in which they are to be tried.
 *
 *   URI                                  transport              addresses
 *   numeric host                         transport=, or UDP     it is one
 *   name with port                       transport=, or UDP     A, AAAA
 *   name with transport=                 that one               SRV of it, else A, AAAA
 *   name alone                           NAPTR, else SRV of     SRV, else A, AAAA
 *                                        each; else UDP
 *
 * A sips URI goes by TLS alone, or not at all. ;maddr stands for the host (RFC 3261 §16.6 step 7).
 * SRV records are taken by priority and, within one, at random by weight (RFC 2782), anew for each
 * request; what the name servers said is kept for its TTL. Targets that were told to be dead or
 * busy come last or not at all for a while.
 *
 * One resolver per shard, one thread. The questions go to a `struct sip_dns`: c-ares on the
 * shard's loop (cares.h), or a table in tests.
 */
#ifndef SIP_RESOLVE_RESOLVE_H
#define SIP_RESOLVE_RESOLVE_H

#include "sip/base/timer.h"
#include "sip/message/typed.h"
#include "sip/resolve/dns.h"
#include "sip/transport/transport.h"

struct sip_resolver;
struct sip_query; /* one that is not answered yet */

#define SIP_TARGETS_MAX 16u

struct sip_target {
	struct sip_address address;
	uint8_t kind; /* enum sip_transport_kind */
};

struct sip_targets {
	unsigned count;
	struct sip_target list[SIP_TARGETS_MAX];
	bool by_name;              /* of `domain`; else the URI had an address */
	char domain[DNS_NAME_MAX]; /* whose certificate a TLS target has to show (RFC 5922 §4) */
};

/* What the caller can reach: bits of enum sip_transport_kind, by family. */
struct sip_reach {
	uint8_t ipv4, ipv6;
};

/* Targets that are dead or busy, for the resolvers of all shards. Any thread. */
struct sip_bad_targets;
int sip_bad_targets_create(struct sip_bad_targets **bad);
void sip_bad_targets_destroy(struct sip_bad_targets *bad);

struct sip_resolver_config {
	struct timer_wheel *wheel;
	struct sip_dns *dns;
	struct sip_bad_targets *bad; /* outlives the resolver; NULL: its own. Wheels of one clock */
	unsigned cache_max;          /* names and types that are remembered; 0: 4096 */
	unsigned queries_max;        /* that may wait at a time; 0: 4096 */
	unsigned dead_s;             /* how long a target that did not answer comes last; 0: 30 */
};

struct sip_resolver_stats {
	uint64_t questions;      /* that went to the name servers */
	uint64_t cached;         /* that did not */
	uint64_t failures;       /* that they did not answer in time, or refused */
	uint64_t unresolved;     /* URIs without any target */
	uint64_t refused;        /* queries_max */
	uint64_t dead, busy;     /* targets that were told to be so */
	uint32_t queries, names; /* that wait; in the cache */
};

int sip_resolver_create(const struct sip_resolver_config *config, struct sip_resolver **resolver);
/* Queries that wait are cancelled: nobody is told. Before the dns. */
void sip_resolver_destroy(struct sip_resolver *resolver);
void sip_resolver_stats(const struct sip_resolver *resolver, struct sip_resolver_stats *stats);

/*
 * 0: *targets is filled in (an address, or all was in the cache); at least one.
 * -EINPROGRESS: `done` is called later with the targets or an error; *query until then.
 * -ENOENT: no such host; -EPROTONOSUPPORT: by no transport or family that is in reach, or a
 * sips URI without TLS; -EAGAIN: the name servers do not answer; -EBUSY: every target has asked to
 * be left alone (Retry-After), or too many queries wait; -ENOMEM.
 */
typedef void sip_resolved(void *arg, int error, const struct sip_targets *targets);
int sip_resolve(struct sip_resolver *resolver, const struct sip_uri *uri, struct sip_reach reach,
		struct sip_targets *targets, sip_resolved *done, void *arg,
		struct sip_query **query);
/* `done` is not called then. */
void sip_query_cancel(struct sip_query *query);

enum sip_target_state {
	SIP_TARGET_OK,
	SIP_TARGET_BUSY, /* 503: not asked again for retry_after_s */
	SIP_TARGET_DEAD, /* no answer, no connection: comes last for dead_s */
};
void sip_resolver_report(struct sip_resolver *resolver, const struct sip_target *target,
			 enum sip_target_state state, unsigned retry_after_s);
enum sip_target_state sip_resolver_state(const struct sip_resolver *resolver,
					 const struct sip_target *target);

#endif
