/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem-controlplane: the command line. process.h says what follows. */
#include <pthread.h>
#include <signal.h>

#include "config/program.h"
#include "controlplane/main/process.h"
#include "sip/base/log_writer.h"

static int run(struct config *config)
{
	static struct process process;

	sigset_t all, before;
	int error;

	signal(SIGPIPE, SIG_IGN);
	/* Signals are for the main thread. Without the writer, lines are written by who logs. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	log_writer_start();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	error = process_run(&process, config);
	log_writer_stop();
	return error ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "tandem-controlplane",
		.notes = "SIGTERM ends the calls, writes their records, and ends; a second one "
			 "ends at once. SIGHUP reads the certificates again.\n"
			 "Environment: TANDEM_RUN_DIR and TANDEM_STATE_DIR override run_dir and "
			 "state_dir of\nthe configuration.\n",
		.run = run,
	};

	return program_main(&program, argc, argv);
}
