/* SPDX-License-Identifier: BSD-3-Clause */
/* What each command of the control plane does. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/api/internal.h"
#include "controlplane/engine/engine.h"
#include "controlplane/events/bus.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/store/store.h"

static const struct command commands[] = { COMMAND_TABLE };

static void answer_rows(struct client *client, enum command_id command, json_t *rows)
{
	client_answer(client, STATUS_OK, json_pack("{s:o}", commands[command].rows, rows));
}

/* --- gathered from the shards --- */

static void run_calls(struct shard *shard, struct task *task)
{
	engine_show_calls(shard->engine, task->rows);
}

static void run_sessions(struct shard *shard, struct task *task)
{
	engine_show_sessions(shard->engine, task->rows);
}

static void run_trunks(struct shard *shard, struct task *task)
{
	engine_show_trunks(shard->engine, task->rows);
}

static void run_sip(struct shard *shard, struct task *task)
{
	sip_counters_add(shard, task->rows);
}

static void run_connections(struct shard *shard, struct task *task)
{
	connections_add(shard, task->rows);
}

static void run_count(struct shard *shard, struct task *task)
{
	task->number += engine_call_count(shard->engine);
}

static void finish_rows(struct task *task)
{
	json_t *rows = task->rows;

	task->rows = NULL;
	answer_rows(task->client, task->command, rows);
}

static void finish_sip(struct task *task)
{
	const struct api_config *config = &task->api->config;

	if (config->count)
		config->count(config->arg, task->rows);
	finish_rows(task);
}

static void gather(struct client *client, const struct request *request,
		   void (*run)(struct shard *shard, struct task *task),
		   void (*finish)(struct task *task), void (*late)(struct task *task))
{
	const struct task task = {
		.command = request->command,
		.last = client->api->config.shard_count - 1,
		.run = run,
		.finish = finish,
		.late = late,
		.rows = json_array(),
	};

	if (task_start(client, &task) != 0)
		client_refuse(client, STATUS_FAILED, "no memory");
}

/* --- show version, show load --- */

static void answer_version(struct client *client, json_t *calls)
{
	const struct api_config *config = &client->api->config;
	json_t *controlplane = json_object();

	config->describe(config->arg, controlplane);
	json_object_set_new(controlplane, "calls", calls);
	client_answer(client, STATUS_OK,
		      json_pack("{s:{s:o}}", "version", "controlplane", controlplane));
}

static void finish_version(struct task *task)
{
	answer_version(task->client, json_integer((json_int_t)task->number));
}

/* A shard that is busy (calls on record come back) does not keep the state from being shown. */
static void late_version(struct task *task)
{
	answer_version(task->client, json_null());
}

static void finish_load(struct task *task)
{
	const struct api_config *config = &task->api->config;
	struct event_bus_stats events;
	struct store_stats store;
	uint64_t ended, shed = 0;

	event_bus_stats(config->events, &events);
	store_stats(config->store, &store);
	ended = events.published[EVENT_CALL_ENDED];
	for (unsigned i = 0; i < EVENT_PRIORITIES; i++)
		shed += events.shed[i];
	answer_rows(task->client, task->command,
		    json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "calls",
			      (json_int_t)task->number, "calls_started",
			      (json_int_t)(task->number + ended), "calls_ended", (json_int_t)ended,
			      "registrations", (json_int_t)registrar_count(config->registrar),
			      "events_waiting", (json_int_t)events.waiting, "events_shed",
			      (json_int_t)shed, "store_queued", (json_int_t)store.queued,
			      "store_refused", (json_int_t)store.refused));
}

/* --- call hangup --- */

static void run_hangup(struct shard *shard, struct task *task)
{
	task->status = engine_hangup(shard->engine, task->id);
}

static void finish_hangup(struct task *task)
{
	char text[64];

	if (task->status == 0) {
		client_answer(task->client, STATUS_OK, json_object());
		return;
	}
	snprintf(text, sizeof(text),
		 task->status == -ENOENT ? "no call %016" PRIx64
					 : "call %016" PRIx64 " cannot be ended",
		 task->id);
	client_refuse(task->client, STATUS_FAILED, text);
}

static void hangup(struct client *client, const struct request *request)
{
	unsigned shard = shard_of_call(request->id, client->api->config.shard_count);
	const struct task task = {
		.command = request->command,
		.shard = shard,
		.last = shard,
		.run = run_hangup,
		.finish = finish_hangup,
		.id = request->id,
	};

	if (task_start(client, &task) != 0)
		client_refuse(client, STATUS_FAILED, "no memory");
}

/* --- call transfer --- */

