/* SPDX-License-Identifier: BSD-3-Clause */
/* A kernel interface as it is seen without a driver: its flags and its carrier. Any thread. */
#ifndef DATAPLANE_KERNEL_INTERFACE_H
#define DATAPLANE_KERNEL_INTERFACE_H

#include <stdbool.h>

/* IFF_* of <net/if.h>. 0 or -errno. */
int interface_get_flags(const char *name, short *flags);
int interface_set_flags(const char *name, short flags);
/* It is up, and so is its link. */
bool interface_has_carrier(const char *name);

#endif
