/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/shard.h"

#include <errno.h>
#include <stdlib.h>

#include "controlplane/main/mailbox.h"

/* A posted function with its own type: a pointer to it must not be called through another. */
struct posted {
	void (*fn)(struct shard *shard, void *arg);
	void *arg;
};

static void run_posted(void *owner, void *arg)
{
	struct posted posted = *(struct posted *)arg;

	free(arg);
	posted.fn(owner, posted.arg);
}

int shard_post(struct shard *shard, void (*fn)(struct shard *shard, void *arg), void *arg)
{
	struct posted *posted = malloc(sizeof(*posted));
	int error;

	if (!posted)
		return -ENOMEM;
	*posted = (struct posted){ fn, arg };
	error = mailbox_post(shard->mailbox, run_posted, posted);
	if (error)
		free(posted);
	return error;
}
