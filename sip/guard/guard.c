/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "sip/guard/internal.h"

#define TELLS_PER_S 50u /* of all sources: a flood from forged addresses is no flood of reports */

const char *sip_guard_counter_name(enum sip_guard_counter counter)
{
	static const char *const names[SIP_GUARD_COUNTER_COUNT] = {
#define X(id, name, meaning) [SIP_GUARD_##id] = name,
		SIP_GUARD_COUNTERS(X)
#undef X
	};

	return names[counter];
}

static bool is_trusted(void *arg, const struct sip_address *address)
{
	const struct sip_guard *guard = arg;

	return trust_has(guard->trust, address);
}

int sip_guard_create(const struct sip_guard_config *config, struct sip_guard **out)
{
	struct sip_guard *g = calloc(1, sizeof(*g));
	struct guard_sources_config sources = { .count = config->sources,
						.trusted = is_trusted,
						.arg = g };
	int rc;

	if (g == NULL)
		return -ENOMEM;
	g->config = *config;
	rc = trust_create(&config->trusted, &config->peers, &g->trust);
	if (rc == 0)
		rc = guard_sources_create(&sources, &g->sources);
	if (rc != 0) {
		sip_guard_destroy(g);
		return rc;
	}
	*out = g;
	return 0;
}

void sip_guard_destroy(struct sip_guard *guard)
{
	if (guard == NULL)
		return;
	guard_sources_destroy(guard->sources);
	trust_destroy(guard->trust);
	free(guard);
}

void guard_tell(struct sip_guard *guard, struct guard_source *source,
		const struct sip_guard_report *report, uint64_t now_ms)
{
	const uint32_t now_s = (uint32_t)(now_ms / 1000) + 1; /* 0: never told */

	if (guard->config.tell == NULL)
		return;
	if (source != NULL &&
	    (report->action == SIP_GUARD_TELL_SCANNER || report->action == SIP_GUARD_TELL_FLOOD)) {
		_Atomic uint32_t *last = &source->told_s[report->action == SIP_GUARD_TELL_FLOOD];
		uint32_t told = atomic_load_explicit(last, memory_order_relaxed);

		if ((told > 0 && now_s - told < SIP_GUARD_TELL_S) ||
		    !atomic_compare_exchange_strong(last, &told, now_s))
			return;
	}
	if (source == NULL || guard_take(&guard->told, TELLS_PER_S, now_ms))
		guard->config.tell(guard->config.arg, report);
}

void guard_tell_source(struct sip_guard *guard, struct guard_source *source,
		       enum sip_guard_action action, const struct sip_address *address,
		       struct slice what, uint64_t now_ms)
{
	const struct sip_guard_report report = { .action = action,
						 .source = *address,
						 .what = what };

	guard_tell(guard, source, &report, now_ms);
}

static void ban(struct sip_guard *guard, struct guard_source *source,
		const struct sip_address *address, enum guard_why why, uint32_t seconds,
		uint32_t max_s, uint64_t now_ms)
{
	const struct sip_guard_report report = {
		.action = SIP_GUARD_TELL_BAN,
		.source = *address,
		.what = slice_of(guard_why_text(why)),
		.seconds = guard_source_ban(source, why, seconds, max_s, now_ms),
	};

	if (report.seconds == 0)
		return;
	atomic_fetch_add_explicit(&guard->bans, 1, memory_order_relaxed);
	atomic_store(&guard->has_bans, true);
	guard_tell(guard, source, &report, now_ms);
}

void guard_ban_source(struct sip_guard *guard, struct guard_source *source,
		      const struct sip_address *address, enum guard_why why, uint64_t now_ms)
{
	if (guard->config.ban_s > 0)
		ban(guard, source, address, why, guard->config.ban_s, guard->config.ban_max_s,
		    now_ms);
}

void sip_guard_note(struct sip_guard *guard, const struct sip_address *address, enum sip_note note,
		    struct slice user, uint64_t now_ms)
{
	const struct sip_guard_config *config;
	struct guard_source *source;

