/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "controlplane/cli/cli.h"
#include "dataplane/client/client.h"

#define DRAIN_PAUSE_MS 200
#define WHY_SIZE       1024
#define IDLE_SAMPLE_NS 100000000L

volatile sig_atomic_t cli_interrupted;

enum command_status cli_fail(struct cli *cli, enum command_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(cli->err, "tandemctl: ");
	vfprintf(cli->err, format, args);
	fputc('\n', cli->err);
	va_end(args);
	return status;
}

/* What people call the rows: "media ports", "registrations". */
static void print_rows(struct cli *cli, enum command_id command, json_t *rows)
{
	const char *name = cli_commands[command].rows;

	if (cli->json) {
		json_t *object = json_pack("{s:O}", name, rows);

		json_print(cli->out, object);
		json_decref(object);
	} else if (json_is_array(rows)) {
		table_print(cli->out, cli_fields(command), rows, name);
		if (command == COMMAND_SHOW_NODES && json_array_size(rows))
			fprintf(cli->out, "cycles: %s\n", NODES_NOTE);
	} else {
		table_print_object(cli->out, cli_fields(command), rows, "");
	}
}

/* --- asked of the control plane --- */

static enum command_status ask(const char *run_dir, enum command_id command,
			       const struct arguments *arguments, json_t **answer, char *why)
{
	struct control *control;
	enum command_status status = control_open(run_dir, &control, why, WHY_SIZE);

	if (status != STATUS_OK)
		return status;
	status = control_ask(control, cli_commands[command].name, arguments, answer, why, WHY_SIZE);
	control_close(control);
	return status;
}

static enum command_status run_controlplane(struct cli *cli, enum command_id command,
					    const struct arguments *arguments)
{
	char why[WHY_SIZE];
	json_t *answer;
	enum command_status status = ask(cli->run_dir, command, arguments, &answer, why);

	if (status != STATUS_OK)
		return cli_fail(cli, status, "%s", why);
	if (cli_commands[command].rows[0])
		print_rows(cli, command, json_object_get(answer, cli_commands[command].rows));
	json_decref(answer);
	return STATUS_OK;
}

/* A password in the arguments is seen by all who list processes: "-" is a line of the standard
 * input. */
static enum command_status run_user(struct cli *cli, enum command_id command,
				    struct arguments *arguments)
{
	char *line = NULL;
	size_t size = 0;
	enum command_status status;

	if (arguments->password && strcmp(arguments->password, "-") == 0) {
		const ssize_t n = getline(&line, &size, stdin);

		if (n > 0)
			line[strcspn(line, "\r\n")] = '\0';
		if (n <= 0 || !line[0]) {
			free(line);
			return cli_fail(cli, STATUS_USAGE, "no password on the standard input");
		}
		arguments->password = line;
	}
	status = run_controlplane(cli, command, arguments);
	if (line)
		explicit_bzero(line, size);
	free(line);
	return status;
}

/* The control plane's figures, with the dataplane's if there is one. */
static enum command_status run_load(struct cli *cli, const struct arguments *arguments)
{
	const char *rows = cli_commands[COMMAND_SHOW_LOAD].rows;
	struct dp_client *client;
	char why[WHY_SIZE];
	json_t *answer;
	enum command_status status = ask(cli->run_dir, COMMAND_SHOW_LOAD, arguments, &answer, why);

	if (status != STATUS_OK)
		return cli_fail(cli, status, "%s", why);
	if (segment_open(cli->run_dir, &client, why, sizeof(why)) == STATUS_OK) {
		segment_add_load(dp_client_stats(client), json_object_get(answer, rows));
		dp_client_close(client);
	}
	print_rows(cli, COMMAND_SHOW_LOAD, json_object_get(answer, rows));
	json_decref(answer);
	return STATUS_OK;
}

/* Asks again and again until no call is left; what is left at the end is a failure. */
static enum command_status run_drain(struct cli *cli, const struct arguments *arguments)
{
	const struct timespec pause = { .tv_nsec = DRAIN_PAUSE_MS * 1000000L };
	uint64_t asked = 0, rounds = (uint64_t)arguments->wait_s * 1000 / DRAIN_PAUSE_MS;
	char why[WHY_SIZE];
	json_int_t calls, before = -1;

