/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/guard/sources.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_NONE    UINT64_C(0)
#define KEY_CLAIMED UINT64_C(1) /* changes hands right now */
#define KEY_ODD     UINT64_C(2) /* IPv6 that is no global address: ::1 and the like */
#define KEY_IPV4    UINT64_C(0x0000ffff00000000) /* in ::/16, which no host has */

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
#define US_PER_MS 1000u
#define US_PER_S  1000000u

#define BAN_LEVEL_MAX 16u
#define BAN_UNTIL     32u /* bits of level and why below it */
#define BAN_LEVEL     UINT64_C(0xff00)

struct set {
	_Alignas(64) _Atomic uint64_t keys[GUARD_WAYS];
	struct guard_source ways[GUARD_WAYS];
};

struct guard_sources {
	struct guard_sources_config config;
	uint64_t mask;
	struct set *sets;
};

const char *guard_why_text(enum guard_why why)
{
	static const char *const texts[] = {
		[GUARD_NOT_BANNED] = "none",
		[GUARD_SCANNER] = "scanner",
		[GUARD_PASSWORDS] = "wrong passwords",
		[GUARD_OPERATOR] = "operator",
	};

	return why < sizeof(texts) / sizeof(texts[0]) ? texts[why] : "?";
}

int guard_sources_create(const struct guard_sources_config *config, struct guard_sources **out)
{
	struct guard_sources *s = calloc(1, sizeof(*s));
	uint64_t sets = 1;

	if (s == NULL)
		return -ENOMEM;
	while (sets * GUARD_WAYS < config->count)
		sets *= 2;
	s->config = *config;
	s->mask = sets - 1;
	s->sets = aligned_alloc(64, sets * sizeof(struct set));
	if (s->sets == NULL) {
		free(s);
		return -ENOMEM;
	}
	memset(s->sets, 0, sets * sizeof(struct set));
	*out = s;
	return 0;
}

void guard_sources_destroy(struct guard_sources *sources)
{
	if (sources == NULL)
		return;
	free(sources->sets);
	free(sources);
}

/* --- places --- */

static uint64_t key_of(const struct sip_address *address)
{
	uint64_t key = 0;

	if (address->family == AF_INET) {
		for (int i = 0; i < 4; i++)
			key = key << 8 | address->ip[i];
		return KEY_IPV4 | key;
	}
	for (int i = 0; i < 8; i++)
		key = key << 8 | address->ip[i];
	return key >> 48 == 0 ? KEY_ODD : key;
}

