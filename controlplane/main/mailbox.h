/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mailbox: functions that other threads want to have run in the thread of a loop.
 *
 * Senders push on a lock-free stack; the loop takes all of it at once, turns it round, and runs
 * it. So what one sender posts is run in its order, and what a sender posts after it has seen the
 * effect of another's post is run after that one.
 */
#ifndef CONTROLPLANE_MAIN_MAILBOX_H
#define CONTROLPLANE_MAIN_MAILBOX_H

#include <uv.h>

struct mailbox;

/* owner: first argument of what is run. In the loop's thread, or before it runs. */
int mailbox_create(uv_loop_t *loop, void *owner, struct mailbox **mailbox);
/* In the loop's thread. What waits is dropped. The memory goes when the loop lets go of it. */
void mailbox_close(struct mailbox *mailbox);
/* Any thread. 0 or -ENOMEM. */
int mailbox_post(struct mailbox *mailbox, void (*fn)(void *owner, void *arg), void *arg);
/* Runs what waits; the loop does it. */
void mailbox_run(struct mailbox *mailbox);

#endif
