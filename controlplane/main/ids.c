/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "controlplane/main/shard.h"
#include "sip/base/random.h"

#define RANDOM_BITS 14

uint64_t shard_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t shard_new_call_id(const struct shard *shard)
{
	/* The shard's thread mints its ids alone. */
	static _Thread_local uint64_t last;
	const uint64_t low = (UINT64_C(1) << 56) - 1;
	uint64_t id = (shard_wall_ms() << RANDOM_BITS | random_u64() >> (64 - RANDOM_BITS)) & low;

	/* Many in a millisecond, or a clock that was set back. */
	if (id <= last)
		id = last + 1;
	last = id;
	return (uint64_t)shard->index << 56 | id;
}
