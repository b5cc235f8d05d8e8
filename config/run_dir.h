/* SPDX-License-Identifier: BSD-3-Clause */
/* The run directory: sockets, and a lock for each of the processes that may be there but once. */
#ifndef CONFIG_RUN_DIR_H
#define CONFIG_RUN_DIR_H

/*
 * Makes the directory and takes the lock NAME.lock in it. Returns the lock's descriptor, or
 * -errno; -EWOULDBLOCK: another process of that name has it, and still had it after 3 seconds (one
 * that was killed holds its lock until the kernel has taken all of it apart).
 */
int run_dir_take(const char *path, const char *name);
/* Removes the lock; the directory itself stays. */
void run_dir_release(const char *path, const char *name, int lock);

#endif
