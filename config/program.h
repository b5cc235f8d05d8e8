/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line that the two processes have in common: options, configuration, log. */
#ifndef CONFIG_PROGRAM_H
#define CONFIG_PROGRAM_H

#include "config/config.h"

struct program {
	const char *name;  /* "tandem-dataplane"; what follows "tandem-" is its name in the log */
	const char *notes; /* end of --help, with a line feed */
	/* More checks of the configuration, made before anything is started; may be NULL. */
	int (*check)(const struct config *config, char error[CONFIG_ERROR_TEXT]);
	/* Runs it to its end. Exit status. */
	int (*run)(struct config *config);
};

/* Exit status: that of run; 1 for a wrong configuration; 2 for wrong options. */
int program_main(const struct program *program, int argc, char **argv);

#endif
