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
	struct sources_config sources = { .count = config->sources,
					  .trusted = is_trusted,
					  .arg = g };
	int rc;

	if (g == NULL)
		return -ENOMEM;
	g->config = *config;
	rc = trust_create(&config->trusted, &config->peers, &g->trust);
	if (rc == 0)
		rc = sources_create(&sources, &g->sources);
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
	sources_destroy(guard->sources);
	trust_destroy(guard->trust);
	free(guard);
}

void guard_tell(struct sip_guard *guard, struct source *source,
		const struct sip_guard_report *report, uint64_t now_ms)
{
	const uint32_t now_s = (uint32_t)(now_ms / 1000) + 1; /* 0: never told */

	if (guard->config.tell == NULL)
		return;
	if (source != NULL && report->action != SIP_GUARD_TELL_BAN &&
	    report->action != SIP_GUARD_TELL_PASSWORDS) {
		uint32_t told = atomic_load_explicit(&source->told_s, memory_order_relaxed);

		if ((told > 0 && now_s - told < SIP_GUARD_TELL_S) ||
		    !atomic_compare_exchange_strong(&source->told_s, &told, now_s))
			return;
	}
	if (source == NULL || source_take(&guard->told, TELLS_PER_S, now_ms))
		guard->config.tell(guard->config.arg, report);
}

int sip_guard_ban(struct sip_guard *guard, const struct sip_address *address, uint32_t seconds,
		  uint64_t now_ms)
{
	struct source *source = sources_claim(guard->sources, address, now_ms);
	struct sip_guard_report report = { .action = SIP_GUARD_TELL_BAN,
					   .source = *address,
					   .what = slice_of(source_why_text(SOURCE_OPERATOR)) };

	if (source == NULL)
		return -ENOSPC;
	if (source->trusted)
		return -EPERM;
	if (seconds == 0)
		seconds = guard->config.ban_s;
	source_unban(source, now_ms);
	report.seconds = source_ban(source, SOURCE_OPERATOR, seconds, seconds, now_ms);
	guard_tell(guard, source, &report, now_ms);
	return 0;
}

int sip_guard_unban(struct sip_guard *guard, const struct sip_address *address, uint64_t now_ms)
{
	struct source *source = sources_find(guard->sources, address);

	if (source == NULL || !source_unban(source, now_ms))
		return -ENOENT;
	atomic_store_explicit(&source->faults, 0, memory_order_relaxed);
	return 0;
}

void sip_guard_bans(const struct sip_guard *guard, uint64_t now_ms,
		    void (*fn)(void *arg, const struct sip_address *source,
			       const struct source_ban *ban),
		    void *arg)
{
	sources_each_ban(guard->sources, now_ms, fn, arg);
}
