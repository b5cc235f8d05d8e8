/* SPDX-License-Identifier: BSD-3-Clause */
/* tandemctl: its own options; cli.h says what follows. */
#include <string.h>

#include "config/config.h"
#include "controlplane/cli/cli.h"

static void on_interrupt(int number)
{
	(void)number;
	cli_interrupted = 1;
}

/* What reads or sleeps is to end, so that it can look. */
static void catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "tandemctl: %s%s; \"tandemctl --help\" says what there is\n", what, word);
	return STATUS_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = { .run_dir = config_run_dir(), .out = stdout, .err = stderr };
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			cli.json = true;
		} else if (strcmp(argv[i], "--run-dir") == 0) {
			if (++i == argc)
				return usage_error("--run-dir wants a directory", "");
			cli.run_dir = argv[i];
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("tandemctl " TANDEM_VERSION);
			return STATUS_OK;
		} else if (strcmp(argv[i], "--reference") == 0) {
			help_write_reference(stdout);
			return STATUS_OK;
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			help_print(stdout);
			return STATUS_OK;
		} else {
			return usage_error("unknown option ", argv[i]);
		}
	}
	catch_interrupt();
	if (i == argc)
		return (int)prompt_run(&cli);
	return (int)cli_execute(&cli, (unsigned)(argc - i), (const char *const *)argv + i);
}
