/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The API of the control plane: its control socket (commands.h says what is spoken there).
 *
 * In the main thread. What shards know is gathered by a function that goes from shard to shard
 * (task.h); one that does not answer in time gives an error, never a client that waits.
 */
#ifndef CONTROLPLANE_API_API_H
#define CONTROLPLANE_API_API_H

#include <jansson.h>

#include "controlplane/main/shard.h"

#define API_CLIENTS_MAX 64u
#define API_REQUEST_MAX 65536u /* bytes of a line */
#define API_BACKLOG_MAX \
	(1u << 20) /* bytes a client may be behind before it has to wait, or
					* events are left out */
#define API_DEADLINE_MS 2000u

struct api;
struct mailbox;
struct monitor;

struct api_config {
	uv_loop_t *loop;
	struct mailbox *main; /* of the main thread */
	struct shard *shards[SHARDS_MAX];
	unsigned shard_count;
	struct registrar *registrar;
	struct store *store;
	struct event_bus *events;
	struct monitor *monitor;
	/* Fills in "controlplane" of show version, but for the calls. */
	void (*describe)(void *arg, json_t *controlplane);
	/* Adds {"counter", "value"} rows of what the main thread counts to show sip. */
	void (*count)(void *arg, json_t *rows);
	/* Reads the certificates again: 0, or -errno and the log says why. */
	int (*reload)(void *arg);
	void *arg;
};

/* Listens at RUN_DIR/control.sock, mode 0660. why: text for the log. */
int api_create(const struct api_config *config, const char *run_dir, struct api **api, char *why,
	       size_t why_size);
/* No more requests; clients are closed. */
void api_close(struct api *api);
/* Nothing of it is under way in a shard any more. */
bool api_is_idle(const struct api *api);
/* After it is closed and idle. The memory goes when the loop lets go of it. */
void api_destroy(struct api *api);

#endif
