/* SPDX-License-Identifier: BSD-3-Clause */
/* Events as they happen, a line each. */
#include <string.h>
#include <time.h>

#include "controlplane/cli/cli.h"

static void print_safe(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

/* 12:00:00.123 000102030405060708 call.state old=Routing new=Ringing (after 17) */
static void print_event(FILE *out, const json_t *event)
{
	json_int_t ms = json_integer_value(json_object_get(event, "time_ms"));
	json_int_t cause = json_integer_value(json_object_get(event, "cause"));
	const char *call = json_string_value(json_object_get(event, "call"));
	const char *type = json_string_value(json_object_get(event, "type"));
	time_t seconds = (time_t)(ms / 1000);
	char clock[16];
	struct tm tm;
	const char *name;
	json_t *value;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(out, "%s.%03d %6" JSON_INTEGER_FORMAT " %-16s %s", clock, (int)(ms % 1000),
		json_integer_value(json_object_get(event, "sequence")), call ? call : "-",
		type ? type : "?");
	json_object_foreach(json_object_get(event, "fields"), name, value)
	{
		fprintf(out, " %s=", name);
		print_safe(out, json_string_value(value) ? json_string_value(value) : "");
	}
	if (cause)
		fprintf(out, " (after %" JSON_INTEGER_FORMAT ")", cause);
	fputc('\n', out);
}

static void print_line(struct cli *cli, const json_t *line)
{
	const json_t *event = json_object_get(line, "event");

	if (cli->json) {
		json_dumpf(event ? event : line, cli->out, JSON_COMPACT);
		fputc('\n', cli->out);
	} else if (event) {
		print_event(cli->out, event);
	} else {
		fprintf(cli->out, "… %" JSON_INTEGER_FORMAT " events left out: too slow\n",
			json_integer_value(json_object_get(line, "left_out")));
	}
	fflush(cli->out);
}

enum command_status events_run(struct cli *cli, const struct arguments *arguments)
{
	struct control *control;
	enum command_status status;
	json_t *line = NULL;
	char why[512];

	cli_interrupted = 0;
	status = control_open(cli->run_dir, &control, why, sizeof(why));
	if (status != STATUS_OK)
		return cli_fail(cli, status, "%s", why);
	status = control_ask(control, cli_commands[COMMAND_EVENTS].name, arguments, &line, why,
			     sizeof(why));
	json_decref(line);
	if (status != STATUS_OK) {
		control_close(control);
		return cli_fail(cli, status, "%s", why);
	}
	control_set_timeout(control, 0);
	while (!cli_interrupted && !ferror(cli->out) && (line = control_next(control))) {
		print_line(cli, line);
		json_decref(line);
	}
	control_close(control);
	if (cli_interrupted || ferror(cli->out))
		return STATUS_OK;
	return cli_fail(cli, STATUS_NOT_RUNNING, "tandem-controlplane has ended");
}
