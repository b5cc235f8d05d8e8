/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a configuration: an error of one line that names the file, or a configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "sip/base/tests/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;
	char path[64], error[CONFIG_ERROR_TEXT];
	struct config *config;

	if (file < 0)
		file = memfd_create("config", 0);
	if (ftruncate(file, 0) < 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (config_load(path, &config, error) == 0)
		config_free(config);
	else if (strncmp(error, path, strlen(path)) != 0 || strchr(error, '\n'))
		abort();
	return 0;
}
