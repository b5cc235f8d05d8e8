/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/mailbox.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct letter {
	struct letter *next;
	void (*fn)(void *owner, void *arg);
	void *arg;
};

struct mailbox {
	uv_async_t async;
	void *owner;
	struct letter *_Atomic newest;
};

static struct letter *take_all(struct mailbox *mailbox)
{
	struct letter *letter =
		atomic_exchange_explicit(&mailbox->newest, NULL, memory_order_acquire);
	struct letter *oldest = NULL;

	while (letter) {
		struct letter *next = letter->next;

		letter->next = oldest;
		oldest = letter;
		letter = next;
	}
	return oldest;
}

void mailbox_run(struct mailbox *mailbox)
{
	struct letter *letter = take_all(mailbox);

	while (letter) {
		struct letter *next = letter->next;

		letter->fn(mailbox->owner, letter->arg);
		free(letter);
		letter = next;
	}
}

static void on_async(uv_async_t *async)
{
	mailbox_run(async->data);
}

int mailbox_create(uv_loop_t *loop, void *owner, struct mailbox **out)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	int error;

	if (!mailbox)
		return -ENOMEM;
	mailbox->owner = owner;
	error = uv_async_init(loop, &mailbox->async, on_async);
	if (error) {
		free(mailbox);
		return error;
	}
	mailbox->async.data = mailbox;
	*out = mailbox;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct mailbox *mailbox = handle->data;
	struct letter *letter = take_all(mailbox);

	while (letter) {
		struct letter *next = letter->next;

		free(letter);
		letter = next;
	}
	free(mailbox);
}

void mailbox_close(struct mailbox *mailbox)
{
	if (mailbox)
		uv_close((uv_handle_t *)&mailbox->async, on_closed);
}

int mailbox_post(struct mailbox *mailbox, void (*fn)(void *owner, void *arg), void *arg)
{
	struct letter *letter = malloc(sizeof(*letter));

	if (!letter)
		return -ENOMEM;
	letter->fn = fn;
	letter->arg = arg;
	letter->next = atomic_load_explicit(&mailbox->newest, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&mailbox->newest, &letter->next, letter,
						      memory_order_release, memory_order_relaxed))
		;
	uv_async_send(&mailbox->async);
	return 0;
}
