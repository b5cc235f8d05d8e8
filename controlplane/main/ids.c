/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "controlplane/main/shard.h"
#include "sip/base/random.h"

uint64_t shard_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t shard_new_call_id(const struct shard *shard)
{
	uint64_t id;

	do
		id = (uint64_t)shard->index << 56 | random_u64() >> 8;
	while (id == 0);
	return id;
}