	if (guard == NULL)
		return;
	config = &guard->config;
	source = guard_sources_claim(guard->sources, address, now_ms);
	if (source == NULL)
		return;
	if (note == SIP_NOTE_GOOD) {
		atomic_store_explicit(&source->good_s, (uint32_t)(now_ms / 1000) + 1,
				      memory_order_relaxed);
		return;
	}
	atomic_fetch_add_explicit(&guard->wrong_passwords, 1, memory_order_relaxed);
	if (guard_source_is_spared(source, now_ms) ||
	    guard_take_of(&source->faults, config->ban_after, config->ban_window_s, now_ms) ||
	    guard_source_is_banned(source, now_ms))
		return;
	guard_tell_source(guard, source, SIP_GUARD_TELL_PASSWORDS, address, user, now_ms);
	guard_ban_source(guard, source, address, GUARD_PASSWORDS, now_ms);
}

void sip_guard_spare(struct sip_guard *guard, const struct sip_address *address, uint32_t seconds,
		     uint64_t now_ms)
{
	struct guard_source *source = guard_sources_claim(guard->sources, address, now_ms);

	if (source != NULL)
		guard_source_spare(source, seconds, now_ms);
}

bool sip_guard_trusts(const struct sip_guard *guard, const struct sip_address *address)
{
	return guard != NULL && trust_has(guard->trust, address);
}

/* --- for operators --- */

int sip_guard_ban(struct sip_guard *guard, const struct sip_address *address, uint32_t seconds,
		  uint64_t now_ms)
{
	struct guard_source *source = guard_sources_claim(guard->sources, address, now_ms);

	if (source == NULL)
		return -ENOSPC;
	if (guard_source_is_spared(source, now_ms))
		return -EPERM;
	if (seconds == 0)
		seconds = guard->config.ban_s;
	guard_source_unban(source, now_ms);
	ban(guard, source, address, GUARD_OPERATOR, seconds, seconds, now_ms);
	return 0;
}

int sip_guard_unban(struct sip_guard *guard, const struct sip_address *address, uint64_t now_ms)
{
	struct guard_source *source = guard_sources_find(guard->sources, address);

	if (source == NULL || !guard_source_unban(source, now_ms))
		return -ENOENT;
	atomic_store_explicit(&source->faults, 0, memory_order_relaxed);
	guard_tell_source(guard, NULL, SIP_GUARD_TELL_UNBAN, address, SLICE("operator"), now_ms);
	return 0;
}

struct expiring {
	struct sip_guard *guard;
	uint64_t now_ms;
};

static void tell_expired(void *arg, const struct sip_address *address)
{
	const struct expiring *e = arg;

	guard_tell_source(e->guard, NULL, SIP_GUARD_TELL_UNBAN, address, SLICE("expired"),
			  e->now_ms);
}

void sip_guard_expire(struct sip_guard *guard, uint64_t now_ms)
{
	struct expiring expiring = { guard, now_ms };

	if (!atomic_exchange(&guard->has_bans, false))
		return;
	if (guard_sources_expire(guard->sources, now_ms, tell_expired, &expiring) > 0)
		atomic_store(&guard->has_bans, true);
}

void sip_guard_bans(const struct sip_guard *guard, uint64_t now_ms,
		    void (*fn)(void *arg, const struct sip_address *source,
			       const struct guard_ban *ban),
		    void *arg)
{
	guard_sources_each_ban(guard->sources, now_ms, fn, arg);
}

void sip_guard_stats(const struct sip_guard *guard, uint64_t counters[SIP_GUARD_COUNTER_COUNT])
{
	memset(counters, 0, SIP_GUARD_COUNTER_COUNT * sizeof(counters[0]));
	counters[SIP_GUARD_WRONG_PASSWORD] =
		atomic_load_explicit(&guard->wrong_passwords, memory_order_relaxed);
	counters[SIP_GUARD_BANS] = atomic_load_explicit(&guard->bans, memory_order_relaxed);
}
