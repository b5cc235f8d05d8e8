/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/names.h"

#include "sip/base/log.h"
#include "sip/resolve/cares.h"
#include "sip/resolve/resolve.h"

int names_create(struct runtime *runtime)
{
	const struct config_dns *dns = &runtime->shard.config->sip.dns;
	const struct sip_cares_config servers = {
		.loop = &runtime->loop,
		.servers = dns->servers,
		.server_count = dns->servers_count,
		.timeout_ms = dns->timeout_ms,
		.tries = dns->tries,
	};
	struct sip_resolver_config config = { .wheel = runtime->shard.wheel,
					      .bad = runtime->shared->bad_targets,
					      .dead_s = dns->dead_s };
	char why[RUNTIME_WHY];
	int error = sip_cares_create(&servers, &runtime->shard.dns, why, sizeof(why));

	if (error) {
		LOG_ERROR("sip", 0, "%s", why);
		return error;
	}
	config.dns = runtime->shard.dns;
	return sip_resolver_create(&config, &runtime->shard.resolver);
}

void names_destroy(struct runtime *runtime)
{
	sip_resolver_destroy(runtime->shard.resolver);
	sip_cares_destroy(runtime->shard.dns);
	runtime->shard.resolver = NULL;
	runtime->shard.dns = NULL;
}
