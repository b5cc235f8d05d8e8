/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem-controlplane: the command line. process.h says what follows. */
#include <signal.h>

#include "config/program.h"
#include "controlplane/main/process.h"

static int run(struct config *config)
{
	static struct process process;

	signal(SIGPIPE, SIG_IGN);
	return process_run(&process, config) ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tandem-controlplane",
		.notes = "SIGTERM ends the calls, writes their records, and ends; a second one "
			 "ends at once.\n"
			 "Environment: TANDEM_RUN_DIR and TANDEM_STATE_DIR override run_dir and "
			 "state_dir of\nthe configuration.\n",
		.run = run,
	};

	return program_main(&program, argc, argv);
}
