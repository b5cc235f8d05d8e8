/* SPDX-License-Identifier: BSD-3-Clause */
/* A command line against the table of commands. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/cli/cli.h"
#include "sip/base/address.h"

#define NAMES_A_LINE 3u
#define NAME_COLUMN  24

static enum command_status wrong(char *why, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static enum command_status wrong(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return STATUS_USAGE;
}

/* How many of the words the command's name takes; 0: it is another command. */
static unsigned name_matches(const char *name, unsigned count, const char *const *words)
{
	unsigned used = 0;

	while (*name) {
		size_t n = strcspn(name, " ");

		if (used == count || strlen(words[used]) != n || memcmp(words[used], name, n) != 0)
			return 0;
		used++;
		name += n + (name[n] == ' ');
	}
	return used;
}

static enum command_status unknown(unsigned count, const char *const *words, char *why, size_t size)
{
	int n = snprintf(why, size, "unknown command: %s", words[0]);
	int gap = 0;
	unsigned in_line = 0;
	bool first = true;

	if (n < 0 || (size_t)n >= size)
		return STATUS_USAGE;
	if (count > 1)
		n += snprintf(why + n, size - (size_t)n, " %s", words[1]);
	for (int i = 0; i < COMMAND_COUNT && (size_t)n < size; i++) {
		const char *name = cli_commands[i].name, *rest = strchr(name, ' ');
		size_t first_word = strcspn(name, " ");

		if (!rest || strlen(words[0]) != first_word ||
		    strncmp(name, words[0], first_word) != 0)
			continue;
		if (in_line == NAMES_A_LINE)
			in_line = 0;
		n += snprintf(why + n, size - (size_t)n, "%s%s%*s%s", first ? "; there is" : "",
			      in_line ? "" : "\n  ", in_line ? gap : 0, "", name);
		gap = NAME_COLUMN - (int)strlen(name);
		in_line++;
		first = false;
	}
	if (first && (size_t)n < size)
		snprintf(why + n, size - (size_t)n, "; \"help\" lists the commands");
	return STATUS_USAGE;
}

static enum command_status take_number(const char *text, uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno || value >= UINT32_MAX)
		return STATUS_USAGE;
	*number = (uint32_t)value;
	return STATUS_OK;
}

static enum command_status take_id(const char *text, uint64_t *id)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	if (n == 0 || n > 16 || text[n] != '\0')
		return STATUS_USAGE;
	*id = strtoull(text, NULL, 16);
	return *id ? STATUS_OK : STATUS_USAGE;
}

static enum command_status take_large(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return text[0] < '0' || text[0] > '9' || *end != '\0' || errno ? STATUS_USAGE : STATUS_OK;
}

static bool is_address(const char *text)
{
	struct sip_address address;

	return sip_address_parse(slice_of(text), 0, &address) == 0;
}

static enum command_status take_option(const struct command *command, const char *name,
				       const char *value, struct arguments *arguments, char *why,
				       size_t size)
{
	if (!value)
		return wrong(why, size, "%s wants a value: %s %s", name, command->name,
			     command->arguments);
	if (strcmp(name, "--limit") == 0) {
		if (take_number(value, &arguments->limit) != STATUS_OK ||
		    arguments->limit > CDRS_LIMIT_MAX)
			return wrong(why, size, "--limit wants a number of 0 to %u, not %s",
				     CDRS_LIMIT_MAX, value);
	} else if (strcmp(name, "--offset") == 0) {
		if (take_number(value, &arguments->offset) != STATUS_OK)
			return wrong(why, size, "--offset wants a number, not %s", value);
	} else if (strcmp(name, "--wait") == 0) {
		if (take_number(value, &arguments->wait_s) != STATUS_OK)
			return wrong(why, size, "--wait wants a number of seconds, not %s", value);
	} else if (strcmp(name, "--port") == 0) {
		arguments->port = value;
	} else if (strcmp(name, "--snap") == 0) {
		if (take_number(value, &arguments->snap) != STATUS_OK || arguments->snap == 0)
			return wrong(why, size, "--snap wants a number of bytes, not %s", value);
	} else if (strcmp(name, "--packets") == 0 || strcmp(name, "-n") == 0) {
		if (take_number(value, &arguments->packets) != STATUS_OK || arguments->packets == 0)
			return wrong(why, size, "%s wants a number of packets, not %s", name,
				     value);
	} else if (strcmp(name, "--bytes") == 0) {
		if (take_large(value, &arguments->bytes) != STATUS_OK || arguments->bytes == 0)
			return wrong(why, size, "--bytes wants a number of bytes, not %s", value);
	} else if (strcmp(name, "--older-than") == 0) {
		if (take_number(value, &arguments->older_than_s) != STATUS_OK)
			return wrong(why, size, "--older-than wants a number of seconds, not %s",
				     value);
	} else if (strcmp(name, "--from") == 0) {
		arguments->from = value;
	} else if (strcmp(name, "--to") == 0) {
		arguments->to = value;
	} else if (strcmp(name, "--leg") == 0) {
		if (strcmp(value, "a") != 0 && strcmp(value, "b") != 0)
			return wrong(why, size, "--leg wants a (who called) or b, not %s", value);
		arguments->leg = value;
	} else if (strcmp(name, "--method") == 0) {
		arguments->method = value;
	} else if (strcmp(name, "--source") == 0) {
		if (!is_address(value))
			return wrong(why, size, "--source wants an IP address, not %s", value);
		arguments->source = value;
	} else if (strcmp(name, "--pcap") == 0) {
		arguments->pcap = value;
	} else if (strcmp(name, "--password") == 0) {
		arguments->password = value;
	} else if (strcmp(name, "--seconds") == 0) {
		if (take_number(value, &arguments->seconds) != STATUS_OK ||
		    arguments->seconds == 0 || arguments->seconds > BAN_SECONDS_MAX)
			return wrong(why, size, "--seconds wants a number of 1 to %u, not %s",
				     BAN_SECONDS_MAX, value);
	} else if (take_id(value, &arguments->call) != STATUS_OK) {
		return wrong(why, size, "--call wants a call id, up to 16 hex digits, not %s",
			     value);
	}
	return STATUS_OK;
}

