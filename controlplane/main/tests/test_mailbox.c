/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>

#include "controlplane/main/mailbox.h"
#include "controlplane/main/shard.h"

#define SENDERS 4u
#define EACH    20000u

struct box {
	uv_loop_t loop;
	struct shard shard;
	unsigned next[SENDERS], done;
	bool disorder;
};

static void box_init(struct box *box)
{
	*box = (struct box){ 0 };
	cr_assert_eq(uv_loop_init(&box->loop), 0);
	cr_assert_eq(mailbox_create(&box->loop, &box->shard, &box->shard.mailbox), 0);
}

static void box_close(struct box *box)
{
	mailbox_close(box->shard.mailbox);
	uv_run(&box->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&box->loop), 0);
}

static struct box *box_of(struct shard *shard)
{
	return (struct box *)((char *)shard - offsetof(struct box, shard));
}

/* arg: sender in the high half, number in the low one, as a number in a pointer. */
static void take(struct shard *shard, void *arg)
{
	struct box *box = box_of(shard);
	unsigned sender = (unsigned)((uintptr_t)arg >> 32), number = (unsigned)(uintptr_t)arg;

	box->disorder |= box->next[sender] != number;
	box->next[sender]++;
	box->done++;
}

struct sender {
	struct box *box;
	unsigned number;
};

static void send_all(void *arg)
{
	struct sender *sender = arg;

	for (uintptr_t i = 0; i < EACH; i++)
		shard_post(&sender->box->shard, take,
			   (void *)((uintptr_t)sender->number << 32 | i));
}

Test(mailbox, each_sender_is_heard_in_its_order_and_nothing_is_lost)
{
	struct sender senders[SENDERS];
	uv_thread_t threads[SENDERS];
	struct box box;

	box_init(&box);
	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ &box, i };
		uv_thread_create(&threads[i], send_all, &senders[i]);
	}
	while (box.done < SENDERS * EACH)
		uv_run(&box.loop, UV_RUN_ONCE);
	for (unsigned i = 0; i < SENDERS; i++)
		uv_thread_join(&threads[i]);
	cr_assert_not(box.disorder);
	cr_assert_eq(box.done, SENDERS * EACH);
	box_close(&box);
}

static void post_again(struct shard *shard, void *arg)
{
	struct box *box = box_of(shard);

	box->done++;
	if (box->done < 3)
		shard_post(shard, post_again, arg);
}

Test(mailbox, what_is_posted_while_it_runs_is_run_later)
{
	struct box box;

	box_init(&box);
	shard_post(&box.shard, post_again, NULL);
	cr_assert_eq(box.done, 0);
	while (box.done < 3)
		uv_run(&box.loop, UV_RUN_ONCE);
	box_close(&box);
}

Test(mailbox, call_ids_name_their_shard_and_rise)
{
	struct shard shard = { .index = 3, .count = 4 };
	uint64_t last = 0;

	for (int i = 0; i < 100000; i++) {
		uint64_t id = shard_new_call_id(&shard);

		cr_assert_gt(id, last);
		cr_assert_eq(shard_of_call(id, shard.count), 3);
		last = id;
	}
}
