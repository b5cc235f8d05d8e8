/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAME     "dataplane.lock"
#define LOCK_WAIT_MS  3000u
#define LOCK_PAUSE_MS 20u

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

/* A process that was killed holds its lock until the kernel has taken all of it apart. */
static int take_lock(int lock)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };

	for (unsigned waited = 0; flock(lock, LOCK_EX | LOCK_NB) != 0; waited += LOCK_PAUSE_MS) {
		if (errno != EWOULDBLOCK || waited >= LOCK_WAIT_MS)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int run_dir_take(const char *path)
{
	char name[300];
	int lock, error = make_directory(path);

	if (error)
		return error;
	snprintf(name, sizeof(name), "%s/" LOCK_NAME, path);
	lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (lock < 0)
		return -errno;
	error = take_lock(lock);
	if (error) {
		close(lock);
		return error;
	}
	/* Where DPDK looks first; else each process would leave a directory behind in /var/run. */
	setenv("RUNTIME_DIRECTORY", path, 1);
	return lock;
}

void run_dir_release(const char *path, int lock)
{
	static const char *const ours[] = { "dpdk/tandem", "dpdk", LOCK_NAME };
	char name[300];

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", path, ours[i]);
		remove(name);
	}
	close(lock);
}
