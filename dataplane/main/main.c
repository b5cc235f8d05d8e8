/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem-dataplane: the command line, then start-up, the manager, and start-up undone. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/main/dataplane.h"
#include "dataplane/main/startup.h"
#include "sip/base/log.h"

static void usage(FILE *out)
{
	fprintf(out,
		"usage: tandem-dataplane [--config FILE] [--check]\n"
		"\n"
		"  -c, --config FILE  configuration (default " CONFIG_PATH_DEFAULT ")\n"
		"      --check        read the configuration, say what is wrong with it, and end\n"
		"      --version      print the version and end\n"
		"  -h, --help         print this and end\n"
		"\n"
		"Environment: TANDEM_RUN_DIR overrides run_dir of the configuration.\n");
}

/* The log as the configuration wants it. */
static void start_log(const struct config *config)
{
	enum log_level level = LOG_LEVEL_INFO;

	log_level_parse(config->log.level, &level);
	log_init("dataplane", level,
		 strcmp(config->log.format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
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
	static struct dataplane dp;
	const char *path = CONFIG_PATH_DEFAULT;
	char error[CONFIG_ERROR_TEXT];
	bool check = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'v':
			puts("tandem-dataplane " TANDEM_VERSION);
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
	if (config_load(path, &dp.config, error) != 0 ||
	    eal_plan(&dp.config->dataplane, &dp.plan, error, sizeof(error)) != 0) {
		fprintf(stderr, "tandem-dataplane: %s\n", error);
		config_free(dp.config);
		return 1;
	}
	if (check) {
		printf("%s: correct\n", path);
		config_free(dp.config);
		return 0;
	}
	start_log(dp.config);
	status = startup(&dp);
	if (!status) {
		status = manager_run(&dp);
		startup_undo(&dp);
	}
	config_free(dp.config);
	return status ? 1 : 0;
}
