/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread that writes log lines for all others. Without it a line is written by who logs it.
 *
 * Lines come in the order in which they were logged, whichever threads logged them. An orderly end
 * of the process, exit() included, writes all of them; kill -9 and a crash can take those of the
 * last 10 ms. A thread may have 256 KiB waiting; what is beyond is lost, and how much is told.
 */
#ifndef SIP_BASE_LOG_WRITER_H
#define SIP_BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* By the main thread, with the signal mask that the writer shall have. 0 or -errno. */
int log_writer_start(void);
/* Writes what was handed over; lines are written by who logs them from now on. */
void log_writer_stop(void);

/* For log.c: hands a line over, or drops and counts it. False: nobody would write it. */
bool log_writer_put(const char *line, size_t size);
void log_writer_write(const char *bytes, size_t size);

#endif
