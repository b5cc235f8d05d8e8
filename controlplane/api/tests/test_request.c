/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/api/request.h"

static enum command_status parse(const char *line, struct request *request, char why[256])
{
	why[0] = '\0';
	return request_parse(line, strlen(line), request, why, 256);
}

Test(request, each_command_of_the_table_is_known_by_its_name)
{
	static const struct command commands[] = { COMMAND_TABLE };
	struct request request;
	char line[128], why[256];

	for (int i = 0; i < COMMAND_COUNT; i++) {
		if (strncmp(commands[i].arguments, "ID", 2) == 0 ||
		    strncmp(commands[i].arguments, "ADDRESS", 7) == 0 ||
		    strncmp(commands[i].arguments, "USER", 4) == 0)
			continue;
		snprintf(line, sizeof(line), "{\"command\": \"%s\"}", commands[i].name);
		cr_assert_eq(parse(line, &request, why), STATUS_OK, "%s: %s", line, why);
		cr_assert_eq((int)request.command, i);
	}
}

Test(request, a_ban_names_an_address)
{
	struct request request;
	char why[256];

	cr_assert_eq(parse("{\"command\":\"ban\",\"args\":{\"address\":\"2001:db8::7\","
			   "\"seconds\":9}}",
			   &request, why),
		     STATUS_OK, "%s", why);
	cr_assert_eq(request.address.family, AF_INET6);
	cr_assert_eq(request.seconds, 9);
	cr_assert_eq(parse("{\"command\":\"ban\"}", &request, why), STATUS_USAGE);
	cr_assert_eq(parse("{\"command\":\"unban\",\"args\":{\"address\":\"x\"}}", &request, why),
		     STATUS_USAGE);
	cr_assert_eq(parse("{\"command\":\"drain\",\"args\":{\"address\":\"::1\"}}", &request, why),
		     STATUS_USAGE);
}

Test(request, arguments_are_taken)
{
	struct request request;
	char why[256];

	cr_assert_eq(parse("{\"command\":\"show cdrs\",\"args\":{\"limit\":7,\"offset\":9}}",
			   &request, why),
		     STATUS_OK);
	cr_assert_eq(request.limit, 7);
	cr_assert_eq(request.offset, 9);
	cr_assert_eq(parse("{\"command\":\"show cdrs\"}", &request, why), STATUS_OK);
	cr_assert_eq(request.limit, CDRS_LIMIT_DEFAULT);
	cr_assert_eq(parse("{\"command\":\"call hangup\",\"args\":{\"id\":\"01AbcdEF\"}}", &request,
			   why),
		     STATUS_OK);
	cr_assert_eq(request.id, 0x01abcdef);
	cr_assert_eq(parse("{\"command\":\"events\",\"args\":{\"call\":\"ffffffffffffffff\"}}",
			   &request, why),
		     STATUS_OK);
	cr_assert_eq(request.call, UINT64_MAX);
}

Test(request, what_is_wrong_is_refused_with_a_reason)
{
	static const char *const wrong[] = {
		"",
		"{",
		"[]",
		"17",
		"\"show calls\"",
		"null",
		"{}",
		"{\"command\":1}",
		"{\"command\":\"show\"}",
		"{\"command\":\"show calls \"}",
		"{\"command\":\"show calls\",\"args\":[]}",
		"{\"command\":\"show calls\",\"args\":{\"limit\":1}}",
		"{\"command\":\"show cdrs\",\"args\":{\"limit\":-1}}",
		"{\"command\":\"show cdrs\",\"args\":{\"limit\":1.5}}",
		"{\"command\":\"show cdrs\",\"args\":{\"limit\":\"1\"}}",
		"{\"command\":\"show cdrs\",\"args\":{\"limit\":10001}}",
		"{\"command\":\"show cdrs\",\"args\":{\"offset\":99999999999}}",
		"{\"command\":\"show cdrs\",\"args\":{\"\":1}}",
		"{\"command\":\"call hangup\"}",
		"{\"command\":\"call hangup\",\"args\":{}}",
		"{\"command\":\"call hangup\",\"args\":{\"id\":\"0\"}}",
		"{\"command\":\"call hangup\",\"args\":{\"id\":\"xyz\"}}",
		"{\"command\":\"call hangup\",\"args\":{\"id\":\"12345678901234567\"}}",
		"{\"command\":\"call hangup\",\"args\":{\"id\":18}}",
		"{\"command\":\"show calls\",\"command\":\"show sip\"}",
		"{\"command\":\"show calls\"} x",
		"{\"command\":\"show calls\xff\"}",
		"{\"command\":\"show calls\\u0000\"}",
	};
	struct request request;
	char why[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_assert_eq(parse(wrong[i], &request, why), STATUS_USAGE, "%s", wrong[i]);
		cr_assert_neq(why[0], '\0', "%s", wrong[i]);
	}
}

Test(request, deep_nesting_ends_in_an_error)
{
	static char line[60000];
	struct request request;
	char why[256];

	memset(line, '[', sizeof(line) - 1);
	cr_assert_eq(parse(line, &request, why), STATUS_USAGE);
}
