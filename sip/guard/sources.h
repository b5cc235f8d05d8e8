/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is remembered of each source: how fast it sends, what it did wrong, whether it is banned.
 * A source is an IPv4 address, or the /64 of an IPv6 address: who has one of its addresses has all.
 *
 * One table for all shards, of fixed size, without a lock and without an allocation: sets of eight
 * ways, each a key and a cache line of atomic words. Where a set is full, the source that has been
 * quiet for longest is forgotten, but none that is banned. So a flood from forged addresses costs
 * its own entries and nobody's ban; a source for which no room is left is not limited by itself,
 * only by the load.
 *
 * Places are found by a keyed hash, so nobody can aim at a set.
 *
 * Any thread. Times are parameters: milliseconds of a monotonic clock.
 */
#ifndef SIP_GUARD_SOURCES_H
#define SIP_GUARD_SOURCES_H

#include <assert.h>
#include <stdatomic.h>

#include "sip/base/address.h"

#define GUARD_WAYS 8u

enum guard_why { /* of a ban */
		 GUARD_NOT_BANNED,
		 GUARD_SCANNER,
		 GUARD_PASSWORDS,
		 GUARD_OPERATOR,
};
const char *guard_why_text(enum guard_why why);

/* Rates as of the generic cell rate algorithm (ITU-T I.371): when the next one would be due if it
 * kept to its rate. guard_rate: in us; the clock's higher bits are not needed, as no due is further
 * away than a second. */
typedef _Atomic uint32_t guard_rate;

struct guard_source {
	_Atomic uint64_t faults; /* such a rate of longer windows, in ns */
	_Atomic uint64_t ban;    /* struct guard_ban, packed; 0: never */
	_Atomic uint64_t oc;     /* sip/guard/oc.c */
	guard_rate requests, messages, connections, keepalives;
	_Atomic uint32_t seen_s, good_s;
	_Atomic uint32_t told_s[2]; /* when somebody was last told: of a scanner, of a flood */
	_Atomic uint32_t peer_s;    /* until when it is an address of a peer; 0: never was */
	uint8_t trusted;            /* written while the entry is claimed */
	uint8_t reserved[3];
};
static_assert(sizeof(struct guard_source) == 64, "a cache line");

struct guard_ban {
	uint32_t until_s;
	uint8_t level; /* how often before: each ban is twice as long */
	enum guard_why why;
};

#define GUARD_GOOD_S 3600u /* a password that was right counts for so long */

struct guard_sources;
struct guard_sources_config {
	uint32_t count; /* of sources; rounded up to a power of two */
	bool (*trusted)(void *arg, const struct sip_address *address); /* asked once a source */
	void *arg;
};
int guard_sources_create(const struct guard_sources_config *config, struct guard_sources **sources);
void guard_sources_destroy(struct guard_sources *sources);

/* The entry, made if there is none yet. NULL: no room. It may be taken by another source later. */
struct guard_source *guard_sources_claim(struct guard_sources *sources,
					 const struct sip_address *address, uint64_t now_ms);
/* NULL: not remembered. */
struct guard_source *guard_sources_find(const struct guard_sources *sources,
					const struct sip_address *address);

/* Takes one of `per_s`, a second's worth of which may come at once. false: there is none left.
 * per_s 0: no limit. */
bool guard_take(guard_rate *due, uint32_t per_s, uint64_t now_ms);
/* Likewise of `count` in `window_s` seconds. */
bool guard_take_of(_Atomic uint64_t *due, uint32_t count, uint32_t window_s, uint64_t now_ms);

/* Trusted, or a peer's address at this time: it has no limits and is not banned. */
bool guard_source_is_spared(const struct guard_source *source, uint64_t now_ms);
/* It is a peer's for so long. Ends a ban. */
void guard_source_spare(struct guard_source *source, uint32_t seconds, uint64_t now_ms);

struct guard_ban guard_source_ban_of(const struct guard_source *source);
bool guard_source_is_banned(const struct guard_source *source, uint64_t now_ms);
/* Bans for `seconds`, twice as long for each ban before this one, at most `max_s`. Returns for how
 * long; 0: it is banned already. */
uint32_t guard_source_ban(struct guard_source *source, enum guard_why why, uint32_t seconds,
			  uint32_t max_s, uint64_t now_ms);
/* false: it is not banned. How often it has been is kept. */
bool guard_source_unban(struct guard_source *source, uint64_t now_ms);

/* Clears the bans that are over, and tells of them. Returns how many go on. */
unsigned guard_sources_expire(struct guard_sources *sources, uint64_t now_ms,
			      void (*fn)(void *arg, const struct sip_address *address), void *arg);
/* All that are banned. address: a representative one, the port is 0. */
void guard_sources_each_ban(const struct guard_sources *sources, uint64_t now_ms,
			    void (*fn)(void *arg, const struct sip_address *address,
				       const struct guard_ban *ban),
			    void *arg);

#endif
