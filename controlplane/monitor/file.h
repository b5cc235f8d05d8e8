/* SPDX-License-Identifier: BSD-3-Clause */
/* All messages in a file, monitor.sip_pcap. When it is full it becomes FILE.1, and a new one
 * begins: there are never more than two. */
#ifndef CONTROLPLANE_MONITOR_FILE_H
#define CONTROLPLANE_MONITOR_FILE_H

#include "sip/trace/record.h"

struct trace_file;
/* path: must outlive it. 0 or -errno */
int trace_file_open(const char *path, uint64_t bytes_max, struct trace_file **file);
void trace_file_close(struct trace_file *file);
/* After an error nothing is written until it could be opened anew. */
int trace_file_write(struct trace_file *file, const struct trace_record *record, const char *data);
void trace_file_flush(struct trace_file *file);

#endif
