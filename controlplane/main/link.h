/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The link to the dataplane, kept by the main thread: attach, tell the shards, notice the end of
 * the dataplane, take the shards off, attach again.
 *
 *   Down ──attach──▶ Attaching ──▶ Up ──end of file──▶ Detaching ──all shards let go──▶ Down
 *    ▲                   │ refused
 *    └─── 100 ms ────────┘
 *
 * Attaching waits for answers of the dataplane, so it is done in libuv's thread pool.
 */
#ifndef CONTROLPLANE_MAIN_LINK_H
#define CONTROLPLANE_MAIN_LINK_H

#include "controlplane/main/runtime.h"

enum link_state { LINK_DOWN, LINK_ATTACHING, LINK_UP, LINK_DETACHING };

struct link;

/* Tries at once, and then ten times a second. */
int link_create(uv_loop_t *loop, const char *run_dir, struct runtime_shared *shared,
		struct link **link);
/* Lets go of the dataplane, which keeps what it has; link_is_closed() becomes true. */
void link_close(struct link *link);
bool link_is_closed(const struct link *link);
/* After it is closed. The memory goes when the loop lets go of it. */
void link_destroy(struct link *link);

enum link_state link_get_state(const struct link *link);
const char *link_state_name(enum link_state state);
/* The first attempt has been made: what is known about the dataplane is true. */
bool link_was_tried(const struct link *link);
/* Why it is down; "" while it is up. */
const char *link_why(const struct link *link);

#endif
