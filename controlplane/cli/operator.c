/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of the dataplane over its socket: captures, leaks. trace.c has traces. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/cli.h"
#include "dataplane/client/operator.h"

#define ANSWER_MS 5000
#define LOOK_MS   100  /* between two looks at a capture that is waited for */
#define CLOSE_MS  3000 /* that a file may take to be closed */

enum command_status operator_open(struct cli *cli, struct dp_client **client)
{
	char why[512];
	enum command_status status = segment_open_operator(cli->run_dir, client, why, sizeof(why));

	return status == STATUS_OK ? status : cli_fail(cli, status, "%s", why);
}

enum command_status operator_filter(struct cli *cli, const struct dp_stats_header *stats,
				    const struct arguments *arguments,
				    struct dp_packet_filter *filter)
{
	*filter = (struct dp_packet_filter){ .label = arguments->call, .port = DP_PORT_ANY };
	if (!arguments->port)
		return STATUS_OK;
	for (unsigned i = 0; i < stats->ports; i++) {
		const struct dp_port_stats *port = dp_stats_port(stats, i);

		if (port && strncmp(port->name, arguments->port, sizeof(port->name)) == 0) {
			filter->port = (uint16_t)i;
			return STATUS_OK;
		}
	}
	return cli_fail(cli, STATUS_FAILED, "no port \"%s\"; \"show ports\" lists them",
			arguments->port);
}

enum command_status operator_refused(struct cli *cli, const struct arguments *arguments, int error)
{
	switch (error) {
	case -ESTALE:
		return cli_fail(cli, STATUS_FAILED, "no call %016llx on the dataplane",
				(unsigned long long)arguments->call);
	case -EBUSY:
		return cli_fail(cli, STATUS_FAILED, "somebody else traces already");
	case -ENOSPC:
		return cli_fail(cli, STATUS_FAILED, "%u captures are running; stop one",
				DP_CAPTURES_MAX);
	case -ECONNRESET:
		return cli_fail(cli, STATUS_NOT_RUNNING, "tandem-dataplane has ended");
	default:
		return cli_fail(cli, STATUS_FAILED, "the dataplane refuses: %s", strerror(-error));
	}
}

/* --- captures --- */

static json_t *capture_row(const struct dp_stats_header *stats, const struct dp_capture_state *c)
{
	static const char *const phases[] = { [DP_CAPTURE_RUNS] = "running",
					      [DP_CAPTURE_CLOSING] = "closing",
					      [DP_CAPTURE_ENDED] = "ended" };
	const struct dp_port_stats *port = dp_stats_port(stats, c->filter.port);
	char call[17];
	json_t *row =
		json_pack("{s:I, s:s, s:n, s:n, s:n, s:I, s:I, s:I, s:n}", "id", (json_int_t)c->id,
			  "state", c->phase <= DP_CAPTURE_ENDED ? phases[c->phase] : "?", "call",
			  "port", "snap", "packets", (json_int_t)c->packets, "bytes",
			  (json_int_t)c->bytes, "lost", (json_int_t)c->lost, "why");

	snprintf(call, sizeof(call), "%016llx", (unsigned long long)c->filter.label);
	if (c->filter.label)
		json_object_set_new(row, "call", json_string(call));
	if (c->filter.port != DP_PORT_ANY && port)
		json_object_set_new(row, "port", json_string(port->name));
	if (c->snap_length)
		json_object_set_new(row, "snap", json_integer(c->snap_length));
	if (c->error)
		json_object_set_new(
			row, "why",
			json_string(c->error == -EDQUOT ? "limit reached" : strerror(-c->error)));
	return row;
}

static int ask_status(struct dp_client *client, struct dp_operation_reply *reply)
{
	struct dp_operation operation = { .verb = DP_OPERATION_CAPTURE_STATUS };

	return dp_operator_ask(client, &operation, -1, ANSWER_MS, reply);
}

static const struct dp_capture_state *find(const struct dp_operation_reply *reply, uint32_t id)
{
	for (uint32_t i = 0; i < reply->count; i++)
		if (reply->capture[i].id == id)
			return &reply->capture[i];
	return NULL;
}

static void print_captures(struct cli *cli, const struct dp_stats_header *stats,
			   const struct dp_operation_reply *reply)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < reply->count; i++)
		json_array_append_new(rows, capture_row(stats, &reply->capture[i]));
	if (cli->json) {
		json_t *object = json_pack("{s:O}", "captures", rows);

		json_print(cli->out, object);
		json_decref(object);
	} else {
		table_print(cli->out, cli_fields(COMMAND_CAPTURE_STATUS), rows, "captures");
	}
	json_decref(rows);
}