static void run_transfer(struct shard *shard, struct task *task)
{
	task->status = engine_transfer(shard->engine, task->id, task->callee, task->target);
}

static void finish_transfer(struct task *task)
{
	char text[64];

	if (task->status == 0) {
		client_answer(task->client, STATUS_OK, json_object());
		return;
	}
	snprintf(text, sizeof(text),
		 task->status == -ENOENT  ? "no call %016" PRIx64
		 : task->status == -EBUSY ? "call %016" PRIx64 " cannot be transferred now"
					  : "call %016" PRIx64 " cannot be transferred",
		 task->id);
	client_refuse(task->client, STATUS_FAILED, text);
}

static void transfer(struct client *client, const struct request *request)
{
	unsigned shard = shard_of_call(request->id, client->api->config.shard_count);
	struct task task = {
		.command = request->command,
		.shard = shard,
		.last = shard,
		.run = run_transfer,
		.finish = finish_transfer,
		.id = request->id,
		.callee = request->callee,
	};

	snprintf(task.target, sizeof(task.target), "%s", request->filter.to);
	if (task_start(client, &task) != 0)
		client_refuse(client, STATUS_FAILED, "no memory");
}

/* --- drain, resume --- */

static void run_drain(struct shard *shard, struct task *task)
{
	atomic_store(&shard->draining, true);
	run_count(shard, task);
}

static void run_resume(struct shard *shard, struct task *task)
{
	atomic_store(&shard->draining, false);
	run_count(shard, task);
}

static void finish_drain(struct task *task)
{
	client_answer(task->client, STATUS_OK,
		      json_pack("{s:I}", "calls", (json_int_t)task->number));
}

/* --- read in the main thread --- */

static void reload(struct client *client)
{
	const struct api_config *config = &client->api->config;

	if (config->reload && config->reload(config->arg) == 0)
		client_answer(client, STATUS_OK, json_object());
	else
		client_refuse(client, STATUS_FAILED,
			      "certificates or users are not read again; the log says why");
}

static void show_registrations(struct client *client, const struct request *request)
{
	json_t *rows = json_array();

	registrar_show(client->api->config.registrar, rows);
	answer_rows(client, request->command, rows);
}

static json_t *time_json(uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char text[40];
	struct tm tm;
	size_t n;

	if (!wall_ms || !gmtime_r(&seconds, &tm))
		return json_null();
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(wall_ms % 1000));
	return json_string(text);
}

static json_t *text_json(const char *text)
{
	json_t *value = text && text[0] ? json_string(text) : NULL;

	return value ? value : json_null();
}

static void set_side(json_t *row, const char *name, const char *side, json_t *value)
{
	char key[32];

	snprintf(key, sizeof(key), "%s_%s", name, side);
	json_object_set_new(row, key, value);
}

static json_t *known(bool is_known, double value)
{
	return is_known ? json_real(value) : json_null();
}

static void add_media(json_t *row, const char *side, const struct cdr_media *m)
{
	const double expected = (double)(m->expected ? m->expected : 1);

	set_side(row, "packets", side, json_integer((json_int_t)m->packets));
	set_side(row, "lost", side, json_integer((json_int_t)m->lost));
	set_side(row, "loss_percent", side,
		 known(m->expected > 0, 100 * (double)m->lost / expected));
	set_side(row, "late", side, json_integer((json_int_t)m->late));
	set_side(row, "mos", side, known(m->mos > 0, (double)m->mos / 100));
	set_side(row, "r_factor", side, known(m->mos > 0, (double)m->r_factor / 10));
	set_side(row, "jitter_ms", side, known(m->mos > 0, (double)m->jitter_us / 1000));
	set_side(row, "longest_gap_ms", side, json_integer((json_int_t)m->longest_gap_ms));
	set_side(row, "burst_density", side, known(m->mos > 0, (double)m->burst_density / 10000));
	set_side(row, "rtt_ms", side, known(m->rtt_us > 0, (double)m->rtt_us / 1000));
	set_side(row, "quality_alarms", side, json_integer((json_int_t)m->alarms));
}

static void add_cdr(void *arg, const struct cdr *cdr)
{
	uint64_t answered = cdr->answered_ms, ended = cdr->ended_ms;
	double duration = answered && ended > answered ? (double)(ended - answered) / 1000 : 0;
	char call[17];
	json_t *row;

	snprintf(call, sizeof(call), "%016" PRIx64, cdr->call);
	row = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:f,s:i,s:o,s:o,s:o}", "call",
			call, "from", text_json(cdr->from), "to", text_json(cdr->to),
			"caller_address", text_json(cdr->caller_address), "callee_address",
			text_json(cdr->callee_address), "trunk_in", text_json(cdr->trunk_in),
			"trunk_out", text_json(cdr->trunk_out), "started",
			time_json(cdr->started_ms), "answered", time_json(answered), "ended",
			time_json(ended), "duration_s", duration, "cause", (int)cdr->cause,
			"reason", text_json(cdr->reason), "ended_by", text_json(cdr->ended_by),
			"codec", text_json(cdr->codec));
	add_media(row, "caller", &cdr->caller);
	add_media(row, "callee", &cdr->callee);
	json_array_append_new(arg, row);
}

