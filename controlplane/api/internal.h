/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the API share: server.c (clients), handlers.c (commands), task.c (through the
 * shards), stream.c (events), sip_counters.c (show sip), guard.c (show guard, bans), users.c. */
#ifndef CONTROLPLANE_API_INTERNAL_H
#define CONTROLPLANE_API_INTERNAL_H

#include <uv.h>

#include "controlplane/api/api.h"
#include "controlplane/api/lines.h"
#include "controlplane/api/request.h"

struct client;
struct task;
struct event_subscriber;
struct monitor_listener;

struct api {
	struct api_config config;
	uv_pipe_t pipe;
	char path[108];
	struct client *clients;
	unsigned client_count;
	struct task *tasks;
	bool closing;
	unsigned handles; /* of clients and the pipe that the loop still has, and api_destroy() */
};

struct client {
	uv_pipe_t pipe;
	struct api *api;
	struct client *next, **prev;
	struct lines in;
	struct task *task; /* the request that is being answered */
	bool closing;
	bool answering; /* a request is under way */
	bool taking;    /* requests are being taken, further up the stack */
	bool last;      /* close it when the answer has gone out */
	struct event_subscriber *events;
	struct monitor_listener *trace;
	uint64_t events_left_out; /* or messages */
};

/* --- server.c --- */
/* Sends body with its status as one line, and goes on with the next request. Takes body. */
void client_answer(struct client *client, enum command_status status, json_t *body);
void client_refuse(struct client *client, enum command_status status, const char *error);
/* Sends a line besides the answers. Takes text (malloc). */
void client_send(struct client *client, char *text);
size_t client_backlog(const struct client *client);
/* Likewise; takes body. */
void client_send_json(struct client *client, json_t *body);

/* --- handlers.c --- */
void handle_request(struct client *client, const struct request *request);

/* --- connections.c --- */
void connections_add(struct shard *shard, json_t *rows);

/* --- task.c --- */
/*
 * A function that goes through shards first … last, one after the other, and then back to the
 * main thread; or (in_pool) is run once in libuv's thread pool, with no shard, because it waits
 * for the disk. `run` may touch rows, number and status; it is alone with them.
 */
struct task {
	struct task *next, **prev;
	struct api *api;
	struct client *client; /* NULL: it went away, or the answer came too late */
	uv_timer_t deadline;
	uv_work_t work;
	bool in_pool;
	enum command_id command;
	unsigned shard, last;
	void (*run)(struct shard *shard, struct task *task);
	/* In the main thread. `late`: not all shards have answered, so rows are not to be touched;
	 * NULL: the client gets an error. */
	void (*finish)(struct task *task);
	void (*late)(struct task *task);
	json_t *rows;
	uint64_t id, number;
	bool callee;
	char target[FILTER_TEXT];
	uint32_t offset, limit;
	int status; /* 0 or -errno */
};
int task_start(struct client *client, const struct task *task);
/* The client is gone. */
void task_abandon(struct task *task);

/* --- stream.c --- */
void stream_start(struct client *client, uint64_t call);
void stream_stop(struct client *client);

/* --- trace.c --- */
void trace_start(struct client *client, const struct request *request);
void trace_stop(struct client *client);
static inline bool client_streams(const struct client *client)
{
	return client->events || client->trace;
}

/* --- guard.c --- */
void guard_run(struct shard *shard, struct task *task);
void guard_finish(struct task *task);
void guard_show_bans(struct client *client);
void guard_handle_ban(struct client *client, const struct request *request);

/* --- users.c --- */
void users_show(struct client *client);
void users_handle(struct client *client, const struct request *request);

/* --- sip_counters.c --- */
void sip_counters_add(struct shard *shard, json_t *rows);

#endif
