/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/cli/cli.h"

#define HISTORY_LENGTH 1000
#define HISTORY_NAME   ".tandemctl_history"

static char *prompt_text(EditLine *el)
{
	static char text[] = "tandem> ";

	(void)el;
	return text;
}

static size_t common_length(char words[COMPLETE_MAX][COMPLETE_WORD], unsigned count)
{
	size_t n = strlen(words[0]);

	for (unsigned i = 1; i < count; i++) {
		size_t same = 0;

		while (same < n && words[i][same] == words[0][same])
			same++;
		n = same;
	}
	return n;
}

static unsigned char on_tab(EditLine *el, int key)
{
	char words[COMPLETE_MAX][COMPLETE_WORD], more[COMPLETE_WORD + 2];
	const LineInfo *line = el_line(el);
	size_t typed, n;
	unsigned count =
		complete_words(line->buffer, (size_t)(line->cursor - line->buffer), words, &typed);

	(void)key;
	if (count == 0)
		return CC_REFRESH_BEEP;
	n = common_length(words, count);
	snprintf(more, sizeof(more), "%.*s%s", (int)(n - typed), words[0] + typed,
		 count == 1 ? " " : "");
	if (more[0])
		return el_insertstr(el, more) == 0 ? CC_REFRESH : CC_ERROR;
	fputc('\n', stdout);
	for (unsigned i = 0; i < count; i++)
		printf("%s%s", words[i], i + 1 < count ? "  " : "\n");
	fflush(stdout);
	return CC_REDISPLAY;
}

static bool is_end(unsigned count, const char *const *words)
{
	return count == 1 && (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0);
}

/* False: the end was asked for. */
static bool run_line(struct cli *cli, Tokenizer *tokenizer, const char *line,
		     enum command_status *last_failure)
{
	const char **words;
	enum command_status status;
	int count, unfinished;

	tok_reset(tokenizer);
	unfinished = tok_str(tokenizer, line, &count, &words);
	if (unfinished != 0) {
		*last_failure = cli_fail(cli, STATUS_USAGE, "a quotation mark is missing");
		return true;
	}
	if (count == 0 || words[0][0] == '#')
		return true;
	if (is_end((unsigned)count, words))
		return false;
	status = cli_execute(cli, (unsigned)count, words);
	fflush(cli->out);
	if (status != STATUS_OK)
		*last_failure = status;
	return true;
}

static enum command_status run_script(struct cli *cli, Tokenizer *tokenizer)
{
	enum command_status status = STATUS_OK;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (!run_line(cli, tokenizer, line, &status))
			break;
	}
	free(line);
	return status;
}

static void history_path(char *path, size_t size)
{
	const char *home = getenv("HOME");

	snprintf(path, size, "%s/" HISTORY_NAME, home ? home : "");
	if (!home)
		path[0] = '\0';
}

/* No empty line, and no password: the history is a file in the home directory. */
static bool is_remembered(const char *line)
{
	return line[strspn(line, " \t")] != '\0' && !strstr(line, "--password");
}

static void edit_lines(struct cli *cli, EditLine *el, History *lines, Tokenizer *tokenizer)
{
	enum command_status ignored = STATUS_OK; /* who sits here has seen it */
	const char *line;
	HistEvent event;
	int n = 0;

	for (;;) {
		char *copy;
		bool more;

		errno = 0;
		cli_interrupted = 0;
		line = el_gets(el, &n);
		if (!line && (cli_interrupted || errno == EINTR)) {
			el_set(el, EL_REFRESH);
			fputc('\n', cli->out);
			el_reset(el);
			continue;
		}
		if (!line || n <= 0)
			break;
		copy = strdup(line);
		if (!copy)
			break;
		copy[strcspn(copy, "\r\n")] = '\0';
		if (is_remembered(copy))
			history(lines, &event, H_ENTER, line);
		more = run_line(cli, tokenizer, copy, &ignored);
		free(copy);
		if (!more)
			return;
	}
	fputc('\n', cli->out);
}

static enum command_status run_terminal(struct cli *cli, Tokenizer *tokenizer)
{
	EditLine *el = el_init("tandemctl", stdin, stdout, stderr);
	History *lines = history_init();
	HistEvent event;
	char path[4096];

	if (!el || !lines)
		return cli_fail(cli, STATUS_FAILED, "the terminal cannot be used");
	history(lines, &event, H_SETSIZE, HISTORY_LENGTH);
	history(lines, &event, H_SETUNIQUE, 1);
	history_path(path, sizeof(path));
	if (path[0])
		history(lines, &event, H_LOAD, path);
	el_set(el, EL_PROMPT, prompt_text);
	el_set(el, EL_EDITOR, "emacs");
	el_set(el, EL_HIST, history, lines);
	el_set(el, EL_ADDFN, "tandem-complete", "complete a command", on_tab);
	el_set(el, EL_BIND, "^I", "tandem-complete", NULL);
	el_source(el, NULL);
	fprintf(cli->out, "tandemctl " TANDEM_VERSION
			  ": \"help\" lists the commands, Tab completes, \"quit\" ends\n");
	edit_lines(cli, el, lines, tokenizer);
	if (path[0])
		history(lines, &event, H_SAVE, path);
	history_end(lines);
	el_end(el);
	return STATUS_OK;
}

enum command_status prompt_run(struct cli *cli)
{
	Tokenizer *tokenizer = tok_init(NULL);
	enum command_status status;

	if (!tokenizer)
		return cli_fail(cli, STATUS_FAILED, "no memory");
	status = isatty(STDIN_FILENO) ? run_terminal(cli, tokenizer) : run_script(cli, tokenizer);
	tok_end(tokenizer);
	return status;
}
