/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP messages to clients, as they come and go. A client that does not keep up loses some, and is
 * told how many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/api/internal.h"
#include "controlplane/engine/engine.h"
#include "controlplane/monitor/monitor.h"

/* As text where it is some; in hex where not. */
static void set_data(json_t *message, const char *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	json_t *text = memchr(data, 0, size) ? NULL : json_stringn(data, size);
	char *hex;

	if (text) {
		json_object_set_new(message, "text", text);
		return;
	}
	hex = malloc(2 * size);
	if (!hex)
		return;
	for (size_t i = 0; i < size; i++) {
		hex[2 * i] = digits[(unsigned char)data[i] >> 4];
		hex[2 * i + 1] = digits[data[i] & 15];
	}
	json_object_set_new(message, "hex", json_stringn(hex, 2 * size));
	free(hex);
}

static json_t *message_json(const struct trace_record *record, const char *data)
{
	char local[SIP_ADDRESS_TEXT], remote[SIP_ADDRESS_TEXT], call[17];
	json_t *message;

	snprintf(call, sizeof(call), "%016" PRIx64, record->call);
	message = json_pack(
		"{s:I,s:s,s:s,s:s,s:s,s:s?}", "time_ns", (json_int_t)record->time_ns, "direction",
		record->out ? "out" : "in", "transport", sip_transport_name(record->transport),
		"local", sip_address_text(&record->local, local), "remote",
		sip_address_text(&record->remote, remote), "call", record->call ? call : NULL);
	set_data(message, data, record->size);
	return json_pack("{s:o}", "message", message);
}

static void deliver(void *arg, const struct trace_record *record, const char *data)
{
	struct client *client = arg;

	/* The answer to the request comes first. */
	if (client->closing || client->answering)
		return;
	if (client_backlog(client) > API_BACKLOG_MAX) {
		client->events_left_out++;
		return;
	}
	if (client->events_left_out) {
		client_send_json(client, json_pack("{s:I}", "left_out",
						   (json_int_t)client->events_left_out));
		client->events_left_out = 0;
	}
	if (!client->closing)
		client_send_json(client, message_json(record, data));
}

/* --- calls that are there already --- */

static void run_sessions(struct shard *shard, struct task *task)
{
	engine_show_sessions(shard->engine, task->rows);
}

static void finish_start(struct task *task)
{
	struct monitor *monitor = task->api->config.monitor;
	const json_t *row;
	size_t i;

	json_array_foreach(task->rows, i, row)
	{
		const char *call = json_string_value(json_object_get(row, "call"));
		const char *call_id = json_string_value(json_object_get(row, "sip_call_id"));

		if (call && call_id)
			monitor_know(monitor, strtoull(call, NULL, 16), slice_of(call_id));
	}
	client_answer(task->client, STATUS_OK, json_object());
}

void trace_start(struct client *client, const struct request *request)
{
	const struct task task = {
		.command = request->command,
		.last = client->api->config.shard_count - 1,
		.run = run_sessions,
		.finish = finish_start,
		.rows = json_array(),
	};
	struct trace_filter filter = request->filter;

	filter.call = request->call;
	if (monitor_listen(client->api->config.monitor, &filter, request->secrets, deliver, client,
			   &client->trace) != 0) {
		json_decref(task.rows);
		client_refuse(client, STATUS_FAILED, "no memory");
	} else if (task_start(client, &task) != 0) {
		client_refuse(client, STATUS_FAILED, "no memory");
	}
}

void trace_stop(struct client *client)
{
	if (client->trace)
		monitor_unlisten(client->api->config.monitor, client->trace);
	client->trace = NULL;
}
