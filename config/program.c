/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/program.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "sip/base/log.h"

static int usage(const struct program *program, FILE *out, int status)
{
	fprintf(out,
		"usage: %s [--config FILE] [--check]\n"
		"\n"
		"  -c, --config FILE  configuration (default " CONFIG_PATH_DEFAULT ")\n"
		"      --check        read the configuration, say what is wrong with it, and end\n"
		"      --version      print the version and end\n"
		"  -h, --help         print this and end\n"
		"\n%s",
		program->name, program->notes);
	return status;
}

/* The log as the configuration wants it. */
static void start_log(const struct program *program, const struct config *config)
{
	enum log_level level = LOG_LEVEL_INFO;

	log_level_parse(config->log.level, &level);
	log_init(program->name + strlen("tandem-"), level,
		 strcmp(config->log.format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

static int run(const struct program *program, const char *path, bool check)
{
	char error[CONFIG_ERROR_TEXT];
	struct config *config = NULL;
	int status = 0;

	if (config_load(path, &config, error) != 0 ||
	    (program->check && program->check(config, error) != 0)) {
		fprintf(stderr, "%s: %s\n", program->name, error);
		status = 1;
	} else if (check) {
		printf("%s: correct\n", path);
	} else {
		start_log(program, config);
		status = program->run(config);
	}
	config_free(config);
	return status;
}

int program_main(const struct program *program, int argc, char **argv)
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
			printf("%s %s\n", program->name, TANDEM_VERSION);
			return 0;
		case 'h':
			return usage(program, stdout, 0);
		default:
			return usage(program, stderr, 2);
		}
	}
	if (optind != argc)
		return usage(program, stderr, 2);
	return run(program, path, check);
}
