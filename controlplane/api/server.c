/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/api/internal.h"
#include "sip/base/log.h"

static void drop_handle(struct api *api)
{
	if (--api->handles == 0)
		free(api);
}

/* --- clients --- */

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	struct api *api = client->api;

	lines_free(&client->in);
	free(client);
	drop_handle(api);
}

static void client_close(struct client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	if (client->task)
		task_abandon(client->task);
	client->task = NULL;
	stream_stop(client);
	trace_stop(client);
	*client->prev = client->next;
	if (client->next)
		client->next->prev = client->prev;
	client->api->client_count--;
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

struct sending {
	uv_write_t write;
	struct client *client;
	char *text;
};

static void next_request(struct client *client);

static void on_sent(uv_write_t *write, int status)
{
	struct sending *sending = write->data;
	struct client *client = sending->client;

	free(sending->text);
	free(sending);
	if (status < 0 || client->last)
		client_close(client);
	else
		next_request(client);
}

void client_send(struct client *client, char *text)
{
	struct sending *sending = text && !client->closing ? malloc(sizeof(*sending)) : NULL;
	uv_buf_t buffer;
	int error;

	if (!sending) {
		free(text);
		client_close(client);
		return;
	}
	sending->write.data = sending;
	sending->client = client;
	sending->text = text;
	buffer = uv_buf_init(text, (unsigned)strlen(text));
	error = uv_write(&sending->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_sent);
	if (error) {
		free(sending->text);
		free(sending);
		client_close(client);
	}
}

size_t client_backlog(const struct client *client)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&client->pipe);
}

/* JSON of one line, as it is sent. */
static char *to_line(json_t *body)
{
	size_t size = json_dumpb(body, NULL, 0, JSON_COMPACT);
	char *text = size ? malloc(size + 2) : NULL;

	if (text) {
		json_dumpb(body, text, size, JSON_COMPACT);
		text[size] = '\n';
		text[size + 1] = '\0';
	}
	return text;
}

void client_send_json(struct client *client, json_t *body)
{
	char *text = body ? to_line(body) : NULL;

	json_decref(body);
	client_send(client, text);
}

void client_answer(struct client *client, enum command_status status, json_t *body)
{
	char *text = NULL;

	if (body && json_object_set_new(body, "status", json_integer(status)) == 0)
		text = to_line(body);
	json_decref(body);
	client->task = NULL;
	client->answering = false;
	client_send(client, text);
	next_request(client);
}

void client_refuse(struct client *client, enum command_status status, const char *error)
{
	client_answer(client, status, json_pack("{s:s}", "error", error));
}

static void too_long(struct client *client)
{
	client->last = true;
	uv_read_stop((uv_stream_t *)&client->pipe);
	client_send(client, strdup("{\"status\":2,\"error\":\"the request is too long\"}\n"));
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct client *client = handle->data;
	size_t size = 0;

	(void)suggested;
	buffer->base = lines_room(&client->in, &size);
	buffer->len = size;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	struct client *client = stream->data;

	(void)buffer;
	if (n == UV_ENOBUFS) {
		too_long(client);
	} else if (n < 0) {
		client_close(client);
	} else if (client_streams(client)) {
		lines_clear(&client->in); /* reading goes on only to see its end */
	} else {
		lines_filled(&client->in, (size_t)n);
		next_request(client);
	}
}

static void answer_line(struct client *client, const char *line, size_t size)
{
	struct request request;
	enum command_status status;
	char why[256];

	client->answering = true;
	status = request_parse(line, size, &request, why, sizeof(why));
	if (status == STATUS_OK)
		handle_request(client, &request);
	else
		client_refuse(client, status, why);
}

static bool may_take(const struct client *client)
{
	return !client->closing && !client->last && !client->answering && !client_streams(client) &&
	       client_backlog(client) <= API_BACKLOG_MAX;
}

/*
 * One request at a time, and none while the answers are not read: what comes meanwhile waits in
 * the socket.
 */
static void next_request(struct client *client)
{
	char *line = NULL;
	size_t size;

	if (client->taking)
		return;
	client->taking = true;
	while (may_take(client) && (line = lines_take(&client->in, &size))) {
		if (size > 0)
			answer_line(client, line, size);
	}
	client->taking = false;
	if (client->closing)
		return;
	if (client_streams(client) || may_take(client))
		uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read);
	else
		uv_read_stop((uv_stream_t *)&client->pipe);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct api *api = server->data;
	struct client *client;

	if (status < 0 || api->closing)
		return;
	client = calloc(1, sizeof(*client));
	if (!client)
		return;
	client->api = api;
	lines_init(&client->in, API_REQUEST_MAX);
	uv_pipe_init(api->config.loop, &client->pipe, 0);
	client->pipe.data = client;
	api->handles++;
	api->client_count++;
	client->next = api->clients;
	client->prev = &api->clients;
	if (client->next)
		client->next->prev = &client->next;
	api->clients = client;
	if (uv_accept(server, (uv_stream_t *)&client->pipe) != 0) {
		client_close(client);
		return;
	}
	if (api->client_count <= API_CLIENTS_MAX) {
		uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read);
		return;
	}
	client_send(client, strdup("{\"status\":1,\"error\":\"too many clients\"}\n"));
	/* Sent at once where the socket takes it, and a fresh one does. */
	client_close(client);
}

/* --- life --- */

static int listen_at(struct api *api, char *why, size_t why_size)
{
	int error;

	uv_pipe_init(api->config.loop, &api->pipe, 0);
	api->pipe.data = api;
	unlink(api->path);
	error = uv_pipe_bind(&api->pipe, api->path);
	if (!error && chmod(api->path, 0660) != 0)
		error = -errno;
	if (!error)
		error = uv_listen((uv_stream_t *)&api->pipe, 16, on_connection);
	if (error)
		snprintf(why, why_size, "%s: %s", api->path, uv_strerror(error));
	return error;
}

static void on_pipe_closed(uv_handle_t *handle)
{
	drop_handle(handle->data);
}

int api_create(const struct api_config *config, const char *run_dir, struct api **out, char *why,
	       size_t why_size)
{
	struct api *api = calloc(1, sizeof(*api));
	int n, error;

	if (!api)
		return -ENOMEM;
	api->config = *config;
	api->handles = 2;
	n = snprintf(api->path, sizeof(api->path), "%s/" CONTROL_SOCKET_NAME, run_dir);
	if (n < 0 || (size_t)n >= sizeof(api->path)) {
		snprintf(why, why_size, "the run directory's name is too long for a socket");
		free(api);
		return -ENAMETOOLONG;
	}
	error = listen_at(api, why, why_size);
	if (error) {
		uv_close((uv_handle_t *)&api->pipe, on_pipe_closed);
		drop_handle(api);
		return error;
	}
	*out = api;
	return 0;
}

void api_close(struct api *api)
{
	if (api->closing)
		return;
	api->closing = true;
	unlink(api->path);
	uv_close((uv_handle_t *)&api->pipe, on_pipe_closed);
	while (api->clients)
		client_close(api->clients);
}

bool api_is_idle(const struct api *api)
{
	return api->closing && !api->tasks;
}

void api_destroy(struct api *api)
{
	if (api)
		drop_handle(api);
}