static enum command_status run_status(struct cli *cli, struct dp_client *client,
				      const struct arguments *arguments)
{
	struct dp_operation_reply reply;
	int error = ask_status(client, &reply);

	if (error)
		return operator_refused(cli, arguments, error);
	print_captures(cli, dp_client_stats(client), &reply);
	return STATUS_OK;
}

/* Waits until the files of these captures are closed, and leaves their last state in *reply. */
static int wait_closed(struct dp_client *client, struct dp_operation_reply *reply)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct dp_operation_reply now;

	for (unsigned i = 0; i < CLOSE_MS / 5; i++) {
		int error = ask_status(client, &now);
		bool closed = true;

		if (error)
			return error;
		for (uint32_t k = 0; k < reply->count; k++) {
			const struct dp_capture_state *c = find(&now, reply->capture[k].id);

			if (c)
				reply->capture[k] = *c;
			closed &= !c || c->phase == DP_CAPTURE_ENDED;
		}
		if (closed)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -ETIMEDOUT;
}

static enum command_status run_stop(struct cli *cli, struct dp_client *client,
				    const struct arguments *arguments)
{
	struct dp_operation operation = { .verb = DP_OPERATION_CAPTURE_STOP };
	struct dp_operation_reply before, ended;
	uint32_t id = 0, count = 0;
	char *end = NULL;
	int error;

	if (arguments->positional) {
		id = (uint32_t)strtoul(arguments->positional, &end, 10);
		if (id == 0 || *end)
			return cli_fail(cli, STATUS_USAGE,
					"capture stop wants the number of a capture, not %s",
					arguments->positional);
	}
	error = ask_status(client, &before);
	if (error)
		return operator_refused(cli, arguments, error);
	for (uint32_t i = 0; i < before.count; i++)
		if (id ? before.capture[i].id == id : before.capture[i].phase == DP_CAPTURE_RUNS)
			before.capture[count++] = before.capture[i];
	before.count = count;
	if (id && count == 0)
		return cli_fail(cli, STATUS_FAILED, "no capture %u", id);
	operation.capture_stop.capture = id;
	error = dp_operator_ask(client, &operation, -1, ANSWER_MS, &ended);
	if (!error)
		error = wait_closed(client, &before);
	if (error && error != -ETIMEDOUT)
		return operator_refused(cli, arguments, error);
	print_captures(cli, dp_client_stats(client), &before);
	return STATUS_OK;
}

/* "-": the standard output, which the dataplane writes to until tandemctl ends. A pipe is opened
 * anew, so that the dataplane's wish not to block is not everybody's. */
static int open_output(struct cli *cli)
{
	struct stat st;

	if (isatty(STDOUT_FILENO)) {
		cli_fail(cli, STATUS_USAGE,
			 "packets are nothing for a terminal: \"capture start "
			 "- | tshark -r -\"");
		return -1;
	}
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		return open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC);
	return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

static int open_file(const char *path, bool force)
{
	/* what people say is in it */
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0600);
}

/* Until the capture ends, whoever reads the pipe goes, or Ctrl-C. */
static enum command_status follow(struct cli *cli, struct dp_client *client, uint32_t id)
{
	struct dp_operation stop = { .verb = DP_OPERATION_CAPTURE_STOP,
				     .capture_stop.capture = id };
	struct pollfd out = { .fd = STDOUT_FILENO };
	struct dp_operation_reply reply = { 0 };
	const struct dp_capture_state *c;
	int error = 0;

	while (!cli_interrupted && !error) {
		error = ask_status(client, &reply);
		c = find(&reply, id);
		if (error || !c || c->phase == DP_CAPTURE_ENDED)
			break;
		if (poll(&out, 1, LOOK_MS) > 0) /* POLLERR: nobody reads */
			break;
	}
	if (error)
		return operator_refused(cli, &(struct arguments){ 0 }, error);
	c = find(&reply, id);
	if (c && c->phase != DP_CAPTURE_ENDED) {
		reply.capture[0] = *c;
		reply.count = 1;
		if (dp_operator_ask(client, &stop, -1, ANSWER_MS,
				    &(struct dp_operation_reply){ 0 }) == 0)
			wait_closed(client, &reply);
		c = &reply.capture[0];
	}
	if (c)
		fprintf(cli->err, "%llu packets captured, %llu lost\n",
			(unsigned long long)c->packets, (unsigned long long)c->lost);
	return STATUS_OK;
}

