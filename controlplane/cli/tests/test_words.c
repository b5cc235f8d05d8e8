/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "controlplane/cli/cli.h"

struct parsed {
	enum command_status status;
	enum command_id command;
	struct arguments arguments;
	bool json;
	char why[1024];
};

/* A line of words with one blank between them. */
static struct parsed parse(const char *line)
{
	static char copy[512];
	const char *words[32];
	struct parsed p = { 0 };
	unsigned count = 0;

	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	p.status =
		words_parse(count, words, &p.json, &p.command, &p.arguments, p.why, sizeof(p.why));
	return p;
}

Test(words, each_command_of_the_table_is_found)
{
	for (int i = 0; i < COMMAND_COUNT; i++) {
		char line[128];
		const char *arguments = cli_commands[i].arguments;
		bool id = strncmp(arguments, "ID", 2) == 0,
		     file = strncmp(arguments, "FILE", 4) == 0 ||
			    strncmp(arguments, "USER", 4) == 0,
		     address = strncmp(arguments, "ADDRESS", 7) == 0;
		struct parsed p;

		snprintf(line, sizeof(line), "%s%s", cli_commands[i].name,
			 id        ? " 1"
			 : file    ? " x"
			 : address ? " ::1"
				   : "");
		p = parse(line);
		cr_assert_eq(p.status, STATUS_OK, "%s: %s", line, p.why);
		cr_assert_eq((int)p.command, i, "%s", line);
	}
}

Test(words, a_user_is_named_and_may_be_given_a_password)
{
	struct parsed p = parse("user add alice@tandem.lab --password -");

	cr_assert_eq(p.status, STATUS_OK);
	cr_assert_str_eq(p.arguments.user, "alice@tandem.lab");
	cr_assert_str_eq(p.arguments.password, "-");
	cr_assert_eq(parse("user add").status, STATUS_USAGE);
	cr_assert_eq(parse("user remove alice --password x").status, STATUS_USAGE);
}

Test(words, a_ban_takes_an_address_and_a_time)
{
	struct parsed p = parse("ban 198.18.0.7 --seconds 60");

	cr_assert_eq(p.status, STATUS_OK);
	cr_assert_str_eq(p.arguments.address, "198.18.0.7");
	cr_assert_eq(p.arguments.seconds, 60);
	cr_assert_eq(parse("ban example.com").status, STATUS_USAGE);
	cr_assert_eq(parse("ban 198.18.0.7 --seconds 0").status, STATUS_USAGE);
	cr_assert_eq(parse("unban").status, STATUS_USAGE);
}

Test(words, json_may_stand_before_and_behind)
{
	cr_assert(parse("--json show calls").json);
	cr_assert(parse("show calls --json").json);
	cr_assert_not(parse("show calls").json);
}

Test(words, arguments_are_taken)
{
	struct parsed p = parse("show cdrs --limit 7 --json --offset 9");

	cr_assert_eq(p.status, STATUS_OK);
	cr_assert_eq(p.arguments.limit, 7);
	cr_assert_eq(p.arguments.offset, 9);
	cr_assert_eq(parse("call hangup 00Ff").arguments.id, 0xff);
	cr_assert_eq(parse("events --call 12").arguments.call, 0x12);
	cr_assert(parse("top --once").arguments.once);
	p = parse("capture start --call a1 --port lan - --snap 96 --packets 5 --bytes 5000000000");
	cr_assert_eq(p.status, STATUS_OK, "%s", p.why);
	cr_assert_eq(p.arguments.call, 0xa1);
	cr_assert_str_eq(p.arguments.port, "lan");
	cr_assert_str_eq(p.arguments.positional, "-");
	cr_assert_eq(p.arguments.snap, 96);
	cr_assert_eq(p.arguments.packets, 5);
	cr_assert_eq(p.arguments.bytes, 5000000000);
	cr_assert_not(p.arguments.force);
	cr_assert(parse("capture start x --force").arguments.force);
	cr_assert_eq(parse("trace -n 3").arguments.packets, 3);
	cr_assert_eq(parse("reclaim 1.2 --older-than 60").arguments.older_than_s, 60);
	cr_assert_eq(parse("reclaim --older-than 0").arguments.older_than_s, 0);
	cr_assert_eq(parse("reclaim").arguments.older_than_s, UINT32_MAX);
	cr_assert(parse("reclaim 1.2 --force").arguments.force);
	cr_assert_str_eq(parse("call transfer 1f --leg b --to 9123").arguments.leg, "b");
	cr_assert_str_eq(parse("config check /etc/x.yaml").arguments.positional, "/etc/x.yaml");
}

Test(words, what_is_wrong_is_usage_with_a_reason)
{
	static const char *const wrong[] = {
		"",
		"show",
		"shows calls",
		"show call",
		"show calls now",
		"show calls --limit 3",
		"show cdrs --limit",
		"show cdrs --limit x",
		"show cdrs --limit -1",
		"show cdrs --limit 10001",
		"show cdrs --lim 3",
		"show cdrs --limit 3x",
		"show cdrs --offset 99999999999",
		"call hangup",
		"call hangup 0",
		"call hangup 1 2",
		"call hangup 12345678901234567",
		"call hangup g",
		"call transfer --to bob",
		"call transfer 1 --leg c --to bob",
		"events --call",
		"events --once",
		"top --twice",
		"config check",
		"config check a b",
		"--json",
		"capture start",
		"capture start x y",
		"capture start x --snap 0",
		"capture start x --packets many",
		"capture start x --bytes -1",
		"capture start x --once",
		"trace -n",
		"trace -n 0",
		"trace -x 1",
		"reclaim --older-than soon",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct parsed p = parse(wrong[i]);

		cr_assert_eq(p.status, STATUS_USAGE, "%s", wrong[i]);
		cr_assert_neq(p.why[0], '\0', "%s", wrong[i]);
	}
}

Test(words, an_unknown_show_lists_the_known_ones)
{
	struct parsed p = parse("show foo");

	cr_assert(strstr(p.why, "show foo; there is\n  show calls              show sessions  "));
	for (const char *line = p.why; line; line = strchr(line + 1, '\n'))
		cr_assert(strcspn(line + 1, "\n") < 80);
	cr_assert(strstr(p.why, "show version"), "all of them");
	cr_assert(strstr(p.why, "show terminations"));
	cr_assert_not(strstr(p.why, "call hangup"));
}

/* --- completion --- */

static const char *complete(const char *text)
{
	static char joined[1024];
	char words[COMPLETE_MAX][COMPLETE_WORD];
	size_t typed;
	unsigned n = complete_words(text, strlen(text), words, &typed);

	joined[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		strcat(joined, i ? " " : "");
		strcat(joined, words[i]);
	}
	return joined;
}

Test(complete, goes_on_from_what_is_typed)
{
	cr_assert_str_eq(complete(""),
			 "show call user ban unban drain resume reload events sip top capture "
			 "trace reclaim config help");
	cr_assert_str_eq(complete("sh"), "show");
	cr_assert_str_eq(complete("show ca"), "calls");
	cr_assert_str_eq(complete("show  t"), "trunks terminations");
	cr_assert_str_eq(complete("call "), "hangup transfer");
	cr_assert_str_eq(complete("show cdrs --"), "--limit --offset --json");
	cr_assert_str_eq(complete("trace "), "-n --call --port --json");
	cr_assert_str_eq(complete("capture st"), "start stop status");
	cr_assert_str_eq(complete("help config "), "check doc");
	cr_assert_str_eq(complete("xyz "), "");
	cr_assert_str_eq(complete("showcalls "), "");
}
