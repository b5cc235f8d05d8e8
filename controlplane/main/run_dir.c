/* SPDX-License-Identifier: BSD-3-Clause */
/* The run directory belongs to one control plane at a time: two would share the SIP sockets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/main/process.h"

#define LOCK_NAME "controlplane.lock"

static int make_directory(const char *path)
{
	char part[256];

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (const char *p = path; *p; p++) {
		if (p == path || *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

int run_dir_take(const char *path, int *lock)
{
	char name[300];
	int error = make_directory(path);

	if (error)
		return error;
	snprintf(name, sizeof(name), "%s/" LOCK_NAME, path);
	*lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (*lock < 0)
		return -errno;
	if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error = -errno;
	close(*lock);
	*lock = -1;
	return error;
}

void run_dir_release(const char *path, int lock)
{
	char name[300];

	snprintf(name, sizeof(name), "%s/" LOCK_NAME, path);
	unlink(name);
	close(lock);
}
