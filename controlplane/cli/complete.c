/* SPDX-License-Identifier: BSD-3-Clause */
/* What a line can go on with, from the table of commands. */
#include <string.h>

#include "controlplane/cli/cli.h"

struct completion {
	char (*words)[COMPLETE_WORD];
	unsigned count;
	const char *begun; /* the word under the cursor */
	size_t begun_size;
};

static void offer(struct completion *c, const char *word, size_t size)
{
	if (size >= COMPLETE_WORD || size < c->begun_size ||
	    strncmp(word, c->begun, c->begun_size) != 0 || c->count == COMPLETE_MAX)
		return;
	for (unsigned i = 0; i < c->count; i++) {
		if (strlen(c->words[i]) == size && memcmp(c->words[i], word, size) == 0)
			return;
	}
	memcpy(c->words[c->count], word, size);
	c->words[c->count][size] = '\0';
	c->count++;
}

/* "--limit" of "[--limit N] [--offset N]" */
static void offer_options(struct completion *c, const char *arguments)
{
	for (const char *at = arguments; (at = strstr(at, "[-"));) {
		size_t n = strcspn(++at, " ]");

		offer(c, at, n);
		at += n;
	}
}

static void offer_after(struct completion *c, const struct command *command, const char *before,
			size_t size)
{
	size_t name = strlen(command->name);

	/* The line stands inside of the name: its next word. */
	if (size < name && memcmp(command->name, before, size) == 0 &&
	    (size == 0 || command->name[size - 1] == ' ')) {
		offer(c, command->name + size, strcspn(command->name + size, " "));
		return;
	}
	if (size <= name || memcmp(command->name, before, name) != 0 || before[name] != ' ')
		return;
	offer_options(c, command->arguments);
	if (command->where != COMMAND_LOCAL)
		offer(c, "--json", 6);
}

unsigned complete_words(const char *text, size_t size, char words[COMPLETE_MAX][COMPLETE_WORD],
			size_t *typed)
{
	struct completion c = { .words = words };
	size_t start = size;
	char before[256];
	size_t n = 0;

	while (start > 0 && text[start - 1] != ' ')
		start--;
	c.begun = text + start;
	c.begun_size = size - start;
	*typed = c.begun_size;
	/* What stands before, with one blank after each word. */
	for (size_t i = 0; i < start && n + 1 < sizeof(before); i++) {
		if (text[i] != ' ' || (n > 0 && before[n - 1] != ' '))
			before[n++] = text[i];
	}
	for (int i = 0; i < COMMAND_COUNT; i++)
		offer_after(&c, &cli_commands[i], before, n);
	/* help takes the names of the others */
	if (n >= 5 && memcmp(before, "help ", 5) == 0) {
		for (int i = 0; i < COMMAND_COUNT; i++)
			offer_after(&c, &cli_commands[i], before + 5, n - 5);
	}
	return c.count;
}
