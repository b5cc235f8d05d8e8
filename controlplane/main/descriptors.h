/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection is a descriptor, and what the system allows by default is few. */
#ifndef CONTROLPLANE_MAIN_DESCRIPTORS_H
#define CONTROLPLANE_MAIN_DESCRIPTORS_H

#include "config/config.h"

/* What the configuration needs: its connections, sockets of all shards, and what else is open. */
uint64_t descriptors_needed(const struct config *config);
/* Raises the limit of the process to that, the hard one too where we may (CAP_SYS_RESOURCE; up to
 * fs.nr_open). Returns what is allowed now. */
uint64_t descriptors_raise(uint64_t needed);

#endif
