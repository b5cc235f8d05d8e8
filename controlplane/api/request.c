/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command commands[] = { COMMAND_TABLE };

static enum command_status refuse(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return STATUS_USAGE;
}

bool request_call_id(const char *text, uint64_t *id)
{
	uint64_t value = 0;
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	if (n == 0 || n > 16 || text[n] != '\0')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	*id = value;
	return value != 0;
}

static int find_command(const char *name)
{
	for (int i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return i;
	}
	return -1;
}

static bool take_id(const json_t *value, uint64_t *id)
{
	return json_is_string(value) && request_call_id(json_string_value(value), id);
}

static bool take_number(const json_t *value, uint32_t max, uint32_t *number)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > max)
		return false;
	*number = (uint32_t)n;
	return true;
}

/* Is this argument in the command's row? "ID" is called id, "--limit N" limit. */
static bool takes(const struct command *command, const char *name)
{
	const char *option_at;
	char option[40];

	if (strcmp(name, "id") == 0)
		return strncmp(command->arguments, "ID", 2) == 0;
	if (strcmp(name, "address") == 0)
		return strncmp(command->arguments, "ADDRESS", 7) == 0;
	if (strcmp(name, "user") == 0)
		return strncmp(command->arguments, "USER", 4) == 0;
	snprintf(option, sizeof(option), "[--%.30s", name);
	option_at = strstr(command->arguments, option);
	return option_at && (option_at[strlen(option)] == ' ' || option_at[strlen(option)] == ']');
}

static bool take_address(const json_t *value, struct sip_address *address)
{
	return json_is_string(value) &&
	       sip_address_parse(slice_of(json_string_value(value)), 0, address) == 0;
}

static bool take_text(const json_t *value, char *text, size_t size)
{
	const size_t n = json_string_length(value);

	if (!json_is_string(value) || n == 0 || n >= size)
		return false;
	memcpy(text, json_string_value(value), n + 1);
	return true;
}

static bool take_leg(const json_t *value, bool *callee)
{
	const char *leg = json_is_string(value) ? json_string_value(value) : "";

	*callee = strcmp(leg, "b") == 0;
	return *callee || strcmp(leg, "a") == 0;
}

/* What would be right. */
static const char *wanted(const char *name)
{
	if (strcmp(name, "address") == 0 || strcmp(name, "source") == 0)
		return "it is an IP address";
	if (strcmp(name, "from") == 0 || strcmp(name, "to") == 0 || strcmp(name, "method") == 0 ||
	    strcmp(name, "user") == 0 || strcmp(name, "password") == 0)
		return "it is a text, and not that long";
	if (strcmp(name, "leg") == 0)
		return "it is a or b";
	if (strcmp(name, "secrets") == 0)
		return "it is true or false";
	if (strcmp(name, "id") == 0 || strcmp(name, "call") == 0)
		return "a call id is up to 16 hex digits";
	return "it is a number within limits";
}

static enum command_status take_arguments(json_t *arguments, struct request *request, char *why,
					  size_t size)
{
	const struct command *command = &commands[request->command];
	const char *name;
	json_t *value;

	json_object_foreach(arguments, name, value)
	{
		bool right = false;

		if (!takes(command, name))
			return refuse(why, size, "%s takes no argument \"%.30s\"", command->name,
				      name);
		if (strcmp(name, "id") == 0)
			right = take_id(value, &request->id);
		else if (strcmp(name, "call") == 0)
			right = take_id(value, &request->call);
		else if (strcmp(name, "limit") == 0)
			right = take_number(value, CDRS_LIMIT_MAX, &request->limit);
		else if (strcmp(name, "offset") == 0)
			right = take_number(value, INT32_MAX, &request->offset);
		else if (strcmp(name, "address") == 0)
			right = take_address(value, &request->address);
		else if (strcmp(name, "seconds") == 0)
			right = take_number(value, BAN_SECONDS_MAX, &request->seconds);
		else if (strcmp(name, "from") == 0)
			right = take_text(value, request->filter.from, FILTER_TEXT);
		else if (strcmp(name, "to") == 0)
			right = take_text(value, request->filter.to, FILTER_TEXT);
		else if (strcmp(name, "leg") == 0)
			right = take_leg(value, &request->callee);
		else if (strcmp(name, "method") == 0)
			right = take_text(value, request->filter.method,
					  sizeof(request->filter.method));
		else if (strcmp(name, "source") == 0)
			right = take_address(value, &request->filter.source);
		else if (strcmp(name, "user") == 0)
			right = take_text(value, request->user, sizeof(request->user));
		else if (strcmp(name, "password") == 0)
			right = take_text(value, request->password, sizeof(request->password));
		else if (strcmp(name, "secrets") == 0) {
			right = json_is_boolean(value);
			request->secrets = json_is_true(value);
		} else if (strcmp(name, "wait") == 0)
			right = true; /* whoever asks does the waiting, and asks again */
		if (!right)
			return refuse(why, size, "%s: argument \"%s\" is wrong: %s", command->name,
				      name, wanted(name));
	}
	if (strncmp(command->arguments, "ID", 2) == 0 && request->id == 0)
		return refuse(why, size, "%s wants the id of a call", command->name);
	if (request->command == COMMAND_CALL_TRANSFER && !request->filter.to[0])
		return refuse(why, size, "%s wants a target (to)", command->name);
	if (strncmp(command->arguments, "ADDRESS", 7) == 0 && request->address.family == 0)
		return refuse(why, size, "%s wants an IP address", command->name);
	if (strncmp(command->arguments, "USER", 4) == 0 && request->user[0] == '\0')
		return refuse(why, size, "%s wants a user", command->name);
	return STATUS_OK;
}

enum command_status request_parse(const char *line, size_t size, struct request *request, char *why,
				  size_t why_size)
{
	enum command_status status;
	json_error_t error;
	json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error), *arguments;
	const char *name;
	int command;

	*request = (struct request){ .limit = CDRS_LIMIT_DEFAULT };
	if (!root)
		return refuse(why, why_size, "not JSON: %s", error.text);
	name = json_string_value(json_object_get(root, "command"));
	arguments = json_object_get(root, "args");
	command = name ? find_command(name) : -1;
	if (!json_is_object(root) || !name)
		status = refuse(why, why_size,
				"a request is {\"command\": \"...\", \"args\": {...}}");
	else if (command < 0)
		status = refuse(why, why_size, "unknown command \"%.60s\"", name);
	else if (arguments && !json_is_object(arguments))
		status = refuse(why, why_size, "args is not an object");
	else {
		request->command = (enum command_id)command;
		status = take_arguments(arguments, request, why, why_size);
	}
	json_decref(root);
	return status;
}
