/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <inttypes.h>

#include "controlplane/cli/cli.h"

#define ANSWER_TIMEOUT_MS 10000u

struct control {
	FILE *stream;
	char *line;
	size_t line_size;
};

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

void control_set_timeout(struct control *control, unsigned ms)
{
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(fileno(control->stream), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

enum command_status control_open(const char *run_dir, struct control **out, char *why,
				 size_t why_size)
{
	struct control *control;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET_NAME, run_dir);
	fd = connect_to(path);
	if (fd == -ENOENT || fd == -ECONNREFUSED) {
		snprintf(why, why_size,
			 "tandem-controlplane is not running (no socket at %s): start it with "
			 "\"systemctl start tandem-controlplane\" or \"tandem-controlplane "
			 "--config FILE\"",
			 path);
		return STATUS_NOT_RUNNING;
	}
	if (fd < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(-fd));
		return STATUS_FAILED;
	}
	control = calloc(1, sizeof(*control));
	if (control)
		control->stream = fdopen(fd, "r+");
	if (!control || !control->stream) {
		free(control);
		close(fd);
		snprintf(why, why_size, "no memory");
		return STATUS_FAILED;
	}
	control_set_timeout(control, ANSWER_TIMEOUT_MS);
	*out = control;
	return STATUS_OK;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	fclose(control->stream);
	free(control->line);
	free(control);
}

static void set_text(json_t *args, const char *name, const char *text)
{
	if (text)
		json_object_set_new(args, name, json_string(text));
}

static json_t *arguments_json(const struct arguments *arguments)
{
	json_t *args = json_object();
	char id[17];

	if (arguments->id) {
		snprintf(id, sizeof(id), "%016" PRIx64, arguments->id);
		json_object_set_new(args, "id", json_string(id));
	}
	if (arguments->call) {
		snprintf(id, sizeof(id), "%016" PRIx64, arguments->call);
		json_object_set_new(args, "call", json_string(id));
	}
	set_text(args, "address", arguments->address);
	if (arguments->seconds)
		json_object_set_new(args, "seconds", json_integer(arguments->seconds));
	set_text(args, "from", arguments->from);
	set_text(args, "to", arguments->to);
	set_text(args, "leg", arguments->leg);
	set_text(args, "method", arguments->method);
	set_text(args, "source", arguments->source);
	set_text(args, "user", arguments->user);
	set_text(args, "password", arguments->password);
	if (arguments->secrets)
		json_object_set_new(args, "secrets", json_true());
	if (arguments->limit != UINT32_MAX)
		json_object_set_new(args, "limit", json_integer(arguments->limit));
	if (arguments->offset != UINT32_MAX)
		json_object_set_new(args, "offset", json_integer(arguments->offset));
	return args;
}

static int send_request(struct control *control, const char *command,
			const struct arguments *arguments)
{
	json_t *request =
		json_pack("{s:s,s:o}", "command", command, "args", arguments_json(arguments));
	char *text = json_dumps(request, JSON_COMPACT);
	int error = text ? 0 : -ENOMEM;
	size_t n = text ? strlen(text) : 0, sent = 0;

	json_decref(request);
	if (text)
		text[n++] = '\n'; /* in place of the terminator */
	while (!error && sent < n) {
		ssize_t step = send(fileno(control->stream), text + sent, n - sent, MSG_NOSIGNAL);

		if (step < 0)
			error = -errno;
		else
			sent += (size_t)step;
	}
	free(text);
	return error;
}

json_t *control_next(struct control *control)
{
	ssize_t n = getline(&control->line, &control->line_size, control->stream);

	return n > 0 ? json_loadb(control->line, (size_t)n, 0, NULL) : NULL;
}

enum command_status control_ask(struct control *control, const char *command,
				const struct arguments *arguments, json_t **out, char *why,
				size_t why_size)
{
	enum command_status status;
	json_t *answer;
	int error = send_request(control, command, arguments);

	errno = 0;
	answer = error ? NULL : control_next(control);
	if (!json_is_object(answer)) {
		bool late = errno == EAGAIN || errno == EWOULDBLOCK;

		json_decref(answer);
		snprintf(why, why_size,
			 late ? "tandem-controlplane does not answer"
			      : "tandem-controlplane ended before it answered");
		return late ? STATUS_FAILED : STATUS_NOT_RUNNING;
	}
	status = (enum command_status)json_integer_value(json_object_get(answer, "status"));
	json_object_del(answer, "status");
	if (status == STATUS_OK) {
		*out = answer;
		return STATUS_OK;
	}
	snprintf(why, why_size, "%s",
		 json_string_value(json_object_get(answer, "error")) ?: "refused");
	json_decref(answer);
	return status;
}
