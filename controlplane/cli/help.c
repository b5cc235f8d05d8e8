/* SPDX-License-Identifier: BSD-3-Clause */
/* Help and docs/cli.md, from the tables of commands and fields. */
#include <string.h>

#include "controlplane/cli/cli.h"

static const struct {
	enum command_status status;
	const char *meaning;
} statuses[] = {
	{ STATUS_OK, "done" },
	{ STATUS_FAILED, "refused or failed: no such call, a configuration that is wrong" },
	{ STATUS_USAGE, "the command line is wrong" },
	{ STATUS_NOT_RUNNING, "the process that would answer is not running" },
};

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: tandemctl [--json] [--run-dir DIR] [COMMAND]\n"
		"\n"
		"Without a command: a prompt, with completion (Tab) and history; or, when the\n"
		"standard input is no terminal, a command a line from there.\n"
		"\n"
		"  --json         JSON for scripts; may also stand behind the command\n"
		"  --run-dir DIR  where the processes have their sockets (default: the\n"
		"                 environment's TANDEM_RUN_DIR, or /run/tandem)\n"
		"  --version      print the version and end\n"
		"  --help         print this and end\n");
}

static void name_and_arguments(const struct command *command, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", command->name, command->arguments[0] ? " " : "",
		 command->arguments);
}

void help_print(FILE *out)
{
	char text[256];

	print_usage(out);
	fputs("\nCommands:\n", out);
	for (int i = 0; i < COMMAND_COUNT; i++) {
		name_and_arguments(&cli_commands[i], text, sizeof(text));
		if (strlen(text) > 26)
			fprintf(out, "  %s\n  %-26s %s\n", text, "", cli_commands[i].help);
		else
			fprintf(out, "  %-26s %s\n", text, cli_commands[i].help);
	}
	fputs("\nExit status:\n", out);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		fprintf(out, "  %d  %s\n", (int)statuses[i].status, statuses[i].meaning);
}

void help_print_command(FILE *out, enum command_id command)
{
	const struct field *fields = cli_fields(command);
	char text[256];

	name_and_arguments(&cli_commands[command], text, sizeof(text));
	fprintf(out, "%s\n  %s\n", text, cli_commands[command].help);
	for (; fields && fields->name; fields++)
		fprintf(out, "    %-22s %s\n", fields->name, fields->meaning);
}

/* --- docs/cli.md --- */

static const char *kind_name(enum field_kind kind)
{
	switch (kind) {
	case FIELD_NUMBER:
	case FIELD_BYTES:
	case FIELD_PORT:
		return "number";
	case FIELD_SECONDS:
		return "seconds";
	case FIELD_TIME:
		return "time, RFC 3339";
	default:
		return "text";
	}
}

static void write_fields(FILE *out, const struct field *fields)
{
	fputs("\n| field | type | meaning |\n| --- | --- | --- |\n", out);
	for (; fields->name; fields++)
		fprintf(out, "| `%s` | %s | %s |\n", fields->name, kind_name(fields->kind),
			fields->meaning);
}

static const char *answered_by(enum command_where where)
{
	switch (where) {
	case COMMAND_CONTROLPLANE:
		return "Answered by tandem-controlplane.";
	case COMMAND_DATAPLANE:
		return "Read in the segment of tandem-dataplane; works without a control plane.";
	case COMMAND_OPERATOR:
		return "Asked of tandem-dataplane; works without a control plane.";
	case COMMAND_BOTH:
		return "Asks both processes, and shows what it gets.";
	default:
		return "Answered by tandemctl itself.";
	}
}

/* Answered with one object, and not with a list of them. */
static bool is_single(enum command_id id)
{
	return id == COMMAND_SHOW_LOAD || id == COMMAND_TOP || id == COMMAND_USER_ADD ||
	       id == COMMAND_USER_ROTATE || id == COMMAND_USER_REMOVE;
}

static void write_command(FILE *out, enum command_id id)
{
	const struct command *command = &cli_commands[id];
	char text[256];

	name_and_arguments(command, text, sizeof(text));
	fprintf(out, "\n### `%s`\n\n%c%s. %s\n", text, command->help[0] & ~0x20, command->help + 1,
		answered_by(command->where));
	if (cli_fields(id)) {
		fprintf(out,
			is_single(id) ? "\nJSON: `{\"%s\": {…}}`\n" : "\nJSON: `{\"%s\": [{…}]}`\n",
			command->rows);
		write_fields(out, cli_fields(id));
	}
	if (id != COMMAND_SHOW_VERSION)
		return;
	fputs("\nJSON: `{\"version\": {\"version\": …, \"controlplane\": {…}, \"dataplane\": {…}}}`"
	      "\n\nControl plane:\n",
	      out);
	write_fields(out, cli_fields_controlplane);
	fputs("\nDataplane:\n", out);
	write_fields(out, cli_fields_dataplane);
	fputs("\nThe exit status is 3 only if both are down.\n", out);
}

void help_write_reference(FILE *out)
{
	fputs("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
	      "<!-- Made from controlplane/api/commands.h and fields.h: tandemctl --reference -->\n"
	      "# tandemctl\n\n```\n",
	      out);
	print_usage(out);
	fputs("```\n\nEvery `show` takes `--json`. A value that is not known is `null`, and `-` for\n"
	      "people. Ids of calls are 16 hex digits; handles of the dataplane are\n"
	      "`index.generation`.\n\n"
	      "| exit status | meaning |\n| --- | --- |\n",
	      out);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		fprintf(out, "| %d | %s |\n", (int)statuses[i].status, statuses[i].meaning);
	fputs("\n## Commands\n\n| command | |\n| --- | --- |\n", out);
	for (int i = 0; i < COMMAND_COUNT; i++) {
		char text[256];

		name_and_arguments(&cli_commands[i], text, sizeof(text));
		fprintf(out, "| `%s` | %s |\n", text, cli_commands[i].help);
	}
	for (int i = 0; i < COMMAND_COUNT; i++)
		write_command(out, (enum command_id)i);
	fputs("\n## The control socket\n\n"
	      "Programs may speak to `RUN_DIR/control.sock` (stream, mode 0660) themselves, in lines\n"
	      "of JSON. The commands are those above that tandem-controlplane answers, the fields\n"
	      "are those of `--json`:\n\n"
	      "```\n"
	      "→ {\"command\": \"show cdrs\", \"args\": {\"limit\": 20}}\n"
	      "← {\"status\":0,\"cdrs\":[…]}\n"
	      "→ {\"command\": \"call hangup\", \"args\": {\"id\": \"00a1b2c3d4e5f607\"}}\n"
	      "← {\"status\":1,\"error\":\"no call 00a1b2c3d4e5f607\"}\n"
	      "```\n\n"
	      "`status` is the exit status of tandemctl. After `events` each event is a line\n"
	      "`{\"event\":{…}}`; who reads too slowly gets `{\"left_out\":N}` in place of N of them.\n",
	      out);
}
