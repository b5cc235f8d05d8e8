/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes all that struct dataplane holds, from its config and plan, and takes it down again. */
#ifndef DATAPLANE_MAIN_STARTUP_H
#define DATAPLANE_MAIN_STARTUP_H

#include "dataplane/main/dataplane.h"

/* 0, or -errno with everything undone; logs why. */
int startup(struct dataplane *dp);
/* dp->left: what a thread uses that hangs is still there. */
void startup_undo(struct dataplane *dp);

#endif
