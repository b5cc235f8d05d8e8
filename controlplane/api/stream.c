/* SPDX-License-Identifier: BSD-3-Clause */
/* Events to clients. A client that does not keep up loses events, and is told how many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/api/internal.h"
#include "controlplane/events/bus.h"

static json_t *event_json(const struct event *event)
{
	const struct event_type_info *info = event_type_info(event->type);
	json_t *fields = json_object();
	char call[17];

	for (unsigned i = 0; i < info->field_count; i++)
		json_object_set_new(
			fields, info->fields[i],
			json_stringn(event->fields[i], strnlen(event->fields[i], EVENT_TEXT))
				?: json_string("?"));
	snprintf(call, sizeof(call), "%016" PRIx64, event->call);
	return json_pack("{s:{s:I,s:s,s:s,s:I,s:I,s:s?,s:o}}", "event", "sequence",
			 (json_int_t)event->sequence, "type", info->name, "priority",
			 event_priority_name(info->priority), "time_ms", (json_int_t)event->time_ms,
			 "cause", (json_int_t)event->cause, "call", event->call ? call : NULL,
			 "fields", fields);
}

static void deliver(void *arg, const struct event *event)
{
	struct client *client = arg;

	if (client->closing)
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
		client_send_json(client, event_json(event));
}

void stream_start(struct client *client, uint64_t call)
{
	const struct event_filter filter = { .call = call };

	if (event_subscribe(client->api->config.events, &filter, deliver, client,
			    &client->events) != 0) {
		client_refuse(client, STATUS_FAILED, "no memory");
		return;
	}
	client_answer(client, STATUS_OK, json_object());
}

void stream_stop(struct client *client)
{
	event_unsubscribe(client->api->config.events, client->events);
	client->events = NULL;
}
