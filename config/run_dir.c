/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

int run_dir_take(const char *path, const char *name)
{
	char file[300];
	int lock, error = make_directory(path);

	if (error)
		return error;
	snprintf(file, sizeof(file), "%s/%s.lock", path, name);
	lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (lock < 0)
		return -errno;
	error = take_lock(lock);
	if (error) {
		close(lock);
		return error;
	}
	return lock;
}

void run_dir_release(const char *path, const char *name, int lock)
{
	char file[300];

	snprintf(file, sizeof(file), "%s/%s.lock", path, name);
	unlink(file);
	close(lock);
}
