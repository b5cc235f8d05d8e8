/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands against a control plane that answers what the test wants, or against none. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/cli/cli.h"

struct ran {
	enum command_status status;
	char *out, *err;
};

static struct ran run(const char *dir, const char *line)
{
	struct ran ran;
	struct cli cli = { .run_dir = dir };
	char copy[256];
	const char *words[16];
	unsigned count = 0;
	size_t size;

	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	cli.out = open_memstream(&ran.out, &size);
	cli.err = open_memstream(&ran.err, &size);
	ran.status = cli_execute(&cli, count, words);
	fclose(cli.out);
	fclose(cli.err);
	return ran;
}

static void drop(struct ran *ran)
{
	free(ran->out);
	free(ran->err);
}

/* --- nobody is there --- */

Test(execute, a_process_that_is_not_running_is_named_with_status_3)
{
	static const struct {
		const char *line, *process;
	} cases[] = {
		{ "show calls", "tandem-controlplane is not running" },
		{ "call hangup 1", "tandem-controlplane is not running" },
		{ "events", "tandem-controlplane is not running" },
		{ "show terminations", "tandem-dataplane is not running" },
		{ "show ports --json", "tandem-dataplane is not running" },
		{ "show version", "neither process is running" },
		{ "top --once", "tandem-controlplane is not running" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ran ran = run("/nonexistent", cases[i].line);

		cr_assert_eq(ran.status, STATUS_NOT_RUNNING, "%s", cases[i].line);
		cr_assert(strstr(ran.err, cases[i].process), "%s: %s", cases[i].line, ran.err);
		drop(&ran);
	}
}

Test(execute, usage_errors_have_status_2_and_print_nothing_else)
{
	struct ran ran = run("/nonexistent", "show nothing");

	cr_assert_eq(ran.status, STATUS_USAGE);
	cr_assert_str_eq(ran.out, "");
	drop(&ran);
}

Test(execute, help_says_what_a_command_does)
{
	struct ran ran = run("/nonexistent", "help show calls");

	cr_assert_eq(ran.status, STATUS_OK);
	cr_assert(strstr(ran.out, "caller_session"));
	drop(&ran);
	ran = run("/nonexistent", "help");
	for (int i = 0; i < COMMAND_COUNT; i++)
		cr_assert(strstr(ran.out, cli_commands[i].name));
	drop(&ran);
	ran = run("/nonexistent", "help nonsense");
	cr_assert_eq(ran.status, STATUS_USAGE);
	drop(&ran);
}

/* --- a control plane of one answer --- */

struct answering {
	char dir[64], path[128];
	const char *answer; /* NULL: closes without one */
	int listener;
	char asked[512];
	pthread_t thread;
};

static void *answer_one(void *arg)
{
	struct answering *a = arg;
	int fd = accept(a->listener, NULL, NULL);
	ssize_t n = read(fd, a->asked, sizeof(a->asked) - 1);

	a->asked[n > 0 ? n : 0] = '\0';
	if (a->answer)
		n = write(fd, a->answer, strlen(a->answer));
	close(fd);
	return NULL;
}

static void answering_begin(struct answering *a, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*a = (struct answering){ .answer = answer };
	strcpy(a->dir, "/tmp/tandem-cli-XXXXXX");
	cr_assert_not_null(mkdtemp(a->dir));
	snprintf(a->path, sizeof(a->path), "%s/" CONTROL_SOCKET_NAME, a->dir);
	memcpy(address.sun_path, a->path, strlen(a->path) + 1);
	a->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(a->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(a->listener, 1), 0);
	pthread_create(&a->thread, NULL, answer_one, a);
}

static void answering_end(struct answering *a)
{
	pthread_join(a->thread, NULL);
	close(a->listener);
	unlink(a->path);
	rmdir(a->dir);
}

static struct ran run_with(const char *answer, const char *line, char asked[512])
{
	struct answering a;
	struct ran ran;

	answering_begin(&a, answer);
	ran = run(a.dir, line);
	answering_end(&a);
	strcpy(asked, a.asked);
	return ran;
}

Test(execute, rows_are_a_table_for_people)
{
	char asked[512];
	struct ran ran = run_with("{\"status\":0,\"trunks\":[{\"name\":\"carrier\",\"address\":"
				  "\"198.18.0.104\",\"port\":5060,\"prefix\":\"9\",\"state\":"
				  "\"up\",\"calls\":2}]}\n",
				  "show trunks", asked);

	cr_assert_eq(ran.status, STATUS_OK);
	cr_assert_str_eq(ran.out, "NAME     ADDRESS            PREFIX  STATE  CALLS\n"
				  "carrier  198.18.0.104:5060  9       up         2\n");
	cr_assert_str_eq(asked, "{\"command\":\"show trunks\",\"args\":{}}\n");
	drop(&ran);
}

Test(execute, json_is_what_the_control_plane_said_without_the_status)
{
	char asked[512];
	struct ran ran = run_with("{\"status\":0,\"cdrs\":[{\"call\":\"1\",\"new\":true}]}\n",
				  "show cdrs --limit 5 --json", asked);
	json_t *root = json_loads(ran.out, 0, NULL);

	cr_assert_eq(ran.status, STATUS_OK);
	cr_assert_eq(json_object_size(root), 1);
	cr_assert(json_is_true(
		json_object_get(json_array_get(json_object_get(root, "cdrs"), 0), "new")));
	cr_assert_str_eq(asked, "{\"command\":\"show cdrs\",\"args\":{\"limit\":5}}\n");
	json_decref(root);
	drop(&ran);
}

Test(execute, a_refusal_is_status_1_with_its_text)
{
	char asked[512];
	struct ran ran = run_with("{\"status\":1,\"error\":\"no call 00000000000000ff\"}\n",
				  "call hangup ff", asked);

	cr_assert_eq(ran.status, STATUS_FAILED);
	cr_assert_str_eq(ran.err, "tandemctl: no call 00000000000000ff\n");
	cr_assert_str_eq(asked, "{\"command\":\"call hangup\",\"args\":{\"id\":"
				"\"00000000000000ff\"}}\n");
	drop(&ran);
}

Test(execute, an_end_without_an_answer_is_status_3)
{
	char asked[512];
	struct ran ran = run_with(NULL, "show calls", asked);

	cr_assert_eq(ran.status, STATUS_NOT_RUNNING);
	drop(&ran);
	ran = run_with("no JSON\n", "show calls", asked);
	cr_assert_neq(ran.status, STATUS_OK);
	drop(&ran);
}

Test(execute, events_are_printed_until_the_end)
{
	char asked[512];
	struct ran ran =
		run_with("{\"status\":0}\n"
			 "{\"event\":{\"sequence\":3,\"type\":\"call.state\",\"time_ms\":0,"
			 "\"cause\":2,\"call\":\"00000000000000ff\",\"fields\":{\"old\":"
			 "\"a\",\"new\":\"b\\u001b\"}}}\n{\"left_out\":7}\n",
			 "events --call ff", asked);

	cr_assert(strstr(ran.out, "00000000000000ff call.state old=a new=b? (after 2)\n"), "%s",
		  ran.out);
	cr_assert(strstr(ran.out, "7 events left out"));
	cr_assert_eq(ran.status, STATUS_NOT_RUNNING);
	drop(&ran);
}

/* --- docs/cli.md --- */

Test(reference, docs_cli_md_is_what_the_tables_say)
{
	char *wanted = NULL, *there = NULL;
	size_t size, room = 0;
	FILE *out = open_memstream(&wanted, &size), *file = fopen("docs/cli.md", "r");

	help_write_reference(out);
	fclose(out);
	cr_assert_not_null(file, "run from the top of the tree");
	cr_assert_gt(getdelim(&there, &room, '\0', file), 0);
	fclose(file);
	cr_assert_str_eq(there, wanted, "build/bin/tandemctl --reference > docs/cli.md");
	free(there);
	free(wanted);
}