/* Does the command's row have this option, and does a value follow it? */
static bool has_option(const struct command *command, const char *name, bool *with_value)
{
	const char *at = command->arguments;
	size_t n = strlen(name);

	while ((at = strstr(at, name))) {
		char after = at[n];

		*with_value = after == ' ';
		if (at > command->arguments && at[-1] == '[' && (after == ' ' || after == ']'))
			return true;
		at += n;
	}
	return false;
}

/* "FILE", "ID" or "[COMMAND]" of the row: begins with a capital letter. */
static bool has_positional(const struct command *command, bool *optional)
{
	const char *at = command->arguments;

	*optional = at[0] == '[';
	at += *optional;
	return at[0] >= 'A' && at[0] <= 'Z';
}

static enum command_status take_positional(const struct command *command, const char *word,
					   struct arguments *arguments, char *why, size_t size)
{
	bool optional;

	if (!has_positional(command, &optional) || arguments->positional)
		return wrong(why, size, "%s: unexpected \"%s\"", command->name, word);
	if (strncmp(command->arguments, "ID", 2) == 0 && take_id(word, &arguments->id) != STATUS_OK)
		return wrong(why, size, "%s wants a call id, up to 16 hex digits, not %s",
			     command->name, word);
	if (strncmp(command->arguments, "ADDRESS", 7) == 0) {
		if (!is_address(word))
			return wrong(why, size, "%s wants an IP address, not %s", command->name,
				     word);
		arguments->address = word;
	}
	if (strncmp(command->arguments, "USER", 4) == 0)
		arguments->user = word;
	arguments->positional = word;
	return STATUS_OK;
}

static enum command_status take_arguments(const struct command *command, unsigned count,
					  const char *const *words, bool *json,
					  struct arguments *arguments, char *why, size_t size)
{
	bool optional, with_value = false;

	for (unsigned i = 0; i < count; i++) {
		enum command_status status = STATUS_OK;

		if (strcmp(words[i], "--json") == 0) {
			*json = true;
		} else if (words[i][0] != '-' || words[i][1] == '\0') { /* "-": a file */
			/* "help show calls": one argument of two words */
			if (command == &cli_commands[COMMAND_HELP] && arguments->positional)
				continue;
			status = take_positional(command, words[i], arguments, why, size);
		} else if (!has_option(command, words[i], &with_value)) {
			return wrong(why, size, "%s: unknown option %s", command->name, words[i]);
		} else if (!with_value) {
			arguments->once |= strcmp(words[i], "--once") == 0;
			arguments->force |= strcmp(words[i], "--force") == 0;
			arguments->ladder |= strcmp(words[i], "--ladder") == 0;
			arguments->secrets |= strcmp(words[i], "--secrets") == 0;
		} else {
			status = take_option(command, words[i], i + 1 < count ? words[i + 1] : NULL,
					     arguments, why, size);
			i++;
		}
		if (status != STATUS_OK)
			return status;
	}
	if (has_positional(command, &optional) && !optional && !arguments->positional)
		return wrong(why, size, "usage: %s %s", command->name, command->arguments);
	return STATUS_OK;
}

enum command_status words_parse(unsigned count, const char *const *words, bool *json,
				enum command_id *command, struct arguments *arguments, char *why,
				size_t why_size)
{
	*arguments = (struct arguments){ .limit = UINT32_MAX,
					 .offset = UINT32_MAX,
					 .older_than_s = UINT32_MAX };
	while (count > 0 && strcmp(words[0], "--json") == 0) {
		*json = true;
		words++;
		count--;
	}
	if (count == 0)
		return wrong(why, why_size, "no command");
	for (int i = 0; i < COMMAND_COUNT; i++) {
		unsigned used = name_matches(cli_commands[i].name, count, words);

		if (!used)
			continue;
		*command = (enum command_id)i;
		return take_arguments(&cli_commands[i], count - used, words + used, json, arguments,
				      why, why_size);
	}
	return unknown(count, words, why, why_size);
}
