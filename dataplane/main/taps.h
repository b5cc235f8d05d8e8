/* SPDX-License-Identifier: BSD-3-Clause */
/* A TAP for each port, with its addresses, and the netlink sockets that hear of them. Start-up. */
#ifndef DATAPLANE_MAIN_TAPS_H
#define DATAPLANE_MAIN_TAPS_H

#include "dataplane/main/dataplane.h"

/* 0 or -errno; logs why. Ports and segment are there, flows are not yet. */
int taps_up(struct dataplane *dp);
void taps_down(struct dataplane *dp);

#endif