	while (true) {
		json_t *answer;
		enum command_status status =
			ask(cli->run_dir, COMMAND_DRAIN, arguments, &answer, why);

		if (status != STATUS_OK)
			return cli_fail(cli, status, "%s", why);
		calls = json_integer_value(json_object_get(answer, "calls"));
		json_decref(answer);
		if (!cli->json && calls != before)
			fprintf(cli->out, "draining: %" JSON_INTEGER_FORMAT " calls left\n", calls);
		fflush(cli->out);
		before = calls;
		if (calls == 0 || asked++ == rounds || cli_interrupted)
			break;
		nanosleep(&pause, NULL);
	}
	if (cli->json)
		fprintf(cli->out, "{\"calls\": %" JSON_INTEGER_FORMAT "}\n", calls);
	return calls == 0 || arguments->wait_s == 0 ? STATUS_OK : STATUS_FAILED;
}

/* --- read in the segment --- */

static json_t *workers(const struct dp_stats_header *stats)
{
	const struct timespec sample = { 0, IDLE_SAMPLE_NS };
	struct segment_cycles before;

	segment_cycles_read(stats, &before);
	nanosleep(&sample, NULL);
	return segment_workers(stats, &before);
}

static json_t *segment_rows(enum command_id command, const struct dp_stats_header *stats,
			    const struct arguments *arguments)
{
	switch (command) {
	case COMMAND_SHOW_CONTEXTS:
		return segment_contexts(stats);
	case COMMAND_SHOW_TERMINATIONS:
		return segment_terminations(stats, arguments->call);
	case COMMAND_SHOW_QUALITY:
		return segment_quality(stats, arguments->call);
	case COMMAND_SHOW_LEAKS:
		return segment_leaks(stats);
	case COMMAND_SHOW_REALMS:
		return segment_realms(stats);
	case COMMAND_SHOW_PORTS:
		return segment_ports(stats);
	case COMMAND_SHOW_WORKERS:
		return workers(stats);
	case COMMAND_SHOW_NODES:
		return segment_nodes(stats);
	case COMMAND_SHOW_DROPS:
		return segment_drops(stats);
	case COMMAND_SHOW_MEDIA_PORTS:
		return segment_media_ports(stats);
	default:
		return json_array();
	}
}

static enum command_status run_dataplane(struct cli *cli, enum command_id command,
					 const struct arguments *arguments)
{
	struct dp_client *client;
	char why[WHY_SIZE];
	enum command_status status = segment_open(cli->run_dir, &client, why, sizeof(why));
	json_t *rows;

	if (status != STATUS_OK)
		return cli_fail(cli, status, "%s", why);
	rows = segment_rows(command, dp_client_stats(client), arguments);
	dp_client_close(client);
	print_rows(cli, command, rows);
	json_decref(rows);
	return STATUS_OK;
}

/* --- show version --- */

static json_t *dataplane_version(const char *run_dir, char *why)
{
	struct dp_client *client;
	json_t *version;

	if (segment_open(run_dir, &client, why, WHY_SIZE) != STATUS_OK)
		return json_pack("{s:s}", "state", "down");
	version = segment_version(dp_client_stats(client));
	dp_client_close(client);
	return version;
}

static json_t *controlplane_version(const char *run_dir, char *why)
{
	const struct arguments none = { .limit = UINT32_MAX, .offset = UINT32_MAX };
	json_t *answer, *version;

	if (ask(run_dir, COMMAND_SHOW_VERSION, &none, &answer, why) != STATUS_OK)
		return json_pack("{s:s}", "state", "down");
	version = json_incref(json_object_get(json_object_get(answer, "version"), "controlplane"));
	json_decref(answer);
	return version ? version : json_pack("{s:s}", "state", "down");
}

static void print_part(struct cli *cli, const char *name, const struct field *fields,
		       const json_t *part, const char *why)
{
	fprintf(cli->out, "%s\n", name);
	table_print_object(cli->out, fields, part, "  ");
	if (why[0])
		fprintf(cli->out, "  %s\n", why);
}

