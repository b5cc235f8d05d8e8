/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem-controlplane: the command line. process.h says what follows. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/main/process.h"
#include "sip/base/log.h"

static void usage(FILE *out)
{
	fprintf(out,
		"usage: tandem-controlplane [--config FILE] [--check]\n"
		"\n"
		"  -c, --config FILE  configuration (default " CONFIG_PATH_DEFAULT ")\n"
		"      --check        read the configuration, say what is wrong with it, and end\n"
		"      --version      print the version and end\n"
		"  -h, --help         print this and end\n"
		"\n"
		"SIGTERM ends the calls, writes their records, and ends; a second one ends at once.\n"
		"Environment: TANDEM_RUN_DIR and TANDEM_STATE_DIR override run_dir and state_dir of\n"
		"the configuration.\n");
}

/* The log as the configuration wants it. */
static void start_log(const struct config *config)
{
	enum log_level level = LOG_LEVEL_INFO;

	log_level_parse(config->log.level, &level);
	log_init("controlplane", level,
		 strcmp(config->log.format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

static int run(const char *path, bool check)
{
	static struct process process;
	char error[CONFIG_ERROR_TEXT];
	struct config *config;
	int status;

	if (config_load(path, &config, error) != 0) {
		fprintf(stderr, "tandem-controlplane: %s\n", error);
		return 1;
	}
	if (check) {
		printf("%s: correct\n", path);
		status = 0;
	} else {
		start_log(config);
		signal(SIGPIPE, SIG_IGN);
		status = process_run(&process, config) ? 1 : 0;
	}
	config_free(config);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = CONFIG_PATH_DEFAULT;
	bool check = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'v':
			puts("tandem-controlplane " TANDEM_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
	return run(path, check);
}