static void address_of(uint64_t key, struct sip_address *address)
{
	memset(address, 0, sizeof(*address));
	if ((key & ~UINT64_C(0xffffffff)) == KEY_IPV4) {
		address->family = AF_INET;
		for (unsigned i = 0; i < 4; i++)
			address->ip[i] = (uint8_t)(key >> (24 - 8 * i));
		return;
	}
	address->family = AF_INET6;
	if (key == KEY_ODD) {
		address->ip[15] = 1;
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		address->ip[i] = (uint8_t)(key >> (56 - 8 * i));
}

static struct set *set_of(const struct guard_sources *sources, uint64_t key)
{
	return &sources->sets[slice_hash((struct slice){ (const char *)&key, sizeof(key) }) &
			      sources->mask];
}

static struct guard_source *find(struct set *set, uint64_t key)
{
	for (unsigned i = 0; i < GUARD_WAYS; i++)
		if (atomic_load_explicit(&set->keys[i], memory_order_acquire) == key)
			return &set->ways[i];
	return NULL;
}

struct guard_source *guard_sources_find(const struct guard_sources *sources,
					const struct sip_address *address)
{
	const uint64_t key = key_of(address);

	return find(set_of(sources, key), key);
}

/* Who has proven a password goes last, and so does a peer: forgotten in a flood of forged addresses,
 * it would have limits next. */
static uint32_t kept_until(const struct guard_source *source)
{
	const uint32_t seen = atomic_load_explicit(&source->seen_s, memory_order_relaxed);
	const uint32_t good = atomic_load_explicit(&source->good_s, memory_order_relaxed);
	const uint32_t peer = atomic_load_explicit(&source->peer_s, memory_order_relaxed);
	const uint32_t kept = good > 0 && good + GUARD_GOOD_S > seen ? good + GUARD_GOOD_S : seen;

	return peer > kept ? peer : kept;
}

/* The way that is free, or has been quiet for longest. GUARD_WAYS: all are kept. */
static unsigned victim_of(struct set *set, uint64_t now_ms)
{
	unsigned victim = GUARD_WAYS;
	uint32_t oldest = UINT32_MAX;

	for (unsigned i = 0; i < GUARD_WAYS; i++) {
		const uint64_t key = atomic_load_explicit(&set->keys[i], memory_order_relaxed);
		uint32_t kept;

		if (key == KEY_NONE)
			return i;
		if (key == KEY_CLAIMED || guard_source_is_banned(&set->ways[i], now_ms))
			continue;
		kept = kept_until(&set->ways[i]);
		if (kept < oldest) {
			oldest = kept;
			victim = i;
		}
	}
	return victim;
}

static void clear(struct guard_source *s, uint64_t now_ms)
{
	const uint32_t now = (uint32_t)(now_ms * US_PER_MS);

	atomic_store_explicit(&s->requests, now, memory_order_relaxed);
	atomic_store_explicit(&s->messages, now, memory_order_relaxed);
	atomic_store_explicit(&s->connections, now, memory_order_relaxed);
	atomic_store_explicit(&s->keepalives, now, memory_order_relaxed);
	atomic_store_explicit(&s->faults, 0, memory_order_relaxed);
	atomic_store_explicit(&s->ban, 0, memory_order_relaxed);
	atomic_store_explicit(&s->oc, 0, memory_order_relaxed);
	atomic_store_explicit(&s->good_s, 0, memory_order_relaxed);
	atomic_store_explicit(&s->peer_s, 0, memory_order_relaxed);
	atomic_store_explicit(&s->told_s[0], 0, memory_order_relaxed);
	atomic_store_explicit(&s->told_s[1], 0, memory_order_relaxed);
}

struct guard_source *guard_sources_claim(struct guard_sources *sources,
					 const struct sip_address *address, uint64_t now_ms)
{
	const uint64_t key = key_of(address);
	struct set *set = set_of(sources, key);
	struct guard_source *s = find(set, key);
	uint64_t before;
	unsigned way;

	if (s != NULL)
		goto seen;
	way = victim_of(set, now_ms);
	if (way == GUARD_WAYS)
		return NULL;
	s = &set->ways[way];
	before = atomic_load(&set->keys[way]);
	if (before == KEY_CLAIMED ||
	    !atomic_compare_exchange_strong(&set->keys[way], &before, KEY_CLAIMED))
		return NULL;
	/* It may have been banned meanwhile. */
	if (before != KEY_NONE && guard_source_is_banned(s, now_ms)) {
		atomic_store(&set->keys[way], before);
		return NULL;
	}
	clear(s, now_ms);
	s->trusted = sources->config.trusted != NULL &&
		     sources->config.trusted(sources->config.arg, address);
	atomic_store(&set->keys[way], key);
seen:
	if (atomic_load_explicit(&s->seen_s, memory_order_relaxed) != (uint32_t)(now_ms / 1000))
		atomic_store_explicit(&s->seen_s, (uint32_t)(now_ms / 1000), memory_order_relaxed);
	return s;
}

/* --- rates --- */

/* A due that is more than a second away has passed: for who comes back after an hour that is wrong
 * in one of 4,000 cases, and costs a message or two. */
bool guard_take(guard_rate *due, uint32_t per_s, uint64_t now_ms)
{
	const uint32_t now = (uint32_t)(now_ms * US_PER_MS);
	const uint32_t cost = per_s > 0 && per_s < US_PER_S ? US_PER_S / per_s : 1;
	uint32_t before = atomic_load_explicit(due, memory_order_relaxed), ahead;

	if (per_s == 0)
		return true;
	do {
		ahead = before - now;
		if (ahead > US_PER_S)
			ahead = 0;
		if (ahead + cost > US_PER_S)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		due, &before, now + ahead + cost, memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool guard_take_of(_Atomic uint64_t *due, uint32_t count, uint32_t window_s, uint64_t now_ms)
{
	const uint64_t now = now_ms * NS_PER_MS, room = window_s * NS_PER_S;
	uint64_t before = atomic_load_explicit(due, memory_order_relaxed), from;

	if (count == 0)
		return true;
	do {
		from = before > now ? before : now;
		if (from + room / count - now > room)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		due, &before, from + room / count, memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* --- who has no limits --- */

bool guard_source_is_spared(const struct guard_source *source, uint64_t now_ms)
{
	return source->trusted ||
	       atomic_load_explicit(&source->peer_s, memory_order_relaxed) > now_ms / 1000;
}

void guard_source_spare(struct guard_source *source, uint32_t seconds, uint64_t now_ms)
{
	atomic_store_explicit(&source->peer_s, (uint32_t)(now_ms / 1000) + seconds,
			      memory_order_relaxed);
	guard_source_unban(source, now_ms);
}

/* --- bans --- */

static struct guard_ban unpack(uint64_t word)
{
	return (struct guard_ban){ .until_s = (uint32_t)(word >> BAN_UNTIL),
				   .level = (uint8_t)(word >> 8),
				   .why = (enum guard_why)(word & 0xff) };
}

struct guard_ban guard_source_ban_of(const struct guard_source *source)
{
	return unpack(atomic_load_explicit(&source->ban, memory_order_relaxed));
}

bool guard_source_is_banned(const struct guard_source *source, uint64_t now_ms)
{
	const struct guard_ban ban = guard_source_ban_of(source);

	return ban.why != GUARD_NOT_BANNED && ban.until_s > now_ms / 1000;
}

uint32_t guard_source_ban(struct guard_source *source, enum guard_why why, uint32_t seconds,
			  uint32_t max_s, uint64_t now_ms)
{
	uint64_t before = atomic_load_explicit(&source->ban, memory_order_relaxed), after;
	const uint64_t now_s = now_ms / 1000;
	uint64_t length;

	do {
		struct guard_ban ban = unpack(before);

		if (ban.why != GUARD_NOT_BANNED && ban.until_s > now_s)
			return 0;
		length = (uint64_t)seconds << ban.level;
		if (length > max_s)
			length = max_s;
		if (ban.level < BAN_LEVEL_MAX)
			ban.level++;
		after = (now_s + length) << BAN_UNTIL | (uint64_t)ban.level << 8 | why;
	} while (!atomic_compare_exchange_weak(&source->ban, &before, after));
	return (uint32_t)length;
}

bool guard_source_unban(struct guard_source *source, uint64_t now_ms)
{
	uint64_t before = atomic_load_explicit(&source->ban, memory_order_relaxed);

	do {
		const struct guard_ban ban = unpack(before);

		if (ban.why == GUARD_NOT_BANNED || ban.until_s <= now_ms / 1000)
			return false;
	} while (!atomic_compare_exchange_weak(&source->ban, &before, before & BAN_LEVEL));
	return true;
}

unsigned guard_sources_expire(struct guard_sources *sources, uint64_t now_ms,
			      void (*fn)(void *arg, const struct sip_address *address), void *arg)
{
	unsigned left = 0;

	for (uint64_t i = 0; i <= sources->mask; i++) {
		for (unsigned way = 0; way < GUARD_WAYS; way++) {
			struct guard_source *s = &sources->sets[i].ways[way];
			uint64_t word = atomic_load(&s->ban);
			const struct guard_ban ban = unpack(word);
			struct sip_address address;

			if (ban.why == GUARD_NOT_BANNED)
				continue;
			if (ban.until_s > now_ms / 1000) {
				left++;
				continue;
			}
			address_of(atomic_load(&sources->sets[i].keys[way]), &address);
			if (atomic_compare_exchange_strong(&s->ban, &word, word & BAN_LEVEL))
				fn(arg, &address);
		}
	}
	return left;
}

void guard_sources_each_ban(const struct guard_sources *sources, uint64_t now_ms,
			    void (*fn)(void *arg, const struct sip_address *address,
				       const struct guard_ban *ban),
			    void *arg)
{
	for (uint64_t i = 0; i <= sources->mask; i++) {
		const struct set *set = &sources->sets[i];

		for (unsigned way = 0; way < GUARD_WAYS; way++) {
			const uint64_t key = atomic_load(&set->keys[way]);
			struct guard_ban ban;
			struct sip_address address;

			if (key <= KEY_CLAIMED || !guard_source_is_banned(&set->ways[way], now_ms))
				continue;
			ban = guard_source_ban_of(&set->ways[way]);
			address_of(key, &address);
			fn(arg, &address, &ban);
		}
	}
}
