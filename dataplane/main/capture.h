/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that writes captures to their files. It takes what workers copied from their rings,
 * gives it a comment where a packet was dropped, and writes it; a pipe that nobody reads, or a file that
 * is full or broken, costs its own capture and nothing else. An ordinary file cannot be written
 * without waiting, so one whose file system hangs (NFS, FUSE) holds up all captures: they lose
 * packets meanwhile, and media does not notice.
 *
 * Manager thread, except capture_stop(), which any thread may call.
 */
#ifndef DATAPLANE_MAIN_CAPTURE_H
#define DATAPLANE_MAIN_CAPTURE_H

#include "dataplane/api/counters.h"
#include "dataplane/api/operator.h"

struct rte_ring;
struct capture_writer;

struct capture_writer_config {
	unsigned workers;
	struct rte_ring *const *copies; /* by worker; read from capture_start() on */
	unsigned ports;
	const char *port_names[DP_PORTS_MAX]; /* by index of the configuration */
	uint8_t port_index[DP_PORTS_MAX];     /* of it, by DPDK's id */
};

struct capture_limits {
	uint32_t packets; /* 0: none */
	uint64_t bytes;   /* 0: none */
};

/* Sleeps until there is a capture. 0 or -errno. */
int capture_writer_create(const struct capture_writer_config *config,
			  struct capture_writer **writer);
/* Waits for the files, at most some seconds. 0; -ETIMEDOUT: a file does not take what is written.
 * The thread is left then, so rings, copies and the writer must stay until the process ends. */
int capture_writer_destroy(struct capture_writer *writer);

/* place: 0..DP_CAPTURES_MAX - 1, one that never ran or has ended. fd is the writer's from now on,
 * in case of an error as well. 0; -ENOMEM. */
int capture_start(struct capture_writer *writer, unsigned place, uint32_t id, int fd,
		  const struct capture_limits *limits);
/* No copy of it comes any more: what is in the rings is written, then the file is closed. */
void capture_stop(struct capture_writer *writer, unsigned place);
/* packets, bytes, lost (for which the file was too slow), error and phase. */
void capture_read(const struct capture_writer *writer, unsigned place,
		  struct dp_capture_state *state);

/* May captures be written here? 0; -EBADF: it is not open for writing; -EINVAL: neither an ordinary
 * file nor a pipe. A pipe is set not to block. */
int capture_check_file(int fd);

#endif
