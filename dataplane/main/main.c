/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem-dataplane: the command line, then start-up, the manager, and start-up undone. */
#include <unistd.h>

#include "config/program.h"
#include "dataplane/main/dataplane.h"
#include "dataplane/main/startup.h"

static struct dataplane dp;

/* Which cores and how much memory: what only this machine can say of the configuration. */
static int plan(const struct config *config, char error[CONFIG_ERROR_TEXT])
{
	return eal_plan(&config->dataplane, &dp.plan, error, CONFIG_ERROR_TEXT);
}

static int run(struct config *config)
{
	int status;

	dp.config = config;
	status = startup(&dp);
	if (!status) {
		status = manager_run(&dp);
		startup_undo(&dp);
	}
	if (dp.left)
		_exit(status ? 1
			     : 0); /* nothing that a library does at the end may meet the thread */
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tandem-dataplane",
		.notes = "Environment: TANDEM_RUN_DIR overrides run_dir of the configuration.\n",
		.check = plan,
		.run = run,
	};

	return program_main(&program, argc, argv);
}
