/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/descriptors.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Store, log, segment, control clients, name servers: some dozens of each shard, with room. */
#define OTHERS 1024u

uint64_t descriptors_needed(const struct config *config)
{
	const struct config_sip *sip = &config->sip;
	bool streams = false;

	for (unsigned i = 0; i < sip->listeners_count; i++)
		streams |= strcmp(sip->listeners[i].transport, "udp") != 0;
	return (uint64_t)config->controlplane.shards * sip->listeners_count + OTHERS +
	       (streams ? sip->connections.max : 0);
}

/* No process may have more. */
static rlim_t most(void)
{
	unsigned long long number = 1u << 20;
	FILE *file = fopen("/proc/sys/fs/nr_open", "re");

	if (file == NULL)
		return number;
	if (fscanf(file, "%llu", &number) != 1)
		number = 1u << 20;
	fclose(file);
	return number;
}

uint64_t descriptors_raise(uint64_t needed)
{
	struct rlimit limit, wanted;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	wanted = limit;
	if (wanted.rlim_max < needed)
		wanted.rlim_max = needed < most() ? needed : most();
	wanted.rlim_cur = wanted.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return wanted.rlim_cur;
	/* Who may not raise the hard limit has as much as that. */
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}
