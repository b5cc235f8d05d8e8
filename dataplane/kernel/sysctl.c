/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sip/base/log.h"

#define VALUE_SIZE 32

static void path_of(char path[256], const char *family, const char *interface, const char *key)
{
	snprintf(path, 256, "/proc/sys/net/%s/conf/%s/%s", family, interface, key);
}

static int read_value(const char *path, char value[VALUE_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, value, VALUE_SIZE - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

static int write_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		error = -errno;
	close(fd);
	return error;
}

int sysctl_write(const char *family, const char *interface, const char *key, const char *value)
{
	char path[256];

	path_of(path, family, interface, key);
	return write_value(path, value);
}

/* Lines of the journal: "ipv4 eth0 rp_filter 2", the value as it was before. */
void sysctl_recover(const char *journal)
{
	FILE *f = fopen(journal, "re");
	char line[256], family[8], interface[16], key[64], value[VALUE_SIZE];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%7s %15s %63s %31s", family, interface, key, value) != 4 ||
		    strchr(interface, '/') || strchr(key, '/'))
			continue;
		/* The interface may be gone, and its settings with it. */
		if (sysctl_write(family, interface, key, value) == 0)
			LOG_DEBUG("port", 0, "%s: %s %s is %s again", interface, family, key, value);
	}
	fclose(f);
	unlink(journal);
}

int sysctl_change(const char *journal, const char *family, const char *interface, const char *key,
		  const char *value)
{
	char path[256], before[VALUE_SIZE];
	FILE *f;
	int error;

	path_of(path, family, interface, key);
	error = read_value(path, before);
	if (error || strcmp(before, value) == 0)
		return error;
	f = fopen(journal, "ae");
	if (!f)
		return -errno;
	fprintf(f, "%s %s %s %s\n", family, interface, key, before);
	if (fclose(f) != 0)
		return -errno;
	return write_value(path, value);
}