/* Calls that have ended before are among them: what is queued for the disk is waited for. */
static void run_cdrs(struct shard *shard, struct task *task)
{
	struct store *store = task->api->config.store;

	(void)shard;
	store_flush(store);
	task->status = store_cdrs_load(store, task->offset, task->limit, add_cdr, task->rows);
}

static void finish_cdrs(struct task *task)
{
	if (task->status == 0)
		finish_rows(task);
	else
		client_refuse(task->client, STATUS_FAILED, "the store cannot be read");
}

static void show_cdrs(struct client *client, const struct request *request)
{
	const struct task task = {
		.command = request->command,
		.in_pool = true,
		.run = run_cdrs,
		.finish = finish_cdrs,
		.rows = json_array(),
		.offset = request->offset,
		.limit = request->limit,
	};

	if (task_start(client, &task) != 0)
		client_refuse(client, STATUS_FAILED, "no memory");
}

static void show_events(struct client *client, const struct request *request)
{
	struct event_bus_stats stats;
	json_t *rows = json_array();

	event_bus_stats(client->api->config.events, &stats);
	for (unsigned type = 0; type < EVENT_TYPES; type++) {
		const struct event_type_info *info = event_type_info(type);
		char fields[128] = "";

		for (unsigned i = 0; i < info->field_count; i++)
			snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields), "%s%s",
				 i ? " " : "", info->fields[i]);
		json_array_append_new(
			rows, json_pack("{s:s,s:s,s:I,s:s}", "type", info->name, "priority",
					event_priority_name(info->priority), "published",
					(json_int_t)stats.published[type], "fields", fields));
	}
	answer_rows(client, request->command, rows);
}

void handle_request(struct client *client, const struct request *request)
{
	switch (request->command) {
	case COMMAND_SHOW_CALLS:
		gather(client, request, run_calls, finish_rows, NULL);
		break;
	case COMMAND_SHOW_SESSIONS:
		gather(client, request, run_sessions, finish_rows, NULL);
		break;
	case COMMAND_SHOW_TRUNKS:
		gather(client, request, run_trunks, finish_rows, NULL);
		break;
	case COMMAND_SHOW_SIP:
		gather(client, request, run_sip, finish_sip, NULL);
		break;
	case COMMAND_SHOW_CONNECTIONS:
		gather(client, request, run_connections, finish_rows, NULL);
		break;
	case COMMAND_SHOW_GUARD:
		gather(client, request, guard_run, guard_finish, NULL);
		break;
	case COMMAND_SHOW_BANS:
		guard_show_bans(client);
		break;
	case COMMAND_BAN:
	case COMMAND_UNBAN:
		guard_handle_ban(client, request);
		break;
	case COMMAND_SHOW_VERSION:
		gather(client, request, run_count, finish_version, late_version);
		break;
	case COMMAND_SHOW_LOAD:
		gather(client, request, run_count, finish_load, NULL);
		break;
	case COMMAND_SHOW_REGISTRATIONS:
		show_registrations(client, request);
		break;
	case COMMAND_SHOW_USERS:
		users_show(client);
		break;
	case COMMAND_USER_ADD:
	case COMMAND_USER_ROTATE:
	case COMMAND_USER_REMOVE:
		users_handle(client, request);
		break;
	case COMMAND_SHOW_CDRS:
		show_cdrs(client, request);
		break;
	case COMMAND_SHOW_EVENTS:
		show_events(client, request);
		break;
	case COMMAND_CALL_HANGUP:
		hangup(client, request);
		break;
	case COMMAND_CALL_TRANSFER:
		transfer(client, request);
		break;
	case COMMAND_DRAIN:
		gather(client, request, run_drain, finish_drain, NULL);
		break;
	case COMMAND_RESUME:
		gather(client, request, run_resume, finish_drain, NULL);
		break;
	case COMMAND_RELOAD:
		reload(client);
		break;
	case COMMAND_EVENTS:
		stream_start(client, request->call);
		break;
	case COMMAND_SIP_TRACE:
		trace_start(client, request);
		break;
	default:
		client_refuse(client, STATUS_USAGE, "tandemctl answers this itself");
		break;
	}
}
