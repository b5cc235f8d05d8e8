/* SPDX-License-Identifier: BSD-3-Clause */
/* How many calls there are in the whole process: the one thing that shards share here. */
#include <stdatomic.h>

#include "controlplane/engine/call.h"

#define LIMITS_TRUNKS_MAX 4096

static _Atomic unsigned calls;
static _Atomic unsigned trunk_calls[LIMITS_TRUNKS_MAX];

static bool take(_Atomic unsigned *counter, unsigned max, bool force)
{
	if (atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) < max || max == 0 || force)
		return true;
	atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
	return false;
}

bool limits_take_call(const struct config *config, bool force)
{
	return take(&calls, config->calls.calls_max, force);
}

void limits_release_call(void)
{
	atomic_fetch_sub_explicit(&calls, 1, memory_order_relaxed);
}

bool limits_take_trunk(const struct config *config, int trunk, bool force)
{
	if (trunk < 0 || trunk >= LIMITS_TRUNKS_MAX)
		return true;
	return take(&trunk_calls[trunk], config->trunks[trunk].calls_max, force);
}

void limits_release_trunk(int trunk)
{
	if (trunk >= 0 && trunk < LIMITS_TRUNKS_MAX)
		atomic_fetch_sub_explicit(&trunk_calls[trunk], 1, memory_order_relaxed);
}
