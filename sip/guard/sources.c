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

#define BAN_LEVEL_MAX 16u
#define BAN_UNTIL     32u /* bits of level and why below it */

struct set {
	_Alignas(64) _Atomic uint64_t keys[SOURCE_WAYS];
	struct source ways[SOURCE_WAYS];
};

struct sources {
	struct sources_config config;
	uint64_t mask;
	struct set *sets;
};

const char *source_why_text(enum source_why why)
{
	static const char *const texts[] = {
		[SOURCE_NOT_BANNED] = "none",
		[SOURCE_SCANNER] = "scanner",
		[SOURCE_PASSWORDS] = "wrong passwords",
		[SOURCE_OPERATOR] = "operator",
	};

	return why < sizeof(texts) / sizeof(texts[0]) ? texts[why] : "?";
}

int sources_create(const struct sources_config *config, struct sources **out)
{
	struct sources *s = calloc(1, sizeof(*s));
	uint64_t sets = 1;

	if (s == NULL)
		return -ENOMEM;
	while (sets * SOURCE_WAYS < config->count)
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

void sources_destroy(struct sources *sources)
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

static struct set *set_of(const struct sources *sources, uint64_t key)
{
	return &sources->sets[slice_hash((struct slice){ (const char *)&key, sizeof(key) }) &
			      sources->mask];
}

static struct source *find(struct set *set, uint64_t key)
{
	for (unsigned i = 0; i < SOURCE_WAYS; i++)
		if (atomic_load_explicit(&set->keys[i], memory_order_acquire) == key)
			return &set->ways[i];
	return NULL;
}

struct source *sources_find(const struct sources *sources, const struct sip_address *address)
{
	const uint64_t key = key_of(address);

	return find(set_of(sources, key), key);
}

static bool is_kept(const struct source *source, uint64_t now_ms)
{
	return atomic_load(&source->transactions) > 0 || atomic_load(&source->connections) > 0 ||
	       source_is_banned(source, now_ms);
}

/* The way that is free, or has been quiet for longest. SOURCE_WAYS: all are kept. */
static unsigned victim_of(struct set *set, uint64_t now_ms)
{
	unsigned victim = SOURCE_WAYS;
	uint32_t oldest = UINT32_MAX;

	for (unsigned i = 0; i < SOURCE_WAYS; i++) {
		const uint64_t key = atomic_load_explicit(&set->keys[i], memory_order_relaxed);
		uint32_t seen;

		if (key == KEY_NONE)
			return i;
		if (key == KEY_CLAIMED || is_kept(&set->ways[i], now_ms))
			continue;
		seen = atomic_load_explicit(&set->ways[i].seen_s, memory_order_relaxed);
		if (seen < oldest) {
			oldest = seen;
			victim = i;
		}
	}
	return victim;
}

static void clear(struct source *s)
{
	atomic_store_explicit(&s->requests, 0, memory_order_relaxed);
	atomic_store_explicit(&s->messages, 0, memory_order_relaxed);
	atomic_store_explicit(&s->faults, 0, memory_order_relaxed);
	atomic_store_explicit(&s->ban, 0, memory_order_relaxed);
	atomic_store_explicit(&s->oc, 0, memory_order_relaxed);
	atomic_store_explicit(&s->good_s, 0, memory_order_relaxed);
	atomic_store_explicit(&s->told_s, 0, memory_order_relaxed);
}

struct source *sources_claim(struct sources *sources, const struct sip_address *address,
			     uint64_t now_ms)
{
	const uint64_t key = key_of(address);
	struct set *set = set_of(sources, key);
	struct source *s = find(set, key);
	uint64_t before;
	unsigned way;

	if (s != NULL)
		goto seen;
	way = victim_of(set, now_ms);
	if (way == SOURCE_WAYS)
		return NULL;
	s = &set->ways[way];
	before = atomic_load(&set->keys[way]);
	if (before == KEY_CLAIMED ||
	    !atomic_compare_exchange_strong(&set->keys[way], &before, KEY_CLAIMED))
		return NULL;
	/* Whoever began something meanwhile sees that the key is gone, or is seen here. */
	if (before != KEY_NONE && is_kept(s, now_ms)) {
		atomic_store(&set->keys[way], before);
		return NULL;
	}
	clear(s);
	s->trusted = sources->config.trusted != NULL &&
		     sources->config.trusted(sources->config.arg, address);
	atomic_store(&set->keys[way], key);
seen:
	if (atomic_load_explicit(&s->seen_s, memory_order_relaxed) != (uint32_t)(now_ms / 1000))
		atomic_store_explicit(&s->seen_s, (uint32_t)(now_ms / 1000), memory_order_relaxed);
	return s;
}

/* --- rates --- */

static bool take(_Atomic uint64_t *due, uint64_t cost, uint64_t room, uint64_t now)
{
	uint64_t before = atomic_load_explicit(due, memory_order_relaxed), from;

	do {
		from = before > now ? before : now;
		if (from + cost - now > room)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		due, &before, from + cost, memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool source_take(_Atomic uint64_t *due, uint32_t per_s, uint64_t now_ms)
{
	return per_s == 0 || take(due, NS_PER_S / per_s, NS_PER_S, now_ms * NS_PER_MS);
}

bool source_take_of(_Atomic uint64_t *due, uint32_t count, uint32_t window_s, uint64_t now_ms)
{
	return count == 0 ||
	       take(due, window_s * NS_PER_S / count, window_s * NS_PER_S, now_ms * NS_PER_MS);
}

/* --- bans --- */

static struct source_ban unpack(uint64_t word)
{
	return (struct source_ban){ .until_s = (uint32_t)(word >> BAN_UNTIL),
				    .level = (uint8_t)(word >> 8),
				    .why = (enum source_why)(word & 0xff) };
}

struct source_ban source_get_ban(const struct source *source)
{
	return unpack(atomic_load_explicit(&source->ban, memory_order_relaxed));
}

bool source_is_banned(const struct source *source, uint64_t now_ms)
{
	const struct source_ban ban = source_get_ban(source);

	return ban.why != SOURCE_NOT_BANNED && ban.until_s > now_ms / 1000;
}

uint32_t source_ban(struct source *source, enum source_why why, uint32_t seconds, uint32_t max_s,
		    uint64_t now_ms)
{
	uint64_t before = atomic_load_explicit(&source->ban, memory_order_relaxed), after;
	const uint64_t now_s = now_ms / 1000;
	uint64_t length;

	do {
		struct source_ban ban = unpack(before);

		if (ban.why != SOURCE_NOT_BANNED && ban.until_s > now_s)
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

bool source_unban(struct source *source, uint64_t now_ms)
{
	uint64_t before = atomic_load_explicit(&source->ban, memory_order_relaxed);

	do {
		const struct source_ban ban = unpack(before);

		if (ban.why == SOURCE_NOT_BANNED || ban.until_s <= now_ms / 1000)
			return false;
	} while (!atomic_compare_exchange_weak(&source->ban, &before, before & 0xff00));
	return true;
}

/* --- what is unfinished --- */

static _Atomic uint32_t *counter_of(struct source *source, bool connection)
{
	return connection ? &source->connections : &source->transactions;
}

static void count_down(_Atomic uint32_t *count)
{
	uint32_t before = atomic_load(count);

	while (before > 0 && !atomic_compare_exchange_weak(count, &before, before - 1))
		;
}

bool sources_begin(struct sources *sources, const struct sip_address *address, bool connection,
		   uint32_t max, uint64_t now_ms)
{
	struct source *s = sources_claim(sources, address, now_ms);
	_Atomic uint32_t *count;

	if (s == NULL)
		return true;
	count = counter_of(s, connection);
	if (atomic_fetch_add(count, 1) >= max && max > 0 && !s->trusted) {
		count_down(count);
		return false;
	}
	if (sources_find(sources, address) != s) /* taken by another one in between */
		count_down(count);
	return true;
}

void sources_end(struct sources *sources, const struct sip_address *address, bool connection)
{
	struct source *s = sources_find(sources, address);

	if (s != NULL)
		count_down(counter_of(s, connection));
}

void sources_each_ban(const struct sources *sources, uint64_t now_ms,
		      void (*fn)(void *arg, const struct sip_address *address,
				 const struct source_ban *ban),
		      void *arg)
{
	for (uint64_t i = 0; i <= sources->mask; i++) {
		const struct set *set = &sources->sets[i];

		for (unsigned way = 0; way < SOURCE_WAYS; way++) {
			const uint64_t key = atomic_load(&set->keys[way]);
			struct source_ban ban;
			struct sip_address address;

			if (key <= KEY_CLAIMED || !source_is_banned(&set->ways[way], now_ms))
				continue;
			ban = source_get_ban(&set->ways[way]);
			address_of(key, &address);
			fn(arg, &address, &ban);
		}
	}
}
