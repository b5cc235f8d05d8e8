/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is remembered of each source: how fast it sends, what it did wrong, whether it is banned.
 * A source is an IPv4 address, or the /64 of an IPv6 address: who has one of its addresses has all.
 *
 * One table for all shards, of fixed size, without a lock and without an allocation: sets of eight
 * ways, each a key and a cache line of atomic words. Where a set is full, the source that has been
 * quiet for longest is forgotten, but none that is banned or has something unfinished. So a flood
 * from forged addresses costs its own entries and nobody's ban; a source for which no room is left
 * is not limited by itself, only by the load.
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

#define SOURCE_WAYS 8u

enum source_why { /* of a ban */
		  SOURCE_NOT_BANNED,
		  SOURCE_SCANNER,
		  SOURCE_PASSWORDS,
		  SOURCE_OPERATOR,
};
const char *source_why_text(enum source_why why);

struct source {
	/* Rates as of the generic cell rate algorithm (ITU-T I.371): when the next one would be due
	 * if it kept to its rate, in ns. */
	_Atomic uint64_t requests, messages, faults;
	_Atomic uint64_t ban; /* struct source_ban, packed; 0: never */
	_Atomic uint64_t oc;  /* sip/guard/oc.c */
	_Atomic uint32_t seen_s, good_s;
	_Atomic uint32_t transactions, connections; /* unfinished, open */
	_Atomic uint32_t told_s;                    /* when somebody was last told of it */
	uint8_t trusted;                            /* written while the entry is claimed */
	uint8_t reserved[3];
};
static_assert(sizeof(struct source) == 64, "a cache line");

struct source_ban {
	uint32_t until_s;
	uint8_t level; /* how often before: each ban is twice as long */
	enum source_why why;
};

struct sources;
struct sources_config {
	uint32_t count; /* of sources; rounded up to a power of two */
	bool (*trusted)(void *arg, const struct sip_address *address); /* asked once a source */
	void *arg;
};
int sources_create(const struct sources_config *config, struct sources **sources);
void sources_destroy(struct sources *sources);

/* The entry, made if there is none yet. NULL: no room. It may be taken by another source later. */
struct source *sources_claim(struct sources *sources, const struct sip_address *address,
			     uint64_t now_ms);
/* NULL: not remembered. */
struct source *sources_find(const struct sources *sources, const struct sip_address *address);

/* Takes one of `per_s`, a second's worth of which may come at once. false: there is none left.
 * per_s 0: no limit. */
bool source_take(_Atomic uint64_t *due, uint32_t per_s, uint64_t now_ms);
/* Likewise of `count` in `window_s` seconds. */
bool source_take_of(_Atomic uint64_t *due, uint32_t count, uint32_t window_s, uint64_t now_ms);

struct source_ban source_get_ban(const struct source *source);
bool source_is_banned(const struct source *source, uint64_t now_ms);
/* Bans for `seconds`, twice as long for each ban before this one, at most `max_s`. Returns for how
 * long; 0: it is banned already. */
uint32_t source_ban(struct source *source, enum source_why why, uint32_t seconds, uint32_t max_s,
		    uint64_t now_ms);
/* false: it is not banned. How often it has been is kept. */
bool source_unban(struct source *source, uint64_t now_ms);

/* Counts one more, unless there are `max` already (0: no limit). false: there are. What is begun
 * keeps the entry; a source without an entry is not counted. */
bool sources_begin(struct sources *sources, const struct sip_address *address, bool connection,
		   uint32_t max, uint64_t now_ms);
void sources_end(struct sources *sources, const struct sip_address *address, bool connection);

/* All that are banned. address: a representative one, the port is 0. */
void sources_each_ban(const struct sources *sources, uint64_t now_ms,
		      void (*fn)(void *arg, const struct sip_address *address,
				 const struct source_ban *ban),
		      void *arg);

#endif
