/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/api/internal.h"
#include "controlplane/main/mailbox.h"

static void on_closed(uv_handle_t *handle)
{
	struct task *task = handle->data;

	json_decref(task->rows);
	*task->prev = task->next;
	if (task->next)
		task->next->prev = task->prev;
	free(task);
}

static void back_in_main(void *owner, void *arg)
{
	struct task *task = arg;

	(void)owner;
	if (task->client)
		task->finish(task);
	uv_close((uv_handle_t *)&task->deadline, on_closed);
}

static void run_in_shard(struct shard *shard, void *arg)
{
	struct task *task = arg;

	task->run(shard, task);
	/* Without memory for the next step it never comes back: the deadline answers. */
	if (task->shard == task->last)
		mailbox_post(task->api->config.main, back_in_main, task);
	else
		shard_post(task->api->config.shards[++task->shard], run_in_shard, task);
}

static void run_in_pool(uv_work_t *work)
{
	struct task *task = work->data;

	task->run(NULL, task);
}

static void after_pool(uv_work_t *work, int status)
{
	struct task *task = work->data;

	if (status)
		task->status = status;
	back_in_main(NULL, task);
}

static int launch(struct task *task)
{
	struct api *api = task->api;

	task->work.data = task;
	if (task->in_pool)
		return uv_queue_work(api->config.loop, &task->work, run_in_pool, after_pool);
	return shard_post(api->config.shards[task->shard], run_in_shard, task);
}

static void on_deadline(uv_timer_t *timer)
{
	struct task *task = timer->data;
	struct client *client = task->client;

	if (!client)
		return;
	if (task->late)
		task->late(task);
	else
		client_refuse(client, STATUS_FAILED, "the control plane does not answer in time");
	task->client = NULL;
}

int task_start(struct client *client, const struct task *wanted)
{
	struct api *api = client->api;
	struct task *task = malloc(sizeof(*task));

	if (!task) {
		json_decref(wanted->rows);
		return -ENOMEM;
	}
	*task = *wanted;
	task->api = api;
	task->client = client;
	uv_timer_init(api->config.loop, &task->deadline);
	task->deadline.data = task;
	task->next = api->tasks;
	task->prev = &api->tasks;
	if (task->next)
		task->next->prev = &task->next;
	api->tasks = task;
	client->task = task;
	uv_timer_start(&task->deadline, on_deadline, API_DEADLINE_MS, 0);
	if (launch(task) == 0)
		return 0;
	client->task = NULL;
	task->client = NULL;
	uv_close((uv_handle_t *)&task->deadline, on_closed);
	return -ENOMEM;
}

void task_abandon(struct task *task)
{
	task->client = NULL;
}
