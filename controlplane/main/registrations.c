/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of registrations on their way to those who have subscribed to them, in any shard. */
#include "controlplane/main/registrations.h"

#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/engine.h"
#include "controlplane/main/runtime.h"

static void tell(struct shard *shard, void *arg)
{
	if (shard->engine)
		engine_registration_changed(shard->engine, arg);
	free(arg);
}

void registrations_changed(void *arg, const char *aor)
{
	struct runtime_shared *shared = arg;

	if (!engine_watches_registrations())
		return;
	for (unsigned i = 0; i < shared->count; i++) {
		char *copy = shared->shards[i] ? strdup(aor) : NULL;

		if (copy && shard_post(&shared->shards[i]->shard, tell, copy))
			free(copy);
	}
}