static enum command_status run_start(struct cli *cli, struct dp_client *client,
				     const struct arguments *arguments)
{
	bool tied = strcmp(arguments->positional, "-") == 0;
	struct dp_operation operation = {
		.verb = DP_OPERATION_CAPTURE_START,
		.capture_start = { .snap_length = arguments->snap,
				   .packets_max = arguments->packets,
				   .bytes_max = arguments->bytes,
				   .flags = tied ? DP_CAPTURE_TIED : 0 },
	};
	struct dp_operation_reply reply;
	enum command_status status = operator_filter(cli, dp_client_stats(client), arguments,
						     &operation.capture_start.filter);
	int fd, error;

	if (status != STATUS_OK)
		return status;
	fd = tied ? open_output(cli) : open_file(arguments->positional, arguments->force);
	if (fd < 0)
		return tied ? STATUS_USAGE
			    : cli_fail(cli, STATUS_FAILED, "%s: %s%s", arguments->positional,
				       strerror(errno),
				       errno == EEXIST ? "; --force overwrites it" : "");
	cli_interrupted = 0;
	error = dp_operator_ask(client, &operation, fd, ANSWER_MS, &reply);
	close(fd);
	if (error) {
		if (!tied && !arguments->force)
			unlink(arguments->positional);
		return operator_refused(cli, arguments, error);
	}
	if (tied)
		return follow(cli, client, reply.capture[0].id);
	if (cli->json)
		fprintf(cli->out, "{\"capture\": %u}\n", reply.capture[0].id);
	else
		fprintf(cli->out, "capture %u begins; \"capture stop %u\" ends it\n",
			reply.capture[0].id, reply.capture[0].id);
	return STATUS_OK;
}

/* --- leaks --- */

static enum command_status run_reclaim(struct cli *cli, struct dp_client *client,
				       const struct arguments *arguments)
{
	struct dp_operation operation = { .verb = DP_OPERATION_RECLAIM };
	struct dp_operation_reply reply;
	unsigned index, generation;
	uint64_t unclaimed;
	int n = 0, error;

	if (arguments->positional) {
		if (sscanf(arguments->positional, "%u.%u%n", &index, &generation, &n) != 2 ||
		    arguments->positional[n] || generation == 0)
			return cli_fail(cli, STATUS_USAGE,
					"reclaim wants the handle of a context, not %s",
					arguments->positional);
		operation.reclaim.context = (dp_handle_t){ index, generation };
	}
	operation.reclaim.unclaimed_s = arguments->older_than_s; /* not given: the default */
	operation.reclaim.flags = arguments->force ? DP_RECLAIM_FORCE : 0;
	unclaimed = __atomic_load_n(&dp_client_stats(client)->unclaimed, __ATOMIC_RELAXED);
	error = dp_operator_ask(client, &operation, -1, ANSWER_MS, &reply);
	if (error == -ESTALE)
		return cli_fail(cli, STATUS_FAILED, "no context %s", arguments->positional);
	if (error == -EPERM)
		return cli_fail(cli, STATUS_FAILED, "a client claims context %s",
				arguments->positional);
	if (error == -EBUSY)
		return cli_fail(cli, STATUS_FAILED,
				"context %s carries media now; --force removes it all the same",
				arguments->positional);
	if (error)
		return operator_refused(cli, arguments, error);
	if (cli->json) {
		fprintf(cli->out, "{\"reclaimed\": %u}\n", reply.count);
		return STATUS_OK;
	}
	fprintf(cli->out, "%u context%s reclaimed", reply.count, reply.count == 1 ? "" : "s");
	if (unclaimed > reply.count)
		fprintf(cli->out, ", %llu left: younger, or with media; \"show leaks\" lists them",
			(unsigned long long)(unclaimed - reply.count));
	fputc('\n', cli->out);
	return STATUS_OK;
}

enum command_status operator_run(struct cli *cli, enum command_id command,
				 const struct arguments *arguments)
{
	struct dp_client *client;
	enum command_status status;

	if (command == COMMAND_TRACE)
		return trace_run(cli, arguments);
	status = operator_open(cli, &client);
	if (status != STATUS_OK)
		return status;
	switch (command) {
	case COMMAND_CAPTURE_START:
		status = run_start(cli, client, arguments);
		break;
	case COMMAND_CAPTURE_STOP:
		status = run_stop(cli, client, arguments);
		break;
	case COMMAND_CAPTURE_STATUS:
		status = run_status(cli, client, arguments);
		break;
	default:
		status = run_reclaim(cli, client, arguments);
		break;
	}
	dp_client_close(client);
	return status;
}