static enum command_status run_version(struct cli *cli)
{
	char why_control[WHY_SIZE] = "", why_data[WHY_SIZE] = "";
	json_t *control = controlplane_version(cli->run_dir, why_control);
	json_t *data = dataplane_version(cli->run_dir, why_data);
	bool both_down = why_control[0] && why_data[0];
	json_t *version = json_pack("{s:{s:s,s:O,s:O}}", "version", "version", TANDEM_VERSION,
				    "controlplane", control, "dataplane", data);

	if (cli->json) {
		json_print(cli->out, version);
	} else {
		fprintf(cli->out, "tandemctl %s\n", TANDEM_VERSION);
		print_part(cli, "tandem-controlplane", cli_fields_controlplane, control,
			   why_control);
		print_part(cli, "tandem-dataplane", cli_fields_dataplane, data, why_data);
	}
	json_decref(version);
	json_decref(control);
	json_decref(data);
	return both_down ? cli_fail(cli, STATUS_NOT_RUNNING, "neither process is running")
			 : STATUS_OK;
}

/* --- local --- */

static enum command_status run_config_check(struct cli *cli, const char *path)
{
	char error[CONFIG_ERROR_TEXT];
	struct config *config;

	if (config_load(path, &config, error) != 0)
		return cli_fail(cli, STATUS_FAILED, "%s", error);
	config_free(config);
	if (cli->json)
		fprintf(cli->out, "{\"correct\": true}\n");
	else
		fprintf(cli->out, "%s: correct\n", path);
	return STATUS_OK;
}

static enum command_status run_help(struct cli *cli, const char *about)
{
	bool found = false;

	if (!about) {
		help_print(cli->out);
		return STATUS_OK;
	}
	for (int i = 0; i < COMMAND_COUNT; i++) {
		const char *name = cli_commands[i].name;
		size_t n = strlen(about);

		if (strncmp(name, about, n) != 0 || (name[n] != ' ' && name[n] != '\0'))
			continue;
		help_print_command(cli->out, (enum command_id)i);
		found = true;
	}
	return found ? STATUS_OK
		     : cli_fail(cli, STATUS_USAGE, "no command \"%s\"; \"help\" lists them", about);
}

/* "help show calls": one argument of several words. */
static void join(unsigned count, const char *const *words, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		if (words[i][0] == '-' || n >= size)
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "", words[i]);
	}
}

static enum command_status run_local(struct cli *cli, enum command_id command,
				     const struct arguments *arguments, unsigned count,
				     const char *const *words)
{
	char about[128];

	switch (command) {
	case COMMAND_CONFIG_CHECK:
		return run_config_check(cli, arguments->positional);
	case COMMAND_CONFIG_DOC:
		return config_write_reference(cli->out) == 0 ? STATUS_OK : STATUS_FAILED;
	default:
		join(count, words, about, sizeof(about));
		return run_help(cli, strlen(about) > 5 ? about + 5 : NULL);
	}
}

enum command_status cli_execute(struct cli *cli, unsigned count, const char *const *words)
{
	struct cli here = *cli; /* --json is for this command alone */
	struct arguments arguments;
	enum command_id command = COMMAND_HELP;
	char why[WHY_SIZE];
	enum command_status status =
		words_parse(count, words, &here.json, &command, &arguments, why, sizeof(why));

	if (status != STATUS_OK)
		return cli_fail(cli, status, "%s", why);
	switch (command) {
	case COMMAND_SHOW_VERSION:
		return run_version(&here);
	case COMMAND_SHOW_LOAD:
		return run_load(&here, &arguments);
	case COMMAND_DRAIN:
		return run_drain(&here, &arguments);
	case COMMAND_USER_ADD:
	case COMMAND_USER_ROTATE:
		return run_user(&here, command, &arguments);
	case COMMAND_EVENTS:
		return events_run(&here, &arguments);
	case COMMAND_SIP_TRACE:
		return sip_trace_run(&here, &arguments);
	case COMMAND_TOP:
		return top_run(&here, arguments.once);
	default:
		break;
	}
	switch (cli_commands[command].where) {
	case COMMAND_CONTROLPLANE:
		return run_controlplane(&here, command, &arguments);
	case COMMAND_DATAPLANE:
		return run_dataplane(&here, command, &arguments);
	case COMMAND_OPERATOR:
		return operator_run(&here, command, &arguments);
	default:
		return run_local(&here, command, &arguments, count, words);
	}
}
