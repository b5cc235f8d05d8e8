/* SPDX-License-Identifier: BSD-3-Clause */
/* The run directory belongs to one dataplane at a time. */
#ifndef DATAPLANE_MAIN_RUN_DIR_H
#define DATAPLANE_MAIN_RUN_DIR_H

/*
 * Makes it and takes its lock. DPDK keeps its own run-time files in it from now on. Returns the
 * lock's descriptor, or -errno; -EWOULDBLOCK: another dataplane has it.
 */
int run_dir_take(const char *path);
/* Removes what is ours in it; the directory itself stays. */
void run_dir_release(const char *path, int lock);

#endif
